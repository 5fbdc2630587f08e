"""Cold starts: the sum, what each lever takes off it, which are named with which sum, and where the figures come from."""

import re
from dataclasses import replace
from typing import Any

import pytest

from components.kubernetes.serving.coldstart import ColdStartArgs, Parts, Start, figures, speed
from components.onprem.cluster import ExistingPoolArgs
from components.spec import Duration, Size
from graph.types.tables import rows
from infra.rules.between import Node
from infra.rules.cold_starts import late, notes, start

NODE = Node(4, 45 * 2**30, 6, keeps=6, fetches=24_000_000, faster=60_000_000)
"""One of a pool of up to six nodes of four GPUs, none of which is kept."""
SUM = re.compile(r"([a-z_.]+: [^,;(]+?) \((\d+)s\)")


def promise(within: str, size: str = "8GiB", **scale: Any) -> dict[str, Any]:
    return {"scale": {"min": 1, "max": 4, "cold_start": {"within": within, "image_size": size}, **scale}, "gpus": 1, "load_time": "3m"}


def told(make: Any, within: str = "10m", node: Node = NODE, beside: int = 0, **changes: Any) -> str:
    """What is said against the promise; "" where it is kept."""
    found = [text for path, text in late(make(**{**promise(within), **changes}), node, beside) if path == ("scale", "cold_start", "within")]
    return "".join(found)


def test_parts_follow_one_another() -> None:
    cold = Start(image=8 * 2**30, load=180, speed=24_000_000, kept=False, added=3)
    assert cold.parts == Parts(124, 358, 180)
    assert str(cold.parts) == "662s: 124s for a node, 358s to fetch the image, 180s to load"
    assert replace(cold, kept=True).parts.total == 538
    assert str(Parts(0, 0, 180)) == "180s: 180s to load"


def test_the_figure_for_a_node_is_the_one_that_was_measured() -> None:
    assert figures()["node"]["seconds"] == rows("latency")["aws:eks/nodeGroup:NodeGroup"]["create"]["p50_s"]
    assert all(figures()[part]["source"] for part in ("node", "pull", "parallel"))


def test_images_come_as_many_times_faster_as_was_measured() -> None:
    assert speed("serial") == figures()["pull"]["bytes_per_second"]
    assert 2.4 < speed("bottlerocket") / speed("serial") < 2.6
    assert 1.8 < speed("al2023") / speed("serial") < 1.9


def test_each_lever_is_named_with_the_sum_that_it_leads_to(endpoint_args: Any) -> None:
    text = told(endpoint_args)
    assert "10m is less than it takes, 662s: 124s for a node" in text
    enough, _, rest = text.partition("any of ")[2].partition("; ")
    assert dict(SUM.findall(enough)) == {
        "min: 1 of pool l40s": "538",
        "scale.warm: 2": "542",
        "image_pull: parallel of pool l40s": "448",
    }
    assert "scale.min: 4 (none is added)" in enough
    assert "load_time: 118s, once measured so with the weights in a cache" in enough
    assert "image_size: 6774MiB" in enough
    assert rest == "or promise 662s or more"


LEVERS: dict[str, tuple[Node, dict[str, Any]]] = {
    "min": (replace(NODE, least=1), {}),
    "image_pull": (replace(NODE, fetches=60_000_000), {}),
    "load_time": (NODE, {"load_time": "118s"}),
    "image_size": (NODE, promise("10m", "6774MiB")),
    "scale.min": (NODE, promise("10m", min=4)),
    "scale.warm": (NODE, promise("10m", warm=2)),
    "within": (NODE, promise("662s")),
}


@pytest.mark.parametrize("lever", LEVERS)
def test_each_lever_that_is_said_to_be_enough_is(endpoint_args: Any, lever: str) -> None:
    node, changes = LEVERS[lever]
    assert told(endpoint_args)
    assert told(endpoint_args, node=node, **changes) == ""


def test_what_is_not_enough_alone_is_told_apart(endpoint_args: Any) -> None:
    full = 20
    text = told(endpoint_args, "400s", beside=full)
    enough, _, rest = text.partition("any of ")[2].partition("; ")
    assert not SUM.findall(enough)
    assert rest.startswith("not by min: 6 of pool l40s (538s) or image_pull: parallel of pool l40s (448s) alone, together 324s;")
    both = replace(NODE, least=6, fetches=60_000_000)
    assert told(endpoint_args, "324s", both, full) == ""
    assert told(endpoint_args, "323s", both, full)
    assert "together 324s, which is too long as well" in told(endpoint_args, "300s", beside=full)
    assert "load_time" not in told(endpoint_args, "300s"), "no load time makes up for node and image"


@pytest.mark.parametrize(
    ("warm", "added", "parts"),
    [
        (0, 5, Parts(124, 358, 180)),
        (1, 5, Parts(64, 358, 180)),
        (3, 5, Parts(0, 358, 180)),
        (8, 20, Parts(0, 358, 180)),
        (9, 20, Parts(0, 0, 180)),
        (1, 1, Parts(0, 0, 180)),
    ],
)
def test_room_that_is_held_is_reckoned_with_for_the_slowest_of_a_row(warm: int, added: int, parts: Parts) -> None:
    """One a minute is added: 8 minutes are not enough for 124 and 358 seconds, 9 are; and the last that can be added needs no next."""
    assert Start(image=8 * 2**30, load=180, speed=24_000_000, kept=False, added=added, warm=warm).parts == parts


