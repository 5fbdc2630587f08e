"""The stand-in for AWS over gRPC, without the engine."""

from typing import Any

import pytest

from graph.model import UNKNOWN, SecretValue

VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"
BUCKET, VERSIONING = "aws:s3/bucket:Bucket", "aws:s3/bucketVersioning:BucketVersioning"
ROLE, ATTACHMENT = "aws:iam/role:Role", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TEMPLATE, KEY, DATABASE = "aws:ec2/launchTemplate:LaunchTemplate", "aws:kms/key:Key", "aws:rds/instance:Instance"
SECRET, REPOSITORY, CLUSTER = "aws:secretsmanager/secret:Secret", "aws:ecr/repository:Repository", "aws:eks/cluster:Cluster"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
COPIES = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
ROLE_INPUTS = {"name": "r", "assumeRolePolicy": "{}"}


def make(connection: Any, token: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
    found: tuple[str, dict[str, Any]] = connection.create(token, "thing", inputs)
    return found


# Provider instances


def test_an_account_that_is_not_allowed_is_refused(start_clouds: Any, refused: type[Exception]) -> None:
    clouds = start_clouds(existing={"account": "999999999999"})
    with pytest.raises(refused, match="AWS account ID not allowed: 999999999999"):
        clouds.aws()
    with pytest.raises(refused, match="not allowed"):
        clouds.connect("aws", {"region": "us-west-2", "forbiddenAccountIds": '["999999999999"]'})
    clouds.connect("aws", {"region": "us-west-2", "allowedAccountIds": '["1", "999999999999"]'})


def test_a_provider_without_region_is_refused(clouds: Any, refused: type[Exception]) -> None:
    with pytest.raises(refused, match="invalid AWS Region"):
        clouds.connect("aws", {})


def test_regions_are_told_apart_by_connection(clouds: Any) -> None:
    west, east = clouds.aws("us-west-2"), clouds.aws("us-east-2")
    id, state = make(west, VPC, cidrBlock="10.0.0.0/16")
    assert ":us-west-2:111122223333:" in state["arn"]
    assert east.read(VPC, "thing", id)[0] == ""
    assert west.read(VPC, "thing", id)[0] == id
    assert ":us-east-2:" in make(east, "aws:ec2/internetGateway:InternetGateway")[1]["arn"]


def test_a_resource_may_name_its_own_region(clouds: Any) -> None:
    id, state = make(clouds.aws("us-west-2"), VPC, cidrBlock="10.0.0.0/16", region="eu-west-1")
    assert ":eu-west-1:" in state["arn"]
    assert clouds.aws("eu-west-1").read(VPC, "thing", id, state)[0] == id


def test_an_unconfigured_connection_is_told_so(clouds: Any, refused: type[Exception]) -> None:
    with pytest.raises(refused, match="was never configured"):
        make(clouds.connect("aws", None), VPC, cidrBlock="10.0.0.0/16")


# Inputs


def test_inputs_are_held_against_the_sdk(clouds: Any) -> None:
    aws = clouds.aws()
    paths = [path for path, _ in aws.check(SUBNET, "s", {"cidrBlocks": "10.0.0.0/24"})]
    assert "cidrBlocks" in paths
    assert aws.check(VPC, "v", {"cidrBlock": UNKNOWN, "tags": {"a": "b"}}) == []
    ((_, reason),) = aws.check("aws:ec2/nonsense:Nonsense", "n", {})
    assert "is not a type" in reason


def test_a_preview_knows_inputs_but_not_what_the_cloud_assigns(clouds: Any) -> None:
    id, outputs = clouds.aws().create(VPC, "v", {"cidrBlock": "10.0.0.0/16"}, preview=True)
    assert (id, outputs["cidrBlock"], outputs["arn"]) == ("", "10.0.0.0/16", UNKNOWN)
    assert clouds.store.empty


def test_secrets_come_back_as_secrets(clouds: Any) -> None:
    aws = clouds.aws()
    inputs = {"name": "s", "description": SecretValue("canary")}
    id, outputs = aws.create(SECRET, "s", inputs)
    assert outputs["description"] == SecretValue("canary")
    assert aws.read(SECRET, "s", id, outputs)[2]["description"] == SecretValue("canary")


# References


def test_a_reference_must_exist_in_the_account_and_region(clouds: Any, refused: type[Exception]) -> None:
    west = clouds.aws("us-west-2")
    with pytest.raises(refused, match=r"InvalidVpcID\.NotFound: The vpc ID 'vpc-1' does not exist \(property vpcId\)"):
        make(west, SUBNET, vpcId="vpc-1", cidrBlock="10.0.0.0/24")
    vpc, _ = make(west, VPC, cidrBlock="10.0.0.0/16")
    with pytest.raises(refused, match=r"InvalidVpcID\.NotFound"):
        make(clouds.aws("us-east-2"), SUBNET, vpcId=vpc, cidrBlock="10.0.0.0/24")
    make(west, SUBNET, vpcId=vpc, cidrBlock="10.0.0.0/24")


def test_what_exists_outside_the_stack_may_be_referenced(start_clouds: Any) -> None:
    clouds = start_clouds(existing={"objects": {VPC: ["vpc-0abc*"]}})
    make(clouds.aws(), SUBNET, vpcId="vpc-0abc12", cidrBlock="10.0.0.0/24")


def test_policies_of_the_cloud_itself_exist(clouds: Any) -> None:
    aws = clouds.aws()
    make(aws, ROLE, **ROLE_INPUTS)
    make(aws, ATTACHMENT, role="r", policyArn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")


def test_identities_are_global_in_their_account(clouds: Any) -> None:
    make(clouds.aws("us-west-2"), ROLE, **ROLE_INPUTS)
    make(clouds.aws("us-east-2"), ATTACHMENT, role="r", policyArn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")


def test_a_bucket_is_found_from_another_region(clouds: Any) -> None:
    clouds.aws("us-west-2").create(BUCKET, "one", {"bucket": "data"})
    clouds.aws("us-east-2").create(VERSIONING, "one", {"bucket": "data", "versioningConfiguration": {"status": "Enabled"}})


def test_a_secret_reference_is_not_repeated(clouds: Any, refused: type[Exception]) -> None:
    with pytest.raises(refused, match=r"NoSuchBucket(.*)\[secret\]"):
        clouds.aws().create(VERSIONING, "one", {"bucket": SecretValue("canary"), "versioningConfiguration": {"status": "Enabled"}})


# Names


def test_a_bucket_name_is_taken_in_the_whole_world(clouds: Any, refused: type[Exception]) -> None:
    clouds.aws("us-west-2").create(BUCKET, "one", {"bucket": "data"})
    with pytest.raises(refused, match="BucketAlreadyExists"):
        clouds.aws("us-east-2").create(BUCKET, "two", {"bucket": "data"})
    assert len(clouds.store.objects()) == 1


def test_a_repository_name_is_taken_in_its_region_only(clouds: Any, refused: type[Exception]) -> None:
    clouds.aws("us-west-2").create(REPOSITORY, "one", {"name": "models"})
    clouds.aws("us-east-2").create(REPOSITORY, "two", {"name": "models"})
    with pytest.raises(refused, match="RepositoryAlreadyExistsException"):
        clouds.aws("us-west-2").create(REPOSITORY, "three", {"name": "models"})


# Changes. Expectations: terraform-provider-aws v6.58.0 (ForceNew) and pulumi-aws provider/resources.go (order).


def test_a_replaced_bucket_goes_first(clouds: Any) -> None:
    # aws_s3_bucket.bucket is ForceNew; the bridge names it (AutoNameTransform "bucket"), so a given name deletes first.
    reply = clouds.aws().diff(BUCKET, "b", "one", {"bucket": "one"}, {"bucket": "two"})
    assert (list(reply.replaces), reply.deleteBeforeReplace) == (["bucket"], True)


def test_tags_change_in_place(clouds: Any) -> None:
    reply = clouds.aws().diff(BUCKET, "b", "one", {"bucket": "one"}, {"bucket": "one", "tags": {"a": "b"}})
    assert (list(reply.replaces), reply.deleteBeforeReplace, list(reply.diffs)) == ([], False, ["tags"])


def test_a_type_without_a_bridge_name_is_created_first(clouds: Any) -> None:
    # aws_subnet.cidr_block is ForceNew; the type has no name.
    reply = clouds.aws().diff(
        SUBNET, "s", "subnet-1", {"vpcId": "v", "cidrBlock": "10.0.0.0/24"}, {"vpcId": "v", "cidrBlock": "10.0.1.0/24"}
    )
    assert (list(reply.replaces), reply.deleteBeforeReplace) == (["cidrBlock"], False)


def test_an_attachment_always_goes_first(clouds: Any) -> None:
    # aws_iam_role_policy_attachment: DeleteBeforeReplace in resources.go.
    reply = clouds.aws().diff(ATTACHMENT, "a", "r-p", {"role": "r", "policyArn": "p"}, {"role": "r", "policyArn": "q"})
    assert (list(reply.replaces), reply.deleteBeforeReplace) == (["policyArn"], True)


def test_a_pools_size_is_an_update_and_its_machine_a_replacement(clouds: Any) -> None:
    # aws_eks_node_group: scaling_config updates in place; instance_types and node_group_name are ForceNew; the bridge names the group.
    group = "aws:eks/nodeGroup:NodeGroup"
    base = {
        "clusterName": "c",
        "nodeGroupName": "g",
        "nodeRoleArn": "r",
        "subnetIds": ["s"],
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0},
    }
    larger = {**base, "scalingConfig": {"minSize": 0, "maxSize": 4, "desiredSize": 0}}
    assert list(clouds.aws().diff(group, "g", "c:g", base, larger).replaces) == []
    other = {**base, "nodeGroupName": "g2", "instanceTypes": ["g6.xlarge"]}
    reply = clouds.aws().diff(group, "g", "c:g", base, other)
    assert (sorted(reply.replaces), reply.deleteBeforeReplace) == (["instanceTypes", "nodeGroupName"], True)


def test_a_provider_that_moves_replaces_what_it_made(clouds: Any) -> None:
    # terraform-provider-aws v6: `region` of a resource follows its provider and forces replacement.
    inputs = {"cidrBlock": "10.0.0.0/16"}
    id, state = clouds.aws("us-west-2").create(VPC, "v", inputs)
    assert list(clouds.aws("us-west-2").diff(VPC, "v", id, inputs, inputs, state).replaces) == []
    assert list(clouds.aws("us-east-2").diff(VPC, "v", id, inputs, inputs, state).replaces) == ["region"]
    role, state = clouds.aws("us-west-2").create(ROLE, "r", ROLE_INPUTS)
    assert list(clouds.aws("us-east-2").diff(ROLE, "r", role, ROLE_INPUTS, ROLE_INPUTS, state).replaces) == []


def test_a_type_of_which_nothing_is_known_fails_loudly(clouds: Any, refused: type[Exception]) -> None:
    with pytest.raises(refused, match="NoRows"):
        clouds.aws().diff("aws:ec2/noRows:NoRows", "n", "x", {"a": 1}, {"a": 2})


def test_a_launch_template_counts_its_versions(clouds: Any) -> None:
    # aws_launch_template CustomizeDiff: every change but of name, name_prefix and description makes latest_version unknown.
    aws = clouds.aws()
    old = {"name": "t", "imageId": "ami-1", "updateDefaultVersion": True}
    id, state = aws.create(TEMPLATE, "t", old)
    assert (state["latestVersion"], state["defaultVersion"]) == (1, 1)
    new = {**old, "imageId": "ami-2"}
    planned = aws.update(TEMPLATE, "t", id, old, new, preview=True)
    assert (planned["latestVersion"], planned["defaultVersion"], planned["arn"]) == (UNKNOWN, UNKNOWN, state["arn"])
    assert aws.update(TEMPLATE, "t", id, old, new)["latestVersion"] == 2
    described = aws.update(TEMPLATE, "t", id, new, {**new, "description": "d"})
    assert (described["latestVersion"], described["defaultVersion"]) == (2, 2)


def test_an_update_of_what_is_gone_says_so(clouds: Any, refused: type[Exception]) -> None:
    with pytest.raises(refused, match="vpc-1 does not exist"):
        clouds.aws().update(VPC, "v", "vpc-1", {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}})


# Deletion


def test_a_network_with_subnets_stays(clouds: Any, refused: type[Exception]) -> None:
    aws = clouds.aws()
    vpc, vpc_state = aws.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    subnet, subnet_state = aws.create(SUBNET, "s", {"vpcId": vpc, "cidrBlock": "10.0.0.0/24"})
    with pytest.raises(refused, match=rf"DependencyViolation: The vpc '{vpc}' has dependencies and cannot be deleted\. Held by: {subnet}"):
        aws.delete(VPC, "v", vpc, vpc_state)
    aws.delete(SUBNET, "s", subnet, subnet_state)
    aws.delete(VPC, "v", vpc, vpc_state)
    assert clouds.store.empty


def test_a_role_with_policies_stays_unless_they_may_be_detached(clouds: Any, refused: type[Exception]) -> None:
    aws = clouds.aws()
    for name, force in (("plain", False), ("forced", True)):
        id, state = aws.create(ROLE, name, {"name": name, "assumeRolePolicy": "{}", "forceDetachPolicies": force})
        aws.create(ATTACHMENT, name, {"role": name, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})
        if force:
            aws.delete(ROLE, name, id, state)
        else:
            with pytest.raises(refused, match="DeleteConflict: Cannot delete entity, must detach all policies first"):
                aws.delete(ROLE, name, id, state)


def test_a_full_bucket_stays_unless_it_may_be_emptied(clouds: Any, refused: type[Exception]) -> None:
    aws = clouds.aws()
    for name, force in (("plain", False), ("forced", True)):
        id, state = aws.create(BUCKET, name, {"bucket": name, "forceDestroy": force})
        clouds.store.fill(aws.urn(BUCKET, name), 3)
        if force:
            aws.delete(BUCKET, name, id, state)
        else:
            with pytest.raises(refused, match="BucketNotEmpty"):
                aws.delete(BUCKET, name, id, state)


def test_a_protected_database_stays_until_it_is_unprotected(clouds: Any, refused: type[Exception]) -> None:
    aws = clouds.aws()
    inputs = {"identifier": "db", "instanceClass": "db.t3.micro", "deletionProtection": True, "skipFinalSnapshot": True}
    id, state = aws.create(DATABASE, "db", inputs)
    with pytest.raises(refused, match="Cannot delete protected DB Instance"):
        aws.delete(DATABASE, "db", id, state)
    aws.update(DATABASE, "db", id, inputs, {**inputs, "deletionProtection": False})
    aws.delete(DATABASE, "db", id, state)
    assert (clouds.store.empty, clouds.store.retained()) == (True, [])


def test_a_database_leaves_its_final_snapshot_once(clouds: Any, refused: type[Exception]) -> None:
    aws = clouds.aws()
    inputs = {"identifier": "db", "instanceClass": "db.t3.micro"}
    id, state = aws.create(DATABASE, "db", inputs)
    with pytest.raises(refused, match='"final_snapshot_identifier" is required when "skip_final_snapshot" is false'):
        aws.delete(DATABASE, "db", id, state)
    aws.update(DATABASE, "db", id, inputs, {**inputs, "finalSnapshotIdentifier": "db-final"})
    aws.delete(DATABASE, "db", id, state)
    assert [(kept.token, kept.id) for kept in clouds.store.retained()] == [("aws:rds/snapshot:Snapshot", "db-final")]
    again, state = aws.create(DATABASE, "db", {**inputs, "finalSnapshotIdentifier": "db-final"})
    with pytest.raises(refused, match="DBSnapshotAlreadyExists"):
        aws.delete(DATABASE, "db", again, state)


@pytest.mark.parametrize(
    ("name", "writer"),
    [("/aws/eks/groundwork-dev-cluster/cluster", "EKS"), ("/aws/rds/instance/db/upgrade", "RDS")],
)
def test_a_log_group_that_its_service_writes_again_blocks_the_next_up(
    clouds: Any, refused: type[Exception], name: str, writer: str
) -> None:
    aws = clouds.aws()
    group, state = make(aws, LOG_GROUP, name=name)
    aws.delete(LOG_GROUP, "thing", group, state)
    (kept,) = clouds.store.retained()
    assert kept.reason.startswith(f"written again by {writer}")
    assert f"aws logs delete-log-group --region us-west-2 --log-group-name {name}" in kept.reason
    with pytest.raises(refused, match="ResourceAlreadyExistsException"):
        make(aws, LOG_GROUP, name=name)
    with clouds.store.transaction() as txn:
        txn.forget(LOG_GROUP, name)
    make(aws, LOG_GROUP, name=name)


def test_a_log_group_that_nobody_writes_again_is_gone(clouds: Any) -> None:
    aws = clouds.aws()
    for _ in range(2):
        group, state = make(aws, LOG_GROUP, name="/groundwork/dev/flow-logs")
        aws.delete(LOG_GROUP, "thing", group, state)
    assert clouds.store.retained() == []


def test_keys_and_secrets_wait_out_their_windows(clouds: Any, refused: type[Exception]) -> None:
    aws = clouds.aws()
    key, state = aws.create(KEY, "k", {"deletionWindowInDays": 7})
    aws.delete(KEY, "k", key, state)
    secret, state = aws.create(SECRET, "s", {"name": "s"})
    aws.delete(SECRET, "s", secret, state)
    kept = clouds.store.retained()
    assert [row.id for row in kept] == [key, secret]
    assert all(row.until for row in kept)
    with pytest.raises(refused, match="scheduled for deletion: s"):
        aws.create(SECRET, "s2", {"name": "s"})
    gone, state = aws.create(SECRET, "t", {"name": "t", "recoveryWindowInDays": 0})
    aws.delete(SECRET, "t", gone, state)
    aws.create(SECRET, "t2", {"name": "t"})


def test_deleting_what_is_gone_is_fine(clouds: Any) -> None:
    clouds.aws().delete(VPC, "v", "vpc-1", {})


def test_the_second_generation_has_other_ids(clouds: Any) -> None:
    aws = clouds.aws()
    first, state = aws.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    aws.delete(VPC, "v", first, state)
    assert aws.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})[0] != first


