"""What a connector.toml says, read and checked: unknown keys, wrong types and missing ones with file and line.

Reads text only: nothing of a connector is opened, and nothing heavy is imported.
"""

import dataclasses
import os
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from crossdock import toml_lines
from crossdock.blackouts import Blackout
from crossdock.errors import Misconfigured
from crossdock.ports import Manifest, SinkManifest, SourceManifest, StopAfter
from crossdock.toml_lines import TomlFile, did_you_mean

MANIFEST_NAME = "connector.toml"
TENANT = re.compile(r"[a-z0-9]{1,20}")
CONNECTOR_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

WIRES = ("rest", "soap", "sftp", "webhook")
IDEMPOTENCY = ("key", "natural_key", "conditional", "readback", "none")
ORDERING = ("subject", "none")

MOST_RETRIES = Decimal("0.2")
"""Attempts beyond the first ones, as a share of these: more is a storm."""

Settings = TypeVar("Settings")


def tenant_from_environment() -> str:
    """The tenant that this process works for: ``CROSSDOCK_TENANT``, or ``main``."""
    tenant = os.environ.get("CROSSDOCK_TENANT", "main")
    if not TENANT.fullmatch(tenant):
        raise Misconfigured(
            f"tenant {tenant!r} is not 1 to 20 of a-z and 0-9; set another one", where="CROSSDOCK_TENANT"
        )
    return tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What may stand under one key: the type it must have, and what else must hold for it."""

    kind: type | tuple[type, ...]
    required: bool = True
    default: Any = None
    holds: Callable[[Any], bool] = lambda _value: True
    wanted: str = ""


def _words(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(item, str) and item for item in value)


def _texts(value: list[Any]) -> bool:
    return all(isinstance(item, str) for item in value)


def _waits(value: list[Any]) -> bool:
    return bool(value) and all(type(item) is int and item > 0 for item in value)


_STOP_AFTER = re.compile(r"(?P<most>[0-9]{1,6})(?P<share>%?) in (?P<count>[1-9][0-9]{0,3})(?P<unit>[smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_stop_after(text: str) -> StopAfter | None:
    """What ``stop_after`` says, ``None`` when it says nothing that is known."""
    found = _STOP_AFTER.fullmatch(text)
    if found is None or (found["share"] and int(found["most"]) > 99):
        return None
    window = timedelta(**{_UNITS[found["unit"]]: int(found["count"])})
    return StopAfter(text=text, most=int(found["most"]), share=bool(found["share"]), window=window)


_NAMED = _Key(kind=str, holds=bool, wanted="a text that is not empty")
_COUNT = _Key(kind=int, holds=lambda value: value > 0, wanted="a whole number above 0")

_TOP = {
    "title": _NAMED,
    "owner": _NAMED,
    "tenant": _Key(
        kind=str,
        required=False,
        holds=lambda value: bool(TENANT.fullmatch(value)),
        wanted="1 to 20 of a-z and 0-9",
    ),
    "wire": _Key(kind=str, holds=lambda value: value in WIRES, wanted=f"one of {', '.join(WIRES)}"),
    "connection": _NAMED,
    "connection_type": _NAMED,
    "version": _NAMED,
    "source": _Key(kind=dict, required=False),
    "sink": _Key(kind=dict, required=False),
}
_SOURCE = {
    "document": _NAMED,
    "media_type": _NAMED,
    "every_s": dataclasses.replace(_COUNT, required=False),
    "batch": _COUNT,
    "stop_after": _Key(
        kind=str,
        required=False,
        holds=lambda text: read_stop_after(text) is not None,
        wanted='so many failures in a time, "50 in 10m" or "20% in 1h"',
    ),
    "settings": _Key(kind=dict, required=False, default={}),
}
_SINK = {
    "operations": _Key(kind=list, holds=_words, wanted="a list of operation names"),
    "idempotency": _Key(
        kind=str, holds=lambda value: value in IDEMPOTENCY, wanted=f"one of {', '.join(IDEMPOTENCY)}"
    ),
    "schedule_s": _Key(kind=list, holds=_waits, wanted="a list of waits in whole seconds above 0"),
    "concurrency": _COUNT,
    "batch": _COUNT,
    "every_s": _COUNT,
    "settings": _Key(kind=dict, required=False, default={}),
    "remembers_s": dataclasses.replace(_COUNT, required=False),
    "max_age_s": dataclasses.replace(_COUNT, required=False, default=72 * 3600),
    "rate_per_s": _Key(
        kind=(int, Decimal), required=False, holds=lambda value: value > 0, wanted="a number above 0"
    ),
    "burst": dataclasses.replace(_COUNT, required=False),
    "blackouts": _Key(kind=list, required=False, default=[], holds=_texts, wanted="a list of texts"),
    "ordering": _Key(
        kind=str,
        required=False,
        default="subject",
        holds=lambda value: value in ORDERING,
        wanted=f"one of {', '.join(ORDERING)}",
    ),
    "retry_share": _Key(
        kind=(int, Decimal),
        required=False,
        default=MOST_RETRIES,
        holds=lambda value: 0 <= value <= MOST_RETRIES,
        wanted=f"a number from 0 to {MOST_RETRIES}",
    ),
}

_KINDS: Mapping[type | tuple[type, ...], str] = {
    (int, Decimal): "a number",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def _checked(
    file: TomlFile, way: tuple[str, ...], values: Mapping[str, Any], keys: Mapping[str, _Key]
) -> dict[str, Any]:
    """The values of one table with every key known, of its type and in its range, or the complaint."""
    shown = f"[{'.'.join(way)}]" if way else "the file"
    for key in values:
        if key not in keys:
            raise Misconfigured(
                f"unknown key {key!r} in {shown}{did_you_mean(key, list(keys))}", where=file.at(*way, key)
            )
    result: dict[str, Any] = {}
    for name, key_rule in keys.items():
        if name not in values:
            if key_rule.required:
                raise Misconfigured(f"{shown} lacks {name!r}; add it", where=file.at(*way))
            result[name] = key_rule.default
            continue
        value = values[name]
        kinds = key_rule.kind if isinstance(key_rule.kind, tuple) else (key_rule.kind,)
        if type(value) not in kinds:
            raise Misconfigured(
                f"{name!r} must be {_KINDS[key_rule.kind]}, not {value!r}", where=file.at(*way, name)
            )
        if not key_rule.holds(value):
            raise Misconfigured(
                f"{name!r} must be {key_rule.wanted}, not {value!r}", where=file.at(*way, name)
            )
        result[name] = value
    return result


def _plain(value: Any) -> Any:
    """TOML values with ordinary floats: a setting is no money."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the connector in this folder; its name is the folder's name.

    Raises ``Misconfigured`` with file, line and what was probably meant.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise Misconfigured(f"the connector has no {MANIFEST_NAME}; write one", where=str(folder))
    file = toml_lines.read(path)
    if not CONNECTOR_NAME.fullmatch(folder.name):
        raise Misconfigured(
            f"connector name {folder.name!r} must be a-z, 0-9 and _; rename the folder", where=str(folder)
        )
    top = _checked(file, (), file.values, _TOP)
    source = sink = None
    if top["source"] is not None:
        values = _checked(file, ("source",), top["source"], _SOURCE)
        pushed = top["wire"] == "webhook"
        if pushed and values["every_s"] is not None:
            raise Misconfigured(
                "a webhook is pushed to us and is not polled; remove 'every_s'",
                where=file.at("source", "every_s"),
            )
        if not pushed and values["every_s"] is None:
            raise Misconfigured(
                "[source] lacks 'every_s', how often it is read; add it", where=file.at("source")
            )
        values["settings"] = _plain(values["settings"])
        values["stop_after"] = read_stop_after(values["stop_after"] or "")
        source = SourceManifest(**values)
    if top["sink"] is not None:
        sink = _sink(file, _checked(file, ("sink",), top["sink"], _SINK))
    if source is None and sink is None:
        raise Misconfigured("the connector has neither [source] nor [sink]; add one", where=f"{path}:1")
    return Manifest(
        name=folder.name,
        title=top["title"],
        owner=top["owner"],
        tenant=top["tenant"] or tenant_from_environment(),
        wire=top["wire"],
        connection=top["connection"],
        connection_type=top["connection_type"],
        version=top["version"],
        folder=str(folder),
        source=source,
        sink=sink,
    )


