"""A stack file rewritten for the stage keeps every character but its secrets and their keys."""

import sys

import pytest
import yaml

from rehearsal.stackcopy import find, rewrite

SALT = "v1:salt"

PROD = """\
# production
secretsprovider: awskms://alias/groundwork?region=us-west-2
encryptedkey: AQICAHg=
config:
  groundwork:token:
    secure: v1:a:b   # rotated in May
  groundwork:platform:
    on: 010
    list: [1, {secure: "AAA"}, 2026-01-01]
    deep: {er: {secure: 'B''B'}}
    long:
      secure: >-
        folded
        text
    after: 1e3
"""


def rewritten(text: str) -> tuple[str, int]:
    places = find(text)
    return rewrite(text, places, {path: f"C{number}" for number, path in enumerate(places.secrets)}, SALT), len(places.secrets)


def test_only_secrets_and_keys_change() -> None:
    text, count = rewritten(PROD)
    assert count == 4
    assert text == (
        f'# production\nencryptionsalt: "{SALT}"\nsecretsprovider: ""\nencryptedkey: ""\nconfig:\n  groundwork:token:\n'
        '    secure: "C0"   # rotated in May\n  groundwork:platform:\n    on: 010\n    list: [1, {secure: "C1"}, 2026-01-01]\n'
        '    deep: {er: {secure: "C2"}}\n    long:\n      secure: "C3"\n    after: 1e3\n'
    )


def test_paths_lead_to_the_secrets() -> None:
    platform = ("config", "groundwork:platform")
    expected = {("config", "groundwork:token"), (*platform, "list", 1), (*platform, "deep", "er"), (*platform, "long")}
    assert set(find(PROD).secrets) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n",
        "config: {}\n",
        "  config: {a:b: 1}\n",
        "{config: {a:b: {secure: x}}}\n",
        "---\nencryptionsalt: v1:old\nconfig: {}\n",
    ],
)
def test_every_form_of_file_gets_the_salt(text: str) -> None:
    read = yaml.safe_load(rewritten(text)[0])
    assert read["encryptionsalt"] == SALT
    assert {k: v for k, v in read.items() if k != "encryptionsalt"}.keys() == {
        k for k in (yaml.safe_load(text) or {}) if k != "encryptionsalt"
    }


def test_depth_does_not_matter() -> None:
    depth = 2 * sys.getrecursionlimit()
    text = "config: {a:b: " + "[" * depth + "]" * depth + "}\n"
    assert rewritten(text)[0].endswith(text[text.index("config") :])


def test_what_is_not_yaml_is_told() -> None:
    with pytest.raises(yaml.YAMLError):
        find("config: {a: [}")
