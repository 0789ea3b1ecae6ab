"""Which order or shipment of the ERP an exception is about: the business key that a write-back is addressed to."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from crossdock.errors import Unreadable

KINDS: Final = ("supplier_po", "sales_order", "shipment", "pro")
"""The references that the ERP knows orders and shipments by; the first one that the event has is taken."""


def subject_of(event: Mapping[str, Any]) -> str:
    """``supplier_po/4500123456``. Raises ``Unreadable`` when the event names nothing that the ERP knows.

    A partner's own number (with a role) is not ours: the supplier's sales order is no sales order of the ERP.
    """
    refs = event["data"]["refs"]
    for kind in KINDS:
        for ref in refs:
            if ref["kind"] == kind and not ref.get("role"):
                return f"{kind}/{ref['value']}"
    named = ", ".join(sorted({ref["kind"] for ref in refs}))
    raise Unreadable(
        f"event {event['id']} names nothing that the ERP keeps (it names: {named}), so nothing can be written there",
        code="EDI.MAP_FAILURE",
        remedy="take the action out of the row of the decision table that matched, then replay this dead letter",
    )


def argument(arguments: Mapping[str, Any], name: str) -> str:
    """An argument that must be there. Raises ``Unreadable`` when it is not."""
    value = arguments.get(name)
    if isinstance(value, str) and value.strip():
        return value
    raise Unreadable(
        f"the action has no {name!r} to write",
        code="EDI.MAP_FAILURE",
        remedy=f"give the action a {name!r} in the row of the decision table, then replay this dead letter",
    )


def as_json(body: Mapping[str, str]) -> bytes:
    """The bytes that leave: sorted keys, no blanks, UTF-8. The same body is always the same bytes."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def shipment_of(event: Mapping[str, Any]) -> str:
    """``shipment/SHP-1``, or ``pro/771``: what a carrier knows. Raises ``Unreadable`` when neither is named."""
    refs = event["data"]["refs"]
    for kind in ("shipment", "pro"):
        for ref in refs:
            if ref["kind"] == kind and not ref.get("role"):
                return f"{kind}/{ref['value']}"
    raise Unreadable(
        f"event {event['id']} names no shipment, so no carrier can be asked for anything",
        code="EDI.MAP_FAILURE",
        remedy="take the action out of the row of the decision table that matched, then replay this dead letter",
    )
