"""The life of endpoints under the real engine and the real Argo Rollouts controller: what is good stays, and what is not is turned back.

The tests follow one another: version 1 is up, 2 takes over, and 3, which fails, does not. The engine is run in the middle of each.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.simulation import wait_until
from tests.cluster.life import BROKEN, CHAT, CODE, FAILING, GOOD, PLAIN, ROLLOUT, ROUTE, SERVICE, SILENT, Life, living, namespace

pytestmark = pytest.mark.cluster

CANARY, PREVIEW = f"{CHAT}-canary", f"{CODE}-preview"
SCALED = 3
"""Replicas that the autoscaler asks for in the middle of a canary."""


@pytest.fixture(scope="module")
def life(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    assert server, "provisioned, or the tier has given up"
    folder = tmp_path_factory.mktemp("life")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with living(folder) as made:
            yield made


def picture(life: Life) -> dict[str, Any]:
    """All that controllers own, and by what the API server and the controller tell that somebody asked for something else."""
    seen: dict[str, Any] = {}
    for endpoint in (PLAIN, CHAT, CODE):
        rollout = life.of(endpoint, ROLLOUT)
        status = rollout["status"]
        seen[endpoint] = {
            "generation": rollout["metadata"]["generation"],
            "replicas": rollout["spec"]["replicas"],
            "status": {name: status.get(name) for name in ("currentPodHash", "stableRS", "currentStepIndex", "pauseConditions", "abort")},
            "sets": {
                row["metadata"]["name"]: row["spec"]["replicas"] for row in life.api.items("apps/v1", "ReplicaSet", namespace(endpoint))
            },
        }
    seen["route"] = life.of(CHAT, ROUTE)["metadata"]["generation"], life.weights(CHAT)
    seen["services"] = {
        name: life.of(endpoint, SERVICE, name)["spec"]["selector"]
        for endpoint, names in ((CHAT, (CHAT, CANARY)), (CODE, (CODE, PREVIEW)))
        for name in names
    }
    return seen


def nothing_changes(life: Life, *, but: str = "") -> None:
    """The engine finds nothing to do, before and after it has looked at what is there, and leaves what it finds.

    `but` is what a controller is changing at that moment.
    """
    before = without(picture(life), but)
    life.engine("preview", "--expect-no-changes", "--diff")
    life.engine("refresh", "--yes")
    life.engine("up", "--yes", "--skip-preview", "--expect-no-changes", "--diff")
    assert without(picture(life), but) == before


def steady(life: Life, still: float = 40.0, limit: float = 300.0) -> None:
    """Wait until controllers have changed nothing for a while: they scale a failed version down 30 s after they aborted it."""
    started = since = time.monotonic()
    seen = picture(life)
    while time.monotonic() - since < still:
        assert time.monotonic() - started < limit, "controllers do not come to rest"
        time.sleep(1)
        now = picture(life)
        if now != seen:
            seen, since = now, time.monotonic()


def without(seen: dict[str, Any], part: str) -> dict[str, Any]:
    return {name: {key: value for key, value in of.items() if key != part} if isinstance(of, dict) else of for name, of in seen.items()}


def managers(body: dict[str, Any]) -> set[str]:
    return {row["manager"] for row in body["metadata"]["managedFields"]}


def test_up_ends_when_the_first_version_answers(life: Life) -> None:
    for endpoint in (PLAIN, CHAT, CODE):
        wait_until(lambda endpoint=endpoint: life.status(endpoint).get("phase") == "Healthy", f"{endpoint} does not come up")  # type: ignore[misc]
        assert life.ready(endpoint, 1) == 2
    assert life.serves(CODE, CODE) == life.hashes(CODE)[1]
    assert life.weights(CHAT) == {CHAT: 100, CANARY: 0}


def test_up_in_the_middle_changes_nothing(life: Life) -> None:
    """Replicas of the autoscaler, weights of the plugin, selectors of the controller: all are theirs."""
    cordon(life, on=True)
    life.up(GOOD)
    wait_until(lambda: life.status(PLAIN).get("currentStepIndex") == 1 and life.ready(PLAIN, GOOD) == 1, "no canary by replicas")
    wait_until(lambda: life.weights(CHAT) == {CHAT: 50, CANARY: 50}, "no canary by weights")
    wait_until(lambda: len(life.hashes(CODE)) == 2, "nothing comes up beside the first version")
    scale(life, PLAIN, SCALED)
    wait_until(lambda: life.ready(PLAIN, 1, GOOD) >= SCALED, "it does not grow")
    assert "gatewayAPI" in managers(life.of(CHAT, ROUTE))
    nothing_changes(life)
    assert life.of(PLAIN, ROLLOUT)["spec"]["replicas"] == SCALED
    assert life.serves(CHAT, CANARY) == life.hashes(CHAT)[GOOD] != life.serves(CHAT, CHAT)
    assert life.serves(CODE, CODE) == life.hashes(CODE)[1], "who asks is answered by the first version until the second is whole"


def test_another_change_in_the_middle_lets_the_canary_go_on(life: Life) -> None:
    """A route that is changed after a refresh keeps its weights, and the autoscaler's new bounds are none of the rollout's business."""
    before = picture(life)
    life.up(GOOD, gateway={"domain": "other.example.internal", "certificate": {"kind": "issued", "issuer": "fra1"}})
    assert life.of(CHAT, ROUTE)["spec"]["hostnames"] == ["chat.other.example.internal"]
    after = picture(life)
    assert after.pop("route")[1] == before.pop("route")[1] == {CHAT: 50, CANARY: 50}
    assert after == before


def test_a_good_version_takes_over(life: Life) -> None:
    cordon(life, on=False)
    life.keeps(CODE, 1, lambda: life.serves(CODE, CODE) == life.hashes(CODE)[GOOD], "green does not become blue", (GOOD,))
    assert life.ready(CODE, GOOD) == 2
    life.promote(CHAT)
    life.keeps(CHAT, 1, lambda: life.weights(CHAT) == {CHAT: 0, CANARY: 100}, "it is never given every request", (GOOD,))
    life.promote(CHAT)
    life.keeps(CHAT, 1, lambda: life.weights(CHAT) == {CHAT: 100, CANARY: 0}, "it does not become the stable one", (GOOD,))
    assert life.serves(CHAT, CHAT) == life.hashes(CHAT)[GOOD]
    for endpoint in (CHAT, CODE):
        wait_until(lambda endpoint=endpoint: life.status(endpoint)["phase"] == "Healthy", f"{endpoint} does not settle")  # type: ignore[misc]
        assert life.status(endpoint)["stableRS"] == life.hashes(endpoint)[GOOD]
    asked = [query for query in life.asked if "rollouts_pod_template_hash" in query]
    assert all(any(f'"{life.hashes(each)[GOOD]}"' in query for each in (PLAIN, CHAT, CODE)) for query in asked), (
        "gates look at new pods alone"
    )


def test_a_version_that_never_comes_up_is_turned_back(life: Life) -> None:
    """It replaces the second version, whose canary by replicas is still at its first step."""
    life.never_ready(PLAIN)
    life.keeps(PLAIN, 1, turned_back(life, PLAIN, BROKEN), "it stays")
    assert life.ready(PLAIN, BROKEN) == 0


def test_a_version_that_fails_is_turned_back(life: Life) -> None:
    life.up(FAILING)
    for endpoint, stable in ((PLAIN, 1), (CHAT, GOOD), (CODE, GOOD)):
        hashes = life.hashes(endpoint)
        life.keeps(endpoint, stable, turned_back(life, endpoint, FAILING), f"{endpoint} stays")
        assert life.status(endpoint)["stableRS"] == hashes[stable]
    assert life.weights(CHAT) == {CHAT: 100, CANARY: 0}
    assert life.serves(CODE, CODE) == life.hashes(CODE)[GOOD]
    steady(life)
    nothing_changes(life, but="sets")  # pods of a version that failed go half a minute later


def test_a_version_that_nobody_can_see_is_turned_back(life: Life) -> None:
    life.up(SILENT)
    for endpoint, stable in ((PLAIN, 1), (CHAT, GOOD), (CODE, GOOD)):
        life.keeps(endpoint, stable, turned_back(life, endpoint, SILENT), f"{endpoint} stays")
        assert "failed" in life.status(endpoint)["message"].lower()


def test_the_files_way_back_heals_what_was_turned_back(life: Life) -> None:
    life.up(GOOD)
    for endpoint in (CHAT, CODE):
        wait_until(lambda endpoint=endpoint: life.status(endpoint)["phase"] == "Healthy", f"{endpoint} stays degraded")  # type: ignore[misc]
    for _ in ("50%", "100%"):
        life.promote(PLAIN)
    life.keeps(PLAIN, 1, lambda: life.status(PLAIN)["phase"] == "Healthy", "it is not promoted", (GOOD,))
    assert life.status(PLAIN)["stableRS"] == life.hashes(PLAIN)[GOOD]
    assert life.of(PLAIN, ROLLOUT)["spec"]["replicas"] == SCALED, "the autoscaler's number outlives them all"


def test_the_stack_goes_and_leaves_nothing(life: Life) -> None:
    life.engine("destroy", "--yes", "--skip-preview")
    namespaces = {row["metadata"]["name"] for row in life.api.items("v1", "Namespace")}
    assert namespaces == {"default", "kube-system", "kube-public", "kube-node-lease"}
    for kind in (ROLLOUT, ROUTE, ("apps/v1", "Deployment"), ("v1", "Pod"), ("keda.sh/v1alpha1", "ScaledObject")):
        assert life.api.items(*kind) == []


def turned_back(life: Life, endpoint: str, version: int) -> Callable[[], bool]:
    """Whether the controller has given a version up."""
    return lambda: (
        bool(life.status(endpoint).get("abort")) and life.status(endpoint)["currentPodHash"] == life.hashes(endpoint).get(version)
    )


def scale(life: Life, endpoint: str, replicas: int) -> None:
    """What the autoscaler does: it writes the number through the scale subresource, under its own name."""
    life.api.patch_scale(life.of(endpoint, ROLLOUT), replicas, manager="kube-controller-manager")


def cordon(life: Life, *, on: bool) -> None:
    """Let no new pod come up for the endpoint that is exchanged all at once, or let them."""
    for node in life.api.items("v1", "Node", labelSelector="nvidia.com/gpu.product=green"):
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node["metadata"]["name"]}, "spec": {"unschedulable": on}}
        life.api.apply(body, manager="somebody", force=True)
