"""What serves a model inside the pod: vLLM, or any container. Data and pure functions only."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.kubernetes.serving.memory import CacheType
from components.kubernetes.vocabulary import Port
from components.spec import ImageReference, Many, Percent, Problem, Spec, rule

Path = Annotated[str, StringConstraints(max_length=200, pattern=r"^/[A-Za-z0-9/_\-.]*$")]
Argument = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
VLLM_PORT = 8000
"""TCP port of vLLM's server, its default."""
MetricName = Annotated[str, StringConstraints(max_length=200, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]


class VllmEngine(Spec):
    """vLLM with its OpenAI-compatible server; weights are streamed from the object store to the GPUs.

    The image needs the Run:ai streamer (`vllm[runai]`), see https://docs.vllm.ai/en/stable/models/extensions/runai_model_streamer/.
    """

    kind: Literal["vllm"] = "vllm"
    """Which engine this is."""
    image: ImageReference
    """vLLM's container image, pinned by digest."""
    context_length: Annotated[int, Field(ge=256, le=10_000_000)]
    """Longest prompt plus answer, in tokens (--max-model-len). The key-value cache is sized from it."""
    concurrency: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Requests that one replica serves at once (--max-num-seqs); more wait. Absent leaves it to vLLM."""
    kv_cache: CacheType = "auto"
    """How keys and values are kept (--kv-cache-dtype): auto as the model computes them, fp8 in half of that."""
    gpu_memory: Percent = Percent("90%")
    """Share of each GPU's memory that vLLM may take (--gpu-memory-utilization): 10% to 98%."""

    @property
    def port(self) -> int:
        """TCP port of requests, health and metrics."""
        return VLLM_PORT

    @property
    def health(self) -> str:
        """Path that answers 200 once the model is loaded."""
        return "/health"

    @property
    def queue_metric(self) -> str:
        """Gauge of the requests that wait in one pod."""
        return "vllm:num_requests_waiting"

    @property
    def running_metric(self) -> str:
        """Gauge of the requests that one pod is serving."""
        return "vllm:num_requests_running"

    @property
    def cache_metric(self) -> str:
        """Gauge of the share of one pod's key-value cache that is in use, 0 to 1."""
        return "vllm:kv_cache_usage_perc"

    @property
    def memory_share(self) -> int:
        """Share of GPU memory for weights and cache, in basis points."""
        return self.gpu_memory.value

    @rule("gpu_memory")
    def _leaves_memory(self) -> list[Problem]:
        if 1_000 <= self.gpu_memory.value <= 9_800:
            return []
        return [Problem(("gpu_memory",), f"{self.gpu_memory} is outside 10% to 98%: CUDA itself needs the rest; 90% is usual")]


class ContainerEngine(Spec):
    """Any container that answers HTTP. It is told of its model by MODEL_URI, MODEL_BYTES and GPU_COUNT in its environment."""

    kind: Literal["container"]
    """Which engine this is."""
    image: ImageReference
    """The container image, pinned by digest."""
    arguments: Many[Argument] = ()
    """Arguments of the image's entry point."""
    port: Port = 8080
    """TCP port of the HTTP server, for requests, health and metrics."""
    health: Path = "/health"
    """Path that answers 200 once the model can serve."""
    queue_metric: MetricName
    """Prometheus gauge at /metrics that counts requests waiting in this pod."""

    @property
    def running_metric(self) -> str:
        """None is known."""
        return ""

    @property
    def cache_metric(self) -> str:
        """None is known."""
        return ""

    @property
    def memory_share(self) -> int:
        """Share of GPU memory for weights and cache, in basis points: what a container does with it is its own business."""
        return 10_000


Engine = Annotated[VllmEngine | ContainerEngine, Field(discriminator="kind")]
