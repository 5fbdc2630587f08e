"""Accelerated nodes, over every stack and over the contexts that state every field: fabric, placement, reservations, images, plugins."""

import re
from base64 import b64decode
from functools import cache
from ipaddress import IPv4Network
from typing import Any

import pytest

from components.accelerators import aws_machines
from graph.model import Graph, Resource
from tests.assertions.graphs import graph, on_aws
from tests.config.fields import data, draw, judged
from tests.ec2 import ec2

CLUSTER = "aws:eks/cluster:Cluster"
TEMPLATE, GROUP = "aws:ec2/launchTemplate:LaunchTemplate", "aws:eks/nodeGroup:NodeGroup"
PLACEMENT, RULE = "aws:ec2/placementGroup:PlacementGroup", "aws:vpc/securityGroup{}Rule:SecurityGroup{}Rule"
CONTEXT = "(every way of having nodes)"
STACKS = [*on_aws(), CONTEXT]
GPU_IMAGES = ("BOTTLEROCKET_x86_64_NVIDIA", "BOTTLEROCKET_ARM_64_NVIDIA")


@cache
def drawn(stack: str) -> Graph:
    if stack != CONTEXT:
        return graph(stack)
    platform = judged("aws-capacity", data("aws-capacity"))
    assert platform is not None
    return draw(platform)


def template_of(made: Graph, group: Resource) -> Resource:
    return next(made.by_urn[urn] for urn in group.property_dependencies["launchTemplate"] if made.by_urn[urn].type == TEMPLATE)


def groups(stack: str) -> list[tuple[Resource, dict[str, Any]]]:
    """Node groups with accelerators, and what their launch templates say."""
    made = drawn(stack)
    every = [(group, dict(template_of(made, group).inputs)) for group in made.of_type(GROUP)]
    return [(group, template) for group, template in every if aws_machines()[machines(group, template)[0]].accelerator]


def machines(group: Resource, template: dict[str, Any]) -> list[str]:
    """Machine types of a node group, which names them itself or has one in its launch template, and never both."""
    assert ("instanceTypes" in group.inputs) != ("instanceType" in template), "EKS refuses both, and a block without a template's"
    return list(group.inputs.get("instanceTypes") or [template["instanceType"]])


def interfaces(template: dict[str, Any]) -> list[dict[str, Any]]:
    return list(template["networkInterfaces"])


def with_fabric(stack: str) -> list[tuple[Resource, dict[str, Any]]]:
    return [(g, t) for g, t in groups(stack) if any("efa" in i.get("interfaceType", "") for i in interfaces(t))]


def objects(stack: str, kind: str) -> list[dict[str, Any]]:
    """Specs of Karpenter's own objects; EKS Auto Mode has node classes of another kind."""
    specs = [dict(r.inputs["spec"]) for r in drawn(stack) if r.inputs.get("kind") == kind]
    return [s for s in specs if kind != "NodePool" or s["template"]["spec"]["nodeClassRef"]["kind"] == "EC2NodeClass"]


def keeps_ec2(machine: str, places: list[tuple[int, int, str]]) -> None:
    """The invariants of EC2's own table: cards, devices of a card, EFA of a card, EFA of the machine."""
    network = ec2()[machine]["NetworkInfo"]
    cards = {card["NetworkCardIndex"]: card["MaximumNetworkInterfaces"] for card in network["NetworkCards"]}
    assert len({(card, device) for card, device, _ in places}) == len(places)
    assert all(device < cards[card] for card, device, _ in places)
    assert [kind for card, device, kind in places if (card, device) == (0, 0)] in (["efa"], ["interface"])
    efa = [card for card, _, kind in places if kind != "interface"]
    assert len(set(efa)) == len(efa) == network["EfaInfo"]["MaximumEfaInterfaces"]


