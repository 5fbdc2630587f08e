"""Images, database and tracking server over every stack: what runs is what was scanned, kept, and asked for by somebody known."""

import json
from typing import Any

import pytest

from graph.model import Resource
from tests.assertions.graphs import STACKS, graph, on_aws
from tests.evaluated import evaluate

REPOSITORY, DATABASE, PARAMETERS = "aws:ecr/repository:Repository", "aws:rds/instance:Instance", "aws:rds/parameterGroup:ParameterGroup"
CACHE, TEMPLATE = "aws:ecr/pullThroughCacheRule:PullThroughCacheRule", "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
EXTERNAL, STORES = "kubernetes:external-secrets.io/v1:ExternalSecret", ("SecretStore", "ClusterSecretStore")
REFERENCE = ("dev", "prod", "onprem")
GIVEN = {"onprem", "existing-cluster", "rollouts"}
"""Stacks whose administrators keep the cluster's secret stores."""


def server(stack: str) -> Resource:
    (found,) = [r for r in graph(stack).of_type("kubernetes:apps/v1:Deployment") if r.name == "tracking-pods"]
    return found


def container(stack: str) -> Any:
    return server(stack).inputs["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("stack", on_aws())
def test_repositories_keep_what_was_scanned(stack: str) -> None:
    made = graph(stack)
    for repository in made.of_type(REPOSITORY):
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.inputs["imageScanningConfiguration"]["scanOnPush"] is True
    templates = {template.inputs["prefix"]: template.inputs for template in made.of_type(TEMPLATE)}
    for rule in made.of_type(CACHE):
        template = templates[rule.inputs["ecrRepositoryPrefix"]]
        assert template["imageTagMutability"] == "IMMUTABLE"
        assert template["encryptionConfigurations"][0]["encryptionType"] == "KMS"
        assert template["customRoleArn"], "ECR takes a key or tags only from a role"


def test_production_scans_again_and_again_and_nodes_may_fill_its_caches() -> None:
    made = graph("prod")
    (scanning,) = made.of_type("aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration")
    assert (scanning.inputs["scanType"], scanning.inputs["rules"][0]["scanFrequency"]) == ("ENHANCED", "CONTINUOUS_SCAN")
    prefixes = {rule.inputs["ecrRepositoryPrefix"] for rule in made.of_type(CACHE)}
    pulls = [p for p in made.of_type("aws:iam/rolePolicy:RolePolicy") if p.name.startswith("registry-cache-pulls")]
    assert prefixes
    for policy in pulls:
        (statement,) = json.loads(policy.inputs["policy"])["Statement"]
        assert {arn.split(":repository/")[1] for arn in statement["Resource"]} == {f"{prefix}/*" for prefix in prefixes}
    assert any("node" in policy.inputs["role"] for policy in pulls)


@pytest.mark.parametrize("stack", on_aws())
def test_databases_are_encrypted_recoverable_and_reached_by_tls(stack: str) -> None:
    made = graph(stack)
    for database in (d for d in made.of_type(DATABASE) if "registry" in d.name):
        i = database.inputs
        assert i["storageEncrypted"] is True
        assert i["manageMasterUserPassword"] is True
        assert i["iamDatabaseAuthenticationEnabled"] is True
        assert 7 <= i["backupRetentionPeriod"] <= 35
        assert i["databaseInsightsMode"] in ("standard", "advanced")
        assert i["performanceInsightsRetentionPeriod"] == {"standard": 7, "advanced": 465}[i["databaseInsightsMode"]]
    for group in made.of_type(PARAMETERS):
        assert {"name": "rds.force_ssl", "value": "1"} in group.inputs["parameters"]


def test_the_production_database_has_two_zones_room_to_grow_and_somebody_who_is_told() -> None:
    (database,) = [d for d in graph("prod").of_type(DATABASE) if d.name == "registry-database-instance"]
    name = database.inputs["finalSnapshotIdentifier"]
    group = database.inputs["vpcSecurityGroupIds"][0].removeprefix("sg-")
    assert name == f"groundwork-prod-registry-final-{group}", "another one each time the stack is made"
    assert len(name) <= 255
    assert database.inputs["multiAz"] is True
    assert database.inputs["maxAllocatedStorage"] > database.inputs["allocatedStorage"]
    alarms = [a for a in graph("prod").of_type("aws:cloudwatch/metricAlarm:MetricAlarm") if a.inputs["namespace"] == "AWS/RDS"]
    assert {a.inputs["metricName"] for a in alarms} >= {"CPUUtilization", "FreeStorageSpace"}
    assert all(a.inputs["dimensions"] == {"DBInstanceIdentifier": database.inputs["identifier"]} for a in alarms)


@pytest.mark.parametrize("stack", REFERENCE)
def test_the_tracking_server_is_called_by_its_names_by_known_users_on_a_real_database(stack: str) -> None:
    command = container(stack)["command"]
    (hosts,) = [word.removeprefix("--allowed-hosts=").split(",") for word in command if word.startswith("--allowed-hosts=")]
    namespace = server(stack).inputs["metadata"]["namespace"]
    assert {f"tracking.{namespace}.svc", f"tracking.{namespace}.svc.cluster.local"} <= set(hosts)
    assert {*evaluate(STACKS[stack]).platform.tracking.hosts} <= set(hosts)
    assert "*" not in hosts
    assert "--app-name=basic-auth" in command
    assert "--serve-artifacts" in command
    variables = {entry["name"]: entry for entry in container(stack)["env"]}
    assert variables["MLFLOW_BACKEND_STORE_URI"]["value"].startswith("postgresql")
    for secret in ("PGPASSWORD", "MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"):
        assert "value" not in variables[secret]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container(stack)[probe]["httpGet"]["path"] == "/health"


@pytest.mark.parametrize("stack", STACKS)
def test_every_copied_secret_comes_from_a_store_that_exists_and_lets_it(stack: str) -> None:
    made = graph(stack)
    stores = {
        (kind, r.inputs["metadata"].get("namespace"), r.inputs["metadata"]["name"]): r
        for r in made
        for kind in STORES
        if r.type.endswith(f"external-secrets.io/v1:{kind}")
    }
    for copy in (r for r in made if r.type == EXTERNAL):
        named = copy.inputs["spec"]["secretStoreRef"]
        cluster_wide = named["kind"] == "ClusterSecretStore"
        if cluster_wide and stack in GIVEN:
            continue
        namespace = copy.inputs["metadata"]["namespace"]
        store = stores[named["kind"], None if cluster_wide else namespace, named["name"]]
        if cluster_wide:
            (condition,) = store.inputs["spec"]["conditions"]
            (place,) = [n for n in made.of_type("kubernetes:core/v1:Namespace") if n.inputs["metadata"]["name"] == namespace]
            assert condition["namespaceSelector"]["matchLabels"].items() <= place.inputs["metadata"]["labels"].items()
            assert store.urn in {d for ancestor in (copy, place) for d in ancestor.dependencies}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_server_and_its_job_come_after_the_way_to_the_database(stack: str) -> None:
    rule = next(r.urn for r in graph(stack) if r.name == "registry-database-from-cluster")
    users = [r for r in graph(stack) if r.name in ("tracking-pods", "tracking-migration-job")]
    assert [rule in user.dependencies for user in users] == [True, True]
