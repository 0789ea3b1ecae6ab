"""A sales order that our ERP holds, or has released again: credit, terms, export, address, or by hand.

One JSON record per hold, polled from the ERP's ``/api/order-holds`` or pushed by it. ``state`` "held" is one
ExceptionEvent, its code by the reason (``reasons.toml``); "released" is a Fact ``released``, which ends it.

A hold is about the whole order. Its lines are in ``ext.lines`` (line → sku, quantity, unit): were they the event's
lines, the trouble would count as one of the first line alone, and open a second case when the ERP reorders them.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from canonical import crosswalks
from canonical.events import ExceptionEvent, Fact, Line, Party, Quantity, Ref, SourceCode, Statement
from crossdock.errors import Place, Unreadable
from crossdock.partners import MappingContext
from mappings.inbound.erp_order_hold.record import RELEASED, OrderedLine, Record, read_record

DOCUMENT: Final = "erp_order_hold"
VERSION: Final = "1"

REASON_SCHEME: Final = "erp-hold-reason"
"""The list that ``reason_code`` is of, as ``source_codes`` names it."""

_LONGEST_DETAIL: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What one reason means: the exception, its cause, and the end of the sentence that says so."""

    exception: str
    because: str
    cause: str | None = None


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One record as one statement. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    record = read_record(document)
    reason = reasons().get(record.reason_code)
    if record.state == RELEASED:
        # whatever it was held for, it is held no longer
        yield _released(record, reason, context)
    elif reason is not None:
        yield _held(record, reason, context)
    else:
        shown = record.reason_code[:40]
        raise Unreadable(
            f"order hold {record.hold_id}: nobody knows what the reason {shown!r} means",
            place=Place(json_pointer="/reason_code"),
            code="EDI.UNMAPPED_CODE",
            remedy=(
                f"ask the keepers of the ERP what {shown!r} means, add it to "
                "mappings/inbound/erp_order_hold/reasons.toml, then replay this dead letter"
            ),
        )


@cache
def reasons() -> Mapping[str, Reason]:
    """Every reason that is known, by the ERP's code."""
    table = tomllib.loads((files(__package__) / "reasons.toml").read_text("utf-8"))
    return {code: Reason(**row) for code, row in table.items()}


def _held(record: Record, reason: Reason, context: MappingContext) -> ExceptionEvent:
    ext: dict[str, Any] = {
        "hold_id": record.hold_id,
        "customer": record.customer,
        "customer_tier": record.tier,
        "updated_at": record.updated_at["value"],
    }
    if record.lines:
        ext["lines"] = {each.line: [each.sku, each.quantity, each.uom] for each in record.lines}
    return ExceptionEvent(
        code=reason.exception,
        title=f"Order {record.sales_order} of {record.customer_name} waits: {reason.because}",
        cause=reason.cause,
        detail=record.reason[:_LONGEST_DETAIL] or None,
        refs=_refs(record, context),
        place={"json_pointer": "/reason_code"},
        occurred_at=record.placed_at,
        parties=[_customer(record)],
        source_codes=[_source_code(record, reason)],
        value_at_risk={"amount": record.amount, "currency": record.currency},
        ext=ext,
    )


def _released(record: Record, reason: Reason | None, context: MappingContext) -> Fact:
    return Fact(
        kind="released",
        refs=_refs(record, context),
        place={"json_pointer": "/state"},
        occurred_at=record.updated_at,
        parties=[_customer(record)],
        lines=[_line(each, context) for each in record.lines],
        source_codes=[_source_code(record, reason)],
        attributes={"hold_id": record.hold_id, "placed_at": record.placed_at["value"]},
    )


def _refs(record: Record, context: MappingContext) -> list[Ref]:
    # the hold's own number: taking one hold off ends no other hold of the same order
    return [
        {"kind": "sales_order", "value": record.sales_order, "issuer": context.tenant},
        {"kind": "hold", "value": record.hold_id, "issuer": context.tenant},
    ]


def _customer(record: Record) -> Party:
    return {
        "role": "customer",
        "ids": [{"scheme": "internal", "value": record.customer}],
        "name": record.customer_name,
    }


def _source_code(record: Record, reason: Reason | None) -> SourceCode:
    if reason is None:
        return {"scheme": REASON_SCHEME, "code": record.reason_code, "mapped": False}
    return {"scheme": REASON_SCHEME, "code": record.reason_code, "text": reason.because, "mapped": True}


def _line(line: OrderedLine, context: MappingContext) -> Line:
    return {
        "line_ref": line.line,
        "item_ids": [{"kind": "item", "value": line.sku, "scheme": "sku", "issuer": context.tenant}],
        "ordered": _quantity(line),
    }


def _quantity(line: OrderedLine) -> Quantity:
    """The ERP's unit, where Rec 20 knows it; else mutually defined, with the ERP's own word beside it."""
    return {
        "value": line.quantity,
        "uom": line.uom if line.uom in crosswalks.units() else "ZZ",
        "uom_source": line.uom,
        "uom_scheme_source": "erp",
    }
