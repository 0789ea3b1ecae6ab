"""A note on an order or a shipment of the ERP: what a person there must know, and which exception says so.

JSON with sorted keys: the same decision always gives the same bytes, so a repeat is recognised as one.
"""

from collections.abc import Mapping
from typing import Any, Final

from crossdock.mapping import Body
from crossdock.messages import Decision
from mappings.outbound.subjects import as_json, subject_of

OPERATION: Final = "note"
VERSION: Final = "1"
TEXT_LONGEST: Final = 4000
"""What the ERP takes; a longer note is cut and ends in an ellipsis."""


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
    text = arguments.get("text") or decision.because
    if len(text) > TEXT_LONGEST:
        text = text[: TEXT_LONGEST - 1] + "…"
    body = {"text": text, "exception_id": exception_id, "decision_id": decision_id}
    return Body(body=as_json(body), media_type="application/json", subject=subject)
