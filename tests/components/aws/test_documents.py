"""Policies say what they should and no more."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.aws.documents.keys import key_for_logs
from components.aws.documents.replication import End, replicates
from components.aws.documents.statements import document
from components.aws.documents.stores import bucket_access, tls_only, untagged_expiry
from components.aws.documents.trust import trust_pod, trust_service

BUCKET, KEY = "arn:aws:s3:::b", "arn:aws:kms:us-west-2:111122223333:key/k"


def resolved(make: Callable[[], Any]) -> Any:
    """What `make` returns, with its outputs resolved."""

    async def value() -> Any:
        return await pulumi.Output.from_input(make()).future()

    return asyncio.run(value())


def actions(statements: Any) -> set[str]:
    return {action for statement in statements for action in statement["Action"]}


def rights(access: Any) -> Any:
    return resolved(lambda: list(bucket_access(BUCKET, KEY, "us-west-2", access)))


def test_reading_gives_no_right_to_change_anything() -> None:
    reads = actions(rights("read"))
    assert reads == {"s3:ListBucket", "s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt"}


def test_writing_includes_reading() -> None:
    reads, writes = (actions(rights(access)) for access in ("read", "write"))
    assert reads < writes
    assert {"s3:PutObject", "s3:DeleteObject", "kms:GenerateDataKey"} <= writes


@pytest.mark.parametrize("access", ["read", "write"])
def test_a_prefix_limits_objects_and_listing(access: Any) -> None:
    listing, objects, key = resolved(lambda: list(bucket_access(BUCKET, KEY, "us-west-2", access, "models/llama/12/")))
    assert objects["Resource"] == [f"{BUCKET}/models/llama/12/*"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "models/llama/12/*"}}
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}


def test_no_prefix_is_the_whole_bucket() -> None:
    listing, objects, _ = rights("read")
    assert objects["Resource"] == [f"{BUCKET}/*"]
    assert "Condition" not in listing


def test_no_allow_statement_is_open() -> None:
    for statement in rights("write"):
        assert "*" not in statement["Resource"]
        assert not any(action.endswith(":*") for action in statement["Action"])


def test_a_pod_is_trusted_by_cluster_namespace_and_account() -> None:
    trust = trust_pod("cluster", "space", "account")
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert trust["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-name": "cluster",
        "aws:RequestTag/kubernetes-namespace": "space",
        "aws:RequestTag/kubernetes-service-account": "account",
    }


def test_a_service_is_trusted_on_behalf_of_one_account() -> None:
    assert trust_service("x.amazonaws.com", "111122223333")["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_logs_may_use_a_key_for_one_group_only() -> None:
    condition = key_for_logs("111122223333", "us-west-2", "/aws/eks/x/cluster")["Condition"]
    assert condition == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-west-2:111122223333:log-group:/aws/eks/x/cluster"}
    }


def test_buckets_refuse_what_is_not_tls() -> None:
    plain, old = resolved(lambda: list(tls_only(BUCKET)))
    assert plain["Effect"] == old["Effect"] == "Deny"
    assert plain["Resource"] == [BUCKET, f"{BUCKET}/*"]
    assert plain["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert old["Condition"] == {"NumericLessThan": {"s3:TlsVersion": "1.2"}}


def test_only_untagged_images_expire() -> None:
    (only,) = json.loads(untagged_expiry(14))["rules"]
    assert only["selection"] == {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}


def test_documents_carry_their_version_and_every_statement() -> None:
    text = resolved(lambda: document({"Sid": "a"}, {"Sid": "b"}))
    assert json.loads(text) == {"Version": "2012-10-17", "Statement": [{"Sid": "a"}, {"Sid": "b"}]}


def replication(locked: bool) -> Any:
    there = End("arn:aws:s3:::copy", "arn:aws:kms:us-east-2:111122223333:key/c", "us-east-2")
    return resolved(lambda: list(replicates(End(BUCKET, KEY, "us-west-2"), there, locked=locked)))


def test_what_copies_reads_the_source_and_writes_the_copy_each_under_its_key() -> None:
    statements = replication(False)
    assert not {action for action in actions(statements) if action.startswith(("s3:Put", "s3:Delete"))}
    decrypts, encrypts = (s for s in statements if s["Action"][0].startswith("kms:"))
    assert (decrypts["Resource"], encrypts["Resource"]) == ([KEY], ["arn:aws:kms:us-east-2:111122223333:key/c"])
    assert decrypts["Condition"]["StringLike"] == {"kms:EncryptionContext:aws:s3:arn": [BUCKET, f"{BUCKET}/*"]}
    assert encrypts["Condition"]["StringEquals"] == {"kms:ViaService": "s3.us-east-2.amazonaws.com"}


def test_locks_go_along_where_there_are_any() -> None:
    assert actions(replication(True)) - actions(replication(False)) == {"s3:GetObjectLegalHold", "s3:GetObjectRetention"}
