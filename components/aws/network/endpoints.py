"""Endpoints in the VPC for the AWS services that are called from it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.endpoints import downloads, endpoint_for_account
from components.aws.documents.statements import document
from components.aws.network.hosts import download_buckets
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

NODE_SERVICES = ("ec2", "ecr.api", "ecr.dkr", "eks", "elasticloadbalancing", "kms", "logs", "sts")
"""What nodes and workloads of any cluster call, by the last part of the endpoint's name.

Source: EKS user guide, "Deploy private clusters with limited internet access", read 2026-11-26: ec2 names the nodes, ecr.api and ecr.dkr
bring images (with S3), eks tells a node its cluster, elasticloadbalancing is for load balancers, logs for logs of nodes and pods, sts for
IAM roles of service accounts; kms is for what clients encrypt themselves.
"""
WITHOUT_POLICY = frozenset({"eks-auth"})
"""Unverified that it takes an endpoint policy: `aws ec2 describe-vpc-endpoint-services --service-names com.amazonaws.<region>.eks-auth`."""


class Endpoints:
    """Makes the endpoints of one VPC; children belong to `owner`, the network's component."""

    def __init__(self, owner: AwsComponent, *, vpc: pulumi.Input[str], cidr: str) -> None:
        self.owner = owner
        self.vpc = vpc
        self.cidr = cidr

    def s3(self, tables: Sequence[pulumi.Input[str]], more: Sequence[str] = ()) -> "aws.ec2.VpcEndpoint":
        """The gateway that takes S3's own addresses out of the route tables' default; `more` are buckets of others to download from."""
        owner = self.owner
        buckets = dict.fromkeys((*download_buckets(owner.region), *more))
        return aws.ec2.VpcEndpoint(
            f"{owner.prefix}-s3",
            vpc_id=self.vpc,
            service_name=f"com.amazonaws.{owner.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=list(tables),
            policy=document(endpoint_for_account(owner.account), downloads(tuple(buckets))),
            tags=owner.tags("s3"),
            opts=owner.child(),
        )

    def interfaces(self, services: Sequence[str], subnets: Sequence[pulumi.Input[str]]) -> list["aws.ec2.VpcEndpoint"]:
        """An interface for each service in each of the subnets, under the service's own name."""
        group, way_in = self._group()
        return [self._interface(service, group, subnets, way_in) for service in services]

    def _group(self) -> "tuple[aws.ec2.SecurityGroup, pulumi.Resource]":
        """Make the endpoints' group and its one rule, which goes after the endpoints when a stack is destroyed.

        With private names a closed endpoint cuts nodes off, though there is a way out.
        """
        owner = self.owner
        group = owner.make_security_group("endpoints", "Interface endpoints of AWS services", self.vpc, called="endpoints")
        way_in = aws.vpc.SecurityGroupIngressRule(
            f"{owner.prefix}-endpoints-https",
            security_group_id=group.id,
            description="HTTPS from the VPC",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=self.cidr,
            tags=owner.tags(),
            opts=owner.child(),
        )
        return group, way_in

    def _interface(
        self,
        service: str,
        group: "aws.ec2.SecurityGroup",
        subnets: Sequence[pulumi.Input[str]],
        way_in: pulumi.Resource,
    ) -> "aws.ec2.VpcEndpoint":
        owner = self.owner
        return aws.ec2.VpcEndpoint(
            f"{owner.prefix}-{service.replace('.', '-')}",
            vpc_id=self.vpc,
            service_name=f"com.amazonaws.{owner.region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=list(subnets),
            security_group_ids=[group.id],
            policy=None if service in WITHOUT_POLICY else document(endpoint_for_account(owner.account)),
            tags=owner.tags(service),
            opts=owner.child(way_in),
        )
