"""One body over every kind of site: what a contract promises, each site keeps, and what runs on one comes up on the other."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.contracts import Binding, Database, Grant, ObjectStore, SecretKey
from graph.model import Graph, Resource
from graph.recorder import record
from infra.config import Platform, load_file
from infra.sites import Site, build
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]
STACKS = {
    "aws": ROOT / "Pulumi.dev.yaml",
    "aws, on a given cluster": ROOT / "examples" / "Pulumi.existing-cluster.yaml",
    "onprem": ROOT / "Pulumi.onprem.yaml",
}
NAMESPACE, ACCOUNT = "probe-namespace", "probe-account"
OWN = frozenset({"groundwork:kubernetes:InferenceEndpoint", "groundwork:kubernetes:TrackingServer"})
CREDENTIAL_KINDS = frozenset({"ExternalSecret", "Secret", "SecretStore"})
"""Kinds by which a site brings credentials into a namespace; these may differ between sites, nothing else may."""


@dataclass
class Seen:
    """What the contracts gave while a site was recorded."""

    site: Site | None = None
    binding: Binding | None = None
    credentials: tuple[SecretKey, SecretKey, Any] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    graph: Graph | None = None


@pytest.fixture(scope="module", params=STACKS)
def platform(request: pytest.FixtureRequest) -> Platform:
    return load_file(STACKS[request.param])[0]


@pytest.fixture(scope="module")
def seen(platform: Platform) -> Seen:
    """A site on which a probe workload used every part of every contract."""
    found = Seen()

    def program() -> None:
        site = found.site = build(platform, project="groundwork", stack="probe")
        owner = pulumi.ComponentResource("groundwork:test:Probe", "probe", {}, pulumi.ResourceOptions(providers=[site.cluster.kubernetes]))
        found.binding = site.cluster.bind_identity("probe", NAMESPACE, ACCOUNT, [Grant(site.models, "read", "models/a/1/")], owner)
        artifacts, database = kept(site)
        found.credentials = database.credentials("probe", NAMESPACE, owner)
        outputs = {
            "models": site.models.uri,
            "bucket": site.models.bucket,
            "artifacts": artifacts.uri,
            "host": database.host,
        }
        for name, output in outputs.items():
            keep(output, found.values, name)

    found.graph = record(program, project="groundwork", stack="probe", config={})
    return found


def kept(site: Site | None) -> tuple[ObjectStore, Database]:
    """Where runs and models are kept."""
    assert site is not None
    assert site.registry is not None
    assert site.registry.database is not None
    return site.registry.artifacts, site.registry.database


def keep(output: pulumi.Output[str], values: dict[str, Any], name: str) -> None:
    output.apply(lambda value: values.__setitem__(name, value))


def under_probe(graph: Graph) -> list[Resource]:
    """All that the probe's binding and credentials made."""
    (probe,) = [r for r in graph if r.name == "probe" and not r.custom]
    todo, found = [probe.urn], []
    while todo:
        children = graph.children.get(todo.pop(), ())
        found += children
        todo += [child.urn for child in children]
    return found


def test_stores_are_addressed_alike(seen: Seen) -> None:
    assert seen.values["models"] == f"s3://{seen.values['bucket']}"
    assert seen.values["artifacts"].startswith("s3://")
    assert seen.values["artifacts"] != seen.values["models"]
    assert seen.site is not None
    assert {"AWS_REGION"} <= set(seen.site.models.environment)


def test_the_database_is_addressed(seen: Seen) -> None:
    assert seen.site is not None
    assert seen.values["host"]
    assert ":" not in seen.values["host"]
    _, database = kept(seen.site)
    assert 1 <= database.port <= 65535
    assert database.name.isidentifier()


def test_storage_classes_go_by_their_names_and_have_something_to_wait_for(seen: Seen) -> None:
    assert seen.site is not None
    for name, offered in seen.site.cluster.storage_classes.items():
        assert offered.name == name
        assert offered.ready, "else a claim could come before its class"


def test_pools_say_what_a_workload_needs(seen: Seen) -> None:
    assert seen.site is not None
    assert seen.site.cluster.pools
    for name, pool in seen.site.cluster.pools.items():
        assert pool.name == name
        assert "/" in pool.resource
        assert pool.per_node >= 1
        assert pool.max_nodes >= 1
        assert pool.memory_mib > 8_192
        assert pool.node_labels, "else a workload lands anywhere"
        assert pool.taints, "else anything lands on the GPUs"
        assert set(pool.capacity) <= {"on-demand", "spot", "owned"}


