"""Names that are made of the user's fit whoever reads them last, however long the user's are."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.kubernetes.grafana import UID
from graph.model import Graph, Resource
from infra import offline
from infra.reading.stackfile import STACK_NAME
from tests.assertions import graphs
from tests.config.fields import CONTEXTS
from tests.names import longest
from tests.names.limits import FORMS, Limit, Verdicts, judge, limits, shape, texts, unlisted

QUICK = ("aws-data", "onprem-rollout")
"""Contexts that `make test` draws with names as long as may be; `make test-behaviour` draws all of them."""
Tell = Callable[[str, Any], None]
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture(scope="module", params=[pytest.param(c, marks=() if c in QUICK else pytest.mark.behaviour) for c in CONTEXTS])
def drawn(request: pytest.FixtureRequest) -> tuple[str, Graph]:
    """A stack with its names as long as may be, by the context that it is made of."""
    return request.param, longest.graph(request.param)


def told(verdicts: Verdicts, of: str, tell: Tell) -> None:
    """Tell how many names were judged, of how many rows, and fail on any fault or on none judged."""
    tell("judged", f"names of {of}: {verdicts.judged} by {len(verdicts.seen)} rows of the table of limits")
    assert verdicts.judged > 500
    assert not verdicts.faults, "\n".join(sorted(set(verdicts.faults)))


def test_names_of_a_stack_with_the_longest_names_fit(drawn: tuple[str, Graph], record_property: Tell) -> None:
    verdicts = Verdicts()
    judge(drawn[1], verdicts)
    told(verdicts, f"{drawn[0]}, as long as may be", record_property)


@pytest.mark.behaviour
def test_names_of_a_teams_stack_and_its_platform_fit(tmp_path: Path, record_property: Tell) -> None:
    team = f"te{longest.STACK[2:]}"
    longest.written(tmp_path, graphs.STACKS["prod"], longest.STACK)
    own = longest.written(tmp_path, graphs.STACKS["team-vision"], team, platform=longest.STACK)
    verdicts = Verdicts()
    for path in (own, tmp_path / f"Pulumi.{longest.STACK}.yaml"):
        judge(offline.evaluate(path).graph, verdicts)
    told(verdicts, "prod and team-vision, as long as may be", record_property)


def test_names_are_as_long_as_may_be() -> None:
    assert len(longest.STACK) == 40
    assert STACK_NAME.fullmatch(longest.STACK)
    assert not STACK_NAME.fullmatch(longest.STACK + "x")
    platform: Any = longest.platform("onprem-rollout")
    assert {len(name) for name in (*platform.endpoints, *platform.teams, *platform.cluster.pools, *platform.alerts.receivers)} == {40}
    assert len(platform.gateway.domain) > 180


def test_every_type_of_the_stacks_is_in_the_table(record_property: Tell) -> None:
    found = {r.type: r for stack in graphs.STACKS for r in graphs.graph(stack).custom}
    faults = [text for resource in found.values() for text in unlisted(resource)]
    record_property("judged", f"resource types compared with the table of limits: {len(found)}")
    assert len(found) > 100
    assert not faults, "\n".join(faults)


@pytest.mark.behaviour
def test_names_of_every_stack_fit(record_property: Tell) -> None:
    verdicts = Verdicts()
    for stack in graphs.STACKS:
        judge(graphs.graph(stack), verdicts)
    told(verdicts, f"{len(graphs.STACKS)} stacks", record_property)


def test_a_type_that_is_not_in_the_table_is_found() -> None:
    new = Resource(urn="new", type="aws:lambda/function:Function", name="n", custom=True, parent="", inputs={"name": "n"})
    assert [*unlisted(new)]
    kind = Resource(urn="new", type="kubernetes:batch/v1:CronJob", name="n", custom=True, parent="", inputs={"metadata": {"name": "n"}})
    assert [*unlisted(kind)]


def test_a_name_that_is_too_long_or_stands_twice_is_found() -> None:
    def queue(urn: str, name: str) -> Resource:
        return Resource(urn=urn, type="aws:sqs/queue:Queue", name="q", custom=True, parent="", inputs={"name": name})

    verdicts = Verdicts()
    judge(Graph("p", "s", (queue("a", "x" * 81), queue("b", "y"), queue("c", "y"), queue("d", "ok.not"))), verdicts)
    assert len(verdicts.faults) == 3


def said(row: Limit) -> Iterator[str]:
    """What a row quotes of botocore's documentation."""
    yield from row.source.split('"')[1::2]


def documented(row: Limit) -> str:
    """Documentation of the row's shape, without marks."""
    text = re.sub(r"<[^>]+>", "", str(shape(row.shape).documentation))
    return re.sub(r"\s+", " ", text)


