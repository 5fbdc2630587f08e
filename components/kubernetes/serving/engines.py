"""Serving engines inside the pod: vLLM, Triton, or any container. Data and pure functions only."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from components.kubernetes.serving import counted
from components.kubernetes.serving.counted import Counted
from components.kubernetes.serving.memory import CacheType
from components.kubernetes.vocabulary import Port
from components.spec import ImageReference, Many, Percent, Problem, Spec, rule

Path = Annotated[str, StringConstraints(max_length=200, pattern=r"^/[A-Za-z0-9/_\-.]*$")]
Argument = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
MetricName = Annotated[str, StringConstraints(max_length=200, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]


class VllmEngine(Spec):
    """vLLM with its OpenAI-compatible server; weights are streamed from the object store to the GPUs.

    The image needs the Run:ai streamer (`vllm[runai]`), see https://docs.vllm.ai/en/stable/models/extensions/runai_model_streamer/.
    """

    port: ClassVar[int] = 8000
    alive: ClassVar[str] = "/health"
    health: ClassVar[str] = "/health"
    queue_metric: ClassVar[str] = "vllm:num_requests_waiting"
    running_metric: ClassVar[str] = "vllm:num_requests_running"
    cache_metric: ClassVar[str] = "vllm:kv_cache_usage_perc"
    counts: ClassVar[Counted] = counted.VLLM
    other_ports: ClassVar[dict[str, int]] = {}

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
    def memory_share(self) -> int:
        """Share of GPU memory for weights and cache, in basis points."""
        return self.gpu_memory.value

    @rule("gpu_memory")
    def _leaves_memory(self) -> list[Problem]:
        if 1_000 <= self.gpu_memory.value <= 9_800:
            return []
        return [Problem(("gpu_memory",), f"{self.gpu_memory} is outside 10% to 98%: CUDA itself needs the rest; 90% is usual")]


class TritonEngine(Spec):
    """Triton, with the model's files as its model repository: a folder for each model, and one in it for each of its versions.

    It answers HTTP on port 80 of the endpoint and gRPC on port 8001. Source: Triton user guide, model repository and metrics.
    """

    port: ClassVar[int] = 8000
    alive: ClassVar[str] = "/v2/health/live"
    health: ClassVar[str] = "/v2/health/ready"
    queue_metric: ClassVar[str] = "nv_inference_pending_request_count"
    running_metric: ClassVar[str] = ""
    cache_metric: ClassVar[str] = ""
    counts: ClassVar[Counted] = counted.TRITON
    other_ports: ClassVar[dict[str, int]] = {"grpc": 8001, "metrics": 8002}
    memory_share: ClassVar[int] = 10_000

    kind: Literal["triton"]
    """Which engine this is."""
    image: ImageReference
    """Triton's container image, pinned by digest."""
    arguments: Many[Argument] = ()
    """Further arguments of tritonserver, such as --metrics-config=…"""


class ContainerEngine(Spec):
    """Any container that answers HTTP. It is told of its model by MODEL_URI, MODEL_BYTES and GPU_COUNT in its environment."""

    running_metric: ClassVar[str] = ""
    cache_metric: ClassVar[str] = ""
    counts: ClassVar[Counted] = counted.NOTHING
    other_ports: ClassVar[dict[str, int]] = {}
    memory_share: ClassVar[int] = 10_000

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
    def alive(self) -> str:
        """Path that answers 200 while the server is well: the one that says that it can serve."""
        return self.health


Engine = Annotated[VllmEngine | TritonEngine | ContainerEngine, Field(discriminator="kind")]
