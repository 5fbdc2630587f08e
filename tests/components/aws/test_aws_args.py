"""What the arguments refuse, with the path and the words that help."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from components.aws.capacity.pools import GpuPoolArgs, SystemPoolArgs
from components.aws.cluster.args import ClusterArgs
from components.aws.cluster.control_plane import service_range
from components.aws.keys import KeyArgs
from components.aws.network.vpc import NetworkArgs
from components.aws.registry.database_args import DatabaseArgs
from components.aws.registry.registry import RegistryArgs
from components.aws.storage.args import StorageArgs
from components.aws.storage.retention import BucketArgs

ROLE, OTHER = "arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:role/b"
KEY = "arn:aws:kms:us-west-2:111122223333:key/0a1b2c3d-1111-4222-8333-444455556666"
GIVEN = {"bucket": "acme-weights", "key": KEY}
POOL = {"accelerator": "l40s", "machine": "g6e.12xlarge", "max": 2}
DATABASE = {"instance_class": "db.t4g.medium"}
CLUSTER = {"version": "1.35", "administrators": ["arn:aws:iam::111122223333:role/a"], "system": {"machine": "m7i.large"}, "pools": {}}
GOOD: dict[type[BaseModel], dict[str, Any]] = {
    NetworkArgs: {"cidr": "10.20.0.0/16", "egress": "nat"},
    GpuPoolArgs: POOL,
    SystemPoolArgs: {"machine": "m7g.large"},
    ClusterArgs: CLUSTER,
    DatabaseArgs: DATABASE,
    RegistryArgs: {"repositories": ["mlflow"], "database": DATABASE},
    BucketArgs: {},
    StorageArgs: {},
    KeyArgs: {"administrators": [ROLE], "users": [OTHER]},
}
BAD: list[tuple[type[BaseModel], dict[str, Any], str]] = [
    (NetworkArgs, {"cidr": "10.20.0.1/16"}, 'host bits set; the range is "10.20.0.0/16"'),
    (NetworkArgs, {"cidr": "10.20.0.0/24"}, "between /16 and /20"),
    (NetworkArgs, {"cidr": "8.8.0.0/16"}, "private range"),
    (NetworkArgs, {"cidr": "169.254.0.0/16"}, "private range"),
    (NetworkArgs, {"cidr": "10.20.0.0"}, "CIDR notation"),
    (NetworkArgs, {"cidr": "10.256.0.0/16"}, "CIDR notation"),
    (NetworkArgs, {"egress": "none"}, "must be true when egress is none"),
    (NetworkArgs, {"flow_log_retention": "31d"}, "that CloudWatch Logs keeps"),
    (NetworkArgs, {"flow_log_retention": "36h"}, "that CloudWatch Logs keeps"),
    (GpuPoolArgs, {"machine": "m7i.large"}, "cannot be in an accelerator pool: m7i.large has no accelerator"),
    (GpuPoolArgs, {"machine": "inf2.xlarge"}, "inf2.xlarge has inferentia2"),
    (GpuPoolArgs, {"machine": "g6e.12xlarg"}, "did you mean g6e.12xlarge?"),
    (GpuPoolArgs, {"accelerator": "l4s"}, "did you mean l4"),
    (GpuPoolArgs, {"accelerator": "h100"}, "is h100, but g6e.12xlarge has l40s; machines with it: p5.48xlarge, p5.4xlarge"),
    (GpuPoolArgs, {"min": 3}, "is 3, more than max (2)"),
    (GpuPoolArgs, {"capacity": ["spot", "spot"]}, "names a capacity twice"),
    (GpuPoolArgs, {"zones": ["us-west-2a", "us-west-2a"]}, "names a zone twice"),
    (GpuPoolArgs, {"disk": "8GiB"}, "between 20GiB and 16TiB"),
    (SystemPoolArgs, {"machine": "g6.xlarge"}, "has l4 accelerators"),
    (SystemPoolArgs, {"machine": "m7i.larg"}, "did you mean m7i.large?"),
    (SystemPoolArgs, {"min": 5}, "is 5, more than max (4)"),
    (ClusterArgs, {"public_access": ["0.0.0.0/0"]}, "opens the endpoint to most of the internet"),
    (ClusterArgs, {"public_access": ["128.0.0.0/1"]}, "opens the endpoint to most of the internet"),
    (ClusterArgs, {"administrators": []}, "at least 1 item"),
    (ClusterArgs, {"administrators": ["arn:aws:iam::111122223333:user/a"]}, "should match pattern"),
    (ClusterArgs, {"version": "1.20"}, "'1.33', '1.34' or '1.35'"),
    (ClusterArgs, {"addons": {"vpc-cni": "latest"}}, "should match pattern"),
    (DatabaseArgs, {"storage": "10GiB"}, "between 20GiB and 64TiB"),
    (DatabaseArgs, {"backup_retention": "3d"}, "between 7d and 35d"),
    (DatabaseArgs, {"instance_class": "m7i.large"}, "should match pattern"),
    (RegistryArgs, {"repositories": ["a", "a"]}, "names a repository twice"),
    (RegistryArgs, {"protect": False}, "must be true while database.protect is"),
    (BucketArgs, {"expire_after": "0d"}, "one or more whole days"),
    (BucketArgs, {"keep_versions": "36h"}, "one or more whole days"),
    (BucketArgs, {"tiers": {"glacier-instant": "90d", "intelligent-tiering": "90d"}}, "objects reach intelligent-tiering at 90d"),
    (BucketArgs, {"tiers": {"deep-archive": "365d"}, "expire_after": "365d"}, "expire them later, or drop that class"),
    (BucketArgs, {"tiers": {"standard-ia": "30d"}}, "'intelligent-tiering', 'glacier-instant', 'glacier' or 'deep-archive'"),
    (BucketArgs, {"lock": {"mode": "governance", "retain": "31d"}, "expire_after": "30d"}, "make it no longer"),
    (StorageArgs, {"existing": {"raw": GIVEN}, "raw": {"keep_versions": "30d"}}, "never modified: remove it, or existing.raw"),
    (StorageArgs, {"existing": {"raw": {**GIVEN, "key": "alias/weights"}}}, "should match pattern"),
    (StorageArgs, {"protect": False, "logs": {"lock": {"mode": "compliance", "retain": "30d"}}}, "use governance, or protect it"),
    (StorageArgs, {"existing": {"models": GIVEN, "datasets": GIVEN}}, "holds models too: name another bucket"),
    (KeyArgs, {"users": [ROLE]}, "so name another role"),
    (KeyArgs, {"existing": KEY}, "remove administrators, or existing"),
]


@pytest.mark.parametrize("model", GOOD)
def test_the_base_of_the_bad_cases_is_good(model: type[BaseModel]) -> None:
    assert model.model_validate(GOOD[model])


@pytest.mark.parametrize(("model", "change", "words"), BAD, ids=[f"{model.__name__}-{change}" for model, change, _ in BAD])
def test_refused_with_words_that_help(model: type[BaseModel], change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(GOOD[model] | change)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("vpc", "expected"), [("10.20.0.0/16", "172.20.0.0/16"), ("172.20.0.0/16", "10.100.0.0/16"), ("172.16.0.0/16", "172.20.0.0/16")]
)
def test_services_do_not_overlap_the_vpc(vpc: str, expected: str) -> None:
    assert service_range(vpc) == expected
