"""Every field that a stack file may hold changes what is asked of the cloud, or what is judged; none is accepted and then ignored.

Generated from the models: a field without a second value to try fails here until someone says in `SECOND` what it could hold.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from infra.aws.given_platform import AwsGivenPlatform
from infra.aws.platform import AwsPlatform
from infra.offline import Evaluation
from infra.platform import Common
from infra.platforms import MODELS, AnyStack
from infra.reading.shape import at
from infra.reading.stackfile import read
from policies.evaluate import evaluate
from review.build import build
from review.to_json import to_json
from tests.config.attribution import effective
from tests.config.fields import CONTEXTS, Place, changed, data, draw, essence, fields, judged, leaves, model, others, pattern

AWS_ROLE = "arn:aws:iam::444455556666:role/administrator"
BLOCK: Place = ("cluster", "pools", "block")
END: Place = (*BLOCK, "capacity", 0, "end")
STATIC: Place = ("cluster", "pools", "static")
POOL: Place = ("cluster", "pools", "serving")
BATCH: Place = ("cluster", "cpu_pools", "batch")

SECOND: dict[str, dict[str, dict[Place, Any]]] = {
    "aws": {
        "site.account": {
            ("site", "account"): "444455556666",
            ("cluster", "administrators"): [AWS_ROLE],
            ("teams", "vision", "principals"): [AWS_ROLE.replace("administrator", "deploy-vision")],
        },
        "site.region": {
            ("site", "region"): "us-east-1",
            ("site", "zones"): ["us-east-1a", "us-east-1b"],
            (*POOL, "zones"): ["us-east-1a"],
            (*BATCH, "zones"): ["us-east-1a"],
        },
        "site.zones.[]": {
            ("site", "zones"): ["us-west-2a", "us-west-2c"],
            (*POOL, "zones"): ["us-west-2a"],
            (*BATCH, "zones"): ["us-west-2a"],
        },
        "network.cidr": {("network", "cidr"): "10.30.0.0/16"},
        "network.egress.allow.[]": {("network", "egress", "allow"): ["203.0.113.0/24"]},
        "network.connections.*.ranges.[]": {("network", "connections", "tools", "ranges"): ["10.90.0.0/17"]},
        "recovery.connections.*.ranges.[]": {("recovery", "connections", "offices", "ranges"): ["10.91.0.0/17"]},
        "network.existing.cidr": {("network", "existing", "cidr"): "10.65.0.0/20"},
        "network.flow_log_retention": {("network", "flow_log_retention"): "400d"},
        "account.trail.log_retention": {("account", "trail", "log_retention"): "400d"},
        "cluster.log_retention": {("cluster", "log_retention"): "400d"},
        "cluster.system.machine": {("cluster", "system", "machine"): "m7i.xlarge"},
        "cluster.cpu_pools.*.capacity.[]": {("cluster", "cpu_pools", "batch", "capacity"): ["on-demand"]},
        "cluster.cpu_pools.*.machine": {("cluster", "cpu_pools", "batch", "machine"): "m5.4xlarge"},
        "cluster.cpu_pools.*.machines.[]": {("cluster", "cpu_pools", "batch", "machines"): ["r7i.4xlarge"]},
        "cluster.cpu_pools.*.taint": {
            ("cluster", "cpu_pools", "batch", "taint"): False,
            ("cluster", "cpu_pools", "batch", "group_per_zone"): True,
        },
        "cluster.cpu_pools.*.zones.[]": {("cluster", "cpu_pools", "batch", "zones"): ["us-west-2b"]},
        "cluster.pools.*.machine": {(*POOL, "machine"): "g6e.24xlarge"},
        "cluster.pools.*.accelerator": {(*POOL, "accelerator"): "l4", (*POOL, "machine"): "g6.12xlarge"},
        "cluster.pools.*.zones.[]": {(*POOL, "zones"): ["us-west-2b"]},
        "identity.boundary": {("identity", "boundary"): "none", ("identity", "regions"): []},
        "identity.path": {("identity", "path"): "/platform/"},
        "identity.session": {("identity", "session"): "3h"},
        "recovery.region": {
            ("recovery", "region"): "us-east-1",
            ("recovery", "zones"): ["us-east-1a", "us-east-1b"],
            ("recovery", "capacity", "serving", "zone"): "us-east-1a",
            ("recovery", "notify"): ["arn:aws:sns:us-east-1:111122223333:on-call"],
        },
        "recovery.zones.[]": {("recovery", "zones"): ["us-east-2a", "us-east-2c"]},
        "recovery.cidr": {("recovery", "cidr"): "10.61.0.0/16"},
        "recovery.cluster": {("recovery", "cluster"): "cold"},
        "recovery.buckets.[]": {("recovery", "buckets"): ["artifacts", "models", "datasets"]},
        "recovery.capacity.*.zone": {("recovery", "capacity", "serving", "zone"): "us-east-2b"},
        "registry.readers.[]": {("registry", "readers"): ["777788889999"]},
        "registry.pull_through.*.upstream": {("registry", "pull_through", "k8s", "upstream"): "quay.io"},
        "registry.database.backup_window": {("registry", "database", "backup_window"): "01:00-02:00"},
        "registry.database.maintenance_window": {("registry", "database", "maintenance_window"): "sat:05:00-sat:06:00"},
        "secrets.prefix": {("secrets", "prefix"): "others/"},
        "alarms.emails.[]": {("alarms", "emails"): ["others@example.com"]},
        "streams.streams.*.columns.*": {("streams", "streams", "clicks", "columns", "at"): "date"},
        "streams.streams.*.partition_by": {("streams", "streams", "clicks", "partition_by"): None},
        "streams.streams.*.retention": {("streams", "streams", "clicks", "retention"): "72h"},
        "streams.log_retention": {("streams", "log_retention"): "400d"},
        "registry.database.instance_class": {("registry", "database", "instance_class"): "db.t4g.large"},
        "registry.database.log_retention": {("registry", "database", "log_retention"): "400d"},
    },
    "aws-karpenter": {
        "network.connections.*.ranges.[]": {("network", "connections", "offices", "ranges"): ["10.91.0.0/17"]},
    },
    "aws-existing": {
        "site.region": {
            ("site", "region"): "us-east-1",
            ("site", "zones"): ["us-east-1a", "us-east-1b"],
            ("network", "existing", "private"): {"us-east-1a": "subnet-0a0000000000000a1", "us-east-1b": "subnet-0a0000000000000b1"},
            ("network", "existing", "isolated"): {"us-east-1a": "subnet-0b0000000000000a1", "us-east-1b": "subnet-0b0000000000000b1"},
        },
        "site.zones.[]": {
            ("site", "zones"): ["us-west-2a", "us-west-2b", "us-west-2c"],
            ("network", "existing", "private", "us-west-2c"): "subnet-0a0000000000000c1",
        },
    },
    "aws-given-cluster": {
        "site.region": {
            ("site", "region"): "us-east-1",
            ("site", "zones"): ["us-east-1a", "us-east-1b"],
            ("cluster", "existing", "endpoint"): "https://0123456789abcdef0123456789abcdef.gr7.us-east-1.eks.amazonaws.com",
            ("network", "existing", "isolated"): {"us-east-1a": "subnet-0b0000000000000a1", "us-east-1b": "subnet-0b0000000000000b1"},
        },
        "site.account": {("site", "account"): "444455556666"},
        "site.zones.[]": {
            ("site", "zones"): ["us-west-2a", "us-west-2c"],
            ("network", "existing", "isolated"): {"us-west-2a": "subnet-0b0000000000000a1", "us-west-2c": "subnet-0b0000000000000c1"},
        },
        "cluster.existing.authority": {("cluster", "existing", "authority"): "QUJD" * 40},
        "cluster.existing.endpoint": {
            ("cluster", "existing", "endpoint"): "https://0123456789abcdef0123456789abcdee.gr7.us-west-2.eks.amazonaws.com"
        },
    },
    "aws-scratch": {
        "storage.scratch.zone": {(*POOL, "zones"): ["us-west-2b"], ("storage", "scratch", "zone"): "us-west-2b"},
        "storage.scratch.size": {("storage", "scratch", "size"): "4.8TiB"},
    },
    "aws-storage": {
        "storage.scratch.links.*.prefix": {("storage", "scratch", "links", "datasets", "prefix"): "images/"},
        "storage.mounts.*.prefix": {("storage", "mounts", "models", "prefix"): "qwen/"},
    },
    "aws-capacity": {
        "cluster.pools.*.capacity.[].size": {("cluster", "pools", "block", "capacity", 0, "size"): 3, (*BLOCK, "max"): 3},
        "cluster.pools.*.capacity.[].zone": {("cluster", "pools", "block", "capacity", 0, "zone"): "us-west-2a"},
        "cluster.pools.*.capacity.[].zone_id": {("cluster", "pools", "elastic", "capacity", 0, "zone_id"): "usw2-az3"},
        "cluster.pools.*.image_release": {("cluster", "pools", "neuron", "image_release"): "1.34.2-20251201"},
        "cluster.pools.*.machines.[]": {("cluster", "pools", "serving", "machines"): ["g6e.16xlarge"]},
        "cluster.pools.*.karpenter.static": {(*STATIC, "karpenter", "static"): False, (*STATIC, "min"): 0},
        "cluster.pools.*.placement": {
            ("cluster", "pools", "elastic", "placement"): "cluster",
            ("cluster", "pools", "elastic", "capacity", 0, "placement_group"): "research",
        },
    },
    "aws-sharing": {"cluster.pools.*.sharing.profile": {("cluster", "pools", "cut", "sharing", "profile"): "3g.20gb"}},
    "onprem-given": {"operators.install.[]": {("operators", "install"): ["keda", "lws"]}},
    "onprem-rollout": {
        "operators.install.[]": {("operators", "install"): ["argo-rollouts", "kube-prometheus-stack", "cert-manager"]},
        "operators.given.[]": {
            ("operators", "given"): ["keda", "external-secrets"],
            ("operators", "install"): ["argo-rollouts", "kube-prometheus-stack", "envoy-gateway"],
        },
        "alerts.page": {("alerts", "page"): "channel"},
        "alerts.ticket": {("alerts", "ticket"): "on-call"},
        "alerts.heartbeat": {("alerts", "heartbeat"): "chat-bot"},
        "alerts.teams.*.page": {("alerts", "teams", "vision", "page"): "channel"},
        "alerts.teams.*.ticket": {("alerts", "teams", "vision", "ticket"): "on-call"},
        "gateway.domain": {("gateway", "domain"): "models.example.com"},
        "endpoints.*.rollout.canary.steps.[]": {("endpoints", "chat", "rollout", "canary", "steps"): ["50%", "100%"]},
    },
    "onprem": {
        "layer.[]": {("layer",): ["platform"], ("endpoints",): {}},
        "operators.install.[]": {("operators", "install"): ["keda", "argo-rollouts", "cert-manager", "dcgm-exporter"]},
        "operators.given.[]": {
            ("operators", "given"): ["keda", "envoy-gateway"],
            ("operators", "install"): ["argo-rollouts", "cert-manager", "dcgm-exporter"],
        },
        "endpoints.*.rollout.canary.steps.[]": {("endpoints", "chat", "rollout", "canary", "steps"): ["50%", "100%"]},
        "endpoints.*.traffic.host": {("endpoints", "chat", "traffic", "host"): "speak.ml.example.com"},
        "endpoints.*.shadow.model": {("endpoints", "chat", "shadow", "model"): "models:/llama/14"},
        "gateway.domain": {
            ("gateway", "domain"): "models.example.com",
            ("endpoints", "chat", "traffic", "host"): "talk.models.example.com",
        },
        "endpoints.*.pool": {("endpoints", "chat", "pool"): "small"},
        "endpoints.*.scale.schedules.*.start": {("endpoints", "chat", "scale", "schedules", "office", "start"): "0 8 * * 1-5"},
        "endpoints.*.scale.schedules.*.end": {("endpoints", "chat", "scale", "schedules", "office", "end"): "0 20 * * 1-5"},
        "endpoints.*.scale.schedules.*.timezone": {("endpoints", "chat", "scale", "schedules", "office", "timezone"): "Europe/Paris"},
        "endpoints.*.probe.key": {("endpoints", "chat", "probe", "key"): None},
        "endpoints.*.probe.request.body": {("endpoints", "chat", "probe", "request", "body"): '{"model": "llama"}'},
        "endpoints.*.objectives.ttft_p95": {("endpoints", "chat", "objectives", "ttft_p95"): "5s"},
        "database.addresses.[]": {("database", "addresses"): ["10.40.2.0/24"]},
    },
}
"""Where one other value by itself cannot be valid: what to change, by kind of site or context, and field."""

CHECKED: dict[str, dict[Place, Any]] = {
    "cluster.upgrade_from": {("cluster", "upgrade_from"): "1.32"},
    "cluster.pools.*.cuda": {("cluster", "pools", "serving", "cuda"): 14},
    "recovery.rto": {("recovery", "rto"): "10m"},
    "recovery.assumes.restore": {("recovery", "assumes", "restore"): "3h"},
    "recovery.assumes.decide": {("recovery", "assumes", "decide"): "3h"},
    "recovery.assumes.redirect": {("recovery", "assumes", "redirect"): "3h"},
    "cluster.pools.*.capacity.[].start": {("cluster", "pools", "block", "capacity", 0, "start"): "2027-02-01T11:30:00Z"},
    "cluster.pools.*.capacity.[].end": {END: "2027-01-03T11:30:00Z"},
    "storage.scratch.pools.[]": {("storage", "scratch", "pools", 0): "training"},
    "cluster.pools.*.gpu_memory": {("cluster", "pools", "large", "gpu_memory"): "8GiB"},
    "cluster.pools.*.gpus_per_node": {
        ("cluster", "pools", "large", "gpus_per_node"): 1,
        ("endpoints", "chat", "gpus"): 2,
    },
    "cluster.existing.pools.*.machine": {
        ("cluster", "existing", "pools", "serving", "machine"): "g6.2xlarge",
        ("endpoints", "chat", "memory"): "40GiB",
    },
    "cluster.existing.pools.*.nodes": {
        ("cluster", "existing", "pools", "serving", "nodes"): 1,
        ("endpoints", "chat", "scale", "max"): 5,
    },
    "cluster.pools.*.pull_speed": {("cluster", "pools", "large", "pull_speed"): "4MiB"},
    "cluster.existing.pools.*.pull_speed": {("cluster", "existing", "pools", "serving", "pull_speed"): "4MiB"},
    "endpoints.*.scale.cold_start.within": {("endpoints", "chat", "scale", "cold_start", "within"): "5m"},
    "endpoints.*.scale.cold_start.image_size": {("endpoints", "chat", "scale", "cold_start", "image_size"): "40GiB"},
    "endpoints.*.facts.layers": {("endpoints", "chat", "facts", "layers"): 320},
    "endpoints.*.facts.kv_heads": {("endpoints", "chat", "facts", "kv_heads"): 80},
    "endpoints.*.facts.head_dim": {("endpoints", "chat", "facts", "head_dim"): 1280},
    "endpoints.*.facts.tokens_per_request": {
        ("endpoints", "chat", "facts", "tokens_per_request"): 8192,
        ("endpoints", "chat", "engine", "concurrency"): 64,
    },
    "endpoints.*.facts.kv_per_token": {("endpoints", "draft", "facts", "kv_per_token"): "16MiB"},
    "cluster.pools.*.nodes": {("cluster", "pools", "large", "nodes"): 1, ("endpoints", "chat", "gpus"): 2},
}
"""Facts that only judge the rest of a file: a change by which the file is refused."""

OF_SERVING = {"platform", "credentials.role", "credentials.context"}
"""Fields of a stack of endpoints alone, which stands on another file: tests/stacks/test_serving_stacks.py changes them."""

REPORTED = {
    "gateway.exposure": ("verdicts", "findings"),
    "tier": ("verdicts", "findings"),
    "owner": ("stack",),
    "compliance.[]": ("compliance",),
}
"""Fields that only judge, and the parts of a review that they change."""


def on_aws(context: str) -> bool:
    """Whether a context is a platform on AWS."""
    return model(context) in (AwsPlatform, AwsGivenPlatform)


CASES = [
    (context, pattern(place, model(context)), place)
    for context in CONTEXTS
    for place in leaves(data(context))
    if not on_aws(context) or place[0] not in Common.model_fields.keys() - {"teams"}
]
"""Every stated leaf. What all sites share is tried on premises, where a graph is drawn in a tenth of the time."""


def alternatives(context: str, place: Place) -> tuple[str, ...]:
    """Which alternatives of unions a place stands in, such as vllm or triton."""
    value, found = data(context), []
    for part in place:
        found += [kind] if isinstance(value, dict) and isinstance(kind := value.get("kind"), str) else []
        value = value[part]
    return tuple(found)


def first_of_each() -> dict[tuple[str, str], Place]:
    """A place of each field for every alternative that it stands in, on AWS and elsewhere: one a context, in the first that states it."""
    found: dict[tuple[str, str], Place] = {}
    drawn: set[tuple[bool, str, tuple[str, ...]]] = set()
    for context, field, place in CASES:
        case = (on_aws(context), field, alternatives(context, place))
        if case not in drawn and (context, field) not in found:
            found[context, field] = place
            drawn.add(case)
    return found


FIRST = first_of_each()
TAGS = {(context, field) for (context, field), place in FIRST.items() if all("const" in schema for schema in at(model(context), place))}
"""Fields with one value per model, which tell alternatives apart."""


@cache
def base(context: str) -> dict[str, Any]:
    platform = judged(context, data(context))
    assert platform is not None
    return essence(draw(platform))


def second(context: str, field: str) -> dict[Place, Any] | None:
    """The first change of a field that leaves the file valid."""
    known = {**SECOND["aws" if on_aws(context) else "onprem"], **SECOND.get(context, {})}
    if field in known:
        return known[field]
    place = FIRST[context, field]
    return next(({place: value} for value in others(context, place) if judged(context, changed(data(context), {place: value}))), None)


def test_the_contexts_state_every_field() -> None:
    for owner in MODELS:
        stated = {pattern(place, model(context)) for context in CONTEXTS for place in leaves(data(context))}
        assert fields(owner) - stated - {"layer.[]"} - OF_SERVING == set()


JUDGED = {(context, field) for context, field in FIRST if field in REPORTED or field in CHECKED}


GRAPHED = sorted(FIRST.keys() - TAGS - JUDGED)
"""Fields that must change what is asked of the cloud."""


def drawn(context: str, *changes: dict[Place, Any]) -> dict[str, Any] | None:
    """What the cloud is asked for after changes of the file; None when it is no longer valid."""
    platform = judged(context, changed(data(context), {place: value for change in changes for place, value in change.items()}))
    return essence(draw(platform)) if platform else None


WORTH_GROUPING = 6
"""Fields from which on drawing them together takes fewer drawings than one by one."""


def compatible(context: str, seconds: dict[str, dict[Place, Any]]) -> list[str]:
    """Fields whose changes are valid together, and in the groups in which they are drawn."""
    chosen: list[str] = []
    touched: set[Place] = set()
    document = data(context)
    for field, changes in seconds.items():
        # One value each: a change that needs others to be valid is drawn by itself.
        if len(changes) > 1 or changes.keys() & touched or judged(context, further := changed(document, changes)) is None:
            continue
        document, chosen, touched = further, [*chosen, field], touched | changes.keys()
    return chosen


@pytest.mark.long
@pytest.mark.parametrize("context", sorted({context for context, _ in GRAPHED}))
def test_another_value_of_each_field_changes_the_graph(context: str) -> None:
    found = {field: second(context, field) for name, field in GRAPHED if name == context}
    unknown = [field for field, changes in found.items() if changes is None]
    assert not unknown, f"no second value is known of {unknown}: add one of each to SECOND"
    seconds = {field: changes for field, changes in found.items() if changes is not None}

    def together(group: Sequence[str]) -> dict[str, Any]:
        return drawn(context, *(seconds[field] for field in group)) or base(context)

    effect: set[str] = set()
    # Effects that hide each other in the whole group are often seen apart in the rest of it.
    for _ in range(2):
        rest = {field: changes for field, changes in seconds.items() if field not in effect}
        group = compatible(context, rest)
        if len(group) >= WORTH_GROUPING:
            effect |= effective(group, base(context), together)
    for field in seconds.keys() - effect:
        alone = drawn(context, seconds[field])
        assert alone is not None, f"SECOND[{field!r}] is not valid"
        if alone != base(context):
            effect.add(field)
    idle = sorted(seconds.keys() - effect)
    assert not idle, f"{idle} are accepted and change nothing"


def test_alternatives_of_a_union_make_different_graphs() -> None:
    assert {field for _, field in TAGS} >= {"site.cloud", "database.credentials.kind", "endpoints.*.engine.kind"}
    assert base("onprem") != base("onprem-given")
    assert base("aws") != base("onprem")


@pytest.mark.parametrize("field", sorted(CHECKED))
def test_facts_that_only_judge_refuse_what_does_not_fit(field: str) -> None:
    context = next(name for name, stated in FIRST if stated == field)
    place, value = next(iter(CHECKED[field].items()))
    rest = {other: item for other, item in CHECKED[field].items() if other != place}
    assert judged(context, changed(data(context), rest)) is not None
    assert judged(context, changed(data(context), {**rest, place: value})) is None


def test_the_end_of_a_block_decides_from_when_on_it_is_refused() -> None:
    now = datetime(2027, 1, 11, 12, tzinfo=UTC)
    first = judged("aws-capacity", data("aws-capacity"))
    later = judged("aws-capacity", changed(data("aws-capacity"), {END: "2027-01-12T11:30:00Z"}))
    assert isinstance(first, AwsPlatform)
    assert isinstance(later, AwsPlatform)
    assert [problem.path for problem in first.closed(now)] == [END]
    assert list(later.closed(now)) == []


def report(platform: AnyStack) -> dict[str, Any]:
    """The review's rows and verdicts."""
    graph = draw(platform)
    return to_json(build(Evaluation(platform, read(CONTEXTS["onprem"]), graph), evaluate(graph)))


@pytest.mark.parametrize("field", sorted(REPORTED))
def test_reported_fields_change_the_review_and_nothing_that_is_built(field: str) -> None:
    before, after = judged("onprem", data("onprem")), judged("onprem", changed(data("onprem"), second("onprem", field) or {}))
    assert before
    assert after
    assert essence(draw(after)) == base("onprem")
    rows = REPORTED[field]
    assert {row: report(before)[row] for row in rows} != {row: report(after)[row] for row in rows}
