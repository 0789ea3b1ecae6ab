"""``conformance.toml`` beside a connector.toml: how its system is played where the manifest does not say it, and
which checks are waived, by whom is answered for in the reason, until when.

    [login]                          # what the connection holds beside host, user and password; {url}, {host}, {port}
    token_url = "{url}/token"

    [played]
    source = false                   # a source that the kit cannot play: played.its_source_is fails
    sink = false                     # played.py plays what is read alone: played.its_sink_is fails
    draws = "a notice is drawn as blocks of the channel"     # a sink that does not write the body as it is, and why

    [played.settings]                # settings that make pages small: the kit sends few records
    page_size = 3

    [played.sink_settings]           # settings of the sink, where something stands in for what a site brings
    wsdl = "played.wsdl"

    [played.request]                 # for a REST source with code of its own: the tables that its manifest would have
    path = "/api/order-holds"

    [[write_back]]                   # for a sink: one for each operation
    operation = "note"
    subject = "supplier_po/4500123456"
    body = '{"text": "..."}'
    arrives = ["..."]                # where it draws: texts of what was decided, as the target gets them

    [[waiver]]
    check = "source.late_record_is_found"
    reason = "the carrier's service has no lateness; agreed with transport"
    until = 2027-03-31

A waiver that is over, or that is not needed any more, fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from crossdock import toml_lines
from crossdock.errors import Misconfigured
from crossdock.toml_lines import TomlFile, did_you_mean

FILE: Final = "conformance.toml"
_TABLES: Final = ("login", "played", "write_back", "waiver")
_WAIVER: Final = ("check", "reason", "until")
_WRITE_BACK: Final = ("operation", "subject", "body", "media_type", "arrives")
LEAST_REASON: Final = 15
"""A reason is a sentence: "later" is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One check that may fail until a day."""

    check: str
    reason: str
    until: date
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the file says; all of it may be missing."""

    played: Mapping[str, Any] = field(default_factory=dict)
    login: Mapping[str, Any] = field(default_factory=dict)
    write_backs: tuple[Mapping[str, Any], ...] = ()
    waivers: Mapping[str, Waiver] = field(default_factory=dict)

    @property
    def draws(self) -> str:
        """Why its sink does not write the body as it is; empty when it does."""
        return str(self.played.get("draws", ""))


def read(folder: Path, known: tuple[str, ...], code_folder: Path | None = None) -> Told:
    """The file in this folder, ``known`` being the ids of all checks. Raises ``Misconfigured`` with file and line.

    One that is like another is played as that one is, where it says nothing itself; its waivers are its own.
    """
    path = folder / FILE
    if not path.is_file():
        if code_folder is None or code_folder == folder:
            return Told()
        return replace(read(code_folder, known), waivers={})
    file = toml_lines.read(path)
    for key in file.values:
        if key not in _TABLES:
            raise Misconfigured(f"unknown key {key!r}{did_you_mean(key, list(_TABLES))}", where=file.at(key))
    waivers: dict[str, Waiver] = {}
    for number, table in enumerate(_tables(file, "waiver", _WAIVER)):
        where = file.at("waiver", number)
        waiver = _waiver(table, known, where)
        if waiver.check in waivers:
            raise Misconfigured(f"{waiver.check!r} is waived twice; remove one", where=where)
        waivers[waiver.check] = waiver
    told = Told(
        played=_plain(file.values.get("played", {})),
        login=_plain(file.values.get("login", {})),
        write_backs=tuple(_tables(file, "write_back", _WRITE_BACK)),
        waivers=waivers,
    )
    _drawn(told, file)
    return told


def _drawn(told: Told, file: TomlFile) -> None:
    """A sink that draws says why, and what must arrive of each write-back."""
    if "draws" in told.played and len(told.draws.strip()) < LEAST_REASON:
        raise Misconfigured("`draws` needs a reason, as a sentence", where=file.at("played", "draws"))
    for number, table in enumerate(told.write_backs):
        texts = table.get("arrives", [])
        if not isinstance(texts, list) or not all(isinstance(one, str) and one for one in texts):
            raise Misconfigured("`arrives` is a list of texts", where=file.at("write_back", number))
        if bool(texts) != bool(told.draws):
            wrong = (
                "what is drawn needs `arrives`, texts of what was decided as the target gets them"
                if told.draws
                else "`arrives` is for a sink that draws; say why it does, with `draws` under [played]"
            )
            raise Misconfigured(wrong, where=file.at("write_back", number))


def _tables(file: TomlFile, name: str, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    tables = file.values.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise Misconfigured(f"write [[{name}]], a table for each", where=file.at(name))
    for table in tables:
        for key in table:
            if key not in keys:
                raise Misconfigured(
                    f"unknown key {key!r} in [[{name}]]{did_you_mean(key, list(keys))}", where=file.at(name)
                )
    return tables


def _waiver(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> Waiver:
    name, reason, until = (table.get(key) for key in _WAIVER)
    if not isinstance(name, str) or name not in known:
        raise Misconfigured(f"no check is called {name!r}{did_you_mean(str(name), list(known))}", where=where)
    if not isinstance(reason, str) or len(reason.strip()) < LEAST_REASON:
        raise Misconfigured(f"the waiver of {name!r} needs a reason, as a sentence", where=where)
    if type(until) is not date:
        raise Misconfigured(f"the waiver of {name!r} needs a day, until = 2027-03-31", where=where)
    return Waiver(check=name, reason=" ".join(reason.split()), until=until, where=where)


def _plain(value: Any) -> Any:
    """TOML values with ordinary floats: a setting is no money."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value
