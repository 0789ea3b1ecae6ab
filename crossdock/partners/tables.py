"""The tables of a profile, each read into its value; what is wrong is told with its line, and a default stands in."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from canonical import crosswalks, taxonomy
from crossdock.calendars import ALWAYS, Calendars, Duration, NotADuration
from crossdock.pairs import names
from crossdock.partners.terms import (
    THEN,
    Clocks,
    ClockTerms,
    Contact,
    Duplicates,
    Item,
    Items,
    Tolerance,
    Tolerances,
    Window,
)
from crossdock.toml_lines import did_you_mean
from crossdock.toml_table import Table, exact

Codes = Mapping[tuple[str, str], crosswalks.Row]

OWN_SCHEMES: Final = ("ack29", "ref-zz")
"""Where partners put codes of their own that no list of X12 has: ACK29 of an 855, and REF02 behind REF01 ZZ."""

USUAL_CALENDAR: Final = "us_business"

_ROW: Final = ("text", "exception", "fact", "cause", "ours", "normal")
_SET: Final = re.compile(r"[0-9]{3}")
_ITEM: Final = re.compile(r"([A-Z0-9]{2}):(.*\S)", re.DOTALL)
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PRINTABLE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


def duration(table: Table, key: str) -> Duration | None:
    """A length of time, or ``None`` when it is not there or wrong (and then it was told)."""
    value = table.values.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        table.tell(key, f"{table.shown(key)!r} must be a text, as '24h' or '1 business day'")
        return None
    try:
        return Duration.parse(value)
    except NotADuration as error:
        table.tell(key, f"{table.shown(key)}: {error}")
        return None


# -- the same thing twice -------------------------------------------------------------------------------------


def duplicates(profile: Table) -> Duplicates:
    """``[duplicates]``: ``set = "ignore"``, ``group = "30 days"``, ``interchange = { within = ..., then = ... }``."""
    usual = Duplicates()
    table = profile.table("duplicates")
    if table is None:
        return usual
    table.only(("interchange", "group", "set"))
    return Duplicates(
        interchange=_window(table, "interchange", usual.interchange),
        group=_window(table, "group", usual.group),
        set=_window(table, "set", usual.set),
    )


def _window(table: Table, key: str, usual: Window) -> Window:
    value = table.values.get(key)
    if value is None:
        return usual
    if value == "ignore":
        return Window(timedelta(0), "ignore")
    at, name = table, key
    then = usual.then
    if isinstance(value, dict):
        inner = table.table(key)
        assert inner is not None
        at, name = inner, "within"
        at.only(("within", "then"))
        then = at.one_of("then", usual.then, THEN)
    elif not isinstance(value, str):
        table.tell(
            key,
            f"{table.shown(key)!r} must be '30 days', 'ignore' or {{ within = '30 days', then = 'flag' }}",
        )
        return usual
    within = duration(at, name)
    if within is not None and within.business:
        at.tell(name, f"{at.shown(name)} = {str(within)!r} must be plain time, as '30 days'")
        return usual
    return Window(usual.within if within is None else within.flat, then)


# -- time -----------------------------------------------------------------------------------------------------


def clocks(profile: Table, calendars: Calendars) -> Clocks:
    """``[clocks]``: whose working time counts; ``[clocks.NAME]``: a limit of its own, or ``off = true``.

    The calendar is of the zone that ``clocks.timezone`` says, else of the partner's; where that is UTC, which is
    nobody's office, of its own.
    """
    table = profile.table("clocks")
    calendar = calendars.all.get(USUAL_CALENDAR, ALWAYS)
    said = profile.values.get("timezone")
    zone = said if isinstance(said, str) and said != "UTC" else ""
    terms: dict[str, ClockTerms] = {}
    if table is not None:
        if "calendar" in table.values:
            name = table.one_of("calendar", USUAL_CALENDAR, list(calendars.all))
            calendar = calendars.all.get(name, calendar)
        zone = table.zone("timezone", zone) if "timezone" in table.values else zone
        known = names()
        for key in table.values:
            if key in ("calendar", "timezone"):
                continue
            if key not in known:
                table.tell(key, f"no clock is called {key!r}{did_you_mean(key, known)}")
            elif (one := table.table(key)) is not None:
                terms[key] = _clock(one)
    return Clocks(calendar=calendar.in_zone(zone) if zone else calendar, terms=terms)


def _clock(table: Table) -> ClockTerms:
    table.only(("within", "off"))
    within, off = duration(table, "within"), table.flag("off", False)
    if off and "within" in table.values:
        table.tell("off", f"[{table.name}] says both off = true and within; keep one of them")
    elif not off and "within" not in table.values:
        table.tell(None, f"[{table.name}] says neither within, as '1 business day', nor off = true")
    elif within is not None and not within:
        table.tell("within", f"{table.shown('within')} = {str(within)!r} would be over at once")
    return ClockTerms(within=within, off=off)


# -- how far two documents may differ -------------------------------------------------------------------------


def tolerances(profile: Table) -> Tolerances:
    """``[tolerances]``: ``price = "0.5%"``, ``amount = "1.00"``."""
    table = profile.table("tolerances")
    if table is None:
        return Tolerances()
    table.only(("price", "quantity", "amount", "freight"))
    return Tolerances(
        price=_tolerance(table, "price"),
        quantity=_tolerance(table, "quantity"),
        amount=_tolerance(table, "amount"),
        freight=_tolerance(table, "freight"),
    )


def _tolerance(table: Table, key: str) -> Tolerance:
    value = table.values.get(key, "0")
    text = value.strip() if isinstance(value, str) else value
    of_hundred = isinstance(text, str) and text.endswith("%")
    number = exact(text[:-1].strip() if of_hundred else text)
    if number is None or number < 0 or (of_hundred and number > 100):
        table.tell(
            key,
            f"{table.shown(key)} = {_as_written(value)} must be an amount or a percentage, as '1.00' or '0.5%'",
        )
        return Tolerance()
    return Tolerance(percent=number) if of_hundred else Tolerance(number)


def _as_written(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


# -- codes ----------------------------------------------------------------------------------------------------


def codes(profile: Table) -> dict[tuple[str, str], crosswalks.Row]:
    """``[codes.x12-668]`` and its like: what codes mean when this partner says them, by (element, code)."""
    found: dict[tuple[str, str], crosswalks.Row] = {}
    elements = (*crosswalks.lists(), *OWN_SCHEMES)
    for element, rows in profile.tables("codes", "[codes.x12-668]"):
        if element not in elements:
            near = did_you_mean(element, elements)
            profile.table("codes").tell(element, f"no crosswalk is called {element!r}{near}")  # type: ignore[union-attr]
            continue
        for code, row in rows.values.items():
            if (problem := _wrong_row(code, row)) is not None:
                rows.tell(code, f"{problem}{rows.belongs_above(code)}")
            else:
                found[element, code] = crosswalks.Row(element=element, code=code, **row)
    return found


def _wrong_row(code: str, row: Any) -> str | None:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        return f"code {code!r} must be a table with its meaning in 'text'"
    if unknown := [key for key in row if key not in _ROW]:
        return f"code {code!r} has the unknown field {unknown[0]!r}{did_you_mean(unknown[0], _ROW)}"
    exception = row.get("exception", "none")
    if exception != "none" and exception not in taxonomy.codes():
        near = did_you_mean(str(exception), list(taxonomy.codes()))
        return f"code {code!r} means {exception!r}, which the taxonomy lacks{near}"
    if not all(isinstance(row.get(key, ""), str) for key in ("cause", "ours", "fact")):
        return f"code {code!r}: cause, ours and fact must be texts"
    if not isinstance(row.get("normal", False), bool):
        return f"code {code!r}: normal must be true or false"
    return None


# -- items ----------------------------------------------------------------------------------------------------


def items(profile: Table, own: Codes) -> Items:
    """``[items]`` and ``[items.map]``: their numbers, ours, and what a pack of each item holds."""
    table = profile.table("items")
    if table is None:
        return Items()
    table.only(("known_only", "map"))
    found: dict[tuple[str, str], Item] = {}
    for key, one in table.tables("map", '"VN:ABC-1" = { ours = "SKU-1", packs = { CA = "12" } }'):
        one.only(("ours", "each", "packs"))
        named = _ITEM.fullmatch(key)
        row = (own.get(("x12-235", named[1])) or crosswalks.lookup("x12-235", named[1])) if named else None
        if named is None or row is None or not row.ours:
            one.tell(
                None,
                f"item {key!r} must begin with what its number is [235], as 'VN:' for the vendor's item number",
            )
            continue
        item = Item(
            scheme=row.ours,
            theirs=named[2].strip(),
            ours=one.text("ours", ""),
            each=_unit(one, "each", one.text("each", "EA"), own) or "EA",
            packs=_packs(one, own),
        )
        if item.each in item.packs:
            one.tell(
                "packs", f"item {key!r}: packs counts the unit {one.values.get('each', 'EA')!r} in itself"
            )
        if (item.scheme, item.theirs) in found:
            one.tell(None, f"item {key!r} is {item.scheme} {item.theirs}, which is listed already")
        found[item.scheme, item.theirs] = item
    return Items(known_only=table.flag("known_only", False), by_number=found)


def _packs(item: Table, own: Codes) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    table = item.table("packs")
    for code, value in table.values.items() if table else ():
        assert table is not None
        unit = _unit(table, code, code, own)
        number = exact(value)
        if number is None or number <= 0:
            table.tell(code, f"packs: {code} = {_as_written(value)} must be how many are in it, as '12'")
        elif unit is not None and found.setdefault(unit, number) != number:
            table.tell(code, f"packs: {code} is the unit {unit}, which another code counts otherwise")
    return found


def _unit(table: Table, key: str, code: str, own: Codes) -> str | None:
    """Our unit for a code of element 355, by the partner's own codes first."""
    row = own.get(("x12-355", code)) or crosswalks.lookup("x12-355", code)
    if row is None or not row.ours:
        near = did_you_mean(code, list(crosswalks.lists()["x12-355"].rows))
        table.tell(key, f"{code!r} is no unit of element 355 that we know{near}")
        return None
    return row.ours


