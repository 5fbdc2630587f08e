"""Clusters, over every stack: who makes nodes and what those wait for, access until the end, and networks that reach what is called."""

import json
from functools import cache
from ipaddress import ip_network
from typing import Any

import pytest

from components.aws.documents.karpenter import karpenter_statements
from components.aws.network.vpc import NetworkArgs
from graph.model import Graph, Resource
from infra.aws.platform import AwsPlatform
from infra.aws.services import services
from infra.config import load_file
from tests.assertions.graphs import STACKS, graph, on_aws

CLUSTER, GROUP, ADDON = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup", "aws:eks/addon:Addon"
RELEASE, ENDPOINT = "kubernetes:helm.sh/v3:Release", "aws:ec2/vpcEndpoint:VpcEndpoint"
ASSOCIATION = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"


@cache
def platforms() -> dict[str, AwsPlatform]:
    """Platforms whose cluster the stack makes, by stack."""
    found = {stack: load_file(STACKS[stack])[0] for stack in on_aws()}
    return {stack: one for stack, one in found.items() if isinstance(one, AwsPlatform)}


def platform(stack: str) -> AwsPlatform:
    return platforms()[stack]


@cache
def before(stack: str) -> dict[str, set[str]]:
    """What each resource comes after, through any number of steps: dependencies, its parent and its provider."""
    made = graph(stack)
    found: dict[str, set[str]] = {}

    def walk(urn: str) -> set[str]:
        if urn not in found:
            found[urn] = set()
            resource = made.by_urn[urn]
            near = {
                *resource.dependencies,
                *(u for us in resource.property_dependencies.values() for u in us),
                resource.parent,
                resource.provider,
            }
            for other in near & made.by_urn.keys():
                found[urn] |= {other} | walk(other)
        return found[urn]

    for resource in made:
        walk(resource.urn)
    return found


def named(made: Graph, name: str) -> list[Resource]:
    return [resource for resource in made.custom if resource.name == name]


def clusters(made: Graph) -> dict[str, Resource]:
    """The Kubernetes provider of each cluster by the prefix of the cluster's names."""
    return {p.name.removesuffix("-kubernetes"): p for p in made.of_type("pulumi:providers:kubernetes")}


def charts(made: Graph) -> dict[str, Resource]:
    return {release.inputs["chart"].rsplit("/", 1)[-1]: release for release in made.of_type(RELEASE)}


def endpoints(made: Graph) -> set[str]:
    """Services with an endpoint in the site's own VPC."""
    return {e.inputs["serviceName"].split(".", 3)[3] for e in made.of_type(ENDPOINT) if e.name.startswith("network-")}


def with_karpenter() -> list[str]:
    return [stack for stack in platforms() if platform(stack).cluster.autoscaler.kind == "karpenter"]


def closed() -> list[str]:
    return [stack for stack in platforms() if platform(stack).network.closed]


@pytest.mark.parametrize("stack", platforms())
class TestEveryCluster:
    def test_it_is_private_logged_under_its_own_key_and_open_by_access_entries_alone(self, stack: str) -> None:
        for cluster in graph(stack).of_type(CLUSTER):
            inputs = cluster.inputs
            assert inputs["accessConfig"] == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
            assert inputs["vpcConfig"]["endpointPrivateAccess"] is True
            assert "0.0.0.0/0" not in inputs["vpcConfig"].get("publicAccessCidrs", [])
            assert {"audit", "authenticator"} <= set(inputs["enabledClusterLogTypes"])
            assert inputs["encryptionConfig"]["provider"]["keyArn"]
            assert inputs["bootstrapSelfManagedAddons"] is False
            if platform(stack).tier == "production":
                assert inputs["deletionProtection"] is True

    def test_all_that_stands_in_it_goes_before_the_access_of_who_deploys(self, stack: str) -> None:
        made, deps = graph(stack), before(stack)
        for prefix, provider in clusters(made).items():
            administrators = {a.urn for a in made.of_type(ASSOCIATION) if a.name.startswith(f"{prefix}-administrator-")}
            assert administrators
            inside = [r for r in made.custom if r.provider == provider.urn]
            assert inside
            for resource in inside:
                assert administrators <= deps[resource.urn], f"{resource.name} could outlive the access to delete it"

    def test_addons_come_in_order_and_settings_of_the_network_are_strings(self, stack: str) -> None:
        made, deps = graph(stack), before(stack)
        for prefix in clusters(made):
            addons = {a.inputs["addonName"]: a for a in made.of_type(ADDON) if a.name == f"{prefix}-{a.inputs['addonName']}"}
            groups = [group.urn for group in made.of_type(GROUP) if group.name.startswith(f"{prefix}-")]
            for group in groups:
                assert {addons[name].urn for name in ("vpc-cni", "eks-pod-identity-agent", "kube-proxy")} <= deps[group]
            for name in {"coredns", "aws-ebs-csi-driver", "eks-node-monitoring-agent"} & addons.keys():
                assert deps[addons[name].urn] & set(groups)
            if "vpc-cni" in addons:
                assert all(isinstance(value, str) for value in leaves(json.loads(addons["vpc-cni"].inputs["configurationValues"])))

    def test_nodes_with_accelerators_are_watched_and_repaired(self, stack: str) -> None:
        made = graph(stack)
        pools = [group for group in made.of_type(GROUP) if "-pool-" in group.name]
        for group in pools:
            assert group.inputs["nodeRepairConfig"]["enabled"] is True
        if made.of_type(GROUP):
            assert "eks-node-monitoring-agent" in {addon.inputs["addonName"] for addon in made.of_type(ADDON)}

    def test_services_that_are_called_have_an_endpoint_where_there_are_any(self, stack: str) -> None:
        network = platform(stack).network
        if isinstance(network, NetworkArgs):
            assert endpoints(graph(stack)) == {"s3", *(services(platform(stack)) if network.private_endpoints else ())}


