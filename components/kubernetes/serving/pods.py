"""How a model is served, as manifests: the pods, what scales them and what watches them. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.contracts import AcceleratorPool
from components.kubernetes import manifests
from components.kubernetes.manifests import HTTP, Environment, Identity, Manifest
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.engines import VLLM_PORT, ContainerEngine, VllmEngine
from components.kubernetes.vocabulary import quantity
from components.spec import Size

STARTUP_PERIOD = 10
"""Seconds between two startup probes."""
SHUTDOWN_MARGIN = 30
"""Seconds that a server has to exit after its last request."""
NODE_MARGIN = 900
"""Seconds allowed for a node to join and an image to be pulled, before a rollout counts as failed."""
SCRAPE_INTERVAL = "15s"
WRITABLE = {"tmp": ("/tmp", "4Gi"), "cache": ("/cache", "16Gi")}
"""Volume to (mount path, size limit): all that a server may write, since its root file system is read-only."""


@dataclass(frozen=True, slots=True)
class Model:
    """Where the files of a registered model lie."""

    name: str
    version: int

    @classmethod
    def parse(cls, uri: str) -> "Model":
        """From models:/<name>/<version>."""
        name, version = uri.removeprefix("models:/").rsplit("/", 1)
        return cls(name, int(version))

    @property
    def prefix(self) -> str:
        """Key prefix in the model bucket, with a trailing slash."""
        return f"models/{self.name}/{self.version}/"


def port_of(args: InferenceEndpointArgs) -> int:
    """TCP port that the engine listens on."""
    return VLLM_PORT if isinstance(args.engine, VllmEngine) else args.engine.port


def health_of(args: InferenceEndpointArgs) -> str:
    """Path that answers 200 once the model is loaded."""
    return "/health" if isinstance(args.engine, VllmEngine) else args.engine.health


def vllm_command(engine: VllmEngine, model: Model, gpus: int, uri: pulumi.Input[str]) -> Manifest:
    """Command and arguments of vLLM: weights streamed from `uri`, the model split over all GPUs of the pod."""
    spread = ["--model-loader-extra-config", '{"distributed":true}'] if gpus > 1 else []
    options = {
        "--served-model-name": model.name,
        "--load-format": "runai_streamer",
        "--tensor-parallel-size": str(gpus),
        "--gpu-memory-utilization": f"{engine.gpu_memory.value / 10_000:.4g}",
        "--max-model-len": str(engine.context_length),
        "--host": "0.0.0.0",
        "--port": str(VLLM_PORT),
    }
    return {"command": ["vllm", "serve"], "args": [uri, *(word for pair in options.items() for word in pair), *spread]}


def vllm_environment(args: InferenceEndpointArgs) -> dict[str, str]:
    """What vLLM needs to run as a user without an entry in the image's passwd, offline, with bounded staging memory."""
    return {
        "HOME": "/cache",
        "USER": "vllm",
        "VLLM_CACHE_ROOT": "/cache/vllm",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "RUNAI_STREAMER_MEMORY_LIMIT": str(min(args.weights.value, args.memory.value // 2)),
    }


def launch(args: InferenceEndpointArgs, uri: pulumi.Input[str]) -> tuple[Manifest, Environment]:
    """What is started in the container, and the variables it is started with."""
    match args.engine:
        case VllmEngine() as engine:
            return vllm_command(engine, Model.parse(args.model), args.gpus, uri), vllm_environment(args)
        case ContainerEngine() as engine:
            limits = {"MODEL_BYTES": str(args.weights.value), "GPU_COUNT": str(args.gpus)}
            return {"args": list(engine.arguments)}, {"HOME": "/cache", "MODEL_URI": uri, **limits}


def resources(args: InferenceEndpointArgs, gpu_resource: str) -> Manifest:
    """Requests and limits: equal for GPUs and memory, no limit on CPU."""
    whole = {gpu_resource: str(args.gpus), "memory": quantity(args.memory)}
    return {"requests": {**whole, "cpu": str(args.cpu)}, "limits": whole}


def probes(args: InferenceEndpointArgs) -> Manifest:
    """The startup probe alone waits for the model to load; the others start after it and so need no delay."""
    health = health_of(args)
    return {
        "startupProbe": manifests.http_probe(health, period=STARTUP_PERIOD, failures=-(-args.load_time.seconds // STARTUP_PERIOD)),
        "readinessProbe": manifests.http_probe(health, period=5, failures=2),
        "livenessProbe": manifests.http_probe(health, period=10, failures=3),
    }


def container(args: InferenceEndpointArgs, pool: AcceleratorPool, uri: pulumi.Input[str], variables: Environment) -> Manifest:
    """The one container of a replica. It stays up for the longest request after it left the Service, before it is told to stop."""
    started, own = launch(args, uri)
    mounts = {**{name: path for name, (path, _) in WRITABLE.items()}, "shm": "/dev/shm"}
    return {
        "name": "server",
        "image": args.engine.image,
        **started,
        "env": manifests.environment({**own, **variables}),
        "ports": [{"name": HTTP, "containerPort": port_of(args), "protocol": "TCP"}],
        "resources": resources(args, pool.resource),
        **probes(args),
        "lifecycle": {"preStop": {"sleep": {"seconds": args.longest_request.seconds}}},
        "securityContext": manifests.container_security(),
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
    }


def deployment(
    identity: Identity, args: InferenceEndpointArgs, pool: AcceleratorPool, uri: pulumi.Input[str], variables: Environment, *, zonal: bool
) -> Manifest:
    """The replicas. A rollout frees GPUs before it asks for new ones, since there may be no spare node."""
    pod = {
        "serviceAccountName": identity.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": args.longest_request.seconds + SHUTDOWN_MARGIN,
        "securityContext": manifests.pod_security(),
        **manifests.placement(pool),
        "topologySpreadConstraints": manifests.spread(identity.selector, zonal=zonal),
        "containers": [container(args, pool, uri, variables)],
        "volumes": volumes(args.memory),
    }
    return {
        "metadata": identity.metadata(),
        "spec": {
            "replicas": args.scale.min,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": args.load_time.seconds + NODE_MARGIN,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "selector": {"matchLabels": identity.selector},
            "template": {"metadata": {"labels": dict(identity.labels)}, "spec": pod},
        },
    }


def volumes(memory: Size) -> list[Manifest]:
    """What a server may write, and shared memory for its worker processes: a quarter of the pod's memory at most."""
    written = [manifests.scratch(name, size) for name, (_, size) in WRITABLE.items()]
    return [*written, manifests.scratch("shm", f"{memory.value // 4 // 2**20}Mi", in_memory=True)]


def queue_query(args: InferenceEndpointArgs, namespace: str) -> str:
    """PromQL for the number of requests waiting in all replicas."""
    metric = "vllm:num_requests_waiting" if isinstance(args.engine, VllmEngine) else args.engine.queue_metric
    return f'sum({metric}{{namespace="{namespace}"}})'


def scaled_object(identity: Identity, args: InferenceEndpointArgs, prometheus: str) -> Manifest:
    """Scaling on queue depth (KEDA). A missing series is an error and not an empty queue; then no replica is taken away."""
    trigger = {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": prometheus,
            "query": queue_query(args, identity.namespace),
            "threshold": str(args.scale.waiting),
            "ignoreNullValues": "false",
        },
    }
    return {
        "api_version": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": identity.metadata(),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": identity.name},
            "pollingInterval": 15,
            "minReplicaCount": args.scale.min,
            "maxReplicaCount": args.scale.max,
            "fallback": {"failureThreshold": 3, "replicas": args.scale.min, "behavior": "currentReplicasIfHigher"},
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(args.scale.settle.seconds)}},
            "triggers": [trigger],
        },
    }


def _behavior(settle: int) -> Manifest:
    """One replica more or less at a time; less only after `settle` seconds of a short queue."""
    return {
        "scaleUp": {"stabilizationWindowSeconds": 30, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
        "scaleDown": {"stabilizationWindowSeconds": settle, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
    }


def pod_monitor(identity: Identity) -> Manifest:
    """Has the Prometheus operator scrape every replica."""
    return {
        "api_version": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": identity.metadata(),
        "spec": {
            "selector": {"matchLabels": identity.selector},
            "podMetricsEndpoints": [{"port": HTTP, "path": "/metrics", "interval": SCRAPE_INTERVAL}],
        },
    }


def quota(args: InferenceEndpointArgs, gpu_resource: str) -> Mapping[str, str]:
    """What the namespace may hold: every replica, and one that is still stopping while its successor starts."""
    return {"pods": str(args.scale.max + 1), f"requests.{gpu_resource}": str(args.gpus * (args.scale.max + 1))}