def test_the_way_to_stores_and_database_is_named(seen: Seen) -> None:
    assert seen.site is not None
    assert seen.binding is not None
    ways = [*seen.site.cluster.dataplane_egress, *seen.binding.egress]
    assert ways
    assert all(ip_network(block) and 1 <= port <= 65535 for block, port in ways)
    assert kept(seen.site)[1].port in {port for _, port in ways}


def test_an_identity_comes_from_what_was_made_for_it(seen: Seen) -> None:
    assert seen.binding is not None
    assert seen.graph is not None
    made = under_probe(seen.graph)
    assert seen.binding.depends_on
    assert all(name.isupper() for name in seen.binding.environment)
    names = [r.inputs.get("metadata", {}).get("name") for r in made]
    assert all(v.secret in names for v in seen.binding.environment.values() if isinstance(v, SecretKey))
    bound = [r for r in made if r.inputs.get("serviceAccount") == ACCOUNT or r.inputs.get("metadata", {}).get("namespace") == NAMESPACE]
    assert bound, "nothing ties the account or its namespace to the grant"


def test_credentials_are_two_keys_of_a_secret_that_something_makes(seen: Seen) -> None:
    assert seen.credentials is not None
    assert seen.graph is not None
    username, password, made = seen.credentials
    assert made
    assert username.secret == password.secret
    assert username.key != password.key
    makers = [r for r in under_probe(seen.graph) if r.type.rsplit(":", 1)[1] in {"ExternalSecret", "Secret"}]
    (maker,) = [
        r for r in makers if username.secret in (r.inputs["metadata"]["name"], r.inputs.get("spec", {}).get("target", {}).get("name"))
    ]
    assert maker.inputs["metadata"]["namespace"] == NAMESPACE


def secret_names(maker: Resource) -> set[str]:
    """The Secret that a Secret or an ExternalSecret makes."""
    target = maker.inputs.get("spec", {}).get("target", {})
    return {target.get("name", maker.inputs["metadata"]["name"])}


def test_every_object_of_a_cluster_has_that_cluster_s_provider(seen: Seen) -> None:
    assert seen.graph is not None
    kubernetes = [r for r in seen.graph if r.is_provider and r.type.endswith(":kubernetes")]
    assert len(kubernetes) == 1
    objects = [r for r in seen.graph.custom if r.type.startswith("kubernetes:")]
    assert objects
    assert {r.provider for r in objects} == {kubernetes[0].urn}


def asked_for(resource: Resource) -> bool:
    """Whether something is there because one stack file asks for it and others do not: what holds room for an endpoint's replicas."""
    return "-warm-" in resource.name


def workload_kinds(graph: Graph) -> Counter[tuple[str, str]]:
    """(component, kind) of what endpoints and the tracking server made, without what a site brings credentials by."""
    owners = {r.urn: r for r in graph if r.type in OWN}
    pairs = [
        (owners[r.parent].type, r.type.rsplit(":", 1)[1])
        for r in graph.custom
        if r.parent in owners and r.type.startswith("kubernetes:") and not asked_for(r)
    ]
    return Counter(pair for pair in pairs if pair[1] not in CREDENTIAL_KINDS)


def per_component(graph: Graph) -> dict[str, dict[str, float]]:
    count = Counter(r.type for r in graph if r.type in OWN)
    found: dict[str, dict[str, float]] = {}
    for (component, kind), number in workload_kinds(graph).items():
        found.setdefault(component, {})[kind] = number / count[component]
    return found


def test_the_same_workloads_come_up_on_every_site() -> None:
    made = {cloud: per_component(evaluate(path).graph) for cloud, path in STACKS.items()}
    assert made["aws"] == made["aws, on a given cluster"] == made["onprem"]
    assert set(made["aws"]) == OWN
    assert made["aws"]["groundwork:kubernetes:InferenceEndpoint"]["ScaledObject"] == 1


def pods(graph: Graph, wanted: Callable[[str], bool]) -> list[dict[str, Any]]:
    return [
        r.inputs["spec"]["template"]["spec"] for r in graph.of_type("kubernetes:apps/v1:Deployment") if wanted(r.name) and not asked_for(r)
    ]


@pytest.mark.parametrize("cloud", STACKS)
def test_pods_find_nodes_of_their_pool_on_every_site(cloud: str) -> None:
    evaluation = evaluate(STACKS[cloud])
    for pod in pods(evaluation.graph, lambda name: name != "tracking-pods"):
        assert pod["nodeSelector"]
        assert any(toleration["key"] == "nvidia.com/gpu" for toleration in pod["tolerations"])
        assert pod["serviceAccountName"]
