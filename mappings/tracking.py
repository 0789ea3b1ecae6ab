"""A carrier's tracking answer as statements: what all carriers' answers have in common, whichever words they use.

An answer tells the whole history of a package each time it is asked for. So each activity is known by what the
carrier says of it (``stated_as``), and what an earlier answer told is not told again. The oldest activity is told
first, so that what ended a trouble comes behind it.

What an activity means is said by several codes, from the precise one to the coarse one: the first that is known
decides, and one that nobody knows stays in ``source_codes`` with ``mapped`` false. When nobody knows any of them, a
person looks (``EDI.UNMAPPED_CODE``); nothing is ever stopped by a code.

Names of receivers and addresses beyond city and state are left where they are, in the raw answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from canonical.events import (
    DocumentPlace,
    ExceptionEvent,
    Fact,
    Party,
    Ref,
    SourceCode,
    Statement,
    Variance,
    When,
)
from crossdock.partners import MappingContext
from mappings import codes, facts, times
from mappings.codes import Row

MOST_ACTIVITIES: Final = 1000
"""More than any package has; what is beyond is not told, and the newest are kept."""
_OFFSET: Final = re.compile(r"([+-])([01]?[0-9]|2[0-3])[:.]?([0-5][0-9])")
_MOMENT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2}))?(?:\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """Who carries: its name for people, and its SCAC."""

    name: str
    scac: str

    def party(self) -> Party:
        return {"role": "carrier", "ids": [{"scheme": "scac", "value": self.scac}], "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One code of an activity: the list that it is of, and what it means there (``None``: nobody knows)."""

    element: str
    code: str
    row: Row | None

    def source_code(self) -> SourceCode:
        return codes.source_code(self.element, self.code, self.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One entry of a package's history. ``said``: its codes, from the precise one to the coarse one."""

    place: DocumentPlace
    said: Sequence[Said]
    when: When | None
    text: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    cause: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells this activity from the others of its package."""
        told = [f"{one.element}={one.code}" for one in self.said]
        at = self.when["value"] if self.when is not None else ""
        return "|".join((at, *told, self.city, self.state, self.country))


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package, by its tracking number, with what holds for all of its activities."""

    number: str
    carrier: Carrier
    activities: Sequence[Activity]
    place: DocumentPlace
    refs: Sequence[Ref] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    promised: str = ""
    expected: When | None = None


def said(element: str, code: str, context: MappingContext) -> Said:
    """A code with its meaning: the partner's own, else that of the crosswalk."""
    return Said(element=element, code=code[:128], row=codes.meaning(element, code, context.partner))


def statements(package: Package) -> Iterator[Statement]:
    """Everything that an answer says about a package, oldest first. ``promised`` is a date, ``expected`` a date or a
    moment; an expectation a day or more behind the promise is an exception."""
    told: set[str] = set()
    history = sorted(package.activities, key=_moment_of)[-MOST_ACTIVITIES:]
    for activity in history:
        # two scans that say the same at the same moment are one
        if activity.key not in told:
            told.add(activity.key)
            yield from _told(package, activity)
    if not _is_over(history):
        yield from _expected(package, history)


def _told(package: Package, activity: Activity) -> Iterator[Statement]:
    exception, cause, fact = judged(activity)
    known_as = f"{package.number}|{activity.key}"
    parties = [package.carrier.party()]
    source_codes = [one.source_code() for one in activity.said]
    attributes = {**package.attributes, **activity.attributes}
    for name in ("city", "state", "country"):
        facts.note(attributes, name, getattr(activity, name))
    yield Fact(
        kind=fact,
        refs=_refs(package),
        place=activity.place,
        occurred_at=activity.when,
        parties=parties,
        source_codes=source_codes,
        attributes=facts.trimmed(attributes),
        stated_as=known_as,
    )
    if exception == codes.NONE:
        return
    yield ExceptionEvent(
        code=exception,
        title=title(package, activity),
        cause=cause,
        detail=activity.text or None,
        refs=_refs(package),
        place=activity.place,
        occurred_at=activity.when,
        parties=parties,
        variances=_late(package) if exception == "SHP.DELAY" else (),
        source_codes=source_codes,
        ext={"partner": package.carrier.name, **_ext(activity)},
        stated_as=known_as,
    )


def judged(activity: Activity) -> tuple[str, str | None, str]:
    """The exception, its cause and the kind of fact: what the first code says that somebody knows."""
    known = [one.row for one in activity.said if one.row is not None]
    if not known:
        return codes.UNKNOWN, None, "status"
    first = known[0]
    cause = activity.cause or next((row.cause for row in known if row.cause), None)
    if first.exception != codes.NONE:
        return first.exception, cause, first.fact or "status"
    return codes.NONE, None, next((row.fact for row in known if row.fact), None) or "status"


def title(package: Package, activity: Activity) -> str:
    """``UPS 1Z999AA10123456784: delayed by weather (Louisville, KY)``."""
    row = next((one.row for one in activity.said if one.row is not None), None)
    what = row.text if row is not None and row.exception != codes.UNKNOWN else "a status that we do not know"
    place = ", ".join(part for part in (activity.city, activity.state or activity.country) if part)
    return f"{package.carrier.name} {package.number}: {what}" + (f" ({place})" if place else "")


def _expected(package: Package, history: Sequence[Activity]) -> Iterator[Statement]:
    """When the package is expected, said again with each new activity; and an exception when that is too late."""
    if package.expected is None:
        return
    eta = package.expected["value"]
    attributes = {**package.attributes, "eta": eta}
    facts.note(attributes, "promised", package.promised)
    last = history[-1].key if history else ""
    yield Fact(
        kind="status",
        refs=_refs(package),
        place=package.place,
        parties=[package.carrier.party()],
        attributes=facts.trimmed(attributes),
        stated_as=f"{package.number}|eta {eta}|{last}",
    )
    variances = _late(package)
    if variances:
        days = variances[0]["delta"]
        behind = "1 day" if days == "1" else f"{days} days"
        yield ExceptionEvent(
            code="SHP.ETA_SLIP",
            title=f"{package.carrier.name} {package.number}: expected on {eta[:10]}, {behind} late",
            refs=_refs(package),
            place=package.place,
            parties=[package.carrier.party()],
            variances=variances,
            ext={"partner": package.carrier.name},
            stated_as=f"{package.number}|promised {package.promised}|eta {eta[:10]}",
        )


def _late(package: Package) -> list[Variance]:
    if package.expected is None or not package.promised:
        return []
    days = times.days_between(package.promised, package.expected["value"])
    if days < 1:
        return []
    return [
        {
            "attribute": "date",
            "expected": times.on(package.promised[:10]),
            "actual": package.expected,
            "delta": str(days),
        }
    ]


def _refs(package: Package) -> list[Ref]:
    return [{"kind": "tracking", "value": package.number}, *package.refs]


def _ext(activity: Activity) -> dict[str, Any]:
    return {name: value for name in ("city", "state", "country") if (value := getattr(activity, name)[:256])}


def _is_over(history: Sequence[Activity]) -> bool:
    return any(judged(activity)[2] == "delivered" for activity in history)


def _moment_of(activity: Activity) -> tuple[int, float]:
    """Where an activity stands in time; one without a readable time stands before all others."""
    if activity.when is None:
        return (0, 0.0)
    moment = datetime.fromisoformat(activity.when["value"].replace("Z", "+00:00"))
    return (1, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


# -- times as carriers write them -----------------------------------------------------------------------------------


def offset(text: str) -> str:
    """``-05:00``, ``-05.00`` or ``-0500`` as ``-05:00``; empty for what is none."""
    found = _OFFSET.fullmatch(text.strip())
    return f"{found[1]}{int(found[2]):02}:{found[3]}" if found else ""


def local_time(
    day: str, time: str, zone: str, *, state: str, country: str, context: MappingContext
) -> When | None:
    """A local date (``20260302``) and time (``143000``) with an offset, where one was said; else local to the place.
    ``None`` for what no calendar or clock has: a bad time takes no news with it."""
    try:
        date = times.date_of(day)
        clock = times.time_of(time) if time else ""
    except times.NotATime:
        return None
    if times.is_no_date(date):
        return None
    if not clock:
        return times.on(date)
    if zone:
        value = f"{date}T{clock}"
        precision = "second" if len(clock) == 8 else "minute"
        return {
            "value": f"{value}{zone}",
            "precision": precision,
            "tz_source": "explicit",
            "source_text": value,
        }
    partner = context.partner
    return times.when(
        date,
        clock,
        "",
        state=state,
        country=country,
        partner_zone=partner.timezone if partner is not None else None,
    )


def moment(text: str, *, state: str = "", country: str = "", context: MappingContext) -> When | None:
    """A date or a moment as ISO 8601 writes it, with or without an offset; ``None`` for what is none."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    day, clock, seconds, zone = found[1], found[2], found[3], found[4]
    time = "" if clock is None else (f"{clock}:{seconds}" if seconds else clock).replace(":", "")
    made = local_time(
        day.replace("-", ""),
        time,
        "+00:00" if zone == "Z" else zone or "",
        state=state,
        country=country,
        context=context,
    )
    if made is not None and made["precision"] != "date":
        made["source_text"] = text.strip()
    return made
