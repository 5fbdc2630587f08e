"""Everything the engine or a provider would refuse is told at once, with its component and property path."""

import pulumi
import pytest
from programs import Network, aws_provider, drawn, kubernetes_provider, using

from graph.checks import GraphFaults, unchecked
from graph.model import Graph


def faults_of(program: object, **arguments: object) -> list[tuple[str, str, str]]:
    with pytest.raises(GraphFaults) as caught:
        drawn(program, **arguments)  # type: ignore[arg-type]
    return [(fault.component, fault.path, fault.message) for fault in caught.value.faults]


class Faulty(pulumi.ComponentResource):
    """A component with one fault of each kind."""

    def __init__(self, name: str) -> None:
        super().__init__("groundwork:aws:Faulty", name)
        import pulumi_aws as aws

        inner = pulumi.ResourceOptions(parent=self, provider=aws_provider())
        aws.eks.Cluster(  # type: ignore[call-overload]
            "cluster",
            name="c",
            role_arn="arn:r",
            vpc_config={"subnetIds": ["subnet-1"], "endpointPrivateAcess": True},
            encryption_config={"resources": ["secrets"]},
            tags={"cost": 3},
            opts=inner,
        )
        aws.s3.Bucket("bucket", bucket="b", force_destroy="yes", opts=pulumi.ResourceOptions(parent=self))  # type: ignore[call-overload]


def test_every_fault_is_told_at_once_with_component_and_path() -> None:
    own = "groundwork:aws:Faulty f"
    assert sorted(faults_of(lambda: Faulty("f"))) == [
        (own, "", "has no explicit aws provider, and default providers are disabled"),
        (own, "encryptionConfig.provider", "is required"),
        (own, "forceDestroy", "must be a boolean, is a string"),
        (own, "tags.cost", "must be a string, is an integer"),
        (own, "vpcConfig.endpointPrivateAcess", "is not a property of this type; did you mean endpointPrivateAccess?"),
    ]


def test_a_duplicate_urn_is_a_fault() -> None:
    def program() -> None:
        provider = aws_provider()
        Network("net", opts=using(provider))
        Network("net", opts=using(provider))

    told = faults_of(program)
    assert len(told) == 4
    assert all("is registered 2 times" in message for _, _, message in told)


def test_default_providers_are_allowed_only_when_config_says_so() -> None:
    def program() -> None:
        import pulumi_aws as aws

        aws.s3.Bucket("b", bucket="b")

    assert len(drawn(program, config={"pulumi:disable-default-providers": "[]"})) == 2
    assert len(drawn(program, config={"pulumi:disable-default-providers": '["kubernetes"]'})) == 2
    for value in ('["*"]', '["aws"]'):
        assert "explicit aws provider" in faults_of(program, config={"pulumi:disable-default-providers": value})[0][2]


def test_a_kubernetes_object_without_a_name_is_a_fault() -> None:
    def program() -> None:
        import pulumi_kubernetes as kubernetes

        kubernetes.core.v1.ConfigMap("c", metadata={"namespace": "n"}, data={"a": "b"}, opts=using(kubernetes_provider()))

    assert faults_of(program) == [("stack dev", "metadata.name", "is required: every Kubernetes object is named explicitly")]


def test_a_secret_is_judged_but_never_shown() -> None:
    def program() -> None:
        import pulumi_kubernetes as kubernetes

        data = pulumi.Output.secret({"password": 8675309})
        kubernetes.core.v1.Secret("s", metadata={"name": "s"}, string_data=data, opts=using(kubernetes_provider()))  # type: ignore[call-overload]

    with pytest.raises(GraphFaults, match="must be a string, is an integer") as caught:
        drawn(program)
    assert "8675309" not in str(caught.value)


def test_a_type_the_sdk_lacks_is_a_fault_on_aws() -> None:
    def program() -> None:
        pulumi.CustomResource("aws:nowhere/thing:Thing", "t", {}, using(aws_provider()))

    assert faults_of(program) == [("stack dev", "", "is of a type that the installed SDK does not have")]


def custom_resources() -> Graph:
    def program() -> None:
        import pulumi_kubernetes as kubernetes

        options = using(kubernetes_provider())
        kubernetes.apiextensions.CustomResource(
            "scaled", api_version="keda.sh/v1alpha1", kind="ScaledObject", metadata={"name": "s"}, spec={"anything": 1}, opts=options
        )
        kubernetes.core.v1.Namespace("n", metadata={"name": "n"}, opts=options)

    return drawn(program)


def test_custom_resources_are_counted_as_unchecked() -> None:
    assert [resource.type for resource in unchecked(custom_resources())] == ["kubernetes:keda.sh/v1alpha1:ScaledObject"]


def test_a_sound_program_has_no_faults() -> None:
    assert unchecked(drawn(lambda: Network("net", opts=using(aws_provider())))) == ()
