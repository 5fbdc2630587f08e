"""Values that only AWS has: address ranges of a VPC, ARNs, log retention."""

import re
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from components.given import Given
from components.spec import Duration

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""What CloudWatch Logs accepts. Source: API reference of PutRetentionPolicy, retentionInDays."""
ZONE_ID = re.compile(r"[a-z]{3,5}[0-9]-az[0-9]+")
ZONE_NAME = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9][a-z]")
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
"""How a moment is written; the form that EC2 Auto Scaling takes."""


def moment(text: str) -> datetime:
    """The moment that a valid `Instant` means."""
    return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)


def _network(text: str) -> str:
    if not re.fullmatch(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}", text):
        raise ValueError('must be an IPv4 range in CIDR notation, such as "10.20.0.0/16"')
    try:
        return str(IPv4Network(text))
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError(f'has host bits set; the range is "{IPv4Network(text, strict=False)}"') from None
        raise ValueError('must be an IPv4 range in CIDR notation, such as "10.20.0.0/16"') from None


def _vpc(text: str) -> str:
    network = IPv4Network(text)
    if not 16 <= network.prefixlen <= 20:
        raise ValueError(f"must be between /16 and /20, so that pods get addresses in every zone, not /{network.prefixlen}")
    if not network.is_private or network.subnet_of(IPv4Network("127.0.0.0/8")) or network.subnet_of(IPv4Network("169.254.0.0/16")):
        raise ValueError("must be a private range: within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    return text


def _given_vpc(text: str) -> str:
    if not 16 <= IPv4Network(text).prefixlen <= 28:
        raise ValueError(f"must be between /16 and /28, as every VPC is, not /{IPv4Network(text).prefixlen}")
    return text


def _limited(text: str) -> str:
    if IPv4Network(text).prefixlen < 8:
        raise ValueError("opens the endpoint to most of the internet; name the ranges of your offices or VPN, each /8 or smaller")
    return text


def _outside(text: str) -> str:
    network = IPv4Network(text)
    if network.prefixlen < 8:
        raise ValueError("lets most of the internet in reach; name the ranges of the services you mean, each /8 or smaller")
    if network.is_loopback or network.is_link_local or network.is_multicast:
        raise ValueError("is no range that a NAT gateway reaches: name addresses outside the VPC")
    return text


def _retention(value: Duration) -> Duration:
    if value.value % 86_400_000 or value.days not in LOG_RETENTION_DAYS:
        raise ValueError(f"must be whole days that CloudWatch Logs keeps: {', '.join(f'{d}d' for d in LOG_RETENTION_DAYS)}")
    return value


def _whole_days(value: Duration) -> Duration:
    if value.value % 86_400_000 or not value.value:
        raise ValueError('must be one or more whole days, such as "30d"')
    return value


VpcCidr = Annotated[str, AfterValidator(_network), AfterValidator(_vpc)]
"""The address range of a VPC: private IPv4, /16 to /20."""

GivenVpcCidr = Annotated[str, AfterValidator(_network), AfterValidator(_given_vpc)]
"""The primary address range of a VPC that exists: IPv4, /16 to /28."""

ConnectedCidr = Annotated[str, AfterValidator(_network), AfterValidator(_outside)]
"""A range of another network that is connected to the VPC; never most of the internet."""

SourceCidr = Annotated[str, AfterValidator(_network), AfterValidator(_limited)]
"""A range that may reach something from outside; never most of the internet."""

OutsideCidr = Annotated[str, AfterValidator(_network), AfterValidator(_outside)]
"""A range of addresses outside the VPC that may be reached from it; never most of the internet."""


def _zone_name(text: str) -> str:
    if ZONE_ID.fullmatch(text):
        raise ValueError("is a zone id, which means another name in each account: write the zone's name, such as us-west-2a")
    if not ZONE_NAME.fullmatch(text):
        raise ValueError("must be the name of an availability zone, such as us-west-2a")
    return text


def _zone_id(text: str) -> str:
    if ZONE_NAME.fullmatch(text):
        raise ValueError("is a zone's name, which means another place in each account: write the zone's id, such as usw2-az2")
    if not ZONE_ID.fullmatch(text):
        raise ValueError("must be the id of an availability zone, such as usw2-az2")
    return text


def _instant(text: str) -> str:
    form = 'must be a moment in UTC, such as "2026-12-01T11:30:00Z"'
    try:
        spelt = moment(text).strftime(INSTANT)
    except ValueError:
        raise ValueError(form) from None
    if spelt != text:
        raise ValueError(form)
    return text


Zone = Annotated[str, StringConstraints(max_length=30), AfterValidator(_zone_name)]
"""An availability zone by name: its region and a letter. Which place a letter means may depend on the account."""

ZoneId = Annotated[str, StringConstraints(max_length=30), AfterValidator(_zone_id)]
"""An availability zone by id, which means the same place in every account, such as usw2-az2."""

Instant = Annotated[
    str,
    StringConstraints(max_length=20),
    AfterValidator(_instant),
    Field(json_schema_extra={"x-form": 'a moment in UTC to the second, such as "2026-12-01T11:30:00Z"'}),
]
"""A moment in UTC, to the second, quoted."""

AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
"""The id of an account: 12 digits, in quotes."""

ROLE_ARN = r"^arn:aws:iam::[0-9]{12}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}$"
RoleArn = Annotated[str, StringConstraints(max_length=2048, pattern=ROLE_ARN)]
"""An IAM role."""

KubernetesMinor = Annotated[
    str,
    StringConstraints(pattern=r"^1\.[0-9]{2}$"),
    Field(json_schema_extra={"x-form": 'a minor version of Kubernetes, quoted, such as "1.34"'}),
]
"""A minor version of Kubernetes."""

LogRetention = Annotated[Duration, AfterValidator(_retention)]
"""How long CloudWatch Logs keeps events, in whole days."""

Days = Annotated[Duration, AfterValidator(_whole_days)]
"""A span of whole days, at least one."""

KeyArn = Annotated[
    str,
    StringConstraints(
        max_length=200,
        pattern=r"^arn:aws:kms:[a-z]{2}(-[a-z]+)+-[0-9]:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
    ),
]
"""A KMS key by its ARN; an alias would not say which key it is."""


def _bucket(text: str) -> str:
    if re.fullmatch(r"[0-9]+(\.[0-9]+){3}", text):
        raise ValueError("has the form of an IP address, which no bucket has")
    if text.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or text.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")):
        raise ValueError("begins or ends as only names that S3 itself gives: write the bucket's own name, not that of an access point")
    return text


BucketName = Annotated[
    str,
    StringConstraints(min_length=3, max_length=63, pattern=r"^[a-z0-9](\.?[a-z0-9\-])*(\.?[a-z0-9])$"),
    AfterValidator(_bucket),
    Field(
        json_schema_extra={
            "x-form": "3 to 63 lower-case letters, digits, hyphens and single dots, beginning and ending with a letter or digit"
        }
    ),
]
"""The name of a bucket. Source: S3 user guide, "General purpose bucket naming rules"."""

GroupId = Annotated[
    str, StringConstraints(pattern=r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$"), Given("aws:ec2/securityGroup:SecurityGroup", "security group")
]
"""A security group that exists."""
