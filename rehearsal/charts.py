"""Charts rendered with what we tell them, where a Go module of their operator holds them: their objects can then be judged as ours are."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import yaml

from rehearsal.control_plane.crds import Loader
from rehearsal.control_plane.tools import HELM, KUBERNETES, locate
from rehearsal.golang import Unavailable, module
from rehearsal.watch import Progress

RENDER_LIMIT: Final = 120.0
"""Seconds for one chart."""
TEMPLATE: Final = "values.tmpl.yaml"
"""Values of a chart whose release fills in its image."""


class Chart(Protocol):
    """A row of the add-on table, as far as rendering goes."""

    @property
    def name(self) -> str:
        """Of the chart and of its release."""

    @property
    def version(self) -> str:
        """Of the chart."""

    @property
    def namespace(self) -> str:
        """Where it is installed."""

    @property
    def rendered(self) -> str:
        """The Go module that holds it, as <module>@<version>:<folder>; "" where none does."""


class NotRendered(Exception):
    """Helm refused a chart with what it was told; the message is Helm's."""


def folder(chart: Chart) -> Path:
    """The chart in Go's own cache of modules. Raises Unavailable where no module holds it, or Go cannot have it."""
    name, _, rest = chart.rendered.partition("@")
    version, _, place = rest.partition(":")
    if not place:
        raise Unavailable(f"no Go module holds the chart {chart.name} {chart.version}")
    return module(name, version) / place


def defaults(chart: Chart) -> dict[str, Any]:
    """What the chart says by itself."""
    return _read(_values(folder(chart), chart.version))


def unheard(chart: Chart, values: Mapping[str, Any]) -> list[str]:
    """Paths of values that the chart takes no notice of.

    One that its own values have is heard, and one in a mapping that a template takes as a whole; any other must be named by a template.
    """
    templates = (path for path in sorted(folder(chart).rglob("*")) if path.is_file() and "templates" in path.parts)
    return list(_unheard(values, defaults(chart), (), "\n".join(path.read_text("utf-8") for path in templates)))


def _unheard(told: Any, own: Any, path: tuple[str, ...], templates: str) -> Iterator[str]:
    as_a_whole = _named(path, templates)
    if isinstance(own, Mapping) and own and isinstance(told, Mapping):
        for key, value in told.items():
            if key in own or not as_a_whole:
                yield from _unheard(value, own.get(key), (*path, key), templates)
    elif own in (None, {}) and not as_a_whole:
        yield ".".join(path)


def _named(path: tuple[str, ...], templates: str) -> bool:
    """Whether a template takes the value at a path, not only something below it."""
    return bool(path) and re.search(rf"\.Values\.{re.escape('.'.join(path))}(?![\w.])", templates) is not None


def render(chart: Chart, values: Mapping[str, Any], tell: Progress) -> list[dict[str, Any]]:
    """The chart's objects, definitions included. Raises Unavailable, or NotRendered."""
    helm = locate(tell, [HELM])["helm"]
    with tempfile.TemporaryDirectory(prefix="groundwork-chart-") as made:
        here = Path(made) / chart.name
        shutil.copytree(folder(chart), here)
        here.chmod(0o755)
        if not (here / "values.yaml").exists():
            (here / "values.yaml").write_text(_values(here, chart.version))
        told = Path(made) / "told.json"
        told.write_text(json.dumps(values))
        command = [str(helm), "template", chart.name, str(here), "--namespace", chart.namespace, "--values", str(told), "--include-crds"]
        done = subprocess.run([*command, "--kube-version", KUBERNETES], capture_output=True, text=True, timeout=RENDER_LIMIT)
    if done.returncode:
        raise NotRendered(f"{chart.name} {chart.version}: {done.stderr.strip()}")
    return [body for body in yaml.load_all(done.stdout, Loader=Loader) if body]


def _values(where: Path, version: str) -> str:
    """The text of a chart's own values, with the image in place that its release puts there."""
    if (where / "values.yaml").exists():
        return (where / "values.yaml").read_text("utf-8")
    filled = {"GatewayImage": f"docker.io/envoyproxy/gateway:{version}", "GatewayImagePullPolicy": "IfNotPresent"}
    text = (where / TEMPLATE).read_text("utf-8")
    for name, value in filled.items():
        text = text.replace("${" + name + "}", value)
    return text


def _read(text: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.load(text, Loader=Loader)
    return read
