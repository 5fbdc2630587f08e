"""What an expert would look for in the account around a platform: audit, threats, records, access, and what it may cost."""

import json
from functools import cache
from typing import Any

import botocore.session
import pytest

from components.aws.account.alerts import pattern
from components.aws.account.conformance import RULES, pack
from components.aws.account.threats import AGENTS, FEATURES, FREQUENCIES
from graph.model import Graph, Resource
from tests.assertions.graphs import graph, on_aws

TRAIL, BUCKET, KEY = "aws:cloudtrail/trail:Trail", "aws:s3/bucket:Bucket", "aws:kms/key:Key"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
BUDGET, TOPIC = "aws:budgets/budget:Budget", "aws:sns/topic:Topic"


def one(stack: Graph, token: str) -> Resource:
    (found,) = [found for found in stack.of_type(token) if found.name.startswith("account")]
    return found


def before(resource: Resource, stack: Graph) -> set[str]:
    """Types that must be there before a resource."""
    return {stack.by_urn[urn].type for urn in resource.dependencies}


def statements(resource: Resource) -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in json.loads(resource.inputs["policy"])["Statement"]}


@cache
def prod() -> Graph:
    """What is not of the recovery region, which test_account_beside.py looks at."""
    made = graph("prod")
    return Graph(made.project, made.stack, tuple(found for found in made if not found.name.startswith("account-recovery")))


def test_the_trail_sees_everything_and_nobody_can_change_what_it_wrote() -> None:
    trail = one(prod(), TRAIL)
    assert {trail.inputs[name] for name in ("isMultiRegionTrail", "enableLogFileValidation", "enableLogging")} == {True}
    (bucket,) = (b for b in prod().of_type(BUCKET) if b.inputs["bucket"] == trail.inputs["s3BucketName"])
    locks = [lock for lock in prod().of_type(LOCK) if lock.inputs["bucket"] == bucket.inputs["bucket"]]
    assert [lock.inputs["rule"]["defaultRetention"] for lock in locks] == [{"mode": "GOVERNANCE", "days": 365}]
    assert [lock.inputs["objectLockEnabled"] for lock in locks] == ["Enabled"]
    assert bucket.inputs["forceDestroy"] is False
    assert bucket.options.protect
    assert "aws:s3/bucketPolicy:BucketPolicy" in before(trail, prod()), "CloudTrail tries the bucket when the trail is made"


def test_the_bucket_and_the_key_let_this_trail_in_and_no_other() -> None:
    trail = one(prod(), TRAIL)
    name = trail.inputs["name"]
    arn = f"arn:aws:cloudtrail:us-west-2:111122223333:trail/{name}"
    (policy,) = (p for p in prod().of_type("aws:s3/bucketPolicy:BucketPolicy") if p.inputs["bucket"] == trail.inputs["s3BucketName"])
    for sid in ("TrailLooks", "TrailWrites"):
        assert statements(policy)[sid]["Condition"]["StringEquals"]["aws:SourceArn"] == arn
    (key,) = (k for k in prod().of_type(KEY) if k.name == "account-key")
    assert statements(key)["TrailEncrypts"]["Condition"]["StringEquals"]["aws:SourceArn"] == arn


def test_data_events_are_of_the_buckets_that_were_chosen() -> None:
    management, objects = one(prod(), TRAIL).inputs["advancedEventSelectors"]
    assert management["fieldSelectors"] == [{"field": "eventCategory", "equals": ["Management"]}]
    (arns,) = (row["startsWiths"] for row in objects["fieldSelectors"] if row["field"] == "resources.ARN")
    names = [arn.removeprefix("arn:aws:s3:::").removesuffix("/") for arn in arns]
    assert [name.split("-")[2] for name in names] == ["raw", "datasets", "models", "artifacts"]
    assert set(names) <= {bucket.inputs["bucket"] for bucket in prod().of_type(BUCKET)}


def test_every_feature_of_the_detector_is_said_to_be_on_or_off() -> None:
    features = prod().of_type("aws:guardduty/detectorFeature:DetectorFeature")
    assert {row.inputs["name"]: row.inputs["status"] for row in features} == dict.fromkeys(FEATURES.values(), "ENABLED")
    (runtime,) = (row for row in features if row.inputs["name"] == "RUNTIME_MONITORING")
    on = {row["name"]: row["status"] for row in runtime.inputs["additionalConfigurations"]}
    assert on == {"EKS_ADDON_MANAGEMENT": "ENABLED", "EC2_AGENT_MANAGEMENT": "DISABLED", "ECS_FARGATE_AGENT_MANAGEMENT": "DISABLED"}


def test_words_of_the_services_are_in_their_own_models() -> None:
    session = botocore.session.get_session()
    guardduty, config, events = (session.get_service_model(name) for name in ("guardduty", "config", "accessanalyzer"))
    assert set(FEATURES.values()) <= set(guardduty.shape_for("DetectorFeature").enum)
    assert set(AGENTS) <= set(guardduty.shape_for("FeatureAdditionalConfiguration").enum)
    assert set(FREQUENCIES.values()) == set(guardduty.shape_for("FindingPublishingFrequency").enum)
    types = {row.inputs["type"] for row in prod().of_type("aws:accessanalyzer/analyzer:Analyzer")}
    assert types == {"ACCOUNT", "ACCOUNT_UNUSED_ACCESS"} <= set(events.shape_for("Type").enum)
    channel = one(prod(), "aws:cfg/deliveryChannel:DeliveryChannel").inputs
    assert channel["snapshotDeliveryProperties"]["deliveryFrequency"] in config.shape_for("MaximumExecutionFrequency").enum
    assert len(pack()) <= config.shape_for("TemplateBody").metadata["max"]


