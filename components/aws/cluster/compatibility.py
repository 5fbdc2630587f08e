"""Compatibility checks by the version matrix: pure functions that yield what is wrong, each with what would be right.

Callers put the path of their own field before each message.
"""

from collections.abc import Collection, Iterator, Sequence

from components.accelerators import Machine
from components.aws.cluster.versions import Driver, Family, Image, drivers_of, images, matrix, minors, number
from components.catalogue.devices import devices


def image_for(machine: Machine, family: Family, *, fips: bool = False) -> str:
    """The EKS image type for a machine with accelerators.

    Raises ValueError, naming the image types that drive the machine, where the family has none.
    """
    if found := _image_of(machine, family, fips=fips):
        return found.type
    fit = [image.type for image in images().values() if drives(image, machine)]
    wanted = f"{family}{' with FIPS' if fips else ''}"
    raise ValueError(f"{machine.name} has no {wanted} image; these drive it: {', '.join(fit) or 'none'}")


def _image_of(machine: Machine, family: Family, *, fips: bool = False) -> Image | None:
    return next((image for image in images().values() if drives(image, machine) and (image.family, image.fips) == (family, fips)), None)


def drives(image: Image, machine: Machine) -> bool:
    """Whether an image has drivers for the accelerators of a machine."""
    return image.architecture == machine.architecture and machine.name.partition(".")[0] in image.machines


def image_problems(image_type: str, minor: str, machine: Machine, release: str | None = None) -> Iterator[str]:
    """Why nodes of a machine cannot run an image with a Kubernetes minor. `release` is the image release that the pool holds."""
    image = images().get(image_type)
    if image is None:
        yield f"{image_type} is not an image type of accelerated nodes; there are {', '.join(images())}"
        return
    if minor not in minors():
        yield f"Kubernetes {minor} is not in the version matrix, which has {', '.join(minors())}"
    elif image.newest and number(minor) > number(image.newest):
        yield f"{image_type} ends with Kubernetes {image.newest}, and EKS refuses it on {minor}: take {_others(machine, image)}"
    if not drives(image, machine):
        yield f"{image_type} does not drive {machine.name}: take {_others(machine, image)}"
    yield from driver_problems(image, minor, machine, release)


def _others(machine: Machine, beside: Image) -> str:
    fit = [image.type for image in images().values() if drives(image, machine) and image is not beside and not image.newest]
    return " or ".join(fit) or "an image of your own"


def release_problems(machine: Machine, family: Family, minor: str, release: str | None) -> Iterator[str]:
    """Whether a held release of an image family has a driver for a machine; nothing where the family has no image for it."""
    if image := _image_of(machine, family):
        yield from driver_problems(image, minor, machine, release)


def driver_problems(image: Image, minor: str, machine: Machine, release: str | None = None) -> Iterator[str]:
    """Whether an image has a driver branch that is neither too old nor too new for the GPUs of a machine."""
    branches = drivers_of(image, minor, release)
    if branches is None or not machine.accelerator:
        return
    if any(runs(branch, machine.accelerator) for branch in branches):
        return
    have = " and ".join(map(str, branches))
    oldest = oldest_driver(machine.accelerator)
    if oldest and max(branches) < oldest:
        since = next((row for row in matrix().releases if row.family == image.family and max(row.drivers) >= oldest), None)
        fix = f"hold release {since.since} or later" if since else "take another image family"
        yield f"{machine.accelerator} needs NVIDIA driver {oldest}, and {release or image.type} has {have}: {fix}"
    else:
        yield f"{machine.accelerator} is no longer driven by NVIDIA driver {have}: hold an older release, or take a newer machine"


def oldest_driver(accelerator: str) -> int | None:
    """The oldest driver branch that an accelerator runs with; None where no source says one."""
    return next((row.driver for row in matrix().needs if row.accelerator == accelerator), None)


def _branch(number_: int) -> Driver | None:
    return next((row for row in matrix().drivers if row.branch == number_), None)


def runs(branch: int, accelerator: str) -> bool:
    """Whether a driver branch drives an accelerator, so far as is known."""
    row = _branch(branch)
    dropped = row is not None and devices()[accelerator].architecture in row.drops
    return branch >= (oldest_driver(accelerator) or 0) and not dropped


def cuda_problems(cuda: int, image_type: str, minor: str, release: str | None = None) -> Iterator[str]:
    """Why containers built for a major version of CUDA do not run on an image; of the drivers on board, the oldest counts."""
    branches = drivers_of(images()[image_type], minor, release)
    rows = [row for row in map(_branch, branches or ()) if row]
    if rows and (highest := min(row.cuda for row in rows)) < cuda:
        fit = [str(row.branch) for row in matrix().drivers if row.cuda >= cuda]
        other = f", or take a release with driver {' or '.join(fit)}" if fit else ""
        yield f"CUDA {cuda} is newer than CUDA {highest} of {release or image_type}: build for CUDA {highest}{other}"


def plugin_problems(image_types: Collection[str], installed: Collection[str], *, auto_mode: bool = False) -> Iterator[str]:
    """Whether every accelerated node has exactly one announcer of its accelerators.

    `installed` names what the cluster runs on all its GPU nodes: device-plugin, gpu-operator (with its plugin on), neuron-plugin,
    dra-driver. EKS Auto Mode announces by itself.
    """
    for kind, announcers in (("nvidia", ("device-plugin", "gpu-operator", "dra-driver")), ("neuron", ("neuron-plugin",))):
        nodes = [image for name in image_types if (image := images()[name]).accelerators == kind]
        if nodes:
            yield from _one_announcer(kind, nodes, [name for name in announcers if name in installed], auto_mode=auto_mode)


def _one_announcer(kind: str, nodes: Collection[Image], found: Sequence[str], *, auto_mode: bool) -> Iterator[str]:
    resource = {"nvidia": "nvidia.com/gpu", "neuron": "aws.amazon.com/neuron"}[kind]
    own = [image.type for image in nodes if image.plugin or auto_mode]
    bare = [image.type for image in nodes if not image.plugin and not auto_mode]
    if len(found) > 1:
        yield f"{resource} is announced by {' and '.join(found)}: keep one of them"
    if own and found:
        yield f"{', '.join(own)} announces {resource} itself, and {found[0]} would do so again: keep {found[0]} off these nodes"
    if bare and not found:
        fix = "install device-plugin or gpu-operator" if kind == "nvidia" else "install neuron-plugin"
        yield f"nothing announces {resource} on {', '.join(bare)}: {fix}"


def operator_values(image_types: Collection[str]) -> dict[str, object]:
    """Helm values that keep the GPU operator from installing what the images have; single nodes are kept out by `operator_labels`."""
    nodes = [image for name in image_types if (image := images()[name]).accelerators == "nvidia"]
    return {
        "driver": {"enabled": not all("driver" in image.carries for image in nodes)},
        "toolkit": {"enabled": not all("toolkit" in image.carries for image in nodes)},
        "devicePlugin": {"enabled": any(not image.plugin for image in nodes)},
    }


def operator_labels(image_type: str) -> dict[str, str]:
    """Labels of nodes that the GPU operator leaves alone, because their image has all that it would install; none for others.

    Source: NVIDIA/gpu-operator@a22dbf671f2e:controllers/state_manager.go.
    """
    return {"nvidia.com/gpu.deploy.operands": "false"} if images()[image_type].plugin else {}
