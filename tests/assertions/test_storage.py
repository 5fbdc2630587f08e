"""What an expert would look for where data is kept: closed, versioned, cleaned, under keys, locked where said, and beside who reads it."""

import json
from typing import Any

import pytest

from graph.model import Graph, Resource
from tests.assertions.graphs import graph, on_aws

BUCKET, LUSTRE = "aws:s3/bucket:Bucket", "aws:fsx/lustreFileSystem:LustreFileSystem"
INGRESS, EGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
LINK, ADDON, GROUP = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation", "aws:eks/addon:Addon", "aws:eks/nodeGroup:NodeGroup"
VOLUME, KEY, SUBNET = "kubernetes:core/v1:PersistentVolume", "aws:kms/key:Key", "aws:ec2/subnet:Subnet"
EFS, CLASS = "aws:efs/fileSystem:FileSystem", "kubernetes:storage.k8s.io/v1:StorageClass"
SCRATCH = "lustre"


def setting(stack: Graph, kind: str) -> dict[str, Resource]:
    """The settings of one kind, by bucket."""
    found = stack.of_type(f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}")
    return {row.inputs["bucket"]: row for row in found}


def one(stack: Graph, token: str) -> Resource:
    (found,) = stack.of_type(token)
    return found


def nodes(stack: Graph) -> str:
    """The security group of all nodes of the site's cluster."""
    (cluster,) = [found for found in stack.of_type("aws:eks/cluster:Cluster") if found.name.startswith("cluster")]
    return str(cluster.outputs["vpcConfig"]["clusterSecurityGroupId"])


def statements(text: str) -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in json.loads(text)["Statement"] if "Sid" in statement}


@pytest.mark.parametrize("stack", on_aws())
def test_every_bucket_is_closed_versioned_cleaned_and_reached_by_tls(stack: str) -> None:
    made = graph(stack)
    buckets = {bucket.inputs["bucket"] for bucket in made.of_type(BUCKET)}
    assert buckets
    closed, versions, rules, policies = (
        setting(made, kind) for kind in ("BucketPublicAccessBlock", "BucketVersioning", "BucketLifecycleConfiguration", "BucketPolicy")
    )
    for name in buckets:
        assert all(
            closed[name].inputs[way] for way in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        )
        assert versions[name].inputs["versioningConfiguration"] == {"status": "Enabled"}
        (kept,) = rules[name].inputs["rules"]
        assert kept["noncurrentVersionExpiration"]["noncurrentDays"] > 0
        assert kept["abortIncompleteMultipartUpload"]["daysAfterInitiation"] == 7
        assert statements(policies[name].inputs["policy"])["OnlyTls"]["Effect"] == "Deny"


@pytest.mark.parametrize("stack", on_aws())
def test_only_targets_of_access_logs_go_without_a_customer_key_and_a_lock(stack: str) -> None:
    made = graph(stack)
    targets = {row.inputs["targetBucket"] for row in setting(made, "BucketLogging").values()}
    for name, row in setting(made, "BucketServerSideEncryptionConfiguration").items():
        default = row.inputs["rules"][0]["applyServerSideEncryptionByDefault"]
        assert (default["sseAlgorithm"] == "AES256") == (name in targets)
    assert not targets & setting(made, "BucketObjectLockConfiguration").keys()


def test_a_locked_bucket_is_versioned_first() -> None:
    made = graph(SCRATCH)
    locks = setting(made, "BucketObjectLockConfiguration")
    assert locks
    for name, lock in locks.items():
        assert setting(made, "BucketVersioning")[name].urn in lock.dependencies
        assert lock.inputs["rule"]["defaultRetention"] == {"mode": "GOVERNANCE", "days": 30}


def test_a_shared_file_system_is_backed_up_by_one_plan() -> None:
    made = graph("prod")
    files = one(made, "aws:efs/fileSystem:FileSystem").outputs["arn"]
    (selection,) = made.of_type("aws:backup/selection:Selection")
    assert files in selection.inputs["resources"]
    policy = one(made, "aws:efs/backupPolicy:BackupPolicy")
    assert policy.inputs["backupPolicy"] == {"status": "DISABLED"}