def test_what_is_lost_or_altered_behind_the_engine_is_read(clouds: Any) -> None:
    aws = clouds.aws()
    id, state = aws.create(VPC, "v", {"cidrBlock": "10.0.0.0/16"})
    clouds.store.alter(aws.urn(VPC, "v"), enableDnsSupport=False)
    assert aws.read(VPC, "v", id, state)[1]["enableDnsSupport"] is False
    clouds.store.lose(aws.urn(VPC, "v"))
    assert aws.read(VPC, "v", id, state)[0] == ""


def test_the_table_names_types_and_properties_of_the_sdk() -> None:
    from graph.types import schema
    from rehearsal.aws import table

    facts = table()
    keyed = [
        token
        for name in ("missing", "implied", "names", "dependencies", "protection", "containers", "snapshots", "windows")
        for token in facts[name]
    ]
    held = [row[0] for edge in facts["dependencies"].values() for row in edge["held_by"]]
    unknown = {
        token for token in [*keyed, *held, *facts["bridge"]["delete_before_replace"], *facts["bridge"]["autonamed"]] if token != "other"
    }
    assert [token for token in sorted(unknown) if not schema.known(token)] == []
    properties = [
        *((token, name) for token, row in facts["names"].items() for name in row["of"]),
        *((token, row["property"]) for name in ("protection", "windows", "left_behind") for token, row in facts[name].items()),
        *((row[0], row[1].split(".")[0]) for edge in facts["dependencies"].values() for row in edge["held_by"]),
        *facts["bridge"]["autonamed"].items(),
    ]
    assert [pair for pair in properties if pair[1] not in schema.properties(pair[0])] == []


