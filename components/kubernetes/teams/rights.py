"""Rights of a team in its namespace: manage what an endpoint consists of, and look at the rest. Pure data and manifests."""

from collections.abc import Mapping, Sequence

from components.kubernetes.manifests import DEFAULT_DENY, Identity, Manifest

MANAGED: Mapping[str, Sequence[str]] = {
    "": ("configmaps", "persistentvolumeclaims", "secrets", "serviceaccounts", "services"),
    "apps": ("deployments",),
    "argoproj.io": ("analysistemplates", "rollouts"),
    "batch": ("cronjobs", "jobs"),
    "external-secrets.io": ("externalsecrets",),
    "gateway.envoyproxy.io": ("backendtrafficpolicies", "securitypolicies"),
    "gateway.networking.k8s.io": ("httproutes",),
    "keda.sh": ("scaledobjects",),
    "leaderworkerset.x-k8s.io": ("leaderworkersets",),
    "monitoring.coreos.com": ("podmonitors", "prometheusrules", "servicemonitors"),
    "networking.k8s.io": ("networkpolicies",),
    "policy": ("poddisruptionbudgets",),
}
"""Kinds that a team's stacks make, by API group."""

WATCHED: Mapping[str, Sequence[str]] = {
    "": ("endpoints", "events", "pods", "pods/log", "resourcequotas"),
    "apps": ("controllerrevisions", "replicasets"),
    "argoproj.io": ("analysisruns",),
    "autoscaling": ("horizontalpodautoscalers",),
    "discovery.k8s.io": ("endpointslices",),
}
"""Kinds that a team looks at, as the provider does while it waits for pods."""


def role(identity: Identity) -> Manifest:
    """What may be done in the namespace. Quotas, roles and the policy that closes it are none of the team's."""
    managed = [
        {"apiGroups": [group], "resources": list(kinds), "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"]}
        for group, kinds in MANAGED.items()
    ]
    watched = [{"apiGroups": [group], "resources": list(kinds), "verbs": ["get", "list", "watch"]} for group, kinds in WATCHED.items()]
    return {"metadata": identity.metadata(), "rules": [*managed, *watched]}


def role_binding(identity: Identity, group: str) -> Manifest:
    """Gives the role to a group."""
    return {
        "metadata": identity.metadata(),
        "role_ref": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": identity.name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }


def closing_policy(identity: Identity, group: str) -> Manifest:
    """Admission that keeps the group from opening the namespace as a whole: what closes it by default can be changed by others alone.

    The group may let single pods reach and be reached, by policies of their own. Rights cannot say that, since they know no exceptions.
    """
    return {
        "metadata": {"name": group, "labels": dict(identity.labels)},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": identity.namespace}},
                "resourceRules": [
                    {
                        "apiGroups": ["networking.k8s.io"],
                        "apiVersions": ["v1"],
                        "operations": ["UPDATE", "DELETE"],
                        "resources": ["networkpolicies"],
                    }
                ],
            },
            "matchConditions": [{"name": "of-the-team", "expression": f"request.userInfo.groups.exists(group, group == '{group}')"}],
            "validations": [
                {
                    "expression": f"oldObject.metadata.name != '{DEFAULT_DENY}'",
                    "message": "the policy that closes the namespace belongs to the platform",
                }
            ],
        },
    }


def closing_binding(identity: Identity, group: str) -> Manifest:
    """Puts the admission policy of the same name into force."""
    return {
        "metadata": {"name": group, "labels": dict(identity.labels)},
        "spec": {"policyName": group, "validationActions": ["Deny"]},
    }