def _sink(file: TomlFile, values: dict[str, Any]) -> SinkManifest:
    """The checked values of ``[sink]``, once they also fit together."""
    if values["idempotency"] == "key" and values["remembers_s"] is None:
        raise Misconfigured(
            "[sink] lacks 'remembers_s': for how long the target knows a key again; ask its owner and add it",
            where=file.at("sink", "idempotency"),
        )
    if values["idempotency"] != "key" and values["remembers_s"] is not None:
        raise Misconfigured(
            f"'remembers_s' is about keys, and idempotency is {values['idempotency']!r}; remove it",
            where=file.at("sink", "remembers_s"),
        )
    if values["rate_per_s"] is None and values["burst"] is not None:
        raise Misconfigured(
            "'burst' belongs to 'rate_per_s', which is not there; add it, or remove 'burst'",
            where=file.at("sink", "burst"),
        )
    if values["max_age_s"] < values["schedule_s"][0]:
        raise Misconfigured(
            "'max_age_s' is shorter than the first wait of 'schedule_s', and nothing would be tried twice; raise it",
            where=file.at("sink", "max_age_s"),
        )
    try:
        values["blackouts"] = tuple(map(Blackout.parse, values["blackouts"]))
    except ValueError as error:
        raise Misconfigured(str(error), where=file.at("sink", "blackouts")) from error
    rate = values["rate_per_s"]
    return SinkManifest(
        **{
            **values,
            "operations": tuple(values["operations"]),
            "schedule_s": tuple(values["schedule_s"]),
            "settings": _plain(values["settings"]),
            "rate_per_s": None if rate is None else float(rate),
            "burst": values["burst"] or max(1, round(rate or 1)),
            "retry_share": float(values["retry_share"]),
        }
    )


