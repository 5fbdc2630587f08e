"""The job that brings the tracking database to the schema of the server's image, before the first of its pods starts."""

from collections.abc import Mapping

from components.kubernetes import manifests
from components.kubernetes.manifests import Environment, Identity, Manifest
from components.kubernetes.tracking.login import STORE_URI
from components.naming import short_hash

DEADLINE = 1800
"""Seconds after which a migration is given up; the server then keeps the old image."""
STEPS: Mapping[str, list[str]] = {
    "runs": ["mlflow", "db", "upgrade", STORE_URI],
    "users": ["python", "-m", "mlflow.server.auth", "db", "upgrade", "--url", STORE_URI],
}
"""Both make an empty database's tables too. Source: mlflow 3.18.0, db.py and server/auth/db/cli.py. They may share a
database: mlflow pull request 18384, from 3.6 on.
"""


def migrating(identity: Identity) -> Identity:
    """The job's identity: labels of its own, so that no Service and no budget counts its pod as a server."""
    name = f"{identity.name}-migration"
    return Identity(name, identity.namespace, {**identity.labels, "app.kubernetes.io/component": name})


def _step(name: str, image: str, variables: Environment) -> Manifest:
    return {
        "name": name,
        "image": image,
        "command": STEPS[name],
        "env": manifests.environment({"HOME": "/tmp", **variables}),
        "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "securityContext": manifests.container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }


def job(identity: Identity, image: str, variables: Environment, *, account: str, login: bool) -> Manifest:
    """One pod, one try after another, named by the image: another image is another job, made before the server's pods change.

    A schema may move on while old pods still answer; that is safe for the minutes of a rollout, and going back needs a restored database.
    """
    *first, last = [_step(name, image, variables) for name in (["runs", "users"] if login else ["runs"])]
    pod = {
        "serviceAccountName": account,
        "initContainers": first,
        "containers": [last],
        "volumes": [manifests.scratch("tmp", "1Gi")],
    }
    return manifests.job(identity.metadata(f"{identity.name}-{short_hash([image, login])}"), identity.labels, pod, DEADLINE)
