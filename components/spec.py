"""The vocabulary of stack files: the base of every args model, units of measure, secrets, and constrained names."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from inspect import getattr_static
from ipaddress import ip_network
from typing import Annotated, Any, NamedTuple, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Item = TypeVar("Item")

Many = Annotated[tuple[Item, ...], Strict(False)]
"""A YAML list, kept as a tuple; its items stay strict."""


class Problem(NamedTuple):
    """One broken rule between fields: `path` is relative to the model that states the rule."""

    path: tuple[str | int, ...]
    message: str


type_check = Callable[[Any], Iterable[Problem]]


def rule(*fields: str) -> Callable[[type_check], type_check]:
    """Mark a method as a rule between the named fields of a Spec.

    It yields Problems. The config loader runs it as soon as the named fields are sound, even when others are not,
    so that every fault of a file is told at once.
    """

    def mark(check: type_check) -> type_check:
        check.rule_fields = fields  # type: ignore[attr-defined]
        return check

    return mark


@dataclass(frozen=True, slots=True)
class Reading:
    """How a loader reads, given to pydantic as the validation context: rules wait, so that the loader can run each by itself.

    `decrypted` is True under the engine, which hands secrets on as plain text: text in a Secret leaf is then taken.
    """

    decrypted: bool = False


class Spec(BaseModel):
    """Base of every args model: frozen, closed to unknown keys, strict about types, every field described."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, use_attribute_docstrings=True)

    @classmethod
    def rules(cls) -> Iterator[tuple[tuple[str, ...], type_check]]:
        """Every rule of the model, own and inherited, with the fields it reads."""
        return iter(_rules_of(cls))

    @model_validator(mode="after")
    def _rules_hold(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Reading):
            return self
        problems = [problem for _, check in type(self).rules() for problem in check(self)]
        if problems:
            raise PydanticCustomError("rule", "{text}", {"text": "; ".join(p.message for p in problems), "problems": problems})
        return self


@cache
def _rules_of(model: type[Spec]) -> tuple[tuple[tuple[str, ...], type_check], ...]:
    checks = (getattr_static(model, name) for name in dir(model))
    return tuple((check.rule_fields, check) for check in checks if hasattr(check, "rule_fields"))


class Quantity:
    """A number with a unit, written as one scalar; compares by value and prints as it was written.

    Subclasses give `UNITS` (suffix to multiplier of the base unit), `PATTERN` for the JSON schema and `EXAMPLE` for messages.
    Raises ValueError, naming the allowed units, when a text does not parse.
    """

    UNITS: dict[str, int] = {}
    EXAMPLE = ""
    __slots__ = ("text", "value")

    def __init__(self, text: str) -> None:
        self.text = text
        self.value = self._parse(text)

    @classmethod
    def _parse(cls, text: str) -> int:
        found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s?([A-Za-z%/ ]+)", text)
        if not found or found[2] not in cls.UNITS:
            raise ValueError(f'must be a number and one of {", ".join(cls.UNITS)}, such as "{cls.EXAMPLE}"')
        whole, _, part = found[1].partition(".")
        finest: int = 10 ** len(part)
        value, rest = divmod(int(whole + part) * cls.UNITS[found[2]], finest)
        if rest:
            raise ValueError("is finer than the smallest unit it can be counted in")
        return value

    @classmethod
    def pattern(cls) -> str:
        """The regular expression of the JSON schema."""
        return r"^[0-9]{1,12}(\.[0-9]{1,6})? ?(" + "|".join(re.escape(unit) for unit in cls.UNITS) + ")$"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema(strict=True))
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text], mode="left_to_right"),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        form = f'a number and one of {", ".join(cls.UNITS)}, such as "{cls.EXAMPLE}"'
        return {"type": "string", "pattern": cls.pattern(), "examples": [cls.EXAMPLE], "x-form": form}

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    def __hash__(self) -> int:
        return hash((type(self), self.value))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.value == self.value

    def __lt__(self, other: Self) -> bool:
        return self.value < other.value

    def __le__(self, other: Self) -> bool:
        return self.value <= other.value


