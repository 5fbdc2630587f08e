"""Pods: where they may run, what they may do, and how they say that they are well."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from graph.model import UNKNOWN, Resource
from policies.announcers import wrongly_announced
from policies.model import Book, View, get
from policies.nodes import GROUP, MAKERS, accelerated, repaired, taints

BOOK = Book("workloads")
ROLLOUT = "kubernetes:argoproj.io/v1alpha1:Rollout"
SERVERS = ("kubernetes:apps/v1:Deployment", ROLLOUT)
"""Pods that serve, and are replaced one by one or version by version."""
PODS = (
    *SERVERS,
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:batch/v1:Job",
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet",
)
TEMPLATES = ("template", "leaderWorkerTemplate.leaderTemplate", "leaderWorkerTemplate.workerTemplate")
"""Where a workload describes its pods."""
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NAMESPACE = "kubernetes:core/v1:Namespace"
GPU = re.compile(r"nvidia\.com/.+|amd\.com/gpu|aws\.amazon\.com/neuron.*")
SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL", re.IGNORECASE)
REFERENCE_NAME = re.compile(r"(_FILE|_PATH|_ARN|_NAME|_URL|_URI)$", re.IGNORECASE)


def containers(workload: Resource) -> list[Mapping[str, Any]]:
    """Containers and init containers of a pod template, as they stand: values may be unknown."""
    return [item for pod in pods(workload) for key in ("containers", "initContainers") for item in pod.get(key) or ()]


def pods(workload: Resource) -> list[Mapping[str, Any]]:
    """Specifications of the pods that a workload makes."""
    return [pod for place in TEMPLATES if (pod := get_raw(workload, f"spec.{place}.spec"))]


def get_raw(resource: Resource, path: str) -> Mapping[str, Any]:
    """The mapping at a path, with unknown leaves left in it."""
    value: Any = resource.inputs
    for part in path.split("."):
        value = value.get(part, {}) if isinstance(value, Mapping) else {}
    return value if isinstance(value, Mapping) else {}


def gpus(container: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Accelerators that a container names under `limits` or `requests`."""
    named: Mapping[str, Any] = get(container, f"resources.{kind}", {})
    return {key: str(value) for key, value in named.items() if GPU.fullmatch(key)}


@BOOK.rule(
    "gpu-pool-taint",
    *MAKERS,
    title="GPU pools are tainted",
    remedy="taint them nvidia.com/gpu:NoSchedule",
    severity="medium",
    only=accelerated,
)
def gpu_pool_taint(maker: Resource, view: View) -> Iterator[str]:
    """So that nothing but GPU work lands on machines of its price."""
    if not any(GPU.fullmatch(t.get("key", "")) and t["effect"] in ("NoSchedule", "NoExecute") for t in taints(maker)):
        yield "any pod may land on its GPUs"


@BOOK.rule(
    "gpu-node-repair",
    *MAKERS,
    title="Broken GPU nodes are replaced",
    remedy="enable node repair, of the group or of Karpenter",
    severity="medium",
    only=accelerated,
)
def gpu_node_repair(maker: Resource, view: View) -> Iterator[str]:
    """By the node monitoring agent's findings (EKS user guide, node health). Auto Mode always does it."""
    if not repaired(maker, view):
        yield "keeps nodes whose GPUs have failed"


@BOOK.rule(
    "node-replacement-bounded",
    *MAKERS,
    title="Nodes of a pool are not replaced all at once",
    remedy="set expireAfter to Never, and let drift replace outdated nodes; let a group update half of its nodes at most",
    severity="medium",
)
def node_replacement_bounded(maker: Resource, view: View) -> Iterator[str]:
    """Expiration of Karpenter's nodes ignores disruption budgets (karpenter, designs/forceful-expiration.md); unset it is 720h.

    EKS ends nodes of Auto Mode after 21 days itself.
    """
    if maker.type == GROUP:
        if (share := get(maker, "updateConfig.maxUnavailablePercentage", 0)) > 50:
            yield f"updates {share} % of its nodes at once"
    elif get(maker, "spec.template.spec.nodeClassRef.group") != "eks.amazonaws.com":
        life = get(maker, "spec.template.spec.expireAfter", "720h")
        if life != "Never":
            yield f"ends every node {life} after it came, whatever its disruption budgets say"


