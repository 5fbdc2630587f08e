"""An EKS cluster that another stack of ours made, as what is served on it knows it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.cluster.bound import EksComponent
from components.aws.cluster.control_plane import Reached, kubeconfig
from components.aws.network.facts import Whereabouts
from components.contracts import AcceleratorPool, Context, StorageClass
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s
else:
    k8s = lazy("pulumi_kubernetes")


class AttachedEks(EksComponent):
    """A provider for the cluster, and roles for service accounts in it; satisfies components.contracts.Cluster.

    Nodes, pools and operators are there already: there is nothing to wait for.
    """

    settled: Sequence[pulumi.Resource] = ()
    ready: Sequence[pulumi.Resource] = ()

    def __init__(
        self,
        name: str,
        cluster_name: str,
        reached: Reached,
        *,
        pools: Mapping[str, AcceleratorPool],
        storage_classes: Mapping[str, StorageClass],
        network: Whereabouts,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("AttachedCluster", name, cluster_name=cluster_name, network=network, context=context, opts=opts)
        self.pools = pools
        self.storage_classes = storage_classes
        self.kubernetes: pulumi.ProviderResource = k8s.Provider(
            f"{name}-kubernetes",
            cluster_identifier=f"arn:aws:eks:{self.region}:{self.account}:cluster/{cluster_name}",
            kubeconfig=kubeconfig(cluster_name, self.region, reached),
            opts=self.child(),
        )
        self.register_outputs({"pools": sorted(pools)})
