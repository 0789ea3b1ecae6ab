"""856 ship notice: what left in one shipment, of which orders, in which cartons, with which carrier.

Source: X12 004010 set 856, segments BSN, DTM, HL, PRF, TD1, TD5, TD3, REF, MAN, N1, LIN, SN1, CTT. Elements 668
(SN108), 368 (TD506) and 374 (DTM01) are read by the crosswalks.

One Fact ``shipped`` for each order in the shipment: the notice's own number first, then the order's. Then one
ExceptionEvent for each trouble of each line (its business key is the order), for labels that are missing, wrong or
used twice, and for levels that do not fit together. A notice that cancels or replaces an earlier one says so in
``purpose``: what then counts is found by those who know the earlier one, and a cancellation has no troubles.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Statement
from crossdock.partners import MappingContext
from mappings import codes, facts
from mappings.inbound.x12_856.notice import Notice, Order
from mappings.x12 import CANCELLATION, Reader

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/856"
VERSION: Final = "1"

_TOLD_AT_MOST: Final = 20
"""So many levels or labels are named in a sentence; of the others only how many there are."""


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One ship notice as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    notice = Notice(reader)
    for order in notice.orders.values():
        yield Fact(
            kind="shipped",
            refs=order.fact_refs,
            place=reader.place(order.position, "HL" if order.number else "BSN"),
            occurred_at=notice.occurred_at,
            parties=order.parties,
            lines=[line.words(reader) for line in order.lines.values()],
            attributes=facts.trimmed(order.attributes),
        )
    if notice.problems:
        yield _broken(notice)
    if notice.purpose == CANCELLATION:
        return
    yield from _labels(notice)
    for order in notice.orders.values():
        told: set[str] = set()
        for line in order.lines.values():
            for event in line.events(order):
                told.add(event.code)
                yield event
        yield from _status(notice, order, told)


def _status(notice: Notice, order: Order, told: set[str]) -> Iterator[ExceptionEvent]:
    """What TD506 says of the shipment or the order, where no line has said it."""
    first = next(iter(notice.orders.values()))
    for row, code, position, path in [*(notice.status if order is first else ()), *order.status]:
        exception = codes.exception_of(row)
        if exception in told:
            continue
        said = code.get("text", code["code"])
        yield ExceptionEvent(
            code=exception,
            title=f"{notice.who} says of {order.what}: {said}",
            cause=codes.cause_of(row),
            refs=order.refs,
            place=notice.reader.place(position, path),
            occurred_at=notice.occurred_at,
            parties=order.parties,
            source_codes=[code],
            ext=notice.reader.ext(),
        )


def _broken(notice: Notice) -> ExceptionEvent:
    """The levels that do not fit; all that does was mapped."""
    problems = notice.problems
    told = "; ".join(problem.sentence for problem in problems[:_TOLD_AT_MOST])
    more = f"; and {len(problems) - _TOLD_AT_MOST} more" if len(problems) > _TOLD_AT_MOST else ""
    return ExceptionEvent(
        code="EDI.SYNTAX",
        title=f"{notice.who} sent levels that do not fit together in ship notice {notice.number}",
        detail=told + more,
        cause="hierarchy",
        refs=notice.refs,
        place=notice.reader.place(problems[0].position, f"HL[{problems[0].id[:12]}]"),
        occurred_at=notice.occurred_at,
        parties=notice.parties,
        method="rule",
        ext=notice.reader.ext(levels=[problem.id[:12] for problem in problems]),
    )


def _labels(notice: Notice) -> Iterator[ExceptionEvent]:
    """One trouble for each kind of fault: without an SSCC, with a wrong one, with one that another has too."""
    faults = notice.label_faults
    for cause, found, title, detail in (
        ("missing", faults.missing, "without an SSCC", "no SSCC at level {}"),
        ("wrong", faults.wrong, "with a wrong SSCC", "wrong length or check digit: {}"),
        ("duplicate", faults.twice, "with an SSCC that is used twice", "used twice: {}"),
    ):
        if not found:
            continue
        packs = f"{len(found)} pack{'s' if len(found) > 1 else ''}"
        named = ", ".join(each[:40] for _, each in found[:_TOLD_AT_MOST])
        more = f" and {len(found) - _TOLD_AT_MOST} more" if len(found) > _TOLD_AT_MOST else ""
        yield ExceptionEvent(
            code="FUL.LABEL",
            title=f"{notice.who} sent {packs} {title} in ship notice {notice.number}",
            detail=detail.format(named + more),
            cause=cause,
            refs=notice.refs,
            place=notice.reader.place(found[0][0], "HL"),
            occurred_at=notice.occurred_at,
            parties=notice.parties,
            method="rule",
            ext=notice.reader.ext(packs=len(found)),
        )
