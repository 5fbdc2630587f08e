"""S3 and ECR, as moto knows them, take the replication that the example registers, and refuse what it would be wrong without."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID

from graph.model import Graph, Resource
from tests.evaluated import evaluate

pytestmark = pytest.mark.external

EXAMPLE = Path(__file__).parents[2] / "examples" / "Pulumi.two-region.yaml"
CONFIG = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"


@cache
def graph() -> Graph:
    return evaluate(EXAMPLE).graph


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "none")
    with mock_aws():
        yield lambda service, region: boto3.client(service, region_name=region)


def api(value: Any) -> Any:
    """Inputs in the spelling of the API."""
    names = {"id": "ID", "replicaKmsKeyId": "ReplicaKmsKeyID"}
    if isinstance(value, Mapping):
        return {names.get(key, key[0].upper() + key[1:]): api(item) for key, item in value.items()}
    return [api(item) for item in value] if isinstance(value, list | tuple) else value


def buckets(aws: Callable[[str, str], Any], *, versioned: bool) -> None:
    """Every bucket of the example, where it belongs."""
    for bucket in graph().of_type("aws:s3/bucket:Bucket"):
        region = graph().by_urn[bucket.provider].inputs["region"]
        client, name = aws("s3", region), bucket.inputs["bucket"]
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def put(client: Any, config: Resource) -> None:
    rules = api(config.inputs["rules"])
    client.put_bucket_replication(Bucket=config.inputs["bucket"], ReplicationConfiguration={"Role": config.inputs["role"], "Rules": rules})


def test_replication_is_taken_and_read_back_as_declared(aws: Callable[[str, str], Any]) -> None:
    buckets(aws, versioned=True)
    client = aws("s3", "us-west-2")
    configs = graph().of_type(CONFIG)
    assert len(configs) == 3
    for config in configs:
        put(client, config)
        (kept,) = client.get_bucket_replication(Bucket=config.inputs["bucket"])["ReplicationConfiguration"]["Rules"]
        assert kept["Destination"]["Bucket"] == config.inputs["rules"][0]["destination"]["bucket"]
        assert kept["Status"] == "Enabled"


def test_replication_without_versions_is_refused(aws: Callable[[str, str], Any]) -> None:
    buckets(aws, versioned=False)
    with pytest.raises(ClientError):
        put(aws("s3", "us-west-2"), graph().of_type(CONFIG)[0])


def test_the_registry_takes_its_replication(aws: Callable[[str, str], Any]) -> None:
    (config,) = graph().of_type("aws:ecr/replicationConfiguration:ReplicationConfiguration")
    wanted: dict[str, Any] = {
        "rules": [
            {
                "destinations": [{"region": "us-east-2", "registryId": "111122223333"}],
                "repositoryFilters": [
                    {"filter": f"groundwork-two-region-{name}", "filterType": "PREFIX_MATCH"} for name in ("mlflow", "serving")
                ],
            }
        ]
    }
    assert config.inputs["replicationConfiguration"] == wanted
    client = aws("ecr", "us-west-2")
    client.put_replication_configuration(replicationConfiguration=wanted)
    assert client.describe_registry()["replicationConfiguration"] == wanted
    own = {"region": "us-west-2", "registryId": DEFAULT_ACCOUNT_ID}
    with pytest.raises(ClientError):
        client.put_replication_configuration(replicationConfiguration={"rules": [{**wanted["rules"][0], "destinations": [own]}]})
