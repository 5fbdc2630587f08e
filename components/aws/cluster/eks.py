"""An EKS cluster with GPU pools: private, logged, encrypted, with one identity per workload."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.capacity.auto_pools import SYSTEM, AutoPools
from components.aws.capacity.gpu_operator import gpu_operator
from components.aws.capacity.groups import Ground
from components.aws.capacity.karpenter_args import KarpenterPoolArgs
from components.aws.capacity.launching import Launching
from components.aws.capacity.node_plan import accelerator_pool, plan_cpu_pool, plan_pool, plan_system
from components.aws.capacity.placement import FabricGroups
from components.aws.capacity.plugins import plugins
from components.aws.capacity.pool_set import Evictions, PoolSet, node_role
from components.aws.cluster import autoscaler, karpenter
from components.aws.cluster.access import Access
from components.aws.cluster.addon_maker import AddonMaker
from components.aws.cluster.addons import AddonName, Feature, wanted
from components.aws.cluster.args import ClusterArgs, KarpenterArgs
from components.aws.cluster.auto_mode import AutoMode
from components.aws.cluster.bound import EksComponent
from components.aws.cluster.control_plane import ControlPlane, Reached, cluster_name, kubeconfig
from components.aws.cluster.load_balancers import by_auto_mode, by_cloud_provider
from components.aws.documents.statements import Statement
from components.aws.network.facts import NetworkFacts
from components.contracts import Context, LoadBalancer, StorageClass
from components.kubernetes.addons.charts import Chart, MirrorArgs, release
from components.kubernetes.addons.operators import EXTERNAL_SECRETS
from components.kubernetes.addons.table import table
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
    import pulumi_kubernetes as k8s
else:
    aws = lazy("pulumi_aws")
    k8s = lazy("pulumi_kubernetes")

Made = tuple[tuple[pulumi.Resource, ...], tuple[pulumi.Resource, ...]]
"""What pods of any kind need to run, and what makes nodes of the accelerator pools."""


class GpuCluster(EksComponent):
    """An EKS cluster in a network's private subnets; satisfies components.contracts.Cluster.

    `features` are what the rest of the platform asks of it; `grants` what add-ons may do with what the platform made before it;
    `mirror` is where charts come from.
    `node_roles` are the roles that nodes pull images with.
    `secret_reader` is the identity of External Secrets, made before its pods start; who owns a secret grants it the right to read.
    """

    def __init__(
        self,
        name: str,
        args: ClusterArgs,
        *,
        network: NetworkFacts,
        context: Context,
        features: Collection[Feature] = (),
        grants: Mapping[AddonName, Sequence[Statement]] | None = None,
        mirror: MirrorArgs | None = None,
        evictions: Evictions | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("GpuCluster", name, cluster_name=cluster_name(context), network=network, context=context, opts=opts)
        self.args = args
        self.network = network
        self.mirror = mirror
        self.plane = ControlPlane(self, args, network)
        self.cluster_key, self.cluster = self.plane.key, self.plane.cluster
        self.reached = Reached(self.cluster.endpoint, self.cluster.certificate_authority.apply(lambda ca: str(ca.data)))
        access = Access(self, self.cluster)
        self.kubernetes: pulumi.ProviderResource
        self.admitted = (*access.administrators(args.administrators), *self.plane.ways_in, *network.ways_in)
        access.viewers(args.viewers)
        access.teams(args.teams)
        self.node_roles: list[aws.iam.Role] = []
        maker = AddonMaker(self, self.plane, versions=args.addons, grants=grants or {})
        self.secret_reader = self.grant(f"{name}-secrets", EXTERNAL_SECRETS, EXTERNAL_SECRETS, (), self)
        self.pools = {pool: accelerator_pool(pool, spec) for pool, spec in args.pools.items()}
        running, pools = self._by_eks(maker, features) if self.plane.auto else self._by_groups(maker, features, evictions or {})
        default = self._storage_class(running)
        self.storage_classes: dict[str, StorageClass] = {"gp3": StorageClass("gp3", shared=False, ready=(default,))}
        self.settled: Sequence[pulumi.Resource] = (*running, default, *self.secret_reader.ready)
        self.ready: Sequence[pulumi.Resource] = (*self.settled, *pools)
        self.register_outputs({"cluster_name": self.cluster.name, "endpoint": self.cluster.endpoint})

    def _by_groups(self, maker: AddonMaker, features: Collection[Feature], evictions: Evictions) -> Made:
        """Nodes from managed groups, and from Karpenter where it is asked for."""
        args, addons = self.args, wanted(features)
        early = [maker.make(addon) for addon in addons if addon.before_nodes]
        ground = self._ground(early)
        self.node_roles.append(ground.role.role)
        nodes = PoolSet(self, ground, args.system, args.pools, self.network.zones, cpu=args.cpu_pools, evictions=evictions)
        self.kubernetes = self._kubernetes(*nodes.system)
        late = [maker.make(addon, *nodes.system) for addon in addons if not addon.before_nodes]
        running = (*nodes.system, *nodes.groups, *late)
        launching = self._karpenter(args.autoscaler, running) if isinstance(args.autoscaler, KarpenterArgs) else None
        scaled = self._autoscaler(nodes.preferences, running)
        charts = [*((chart, {}) for chart in plugins(args.pools.values())), *gpu_operator(args.pools)]
        announced = [self._install(chart, values, (*nodes.system, *late)) for chart, values in charts]
        return (*nodes.system, *late), (*nodes.groups, *announced, scaled, *(nodes.launched(launching) if launching else ()))

    def _by_eks(self, maker: AddonMaker, features: Collection[Feature]) -> Made:
        """Nodes from EKS Auto Mode: node pools, as few as pods ask for."""
        args, auto = self.args, AutoMode(self, self.plane, self.admitted)
        self.kubernetes = self._kubernetes(*auto.access)
        auto.enforce_network_policies(self.kubernetes)
        self.node_roles.append(auto.role.role)
        launching = Launching(
            by="auto-mode",
            owner=self,
            kubernetes=self.kubernetes,
            version=args.version,
            node_role=auto.role.role.name,
            instance_profile="",
            security_group=self.security_group,
            subnets={zone: subnet.id for zone, subnet in self.network.private.items()},
            key=self.cluster_key.arn,
            after=(*auto.ready, *self.network.reachable),
        )
        nodes = AutoPools(launching)
        system = nodes.make(plan_system(args.system, self.network.zones), SYSTEM, 0)
        late = [maker.make(addon, system) for addon in wanted(features, auto_mode=True)]
        plans = [(spec.karpenter or KarpenterPoolArgs(), plan_pool(name, spec, self.network.zones)) for name, spec in args.pools.items()]
        plans += [(SYSTEM, plan_cpu_pool(name, cpu, self.network.zones)) for name, cpu in args.cpu_pools.items()]
        pools = [nodes.make(plan, tuned, position) for tuned, ways in plans for position, plan in enumerate(ways)]
        return (system, *late), tuple(pools)

    @property
    def security_group(self) -> pulumi.Output[str]:
        """The security group of all nodes and pods."""
        return self.cluster.vpc_config.apply(lambda vpc: str(vpc.cluster_security_group_id))

    @property
    def volume_driver(self) -> str:
        """What makes block volumes: the add-on, or what Auto Mode has built in."""
        return "ebs.csi.eks.amazonaws.com" if self.plane.auto else "ebs.csi.aws.com"

    @property
    def awaited_name(self) -> pulumi.Input[str]:
        """The name, for what must wait until the cluster is there."""
        return self.cluster.name

    def load_balancer(self, *, public: bool) -> LoadBalancer:
        """A Network Load Balancer, made by EKS Auto Mode or by the cluster's own controller."""
        return (by_auto_mode if self.plane.auto else by_cloud_provider)(public=public)

    def _kubernetes(self, *after: pulumi.Resource) -> "k8s.Provider":
        """What is in the cluster waits for access to it, and goes before access does.

        An access entry takes effect some time after EKS has accepted it (EKS user guide, "Grant IAM users access to Kubernetes
        with EKS access entries"), and a provider that is refused when it starts takes the cluster for unreachable during the
        whole run. So it waits for `after`, which takes longer: the system nodes, without which nothing in the cluster runs.
        """
        return k8s.Provider(
            f"{self.prefix}-kubernetes",
            cluster_identifier=f"arn:aws:eks:{self.region}:{self.account}:cluster/{self.cluster_name}",
            kubeconfig=kubeconfig(self.cluster_name, self.region, self.reached),
            opts=self.child(*self.admitted, *after),
        )

    def _ground(self, after: Sequence[pulumi.Resource]) -> Ground:
        """What nodes stand on."""
        fabric = any(pool.fabric == "efa" for pool in self.args.pools.values())
        return Ground(
            cluster=self.cluster,
            version=self.args.version,
            key=self.cluster_key.arn,
            role=node_role(self),
            subnets={zone: subnet.id for zone, subnet in self.network.private.items()},
            image_release=self.args.image_release,
            group=self.security_group,
            fabric=FabricGroups(self, vpc=self.network.vpc.id, cluster_group=self.security_group) if fabric else None,
            after=(*after, *self.network.reachable),
        )

    def _install(self, chart: Chart, values: Mapping[str, Any], after: Sequence[pulumi.Resource], role: str = "") -> pulumi.Resource:
        """A release in the cluster, called after its chart, or `role` where that is given."""
        opts = pulumi.ResourceOptions(parent=self, provider=self.kubernetes, depends_on=list(after))
        return release(f"{self.prefix}-{role or chart.name}", chart, extra=values, mirror=self.mirror, opts=opts)

    def _autoscaler(self, preferences: autoscaler.Preferences, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        chart, region = table()[autoscaler.NAME], self.region
        statements = autoscaler.autoscaler_statements(self.cluster_name, self.account, region)
        identity = self.grant(f"{self.prefix}-autoscaler", chart.namespace, chart.name, statements, self)
        values = autoscaler.chart_values(self.cluster_name, region, preferences, closed=self.network.closed)
        return self._install(chart, values, [*after, *identity.ready], role="autoscaler")

    def _karpenter(self, args: KarpenterArgs, running: Sequence[pulumi.Resource]) -> Launching:
        """Karpenter, and what node pools must know of it; `running` is what its pods need to run."""
        maker, closed = karpenter.Karpenter(self, self.plane), self.network.closed
        self.node_roles.append(maker.role.role)
        chart = table()[karpenter.NAME]
        spot = any(pool.karpenter is not None and "spot" in pool.capacity for pool in self.args.pools.values())
        statements = maker.statements(closed=closed, spot=spot)
        identity = self.grant(f"{self.prefix}-karpenter", chart.namespace, chart.name, statements, self)
        values = karpenter.chart_values(
            self.cluster_name,
            self.region,
            endpoint=self.cluster.endpoint,
            queue=maker.queue.name,
            repair=args.node_repair,
            static=any(pool.karpenter is not None and pool.karpenter.static for pool in self.args.pools.values()),
            closed=closed,
        )
        return Launching(
            by="karpenter",
            owner=self,
            kubernetes=self.kubernetes,
            version=self.args.version,
            node_role=maker.role.role.name,
            instance_profile=maker.profile.name,
            security_group=self.security_group,
            subnets={zone: subnet.id for zone, subnet in self.network.private.items()},
            key=self.cluster_key.arn,
            after=maker.releases(self.kubernetes, [*running, *identity.ready], values, self.mirror),
        )

    def _storage_class(self, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        return k8s.storage.v1.StorageClass(
            f"{self.prefix}-storage-class",
            metadata={
                "name": "gp3",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                "labels": self.context.labels.kubernetes(self.prefix, "storage-class"),
            },
            provisioner=self.volume_driver,
            parameters={"type": "gp3", "encrypted": "true", "kmsKeyId": self.cluster_key.arn},
            allow_volume_expansion=True,
            reclaim_policy="Delete",
            volume_binding_mode="WaitForFirstConsumer",
            opts=pulumi.ResourceOptions(parent=self, provider=self.kubernetes, depends_on=list(after)),
        )
