"""The tracking server (MLflow): what a stack file may say about it, and the component that makes it."""

from collections.abc import Sequence
from typing import Annotated

import pulumi
from pydantic import Field

from components.contracts import Cluster, Context, Database, Grant, ObjectStore
from components.kubernetes import manifests
from components.kubernetes.addons.operators import Operators
from components.kubernetes.external_secret import API
from components.kubernetes.manifests import HTTP, Environment, Identity, Manifest
from components.kubernetes.tracking.login import FILE, MOUNTED, STORE_URI, LoginArgs, configuration, secret
from components.kubernetes.tracking.migration import DEADLINE, job, migrating
from components.kubernetes.vocabulary import Hostname, quantity
from components.kubernetes.workload import Enclosure, Patience, identity_of, until, with_provider
from components.spec import ImageReference, Many, Name, Size, Spec

PORT = 5000
"""TCP port of MLflow's server, its default."""
START = 900
"""Seconds that a server may take from its creation to its first answer, a node and the image included."""
PREFIX = "mlflow/"
"""Where artifacts lie in the artifact bucket."""


class TrackingServerArgs(Spec):
    """MLflow: experiments, runs and the model registry."""

    image: ImageReference
    """An image with MLflow 3.18 or newer (mlflow[auth]), psycopg2 and boto3, pinned by digest. The official image lacks them."""
    replicas: Annotated[int, Field(ge=1, le=20)] = 2
    """Number of server pods. Two or more keep it answering while a node is drained."""
    cpu: Annotated[int, Field(ge=1, le=32)] = 1
    """CPU cores of one replica, requested; use above it is allowed."""
    memory: Size = Size("2GiB")
    """Main memory of one replica, requested and the limit."""
    hosts: Many[Hostname] = ()
    """Further names that clients call it by, such as a gateway's; its Service names are always allowed."""
    clients: Many[Name] = ()
    """Namespaces whose pods may call it; none may when empty."""
    login: LoginArgs | None = None
    """Log-in of users. Without it whoever reaches the server may change any run, and `clients` is all that keeps people out."""


def allowed_hosts(identity: Identity, hosts: Sequence[str]) -> str:
    """The Host headers MLflow answers to, for --allowed-hosts.

    A name without a wildcard matches only requests without a port, so each is listed both ways
    (mlflow/server/security_utils.py:is_allowed_host_header). Probes of /health are exempt.
    """
    service = [f"{identity.name}.{identity.namespace}{suffix}" for suffix in ("", ".svc", ".svc.cluster.local")]
    return ",".join(spelled for host in [*service, *hosts] for spelled in (host, f"{host}:*"))


def command(identity: Identity, args: TrackingServerArgs, artifacts: pulumi.Input[str]) -> list[pulumi.Input[str]]:
    """MLflow's command line. The database is not on it: libpq reads host, user and password from the environment."""
    return [
        "mlflow",
        "server",
        "--host=0.0.0.0",
        f"--port={PORT}",
        "--serve-artifacts",
        pulumi.Output.concat("--artifacts-destination=", artifacts),
        f"--allowed-hosts={allowed_hosts(identity, args.hosts)}",
        *(["--app-name=basic-auth"] if args.login else []),
    ]


def server(identity: Identity, args: TrackingServerArgs, artifacts: pulumi.Input[str], variables: Environment) -> Manifest:
    """The one container of a replica."""
    memory = quantity(args.memory)
    login = [{"name": "login", "mountPath": MOUNTED, "readOnly": True}] if args.login else []
    return {
        "name": "server",
        "image": args.image,
        "command": command(identity, args, artifacts),
        "env": manifests.environment({"HOME": "/tmp", **variables}),
        "ports": [{"name": HTTP, "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": str(args.cpu), "memory": memory}, "limits": {"memory": memory}},
        "startupProbe": manifests.http_probe("/health", period=10, failures=60),
        "readinessProbe": manifests.http_probe("/health", period=5, failures=2),
        "livenessProbe": manifests.http_probe("/health", period=10, failures=3),
        "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
        "securityContext": manifests.container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *login],
    }


def patience(replicas: int) -> Patience:
    """Seconds that the provider waits: an update replaces one replica after the other, and each may take until its deadline."""
    return Patience(create=START, update=START * replicas)


def deployment(
    identity: Identity, args: TrackingServerArgs, artifacts: pulumi.Input[str], variables: Environment, *, zonal: bool
) -> Manifest:
    """The replicas; state is in the database and the bucket alone."""
    settings = configuration(identity, args.login)["metadata"]["name"] if args.login else ""
    login = [{"name": "login", "configMap": {"name": settings}}] if args.login else []
    pod = {
        "serviceAccountName": identity.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": manifests.pod_security(),
        "topologySpreadConstraints": manifests.spread(identity.selector, zonal=zonal),
        "containers": [server(identity, args, artifacts, variables)],
        "volumes": [manifests.scratch("tmp", "4Gi"), *login],
    }
    return {
        "metadata": identity.metadata(),
        "spec": {
            "replicas": args.replicas,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": START,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": identity.selector},
            "template": {"metadata": {"labels": dict(identity.labels)}, "spec": manifests.on_disk(pod)},
        },
    }


