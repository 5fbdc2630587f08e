"""What an expert would look for in the reference stacks, on the graph that the engine would be given."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.accelerators import aws_machines
from graph.model import Graph, Resource
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[3]
STACKS = ("dev", "prod")


def graph(stack: str) -> Graph:
    return evaluate(ROOT / f"Pulumi.{stack}.yaml").graph


def of(stack: str, *types: str) -> tuple[Resource, ...]:
    found = graph(stack).of_type(*types)
    assert found, f"{stack} has no {types}"
    return found


def one(stack: str, kind: str) -> Resource:
    (found,) = of(stack, kind)
    return found


def groups(stack: str) -> dict[str, Resource]:
    return {group.name: group for group in of(stack, "aws:eks/nodeGroup:NodeGroup")}


def gpu_groups(stack: str) -> list[Resource]:
    return [group for name, group in groups(stack).items() if "pool-" in name]


def policy(resource: Resource, field: str = "policy") -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(resource.inputs[field])["Statement"]
    return statements


def after(resource: Resource) -> set[str]:
    return {urn.split("::")[-1] for urn in resource.dependencies}


@pytest.mark.parametrize("stack", STACKS)
class TestCluster:
    def test_the_control_plane_is_closed_logged_and_encrypted(self, stack: str) -> None:
        inputs = one(stack, "aws:eks/cluster:Cluster").inputs
        assert inputs["accessConfig"] == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
        assert inputs["vpcConfig"]["endpointPrivateAccess"] is True
        assert "0.0.0.0/0" not in inputs["vpcConfig"].get("publicAccessCidrs", [])
        assert inputs["vpcConfig"]["endpointPublicAccess"] == ("publicAccessCidrs" in inputs["vpcConfig"])
        assert set(inputs["enabledClusterLogTypes"]) == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
        assert inputs["encryptionConfig"]["resources"] == ["secrets"]
        assert inputs["bootstrapSelfManagedAddons"] is False

    def test_its_log_group_exists_first_under_a_key(self, stack: str) -> None:
        cluster = one(stack, "aws:eks/cluster:Cluster")
        logs = next(
            g for g in of(stack, "aws:cloudwatch/logGroup:LogGroup") if g.inputs["name"] == f"/aws/eks/{cluster.inputs['name']}/cluster"
        )
        assert logs.name in after(cluster)
        assert logs.inputs["kmsKeyId"]

    def test_gpu_nodes_have_the_image_the_taint_and_the_repair(self, stack: str) -> None:
        for group in gpu_groups(stack):
            (architecture,) = {aws_machines()[machine].architecture for machine in group.inputs["instanceTypes"]}
            image = {"x86_64": "BOTTLEROCKET_x86_64_NVIDIA", "arm64": "BOTTLEROCKET_ARM_64_NVIDIA"}[architecture]
            assert group.inputs["amiType"] == image
            assert group.inputs["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]
            assert group.inputs["nodeRepairConfig"] == {"enabled": True}

    def test_nodes_start_from_a_hardened_template(self, stack: str) -> None:
        for template in of(stack, "aws:ec2/launchTemplate:LaunchTemplate"):
            inputs = template.inputs
            assert inputs["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
            # EC2 refuses the mention of a public address beside several interfaces.
            public = [interface.get("associatePublicIpAddress") for interface in inputs["networkInterfaces"]]
            assert public == ["false"] or (len(public) > 1 and set(public) == {None})
            assert all(disk["ebs"]["encrypted"] == "true" and disk["ebs"]["kmsKeyId"] for disk in inputs["blockDeviceMappings"])
            assert not {"keyName", "vpcSecurityGroupIds", "imageId", "instanceType"} & inputs.keys()

    def test_nodes_wait_for_what_they_need_to_become_ready(self, stack: str) -> None:
        for group in groups(stack).values():
            assert {"cluster-vpc-cni", "cluster-eks-pod-identity-agent", "network-s3"} <= after(group)
            assert {name for name in after(group) if name.startswith("network-private-") and name.endswith("-default")}

    def test_addons_that_need_nodes_wait_for_them(self, stack: str) -> None:
        addons = {addon.inputs["addonName"]: addon for addon in of(stack, "aws:eks/addon:Addon")}
        system = {name for name in groups(stack) if name.startswith("cluster-system-")}
        assert len(system) > 1
        late = ("coredns", "aws-ebs-csi-driver", "eks-node-monitoring-agent")
        assert all(system <= after(addons[name]) for name in late)
        assert not system & after(addons["vpc-cni"])

    def test_cni_settings_are_strings_and_its_rights_its_own(self, stack: str) -> None:
        addons = {addon.inputs["addonName"]: addon for addon in of(stack, "aws:eks/addon:Addon")}
        values = json.loads(addons["vpc-cni"].inputs["configurationValues"])
        env = {"AWS_VPC_ENI_MTU": "9001", "ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}
        assert values == {"enableNetworkPolicy": "true", "env": env}
        assert [a["serviceAccount"] for a in addons["vpc-cni"].inputs["podIdentityAssociations"]] == ["aws-node"]
        node = {
            a.inputs["policyArn"]
            for a in of(stack, "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
            if a.inputs["role"].endswith("-node")
        }
        assert {arn.rsplit("/", 1)[1] for arn in node} == {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"}

    def test_what_is_in_the_cluster_waits_for_access_to_it(self, stack: str) -> None:
        provider = one(stack, "pulumi:providers:kubernetes")
        associations = {a.name for a in of(stack, "aws:eks/accessPolicyAssociation:AccessPolicyAssociation")}
        administrators = {name for name in associations if "-administrator-" in name}
        assert administrators
        assert administrators <= after(provider)
        assert "token" not in json.loads(provider.inputs["kubeconfig"])["users"][0]["user"]

    def test_pods_are_trusted_one_account_at_a_time(self, stack: str) -> None:
        roles = {role.name: policy(role, "assumeRolePolicy")[0] for role in of(stack, "aws:iam/role:Role")}
        pods = {name: trust for name, trust in roles.items() if trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}}
        assert len(pods) >= 4
        for trust in pods.values():
            assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
            assert len(trust["Condition"]["StringEquals"]) == 3
            assert not any("*" in value for value in trust["Condition"]["StringEquals"].values())


@pytest.mark.parametrize("stack", STACKS)
class TestStorage:
    def test_every_bucket_is_closed_versioned_and_cleaned(self, stack: str) -> None:
        buckets = {bucket.inputs["bucket"] for bucket in of(stack, "aws:s3/bucket:Bucket")}
        for kind in (
            "BucketVersioning",
            "BucketPublicAccessBlock",
            "BucketPolicy",
            "BucketOwnershipControls",
            "BucketLifecycleConfiguration",
        ):
            token = f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}"
            assert {resource.inputs["bucket"] for resource in of(stack, token)} == buckets, kind
        for block in of(stack, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"):
            assert all(value is True for key, value in block.inputs.items() if key != "bucket")
        for lifecycle in of(stack, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"):
            (only,) = lifecycle.inputs["rules"]
            assert {"noncurrentVersionExpiration", "abortIncompleteMultipartUpload"} <= only.keys()

    def test_only_the_target_of_access_logs_goes_without_the_key(self, stack: str) -> None:
        for provider in of(stack, "pulumi:providers:aws"):
            ways = {
                e.inputs["bucket"]: e.inputs["rules"][0]["applyServerSideEncryptionByDefault"]["sseAlgorithm"]
                for e in of(stack, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
                if e.provider == provider.urn
            }
            logging = [entry for entry in of(stack, "aws:s3/bucketLogging:BucketLogging") if entry.provider == provider.urn]
            (target,) = {entry.inputs["targetBucket"] for entry in logging}
            assert {bucket for bucket, way in ways.items() if way == "AES256"} == {target}
            assert {entry.inputs["bucket"] for entry in logging} == ways.keys() - {target}


@pytest.mark.parametrize("stack", STACKS)
class TestDatabase:
    def test_it_is_private_encrypted_and_backed_up(self, stack: str) -> None:
        inputs = one(stack, "aws:rds/instance:Instance").inputs
        assert inputs["publiclyAccessible"] is False
        assert inputs["storageEncrypted"] is True
        assert inputs["manageMasterUserPassword"] is True
        assert not {"password", "passwordWo"} & inputs.keys()
        assert inputs["kmsKeyId"] == inputs["masterUserSecretKmsKeyId"] == inputs["performanceInsightsKmsKeyId"]
        assert inputs["backupRetentionPeriod"] >= 7
        parameters = {p["name"]: p["value"] for p in one(stack, "aws:rds/parameterGroup:ParameterGroup").inputs["parameters"]}
        assert parameters["rds.force_ssl"] == "1"

    def test_only_the_cluster_reaches_it(self, stack: str) -> None:
        database = one(stack, "aws:rds/instance:Instance")
        (group,) = database.inputs["vpcSecurityGroupIds"]
        rules = [r for r in of(stack, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule") if r.inputs["securityGroupId"] == group]
        assert [(r.inputs.get("cidrIpv4"), r.inputs["fromPort"]) for r in rules] == [(None, 5432)]
        assert rules[0].inputs["referencedSecurityGroupId"].startswith("sg-")


@pytest.mark.parametrize("stack", STACKS)
class TestEverywhere:
    def test_what_takes_tags_names_its_owner(self, stack: str) -> None:
        wanted = {"groundwork:project", "groundwork:stack", "groundwork:owner", "groundwork:tier", "groundwork:component"}
        tagged = [r for r in graph(stack).custom if r.type.startswith("aws:") and "tags" in r.inputs]
        assert len(tagged) > 50
        assert all(wanted <= r.inputs["tags"].keys() for r in tagged)

    def test_no_allow_statement_of_ours_is_open_to_all(self, stack: str) -> None:
        for role_policy in of(stack, "aws:iam/rolePolicy:RolePolicy"):
            for statement in policy(role_policy):
                looks = all(action.split(":")[1].startswith(("Describe", "Get")) for action in statement["Action"])
                assert looks or "*" not in statement["Resource"], role_policy.name
                assert not any(action in ("*", "s3:*", "kms:*") for action in statement["Action"]), role_policy.name

    def test_keys_rotate_and_name_their_users(self, stack: str) -> None:
        for key in of(stack, "aws:kms/key:Key"):
            assert key.inputs["enableKeyRotation"] is True
            anybody = [statement for statement in policy(key) if statement["Principal"] in ("*", {"AWS": "*"})]
            assert all("aws:PrincipalArn" in str(statement.get("Condition")) for statement in anybody), key.name

    def test_the_default_security_group_lets_nothing_through(self, stack: str) -> None:
        groups = of(stack, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
        assert len(groups) == len(of(stack, "aws:ec2/vpc:Vpc"))
        assert all(group.inputs["ingress"] == group.inputs["egress"] == [] for group in groups)

    def test_subnets_give_no_public_address(self, stack: str) -> None:
        assert not any(subnet.inputs["mapPublicIpOnLaunch"] for subnet in of(stack, "aws:ec2/subnet:Subnet"))

    def test_the_account_is_pinned(self, stack: str) -> None:
        for provider in of(stack, "pulumi:providers:aws"):
            assert json.loads(provider.inputs["allowedAccountIds"]) == ["111122223333"]


def test_production_holds_on_to_what_it_keeps() -> None:
    held = {resource.type for resource in graph("prod").custom if resource.options.protect}
    assert held == {
        "aws:backup/vault:Vault",
        "aws:efs/fileSystem:FileSystem",
        "aws:eks/cluster:Cluster",
        "aws:fsx/lustreFileSystem:LustreFileSystem",
        "aws:s3/bucket:Bucket",
        "aws:rds/instance:Instance",
        "aws:kms/key:Key",
        "aws:ecr/repository:Repository",
    }
    assert not [resource.name for resource in graph("dev").custom if resource.options.protect]


def test_production_is_in_three_zones_with_its_own_ways_out_and_in() -> None:
    assert len(of("prod", "aws:ec2/natGateway:NatGateway")) == 3
    assert len(of("dev", "aws:ec2/natGateway:NatGateway")) == 1
    routes = [r for r in of("prod", "aws:ec2/route:Route") if r.inputs.get("natGatewayId")]
    assert len({route.inputs["natGatewayId"] for route in routes}) == 3
    services = {endpoint.inputs["serviceName"].split(".", 3)[3] for endpoint in of("prod", "aws:ec2/vpcEndpoint:VpcEndpoint")}
    addons = {"athena", "autoscaling", "eks-auth", "elasticfilesystem", "fsx", "glue", "kinesis-streams", "secretsmanager", "sns"}
    assert services == {"ec2", "ecr.api", "ecr.dkr", "eks", "elasticloadbalancing", "kms", "logs", "sts", "s3", *addons}
    assert one("prod", "aws:rds/instance:Instance").inputs["multiAz"] is True


def test_development_buys_no_large_machines() -> None:
    machines = {machine for group in groups("dev").values() for machine in group.inputs["instanceTypes"]}
    assert not [machine for machine in machines if machine.startswith(("p4", "p5", "p6"))]
    assert {group.inputs["capacityType"] for group in gpu_groups("dev")} == {"SPOT", "ON_DEMAND"}


def test_the_training_pool_stays_in_its_zone() -> None:
    training = groups("prod")["cluster-pool-training-on-demand"]
    (subnet,) = training.inputs["subnetIds"]
    zones = {s.id: s.inputs["availabilityZone"] for s in of("prod", "aws:ec2/subnet:Subnet")}
    assert zones[subnet] == "us-west-2b"


@pytest.mark.parametrize("stack", STACKS)
def test_the_autoscaler_prefers_capacities_as_the_file_does(stack: str) -> None:
    (release,) = [r for r in of(stack, "kubernetes:helm.sh/v3:Release") if r.inputs["chart"] == "cluster-autoscaler"]
    names = {group.inputs["nodeGroupName"] for group in gpu_groups(stack)}
    ranked = release.inputs["values"]["expanderPriorities"]
    assert {pattern.removeprefix("^eks-").removesuffix("-.*") for patterns in ranked.values() for pattern in patterns} == names
    second = [pattern.rsplit("-", 2)[0] for pattern in ranked.get("99", [])]
    assert second == {"dev": ["^eks-groundwork-dev-pool-small-on-demand"], "prod": []}[stack]


def test_the_autoscaler_changes_only_groups_of_its_cluster() -> None:
    (access,) = [r for r in of("prod", "aws:iam/rolePolicy:RolePolicy") if r.name == "cluster-autoscaler-access"]
    changing = [s for s in policy(access) if "autoscaling:SetDesiredCapacity" in s["Action"]]
    assert [s["Condition"] for s in changing] == [
        {"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/groundwork-prod-cluster": "owned"}}
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_what_has_its_generation_in_the_name_is_replaced_create_first(stack: str) -> None:
    create_first = {resource.type for resource in graph(stack).custom if resource.options.delete_before_replace is False}
    always = {"aws:eks/nodeGroup:NodeGroup", "aws:rds/parameterGroup:ParameterGroup"}
    assert always <= create_first <= always | {"aws:accessanalyzer/analyzer:Analyzer", "aws:ec2/placementGroup:PlacementGroup"}
