"""The recovery region of a platform on AWS: a second provider, what stands under it, and what sends to it from the site."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.identity.boundary import IdentityArgs
from components.aws.recovery.args import RecoveryArgs
from components.contracts import Context
from infra.aws.evictions import of_pools
from infra.aws.platform import AwsPlatform
from infra.aws.recovery_rules import copyable
from infra.aws.services import services

if TYPE_CHECKING:
    from components.aws.account.guardrails import Guardrails
    from components.aws.registry.registry import ModelRegistry
    from components.aws.storage.buckets import ObjectStorage


def identity(platform: AwsPlatform) -> IdentityArgs:
    """The limits of roles, which must let those that copy, and those of a warm cluster, act in the recovery region too."""
    args = platform.identity
    if platform.recovery is None or args.boundary != "own" or platform.recovery.region in args.regions:
        return args
    return args.model_copy(update={"regions": (*args.regions, platform.recovery.region)})


def recover(
    platform: AwsPlatform,
    args: RecoveryArgs,
    *,
    storage: "ObjectStorage",
    registry: "ModelRegistry",
    rails: "Guardrails | None",
    files: Sequence[pulumi.Input[str]],
    context: Context,
    here: pulumi.ResourceOptions,
) -> None:
    """Make the recovery region under a provider of its own, and in the site's region what sends to it.

    The provider waits for nothing in the site's region, so the recovery region can be brought up when the site is lost.
    """
    import pulumi_aws as aws

    from components.aws.account.beside import GuardrailsBeside
    from components.aws.recovery.drill import Snapshots
    from components.aws.recovery.region import Home, RecoveryRegion, recovery_context
    from components.aws.recovery.replication import Replication
    from components.aws.storage.bucket import Bucket

    database, images = registry.database, platform.registry
    assert database is not None, "recovery without a database is refused when the stack file is read"
    assert images is not None, "recovery without a registry is refused when the stack file is read"
    provider = aws.Provider(
        f"aws-{args.region}",
        region=args.region,
        allowed_account_ids=[platform.site.account],
    )
    arguments = copyable(platform.storage, platform.registry)
    stores = {**storage.buckets, "artifacts": registry.artifacts}
    sources = {role: store for role, store in stores.items() if isinstance(store, Bucket)}
    names = {role: context.naming.name(role, limit=256) for role in images.repositories}
    home = Home(
        network=platform.network,
        cluster=platform.cluster,
        buckets={role: (sources[role], arguments[role]) for role in args.buckets},
        database=database,
        repositories=names,
        untagged_after=images.untagged_after,
        access_log_retention=platform.storage.access_log_retention,
        mirror=platform.operators.mirror,
        services=services(platform),
        evictions=of_pools(platform.cluster.pools, platform.endpoints),
    )
    there = pulumi.ResourceOptions(providers=[provider])
    region = RecoveryRegion("recovery", args, home=home, context=recovery_context(context, args.region), opts=there)
    if rails and platform.account:
        beside = recovery_context(context, args.region)
        GuardrailsBeside("account-recovery", platform.account, home=rails, context=beside, opts=there)
    if args.drill and region.drill:
        Snapshots(
            "snapshots",
            args.drill,
            database,
            files=files,
            to=region.drill.vault,
            protect=args.protect,
            context=context,
            opts=here,
        )
    Replication(
        "replication",
        {role: (source, region.storage.buckets[role]) for role, (source, _) in home.buckets.items()},
        follow_deletes=args.follow_deletes,
        locked=[role for role in args.buckets if arguments[role].lock],
        repositories=tuple(names.values()) if args.images == "replicated" else None,
        destination=args.region,
        after=region.images.repositories,
        context=context,
        opts=here,
    )
