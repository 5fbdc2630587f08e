"""The recorder draws what the engine would be given, and surfaces what goes wrong as it was raised."""

import asyncio
import gc
import json
import time
from pathlib import Path
from typing import Any

import pulumi
import pytest
from programs import Network, aws_provider, by_name, drawn, kubernetes_provider, policy, using

from graph.model import UNKNOWN, SecretValue
from graph.monitor import Refused
from graph.recorder import ProgramHung, record


def network_program() -> None:
    network = Network("net", opts=pulumi.ResourceOptions(providers=[aws_provider()]))
    pulumi.export("vpc", network.vpc.id)
    pulumi.export("secret", pulumi.Output.secret({"token": "hush"}))


def test_urns_and_parents_are_the_engines() -> None:
    graph = drawn(network_program)
    assert [resource.urn for resource in graph] == [
        "urn:pulumi:dev::groundwork::pulumi:pulumi:Stack::groundwork-dev",
        "urn:pulumi:dev::groundwork::pulumi:providers:aws::aws",
        "urn:pulumi:dev::groundwork::groundwork:aws:Network::net",
        "urn:pulumi:dev::groundwork::groundwork:aws:Network$aws:ec2/vpc:Vpc::net-vpc",
        "urn:pulumi:dev::groundwork::groundwork:aws:Network$aws:ec2/subnet:Subnet::net-subnet-0",
        "urn:pulumi:dev::groundwork::groundwork:aws:Network$aws:ec2/subnet:Subnet::net-subnet-1",
    ]
    stack, _, network, *children = graph
    assert stack.parent == ""
    assert network.parent == stack.urn
    assert {child.parent for child in children} == {network.urn}


def test_outputs_are_known_and_references_are_found_by_value() -> None:
    found = by_name(drawn(network_program))
    vpc, subnet = found["net-vpc"], found["net-subnet-0"]
    assert vpc.id.startswith("vpc-")
    assert len(vpc.id) == len("vpc-") + 17
    assert subnet.inputs == {"vpcId": vpc.id, "cidrBlock": "10.0.0.0/24"}
    assert subnet.dependencies == (vpc.urn,)
    assert subnet.property_dependencies == {"vpcId": (vpc.urn,)}
    assert subnet.provider == found["aws"].urn
    assert "arn" in vpc.computed
    assert vpc.outputs["arn"] == f"arn:aws:ec2:us-west-2:111122223333:vpc/{vpc.id}"


def test_stack_and_component_outputs_are_kept_and_secrets_marked() -> None:
    graph = drawn(network_program)
    found = by_name(graph)
    assert graph.outputs["vpc"] == found["net-vpc"].id
    assert graph.outputs["secret"] == SecretValue({"token": "hush"})
    assert "hush" not in repr(graph.outputs)
    assert found["net"].outputs == {"vpcId": found["net-vpc"].id}


def test_unknown_mode_leaves_unknown_what_a_preview_does() -> None:
    graph = drawn(network_program, unknowns=True)
    found = by_name(graph)
    assert found["net-vpc"].id == ""
    assert found["net-vpc"].inputs == {"cidrBlock": "10.0.0.0/16"}
    assert found["net-subnet-0"].inputs == {"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/24"}
    assert found["net-subnet-0"].dependencies == (found["net-vpc"].urn,)
    assert graph.outputs["vpc"] is UNKNOWN


def test_unknown_mode_passes_inputs_on_and_hides_a_nested_output() -> None:
    def program() -> None:
        import pulumi_aws as aws

        provider = aws_provider()
        cluster = aws.eks.Cluster("c", name="named", role_arn="arn:r", vpc_config={"subnet_ids": ["subnet-1"]}, opts=using(provider))
        pulumi.export("name", cluster.name)
        pulumi.export("group", cluster.vpc_config.apply(lambda config: config.cluster_security_group_id))

    assert drawn(program, unknowns=True).outputs == {"name": "named", "group": UNKNOWN}
    assert str(drawn(program).outputs["group"]).startswith("sg-")


