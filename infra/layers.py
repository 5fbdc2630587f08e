"""Layers of stacks: what a stack of endpoints reads in its platform's file, and what that stack's outputs tell it.

Facts (pools, namespaces, addresses inside the cluster) are choices: both stacks draw them from the same file. The platform's outputs keep
them as it was last brought up, so that a file which has moved on is found out. Wiring (what the cloud named) is in the outputs alone.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import pulumi

from components.contracts import Cluster
from components.kubernetes.addons.facts import Monitoring
from components.kubernetes.gateway.front import Front
from components.kubernetes.serving.warm import Warmth

OUTPUT: Final = "serving"
"""The platform's stack output that is meant for stacks of endpoints."""


def facts(cluster: Cluster, monitoring: Monitoring, spaces: Mapping[str, str], front: Front | None, warmth: Warmth) -> str:
    """What endpoints are built from, as JSON."""
    told = {
        "pools": {name: asdict(pool) for name, pool in cluster.pools.items()},
        "zonal": cluster.zonal,
        "storage_classes": {name: found.shared for name, found in cluster.storage_classes.items()},
        "egress": [list(pair) for pair in cluster.storage_egress],
        "monitoring": asdict(monitoring),
        "teams": dict(spaces),
        "warm": warmth.priority,
        "gateway": [front.name, front.namespace, front.domain, front.proxies] if front else None,
    }
    return json.dumps(told, sort_keys=True, default=dict)


class Wiring:
    """What the platform's stack says of where things are. It is handed on only if the platform was last brought up with the same facts."""

    def __init__(self, platform: str) -> None:
        """`platform` is the stack's name, in this project and organisation."""
        self.platform = platform
        self.expected: str | None = None
        """The facts that the endpoints are built from; set before the program ends, since outputs are read after that."""
        reference = pulumi.StackReference(platform, stack_name=f"{pulumi.get_organization()}/{pulumi.get_project()}/{platform}")
        self._told = reference.get_output(OUTPUT).apply(self._agreed)

    def __getitem__(self, name: str) -> pulumi.Output[str]:
        return self._told.apply(lambda told: str(told["wiring"][name]))

    def _agreed(self, told: Any) -> Any:
        if told is None:
            raise pulumi.RunError(f"stack {self.platform} says nothing to stacks of endpoints: bring it up with `teams` in its file first")
        assert self.expected is not None, "nothing was said of the facts that the endpoints are built from"
        was, wanted = json.loads(told["facts"]), json.loads(self.expected)
        parts = ", ".join(sorted(key for key in {*was, *wanted} if was.get(key) != wanted.get(key)))
        if parts:
            file = f"Pulumi.{self.platform}.yaml"
            text = f"stack {self.platform} was last brought up with another {file} than the one here; they differ in: {parts}"
            raise pulumi.RunError(f"{text}. Bring it up again, or take the file that it was brought up with")
        return told
