"""Arguments of an EKS cluster."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.pools import GpuPoolArgs, SystemPoolArgs
from components.aws.cluster import access_args, auto_rules, version_rules
from components.aws.cluster.access_args import PrivateAccessArgs, TeamAccessArgs
from components.aws.cluster.addons import AddonName
from components.aws.values import KubernetesMinor, LogRetention, RoleArn, SourceCidr
from components.spec import Duration, Many, Name, Problem, Spec, rule

CONTROLLERS = 2
"""Of Karpenter, on nodes of their own: one leads, one waits."""
AddonVersion = Annotated[str, Field(pattern=r"^v[0-9]+\.[0-9]+\.[0-9]+-eksbuild\.[0-9]+$")]
"""A version of an EKS add-on, such as v1.12.1-eksbuild.2."""


class ClusterAutoscalerArgs(Spec):
    """Managed node groups, one for each way of buying a pool's nodes, which the cluster autoscaler grows and shrinks."""

    kind: Literal["cluster-autoscaler"]
    """Who adds and removes nodes."""


class KarpenterArgs(Spec):
    """Karpenter, run in the cluster: it starts nodes for pods that wait. The system pool, on which it runs, stays a managed group."""

    kind: Literal["karpenter"]
    """Who adds and removes nodes."""
    node_repair: bool = True
    """Whether nodes that the monitoring agent finds broken are replaced, up to a fifth of a pool at once and with no time for their pods
    to end; the gate is alpha in Karpenter 1.14."""


class AutoModeArgs(Spec):
    """EKS Auto Mode: EKS starts, patches and ends nodes, and runs networking, DNS, block storage, drivers and device plugins on them."""

    kind: Literal["auto-mode"]
    """Who adds and removes nodes."""


AutoscalerArgs = Annotated[ClusterAutoscalerArgs | KarpenterArgs | AutoModeArgs, Field(discriminator="kind")]
"""Who adds and removes nodes."""


class ClusterArgs(Spec):
    """An EKS cluster: control plane, add-ons, node pools."""

    # EKS offers a version for 14 months, then for 12 more at a higher price: the oldest here until
    # 2027-07-29. Source: EKS user guide, "Understand the Kubernetes version lifecycle on EKS";
    # the day by endoflife.date/amazon-eks.
    version: Literal["1.33", "1.34", "1.35"]
    """Kubernetes version of the control plane and the nodes, quoted."""
    upgrade_from: KubernetesMinor | None = None
    """The version that runs now, while it is changed: EKS goes up one minor at a time and never back,
    and `addons` must hold the versions that add-ons go to. Absent judges no step."""
    administrators: Annotated[Many[RoleArn], Field(min_length=1)]
    """IAM roles that administer the cluster; the role that deploys, which is of the site's account, must be one of them."""
    viewers: Many[RoleArn] = ()
    """IAM roles that see everything in the cluster but secrets."""
    teams: dict[Name, TeamAccessArgs] = {}
    """IAM roles that work in some namespaces, by team."""
    public_access: Many[SourceCidr] = ()
    """Address ranges that may reach the API server from outside the VPC; empty leaves it private."""
    private_access: PrivateAccessArgs = PrivateAccessArgs()
    """Who reaches the API server by its private address: where the stack is deployed from, and people. Pods and nodes always do."""
    log_retention: LogRetention = Duration("365d")
    """How long control-plane logs are kept."""
    protect: bool = True
    """Whether the cluster and its key refuse deletion."""
    addons: dict[AddonName, AddonVersion] = {}
    """Versions of EKS add-ons. One that is absent is made at the default of the cluster's version and
    stays there: nothing updates it, not even an upgrade of the cluster. So with `upgrade_from` every
    add-on of the cluster needs a version; `groundwork lookup --write` fills in the defaults of EKS."""
    image_release: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+-[0-9a-f]{8}$")] | None = None
    """Bottlerocket release to hold on every pool, such as 1.50.0-1a2b3c4d; absent takes the newest when a pool is made."""
    autoscaler: AutoscalerArgs = ClusterAutoscalerArgs(kind="cluster-autoscaler")
    """Who adds and removes nodes."""
    system: SystemPoolArgs
    """Nodes for the platform's own services."""
    pools: dict[Name, GpuPoolArgs]
    """GPU pools by name."""
    cpu_pools: dict[Name, CpuPoolArgs] = {}
    """CPU pools by name, for preprocessing, batch jobs and pipelines. Pods ask for one with the node
    selector groundwork.dev/pool: <pool>, and tolerate its taint of the same key."""

    @rule("pools", "cpu_pools")
    def _pools_named_once(self) -> Iterator[Problem]:
        for name in self.cpu_pools:
            if name in self.pools or name == "system":
                whose = "a GPU pool" if name in self.pools else "the system pool"
                text = f"is the name of {whose} too, and pods could not tell them apart: rename it"
                yield Problem(("cpu_pools", name), text)

    @rule("autoscaler", "cpu_pools")
    def _auto_mode_can_each_cpu_pool(self) -> Iterator[Problem]:
        for name, pool in self.cpu_pools.items() if isinstance(self.autoscaler, AutoModeArgs) else ():
            yield from (Problem(("cpu_pools", name, *path), text) for path, text in auto_rules.of_cpu_pool(pool))

    @rule("administrators", "viewers", "teams")
    def _one_entry_each(self) -> Iterator[Problem]:
        yield from access_args.problems(self.administrators, self.viewers, self.teams)

    @rule("version", "upgrade_from")
    def _upgraded_in_steps(self) -> Iterator[Problem]:
        yield from version_rules.of_upgrade(self.upgrade_from, self.version)

    @rule("version", "autoscaler", "pools")
    def _nodes_join(self) -> Iterator[Problem]:
        yield from version_rules.of_nodes(self.pools, self.version, auto_mode=isinstance(self.autoscaler, AutoModeArgs))

    @rule("version", "addons")
    def _proxy_serves(self) -> Iterator[Problem]:
        yield from version_rules.of_proxy(self.addons.get("kube-proxy", ""), self.version)

    @rule("version", "image_release", "pools")
    def _drivers_know_cuda(self) -> Iterator[Problem]:
        yield from version_rules.of_cuda(self.pools, self.version, self.image_release)

    @rule("autoscaler", "addons", "image_release", "system")
    def _auto_mode_can(self) -> Iterator[Problem]:
        if isinstance(self.autoscaler, AutoModeArgs):
            yield from auto_rules.of_cluster(self.addons, self.image_release, self.system)

    @rule("autoscaler", "pools")
    def _auto_mode_can_each(self) -> Iterator[Problem]:
        for name, pool in self.pools.items() if isinstance(self.autoscaler, AutoModeArgs) else ():
            yield from (Problem(("pools", name, *path), text) for path, text in auto_rules.of_pool(pool))

    @rule("autoscaler", "system")
    def _room_for_karpenter(self) -> Iterator[Problem]:
        if isinstance(self.autoscaler, KarpenterArgs) and self.system.min < CONTROLLERS:
            wanted = f"each of Karpenter's {CONTROLLERS} controllers takes a node of its own"
            text = f"is {self.system.min}, and {wanted}: set it to {CONTROLLERS} or more"
            yield Problem(("system", "min"), text)