def typed(settings: type[Settings], manifest: Manifest, side: str) -> Settings:
    """The ``[source.settings]`` or ``[sink.settings]`` of a manifest as the connector's own dataclass.

    ``side`` is ``source`` or ``sink``. Field types may be ``str``, ``int``, ``float``, ``bool``,
    ``tuple[str, ...]``, ``Literal[...]``, and any of these ``| None``; a field without default is required.
    The dataclass refuses a value in ``__post_init__`` by raising ``ValueError`` with a sentence.
    """
    part = manifest.source if side == "source" else manifest.sink
    table = (side, "settings")
    file = toml_lines.read(Path(manifest.folder) / MANIFEST_NAME)
    if part is None:
        raise Misconfigured(f"connector {manifest.name!r} has no [{side}]; add it", where=file.at())
    hints = typing.get_type_hints(settings)
    fields = {field.name: field for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    for key, value in part.settings.items():
        if key not in fields:
            raise Misconfigured(
                f"unknown key {key!r} in [{'.'.join(table)}]{did_you_mean(key, list(fields))}",
                where=file.at(*table, key),
            )
        fits, wanted, converted = _fits(hints[key], value)
        if not fits:
            raise Misconfigured(f"{key!r} must be {wanted}, not {value!r}", where=file.at(*table, key))
        given[key] = converted
    for name, field in fields.items():
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if name not in given and no_default:
            raise Misconfigured(f"[{'.'.join(table)}] lacks {name!r}; add it", where=file.at(*table))
    try:
        return settings(**given)
    except ValueError as error:
        raise Misconfigured(str(error), where=file.at(*table)) from error


def _fits(hint: Any, value: Any) -> tuple[bool, str, Any]:
    """Whether a TOML value is of this type, how the type is called, and the value as the field wants it."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
        origin = typing.get_origin(hint)
    if origin is typing.Literal:
        choices = typing.get_args(hint)
        return value in choices, f"one of {', '.join(map(str, choices))}", value
    if origin is tuple:
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return fits, "a list of texts", tuple(value) if fits else value
    if hint is float:
        fits = type(value) in (int, float)
        return fits, _KINDS[float], float(value) if fits else value
    return type(value) is hint, _KINDS.get(hint, str(hint)), value
