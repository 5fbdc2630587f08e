"""Models of accelerators: who makes them, of which architecture they are, what one may draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from components.catalogue.tables import rows

Vendor = Literal["nvidia", "aws"]

RESOURCES: Mapping[Vendor, str] = {"nvidia": "nvidia.com/gpu", "aws": "aws.amazon.com/neuron"}
"""The extended resource that a vendor's device plugin announces for one device.

Source: AWS Neuron documentation, "Kubernetes getting started" (aws.amazon.com/neuron counts devices, neuroncore their cores).
"""


@dataclass(frozen=True, slots=True)
class Device:
    """One model of accelerator."""

    name: str
    vendor: Vendor
    architecture: str
    """NVIDIA's generation (volta, turing, ampere, ada, hopper, blackwell), or the AWS chip itself."""
    board_watts: int | None
    """Most that one device draws, by its vendor's word; None is unknown."""
    watts_source: str


@cache
def devices() -> Mapping[str, Device]:
    """Every accelerator that a machine of the table has, by name."""
    return {row["accelerator"]: _device(row) for row in rows("accelerators")}


def _device(row: Mapping[str, str]) -> Device:
    watts = int(row["board_watts"]) if row["board_watts"] else None
    return Device(row["accelerator"], cast(Vendor, row["vendor"]), row["architecture"], watts, row["watts_source"])