def leaves(value: Any) -> list[Any]:
    return [leaf for item in value.values() for leaf in leaves(item)] if isinstance(value, dict) else [value]


@pytest.mark.parametrize("stack", closed())
class TestClosedNetworks:
    def test_there_is_no_way_out(self, stack: str) -> None:
        made = graph(stack)
        assert not made.of_type("aws:ec2/internetGateway:InternetGateway", "aws:ec2/natGateway:NatGateway")
        outward = made.of_type("aws:ec2/route:Route")
        assert all(row.inputs.get("transitGatewayId") or row.inputs.get("vpcPeeringConnectionId") for row in outward)
        assert all(ip_network(row.inputs["destinationCidrBlock"]).is_private for row in outward)

    def test_nothing_comes_from_elsewhere_than_the_accounts_registry(self, stack: str) -> None:
        site, made = platform(stack).site, graph(stack)
        own = f"{site.account}.dkr.ecr.{site.region}.amazonaws.com/"
        for release in made.of_type(RELEASE):
            assert release.inputs["chart"].startswith(f"oci://{own}"), release.name
            assert all(text.startswith(own) for text in images(release.inputs.get("values", {}))), release.name
            assert list(images(release.inputs.get("values", {}))) or "crd" in release.inputs["chart"]
        pods = [r for r in made.custom if r.type in ("kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job")]
        assert pods
        for resource in pods:
            spec = resource.inputs["spec"]["template"]["spec"]
            assert all(c["image"].startswith(own) for c in [*spec["containers"], *spec.get("initContainers", [])])

    def test_it_covers_what_its_parts_call(self, stack: str) -> None:
        found = endpoints(graph(stack))
        assert {"ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "s3", "sts"} <= found
        scaler = {"cluster-autoscaler": {"autoscaling"}, "karpenter": {"sqs", "ssm"}}.get(platform(stack).cluster.autoscaler.kind, set())
        assert scaler <= found


def images(values: Any) -> list[str]:
    """Every text that stands where a value names an image or its registry."""
    if not isinstance(values, dict):
        return []
    own = [v for k, v in values.items() if k in ("registry", "repository") and isinstance(v, str)]
    return own + [text for item in values.values() for text in images(item)]


def test_there_is_a_closed_network_to_look_at() -> None:
    assert closed()


def test_karpenter_changes_nothing_that_is_not_its_clusters() -> None:
    rights = karpenter_statements(
        "c",
        "111122223333",
        "us-west-2",
        queue="arn:aws:sqs:us-west-2:111122223333:q",
        node_role="r",
        key="k",
        closed=False,
        spot=True,
    )
    scoped = [s for s in rights if any(a.startswith(("ec2:Terminate", "ec2:Delete", "ec2:CreateTags")) for a in s["Action"])]
    assert scoped
    for statement in scoped:
        conditions = json.dumps(statement["Condition"])
        assert "kubernetes.io/cluster/c" in conditions
        assert "karpenter.sh/nodepool" in conditions
    known = ("iam:PassRole", "iam:ListInstanceProfiles", "iam:CreateServiceLinkedRole")
    assert not [a for s in rights for a in s["Action"] if a.startswith("iam:") and a not in known]
    shut = karpenter_statements("c", "111122223333", "us-west-2", queue="q", node_role="r", key="k", closed=True, spot=False)
    assert not [a for s in shut for a in s["Action"] if a.startswith(("pricing:", "iam:List"))]
    assert len(json.dumps(rights)) < 10_240, "the most that a role's own policies may have together"


def in_auto_mode() -> list[str]:
    return [stack for stack in platforms() if platform(stack).cluster.autoscaler.kind == "auto-mode"]


@pytest.mark.parametrize("stack", in_auto_mode())
class TestAutoMode:
    def test_its_three_parts_are_on_together_and_nothing_of_it_is_installed_again(self, stack: str) -> None:
        made = graph(stack)
        (cluster,) = made.of_type(CLUSTER)
        parts = (
            cluster.inputs["computeConfig"]["enabled"],
            cluster.inputs["storageConfig"]["blockStorage"]["enabled"],
            cluster.inputs["kubernetesNetworkConfig"]["elasticLoadBalancing"]["enabled"],
        )
        assert parts == (True, True, True)
        assert cluster.inputs["bootstrapSelfManagedAddons"] is False
        built_in = {"vpc-cni", "kube-proxy", "coredns", "aws-ebs-csi-driver", "eks-pod-identity-agent", "eks-node-monitoring-agent"}
        assert not built_in & {addon.inputs["addonName"] for addon in made.of_type(ADDON)}
        assert not made.of_type(GROUP, "aws:ec2/launchTemplate:LaunchTemplate")
        assert not charts(made).keys() & {"cluster-autoscaler", "karpenter", "gpu-operator", "nvidia-device-plugin"}
        (volumes,) = made.of_type("kubernetes:storage.k8s.io/v1:StorageClass")
        assert volumes.inputs["provisioner"] == "ebs.csi.eks.amazonaws.com"

    def test_nodes_may_join_and_network_policies_hold_before_there_are_any(self, stack: str) -> None:
        made, deps = graph(stack), before(stack)
        (entry,) = [e for e in made.of_type("aws:eks/accessEntry:AccessEntry") if e.inputs.get("type") == "EC2"]
        (policy,) = [a for a in made.of_type(ASSOCIATION) if a.inputs["policyArn"].endswith("/AmazonEKSAutoNodePolicy")]
        (enforced,) = named(made, "cluster-network-policies")
        pools = made.of_type("kubernetes:karpenter.sh/v1:NodePool")
        assert len(pools) > 1
        for pool in pools:
            assert {entry.urn, policy.urn, enforced.urn} <= deps[pool.urn]

    def test_pools_name_a_class_that_exists_have_limits_and_outlive_no_node(self, stack: str) -> None:
        made = graph(stack)
        classes = {c.inputs["metadata"]["name"]: c for c in made.of_type("kubernetes:eks.amazonaws.com/v1:NodeClass")}
        assert "default" not in classes
        for pool in made.of_type("kubernetes:karpenter.sh/v1:NodePool"):
            spec = pool.inputs["spec"]
            node = spec["template"]["spec"]
            kinds = {row["key"]: row["values"] for row in node["requirements"]}
            own = classes[node["nodeClassRef"]["name"]].inputs["spec"]
            assert spec["limits"]
            assert node["expireAfter"] == f"{21 * 24}h", "the longest that EKS takes: nodes of one age end together"
            assert node["nodeClassRef"] == {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": node["nodeClassRef"]["name"]}
            assert not [key for key in kinds if key.startswith("karpenter.k8s.aws/")]
            assert ("capacityReservationSelectorTerms" in own) == (kinds["karpenter.sh/capacity-type"] == ["reserved"])
            assert own["ephemeralStorage"]["kmsKeyID"]


def test_there_is_a_cluster_in_auto_mode_to_look_at() -> None:
    assert in_auto_mode()


@pytest.mark.parametrize("stack", sorted(platforms()))
def test_each_role_has_one_entry_that_reaches_as_far_as_it_should(stack: str) -> None:
    made = graph(stack)
    entries = [e for e in made.of_type("aws:eks/accessEntry:AccessEntry") if e.inputs.get("type", "STANDARD") == "STANDARD"]
    keys = [(e.property_dependencies["clusterName"], e.inputs["principalArn"]) for e in entries]
    assert len(set(keys)) == len(keys)
    for row in made.of_type(ASSOCIATION):
        policy, scope = row.inputs["policyArn"].rpartition("/")[2], row.inputs["accessScope"]
        whole = {"AmazonEKSClusterAdminPolicy": "administrator", "AmazonEKSViewPolicy": "viewer", "AmazonEKSAutoNodePolicy": "auto-node"}
        if scope["type"] == "cluster":
            assert f"-{whole[policy]}-" in row.name
        else:
            assert scope["namespaces"]
            assert "*" not in scope["namespaces"]
