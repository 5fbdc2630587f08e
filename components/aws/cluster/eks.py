"""An EKS cluster with GPU pools: private, logged, encrypted, with one identity per workload."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pulumi
from pydantic import Field

from components.aws.base import AwsComponent, ServiceRole
from components.aws.capacity.groups import Nodes, group_name
from components.aws.capacity.pools import GpuPoolArgs, NodeGroupPlan, SystemPoolArgs, accelerator_pool, plan_gpu, plan_system
from components.aws.cluster import autoscaler
from components.aws.cluster.addons import ADDONS, Addon, AddonName
from components.aws.documents.keys import USE_KEY, key_for_autoscaling, key_for_logs
from components.aws.documents.statements import Statement, allow, document
from components.aws.documents.trust import trust_pod, trust_service_unconditionally
from components.aws.identity.pods import CREDENTIALS_ADDRESS, Identity, ServiceAccount, bind, grant_statements
from components.aws.network.vpc import Network
from components.aws.values import LogRetention, RoleArn, SourceCidr
from components.contracts import Binding, Context, Grant
from components.kubernetes.addons.operators import EXTERNAL_SECRETS
from components.lazy import lazy
from components.naming import short_hash
from components.spec import Duration, Many, Name, Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
    import pulumi_kubernetes as k8s
else:
    aws = lazy("pulumi_aws")
    k8s = lazy("pulumi_kubernetes")

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
SERVICE_RANGES = ("172.20.0.0/16", "10.100.0.0/16")
"""The two ranges EKS itself would choose from for Services."""
POSTGRES_PORT = 5432
AddonVersion = Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+-eksbuild\.\d+$")]


class ClusterArgs(Spec):
    """An EKS cluster: control plane, add-ons, node pools."""

    version: Literal["1.33", "1.34", "1.35"]
    """Kubernetes version of the control plane and the nodes, quoted."""
    administrators: Annotated[Many[RoleArn], Field(min_length=1)]
    """IAM roles that administer the cluster; the role that deploys must be one of them."""
    public_access: Many[SourceCidr] = ()
    """Address ranges that may reach the API server from outside the VPC; empty leaves it private, so deploy from within."""
    log_retention: LogRetention = Duration("365d")
    """How long control-plane logs are kept."""
    protect: bool = True
    """Whether the cluster and its key refuse deletion."""
    addons: dict[AddonName, AddonVersion] = {}
    """Versions of add-ons to hold; one that is absent gets the default of the Kubernetes version."""
    image_release: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+-[0-9a-f]{8}$")] | None = None
    """Bottlerocket release to hold on every pool, such as 1.50.0-1a2b3c4d; absent takes the newest when a pool is made."""
    system: SystemPoolArgs
    """Nodes for the platform's own services."""
    pools: dict[Name, GpuPoolArgs]
    """GPU pools by name."""


def service_range(vpc: str) -> str:
    """The range of Kubernetes Services: the first that does not overlap the VPC."""
    return next(r for r in SERVICE_RANGES if not IPv4Network(r).overlaps(IPv4Network(vpc)))


def kubeconfig(name: str, region: str, endpoint: pulumi.Input[str], authority: pulumi.Input[str]) -> pulumi.Output[str]:
    """A kubeconfig that asks the AWS CLI for a token whenever one is needed, so that none is ever stored."""
    command = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"],
        "interactiveMode": "Never",
    }
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": authority}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
            "users": [{"name": name, "user": {"exec": command}}],
        },
        sort_keys=True,
    )


