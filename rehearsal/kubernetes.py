"""The stand-in for a Kubernetes cluster: a store with the schema of the built-in kinds. No controllers, no admission, no scheduling.

Custom resources are kept unchecked, and a Helm release is one object that makes nothing. What exists is refused when it is to be created,
whoever made it. Source: pulumi/pulumi-kubernetes#4278, in 4.29.0 and later; before, it was taken over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import metadata, resources
from typing import Any

import yaml

from graph.types import schema
from graph.types.kubernetes import is_namespaced, object_id
from graph.types.materialise import Scope
from rehearsal import wire
from rehearsal.answers import CloudError, Keep
from rehearsal.cloud import Checked, Difference, Instance
from rehearsal.store import Object, Transaction

MANAGER = "pulumi-kubernetes"
NAMESPACE = "kubernetes:core/v1:Namespace"


@cache
def table() -> Mapping[str, Any]:
    """The facts of `data/kubernetes.yaml`."""
    found: Mapping[str, Any] = yaml.safe_load(resources.files("rehearsal").joinpath("data/kubernetes.yaml").read_text("utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Existing:
    """Namespaces that a cluster has before any stack: cluster identity (a shell pattern) to names."""

    namespaces: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def has(self, cluster: str, namespace: str) -> bool:
        """Whether a namespace is there without having been made."""
        named = [name for pattern, names in self.namespaces.items() if fnmatchcase(cluster, pattern) for name in names]
        return namespace in (*table()["initial_namespaces"], *named)


class Kubernetes:
    """Any number of clusters; each provider instance names its own."""

    package = "kubernetes"

    def __init__(self, existing: Existing | None = None) -> None:
        self._existing = existing or Existing()
        self.version = metadata.version("pulumi-kubernetes")

    def configure(self, config: Mapping[str, Any]) -> Instance:
        """An instance for the cluster that the inputs identify; raises CloudError when nothing does."""
        if config.get("renderYamlToDirectory"):
            raise CloudError("", "the stand-in cluster does not render YAML to a directory")
        cluster = identity(config)
        if not cluster:
            raise CloudError("", "configured Kubernetes cluster is unreachable: neither clusterIdentifier nor kubeconfig names one")
        return Instance(Scope(package="kubernetes", cluster=cluster), dict(config))

    def differ_config(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """A provider that names another cluster replaces all it manages; any other change updates it in place."""
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        named = old.get("clusterIdentifier"), new.get("clusterIdentifier")
        if all(named):
            return Difference(changed, ["clusterIdentifier"] if named[0] != named[1] else ())
        moved = "kubeconfig" in changed and identity({**old, "clusterIdentifier": ""}) != identity({**new, "clusterIdentifier": ""})
        return Difference(changed, ["kubeconfig"] if moved else ())

    def check(self, instance: Instance, urn: str, token: str, inputs: dict[str, Any], seed: bytes) -> Checked:
        """Built-in kinds against the types of the installed SDK; a kind without a name is given one, as the provider does."""
        if token in table()["releases"]:
            needed = table()["releases"][token]
            return Checked(inputs, [(name, f"missing required property '{name}'") for name in needed if inputs.get(name) is None])
        failures = [(violation.path, violation.message) for violation in schema.check_inputs(token, inputs)] if schema.known(token) else []
        failures += [(name, f"missing required property '{name}'") for name in ("apiVersion", "kind") if not inputs.get(name)]
        return Checked(_named(inputs, urn, seed), failures)

    def differ(
        self, instance: Instance, token: str, old: Mapping[str, Any], new: Mapping[str, Any], state: Mapping[str, Any]
    ) -> Difference:
        """What changed, and whether the provider's table makes it a replacement; same name and namespace means old first."""
        changed = wire.changed_paths(old, new)
        forcing = (
            [*table()["metadata"], *_forcing(instance, token, old, new)] if token not in table()["releases"] else ["name", "namespace"]
        )
        replaces = [path for path in forcing if any(_touches(one, path) for one in changed)]
        return Difference(changed, replaces, bool(replaces) and not set(replaces) & {*table()["metadata"], "name", "namespace"})

    def place(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> Scope:
        """The cluster; nothing an object says can move it."""
        return instance.scope

    def admit(self, txn: Transaction, instance: Instance, token: str, urn: str, inputs: Mapping[str, Any]) -> None:
        """Raise when the namespace is missing."""
        namespace = namespace_of(instance, token, inputs)
        there = _makes_namespace(token, inputs) or self._existing.has(instance.scope.cluster, namespace)
        if namespace and not there and not _has_namespace(txn, instance.scope, namespace):
            raise CloudError("", f'namespaces "{namespace}" not found')

    def answering(self, token: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """None: what an object holds is what was sent."""
        return {}

    def claims(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> Sequence[tuple[str, str, CloudError]]:
        """The object itself: its id is its name, which one object of a kind has in its namespace."""
        id = object_id(token, inputs)
        refused = f'resource "{id}" was not successfully created by the Kubernetes API server'
        text = f'{refused}: {kind_of(token).rpartition("/")[2]} "{id.rpartition("/")[2]}" already exists'
        return [(f"{instance.scope.cluster}/{token}", id, CloudError("", text))]

    def counts(self, token: str) -> Sequence[str]:
        """None: nothing here counts versions."""
        return ()

    def moved(self, token: str, changed: Sequence[str], inputs: Mapping[str, Any]) -> Sequence[str]:
        """None: nothing here counts versions."""
        return ()

    def release(self, txn: Transaction, found: Object) -> Sequence[Keep]:
        """Deleting a namespace deletes all that is in it; a namespace that a release made stays, as Helm leaves it."""
        if _makes_namespace(found.token, found.inputs):
            return [Keep(NAMESPACE, str(found.inputs["namespace"]), "made by a Helm release, which does not delete it")]
        if found.token == NAMESPACE:
            name = _metadata(found.inputs).get("name")
            for held in txn.find(package="kubernetes", cluster=found.scope.cluster):
                if held.seq != found.seq and _metadata(held.outputs).get("namespace", held.outputs.get("namespace")) == name:
                    txn.remove(held)
        return ()


def identity(config: Mapping[str, Any]) -> str:
    """What tells one cluster from another: the given identifier, else the server of the kubeconfig's current context."""
    if config.get("clusterIdentifier"):
        return str(config["clusterIdentifier"])
    kubeconfig = config.get("kubeconfig")
    if isinstance(kubeconfig, str):
        try:
            kubeconfig = yaml.safe_load(kubeconfig)
        except yaml.YAMLError as problem:
            raise CloudError("", f"unable to parse kubeconfig: {problem}") from None
    if not isinstance(kubeconfig, Mapping):
        return f"{kubeconfig or ''}#{config['context']}" if config.get("context") else str(kubeconfig or "")
    context = config.get("context") or kubeconfig.get("current-context")
    named = next(
        (row["context"]["cluster"] for row in kubeconfig.get("contexts") or () if row.get("name") == context), config.get("cluster")
    )
    found: Mapping[str, Any] = next((row["cluster"] for row in kubeconfig.get("clusters") or () if row.get("name") == named), {})
    return str(found.get("server") or named or "")


def kind_of(token: str) -> str:
    """`apps/v1/Deployment` of `kubernetes:apps/v1:Deployment`; `v1/Pod` of `kubernetes:core/v1:Pod`."""
    _, version, kind = token.split(":", 2)
    return f"{version.removeprefix('core/')}/{kind}"


def namespace_of(instance: Instance, token: str, inputs: Mapping[str, Any]) -> str:
    """The namespace an object goes to; "" for what has none. A custom resource has one exactly when its manifest names it."""
    source = inputs if token in table()["releases"] else _metadata(inputs)
    given = wire.revealed(source.get("namespace"))
    if is_namespaced(token) is False:
        return ""
    default = str(instance.settings.get("namespace") or "default") if is_namespaced(token) else ""
    return given if isinstance(given, str) and given else default


def _metadata(values: Mapping[str, Any]) -> Mapping[str, Any]:
    found = wire.revealed(values.get("metadata"))
    return found if isinstance(found, Mapping) else {}


def _named(inputs: dict[str, Any], urn: str, seed: bytes) -> dict[str, Any]:
    given = _metadata(inputs)
    if "name" in given or "generateName" in given:
        return inputs
    annotations = {**given.get("annotations", {}), "pulumi.com/autonamed": "true"}
    return {
        **inputs,
        "metadata": {**given, "name": f"{urn.rpartition('::')[2]}-{seed.hex()[:8] or '00000000'}", "annotations": annotations},
    }


def _forcing(instance: Instance, token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    kind = kind_of(token)
    row = table()["immutable"].get(kind)
    if row and (instance.settings.get(row["unless"]) is not True or new.get("immutable") is True):
        return list(row["paths"])
    return list(table()["force_new"].get(kind, ()))


def _touches(changed: str, forcing: str) -> bool:
    return changed == forcing or changed.startswith((f"{forcing}.", f"{forcing}[")) or forcing.startswith((f"{changed}.", f"{changed}["))


def _makes_namespace(token: str, inputs: Mapping[str, Any]) -> bool:
    return token in table()["releases"] and inputs.get("createNamespace") is True and isinstance(inputs.get("namespace"), str)


def _has_namespace(txn: Transaction, scope: Scope, name: str) -> bool:
    made = txn.find(package="kubernetes", cluster=scope.cluster, token=NAMESPACE, id=name)
    releases = (one for token in table()["releases"] for one in txn.find(package="kubernetes", cluster=scope.cluster, token=token))
    return bool(made) or any(_makes_namespace(one.token, one.inputs) and one.inputs["namespace"] == name for one in releases)
