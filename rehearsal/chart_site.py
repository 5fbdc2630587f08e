"""Chart repositories of a rehearsal: a forward proxy on loopback that answers for every host with stub charts, over TLS of its own.

A stub holds the definitions of the kinds that its operator serves and one ConfigMap: it is installed, counted, and judged by nobody.
"""

import hashlib
import io
import json
import ssl
import tarfile
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self

import trustme
import yaml

HOST: Final = "127.0.0.1"
CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
"""Media types of a chart in a registry. Source: helm.sh/helm/v3 v3.22.0, pkg/registry/constants.go."""
MARKER: Final = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-stub", namespace: "{{ .Release.Namespace }}"}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """A chart by name and version, and the definitions that it brings."""

    name: str
    version: str
    definitions: Sequence[Mapping[str, Any]] = ()

    @property
    def metadata(self) -> dict[str, str]:
        """What its Chart.yaml says."""
        return {"apiVersion": "v2", "name": self.name, "version": self.version}

    def archive(self) -> bytes:
        """The chart, packed; equal charts give equal bytes."""
        files = {"Chart.yaml": yaml.safe_dump(self.metadata), "values.yaml": "", "templates/stub.yaml": MARKER}
        for definition in self.definitions:
            files[f"crds/{definition['metadata']['name']}.json"] = json.dumps(undescribed(definition))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=6) as archive:
            for path, text in files.items():
                entry = tarfile.TarInfo(f"{self.name}/{path}")
                content = text.encode()
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return packed.getvalue()


def undescribed(value: Any) -> Any:
    """A definition without its texts: Helm keeps a chart in one Secret, which holds 1 MiB at most."""
    if isinstance(value, Mapping):
        texts = {key for key in ("description",) if isinstance(value.get(key), str)}
        return {key: undescribed(part) for key, part in value.items() if key not in texts}
    return [undescribed(part) for part in value] if isinstance(value, list) else value


class ChartSite:
    """The proxy; a context manager. `authority` is a file with the certificate authority that its clients must trust.

    `served` counts the charts that were loaded, by name.
    """

    def __init__(self, stubs: Sequence[Stub], folder: Path) -> None:
        self.archives = {stub.name: stub.archive() for stub in stubs}
        self.stubs = {stub.name: stub for stub in stubs}
        self.served: Counter[str] = Counter()
        self.unknown: set[str] = set()
        self.authority = folder / "charts-ca.pem"
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((HOST, 0), _proxy(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The value of HTTPS_PROXY."""
        return f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._authority.cert_pem.write_to_path(str(self.authority))
        threading.Thread(target=self._server.serve_forever, name="chart-site", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def context(self, host: str) -> ssl.SSLContext:
        """TLS as a host."""
        with self._lock:
            if host not in self._contexts:
                made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                self._authority.issue_cert(host).configure_cert(made)
                self._contexts[host] = made
            return self._contexts[host]

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, media type and content for a path of any host."""
        *_, last = path.split("/")
        if last == "index.yaml":
            return 200, "text/yaml", self._index()
        if path.startswith("/v2/"):
            return self._registry(path.removeprefix("/v2/"))
        name = last.removesuffix(".tgz")
        if last.endswith(".tgz") and name in self.archives:
            return 200, "application/gzip", self._chart(name)
        return 404, "text/plain", b"the rehearsal serves charts of the stack alone"

    def _chart(self, name: str) -> bytes:
        with self._lock:
            self.served[name] += 1
        return self.archives[name]

    def _index(self) -> bytes:
        entries = {name: [{**stub.metadata, "urls": [f"{name}.tgz"]}] for name, stub in self.stubs.items()}
        return yaml.safe_dump({"apiVersion": "v1", "entries": entries}).encode()

    def _registry(self, path: str) -> tuple[int, str, bytes]:
        if not path:
            return 200, "application/json", b"{}"
        *place, what, reference = path.split("/")
        name = place[-1] if what != "list" and place else (path.split("/")[-3] if what == "tags" else "")
        if what == "tags":
            name = place[-1]
        if name not in self.archives:
            return 404, "application/json", json.dumps({"errors": [{"code": "NAME_UNKNOWN", "message": name}]}).encode()
        if what == "tags":
            return 200, "application/json", json.dumps({"name": "/".join(place), "tags": [self.stubs[name].version]}).encode()
        config = json.dumps(self.stubs[name].metadata).encode()
        if what == "manifests":
            return 200, MANIFEST, self._manifest(name, config)
        return 200, "application/octet-stream", config if reference == digest(config) else self._chart(name)

    def _manifest(self, name: str, config: bytes) -> bytes:
        layer = self.archives[name]
        described = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(config), "size": len(config)},
            "layers": [{"mediaType": LAYER, "digest": digest(layer), "size": len(layer)}],
        }
        return json.dumps(described).encode()


def digest(content: bytes) -> str:
    """As registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _proxy(site: ChartSite) -> type[BaseHTTPRequestHandler]:
    """A handler of CONNECT that then answers as the host itself."""

    class Inside(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(body=True)

        def do_HEAD(self) -> None:
            self._reply(body=False)

        def _reply(self, *, body: bool) -> None:
            status, kind, content = site.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", digest(content))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            self.send_response(200, "Connection established")
            self.end_headers()
            self.wfile.flush()
            context = site.context(self.path.rpartition(":")[0])
            self.close_connection = True
            try:
                with context.wrap_socket(self.connection, server_side=True) as secure:
                    Inside(secure, self.client_address, self.server)
            except (ssl.SSLError, ConnectionError, TimeoutError):
                return  # whoever asked has gone, or does not trust the rehearsal: it says so itself

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    return Proxy
