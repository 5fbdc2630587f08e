"""A platform on AWS becomes the contracts that everything above it takes."""

from typing import TYPE_CHECKING

import pulumi

from components.aws.network.existing import ExistingNetwork, ExistingNetworkArgs
from components.aws.network.facts import NetworkFacts
from components.contracts import Context, NotificationTopic
from components.kubernetes.addons.operators import ALERTMANAGER, monitoring_of
from components.labels import Labels
from components.naming import Naming
from infra.aws.evictions import of_pools
from infra.aws.node_room import features
from infra.aws.platform import AwsPlatform
from infra.aws.recovery import identity, recover
from infra.aws.services import services
from infra.aws.volumes import volumes
from infra.aws.wiring import wiring
from infra.site import Site

if TYPE_CHECKING:
    from components.aws.alarms.topic import AlarmTopic
    from components.aws.cluster.facts import AwsCluster


def build(platform: AwsPlatform, labels: Labels, *, project: str, stack: str) -> Site:
    """Make what the platform stands on."""
    import pulumi_aws as aws

    from components.aws.account.guardrails import Guardrails
    from components.aws.alarms.topic import AlarmTopic
    from components.aws.cluster.eks import GpuCluster
    from components.aws.identity.boundary import bounded
    from components.aws.identity.secrets import SecretsStore
    from components.aws.registry.registry import ModelRegistry
    from components.aws.storage.buckets import ObjectStorage
    from components.aws.storage.mounts import mount_rights
    from components.aws.streams.streams import Streams

    site = platform.site
    provider = aws.Provider(f"aws-{site.region}", region=site.region, allowed_account_ids=[site.account])
    here = pulumi.ResourceOptions(providers=[provider])
    context = bounded(Context(Naming(project, stack, site.account, site.region), labels), identity(platform), here)
    network = _network(platform, context, here)
    linked = tuple(platform.storage.scratch.links) if platform.storage.scratch else ()
    storage = ObjectStorage("storage", platform.storage, context=context, linked=linked, opts=here)
    cluster = GpuCluster(
        "cluster",
        platform.cluster,
        network=network,
        context=context,
        features=features(platform.storage),
        grants={"aws-mountpoint-s3-csi-driver": mount_rights(platform.storage.mounts, storage, site.region)},
        mirror=platform.operators.mirror,
        evictions=of_pools(platform.cluster.pools, platform.endpoints),
        opts=here,
    )
    topic = AlarmTopic("alarms", platform.alarms, context=context, opts=here) if platform.alarms else None
    registry: ModelRegistry | None = None
    if platform.registry:
        registry = ModelRegistry(
            "registry", platform.registry, network=network, cluster=cluster, storage=storage, context=context, topic=topic, opts=here
        )
    mounted, shared = volumes(platform, network=network, cluster=cluster, storage=storage, context=context, opts=here)
    rails: Guardrails | None = None
    if platform.account:
        buckets = {**storage.buckets, **({"artifacts": registry.artifacts} if registry else {})}
        rails = Guardrails("account", platform.account, buckets=buckets, access_logs=storage.access_logs, context=context, opts=here)
    if platform.recovery and registry:
        recover(
            platform,
            platform.recovery,
            storage=storage,
            registry=registry,
            rails=rails,
            files=[shared.file_system.arn] if shared and shared.args.backups else [],
            context=context,
            here=here,
        )
    if platform.streams and topic:
        Streams("streams", platform.streams, cluster=cluster, storage=storage, topic=topic, context=context, opts=here)
    kept = SecretsStore("secrets", platform.secrets, cluster=cluster, context=context, opts=here).facts if platform.secrets else None
    heard = _heard(platform, cluster, topic)
    told = wiring(context, cluster.reached, storage.models)
    return Site(
        context,
        cluster,
        storage.models,
        registry,
        mounted,
        kept,
        heard,
        told,
    )


def _heard(platform: AwsPlatform, cluster: "AwsCluster", topic: "AlarmTopic | None") -> NotificationTopic | None:
    """The topic of the stack's alarms, where alerts are told to it as well."""
    if topic is None or platform.alerts is None or not platform.alerts.tells_topic:
        return None
    return topic.heard(cluster, monitoring_of(platform.operators).namespace, ALERTMANAGER)


def _network(platform: AwsPlatform, context: Context, opts: pulumi.ResourceOptions) -> NetworkFacts:
    """The VPC that is made, or the one that is given."""
    from components.aws.network.vpc import Network

    zones = platform.site.zones
    if isinstance(platform.network, ExistingNetworkArgs):
        return ExistingNetwork(platform.network.existing, zones=zones)
    return Network("network", platform.network, zones=zones, context=context, services=services(platform), opts=opts)
