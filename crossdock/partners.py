"""Trading-partner profiles: who sends under which ids, in which zone, and how they are answered.

A profile is one TOML file in ``mappings/partners/`` or in the folder that ``CROSSDOCK_PARTNERS_DIR`` names;
one there replaces the packaged one of the same name: a new partner is a file and a replay, not a release.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from canonical import crosswalks, taxonomy
from crossdock import toml_lines
from crossdock.errors import Misconfigured
from crossdock.registry import package_folder
from crossdock.toml_lines import TomlFile, did_you_mean

PARTNERS_DIR: Final = "CROSSDOCK_PARTNERS_DIR"

ROLES: Final = ("supplier", "customer", "carrier", "warehouse", "bank", "other")
"""What a trading partner can be to us."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SET: Final = re.compile(r"[0-9]{3}")
_RELEASE: Final = re.compile(r"00[2-8][0-9]{3}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """One trading partner, as X12 names it and as we answer it.

    ``ids``: every (ISA qualifier, ISA id) it sends under, ids stripped; ``ours``: what it calls us. ``role`` is what
    it is to us: one of ``ROLES``.
    ``timezone`` (IANA) is what its zone-less times mean; ``currency`` (ISO 4217) what its bare prices mean.
    ``acknowledge``: ``997`` or ``none``; ``acknowledge_target`` is the connector that sends it;
    ``acknowledge_accepted`` False: only rejections are told. ``usage``: ISA15 of what is real for us, P or T.
    ``sets`` it may send us. ``lenient``: a code that we do not know is kept as the partner's word and the
    rest of the document is mapped, instead of setting the document aside. ``codes`` are its own meanings of
    codes, by (element, code): they go before the crosswalks of ``canonical``.
    ``element``, ``component``, ``repetition`` and ``segment`` are the delimiters of what we send.
    """

    name: str
    title: str
    ids: tuple[tuple[str, str], ...]
    ours: tuple[str, str]
    role: str = "other"
    timezone: str = "UTC"
    currency: str = "USD"
    acknowledge: str = "997"
    acknowledge_target: str = ""
    acknowledge_accepted: bool = True
    release: str = "004010"
    sets: tuple[str, ...] = ()
    usage: str = "P"
    lenient: bool = False
    codes: Mapping[tuple[str, str], crosswalks.Row] = field(default_factory=dict)
    element: str = "*"
    component: str = ">"
    repetition: str = "U"
    segment: str = "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingContext:
    """What a mapping may know beside the document: whose it is, when it came, and for which tenant.

    ``direction`` is ``in`` for what the partner sent to us, ``out`` for a copy of what we sent to the partner.
    """

    partner: Partner | None
    received_at: datetime
    tenant: str
    direction: str = "in"


@dataclass(frozen=True, slots=True)
class Partners:
    """All profiles, found by ISA qualifier and id or by name."""

    all: tuple[Partner, ...]
    _by_id: Mapping[tuple[str, str], Partner] = field(repr=False)

    @classmethod
    def load(cls, *folders: Path) -> "Partners":
        """The packaged profiles, then those of ``CROSSDOCK_PARTNERS_DIR``; or those of the folders given.

        Raises ``Misconfigured`` with every problem of every file, one a line, each with file and line.
        """
        problems: list[str] = []
        by_name: dict[str, tuple[Partner, TomlFile]] = {}
        for folder in folders or _default_folders():
            if not folder.is_dir():
                problems.append(f"{folder}: is no folder; make it, or correct {PARTNERS_DIR}")
                continue
            in_folder: dict[str, tuple[Partner, TomlFile]] = {}
            for path in sorted(folder.glob("*.toml")):
                try:
                    file = toml_lines.read(path)
                except Misconfigured as error:
                    problems.append(str(error))
                    continue
                checked = _Profile(file, problems).partner()
                if checked is None:
                    continue
                if checked.name in in_folder:
                    other = in_folder[checked.name][1].path
                    problems.append(f"{file.at('name')}: partner {checked.name!r} is already in {other}")
                in_folder[checked.name] = (checked, file)
            by_name.update(in_folder)
        by_id: dict[tuple[str, str], Partner] = {}
        for partner, file in by_name.values():
            for identity in partner.ids:
                other_partner = by_id.setdefault(identity, partner)
                if other_partner is not partner:
                    problems.append(
                        f"{file.at('ids')}: id {identity[0]}/{identity[1]} is already that of "
                        f"{other_partner.name!r}; one id belongs to one partner"
                    )
        if problems:
            raise Misconfigured("\n".join(problems))
        return cls(tuple(partner for partner, _ in by_name.values()), by_id)

    def find(self, qualifier: str, id: str) -> Partner | None:
        """The partner that sends under this ISA qualifier and id (padding does not matter), or ``None``."""
        return self._by_id.get((qualifier.strip(), id.strip()))

    def named(self, name: str) -> Partner:
        """The partner of this name. Raises ``Misconfigured`` with the nearest name."""
        for partner in self.all:
            if partner.name == name:
                return partner
        raise Misconfigured(
            f"no partner is named {name!r}{did_you_mean(name, [partner.name for partner in self.all])}"
        )

    def __iter__(self) -> Iterator[Partner]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)


def _default_folders() -> list[Path]:
    folders = [package_folder("mappings") / "partners"]
    if extra := os.environ.get(PARTNERS_DIR):
        folders.append(Path(extra))
    return folders


class _Profile:
    """The check of one file: every problem is told, then there is a partner or there is none."""

    _KEYS: Final = (
        "name", "title", "ids", "ours", "role", "timezone", "currency", "acknowledge", "acknowledge_target",
        "acknowledge_accepted", "release", "sets", "usage", "lenient", "codes", "element", "component", "repetition",
        "segment",
    )  # fmt: skip
    _ROW: Final = ("text", "exception", "fact", "cause", "ours", "normal")

    def __init__(self, file: TomlFile, problems: list[str]) -> None:
        self._file = file
        self._values = file.values
        self._problems = problems
        self._told = len(problems)

    def partner(self) -> Partner | None:
        for key in self._values:
            if key not in self._KEYS:
                self._tell(key, f"unknown field {key!r}{did_you_mean(key, self._KEYS)}")
        partner = Partner(
            name=self._text("name", None, _NAME, "small letters, digits and _, as 'acme_supply'"),
            title=self._text("title", None),
            ids=self._ids(),
            ours=self._identity("ours", self._values.get("ours")),
            role=self._one_of("role", "other", ROLES),
            timezone=self._timezone(),
            currency=self._text("currency", "USD", _CURRENCY, "three capital letters of ISO 4217"),
            acknowledge=self._one_of("acknowledge", "997", ("997", "none")),
            acknowledge_target=self._text("acknowledge_target", ""),
            acknowledge_accepted=self._flag("acknowledge_accepted", True),
            release=self._text("release", "004010", _RELEASE, "six digits, as '004010'"),
            sets=self._sets(),
            usage=self._one_of("usage", "P", ("P", "T")),
            lenient=self._flag("lenient", False),
            codes=self._codes(),
            **self._delimiters(),
        )
        if self._values.get("acknowledge", "997") == "997" and not partner.acknowledge_target:
            self._tell(
                "acknowledge",
                "acknowledge = '997' needs acknowledge_target, the connector that sends it "
                "(or write acknowledge = 'none')",
            )
        return partner if len(self._problems) == self._told else None

    def _tell(self, key: str, sentence: str) -> None:
        self._problems.append(f"{self._file.at(key)}: {sentence}")

    def _text(
        self, key: str, default: str | None, pattern: re.Pattern[str] | None = None, shape: str = ""
    ) -> str:
        value = self._values.get(key, default)
        if value is None:
            self._tell(key, f"{key!r} is missing")
        elif not isinstance(value, str) or (default is None and not value.strip()):
            self._tell(key, f"{key!r} must be a text")
        elif pattern and not pattern.fullmatch(value):
            self._tell(key, f"{key} = {value!r} must be {shape}")
        else:
            return value
        return default or ""

    def _one_of(self, key: str, default: str, known: Sequence[str]) -> str:
        value = self._values.get(key, default)
        if value not in known:
            near = did_you_mean(value, known) if isinstance(value, str) else f" (known: {', '.join(known)})"
            self._tell(key, f"{key} = {value!r} is not known{near}")
            return default
        return str(value)

    def _flag(self, key: str, default: bool) -> bool:
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            self._tell(key, f"{key} = {value!r} must be true or false")
            return default
        return value

    def _identity(self, key: str, value: Any) -> tuple[str, str]:
        match value:
            case [str(qualifier), str(id)] if 1 <= len(qualifier.strip()) <= 2 and 1 <= len(id.strip()) <= 15:
                return qualifier.strip(), id.strip()
        self._tell(key, f"{key!r} must be [qualifier, id] as in ISA05/06, for example ['ZZ', 'ACMESUPPLY']")
        return "", ""

    def _ids(self) -> tuple[tuple[str, str], ...]:
        value = self._values.get("ids")
        if not isinstance(value, list) or not value or not all(isinstance(each, list) for each in value):
            self._tell("ids", "'ids' must list at least one [qualifier, id], as [['ZZ', 'ACMESUPPLY']]")
            return ()
        return tuple(self._identity("ids", each) for each in value)

    def _sets(self) -> tuple[str, ...]:
        value = self._values.get("sets")
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(each, str) and _SET.fullmatch(each) for each in value)
        ):
            self._tell("sets", "'sets' must list the transaction sets that it may send, as ['855', '997']")
            return ()
        return tuple(value)

    def _timezone(self) -> str:
        value = self._text("timezone", "UTC")
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):  # an unknown zone is a KeyError, a path a ValueError
            self._tell("timezone", f"timezone = {value!r} is no IANA zone, as 'America/Chicago'")
        return value

    def _codes(self) -> dict[tuple[str, str], crosswalks.Row]:
        found: dict[tuple[str, str], crosswalks.Row] = {}
        lists = self._values.get("codes", {})
        if not isinstance(lists, dict) or not all(isinstance(rows, dict) for rows in lists.values()):
            self._tell("codes", "'codes' must hold tables such as [codes.x12-668]")
            return found
        for element, rows in lists.items():
            if element not in crosswalks.lists():
                near = did_you_mean(element, list(crosswalks.lists()))
                self._tell_at(("codes", element), f"no crosswalk is called {element!r}{near}")
                continue
            for code, row in rows.items():
                way = ("codes", element, code)
                if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                    self._tell_at(way, f"code {code!r} must be a table with its meaning in 'text'")
                elif unknown := [key for key in row if key not in self._ROW]:
                    self._tell_at(
                        way,
                        f"code {code!r} has the unknown field {unknown[0]!r}{did_you_mean(unknown[0], self._ROW)}",
                    )
                elif (exception := row.get("exception", "none")) != "none" and (
                    exception not in taxonomy.codes()
                ):
                    near = did_you_mean(str(exception), list(taxonomy.codes()))
                    self._tell_at(way, f"code {code!r} means {exception!r}, which the taxonomy lacks{near}")
                elif not all(isinstance(row.get(key, ""), str) for key in ("cause", "ours", "fact")):
                    self._tell_at(way, f"code {code!r}: cause, ours and fact must be texts")
                elif not isinstance(row.get("normal", False), bool):
                    self._tell_at(way, f"code {code!r}: normal must be true or false")
                else:
                    found[element, code] = crosswalks.Row(element=element, code=code, **row)
        return found

    def _tell_at(self, way: tuple[str, ...], sentence: str) -> None:
        self._problems.append(f"{self._file.at(*way)}: {sentence}")

    def _delimiters(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, default in (("element", "*"), ("component", ">"), ("repetition", "U"), ("segment", "~")):
            value = self._values.get(key, default)
            if not isinstance(value, str) or len(value) != 1 or ord(value) > 126:
                self._tell(key, f"{key} = {value!r} must be one ASCII character")
                value = default
            elif (value.isalnum() or value == " ") and not (key == "repetition" and value == "U"):
                self._tell(key, f"{key} = {value!r} would cut data apart; take one such as {default!r}")
            found[key] = value
        if len(set(found.values())) < len(found):
            self._tell("element", "the delimiters must differ from each other")
        return found
