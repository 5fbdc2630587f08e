"""Arguments of an inference endpoint, and the rules that need nothing but these."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from components.kubernetes.serving.cache import CacheArgs
from components.kubernetes.serving.engines import Engine, VllmEngine
from components.kubernetes.serving.memory import ModelFacts
from components.kubernetes.serving.model import Model, ModelUri
from components.kubernetes.serving.objectives import ObjectivesArgs
from components.kubernetes.serving.probe import ProbeArgs
from components.kubernetes.serving.rollout import RolloutArgs, at_most
from components.kubernetes.serving.scaling import ScaleArgs, misjudged
from components.kubernetes.serving.shadow_args import ShadowArgs
from components.kubernetes.serving.traffic import TrafficArgs
from components.kubernetes.vocabulary import EnvName
from components.spec import Duration, Many, Name, Problem, Secret, Size, Spec, rule


class InferenceEndpointArgs(Spec):
    """One model behind one address, on GPUs of one pool."""

    model: ModelUri
    """The registered model, pinned to a version. Its files lie under models/<name>/<version>/ of the model bucket."""
    engine: Engine
    """What serves the model."""
    pool: Name
    """Name of the cluster's GPU pool whose nodes it runs on."""
    gpus: Annotated[int, Field(ge=1, le=16)] = 1
    """GPUs of one replica on each of its nodes; vLLM splits the model's tensors over them (tensor parallelism)."""
    nodes: Annotated[int, Field(ge=1, le=16)] = 1
    """Nodes of one replica; vLLM splits the model's layers over them (pipeline parallelism). More than 1 needs LeaderWorkerSet."""
    cpu: Annotated[int, Field(ge=1, le=256)]
    """CPU cores of one replica on each of its nodes, requested; use above it is allowed."""
    memory: Size
    """Main memory of one replica on each of its nodes, requested and the limit."""
    cache: CacheArgs | None = None
    """A volume that holds the model's files for all replicas; absent streams them from the model bucket at every start."""
    weights: Size
    """Size of the model's files. Bounds the buffer they are streamed through and is checked against the memory of the GPUs."""
    facts: ModelFacts | None = None
    """What the model's attention keeps for each token, by which the cache is checked against the memory of the GPUs; of vLLM only."""
    load_time: Duration
    """Time from container start to the first answer, at worst: loading, compiling and warming up. The startup probe waits this long.
    10s to 1h."""
    longest_request: Duration = Duration("2m")
    """Longest answer that a replica may finish before it is stopped, 1s to 1h."""
    scale: ScaleArgs
    """How many replicas run."""
    objectives: ObjectivesArgs | None = None
    """What the endpoint promises, and is watched for; of vLLM and Triton only, whose metrics are known. Absent promises nothing."""
    probe: ProbeArgs | None = None
    """A client that asks the endpoint for an answer at an interval, and the alert when it gets none."""
    rollout: RolloutArgs | None = None
    """How a new version takes over. Absent replaces one replica after the other, and nothing turns back."""
    traffic: TrafficArgs | None = None
    """How it is reached from outside the cluster, through the gateway. Absent is not at all."""
    shadow: ShadowArgs | None = None
    """Another version that gets copies of requests from the gateway."""
    clients: Many[Name] = ()
    """Namespaces whose pods may call the endpoint; none may when empty, but for monitoring."""
    secrets: dict[EnvName, Secret] = Field(default_factory=dict)
    """Secret environment variables of the container, such as an API key that callers must show."""

    @property
    def replicas_at_most(self) -> int:
        """Most replicas, of two versions together while one takes over."""
        return at_most(self.rollout, self.scale.max, weighed=self.traffic is not None)

    @property
    def gpus_at_most(self) -> int:
        """Most GPUs, those of its shadow and of the room that is held ready too."""
        return self.gpus * self.nodes * (self.replicas_at_most + self.scale.warm + (self.shadow.replicas if self.shadow else 0))

    @rule("load_time", "longest_request")
    def _bounded_times(self) -> list[Problem]:
        bounds = {"load_time": (10, 3_600, "10s to 1h"), "longest_request": (1, 3_600, "1s to 1h")}
        return [
            Problem((field,), f"{getattr(self, field)} is outside {words}")
            for field, (low, high, words) in bounds.items()
            if not low <= getattr(self, field).seconds <= high
        ]

    @rule("engine", "gpus")
    def _splits(self) -> list[Problem]:
        if self.engine.kind != "vllm" or self.gpus & (self.gpus - 1) == 0:
            return []
        return [Problem(("gpus",), f"{self.gpus} GPUs do not divide a model's attention heads evenly under vLLM: use 1, 2, 4, 8 or 16")]

    @rule("engine", "objectives")
    def _measured(self) -> Iterator[Problem]:
        kind = self.engine.kind
        if self.objectives and not self.engine.counts.every:
            text = f"cannot be measured on a {kind}, whose metrics are not known: use vllm or triton, or remove them"
            yield Problem(("objectives",), text)
        elif self.objectives and self.objectives.ttft_p95 and not self.engine.counts.first_token:
            yield Problem(("objectives", "ttft_p95"), f"is not counted by {kind}: remove it, or use vllm")

    @rule("cache", "weights")
    def _cached_twice(self) -> Iterator[Problem]:
        if self.cache and self.cache.size.value < 2 * self.weights.value:
            text = f"{self.cache.size} does not hold two versions of {self.weights}, old and new: give {2 * self.weights.gib}GiB or more"
            yield Problem(("cache", "size"), text)

    @rule("probe", "secrets")
    def _probe_has_its_key(self) -> Iterator[Problem]:
        if self.probe and self.probe.key and self.probe.key not in self.secrets:
            told = f"secrets are {', '.join(sorted(self.secrets))}" if self.secrets else "the endpoint has none"
            yield Problem(
                ("probe", "key"), f"names no secret variable of the endpoint, {self.probe.key}: {told}; add it to secrets, or remove it"
            )

    @rule("engine", "nodes")
    def _groups(self) -> Iterator[Problem]:
        if self.nodes > 1 and self.engine.kind != "vllm":
            yield Problem(("nodes",), f"is {self.nodes}, and a {self.engine.kind} runs on one node: set 1, or use vllm")

    @rule("engine", "scale")
    def _scaled_by_what_is_counted(self) -> Iterator[Problem]:
        yield from misjudged(self.scale, self.engine)

    @rule("engine", "facts")
    def _judged_of_vllm(self) -> Iterator[Problem]:
        if self.facts is None:
            return
        if not isinstance(self.engine, VllmEngine):
            yield Problem(("facts",), f"are of vLLM, and what a {self.engine.kind} keeps is not known: remove them, or use vllm")
        elif (self.facts.tokens_per_request or 0) > self.engine.context_length:
            text = f"is more than a request can have, {self.engine.context_length} tokens (context_length): lower it, or remove it"
            yield Problem(("facts", "tokens_per_request"), text)

    @rule("memory")
    def _holds_the_engine(self) -> list[Problem]:
        if self.memory.value >= 2 * 2**30:
            return []
        return [Problem(("memory",), f"{self.memory} is too little for a serving process: give 2GiB or more")]

    @rule("nodes", "rollout", "shadow")
    def _groups_take_turns(self) -> Iterator[Problem]:
        for field in ("rollout", "shadow") if self.nodes > 1 else ():
            if getattr(self, field):
                yield Problem((field,), f"is for replicas of one pod, and these take {self.nodes} nodes each: remove it, or set nodes: 1")

    @rule("objectives", "rollout")
    def _gated(self) -> Iterator[Problem]:
        if self.rollout and (self.objectives is None or self.objectives.ttft_p95 is None):
            missing = "objectives" if self.objectives is None else "objectives.ttft_p95"
            yield Problem(("rollout",), f"has no gates for errors and for latency, which are the endpoint's own promises: add {missing}")

    @rule("rollout", "traffic")
    def _weighed(self) -> Iterator[Problem]:
        canary = self.rollout.canary if self.rollout else None
        if canary and self.traffic and canary.surge:
            text = f"is {canary.surge}, and the gateway shares out requests, not replicas: remove it, and say old"
            yield Problem(("rollout", "canary", "surge"), text)
        if canary and not self.traffic and canary.old != "kept":
            text = "is for requests that a gateway shares out; without traffic, replicas are exchanged: remove it, and say surge"
            yield Problem(("rollout", "canary", "old"), text)

    @rule("longest_request", "traffic")
    def _budget_ends(self) -> Iterator[Problem]:
        budget = self.traffic.budget if self.traffic else None
        if budget and budget > self.longest_request:
            text = f"{budget} is more than longest_request {self.longest_request}, after which a replica that stops cuts answers off"
            yield Problem(("traffic", "budget"), f"{text}: lower it, or raise longest_request")

    @rule("model", "traffic", "shadow")
    def _shadow_follows(self) -> Iterator[Problem]:
        if self.shadow and self.traffic is None:
            yield Problem(("shadow",), "gets copies of what comes through the gateway, and nothing does: add traffic, or remove it")
        if self.shadow and Model.parse(self.shadow.model).name != Model.parse(self.model).name:
            name = Model.parse(self.model).name
            yield Problem(("shadow", "model"), f"is another model than {name}, which requests name: give another version of models:/{name}")
