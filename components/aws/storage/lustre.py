"""FSx for Lustre: scratch space for training, as fast as it is paid for, in one zone, filled from and drained to buckets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pulumi
from pydantic import AfterValidator, Field

from components.aws.base import AwsComponent
from components.aws.cluster.eks import GpuCluster
from components.aws.network.facts import NetworkFacts
from components.aws.storage.buckets import ObjectStorage, Purpose
from components.aws.storage.retention import RESTORED_BEFORE_READ
from components.aws.values import Days, Zone
from components.contracts import Context, SharedVolume
from components.kubernetes.volumes import Source, persistent_volume
from components.lazy import lazy
from components.spec import Many, Name, Problem, Quantity, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
    import pulumi_kubernetes as k8s
else:
    aws = lazy("pulumi_aws")
    k8s = lazy("pulumi_kubernetes")

STEP_GIB = 2400
LEAST_GIB = 1200
FABRIC_STEPS_GIB: Mapping[int, int] = {125: 38_400, 250: 19_200, 500: 9_600, 1000: 4_800}
"""Steps of a file system with EFA, by throughput. Source: FSx for Lustre user guide, "Increasing storage capacity", 2026-11-26."""
PORTS = ((988, 988), (1018, 1023))
"""TCP ports of Lustre. Source: FSx for Lustre user guide, "File system access control with Amazon VPC"."""
CHANGES = ("NEW", "CHANGED", "DELETED")


class LustreSize(Quantity):
    """A size as FSx counts: its 1.2TiB are the 1200 GiB that its API takes. `value` is in GiB."""

    UNITS = {"GiB": 1, "TiB": 1_000}
    EXAMPLE = "4.8TiB"


def _stepped(size: LustreSize) -> LustreSize:
    """Source: FSx API reference, CreateFileSystem, StorageCapacity (botocore 1.43)."""
    if size.value != LEAST_GIB and (size.value % STEP_GIB or not size.value):
        raise ValueError('must be 1.2TiB, 2.4TiB or a multiple of 2.4TiB, such as "4.8TiB"')
    return size


def _kept(value: Days) -> Days:
    if value.days > 90:
        raise ValueError("must be at most 90d, the most FSx keeps")
    return value


class LinkArgs(Spec):
    """A directory of the file system that is one with a bucket; it is called like the bucket's purpose."""

    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]+/)*$")] = ""
    """Key prefix in the bucket, ending in a slash; "" is all of it."""
    imports: bool = True
    """Whether what changes in the bucket appears in the directory."""
    exports: bool = False
    """Whether what changes in the directory is written to the bucket."""

    @rule("imports", "exports")
    def _some_way(self) -> Iterator[Problem]:
        if not self.imports and not self.exports:
            yield Problem(("exports",), "links nothing, since imports is false too: let one of them be true, or remove the link")


class LustreArgs(Spec):
    """A persistent SSD file system (PERSISTENT_2) in one zone."""

    size: Annotated[LustreSize, AfterValidator(_stepped)]
    """Capacity: 1.2TiB, 2.4TiB, or a multiple of 2.4TiB. It can grow but not shrink."""
    zone: Zone
    """Zone of the file system, which must be the only one of each pool that uses it: elsewhere each read would cross zones."""
    pools: Annotated[Many[Name], Field(min_length=1)]
    """GPU pools whose pods mount it."""
    namespaces: Annotated[Many[Name], Field(min_length=1)]
    """Namespaces whose pods may mount it; each gets a volume kept for its claim `scratch`."""
    throughput: Literal[125, 250, 500, 1000] = 250
    """Throughput in MB/s for each TiB."""
    compression: bool = True
    """Whether files are compressed (LZ4)."""
    metadata_iops: Literal[1500, 3000, 6000, 12000, 24000, 48000, 96000, 192000] | None = None
    """Metadata operations per second to provision; absent follows the size."""
    fabric: Literal["tcp", "efa"] = "tcp"
    """Whether nodes with EFA reach it over EFA and GPUDirect Storage; others still mount it over TCP."""
    backups: Annotated[Days, AfterValidator(_kept)] | None = None
    """How long daily backups are kept; only of a file system without links, whose data is nowhere else."""
    links: dict[Literal["raw", "datasets", "features", "models", "checkpoints"], LinkArgs] = {}
    """Directories that are one with a bucket, by the bucket's purpose."""

    @rule("backups", "links")
    def _backed_up_or_linked(self) -> Iterator[Problem]:
        """Source: FSx API reference, CreateBackup (botocore 1.43)."""
        if self.backups and self.links:
            yield Problem(("backups",), "cannot be had with links, FSx backs up no linked file system: remove backups, or links")

    @rule("size", "throughput", "fabric")
    def _fabric_steps(self) -> Iterator[Problem]:
        step = FABRIC_STEPS_GIB[self.throughput]
        if self.fabric == "efa" and self.size.value % step:
            text = f"is {self.size}, and with EFA at {self.throughput} MB/s it comes in steps of {step / 1000:g}TiB: take such a size"
            yield Problem(("size",), f"{text}, or more throughput")


