"""The plan: Terraform's names and block shapes, references that join, nothing secret."""

import json
from typing import Any

import pytest

from graph.exporters.shapes import UnmappedType, shapes
from graph.exporters.terraform import terraform_plan
from graph.model import UNKNOWN, Graph, Resource, SecretValue

PROVIDER = Resource(
    "urn:pulumi:dev::groundwork::pulumi:providers:aws::main", "pulumi:providers:aws", "main", True, "", {"region": "us-west-2"}
)
BUCKET = "urn:pulumi:dev::groundwork::aws:s3/bucket:Bucket::data"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"


def _resource(token: str, name: str, inputs: dict[str, Any], *, parent: str = "", known: Any = None, **deps: str) -> Resource:
    urn = f"urn:pulumi:dev::groundwork::{parent}{token}::{name}"
    sources = {key: (urn,) for key, urn in deps.items()}
    return Resource(
        urn, token, name, True, "", inputs, id=(known or {}).get("id", ""), outputs=known or {}, provider=PROVIDER.urn,
        dependencies=tuple(deps.values()), property_dependencies=sources,
    )  # fmt: skip


def _plan(*resources: Resource) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]], dict[str, Any]]:
    plan = terraform_plan(Graph("groundwork", "dev", (PROVIDER, *resources)))
    planned = {row["address"]: row["values"] for row in plan["planned_values"]["root_module"]["resources"]}
    configured = {row["address"]: row for row in plan["configuration"]["root_module"]["resources"]}
    return planned, configured, plan


def test_a_plan_has_what_scanners_refuse_to_do_without() -> None:
    _, _, plan = _plan()
    assert plan["terraform_version"]
    assert plan["planned_values"] == {"root_module": {"resources": []}}


def test_names_blocks_and_maps_are_as_terraform_has_them() -> None:
    inputs = {
        "enabledClusterLogTypes": ["api"],
        "encryptionConfig": {"provider": {"keyArn": "arn:k"}, "resources": ["secrets"]},
        "vpcConfig": {"endpointPublicAccess": False, "subnetIds": ["subnet-1"]},
        "tags": {"groundwork:owner": "mlops", "camelCase": "kept"},
    }
    planned, _, _ = _plan(_resource("aws:eks/cluster:Cluster", "gpu", inputs))
    assert planned["aws_eks_cluster.gpu"] == {
        "enabled_cluster_log_types": ["api"],
        "encryption_config": [{"provider": [{"key_arn": "arn:k"}], "resources": ["secrets"]}],
        "vpc_config": [{"endpoint_public_access": False, "subnet_ids": ["subnet-1"]}],
        "tags": {"groundwork:owner": "mlops", "camelCase": "kept"},
    }


def test_plural_blocks_become_singular_and_stay_lists() -> None:
    rules = [{"id": "old", "status": "Enabled", "expiration": {"days": 3}, "transitions": [{"days": 1, "storageClass": "GLACIER"}]}]
    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    planned, _, _ = _plan(_resource(token, "old", {"bucket": "b", "rules": rules}))
    assert planned["aws_s3_bucket_lifecycle_configuration.old"]["rule"] == [
        {"id": "old", "status": "Enabled", "expiration": [{"days": 3}], "transition": [{"days": 1, "storage_class": "GLACIER"}]}
    ]


def test_an_object_where_terraform_wants_a_document_becomes_its_text() -> None:
    planned, _, _ = _plan(_resource("aws:iam/role:Role", "r", {"assumeRolePolicy": {"Version": "2012-10-17", "Statement": []}}))
    assert json.loads(planned["aws_iam_role.r"]["assume_role_policy"]) == {"Version": "2012-10-17", "Statement": []}


@pytest.mark.parametrize("value", ["data-bucket", UNKNOWN], ids=["known", "unknown"])
def test_a_split_resource_refers_to_its_bucket(value: object) -> None:
    bucket = _resource("aws:s3/bucket:Bucket", "data", {"bucket": "data-bucket"}, known={"id": "data-bucket", "bucket": "data-bucket"})
    versioning = _resource(VERSIONING, "data-versioning", {"bucket": value}, bucket=BUCKET)
    planned, configured, _ = _plan(bucket, versioning)
    expected = ["aws_s3_bucket.data.id", "aws_s3_bucket.data"]
    assert configured["aws_s3_bucket_versioning.data-versioning"]["expressions"] == {"bucket": {"references": expected}}
    assert ("bucket" in planned["aws_s3_bucket_versioning.data-versioning"]) == (value is not UNKNOWN)


