"""`groundwork lookup`: ask a real account for the facts that a stack file pins, show what would change, and write it on request."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from operations.exits import FINE, INTERNAL_FAULT
from operations.selection import stack_file, stack_options

if TYPE_CHECKING:
    from infra.aws.given_platform import AwsGivenPlatform
    from infra.aws.platform import AwsPlatform
    from operations.account_facts import Clients, Findings, Pinned, Suggestion

INSTALL: Final = "boto3 is not installed; `uv sync --group lookup` brings it."


@click.command()
@stack_options
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON on standard output.")
@click.option("--write", is_flag=True, help="Change the stack file: what is certain, and nothing that a person has to choose.")
def lookup(stack: str | None, config: Path | None, as_json: bool, write: bool) -> int:
    """Fill in what only a real account knows: zones, image release, add-on versions, offerings, reservations, image digests.

    The one command that needs credentials. It reads, and changes nothing in the account. Exit codes: 0 fine, 1 the account did not answer
    something, 3 invalid configuration.
    """
    path = stack_file(stack, config)
    pinned, region = _pinned(path)
    clients, refused = _clients(region)
    from operations.account_facts import ask

    found = ask(pinned, clients, refused)
    written = [one for one in found.suggestions if one.certain] if write else []
    if written:
        _write(path, written)
    click.echo(json.dumps(_as_json(found, path if written else None), indent=2) if as_json else told(found, path if written else None))
    return INTERNAL_FAULT if found.unanswered else FINE


def _pinned(path: Path) -> tuple["Pinned", str]:
    """What is asked about, and where. Raises ConfigFaults, and click.UsageError for a site without an account to ask."""
    from infra.config import load_file
    from infra.onprem.platform import OnPremPlatform
    from infra.reading.stackfile import KEY
    from infra.serving import ServingStack
    from operations.account_facts import Pinned

    # An upgrade is refused until add-ons have versions, which is what this command finds.
    platform, file = load_file(path, without=(KEY, "cluster", "upgrade_from"))
    if isinstance(platform, ServingStack):
        raise click.UsageError(
            f"{path.name} pins nothing of a cloud: look up what platform {platform.platform} pins, --stack {platform.platform}."
        )
    if isinstance(platform, OnPremPlatform):
        raise click.UsageError(f"{path.name} stands on no AWS account: there is nobody to ask.")
    data: Mapping[str, Any] = file.config[KEY]
    return Pinned(data, platform.site.account, platform.site.zones, *_cluster(platform)), platform.site.region


def _cluster(
    platform: "AwsPlatform | AwsGivenPlatform",
) -> tuple[str, str, dict[str, str], tuple[str, ...]]:
    """Version, machine of the system pool, machines of GPU pools by name, and managed add-ons.

    A given cluster pins its pools alone.
    """
    from components.aws.cluster.addons import wanted
    from components.aws.cluster.args import AutoModeArgs
    from infra.aws.node_room import features
    from infra.config import AwsPlatform

    if isinstance(platform, AwsPlatform):
        cluster = platform.cluster
        auto = isinstance(cluster.autoscaler, AutoModeArgs)
        addons = tuple(one.name for one in wanted(features(platform.storage), auto_mode=auto))
        machines = {name: pool.machine for name, pool in cluster.pools.items()}
        machines |= {name: pool.machine for name, pool in cluster.cpu_pools.items()}
        return cluster.version, cluster.system.machine, machines, addons
    return "", "", {name: pool.machine for name, pool in platform.cluster.existing.pools.items()}, ()


def _clients(region: str) -> tuple["Clients", tuple[type[Exception], ...]]:
    """Clients of the region with the credentials of the environment, and what they raise when the account does not answer."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError:
        raise click.ClickException(INSTALL) from None
    session = boto3.session.Session(region_name=region)
    return lambda service: session.client(service), (BotoCoreError, ClientError)


def _write(path: Path, suggestions: "list[Suggestion]") -> None:
    """Change the file, if what comes of it is a valid configuration. Raises ConfigFaults, and leaves the file alone, if it is not."""
    from graph.exporters.written import save
    from infra.config import load_file
    from infra.reading.stackfile import KEY
    from operations.output import writing
    from operations.stack_edit import edited

    text = edited(path.read_text(encoding="utf-8"), {("config", KEY, *one.place): one.new for one in suggestions})
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_text(text, encoding="utf-8")
        load_file(trial)
    with writing(path):
        save(path, text)


def told(found: "Findings", written: Path | None) -> str:
    """What a person reads: a diff of values, facts, and what the account did not answer."""
    from infra.reading.faults import spell

    lines: list[str] = []
    for one in found.suggestions:
        mark = "" if one.certain else "  (choose yourself)"
        lines += [f"{spell(one.place)}{mark}", *([f"  - {one.old}"] if one.old else []), f"  + {one.new}    {one.source}"]
    lines += ["Nothing to change."] if not found.suggestions else []
    lines += [f"{fact.subject}: {fact.text}" for fact in found.facts]
    lines += [f"not answered: {name}: {why}" for name, why in found.unanswered.items()]
    lines += [f"{written} was changed."] if written else []
    return "\n".join(lines)


def _as_json(found: "Findings", written: Path | None) -> dict[str, Any]:
    from infra.reading.faults import spell

    rows = [{**asdict(one), "place": spell(one.place)} for one in found.suggestions]
    facts = [asdict(fact) for fact in found.facts]
    return {"suggestions": rows, "facts": facts, "unanswered": found.unanswered, "written": str(written) if written else None}
