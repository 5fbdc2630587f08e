"""Looking pinned facts up: what moto's account answers, calls held to botocore's own models, and files that keep their comments."""

import builtins
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from botocore.stub import Stubber
from click.testing import CliRunner, Result
from moto import mock_aws

from components.spec import placeholder
from infra.aws.platform import AwsPlatform
from infra.config import load_file
from infra.reading.faults import ConfigFaults
from operations import account_facts as facts
from operations.account_facts import Answer, Fact, Findings, Pinned, Suggestion
from operations.lookup import _pinned as asked_about
from operations.lookup import lookup
from operations.stack_edit import edited

ROOT = Path(__file__).parents[2]
ZEROS = "sha256:" + "0" * 64
RESERVED = "cr-" + "0" * 17
IMAGE = f"123456789012.dkr.ecr.us-west-2.amazonaws.com/groundwork-dev-mlflow@{ZEROS}"
MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {"digest": "%s"}, "layers": []}'
ADDONS = ("coredns", "kube-proxy", "vpc-cni")
PINNED = Pinned(
    data={
        "site": {"account": "111122223333"},
        "cluster": {
            "administrators": ["arn:aws:iam::111122223333:role/deploy"],
            "image_release": "1.50.0-1a2b3c4d",
            "addons": {"coredns": "v1.12.1-eksbuild.2"},
            "pools": {"training": {"capacity": [{"block": RESERVED}]}},
        },
        "tracking": {"image": IMAGE},
    },
    account="111122223333",
    zones=("us-west-2a", "us-west-2z"),
    version="1.34",
    system="m7i.large",
    pools={"training": "p5.48xlarge"},
    addons=ADDONS,
)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "123456789012")
    with mock_aws():
        session = boto3.session.Session(region_name="us-west-2")
        yield lambda service: session.client(service)


def asked(
    question: Callable[..., Iterator[Answer]], calls: list[tuple[str, dict[str, Any]]], service: str, pinned: Pinned = PINNED
) -> list[Any]:
    """What a question makes of canned answers. The stub holds every request and every answer to botocore's model of the service."""
    client = boto3.session.Session("none", "none", region_name="us-west-2").client(service)
    with Stubber(client) as stub:
        for operation, answer in calls:
            stub.add_response(operation, answer)
        found = list(question(pinned, lambda name: client))
        stub.assert_no_pending_responses()
    return found


def test_the_account_fills_the_example_and_contradicts_any_other(account: Callable[[str], Any]) -> None:
    example, role = facts.identity(PINNED, account)
    assert isinstance(example, Suggestion)
    assert (example.place, example.new, example.certain) == (("site", "account"), "123456789012", True)
    assert isinstance(role, Suggestion)
    assert role.new == "arn:aws:iam::123456789012:role/deploy"
    (other,) = facts.identity(replace(PINNED, account="444455556666", data={"site": {"account": "444455556666"}}), account)
    assert isinstance(other, Suggestion)
    assert not other.certain
    assert list(facts.identity(replace(PINNED, account="123456789012"), account)) == []


def test_zones_have_ids_and_one_that_is_not_there_is_to_be_chosen_anew(account: Callable[[str], Any]) -> None:
    told, suggested = facts.zones(PINNED, account)
    assert isinstance(told, Fact)
    assert "us-west-2a is usw2-az2" in told.text
    assert isinstance(suggested, Suggestion)
    assert (suggested.place, suggested.old, suggested.new, suggested.certain) == (("site", "zones", 1), "us-west-2z", "us-west-2b", False)


def test_offerings_name_the_zones_without_a_machine(account: Callable[[str], Any]) -> None:
    told = {row.subject: row.text for row in facts.offerings(PINNED, account) if isinstance(row, Fact)}
    assert told.keys() == {"m7i.large", "p5.48xlarge"}
    assert all("not in us-west-2z" in text and "us-west-2a" in text for text in told.values())


def test_the_newest_image_fills_a_placeholder(account: Callable[[str], Any]) -> None:
    ecr = account("ecr")
    ecr.create_repository(repositoryName="groundwork-dev-mlflow")
    (empty,) = facts.digests(PINNED, account)
    assert isinstance(empty, Fact)
    for tag in ("one", "two"):
        ecr.put_image(repositoryName="groundwork-dev-mlflow", imageManifest=MANIFEST % tag, imageTag=tag)
    (found,) = facts.digests(PINNED, account)
    assert isinstance(found, Suggestion)
    digests = {
        row["imageTags"][0]: row["imageDigest"] for row in ecr.describe_images(repositoryName="groundwork-dev-mlflow")["imageDetails"]
    }
    assert found.place == ("tracking", "image")
    assert found.new.rpartition("@")[2] in digests.values()
    assert not placeholder(found.new)


