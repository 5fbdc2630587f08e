"""A client that asks an endpoint for an answer at an interval: what a stack file may say about it, its pod, and the alert on it.

Its program is workloads/probe.py, mounted from a ConfigMap that is named by its content: it changes with the stack and not with an image.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

import pulumi
from pydantic import AfterValidator, StringConstraints

from components.contracts import SecretKey
from components.kubernetes import manifests, prometheus
from components.kubernetes.manifests import Environment, Identity, Manifest
from components.kubernetes.serving.engines import ContainerEngine, Engine, VllmEngine
from components.kubernetes.serving.model import Model
from components.kubernetes.serving.monitor import pod_monitor, series
from components.kubernetes.vocabulary import EnvName
from components.kubernetes.workload import Enclosure
from components.naming import short_hash
from components.spec import Duration, ImageReference, Problem, Spec, rule

PROGRAM = Path(__file__).parents[3] / "workloads" / "probe.py"
FOLDER = "/program"
PORT = 9100
"""TCP port of its metrics."""
FAILING_FOR = "5m"
RequestPath = Annotated[str, StringConstraints(max_length=400, pattern=r"^/[^\s]*$")]


def _is_json(text: str) -> str:
    """The text itself. Raises ValueError when it is neither empty nor JSON."""
    try:
        json.loads(text or "{}")
    except ValueError as error:
        raise ValueError(f"must be JSON: {error}") from error
    return text


JsonText = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_is_json)]


class RequestArgs(Spec):
    """What is asked, where an engine's own question will not do."""

    path: RequestPath
    """Path of the request."""
    body: JsonText = ""
    """JSON that is posted, as text; empty asks by GET."""
    expect: Annotated[str, StringConstraints(max_length=1_000)] = ""
    """Text that the answer must hold; empty takes any answer with a status of 2xx."""


class ProbeArgs(Spec):
    """A synthetic check. Its requests are counted like any others; one a minute is little beside a budget of errors."""

    image: ImageReference
    """Image with Python 3.11 or newer as `python`, by digest; nothing else of it is used."""
    interval: Duration = Duration("1m")
    """Time between two attempts, 10s to 1h."""
    timeout: Duration = Duration("30s")
    """Time after which an answer is late; less than the interval."""
    key: EnvName | None = None
    """Name of the secret variable of the endpoint that holds the key which callers must show."""
    request: RequestArgs | None = None
    """What is asked. Absent asks vLLM to complete one word, and others whether they are ready."""

    @rule("interval", "timeout")
    def _bounded(self) -> Iterator[Problem]:
        if not 10 <= self.interval.seconds <= 3_600:
            yield Problem(("interval",), f"{self.interval} is outside 10s to 1h")
        if self.timeout.value >= self.interval.value:
            yield Problem(
                ("timeout",), f"{self.timeout} is not less than the interval, {self.interval}: attempts would run into each other"
            )


@cache
def program() -> str:
    """Text of the program."""
    return PROGRAM.read_text(encoding="utf-8")


def question(engine: Engine, model: str) -> RequestArgs:
    """What is asked of an engine unless the stack says so."""
    if isinstance(engine, VllmEngine):
        body = {"model": Model.parse(model).name, "prompt": "ping", "max_tokens": 1, "temperature": 0}
        return RequestArgs(path="/v1/completions", body=json.dumps(body), expect='"choices"')
    return RequestArgs(path=engine.health if isinstance(engine, ContainerEngine) else "/v2/health/ready")


def probing(identity: Identity) -> Identity:
    """The probe's identity."""
    return identity.beside("probe", "endpoint-probe")


def settings(args: ProbeArgs, asked: RequestArgs, identity: Identity, secrets: Mapping[str, SecretKey]) -> Environment:
    """The program's environment."""
    return {
        "PROBE_URL": f"http://{identity.name}.{identity.namespace}.svc{asked.path}",
        "PROBE_BODY": asked.body,
        "PROBE_EXPECT": asked.expect,
        "PROBE_INTERVAL": str(args.interval.seconds),
        "PROBE_TIMEOUT": f"{args.timeout.value / 1000:g}",
        "PROBE_PORT": str(PORT),
        **({"PROBE_KEY": secrets[args.key]} if args.key else {}),
    }


def script(identity: Identity) -> Manifest:
    """The ConfigMap that holds the program."""
    return {"metadata": identity.metadata(f"{identity.name}-{short_hash(program())}"), "data": {PROGRAM.name: program()}}