def test_room_is_named_as_a_lever_only_where_there_is_place(endpoint_args: Any) -> None:
    assert "scale.warm: 3 (180s)" in told(endpoint_args, "200s")
    assert "not by min: 6 of pool l40s (538s) or scale.warm: 2 (542s) or" in told(endpoint_args, "200s", beside=18)
    assert "scale.warm" not in told(endpoint_args, beside=20)
    asleep = {"min": 0, "wake": {"query": "sum(jobs)", "threshold": 1}}
    assert "scale.warm" not in told(endpoint_args, **promise("10m", **asleep))
    given = Node(4, 45 * 2**30, 6, least=6)
    assert "scale.warm: 3 (180s)" in told(endpoint_args, "200s", given), "nodes that are always there may still lack the image"
    assert told(endpoint_args, "200s", given, **promise("200s", warm=3)) == ""


def test_only_what_this_pool_has_is_named(endpoint_args: Any) -> None:
    given = Node(4, 45 * 2**30, 6, least=6)
    text = told(endpoint_args, "5m", given)
    assert "538s: 358s to fetch" in text
    assert not re.search(r"min: \d of pool|image_pull", text)
    assert "image_pull" not in told(endpoint_args, node=replace(NODE, fetches=30_000_000, faster=None))
    assert "of pool" not in told(endpoint_args, node=replace(NODE, keeps=0, faster=None)), "Karpenter keeps no nodes"
    cache = {"storage_class": "shared", "size": "40GiB", "image": "registry.example.com/cli@sha256:" + "1" * 64}
    assert "in a cache" not in told(endpoint_args, cache=cache)


def test_nodes_that_others_may_take_are_not_counted_twice(endpoint_args: Any) -> None:
    kept = replace(NODE, least=1)
    assert told(endpoint_args, node=kept) == ""
    assert "min: 2 of pool l40s (538s)" in told(endpoint_args, node=kept, beside=1)
    team = [text for _, text in late(endpoint_args(**promise("10m")), kept, promised=4)]
    assert "min: 2 of pool l40s (538s)" in team[0], "a team may have what is kept"
    given = Node(4, 45 * 2**30, 6, least=6)
    assert start(endpoint_args(**promise("10m")), given, beside=10, promised=24) == start(endpoint_args(**promise("10m")), given)


def test_the_review_says_how_long_it_takes(endpoint_args: Any) -> None:
    def said(node: Node, **changes: Any) -> str:
        (subject, text), *_ = [(note.subject, note.text) for note in notes({"chat": endpoint_args(**changes)}, {"l40s": node}, {})]
        assert subject == "endpoint chat"
        return text

    assert said(NODE, **promise("20m")) == "a replica that is added answers after " + str(Parts(124, 358, 180))
    warm = said(NODE, **promise("20m", warm=1))
    assert warm.endswith("602s: 64s for a node, 358s to fetch the image, 180s to load, the first after 180s; room for 1 is held ready")
    quick = said(replace(NODE, least=6, fetches=60_000_000), **promise("20m"))
    assert quick.endswith("180s to load; nodes for all replicas are kept, images are fetched fast")
    assert "no replica is ever added" in said(NODE, **promise("20m", min=4))


@pytest.mark.parametrize(
    ("node", "price"),
    [
        (replace(NODE, hourly=2.5, priced="us-east-1"), ", for 2,738 USD a month on demand at the list price of us-east-1"),
        (NODE, ", at a price that is not known here"),
        (Node(4, 45 * 2**30, 6, least=6), ""),
    ],
)
def test_the_review_says_what_held_room_costs(endpoint_args: Any, node: Node, price: str) -> None:
    args = endpoint_args(gpus=2, scale={"min": 1, "max": 4, "warm": 3})
    assert [note.text for note in notes({"chat": args}, {"l40s": node}, {})] == [
        f"room held ready takes 6 GPUs of pool l40s all the time{price}"
    ]


def test_where_nothing_is_promised_nothing_is_said(endpoint_args: Any) -> None:
    assert start(endpoint_args(), NODE) is None
    assert list(notes({"chat": endpoint_args()}, {"l40s": NODE}, {})) == []


def test_a_speed_that_was_measured_is_one() -> None:
    pool = {"labels": {"a": "b"}, "gpus_per_node": 4, "gpu_memory": "48GiB", "nodes": 3}
    with pytest.raises(ValueError, match="more than nothing"):
        ExistingPoolArgs.model_validate({**pool, "pull_speed": "0MiB"})
    assert ExistingPoolArgs.model_validate({**pool, "pull_speed": "120MiB"}).pull_speed == Size("120MiB")


@pytest.mark.parametrize("within", ["0s", "3h"])
def test_a_promise_has_bounds(within: str) -> None:
    with pytest.raises(ValueError, match="1s to 2h"):
        ColdStartArgs(within=Duration(within), image_size=Size("8GiB"))
