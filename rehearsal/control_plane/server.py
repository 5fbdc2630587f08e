"""A Kubernetes API server on loopback with its etcd, its own certificate authority and its own tokens. No controllers, no nodes."""

import secrets
import socket
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import trustme
import yaml

from rehearsal.control_plane.client import Client
from rehearsal.control_plane.processes import DidNotStart, Server, free_port, wait_until_free
from rehearsal.folders import write_whole

READY_LIMIT: Final = 120.0
"""Seconds until an API server counts as not coming up: it takes 4 to 7 on idle cores."""
HOST: Final = "127.0.0.1"
SERVICE_RANGE: Final = "172.20.0.0/16"


class ApiServer:
    """One API server with its data in `folder`, which may hold data from before. A context manager: inside, it answers.

    `programs` are those of `tools.locate`. Port, authority and token are those of the folder, made when it has none, so that who
    was told of them before can still reach it. Raises DidNotStart on entering when it does not come up.
    """

    def __init__(self, folder: Path, programs: Mapping[str, Path], token: str = "") -> None:
        self.folder = folder
        self.programs = programs
        self.token = token or _kept(folder / "token") or secrets.token_hex(16)
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_credentials()
        try:
            self._start_etcd()
            self._start_api()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End both servers, the API server first."""
        self.client.close()
        while self._servers:
            self._servers.pop().stop()

    @cached_property
    def etcd_port(self) -> int:
        """TCP port of etcd's clients."""
        return free_port()

    @cached_property
    def port(self) -> int:
        """TCP port of the API."""
        return int(_kept(self._file("port")) or free_port())

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"https://{HOST}:{self.port}"

    @cached_property
    def client(self) -> Client:
        """A client with all rights."""
        return Client(self.url, self.token, self._file("ca.pem"))

    @cached_property
    def kubeconfig(self) -> Path:
        """A kubeconfig with all rights, for the programs of this control plane only."""
        return self.kubeconfig_as("admin", self.token)

    def kubeconfig_as(self, name: str, token: str) -> Path:
        """A kubeconfig file for a token of this server."""
        path = self._file(f"{name}.kubeconfig")
        cluster = {"server": self.url, "certificate-authority": str(self._file("ca.pem"))}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": cluster}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {"token": token}}],
        }
        path.write_text(yaml.safe_dump(content))
        path.chmod(0o600)
        return path

    @property
    def account_key(self) -> Path:
        """The private key that service accounts' tokens are signed with."""
        return self._file("accounts.key")

    def _file(self, name: str) -> Path:
        return self.folder / name

    def _write_credentials(self) -> None:
        """Write what is not there yet; the token is written anew, since a caller may choose it."""
        if _answers(self.port):
            raise DidNotStart(f"port {self.port} of the API server in {self.folder} is in use by another program: end it")
        if not all(_kept(self._file(name)) for name in ("ca.pem", "server.key", "server.pem")):
            self._file("server.pem").unlink(missing_ok=True)
            authority = trustme.CA()
            served = authority.issue_cert("localhost", HOST)
            self._write("server.key", served.private_key_pem.bytes())
            self._write("ca.pem", authority.cert_pem.bytes())
            self._write("server.pem", served.cert_chain_pems[0].bytes())
        if not _kept(self.account_key):
            accounts = trustme.CA().issue_cert("accounts", key_type=trustme.KeyType.RSA)
            self._write("accounts.key", accounts.private_key_pem.bytes())
        self._write("port", str(self.port))
        self._write("token", self.token)
        self._write("tokens.csv", f'{self.token},admin,admin,"system:masters"\n')

    def _write(self, name: str, content: str | bytes) -> None:
        write_whole(self._file(name), content, 0o600)

    def _start_etcd(self) -> None:
        wait_until_free(self._file("etcd") / "member" / "snap" / "db")
        clients, peers = f"https://{HOST}:{self.etcd_port}", f"https://{HOST}:{free_port()}"
        # Whoever has no certificate of this folder's authority is refused, as a client and as a peer.
        sealed = {
            f"{peer}{name}": value
            for peer in ("", "peer-")
            for name, value in (
                ("cert-file", self._file("server.pem")),
                ("key-file", self._file("server.key")),
                ("trusted-ca-file", self._file("ca.pem")),
                ("client-cert-auth", "true"),
            )
        }
        options = {
            **sealed,
            "data-dir": self._file("etcd"),
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
            "log-level": "error",
        }
        etcd = Server("etcd", [self.programs["etcd"], *_flags(options), "--unsafe-no-fsync"], self.folder)
        self._servers.append(etcd)
        etcd.wait_until(lambda: _answers(self.etcd_port), READY_LIMIT)

    def _start_api(self) -> None:
        options = {
            "etcd-servers": f"https://{HOST}:{self.etcd_port}",
            "etcd-cafile": self._file("ca.pem"),
            "etcd-certfile": self._file("server.pem"),
            "etcd-keyfile": self._file("server.key"),
            "bind-address": HOST,
            "secure-port": self.port,
            "tls-cert-file": self._file("server.pem"),
            "tls-private-key-file": self._file("server.key"),
            "service-account-key-file": self.account_key,
            "service-account-signing-key-file": self.account_key,
            "service-account-issuer": "https://kubernetes.default.svc",
            "token-auth-file": self._file("tokens.csv"),
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": SERVICE_RANGE,
            "allow-privileged": "true",
            "profiling": "false",
        }
        api = Server("kube-apiserver", [self.programs["kube-apiserver"], *_flags(options)], self.folder)
        self._servers.append(api)
        api.wait_until(lambda: _answers(self.port) and self.client.ready(), READY_LIMIT)
        api.wait_until(self.client.serves_custom_kinds, READY_LIMIT)


def _kept(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _flags(options: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
