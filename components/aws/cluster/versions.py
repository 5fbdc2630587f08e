"""The version matrix: which Kubernetes, node image, driver, operator and fabric run together, as sourced rows of a table."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Literal

from pydantic import TypeAdapter

from components.catalogue.tables import table_of
from components.spec import Many, Spec

Family = Literal["al2", "al2023", "bottlerocket"]


class Row(Spec):
    """What every row says of itself."""

    source: str
    """Where it was read."""
    verify: str | None = None
    """The command that would prove what the source does not say outright; absent when it says all."""


class Kubernetes(Row):
    """One minor version of Kubernetes on EKS."""

    minor: str
    """Such as 1.35."""
    standard_until: date | None
    """Last day of standard support; None is unknown."""
    extended_until: date | None
    """Last day of extended support, which costs more by the hour; None is unknown."""


class Image(Row):
    """One type of node image that EKS offers."""

    type: str
    """What EKS calls it, such as BOTTLEROCKET_x86_64_NVIDIA."""
    family: Family
    """Whose releases it follows."""
    accelerators: Literal["nvidia", "neuron"]
    """What it has drivers for."""
    architecture: Literal["x86_64", "arm64"]
    """Of the machines that it runs on."""
    fips: bool
    """Whether its cryptography is validated."""
    oldest: str | None
    """Oldest Kubernetes minor that it is built for."""
    newest: str | None
    """Newest Kubernetes minor that it is built for."""
    plugin: bool
    """Whether it announces its accelerators itself, so that no device plugin may be installed beside it."""
    carries: Many[str]
    """Parts that it has, which an operator must not install again."""
    machines: Many[str]
    """Families of machine types that it drives, such as p5en."""


class Release(Row):
    """NVIDIA driver branches of an image family from a release on."""

    family: Family
    """The family."""
    since: str
    """First release: a version of Bottlerocket, a day of Amazon Linux 2023."""
    minors: Many[str] | None
    """Kubernetes minors that the row is for; None is all."""
    drivers: Many[int]
    """Branches on board; where there are several, the machine decides at boot."""


class Driver(Row):
    """One branch of NVIDIA's data centre driver."""

    branch: int
    """Such as 580."""
    kind: Literal["long-term", "production"]
    """How long it is maintained."""
    end_of_life: str
    """Month, such as 2028-06."""
    cuda: int
    """Highest major version of CUDA."""
    drops: Many[str]
    """Architectures that it no longer drives."""


class Need(Row):
    """The oldest driver branch that an accelerator runs with."""

    accelerator: str
    """Lower-case model."""
    driver: int
    """Branch."""


class Operator(Row):
    """One release of NVIDIA's GPU operator."""

    version: str
    """Of the chart."""
    status: Literal["supported", "deprecated"]
    """By NVIDIA's life cycle."""
    newest: str | None
    """Newest Kubernetes minor that its notes name; None is unknown."""
    driver: str | None
    """Driver it would install, were it let."""
    toolkit: str
    """Container toolkit."""
    device_plugin: str
    """Device plugin and feature discovery."""
    mig_manager: str
    """MIG manager."""
    dcgm_exporter: str
    """Exporter of GPU metrics."""


class Fabric(Row):
    """One release of the EFA installer."""

    installer: str
    """Version."""
    date: date
    """Day of its release."""
    driver: str
    """Kernel driver, for images of one's own; EKS images carry it."""
    libfabric: str
    """Library in the container."""
    ofi_nccl: str
    """NCCL's plugin for EFA."""
    nccl: str | None
    """NCCL that the plugin was tested with; None is unknown."""


class Matrix(Spec):
    """All tables."""

    as_of: date
    """Day of the last reading."""
    kubernetes: Many[Kubernetes]
    """Minors, oldest first."""
    images: Many[Image]
    """Node images."""
    releases: Many[Release]
    """Drivers of image releases, oldest first within a family."""
    drivers: Many[Driver]
    """Driver branches, oldest first."""
    needs: Many[Need]
    """Driver branches that accelerators need."""
    operators: Many[Operator]
    """GPU operators, oldest first."""
    efa: Many[Fabric]
    """EFA installers, oldest first."""


@cache
def matrix() -> Matrix:
    """The whole table. Raises pydantic.ValidationError for one that does not have the form above."""
    return TypeAdapter(Matrix).validate_python(table_of("versions"))


@cache
def images() -> Mapping[str, Image]:
    """Node images by the name EKS has for them."""
    return {image.type: image for image in matrix().images}


@cache
def minors() -> tuple[str, ...]:
    """Kubernetes minors of the table, oldest first."""
    return tuple(row.minor for row in matrix().kubernetes)


def operator(version: str) -> Operator:
    """A release of the GPU operator. Raises KeyError for one that is not in the table."""
    return {row.version: row for row in matrix().operators}[version]


def number(minor: str) -> int:
    """35 of 1.35, for comparing."""
    return int(minor.removeprefix("1."))


def build(family: Family, release: str) -> tuple[int, ...]:
    """What orders a family's releases: (1, 50, 0) of Bottlerocket 1.50.0-1a2b3c4d, (20260714,) of Amazon Linux 1.34.9-20260714."""
    if family == "bottlerocket":
        return tuple(map(int, release.partition("-")[0].split(".")))
    return (int(release.rpartition("-")[2]),)


def drivers_of(image: Image, minor: str, release: str | None = None) -> tuple[int, ...] | None:
    """NVIDIA driver branches of an image; without `release`, of the newest one known here. None for one older than all that is known."""
    known = [row for row in matrix().releases if row.family == image.family and (row.minors is None or minor in row.minors)]
    held = [row for row in known if release is None or build(image.family, row.since) <= build(image.family, release)]
    return held[-1].drivers if held and image.accelerators == "nvidia" else None
