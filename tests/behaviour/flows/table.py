"""Table of flows: rows of YAML, and the requests that each row stands for.

A row says who calls what, on what, from where, and with which context keys. `sends` holds the keys
that the service is known to send, `may` those of which nothing public says whether it sends them: the
row is judged with every choice of them, and must hold each time.
"""

from collections.abc import Iterator, Mapping
from itertools import chain, combinations, product
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from tests.behaviour.flows.evaluator import Request
from tests.behaviour.flows.rendered import Rendered

ROOT = Path(__file__).parent / "tables"
ANYTHING = "world.anything"
"""Id of the document that allows everything: of principals that the stack does not make, and of what others leave open."""
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
OPEN = "world.open"
"""Id of the policy of a resource that everyone may read."""
OPENED = {"Version": "2012-10-17", "Statement": [{**EVERYTHING["Statement"][0], "Principal": "*"}]}  # type: ignore[dict-item]
Texts = str | list[str]


class Row(BaseModel):
    """One row of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: str
    """The call in words."""
    who: str
    """The caller: `role NAME`, `widest NAME` (the role, if it were granted everything), `service
    PRINCIPAL`, `linked SERVICE/ROLE`, `deployer`, `nobody` (unsigned), `owner ACCOUNT` or `iam ARN`."""
    does: Texts
    """Actions; all of them must pass, or none."""
    to: Texts
    """ARNs, with `${name}` for the ARN of a resource of the stack."""
    via: str = ""
    """Service by which a key is used."""
    inside: str = ""
    """VPC endpoint through which the request goes; absent is the internet, or a service's own network."""
    region: str = ""
    """Region that is asked, where the ARN does not say it; the site's by default."""
    sends: dict[str, Texts] = Field(default_factory=dict)
    may: dict[str, Texts] = Field(default_factory=dict)
    lacks: list[str] = Field(default_factory=list)
    """Context keys that every request of IAM principals has, and this one has not."""
    each: dict[str, list[str] | str] | list[dict[str, str]] = Field(default_factory=dict)
    """Values for `{name}` in the texts: a mapping stands for all combinations, a list for what it lists.
    `every TYPE` stands for all resources of a type."""
    must: Literal["pass", "fail"]
    source: str


class Table(BaseModel):
    """One file of rows, and the stack or stacks that they are about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stack: str = ""
    stacks: list[str] = Field(default_factory=list)
    """All stacks that the rows are about, where they are several."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Sources by a short name that rows may use."""
    rows: list[Row] = Field(min_length=1)

    @property
    def about(self) -> list[str]:
        return self.stacks or [self.stack]


def tables() -> list[Table]:
    """Every table, in the order of file names."""
    paths = sorted(ROOT.rglob("*.yaml"))
    return [Table.model_validate(yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)) for path in paths]


def rows_of(stack: str) -> list[Row]:
    """Rows about a stack."""
    return [row for table in tables() if stack in table.about for row in table.rows]


def many(value: Texts) -> list[str]:
    return value if isinstance(value, list) else [value]


def requests(row: Row, stack: Rendered) -> Iterator[Request]:
    """The requests that a row stands for."""
    for names in _choices(row.each, stack):
        for action, resource, unknown in product(many(row.does), many(row.to), _subsets(row.may)):
            yield _Call(row, stack, names).request(action, resource, {**row.sends, **unknown})


def _choices(each: dict[str, list[str] | str] | list[dict[str, str]], stack: Rendered) -> list[dict[str, str]]:
    if isinstance(each, list):
        return each
    values = [v if isinstance(v, list) else stack.every(v.removeprefix("every ")) for v in each.values()]
    return [dict(zip(each, chosen, strict=True)) for chosen in product(*values)]


def _subsets(keys: Mapping[str, Texts]) -> list[dict[str, Texts]]:
    sizes = range(len(keys) + 1)
    return [dict(choice) for choice in chain.from_iterable(combinations(keys.items(), size) for size in sizes)]


