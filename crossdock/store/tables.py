"""Every table, in the order of the walk. The migrations make exactly these; a test compares the two.

Conventions: ``tenant`` is on every row and leads every key, and row-level security compares it with the
transaction's tenant. Times are ``timestamptz``. Appended tables (``APPENDED``) refuse UPDATE and DELETE by trigger.
State columns are checked against ``crossdock.messages`` and their changes against ``TRANSITIONS`` by trigger.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import (
    CASE_TRANSITIONS,
    WRITE_BACK_TRANSITIONS,
    CaseState,
    Stage,
    WriteBackState,
)

BODY_IN_ROW_BYTES: Final = 256 * 1024
"""Bodies over this many bytes lie in ``raw_bodies``, so that reading the inbox never drags them along."""

metadata = sa.MetaData(
    schema="crossdock",
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    },
)

Time = sa.DateTime(timezone=True)
Json = pg.JSONB(none_as_null=True)


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column(column, sa.Text).in_([str(value) for value in values]), name=column)


# ── receive ──────────────────────────────────────────────────────────────────────────────────────────────────

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("position", sa.Text, comment="where the source stands: moves only with committed rows"),
    sa.Column(
        "received_total",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="every receipt, duplicates too",
    ),
    sa.Column(
        "fence",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="who read last; an older reader cannot commit",
    ),
    sa.Column("read_at", Time),
    sa.Column("moved_at", Time, comment="when something new last came"),
    sa.Column("error", sa.Text, comment="why the last read failed; null when it did not"),
    sa.Column(
        "not_before", Time, comment="the system asked us to wait (Retry-After): it is not read before this"
    ),
)

raw_messages = sa.Table(
    "raw_messages",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, comment="derived from tenant, source and key"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("headers", Json, nullable=False),
    sa.Column("body", sa.LargeBinary, comment="null when it lies in raw_bodies"),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("position", sa.Text),
    sa.Column("received_at", Time, nullable=False),
    sa.Column("settled_at", Time, comment="when the source was told; null: tell it (again)"),
    sa.Column("part_count", sa.Integer, comment="null: in flight; otherwise so many rows in parts"),
    sa.Column(
        "again",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="a replay asked for its open parts",
    ),
    sa.Column(
        "attempts", sa.Integer, nullable=False, server_default="0", comment="claims; counted before the work"
    ),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", Time),
    sa.Column("normalized_at", Time),
    sa.Column("run_id", sa.Uuid, comment="the run that received it"),
    sa.Index(
        "ix_raw_messages_waiting",
        "tenant",
        "received_at",
        postgresql_where=sa.text("part_count IS NULL OR again"),
    ),
    sa.Index("ix_raw_messages_source", "tenant", "source", "received_at"),
)

raw_bodies = sa.Table(
    "raw_bodies",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("raw_id", sa.Uuid, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

duplicates = sa.Table(
    "duplicates",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("raw_id", sa.Uuid, nullable=False, comment="the message that said it first"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("seen_at", Time, nullable=False),
    sa.Index("ix_duplicates_source", "tenant", "source"),
)

# ── normalize ────────────────────────────────────────────────────────────────────────────────────────────────

PART_STATES: Final = ("in_flight", "processed", "rejected", "dead_lettered", "discarded")

parts = sa.Table(
    "parts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("raw_id", sa.Uuid, primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, comment="counts from 0 in the message"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False, comment="what it is, for a person: '855 0001'"),
    sa.Column("partner", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("byte_offset", sa.BigInteger),
    sa.Column("byte_length", sa.BigInteger),
    _one_of("state", *PART_STATES),
    sa.Index("ix_parts_source", "tenant", "source", "state"),
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("raw_id", sa.Uuid, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("recorded_at", Time, nullable=False),
    sa.Column(
        "refs",
        pg.ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="'kind:value@issuer', what other documents find it by",
    ),
    sa.Index("ix_facts_raw", "tenant", "raw_id"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("raw_id", sa.Uuid, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("recorded_at", Time, nullable=False),
    sa.Index("ix_events_raw", "tenant", "raw_id"),
    sa.Index("ix_events_case", "tenant", "case_id"),
    sa.Index("ix_events_recorded", "tenant", "recorded_at"),
)

# ── detect ───────────────────────────────────────────────────────────────────────────────────────────────────

CLOSED_CASE_STATES: Final = (CaseState.RESOLVED, CaseState.CANCELLED, CaseState.EXPIRED)
_closed = ", ".join(f"'{state}'" for state in CLOSED_CASE_STATES)

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("fold_key", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("refs", pg.ARRAY(sa.Text), nullable=False, comment="'kind:value', what facts clear it by"),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("occurrences", sa.Integer, nullable=False),
    sa.Column("opened_at", Time, nullable=False),
    sa.Column("last_seen_at", Time, nullable=False),
    sa.Column("closed_at", Time),
    sa.Column("resolution", sa.Text),
    _one_of("state", *CaseState),
    sa.Index(
        "uq_cases_open_fold_key",
        "tenant",
        "fold_key",
        unique=True,
        postgresql_where=sa.text(f"state NOT IN ({_closed})"),
    ),
    sa.Index("ix_cases_queue", "tenant", "queue", "state"),
)

case_transitions = sa.Table(
    "case_transitions",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True, comment="counts from 1"),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("event_id", sa.Uuid),
    sa.Column("at", Time, nullable=False),
)

CLOCK_STATES: Final = {
    "waiting": ("met", "overdue", "late", "cancelled"),
    "overdue": ("late", "cancelled"),
    "met": (),
    "late": (),
    "cancelled": (),
}
"""A clock runs (``waiting``) until what it waits for comes in time (``met``), or does not (``overdue``) and comes
after that (``late``), or need not come any more (``cancelled``)."""

clocks = sa.Table(
    "clocks",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, comment="derived from the pair and the fact that started it"),
    sa.Column("pair", sa.Text, nullable=False, comment="the name of the pair of documents"),
    sa.Column("partner", sa.Text, comment="who is to answer"),
    sa.Column("subject", sa.Text, nullable=False, comment="'kind/value', what it is about"),
    sa.Column(
        "refs", pg.ARRAY(sa.Text), nullable=False, comment="'kind:value@issuer', what the answer is known by"
    ),
    sa.Column("started_by", sa.Uuid, nullable=False, comment="the fact that started it"),
    sa.Column("raw_id", sa.Uuid, nullable=False, comment="the message that said it"),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("started_at", Time, nullable=False),
    sa.Column("due_at", Time, nullable=False),
    sa.Column("limit_text", sa.Text, nullable=False, comment="the time that was given, as it was agreed"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("ended_by", sa.Uuid, comment="the fact that ended it"),
    sa.Column("ended_at", Time),
    sa.Column("event_id", sa.Uuid, comment="the exception that was opened when it ran out"),
    _one_of("state", *CLOCK_STATES),
    sa.Index("ix_clocks_due", "tenant", "due_at", postgresql_where=sa.text("state = 'waiting'")),
)

NAMING: Final = ("facts", "clocks", "cases")
"""Tables whose rows name business numbers, in ``refs``."""

mentions = sa.Table(
    "mentions",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("word", sa.Text, primary_key=True, comment="as it stands in refs"),
    sa.Column("named_by", sa.Text, primary_key=True),
    sa.Column("row_id", sa.Uuid, primary_key=True),
    _one_of("named_by", *NAMING),
)
"""Which row names which business number, written by a trigger of the tables in ``NAMING``. Under row-level security
an array is never looked up in an index: its operators are not known to be leakproof, equality of texts is."""

# ── what was exchanged ───────────────────────────────────────────────────────────────────────────────────────

EXCHANGE_STATES: Final = {
    "received": (),
    "unsent": ("waiting", "sent", "accepted", "accepted_with_errors", "rejected", "cancelled"),
    "sent": ("accepted", "accepted_with_errors", "rejected"),
    "waiting": ("accepted", "accepted_with_errors", "rejected", "overdue", "cancelled"),
    "overdue": ("accepted", "accepted_with_errors", "rejected", "cancelled"),
    "accepted": ("rejected",),
    "accepted_with_errors": ("rejected",),
    "rejected": ("accepted",),
    "cancelled": (),
}
"""A set that came is ``received``. One of ours is ``unsent`` until its file is delivered, then ``waiting`` for its
acknowledgement, or ``sent`` where none is expected. Of a group that was taken in part (AK9 P) each set is one or the
other. ``accepted`` → ``rejected``: a TA1 or a 997 may refuse what an
acknowledgement of another level took; ``rejected`` → ``accepted``: the partner corrects itself."""

exchanges = sa.Table(
    "exchanges",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column(
        "id", sa.Uuid, primary_key=True, comment="derived from the message or write-back and its place in it"
    ),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column(
        "identity",
        sa.Text,
        nullable=False,
        server_default="",
        comment="the partner's qualifier and id in the ISA; empty: of ours, or from before it was kept",
    ),
    sa.Column("interchange_number", sa.Text, nullable=False, comment="ISA13"),
    sa.Column(
        "application",
        sa.Text,
        nullable=False,
        server_default="",
        comment="the partner's code in the GS; empty: of ours, or from before it was kept",
    ),
    sa.Column("functional_id", sa.Text, nullable=False, comment="GS01"),
    sa.Column("group_number", sa.Text, nullable=False, comment="GS06"),
    sa.Column("set_id", sa.Text, nullable=False, comment="ST01; TA1 for an interchange that holds no set"),
    sa.Column("set_number", sa.Text, nullable=False, comment="ST02"),
    sa.Column("release", sa.Text, nullable=False, comment="GS08"),
    sa.Column("interchange_sha256", sa.Text, nullable=False, comment="of the interchange's bytes"),
    sa.Column("raw_id", sa.Uuid, comment="the message that holds it, if it was received or is a copy"),
    sa.Column("write_back_id", sa.Uuid, comment="the write-back that holds it, if we wrote it"),
    sa.Column("part", sa.Integer, nullable=False, comment="its ordinal in the message or write-back"),
    sa.Column("at", Time, nullable=False, comment="when it was received, or written"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("answer_due_at", Time, comment="set while waiting"),
    sa.Column("answered_at", Time),
    sa.Column("answer_raw_id", sa.Uuid, comment="the message that holds the acknowledgement"),
    sa.Column("answer", Json, comment="what the acknowledgement said: its words, codes and places"),
    _one_of("direction", "in", "out"),
    _one_of("state", *EXCHANGE_STATES),
    sa.CheckConstraint("raw_id IS NOT NULL OR write_back_id IS NOT NULL", name="of_something"),
    sa.Index("ix_exchanges_numbers", "tenant", "partner", "direction", "interchange_number"),
    sa.Index("ix_exchanges_groups", "tenant", "partner", "direction", "functional_id", "group_number"),
    sa.Index("ix_exchanges_due", "tenant", "answer_due_at", postgresql_where=sa.text("state = 'waiting'")),
    sa.Index("ix_exchanges_write_back", "tenant", "write_back_id"),
)

# ── decide ───────────────────────────────────────────────────────────────────────────────────────────────────

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, comment="derived from the event"),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("actions", Json, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("saw", Json, nullable=False),
    sa.Column("trace", Json),
    sa.Column("error", sa.Text),
    sa.Column("decided_at", Time, nullable=False),
    sa.Index("ix_decisions_case", "tenant", "case_id"),
)

# ── deliver ──────────────────────────────────────────────────────────────────────────────────────────────────

write_backs = sa.Table(
    "write_backs",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid),
    sa.Column("decision_id", sa.Uuid),
    sa.Column("raw_id", sa.Uuid, comment="what is acknowledged, when it is an acknowledgement"),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("body_sha256", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("headers", Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column(
        "spent_before",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="attempts that do not count against the schedule: before a replay, or while paused",
    ),
    sa.Column(
        "ask_first",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="the effect of an earlier attempt is unknown: ask the target before sending again",
    ),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", Time),
    sa.Column("next_attempt_at", Time, comment="set while ready"),
    sa.Column("receipt", Json),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    sa.UniqueConstraint("tenant", "idempotency_key"),
    _one_of("state", *WriteBackState),
    sa.CheckConstraint("state <> 'ready' OR next_attempt_at IS NOT NULL", name="ready_has_time"),
    sa.CheckConstraint("state <> 'delivered' OR receipt IS NOT NULL", name="delivered_has_receipt"),
    sa.Index(
        "ix_write_backs_due",
        "tenant",
        "target",
        "next_attempt_at",
        postgresql_where=sa.text("state = 'ready'"),
    ),
    sa.Index(
        "ix_write_backs_sending",
        "tenant",
        "target",
        "lease_until",
        postgresql_where=sa.text("state = 'sending'"),
    ),
    sa.Index("ix_write_backs_case", "tenant", "case_id"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("write_back_id", sa.Uuid, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, comment="counts from 1"),
    sa.Column("phase", sa.Text, primary_key=True, comment="intent: before the call; outcome: after it"),
    sa.Column("outcome", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("evidence", Json),
    sa.Column("run_id", sa.Uuid),
    sa.Column("at", Time, nullable=False),
    _one_of("phase", "intent", "outcome", "found", "person"),
)

control_numbers = sa.Table(
    "control_numbers",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
    _one_of("kind", "interchange", "group", "set"),
)

# ── the side door, and what people did ───────────────────────────────────────────────────────────────────────

DEAD_LETTER_STATES: Final = ("open", "replayed", "discarded")

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("source", sa.Text, nullable=False, comment="the source, or the target of a write-back"),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("error_class", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("remedy", sa.Text, nullable=False),
    sa.Column("place", Json, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("raw_id", sa.Uuid),
    sa.Column("part", sa.Integer),
    sa.Column("write_back_id", sa.Uuid),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("versions", Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("closed_at", Time),
    sa.Column("closed_by", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column(
        "blocked_by", sa.Text, comment="'kind:value' of what is not known yet and would let it through"
    ),
    _one_of("state", *DEAD_LETTER_STATES),
    _one_of("stage", *Stage),
    sa.CheckConstraint("raw_id IS NOT NULL OR write_back_id IS NOT NULL", name="of_something"),
    sa.CheckConstraint("state <> 'discarded' OR coalesce(reason, '') <> ''", name="discard_has_reason"),
    sa.Index(
        "uq_dead_letters_open_part",
        "tenant",
        "raw_id",
        "part",
        unique=True,
        postgresql_where=sa.text("state = 'open' AND raw_id IS NOT NULL"),
    ),
    sa.Index(
        "uq_dead_letters_open_write_back",
        "tenant",
        "write_back_id",
        unique=True,
        postgresql_where=sa.text("state = 'open' AND write_back_id IS NOT NULL"),
    ),
    sa.Index("ix_dead_letters_state", "tenant", "state", "created_at"),
    sa.Index(
        "ix_dead_letters_blocked",
        "tenant",
        "blocked_by",
        postgresql_where=sa.text("state = 'open' AND blocked_by IS NOT NULL"),
    ),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("at", Time, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("object_kind", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("detail", Json),
    sa.Index("ix_audit_at", "tenant", "at"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("step", sa.Text, nullable=False, comment="receive | process | deliver"),
    sa.Column("connector", sa.Text, comment="null for process"),
    sa.Column("started_at", Time, nullable=False),
    sa.Column("finished_at", Time),
    sa.Column("counts", Json, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("airflow", Json, comment="dag, run, task and try, when Airflow ran it"),
    sa.Index("ix_runs_started", "tenant", "started_at"),
)

APPENDED: Final = (
    "raw_bodies",
    "duplicates",
    "facts",
    "events",
    "case_transitions",
    "decisions",
    "attempts",
    "audit",
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
    "dead_letters": {"open": ("replayed", "discarded"), "replayed": (), "discarded": ()},
    "clocks": CLOCK_STATES,
    "exchanges": EXCHANGE_STATES,
}
"""For each table with a state: which state may follow which. A trigger refuses the rest, and refuses a change of
raw_messages.body, key, sha256 and of write_backs.body, idempotency_key once written."""
