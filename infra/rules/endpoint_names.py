"""Endpoints that are called as a part of another one is. Pure functions."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.engines import TritonEngine
from components.spec import Problem

Made = Callable[[InferenceEndpointArgs], bool]
OWN: Final[Mapping[str, tuple[str, Made]]] = {
    "fill": ("what fills the cache of", lambda args: args.cache is not None),
    "probe": ("the probe of", lambda args: args.probe is not None),
    "warm": ("the room held for", lambda args: bool(args.scale.warm)),
    "workers": ("the further nodes of", lambda args: args.nodes > 1),
}
"""Parts that are resources of the endpoint's own component: the engine takes no two of a name and type, wherever they stand."""
BESIDE: Final[Mapping[str, tuple[str, Made]]] = {
    "canary": ("the new version of", lambda args: bool(args.rollout and args.rollout.canary)),
    "group": ("the replicas of", lambda args: args.nodes > 1),
    "grpc": ("the gRPC Service of", lambda args: isinstance(args.engine, TritonEngine)),
    "ports": ("the ports of", lambda args: isinstance(args.engine, TritonEngine)),
    "preview": ("the new version of", lambda args: bool(args.rollout and args.rollout.blue_green)),
    "probed": ("the probe of", lambda args: args.probe is not None),
    "shadow": ("the shadow of", lambda args: args.shadow is not None),
}
"""Parts that stand beside the endpoint, in a namespace that other endpoints may share."""


def apart(endpoints: Mapping[str, InferenceEndpointArgs], parts: Mapping[str, tuple[str, Made]] = OWN) -> Iterator[Problem]:
    """A problem for each endpoint that is called as a part of another one is."""
    for name, endpoint in endpoints.items():
        for part, (what, made) in parts.items():
            if (taken := f"{name}-{part}") in endpoints and made(endpoint):
                text = f"is what {what} endpoint {name} is called, beside which it would stand: give it another name"
                yield Problem(("endpoints", taken), text)
