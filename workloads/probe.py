"""Asks an inference endpoint for an answer, again and again, as a client would, and tells Prometheus how it went.

Runs on Python 3.11 or newer with nothing else installed, so that any image with Python will do. Its settings are environment variables:
PROBE_URL, PROBE_BODY (JSON; empty asks by GET), PROBE_EXPECT (text that the answer must hold), PROBE_INTERVAL and PROBE_TIMEOUT (seconds),
PROBE_KEY (sent as a bearer token), PROBE_PORT (where /metrics and /healthz answer).
"""

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Outcome = Literal["ok", "refused", "wrong", "late", "unreachable"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "refused", "wrong", "late", "unreachable")
"""ok; a status other than 2xx; an answer without what was expected; none in time; no connection."""
MOST = 1_048_576
"""Bytes of an answer that are read."""


@dataclass(frozen=True)
class Settings:
    """What is asked, and how often."""

    url: str
    body: bytes = b""
    expect: str = ""
    interval: float = 60
    timeout: float = 30
    key: str = ""
    port: int = 9100

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """From environment variables. Raises KeyError without PROBE_URL, ValueError where a number or the JSON is none."""
        body = environment.get("PROBE_BODY", "")
        if body:
            json.loads(body)
        return cls(
            url=environment["PROBE_URL"],
            body=body.encode(),
            expect=environment.get("PROBE_EXPECT", ""),
            interval=float(environment.get("PROBE_INTERVAL", "60")),
            timeout=float(environment.get("PROBE_TIMEOUT", "30")),
            key=environment.get("PROBE_KEY", ""),
            port=int(environment.get("PROBE_PORT", "9100")),
        )


@dataclass
class Record:
    """How attempts went so far; written by one thread and read by others."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    last: Outcome | None = None
    seconds: float = 0.0
    at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: Outcome, seconds: float) -> None:
        """Take down one attempt."""
        with self.lock:
            self.counts[outcome] += 1
            self.last, self.seconds, self.at = outcome, seconds, time.time()

    def text(self) -> str:
        """Everything in the text format of Prometheus; before the first attempt, counters alone."""
        with self.lock:
            lines = ["# HELP groundwork_probe_attempts_total Attempts by how they went.", "# TYPE groundwork_probe_attempts_total counter"]
            lines += [f'groundwork_probe_attempts_total{{outcome="{name}"}} {count}' for name, count in self.counts.items()]
            if self.last is not None:
                lines += _gauge("success", "Whether the last attempt was answered as expected.", int(self.last == "ok"))
                lines += _gauge("duration_seconds", "Seconds that the last attempt took.", round(self.seconds, 6))
                lines += _gauge("last_attempt_timestamp_seconds", "When the last attempt ended.", round(self.at, 3))
        return "\n".join(lines) + "\n"


def _gauge(name: str, told: str, value: float) -> list[str]:
    full = f"groundwork_probe_{name}"
    return [f"# HELP {full} {told}", f"# TYPE {full} gauge", f"{full} {value}"]


def ask(settings: Settings) -> Outcome:
    """One attempt."""
    headers = {"Accept": "application/json", "User-Agent": "groundwork-probe"}
    headers |= {"Content-Type": "application/json"} if settings.body else {}
    headers |= {"Authorization": f"Bearer {settings.key}"} if settings.key else {}
    request = urllib.request.Request(settings.url, data=settings.body or None, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=settings.timeout) as answer:
            text = answer.read(MOST).decode(errors="replace")
    except urllib.error.HTTPError as refused:
        refused.close()
        return "refused"
    except TimeoutError:
        return "late"
    except urllib.error.URLError as failed:
        return "late" if isinstance(failed.reason, TimeoutError) else "unreachable"
    except OSError:
        return "unreachable"
    return "ok" if settings.expect in text else "wrong"


def watch(settings: Settings, record: Record, stop: threading.Event) -> None:
    """Attempts at the interval until told to stop; one that takes longer delays the next."""
    while not stop.is_set():
        begun = time.monotonic()
        outcome = ask(settings)
        taken = time.monotonic() - begun
        record.add(outcome, taken)
        stop.wait(max(settings.interval - taken, 0))


def server(record: Record, port: int) -> ThreadingHTTPServer:
    """Answers /metrics and /healthz on a port; 0 takes any that is free."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = {"/metrics": record.text(), "/healthz": "ok\n"}.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, format: str, *values: object) -> None:
            """Say nothing of every scrape."""

    return ThreadingHTTPServer(("", port), Handler)


def main() -> None:
    """Watch until SIGTERM or SIGINT."""
    settings, record, stop = Settings.read(os.environ), Record(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    answering = server(record, settings.port)
    threading.Thread(target=answering.serve_forever, daemon=True).start()
    watch(settings, record, stop)
    answering.shutdown()


if __name__ == "__main__":
    main()