def test_error_codes_are_in_the_services_own_models() -> None:
    botocore = pytest.importorskip("botocore.session")
    from rehearsal.aws import table

    services = {"cfg": "config", "cloudwatch": "logs", "lb": "elbv2"}
    session = botocore.get_session()
    unknown = []
    for token, row in [*table()["names"].items(), *table()["dependencies"].items()]:
        service = services.get(token.split(":")[1].split("/")[0], token.split(":")[1].split("/")[0])
        if service in ("ec2", "s3", "sqs"):  # no error shapes of their own for these codes
            continue
        model = session.get_service_model(service)
        shapes = [model.shape_for(name) for name in model.shape_names]
        codes = {shape.name for shape in shapes} | {
            shape.metadata.get("error", {}).get("code") for shape in shapes if shape.type_name == "structure"
        }
        if row["code"] not in codes:
            unknown.append((token, row["code"]))
    assert unknown == []


# Two regions


def test_a_bucket_keeps_its_versions_while_it_is_copied_to_another_region(clouds: Any, refused: type[Exception]) -> None:
    west, east = clouds.aws("us-west-2"), clouds.aws("us-east-2")
    role = make(west, ROLE, **ROLE_INPUTS)[1]["arn"]
    make(west, BUCKET, bucket="source", forceDestroy=True)
    replica = make(east, BUCKET, bucket="replica", forceDestroy=True)[1]["arn"]
    versions = make(west, VERSIONING, bucket="source", versioningConfiguration={"status": "Enabled"})
    rule = {"id": "all", "status": "Enabled", "destination": {"bucket": replica}}
    away = {**rule, "destination": {"bucket": "arn:aws:s3:::nowhere"}}
    with pytest.raises(refused, match="The specified bucket does not exist"):
        make(west, REPLICATION, bucket="source", role=role, rules=[away])
    config = make(west, REPLICATION, bucket="source", role=role, rules=[rule])
    with pytest.raises(refused, match="first delete the replication configuration"):
        west.delete(VERSIONING, "thing", *versions)
    west.delete(REPLICATION, "thing", *config)
    west.delete(VERSIONING, "thing", *versions)