def test_the_release_is_the_one_that_all_images_have() -> None:
    def answers(*values: str) -> list[tuple[str, dict[str, Any]]]:
        return [("get_parameter", {"Parameter": {"Value": value}}) for value in values]

    (found,) = asked(facts.image_release, answers("1.55.0-d93bb1b1", "1.55.0-d93bb1b1"), "ssm")
    assert (found.place, found.new) == (("cluster", "image_release"), "1.55.0-d93bb1b1")
    (unlike,) = asked(facts.image_release, answers("1.55.0-d93bb1b1", "1.54.0-0a0b0c0d"), "ssm")
    assert "no release suits all images" in unlike.text
    assert "aws-k8s-1.34-nvidia/x86_64" in unlike.text
    assert asked(facts.image_release, answers("1.50.0-1a2b3c4d", "1.50.0-1a2b3c4d"), "ssm") == []


def test_every_addon_of_the_cluster_gets_a_version_and_no_other() -> None:
    def answer(version: str) -> tuple[str, dict[str, Any]]:
        rows = [
            {"addonVersion": "v0.0.1-eksbuild.1", "compatibilities": [{"clusterVersion": "1.34", "defaultVersion": False}]},
            {"addonVersion": version, "compatibilities": [{"clusterVersion": "1.34", "defaultVersion": True}]},
        ]
        return "describe_addon_versions", {"addons": [{"addonVersions": rows}]}

    found = asked(facts.addon_versions, [answer("v1.13.2-eksbuild.7")] * len(ADDONS), "eks")
    assert {one.place[-1] for one in found} == set(ADDONS)
    assert all(one.certain for one in found)
    assert [(one.old, one.new) for one in found if one.place[-1] == "coredns"] == [("v1.12.1-eksbuild.2", "v1.13.2-eksbuild.7")]


@pytest.mark.parametrize("base", ["Pulumi.dev.yaml", "Pulumi.prod.yaml", "examples/Pulumi.auto-mode.yaml"])
def test_an_upgrade_is_looked_up_before_it_is_accepted(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / Path(base).name
    text = (ROOT / base).read_text()
    path.write_text(re.sub(r'( +)version: "1.35"', r'\1version: "1.35"\n\1upgrade_from: "1.34"', text))
    wanted = asked_about(path)[0].addons
    version = "v1.35.3-eksbuild.2"
    if base.startswith("Pulumi"):
        with pytest.raises(ConfigFaults, match="groundwork lookup --write"):
            load_file(path)
    found = Findings([Suggestion(("cluster", "addons", name), "", version, "eks") for name in wanted])
    monkeypatch.setattr(facts, "ask", lambda *_: found)
    assert run(path, "--write").return_value == 0
    platform, _ = load_file(path)
    assert isinstance(platform, AwsPlatform)
    assert platform.cluster.addons == dict.fromkeys(wanted, version)
    assert platform.cluster.upgrade_from == "1.34", "what was not judged is still in the file"


def reservation(name: str) -> dict[str, Any]:
    return {
        "CapacityReservationId": name,
        "InstanceType": "p5.48xlarge",
        "AvailabilityZone": "us-west-2b",
        "TotalInstanceCount": 4,
        "State": "active",
        "StartDate": datetime(2026, 11, 1, tzinfo=UTC),
    }


def test_a_reservation_fills_a_placeholder_when_it_is_the_only_one() -> None:
    def calls(*names: str) -> list[tuple[str, dict[str, Any]]]:
        return [("describe_capacity_reservations", {"CapacityReservations": [reservation(name) for name in names]})]

    told, found = asked(facts.reservations, calls("cr-0a1b2c3d4e5f60718"), "ec2")
    assert "4 x p5.48xlarge in us-west-2b, active" in told.text
    assert (found.place, found.new, found.certain) == (
        ("cluster", "pools", "training", "capacity", 0, "block"),
        "cr-0a1b2c3d4e5f60718",
        True,
    )
    *_, doubtful = asked(facts.reservations, calls("cr-0a1b2c3d4e5f60718", "cr-0a1b2c3d4e5f60719"), "ec2")
    assert not doubtful.certain


def test_what_the_account_refuses_keeps_no_other_question_from_being_asked(account: Callable[[str], Any]) -> None:
    found = facts.ask(PINNED, account, (BotoCoreError, ClientError, NotImplementedError))
    assert found.unanswered.keys() == {"image release", "add-on versions", "reservations", "image digests"}
    assert {fact.subject for fact in found.facts} >= {"zones", "p5.48xlarge"}


TEXT = """\
# The platform.
config:
  pulumi:disable-default-providers: ["*"]   # none
  groundwork:platform:
    site: {account: "111122223333", zones: [a, b]}  # where
    cluster:
      # how it is made
      version: "1.34"
      addons: {coredns: v1.12.1-eksbuild.2}
    list:
      - {block: cr-0}
"""


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        (("site", "account"), "123456789012", '    site: {account: "123456789012", zones: [a, b]}  # where'),
        (("site", "zones", 1), "us-west-2b", '    site: {account: "111122223333", zones: [a, us-west-2b]}  # where'),
        (("cluster", "addons", "coredns"), "v1.13.2-eksbuild.7", "      addons: {coredns: v1.13.2-eksbuild.7}"),
        (("cluster", "addons", "vpc-cni"), "v1.2.3-eksbuild.4", "      addons: {vpc-cni: v1.2.3-eksbuild.4, coredns: v1.12.1-eksbuild.2}"),
        (("cluster", "image_release"), "1.55.0-d93bb1b1", "      image_release: 1.55.0-d93bb1b1"),
        (("registry", "a", "b"), "1e5", '    registry: {a: {b: "1e5"}}'),
        (("list", 0, "block"), "cr-1", "      - {block: cr-1}"),
    ],
)
def test_an_edit_changes_one_line_and_no_comment(place: tuple[str | int, ...], value: str, line: str) -> None:
    before, after = TEXT.splitlines(), edited(TEXT, {("config", "groundwork:platform", *place): value}).splitlines()
    assert [row for row in after if row not in before] == [line]
    assert [row for row in before if "#" in row and "site" not in row] == [row for row in after if "#" in row and "site" not in row]
    found = yaml.safe_load("\n".join(after))["config"]["groundwork:platform"]
    for part in place:
        found = found[part]
    assert found == value


