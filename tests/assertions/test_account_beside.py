"""The recovery region is watched as the site's is, and what is found there is told at home."""

import json

from graph.model import Graph, Resource
from policies.evaluate import evaluate
from policies.model import View
from policies.rules.recovery import region
from tests.assertions.graphs import graph

HOME, BESIDE = "us-west-2", "us-east-2"
DETECTOR, RECORDER = "aws:guardduty/detector:Detector", "aws:cfg/recorderStatus:RecorderStatus"
CHANNEL, PACK = "aws:cfg/deliveryChannel:DeliveryChannel", "aws:cfg/conformancePack:ConformancePack"
RULE, TARGET = "aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"


def there(made: Graph, token: str, where: str) -> list[Resource]:
    """Resources of a type in one of the stack's regions."""
    return [found for found in made.of_type(token) if region(found, View(made)) == where]


def own(made: Graph, token: str) -> list[Resource]:
    """Resources of a type that the rails of the recovery region made."""
    return [found for found in there(made, token, BESIDE) if found.name.startswith("account-recovery")]


def test_each_region_has_a_detector_a_running_recorder_and_an_analyzer() -> None:
    made = graph("prod")
    for token in (DETECTOR, RECORDER, CHANNEL, PACK):
        assert [len(there(made, token, where)) for where in (HOME, BESIDE)] == [1, 1], token
    analyzers = [{found.inputs["type"] for found in there(made, "aws:accessanalyzer/analyzer:Analyzer", where)} for where in (HOME, BESIDE)]
    assert analyzers == [{"ACCOUNT", "ACCOUNT_UNUSED_ACCESS"}, {"ACCOUNT"}], "unused rights are the account's, and charged by role"
    assert [len(there(made, "aws:cloudtrail/trail:Trail", where)) for where in (HOME, BESIDE)] == [1, 0]


def test_users_and_roles_are_recorded_and_judged_in_the_first_region_alone() -> None:
    made = graph("prod")
    recorders = [there(made, "aws:cfg/recorder:Recorder", where)[0] for where in (HOME, BESIDE)]
    assert [found.inputs["recordingGroup"]["includeGlobalResourceTypes"] for found in recorders] == [True, False]
    home, beside = (json.loads(there(made, PACK, where)[0].inputs["templateBody"])["Resources"].keys() for where in (HOME, BESIDE))
    assert {"RootAccountMfaEnabled", "IamUserMfaEnabled"} <= home - beside
    assert beside < home


def test_records_of_both_regions_lie_in_one_bucket_under_its_key() -> None:
    made = graph("prod")
    home, beside = (there(made, CHANNEL, where)[0].inputs for where in (HOME, BESIDE))
    assert (home["s3BucketName"], home["s3KmsKeyArn"]) == (beside["s3BucketName"], beside["s3KmsKeyArn"])


def test_findings_go_to_the_bus_at_home_by_a_role_that_can_do_nothing_else() -> None:
    made = graph("prod")
    bus = f"arn:aws:events:{HOME}:111122223333:event-bus/default"
    targets = own(made, TARGET)
    assert {target.inputs["arn"] for target in targets} == {bus}
    (role,) = {target.inputs["roleArn"] for target in targets}
    (rights,) = [found for found in made.of_type("aws:iam/rolePolicy:RolePolicy") if found.name == "account-recovery-findings-policy"]
    assert role.endswith(f"role/{rights.inputs['role']}")
    (statement,) = json.loads(rights.inputs["policy"])["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["events:PutEvents"], [bus])
    home, beside = ({rule.inputs["eventPattern"] for rule in rules} for rules in (there(made, RULE, HOME), own(made, RULE)))
    assert len(beside) == 3
    assert beside <= home, "what is forwarded is told at home by the same pattern"


def test_a_region_that_nobody_watches_is_found() -> None:
    made = graph("prod")
    cut = Graph(made.project, made.stack, tuple(found for found in made if found not in there(made, DETECTOR, BESIDE)))
    blamed = {verdict.urn for verdict in evaluate(cut) if verdict.rule == "account-threats" and verdict.status == "fail"}
    assert [urn.rpartition("::")[2] for urn in blamed] == [f"aws-{BESIDE}"]


def test_tags_that_budgets_count_are_made_active_where_asked_and_stay_so() -> None:
    from tests.config.fields import data, draw, judged

    platform = judged("aws-account", data("aws-account"))
    assert platform
    tags = draw(platform).of_type("aws:costexplorer/costAllocationTag:CostAllocationTag")
    assert {tag.inputs["tagKey"]: tag.inputs["status"] for tag in tags} == {"groundwork:owner": "Active", "groundwork:pool": "Active"}
    assert all(tag.options.retain_on_delete for tag in tags), "budgets of other stacks may count them"
    assert not graph("prod").of_type("aws:costexplorer/costAllocationTag:CostAllocationTag")
