"""The configuration of a stack: one validation, two readers.

`load_file` reads a stack file offline; `load_engine` reads what the engine hands the program. Both end in one judgement, so that a
file means the same to a review, a rehearsal and a real `pulumi up`.
"""

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path as FilePath
from typing import Any, Final

from components.spec import Reading
from infra import clock
from infra.any_platform import AnyPlatform
from infra.aws.platform import AwsPlatform
from infra.onprem.platform import OnPremPlatform
from infra.platform import Common, Platform
from infra.platforms import MODELS, PLATFORMS, AnyStack, platform_model
from infra.reading.faults import ConfigFaults, Fault, Path, did_you_mean, printable, spell
from infra.reading.handed import file_beside, lifted, parsed
from infra.reading.stackfile import KEY, NAMES, PROJECT, StackFile, engine_text, oversize, scan, spell_key, unnamed
from infra.reading.told import MOST
from infra.reading.validation import judge
from infra.reading.yaml12 import BROKEN
from infra.serving import ServingStack, against, is_serving, laid_over
from infra.site_specs import AwsSite, OnPremSite

__all__ = ["AnyPlatform", "AwsPlatform", "AwsSite", "OnPremPlatform", "OnPremSite", "Platform", "load_engine", "load_file"]

PROVIDERS: Final = "pulumi:disable-default-providers"
ENGINE_KEYS: Final = frozenset({PROVIDERS, "pulumi:tags", "pulumi:template"})
"""Keys of the engine's own that a stack file may hold."""


@dataclass(frozen=True, slots=True)
class Source:
    """One stack's configuration, whichever reader read it.

    `texts` holds every key as the program receives it, `platform` the parsed value of the project's one key, `blind` whether
    any text in it may be a secret, `lines` where things stand where that is known, `refused` what the reader already found, `now` the
    moment to judge at, None where no window is to be found closed, `engine` whether the engine handed it over.
    """

    name: str
    stack: str
    texts: Mapping[str, str]
    platform: Any
    reading: Reading
    blind: bool = False
    lines: Mapping[Path, int] = field(default_factory=dict)
    refused: tuple[Fault, ...] = ()
    now: datetime | None = None
    folder: FilePath = FilePath()
    engine: bool = False


def load_file(path: FilePath, *, without: Path = ()) -> tuple[AnyStack, StackFile]:
    """Read what a stack file holds, offline. Raises ConfigFaults with everything that is wrong with it.

    `without` is the path of one value, from the configuration key on, that is not judged; the file
    that is returned still has it.
    """
    found = scan(path)
    read = replace(found, config=_without(found.config, without)) if without else found
    return _said(read), found


def _without(value: Any, path: Path) -> Any:
    """Copy nested mappings without the value at a path; unchanged where nothing stands there."""
    first, *rest = path
    if not isinstance(value, Mapping) or first not in value:
        return value
    if rest:
        return {**value, first: _without(value[first], tuple(rest))}
    return {key: item for key, item in value.items() if key != first}


def _said(found: StackFile) -> AnyStack:
    """What a stack file that was read holds. Raises ConfigFaults."""
    source = Source(
        name=printable(found.path.name),
        stack=found.stack,
        texts={key: engine_text(value) for key, value in found.config.items()},
        platform=found.config.get(KEY),
        reading=Reading(),
        lines=found.lines,
        refused=found.refused,
        now=clock.stated(),
        folder=found.path.parent,
    )
    return held(source)


def load_engine() -> AnyStack:
    """What the stack holds that the engine runs. Raises pulumi.RunError, whose text tells everything that is wrong."""
    import pulumi

    try:
        return held(_handed(pulumi.get_stack()))
    except ConfigFaults as found:
        raise pulumi.RunError(str(found)) from None
    except Exception as error:
        raise pulumi.RunError(_unforeseen(error)) from None


