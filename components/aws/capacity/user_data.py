"""What a node is told as it starts: huge pages for its fabric, local disks for images and scratch. EKS merges its own part with it.

Sources: Bottlerocket 1.50 documentation, settings.kernel.sysctl and settings.bootstrap-commands; aws/karpenter-provider-aws v1.14.1,
pkg/providers/amifamily/bootstrap, for the commands that stripe local disks; awslabs/amazon-eks-ami, nodeadm NodeConfig v1alpha1.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

BOUNDARY = "//"
NODE_CONFIG = """\
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  instance:
    localStorage:
      strategy: RAID0
"""
STRIPED = (
    '[["apiclient", "ephemeral-storage", "init"], '
    '["apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"]]'
)


def encoded(text: str) -> str | None:
    """Base64, as launch templates take it; None for nothing."""
    return b64encode(text.encode()).decode() if text else None


def start(bottlerocket: bool, *, huge_pages: int, nvme: bool, plugin: Mapping[str, Any]) -> str:
    """What a node is told, in the form its image reads; "" for nothing."""
    if bottlerocket:
        return bottlerocket_settings(huge_pages=huge_pages, nvme=nvme, plugin=plugin)
    return al2023_parts(huge_pages=huge_pages, nvme=nvme)


def bottlerocket_settings(*, huge_pages: int, nvme: bool, plugin: Mapping[str, Any]) -> str:
    """Settings in TOML; "" when none differs from the image's own. `plugin`: those of NVIDIA's device plugin."""
    pages = f'[settings.kernel.sysctl]\n"vm.nr_hugepages" = "{huge_pages}"\n' if huge_pages else ""
    stripe = f'[settings.bootstrap-commands.local-disks]\ncommands = {STRIPED}\nmode = "always"\nessential = true\n' if nvme else ""
    return "\n".join(filter(None, (pages, stripe, toml("settings.kubelet-device-plugins.nvidia", plugin))))


def al2023_parts(*, huge_pages: int, nvme: bool) -> str:
    """A MIME document for cloud-init and nodeadm; "" when nothing differs from the image's own.

    nodeadm starts the kubelet after cloud-init's scripts, so it counts the pages.
    """
    script = f"#!/bin/bash\nset -euo pipefail\nsysctl --write vm.nr_hugepages={huge_pages}\n" if huge_pages else ""
    config = (
        "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  instance:\n    localStorage:\n      strategy: RAID0\n"
        if nvme
        else ""
    )
    parts = [("text/x-shellscript; charset=us-ascii", script), ("application/node.eks.aws", config)]
    return _mime([(kind, body) for kind, body in parts if body])


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