@pytest.mark.parametrize("place", [("cluster", "version", "x"), ("list", 7), ("site",)])
def test_an_edit_that_has_no_place_is_refused(place: tuple[str | int, ...]) -> None:
    with pytest.raises(KeyError):
        edited(TEXT, {("config", "groundwork:platform", *place): "x"})


@pytest.mark.parametrize(
    ("text", "invented"),
    [
        ("111122223333", True),
        ("123456789012", False),
        (f"example.com/a@{ZEROS}", True),
        ("example.com/a@sha256:" + "0" * 63 + "1", False),
        (RESERVED, True),
        ("cr-0a1b2c3d4e5f60718", False),
        ("vpc-00000000", True),
        ("1.50.0-00000000", True),
        ("1.50.0-1a2b3c4d", False),
    ],
)
def test_one_place_knows_what_may_be_invented(text: str, invented: bool) -> None:
    assert placeholder(text) is invented


def run(path: Path, *options: str) -> Result:
    return CliRunner().invoke(lookup, ["--config", str(path), *options], standalone_mode=False)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Findings:
    """An account that answers everything."""
    found = Findings(
        [
            Suggestion(("site", "account"), "111122223333", "123456789012", "sts:GetCallerIdentity"),
            Suggestion(("cluster", "image_release"), "", "1.55.0-d93bb1b1", "ssm:GetParameter"),
            Suggestion(("site", "zones", 0), "us-west-2a", "us-west-2d", "ec2:DescribeAvailabilityZones", certain=False),
        ],
        [Fact("zones", "us-west-2a is usw2-az2")],
    )
    monkeypatch.setattr(facts, "ask", lambda *_: found)
    return found


def stack(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text((ROOT / "Pulumi.dev.yaml").read_text())
    return path


def test_nothing_is_written_unless_asked(tmp_path: Path, answering: Findings) -> None:
    path = stack(tmp_path)
    before = path.read_text()
    done = run(path)
    assert done.return_value == 0
    assert path.read_text() == before
    assert "+ 123456789012    sts:GetCallerIdentity" in done.output
    assert "site.zones[0]  (choose yourself)" in done.output


def test_what_is_certain_is_written_and_the_file_still_loads(tmp_path: Path, answering: Findings) -> None:
    path = stack(tmp_path)
    text = path.read_text()
    refused = run(path, "--write")
    assert refused.exception is not None, "the administrators would be of another account"
    assert path.read_text() == text, "a file that would not load is left alone"
    answering.suggestions.pop(0)
    done = run(path, "--write", "--json")
    assert done.return_value == 0
    assert json.loads(done.output)["written"] == str(path)
    assert "image_release: 1.55.0-d93bb1b1" in path.read_text()
    assert "us-west-2d" not in path.read_text()
    assert path.read_text().splitlines()[0] == text.splitlines()[0]


def test_an_unanswered_question_is_told(tmp_path: Path, answering: Findings) -> None:
    answering.unanswered["zones"] = "AccessDenied"
    done = run(stack(tmp_path))
    assert done.return_value == 1
    assert "not answered: zones: AccessDenied" in done.output


def test_a_site_without_an_account_has_nobody_to_ask() -> None:
    refused = run(ROOT / "Pulumi.onprem.yaml")
    assert "nobody to ask" in str(refused.exception)


def test_a_given_cluster_pins_no_release_and_no_version(account: Callable[[str], Any]) -> None:
    given = replace(PINNED, version="", system="", addons=())
    assert list(facts.image_release(given, account)) == list(facts.addon_versions(given, account)) == []
    assert [row.subject for row in facts.offerings(given, account) if isinstance(row, Fact)] == ["p5.48xlarge"]
    pinned, region = asked_about(ROOT / "examples" / "Pulumi.existing-cluster.yaml")
    assert (pinned.version, pinned.pools, region) == ("", {"serving": "g6.2xlarge"}, "eu-west-1")


def test_without_boto3_the_way_to_get_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **named: Any) -> Any:
        if name.split(".")[0] in ("boto3", "botocore"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "uv sync --group lookup" in str(run(stack(tmp_path)).exception)
