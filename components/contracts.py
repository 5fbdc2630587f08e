"""Contracts between layers: small Protocols and frozen facts. Outputs cross here and nowhere else.

A contract states facts of what exists, never how it was made; there is none for networks between clouds or for IAM.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pulumi

from components.labels import Labels
from components.naming import Naming


@dataclass(frozen=True, slots=True)
class Context:
    """What every component of a stack shares: how things are named and labelled."""

    naming: Naming
    labels: Labels


@dataclass(frozen=True, slots=True)
class Taint:
    """A Kubernetes taint. `effect`: NoSchedule | PreferNoSchedule | NoExecute."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """How several pods share one accelerator."""

    kind: Literal["mig", "time-slicing", "mps"]
    shares: int
    """Shares of one accelerator."""
    isolation: Literal["hardware", "limits", "none"]
    """What keeps pods of one accelerator apart: the device itself, limits of memory alone, or nothing."""
    sees: int
    """How many pods take the memory that one of them sees for its own: 1 where it sees its share only."""
    consequences: tuple[str, ...]
    """What follows for whoever runs or watches pods there, in words."""


@dataclass(frozen=True, slots=True)
class Fabric:
    """Network interfaces that let nodes reach one another past the operating system, as a pod asks for them."""

    resource: str
    """The extended resource of one interface, such as vpc.amazonaws.com/efa."""
    per_node: int
    """Interfaces of one node."""
    huge_pages_mib: int
    """Memory that each node sets apart in pages of 2 MiB, for hugepages-2Mi; 0 where whatever makes nodes knows no such resource."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of a container that uses it."""


@dataclass(frozen=True, slots=True)
class AcceleratorPool:
    """A pool of equal nodes with accelerators, as a workload needs to know it."""

    name: str
    machine: str
    """The cloud's machine type, or the administrator's word for it on premises."""
    accelerator: str
    resource: str
    """The extended resource of one accelerator, such as nvidia.com/gpu."""
    per_node: int
    """Accelerators on one node."""
    memory_mib: int
    """Memory of one accelerator in MiB."""
    node_labels: Mapping[str, str]
    taints: Sequence[Taint]
    max_nodes: int
    capacity: Sequence[str]
    """Ways of having nodes in order of preference: reserved, capacity-block, on-demand, spot, owned."""
    fabric: Fabric | None = None
    """How nodes reach one another; None where there is ordinary networking only."""
    sharing: Sharing | None = None
    """How several pods share one accelerator; `per_node` and `memory_mib` are then of shares. None gives each to one pod."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """One key of a Kubernetes Secret that exists, or that `depends_on` makes exist."""

    secret: pulumi.Input[str]
    key: str


@dataclass(frozen=True, slots=True)
class SecretStoreFacts:
    """A secret store of the site that External Secrets may read, and that workloads of this stack may copy from."""

    name: str
    """Name of the ClusterSecretStore that stands for it."""
    provider: Mapping[str, Any]
    """`spec.provider` of the ClusterSecretStore."""
    ready: Sequence[pulumi.Resource]
    """What must exist before it can be read."""


@dataclass(frozen=True, slots=True)
class NotificationTopic:
    """A topic of the site that people subscribe to, and that the cluster's Alertmanager may publish to."""

    arn: pulumi.Output[str]
    region: str
    ready: Sequence[pulumi.Resource]
    """What must exist before Alertmanager starts: a pod has the rights of its identity only if they were there first."""


class ObjectStore(Protocol):
    """A bucket that speaks S3."""

    @property
    def bucket(self) -> pulumi.Output[str]:
        """The bucket's name."""

    @property
    def uri(self) -> pulumi.Output[str]:
        """s3://<bucket>, without a trailing slash."""

    @property
    def environment(self) -> Mapping[str, pulumi.Input[str]]:
        """Plain environment variables an S3 client needs here (region; endpoint on premises)."""


@dataclass(frozen=True, slots=True)
class SharedVolume:
    """A file system that pods of many nodes mount: what a claim on it must say (components.kubernetes.volumes.claim)."""

    claim: str
    """Name that a claim must have."""
    names: Mapping[str, str]
    """Persistent volume kept for each namespace that may mount it."""
    size: str
    """Kubernetes quantity that a claim asks for."""
    access: Literal["ReadWriteMany", "ReadOnlyMany"]
    zones: Sequence[str] = ()
    """Zones that pods must run in; none is anywhere."""