# -- overlays -------------------------------------------------------------------------------------------------


def overlays(profile: Table) -> dict[str, Mapping[str, Any]]:
    """``[overlay.855]``: what the partner asks of a set beyond the guide, as it is written.

    The X12 room knows what may be said there. It must fit the set's guide in one release at least.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for set_id, one in profile.tables("overlay", "[overlay.855]"):
        if not _SET.fullmatch(set_id):
            one.tell(None, f"[overlay.{set_id}]: an overlay is of a transaction set, as [overlay.855]")
            continue
        for way, sentence in _wrong_overlay(set_id, one.values):
            one.tell_at(way, f"[overlay.{set_id}]: {sentence}")
        found[set_id] = one.values
    return found


def _wrong_overlay(set_id: str, data: Mapping[str, Any]) -> Sequence[tuple[tuple[str, ...], str]]:
    """What is wrong with an overlay, each with the way to its key."""
    from crossdock.formats.x12 import guides  # the guides are read for who has overlays
    from crossdock.formats.x12.overlay import Mistakes, Overlay, PartnerGuide

    wrong: Sequence[tuple[tuple[str, ...], str]] = ()
    try:
        overlay = Overlay.of(data)
    except Mistakes as mistakes:
        return mistakes.mistakes
    if not guides.releases(set_id):
        return [((), f"no guide describes {set_id}, so there is nothing to lay it on")]
    for release in guides.releases(set_id):
        base = guides.guide(set_id, release)
        assert base is not None
        try:
            PartnerGuide(base, overlay)
        except Mistakes as mistakes:
            wrong = wrong or mistakes.mistakes
        else:
            return ()
    return wrong


# -- people ---------------------------------------------------------------------------------------------------


def contact(profile: Table) -> Contact:
    """``[contact]``: a name, an address for mail, a telephone number."""
    table = profile.table("contact")
    if table is None:
        return Contact()
    table.only(("name", "email", "phone"))
    return Contact(
        name=table.text("name", "", _PRINTABLE, "one line of text"),
        email=table.text("email", "", _EMAIL, "an address, as 'edi@acme.example'"),
        phone=table.text("phone", "", _PRINTABLE, "one line of text"),
    )
