"""One thread on each core: what a launch template asks for, and what pods, tags and checks see of it."""

from typing import Any

from components.accelerators import aws_machines
from components.aws.capacity.allocatable import KUBE_PROXY, TEMPLATE, allocatable, template_tags
from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.groups import cpu_options
from components.aws.capacity.node_plan import plan_cpu_pool, plan_pool
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.capacity.pulling import problems
from components.aws.capacity.room import kept
from components.aws.storage.args import StorageArgs
from components.kubernetes.addons.operators import OperatorsArgs
from infra.aws.node_room import SYSTEM, taken
from infra.aws.platform import AwsPlatform
from review.before_up import quotas
from tests.config.fields import CONTEXTS, data, draw, judged
from tests.ec2 import ec2
from tests.evaluated import evaluate
from tests.nodes.autoscaler import imagined
from tests.nodes.kubelet import reported, vcpus

ZONES = ("us-west-2a", "us-west-2b")
NODE_GROUP, LAUNCH = "aws:eks/nodeGroup:NodeGroup", "aws:ec2/launchTemplate:LaunchTemplate"


def serving(**changes: Any) -> GpuPoolArgs:
    return GpuPoolArgs.model_validate({"accelerator": "l40s", "machine": "g6e.12xlarge", "max": 3, **changes})


def batch(**changes: Any) -> CpuPoolArgs:
    return CpuPoolArgs.model_validate({"machine": "m7i.16xlarge", "max": 3, **changes})


def test_cores_and_threads_are_what_ec2_says() -> None:
    for name, machine in aws_machines().items():
        facts = ec2()[name]["VCpuInfo"]
        found = machine.cpu_cores, machine.threads
        assert found == (facts["DefaultCores"], tuple(facts.get("ValidThreadsPerCore", ()))), name
        if facts["DefaultThreadsPerCore"] in machine.threads:
            assert machine.with_threads(facts["DefaultThreadsPerCore"]) == machine
        assert machine.architecture == "x86_64" or 2 not in machine.threads, name


def test_a_launch_template_names_all_cores_with_the_threads() -> None:
    assert cpu_options(plan_cpu_pool("b", batch(threads_per_core=1), ZONES)[0]) == {"core_count": 32, "threads_per_core": 1}
    assert cpu_options(plan_pool("s", serving(threads_per_core=1), ZONES)[0]) == {"core_count": 24, "threads_per_core": 1}
    assert cpu_options(plan_pool("s", serving(), ZONES)[0]) is None


def test_pods_have_the_threads_that_run_less_what_the_kubelet_keeps_of_them() -> None:
    one, two = (plan_cpu_pool("b", batch(threads_per_core=n), ZONES)[0] for n in (1, None))
    machine = aws_machines()["m7i.16xlarge"]
    assert kept(machine.with_threads(1), pods=110)[0] == 60 + 10 + 5 + 5 + 70
    assert allocatable(one)["cpu"] == f"{32_000 - 150}m"
    assert allocatable(two)["cpu"] == f"{64_000 - 230}m"


def test_the_autoscaler_is_told_of_the_threads_that_run() -> None:
    (plan,) = plan_pool("s", serving(threads_per_core=1), ZONES)
    assert template_tags(plan)[f"{TEMPLATE}cpu"] == f"{24_000 - 130 + KUBE_PROXY}m"


def test_pods_of_a_node_follow_the_threads_that_run() -> None:
    pools = [batch(machine="m7i.8xlarge"), batch(machine="m7i.8xlarge", threads_per_core=1)]
    assert [pool.most_pods for pool in pools] == [250, 110]
    assert [serving(threads_per_core=n).most_pods for n in (None, 1)] == [250, 110]


def test_endpoints_have_the_room_that_the_threads_give() -> None:
    platform = judged("aws", data("aws"))
    assert isinstance(platform, AwsPlatform)
    pool = platform.cluster.pools["serving"]
    node = platform.node("serving")
    assert pool.threads_per_core == 1
    assert node is not None
    assert node.cpu == 24
    system = taken(platform.cluster, StorageArgs(), OperatorsArgs(), pool)[SYSTEM]
    assert system[0] == kept(aws_machines()["g6e.12xlarge"].with_threads(1), pods=110)[0] == 130


def test_nodes_with_few_threads_do_not_fetch_in_parallel() -> None:
    machine = aws_machines()["g6.xlarge"]
    found = [list(problems([machine.with_threads(n)], "al2023", None, nvme=False, karpenter=False)) for n in (2, 1)]
    assert [len(each) for each in found] == [0, 1]


def test_what_is_rendered_is_what_the_autoscaler_imagines_and_the_kubelet_reports() -> None:
    graph = evaluate(CONTEXTS["aws"]).graph
    groups = [g for g in graph.of_type(NODE_GROUP) if "batch" in g.name or "serving" in g.name]
    assert len(groups) == 3
    for group in groups:
        template = next(t for t in graph.of_type(LAUNCH) if t.urn in group.property_dependencies["launchTemplate"]).inputs
        machine = aws_machines()[group.inputs["instanceTypes"][0]]
        assert template["cpuOptions"] == {"coreCount": machine.cpu_cores, "threadsPerCore": 1}
        assert vcpus(template, machine) * 2 == machine.vcpus
        seen = imagined(group.inputs, template, ["us-west-2a"])
        real = reported(group.inputs, template, machine, "us-west-2a", {})
        assert seen.resources["cpu"] - seen.reserved == real.resources["cpu"]


def test_prices_and_quotas_are_those_of_the_machine() -> None:
    """EC2 user guide, CPU options: "There is no additional or reduced charge"; quotas are judged at the machine's own vCPUs."""
    stated = data("aws")
    whole = {**stated, "cluster": {**stated["cluster"], "cpu_pools": {}}}
    pool = {k: v for k, v in stated["cluster"]["pools"]["serving"].items() if k != "threads_per_core"}
    plain = {**whole, "cluster": {**whole["cluster"], "pools": {"serving": pool}}}
    found = [judged("aws", each) for each in (whole, plain)]
    assert all(found)
    graphs = [draw(each) for each in found if each]
    assert quotas(graphs[0]) == quotas(graphs[1])
