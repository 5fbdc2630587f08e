"""The control plane of an EKS cluster: private, logged, encrypted with a key of its own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent, ServiceRole
from components.aws.cluster.access_args import PrivateAccessArgs
from components.aws.cluster.args import ClusterArgs
from components.aws.documents.control_plane import auto_mode_tagging, trust_control_plane
from components.aws.documents.keys import USE_KEY, key_for_autoscaling, key_for_events, key_for_logs
from components.aws.documents.statements import allow, document
from components.aws.network.facts import NetworkFacts
from components.aws.network.subnets import service_range
from components.contracts import Context
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def cluster_name(context: Context) -> str:
    """Physical name of a stack's cluster."""
    return context.naming.name("cluster", limit=100)


@dataclass(frozen=True, slots=True)
class Reached:
    """How the API server of a cluster is reached."""

    endpoint: pulumi.Input[str]
    """Its URL."""
    authority: pulumi.Input[str]
    """Its certificate authority in base64."""
    role: str | None = None
    """ARN of the IAM role to act as; None acts as whoever runs the stack."""


def kubeconfig(name: str, region: str, reached: Reached) -> pulumi.Output[str]:
    """A kubeconfig that asks the AWS CLI for a token whenever one is needed, so that none is ever stored."""
    acting = ["--role-arn", reached.role] if reached.role else []
    command = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json", *acting],
        "interactiveMode": "Never",
    }
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": reached.endpoint, "certificate-authority-data": reached.authority}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
            "users": [{"name": name, "user": {"exec": command}}],
        },
        sort_keys=True,
    )


AUTO_POLICIES = ("AmazonEKSBlockStoragePolicy", "AmazonEKSComputePolicy", "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingPolicy")
"""What the control plane may do beside, in Auto Mode. Source: EKS user guide, "Learn about identity and access in EKS Auto Mode"."""


class ControlPlane:
    """Makes the cluster itself, its key, its role and its logs; children belong to `owner`, the cluster's component."""

    def __init__(self, owner: AwsComponent, args: ClusterArgs, network: NetworkFacts) -> None:
        self.owner = owner
        self.args = args
        self.network = network
        self.auto = args.autoscaler.kind == "auto-mode"
        self.name = cluster_name(owner.context)
        self.log_name = f"/aws/eks/{self.name}/cluster"
        self.key = self._key()
        self.groups: list[aws.ec2.SecurityGroup] = []
        self.ways_in = self._admitted(args.private_access)
        self.cluster = self._cluster()

    def _admitted(self, access: PrivateAccessArgs) -> list[pulumi.Resource]:
        """A group of the control plane's interfaces that lets in whoever is named; EKS's own lets in nodes and pods alone."""
        if not access.given:
            return []
        owner = self.owner
        group = owner.make_security_group("api", "API server", self.network.vpc.id, called="api")
        self.groups.append(group)
        sources = [{"cidr_ipv4": cidr} for cidr in access.ranges]
        sources += [{"referenced_security_group_id": other} for other in access.security_groups]
        return [
            aws.vpc.SecurityGroupIngressRule(
                f"{owner.prefix}-api-{'-'.join(source.values()).replace('.', '-').replace('/', '-')}",
                security_group_id=group.id,
                description="Kubernetes API",
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                tags=owner.tags(),
                opts=owner.child(),
                **source,
            )
            for source in sources
        ]

    def _key(self) -> "aws.kms.Key":
        logs = key_for_logs(self.owner.account, self.owner.region, self.log_name)
        groups = () if self.auto else key_for_autoscaling(self.owner.account)
        events = (key_for_events(),) if self.args.autoscaler.kind == "karpenter" else ()
        return self.owner.key("cluster", logs, *groups, *events, protect=self.args.protect)

    def _role(self) -> ServiceRole:
        return self.owner.role(
            "control-plane",
            document(trust_control_plane(auto=self.auto)),
            managed=[f"arn:aws:iam::aws:policy/{name}" for name in ("AmazonEKSClusterPolicy", *(AUTO_POLICIES if self.auto else ()))],
            inline=document(
                allow((*USE_KEY, "kms:CreateGrant", "kms:ListGrants"), [self.key.arn]), *(auto_mode_tagging() if self.auto else ())
            ),
        )

    def _cluster(self) -> "aws.eks.Cluster":
        owner, role = self.owner, self._role()
        logs = owner.log_group("control-plane-logs", self.log_name, self.key, self.args.log_retention)
        return aws.eks.Cluster(
            f"{owner.prefix}-control-plane",
            name=self.name,
            version=self.args.version,
            role_arn=role.role.arn,
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            deletion_protection=self.args.protect,
            enabled_cluster_log_types=list(LOG_TYPES),
            encryption_config={"provider": {"key_arn": self.key.arn}, "resources": ["secrets"]},
            kubernetes_network_config={
                "ip_family": "ipv4",
                "service_ipv4_cidr": service_range(self.network.cidr),
                **({"elastic_load_balancing": {"enabled": True}} if self.auto else {}),
            },
            # EKS takes the three of Auto Mode together or none of them.
            compute_config={"enabled": True} if self.auto else None,
            storage_config={"block_storage": {"enabled": True}} if self.auto else None,
            vpc_config=self._placement(),
            tags=owner.tags("cluster"),
            opts=owner.child(*role.ready, logs, protect=self.args.protect),
        )

    def _placement(self) -> Any:
        public = {"public_access_cidrs": list(self.args.public_access)} if self.args.public_access else {}
        return {
            "subnet_ids": [subnet.id for subnet in self.network.isolated.values()],
            **({"security_group_ids": [group.id for group in self.groups]} if self.groups else {}),
            "endpoint_private_access": True,
            "endpoint_public_access": bool(self.args.public_access),
            **public,
        }