@BOOK.rule(
    "node-group-size",
    GROUP,
    title="Wanted sizes of node groups are within their bounds",
    remedy="set desiredSize within the new bounds by `aws eks update-nodegroup-config --scaling-config`, then `pulumi up --refresh`",
    severity="high",
)
def node_group_size(group: Resource, view: View) -> Iterator[str]:
    """EKS refuses an update otherwise, after the rest of the stack has changed.

    A change of the wanted size is ignored, since the autoscaler owns it: the engine puts the size of the state in its place before it
    asks this rule and the provider (pulumi/pulumi v3.259.0, pkg/resource/deploy/step_generator.go, processIgnoreChanges), and the
    provider sends it with the new bounds. Sources of the refusal: terraform-aws-modules/terraform-aws-eks#3306, #3521 and #2508
    ("Minimum capacity 8 can't be greater than desired size 4").
    """
    least, wanted, most = (get(group, f"scalingConfig.{name}Size") for name in ("min", "desired", "max"))
    if all(isinstance(size, int | float) for size in (least, wanted, most)) and not least <= wanted <= most:
        yield f"wants {wanted:g} nodes, by its state, which its new bounds, {least:g} to {most:g}, do not hold"


@BOOK.rule(
    "accelerator-announced-once",
    *MAKERS,
    title="Each accelerator is announced by one thing",
    remedy="install what the image lacks, and keep off its nodes what the image has",
    only=accelerated,
)
def accelerator_announced_once(maker: Resource, view: View) -> Iterator[str]:
    """By the image, a device plugin, the GPU operator or EKS Auto Mode: two would count each device twice, none leaves pods waiting."""
    yield from wrongly_announced(maker, view)


@BOOK.rule("gpu-limits", *PODS, title="GPU requests equal their limits", remedy="name the same number under requests and limits")
def gpu_limits(workload: Resource, view: View) -> Iterator[str]:
    """Kubernetes refuses anything else for extended resources, when the pod is made and not before."""
    for container in containers(workload):
        requests, limits = gpus(container, "requests"), gpus(container, "limits")
        if requests and requests != limits:
            yield f"container {container.get('name')} requests other GPUs than it is limited to"


@BOOK.rule(
    "resource-bounds",
    *PODS,
    title="Containers state what they need",
    remedy="set requests for cpu and memory, and a limit for memory",
    severity="medium",
)
def resource_bounds(workload: Resource, view: View) -> Iterator[str]:
    """The scheduler places by requests; a memory limit keeps neighbours alive."""
    for container in containers(workload):
        requests, limits = get(container, "resources.requests", {}), get(container, "resources.limits", {})
        missing = [f"requests.{name}" for name in ("cpu", "memory") if name not in requests]
        missing += [] if "memory" in limits else ["limits.memory"]
        if missing:
            yield f"container {container.get('name')} lacks {', '.join(missing)}"


def serves(workload: Resource) -> bool:
    """Whether its pods do anything: those that hold room for others sleep until they are pushed off."""
    found = containers(workload)
    return not found or any(container.get("command") != ["sleep", "infinity"] for container in found)


@BOOK.rule(
    "probes",
    *SERVERS,
    title="Containers say when they are ready and alive",
    remedy="set readiness and liveness probes, and a startup probe where a model is loaded",
    only=serves,
)
def probes(deployment: Resource, view: View) -> Iterator[str]:
    """A GPU server loads for minutes; without a startup probe liveness kills it meanwhile."""
    for container in get_raw(deployment, "spec.template.spec").get("containers") or ():
        needed = ["readinessProbe", "livenessProbe"] + (["startupProbe"] if gpus(container, "limits") else [])
        if missing := [name for name in needed if not container.get(name)]:
            yield f"container {container.get('name')} lacks {', '.join(missing)}"


