"""What an expert asks of a recovery region: that the copies are elsewhere, under keys of there, as closed as their sources, and in time."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from graph.model import Graph, Resource
from infra.aws.platform import AwsPlatform
from infra.config import load_file
from tests.assertions.graphs import STACKS, graph, on_aws

BUCKET, KEY, DATABASE = "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:rds/instance:Instance"
REPLICATION, REPOSITORY = "aws:s3/bucketReplicationConfig:BucketReplicationConfig", "aws:ecr/repository:Repository"
COPIES = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
CLUSTER, GROUP, ALARM = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup", "aws:cloudwatch/metricAlarm:MetricAlarm"
SETTINGS = ("Versioning", "PublicAccessBlock", "Policy", "OwnershipControls", "LifecycleConfiguration", "Logging")
SECOND_REGION = [name for name in on_aws() if "\n    recovery:\n" in STACKS[name].read_text()]


@pytest.fixture(params=SECOND_REGION)
def stack(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def platform(stack: str) -> AwsPlatform:
    found, _ = load_file(STACKS[stack])
    assert isinstance(found, AwsPlatform)
    return found


def region(stack: str, resource: Resource) -> str:
    """The region of the provider that makes a resource."""
    return str(graph(stack).by_urn[resource.provider].inputs["region"])


def region_of(stack: str, resource: Resource) -> str:
    """The region of the provider that makes a resource, or nothing for what is not of AWS."""
    return region(stack, resource) if resource.provider and resource.type.startswith("aws:") else ""


def made_in(stack: str, where: str, kind: str) -> list[Resource]:
    return [resource for resource in graph(stack).of_type(kind) if region(stack, resource) == where]


def named(found: Graph, kind: str, value: str, by: str = "bucket") -> Resource:
    (one,) = [resource for resource in found.of_type(kind) if resource.inputs[by] == value]
    return one


def copies(stack: str) -> Iterator[tuple[Resource, dict[str, Any], Resource, Resource]]:
    """(configuration, its one rule, source bucket, replica) of each copied bucket."""
    for config in graph(stack).of_type(REPLICATION):
        (rule,) = config.inputs["rules"]
        replica = rule["destination"]["bucket"].removeprefix("arn:aws:s3:::")
        yield config, rule, named(graph(stack), BUCKET, config.inputs["bucket"]), named(graph(stack), BUCKET, replica)


def regions(stack: str) -> tuple[str, str]:
    found = platform(stack)
    assert found.recovery
    return found.site.region, found.recovery.region


def test_at_least_the_example_has_a_second_region() -> None:
    assert "two-region" in SECOND_REGION


def test_each_region_has_a_provider_of_its_own_pinned_to_the_account(stack: str) -> None:
    providers = graph(stack).of_type("pulumi:providers:aws")
    assert sorted(provider.inputs["region"] for provider in providers) == sorted(regions(stack))
    assert {provider.inputs["allowedAccountIds"] for provider in providers} == {json.dumps([platform(stack).site.account])}


def test_what_is_in_the_recovery_region_is_what_the_component_holds(stack: str) -> None:
    home, away = regions(stack)
    for resource in graph(stack).custom:
        if resource.type.startswith("aws:"):
            assert (region(stack, resource) == away) == resource.name.startswith(("recovery-", "account-recovery-")), resource.urn
            assert region(stack, resource) in (home, away)


def test_every_declared_bucket_is_copied_in_time_under_a_key_of_there(stack: str) -> None:
    home, away = regions(stack)
    recovery = platform(stack).recovery
    assert recovery
    assert {rule["id"] for _, rule, _, _ in copies(stack)} == set(recovery.buckets)
    for config, rule, source, replica in copies(stack):
        assert (region(stack, config), region(stack, source), region(stack, replica)) == (home, home, away)
        assert rule["status"] == "Enabled"
        assert rule["sourceSelectionCriteria"] == {"sseKmsEncryptedObjects": {"status": "Enabled"}}
        assert rule["deleteMarkerReplication"] == {"status": "Disabled"}
        destination = rule["destination"]
        assert destination["replicationTime"] == {"status": "Enabled", "time": {"minutes": 15}}
        assert destination["metrics"] == {"status": "Enabled", "eventThreshold": {"minutes": 15}}
        keys = [key for key in graph(stack).of_type(KEY) if key.outputs["arn"] == destination["encryptionConfiguration"]["replicaKmsKeyId"]]
        assert [region(stack, key) for key in keys] == [away]


def test_replication_of_a_locked_bucket_waits_for_the_lock_of_the_copy() -> None:
    made, locked = graph("prod"), 0
    locks = {lock.inputs["bucket"]: lock for lock in made.of_type(LOCK)}
    for config, _, source, replica in copies("prod"):
        if source.inputs["bucket"] in locks:
            locked += 1
            assert locks[source.inputs["bucket"]].urn in config.dependencies
            assert locks[replica.inputs["bucket"]].urn in config.dependencies
    assert locked


def test_the_recovery_region_waits_for_nothing_at_home(stack: str) -> None:
    home, away = regions(stack)
    made = graph(stack)
    (provider,) = {resource.provider for resource in made.resources if region_of(stack, resource) == away}
    assert not made.by_urn[provider].dependencies
    assert home != away


def test_replication_waits_for_versions_at_both_ends(stack: str) -> None:
    for config, _, source, replica in copies(stack):
        for bucket in (source, replica):
            versioning = named(graph(stack), "aws:s3/bucketVersioning:BucketVersioning", bucket.inputs["bucket"])
            assert versioning.inputs["versioningConfiguration"] == {"status": "Enabled"}
            assert versioning.urn in config.dependencies


def settings(stack: str, bucket: Resource) -> dict[str, Any]:
    """How a bucket is set, with its own name and what is named after it cut out."""
    found = {}
    for kind in SETTINGS:
        token = f"aws:s3/bucket{kind}:Bucket{kind}"
        inputs = dict(named(graph(stack), token, bucket.inputs["bucket"]).inputs)
        text = json.dumps({key: value for key, value in inputs.items() if key != "targetBucket"}, sort_keys=True)
        found[kind] = text.replace(bucket.inputs["bucket"], "BUCKET")
    return found


def test_a_copy_is_as_closed_and_kept_as_long_as_its_source(stack: str) -> None:
    for _, _, source, replica in copies(stack):
        assert settings(stack, replica) == settings(stack, source)


def test_a_sender_reads_one_bucket_and_writes_one_other(stack: str) -> None:
    for config, _, source, replica in copies(stack):
        name = config.inputs["role"].rpartition("/")[2]
        (policy,) = [p for p in graph(stack).of_type("aws:iam/rolePolicy:RolePolicy") if p.inputs["role"] == name]
        statements = json.loads(policy.inputs["policy"])["Statement"]
        arns = {f"arn:aws:s3:::{bucket.inputs['bucket']}{end}" for bucket in (source, replica) for end in ("", "/*")}
        touched = {resource for statement in statements for resource in statement["Resource"]}
        assert {arn for arn in touched if ":s3:" in arn} <= arns
        assert len({arn for arn in touched if ":kms:" in arn}) == 2
        writes = [r for s in statements if "s3:ReplicateObject" in s["Action"] for r in s["Resource"]]
        assert writes == [f"arn:aws:s3:::{replica.inputs['bucket']}/*"]
        assert all("kms:ViaService" in s["Condition"]["StringEquals"] for s in statements if s["Action"][0].startswith("kms:"))


def test_a_copy_that_falls_behind_raises_an_alarm_where_it_is_measured(stack: str) -> None:
    recovery = platform(stack).recovery
    assert recovery
    alarms = made_in(stack, recovery.region, ALARM)
    assert {alarm.inputs["dimensions"]["RuleId"] for alarm in alarms} == set(recovery.buckets)
    for alarm in alarms:
        assert alarm.inputs["metricName"] == "ReplicationLatency"
        assert alarm.inputs["threshold"] == recovery.rpo.seconds
        assert alarm.inputs["alarmActions"] == list(recovery.notify)


def test_the_databases_backups_are_copied_for_as_long_as_they_are_kept(stack: str) -> None:
    _, away = regions(stack)
    databases = graph(stack).of_type(DATABASE)
    copied = graph(stack).of_type(COPIES)
    assert {copy.inputs["sourceDbInstanceArn"] for copy in copied} == {database.outputs["arn"] for database in databases}
    for copy in copied:
        assert region(stack, copy) == away
        assert copy.inputs["retentionPeriod"] == databases[0].inputs["backupRetentionPeriod"]
        assert f":kms:{away}:" in copy.inputs["kmsKeyId"]


def test_images_follow_to_repositories_as_strict_as_those_they_come_from(stack: str) -> None:
    home, away = regions(stack)
    (config,) = graph(stack).of_type("aws:ecr/replicationConfiguration:ReplicationConfiguration")
    (rule,) = config.inputs["replicationConfiguration"]["rules"]
    names = {repository.inputs["name"] for repository in made_in(stack, home, REPOSITORY)}
    assert rule["destinations"] == [{"region": away, "registryId": platform(stack).site.account}]
    assert {row["filter"] for row in rule["repositoryFilters"]} == names
    assert {repository.inputs["name"] for repository in made_in(stack, away, REPOSITORY)} == names
    for repository in made_in(stack, away, REPOSITORY):
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.urn in config.dependencies
        (encryption,) = repository.inputs["encryptionConfigurations"]
        assert f":kms:{away}:" in encryption["kmsKey"]


def test_the_two_networks_can_be_connected(stack: str) -> None:
    first, second = (ip_network(vpc.inputs["cidrBlock"]) for vpc in graph(stack).of_type("aws:ec2/vpc:Vpc"))
    assert not first.overlaps(second)


def test_capacity_is_what_was_declared(stack: str) -> None:
    found = platform(stack)
    recovery = found.recovery
    assert recovery
    reserved = {
        r.inputs["instanceType"]: r.inputs for r in made_in(stack, recovery.region, "aws:ec2/capacityReservation:CapacityReservation")
    }
    declared = {found.cluster.pools[name].machine: row for name, row in recovery.capacity.items() if row.reserved}
    assert {machine: (row["instanceCount"], row["availabilityZone"]) for machine, row in reserved.items()} == {
        machine: (row.reserved, row.zone) for machine, row in declared.items()
    }
    assert all(row["instanceMatchCriteria"] == "open" for row in reserved.values())


def test_a_warm_cluster_waits_with_its_system_nodes_alone(stack: str) -> None:
    found = platform(stack)
    recovery = found.recovery
    assert recovery
    clusters = made_in(stack, recovery.region, CLUSTER)
    groups = {group.name.rpartition("-cluster-")[2]: group for group in made_in(stack, recovery.region, GROUP)}
    assert len(clusters) == (recovery.cluster == "warm")
    if recovery.cluster == "warm":
        comes_up = {name for name, row in recovery.capacity.items() if row.degraded != 0}
        system = {f"system-{zone}" for zone in recovery.zones}
        assert groups.keys() == {*system, *(f"pool-{name}-on-demand" for name in comes_up)}
        for name in comes_up:
            scaling = groups[f"pool-{name}-on-demand"].inputs["scalingConfig"]
            most = recovery.capacity[name].degraded
            assert (scaling["minSize"], scaling["maxSize"]) == (0, found.cluster.pools[name].max if most is None else most)


def test_no_name_that_is_global_is_used_twice(stack: str) -> None:
    for kind in (CLUSTER, "aws:iam/role:Role", BUCKET):
        names = [resource.inputs.get("name") or resource.inputs["bucket"] for resource in graph(stack).of_type(kind)]
        assert len(names) == len(set(names)), kind


def test_roles_may_act_in_both_regions_and_nowhere_else(stack: str) -> None:
    (boundary,) = graph(stack).of_type("aws:iam/policy:Policy")
    named = {
        region
        for statement in json.loads(boundary.inputs["policy"])["Statement"]
        for conditions in statement.get("Condition", {}).values()
        for region in conditions.get("aws:RequestedRegion", ())
    }
    assert named == set(regions(stack))


def test_a_restore_is_tried_of_what_is_copied_to_the_region_out_of_everybodys_reach() -> None:
    home, away = regions("prod")
    vaults = {region("prod", vault): vault for vault in graph("prod").of_type("aws:backup/vault:Vault")}
    assert vaults.keys() == {home, away}
    (plan,) = made_in("prod", home, "aws:backup/plan:Plan")
    (daily,) = plan.inputs["rules"]
    assert daily["targetVaultName"] == vaults[home].inputs["name"]
    assert [copy["destinationVaultArn"] for copy in daily["copyActions"]] == [vaults[away].outputs["arn"]]
    (selection,) = made_in("prod", home, "aws:backup/selection:Selection")
    assert selection.inputs["resources"][:1] == [database.outputs["arn"] for database in made_in("prod", home, DATABASE)]
    (test,) = made_in("prod", away, "aws:backup/restoreTestingPlan:RestoreTestingPlan")
    assert test.inputs["recoveryPointSelection"]["includeVaults"] == [vaults[away].outputs["arn"]]
    assert test.inputs["recoveryPointSelection"]["selectionWindowDays"] == daily["copyActions"][0]["lifecycle"]["deleteAfter"]
    (what,) = made_in("prod", away, "aws:backup/restoreTestingSelection:RestoreTestingSelection")
    into = what.inputs["restoreMetadataOverrides"]
    assert (what.inputs["protectedResourceType"], into["publiclyAccessible"]) == ("RDS", "false")
    (group,) = json.loads(into["vpcSecurityGroupIds"])
    rules = [*graph("prod").of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")]
    assert not [rule for rule in rules if rule.inputs["securityGroupId"] == group]
    for word in (test.inputs["name"], what.inputs["name"]):
        assert len(word) <= 50
        assert word.replace("_", "a").isalnum(), "what AWS Backup takes for a name"


def test_the_registrys_replication_can_be_left_to_another_stack() -> None:
    from policies.evaluate import evaluate
    from tests.config.fields import changed, data, draw, judged

    left = judged("aws-recovery", changed(data("aws-recovery"), {("recovery", "images"): "left"}))
    assert left
    made = draw(left)
    assert not made.of_type("aws:ecr/replicationConfiguration:ReplicationConfiguration")
    assert {found.name for found in made.of_type(REPOSITORY)} == {"registry-vllm", "recovery-images-vllm"}
    assert not [verdict for verdict in evaluate(made) if verdict.rule == "images-elsewhere" and verdict.status == "fail"]
    assert "images" in {note.subject for note in left.notes()}


def test_a_review_says_what_of_the_storage_no_region_has() -> None:
    told = [note.text for note in platform("prod").notes() if note.subject == "not copied"]
    assert any("scratch" in text for text in told)
    assert not any("shared" in text for text in told), "the drill's snapshots bring them"
    (selection,) = made_in("prod", regions("prod")[0], "aws:backup/selection:Selection")
    assert {files.outputs["arn"] for files in graph("prod").of_type("aws:efs/fileSystem:FileSystem")} < set(selection.inputs["resources"])
    assert any("checkpoints" in text for text in told)