def test_under_an_unconfigured_provider_a_preview_knows_no_output() -> None:
    def program() -> None:
        import pulumi_kubernetes as kubernetes

        provider = kubernetes_provider(kubeconfig=Network("net", opts=using(aws_provider())).vpc.arn)
        space = kubernetes.core.v1.Namespace("space", metadata={"name": "a"}, opts=using(provider))
        pulumi.export("space", space.metadata.apply(lambda metadata: metadata.name))

    assert drawn(program, unknowns=True).outputs == {"space": UNKNOWN}
    assert drawn(program).outputs == {"space": "a"}


def test_calls_in_one_process_do_not_affect_each_other() -> None:
    first = drawn(network_program)
    with pytest.raises(ZeroDivisionError):
        drawn(lambda: [Network("broken", opts=using(aws_provider())), 1 // 0])
    assert drawn(network_program) == first
    assert drawn(network_program, stack="prod").stack == "prod"
    assert record(lambda: None, project="other", stack="s", config={}).resources[0].name == "other-s"


def test_config_reaches_the_program_and_nothing_stays_behind() -> None:
    seen: list[Any] = []

    def program() -> None:
        seen.append((pulumi.Config("groundwork").get("platform"), pulumi.get_stack(), pulumi.get_project()))

    drawn(program, config={"groundwork:platform": "{}"})
    drawn(program)
    assert seen == [("{}", "dev", "groundwork"), (None, "dev", "groundwork")]


def test_it_works_inside_a_running_event_loop_and_for_async_programs() -> None:
    async def program() -> None:
        await asyncio.sleep(0)
        network_program()

    async def caller() -> int:
        return len(drawn(program))

    assert asyncio.run(caller()) == 6


def test_dependencies_through_a_component_are_its_children() -> None:
    def program() -> None:
        import pulumi_aws as aws

        provider = aws_provider()
        network = Network("net", opts=using(provider))
        aws.s3.Bucket("bucket", bucket="b", opts=using(provider, depends_on=[network]))

    found = by_name(drawn(program))
    assert found["bucket"].dependencies == tuple(sorted(found[name].urn for name in ("net-vpc", "net-subnet-0", "net-subnet-1")))
    assert found["bucket"].property_dependencies == {}


def test_property_dependencies_name_every_source_of_a_property() -> None:
    def program() -> None:
        import pulumi_aws as aws

        provider = aws_provider()
        buckets = [aws.s3.Bucket(name, bucket=name, opts=using(provider)) for name in ("one", "two")]
        aws.iam.Policy("policy", name="p", policy=policy(*(bucket.arn for bucket in buckets)), opts=using(provider))

    found = by_name(drawn(program))
    assert found["policy"].property_dependencies == {"policy": tuple(sorted((found["one"].urn, found["two"].urn)))}
    assert json.loads(found["policy"].inputs["policy"])["Statement"][0]["Resource"] == ["arn:aws:s3:::one", "arn:aws:s3:::two"]


def test_options_are_inherited_as_the_engine_does() -> None:
    def program() -> None:
        import pulumi_aws as aws

        provider = aws_provider()
        shelter = aws.s3.Bucket("shelter", bucket="s", opts=using(provider))
        options = using(provider, protect=True, retain_on_delete=True, deleted_with=shelter)
        network = Network("net", opts=options)
        aws.s3.Bucket(
            "free",
            bucket="f",
            opts=pulumi.ResourceOptions(parent=network, protect=False, custom_timeouts=pulumi.CustomTimeouts(create="1h20m", delete="90s")),
        )

    found = by_name(drawn(program))
    inherited = found["net-vpc"].options
    assert (inherited.protect, inherited.retain_on_delete, inherited.deleted_with) == (True, True, found["shelter"].urn)
    assert found["free"].options.protect is False
    assert found["free"].options.retain_on_delete is True
    assert found["free"].options.timeouts == {"create": "4800s", "delete": "90s"}
    assert found["free"].provider == found["aws"].urn


def test_aliases_are_resolved_to_urns() -> None:
    def program() -> None:
        import pulumi_kubernetes as kubernetes

        provider = kubernetes_provider()
        alias = pulumi.Alias(name="old", parent=pulumi.ROOT_STACK_RESOURCE)
        kubernetes.core.v1.Namespace("space", metadata={"name": "a"}, opts=using(provider, aliases=[alias]))

    assert by_name(drawn(program))["space"].options.aliases == ("urn:pulumi:dev::groundwork::kubernetes:core/v1:Namespace::old",)


def test_a_secret_stays_one_through_apply_and_in_secret_outputs() -> None:
    def program() -> None:
        import pulumi_kubernetes as kubernetes

        password = pulumi.Output.secret("hush").apply(lambda text: f"{text}-{text}")
        metadata: Any = {"name": "s", "namespace": "n"}
        kubernetes.core.v1.Secret("s", metadata=metadata, string_data={"password": password}, opts=using(kubernetes_provider()))

    graph = drawn(program)
    secret = by_name(graph)["s"]
    assert secret.inputs["stringData"] == SecretValue({"password": "hush-hush"})
    assert isinstance(secret.outputs["stringData"], SecretValue)
    assert set(secret.options.additional_secret_outputs) >= {"data", "stringData"}
    assert "hush" not in repr(graph)


def test_integers_stay_integers() -> None:
    def program() -> None:
        import pulumi_kubernetes as kubernetes

        metadata: Any = {"name": "s", "namespace": "n"}
        kubernetes.core.v1.Service("s", metadata=metadata, spec={"ports": [{"port": 8080}]}, opts=using(kubernetes_provider()))

    port = by_name(drawn(program))["s"].inputs["spec"]["ports"][0]["port"]
    assert port == 8080
    assert type(port) is int


def test_an_exception_in_a_constructor_surfaces_as_it_was_raised() -> None:
    class Odd(Exception):
        pass

    class Broken(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("groundwork:aws:Broken", name)
            raise Odd("wheel came off")

    with pytest.raises(Odd, match="wheel came off") as caught:
        drawn(lambda: Broken("b"))
    assert any(entry.name == "__init__" for entry in caught.traceback)


def test_an_exception_in_an_apply_nobody_awaits_is_not_lost() -> None:
    def program() -> None:
        Network("net", opts=using(aws_provider())).vpc.id.apply(lambda identity: dict[str, str]()[identity])

    with pytest.raises(KeyError, match="vpc-"):
        drawn(program)


def test_a_resource_made_in_an_apply_is_recorded() -> None:
    def program() -> None:
        import pulumi_aws as aws

        provider = aws_provider()
        vpc = Network("net", opts=using(provider)).vpc
        vpc.id.apply(lambda identity: aws.s3.Bucket("late", bucket=identity, opts=using(provider)))

    found = by_name(drawn(program))
    assert found["late"].inputs["bucket"] == found["net-vpc"].id
    assert "late" not in by_name(drawn(program, unknowns=True))


def test_a_program_that_waits_for_nothing_is_ended_and_named() -> None:
    def program() -> None:
        import pulumi_aws as aws

        never: asyncio.Future[str] = asyncio.get_event_loop().create_future()
        aws.s3.Bucket("stuck", bucket=never, opts=using(aws_provider()))

    with pytest.raises(ProgramHung, match="aws:s3/bucket:Bucket stuck"):
        drawn(program, patience=0.5)


def test_a_program_that_never_returns_is_left_behind() -> None:
    with pytest.raises(ProgramHung, match=r"0\.3 seconds"):
        drawn(lambda: time.sleep(1.0), deadline=0.3)


@pytest.mark.parametrize("failing", [False, True])
def test_the_garbage_collector_runs_again_afterwards(failing: bool) -> None:
    if failing:
        with pytest.raises(ZeroDivisionError):
            drawn(lambda: 1 // 0)
    else:
        drawn(lambda: None)
    assert gc.isenabled()


def test_what_only_an_engine_can_answer_is_refused() -> None:
    def invokes() -> None:
        import pulumi_aws as aws

        aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=aws_provider()))

    def reads() -> None:
        import pulumi_aws as aws

        aws.s3.Bucket.get("found", "bucket", opts=using(aws_provider()))

    for program, told in ((invokes, "invokes aws:index/getCallerIdentity"), (reads, "reads aws:s3/bucket:Bucket 'found'")):
        with pytest.raises(Refused, match=told):
            drawn(program)


def test_recording_four_hundred_resources_is_quick() -> None:
    def program() -> None:
        Network("net", subnets=400, opts=using(aws_provider()))

    drawn(network_program)
    started = time.process_time()
    graph = drawn(program)
    assert len(graph) == 404
    assert time.process_time() - started < 4.0


def test_no_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    drawn(network_program)
    assert list(tmp_path.iterdir()) == []
