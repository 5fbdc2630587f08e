"""Stand-in for `pulumi-language-python`, started by an engine that was built from its Go module and so came without one.

The engine starts it as a plugin: its last argument is the engine's address, its first line of output the port it serves.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def borrow_protocol() -> None:
    """Make the SDK's generated protocol modules importable without the SDK around them.

    `import pulumi` takes 0.4 s and 27 MB that the host has no use for; every engine command would wait for it.
    """
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.origin:
        sys.exit(f"The Pulumi SDK is not installed for {sys.executable}. Run: uv sync")
    root = Path(spec.origin).parent
    for name, folder in (("pulumi", root), ("pulumi.runtime", root / "runtime"), ("pulumi.runtime.proto", root / "runtime" / "proto")):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


def main() -> None:
    """Serve one engine until it goes away."""
    borrow_protocol()
    from rehearsal.language_server import serve

    serve(sys.argv[-1])


if __name__ == "__main__":
    main()
