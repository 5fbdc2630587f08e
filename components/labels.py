"""Ownership labels: one value that every component carries and each cloud spells its own way."""

from dataclasses import dataclass

MANAGED_BY = "groundwork"
OWNER_TAG = "groundwork:owner"
"""The AWS tag that costs are told apart by: whose they are."""
POOL_TAG = "groundwork:pool"
"""The AWS tag on the machines of a node pool: which pool a cost belongs to."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Who owns what the stack makes. Rules and crash recovery read these, so they are on everything that takes tags."""

    project: str
    stack: str
    owner: str
    tier: str

    def aws(self, component: str, **extra: str) -> dict[str, str]:
        """AWS tags; `component` is the logical name of the component that makes the resource."""
        return {
            "groundwork:project": self.project,
            "groundwork:stack": self.stack,
            OWNER_TAG: self.owner,
            "groundwork:tier": self.tier,
            "groundwork:component": component,
            **extra,
        }

    def kubernetes(self, component: str, app: str) -> dict[str, str]:
        """Recommended Kubernetes labels; never use them whole as a selector, since owner and tier may change."""
        return {
            "app.kubernetes.io/managed-by": MANAGED_BY,
            "app.kubernetes.io/part-of": self.project,
            "app.kubernetes.io/name": app,
            "app.kubernetes.io/component": component,
            "groundwork.dev/stack": self.stack,
            "groundwork.dev/owner": self.owner,
            "groundwork.dev/tier": self.tier,
        }
