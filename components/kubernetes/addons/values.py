"""Chart values of operators that depend on the stack. Pure functions."""

from collections.abc import Iterable, Mapping
from typing import Any

from components.contracts import AcceleratorPool, Taint
from components.kubernetes.gpus.counters import counters

GATEWAY_PLUGIN = "argoproj-labs/gatewayAPI"
"""Name by which a rollout asks for the plugin that moves the weights of routes. Source: the plugin's docs/installation.md."""
PLUGIN_FILE = "rollouts-plugin-trafficrouter-gatewayapi"
"""The plugin in its image, below /bin. Source: the same page."""
PLUGINS = "/plugins"
SMALL = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
NVIDIA = "nvidia.com/"


def argo_rollouts(plugin: str | None) -> Mapping[str, Any]:
    """The controller with the plugin that speaks the Gateway API, copied from its image; nothing without one."""
    if plugin is None:
        return {}
    mount = {"name": "plugins", "mountPath": PLUGINS}
    copy = {
        "name": "gateway-plugin",
        "image": plugin,
        "command": ["cp", f"/bin/{PLUGIN_FILE}", f"{PLUGINS}/"],
        "volumeMounts": [mount],
        "resources": SMALL,
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "controller": {
            "initContainers": [copy],
            "trafficRouterPlugins": [{"name": GATEWAY_PLUGIN, "location": f"file://{PLUGINS}/{PLUGIN_FILE}"}],
            "volumeMounts": [mount],
            "volumes": [{"name": "plugins", "emptyDir": {}}],
        }
    }


def cert_manager(*, gateways: bool) -> Mapping[str, Any]:
    """`gateways` is that the kinds of the Gateway API are there: certificates may then be proved through a route."""
    if not gateways:
        return {}
    return {
        "config": {"apiVersion": "controller.config.cert-manager.io/v1alpha1", "kind": "ControllerConfiguration", "enableGatewayAPI": True}
    }


def nvidia(pools: Iterable[AcceleratorPool]) -> list[AcceleratorPool]:
    """The pools with NVIDIA GPUs."""
    return [pool for pool in pools if pool.resource.startswith(NVIDIA)]


def dcgm_exporter(pools: Iterable[AcceleratorPool]) -> Mapping[str, Any]:
    """One exporter on every node of the pools with NVIDIA GPUs, whatever keeps others away from them."""
    watched = nvidia(pools)
    terms = [{"matchExpressions": [_is(key, value) for key, value in sorted(pool.node_labels.items())]} for pool in watched]
    taints = {_tolerated(taint): None for pool in watched for taint in pool.taints}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}} if terms else {},
        "tolerations": [{"key": key, "operator": "Exists", "effect": effect} for key, effect in taints],
        "customMetrics": counters(),
    }


def _is(key: str, value: str) -> Mapping[str, Any]:
    return {"key": key, "operator": "In", "values": [value]}


def _tolerated(taint: Taint) -> tuple[str, str]:
    return taint.key, taint.effect