@pytest.mark.parametrize("stack", STACKS)
def test_interfaces_are_what_ec2_takes(stack: str) -> None:
    for group, template in with_fabric(stack):
        for machine in machines(group, template):
            keeps_ec2(machine, [(i.get("networkCardIndex", 0), i["deviceIndex"], i["interfaceType"]) for i in interfaces(template)])
        assert all(i["deleteOnTermination"] == "true" and i["securityGroups"] for i in interfaces(template))
        assert len(interfaces(template)) == 1 or not any("associatePublicIpAddress" in i for i in interfaces(template))
        assert not {"vpcSecurityGroupIds", "securityGroupNames"} & template.keys()
        assert not any("subnetId" in i for i in interfaces(template))
    for pool, node in zip(objects(stack, "NodePool"), objects(stack, "EC2NodeClass"), strict=True):
        kinds = next(r["values"] for r in pool["template"]["spec"]["requirements"] if r["key"] == "node.kubernetes.io/instance-type")
        places = [(i["networkCardIndex"], i["deviceIndex"], i["interfaceType"]) for i in node.get("networkInterfaces", ())]
        for machine in kinds if places else ():
            keeps_ec2(machine, places)
            assert (0, 0, "interface") in places
            assert not any(kind == "efa" for _, _, kind in places)


@pytest.mark.parametrize("stack", STACKS)
def test_a_fabric_is_in_one_subnet_and_close_together(stack: str) -> None:
    made = drawn(stack)
    own = {g.inputs["name"] for g in made.of_type(PLACEMENT)}
    for group, template in with_fabric(stack):
        assert len(group.inputs["subnetIds"]) == 1
        assert group.inputs["scalingConfig"]["maxSize"] >= 2
        block, reserved = group.inputs["capacityType"] == "CAPACITY_BLOCK", "capacityReservationSpecification" in template
        assert ("placement" in template) != block
        assert block or reserved or template["placement"]["groupName"] in own
    assert all(g.inputs["strategy"] == "cluster" for g in made.of_type(PLACEMENT))


@pytest.mark.parametrize("stack", STACKS)
def test_every_group_of_a_fabric_lets_itself_in_and_out(stack: str) -> None:
    made = drawn(stack)
    of_cluster = {
        c.outputs["vpcConfig"]["clusterSecurityGroupId"] for c in made.of_type("aws:eks/cluster:Cluster") if "vpcConfig" in c.outputs
    }
    used = {group for _, t in with_fabric(stack) for i in interfaces(t) for group in i["securityGroups"]}

    def selfish(way: str) -> set[str]:
        rules = made.of_type(RULE.format(way, way))
        same = [r.inputs for r in rules if r.inputs["securityGroupId"] == r.inputs.get("referencedSecurityGroupId")]
        return {r["securityGroupId"] for r in same if r["ipProtocol"] == "-1"}

    assert used <= selfish("Egress")
    # EKS makes the cluster's group with the rule that lets itself in; there is one such group.
    assert len(used - selfish("Ingress") - of_cluster) <= (1 if used else 0)
    assert not used or used & selfish("Ingress")


@pytest.mark.parametrize("stack", STACKS)
def test_no_machine_without_efa_has_its_interfaces(stack: str) -> None:
    for group, template in groups(stack):
        if not all("EfaInfo" in ec2()[machine]["NetworkInfo"] for machine in machines(group, template)):
            assert [i.get("interfaceType") for i in interfaces(template)] == [None]


@pytest.mark.parametrize("stack", STACKS)
def test_images_fit_the_machines(stack: str) -> None:
    for group, template in groups(stack):
        (kinds,) = {(aws_machines()[m].architecture, aws_machines()[m].neuron) for m in machines(group, template)}
        wanted = {("x86_64", False): GPU_IMAGES[0], ("arm64", False): GPU_IMAGES[1], ("x86_64", True): "AL2023_x86_64_NEURON"}
        assert group.inputs["amiType"] == wanted[kinds]


@pytest.mark.parametrize("stack", STACKS)
def test_devices_are_announced_once(stack: str) -> None:
    made = drawn(stack)
    charts = [r.inputs["chart"].rpartition("/")[2] for r in made if r.type == "kubernetes:helm.sh/v3:Release"]
    images = {group.inputs["amiType"] for group, _ in groups(stack)}
    assert not {"gpu-operator", "nvidia-device-plugin"} & set(charts) or not any("BOTTLEROCKET" in image for image in images)
    assert charts.count("neuron-helm-chart") == (1 if "AL2023_x86_64_NEURON" in images else 0)
    fabric = with_fabric(stack) or any("networkInterfaces" in node for node in objects(stack, "EC2NodeClass"))
    assert charts.count("aws-efa-k8s-device-plugin") == (1 if fabric else 0)


