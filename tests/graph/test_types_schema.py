"""The installed SDKs' own types, read as property names, shapes and requirements."""

import subprocess
import sys
from typing import Any

import pytest

from graph.model import UNKNOWN, SecretValue
from graph.types import schema

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
KINDS: dict[str, dict[str, Any]] = {
    "kubernetes:core/v1:Service": {"spec": {"ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8080}]}},
    "kubernetes:core/v1:ConfigMap": {"data": {"a": "b"}, "immutable": True},
    "kubernetes:core/v1:Namespace": {},
    "kubernetes:policy/v1:PodDisruptionBudget": {"spec": {"maxUnavailable": "10%", "selector": {"matchLabels": {"a": "b"}}}},
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": {
        "spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}
    },
    "kubernetes:storage.k8s.io/v1:StorageClass": {"provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3"}},
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": {"roleRef": {"apiGroup": "g", "kind": "Role", "name": "r"}},
    "kubernetes:batch/v1:Job": {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}},
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": {
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}
    },
}


def told(token: str, inputs: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((violation.path, violation.message) for violation in schema.check_inputs(token, inputs))


@pytest.mark.parametrize("token", KINDS)
def test_sound_objects_of_built_in_kinds_pass(token: str) -> None:
    assert schema.known(token)
    assert told(token, {"metadata": {"name": "n", "namespace": "s"}, **KINDS[token]}) == []


@pytest.mark.parametrize("token", KINDS)
def test_an_unknown_property_is_found_in_every_kind(token: str) -> None:
    assert told(token, {**KINDS[token], "metadata": {"nmae": "n"}})[0] == (
        "metadata.nmae",
        "is not a property of this type; did you mean name?",
    )


def test_faults_deep_in_a_pod_are_told_with_their_path() -> None:
    container = {"image": "i", "resources": {"limits": {"nvidia.com/gpu": 1}}, "prots": []}
    spec = {"replicas": True, "selector": {}, "template": {"spec": {"containers": [container]}}}
    assert told(DEPLOYMENT, {"apiVersion": "apps/v2", "spec": spec}) == [
        ("apiVersion", "must be one of 'apps/v1'"),
        ("spec.replicas", "must be an integer, is a boolean"),
        ("spec.template.spec.containers[0].name", "is required"),
        ("spec.template.spec.containers[0].prots", "is not a property of this type; did you mean ports?"),
        ('spec.template.spec.containers[0].resources.limits["nvidia.com/gpu"]', "must be a string, is an integer"),
    ]


def test_either_of_two_shapes_is_accepted_and_a_third_is_not() -> None:
    assert told("kubernetes:core/v1:Service", {"spec": {"ports": [{"port": 1, "targetPort": True}]}}) == [
        ("spec.ports[0].targetPort", "must be an integer, is a boolean or must be a string, is a boolean")
    ]


@pytest.mark.parametrize("hidden", [UNKNOWN, SecretValue(UNKNOWN), SecretValue("vpc-1")])
def test_unknowns_fit_everywhere_and_secrets_are_opened(hidden: Any) -> None:
    assert told("aws:ec2/subnet:Subnet", {"vpcId": hidden}) == []


def test_a_secret_of_the_wrong_type_is_told_without_its_value() -> None:
    assert told("aws:ec2/subnet:Subnet", {"vpcId": SecretValue(42)}) == [("vpcId", "must be a string, is an integer")]


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        ("aws:ec2/subnet:Subnet", {}, "vpcId"),
        ("aws:eks/cluster:Cluster", {"roleArn": "r", "vpcConfig": {}}, "vpcConfig.subnetIds"),
        ("aws:iam/role:Role", {}, "assumeRolePolicy"),
    ],
)
def test_what_is_missing_is_required_also_nested(token: str, inputs: dict[str, Any], path: str) -> None:
    assert told(token, inputs) == [(path, "is required")]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"mapPublicIpOnLaunch": "true"}, "must be a boolean, is a string"),
        ({"mapPublicIpOnLaunch": 1}, "must be a boolean, is an integer"),
        ({"ipv4NetmaskLength": 24.5}, "must be an integer, is a number"),
        ({"ipv4NetmaskLength": True}, "must be an integer, is a boolean"),
        ({"tags": ["a"]}, "must be an object, is a list"),
        ({"cidrBlock": {"a": 1}}, "must be a string, is an object"),
    ],
)
def test_wrong_types(inputs: dict[str, Any], message: str) -> None:
    assert told("aws:ec2/subnet:Subnet", {"vpcId": "v", **inputs}) == [(next(iter(inputs)), message)]


def test_provider_inputs_are_judged_behind_their_json_text() -> None:
    sound = {"region": "r", "version": "7.51.1", "allowedAccountIds": '["1"]', "skipCredentialsValidation": "true"}
    assert told("pulumi:providers:aws", sound) == []
    assert told("pulumi:providers:aws", {"allowedAccountIds": "[1]", "defaultTags": '{"tgs":{}}'}) == [
        ("allowedAccountIds[0]", "must be a string, is an integer"),
        ("defaultTags.tgs", "is not a property of this type; did you mean tags?"),
    ]


@pytest.mark.parametrize(
    "token", ["kubernetes:keda.sh/v1alpha1:ScaledObject", "aws:nowhere/thing:Thing", "nowhere:a/b:C", "groundwork:aws:X"]
)
def test_types_without_a_class_are_not_known_and_not_judged(token: str) -> None:
    assert not schema.known(token)
    assert told(token, {"anything": 1}) == []


def test_outputs_that_only_the_provider_gives() -> None:
    found = schema.output_only("aws:eks/cluster:Cluster")
    assert {"endpoint", "arn", "certificateAuthority", "identities"} <= found.keys()
    assert not {"name", "vpcConfig", "id", "urn"} & found.keys()


def test_only_the_modules_asked_for_are_loaded() -> None:
    code = (
        "import sys; from graph.types import schema; schema.check_inputs('aws:kms/key:Key', {});"
        "print([name for name in ('kms', 'eks', 'rds') if f'pulumi_aws.{name}._inputs' in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "['kms']"
