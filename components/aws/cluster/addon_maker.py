"""Add-ons of a cluster, each with an identity of its own where it calls AWS."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent, ServiceRole
from components.aws.cluster.addons import Addon, AddonName
from components.aws.cluster.control_plane import ControlPlane
from components.aws.documents.statements import Statement, document
from components.aws.documents.trust import trust_pod
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class AddonMaker:
    """Makes the add-ons of one cluster; children belong to `owner`, the cluster's component.

    `grants` is what an add-on's identity may do beside its row in the table: rights on things that the platform made.
    """

    def __init__(
        self,
        owner: AwsComponent,
        plane: ControlPlane,
        *,
        versions: Mapping[AddonName, str],
        grants: Mapping[AddonName, Sequence[Statement]],
    ) -> None:
        self.owner = owner
        self.plane = plane
        self.versions = versions
        self.grants = grants

    def make(self, addon: Addon, *after: pulumi.Resource) -> "aws.eks.Addon":
        """One add-on."""
        owner, identity = self.owner, self._identity(addon)
        associations: Any = [{"service_account": addon.service_account, "role_arn": identity.role.arn}] if identity else None
        return aws.eks.Addon(
            f"{owner.prefix}-{addon.name}",
            cluster_name=self.plane.cluster.name,
            addon_name=addon.name,
            addon_version=self.versions.get(addon.name),
            configuration_values=addon.configuration,
            pod_identity_associations=associations,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=owner.tags(addon.name),
            opts=owner.child(*(identity.ready if identity else ()), *after),
        )

    def _identity(self, addon: Addon) -> ServiceRole | None:
        if not addon.service_account:
            return None
        own = addon.statements(self.plane.key.arn) if addon.statements else ()
        statements = (*own, *self.grants.get(addon.name, ()))
        return self.owner.role(
            addon.name,
            document(trust_pod(self.plane.name, "kube-system", addon.service_account)),
            managed=[addon.policy] if addon.policy else [],
            inline=document(*statements) if statements else None,
        )