@pytest.mark.parametrize("stack", STACKS)
def test_capacity_blocks_are_as_eks_takes_them(stack: str) -> None:
    """As the EKS user guide says, capacity-blocks-mng: EKS itself schedules the end, and wants the machine type in the template."""
    assert not drawn(stack).of_type("aws:autoscaling/schedule:Schedule")
    for group, template in groups(stack):
        block = template.get("instanceMarketOptions", {}).get("marketType") == "capacity-block"
        assert block == (group.inputs["capacityType"] == "CAPACITY_BLOCK")
        if block:
            assert template["capacityReservationSpecification"]["capacityReservationTarget"]["capacityReservationId"].startswith("cr-")
            assert (group.inputs["scalingConfig"]["minSize"], group.inputs["scalingConfig"]["desiredSize"]) == (0, 0)
            assert aws_machines()[template["instanceType"]].accelerator
            assert len(group.inputs["subnetIds"]) == 1


@pytest.mark.parametrize("stack", STACKS)
def test_full_reservations_can_be_updated(stack: str) -> None:
    for group, template in groups(stack):
        held = "capacityReservationSpecification" in template
        assert (group.inputs["updateConfig"].get("updateStrategy") == "MINIMAL") == held, "a new node finds no room beside the old ones"


FORBIDDEN = {"iamInstanceProfile", "hibernationOptions", "instanceRequirements", "imageId", "keyName"}
"""What a launch template of a node group must not say, or what EKS then leaves to us. Source: EKS user guide, launch-templates."""


@pytest.mark.parametrize("stack", STACKS)
def test_launch_templates_say_nothing_that_eks_refuses(stack: str) -> None:
    made = drawn(stack)
    for group in made.of_type(GROUP):
        template = template_of(made, group).inputs
        assert not FORBIDDEN & template.keys()
        assert not {"diskSize", "remoteAccess"} & group.inputs.keys(), "these belong into the launch template"
        assert template.get("instanceMarketOptions", {}).get("marketType") in (None, "capacity-block")
        assert not (template.get("vpcSecurityGroupIds") and template.get("networkInterfaces"))
        assert machines(group, dict(template))


@pytest.mark.parametrize("stack", STACKS)
def test_the_system_volume_holds_the_image(stack: str) -> None:
    """Sizes of os-image-size-gib in bottlerocket-os/bottlerocket, variants/aws-k8s-*-nvidia/Cargo.toml: 6 for 1.37, 4 before."""
    made = drawn(stack)
    for group in made.of_type(GROUP):
        if "BOTTLEROCKET" in group.inputs["amiType"]:
            sizes = {row["deviceName"]: row["ebs"]["volumeSize"] for row in template_of(made, group).inputs["blockDeviceMappings"]}
            assert sizes["/dev/xvda"] >= (6 if "NVIDIA" in group.inputs["amiType"] else 2)


@pytest.mark.parametrize("stack", STACKS)
def test_nodes_of_karpenter_are_bounded_and_left_alone_while_they_work(stack: str) -> None:
    for pool, node in zip(objects(stack, "NodePool"), objects(stack, "EC2NodeClass"), strict=True):
        spec = pool["template"]["spec"]
        kinds = next(r["values"] for r in spec["requirements"] if r["key"] == "karpenter.sh/capacity-type")
        assert (kinds == ["reserved"]) == bool(node.get("capacityReservationSelectorTerms"))
        assert pool["limits"]
        assert "replicas" not in pool or (set(pool["limits"]) == {"nodes"} and "weight" not in pool)
        assert any(t["key"] in ("nvidia.com/gpu", "aws.amazon.com/neuron") for t in spec["taints"])
        assert pool["disruption"]["consolidationPolicy"] == "WhenEmpty"
        assert pool["disruption"]["budgets"]
        assert spec["expireAfter"] == "Never", "expiration ignores budgets"
        assert "latest" not in node["amiSelectorTerms"][0]["alias"]


@pytest.mark.parametrize("stack", STACKS)
def test_nodes_with_a_fabric_set_huge_pages_apart(stack: str) -> None:
    for _, template in with_fabric(stack):
        assert "vm.nr_hugepages" in b64decode(template["userData"]).decode()