class TrackingServer(pulumi.ComponentResource):
    """MLflow as plain manifests: a Deployment on the given database and bucket, and a namespace closed around it.

    Network policy decides who calls it, and `login` who they are. A job brings the database to the image's schema before pods change.
    """

    namespace: str
    """The server's own namespace."""
    url: str
    """Address inside the cluster, for the namespaces named in `clients`."""

    def __init__(
        self,
        name: str,
        args: TrackingServerArgs,
        *,
        cluster: Cluster,
        artifacts: ObjectStore,
        database: Database,
        operators: Operators,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        import pulumi_kubernetes as k8s

        super().__init__("groundwork:kubernetes:TrackingServer", name, {}, with_provider(cluster, opts))
        identity = identity_of(name, name, "tracking-server", context)
        quota, copier = {"pods": str(2 * args.replicas + 1)}, operators.serving(API)
        enclosure = Enclosure(identity, self, quota=quota, operators=operators, after=copier)
        binding, account = enclosure.bind(cluster, "server", [Grant(artifacts, "write", PREFIX)])
        connection, made = self._connection(enclosure, database)
        login, users = self._login(enclosure, args)
        ways = [*cluster.dataplane_egress, *binding.egress]
        network = enclosure.admit(PORT, args.clients, ways)
        destination = pulumi.Output.concat(artifacts.uri, "/", PREFIX.rstrip("/"))
        variables = {**artifacts.environment, **binding.environment, **connection, **login}
        ready = [account, *made, *users, *binding.depends_on, *cluster.ready]
        migrated = self._migration(enclosure, args, {**connection, **login}, ways, ready)
        manifest = deployment(identity, args, destination, variables, zonal=cluster.zonal)
        opts = pulumi.ResourceOptions.merge(enclosure.inside(network, migrated, *ready), patience(args.replicas).options())
        pods = k8s.apps.v1.Deployment(f"{name}-pods", opts=opts, **manifest)
        enclosure.publish(pods)
        self.namespace = identity.namespace
        self.url = f"http://{identity.name}.{identity.namespace}.svc"
        self.register_outputs({"namespace": self.namespace, "url": self.url})

    def _connection(self, enclosure: Enclosure, database: Database) -> tuple[Environment, Sequence[pulumi.Resource]]:
        """The variables that libpq connects by, and what makes the Secret they refer to."""
        namespace = enclosure.namespace
        username, password, made = database.credentials(enclosure.identity.name, namespace, self)
        return {
            "MLFLOW_BACKEND_STORE_URI": STORE_URI,
            "PGHOST": database.host,
            "PGPORT": str(database.port),
            "PGDATABASE": database.name,
            "PGUSER": username,
            "PGPASSWORD": password,
            "PGSSLMODE": "require",
        }, made

    def _login(self, enclosure: Enclosure, args: TrackingServerArgs) -> tuple[Environment, Sequence[pulumi.Resource]]:
        """The variables of the basic-auth app, and what makes what they refer to; nothing without log-in."""
        import pulumi_kubernetes as k8s

        if args.login is None:
            return {}, ()
        identity = enclosure.identity
        settings = k8s.core.v1.ConfigMap(f"{identity.name}-login", opts=enclosure.inside(), **configuration(identity, args.login))
        metadata = identity.metadata(f"{identity.name}-login")
        variables, made = secret(f"{identity.name}-administrator", args.login, metadata, enclosure.inside())
        return {"MLFLOW_AUTH_CONFIG_PATH": f"{MOUNTED}/{FILE}", **variables}, (settings, *made)

    def _migration(
        self,
        enclosure: Enclosure,
        args: TrackingServerArgs,
        variables: Environment,
        ways: Sequence[tuple[str, int]],
        after: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        """The job, let out to the database alone."""
        import pulumi_kubernetes as k8s

        identity = migrating(enclosure.identity)
        policy = manifests.network_policy(identity, PORT, (), ways)
        network = k8s.networking.v1.NetworkPolicy(f"{identity.name}-network", opts=enclosure.inside(), **policy)
        own = {name: value for name, value in variables.items() if name != "MLFLOW_AUTH_CONFIG_PATH"}
        manifest = job(identity, args.image, own, account=enclosure.identity.name, login=args.login is not None)
        # Its name changes with the image, so the next job is made first and runs before the pods change.
        opts = pulumi.ResourceOptions.merge(enclosure.inside(network, *after), until(DEADLINE))
        return k8s.batch.v1.Job(f"{identity.name}-job", opts=opts, **manifest)