class LustreFileSystem(AwsComponent):
    """The file system with its security group, its links to buckets, and a volume for each namespace."""

    def __init__(
        self,
        name: str,
        args: LustreArgs,
        *,
        protect: bool,
        network: NetworkFacts,
        cluster: GpuCluster,
        storage: ObjectStorage,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("LustreFileSystem", name, context, opts)
        self.args = args
        self.protect = protect
        self.group = self.make_security_group("access", "Lustre, between file servers and nodes", network.vpc.id, called=name)
        itself = self._peer("itself", self.group.id, self.group.id)
        nodes = self._peer("nodes", self.group.id, cluster.security_group)
        self._peer("scratch", cluster.security_group, self.group.id)
        self.file_system = self._file_system(network, storage, itself)
        self._links(storage)
        names = {namespace: context.naming.name(f"{name}-{namespace}") for namespace in args.namespaces}
        self.volume = SharedVolume(name, names, f"{args.size.value}Gi", "ReadWriteMany", (args.zone,))
        self._volumes(cluster, nodes)
        self.register_outputs({"file_system": self.file_system.id})

    def _peer(self, peer: str, group: pulumi.Input[str], other: pulumi.Input[str]) -> list[pulumi.Resource]:
        """Let a security group and another talk Lustre, both ways; with EFA everything, which EFA needs named by group both ways."""
        over: list[tuple[str, Any]] = [(f"{first}", {"ip_protocol": "tcp", "from_port": first, "to_port": last}) for first, last in PORTS]
        if self.args.fabric == "efa":
            over = [("efa", {"ip_protocol": "-1"})]
        made: list[pulumi.Resource] = []
        for what, ports in over:
            rules = {"ingress": aws.vpc.SecurityGroupIngressRule, "egress": aws.vpc.SecurityGroupEgressRule}
            for way, kind in rules.items():
                made.append(
                    kind(
                        f"{self.prefix}-{peer}-{what}-{way}",
                        security_group_id=group,
                        referenced_security_group_id=other,
                        description=f"Lustre, {way} {peer}",
                        tags=self.tags(),
                        opts=self.child(),
                        **ports,
                    )
                )
        return made

    def _file_system(self, network: NetworkFacts, storage: ObjectStorage, after: Sequence[pulumi.Resource]) -> "aws.fsx.LustreFileSystem":
        args = self.args
        provisioned: Any = {"mode": "USER_PROVISIONED", "iops": args.metadata_iops} if args.metadata_iops else {"mode": "AUTOMATIC"}
        return aws.fsx.LustreFileSystem(
            f"{self.prefix}-file-system",
            deployment_type="PERSISTENT_2",
            storage_type="SSD",
            storage_capacity=args.size.value,
            per_unit_storage_throughput=args.throughput,
            data_compression_type="LZ4" if args.compression else "NONE",
            metadata_configuration=provisioned,
            efa_enabled=True if args.fabric == "efa" else None,
            subnet_ids=network.private[args.zone].id,
            security_group_ids=[self.group.id],
            kms_key_id=storage.key_resource.arn,
            automatic_backup_retention_days=args.backups.days if args.backups else 0,
            copy_tags_to_backups=True if args.backups else None,
            skip_final_backup=not (self.protect and args.backups),
            tags=self.tags(self.prefix),
            # FSx refuses a group that does not let its own servers talk.
            opts=self.child(*after, protect=self.protect),
        )

    def _links(self, storage: ObjectStorage) -> None:
        before: list[pulumi.Resource] = []
        for purpose, link in self.args.links.items():
            ways: Any = {"auto_import_policy": {"events": list(CHANGES)}} if link.imports else {}
            ways |= {"auto_export_policy": {"events": list(CHANGES)}} if link.exports else {}
            made = aws.fsx.DataRepositoryAssociation(
                f"{self.prefix}-{purpose}",
                file_system_id=self.file_system.id,
                file_system_path=f"/{purpose}",
                data_repository_path=pulumi.Output.concat(storage.buckets[purpose].uri, f"/{link.prefix}" if link.prefix else ""),
                batch_import_meta_data_on_create=link.imports,
                delete_data_in_filesystem=False,
                s3=ways,
                tags=self.tags(purpose),
                opts=self.child(*before),
            )
            # FSx works on one request for a file system at a time.
            before = [made]

    def _volumes(self, cluster: GpuCluster, after: Sequence[pulumi.Resource]) -> None:
        attributes = {"dnsname": self.file_system.dns_name, "mountname": self.file_system.mount_name}
        source = Source("fsx.csi.aws.com", self.file_system.id, attributes, ("flock",))
        labels = self.context.labels.kubernetes(self.prefix, "volume")
        for namespace, name in self.volume.names.items():
            manifest = persistent_volume(self.volume, source, namespace=namespace, name=name, labels=labels)
            opts = pulumi.ResourceOptions(parent=self, provider=cluster.kubernetes, depends_on=list(after))
            k8s.core.v1.PersistentVolume(f"{self.prefix}-{namespace}", opts=opts, **manifest)


def unreadable(purpose: Purpose, storage: Any) -> str | None:
    """The class that keeps a linked bucket's objects from being read, if any."""
    args = storage.made.get(purpose)
    return next((tier for tier in RESTORED_BEFORE_READ if args and tier in args.tiers), None)
