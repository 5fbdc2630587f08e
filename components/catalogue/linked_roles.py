"""Service-linked roles of AWS: which resource types use one, and who makes it in an account that has none."""

from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from components.catalogue.tables import rows

Maker = Literal["first-use", "by-role", "operator", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedRole:
    """One role that one resource type uses."""

    type: str
    """Resource type, such as aws:rds/instance:Instance; a service, such as s3, where none of its types uses a role."""
    role: str
    """Name of the role; "" for none."""
    principal: str
    """What `aws iam create-service-linked-role --aws-service-name` takes."""
    made: Maker
    """first-use: by the service; by-role: by another role; operator: by nobody, so before `up`; none: there is none."""
    by: str
    """Whose policy makes it, where another role does."""
    source: str

    @property
    def service(self) -> str:
        """The service of the type, such as rds."""
        return self.type.split("/")[0].removeprefix("aws:")


@cache
def linked_roles() -> tuple[LinkedRole, ...]:
    """Every row of the table."""
    return tuple(
        LinkedRole(
            type=row["type"],
            role=row["role"],
            principal=row["principal"],
            made=cast("Maker", row["made"]),
            by=row["by"],
            source=row["source"],
        )
        for row in rows("aws_linked_roles")
    )
