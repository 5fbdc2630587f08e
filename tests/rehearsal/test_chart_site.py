"""Chart repositories of a rehearsal, asked as Helm asks them: by an index, and as a registry."""

import io
import ssl
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from rehearsal.chart_site import ChartSite, Stub, digest, undescribed

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.com"},
    "spec": {"versions": [{"schema": {"description": "long", "properties": {"description": {"type": "string", "description": "x"}}}}]},
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ChartSite]:
    with ChartSite([Stub(name="keda", version="2.20.2", definitions=[DEFINITION])], tmp_path) as made:
        yield made


@pytest.fixture
def client(site: ChartSite) -> Iterator[httpx.Client]:
    trusted = ssl.create_default_context(cafile=str(site.authority))
    with httpx.Client(proxy=site.url, verify=trusted) as made:
        yield made


def files(packed: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {entry.name: archive.extractfile(entry).read().decode() for entry in archive}  # type: ignore[union-attr]


def test_a_repository_lists_the_charts_of_the_stack_and_serves_them(site: ChartSite, client: httpx.Client) -> None:
    index = yaml.safe_load(client.get("https://kedacore.github.io/charts/index.yaml").text)
    (row,) = index["entries"]["keda"]
    assert (row["version"], row["urls"]) == ("2.20.2", ["keda.tgz"])
    found = files(client.get("https://kedacore.github.io/charts/keda.tgz").content)
    assert set(found) == {f"keda/{name}" for name in ("Chart.yaml", "values.yaml", "templates/stub.yaml", "crds/things.example.com.json")}
    assert "long" not in found["keda/crds/things.example.com.json"]
    assert client.get("https://kedacore.github.io/charts/other.tgz").status_code == 404
    assert site.served == {"keda": 1}


def test_a_registry_serves_the_chart_by_digest(site: ChartSite, client: httpx.Client) -> None:
    base = "https://registry.example.com/v2/mirror/charts/keda"
    assert client.get("https://registry.example.com/v2/").status_code == 200
    assert client.get(f"{base}/tags/list").json()["tags"] == ["2.20.2"]
    manifest = client.get(f"{base}/manifests/2.20.2")
    assert manifest.headers["Docker-Content-Digest"] == digest(manifest.content)
    assert client.head(f"{base}/manifests/2.20.2").headers["Content-Length"] == str(len(manifest.content))
    for part in (manifest.json()["config"], *manifest.json()["layers"]):
        blob = client.get(f"{base}/blobs/{part['digest']}").content
        assert (digest(blob), len(blob)) == (part["digest"], part["size"])
    assert client.get("https://registry.example.com/v2/mirror/charts/other/tags/list").status_code == 404


def test_texts_go_and_fields_of_that_name_stay() -> None:
    (version,) = undescribed(DEFINITION)["spec"]["versions"]
    assert version["schema"] == {"properties": {"description": {"type": "string"}}}
