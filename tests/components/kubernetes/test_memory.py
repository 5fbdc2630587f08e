"""Memory of a GPU: the arithmetic, held to figures that others publish, and what it is compared with."""

from typing import Any

import pytest

from components.kubernetes.serving.memory import ModelFacts, Share
from components.spec import Size
from infra.rules.between import Node
from infra.rules.endpoint_fit import misfits, notes, share_of

LLAMA_8B = {"layers": 32, "kv_heads": 8, "head_dim": 128}
LLAMA_70B = {"layers": 80, "kv_heads": 8, "head_dim": 128}
L40S = Node(gpus=4, gpu_memory=45 * 2**30, nodes=6)


@pytest.mark.parametrize(
    ("facts", "cache", "gpus", "nodes", "kib"),
    [
        (LLAMA_8B, "auto", 1, 1, 128),
        (LLAMA_8B, "fp8", 1, 1, 64),
        (LLAMA_70B, "auto", 1, 1, 320),
        (LLAMA_70B, "auto", 8, 1, 40),
        (LLAMA_70B, "auto", 16, 1, 40),
        (LLAMA_70B, "auto", 8, 2, 20),
        ({**LLAMA_70B, "layers": 61}, "auto", 8, 2, 15.5),
        ({"kv_per_token": "0.25MiB"}, "auto", 2, 2, 64),
    ],
)
def test_a_token_takes_what_its_layers_and_heads_keep(facts: dict[str, Any], cache: Any, gpus: int, nodes: int, kib: float) -> None:
    """320KiB of Llama 3 70B and 128KiB of 8B are the figures commonly published; a GPU holds one head of each of its layers at least."""
    assert ModelFacts.model_validate(facts).per_token(cache, gpus, nodes) == kib * 1024


def test_half_told_facts_tell_nothing() -> None:
    assert ModelFacts.model_construct(layers=32, kv_heads=None, head_dim=None, kv_per_token=None).per_token("auto", 1, 1) is None


def test_no_cache_at_all_is_no_division_by_nothing() -> None:
    assert ModelFacts(kv_per_token=Size("0MiB")).per_token("auto", 1, 1) == 1


def test_the_most_that_fits_fits_and_one_more_does_not() -> None:
    share = Share(taken=40 * 2**30, weights=16 * 2**30, per_token=128 * 1024)
    most = share.requests(8192)
    assert most == 24
    assert share.holds(most * 8192)
    assert not share.holds((most + 1) * 8192)
    assert Share(10, 20, 1).requests(1) == 0


def endpoint(make: Any, **changes: Any) -> Any:
    engine = {**make().engine.model_dump(mode="json", exclude_unset=True), **changes.pop("engine", {})}
    return make(**{"facts": LLAMA_8B, "gpus": 1, "engine": engine, **changes})


def test_a_cache_that_fits_is_no_misfit(endpoint_args: Any) -> None:
    fits = endpoint(endpoint_args, engine={"concurrency": 6, "context_length": 32768})
    assert list(misfits(fits, L40S)) == []
    (told,) = misfits(endpoint(endpoint_args, engine={"concurrency": 7, "context_length": 32768}), L40S)
    assert told[0] == ("engine", "concurrency")
    assert "set 6 or less" in told[1]


@pytest.mark.parametrize("lever", [{"engine": {"kv_cache": "fp8", "concurrency": 7}}, {"gpus": 2, "engine": {"concurrency": 7}}])
def test_the_levers_that_are_named_help(endpoint_args: Any, lever: dict[str, Any]) -> None:
    assert list(misfits(endpoint(endpoint_args, **lever), L40S)) == []


def test_without_facts_the_weights_alone_are_judged_and_the_review_says_so(endpoint_args: Any) -> None:
    blind = endpoint(endpoint_args, facts=None, engine={"concurrency": 100_000})
    assert share_of(blind, L40S) is None
    assert list(misfits(blind, L40S)) == []
    (note,) = notes({"chat": blind}, {"l40s": L40S})
    assert "by the weights alone" in note.text


def test_the_review_says_how_many_whole_contexts_fit(endpoint_args: Any) -> None:
    (note,) = notes({"chat": endpoint(endpoint_args)}, {"l40s": L40S})
    assert note.text.startswith("6 requests of the whole context fit at once: a GPU has 16GiB of weights and 6 x 32768 tokens x 128KiB")
    assert list(notes({"chat": endpoint(endpoint_args)}, {"l40s": None})) == []
