"""Parallel image pulls: which node images fetch container images so, and from which release on. Pure functions.

Sources, read 2026-11-26: bottlerocket-os/bottlerocket, release 1.44.0 (SOCI snapshotter in the Kubernetes variants);
aws/karpenter-provider-aws, pkg/providers/version (binds SOCI's folder to local disks from Bottlerocket 1.46.0 on);
aws-samples/karpenter-blueprints, soci-snapshotter (Amazon Linux 2023 from 20250821 on); awslabs/amazon-eks-ami, CHANGELOG.md (SOCI's
folder on local disks, pull request 2548, came with release v20251217) and nodeadm/internal/containerd/config.go (not below 4 vCPUs or
7 GiB); EKS user guide, changes of Auto Mode, 2025-11-19.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from components.accelerators import Machine

Family = Literal["bottlerocket", "al2023"]
BROUGHT, BOUND = (1, 44, 0), (1, 46, 0)
"""Releases of Bottlerocket that brought SOCI, and with which Karpenter puts its folder on local disks."""
BROUGHT_DAY, BOUND_DAY = "20250821", "20251217"
"""The same of Amazon Linux 2023: the first releases that have it, and its folder on local disks."""
LEAST_VCPUS, LEAST_MIB = 4, 7 * 1024
AUTO_FAMILIES = ("g", "p", "trn")
"""Beginnings of the families of which Auto Mode's nodes fetch in parallel, if they have local disks."""


def by_auto_mode(machine: Machine) -> bool:
    """Whether nodes of Auto Mode fetch in parallel."""
    return machine.nvme_disks > 0 and machine.name.startswith(AUTO_FAMILIES)


def problems(machines: Sequence[Machine], family: Family, release: str | None, *, nvme: bool, karpenter: bool) -> Iterator[tuple[str, str]]:
    """Why nodes cannot fetch in parallel, by field of the pool; `release` is what images are held at, None the newest."""
    small = [m.name for m in machines if m.vcpus < LEAST_VCPUS or m.memory_mib < LEAST_MIB]
    if family == "al2023" and small:
        yield (
            "image_pull",
            f"is parallel, and nodeadm does not do so on {small[0]}, below 4 vCPUs or 7GiB: set serial, or image: bottlerocket",
        )
    if release is None:
        return
    if family == "bottlerocket":
        least = BOUND if nvme and karpenter else BROUGHT
        if tuple(map(int, release.partition("-")[0].split("."))) < least:
            wanted = ".".join(map(str, least))
            why = "with which Karpenter puts SOCI on local disks" if least == BOUND else "which brought SOCI"
            yield (
                "image_release",
                f"{release} is older than Bottlerocket {wanted}, {why}: hold {wanted} or later, or set image_pull: serial",
            )
        return
    day = BOUND_DAY if nvme else BROUGHT_DAY
    if release.rpartition("-")[2] < day:
        why = "when SOCI's folder came to local disks" if nvme else "the first with SOCI, and nodes of older ones do not start so"
        yield "image_release", f"{release} is older than {day}, {why}: hold a later one, or set image_pull: serial"