def test_lustre_stands_in_the_one_zone_of_the_nodes_that_read_it() -> None:
    made = graph(SCRATCH)
    lustre, zones = one(made, LUSTRE), {subnet.id: subnet.inputs["availabilityZone"] for subnet in made.of_type(SUBNET)}
    (pool,) = [group for group in made.of_type(GROUP) if "training" in group.name]
    assert {zones[subnet] for subnet in pool.inputs["subnetIds"]} == {zones[lustre.inputs["subnetIds"]]}
    assert lustre.inputs["deploymentType"] == "PERSISTENT_2"
    (volume,) = [volume for volume in made.of_type(VOLUME) if volume.inputs["spec"]["csi"]["driver"] == "fsx.csi.aws.com"]
    (term,) = volume.inputs["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zones[lustre.inputs["subnetIds"]]]}
    ]
    assert volume.inputs["spec"]["csi"]["volumeHandle"] == lustre.id


def test_lustre_speaks_with_itself_and_with_nodes_alone() -> None:
    made = graph(SCRATCH)
    (own,) = one(made, LUSTRE).inputs["securityGroupIds"]
    nodes = one(made, "aws:eks/cluster:Cluster").outputs["vpcConfig"]["clusterSecurityGroupId"]
    ports = {(988, 988), (1018, 1023)}
    for token in (INGRESS, EGRESS):
        rules = [
            rule.inputs
            for rule in made.of_type(token)
            if own in (rule.inputs["securityGroupId"], rule.inputs.get("referencedSecurityGroupId"))
        ]
        met = {(rule["securityGroupId"], rule["referencedSecurityGroupId"]) for rule in rules}
        assert met == {(own, own), (own, nodes), (nodes, own)}
        for pair in met:
            there = [rule for rule in rules if (rule["securityGroupId"], rule["referencedSecurityGroupId"]) == pair]
            assert {(rule["fromPort"], rule["toPort"]) for rule in there} == ports
    before = {made.by_urn[urn].inputs.get("referencedSecurityGroupId") for urn in one(made, LUSTRE).dependencies if urn in made.by_urn}
    assert own in before


def test_links_are_with_buckets_of_the_stack_whose_key_lets_lustre_in() -> None:
    made = graph(SCRATCH)
    buckets = {bucket.inputs["bucket"] for bucket in made.of_type(BUCKET)}
    links = {link.inputs["fileSystemPath"]: link.inputs for link in made.of_type(LINK)}
    assert links.keys() == {"/datasets", "/checkpoints"}
    assert links["/checkpoints"]["s3"].keys() == {"autoExportPolicy"}
    names = {link["dataRepositoryPath"].removeprefix("s3://") for link in links.values()}
    assert names <= buckets
    (key,) = [key for key in made.of_type(KEY) if "LustreLinks" in statements(key.inputs["policy"])]
    condition = statements(key.inputs["policy"])["LustreLinks"]["Condition"]
    assert {f"arn:aws:s3:::{name}" for name in names} <= set(condition["StringLike"]["kms:EncryptionContext:aws:s3:arn"])
    assert condition["StringEquals"]["kms:CallerAccount"] == "111122223333"


def test_drivers_come_with_what_is_mounted_and_volumes_are_kept_for_namespaces() -> None:
    made = graph(SCRATCH)
    drivers = {"aws-fsx-csi-driver", "aws-mountpoint-s3-csi-driver"}
    assert drivers <= {addon.inputs["addonName"] for addon in made.of_type(ADDON)}
    assert not drivers & {addon.inputs["addonName"] for addon in graph("dev").of_type(ADDON)}
    claims = {(v.inputs["spec"]["claimRef"]["namespace"], v.inputs["spec"]["claimRef"]["name"]) for v in made.of_type(VOLUME)}
    assert claims == {("training", "scratch"), ("training", "models")}
    (models,) = [v.inputs["spec"] for v in made.of_type(VOLUME) if v.inputs["spec"]["csi"]["driver"] == "s3.csi.aws.com"]
    assert "read-only" in models["mountOptions"]
    assert models["accessModes"] == ["ReadOnlyMany"]