def test_a_reference_inside_a_block_stands_where_its_value_stands() -> None:
    known = {"id": "1234abcd-0000", "arn": "arn:aws:kms:us-west-2:111122223333:key/1234abcd-0000"}
    key = _resource("aws:kms/key:Key", "k", {}, known=known)
    inputs = {"encryptionConfig": {"provider": {"keyArn": known["arn"]}, "resources": ["secrets"]}}
    _, configured, _ = _plan(key, _resource("aws:eks/cluster:Cluster", "gpu", inputs, encryptionConfig=key.urn))
    found = configured["aws_eks_cluster.gpu"]["expressions"]
    assert found == {"encryption_config": [{"provider": [{"key_arn": {"references": ["aws_kms_key.k.arn", "aws_kms_key.k"]}}]}]}


def test_unknown_items_keep_their_place() -> None:
    planned, _, _ = _plan(_resource("aws:rds/subnetGroup:SubnetGroup", "g", {"subnetIds": ["subnet-1", UNKNOWN], "name": UNKNOWN}))
    assert planned["aws_db_subnet_group.g"] == {"subnet_ids": ["subnet-1", None]}


def test_a_dependency_without_a_value_is_stated() -> None:
    bucket = _resource("aws:s3/bucket:Bucket", "data", {"bucket": "data-bucket"})
    waiting = Resource("urn:w", VERSIONING, "w", True, "", {}, provider=PROVIDER.urn, dependencies=(bucket.urn, "urn:component"))
    _, configured, _ = _plan(bucket, waiting)
    assert configured["aws_s3_bucket_versioning.w"]["depends_on"] == ["aws_s3_bucket.data"]


def test_secrets_never_leave_and_keep_their_type() -> None:
    inputs = {
        "password": SecretValue("hunter2"), "port": SecretValue(5432), "storageEncrypted": SecretValue(True),
        "tags": {"k": SecretValue("hunter2")},
        "restoreToPointInTime": SecretValue({"sourceDbInstanceIdentifier": "hunter2"}),
    }  # fmt: skip
    planned, _, plan = _plan(_resource("aws:rds/instance:Instance", "db", inputs))
    assert "hunter2" not in json.dumps(plan)
    assert planned["aws_db_instance.db"] == {
        "password": "(secret)", "port": 0, "storage_encrypted": False, "tags": {"k": "(secret)"},
        "restore_to_point_in_time": [{"source_db_instance_identifier": "(secret)"}],
    }  # fmt: skip


def test_an_unmapped_type_is_an_error_that_names_type_and_urn() -> None:
    with pytest.raises(UnmappedType, match=r"aws:made/up:Up.*urn:pulumi:dev::groundwork::aws:made/up:Up::x"):
        _plan(_resource("aws:made/up:Up", "x", {}))


def test_kubernetes_objects_are_not_in_the_plan() -> None:
    planned, _, _ = _plan(_resource("kubernetes:core/v1:Namespace", "n", {}))
    assert planned == {}


def test_two_logical_names_that_clash_get_two_addresses_in_any_order() -> None:
    twins = [_resource("aws:s3/bucket:Bucket", "data", {"bucket": p}, parent=p + "$") for p in ("a", "b")]
    first, second = _plan(*twins)[0], _plan(*reversed(twins))[0]
    assert len(first) == 2
    assert first == second


def test_regions_are_carried_by_the_provider() -> None:
    _, configured, plan = _plan(_resource("aws:s3/bucket:Bucket", "data", {}))
    assert configured["aws_s3_bucket.data"]["provider_config_key"] == "main"
    expected = {"name": "aws", "alias": "main", "expressions": {"region": {"constant_value": "us-west-2"}}}
    assert plan["configuration"]["provider_config"] == {"main": expected}


def test_the_table_gives_every_type_another_terraform_type() -> None:
    found = [shape.type for shape in shapes().values()]
    assert len(found) == len(set(found))
    assert all(name.startswith("aws_") for name in found)
