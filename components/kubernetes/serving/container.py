"""The container that serves a model, as a manifest: what is started, what it needs, and how it says that it is well. Pure functions."""

from typing import Literal
from urllib.parse import urlsplit

import pulumi

from components.contracts import AcceleratorPool
from components.kubernetes import manifests
from components.kubernetes.manifests import HTTP, Environment, Identity, Manifest
from components.kubernetes.serving import cache
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.engines import ContainerEngine, TritonEngine, VllmEngine
from components.kubernetes.serving.model import Model
from components.kubernetes.serving.objectives import SERVER
from components.kubernetes.vocabulary import quantity
from components.spec import Size

STARTUP_PERIOD = 10
"""Seconds between two startup probes."""
WRITABLE = {"tmp": ("/tmp", "4Gi"), "cache": ("/cache", "16Gi")}
"""Volume to (mount path, size limit): all that a server may write, since its root file system is read-only."""
FETCHED = "/models"
"""Where Triton keeps its copy of a model repository: a folder that exists and is empty. Source: its user guide, model repository."""
MARGIN_GIB = 1
"""Room beside the weights in that copy, for configurations."""
PORTS = {"https": 443, "http": 80}

Member = Literal["alone", "leader", "worker"]
"""What a pod is of its replica: all of it, or one of several nodes."""


def vllm_options(args: InferenceEndpointArgs, engine: VllmEngine, member: Member) -> dict[str, str]:
    """vLLM's options: the model split over the GPUs of each pod (tensors), and over pods (layers)."""
    together = {
        "--pipeline-parallel-size": str(args.nodes),
        "--nnodes": str(args.nodes),
        "--node-rank": "$(LWS_WORKER_INDEX)",
        "--master-addr": "$(LWS_LEADER_ADDRESS)",
    }
    return {
        "--served-model-name": Model.parse(args.model).name,
        **({"--load-format": "runai_streamer"} if args.cache is None else {}),
        "--tensor-parallel-size": str(args.gpus),
        **(together if member != "alone" else {}),
        "--gpu-memory-utilization": f"{engine.gpu_memory.value / 10_000:.4g}",
        "--max-model-len": str(engine.context_length),
        **({"--max-num-seqs": str(engine.concurrency)} if engine.concurrency else {}),
        **({"--kv-cache-dtype": engine.kv_cache} if engine.kv_cache != "auto" else {}),
        "--host": "0.0.0.0",
        "--port": str(engine.port),
    }


def vllm_command(args: InferenceEndpointArgs, engine: VllmEngine, uri: pulumi.Input[str], member: Member) -> Manifest:
    """Command and arguments of vLLM, whose weights are streamed from `uri`, or read from a folder.

    Source for several nodes: docs.vllm.ai, "LWS", whose example has these options and the variables that the controller sets;
    "Parallelism and Scaling" has `--headless` for workers. For several GPUs: docs.vllm.ai,
    "Loading models with Run:ai Model Streamer", `distributed`, which is for CUDA. The streamer's wheel
    runai-model-streamer-s3 0.17.1 has an AWS SDK, 1.11.584, that takes credentials of Pod Identity.
    """
    options = [word for pair in vllm_options(args, engine, member).items() for word in pair]
    spread = ["--model-loader-extra-config", '{"distributed":true}'] if args.gpus > 1 and args.cache is None else []
    return {"command": ["vllm", "serve"], "args": [uri, *options, *spread, *(["--headless"] if member == "worker" else [])]}


def triton_command(engine: TritonEngine, repository: pulumi.Input[str]) -> Manifest:
    """Command and arguments of Triton.

    Its images up to 25.07 are built with an AWS SDK that is too old for EKS Pod Identity: see
    docs/unverified.md. It keeps its copy of a repository in a new folder below the one it is given.
    Sources: triton-inference-server/third_party, CMakeLists.txt; core, src/filesystem, s3.h.
    """
    ports = {"http": engine.port, **engine.other_ports}
    options = [f"--{name}-port={port}" for name, port in ports.items()]
    return {"command": ["tritonserver"], "args": [_after("--model-repository=", repository), *options, *engine.arguments]}


def _after(lead: str, value: pulumi.Input[str]) -> pulumi.Input[str]:
    """The value after a lead; a plain text where the value is one."""
    return lead + value if isinstance(value, str) else pulumi.Output.concat(lead, value)


def triton_repository(uri: pulumi.Input[str], endpoint: object) -> pulumi.Input[str]:
    """The address of a model repository as Triton writes it: with host and port of an object store that is not AWS's own."""
    if not isinstance(endpoint, str):
        return uri
    parts = urlsplit(endpoint)
    host = f"s3://{parts.scheme}://{parts.hostname}:{parts.port or PORTS[parts.scheme]}/"
    if isinstance(uri, str):
        return host + uri.removeprefix("s3://")
    return pulumi.Output.concat(uri).apply(lambda text: host + text.removeprefix("s3://"))


