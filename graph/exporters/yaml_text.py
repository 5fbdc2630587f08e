"""YAML text that readers of YAML 1.1 and of YAML 1.2 read alike: whatever either takes for anything but text is quoted."""

import re
from typing import Any, Final

import yaml

_AMBIGUOUS: Final = re.compile(
    r"""
      y|n|yes|no|on|off|true|false|null|~|            # words for a truth value or for nothing; PyYAML knows no y and n
      <<|=|                                           # merge and value keys
      [-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)(e[-+]?[0-9]+)?|
      [-+]?0(x[0-9a-f_]+|b[01_]+|o?[0-7_]+)|          # 0o17 is a number in 1.2, 017 in 1.1
      [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|  # 1:30 counts in sixties in 1.1
      [-+]?\.(inf|nan)|
      [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t\ ].*)?        # a date
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Source: yaml.org/type (1.1: bool, null, int, float, timestamp, merge, value) and section 10.3.2 of the specification of 1.2."""
_BREAKS: Final = re.compile("[\x85\u2028\u2029]")
"""Line breaks of YAML 1.1 that are none in 1.2."""


class _Dumper(yaml.SafeDumper):
    """Quotes what is ambiguous; block scalars for text of several lines; no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if ambiguous(value) or _BREAKS.search(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def ambiguous(text: str) -> bool:
    """Whether some reader takes the text, unquoted, for anything but text."""
    return bool(_AMBIGUOUS.fullmatch(text))


def dump(value: Any) -> str:
    """One document, keys sorted."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=True, width=2**16, allow_unicode=True)


def quoted(text: str) -> str:
    """The text in double quotes, on one line."""
    return yaml.dump(text, Dumper=_Quoted, default_style='"', width=2**20, allow_unicode=True).removesuffix("\n")


class _Quoted(yaml.SafeDumper):
    """Quotes everything."""
