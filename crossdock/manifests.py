"""What a connector.toml says, read and checked: unknown keys, wrong types and missing ones with file and line.

Reads text only: nothing of a connector is opened, and nothing heavy is imported. Which keys there are says
``crossdock/kit/connector.schema.json``; here is what must fit together.
"""

import dataclasses
import os
import re
import string
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from crossdock import toml_lines
from crossdock.blackouts import Blackout
from crossdock.calendars import NotADuration
from crossdock.errors import Misconfigured
from crossdock.expected import ExpectedFeed, quiet_after, read_rows
from crossdock.kit import schema
from crossdock.kit.declarations import ConnectionField, Cursor, MailFolder, MailRule, Paging, Request, View
from crossdock.logins import SECRET_WORDS, is_secret_name
from crossdock.ports import Manifest, SinkManifest, SourceManifest, StopAfter
from crossdock.toml_lines import TomlFile, did_you_mean
from crossdock.toml_table import Table

MANIFEST_NAME = "connector.toml"
TENANT = re.compile(r"[a-z0-9]{1,20}")
CONNECTOR_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

TEMPLATE_NAMES: Final = ("since", "now", "size", "page", "offset", "token", "after_key")
"""What a parameter of ``[source.request]`` may be made of."""

NOTICES: Final = ("notify",)
"""Operations that only tell people something: done twice, they are read twice, and nothing else is so."""

Settings = TypeVar("Settings")
FolderOf = Callable[[str], Path]


def tenant_from_environment() -> str:
    """The tenant that this process works for: ``CROSSDOCK_TENANT``, or ``main``."""
    tenant = os.environ.get("CROSSDOCK_TENANT", "main")
    if not TENANT.fullmatch(tenant):
        raise Misconfigured(
            f"tenant {tenant!r} is not 1 to 20 of a-z and 0-9; set another one", where="CROSSDOCK_TENANT"
        )
    return tenant