def vllm_environment(args: InferenceEndpointArgs) -> dict[str, str]:
    """What vLLM needs to run as a user without an entry in the image's passwd, offline, with bounded staging memory."""
    staged = {} if args.cache else {"RUNAI_STREAMER_MEMORY_LIMIT": str(min(args.weights.value, args.memory.value // 2))}
    return {
        "HOME": "/cache",
        "USER": "vllm",
        "VLLM_CACHE_ROOT": "/cache/vllm",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        **staged,
    }


def launch(args: InferenceEndpointArgs, uri: pulumi.Input[str], store: object, member: Member = "alone") -> tuple[Manifest, Environment]:
    """What is started in the container, and the variables it is started with. `store` is the address of an object store not of AWS."""
    match args.engine:
        case VllmEngine() as engine:
            return vllm_command(args, engine, uri, member), vllm_environment(args)
        case TritonEngine() as engine:
            repository = uri if args.cache else triton_repository(uri, store)
            return triton_command(engine, repository), {"HOME": "/cache", "TRITON_AWS_MOUNT_DIRECTORY": FETCHED}
        case ContainerEngine() as engine:
            limits = {"MODEL_BYTES": str(args.weights.value), "GPU_COUNT": str(args.gpus)}
            return {"args": list(engine.arguments)}, {"HOME": "/cache", "MODEL_URI": uri, **limits}


def resources(args: InferenceEndpointArgs, pool: AcceleratorPool) -> Manifest:
    """Requests and limits: equal for GPUs, memory and what a fabric needs, no limit on CPU."""
    whole = {pool.resource: str(args.gpus), "memory": quantity(args.memory), **(joined(args, pool) if args.nodes > 1 else {})}
    return {"requests": {**whole, "cpu": str(args.cpu)}, "limits": whole}


def joined(args: InferenceEndpointArgs, pool: AcceleratorPool) -> dict[str, str]:
    """A pod's share of the interfaces and huge pages of its node, by which it reaches the others of its replica."""
    if pool.fabric is None:
        return {}
    share = pool.fabric.per_node * args.gpus // pool.per_node
    pages = pool.fabric.huge_pages_mib * args.gpus // pool.per_node // 2 * 2
    return {pool.fabric.resource: str(max(share, 1)), **({"hugepages-2Mi": f"{pages}Mi"} if pages else {})}


def probes(args: InferenceEndpointArgs) -> Manifest:
    """The startup probe alone waits for the model to load; the others start after it and so need no delay."""
    health = args.engine.health
    return {
        "startupProbe": manifests.http_probe(health, period=STARTUP_PERIOD, failures=-(-args.load_time.seconds // STARTUP_PERIOD)),
        "readinessProbe": manifests.http_probe(health, period=5, failures=2),
        "livenessProbe": manifests.http_probe(args.engine.alive, period=10, failures=3),
    }


def container(
    args: InferenceEndpointArgs, pool: AcceleratorPool, uri: pulumi.Input[str], variables: Environment, member: Member = "alone"
) -> Manifest:
    """The one container of a pod. It stays up for the longest request after it left the Service, before it is told to stop.

    A worker answers nobody, so that nothing asks it how it is; it ends with its leader.
    """
    location = cache.folder(Model.parse(args.model)) if args.cache else uri
    started, own = launch(args, location, variables.get("AWS_ENDPOINT_URL"), member)
    fabric = pool.fabric.environment if pool.fabric and args.nodes > 1 else {}
    ports = {HTTP: args.engine.port, **args.engine.other_ports}
    cached = [{"name": cache.CLAIM, "mountPath": cache.FOLDER, "readOnly": True}] if args.cache else []
    listed = [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()]
    return {
        "name": SERVER,
        "image": args.engine.image,
        **started,
        "env": manifests.environment({**own, **fabric, **variables}),
        **({"ports": listed, **probes(args)} if member != "worker" else {}),
        "resources": resources(args, pool),
        "lifecycle": {"preStop": {"sleep": {"seconds": args.longest_request.seconds}}},
        "securityContext": manifests.container_security(),
        "volumeMounts": [*({"name": name, "mountPath": path} for name, path in mounts(args).items()), *cached],
    }


def copies(args: InferenceEndpointArgs) -> bool:
    """Whether the server keeps a copy of the files in its pod."""
    return isinstance(args.engine, TritonEngine) and args.cache is None


def mounts(args: InferenceEndpointArgs) -> dict[str, str]:
    """Where each volume is mounted."""
    written = {name: path for name, (path, _) in WRITABLE.items()}
    return {**written, "shm": "/dev/shm", **({"models": FETCHED} if copies(args) else {})}


def volumes(identity: Identity, args: InferenceEndpointArgs) -> list[Manifest]:
    """The cache if there is one, what a server may write, and memory that its processes share: a quarter of the pod's at most."""
    written = [manifests.scratch(name, size) for name, (_, size) in WRITABLE.items()]
    shared = manifests.scratch("shm", quantity(Size(f"{args.memory.value // 4 // 2**20}MiB")), in_memory=True)
    copied = manifests.scratch("models", f"{args.weights.gib + MARGIN_GIB}Gi")
    cached = [cache.volume(identity, read_only=True)] if args.cache else []
    return [*written, shared, *([copied] if copies(args) else []), *cached]
