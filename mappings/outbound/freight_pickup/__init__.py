"""A pick-up at a carrier: on which day the goods are ready, and in which hours the dock takes a driver.

JSON with sorted keys: the same decision always gives the same bytes, so a repeat is recognised as one.
"""

import re
from collections.abc import Mapping
from datetime import date as day
from typing import Any, Final

from crossdock.errors import Unreadable
from crossdock.mapping import Body
from crossdock.messages import Decision
from mappings.outbound.subjects import argument, as_json, shipment_of

OPERATION: Final = "pickup"
VERSION: Final = "1"
SETS: Final = ()
LONGEST: Final = 250
"""What carriers take as instructions for the driver."""

_HOUR: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
) -> Body:
    """The body of one write-back. Raises ``Unreadable`` when the event or the action lacks what is needed."""
    said = {
        "date": argument(arguments, "date"),
        "ready": str(arguments.get("ready") or "09:00"),
        "close": str(arguments.get("close") or "17:00"),
        "instructions": str(arguments.get("text") or decision.because)[:LONGEST],
    }
    try:
        day.fromisoformat(said["date"])
        if not (_HOUR.fullmatch(said["ready"]) and _HOUR.fullmatch(said["close"])):
            raise ValueError
        if said["ready"] >= said["close"]:
            raise ValueError
    except ValueError as error:
        raise Unreadable(
            "the pick-up has no date as 2026-12-04 with hours as 09:00 and 17:00, the ready one first",
            remedy="correct the action in the row of the decision table, then replay this dead letter",
        ) from error
    body = {**said, "exception_id": exception_id, "decision_id": decision_id}
    return Body(body=as_json(body), media_type="application/json", subject=shipment_of(event))