class Duration(Quantity):
    """A span of time; `value` is in milliseconds."""

    UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
    EXAMPLE = "15m"

    @property
    def seconds(self) -> int:
        """Whole seconds, rounded up."""
        return -(-self.value // 1_000)

    @property
    def days(self) -> int:
        """Whole days, rounded up."""
        return -(-self.value // 86_400_000)


class Size(Quantity):
    """An amount of memory or storage; `value` is in bytes."""

    UNITS = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
    EXAMPLE = "4.8TiB"

    @property
    def gib(self) -> int:
        """Whole gibibytes, rounded up."""
        return -(-self.value // 2**30)


class Percent(Quantity):
    """A share; `value` is in basis points (hundredths of a percent)."""

    UNITS = {"%": 100}
    EXAMPLE = "10%"


class Budget(Quantity):
    """Money over a month; `value` is in US dollars."""

    UNITS = {"USD/month": 1}
    EXAMPLE = "40000 USD/month"


class Secret:
    """A secret leaf. Under the engine it holds the plaintext, offline only the ciphertext; it shows neither.

    The readers build it; a value that did not come from `secure:` is refused by the reader, not here.
    """

    __slots__ = ("_value", "encrypted")

    def __init__(self, value: str, *, encrypted: bool) -> None:
        self._value = value
        self.encrypted = encrypted

    def reveal(self) -> str:
        """The text to wrap in `pulumi.Output.secret` at once."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(**)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        hidden = core_schema.plain_serializer_function_ser_schema(str)
        return core_schema.with_info_plain_validator_function(cls._read, serialization=hidden)

    @classmethod
    def _read(cls, value: Any, info: core_schema.ValidationInfo) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and isinstance(info.context, Reading) and info.context.decrypted:
            return cls(value, encrypted=False)
        raise PydanticCustomError("plain_secret", "must be a secret, not plain text: `pulumi config set --secret --path`")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"secure": {"type": "string"}},
            "required": ["secure"],
            "additionalProperties": False,
            "description": "A secret: set it with `pulumi config set --secret --path`.",
        }


Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z](-?[a-z0-9])*$"),
    Field(json_schema_extra={"x-form": "1 to 40 lower-case letters, digits and single hyphens, beginning with a letter"}),
]
"""A name that every cloud and Kubernetes accept: lower-case letters, digits and single hyphens, 1 to 40 characters."""

ImageReference = Annotated[
    str,
    StringConstraints(max_length=400, pattern=r"^[a-z0-9.\-]+(:[0-9]+)?(/[a-z0-9._\-]+)+@sha256:[0-9a-f]{64}$"),
    Field(json_schema_extra={"x-form": "registry/repository@sha256:<64 hexadecimal digits>"}),
]
"""A container image pinned by digest: registry/repository@sha256:<64 hexadecimal digits>."""

PLACEHOLDER_DIGEST = "sha256:" + "0" * 64
"""The only digest that may be invented: a rule stops it before it reaches a real account."""

PLACEHOLDER_ACCOUNT = "111122223333"
"""The account id of AWS's own documentation, which the stack files here carry."""

DOCUMENTATION_RANGES = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
"""Addresses that stand for others in examples and are routed nowhere. Source: RFC 5737, RFC 3849, RFC 9637."""

_ZEROS = re.compile(r"(?:sha256:0{64}|(?:cr|vpc|subnet|sg|ami|tgw|rtb|pcx)-0+|\d+\.\d+\.\d+-0{8})$")


_ADDRESS = re.compile(r"[0-9a-f:.]{2,45}(?:/[0-9]{1,3})?")


def placeholder(text: str) -> bool:
    """Whether a text stands for something that only a real account knows.

    That is an id, a digest or a release of zeros, the example account, or an address of the ranges kept for documentation.
    The one place that knows which values may be invented; rules stop them before they reach a real account, and `lookup` fills them in.
    """
    return text == PLACEHOLDER_ACCOUNT or bool(_ZEROS.search(text)) or _for_documentation(text)


def _for_documentation(text: str) -> bool:
    """Whether a text is an address or a range within one that is kept for documentation."""
    if not _ADDRESS.fullmatch(text):
        return False
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return False
    return any(found.version == kept.version and found.subnet_of(kept) for kept in DOCUMENTATION_RANGES)  # type: ignore[arg-type]
