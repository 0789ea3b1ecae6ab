"""812 credit and debit adjustment: what one side takes back of an invoice, and why.

Source: X12 004010 and 005010 set 812, segments BCD, CUR, N9, N1, SAC, CDD, LIN. Elements 426 (CDD01) and 1300 (SAC02)
are read by the crosswalks. Amounts of element 610 (BCD04, CDD04, SAC05) are N2; prices, price differences and
quantities (CDD07, CDD09, CDD11, CDD13) are R.

One Fact ``adjusted`` with a line for each CDD, and one ExceptionEvent ``BIL.DEDUCTION`` for each CDD whose reason is
a claim; for an adjustment without CDD, one of its whole amount. What a seller credits to us, and what we claim
ourselves, is a fact and no exception.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Ref, Statement, Variance
from crossdock.partners import MappingContext
from mappings import codes, money, references
from mappings.inbound.x12_812.adjustment import Adjustment, Detail
from mappings.variances import amount_variance
from mappings.x12 import ZERO, Reader, plain

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/812"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One adjustment as statements. Raises ``Unreadable`` for what it cannot map."""
    adjustment = Adjustment(Reader(document, context))
    yield Fact(
        kind="adjusted",
        refs=adjustment.refs,
        place=adjustment.reader.place(adjustment.position, "BCD"),
        occurred_at=adjustment.occurred_at,
        parties=adjustment.parties,
        lines=[detail.words for detail in adjustment.details],
        source_codes=[detail.source_code for detail in adjustment.details][:1000],
        attributes=adjustment.attributes,
    )
    if context.direction == "out":
        return  # what we claim ourselves is no exception
    for detail in adjustment.details:
        if not adjustment.gives(detail.verb):
            yield from _deduction(adjustment, detail)
    if not adjustment.details and adjustment.amount and not adjustment.gives(adjustment.verb):
        yield _whole(adjustment)


def _deduction(adjustment: Adjustment, detail: Detail) -> Iterator[ExceptionEvent]:
    row = detail.row
    exception = codes.exception_of(row)
    if exception == codes.NONE:
        return
    reader = adjustment.reader
    why = (
        row.text if row is not None else f"reason {detail.source_code['code']!r}, a word that we do not know"
    )
    refs: list[Ref] = list(adjustment.refs)
    for ref in detail.refs:
        references.keep(refs, ref)
    variances: list[Variance] = []
    if detail.amount is not None:
        variances.append(amount_variance(reader, None, detail.amount, adjustment.currency))
    if detail.price_difference is not None:
        variances.append(
            {
                "attribute": "unit_price",
                "expected": None,
                "actual": detail.words.get("unit_price"),
                "delta": plain(detail.price_difference),
            }
        )
    if (quantity := detail.words.get("affected")) is not None:
        variances.append({"attribute": "quantity", "expected": None, "actual": quantity})
    how_much = f" {money.said(abs(detail.amount))}" if detail.amount is not None else ""
    yield ExceptionEvent(
        code=exception,
        title=f"{adjustment.who} {detail.verb}{how_much} {adjustment.what}: {why}",
        cause=codes.cause_of(row),
        refs=refs,
        place=reader.place(detail.position, detail.path),
        occurred_at=adjustment.occurred_at,
        parties=adjustment.parties,
        lines=[detail.words],
        variances=variances,
        source_codes=[detail.source_code],
        value_at_risk=reader.money(abs(detail.amount), adjustment.currency) if detail.amount else None,
        ext=reader.ext(adjustment=adjustment.number[:256]),
    )


def _whole(adjustment: Adjustment) -> ExceptionEvent:
    reader = adjustment.reader
    return ExceptionEvent(
        code="BIL.DEDUCTION",
        title=f"{adjustment.who} {adjustment.verb} {money.said(abs(adjustment.amount))} {adjustment.what}, "
        "without a reason",
        refs=adjustment.refs,
        place=reader.place(adjustment.position, "BCD"),
        occurred_at=adjustment.occurred_at,
        parties=adjustment.parties,
        variances=[amount_variance(reader, ZERO, adjustment.amount, adjustment.currency)],
        value_at_risk=reader.money(abs(adjustment.amount), adjustment.currency),
        method="rule",
        ext=reader.ext(adjustment=adjustment.number[:256]),
    )
