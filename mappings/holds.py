"""A document of an ERP that says how it stands: what it waits for now, and what it waits for no longer.

Such a document has each kind of hold at most once, whatever the reasons for it. The ERP numbers no hold: it is known
by its document and its kind. What a record does not say is held is released; saying so again is harmless.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from canonical import crosswalks
from canonical.events import ExceptionEvent, Fact, Line, Money, Party, Quantity, Ref, SourceCode, Statement
from mappings.records import at
from mappings.x12 import plain

HOLD_CODES: Final = ("CRD.HOLD", "CMP.EXPORT_BLOCK", "ORD.HOLD")
"""The kinds of hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that a document waits for: which hold it is, why, in the ERP's own code, and in which field.

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
        """The numbers of it that are the ERP's own."""
        return [ref for ref in self.refs if ref["kind"] != "customer_po"]


# -- what is said of it -------------------------------------------------------------------------------------------


def holds(
    document: Document, reasons: Sequence[Reason], *, unsaid: Collection[str] = ()
) -> Iterator[Statement]:
    """An ExceptionEvent for each kind of hold that has a reason, one Fact ``released`` for those that have none.

    ``unsaid``: kinds of which the record says nothing, neither on nor off.
    """
    off = []
    for code in HOLD_CODES:
        why = [reason for reason in reasons if reason.exception == code]
        if not why:
            off += [code] if code not in unsaid else []
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
    """The ERP's unit, where Rec 20 knows it or its ISO code; else mutually defined, with its own word beside it."""
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


def _hold(document: Document, code: str) -> Ref:
    ref: Ref = {"kind": "hold", "value": f"{document.numbered}/{code}"}
    if issuer := document.refs[0].get("issuer"):
        ref["issuer"] = issuer
    return ref


def _source_code(reason: Reason) -> SourceCode:
    if not reason.known:
        return {"scheme": reason.scheme, "code": reason.code, "mapped": False}
    return {"scheme": reason.scheme, "code": reason.code, "text": reason.because, "mapped": True}
