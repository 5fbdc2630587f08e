"""Network Load Balancers: how Services of a cluster on AWS are reached from outside it."""

from components.contracts import LoadBalancer

PREFIX = "service.beta.kubernetes.io/aws-load-balancer"


def by_cloud_provider(*, public: bool) -> LoadBalancer:
    """What the cluster's own controller makes, which has every Service that does not ask for another one.

    Sources: kubernetes/cloud-provider-aws, docs/service_controller.md; AWS Load Balancer Controller,
    "Network Load Balancer", configuration.
    """
    inside = {} if public else {f"{PREFIX}-internal": "true"}
    return LoadBalancer({f"{PREFIX}-type": "nlb", **inside})


def by_auto_mode(*, public: bool) -> LoadBalancer:
    """What EKS Auto Mode makes. Source: EKS user guide, auto-configure-nlb."""
    return LoadBalancer({f"{PREFIX}-scheme": "internet-facing" if public else "internal"}, "eks.amazonaws.com/nlb")
