"""A notice for people (operation ``notify``): Slack, Teams and mail give it their own form.

JSON with sorted keys: the same decision always gives the same bytes.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from canonical import taxonomy
from crossdock.errors import Unreadable
from crossdock.kit.notice import Notice
from crossdock.mapping import Body
from crossdock.messages import Decision

OPERATION: Final = "notify"
VERSION: Final = "1"


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
) -> Body:
    """The body of one write-back. Raises ``Unreadable`` for an argument that is none."""
    for name in arguments:
        if name not in ("text", "to"):
            raise Unreadable(
                f"a notice has no {name!r}",
                remedy="take it out of the action in the row of the decision table, then replay this dead letter",
            )
    notice = notice_of(event, decision, arguments, exception_id)
    return Body(
        body=orjson.dumps(notice.as_json(), option=orjson.OPT_SORT_KEYS),
        media_type="application/json",
        subject=f"case/{exception_id}",
    )


def notice_of(
    event: Mapping[str, Any], decision: Decision, arguments: Mapping[str, Any], case: str
) -> Notice:
    """What is told of this decision: no more than the row says, the code's meaning, and a number."""
    data = event["data"]
    ref = data["refs"][0]
    known = taxonomy.codes().get(data["code"])
    to = str(arguments.get("to", ""))
    return Notice(
        headline=known.meaning if known is not None else data["code"],
        text=arguments.get("text") or decision.because,
        code=data["code"],
        severity=data["severity"],
        about=f"{ref['kind'].replace('_', ' ')} {ref['value']}",
        queue=decision.queue,
        case=case,
        to=tuple(part.strip() for part in to.split(",") if part.strip()),
    )
