"""Request metrics of an engine, as PromQL: all requests, those that failed, and how long the first token took."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """Counters of one engine; a counter is its name and what else narrows it."""

    every: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str], ...]
    first_token: str = ""
    """Histogram of the seconds to the first token; "" where none is kept."""

    def all_requests(self, here: str) -> str:
        """The rate of all requests, with {window}; `here` narrows it to an endpoint."""
        return _rates(self.every, here)

    def failures(self, here: str) -> str:
        """The rate of those that failed, 0 where none was ever counted."""
        return f"({_rates(self.failed, here)} or vector(0))"


def _rates(counters: tuple[tuple[str, str], ...], here: str) -> str:
    parts = [f"sum(rate({name}{{{','.join(filter(None, (here, also)))}}}[{{window}}]))" for name, also in counters]
    return parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"


VLLM = Counted(
    every=(("http_requests_total", ""),),
    failed=(("http_requests_total", 'status="5xx"'),),
    first_token="vllm:time_to_first_token_seconds",
)
TRITON = Counted(
    every=(("nv_inference_request_success", ""), ("nv_inference_request_failure", "")),
    failed=(("nv_inference_request_failure", ""),),
)
NOTHING = Counted(every=(), failed=())
