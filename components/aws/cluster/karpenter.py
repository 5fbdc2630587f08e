"""Karpenter: starts the node that pending pods need, from node pools, and takes away those that nothing needs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent
from components.aws.capacity.groups import NODE_POLICIES
from components.aws.cluster.control_plane import ControlPlane
from components.aws.documents.karpenter import interruption_queue, karpenter_statements
from components.aws.documents.statements import Statement, document
from components.aws.documents.trust import trust_service_unconditionally
from components.kubernetes.addons.charts import MirrorArgs, release
from components.kubernetes.addons.table import table
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

NAME = "karpenter"
"""Its row of the add-on table, and the name of its service account."""
KINDS = "karpenter-crd"
"""The row of the kinds that it serves, apart from it: Helm never updates what stands in a chart's `crds` folder."""
EVENTS = {
    "health": ("aws.health", "AWS Health Event"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
}
"""What Karpenter is told of, as source and detail type. Source: karpenter-provider-aws v1.14.1, pkg/controllers/interruption/messages."""


def chart_values(
    cluster: str, region: str, *, endpoint: pulumi.Input[str], queue: pulumi.Input[str], repair: bool, static: bool, closed: bool
) -> dict[str, Any]:
    """What the chart is told beside its row. `closed` is a network without a way to IAM or prices: list prices are then those built in."""
    return {
        "settings": {
            "clusterName": cluster,
            "clusterEndpoint": endpoint,
            "interruptionQueue": queue,
            "isolatedVPC": closed,
            "featureGates": {"nodeRepair": repair, **({"staticCapacity": True} if static else {})},
        },
        "controller": {"env": [{"name": "AWS_REGION", "value": region}]},
    }


class Karpenter:
    """Makes what Karpenter stands on in AWS; children belong to `owner`, the cluster's component."""

    def __init__(self, owner: AwsComponent, plane: ControlPlane) -> None:
        self.owner = owner
        self.plane = plane
        self.role = owner.role("karpenter-node", document(trust_service_unconditionally("ec2.amazonaws.com")), managed=NODE_POLICIES)
        self.profile = aws.iam.InstanceProfile(
            f"{owner.prefix}-karpenter-node-profile",
            name=owner.context.naming.name(f"{owner.prefix}-karpenter-node", limit=128),
            role=self.role.role.name,
            tags=owner.tags(),
            opts=owner.child(),
        )
        self.entry = aws.eks.AccessEntry(
            f"{owner.prefix}-karpenter-node-access",
            cluster_name=plane.cluster.name,
            principal_arn=self.role.role.arn,
            type="EC2_LINUX",
            tags=owner.tags(),
            opts=owner.child(),
        )
        self.queue = self._queue()
        self.told = self._events()

    @property
    def ready(self) -> tuple[pulumi.Resource, ...]:
        """What must be there while there are nodes that Karpenter started."""
        return (*self.role.ready, self.profile, self.entry, *self.told)

    def statements(self, *, closed: bool, spot: bool) -> Sequence[Statement]:
        """Rights of the controller; `spot` is whether any of its nodes are bought so."""
        owner, plane = self.owner, self.plane
        return karpenter_statements(
            plane.name,
            owner.account,
            owner.region,
            queue=self.queue.arn,
            node_role=self.role.role.arn,
            key=plane.key.arn,
            closed=closed,
            spot=spot,
        )

    def releases(
        self, provider: pulumi.ProviderResource, after: Sequence[pulumi.Resource], values: Mapping[str, Any], mirror: MirrorArgs | None
    ) -> tuple[pulumi.Resource, pulumi.Resource]:
        """The kinds, and then the controller that serves them."""
        owner = self.owner
        kinds = release(
            f"{owner.prefix}-karpenter-crds",
            table()[KINDS],
            mirror=mirror,
            opts=pulumi.ResourceOptions(parent=owner, provider=provider, depends_on=list(after)),
        )
        needed = [*after, kinds, *self.ready]
        opts = pulumi.ResourceOptions(parent=owner, provider=provider, depends_on=needed)
        return kinds, release(f"{owner.prefix}-karpenter", table()[NAME], extra=values, mirror=mirror, opts=opts)

    def _queue(self) -> "aws.sqs.Queue":
        owner = self.owner
        return aws.sqs.Queue(
            f"{owner.prefix}-karpenter-queue",
            name=owner.context.naming.name("karpenter", limit=80),
            message_retention_seconds=300,
            kms_master_key_id=self.plane.key.arn,
            tags=owner.tags(),
            opts=owner.child(),
        )

    def _events(self) -> list[pulumi.Resource]:
        """Rules that send to the queue, and the queue's leave to be sent to."""
        owner = self.owner
        rules = {name: self._rule(name, source, detail) for name, (source, detail) in EVENTS.items()}
        policy = aws.sqs.QueuePolicy(
            f"{owner.prefix}-karpenter-queue-policy",
            queue_url=self.queue.url,
            policy=document(*interruption_queue(self.queue.arn, [rule.arn for rule in rules.values()])),
            opts=owner.child(),
        )
        targets = [
            aws.cloudwatch.EventTarget(
                f"{owner.prefix}-karpenter-{name}-target",
                rule=rule.name,
                target_id=NAME,
                arn=self.queue.arn,
                opts=owner.child(policy),
            )
            for name, rule in rules.items()
        ]
        return [policy, *targets]

    def _rule(self, name: str, source: str, detail: str) -> "aws.cloudwatch.EventRule":
        role, pattern = f"karpenter-{name}", {"source": [source], "detail-type": [detail]}
        return self.owner.event_rule(role, pattern, f"{detail}: told to Karpenter", called=role)
