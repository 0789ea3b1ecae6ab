"""A case in a CRM system, for who speaks with the customer: one for each case of ours, kept up to date.

The case is the subject and its id the natural key at the target, so a later word about it replaces an earlier one.
JSON with sorted keys: the same decision always gives the same bytes.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from crossdock.mapping import Body
from crossdock.messages import Decision
from mappings.outbound.notice import notice_of

OPERATION: Final = "crm_case"
VERSION: Final = "1"
ACTION: Final = "notify"
SETS: Final = ()


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
) -> Body:
    """The body of one write-back: a notice, with the priority of the decision."""
    notice = notice_of(event, decision, arguments, exception_id)
    body = {**notice.as_json(), "priority": decision.priority}
    return Body(
        body=orjson.dumps(body, option=orjson.OPT_SORT_KEYS),
        media_type="application/json",
        subject=f"case/{exception_id}",
    )