def deployment(identity: Identity, args: ProbeArgs, variables: Environment) -> Manifest:
    """One pod, which is enough: while it is away nothing is concluded."""
    health = {"httpGet": {"path": "/healthz", "port": manifests.HTTP}, "periodSeconds": 10, "timeoutSeconds": 5}
    container = {
        "name": "probe",
        "image": args.image,
        "command": ["python", "-u", f"{FOLDER}/{PROGRAM.name}"],
        "env": manifests.environment({"HOME": "/tmp", **variables}),
        "ports": [{"name": manifests.HTTP, "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": health,
        "livenessProbe": health,
        "securityContext": manifests.container_security(),
        "volumeMounts": [{"name": "program", "mountPath": FOLDER, "readOnly": True}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": manifests.pod_security(),
        "containers": [container],
        "volumes": [{"name": "program", "configMap": {"name": script(identity)["metadata"]["name"]}}],
    }
    template = {"metadata": {"labels": dict(identity.labels)}, "spec": manifests.on_disk(pod)}
    return {
        "metadata": identity.metadata(),
        "spec": {"replicas": 1, "revisionHistoryLimit": 3, "selector": {"matchLabels": identity.selector}, "template": template},
    }


def ways(identity: Identity, port: int, monitoring: str) -> tuple[Manifest, Manifest]:
    """Lets the probe out to the endpoint and monitoring in to the probe; and lets the probe in at the endpoint."""
    own, pods = probing(identity), {"matchLabels": identity.selector}
    outward = [{"to": [{"podSelector": pods}], "ports": [{"protocol": "TCP", "port": port}]}]
    policy = manifests.network_policy(own, PORT, [monitoring], [])
    policy["spec"]["egress"] += outward
    inward = [{"from": [{"podSelector": {"matchLabels": own.selector}}], "ports": [{"protocol": "TCP", "port": port}]}]
    spec = {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": inward}
    return policy, {"metadata": identity.metadata(f"{identity.name}-probed"), "spec": spec}


def answering(identity: Identity, args: ProbeArgs) -> str:
    """PromQL that is 1 while one of the last attempts was answered as expected, for the gates of rollouts."""
    recent = f"{3 * args.interval.seconds}s"
    return f"max(max_over_time(groundwork_probe_success{{{series(probing(identity))}}}[{recent}]))"


def failing(identity: Identity) -> str:
    """PromQL that answers while the last attempt was not answered as expected."""
    return f"max(groundwork_probe_success{{{series(probing(identity))}}}) == 0"


def alert(identity: Identity, awake: str) -> Manifest:
    """The rule that pages when attempts keep failing, and tells when nobody attempts. `awake` holds while there is a replica to ask."""
    labels = {"endpoint": identity.name, "namespace": identity.namespace}
    when = f" and on() {awake}" if awake else ""
    silent, missing = f"{failing(identity)}{when}", f"absent(groundwork_probe_success{{{series(probing(identity))}}})"
    nobody = f"nobody probes {identity.name}"
    told = f"{identity.name} has not answered its probe for {FAILING_FOR}"
    alerts = [
        prometheus.alert("EndpointProbeFailing", silent, "page", told, "endpoint-probe", lasting=FAILING_FOR, labels=labels),
        prometheus.alert("EndpointProbeMissing", missing, "ticket", nobody, "endpoint-probe", lasting="30m", labels=labels),
    ]
    name = f"{identity.name}-probe"
    return prometheus.prometheus_rule(identity.metadata(name), {name: alerts})


def attach(
    enclosure: Enclosure, args: ProbeArgs, asked: RequestArgs, secrets: Mapping[str, SecretKey], *, port: int, monitoring: str, awake: str
) -> pulumi.Resource:
    """Make the probe of an endpoint; returns its pod's Deployment. `port` is the one that the endpoint's pods answer on."""
    import pulumi_kubernetes as k8s

    identity, own = enclosure.identity, probing(enclosure.identity)
    out, inward = ways(identity, port, monitoring)
    held = k8s.core.v1.ConfigMap(f"{own.name}-program", opts=enclosure.inside(), **script(own))
    k8s.networking.v1.NetworkPolicy(f"{identity.name}-probed", opts=enclosure.inside(), **inward)
    policy = k8s.networking.v1.NetworkPolicy(f"{own.name}-network", opts=enclosure.inside(), **out)
    k8s.policy.v1.PodDisruptionBudget(f"{own.name}-budget", opts=enclosure.inside(), **manifests.disruption_budget(own))
    enclosure.custom("probe-monitor", pod_monitor(own))
    enclosure.custom("probe-rule", alert(identity, awake))
    variables = settings(args, asked, identity, secrets)
    return k8s.apps.v1.Deployment(f"{own.name}-pods", opts=enclosure.inside(held, policy), **deployment(own, args, variables))
