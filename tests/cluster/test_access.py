"""Who may reach the servers of a rehearsed cluster on loopback: whoever has its token or certificate, and nobody else."""

from ssl import create_default_context

import httpx
import pytest

from rehearsal.control_plane.server import HOST, ApiServer

pytestmark = pytest.mark.cluster

ALL = {"key": "AA==", "range_end": "AA==", "limit": 1}
"""Any one key of etcd."""


def client(server: ApiServer, *, certificate: bool = False, token: str = "") -> httpx.Client:
    context = create_default_context(cafile=str(server.folder / "ca.pem"))
    if certificate:
        context.load_cert_chain(server.folder / "server.pem", server.folder / "server.key")
    return httpx.Client(verify=context, headers={"Authorization": f"Bearer {token}"} if token else {})


def test_etcd_answers_whoever_has_a_certificate(server: ApiServer) -> None:
    place = f"https://{HOST}:{server.etcd_port}/v3/kv/range"
    with client(server, certificate=True) as own:
        assert own.post(place, json=ALL).json()["kvs"]
    with client(server) as stranger, pytest.raises(httpx.TransportError):
        stranger.post(place, json=ALL)


@pytest.mark.parametrize(("token", "code"), [("", 403), ("another", 401)])
def test_the_api_server_tells_secrets_to_whoever_has_its_token(server: ApiServer, token: str, code: int) -> None:
    place = f"{server.url}/api/v1/secrets"
    with client(server, token=server.token) as own:
        assert own.get(place).status_code == httpx.codes.OK
    with client(server, token=token) as stranger:
        assert stranger.get(place).status_code == code
        assert stranger.get(f"{server.url}/api/v1/configmaps").status_code == code


def test_files_of_its_credentials_are_for_the_own_user(server: ApiServer) -> None:
    for name in ("server.key", "accounts.key", "token", "tokens.csv"):
        assert (server.folder / name).stat().st_mode & 0o077 == 0