def test_a_given_key_is_used_and_none_is_made_in_its_place() -> None:
    made = graph(SCRATCH)
    (name,) = [bucket.inputs["bucket"] for bucket in made.of_type(BUCKET) if "-models-" in bucket.inputs["bucket"]]
    default = setting(made, "BucketServerSideEncryptionConfiguration")[name].inputs["rules"][0]["applyServerSideEncryptionByDefault"]
    assert default["kmsMasterKeyId"] == "arn:aws:kms:us-west-2:111122223333:key/0a1b2c3d-1111-4222-8333-444455556666"
    assert not [key for key in made.of_type(KEY) if "models" in key.name]


def test_production_locks_what_cannot_be_made_again_and_keeps_domains_under_keys_of_their_own() -> None:
    made = graph("prod")
    purposes = {b.inputs["bucket"]: b.inputs["tags"]["groundwork:purpose"] for b in made.of_type(BUCKET) if b.name.startswith("storage-")}
    locks = {purposes[name]: row for name, row in setting(made, "BucketObjectLockConfiguration").items() if name in purposes}
    assert locks.keys() == {"raw", "logs"}
    keys = {
        purposes[name]: row.inputs["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"]
        for name, row in setting(made, "BucketServerSideEncryptionConfiguration").items()
        if name in purposes and purposes[name] != "access-logs"
    }
    assert keys["raw"] == keys["datasets"] == keys["checkpoints"]
    assert len(set(keys.values())) == 3


def test_shared_files_are_reached_from_nodes_alone_by_tls_alone_in_every_zone() -> None:
    made = graph("prod")
    files, zones = one(made, EFS), {subnet.id: subnet.inputs["availabilityZone"] for subnet in made.of_type(SUBNET)}
    assert files.inputs["encrypted"] is True
    assert files.inputs["kmsKeyId"] == next(key for key in made.of_type(KEY) if key.name == "storage-key").outputs["arn"]
    targets = made.of_type("aws:efs/mountTarget:MountTarget")
    assert sorted(zones[target.inputs["subnetId"]] for target in targets) == ["us-west-2a", "us-west-2b", "us-west-2c"]
    (group,) = {group for target in targets for group in target.inputs["securityGroups"]}
    (way_in,) = [rule.inputs for rule in made.of_type(INGRESS) if rule.inputs["securityGroupId"] == group]
    assert (way_in["referencedSecurityGroupId"], way_in["fromPort"], way_in["toPort"]) == (nodes(made), 2049, 2049)
    assert not [rule for rule in made.of_type(EGRESS) if rule.inputs["securityGroupId"] == group]
    policy = statements(one(made, "aws:efs/fileSystemPolicy:FileSystemPolicy").inputs["policy"])
    assert policy["OnlyTls"]["Effect"] == "Deny"
    assert set(policy["MountsFromTheNetwork"]["Action"]) == {"elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"}


def test_a_claim_of_the_shared_class_gets_a_directory_of_its_own_once_there_is_a_way_to_mount_it() -> None:
    made = graph("prod")
    (shared,) = [found for found in made.of_type(CLASS) if found.inputs["metadata"]["name"] == "shared"]
    assert shared.inputs["parameters"]["fileSystemId"] == one(made, EFS).id
    assert shared.inputs["parameters"]["uid"] == shared.inputs["parameters"]["gid"] == "10001", "who the platform's pods run as"
    assert "tls" in shared.inputs["mountOptions"]
    before = [made.by_urn[urn] for urn in shared.dependencies if urn in made.by_urn]
    assert {target.urn for target in made.of_type("aws:efs/mountTarget:MountTarget")} <= {found.urn for found in before}
    assert "aws-efs-csi-driver" in {found.inputs["addonName"] for found in before if found.type == ADDON}


def test_fast_volumes_are_under_the_key_of_the_nodes_disks() -> None:
    from tests.config.fields import data, draw, judged

    platform = judged("aws-scratch", data("aws-scratch"))
    assert platform
    classes = {found.inputs["metadata"]["name"]: found.inputs for found in draw(platform).of_type(CLASS)}
    assert classes.keys() == {"gp3", "fast", "shared"}
    assert classes["fast"]["parameters"] == {**classes["gp3"]["parameters"], "type": "io2", "iops": "16000"}
    assert classes["fast"]["provisioner"] == classes["gp3"]["provisioner"]
