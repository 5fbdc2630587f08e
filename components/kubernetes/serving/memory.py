"""Memory of a GPU that a model and its key-value cache need, told before anything runs. Data and pure functions only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from components.spec import Problem, Size, Spec, rule

CacheType = Literal["auto", "fp8"]
"""How vLLM keeps keys and values: as the model computes them, or in one byte each."""
BYTES: dict[CacheType, int] = {"auto": 2, "fp8": 1}
"""Bytes of one key or value; `auto` is the model's own type, of 16 bits in all models that are served here."""


class ModelFacts(Spec):
    """What a model's own config.json says of its attention; from it follows the memory that each token in flight takes.

    State the three numbers, or `kv_per_token` where a model keeps something else, as one with latent attention does.
    """

    layers: Annotated[int, Field(ge=1, le=1_000)] | None = None
    """Layers with attention (num_hidden_layers)."""
    kv_heads: Annotated[int, Field(ge=1, le=1_000)] | None = None
    """Heads that keep keys and values in each layer (num_key_value_heads)."""
    head_dim: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Length of one head's key or value (head_dim, else hidden_size / num_attention_heads)."""
    kv_per_token: Size | None = None
    """Memory that one token takes in the cache, over all layers, such as 0.125MiB. Instead of the three."""
    tokens_per_request: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Tokens, prompt and answer together, that a request holds on average while `concurrency` are served; absent is the whole context."""

    @rule("layers", "kv_heads", "head_dim", "kv_per_token")
    def _one_way(self) -> Iterator[Problem]:
        heads = (self.layers, self.kv_heads, self.head_dim)
        if self.kv_per_token is None and None in heads:
            yield Problem((), "do not tell what a token takes: state layers, kv_heads and head_dim, or kv_per_token")
        elif self.kv_per_token is not None and heads != (None, None, None):
            yield Problem(("kv_per_token",), "is told twice: remove it, or layers, kv_heads and head_dim")

    def per_token(self, cache: CacheType, gpus: int, nodes: int) -> int | None:
        """Bytes that one token takes on each GPU, where a model is split over the `gpus` of each of `nodes`; None where that is not told.

        GPUs of a node share a layer's heads, but each holds one at least; nodes share the layers.
        """
        if self.kv_per_token is not None:
            return max(-(-self.kv_per_token.value // (gpus * nodes)), 1)
        if self.layers is None or self.kv_heads is None or self.head_dim is None:
            return None
        heads = -(-self.kv_heads // gpus)
        return 2 * -(-self.layers // nodes) * heads * self.head_dim * BYTES[cache]


@dataclass(frozen=True, slots=True)
class Share:
    """Memory of one GPU, in bytes: what an engine takes of it, the model's part there, and what a token adds."""

    taken: int
    weights: int
    per_token: int

    def holds(self, tokens: int) -> bool:
        """Whether so many tokens find room beside the weights."""
        return self.weights + tokens * self.per_token <= self.taken

    def requests(self, tokens: int) -> int:
        """How many requests of so many tokens find room at once."""
        return max(self.taken - self.weights, 0) // (tokens * self.per_token)

    def sum(self, requests: int, tokens: int) -> str:
        """The arithmetic, in words."""
        cache = requests * tokens * self.per_token
        parts = (
            f"{_gib(self.weights)} of weights and {requests} x {tokens} tokens x {self.per_token / 1024:.4g}KiB = {_gib(cache)} of cache"
        )
        return f"{parts}, {_gib(self.weights + cache)} together, of the {_gib(self.taken)} that the engine takes"


def _gib(size: int) -> str:
    return f"{size / 2**30:.4g}GiB"
