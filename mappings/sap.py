"""What documents of SAP S/4HANA have in common: how they are numbered, measured and blocked.

A document (an order, a delivery) has each kind of hold at most once, whatever the reasons for it. SAP numbers no
hold: it is known by its document and its kind. What a record does not say is held is released; saying so again is
harmless.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final

from canonical import crosswalks
from canonical.events import ExceptionEvent, Fact, Line, Money, Party, Quantity, Ref, SourceCode, Statement
from mappings.records import Fields, at
from mappings.x12 import plain

REMEDY: Final = (
    "compare the record with the service's own $metadata, correct the mapping, then replay this one"
)
DAY: Final = "day, as /Date(1492041600000)/ or 2026-12-04"
MOMENT: Final = "time, as /Date(1492098664000)/"

HOLD_CODES: Final = ("CRD.HOLD", "CMP.EXPORT_BLOCK", "ORD.HOLD")
"""The kinds of hold."""

DONE: Final = "C"
"""A process status: completed."""

_BLOCKED: Final = ("B", "C")
_CREDIT_NOT_APPROVED: Final = ("B", "C")
_INCOMPLETE: Final = ("A", "B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that a document waits for: which hold it is, why, in SAP's own code, and in which field that stands.

    ``goods_move``: the goods go all the same, and the invoice does not.
    """

    exception: str
    cause: str
    because: str
    scheme: str
    code: str
    field: str
    known: bool = True
    goods_move: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a statement says of the document that it is about. ``refs[0]`` is its own number; ``numbered`` is it."""

    title: str
    numbered: str
    refs: Sequence[Ref]
    parties: Sequence[Party]
    changed_at: datetime | None
    place: str
    at_risk: Money | None = None
    ext: Mapping[str, Any] | None = None

    @property
    def ours(self) -> list[Ref]:
        """The numbers of it that are SAP's own."""
        return [ref for ref in self.refs if ref["kind"] != "customer_po"]


# -- why it waits -------------------------------------------------------------------------------------------------


@cache
def blocks() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """What the block reasons mean: ``delivery`` and ``billing``, each by SAP's code."""
    return tomllib.loads((files(__package__) / "sap_blocks.toml").read_text("utf-8"))


def block(kind: str, code: str, field: str) -> Iterator[Reason]:
    """The block that a code says; none for an empty one. A code of the company's own is a block all the same."""
    if not code:
        return
    row = blocks()[kind].get(code)
    said = f"{kind} block {code}"
    yield Reason(
        exception=row["exception"] if row else "ORD.HOLD",
        cause=row["cause"] if row else f"{kind}_block",
        because=f"{said}, {row['because']}" if row else said,
        scheme=f"sap-{kind}-block",
        code=code,
        field=field,
        known=row is not None,
        goods_move=kind == "billing",
    )


def blocked_in_part(kind: str, status: str, field: str) -> Iterator[Reason]:
    """The block of some items or schedule lines, which the header's own block reason does not show."""
    if status in _BLOCKED:
        yield Reason(
            exception="ORD.HOLD",
            cause="schedule_line_block" if kind == "delivery" else "billing_block",
            because="some of its items are blocked" + (" for the invoice" if kind == "billing" else ""),
            scheme="sap-block-status",
            code=status,
            field=field,
            goods_move=kind == "billing",
        )


def credit(status: str) -> Iterator[Reason]:
    """TotalCreditCheckStatus (CMGST): B not approved, C approved in part; A passed, D released by a person."""
    if status in _CREDIT_NOT_APPROVED:
        yield Reason(
            exception="CRD.HOLD",
            cause="credit_check",
            because="the credit check was not passed",
            scheme="sap-credit-status",
            code=status,
            field="TotalCreditCheckStatus",
        )


def incompletion(status: str, field: str, where: str) -> Iterator[Reason]:
    """An incompletion status (UVALL, UVALS): A and B say that data is missing."""
    if status in _INCOMPLETE:
        yield Reason(
            exception="ORD.HOLD",
            cause="incomplete",
            because=f"data is missing in {where}",
            scheme="sap-incompletion-status",
            code=status,
            field=field,
        )


# -- what is said of it -------------------------------------------------------------------------------------------


def holds(document: Document, reasons: Sequence[Reason]) -> Iterator[Statement]:
    """An ExceptionEvent for each kind of hold that has a reason, one Fact ``released`` for those that have none."""
    off = []
    for code in HOLD_CODES:
        why = [reason for reason in reasons if reason.exception == code]
        if not why:
            off.append(code)
            continue
        yield ExceptionEvent(
            code=code,
            title=f"{document.title} waits: {' and '.join(reason.because for reason in why)}",
            cause=why[0].cause,
            severity="S3" if all(reason.goods_move for reason in why) else None,
            refs=[*document.refs, _hold(document, code)],
            place={"json_pointer": f"/{why[0].field}"},
            occurred_at=occurred(document),
            parties=document.parties,
            source_codes=[_source_code(reason) for reason in why],
            value_at_risk=document.at_risk,
            ext=document.ext or {},
        )
    if off:
        # without the customer's number, by which it would end holds of other kinds and of other orders
        yield Fact(
            kind="released",
            refs=[*document.ours, *(_hold(document, code) for code in off)],
            place={"json_pointer": document.place},
            occurred_at=occurred(document),
            parties=document.parties,
        )


def occurred(document: Document) -> Any:
    """When the document was changed, where it says so."""
    return at(document.changed_at) if document.changed_at else None


def line(number: str, material: str, ordered: Quantity | None, issuer: str) -> Line:
    """An item of a document."""
    said: Line = {"line_ref": number}
    if material:
        said["item_ids"] = [{"kind": "item", "value": material, "scheme": "sku", "issuer": issuer}]
    if ordered is not None:
        said["ordered"] = ordered
    return said


def quantity(value: Decimal, unit: str, iso_unit: str) -> Quantity:
    """SAP's unit, where Rec 20 knows its ISO code; else mutually defined, with SAP's own word beside it."""
    known = next((one for one in (iso_unit, unit) if one in crosswalks.units()), "ZZ")
    said: Quantity = {"value": plain(value), "uom": known}
    if unit:
        said["uom_source"], said["uom_scheme_source"] = unit, "erp"
    return said


def customer(number: str) -> list[Party]:
    """The customer, where one is named."""
    if not number:
        return []
    return [{"role": "customer", "ids": [{"scheme": "internal", "value": number}]}]


def number_of(fields: Fields, name: str, *, needed: bool = True) -> str:
    """A document or customer number as people write it: SAP keeps ``0000004711`` for 4711."""
    said = fields.needed(name, 40) if needed else fields.text(name, 40)
    return said.lstrip("0") or said if said.isascii() and said.isdigit() else said


def _hold(document: Document, code: str) -> Ref:
    ref: Ref = {"kind": "hold", "value": f"{document.numbered}/{code}"}
    if issuer := document.refs[0].get("issuer"):
        ref["issuer"] = issuer
    return ref


def _source_code(reason: Reason) -> SourceCode:
    if not reason.known:
        return {"scheme": reason.scheme, "code": reason.code, "mapped": False}
    return {"scheme": reason.scheme, "code": reason.code, "text": reason.because, "mapped": True}
