"""The programs of a Kubernetes control plane: found beside KUBEBUILDER_ASSETS or on PATH, downloaded, or built from published Go modules.

What had to be downloaded or built is kept under ${XDG_CACHE_HOME:-~/.cache}/groundwork/control-plane and found there from then on.
GROUNDWORK_CONTROL_PLANE=path|install|source allows one way only.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from rehearsal.control_plane import downloads
from rehearsal.golang import Unavailable, alone, build, cache, chosen, intact, module_file, record, workshop
from rehearsal.watch import Meter, Progress

DATA: Final = Path(__file__).parents[1] / "data" / "control_plane"
KEPT: Final = "control-plane"
CHOICE: Final = "GROUNDWORK_CONTROL_PLANE"
Way = Literal["path", "install", "source"]
WAYS: Final[tuple[Way, ...]] = ("path", "install", "source")


@dataclass(frozen=True, slots=True)
class Tool:
    """Programs that are built together from one module. `data/control_plane/<name>` holds its locked go.mod and go.sum."""

    name: str
    version: str
    packages: Mapping[str, str]
    """Program to its main package; one that begins with ./ is ours, and lies beside the locks."""
    stamp: str = "-s -w"
    """Linker flags."""
    same_minor: bool = False
    """Whether a program from elsewhere must be of the same minor version, since what it accepts depends on it."""
    asked: str = "--version"
    """The argument that makes a program say its version."""
    brings: Mapping[str, str] = field(default_factory=dict)
    """Files that a package of ours embeds: place below the locks to <module>@<version>:<path>."""


KUBERNETES: Final = "1.35.4"
"""The version of the API server: the newest minor version that a stack file may name."""
_COMPONENT = "k8s.io/component-base/version"

TOOLS: Final = (
    Tool(
        "kubernetes",
        KUBERNETES,
        {name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kube-apiserver", "kube-scheduler", "kube-controller-manager")},
        f"-s -w -X {_COMPONENT}.gitVersion=v{KUBERNETES} -X {_COMPONENT}.gitMajor=1 -X {_COMPONENT}.gitMinor=35",
        same_minor=True,
    ),
    Tool("etcd", "3.6.16", {"etcd": "go.etcd.io/etcd/server/v3"}),
    Tool("kwok", "0.7.0", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}, "-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=v0.7.0"),
)
"""In the order in which they are had."""
HELM: Final = Tool(
    "helm", "3.22.0", {"helm": "helm.sh/helm/v3/cmd/helm"}, "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0", asked="version"
)
"""What renders charts, of the major version that Pulumi's provider has inside it; no part of a control plane."""
KUBE_SCORE: Final = Tool(
    "kube-score", "1.20.0", {"kube-score": "github.com/zegl/kube-score/cmd/kube-score"}, "-s -w -X main.version=1.20.0", asked="version"
)
"""A judge of manifests that knows nothing of our rules; no part of a control plane either."""
ROLLOUTS: Final = Tool(
    "argo-rollouts",
    "1.9.0",
    {"rollouts-controller": "github.com/argoproj/argo-rollouts/cmd/rollouts-controller", "route-weights": "./route-weights"},
    "-s -w -X github.com/argoproj/argo-rollouts/utils/version.version=1.9.0",
)
"""The controller that exchanges versions, at the version that the add-on table's chart runs, for tests of its judgement; and a stand-in for
its plugin that sets weights of routes."""

KARPENTER: Final = Tool("karpenter", "1.14.1", {"karpenter-kwok": "./karpenter-kwok"})
"""Karpenter at the version that the add-on table's chart runs, with its own kwok provider in place of EC2: it makes nodes of machine
types that a file tells it, for tests of node pools. No part of a control plane."""

_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
PROVIDER_MODULE: Final = f"{_PROVIDER}@v4.0.0-20260115033456-f47bc2d6f199"
"""The newest version of the provider that is published as a Go module: 4.25.0, of January 2026."""
_EMBEDDED: Final = f"{PROVIDER_MODULE}:cmd/pulumi-resource-kubernetes"
KUBERNETES_PROVIDER: Final = Tool(
    "pulumi-kubernetes",
    "4.25.0",
    {"pulumi-resource-kubernetes": "./pulumi-resource-kubernetes"},
    f"-s -w -X {_PROVIDER}/pkg/version.Version=4.25.0",
    brings={f"pulumi-resource-kubernetes/{name}": f"{_EMBEDDED}/{name}" for name in ("schema.json", "terraform-mapping.json")},
)
"""Pulumi's own provider of Kubernetes, which the engine starts as a plugin; no part of a control plane."""


