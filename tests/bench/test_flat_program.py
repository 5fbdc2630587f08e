"""The yardstick registers the same resources as the graph it was made of."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.flat import NotExpressible, class_of, generate
from graph.model import UNKNOWN, Graph, Options, Resource, SecretValue
from graph.recorder import record
from infra.offline import evaluate

ROOT = Path(__file__).parents[2]
URN = "urn:pulumi:dev::groundwork::"
AWS_INPUTS = {"region": "us-west-2", "skipCredentialsValidation": "false", "skipRegionValidation": "true", "allowedAccountIds": '["1"]'}
AWS = Resource(f"{URN}pulumi:providers:aws::main", "pulumi:providers:aws", "main", True, "", AWS_INPUTS)
REPORT = r"""
import json, sys
import bench.mocked
class Telling(bench.mocked.Plain):
    def new_resource(self, args):
        sys.stdout.write(json.dumps([args.typ, args.name, dict(args.inputs)], default=str) + "\n")
        return super().new_resource(args)
import asyncio, pulumi
loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop)
pulumi.runtime.set_mocks(Telling(), project="groundwork", stack="bench")
loop.run_until_complete(bench.mocked._run(sys.argv[1]))
"""


def _resource(token: str, name: str, inputs: dict[str, Any], **more: Any) -> Resource:
    provider = AWS.urn if token.startswith("aws:") else ""
    return Resource(f"{URN}{token}::{name}", token, name, True, "", inputs, provider=provider, **more)


def _registered(graph: Graph, folder: Path) -> dict[tuple[str, str], Any]:
    program = folder / "flat.py"
    program.write_text(generate(graph))
    found = subprocess.run([sys.executable, "-c", REPORT, str(program)], capture_output=True, text=True, check=True)
    return {(token, name): inputs for token, name, inputs in map(json.loads, found.stdout.splitlines())}


def test_it_registers_what_the_graph_holds(tmp_path: Path) -> None:
    known = {"arn": "arn:aws:s3:::data-bucket"}
    bucket = _resource("aws:s3/bucket:Bucket", "data", {"bucket": "data-bucket"}, id="data-bucket", outputs=known)
    rules = [{"status": "Enabled", "id": "old", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}]
    lifecycle = _resource(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "old", {"bucket": "data-bucket", "rules": rules},
        dependencies=(bucket.urn,), property_dependencies={"bucket": (bucket.urn,)}, options=Options(protect=True),
    )  # fmt: skip
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "v"}}
    config = _resource("kubernetes:core/v1:ConfigMap", "c", inputs)
    inputs = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"aB": 1}}
    rollout = _resource("kubernetes:argoproj.io/v1alpha1:Rollout", "r", inputs)
    found = _registered(Graph("groundwork", "dev", (AWS, bucket, lifecycle, config, rollout)), tmp_path)
    assert found == {
        ("pulumi:providers:aws", "main"): AWS_INPUTS,
        (bucket.type, "data"): {"bucket": "data-bucket"},
        (lifecycle.type, "old"): {"bucket": "data-id", "rules": rules},
        (config.type, "c"): dict(config.inputs),
        (rollout.type, "r"): dict(rollout.inputs),
    }


def test_names_that_clash_without_their_parents_are_numbered(tmp_path: Path) -> None:
    twins = [Resource(f"{URN}{p}$aws:s3/bucket:Bucket::data", "aws:s3/bucket:Bucket", "data", True, p, {}) for p in "ab"]
    assert set(_registered(Graph("groundwork", "dev", tuple(twins)), tmp_path)) == {(twins[0].type, "data"), (twins[0].type, "data-2")}


def test_secrets_are_not_written() -> None:
    text = generate(Graph("groundwork", "dev", (AWS, _resource("aws:rds/instance:Instance", "db", {"password": SecretValue("hunter2")}))))
    assert "hunter2" not in text
    assert "password=pulumi.Output.secret('(secret)')" in text


def test_unknown_values_are_refused() -> None:
    with pytest.raises(NotExpressible, match="unknown"):
        generate(Graph("groundwork", "dev", (_resource("aws:s3/bucket:Bucket", "data", {"bucket": UNKNOWN}),)))


def test_a_type_without_a_class_is_refused_by_name() -> None:
    with pytest.raises(NotExpressible, match="aws:made/up:Up"):
        class_of(_resource("aws:made/up:Up", "x", {}))


def test_the_flat_dev_stack_registers_what_dev_registers(tmp_path: Path) -> None:
    platform = evaluate(ROOT / "Pulumi.dev.yaml").graph
    program = tmp_path / "flat.py"
    program.write_text(generate(platform))
    flat = record(lambda: runpy.run_path(str(program)), project="groundwork", stack="dev", config={})
    assert _outline(flat) == _outline(platform)


def _outline(graph: Graph) -> list[tuple[str, list[str], bool]]:
    """Type, inputs and protection of every resource; values differ where they hold ids, which hang on parents."""
    return sorted((r.type, sorted(r.inputs), r.options.protect) for r in graph if r.custom)
