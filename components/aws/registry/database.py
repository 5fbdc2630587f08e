"""PostgreSQL on RDS whose password the cloud makes, keeps and rotates."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import pulumi
from pydantic import AfterValidator, Field

from components.aws.base import AwsComponent, ServiceRole
from components.aws.cluster.facts import AwsCluster
from components.aws.documents.statements import document
from components.aws.documents.stores import secret_read
from components.aws.documents.trust import trust_service
from components.aws.network.facts import NetworkFacts
from components.aws.values import Days, LogRetention
from components.contracts import Context, SecretKey
from components.kubernetes.external_secret import external_secret, secret_store
from components.lazy import lazy
from components.spec import Duration, Size, Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


def _allocated(size: Size) -> Size:
    if size.value % 2**30 or not 20 <= size.gib <= 65_536:
        raise ValueError('must be whole GiB between 20GiB and 64TiB, such as "50GiB"')
    return size


def _backups(value: Duration) -> Duration:
    if not 7 <= value.days <= 35:
        raise ValueError("must be between 7d and 35d, the most RDS keeps")
    return value


class DatabaseArgs(Spec):
    """The registry's database."""

    instance_class: Annotated[str, Field(pattern=r"^db\.[a-z][a-z0-9-]*\.(micro|small|medium|large|\d{0,2}xlarge)$")]
    """RDS instance class, such as db.r6g.large."""
    postgres: Literal["15", "16", "17"] = "17"
    """Major version of PostgreSQL, quoted; RDS applies minor versions in the maintenance window."""
    storage: Annotated[Size, AfterValidator(_allocated)] = Size("20GiB")
    """Size of the gp3 volume; it can grow but not shrink."""
    multi_zone: bool = False
    """Whether a standby in another zone takes over when the first fails."""
    backup_retention: Annotated[Days, AfterValidator(_backups)] = Duration("7d")
    """How far back the database can be restored to any second: 7d to 35d."""
    log_retention: LogRetention = Duration("365d")
    """How long database logs are kept."""
    protect: bool = True
    """Whether the database refuses deletion; it then also leaves a final snapshot."""


PORT = 5432
CERTIFICATE_AUTHORITY = "rds-ca-rsa2048-g1"
"""Valid until 2061. Source: RDS user guide, "Using SSL/TLS to encrypt a connection"."""
EXPORTED_LOGS = ("postgresql", "upgrade")
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
        self.register_outputs({"host": self.host})

    def credentials(
        self, name: str, namespace: pulumi.Input[str], parent: pulumi.Resource
    ) -> tuple[SecretKey, SecretKey, Sequence[pulumi.Resource]]:
        """(username, password) in the Secret `<name>-database`, which External Secrets keeps equal to the one in Secrets Manager."""
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
        return SecretKey(secret, "username"), SecretKey(secret, "password"), (copy,)

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
        group = aws.ec2.SecurityGroup(
            f"{self.prefix}-access",
            name=self.context.naming.name("database"),
            description="PostgreSQL of the model registry",
            vpc_id=network.vpc.id,
            tags=self.tags("database"),
            opts=self.child(),
        )
        aws.vpc.SecurityGroupIngressRule(
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
            copy_tags_to_snapshot=True,
            delete_automated_backups=not args.protect,
            deletion_protection=args.protect,
            skip_final_snapshot=not args.protect,
            final_snapshot_identifier=f"{self.identifier}-final" if args.protect else None,
            allow_major_version_upgrade=True,
            auto_minor_version_upgrade=True,
            enabled_cloudwatch_logs_exports=list(EXPORTED_LOGS),
            monitoring_interval=60,
            monitoring_role_arn=monitoring.role.arn,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=key,
            performance_insights_retention_period=7,
            tags=self.tags("registry"),
            opts=self.child(*monitoring.ready, *logs, protect=args.protect),
        )
