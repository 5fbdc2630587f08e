"""Small programs for the tests of the recorder; importable because tests/graph is put on the path by conftest."""

import json
from collections.abc import Callable
from typing import Any

import pulumi

from graph.model import Graph
from graph.recorder import record


class Network(pulumi.ComponentResource):
    """A component with a network and subnets in it."""

    def __init__(self, name: str, subnets: int = 2, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("groundwork:aws:Network", name, None, opts)
        import pulumi_aws as aws

        child = pulumi.ResourceOptions(parent=self)
        self.vpc = aws.ec2.Vpc(f"{name}-vpc", cidr_block="10.0.0.0/16", opts=child)
        self.subnets = [
            aws.ec2.Subnet(f"{name}-subnet-{index}", vpc_id=self.vpc.id, cidr_block=f"10.0.{index}.0/24", opts=child)
            for index in range(subnets)
        ]
        self.register_outputs({"vpcId": self.vpc.id})


def aws_provider(name: str = "aws", region: str = "us-west-2") -> Any:
    """An explicit AWS provider."""
    import pulumi_aws as aws

    return aws.Provider(name, region=region, allowed_account_ids=["111122223333"])


def kubernetes_provider(name: str = "cluster", **inputs: Any) -> Any:
    """An explicit Kubernetes provider."""
    import pulumi_kubernetes as kubernetes

    return kubernetes.Provider(name, cluster_identifier=name, **inputs)


def using(provider: pulumi.ProviderResource, **options: Any) -> pulumi.ResourceOptions:
    """Options with an explicit provider."""
    return pulumi.ResourceOptions(provider=provider, **options)


def policy(*resources: pulumi.Input[str]) -> pulumi.Output[str]:
    """A policy document over some ARNs."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject"}
    return pulumi.Output.all(*resources).apply(
        lambda arns: json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": arns}]})
    )


def drawn(program: Callable[[], object], **arguments: Any) -> Graph:
    """The graph of a program in stack `dev` of project `groundwork`."""
    return record(program, **{"project": "groundwork", "stack": "dev", "config": {}, **arguments})


def by_name(graph: Graph) -> dict[str, Any]:
    """Resources by name."""
    return {resource.name: resource for resource in graph}
