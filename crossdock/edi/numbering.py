"""Numbering: what is odd about the control numbers of what came. The same one twice; missing ones; late ones.

Whether a number that came before is refused is the partner's profile to say, and is decided before anything is mapped
(``normalize``); here it is told. Gaps are looked for in the interchange's number alone (ISA13), for partners whose
profile says so: groups and sets are counted in too many ways.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Final

from canonical.events import DocumentPlace, ExceptionEvent, Ref
from crossdock.formats.x12.write import HIGHEST_NUMBER
from crossdock.normalize import Normalized
from crossdock.normalize.part import rfc3339
from crossdock.normalize.values import CameTwice, Exchanged
from crossdock.partners import Partner
from crossdock.store import inbox, register

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

MOST_NAMED: Final = 20
"""So many missing numbers are named one by one in a sentence."""

MOST_LISTED: Final = 1_000
"""So many are listed for machines; of more the first ones."""

Received = tuple[inbox.Claim, Normalized]
"""A claimed message with what it came to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """One exception about control numbers, and the message and part that it is about."""

    received: Received
    part: int
    about: str
    partner: str
    exception: ExceptionEvent


# -- twice --------------------------------------------------------------------------------------------------------


def came_twice(holding: Sequence[Received], partners: Mapping[str, Partner]) -> Iterator[Odd]:
    """An exception for each control number of these messages that came before within the partner's window."""
    for received in holding:
        for exchanged in received[1].exchanged:
            for twice in exchanged.twice:
                partner = partners[exchanged.partner]
                yield Odd(
                    received=received,
                    part=twice.part,
                    about=f"twice:{twice.level}",
                    partner=partner.name,
                    exception=_twice(exchanged, twice, partner),
                )


def _twice(exchanged: Exchanged, twice: CameTwice, partner: Partner) -> ExceptionEvent:
    sender = _counted_by(partner, exchanged)
    inside = f"{sender}:{twice.functional_id}"[:100]
    refs: list[Ref] = []
    match twice.level:
        case "set":
            what = f"{twice.set_id} {twice.number} of a group {twice.functional_id} of the same number"
            scheme = f"x12/{twice.set_id}"[:64]
            number = twice.number[:256] or "none"
            refs.append({"kind": "transaction_set", "value": number, "issuer": inside, "scheme": scheme})
        case "group":
            what = f"group {twice.functional_id} {twice.number}"
            refs.append({"kind": "group", "value": twice.number[:256] or "none", "issuer": inside})
        case _:
            what = f"interchange {exchanged.number}"
    refs.append({"kind": "interchange", "value": exchanged.number[:256] or "none", "issuer": sender})
    before = twice.before
    then = "refused" if twice.rejected else "processed all the same, as its profile says"
    return ExceptionEvent(
        code="EDI.DUPLICATE_CONTROL",
        title=f"{partner.title} sent {what} again, with {'the same' if twice.same_bytes else 'other'} bytes",
        detail=f"first in interchange {before.interchange_number}, received at {rfc3339(before.at)} "
        f"(raw message {before.raw_id}); this one is {then}",
        refs=refs,
        place=_place(exchanged),
        method="rule",
        ext={
            "partner": partner.name,
            "level": twice.level,
            "same_bytes": twice.same_bytes,
            "rejected": twice.rejected,
            "before": {"raw_id": before.raw_id, "interchange": before.interchange_number},
        },
    )


# -- counting -----------------------------------------------------------------------------------------------------

HIGHEST: Final = HIGHEST_NUMBER
"""The last number that ISA13 has room for; of theirs 0 or 1 follows it."""

MOST_LINES: Final = 4
"""So many countings of one partner are kept apart; of more the ones used last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Higher than the next one: ``missing`` was left out."""

    missing: range


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """It was missing: ``revealed_by`` is the number that showed it, ``missing`` are those of its gap still out."""

    revealed_by: int
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anew:
    """Counting begins again with it. ``before``: the lowest number until now, or itself when it was used before."""

    before: int


Finding = Gap | Late | Anew | None
"""What is odd about a number; nothing when it is the next one, or one that came twice."""


