"""Each refused recovery region passes once the fix that its message names is applied, and nothing else is changed."""

from pathlib import Path
from typing import Any

import pytest

from components.spec import Reading
from infra.aws.platform import AwsPlatform
from infra.reading.stackfile import KEY, read
from infra.reading.validation import judge
from tests.config.fields import Place, changed

BAD = Path(__file__).parent / "bad"
SERVING: Place = ("recovery", "capacity", "serving")
TRAINING: Place = ("recovery", "capacity", "training")
OFFICES = {"kind": "transit-gateway", "gateway": "tgw-0fedcba9876543210", "ranges": ["10.8.0.0/16"]}
GONE = object()

FIXES: dict[str, dict[Place, Any]] = {
    "recovery-bucket-twice": {("recovery", "buckets"): ["artifacts", "models"]},
    "recovery-bucket-unknown": {("recovery", "buckets", 2): "datasets"},
    "recovery-capacity-both": {SERVING: {"degraded": 1}},
    "recovery-capacity-neither": {SERVING: {"degraded": 1}},
    "recovery-capacity-of-no-pool": {("recovery", "capacity", "trainning"): GONE},
    "recovery-capacity-of-nothing": {("recovery", "capacity"): GONE},
    "recovery-capacity-unsaid": {TRAINING: {"degraded": 0}},
    "recovery-cluster-that-nobody-reaches": {("recovery", "connections"): {"offices": OFFICES}},
    "recovery-database-without-artifacts": {("recovery", "buckets"): ["artifacts", "models"]},
    "recovery-degraded-somewhere": {(*TRAINING, "zone"): GONE},
    "recovery-endpoints-without-weights": {
        ("recovery", "cluster"): "none",
        ("recovery", "rto"): GONE,
        ("recovery", "capacity"): GONE,
    },
    "recovery-heard-elsewhere": {("recovery", "notify"): ["arn:aws:sns:us-east-2:111122223333:on-call"]},
    "recovery-in-its-own-region": {
        ("recovery", "region"): "us-east-2",
        ("recovery", "zones"): ["us-east-2a", "us-east-2b"],
        (*SERVING, "zone"): "us-east-2b",
    },
    "recovery-point-too-near": {("recovery", "rpo"): "30m"},
    "recovery-range-overlaps": {("recovery", "cidr"): "10.61.0.0/16"},
    "recovery-reserved-in-other-zone": {(*SERVING, "zone"): "us-east-2a"},
    "recovery-reserved-nowhere": {(*SERVING, "zone"): "us-east-2a"},
    "recovery-time-needs-drills": {("recovery", "assumes", "restore"): "10m"},
    "recovery-time-needs-warm": {("recovery", "cluster"): "warm"},
    "recovery-time-of-nothing": {("recovery", "rto"): GONE},
    "recovery-time-too-short": {("recovery", "rto"): "25m"},
    "recovery-without-a-database": {("recovery",): GONE},
    "recovery-without-time": {("recovery", "rto"): "2h"},
    "recovery-zone-elsewhere": {("recovery", "zones"): ["us-east-2a", "us-east-2b"]},
    "recovery-zone-twice": {("recovery", "zones"): ["us-east-2a", "us-east-2b"]},
}


def fixed(name: str) -> Any:
    fixes = FIXES[name]
    document = changed(read(BAD / f"{name}.yaml").config[KEY], fixes)
    for place in [place for place, value in fixes.items() if value is GONE]:
        holder = document
        for part in place[:-1]:
            holder = holder[part]
        del holder[place[-1]]
    return document


@pytest.mark.parametrize("name", sorted(FIXES))
def test_the_named_fix_is_one(name: str) -> None:
    platform, faults = judge(AwsPlatform, fixed(name), Reading())
    assert faults == []
    assert platform is not None


def test_every_refusal_has_its_fix() -> None:
    assert {path.stem for path in BAD.glob("recovery-*.yaml")} == set(FIXES)


def test_a_region_for_data_alone_promises_no_time() -> None:
    platform, _ = judge(AwsPlatform, fixed("recovery-endpoints-without-weights"), Reading())
    assert platform
    assert {"recovery", "rpo", "not copied"} <= (subjects := {note.subject for note in platform.notes()})
    assert "rto" not in subjects


def test_promises_state_what_is_degraded() -> None:
    platform, _ = judge(AwsPlatform, fixed("recovery-time-needs-warm"), Reading())
    assert platform
    told = {note.subject: note.text for note in platform.notes()}
    assert told["training recovered"] == "degraded: does not come up"
    assert told["serving recovered"] == "reserved: 2 of 6 g6e.12xlarge in us-east-2b, paid for all the time"
    assert "takes up to 33m" in told["rto"]
    assert "database up to 30m behind" in told["rpo"]


def test_buckets_of_others_are_theirs_to_copy() -> None:
    document = fixed("recovery-database-without-artifacts")
    key = "arn:aws:kms:us-west-2:111122223333:key/12345678-1234-1234-1234-123456789012"
    document["storage"] = {"existing": {"artifacts": {"bucket": "theirs", "key": key}}}
    platform, faults = judge(AwsPlatform, document, Reading())
    assert platform is None
    assert [fault.path for fault in faults] == ["recovery.buckets[0]"]
    platform, faults = judge(AwsPlatform, changed(document, {("recovery", "buckets"): ["models"]}), Reading())
    assert faults == []