def test_copies_of_backups_outlive_the_copying(clouds: Any, refused: type[Exception]) -> None:
    west, east = clouds.aws("us-west-2"), clouds.aws("us-east-2")
    source = make(west, DATABASE, identifier="d", instanceClass="db.t4g.medium", skipFinalSnapshot=True)[1]["arn"]
    with pytest.raises(refused, match="does not exist"):
        make(east, COPIES, sourceDbInstanceArn=f"{source}x", retentionPeriod=14)
    copies = make(east, COPIES, sourceDbInstanceArn=source, retentionPeriod=14)
    east.delete(COPIES, "thing", *copies)
    (kept,) = clouds.store.retained()
    assert (kept.token, kept.reason) == (COPIES, "copies of the backups stay until they age out")


@pytest.mark.parametrize(("wanted", "taken"), [("1.33", True), ("1.34", True), ("1.35", False), ("1.32", False)])
def test_a_cluster_goes_up_one_minor_at_a_time_and_never_back(clouds: Any, refused: type[Exception], wanted: str, taken: bool) -> None:
    old = {"name": "c", "roleArn": "arn:aws:iam::111122223333:role/r", "vpcConfig": {"subnetIds": []}, "version": "1.33"}
    token = "aws:eks/cluster:Cluster"
    if taken:
        assert list(clouds.aws().diff(token, "c", "c", old, {**old, "version": wanted}).replaces) == []
    else:
        with pytest.raises(refused, match=f"minor version update from 1.33 to {wanted}"):
            clouds.aws().diff(token, "c", "c", old, {**old, "version": wanted})
