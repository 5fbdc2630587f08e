"""How the programs of a control plane are had, with programs that only say a version."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rehearsal.control_plane import downloads, tools
from rehearsal.control_plane.tools import CHOICE, HELM, KARPENTER, KUBE_SCORE, ROLLOUTS, TOOLS, NoControlPlane, locate
from rehearsal.golang import Unavailable, cache

TOOL = tools.Tool("kubernetes", "1.35.4", {"kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver"}, same_minor=True)
FAKE_GO = """#!/bin/sh
echo "$@" >> "{calls}"
while [ $# -gt 0 ]; do [ "$1" = -o ] && out="$2"; last="$1"; shift; done
name="${{last##*/}}"; [ "$name" = v3 ] && name=server
printf '#!/bin/sh\\necho Kubernetes v{version}\\n' > "$out/$name"
chmod +x "$out/$name"
"""


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a shell and nothing else; its folder of programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("KUBEBUILDER_ASSETS", CHOICE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    return folder


def test_programs_beside_kubebuilder_assets_are_taken(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "assets" / "kube-apiserver", "#!/bin/sh\necho Kubernetes v1.35.1\n")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    assert locate(tools=[TOOL]) == {"kube-apiserver": tmp_path / "assets" / "kube-apiserver"}


@pytest.mark.parametrize(("said", "why"), [("v1.34.4", r"1\.34\.4, and 1\.35 is needed"), ("nothing", "does not tell its version")])
def test_programs_of_another_minor_version_are_passed_over(bare: Path, monkeypatch: pytest.MonkeyPatch, said: str, why: str) -> None:
    script(bare / "kube-apiserver", f"#!/bin/sh\necho {said}\n")
    monkeypatch.setenv(CHOICE, "path")
    with pytest.raises(NoControlPlane, match=why):
        locate(tools=[TOOL])


def test_the_source_way_builds_every_tool_once(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = bare.parent / "calls"
    single = [TOOL, next(tool for tool in TOOLS if tool.name == "etcd")]
    script(bare / "go", FAKE_GO.format(calls=calls, version="3.6.16"))
    monkeypatch.setenv(CHOICE, "source")
    told: list[str] = []
    first, second = locate(told.append, single), locate(told.append, single)
    assert first == second
    assert all(os.access(path, os.X_OK) for path in first.values())
    assert first.keys() == {"kube-apiserver", "etcd"}
    assert len(calls.read_text().splitlines()) == 2
    assert "-mod=readonly" in calls.read_text()
    assert any("building kubernetes 1.35.4" in text and "at most" in text for text in told)


def test_every_tool_has_its_locks() -> None:
    for tool in (*TOOLS, HELM, KUBE_SCORE, ROLLOUTS, KARPENTER):
        assert tool.version in (tools.DATA / tool.name / "go.mod").read_text()
        assert (tools.DATA / tool.name / "go.sum").stat().st_size > 0


def test_no_way_is_one_message_that_names_them_all(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bare))
    monkeypatch.setattr(downloads, "SOURCES", {})
    with pytest.raises(NoControlPlane) as told:
        locate(lambda text: None, [TOOL])
    assert all(part in str(told.value) for part in ("no kube-apiserver", "no official download", "no Go on PATH", CHOICE))


def test_an_unknown_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "magic")
    with pytest.raises(ValueError, match=r"magic.*path, install, source"):
        locate()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes, str], None]]:
    """A site that publishes one program and its checksum; call it with both."""
    content: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content[self.path])

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def publish(program: bytes, checksum: str) -> None:
        content.update({"/kube-apiserver": program, "/sum": checksum.encode()})
        place = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(downloads, "SOURCES", {"kubernetes": downloads.Source(f"{place}/{{program}}", f"{place}/sum")})

    yield publish
    server.shutdown()
    server.server_close()


def test_a_download_is_held_against_its_checksum(bare: Path, monkeypatch: pytest.MonkeyPatch, site: Callable[[bytes, str], None]) -> None:
    program = b"#!/bin/sh\necho Kubernetes v1.35.4\n"
    monkeypatch.setenv(CHOICE, "install")
    site(program, "0" * 64)
    with pytest.raises(NoControlPlane, match="not what its checksum says"):
        locate(lambda text: None, [TOOL])
    assert [path.name for path in cache(tools.KEPT).iterdir()] == [".kubernetes"]
    site(program, hashlib.sha256(program).hexdigest())
    assert locate(lambda text: None, [TOOL])["kube-apiserver"].read_bytes() == program


def test_a_site_out_of_reach_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "SOURCES", {"kubernetes": downloads.Source("http://127.0.0.1:1/x", "http://127.0.0.1:1/y")})
    with pytest.raises(Unavailable, match="cannot be reached"):
        downloads.fetch("kubernetes", "1.35.4", ["kube-apiserver"], tmp_path / "made", lambda text: None)