@dataclass(frozen=True, slots=True)
class StorageClass:
    """A class of volumes, made when a pod claims one by the class's name."""

    name: str
    shared: bool
    """Whether pods of many nodes, in any zone, read and write one volume (ReadWriteMany); else those of one node (ReadWriteOnce)."""
    ready: Sequence[pulumi.Resource] = ()
    """What must exist before a claim of it is bound."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a workload's identity may do to one store. `access`: read | write (write includes read)."""

    store: ObjectStore
    access: Literal["read", "write"]
    prefix: str = ""
    """Key prefix the grant is limited to, without leading slash; "" is the whole bucket."""


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """What a Service of type LoadBalancer must say to be reached as intended."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    """Its loadBalancerClass; "" is the cluster's default."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a pod must carry to act as the identity that was bound to its service account."""

    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """For the service account."""
    environment: Mapping[str, "pulumi.Input[str] | SecretKey"] = field(default_factory=dict)
    """For the containers; a SecretKey becomes a secretKeyRef."""
    egress: Sequence[tuple[str, int]] = ()
    """(CIDR, TCP port) pairs that the pod's network policy must let out for credentials to work."""
    depends_on: Sequence[pulumi.Resource] = ()


class Cluster(Protocol):
    """A Kubernetes cluster that workloads can be put on, wherever it came from."""

    @property
    def kubernetes(self) -> pulumi.ProviderResource:
        """The one Kubernetes provider of this cluster."""

    @property
    def pools(self) -> Mapping[str, AcceleratorPool]:
        """GPU pools by name."""

    @property
    def settled(self) -> Sequence[pulumi.Resource]:
        """What must exist before a pod can run that needs no pool: nodes for it, core add-ons."""

    @property
    def ready(self) -> Sequence[pulumi.Resource]:
        """What must exist before any pod can run: what is settled, pools, and what adds nodes to them."""

    @property
    def zonal(self) -> bool:
        """Whether nodes carry topology.kubernetes.io/zone with more than one value."""

    @property
    def storage_classes(self) -> Mapping[str, StorageClass]:
        """Storage classes that this stack made, by name; none where others own the cluster.

        File systems add theirs once they are made, which is before any workload is. Who needs a volume for many nodes takes one that is
        `shared`, and does without where there is none.
        """

    @property
    def dataplane_egress(self) -> Sequence[tuple[str, int]]:
        """(CIDR, TCP port) pairs that reach object stores and databases from a pod, for network policies."""

    def admit(self, name: str, group: str, principals: Sequence[str], parent: pulumi.Resource) -> None:
        """Let who the site knows by the given names act as members of a Kubernetes group; children are named after `name`.

        Raises ValueError where the cluster's owners decide who is in which group, and principals are given all the same.
        """

    @property
    def storage_egress(self) -> Sequence[tuple[str, int]]:
        """(CIDR, TCP port) pairs that reach object stores alone."""

    def load_balancer(self, *, public: bool) -> LoadBalancer:
        """How a Service is reached from networks joined to the site's own, or from the whole internet."""

    def bind_identity(
        self, name: str, namespace: pulumi.Input[str], service_account: str, grants: Sequence[Grant], parent: pulumi.Resource
    ) -> Binding:
        """Let pods of a service account use the granted stores; children are named after `name` and registered under `parent`.

        `namespace` comes from the namespace's own metadata, so that what stands in it waits for it.
        """


class ImageRegistry(Protocol):
    """Where the platform's own images live."""

    @property
    def repositories(self) -> Mapping[str, pulumi.Output[str]]:
        """Repository URI by repository name."""


class Database(Protocol):
    """A PostgreSQL database with its credentials held elsewhere."""

    @property
    def host(self) -> pulumi.Output[str]:
        """DNS name or address, without port."""

    @property
    def port(self) -> int:
        """TCP port."""

    @property
    def name(self) -> str:
        """Name of the database on the server."""

    def credentials(
        self, name: str, namespace: pulumi.Input[str], parent: pulumi.Resource
    ) -> tuple[SecretKey, SecretKey, Sequence[pulumi.Resource]]:
        """(username, password) as keys of a Secret in `namespace`, and what makes that Secret exist, named after `name`."""
