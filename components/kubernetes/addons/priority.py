"""Priority class of what workloads hang on: operators, Prometheus, Alertmanager, the gateway's proxies.

Pods of a lower priority make room for them. Without a class they wait behind the pods that they are to
scale, gate and watch.
"""

import pulumi

from components.contracts import Context
from components.naming import Naming

ROLE = "platform"
VALUE = 1_000_000
"""Above pods without a class, which have 0. Kubernetes keeps values above 1,000,000,000 for itself."""


def priority_name(naming: Naming) -> str:
    """Name of the class that a platform's own stack makes; `naming` is the platform's."""
    return naming.name(ROLE)


def platform_priority(name: str, context: Context, opts: pulumi.ResourceOptions) -> tuple[str, pulumi.Resource]:
    """Make the class, and return its name with it."""
    import pulumi_kubernetes as k8s

    called = priority_name(context.naming)
    made = k8s.scheduling.v1.PriorityClass(
        name,
        metadata={"name": called, "labels": dict(context.labels.kubernetes(name, ROLE))},
        value=VALUE,
        global_default=False,
        description="What scales, gates, watches and exposes workloads; pods below it make room.",
        opts=opts,
    )
    return called, made
