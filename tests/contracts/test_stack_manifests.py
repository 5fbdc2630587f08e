"""What the reference stacks would send to their clusters, judged by the Kubernetes project's own schemas, strictly."""

from pathlib import Path

import kubernetes_validate
import pytest

from graph.exporters.kubernetes import manifest, objects
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]
CUSTOM = {"AlertmanagerConfig", "ClusterSecretStore", "ExternalSecret", "PodMonitor", "PrometheusRule", "ScaledObject", "SecretStore"}
GROUPS = ("argoproj.io/", "cert-manager.io/", "gateway.envoyproxy.io/", "gateway.networking.k8s.io/")
"""Kinds that only an operator's schema can judge."""


@pytest.mark.parametrize("stack", ["dev", "prod", "onprem"])
def test_every_built_in_object_is_valid(stack: str) -> None:
    made = [manifest(resource) for resource in objects(evaluate(ROOT / f"Pulumi.{stack}.yaml").graph)]
    judged = [body for body in made if body["kind"] not in CUSTOM and not body["apiVersion"].startswith(GROUPS)]
    for body in judged:
        kubernetes_validate.validate(body, "1.34", strict=True)
    assert len(judged) >= 16
