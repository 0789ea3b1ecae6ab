"""A load offered to a carrier: another one than the one that declined, or the same one again.

JSON with sorted keys: the same decision always gives the same bytes, so a repeat is recognised as one.
"""

from collections.abc import Mapping
from typing import Any, Final

from crossdock.mapping import Body
from crossdock.messages import Decision
from mappings.outbound.subjects import as_json, shipment_of

OPERATION: Final = "tender"
VERSION: Final = "1"
LONGEST: Final = 250


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
) -> Body:
    """The body of one write-back. Raises ``Unreadable`` when the event names no shipment."""
    body = {
        "remarks": str(arguments.get("text") or decision.because)[:LONGEST],
        "exception_id": exception_id,
        "decision_id": decision_id,
    }
    return Body(body=as_json(body), media_type="application/json", subject=shipment_of(event))
