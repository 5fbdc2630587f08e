"""What a stack file may say of an EKS cluster."""

from typing import Annotated, Literal

from pydantic import Field

from components.aws.capacity.pools import GpuPoolArgs, SystemPoolArgs
from components.aws.cluster.addons import AddonName
from components.aws.values import LogRetention, RoleArn, SourceCidr
from components.spec import Duration, Many, Name, Spec

AddonVersion = Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+-eksbuild\.\d+$")]
"""A version of an EKS add-on, such as v1.12.1-eksbuild.2."""


class ClusterArgs(Spec):
    """An EKS cluster: control plane, add-ons, node pools."""

    version: Literal["1.33", "1.34", "1.35"]
    """Kubernetes version of the control plane and the nodes, quoted."""
    administrators: Annotated[Many[RoleArn], Field(min_length=1)]
    """IAM roles that administer the cluster; the role that deploys must be one of them."""
    public_access: Many[SourceCidr] = ()
    """Address ranges that may reach the API server from outside the VPC; empty leaves it private, so deploy from within."""
    log_retention: LogRetention = Duration("365d")
    """How long control-plane logs are kept."""
    protect: bool = True
    """Whether the cluster and its key refuse deletion."""
    addons: dict[AddonName, AddonVersion] = {}
    """Versions of add-ons to hold; one that is absent gets the default of the Kubernetes version."""
    image_release: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+-[0-9a-f]{8}$")] | None = None
    """Bottlerocket release to hold on every pool, such as 1.50.0-1a2b3c4d; absent takes the newest when a pool is made."""
    system: SystemPoolArgs
    """Nodes for the platform's own services."""
    pools: dict[Name, GpuPoolArgs]
    """GPU pools by name."""
