"""Image layers and packages arrive through the S3 endpoint of every VPC that is made, though nobody of the account asks for them."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import pytest

from components.aws.network.existing import ExistingNetworkArgs
from components.aws.network.hosts import download_buckets, host_of, hosts
from components.aws.network.vpc import NetworkArgs
from components.aws.regions import REGIONS
from components.catalogue.tables import table_of
from components.kubernetes.addons.table import table
from graph.model import Graph
from infra.aws import download_notes
from infra.site_specs import AwsSite
from policies.model import get
from policies.rules.workloads import PODS, containers
from tests.assertions.graphs import STACKS, graph, on_aws, platform

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GIVEN: dict[str, Any] = {
    "existing": {
        "vpc": "vpc-0123456789abcdef0",
        "cidr": "10.64.0.0/16",
        "private": {"us-west-2a": "subnet-0a000000000000001", "us-west-2b": "subnet-0a000000000000002"},
        "isolated": {"us-west-2a": "subnet-0b000000000000001", "us-west-2b": "subnet-0b000000000000002"},
    }
}
AWAY = {"eu-west-2": "767373bbdcb8270361b96548387bf2a9ad0d48758c35-eu-west-2"}


def gateways(drawn: Graph) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Region and statements of each S3 gateway endpoint."""
    for endpoint in drawn.of_type(ENDPOINT):
        if endpoint.inputs["serviceName"].endswith(".s3"):
            yield endpoint.inputs["serviceName"].split(".")[2], json.loads(endpoint.inputs["policy"])["Statement"]


def lets_anybody_get(statements: list[dict[str, Any]], resource: str) -> bool:
    for statement in statements:
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        open_to_all = statement["Principal"] == "*" and not statement.get("Condition")
        if open_to_all and statement["Action"] == "s3:GetObject" and any(fnmatchcase(resource, arn) for arn in named):
            return True
    return False


@pytest.mark.parametrize("region", REGIONS)
def test_registry_k8s_io_has_the_bucket_that_its_own_source_names(region: str) -> None:
    found = host_of("registry.k8s.io")
    assert found
    expected = None if region == "ap-east-2" else AWAY.get(region, f"prod-registry-k8s-io-{region}")
    assert found.bucket_in(region) == expected


def test_a_bucket_of_one_region_is_allowed_there_alone() -> None:
    assert "quayio-production-s3" in download_buckets("us-east-1")
    assert "quayio-production-s3" not in download_buckets("us-west-2")


def test_most_stacks_on_aws_have_an_endpoint_for_layers() -> None:
    assert sum(any(True for _ in gateways(graph(name))) for name in on_aws()) >= 14


@pytest.mark.parametrize("stack", on_aws())
def test_layers_that_nobody_of_the_account_signs_for_pass_the_endpoint(stack: str) -> None:
    for region, statements in gateways(graph(stack)):
        asked = [f"arn:aws:s3:::{bucket}/containers/images/sha256:0" for bucket in download_buckets(region)]
        assert len(asked) >= 3
        assert [arn for arn in asked if not lets_anybody_get(statements, arn)] == []
        assert not lets_anybody_get(statements, "arn:aws:s3:::somebody-elses-bucket/key")


def images(drawn: Graph) -> Iterator[str]:
    for workload in drawn.of_type(*PODS):
        yield from (str(get(container, "image", "")) for container in containers(workload))


def hosts_of(drawn: Graph) -> set[str]:
    """Every host that a stack's own pods and its charts come from."""
    found = {image.partition("/")[0] for image in images(drawn)}
    for release in drawn.of_type("kubernetes:helm.sh/v3:Release"):
        repository = get(release, "repositoryOpts.repo", "") or str(release.inputs["chart"])
        found.add(urlsplit(repository).netloc)
    return found


@pytest.mark.parametrize("stack", sorted(STACKS))
def test_every_host_of_a_stack_is_in_the_table(stack: str) -> None:
    asked = {host for host in hosts_of(graph(stack)) if host and not host.endswith(("example.com", "example.internal"))}
    assert {host for host in asked if host_of(host) is None} == set()


def test_every_host_of_the_addon_table_is_known() -> None:
    named = {urlsplit(chart.repository).netloc for chart in table().values()}
    named |= {image.partition("/")[0] for chart in table().values() for image in chart.images.values()}
    assert len(named) > 10
    assert {host for host in named if host_of(host) is None} == set()


def test_every_row_says_where_it_was_read_and_who_asks() -> None:
    rows = table_of("hosts")["hosts"]
    assert len(rows) == len(hosts()) > 15
    for name, row in rows.items():
        assert row["source"], name
        assert set(row["by"]) <= {"nodes", "pods", "engine"}, name
        assert "unverified" not in row["source"] or row["verify"], name


def test_a_review_names_hosts_of_images_whose_redirects_are_unknown() -> None:
    told = [note.text for note in platform("existing-vpc").notes() if note.subject == "network"]
    assert any("must let anybody read" in text and "prod-registry-k8s-io-eu-west-1" in text for text in told)
    image = "registry.example.com/vllm@sha256:" + "1" * 64
    network = NetworkArgs(cidr="10.20.0.0/16", egress="nat")
    site = AwsSite(cloud="aws", account="111122223333", region="us-west-2", zones=("us-west-2a", "us-west-2b"))
    (unknown,) = download_notes.notes(site, network, {"endpoints": image})
    assert "registry.example.com" in unknown.text
    assert "network.download_buckets" in unknown.text
    assert not list(download_notes.notes(site, network, {"endpoints": image.replace("registry.example.com", "quay.io")}))


def test_a_review_says_how_to_log_in_to_the_registry_of_charts() -> None:
    (told,) = [note.text for note in platform("closed").notes() if note.subject == "operators" and "log-in" in note.text]
    assert "aws ecr get-login-password --region us-west-2 | helm registry login --username AWS --password-stdin" in told
    assert not [note for note in platform("dev").notes() if "log-in" in note.text]


def test_a_review_lists_the_endpoints_that_a_closed_vpc_of_others_must_have() -> None:
    closed = ExistingNetworkArgs.model_validate({**GIVEN, "existing": {**GIVEN["existing"], "closed": True}})
    (told,) = download_notes.endpoints(closed, ("ecr.api", "sts"))
    assert "ecr.api, sts" in told.text
    assert not list(download_notes.endpoints(ExistingNetworkArgs.model_validate(GIVEN), ("sts",)))