_STOP_AFTER = re.compile(r"(?P<most>[0-9]{1,6})(?P<share>%?) in (?P<count>[1-9][0-9]{0,3})(?P<unit>[smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_stop_after(text: str) -> StopAfter | None:
    """What ``stop_after`` says, ``None`` when it says nothing that is known."""
    found = _STOP_AFTER.fullmatch(text)
    if found is None or (found["share"] and int(found["most"]) > 99):
        return None
    window = timedelta(**{_UNITS[found["unit"]]: int(found["count"])})
    return StopAfter(text=text, most=int(found["most"]), share=bool(found["share"]), window=window)


def read_manifest(folder: Path, *, folder_of: FolderOf | None = None) -> Manifest:
    """The manifest of the connector in this folder; its name is the folder's name.

    ``folder_of`` finds the connector that this one is ``like``. Raises ``Misconfigured`` with file, line and what was
    probably meant.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise Misconfigured(f"the connector has no {MANIFEST_NAME}; write one", where=str(folder))
    file = toml_lines.read(path)
    if not CONNECTOR_NAME.fullmatch(folder.name):
        raise Misconfigured(
            f"connector name {folder.name!r} must be a-z, 0-9 and _; rename the folder", where=str(folder)
        )
    code_folder, given = _with_its_base(file, folder, folder_of)
    top = schema.read(file, given)
    _fields(file, top)
    source, sink = top.get("source"), top.get("sink")
    if source is None and sink is None:
        raise Misconfigured("the connector has neither [source] nor [sink]; add one", where=f"{path}:1")
    return Manifest(
        name=folder.name,
        title=top["title"],
        owner=top["owner"],
        tenant=top.get("tenant") or tenant_from_environment(),
        wire=top["wire"],
        connection=top["connection"],
        connection_type=top["connection_type"],
        version=top["version"],
        folder=str(folder),
        source=None if source is None else _source(file, source, top["wire"]),
        expected=_expected(file, folder.name, top["title"], source),
        sink=None if sink is None else _sink(file, sink, top["wire"]),
        hosts=tuple(top["hosts"]),
        capabilities=frozenset(top["capabilities"]),
        personal_data=tuple(top["personal_data"]),
        fields={name: ConnectionField(**values) for name, values in top["fields"].items()},
        like=str(top.get("like", "")),
        code_folder=str(code_folder),
    )


def _fields(file: TomlFile, top: Mapping[str, Any]) -> None:
    """What is declared secret is one by its name as well: it is kept from logs where this file is not read."""
    for name, values in top["fields"].items():
        if values["secret"] and not is_secret_name(name):
            raise Misconfigured(
                f"the secret field {name!r} is not one by its name; put one of {', '.join(SECRET_WORDS)} into it",
                where=file.at("fields", name),
            )
    if top["fields"] and top["connection_type"] == f"crossdock_{top['wire']}":
        raise Misconfigured(
            f"{top['connection_type']!r} is shared with other connectors, and [fields] are this one's alone; "
            "give it a connection_type of its own",
            where=file.at("connection_type"),
        )


def _with_its_base(
    file: TomlFile, folder: Path, folder_of: FolderOf | None
) -> tuple[Path, Mapping[str, Any]]:
    """Where the code lies, and the values of this file over those of the connector that it is like."""
    like, only = file.values.get("like"), file.values.get("only")
    if like is None or not isinstance(like, str):
        if only is not None:
            raise Misconfigured(
                "'only' chooses a side of the connector that this one is 'like', and it is like none; remove it",
                where=file.at("only"),
            )
        return folder, file.values
    where = file.at("like")
    if folder_of is None:
        raise Misconfigured(f"is like {like!r}, and nobody said where that one lies", where=where)
    try:
        base = folder_of(like)
    except Misconfigured as error:
        raise Misconfigured(f"'like': {error}", where=where) from error
    values = toml_lines.read(base / MANIFEST_NAME).values
    if "like" in values:
        raise Misconfigured(
            f"{like!r} is itself like {values['like']!r}; name that one, which has the code", where=where
        )
    if only in ("source", "sink"):
        values = {key: value for key, value in values.items() if key == only or key not in ("source", "sink")}
    return base, _over(values, file.values)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both tables in one: what ``above`` says counts, table by table and key by key."""
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = _over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _source(file: TomlFile, values: dict[str, Any], wire: str) -> SourceManifest:
    """The values of ``[source]``, once they also fit together."""
    pushed = wire == "webhook"
    every_s = values.get("every_s")
    if pushed and every_s is not None:
        raise Misconfigured(
            "a webhook is pushed to us and is not polled; remove 'every_s'",
            where=file.at("source", "every_s"),
        )
    if not pushed and every_s is None and wire != "file":  # what is brought by hand is not polled either
        raise Misconfigured("[source] lacks 'every_s', how often it is read; add it", where=file.at("source"))
    stop_after = read_stop_after(values["stop_after"]) if "stop_after" in values else None
    quiet = None
    if "quiet_after" in values:
        try:
            quiet = quiet_after(values["quiet_after"])
        except NotADuration as error:
            raise Misconfigured(
                f"'quiet_after': {error}, or 'never'", where=file.at("source", "quiet_after")
            ) from error
    return SourceManifest(
        document=values["document"],
        media_type=values["media_type"],
        every_s=every_s,
        batch=values["batch"],
        settings=values["settings"],
        stop_after=stop_after,
        quiet_after=quiet,
        **_declared_reading(file, values, wire),
    )


def _expected(
    file: TomlFile, name: str, title: str, source: Mapping[str, Any] | None
) -> tuple[ExpectedFeed, ...]:
    """The rows ``[[expected]]`` of this file itself: another instance of a connector has feeds of its own. Raises
    ``Misconfigured`` with every mistake in them."""
    if "expected" not in file.values:
        return ()
    if source is None:
        raise Misconfigured(
            "[[expected]] is about what comes, and there is no [source]; remove it", where=file.at("expected")
        )
    problems: list[str] = []
    found = read_rows(Table(file, problems), source=(name, title, source["document"]))
    if problems:
        raise Misconfigured("\n".join(problems))
    return found


def _declared_reading(file: TomlFile, values: Mapping[str, Any], wire: str) -> dict[str, Any]:
    """``request``, ``paging`` and ``cursor``, as far as they are declared."""
    if wire == "sql":
        return _declared_view(file, values)
    if wire == "imap":
        return {"mailbox": _declared_mailbox(file, values)}
    if "mailbox" in values:
        raise Misconfigured(
            f"[source.mailbox] is about IMAP, and the wire is {wire!r}; remove it",
            where=file.at("source", "mailbox"),
        )
    asked = [name for name in ("request", "paging", "cursor", "view") if name in values]
    if "view" in asked:
        raise Misconfigured(
            f"[source.view] is about SQL, and the wire is {wire!r}; remove it",
            where=file.at("source", "view"),
        )
    if asked and wire != "rest":
        raise Misconfigured(
            f"[source.{asked[0]}] is about REST, and the wire is {wire!r}; remove it",
            where=file.at("source", asked[0]),
        )
    if asked and "request" not in values:
        raise Misconfigured(
            f"[source.{asked[0]}] belongs to [source.request], which is not there; add it",
            where=file.at("source", asked[0]),
        )
    if not asked:
        return {}
    request = Request(**values["request"])
    paging = Paging(**values.get("paging", {}))
    cursor = Cursor(**values["cursor"]) if "cursor" in values else None
    _fit_together(file, request, paging, cursor)
    return {"request": request, "paging": paging, "cursor": cursor}


def _declared_mailbox(file: TomlFile, values: Mapping[str, Any]) -> MailFolder:
    """``mailbox`` of a source over IMAP."""
    for name in ("request", "paging", "cursor", "view"):
        if name in values:
            raise Misconfigured(
                f"[source.{name}] is of another wire than 'imap'; remove it", where=file.at("source", name)
            )
    if not values.get("mailbox", {}).get("rules"):
        raise Misconfigured(
            "[[source.mailbox.rules]] is missing: it says which attachment is which document",
            where=file.at("source"),
        )
    mailbox = values["mailbox"]
    if mailbox["archive"] == mailbox["folder"]:
        raise Misconfigured(
            "'archive' is the folder that is read: what was taken would be taken again",
            where=file.at("source", "mailbox", "archive"),
        )
    rules = tuple(MailRule(**rule) for rule in mailbox["rules"])
    for number, rule in enumerate(rules):
        if sum([bool(rule.document), rule.ignore, rule.unpack]) != 1:
            raise Misconfigured(
                f"rule {number + 1} says one of document, ignore = true and unpack = true",
                where=file.at("source", "mailbox", "rules", number),
            )
    return MailFolder(**{**mailbox, "rules": rules})


def _declared_view(file: TomlFile, values: Mapping[str, Any]) -> dict[str, Any]:
    """``view`` and ``cursor`` of a source over SQL."""
    for name in ("request", "paging"):
        if name in values:
            raise Misconfigured(
                f"[source.{name}] is about REST, and the wire is 'sql'; remove it",
                where=file.at("source", name),
            )
    for name in ("view", "cursor"):
        if name not in values:
            raise Misconfigured(
                f"[source.{name}] is missing: over SQL it says "
                + (
                    "which table or view is read" if name == "view" else "what orders the rows, and their key"
                ),
                where=file.at("source"),
            )
    view, cursor = values["view"], Cursor(**values["cursor"])
    try:
        ZoneInfo(view["timezone"])
    except (OSError, ValueError, KeyError):
        raise Misconfigured(
            f"timezone = {view['timezone']!r} is no IANA zone, as 'America/Chicago'",
            where=file.at("source", "view", "timezone"),
        ) from None
    _begins_at(file, cursor)
    return {"view": View(**{**view, "columns": tuple(view["columns"])}), "cursor": cursor}


_NEEDS: Final = {"page": "{page}", "offset": "{offset}", "cursor": "{token}", "keyset": "{since}"}


def _fit_together(file: TomlFile, request: Request, paging: Paging, cursor: Cursor | None) -> None:
    used: set[str] = set()
    for name, text in request.query.items():
        where = file.at("source", "request", "query", name)
        try:
            found = {part for _, part, _, _ in string.Formatter().parse(text) if part is not None}
        except ValueError as error:
            raise Misconfigured(
                f"{text!r} is no template: {error}; write {{{{ for a brace", where=where
            ) from error
        for part in found - set(TEMPLATE_NAMES):
            raise Misconfigured(
                f"unknown {{{part}}} in {name!r}{did_you_mean(part, TEMPLATE_NAMES)}", where=where
            )
        used |= found
    needed = _NEEDS.get(paging.kind, "")
    if needed and needed.strip("{}") not in used:
        raise Misconfigured(
            f"paging by {paging.kind} needs {needed} in a parameter of [source.request], and none has it; add it",
            where=file.at("source", "paging", "kind"),
        )
    ways = {"cursor": ("next",), "next_link": ("next",), "delta_link": ("next", "delta")}
    for name in ways.get(paging.kind, ()):
        if not getattr(paging, name):
            raise Misconfigured(
                f"paging by {paging.kind} needs {name!r}, the way to it in the answer; add it",
                where=file.at("source", "paging", "kind"),
            )
    if paging.kind == "delta_link" and cursor is not None:
        raise Misconfigured(
            "the delta link says what changed, so no moment is compared; remove [source.cursor]",
            where=file.at("source", "cursor"),
        )
    if cursor is None:
        if used & {"since", "after_key"}:
            raise Misconfigured(
                "{since} is the cursor's, and there is no [source.cursor]; add it",
                where=file.at("source", "request", "query"),
            )
        return
    _begins_at(file, cursor)


def _begins_at(file: TomlFile, cursor: Cursor) -> None:
    try:
        without_zone = datetime.fromisoformat(cursor.begin_at).tzinfo is None
    except ValueError:
        without_zone = True
    if without_zone:
        raise Misconfigured(
            f"'begin_at' must be a moment with its zone, not {cursor.begin_at!r}; end it with Z",
            where=file.at("source", "cursor", "begin_at"),
        )


def _sink(file: TomlFile, values: dict[str, Any], wire: str) -> SinkManifest:
    """The values of ``[sink]``, once they also fit together."""
    if wire == "sql":
        raise Misconfigured(
            "a system's tables are read and never written: its own checks would be passed by; "
            "write through its API, with another connector",
            where=file.at("sink"),
        )
    if values["idempotency"] == "harmless" and (others := set(values["operations"]) - set(NOTICES)):
        raise Misconfigured(
            f"idempotency 'harmless' is for notices that people read ({', '.join(NOTICES)}), and "
            f"{sorted(others)[0]!r} changes something; say how the target keeps it from happening twice, or none",
            where=file.at("sink", "idempotency"),
        )
    if values["idempotency"] == "key" and "remembers_s" not in values:
        raise Misconfigured(
            "[sink] lacks 'remembers_s': for how long the target knows a key again; ask its owner and add it",
            where=file.at("sink", "idempotency"),
        )
    if values["idempotency"] != "key" and "remembers_s" in values:
        raise Misconfigured(
            f"'remembers_s' is about keys, and idempotency is {values['idempotency']!r}; remove it",
            where=file.at("sink", "remembers_s"),
        )
    if "burst" in values and "rate_per_s" not in values:
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
        blackouts = tuple(map(Blackout.parse, values["blackouts"]))
    except ValueError as error:
        raise Misconfigured(str(error), where=file.at("sink", "blackouts")) from error
    rate = values.get("rate_per_s")
    return SinkManifest(
        **{
            **values,
            "operations": tuple(values["operations"]),
            "schedule_s": tuple(values["schedule_s"]),
            "blackouts": blackouts,
            "rate_per_s": None if rate is None else float(rate),
            "burst": values.get("burst") or max(1, round(rate or 1)),
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
        return fits, "a number", float(value) if fits else value
    return type(value) is hint, _SAID.get(hint, str(hint)), value


_SAID: Final[Mapping[Any, str]] = {str: "a text", int: "a whole number", bool: "true or false"}
