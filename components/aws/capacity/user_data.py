"""User data of nodes: how many pods, huge pages for a fabric, local disks for images. EKS merges its own part with it.

Sources: Bottlerocket 1.50 documentation, settings.kernel.sysctl, settings.kubernetes, settings.bootstrap-commands,
settings.container-runtime and (1.53) settings.container-runtime-plugins; aws/karpenter-provider-aws v1.14.1,
pkg/providers/amifamily/bootstrap, for the commands that stripe local disks; awslabs/amazon-eks-ami, nodeadm NodeConfig v1alpha1
and its own settings of SOCI, which aws-samples/karpenter-blueprints, soci-snapshotter, has for Bottlerocket as well.

Bottlerocket sets as many huge pages as its setting says: bottlerocket-os/bottlerocket, pull request
4411 of 2025-02-22, dropped the number that releases up to 1.33.0 computed beside it, which went before.
kubelet counts pages that are there when it starts (kubernetes.io, "Manage HugePages"), and there it
starts after all settings were applied (bottlerocket-core-kit: kubelet.service is after
configured.target, settings-applier.service is required by preconfigured.target; the defaults of
Bottlerocket apply sysctl by `corndog sysctl`).
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BOUNDARY = "//"
ON_DISKS, OF_SOCI = ("/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"), "/var/lib/soci-snapshotter"
"""Folders that go to striped local disks."""
PARALLEL: Mapping[str, Any] = {
    "container-runtime": {"snapshotter": "soci"},
    "container-runtime-plugins": {
        "soci-snapshotter": {
            "pull-mode": "parallel-pull-unpack",
            "parallel-pull-unpack": {
                "max-concurrent-downloads-per-image": 20,
                "concurrent-download-chunk-size": "16mb",
                "max-concurrent-unpacks-per-image": 12,
                "discard-unpacked-layers": True,
            },
        },
    },
}
"""Bottlerocket's settings for images that are fetched in parallel; its own would fetch three layers at once and unpack one. They are what
nodeadm sets on Amazon Linux 2023."""


@dataclass(frozen=True, slots=True)
class Start:
    """What differs from what the image does by itself. `huge_pages`: pages of 2 MiB; `pods`: most pods; None leaves either to others."""

    pods: int | None = None
    huge_pages: int | None = None
    nvme: bool = False
    """Whether local disks are striped for images and scratch."""
    parallel: bool = False
    """Whether container images are fetched in parallel."""
    plugin: Mapping[str, Any] = field(default_factory=dict)
    """Settings of NVIDIA's device plugin, which only Bottlerocket brings."""

    def told(self, *, bottlerocket: bool) -> str:
        """In the form that the node's image reads; "" for nothing."""
        return bottlerocket_settings(self) if bottlerocket else al2023_parts(self)


def encoded(text: str) -> str | None:
    """Base64, as launch templates take it; None for nothing."""
    return b64encode(text.encode()).decode() if text else None


def bottlerocket_settings(start: Start) -> str:
    """Settings in TOML; "" when none differs from the image's own."""
    pods = f"[settings.kubernetes]\nmax-pods = {start.pods}\n" if start.pods else ""
    pages = "" if start.huge_pages is None else f'[settings.kernel.sysctl]\n"vm.nr_hugepages" = "{start.huge_pages}"\n'
    plugin = toml("settings.kubelet-device-plugins.nvidia", start.plugin)
    fetch = toml("settings", PARALLEL) if start.parallel else ""
    return "\n".join(filter(None, (pods, pages, _striped(start) if start.nvme else "", fetch, plugin)))


def _striped(start: Start) -> str:
    """The task that stripes local disks before the kubelet starts."""
    folders = json.dumps([*ON_DISKS, *([OF_SOCI] if start.parallel else [])])[1:-1]
    commands = f'[["apiclient", "ephemeral-storage", "init"], ["apiclient", "ephemeral-storage", "bind", "--dirs", {folders}]]'
    return f'[settings.bootstrap-commands.local-disks]\ncommands = {commands}\nmode = "always"\nessential = true\n'


def al2023_parts(start: Start) -> str:
    """A MIME document for cloud-init and nodeadm; "" when nothing differs from the image's own.

    nodeadm starts the kubelet after cloud-init's scripts, so it counts the pages.
    """
    written = f"#!/bin/bash\nset -euo pipefail\nsysctl --write vm.nr_hugepages={start.huge_pages}\n"
    script = "" if start.huge_pages is None else written
    parts = [("text/x-shellscript; charset=us-ascii", script), ("application/node.eks.aws", _node_config(start))]
    return _mime([(kind, body) for kind, body in parts if body])


def _node_config(start: Start) -> str:
    """nodeadm's document, which EKS merges with its own; "" for nothing."""
    kubelet = f"  kubelet:\n    config:\n      maxPods: {start.pods}\n" if start.pods else ""
    disks = "  instance:\n    localStorage:\n      strategy: RAID0\n" if start.nvme else ""
    gates = "  featureGates:\n    FastImagePull: true\n" if start.parallel else ""
    told = kubelet + disks + gates
    return f"apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n{told}" if told else ""


def _mime(parts: Sequence[tuple[str, str]]) -> str:
    if not parts:
        return ""
    bodies = [f"--{BOUNDARY}\nContent-Type: {kind}\n\n{body}" for kind, body in parts]
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{BOUNDARY}"\n\n'
    return head + "\n".join(bodies) + f"\n--{BOUNDARY}--\n"


def toml(path: str, settings: Mapping[str, Any]) -> str:
    """Settings of Bottlerocket as TOML tables under `path`, plain values first; "" for none."""
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
    lines = [f"[{path}]", *(f"{_quoted(key)} = {_value(value)}" for key, value in plain.items())] if plain else []
    tables = [toml(f"{path}.{key}", value) for key, value in settings.items() if isinstance(value, Mapping)]
    return "\n".join(filter(None, ["\n".join([*lines, ""]) if lines else "", *tables]))


def _quoted(key: str) -> str:
    return f'"{key}"' if "." in key else key


def _value(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'