def disagreement(row: Limit) -> str:
    """What botocore says otherwise than a row; empty where it says the same or nothing."""
    metadata = shape(row.shape).metadata
    own = (row.least, row.longest)
    if "max" in metadata:
        theirs = (metadata.get("min", 0), metadata["max"])
    elif pattern := metadata.get("pattern"):
        fits = [length for length in range(row.longest + 2) if _matches(pattern, "a" * length)]
        theirs = (fits[0], fits[-1])
    else:
        theirs = own if row.source else (0, 0)
    missing = [words for words in said(row) if words not in documented(row)]
    return "" if theirs == own and not missing else f"{row.type} {'.'.join(row.path)}: {theirs} {missing}"


@pytest.mark.behaviour
def test_limits_are_those_of_botocore(record_property: Tell) -> None:
    rows = [row for row in limits() if row.shape]
    silent = [row for row in rows if not shape(row.shape).metadata.keys() & {"max", "pattern"} and not [*said(row)]]
    told = f"{len(limits())}, {len(rows) - len(silent)} of them compared with botocore, which says nothing of {len(silent)} of AWS"
    record_property("judged", f"rows of the table of limits: {told}")
    assert len(rows) - len(silent) >= 55
    assert not [*filter(None, map(disagreement, rows))]


def test_whoever_reads_a_name_last_takes_fewer_characters_and_is_named() -> None:
    narrower = [row for row in limits() if row.read]
    assert len(narrower) >= 8
    assert all(row.reader and row.most < row.longest for row in narrower)


def _matches(pattern: str, text: str) -> bool:
    return bool(re.fullmatch(pattern, text))


def directories(drawn: Graph) -> Iterator[str]:
    """Root directories of access points, as the EFS driver makes them of a claim whose names are as long as may be.

    Source: kubernetes-sigs/aws-efs-csi-driver, pkg/driver/controller.go.
    """
    parts = {"${.PVC.namespace}": "n" * 63, "${.PVC.name}": "c" * 253, "${.PV.name}": f"pvc-{UUID}"}
    for made in drawn.of_type("kubernetes:storage.k8s.io/v1:StorageClass"):
        parameters = made.inputs.get("parameters", {})
        if parameters.get("provisioningMode") == "efs-ap":
            path = f"{parameters['basePath']}/{parameters['subPathPattern']}"
            for variable, value in parts.items():
                path = path.replace(variable, value)
            yield path + (f"-{UUID}" if parameters["ensureUniqueDirectory"] == "true" else "")


def test_directories_of_claims_fit_access_points() -> None:
    found = list(directories(graphs.graph("large-model")))
    assert found
    most = shape("efs.CreateAccessPoint.RootDirectory.Path").metadata["max"]
    for path in found:
        assert len(path) <= most, path
        assert path.count("/") <= 4
        assert UUID in path, "claims of one name would share a directory"


def test_dashboards_are_told_apart(drawn: tuple[str, Graph]) -> None:
    found = list(boards(drawn[1]))
    assert all(len(uid) <= UID for _, uid in found)
    assert len({uid for _, uid in found}) == len({file for file, _ in found}) == len(found)


def boards(drawn: Graph) -> Iterator[tuple[str, str]]:
    """File and uid of every dashboard."""
    for made in drawn.of_type("kubernetes:core/v1:ConfigMap"):
        for file, text in made.inputs.get("data", {}).items():
            if file.endswith(".json") and "panels" in str(text):
                yield file, json.loads(text)["uid"]


def test_prefixes_of_names_are_those_of_the_names(drawn: tuple[str, Graph]) -> None:
    """Whoever lets in all buckets of a stack by a pattern lets in each: S3 drops the access logs of the others."""
    logging = drawn[1].of_type("aws:s3/bucketLogging:BucketLogging")
    policies = {p.inputs["bucket"]: p.inputs["policy"] for p in drawn[1].of_type("aws:s3/bucketPolicy:BucketPolicy")}
    for made in logging:
        statements = json.loads(policies[made.inputs["targetBucket"]])["Statement"]
        (statement,) = [s for s in statements if s.get("Sid") == "AccessLogs"]
        sources = [text for path, text, key in texts(statement["Condition"]) if not key and path[-1] == "aws:SourceArn"]
        assert any(_like(f"arn:aws:s3:::{made.inputs['bucket']}", source) for source in sources), (made.urn, sources)


def _like(text: str, pattern: str) -> bool:
    return text.startswith(pattern.removesuffix("*")) if pattern.endswith("*") else text == pattern


def test_forms_refuse_what_kubernetes_refuses() -> None:
    bad = {
        "dns-label": "a.b",
        "dns-label-1035": "1a",
        "dns-subdomain": "a..b",
        "dns-wildcard": "x" * 64,
        "label-value": "-",
        "port-name": "a--b",
    }
    for form, text in bad.items():
        assert not _matches(FORMS[form], text)
