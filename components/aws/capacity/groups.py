"""Managed node groups and the launch templates they start nodes from."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent
from components.aws.capacity.pools import EKS_EFFECTS, POOL_LABEL, NodeGroupPlan
from components.aws.documents.statements import document
from components.aws.documents.trust import trust_service_unconditionally
from components.labels import POOL_TAG
from components.lazy import lazy
from components.naming import Naming

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

NODE_POLICIES = (
    "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
    "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
)
"""All that a node itself needs; the CNI has an identity of its own."""
OS_DISK_GIB = 4
"""Bottlerocket's system volume, /dev/xvda; images and scratch are on /dev/xvdb."""


def disk(device: str, size_gib: int, key: pulumi.Input[str]) -> Any:
    """An encrypted gp3 volume that goes with its node."""
    return {
        "device_name": device,
        "ebs": {
            "volume_type": "gp3",
            "volume_size": size_gib,
            "encrypted": "true",
            "kms_key_id": key,
            "delete_on_termination": "true",
        },
    }


def group_name(plan: NodeGroupPlan, naming: Naming) -> str:
    """The node group's name, with its generation: a replacement is made before its predecessor goes."""
    return naming.generation(plan.role, plan.forcing)


class Nodes:
    """Makes the node groups of one cluster; children belong to `owner`, the cluster's component."""

    def __init__(
        self,
        owner: AwsComponent,
        *,
        cluster: "aws.eks.Cluster",
        key: pulumi.Input[str],
        subnets: Mapping[str, pulumi.Input[str]],
        version: str,
        image_release: str | None,
        after: Sequence[pulumi.Resource],
    ) -> None:
        self.owner = owner
        self.cluster = cluster
        self.key = key
        self.subnets = subnets
        self.version = version
        self.image_release = image_release
        self.node_role = owner.role("node", document(trust_service_unconditionally("ec2.amazonaws.com")), managed=NODE_POLICIES)
        self.after = (*self.node_role.ready, *after)

    def group(self, plan: NodeGroupPlan) -> "aws.eks.NodeGroup":
        """One node group."""
        owner, template = self.owner, self._template(plan)
        return aws.eks.NodeGroup(
            f"{owner.prefix}-{plan.role}",
            cluster_name=self.cluster.name,
            node_group_name=group_name(plan, owner.context.naming),
            node_role_arn=self.node_role.role.arn,
            subnet_ids=[self.subnets[zone] for zone in plan.zones],
            ami_type=plan.image,
            release_version=self.image_release,
            version=self.version,
            instance_types=[plan.machine],
            capacity_type=plan.capacity,
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={"min_size": plan.min, "desired_size": plan.min, "max_size": plan.max},
            update_config={"max_unavailable_percentage": 33},
            node_repair_config={"enabled": True},
            labels=plan.labels,
            taints=[{"key": t.key, "value": t.value, "effect": EKS_EFFECTS[t.effect]} for t in plan.taints] or None,
            tags=owner.tags(plan.role),
            # The autoscaler owns the number of nodes between min and max; EKS refuses a min above what runs.
            # The bridge deletes first what the program named; the generation in the name lets the successor come first.
            opts=pulumi.ResourceOptions.merge(
                owner.child(*self.after),
                pulumi.ResourceOptions(ignore_changes=["scalingConfig.desiredSize"], delete_before_replace=False),
            ),
        )

    def _template(self, plan: NodeGroupPlan) -> "aws.ec2.LaunchTemplate":
        owner = self.owner
        return aws.ec2.LaunchTemplate(
            f"{owner.prefix}-{plan.role}-template",
            name=owner.context.naming.name(plan.role, limit=128),
            update_default_version=True,
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            monitoring={"enabled": True},
            block_device_mappings=[disk("/dev/xvda", OS_DISK_GIB, self.key), disk("/dev/xvdb", plan.disk_gib, self.key)],
            network_interfaces=[self._interface()],
            tag_specifications=[
                {"resource_type": kind, "tags": owner.tags(plan.role, **{POOL_TAG: plan.labels[POOL_LABEL]})}
                for kind in ("instance", "volume", "network-interface")
            ],
            tags=owner.tags(plan.role),
            opts=owner.child(),
        )

    def _interface(self) -> Any:
        group = self.cluster.vpc_config.apply(lambda vpc: vpc.cluster_security_group_id)
        return {
            "device_index": 0,
            "associate_public_ip_address": "false",
            "delete_on_termination": "true",
            "security_groups": [group],
        }
