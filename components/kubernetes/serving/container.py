"""The container that serves a model, as a manifest: what is started, what it needs, and how it says that it is well. Pure functions."""

import pulumi

from components.contracts import AcceleratorPool
from components.kubernetes import manifests
from components.kubernetes.manifests import HTTP, Environment, Manifest
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.engines import VLLM_PORT, ContainerEngine, VllmEngine
from components.kubernetes.serving.model import Model
from components.kubernetes.vocabulary import quantity
from components.spec import Size

STARTUP_PERIOD = 10
"""Seconds between two startup probes."""
WRITABLE = {"tmp": ("/tmp", "4Gi"), "cache": ("/cache", "16Gi")}
"""Volume to (mount path, size limit): all that a server may write, since its root file system is read-only."""


def vllm_command(engine: VllmEngine, model: Model, gpus: int, uri: pulumi.Input[str]) -> Manifest:
    """Command and arguments of vLLM: weights streamed from `uri`, the model split over all GPUs of the pod."""
    spread = ["--model-loader-extra-config", '{"distributed":true}'] if gpus > 1 else []
    options = {
        "--served-model-name": model.name,
        "--load-format": "runai_streamer",
        "--tensor-parallel-size": str(gpus),
        "--gpu-memory-utilization": f"{engine.gpu_memory.value / 10_000:.4g}",
        "--max-model-len": str(engine.context_length),
        **({"--max-num-seqs": str(engine.concurrency)} if engine.concurrency else {}),
        **({"--kv-cache-dtype": engine.kv_cache} if engine.kv_cache != "auto" else {}),
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
    health = args.engine.health
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
        "ports": [{"name": HTTP, "containerPort": args.engine.port, "protocol": "TCP"}],
        "resources": resources(args, pool.resource),
        **probes(args),
        "lifecycle": {"preStop": {"sleep": {"seconds": args.longest_request.seconds}}},
        "securityContext": manifests.container_security(),
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
    }


def volumes(memory: Size) -> list[Manifest]:
    """What a server may write, and shared memory for its worker processes: a quarter of the pod's memory at most."""
    written = [manifests.scratch(name, size) for name, (_, size) in WRITABLE.items()]
    return [*written, manifests.scratch("shm", f"{memory.value // 4 // 2**20}Mi", in_memory=True)]
