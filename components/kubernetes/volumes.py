"""Volumes of file systems that exist before any pod: one for each namespace that may mount one, kept for that namespace's claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.contracts import SharedVolume
from components.kubernetes.manifests import Manifest

ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class Source:
    """What a CSI driver must know to mount a file system."""

    driver: str
    handle: pulumi.Input[str]
    """What the driver calls it; unique among the volumes of a pod."""
    attributes: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    options: Sequence[str] = ()
    """Mount options."""


def persistent_volume(volume: SharedVolume, source: Source, *, namespace: str, name: str, labels: Mapping[str, str]) -> Manifest:
    """A volume that only the claim `volume.claim` of one namespace can bind, and that outlives it."""
    affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": [_within(volume.zones)]}}} if volume.zones else {}
    csi: dict[str, Any] = {"driver": source.driver, "volumeHandle": source.handle, "volumeAttributes": dict(source.attributes)}
    return {
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "capacity": {"storage": volume.size},
            "accessModes": [volume.access],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": volume.claim},
            "mountOptions": list(source.options),
            "csi": csi,
            **affinity,
        },
    }


def claim(volume: SharedVolume, namespace: str) -> Manifest:
    """The claim that binds a namespace's volume. Raises KeyError for a namespace that has none."""
    return {
        "metadata": {"name": volume.claim, "namespace": namespace},
        "spec": {
            "accessModes": [volume.access],
            "resources": {"requests": {"storage": volume.size}},
            "storageClassName": "",
            "volumeName": volume.names[namespace],
        },
    }


def _within(zones: Sequence[str]) -> Manifest:
    return {"matchExpressions": [{"key": ZONE, "operator": "In", "values": list(zones)}]}
