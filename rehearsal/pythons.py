"""Python interpreters of programs, and what is installed for them."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Python:
    """A Python environment: the folder that holds bin/ and lib/."""

    prefix: Path

    @property
    def executable(self) -> Path:
        """Its interpreter."""
        return self.prefix / "bin" / "python"

    @property
    def site_packages(self) -> list[str]:
        """Where its packages are."""
        return [str(path) for path in self.prefix.glob("lib/python*/site-packages")]

    def packages(self) -> list[tuple[str, str]]:
        """(name, version) of everything installed, by name."""
        return sorted({(found.metadata["Name"], found.version) for found in distributions(path=self.site_packages)})

    def plugins(self) -> Iterator[Mapping[str, Any]]:
        """What its Pulumi packages say of the plugin each needs, from their pulumi-plugin.json; packages without a plugin left out."""
        for folder in self.site_packages:
            for path in sorted(Path(folder).glob("*/pulumi-plugin.json")):
                said = json.loads(path.read_text())
                if said.get("resource") and said.get("version"):
                    yield {"name": path.parent.name.removeprefix("pulumi_").replace("_", "-"), **said}

    def environ(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` as it is with the environment activated."""
        path = os.pathsep.join([str(self.prefix / "bin"), base.get("PATH", "")])
        return {**{k: v for k, v in base.items() if k != "PYTHONHOME"}, "VIRTUAL_ENV": str(self.prefix), "PATH": path}


def python_of(root: Path, options: Mapping[str, Any], environ: Mapping[str, str]) -> Python:
    """The environment of a project, found as uv's toolchain does.

    The runtime option `virtualenv`, else UV_PROJECT_ENVIRONMENT, else the nearest .venv at or above `root`, else this one.
    Raises FileNotFoundError, naming what was looked for, when the one that was named is not there.
    """
    named = options.get("virtualenv") or environ.get("UV_PROJECT_ENVIRONMENT")
    if named:
        found = Python(root / str(named))
        if not found.executable.exists():
            raise FileNotFoundError(f"there is no Python environment at {found.prefix}; create it with: uv sync")
        return found
    near = (folder / ".venv" for folder in (root, *root.parents))
    return next((Python(path) for path in near if (path / "bin" / "python").exists()), Python(Path(sys.prefix)))
