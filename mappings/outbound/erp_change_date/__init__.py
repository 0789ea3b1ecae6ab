"""A new date for a line of an order of the ERP, as the supplier promised it.

JSON with sorted keys: the same decision always gives the same bytes, so a repeat is recognised as one.
"""

import re
from collections.abc import Mapping
from datetime import date as day
from typing import Any, Final

from crossdock.errors import Unreadable
from crossdock.mapping import Body
from crossdock.messages import Decision
from mappings.outbound.subjects import argument, as_json, subject_of

OPERATION: Final = "change_date"
VERSION: Final = "1"
SETS: Final = ("line",)
REMEDY: Final = (
    "give the action a date as 2026-12-04 in the row of the decision table, then replay this dead letter"
)

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
    subject = subject_of(event)
    line, date = argument(arguments, "line"), argument(arguments, "date")
    if _DATE.fullmatch(date) is None:
        raise Unreadable(f"the new date {date[:40]!r} is no date", remedy=REMEDY)
    try:
        day.fromisoformat(date)
    except ValueError as error:
        raise Unreadable(f"the new date {date[:40]!r} is no date", remedy=REMEDY) from error
    body = {"line": line, "date": date, "exception_id": exception_id, "decision_id": decision_id}
    return Body(body=as_json(body), media_type="application/json", subject=subject)