@pytest.mark.parametrize("stack", STACKS)
def test_nodes_take_as_many_pods_as_they_have_prefixes_for(stack: str) -> None:
    made = drawn(stack)
    for group in made.of_type(GROUP):
        told = b64decode(template_of(made, group).inputs["userData"]).decode()
        (stated,) = (int(number) for number in re.findall(r"max-?pods\s*[=:]\s*(\d+)", told, re.IGNORECASE))
        assert 8 <= stated <= min(map(recommended, machines(group, dict(template_of(made, group).inputs))))
    for pool, node in zip(objects(stack, "NodePool"), objects(stack, "EC2NodeClass"), strict=True):
        rows = pool["template"]["spec"]["requirements"]
        kinds = next(row["values"] for row in rows if row["key"] == "node.kubernetes.io/instance-type")
        assert node["kubelet"]["maxPods"] <= min(map(recommended, kinds))
        assert "max-pods" not in node.get("userData", "")


def recommended(machine: str) -> int:
    """AWS's formula for prefix delegation, over EC2's own table."""
    facts = ec2()[machine]
    network, cpus = facts["NetworkInfo"], facts["VCpuInfo"]["DefaultVCpus"]
    addresses = network["NetworkCards"][0]["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1) * 16 + 2
    return int(min(addresses, 250 if cpus > 30 else 110))


@pytest.mark.parametrize("stack", STACKS)
def test_prefixes_are_kept_where_nodes_are_before_nodes_come(stack: str) -> None:
    made = drawn(stack)
    kept = made.of_type("aws:ec2/subnetCidrReservation:SubnetCidrReservation")
    subnets = {s.urn: s for s in made.of_type("aws:ec2/subnet:Subnet") if "-private-" in s.name}
    held = dict.fromkeys(subnets, 0)
    for row in kept:
        (urn,) = row.property_dependencies["subnetId"]
        block, subnet = IPv4Network(row.inputs["cidrBlock"]), IPv4Network(subnets[urn].inputs["cidrBlock"])
        assert row.inputs["reservationType"] == "prefix"
        assert block.subnet_of(subnet)
        held[urn] += block.num_addresses
    assert all(4 * count == 3 * IPv4Network(subnets[urn].inputs["cidrBlock"]).num_addresses for urn, count in held.items())
    for group in made.of_type(GROUP):
        own = set(group.property_dependencies.get("subnetIds", ()))
        after = {row.urn for row in kept if set(row.property_dependencies["subnetId"]) & own}
        assert after <= set(group.dependencies)


def test_development_has_no_machine_that_is_sold_by_reservation() -> None:
    costly = ("p4", "p5", "p6", "trn")
    assert not [group.name for group, template in groups("dev") if machines(group, template)[0].startswith(costly)]


def test_every_way_is_looked_at() -> None:
    ways = {group.inputs["capacityType"] for stack in STACKS for group, _ in groups(stack)}
    assert ways == {"ON_DEMAND", "SPOT", "CAPACITY_BLOCK"}
    assert objects(CONTEXT, "NodePool")
    assert {"p5-block", "p5en-fabric", "p4d-reserved", "trn2"} <= {stack for stack in STACKS if with_fabric(stack)}


def waited(resource: Resource, operation: str) -> float:
    """Seconds after which the provider gives up."""
    return float(resource.options.timeouts[operation].removesuffix("s"))


@pytest.mark.parametrize("stack", STACKS)
def test_an_update_of_nodes_is_waited_for_as_long_as_eks_drains_them(stack: str) -> None:
    for group, _ in groups(stack):
        drained = group.inputs["scalingConfig"]["maxSize"] * 15 * 60 * 0.33
        assert waited(group, "update") >= min(drained, 8 * 3600), group.name


@pytest.mark.parametrize("stack", STACKS)
def test_node_pools_are_waited_for_as_long_as_their_nodes_may_drain(stack: str) -> None:
    for pool in drawn(stack).of_type("kubernetes:karpenter.sh/v1:NodePool"):
        grace = int(pool.inputs["spec"]["template"]["spec"]["terminationGracePeriod"].removesuffix("s"))
        assert waited(pool, "delete") > grace, pool.name