def _unforeseen(error: Exception) -> str:
    """A fault of the loader itself, without its message: what the engine hands over holds secrets in plain, and a message could."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = f"the configuration could not be judged: {type(error).__name__} in {FilePath(where.filename).name}:{where.lineno}"
    return f"{text}. This is a fault of the program; `groundwork review` of the same file, without the secrets, may tell more"


def _handed(stack: str) -> Source:
    """What the engine handed this process.

    Decrypted secrets look like any text. Where the project's folder holds the stack file that the engine read, it tells which they
    are; otherwise any text could be one, text in a Secret leaf is taken for one, and no text at all is shown.
    """
    from pulumi.runtime import config, settings

    texts = {str(key): str(value) for key, value in {**config.get_config_env(), **config.CONFIG.get()}.items()}
    value, refused = parsed(texts.get(KEY, ""))
    secret = config.is_config_secret(KEY) or KEY in config.get_config_secret_keys_env()
    marked = lifted(value, file_beside(settings.SETTINGS.root_directory, stack)) if secret else None
    blind = secret and marked is None
    platform = value if marked is None else marked
    found = (*refused, *oversize(texts))
    return Source(
        f"Pulumi.{stack}.yaml",
        stack,
        texts,
        platform,
        Reading(decrypted=blind),
        blind,
        refused=found,
        now=clock.deploying(),
        folder=FilePath(settings.SETTINGS.root_directory or "."),
        engine=True,
    )


def held(source: Source) -> AnyStack:
    """What a configuration says, judged. Raises ConfigFaults."""
    unread = bool(source.refused) and not source.texts
    faults = [*source.refused, *_stack_name(source), *([] if unread else _keys(source.texts))]
    platform: AnyStack | None = None
    if isinstance(source.platform, dict):
        platform, found = _judged(source)
        faults += found
    elif KEY in source.texts and source.platform is not BROKEN:
        empty = source.texts[KEY] == ""
        faults.append(Fault(f"config:{KEY}", None, "is empty" if empty else "must be a mapping", allowed="the platform's description"))
    if faults or platform is None:
        raise ConfigFaults(_ordered(faults, source.lines), source.name)
    return platform


def _judged(source: Source) -> tuple[AnyStack | None, list[Fault]]:
    """What the file holds, or the faults."""
    return _serving(source) if is_serving(source.platform) else _platform(source)


def _serving(source: Source) -> tuple[ServingStack | None, list[Fault]]:
    """Endpoints judged by themselves, and as part of the platform that they stand on."""
    own, faults = judge(ServingStack, source.platform, source.reading, hide=source.blind)
    name = source.platform.get("platform")
    if not isinstance(name, str) or any(fault.path == "platform" for fault in faults):
        return None, faults
    file = scan(source.folder / f"Pulumi.{name}.yaml")
    if is_serving(file.config.get(KEY)):
        return None, [*faults, Fault("platform", name, "holds endpoints only: name the stack that holds the platform")]
    try:
        platform = _said(file)
    except ConfigFaults as wrong:
        first = wrong.faults[0]
        text = f"is held by {file.path.name}, which cannot be used itself: {first.path} {first.message}"
        return None, [*faults, Fault("platform", name, text, hint=f"groundwork review --stack {name} tells all that is wrong with it")]
    assert not isinstance(platform, ServingStack)
    view, found = judge(type(platform), laid_over(source.platform, file.config[KEY]), source.reading, hide=source.blind)
    faults += [fault for fault in found if fault not in faults]
    faults += [Fault(spell(at), None, message) for at, message in (against(own, platform) if own else ())]
    return own.bound(view) if own and view else None, faults


def _platform(source: Source) -> tuple[AnyPlatform | None, list[Fault]]:
    """The platform by its kind of site, or the faults; where the kind is not known, those of what every platform has."""
    site = source.platform.get("site")
    cloud = site.get("cloud") if isinstance(site, dict) else None
    model = platform_model(source.platform)
    if model is not None:
        platform, faults = judge(model, source.platform, source.reading, hide=source.blind)
        closed = platform.closed(source.now) if platform and source.now else ()
        return platform, [*faults, *(Fault(spell(path), None, message) for path, message in closed)]
    common = {key: value for key, value in source.platform.items() if key in Common.model_fields}
    _, faults = judge(Common, common, source.reading, hide=source.blind)
    fields = {key for model in MODELS for key in model.model_fields}
    strange = [key for key in source.platform if key not in fields][:MOST]
    faults += [Fault(spell((key,)), None, "is not a known key", hint=did_you_mean(key, fields)) for key in strange]
    known = ", ".join(PLATFORMS)
    if cloud is None:
        return None, [Fault("site.cloud", None, "is required", known), *faults]
    shown = printable(cloud) if isinstance(cloud, str) and not source.blind else None
    return None, [Fault("site.cloud", shown, "is no kind of site", known, did_you_mean(cloud, PLATFORMS)), *faults]


def _stack_name(source: Source) -> list[Fault]:
    """The fault of a stack's name: offline that of its file, which names the stack."""
    why = unnamed(source.stack)
    if not why:
        return []
    if source.engine:
        return [Fault("stack", printable(source.stack), "cannot be the name of a stack: rename the stack", NAMES)]
    form = f"Pulumi.<stack>.yaml, with <stack> of {NAMES}"
    return [Fault("file", source.name, f"{why}: rename the file", form)]


