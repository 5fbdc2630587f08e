"""PostgreSQL on RDS whose password the cloud makes, keeps and rotates."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.alarms.topic import AlarmTopic, Watch, alarm
from components.aws.base import AwsComponent, ServiceRole
from components.aws.cluster.facts import AwsCluster
from components.aws.documents.statements import Statement, allow, document
from components.aws.documents.stores import secret_read
from components.aws.documents.trust import trust_service
from components.aws.network.facts import NetworkFacts
from components.aws.registry.database_args import DatabaseArgs, DatabaseLogin
from components.contracts import Context, SecretKey
from components.kubernetes.external_secret import external_secret, secret_store
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

PORT = 5432
CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"
"""Valid until 2061. Source: RDS user guide, "Using SSL/TLS to encrypt a connection"."""
EXPORTED_LOGS = ("postgresql", "upgrade")
INSIGHTS_DAYS = {"standard": 7, "advanced": 465}
"""Days of load that are kept. Source: RDS user guide, "Monitoring DB load with Database Insights": advanced needs 465."""
LEAST_FREE = 0.1
"""Share of the storage below which people are told."""
MOST_CPU = 80
"""Percent of CPU above which people are told."""
PARAMETERS: Mapping[str, str] = {
    "log_connections": "1",
    "log_disconnections": "1",
    "log_min_duration_statement": "1000",
    "log_statement": "ddl",
    "rds.force_ssl": "1",
}
"""Every connection by TLS; who connects, what changes the schema, and what takes over a second is logged."""


class Database(AwsComponent):
    """A PostgreSQL instance in isolated subnets that only the cluster reaches; satisfies components.contracts.Database.

    RDS makes, keeps and rotates the password in Secrets Manager; External Secrets copies it to where it is asked for.
    """

    port = PORT
    name = "registry"

    def __init__(
        self,
        name: str,
        args: DatabaseArgs,
        *,
        identifier: str,
        key: "aws.kms.Key",
        network: NetworkFacts,
        cluster: AwsCluster,
        context: Context,
        topic: AlarmTopic | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Database", name, context, opts)
        self.args = args
        self.identifier = identifier
        self.encryption_key = key
        logs = [self.log_group(f"log-{kind}", f"/aws/rds/instance/{identifier}/{kind}", key, args.log_retention) for kind in EXPORTED_LOGS]
        group = self._security_group(network, cluster)
        self.instance = self._instance(self._subnets(network), self._parameters(), group, self._monitoring(), logs)
        self.host: pulumi.Output[str] = self.instance.address
        self.secret: pulumi.Output[str] = self.instance.master_user_secrets.apply(lambda secrets: str(secrets[0].secret_arn))
        self.readable = self._readable_by(cluster.secret_reader.role)
        self._rotation()
        for login, client in args.logins.items():
            self._login(login, client, cluster)
        if topic:
            self._alarms(topic)
        self.register_outputs({"host": self.host})

    def credentials(
        self, name: str, namespace: pulumi.Input[str], parent: pulumi.Resource
    ) -> tuple[SecretKey, SecretKey, Sequence[pulumi.Resource]]:
        """(username, password) in the Secret `<name>-database`, which External Secrets keeps equal to the one in Secrets Manager.

        Who uses them also comes after the way to the database, and is gone before it.
        """
        secret = f"{name}-database"
        metadata = {"name": secret, "namespace": namespace, "labels": self.context.labels.kubernetes(name, "credentials")}
        opts = pulumi.ResourceOptions(parent=parent, depends_on=[self.readable])
        store = secret_store(f"{secret}-store", metadata, {"aws": {"service": "SecretsManager", "region": self.region}}, opts)
        copy = external_secret(
            secret,
            metadata,
            store={"kind": "SecretStore", "name": secret},
            key=self.secret,
            fields={"username": "username", "password": "password"},
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[store]),
        )
        return SecretKey(secret, "username"), SecretKey(secret, "password"), (copy, self.reachable)

    def connect(self, user: str) -> Statement:
        """The right to log in as a database user by IAM; the instance's id in it is known after apply."""
        users = pulumi.Output.concat(f"arn:aws:rds-db:{self.region}:{self.account}:dbuser:", self.instance.resource_id, f"/{user}")
        return allow(["rds-db:connect"], [users])

    def _login(self, login: str, client: DatabaseLogin, cluster: AwsCluster) -> None:
        cluster.grant(f"{self.prefix}-login-{login}", client.namespace, client.service_account, [self.connect(client.user)], self)

    def _rotation(self) -> None:
        """RDS makes and rotates the secret; only how often is ours to say. It does so every seven days by default.

        Pods that have read it must be restarted then. Source: RDS user guide, "Password management with Amazon RDS and AWS
        Secrets Manager".
        """
        if self.args.rotate_password_after:
            aws.secretsmanager.SecretRotation(
                f"{self.prefix}-rotation",
                secret_id=self.secret,
                rotate_immediately=False,
                rotation_rules={"automatically_after_days": self.args.rotate_password_after.days},
                opts=self.child(),
            )

    def _alarms(self, topic: AlarmTopic) -> None:
        of_it = {"DBInstanceIdentifier": self.instance.identifier}
        free = int(self.args.storage.value * LEAST_FREE)
        watches = {
            "busy": Watch("AWS/RDS", "CPUUtilization", of_it, "Average", MOST_CPU, f"CPU is above {MOST_CPU}%", period=600),
            "full": Watch("AWS/RDS", "FreeStorageSpace", of_it, "Average", free, "Less than a tenth of the storage is free", below=True),
            "queued": Watch("AWS/RDS", "DiskQueueDepth", of_it, "Average", 64, "Requests wait for the disk"),
        }
        for role, watch in watches.items():
            alarm(self, role, watch, topic)

    def _readable_by(self, role: "aws.iam.Role") -> "aws.iam.RolePolicy":
        """Let External Secrets read the one secret."""
        return aws.iam.RolePolicy(
            f"{self.prefix}-readable",
            name=self.context.naming.name("database-secret"),
            role=role.name,
            policy=document(*secret_read(self.secret, self.encryption_key.arn, self.region)),
            opts=self.child(),
        )

    def _security_group(self, network: NetworkFacts, cluster: AwsCluster) -> "aws.ec2.SecurityGroup":
        group = self.make_security_group("access", "PostgreSQL of the model registry", network.vpc.id, called="database")
        self.reachable = aws.vpc.SecurityGroupIngressRule(
            f"{self.prefix}-from-cluster",
            security_group_id=group.id,
            referenced_security_group_id=cluster.security_group,
            description="PostgreSQL from nodes and pods",
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            tags=self.tags(),
            opts=self.child(),
        )
        return group

    def _subnets(self, network: NetworkFacts) -> "aws.rds.SubnetGroup":
        return aws.rds.SubnetGroup(
            f"{self.prefix}-subnets",
            name=self.context.naming.name("database"),
            description="Isolated subnets",
            subnet_ids=[subnet.id for subnet in network.isolated.values()],
            tags=self.tags("database"),
            opts=self.child(),
        )

    def _parameters(self) -> "aws.rds.ParameterGroup":
        family = f"postgres{self.args.postgres}"
        return aws.rds.ParameterGroup(
            f"{self.prefix}-parameters",
            name=self.context.naming.generation("database", {"family": family}, limit=255),
            family=family,
            description="TLS only, with logs",
            parameters=[{"name": name, "value": value} for name, value in PARAMETERS.items()],
            tags=self.tags("database"),
            # The bridge deletes first what the program named; the old group is in use until the database has moved to the new one.
            opts=pulumi.ResourceOptions.merge(self.child(), pulumi.ResourceOptions(delete_before_replace=False)),
        )

    def _monitoring(self) -> ServiceRole:
        return self.role(
            "monitoring",
            document(trust_service("monitoring.rds.amazonaws.com", self.account)),
            managed=["arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"],
        )

    def _final_snapshot(self, group: "aws.ec2.SecurityGroup") -> pulumi.Output[str]:
        """The name of the last snapshot, another one each time the stack is made: RDS refuses a name that is taken.

        The security group's id ends it, since every life of the stack makes a group of its own.
        """
        return pulumi.Output.concat(self.identifier, "-final-", group.id.apply(lambda id_: id_.removeprefix("sg-")))

    def _instance(
        self,
        subnets: "aws.rds.SubnetGroup",
        parameters: "aws.rds.ParameterGroup",
        group: "aws.ec2.SecurityGroup",
        monitoring: ServiceRole,
        logs: Sequence[pulumi.Resource],
    ) -> "aws.rds.Instance":
        args, key = self.args, self.encryption_key.arn
        return aws.rds.Instance(
            f"{self.prefix}-instance",
            identifier=self.identifier,
            engine="postgres",
            engine_version=args.postgres,
            instance_class=args.instance_class,
            db_name=Database.name,
            port=PORT,
            username="groundwork",
            manage_master_user_password=True,
            master_user_secret_kms_key_id=key,
            iam_database_authentication_enabled=True,
            allocated_storage=args.storage.gib,
            max_allocated_storage=args.storage_at_most.gib if args.storage_at_most else None,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=key,
            multi_az=args.multi_zone,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group.id],
            publicly_accessible=False,
            ca_cert_identifier=CERTIFICATE_AUTHORITY,
            parameter_group_name=parameters.name,
            backup_retention_period=args.backup_retention.days,
            backup_window=args.backup_window,
            maintenance_window=args.maintenance_window,
            copy_tags_to_snapshot=True,
            delete_automated_backups=not args.protect,
            deletion_protection=args.protect,
            skip_final_snapshot=not args.protect,
            final_snapshot_identifier=self._final_snapshot(group) if args.protect else None,
            allow_major_version_upgrade=True,
            auto_minor_version_upgrade=True,
            enabled_cloudwatch_logs_exports=list(EXPORTED_LOGS),
            monitoring_interval=60,
            monitoring_role_arn=monitoring.role.arn,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=key,
            performance_insights_retention_period=INSIGHTS_DAYS[args.insights],
            database_insights_mode=args.insights,
            tags=self.tags("registry"),
            opts=self.child(*monitoring.ready, *logs, protect=args.protect),
        )
