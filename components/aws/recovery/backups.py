"""The copies of a database's backups, from which it is restored in the recovery region."""

from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.registry.database import Database
from components.contracts import Context
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class DatabaseCopies(AwsComponent):
    """Snapshots and transaction logs of a database, copied as soon as they are there, under a key of the recovery region.

    RDS takes the request in the region that receives, and keeps what it has until it ages out when the copying ends.
    Source: RDS user guide, "Replicating automated backups to another AWS Region".
    """

    def __init__(
        self, name: str, database: Database, *, protect: bool, context: Context, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("DatabaseCopies", name, context, opts)
        self.copies_key = key = self.key("database", protect=protect)
        aws.rds.InstanceAutomatedBackupsReplication(
            f"{name}-copies",
            source_db_instance_arn=database.instance.arn,
            kms_key_id=key.arn,
            retention_period=database.args.backup_retention.days,
            opts=self.child(),
        )
        self.register_outputs({})
