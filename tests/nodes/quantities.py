"""Amounts of resources as Kubernetes writes them: "100m", "20G", "80Gi"."""

from fractions import Fraction

SUFFIXES = {
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P"), 1)},
    **{f"{suffix}i": Fraction(1024) ** power for power, suffix in enumerate(("K", "M", "G", "T", "P"), 1)},
}


def amount(text: str) -> Fraction:
    """The number that a quantity is. Raises ValueError for one that Kubernetes does not take."""
    digits = text.rstrip("".join({letter for suffix in SUFFIXES for letter in suffix}))
    return Fraction(digits) * _factor(text, text[len(digits) :])


def _factor(text: str, suffix: str) -> Fraction:
    if suffix not in SUFFIXES:
        raise ValueError(f"{text} is no quantity")
    return SUFFIXES[suffix]


def quantity(number: Fraction) -> str:
    """A number as a quantity; no finer than a thousandth."""
    return str(number) if number.denominator == 1 else f"{int(number * 1000)}m"
