"""The tracking server knows its users, and its database is migrated before its pods change."""

from typing import Any

import pytest

from components.spec import PLACEHOLDER_DIGEST

ADMINISTRATOR = {"kind": "external", "store": "vault", "key": "groundwork/mlflow"}
OTHER = f"registry.example.internal/ml/mlflow@{PLACEHOLDER_DIGEST[:-1]}1"


@pytest.fixture
def made(site: Any, tracking_args: Any) -> Any:
    site.tracking = tracking_args(login={"administrator": ADMINISTRATOR})
    return {r.name: r for r in site.record().custom if r.name.startswith("tracking")}


def server(made: Any) -> Any:
    return made["tracking-pods"].inputs["spec"]["template"]["spec"]["containers"][0]


def test_users_log_in_and_all_replicas_share_the_session_key(made: Any) -> None:
    variables = {entry["name"]: entry for entry in server(made)["env"]}
    assert "--app-name=basic-auth" in server(made)["command"]
    for name, key in {
        "MLFLOW_AUTH_ADMIN_USERNAME": "username",
        "MLFLOW_AUTH_ADMIN_PASSWORD": "password",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "session_key",
    }.items():
        assert variables[name]["valueFrom"]["secretKeyRef"] == {"name": "tracking-login", "key": key}
    copied = made["tracking-administrator"].inputs["spec"]
    assert {entry["secretKey"] for entry in copied["data"]} == {"username", "password", "session_key"}
    assert copied["target"]["name"] == "tracking-login"


def test_the_settings_hold_no_secret_and_are_mounted(made: Any) -> None:
    settings = made["tracking-login"].inputs
    assert settings["data"]["basic_auth.ini"].splitlines() == [
        "[mlflow]",
        "default_permission = READ",
        "database_uri = postgresql+psycopg2://",
    ]
    volumes = made["tracking-pods"].inputs["spec"]["template"]["spec"]["volumes"]
    assert {"name": "login", "configMap": {"name": settings["metadata"]["name"]}} in volumes
    assert {"name": "login", "mountPath": "/etc/mlflow", "readOnly": True} in server(made)["volumeMounts"]


def test_other_settings_are_another_config_map_so_that_pods_restart(site: Any, tracking_args: Any, made: Any) -> None:
    site.tracking = tracking_args(login={"administrator": ADMINISTRATOR, "default_permission": "NO_PERMISSIONS"})
    after = {r.name: r for r in site.record().custom}
    assert after["tracking-login"].inputs["metadata"]["name"] != made["tracking-login"].inputs["metadata"]["name"]


def test_the_schema_is_brought_up_before_pods_change(site: Any, tracking_args: Any, made: Any) -> None:
    job = made["tracking-migration-job"]
    assert job.urn in made["tracking-pods"].dependencies
    pod = job.inputs["spec"]["template"]
    commands = [c["command"] for c in (*pod["spec"]["initContainers"], *pod["spec"]["containers"])]
    assert [command[:3] for command in commands] == [["mlflow", "db", "upgrade"], ["python", "-m", "mlflow.server.auth"]]
    site.tracking = tracking_args(image=OTHER, login={"administrator": ADMINISTRATOR})
    after = {r.name: r for r in site.record().custom}
    assert after["tracking-migration-job"].inputs["metadata"]["name"] != job.inputs["metadata"]["name"]


def test_no_address_and_no_budget_counts_the_job_as_a_server(made: Any) -> None:
    labels = made["tracking-migration-job"].inputs["spec"]["template"]["metadata"]["labels"]
    for selector in (
        made["tracking-service"].inputs["spec"]["selector"],
        made["tracking-budget"].inputs["spec"]["selector"]["matchLabels"],
        made["tracking-network"].inputs["spec"]["podSelector"]["matchLabels"],
    ):
        assert not selector.items() <= labels.items()
    own = made["tracking-migration-network"].inputs["spec"]["podSelector"]["matchLabels"]
    assert own.items() <= labels.items()


def test_without_login_nobody_is_asked(site: Any, tracking_args: Any) -> None:
    site.tracking = tracking_args()
    after = {r.name: r for r in site.record().custom}
    assert "tracking-login" not in after
    assert "--app-name=basic-auth" not in server(after)["command"]
    assert after["tracking-migration-job"].inputs["spec"]["template"]["spec"]["initContainers"] == []