class GpuCluster(AwsComponent):
    """An EKS cluster in a network's private subnets; satisfies components.contracts.Cluster.

    `secret_reader` is the identity of External Secrets, made before its pods start; who owns a secret grants it the right to read.
    """

    def __init__(
        self, name: str, args: ClusterArgs, *, network: Network, context: Context, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("GpuCluster", name, context, opts)
        self.args = args
        self.network = network
        self.cluster_name = context.naming.name("cluster", limit=100)
        self.cluster_key = self._key()
        self.cluster = self._control_plane()
        self.kubernetes: pulumi.ProviderResource = self._kubernetes(self._administrators())
        early = [self._addon(addon) for addon in ADDONS if addon.before_nodes]
        system, gpu = self._nodes(early)
        late = [self._addon(addon, system) for addon in ADDONS if not addon.before_nodes]
        self.secret_reader = self._bind(f"{name}-secrets", EXTERNAL_SECRETS, EXTERNAL_SECRETS, (), self)
        self.pools = {pool: accelerator_pool(pool, spec) for pool, spec in args.pools.items()}
        running = (system, *gpu, *late)
        self.ready: Sequence[pulumi.Resource] = (
            *running,
            self._storage_class(late),
            self._autoscaler(running),
            *self.secret_reader.ready,
        )
        self.register_outputs({"cluster_name": self.cluster.name, "endpoint": self.cluster.endpoint})

    @property
    def security_group(self) -> pulumi.Output[str]:
        """The security group of all nodes and pods."""
        return self.cluster.vpc_config.apply(lambda vpc: str(vpc.cluster_security_group_id))

    @property
    def zonal(self) -> bool:
        """Whether nodes are in more than one zone."""
        return len(self.network.zones) > 1

    @property
    def dataplane_egress(self) -> Sequence[tuple[str, int]]:
        """Where pods reach S3, whose addresses are public even through the VPC's endpoint, and databases in the VPC."""
        return (("0.0.0.0/0", 443), (self.network.cidr, POSTGRES_PORT))

    def bind_identity(
        self, name: str, namespace: pulumi.Input[str], service_account: str, grants: Sequence[Grant], parent: pulumi.Resource
    ) -> Binding:
        """Let pods of a service account use the granted buckets, through a role of their own."""
        identity = self._bind(name, namespace, service_account, grant_statements(grants, self.region), parent)
        return Binding(egress=(CREDENTIALS_ADDRESS,), depends_on=identity.ready)

    def _bind(
        self,
        name: str,
        namespace: pulumi.Input[str],
        service_account: str,
        statements: Sequence[Statement],
        parent: pulumi.Resource,
    ) -> Identity:
        """Give a service account a role with the statements."""
        account = ServiceAccount(self.cluster_name, namespace, service_account)
        opts = pulumi.ResourceOptions(parent=parent, provider=self.aws_provider)
        return bind(name, account, statements, cluster_name=self.cluster.name, context=self.context, opts=opts)

    @property
    def aws_provider(self) -> pulumi.ProviderResource:
        """The AWS provider of the site, for children that other components register."""
        provider = self.get_provider("aws:eks/cluster:Cluster")
        if provider is None:
            raise ValueError(f"{self.prefix} was made without an AWS provider")
        return provider

    def _key(self) -> "aws.kms.Key":
        logs = key_for_logs(self.account, self.region, self._log_name)
        return self.key("cluster", logs, *key_for_autoscaling(self.account), protect=self.args.protect)

    @property
    def _log_name(self) -> str:
        return f"/aws/eks/{self.cluster_name}/cluster"

    def _control_plane_role(self) -> ServiceRole:
        return self.role(
            "control-plane",
            document(trust_service_unconditionally("eks.amazonaws.com")),
            managed=["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"],
            inline=document(allow((*USE_KEY, "kms:CreateGrant", "kms:ListGrants"), [self.cluster_key.arn])),
        )

    def _control_plane(self) -> "aws.eks.Cluster":
        role = self._control_plane_role()
        logs = self.log_group("control-plane-logs", self._log_name, self.cluster_key, self.args.log_retention)
        return aws.eks.Cluster(
            f"{self.prefix}-control-plane",
            name=self.cluster_name,
            version=self.args.version,
            role_arn=role.role.arn,
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            deletion_protection=self.args.protect,
            enabled_cluster_log_types=list(LOG_TYPES),
            encryption_config={"provider": {"key_arn": self.cluster_key.arn}, "resources": ["secrets"]},
            kubernetes_network_config={"ip_family": "ipv4", "service_ipv4_cidr": service_range(self.network.cidr)},
            vpc_config=self._placement(),
            tags=self.tags("cluster"),
            opts=self.child(*role.ready, logs, protect=self.args.protect),
        )

    def _placement(self) -> Any:
        public = {"public_access_cidrs": list(self.args.public_access)} if self.args.public_access else {}
        return {
            "subnet_ids": [subnet.id for subnet in self.network.isolated.values()],
            "endpoint_private_access": True,
            "endpoint_public_access": bool(self.args.public_access),
            **public,
        }

    def _administrators(self) -> list[pulumi.Resource]:
        return [self._administrator(arn) for arn in self.args.administrators]

    def _administrator(self, arn: str) -> "aws.eks.AccessPolicyAssociation":
        role = f"{self.prefix}-administrator-{short_hash(arn)}"
        entry = aws.eks.AccessEntry(role, cluster_name=self.cluster.name, principal_arn=arn, tags=self.tags(), opts=self.child())
        return aws.eks.AccessPolicyAssociation(
            f"{role}-policy",
            cluster_name=self.cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=ADMIN_POLICY,
            access_scope={"type": "cluster"},
            opts=self.child(),
        )

    def _kubernetes(self, access: Sequence[pulumi.Resource]) -> "k8s.Provider":
        """What is in the cluster waits for access to it, and goes before access does."""
        authority = self.cluster.certificate_authority.apply(lambda ca: str(ca.data))
        return k8s.Provider(
            f"{self.prefix}-kubernetes",
            cluster_identifier=f"arn:aws:eks:{self.region}:{self.account}:cluster/{self.cluster_name}",
            kubeconfig=kubeconfig(self.cluster_name, self.region, self.cluster.endpoint, authority),
            opts=self.child(*access),
        )

    def _addon(self, addon: Addon, *after: pulumi.Resource) -> "aws.eks.Addon":
        identity = self._addon_identity(addon)
        associations: Any = [{"service_account": addon.service_account, "role_arn": identity.role.arn}] if identity else None
        return aws.eks.Addon(
            f"{self.prefix}-{addon.name}",
            cluster_name=self.cluster.name,
            addon_name=addon.name,
            addon_version=self.args.addons.get(addon.name),
            configuration_values=addon.configuration,
            pod_identity_associations=associations,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self.tags(addon.name),
            opts=self.child(*(identity.ready if identity else ()), *after),
        )

    def _addon_identity(self, addon: Addon) -> ServiceRole | None:
        if not addon.service_account:
            return None
        statements = addon.statements(self.cluster_key.arn) if addon.statements else ()
        return self.role(
            addon.name,
            document(trust_pod(self.cluster_name, "kube-system", addon.service_account)),
            managed=[addon.policy],
            inline=document(*statements) if statements else None,
        )

    def _nodes(self, after: Sequence[pulumi.Resource]) -> tuple["aws.eks.NodeGroup", list["aws.eks.NodeGroup"]]:
        """The system pool's node group, and those of the GPU pools."""
        zones = self.network.zones
        nodes = Nodes(
            self,
            cluster=self.cluster,
            key=self.cluster_key.arn,
            subnets={zone: subnet.id for zone, subnet in self.network.private.items()},
            version=self.args.version,
            image_release=self.args.image_release,
            after=(*after, *self.network.reachable),
        )
        return nodes.group(plan_system(self.args.system, zones)), [nodes.group(plan) for plans in self._plans() for plan in plans]

    def _plans(self) -> list[Sequence[NodeGroupPlan]]:
        """The node groups of each GPU pool, in order of preference."""
        return [plan_gpu(pool, spec, self.network.zones) for pool, spec in self.args.pools.items()]

    def _autoscaler(self, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        role = f"{self.prefix}-autoscaler"
        statements = autoscaler.autoscaler_statements(self.cluster_name, self.account, self.region)
        identity = self._bind(role, autoscaler.NAMESPACE, autoscaler.NAME, statements, self)
        preferences = [[group_name(plan, self.context.naming) for plan in plans] for plans in self._plans()]
        values = autoscaler.chart_values(self.cluster_name, self.region, preferences)
        opts = pulumi.ResourceOptions(parent=self, provider=self.kubernetes, depends_on=[*after, *identity.ready])
        return autoscaler.release(role, values, opts)

    def _storage_class(self, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        return k8s.storage.v1.StorageClass(
            f"{self.prefix}-storage-class",
            metadata={
                "name": "gp3",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                "labels": self.context.labels.kubernetes(self.prefix, "storage-class"),
            },
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true", "kmsKeyId": self.cluster_key.arn},
            allow_volume_expansion=True,
            reclaim_policy="Delete",
            volume_binding_mode="WaitForFirstConsumer",
            opts=pulumi.ResourceOptions(parent=self, provider=self.kubernetes, depends_on=list(after)),
        )