class _Call:
    """One combination of the values of a row."""

    def __init__(self, row: Row, stack: Rendered, names: Mapping[str, str]) -> None:
        self.row, self.stack, self.names = row, stack, names

    def text(self, value: str) -> str:
        for name, chosen in self.names.items():
            value = value.replace(f"{{{name}}}", chosen)
        filled = self.stack.fill(value)
        if set("{}$") & set(filled):
            raise ValueError(f"{self.row.flow}: {value} names what the row does not state: {filled}")
        return filled

    def request(self, action: str, resource: str, sent: Mapping[str, Texts]) -> Request:
        arn = self.text(resource)
        principal, identity, boundary = self._principal()
        account = principal.split(":")[4] if principal and arn == "*" else self.stack.owner(arn)
        ours = account == self.stack.account
        passes = self.row.must == "pass"
        policy = self.stack.attached.get(arn) or self.stack.attached.get(arn.split("/", 1)[0])
        if self.text(action).startswith("sts:") and arn in self.stack.attached:
            policy = self.stack.attached[arn]
        return Request(
            principal=principal,
            action=self.text(action),
            resource=arn,
            account=account,
            context={**self._context(principal, self.text(action), arn), **self._texts(sent)},
            identity=identity,
            boundary=boundary,
            resource_policy=policy if ours else OPEN,
            endpoint=self._endpoint(),
            # What must fail fails by policies alone, without this second defence.
            public_access_blocked=passes and ours and arn.startswith("arn:aws:s3:::"),
            expected=passes,
        )

    def _texts(self, values: Mapping[str, Texts]) -> dict[str, Texts]:
        """Context values with names filled in."""
        return {
            self.text(key): [self.text(each) for each in value] if isinstance(value, list) else self.text(value)
            for key, value in values.items()
        }

    def _principal(self) -> tuple[str | None, list[str], str | None]:
        """ARN or name of the caller, its identity policies, and its boundary."""
        kind, _, rest = self.text(self.row.who).partition(" ")
        account = self.stack.account
        match kind:
            case "role":
                role = self.stack.roles[f"{rest}-role"]
                return role.arn, role.identity, role.boundary
            case "widest":
                return self.stack.roles[f"{rest}-role"].arn, [ANYTHING], self.stack.roles[f"{rest}-role"].boundary
            case "service":
                return rest, [], None
            case "nobody":
                return None, [], None
            case "linked":
                return f"arn:aws:iam::{account}:role/aws-service-role/{rest}", [], None
            case "deployer":
                return f"arn:aws:iam::{account}:role/groundwork-deploy", [ANYTHING], None
            case "owner":
                return f"arn:aws:iam::{rest}:role/somebody", [ANYTHING], None
            case "iam":
                return rest, [], None
        raise ValueError(f"{self.row.flow}: who is {self.row.who}: begin with role, service, nobody, linked, deployer, owner or iam")

    def _context(self, principal: str | None, action: str, arn: str) -> dict[str, Texts]:
        """Keys that AWS puts into every request of such a caller."""
        region = self.text(self.row.region) or self.stack.region_of(arn)
        found: dict[str, Texts] = {"aws:SecureTransport": "true", "aws:RequestedRegion": region}
        if principal is None:
            found["aws:PrincipalType"] = "Anonymous"
        elif principal.startswith("arn:"):
            found |= {"aws:PrincipalArn": principal, "aws:PrincipalAccount": principal.split(":")[4], "aws:PrincipalType": "AssumedRole"}
        else:
            found |= {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": principal}
        if action.startswith("s3:"):
            found["s3:TlsVersion"] = "1.3"
        if self.row.via:
            found["kms:ViaService"] = f"{self.text(self.row.via)}.{region}.amazonaws.com"
        if action.startswith("kms:") and principal and principal.startswith("arn:"):
            found["kms:CallerAccount"] = principal.split(":")[4]
        if self.row.inside:
            endpoint = self.stack.endpoints[self.text(self.row.inside)]
            found |= {"aws:SourceVpce": endpoint.id, "aws:SourceVpc": endpoint.vpc}
        return {key: value for key, value in found.items() if key not in self.row.lacks}

    def _endpoint(self) -> str | None:
        return self.stack.endpoints[self.text(self.row.inside)].policy if self.row.inside else None
