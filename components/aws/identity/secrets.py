"""Secrets Manager as a store that workloads of the stack copy from."""

from typing import TYPE_CHECKING, Annotated

import pulumi
from pydantic import Field

from components.aws.base import AwsComponent
from components.aws.cluster.facts import AwsCluster
from components.aws.documents.statements import Statement, allow, document
from components.aws.documents.streams import through
from components.aws.values import KeyArn
from components.contracts import Context, SecretStoreFacts
from components.kubernetes.vocabulary import ObjectName
from components.lazy import lazy
from components.spec import Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

SecretPrefix = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_+=.@-]+(/[A-Za-z0-9_+=.@-]+)*/$")]


class SecretsArgs(Spec):
    """Secrets that people keep in Secrets Manager, below one prefix, and that workloads of the stack may copy."""

    store: ObjectName = "secrets-manager"
    """Name of the ClusterSecretStore that stands for them."""
    prefix: SecretPrefix
    """What their names begin with, such as "groundwork/prod/"."""
    key: KeyArn | None = None
    """The key they are encrypted with; absent is the account's own of Secrets Manager."""


def readable(account: str, region: str, args: SecretsArgs) -> tuple[Statement, ...]:
    """What External Secrets needs to read the secrets below the prefix."""
    secrets = f"arn:aws:secretsmanager:{region}:{account}:secret:{args.prefix}*"
    decrypts = (allow(["kms:Decrypt"], [args.key], condition=through("secretsmanager", region)),) if args.key else ()
    return (allow(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], [secrets]), *decrypts)


class SecretsStore(AwsComponent):
    """Lets External Secrets read below the prefix; `facts` is what its ClusterSecretStore is made from."""

    def __init__(
        self, name: str, args: SecretsArgs, *, cluster: AwsCluster, context: Context, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("SecretsStore", name, context, opts)
        granted = aws.iam.RolePolicy(
            f"{name}-readable",
            name=context.naming.name("secrets", limit=64),
            role=cluster.secret_reader.role.name,
            policy=document(*readable(self.account, self.region, args)),
            opts=self.child(),
        )
        provider = {"aws": {"service": "SecretsManager", "region": self.region}}
        self.facts = SecretStoreFacts(args.store, provider, (granted,))
        self.register_outputs({"store": args.store})
