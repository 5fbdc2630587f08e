"""The probe against a real server: every way in which an attempt can go, what Prometheus is told, and that it ends when told to."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from workloads import probe
from workloads.probe import Record, Settings, ask, server, watch

ROOT = Path(__file__).parents[2]


class Endpoint(BaseHTTPRequestHandler):
    """Answers by path, and remembers what it was asked."""

    asked: list[dict[str, Any]] = []
    gate = threading.Event()

    def respond(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        Endpoint.asked.append({"body": self.rfile.read(length).decode(), "headers": dict(self.headers), "method": self.command})
        if self.path == "/slow":
            Endpoint.gate.wait(5)
        self.send_response(503 if self.path == "/down" else 200)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(b'{"choices": [{"text": "pong"}]}')

    do_GET = do_POST = respond

    def log_message(self, format: str, *values: object) -> None:
        pass


@contextmanager
def serving(made: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made.server_address[1]
    finally:
        Endpoint.gate.set()
        made.shutdown()
        made.server_close()
        thread.join()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)) as port:
        yield f"http://127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_an_expected_answer_is_ok_and_was_asked_for_as_a_client_would(address: str) -> None:
    body = b'{"model": "chat", "prompt": "ping", "max_tokens": 1}'
    assert ask(Settings(f"{address}/v1/completions", body, expect='"choices"', key="k-1")) == "ok"
    asked = Endpoint.asked[-1]
    assert (asked["method"], json.loads(asked["body"])["model"]) == ("POST", "chat")
    assert asked["headers"]["Authorization"] == "Bearer k-1"
    assert asked["headers"]["Content-Type"] == "application/json"


def test_without_a_body_it_gets(address: str) -> None:
    assert ask(Settings(f"{address}/health")) == "ok"
    assert Endpoint.asked[-1]["method"] == "GET"
    assert "Authorization" not in Endpoint.asked[-1]["headers"]


@pytest.mark.parametrize(
    ("path", "changes", "outcome"),
    [
        ("/down", {}, "refused"),
        ("/any", {"expect": "something else"}, "wrong"),
        ("/slow", {"timeout": 0.05}, "late"),
    ],
)
def test_each_failure_has_its_name(address: str, path: str, changes: dict[str, Any], outcome: str) -> None:
    assert ask(Settings(f"{address}{path}", **changes)) == outcome


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/x", "http://no-such-host.invalid/x"])
def test_nobody_there_is_unreachable(url: str) -> None:
    assert ask(Settings(url.format(port=free_port()), timeout=2)) == "unreachable"


def test_prometheus_is_told_counts_and_the_last_attempt() -> None:
    record = Record()
    assert "groundwork_probe_success " not in record.text(), "nothing is known before the first attempt"
    record.add("ok", 0.25)
    record.add("late", 30.0)
    lines = record.text().splitlines()
    assert 'groundwork_probe_attempts_total{outcome="ok"} 1' in lines
    assert 'groundwork_probe_attempts_total{outcome="wrong"} 0' in lines
    assert "groundwork_probe_success 0" in lines
    assert "groundwork_probe_duration_seconds 30.0" in lines
    assert all(promql_parser.parse(line.split(" ")[0]) for line in lines if not line.startswith("#"))


def test_metrics_and_health_answer_and_nothing_else() -> None:
    record = Record()
    record.add("ok", 0.1)
    with serving(server(record, 0)) as port:
        for path, part in (("/metrics", "groundwork_probe_success 1"), ("/healthz", "ok")):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                assert part in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/else", timeout=5)
        missing.value.close()


def test_attempts_are_made_at_the_interval_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    record, stop, waits = Record(), threading.Event(), []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 3:
            stop.set()
        return True

    monkeypatch.setattr(probe, "ask", lambda _: "ok")
    monkeypatch.setattr(stop, "wait", wait)
    watch(Settings("http://x", interval=60), record, stop)
    assert record.counts["ok"] == 3
    assert all(59 < seconds <= 60 for seconds in waits)


@pytest.mark.parametrize(
    "environment", [{}, {"PROBE_URL": "http://x", "PROBE_INTERVAL": "often"}, {"PROBE_URL": "http://x", "PROBE_BODY": "{"}]
)
def test_settings_that_are_none_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Settings.read(environment)
    assert Settings.read({"PROBE_URL": "http://x"}).port == 9100


def test_the_program_runs_by_itself_and_ends_when_it_is_told(address: str) -> None:
    port = free_port()
    environment = {**os.environ, "PROBE_URL": f"{address}/v1", "PROBE_INTERVAL": "0.05", "PROBE_PORT": str(port)}
    program = subprocess.Popen([sys.executable, "-I", ROOT / "workloads" / "probe.py"], env=environment)
    try:
        text, deadline = "", time.monotonic() + 20
        while "groundwork_probe_success 1" not in text:
            assert time.monotonic() < deadline
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
            except OSError:
                time.sleep(0.02)
    finally:
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=10) == 0
