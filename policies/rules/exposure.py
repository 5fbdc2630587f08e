"""Nothing is reachable from the world unless someone said so."""

from collections.abc import Iterator
from typing import Any

from graph.model import Resource
from policies.model import Book, View, document, get, many
from policies.nodes import STARTERS, start

BOOK = Book("exposure")
WORLD = ("0.0.0.0/0", "::/0")
BUCKET = "aws:s3/bucket:Bucket"
BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@BOOK.rule(
    "bucket-public-access",
    BUCKET,
    title="Buckets block public access",
    remedy="add a public access block with all four settings",
    severity="critical",
)
def bucket_public_access(bucket: Resource, view: View) -> Iterator[str]:
    """All four settings of the block."""
    rows = view.attached(bucket, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "bucket", "bucket")
    if not rows:
        yield "has no public access block"
    for row in rows:
        if missing := [name for name in BLOCKS if get(row, name) is not True]:
            yield f"its public access block leaves {', '.join(missing)} off"


def denies_plain_text(statement: dict[str, Any]) -> bool:
    """Whether a statement of a bucket's or a file system's policy refuses requests without TLS."""
    transport = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return (
        statement.get("Effect") == "Deny" and str(transport).lower() == "false" and bool({"*", "s3:*"} & {*many(statement.get("Action"))})
    )


@BOOK.rule(
    "bucket-tls-only", BUCKET, title="Buckets are read and written over TLS only", remedy="deny s3:* where aws:SecureTransport is false"
)
def bucket_tls_only(bucket: Resource, view: View) -> Iterator[str]:
    """A bucket policy with the refusal."""
    rows = view.attached(bucket, "aws:s3/bucketPolicy:BucketPolicy", "bucket", "bucket")
    if not any(denies_plain_text(statement) for row in rows for statement in document(row, "policy").get("Statement", ())):
        yield "no policy refuses requests without TLS"


@BOOK.rule(
    "file-system-tls-only",
    "aws:efs/fileSystem:FileSystem",
    title="Shared file systems are mounted over TLS only",
    remedy="deny everything where aws:SecureTransport is false",
)
def file_system_tls_only(files: Resource, view: View) -> Iterator[str]:
    """A file system policy with the refusal; without a policy whoever reaches a mount target mounts in plain text."""
    rows = view.attached(files, "aws:efs/fileSystemPolicy:FileSystemPolicy", "fileSystemId")
    if not any(denies_plain_text(statement) for row in rows for statement in document(row, "policy").get("Statement", ())):
        yield "no policy refuses mounts without TLS"


@BOOK.rule(
    "no-world-ingress",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:ec2/securityGroup:SecurityGroup",
    title="Security groups let nobody in from the whole internet",
    remedy="name the networks that need it",
    severity="critical",
)
def no_world_ingress(group: Resource, view: View) -> Iterator[str]:
    """Rules of their own and rules inside a group."""
    inline = [cidr for rule in get(group, "ingress", []) for key in ("cidrBlocks", "ipv6CidrBlocks") for cidr in rule.get(key) or ()]
    if {*inline, get(group, "cidrIpv4"), get(group, "cidrIpv6")} & set(WORLD):
        yield "lets the whole internet in"


@BOOK.rule(
    "default-group-closed",
    "aws:ec2/vpc:Vpc",
    title="The default security group lets nothing through",
    remedy="adopt it with empty rules",
    severity="medium",
)
def default_group_closed(vpc: Resource, view: View) -> Iterator[str]:
    """Adopted by the stack, without rules."""
    rows = view.attached(vpc, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId")
    if not rows:
        yield "leaves its default security group open"
    if any(get(row, "ingress") or get(row, "egress") for row in rows):
        yield "its default security group has rules"


@BOOK.rule(
    "cluster-endpoint",
    "aws:eks/cluster:Cluster",
    title="The Kubernetes API is private",
    remedy="turn private access on and name the networks of public access",
    severity="critical",
)
def cluster_endpoint(cluster: Resource, view: View) -> Iterator[str]:
    """Private access on; public access off or limited to networks that are named."""
    settings = cluster.inputs.get("vpcConfig", {})
    if get(settings, "endpointPrivateAccess") is not True:
        yield "endpointPrivateAccess is not on"
    if get(settings, "endpointPublicAccess", True):
        named = get(settings, "publicAccessCidrs", [])
        if not named or set(named) & set(WORLD):
            yield "the whole internet reaches the Kubernetes API"


def _must_be_off(name: str, token: str, path: str, title: str) -> None:
    @BOOK.rule(name, token, title=title, remedy=f"turn {path} off", severity="critical")
    def check(resource: Resource, view: View) -> Iterator[str]:
        if get(resource, path, False) not in (False, "false"):
            yield f"{path} is on"


for row in (
    ("database-private", "aws:rds/instance:Instance", "publiclyAccessible", "Databases have no public address"),
    ("subnet-private", "aws:ec2/subnet:Subnet", "mapPublicIpOnLaunch", "Subnets hand out no public addresses"),
):
    _must_be_off(*row)


@BOOK.rule(
    "node-private",
    *STARTERS,
    title="Nodes have no public address",
    remedy="turn associatePublicIpAddress off",
    severity="critical",
)
def node_private(starter: Resource, view: View) -> Iterator[str]:
    """Every network interface of a node."""
    told = start(starter)
    for asked in (*told.get("networkInterfaces", ()), {"associatePublicIpAddress": told.get("associatePublicIPAddress", False)}):
        if get(asked, "associatePublicIpAddress", False) not in (False, "false"):
            yield "its nodes get public addresses"


@BOOK.rule(
    "service-internal",
    "kubernetes:core/v1:Service",
    title="Services are reached inside the cluster",
    remedy="use ClusterIP behind a gateway",
)
def service_internal(service: Resource, view: View) -> Iterator[str]:
    """LoadBalancer and NodePort open a way in that no gateway guards."""
    kind = get(service, "spec.type", "ClusterIP")
    if kind in ("LoadBalancer", "NodePort"):
        yield f"is of type {kind}"
