"""Which values a chart takes notice of, told from its own values and templates; a chart here is a folder of the test's own."""

from pathlib import Path
from typing import Any

import pytest

from components.kubernetes.addons.charts import Chart
from rehearsal import charts
from rehearsal.charts import defaults, folder, unheard
from rehearsal.golang import Unavailable

CHART = Chart("thing", "https://charts.example.com", "v1.2.3", "nowhere", "things", rendered="example.com/thing@v1.2.3:charts/thing")
VALUES = """
replicas: 1
image: "${GatewayImage}"
resources: {}
labels: {kubernetes.io/os: linux}
settings: {mode: fast, limits: {}}
extra: null
"""
TEMPLATE = """
replicas: {{ .Values.replicas }}
{{- with .Values.resources }}{{ toYaml . }}{{ end }}
{{- toYaml .Values.labels }}
mode: {{ .Values.settings.mode }} {{ .Values.settings.hidden }}
"""


@pytest.fixture
def chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chart:
    place = tmp_path / "charts" / "thing"
    (place / "templates").mkdir(parents=True)
    (place / "values.tmpl.yaml").write_text(VALUES)
    (place / "templates" / "all.yaml").write_text(TEMPLATE)
    monkeypatch.setattr(charts, "module", lambda name, version: {("example.com/thing", "v1.2.3"): tmp_path}[name, version])
    return CHART


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"replicas": 2, "resources": {"requests": {"cpu": "1"}}, "settings": {"mode": "slow"}}, []),
        ({"replica": 2}, ["replica"]),
        ({"labels": {"groundwork.dev/pool": "system"}}, []),
        ({"settings": {"mood": "x"}}, ["settings.mood"]),
        ({"settings": {"limits": {"cpu": 1}}}, ["settings.limits"]),
        ({"extra": [1]}, ["extra"]),
        ({"settings": {"hidden": 1}}, []),
    ],
)
def test_a_value_is_heard_where_the_chart_has_it_or_names_it(chart: Chart, told: dict[str, Any], found: list[str]) -> None:
    assert unheard(chart, told) == found


def test_values_that_a_release_fills_in_are_filled_in(chart: Chart) -> None:
    assert defaults(chart)["image"] == "docker.io/envoyproxy/gateway:v1.2.3"
    assert folder(chart).name == "thing"


def test_a_chart_that_no_module_holds_cannot_be_had() -> None:
    with pytest.raises(Unavailable, match=r"no Go module holds the chart thing v1\.2\.3"):
        folder(Chart("thing", "https://charts.example.com", "v1.2.3", "nowhere", "things"))
