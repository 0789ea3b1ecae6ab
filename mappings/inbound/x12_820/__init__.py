"""820 remittance advice: what was paid, for which invoices, and what was kept back.

Source: X12 004010 and 005010 set 820, segments BPR, TRN, CUR, REF, DTM, N1, ENT, RMR, ADX, IT1, SAC. Element 426
(ADX02, RMR07) is read by the crosswalk. Its amounts are of element 782, type R (BPR02, RMR04 to 06 and 08, ADX01);
only the SAC05 under an IT1 is of element 610, N2.

One Fact ``paid`` for the remittance, and one for each item that it pays (RMR), the remittance first in its references
(a remittance may pay more invoices than a fact can name). Then for each item what was kept back with a reason
(``BIL.DEDUCTION``), and what is missing without one (``BIL.SHORT_PAY``): invoiced less discount, less paid, less what
the reasons explain.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Ref, Statement
from crossdock.partners import MappingContext
from mappings import codes, money, references
from mappings.inbound.x12_820.remittance import Adjustment, Item, Remittance
from mappings.variances import amount_variance
from mappings.x12 import ZERO, Reader

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/820"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One remittance as statements. Raises ``Unreadable`` for what it cannot map."""
    remittance = Remittance(Reader(document, context))
    yield _paid(remittance)
    for item in remittance.items:
        yield _item(remittance, item)
        if context.direction == "out":
            continue  # what we keep back ourselves is no exception
        for adjustment in item.adjustments:
            yield from _deduction(remittance, adjustment, item)
        if item.unexplained > ZERO:
            yield _short(remittance, item)
    if context.direction == "in":
        for adjustment in remittance.adjustments:
            yield from _deduction(remittance, adjustment, None)


def _paid(remittance: Remittance) -> Fact:
    return Fact(
        kind="paid",
        refs=remittance.refs,
        place=remittance.reader.place(remittance.position, "BPR"),
        occurred_at=remittance.occurred_at,
        parties=remittance.parties,
        source_codes=[each.source_code for each in remittance.adjustments][:1000],
        attributes={**remittance.attributes, "items": str(len(remittance.items))},
    )


def _item(remittance: Remittance, item: Item) -> Fact:
    return Fact(
        kind="paid",
        refs=[*remittance.refs[:1], *item.refs][: references.AT_MOST],
        place=remittance.reader.place(item.position, item.path),
        occurred_at=remittance.occurred_at,
        parties=remittance.parties,
        source_codes=[each.source_code for each in item.adjustments][:1000],
        attributes={**remittance.shared, **item.attributes},
    )


def _deduction(remittance: Remittance, adjustment: Adjustment, item: Item | None) -> Iterator[ExceptionEvent]:
    """What was kept back, when the reason says that it is no mere settlement."""
    if adjustment.amount >= ZERO:
        return
    row = adjustment.row
    exception = codes.exception_of(row)
    if exception == codes.NONE:
        return
    reader = remittance.reader
    amount = -adjustment.amount
    why = (
        row.text
        if row is not None
        else f"reason {adjustment.source_code['code']!r}, a word that we do not know"
    )
    of = f"of {item.name}" if item is not None else f"of remittance {remittance.number}"
    refs: list[Ref] = []
    for ref in (*(item.refs if item is not None else ()), *adjustment.refs, *remittance.refs[:1]):
        references.keep(refs, ref)
    yield ExceptionEvent(
        code=exception,
        title=f"{remittance.who} deducted {money.said(amount)} {of}: {why}",
        cause=codes.cause_of(row),
        detail="; ".join(adjustment.notes) or None,
        refs=refs,
        place=reader.place(adjustment.position, adjustment.path),
        occurred_at=remittance.occurred_at,
        parties=remittance.parties,
        variances=[amount_variance(reader, ZERO, adjustment.amount, remittance.currency)],
        source_codes=[adjustment.source_code],
        value_at_risk=reader.money(amount, remittance.currency),
        ext=reader.ext(remittance=remittance.number[:256]),
    )


def _short(remittance: Remittance, item: Item) -> ExceptionEvent:
    reader = remittance.reader
    refs: list[Ref] = []
    for ref in (*item.refs, *remittance.refs[:1]):
        references.keep(refs, ref)
    missing = money.sayable(reader, item.unexplained, item.position)
    due = money.sayable(reader, item.due, item.position)
    explained = (
        f", and {money.said(money.sayable(reader, item.explained, item.position))} have a reason"
        if item.explained
        else ""
    )
    return ExceptionEvent(
        code="BIL.SHORT_PAY",
        title=f"{remittance.who} paid {money.said(missing)} too little of {item.name}",
        detail=f"{money.said(due)} were due after discount, {money.said(item.paid)} were paid{explained}",
        refs=refs,
        place=reader.place(item.position, item.path),
        occurred_at=remittance.occurred_at,
        parties=remittance.parties,
        lines=[] if item.number else [{"line_ref": str(item.ordinal)}],
        variances=[amount_variance(reader, due, item.paid, remittance.currency)],
        value_at_risk=reader.money(missing, remittance.currency),
        method="rule",
        ext=reader.ext(remittance=remittance.number[:256]),
    )