class _Line:
    """One counting from where it began: its numbers, each with its place in the order of arrival."""

    def __init__(self, number: int, place: int, at: datetime) -> None:
        self.lowest = self.highest = number
        self.came: dict[int, tuple[int, datetime]] = {number: (place, at)}
        self.last_at = at

    def add(self, number: int, place: int, at: datetime) -> None:
        self.lowest, self.highest = min(self.lowest, number), max(self.highest, number)
        self.came[number] = (self.came.get(number, (place, at))[0], at)
        self.last_at = max(self.last_at, at)

    def around(self, number: int) -> Late:
        """The gap that this number is missing in."""
        shown, by = min((place, one) for one, (place, _) in self.came.items() if one > number)
        below = max(one for one, (place, _) in self.came.items() if one < number and place < shown)
        missing = (one for one in range(below + 1, by) if one not in self.came and one != number)
        return Late(revealed_by=by, missing=tuple(islice(missing, MOST_LISTED)))


class Counting:
    """How a partner counts, told by one number after the other.

    A partner that begins anew has two lines for a time: files of the old counting may still be under way when the
    first ones of the new are here. So a number belongs to the line that it goes on with, else to the one that lacks
    it, else to the one that it is least above; and nothing of one line is missing in the other. ``within``: for so
    long a number is not used for another interchange, and an old line is waited for.
    """

    def __init__(self, within: timedelta) -> None:
        self._within = within
        self._lines: list[_Line] = []  # the one used last is first
        self._places = 0

    def take(self, number: int, at: datetime) -> Finding:
        """Count it, and what is odd about it."""
        self._places += 1
        lines = self._lines[:1]
        lines += [line for line in self._lines[1:] if at - line.last_at <= self._within]
        if not lines:
            return self._begin(number, at, None)
        for line in lines:
            if number == line.highest + 1:
                return self._go_on(line, number, at, None)
        came = max((line.came[number][1] for line in lines if number in line.came), default=None)
        if came is not None and at - came <= self._within:
            return None
        if number <= 1 and any(line.highest == HIGHEST for line in lines):
            return self._begin(number, at, None)
        if number in lines[0].came:
            return self._begin(number, at, Anew(before=number))
        for line in lines:
            if line.lowest < number < line.highest and number not in line.came:
                late = line.around(number)
                line.add(number, self._places, at)
                return late
        below = [line for line in lines if line.highest < number]
        if below:
            nearest = max(below, key=lambda line: line.highest)
            return self._go_on(nearest, number, at, Gap(missing=range(nearest.highest + 1, number)))
        lowest = min(lines, key=lambda line: line.lowest)
        anew = Anew(before=lowest.lowest)
        if number == lowest.lowest - 1:
            # rather the one before the first that we know than the first of a new counting; both go on from here
            return self._go_on(lowest, number, at, anew)
        return self._begin(number, at, anew)

    def _begin(self, number: int, at: datetime, finding: Finding) -> Finding:
        self._lines = [_Line(number, self._places, at), *self._lines[: MOST_LINES - 1]]
        return finding

    def _go_on(self, line: _Line, number: int, at: datetime, finding: Finding) -> Finding:
        line.add(number, self._places, at)
        self._lines = [line, *(one for one in self._lines if one is not line)]
        return finding


