"""A part of a line of an order of the ERP goes later, with a shipment of its own; the rest need not wait for it.

JSON with sorted keys: the same decision always gives the same bytes, so a repeat is recognised as one. ``ordered`` is
what the line was of when it was decided: the ERP refuses a split of what was changed since.
"""

import re
from collections.abc import Mapping
from datetime import date as day
from typing import Any, Final

from crossdock.errors import Unreadable
from crossdock.mapping import Body
from crossdock.messages import Decision
from mappings.outbound.subjects import argument, as_json, subject_of

OPERATION: Final = "split"
VERSION: Final = "1"
SETS: Final = ("line",)
REMEDY: Final = "correct the action in the row of the decision table, then replay this dead letter"

_QUANTITY: Final = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,9})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
) -> Body:
    """The body of one write-back. Raises ``Unreadable`` when the event or the action lacks what is needed."""
    line, quantity = argument(arguments, "line"), argument(arguments, "quantity")
    if _QUANTITY.fullmatch(quantity) is None or not quantity.strip("0."):
        raise Unreadable(f"the quantity {quantity[:40]!r} that goes later is none", remedy=REMEDY)
    body = {"line": line, "quantity": quantity, "exception_id": exception_id, "decision_id": decision_id}
    if arguments.get("date"):
        body["date"] = _day(str(arguments["date"]))
    for said in event["data"].get("lines", ()):
        if said["line_ref"] == line and "ordered" in said:
            body["ordered"] = said["ordered"]["value"]
    return Body(body=as_json(body), media_type="application/json", subject=subject_of(event))


def _day(text: str) -> str:
    try:
        if _DATE.fullmatch(text) is None:
            raise ValueError(text)
        day.fromisoformat(text)
    except ValueError as error:
        raise Unreadable(f"the date {text[:40]!r} of what goes later is no date", remedy=REMEDY) from error
    return text
