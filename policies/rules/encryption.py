"""Data at rest is encrypted under keys that the account's owner controls."""

from collections.abc import Iterator
from typing import Any

from graph.model import UNKNOWN, Resource
from policies.model import Book, View, get
from policies.nodes import STARTERS, TEMPLATE, start

BOOK = Book("encryption")
KEY = "aws:kms/key:Key"
BUCKET = "aws:s3/bucket:Bucket"
EFS, LUSTRE = "aws:efs/fileSystem:FileSystem", "aws:fsx/lustreFileSystem:LustreFileSystem"
BLOCK_DRIVERS = frozenset({"ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com"})
"""The add-on, and what EKS Auto Mode has built in."""


def keyed(resource: Resource, view: View, name: str, value: Any) -> bool:
    """Whether a key id is given, or comes from a key of this stack even though its id is not known yet."""
    return bool(view.linked(resource, name.split(".")[0], KEY)) or (value is not UNKNOWN and bool(value))


@BOOK.rule(
    "bucket-customer-key",
    BUCKET,
    title="Buckets are encrypted with a customer key",
    remedy="add a server-side encryption rule with aws:kms",
)
def bucket_customer_key(bucket: Resource, view: View) -> Iterator[str]:
    """Targets of access logs are left to S3's own keys: log delivery cannot write under a customer key."""
    if view.attached(bucket, "aws:s3/bucketLogging:BucketLogging", "targetBucket", "bucket"):
        return
    rows = view.attached(
        bucket, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", "bucket", "bucket"
    )
    if not rows:
        yield "has no encryption configuration"
    for row in rows:
        for rule in row.inputs.get("rules", ()):
            settings = rule.get("applyServerSideEncryptionByDefault", {})
            if settings.get("sseAlgorithm") != "aws:kms" or not keyed(row, view, "rules", settings.get("kmsMasterKeyId")):
                yield "is encrypted with a key that S3 owns"


@BOOK.rule(
    "volume-customer-key",
    *STARTERS,
    title="Node volumes are encrypted with a customer key",
    remedy="set encrypted and a KMS key on every block device",
)
def volume_customer_key(starter: Resource, view: View) -> Iterator[str]:
    """Every volume of a node."""
    name, key = ("blockDeviceMappings", "kmsKeyId") if starter.type == TEMPLATE else ("spec", "kmsKeyID")
    mappings = start(starter).get("blockDeviceMappings", ())
    if not mappings:
        yield "declares no volume, so the image's own is used unencrypted"
    for mapping in mappings:
        disk = mapping.get("ebs", {})
        if disk.get("encrypted") not in (True, "true") or not keyed(starter, view, name, disk.get(key)):
            yield f"volume {mapping.get('deviceName')} is not encrypted with a customer key"


SIMPLE = (
    (
        "cluster-secrets-key",
        "aws:eks/cluster:Cluster",
        "encryptionConfig.provider.keyArn",
        "Cluster secrets are encrypted with a customer key",
    ),
    ("log-group-key", "aws:cloudwatch/logGroup:LogGroup", "kmsKeyId", "Logs are encrypted with a customer key"),
    ("database-customer-key", "aws:rds/instance:Instance", "kmsKeyId", "Databases are encrypted with a customer key"),
    ("insights-key", "aws:rds/instance:Instance", "performanceInsightsKmsKeyId", "Performance insights are encrypted with a customer key"),
)
"""(rule, type, path of the key, title)."""


def _needs_key(name: str, token: str, path: str, title: str) -> None:
    @BOOK.rule(name, token, title=title, remedy=f"set {path} to a key of the account")
    def check(resource: Resource, view: View) -> Iterator[str]:
        if not view.linked(resource, path.split(".")[0], KEY) and not get(resource, path):
            yield f"{path} is not set"


for row in SIMPLE:
    _needs_key(*row)


@BOOK.rule(
    "database-encrypted", "aws:rds/instance:Instance", title="Databases are encrypted", remedy="set storageEncrypted", severity="critical"
)
def database_encrypted(database: Resource, view: View) -> Iterator[str]:
    """The storage of the instance and its snapshots."""
    if get(database, "storageEncrypted") is not True:
        yield "storageEncrypted is not on"


@BOOK.rule(
    "repository-key",
    "aws:ecr/repository:Repository",
    title="Images are encrypted with a customer key",
    remedy="set encryptionConfigurations to KMS",
    severity="medium",
)
def repository_key(repository: Resource, view: View) -> Iterator[str]:
    """Layers of images."""
    rows = repository.inputs.get("encryptionConfigurations") or [{}]
    if any(
        row.get("encryptionType") != "KMS" or not keyed(repository, view, "encryptionConfigurations", row.get("kmsKey")) for row in rows
    ):
        yield "is encrypted with a key that ECR owns"


@BOOK.rule(
    "file-system-key",
    EFS,
    LUSTRE,
    title="File systems are encrypted with a customer key",
    remedy="set encrypted and kmsKeyId",
)
def file_system_key(files: Resource, view: View) -> Iterator[str]:
    """Lustre always encrypts; EFS does where it is told to."""
    if files.type == EFS and get(files, "encrypted") is not True:
        yield "is not encrypted"
    if not keyed(files, view, "kmsKeyId", files.inputs.get("kmsKeyId")):
        yield "is encrypted with a key that the service owns"


@BOOK.rule("key-rotation", KEY, title="Keys rotate", remedy="set enableKeyRotation", severity="medium")
def key_rotation(key: Resource, view: View) -> Iterator[str]:
    """Once a year, by the cloud."""
    if get(key, "enableKeyRotation") is not True:
        yield "enableKeyRotation is not on"


@BOOK.rule(
    "storage-class-encrypted",
    "kubernetes:storage.k8s.io/v1:StorageClass",
    title="Volumes of pods are encrypted",
    remedy='set parameters.encrypted to "true"',
)
def storage_class_encrypted(storage: Resource, view: View) -> Iterator[str]:
    """EBS volumes that pods claim."""
    if get(storage, "provisioner") in BLOCK_DRIVERS and storage.inputs.get("parameters", {}).get("encrypted") != "true":
        yield "makes volumes that are not encrypted"