def in_order(numbers: Collection[int], known: int | None) -> list[int]:
    """Numbers that are there together, in the order of counting: about the wrap the high ones come first."""
    wraps = HIGHEST in numbers or known == HIGHEST
    return sorted(numbers, key=lambda one: (wraps and one <= HIGHEST // 2, one))


# -- in order -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """One interchange of a partner whose numbers are to be without gaps."""

    received: Received
    exchanged: Exchanged

    @property
    def at(self) -> datetime:
        return self.received[0].message.received_at


def out_of_order(
    connection: "Transaction", tenant: str, holding: Sequence[Received], partners: Mapping[str, Partner]
) -> Iterator[Odd]:
    """Gaps in the partners' interchange numbers, and numbers that come after higher ones. Those of one batch count as
    there together: in which order files lie in a folder says nothing. Called before they are registered. Where
    counting began anew is not kept: it follows from the register, by the same count."""
    arrived: dict[tuple[str, str], dict[int, _Arrival]] = {}
    for received in holding:
        for one in received[1].exchanged:
            partner = partners.get(one.partner)
            counts = partner is not None and partner.sequence == "gaps" and one.direction == "in"
            if counts and len(one.number) == 9 and one.number.isascii() and one.number.isdigit():
                arrival = _Arrival(received=received, exchanged=one)
                arrived.setdefault((one.partner, one.identity), {}).setdefault(int(one.number), arrival)
    if not arrived:
        return
    register.hold_sequence(connection, tenant, {name for name, _ in arrived})
    mine = {claim.id for claim, _ in holding}
    again = {claim.id for claim, _ in holding if claim.again}
    replayed = register.registered_in(connection, tenant, again)
    for (name, identity), numbers in arrived.items():
        partner = partners[name]
        within = partner.duplicates.interchange.within
        highest = register.highest(connection, tenant, name, identity, but=mine)
        if highest is not None and _goes_on(highest, numbers, within):
            continue
        counting = Counting(within)
        before = (
            register.sequence(connection, tenant, name, identity, but=mine) if highest is not None else []
        )
        for at, together in groupby(before, key=lambda one: one.at):
            for number in in_order([one.number for one in together], None):
                counting.take(number, at)
        for number in in_order(numbers, highest.number if highest else None):
            arrival = numbers[number]
            found = counting.take(number, arrival.at)
            repeated = (arrival.received[0].id, f"{number:09}") in replayed
            match found:
                case Gap(missing=missing):
                    yield _gap(partner, arrival, number, missing)
                case Late() if not repeated:
                    yield _late(partner, arrival, number, found, numbers)
                case Anew(before=lowest) if not repeated:
                    yield _anew(partner, arrival, number, lowest)
                case _:
                    pass  # the next one; or it came twice, which is told as that; or it is processed again


def _goes_on(highest: register.Numbered, numbers: Mapping[int, _Arrival], within: timedelta) -> bool:
    """These are the next ones after the highest, without a gap: nearly always so, and nothing else is looked at."""
    first, last = min(numbers), max(numbers)
    follows = first == highest.number + 1 and last - first + 1 == len(numbers)
    return follows and numbers[first].at - highest.at <= within


def _gap(partner: Partner, arrival: _Arrival, number: int, missing: range) -> Odd:
    whole = "the interchange" if len(missing) == 1 else f"{len(missing)} interchanges"
    title = (
        f"{partner.title} sent interchange {number:09}, and {whole} before it did not come: {_named(missing)}"
    )
    return _odd(partner, arrival, title, [number, *missing[:MOST_NAMED]], missing)


def _anew(partner: Partner, arrival: _Arrival, number: int, lowest: int) -> Odd:
    why = "lower than every number before" if number < lowest else "a number that it used long ago"
    title = f"{partner.title} sent interchange {number:09}, {why}: does it count anew?"
    return _odd(partner, arrival, title, [lowest, number], ())


def _late(partner: Partner, arrival: _Arrival, number: int, gap: Late, arrived: Collection[int]) -> Odd:
    """A number that was missing. Its trouble is that of the number which showed the gap."""
    still = [one for one in gap.missing if one not in arrived]
    rest = f"still missing: {_named(still)}" if still else "none of that gap is missing any more"
    title = f"{partner.title} sent interchange {number:09} late, after {gap.revealed_by:09}; {rest}"
    return _odd(partner, arrival, title, [gap.revealed_by, number], still)


def _odd(
    partner: Partner, arrival: _Arrival, title: str, numbers: Sequence[int], missing: Sequence[int]
) -> Odd:
    """``numbers``: by the first the trouble is folded."""
    sender = _counted_by(partner, arrival.exchanged)
    refs: list[Ref] = [{"kind": "interchange", "value": f"{one:09}", "issuer": sender} for one in numbers]
    ext: dict[str, Any] = {
        "partner": partner.name,
        "missing": [f"{one:09}" for one in missing[:MOST_LISTED]],
        "missing_count": len(missing),
    }
    return Odd(
        received=arrival.received,
        part=arrival.exchanged.sets[0].part,
        about="sequence",
        partner=partner.name,
        exception=ExceptionEvent(
            code="EDI.SEQUENCE_GAP",
            title=title,
            refs=refs,
            place=_place(arrival.exchanged),
            method="rule",
            ext=ext,
        ),
    )


def _counted_by(partner: Partner, exchanged: Exchanged) -> str:
    """Whose numbers these are: the partner's, or of one of its ids where it has several: each counts."""
    return partner.name if len(partner.ids) < 2 else f"{partner.name}:{exchanged.identity}"


def _place(exchanged: Exchanged) -> DocumentPlace:
    return {"x12": {"isa13": exchanged.number[:9], "segment_id": "ISA"}} if exchanged.number else {}


def _named(numbers: Sequence[int]) -> str:
    """Numbers for a sentence: each, or the first and the last."""
    if len(numbers) <= MOST_NAMED:
        return ", ".join(f"{one:09}" for one in numbers)
    return f"{numbers[0]:09} to {numbers[-1]:09}"
