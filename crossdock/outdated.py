"""Outdated: a trouble that we hear of when it is over already, because its messages overtook each other.

A hold that comes behind its own release is recorded, and its case is closed as it is opened: whatever the order in
which messages come, they end in the same state. Only times that say the moment and the zone are compared; where a
document tells but a day, the order in which we heard things is all there is.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from canonical import taxonomy
from crossdock import clocks, detect
from crossdock.reconcile import Said
from crossdock.store import clockwork
from crossdock.whose import are_strangers

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

MOST_EACH: Final = 20
"""So many facts about one number are looked at, the newest of them."""


def over_already(
    connection: "Transaction", tenant: str, opened: Mapping[uuid.UUID, Sequence[Said]]
) -> dict[uuid.UUID, Mapping[str, Any]]:
    """Of these new cases, with the events that opened them, those that a known fact ended before we heard of them;
    and that fact."""
    asked = {case: said for case, said in opened.items() if all(_moment(one.document) for one in said)}
    kinds = {kind for said in asked.values() for one in said for kind in _ends(one.document)}
    if not kinds:
        return {}
    words = {word for said in asked.values() for one in said for word in clocks.words(one.document)}
    known = clockwork.facts_about(connection, tenant, words, kinds, each=MOST_EACH)
    found: dict[uuid.UUID, Mapping[str, Any]] = {}
    for case, said in asked.items():
        fact = next((one for one in reversed(known) if all(_ended(each, one) for each in said)), None)
        if fact is not None:
            found[case] = fact.document
    return found


def _ends(event: Mapping[str, Any]) -> set[str]:
    """The kinds of facts that can end this event's trouble."""
    code = taxonomy.codes()[event["data"]["code"]]
    return {one.fact for one in code.clears_when if not isinstance(one, str)}


def _ended(said: Said, fact: clockwork.KnownFact) -> bool:
    placed, ended = _moment(said.document), _moment(fact.document)
    return (
        placed is not None
        and ended is not None
        and placed < ended
        and not are_strangers(fact.document, fact.partner, said.document, said.partner)
        and detect.ended_by(said.document["data"]["code"], said.document, [fact.document]) is not None
    )


def _moment(document: Mapping[str, Any]) -> datetime | None:
    """As of when it is true, if that was said to the minute and with its zone: a record that its system changes is
    true as of its last change (``ext.updated_at``), anything else as of when it happened."""
    data = document["data"]
    changed = data.get("ext", {}).get("updated_at")
    when = data.get("occurred_at")
    if changed is None and when is not None and when["precision"] != "date":
        changed = when["value"]
    if changed is None:
        return None
    moment = datetime.fromisoformat(changed)
    return moment if moment.tzinfo is not None else None
