"""A cluster for training alone: nothing that keeps or serves models is made, and what is left is whole."""

from infra.config import load_file
from policies.nodes import pool_of
from tests.assertions.graphs import STACKS, graph

STACK = "training-only"


def test_it_has_pools_and_buckets_and_no_database_registry_or_server() -> None:
    made = graph(STACK)
    types = {resource.type for resource in made}
    assert not {t for t in types if t.startswith(("aws:rds/", "aws:ecr/"))}
    assert not {t for t in types if t.endswith(("TrackingServer", "ModelRegistry", "InferenceEndpoint"))}
    assert {pool_of(group) for group in made.of_type("aws:eks/nodeGroup:NodeGroup")} == {"system", "training", "preprocessing"}
    assert {"aws:s3/bucket:Bucket", "kubernetes:helm.sh/v3:Release"} <= types


def test_the_file_says_less_than_a_whole_platform() -> None:
    platform, _ = load_file(STACKS[STACK])
    assert platform.tracking is None
