"""Numbering: what is odd about the control numbers of what came. The same one twice; missing ones; late ones.

Whether a number that came before is refused is the partner's profile to say, and is decided before anything is mapped
(``normalize``); here it is told. Gaps are looked for in the interchange's number alone (ISA13), for partners whose
profile says so: groups and sets are counted in too many ways.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from canonical.events import DocumentPlace, ExceptionEvent, Ref
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
    inside = f"{partner.name}:{twice.functional_id}"[:100]
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
    refs.append({"kind": "interchange", "value": exchanged.number[:256] or "none", "issuer": partner.name})
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


# -- in order -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """One interchange of a partner whose numbers are to be without gaps."""

    received: Received
    exchanged: Exchanged


def out_of_order(
    connection: "Transaction", tenant: str, holding: Sequence[Received], partners: Mapping[str, Partner]
) -> Iterator[Odd]:
    """Gaps in the partners' interchange numbers, and numbers that come after higher ones. Those of one batch count as
    there together: in which order files lie in a folder says nothing. Called before they are registered."""
    arrived: dict[str, dict[int, _Arrival]] = {}
    for received in holding:
        for one in received[1].exchanged:
            partner = partners.get(one.partner)
            counts = partner is not None and partner.sequence == "gaps" and one.direction == "in"
            if counts and len(one.number) == 9 and one.number.isascii() and one.number.isdigit():
                arrival = _Arrival(received=received, exchanged=one)
                arrived.setdefault(one.partner, {}).setdefault(int(one.number), arrival)
    if not arrived:
        return
    register.hold_sequence(connection, tenant, arrived)
    mine = {claim.id for claim, _ in holding}
    again = {claim.id for claim, _ in holding if claim.again}
    replayed = register.registered_in(connection, tenant, again)
    for name, numbers in arrived.items():
        known = register.sequence(connection, tenant, name, min(numbers), max(numbers), but=mine)
        partner = partners[name]
        highest = known.highest
        for number in sorted(numbers):
            arrival = numbers[number]
            if highest is None:
                highest = number
            elif number > highest:
                if number > highest + 1:
                    yield _gap(partner, arrival, number, range(highest + 1, number))
                highest = number
            elif number in known.between or (arrival.received[0].id, f"{number:09}") in replayed:
                pass  # it came twice, which is told as that; or its message is processed again
            elif known.lowest is not None and number < known.lowest:
                yield _anew(partner, arrival, number, known.lowest)
            else:
                gap = register.gap_around(connection, tenant, name, number)
                yield _late(partner, arrival, number, gap, numbers)


def _gap(partner: Partner, arrival: _Arrival, number: int, missing: range) -> Odd:
    whole = "the interchange" if len(missing) == 1 else f"{len(missing)} interchanges"
    title = (
        f"{partner.title} sent interchange {number:09}, and {whole} before it did not come: {_named(missing)}"
    )
    return _odd(partner, arrival, title, [number, *missing[:MOST_NAMED]], missing)


def _anew(partner: Partner, arrival: _Arrival, number: int, lowest: int) -> Odd:
    title = (
        f"{partner.title} sent interchange {number:09}, lower than every number before: does it count anew?"
    )
    return _odd(partner, arrival, title, [lowest, number], ())


def _late(
    partner: Partner, arrival: _Arrival, number: int, gap: register.Gap, arrived: Collection[int]
) -> Odd:
    """A number that was missing. Its trouble is that of the number which showed the gap."""
    still = [one for one in gap.missing if one not in arrived]
    rest = f"still missing: {_named(still)}" if still else "none of that gap is missing any more"
    title = f"{partner.title} sent interchange {number:09} late, after {gap.revealed_by:09}; {rest}"
    return _odd(partner, arrival, title, [gap.revealed_by, number], still)


def _odd(
    partner: Partner, arrival: _Arrival, title: str, numbers: Sequence[int], missing: Sequence[int]
) -> Odd:
    """``numbers``: by the first the trouble is folded."""
    refs: list[Ref] = [
        {"kind": "interchange", "value": f"{one:09}", "issuer": partner.name} for one in numbers
    ]
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


def _place(exchanged: Exchanged) -> DocumentPlace:
    return {"x12": {"isa13": exchanged.number[:9], "segment_id": "ISA"}} if exchanged.number else {}


def _named(numbers: Sequence[int]) -> str:
    """Numbers for a sentence: each, or the first and the last."""
    if len(numbers) <= MOST_NAMED:
        return ", ".join(f"{one:09}" for one in numbers)
    return f"{numbers[0]:09} to {numbers[-1]:09}"
