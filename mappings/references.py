"""Business numbers in REF, N9 and L11: of what each is, whose it is, and each of them once.

Source: X12 element 128, the qualifier of a number.
"""

from collections.abc import Callable
from typing import Final

from canonical.events import Ref
from mappings import facts

AT_MOST: Final = 64
"""So many references fit a statement."""

# 128 → the kind of number; others are kept as attributes
_KINDS: Final = {
    "BM": "bol", "MB": "bol", "SI": "shipment", "2I": "tracking", "CN": "pro", "DO": "delivery", "PK": "delivery",
    "VN": "sales_order", "OQ": "sales_order", "CT": "contract", "LO": "load", "RZ": "rma", "EQ": "container",
    "AO": "appointment",
}  # fmt: skip
# 128 that name an order, an invoice, a credit or debit memo, a remittance
ORDERS: Final = frozenset({"PO", "CO"})
INVOICES: Final = frozenset({"IV", "IK", "OI"})
MEMOS: Final = frozenset({"CM", "CD", "DB", "DL"})


def reference(
    refs: list[Ref],
    named: dict[str, str],
    qualifier: str,
    value: str,
    *,
    order: Callable[[str], Ref] | None = None,
    issued: Callable[[str, str], Ref] | None = None,
    carrier: str = "",
) -> None:
    """A REF, N9 or L11: a business number of a kind that we know, else an attribute ``ref.dp`` in ``named``.

    ``order`` makes the reference of an order's number; without it whose number it is stays open. ``issued`` makes
    that of an invoice, of a credit or debit memo (a kind and a number). ``carrier``: the SCAC of the carrier whose
    PRO number it is, if it is one.
    """
    if not value:
        return
    found: Ref
    if qualifier in ORDERS:
        found = order(value) if order is not None else {"kind": "customer_po", "value": value[:256]}
    elif issued is not None and qualifier in INVOICES:
        found = issued("invoice", value)
    elif issued is not None and qualifier in MEMOS:
        found = issued("credit_memo", value)
    elif kind := _KINDS.get(qualifier):
        found = {"kind": kind, "value": value[:256]}
        if kind == "pro" and carrier:
            found["issuer"] = carrier[:128]
    else:
        if word := facts.as_name(qualifier):
            facts.note(named, f"ref.{word}", value)
        return
    keep(refs, found)


def keep(refs: list[Ref], ref: Ref) -> None:
    """Add a reference, once, while there is room. What it is to the document (``role``) makes it no other one."""
    same = any(
        each["kind"] == ref["kind"]
        and each["value"] == ref["value"]
        and each.get("issuer") == ref.get("issuer")
        for each in refs
    )
    if not same and len(refs) < AT_MOST:
        refs.append(ref)
