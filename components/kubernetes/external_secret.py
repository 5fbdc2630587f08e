"""Credentials that External Secrets copies from a secret store into a namespace (external-secrets.io/v1)."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.kubernetes.manifests import Manifest

API = "external-secrets.io/v1"
REFRESH = "1h"
"""How often a copy is compared with the store."""


def secret_store(name: str, metadata: Manifest, provider: Mapping[str, Any], opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """A SecretStore: `metadata` holds its name, namespace and labels.

    `provider` is the store's `spec.provider`, such as {"aws": {"service": "SecretsManager", "region": …}}.
    """
    import pulumi_kubernetes as k8s

    spec = {"provider": dict(provider)}
    return k8s.apiextensions.CustomResource(name, api_version=API, kind="SecretStore", metadata=metadata, spec=spec, opts=opts)


def cluster_store(
    name: str, metadata: Manifest, provider: Mapping[str, Any], namespaces: Mapping[str, str], opts: pulumi.ResourceOptions
) -> pulumi.CustomResource:
    """A ClusterSecretStore that only namespaces with the given labels may copy from."""
    import pulumi_kubernetes as k8s

    spec = {"provider": dict(provider), "conditions": [{"namespaceSelector": {"matchLabels": dict(namespaces)}}]}
    return k8s.apiextensions.CustomResource(name, api_version=API, kind="ClusterSecretStore", metadata=metadata, spec=spec, opts=opts)


def external_secret(
    name: str,
    metadata: Manifest,
    *,
    store: Mapping[str, str],
    key: pulumi.Input[str],
    fields: Mapping[str, str],
    kind: str = "",
    opts: pulumi.ResourceOptions,
) -> pulumi.CustomResource:
    """An ExternalSecret, which makes the Secret of its own name: `metadata` holds its name, namespace and labels, `kind` is its type.

    `store` is {"kind": "SecretStore" | "ClusterSecretStore", "name": …}, `key` the secret's name there, and `fields` maps each key of
    the Secret to a field of the stored one.
    """
    import pulumi_kubernetes as k8s

    spec = _copied(metadata["name"], store, key, fields)
    spec["target"] |= {"template": {"type": kind}} if kind else {}
    return k8s.apiextensions.CustomResource(name, api_version=API, kind="ExternalSecret", metadata=metadata, spec=spec, opts=opts)


def _copied(name: str, store: Mapping[str, str], key: pulumi.Input[str], fields: Mapping[str, str]) -> Manifest:
    return {
        "refreshInterval": REFRESH,
        "secretStoreRef": dict(store),
        "target": {"name": name, "creationPolicy": "Owner"},
        "data": [{"secretKey": ours, "remoteRef": {"key": key, "property": theirs}} for ours, theirs in fields.items()],
    }
