"""Cold starts: the sum, what each lever takes off it, and where its figures come from."""

from typing import Any

import pytest

from components.kubernetes.serving.coldstart import ColdStartArgs, Parts, figures, parts
from components.spec import Duration, Size
from graph.types.tables import rows
from infra.between import Node
from infra.endpoint_fit import misfits, notes

PROMISE = ColdStartArgs(within=Duration("10m"), image_size=Size("8GiB"))


def test_parts_follow_one_another() -> None:
    assert parts(PROMISE, Duration("3m"), warm=False) == Parts(124, 358, 180)
    assert str(parts(PROMISE, Duration("3m"), warm=False)) == "662s: 124s for a node, 358s to fetch the image, 180s to load"
    assert parts(PROMISE, Duration("3m"), warm=True).total == 538


def test_the_figure_for_a_node_is_the_one_that_was_measured() -> None:
    assert figures()["node"]["seconds"] == rows("latency")["aws:eks/nodeGroup:NodeGroup"]["create"]["p50_s"]
    assert all(figures()[part]["source"] for part in ("node", "pull"))


def told(make: Any, least: int, **changes: Any) -> list[tuple[tuple[str, ...], str]]:
    scale = {"min": 1, "max": 4, "cold_start": {"within": "10m", "image_size": "8GiB"}}
    return list(misfits(make(**{"gpus": 1, "load_time": "3m", "scale": scale, **changes}), Node(4, 45 * 2**30, 6, least=least)))


def test_each_lever_that_is_named_helps(endpoint_args: Any) -> None:
    ((path, text),) = told(endpoint_args, 0)
    assert path == ("scale", "cold_start", "within")
    assert "662s" in text
    assert "keep nodes of pool l40s there (its min)" in text
    assert told(endpoint_args, 1) == [], "four replicas of one GPU fit one node of four that is always there"
    assert told(endpoint_args, 0, scale={"min": 1, "max": 4, "cold_start": {"within": "10m", "image_size": "6GiB"}}) == []
    assert told(endpoint_args, 0, load_time="1m") == []
    assert told(endpoint_args, 0, scale={"min": 1, "max": 4, "cold_start": {"within": "12m", "image_size": "8GiB"}}) == []


def test_the_review_says_how_long_it_takes(endpoint_args: Any) -> None:
    scale = {"min": 1, "max": 4, "cold_start": {"within": "20m", "image_size": "8GiB"}}
    texts = [note.text for note in notes({"chat": endpoint_args(scale=scale)}, {"l40s": Node(4, 45 * 2**30, 6)})]
    assert any(text.startswith("a replica that is added answers after") for text in texts)


@pytest.mark.parametrize("within", ["0s", "3h"])
def test_a_promise_has_bounds(within: str) -> None:
    with pytest.raises(ValueError, match="1s to 2h"):
        ColdStartArgs(within=Duration(within), image_size=Size("8GiB"))
