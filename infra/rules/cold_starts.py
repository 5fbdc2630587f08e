"""Rules of cold starts: whether endpoints keep their promise, and what would help where they do not. Pure functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from components.kubernetes.serving.coldstart import Parts, Start, speed
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.spec import Problem
from infra.notes import Note
from infra.rules.between import Node

PROMISE = ("scale", "cold_start", "within")
HOURS = 730
"""Hours of a month."""
LEAST_LOAD = 10
"""Seconds: the least `load_time` that an endpoint may state."""


@dataclass(frozen=True, slots=True)
class Lever:
    """One change of the stack file that makes cold starts shorter, and the parts with it."""

    change: str
    start: Start

    @property
    def parts(self) -> Parts:
        """The parts with this change alone."""
        return self.start.parts

    def __str__(self) -> str:
        return f"{self.change} ({self.parts.total}s)"


def start(endpoint: InferenceEndpointArgs, node: Node, beside: int = 0, promised: int = 0) -> Start | None:
    """What the cold start of an endpoint depends on; None where nothing is promised of it.

    `beside` counts the most GPUs of the pool that other endpoints have, `promised` those that teams may have: nodes that are kept may be
    theirs.
    """
    scale = endpoint.scale
    if scale.cold_start is None:
        return None
    return Start(
        image=scale.cold_start.image_size.value,
        load=endpoint.load_time.seconds,
        speed=node.fetches or speed("serial"),
        kept=node.least >= node.nodes or _most(endpoint) + beside + promised <= node.gpus * node.least,
        added=scale.max - scale.min,
        warm=scale.warm,
    )


def _most(endpoint: InferenceEndpointArgs) -> int:
    """GPUs of all replicas that the autoscaler may ask for."""
    return endpoint.gpus * endpoint.nodes * endpoint.scale.max


def late(endpoint: InferenceEndpointArgs, node: Node, beside: int = 0, promised: int = 0) -> Iterator[tuple[tuple[str, ...], str]]:
    """Why a new replica answers too late, and what would help, each with the sum that it leads to."""
    said, begun = endpoint.scale.cold_start, start(endpoint, node, beside, promised)
    if said is None or begun is None or begun.added == 0 or begun.parts.total <= (within := said.within.seconds):
        return
    found = list(levers(endpoint, node, begun, beside, promised))
    enough = [str(lever) for lever in found if lever.parts.total <= within]
    enough += [*numbers(endpoint, begun, within), f"scale.min: {endpoint.scale.max} (none is added)"]
    short = [lever for lever in found if lever.parts.total > within]
    text = f"{said.within} is less than it takes, {begun.parts}; it is kept by any of {', '.join(enough)}"
    if short:
        text += f"; not by {' or '.join(map(str, short))} alone" + _together(short, begun, within)
    yield PROMISE, f"{text}; or promise {begun.parts.total}s or more"


def _together(short: list[Lever], begun: Start, within: int) -> str:
    """What comes of all levers that do not suffice alone; nothing where there is one."""
    if len(short) < 2:
        return ""
    every = {name: getattr(lever.start, name) for lever in short for name in ("speed", "kept", "warm") if _differs(lever, begun, name)}
    total = replace(begun, **every).parts.total
    return f", together {total}s" + ("" if total <= within else ", which is too long as well")


def _differs(lever: Lever, begun: Start, name: str) -> bool:
    return bool(getattr(lever.start, name) != getattr(begun, name))


def levers(endpoint: InferenceEndpointArgs, node: Node, begun: Start, beside: int, promised: int) -> Iterator[Lever]:
    """What is not used yet and can be: of this site, this pool, this engine."""
    pool, wanted = endpoint.pool, -int(-(_most(endpoint) + beside + promised) // node.gpus)
    if not begun.kept and wanted <= node.keeps:
        yield Lever(f"min: {wanted} of pool {pool}", replace(begun, kept=True))
    yield from _warmer(endpoint, node, begun, beside)
    if node.faster and node.faster > begun.speed:
        yield Lever(f"image_pull: parallel of pool {pool}", replace(begun, speed=node.faster))


def _warmer(endpoint: InferenceEndpointArgs, node: Node, begun: Start, beside: int) -> Iterator[Lever]:
    """The least room held ready that is enough, or the most that the pool has place for; nothing where it has none, or it would not help.

    An endpoint that may sleep holds no room.
    """
    scale = endpoint.scale
    free = int(node.gpus * node.nodes) - beside - endpoint.gpus_at_most
    most = min(begun.added, begun.warm + free // (endpoint.gpus * endpoint.nodes)) if scale.min else 0
    better = [n for n in range(begun.warm + 1, most + 1) if replace(begun, warm=n).parts.total < begun.parts.total]
    within = scale.cold_start.within.seconds if scale.cold_start else 0
    chosen = next((n for n in better if replace(begun, warm=n).parts.total <= within), max(better, default=0))
    if chosen:
        yield Lever(f"scale.warm: {chosen}", replace(begun, warm=chosen))


def numbers(endpoint: InferenceEndpointArgs, begun: Start, within: int) -> Iterator[str]:
    """What the numbers that are the endpoint's own would have to be, where that alone can be enough."""
    parts = begun.parts
    if (left := within - parts.node - parts.pull) >= LEAST_LOAD:
        yield f"load_time: {left}s" + ("" if endpoint.cache else ", once measured so with the weights in a cache")
    if parts.pull and (left := (within - parts.node - parts.load) * begun.speed // 2**20) > 0:
        yield f"image_size: {left}MiB"


def told(endpoint: InferenceEndpointArgs, node: Node, beside: int = 0, promised: int = 0) -> str:
    """How long a replica takes that is added, for a review; "" where nothing is promised of it."""
    begun = start(endpoint, node, beside, promised)
    if begun is None:
        return ""
    if begun.added == 0:
        return "no replica is ever added: scale.min is scale.max"
    used = {
        "nodes for all replicas are kept": begun.kept and bool(node.keeps),
        f"room for {begun.warm} is held ready": begun.warm > 0,
        "images are fetched fast": begun.speed > speed("serial"),
    }
    why = [words for words, holds in used.items() if holds]
    which = f"first {begun.warm}" if begun.warm > 1 else "first"
    first = f", the {which} after {begun.load}s" if begun.warm and begun.parts.total > begun.load else ""
    return f"a replica that is added answers after {begun.parts}{first}" + (f"; {', '.join(why)}" if why else "")


def held(endpoint: InferenceEndpointArgs, node: Node) -> str:
    """What the room that is held ready takes and costs; "" where there is none."""
    gpus = endpoint.gpus * endpoint.nodes * endpoint.scale.warm
    if not gpus:
        return ""
    if node.hourly:
        costs = f", for {gpus / node.gpus * node.hourly * HOURS:,.0f} USD a month on demand at the list price of {node.priced}"
    else:
        costs = "" if node.least == node.nodes else ", at a price that is not known here"
    return f"room held ready takes {gpus} {'GPU' if gpus == 1 else 'GPUs'} of pool {endpoint.pool} all the time{costs}"


def problems(
    endpoints: Mapping[str, InferenceEndpointArgs], nodes: Mapping[str, Node | None], promised: Mapping[str, int]
) -> Iterator[Problem]:
    """Promises of cold starts that are not kept; nodes, and GPUs that teams may have, by pool."""
    for name, endpoint in endpoints.items():
        if node := nodes.get(endpoint.pool):
            found = late(endpoint, node, _beside(name, endpoints), promised.get(endpoint.pool, 0))
            yield from (Problem(("endpoints", name, *path), text) for path, text in found)


def notes(endpoints: Mapping[str, InferenceEndpointArgs], nodes: Mapping[str, Node | None], promised: Mapping[str, int]) -> Iterator[Note]:
    """How long replicas take that are added, and what room for them costs; nodes, and GPUs that teams may have, by pool."""
    for name, endpoint in endpoints.items():
        if node := nodes.get(endpoint.pool):
            said = told(endpoint, node, _beside(name, endpoints), promised.get(endpoint.pool, 0)), held(endpoint, node)
            yield from (Note(f"endpoint {name}", text) for text in said if text)


def _beside(name: str, endpoints: Mapping[str, InferenceEndpointArgs]) -> int:
    """The most GPUs of an endpoint's pool that the others have."""
    return sum(other.gpus_at_most for each, other in endpoints.items() if each != name and other.pool == endpoints[name].pool)
