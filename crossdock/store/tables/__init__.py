"""Every table, in the order of the walk. The migrations make exactly these; a test compares the two.

Conventions: ``tenant`` is on every row and leads every key, and row-level security compares it with the
transaction's tenant. Times are ``timestamptz``. Appended tables (``APPENDED``) refuse UPDATE and DELETE by trigger.
State columns are checked against ``crossdock.messages`` and their changes against ``TRANSITIONS`` by trigger.
"""

from typing import Final

from crossdock.messages import CASE_TRANSITIONS, WRITE_BACK_TRANSITIONS
from crossdock.standing import TARGET_TRANSITIONS
from crossdock.store.tables.agreed import APPROVAL_KINDS, APPROVAL_STATES, approvals, read_backs
from crossdock.store.tables.audited import audit, audit_heads
from crossdock.store.tables.base import metadata
from crossdock.store.tables.cases import (
    CLOCK_STATES,
    CLOSED_CASE_STATES,
    NAMING,
    case_transitions,
    cases,
    clocks,
    decisions,
    mentions,
)
from crossdock.store.tables.delivered import attempts, write_backs
from crossdock.store.tables.desk import DEAD_LETTER_STATES, dead_letters, runs
from crossdock.store.tables.emitted import (
    CONSUMER_STATES,
    EMISSION_STATES,
    WEBHOOK_MESSAGE_STATES,
    WEBHOOK_STATES,
    brokers,
    consumers,
    emissions,
    feed_heads,
    webhook_attempts,
    webhook_messages,
    webhooks,
)
from crossdock.store.tables.exchanged import EXCHANGE_STATES, control_numbers, exchanges
from crossdock.store.tables.meant import PART_STATES, ROW_VERDICTS, events, facts, listed_rows, parts
from crossdock.store.tables.received import BODY_IN_ROW_BYTES, duplicates, raw_bodies, raw_messages, sources
from crossdock.store.tables.redriven import (
    GROUP_STATES,
    REDRIVE_ITEM_STATES,
    REDRIVE_STATES,
    dead_letter_groups,
    payload_versions,
    redrive_items,
    redrives,
)
from crossdock.store.tables.targets import stops, targets
from crossdock.store.tables.together import SAGA_STATES, UNDO_KINDS, saga_steps, sagas
from crossdock.store.tables.watched import AWAITED_STATES, awaited

__all__ = [
    "APPENDED",
    "APPROVAL_KINDS",
    "APPROVAL_STATES",
    "AWAITED_STATES",
    "BODY_IN_ROW_BYTES",
    "CLOCK_STATES",
    "CLOSED_CASE_STATES",
    "CONSUMER_STATES",
    "DEAD_LETTER_STATES",
    "EMISSION_STATES",
    "EXCHANGE_STATES",
    "GROUP_STATES",
    "NAMING",
    "PART_STATES",
    "REDRIVE_ITEM_STATES",
    "REDRIVE_STATES",
    "ROW_VERDICTS",
    "SAGA_STATES",
    "TRANSITIONS",
    "UNDO_KINDS",
    "WEBHOOK_MESSAGE_STATES",
    "WEBHOOK_STATES",
    "approvals",
    "attempts",
    "audit",
    "audit_heads",
    "awaited",
    "brokers",
    "case_transitions",
    "cases",
    "clocks",
    "consumers",
    "control_numbers",
    "dead_letter_groups",
    "dead_letters",
    "decisions",
    "duplicates",
    "emissions",
    "events",
    "exchanges",
    "facts",
    "feed_heads",
    "listed_rows",
    "mentions",
    "metadata",
    "parts",
    "payload_versions",
    "raw_bodies",
    "raw_messages",
    "read_backs",
    "redrive_items",
    "redrives",
    "runs",
    "saga_steps",
    "sagas",
    "sources",
    "stops",
    "targets",
    "webhook_attempts",
    "webhook_messages",
    "webhooks",
    "write_backs",
]

APPENDED: Final = (
    "raw_bodies",
    "duplicates",
    "facts",
    "events",
    "case_transitions",
    "decisions",
    "attempts",
    "audit",
    "payload_versions",
    "read_backs",
    "webhook_attempts",
)
"""Tables whose rows are only ever added: the database refuses UPDATE and DELETE (retention runs as the owner)."""

TRANSITIONS: Final = {
    "cases": {str(old): tuple(map(str, new)) for old, new in CASE_TRANSITIONS.items()},
    "write_backs": {str(old): tuple(map(str, new)) for old, new in WRITE_BACK_TRANSITIONS.items()},
    "parts": {
        "in_flight": ("processed", "rejected", "dead_lettered", "discarded"),
        "rejected": ("in_flight", "discarded"),
        "dead_lettered": ("in_flight", "discarded"),
        "processed": (),
        "discarded": (),
    },
    "dead_letters": DEAD_LETTER_STATES,
    "dead_letter_groups": GROUP_STATES,
    "redrives": REDRIVE_STATES,
    "redrive_items": REDRIVE_ITEM_STATES,
    "clocks": CLOCK_STATES,
    "exchanges": EXCHANGE_STATES,
    "approvals": APPROVAL_STATES,
    "sagas": SAGA_STATES,
    "awaited": AWAITED_STATES,
    "emissions": EMISSION_STATES,
    "consumers": CONSUMER_STATES,
    "webhooks": WEBHOOK_STATES,
    "webhook_messages": WEBHOOK_MESSAGE_STATES,
    "targets": {str(old): tuple(map(str, new)) for old, new in TARGET_TRANSITIONS.items()},
}
"""For each table with a state: which state may follow which. A trigger refuses the rest, and refuses a change of
raw_messages.body, key, sha256 and of write_backs.body, idempotency_key once written."""