class NoControlPlane(Exception):
    """No way led to some program; the message lists what each of them said."""

    def __init__(self, tool: Tool, said: Mapping[Way, str]) -> None:
        rows = [f"  {way:<8}{why}" for way, why in said.items()]
        help_ = (
            f"Put {', '.join(tool.packages)} {tool.version} on PATH, or make one of these ways work; {CHOICE}={'|'.join(WAYS)} picks one."
        )
        super().__init__("\n".join([f"{tool.name} {tool.version} could not be had:", *rows, help_]))


def locate(progress: Progress | None = None, tools: Sequence[Tool] = TOOLS) -> Mapping[str, Path]:
    """Program name to executable; what is not there is downloaded or built, with a line of progress about every second.

    Raises NoControlPlane when no allowed way works, rehearsal.golang.NoSuchWay when GROUNDWORK_CONTROL_PLANE names none.
    """
    allowed = chosen(CHOICE, WAYS)
    tell = progress or Meter()
    try:
        return {program: path for tool in tools for program, path in _locate(tool, allowed, tell).items()}
    finally:
        if isinstance(tell, Meter):
            tell.done()


def _locate(tool: Tool, allowed: str, tell: Progress) -> Mapping[str, Path]:
    attempts: list[tuple[Way, Callable[[], Mapping[str, Path]]]] = [
        ("path", partial(on_path, tool)),
        ("install", partial(kept, tool, "install")),
        ("source", partial(kept, tool, "source")),
        ("install", partial(provide, tool, "install", tell)),
        ("source", partial(provide, tool, "source", tell)),
    ]
    said: dict[Way, str] = {}
    for way, attempt in attempts:
        if allowed in ("", way):
            try:
                return attempt()
            except Unavailable as why:
                said[way] = str(why)
    raise NoControlPlane(tool, said)


def on_path(tool: Tool) -> Mapping[str, Path]:
    """The programs beside KUBEBUILDER_ASSETS or on PATH, if all are there at a version that will do. Raises Unavailable."""
    search = os.pathsep.join(filter(None, (os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("PATH"))))
    found = {program: shutil.which(program, path=search) for program in tool.packages}
    missing = [program for program, path in found.items() if path is None]
    if missing:
        raise Unavailable(f"there is no {', '.join(missing)} in KUBEBUILDER_ASSETS or on PATH")
    programs = {program: Path(path) for program, path in found.items() if path}
    for path in programs.values():
        version = version_of(path, tool.asked)
        parts = 2 if tool.same_minor else 1
        if version.split(".")[:parts] != tool.version.split(".")[:parts]:
            raise Unavailable(f"{path} is {version}, and {'.'.join(tool.version.split('.')[:parts])} is needed")
    return programs


def version_of(program: Path, asked: str) -> str:
    """What a program says its version is. Raises Unavailable when it says nothing of the kind."""
    try:
        said = subprocess.run([program, asked], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{program} does not run: {error}") from error
    found = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    if not found:
        raise Unavailable(f"{program} does not tell its version")
    return found[0]


def home(tool: Tool, way: Way) -> Path:
    """The cache folder of a tool, had in the given way."""
    return cache(KEPT) / f"{tool.name}-{tool.version}-{way}"


def kept(tool: Tool, way: Way) -> Mapping[str, Path]:
    """The programs that were had in this way before. Raises Unavailable."""
    programs = {program: home(tool, way) / program for program in tool.packages}
    if not all(os.access(path, os.X_OK) for path in programs.values()):
        raise Unavailable("none is kept")
    if not intact(home(tool, way)):
        raise Unavailable(f"{home(tool, way)} is damaged: its files are not what they were when they were made")
    return programs


def provide(tool: Tool, way: Way, tell: Progress) -> Mapping[str, Path]:
    """Download or build the pinned programs and keep them; of several processes one does the work. Raises Unavailable."""
    with alone(cache(KEPT) / f".{tool.name}", tool.name, tell):
        with contextlib.suppress(Unavailable):
            return kept(tool, way)
        with workshop(cache(KEPT)) as folder:
            made = folder / "made"
            if way == "source":
                label = f"building {tool.name} {tool.version} from its Go module, once"
                brought = {place: module_file(source) for place, source in tool.brings.items()}
                build(DATA / tool.name, [*tool.packages.values()], made, stamp=tool.stamp, label=label, tell=tell, brought=brought)
                _rename(tool, made)
            else:
                downloads.fetch(tool.name, tool.version, [*tool.packages], made, tell)
            for program in tool.packages:
                version_of(made / program, tool.asked)
            record(made)
            shutil.rmtree(home(tool, way), ignore_errors=True)
            made.rename(home(tool, way))
    return kept(tool, way)


def _rename(tool: Tool, made: Path) -> None:
    """Go names a program after the last element of its package, or the one before a major version."""
    for program, package in tool.packages.items():
        built = re.sub(r"/v\d+$", "", package).rpartition("/")[2]
        (made / built).rename(made / program)