def loose(pod: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[str]:
    """Where a container falls short of the restricted pod security standard, and of a read-only root."""
    own: Mapping[str, Any] = container.get("securityContext") or {}
    shared: Mapping[str, Any] = pod.get("securityContext") or {}
    if own.get("runAsNonRoot", shared.get("runAsNonRoot")) is not True:
        yield "may run as root"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if "ALL" not in get(own, "capabilities.drop", []):
        yield "keeps capabilities"
    if get(own, "seccompProfile.type", get(shared, "seccompProfile.type")) not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "writes to its root file system"


@BOOK.rule(
    "restricted-pods",
    *PODS,
    title="Pods are restricted",
    remedy="meet the restricted pod security standard, with a read-only root file system",
)
def restricted_pods(workload: Resource, view: View) -> Iterator[str]:
    """The restricted Pod Security Standard of Kubernetes, and a root that cannot be written."""
    for pod in pods(workload):
        for container in (item for key in ("containers", "initContainers") for item in pod.get(key) or ()):
            if found := list(loose(pod, container)):
                yield f"container {container.get('name')} {', '.join(found)}"


@BOOK.rule(
    "service-account-token",
    *PODS,
    title="Pods carry no Kubernetes token they do not use",
    remedy="set automountServiceAccountToken to false",
    severity="low",
)
def service_account_token(workload: Resource, view: View) -> Iterator[str]:
    """Cloud identity does not need it."""
    if any(pod.get("automountServiceAccountToken") is not False for pod in pods(workload) or [{}]):
        yield "mounts a token for the Kubernetes API"


@BOOK.rule(
    "default-deny",
    *SERVERS,
    title="Namespaces deny traffic by default",
    remedy="add a NetworkPolicy with an empty selector and both policy types",
)
def default_deny(deployment: Resource, view: View) -> Iterator[str]:
    """In and out, for every pod of the namespace; where another stack owns the namespace, at least for the pods of this one."""
    own = get(deployment, "metadata.namespace", "default")
    policies = [policy for policy in view.of(NETWORK_POLICY) if get(policy, "metadata.namespace", "default") == own and _both_ways(policy)]
    if own not in {get(made, "metadata.name") for made in view.of(NAMESPACE)}:
        labels = get_raw(deployment, "spec.template.metadata.labels")
        if any(get(policy, "spec.podSelector.matchLabels", {}).items() <= labels.items() for policy in policies):
            return
        yield f"its pods stand in namespace {own}, which this stack does not close, and no policy of its own selects them"
    elif not any(_closes(policy) for policy in policies):
        yield f"namespace {own} denies nothing by default"


def _both_ways(policy: Resource) -> bool:
    return set(get(policy, "spec.policyTypes", [])) == {"Ingress", "Egress"}


def _closes(policy: Resource) -> bool:
    """Whether it selects every pod and lets nothing through."""
    return not get(policy, "spec.podSelector", {}) and not get(policy, "spec.ingress") and not get(policy, "spec.egress")


@BOOK.rule(
    "restricted-namespace",
    *SERVERS,
    title="Namespaces of workloads enforce the restricted standard",
    remedy="label the namespace pod-security.kubernetes.io/enforce: restricted",
    severity="medium",
)
def restricted_namespace(deployment: Resource, view: View) -> Iterator[str]:
    """Namespaces of this stack; one that is given belongs to somebody else."""
    own = get(deployment, "metadata.namespace", "default")
    for found in view.of("kubernetes:core/v1:Namespace"):
        if (
            get(found, "metadata.name") == own
            and get(found, "metadata.labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted"
        ):
            yield f"namespace {own} does not enforce the restricted standard"


@BOOK.rule(
    "no-plain-secrets",
    *PODS,
    "kubernetes:core/v1:ConfigMap",
    title="Secrets are not plain values",
    remedy="refer to a Secret",
    severity="critical",
)
def no_plain_secrets(resource: Resource, view: View) -> Iterator[str]:
    """Judged by name alone, since the engine hands secrets to a pack like any other value; the value is never told."""
    named = {str(key): value for key, value in get_raw(resource, "data").items()}
    if resource.type != "kubernetes:core/v1:ConfigMap":
        named = {f"{c.get('name')}/{e.get('name')}": e.get("value") for c in containers(resource) for e in c.get("env") or ()}
    for name, value in named.items():
        word = name.rsplit("/", 1)[-1]
        telling = SECRET_NAME.search(word) and not REFERENCE_NAME.search(word)
        if telling and (value is UNKNOWN or value not in (None, "")):
            yield f"{name} holds a secret in plain"


def tracking(workload: Resource) -> bool:
    """Whether a workload is the tracking server."""
    return bool(get(workload, "metadata.labels", {}).get("app.kubernetes.io/name") == "tracking-server")


@BOOK.rule(
    "tracking-login",
    "kubernetes:apps/v1:Deployment",
    title="The tracking server knows who calls it",
    remedy="state tracking.login",
    level="advisory",
    only=tracking,
)
def tracking_login(workload: Resource, view: View) -> Iterator[str]:
    """Users, and the names by which it may be called."""
    for container in containers(workload):
        command = [str(word) for word in get(container, "command", [])]
        if "--app-name=basic-auth" not in command:
            yield "anybody who reaches it may change any run"
        if not any(word.startswith("--allowed-hosts=") and word != "--allowed-hosts=*" for word in command):
            yield "answers to any Host header"
