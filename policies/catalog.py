"""Every rule, by concern."""

from collections.abc import Mapping
from types import MappingProxyType

from policies.model import Rule
from policies.rules import (
    account,
    availability,
    backup,
    encryption,
    exposure,
    identity,
    logging,
    ownership,
    recovery,
    serving,
    streams,
    supply_chain,
    workloads,
)

CONCERNS = (
    encryption,
    exposure,
    identity,
    logging,
    ownership,
    availability,
    backup,
    recovery,
    supply_chain,
    workloads,
    account,
    streams,
    serving,
)
BOOKS = tuple(module.BOOK for module in CONCERNS)
RULES: tuple[Rule, ...] = tuple(rule for book in BOOKS for rule in book.rules)
BY_ID: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in RULES})
