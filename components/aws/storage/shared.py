"""EFS: one file system that pods of all zones read and write, a directory for each claim: homes of notebooks, code, caches of weights."""

from typing import TYPE_CHECKING, Any, Literal

import pulumi

from components.aws.base import AwsComponent
from components.aws.cluster.eks import GpuCluster
from components.aws.documents.statements import document
from components.aws.documents.stores import mounts_by_tls
from components.aws.network.facts import NetworkFacts
from components.aws.storage.buckets import ObjectStorage
from components.aws.storage.classes import SHARED
from components.contracts import Context, StorageClass
from components.kubernetes.manifests import USER
from components.lazy import lazy
from components.spec import Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
    import pulumi_kubernetes as k8s
else:
    aws = lazy("pulumi_aws")
    k8s = lazy("pulumi_kubernetes")

PORT = 2049
"""TCP port of NFS, the only one. Source: EFS user guide, "Using VPC security groups"."""


class SharedFilesArgs(Spec):
    """An elastic file system in every zone; claims of the storage class `shared` get a directory each, which many nodes mount.

    A directory is /claims/<name of the claim's volume>.
    """

    throughput: Literal["elastic", "bursting"] = "elastic"
    """elastic follows what pods ask and is paid by use; bursting grows with what is stored."""
    cool_after: Literal["7d", "14d", "30d", "60d", "90d"] | None = None
    """Age since the last read at which files move to the infrequent-access class, from which a read brings them back; absent keeps them."""
    # Source: EFS user guide, "Backing up EFS file systems", and AWS managed policy reference,
    # AmazonElasticFileSystemServiceRolePolicy: plan, vault and service-linked role are EFS's own.
    backups: bool = True
    """Whether AWS Backup keeps a copy of every day: for 35 days, by the plan that EFS makes for all its file systems.

    With `recovery.drill` the drill's own plan takes the copies instead, and keeps them as long as `recovery.drill.keep`.
    """


class SharedFiles(AwsComponent):
    """The file system, its way in from nodes alone and by TLS alone, and the storage class, which the cluster offers from then on.

    `planned` is whether a backup plan of the stack copies it, so that EFS's own plan would copy it twice.
    """

    def __init__(
        self,
        name: str,
        args: SharedFilesArgs,
        *,
        protect: bool,
        network: NetworkFacts,
        cluster: GpuCluster,
        storage: ObjectStorage,
        planned: bool,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("SharedFiles", name, context, opts)
        self.args = args
        self.file_system = self._file_system(args, protect, storage)
        aws.efs.BackupPolicy(
            f"{name}-backups",
            file_system_id=self.file_system.id,
            backup_policy={"status": "ENABLED" if args.backups and not planned else "DISABLED"},
            opts=self.child(),
        )
        policy = aws.efs.FileSystemPolicy(
            f"{name}-policy", file_system_id=self.file_system.id, policy=document(*mounts_by_tls(self.file_system.arn)), opts=self.child()
        )
        made = self._class(cluster, (*self._targets(network, cluster), policy))
        cluster.storage_classes[SHARED] = StorageClass(SHARED, shared=True, ready=(made,))
        self.register_outputs({"file_system": self.file_system.id})

    def _file_system(self, args: SharedFilesArgs, protect: bool, storage: ObjectStorage) -> "aws.efs.FileSystem":
        cooling: list[Any] = []
        if args.cool_after:
            days = args.cool_after.removesuffix("d")
            cooling = [{"transition_to_ia": f"AFTER_{days}_DAYS"}, {"transition_to_primary_storage_class": "AFTER_1_ACCESS"}]
        return aws.efs.FileSystem(
            f"{self.prefix}-file-system",
            creation_token=self.context.naming.name(self.prefix, limit=64),
            encrypted=True,
            kms_key_id=storage.key_resource.arn,
            throughput_mode=args.throughput,
            lifecycle_policies=cooling,
            tags=self.tags(self.prefix),
            opts=self.child(protect=protect),
        )

    def _targets(self, network: NetworkFacts, cluster: GpuCluster) -> list[pulumi.Resource]:
        """A way in from every zone, for nodes alone: none other can connect, and nothing goes out."""
        group = self.make_security_group("access", "NFS, from nodes", network.vpc.id, called=self.prefix)
        way_in = aws.vpc.SecurityGroupIngressRule(
            f"{self.prefix}-from-nodes",
            security_group_id=group.id,
            referenced_security_group_id=cluster.security_group,
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            description="NFS, from nodes",
            tags=self.tags(),
            opts=self.child(),
        )
        targets: list[pulumi.Resource] = [
            aws.efs.MountTarget(
                f"{self.prefix}-{zone}",
                file_system_id=self.file_system.id,
                subnet_id=subnet.id,
                security_groups=[group.id],
                opts=self.child(),
            )
            for zone, subnet in network.private.items()
        ]
        return [way_in, *targets]

    def _class(self, cluster: GpuCluster, after: tuple[pulumi.Resource, ...]) -> pulumi.Resource:
        """An access point for each claim: its own directory, and one user whoever mounts it, the one that the platform's pods run as.

        The directory is called as the claim's volume, pvc-<uid>: names of namespace and claim would be too long for an
        access point, whose path has at most 100 characters. A claim that goes takes its access point along and leaves its
        files. Sources: EFS API reference, RootDirectory; kubernetes-sigs/aws-efs-csi-driver#1187.
        """
        parameters: dict[str, pulumi.Input[str]] = {
            "provisioningMode": "efs-ap",
            "fileSystemId": self.file_system.id,
            "basePath": "/claims",
            "subPathPattern": "${.PV.name}",
            "ensureUniqueDirectory": "false",
            "directoryPerms": "700",
            "uid": str(USER),
            "gid": str(USER),
        }
        return k8s.storage.v1.StorageClass(
            f"{self.prefix}-class",
            metadata={"name": SHARED, "labels": self.context.labels.kubernetes(self.prefix, "storage-class")},
            provisioner="efs.csi.aws.com",
            parameters=parameters,
            mount_options=["tls"],
            reclaim_policy="Delete",
            volume_binding_mode="Immediate",
            opts=pulumi.ResourceOptions(parent=self, provider=cluster.kubernetes, depends_on=[*after, *cluster.settled]),
        )
