"""A Kubernetes cluster that someone else runs: what a stack file may say about it, and the contract it keeps."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import pulumi
from pydantic import Field, StringConstraints

from components.contracts import AcceleratorPool, Binding, Context, Grant, LoadBalancer, StorageClass, Taint
from components.kubernetes.credentials import bring
from components.kubernetes.serving.coldstart import PullSpeed
from components.kubernetes.vocabulary import LabelKey, LabelValue
from components.onprem.storage import ExistingBucket
from components.spec import Many, Name, Size, Spec

FilePath = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\n{]+$")]
"""A path, never the file's content."""
ContextName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TaintArgs(Spec):
    """A taint of a pool's nodes, which serving pods tolerate."""

    key: LabelKey
    """The taint's key, such as nvidia.com/gpu."""
    value: LabelValue = ""
    """The taint's value; empty tolerates any."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
    """What the taint keeps off."""


class ExistingPoolArgs(Spec):
    """Equal GPU nodes of the cluster."""

    labels: Annotated[dict[LabelKey, LabelValue], Field(min_length=1)]
    """Labels that all these nodes carry and no others do, such as nvidia.com/gpu.product."""
    taints: Many[TaintArgs] = ()
    """Taints of the nodes."""
    gpu_resource: Annotated[str, StringConstraints(max_length=317, pattern=r"^[a-z0-9.\-]{1,253}/[a-z0-9.\-]{1,63}$")] = "nvidia.com/gpu"
    """The extended resource that counts one GPU or GPU slice."""
    gpus_per_node: Annotated[int, Field(ge=1, le=64)]
    """GPUs on one node. What an endpoint asks for is checked against it."""
    gpu_memory: Size
    """Memory of one GPU. A model's weights are checked against it."""
    nodes: Annotated[int, Field(ge=1, le=10_000)]
    """Number of nodes. The sum of what endpoints may grow to is checked against it."""
    pull_speed: PullSpeed | None = None
    """How much of a container image a node fetches and unpacks in a second, as measured, such as 120MiB; cold starts are reckoned with it.
    Absent is what is known of nodes elsewhere, 24 MB."""


class ExistingClusterArgs(Spec):
    """A Kubernetes cluster, 1.31 or newer, that someone else runs; its nodes can pull the images that the stack file names."""

    kubeconfig: FilePath
    """Path of the kubeconfig on the machine that runs Pulumi; never its content. Prefer one that holds an exec plugin, not a token."""
    context: ContextName
    """Context of the kubeconfig to use; named, so that the file's current context never decides."""
    zonal: bool = False
    """Whether nodes carry topology.kubernetes.io/zone with more than one value; replicas are then spread over zones."""
    pools: dict[Name, ExistingPoolArgs] = Field(default_factory=dict)
    """GPU pools by name."""


def accelerator_pool(name: str, args: ExistingPoolArgs) -> AcceleratorPool:
    """The pool as workloads know it."""
    return AcceleratorPool(
        name=name,
        machine=name,
        accelerator=args.labels.get("nvidia.com/gpu.product", name),
        resource=args.gpu_resource,
        per_node=args.gpus_per_node,
        memory_mib=args.gpu_memory.value // 2**20,
        node_labels=dict(args.labels),
        taints=tuple(Taint(taint.key, taint.value, taint.effect) for taint in args.taints),
        max_nodes=args.nodes,
        capacity=("owned",),
    )


class ExistingCluster(pulumi.ComponentResource):
    """A cluster that is there (contract: Cluster): a provider for it, and nothing else."""

    kubernetes: pulumi.ProviderResource
    pools: Mapping[str, AcceleratorPool]
    settled: Sequence[pulumi.Resource]
    ready: Sequence[pulumi.Resource]
    zonal: bool
    dataplane_egress: Sequence[tuple[str, int]]
    storage_classes: Mapping[str, StorageClass]
    storage_egress: Sequence[tuple[str, int]]

    def __init__(
        self,
        name: str,
        args: ExistingClusterArgs,
        *,
        site: str,
        storage: Sequence[tuple[str, int]],
        databases: Sequence[tuple[str, int]],
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`site` names the data centre; `storage` and `databases` hold the (CIDR, TCP port) pairs of its object store and database."""
        import pulumi_kubernetes as k8s

        super().__init__("groundwork:onprem:ExistingCluster", name, {}, opts)
        self._context = context
        self.kubernetes = k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=args.kubeconfig,
            context=args.context,
            cluster_identifier=f"{site}/{args.context}",  # else another path to the same cluster would replace every object in it
            enable_server_side_apply=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.storage_classes = {}
        self.pools = {pool: accelerator_pool(pool, facts) for pool, facts in args.pools.items()}
        self.settled = self.ready = ()
        self.zonal = args.zonal
        self.dataplane_egress = (*storage, *databases)
        self.storage_egress = tuple(storage)
        self.register_outputs({"pools": sorted(self.pools)})

    def admit(self, name: str, group: str, principals: Sequence[str], parent: pulumi.Resource) -> None:
        """Nothing: who is in a group is the business of who runs the cluster. Raises ValueError for principals."""
        if principals:
            raise ValueError(f"{group}: who is in a group of this cluster is decided by who runs it")

    def load_balancer(self, *, public: bool) -> LoadBalancer:
        """Whatever serves load balancers there; which networks it joins is the site's own business."""
        return LoadBalancer()

    def bind_identity(
        self, name: str, namespace: pulumi.Input[str], service_account: str, grants: Sequence[Grant], parent: pulumi.Resource
    ) -> Binding:
        """Put the granted store's credentials into the namespace. What they allow is the store administrator's business.

        Raises ValueError when the grants are not all of one given bucket: a pod carries one pair of S3 credentials.
        """
        stores = {grant.store for grant in grants}
        bucket = stores.pop() if stores else None
        if stores or not isinstance(bucket, ExistingBucket):
            raise ValueError(f"{service_account}: an on-premises identity is granted exactly one given bucket")
        secret = f"{name}-store"
        metadata = {"name": secret, "namespace": namespace, "labels": self._context.labels.kubernetes(name, "credentials")}
        username, password, made = bring(secret, bucket.args.credentials, metadata, parent)
        return Binding(environment={"AWS_ACCESS_KEY_ID": username, "AWS_SECRET_ACCESS_KEY": password}, depends_on=made)