def refuse_what_is_over(stack: AnyStack, file: StackFile, now: datetime) -> None:
    """Refuse what a deployment at `now` would refuse because its time is over. Raises ConfigFaults."""
    holder = stack.view if isinstance(stack, ServingStack) else stack
    where = f"platform {stack.platform}: " if isinstance(stack, ServingStack) else ""
    faults = [Fault(spell(path), None, where + message) for path, message in holder.closed(now)]
    if faults:
        raise ConfigFaults(_ordered(faults, {} if where else file.lines), printable(file.path.name))


def _keys(texts: Mapping[str, str]) -> list[Fault]:
    """Faults of the configuration keys, without a look into the platform."""
    faults = [] if KEY in texts else [Fault(f"config:{KEY}", None, "is required", allowed="the platform's description")]
    for key in texts:
        namespace, _, name = key.partition(":")
        if namespace == PROJECT and key != KEY:
            hint = did_you_mean(name, ["platform"])
            faults.append(Fault(f"config:{printable(key)}", None, "is not a known key", KEY, hint))
        elif namespace != PROJECT and key not in ENGINE_KEYS:
            why = "is read by nothing: providers are made explicitly, from the platform's site"
            faults.append(Fault(f"config:{printable(key)}", None, why, ", ".join([KEY, *sorted(ENGINE_KEYS)])))
    if re.sub(r"\s", "", texts.get(PROVIDERS, "")) != '["*"]':
        faults.append(Fault(f"config:{PROVIDERS}", None, "must be there, so that no resource falls to a default provider", '["*"]'))
    return faults


def _ordered(faults: list[Fault], lines: Mapping[Path, int]) -> list[Fault]:
    """The faults without repetition, in the order of their paths, each with the line of its place or of what it is missing from."""
    by_text: dict[str, int] = {}
    for path, line in lines.items():
        by_text.setdefault(spell_key(path), line)
        if len(path) == 1:
            by_text.setdefault(f"config:{printable(str(path[0]))}", line)
    placed = [fault if fault.line else replace(fault, line=_line(fault.path, by_text)) for fault in dict.fromkeys(faults)]
    return sorted(placed, key=lambda fault: (fault.path, fault.message))


def _line(path: str, lines: Mapping[str, int]) -> int:
    """The line of the longest beginning of a fault's path that is known; 0 where none is."""
    starts = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[start] for start in starts if start in lines), lines.get("platform", 0))
