"""Detect and decide: cases, clocks, which row names which number, and decisions."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import CaseState
from crossdock.store.tables.base import Json, Time, metadata, one_of

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
    one_of("state", *CaseState),
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
    one_of("state", *CLOCK_STATES),
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
    one_of("named_by", *NAMING),
)
"""Which row names which business number, written by a trigger of the tables in ``NAMING``. Under row-level security
an array is never looked up in an index: its operators are not known to be leakproof, equality of texts is."""

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