def test_recording_starts_last_and_stops_first() -> None:
    channel, recording = one(prod(), "aws:cfg/deliveryChannel:DeliveryChannel"), one(prod(), "aws:cfg/recorderStatus:RecorderStatus")
    assert "aws:cfg/recorder:Recorder" in before(channel, prod())
    assert "aws:s3/bucketPolicy:BucketPolicy" in before(channel, prod())
    assert "aws:cfg/deliveryChannel:DeliveryChannel" in before(recording, prod())
    assert "aws:cfg/recorderStatus:RecorderStatus" in before(one(prod(), "aws:cfg/conformancePack:ConformancePack"), prod())
    locked = {row.inputs["bucket"] for row in prod().of_type("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")}
    assert channel.inputs["s3BucketName"] not in locked, "AWS Config cannot deliver to a bucket with a default lock"


def test_the_pack_holds_each_rule_once_and_leaves_out_what_it_is_told_to() -> None:
    whole = json.loads(pack())["Resources"]
    identifiers = [row["Properties"]["Source"]["SourceIdentifier"] for row in whole.values()]
    assert len(identifiers) == len(set(identifiers)) == sum(map(len, RULES.values()))
    assert all(row["Type"] == "AWS::Config::ConfigRule" and row["Properties"]["Source"]["Owner"] == "AWS" for row in whole.values())
    fewer = json.loads(pack(["cluster"]))["Resources"]
    assert whole.keys() - fewer.keys() == {"".join(part.title() for part in rule.split("_")) for rule in RULES["cluster"]}


def test_findings_and_budgets_reach_one_encrypted_topic() -> None:
    topic = one(prod(), TOPIC)
    assert topic.inputs["kmsMasterKeyId"]
    targets, rules = (
        [row for row in prod().of_type(f"aws:cloudwatch/{kind[0].lower()}{kind[1:]}:{kind}") if row.name.startswith("account")]
        for kind in ("EventTarget", "EventRule")
    )
    sources = {json.loads(rule.inputs["eventPattern"])["source"][0] for rule in rules}
    assert sources == {"aws.guardduty", "aws.config", "aws.access-analyzer"}
    assert {row.inputs["arn"] for row in targets} == {topic.outputs["arn"]}
    told = statements(one(prod(), "aws:sns/topicPolicy:TopicPolicy"))
    assert {row["Principal"]["Service"] for row in told.values()} == {"budgets.amazonaws.com", "events.amazonaws.com"}
    budgets, events = told["BudgetsPublish"], told["FindingsPublish"]
    assert "aws:SourceArn" in budgets["Condition"]["ArnLike"]
    assert "Condition" not in events, "EventBridge sends no source, so that nothing would pass"
    (key,) = (k for k in prod().of_type(KEY) if k.name == "account-key")
    by = statements(key)
    writers = [*by["ServicesWrite"]["Principal"]["Service"], by["Events"]["Principal"]["Service"]]
    assert {row["Principal"]["Service"] for row in told.values()} <= set(writers), "publishing to the topic needs its key"


def test_budgets_count_the_tags_that_are_on_what_costs() -> None:
    filters = {value for row in prod().of_type(BUDGET) for value in row.inputs["costFilters"][0]["values"]}
    assert filters == {"user:groundwork:owner$ml-platform", "user:groundwork:pool$serving", "user:groundwork:pool$training"}
    (training,) = (row for row in prod().of_type(BUDGET) if row.name.endswith("pool-training"))
    assert (training.inputs["limitAmount"], training.inputs["limitUnit"], training.inputs["timeUnit"]) == ("600000", "USD", "MONTHLY")
    moments = [(row["notificationType"], row["threshold"]) for row in training.inputs["notifications"]]
    assert moments == [("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    assert all("aws:sns/topicPolicy:TopicPolicy" in before(row, prod()) for row in prod().of_type(BUDGET))


@pytest.mark.parametrize("stack", on_aws())
def test_machines_of_every_pool_carry_its_cost_tag(stack: str) -> None:
    for template in graph(stack).of_type("aws:ec2/launchTemplate:LaunchTemplate"):
        tagged = {row["resourceType"]: row["tags"].get("groundwork:pool") for row in template.inputs["tagSpecifications"]}
        assert tagged["instance"], f"{template.name}: its instances do not say which pool they cost for"


def test_a_rail_that_the_organisation_owns_is_not_made_twice() -> None:
    from tests.config.fields import data, draw, judged

    platform = judged("aws-existing", {**data("aws-existing"), "account": {"alerts": ["a@example.com"], "given": ["threats", "trail"]}})
    assert platform
    found = draw(platform)
    assert not [row for row in found if row.type.startswith(("aws:guardduty", "aws:cloudtrail", "aws:cfg"))]
    assert [row.name for row in found.of_type("aws:cloudwatch/eventRule:EventRule")] == ["account-alerts-threats"]


def test_only_changes_of_the_stacks_own_rules_are_told() -> None:
    rows = json.loads(pack())["Resources"].values()
    names = [row["Properties"]["ConfigRuleName"] for row in rows]
    for rule in prod().of_type("aws:cloudwatch/eventRule:EventRule"):
        events = json.loads(rule.inputs["eventPattern"])
        if events["source"] == ["aws.config"]:
            (prefix,) = events["detail"]["configRuleName"]
            assert all(name.startswith(prefix["prefix"]) for name in names)
    assert "configRuleName" not in pattern("records", given=True)["detail"], "others' rules"
    assert pattern("threats", given=True) == pattern("threats", given=False)
