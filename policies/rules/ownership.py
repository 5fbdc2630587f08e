"""Everything says whose it is: cost, alarms and crash recovery depend on it."""

from collections.abc import Iterator

from graph.model import Resource
from policies.model import Book, View, get

BOOK = Book("ownership")
TAGS = frozenset({"groundwork:project", "groundwork:stack", "groundwork:owner", "groundwork:tier", "groundwork:component"})
LABELS = frozenset({"app.kubernetes.io/managed-by", "app.kubernetes.io/part-of", "groundwork.dev/stack", "groundwork.dev/owner"})
TAGGED = (
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:ec2/eip:Eip",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment",
    "aws:ecr/repository:Repository",
    "aws:eks/addon:Addon",
    "aws:eks/cluster:Cluster",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    "aws:rds/instance:Instance",
    "aws:s3/bucket:Bucket",
)
LABELLED = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:argoproj.io/v1alpha1:Rollout",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:Service",
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    "kubernetes:policy/v1:PodDisruptionBudget",
)


@BOOK.rule("ownership-tags", *TAGGED, title="Cloud resources carry ownership tags", remedy="take tags from Labels.aws", severity="medium")
def ownership_tags(resource: Resource, view: View) -> Iterator[str]:
    """All five, none empty."""
    tags = get(resource, "tags", {})
    if missing := sorted(name for name in TAGS if not tags.get(name)):
        yield f"lacks {', '.join(missing)}"


@BOOK.rule(
    "ownership-labels",
    *LABELLED,
    title="Kubernetes objects carry ownership labels",
    remedy="take labels from Labels.kubernetes",
    severity="low",
)
def ownership_labels(resource: Resource, view: View) -> Iterator[str]:
    """On the object itself."""
    labels = get(resource, "metadata.labels", {})
    if missing := sorted(name for name in LABELS if not labels.get(name)):
        yield f"lacks {', '.join(missing)}"
