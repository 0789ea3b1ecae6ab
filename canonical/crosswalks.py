"""What a code of another list means in our words: X12 code lists and the carriers' own lists to exceptions, facts,
causes, units and roles.

A row is found by (element, code), never by the code alone: 668 ``ID`` is a line taken off the order, 368 ``ID`` is
missing information; 1651 ``CA`` is customs, 1650 ``CA`` a cancelled shipment. The lists are data, one file each in
``canonical/crosswalks/``, each with its source and licence; the texts are our own few words, no licensed text.
They hold defaults, for X12 those of 004010. A partner who means something else says so in its profile.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

_FOLDER: Final = files("canonical") / "crosswalks"
_OTHERS: Final = ("units.toml", "currencies.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One code of one list.

    ``exception``: the code of the taxonomy that it says by itself, or "none". ``fact``: the kind of Fact that it
    states. ``cause``: why, for the event's ``cause``. ``ours``: our word for it where the list names units (a Rec 20
    code), dates ("delivery_promised"), product numbers ("gtin-12") or the kind of time in a status ("eta").
    ``normal``: the code says that there is no exception, whatever stands beside it (1651 ``NS``).
    """

    element: str
    code: str
    text: str
    exception: str = "none"
    fact: str | None = None
    cause: str | None = None
    ours: str | None = None
    normal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """One list: what it is, of which version, who published it, under which licence, and its rows by code."""

    element: str
    name: str
    version: str
    source: str
    licence: str
    rows: Mapping[str, Row]


def lookup(element: str, code: str) -> Row | None:
    """The row of a code in the list of an element (``"x12-668"``, ``"IB"``); nothing when the list lacks it.

    ``KeyError`` when there is no such list: that is a fault of the caller, a missing code is one of the partner.
    """
    return lists()[element].rows.get(code)


@cache
def lists() -> Mapping[str, CodeList]:
    """Every list, by element: ``x12-668``. Read once per process."""
    found: dict[str, CodeList] = {}
    for file in sorted(_FOLDER.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml") and file.name not in _OTHERS:
            table = tomllib.loads(file.read_text("utf-8"))
            element = table["element"]
            found[element] = CodeList(
                element=element,
                name=table["name"],
                version=table["version"],
                source=table["source"],
                licence=table["licence"],
                rows=MappingProxyType(
                    {code: Row(element=element, code=code, **row) for code, row in table["codes"].items()}
                ),
            )
    return MappingProxyType(found)


@cache
def units() -> Mapping[str, str]:
    """The UN/ECE Rec 20 units that a quantity may have here, with their names. ``ZZ`` is "mutually defined"."""
    return MappingProxyType(_table("units.toml")["units"])


@cache
def currencies() -> frozenset[str]:
    """The ISO 4217 currencies that an amount may have here; two that retired in 2025 and 2026 are among them."""
    table = _table("currencies.toml")
    return frozenset(table["active"]) | frozenset(table["recently_retired"])


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text("utf-8"))
