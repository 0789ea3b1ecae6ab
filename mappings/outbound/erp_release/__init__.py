"""A hold of ours in the ERP is taken off: the order moves again. What it takes off is named by the key of the hold.

JSON with sorted keys: the same decision always gives the same bytes, so a repeat is recognised as one.
"""

from collections.abc import Mapping
from typing import Any, Final

from crossdock.mapping import Body
from crossdock.messages import Decision
from mappings.outbound.subjects import argument, as_json, subject_of

OPERATION: Final = "release"
VERSION: Final = "1"


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
) -> Body:
    """The body of one write-back. ``undoes`` is the idempotency key of the hold. Raises ``Unreadable`` when the event
    or the action lacks what is needed."""
    body = {
        "reason": argument(arguments, "reason"),
        "releases": argument(arguments, "undoes"),
        "exception_id": exception_id,
        "decision_id": decision_id,
    }
    return Body(body=as_json(body), media_type="application/json", subject=subject_of(event))
