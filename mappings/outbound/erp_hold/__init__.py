"""A hold on an order or a shipment of the ERP: nothing moves until somebody takes it off.

JSON with sorted keys: the same decision always gives the same bytes, so a repeat is recognised as one.
"""

from collections.abc import Mapping
from typing import Any, Final

from crossdock.mapping import Body
from crossdock.messages import Decision
from mappings.outbound.subjects import argument, as_json, subject_of

OPERATION: Final = "hold"
VERSION: Final = "1"


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
) -> Body:
    """The body of one write-back. Raises ``Unreadable`` when the event or the action lacks what is needed."""
    subject = subject_of(event)
    reason = argument(arguments, "reason")

    body = {"reason": reason, "exception_id": exception_id, "decision_id": decision_id}
    return Body(body=as_json(body), media_type="application/json", subject=subject)
