"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("write_back_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="counts from 1"),
        sa.Column("phase", sa.Text(), nullable=False, comment="intent: before the call; outcome: after it"),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("evidence", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "phase IN ('intent', 'outcome', 'found', 'person')", name=op.f("ck_attempts_phase")
        ),
        sa.PrimaryKeyConstraint("tenant", "write_back_id", "attempt", "phase", name=op.f("pk_attempts")),
        schema="crossdock",
    )
    op.create_table(
        "audit",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_audit")),
        schema="crossdock",
    )
    op.create_index("ix_audit_at", "audit", ["tenant", "at"], unique=False, schema="crossdock")
    op.create_table(
        "case_transitions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="counts from 1"),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "case_id", "sequence", name=op.f("pk_case_transitions")),
        schema="crossdock",
    )
    op.create_table(
        "cases",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fold_key", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "refs", pg.ARRAY(sa.Text()), nullable=False, comment="'kind:value', what facts clear it by"
        ),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'acknowledged', 'in_progress', 'blocked', 'resolved', 'cancelled', 'expired')",
            name=op.f("ck_cases_state"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_cases")),
        schema="crossdock",
    )
    op.create_index("ix_cases_queue", "cases", ["tenant", "queue", "state"], unique=False, schema="crossdock")
    op.create_index(
        "ix_cases_refs", "cases", ["refs"], unique=False, schema="crossdock", postgresql_using="gin"
    )
    op.create_index(
        "uq_cases_open_fold_key",
        "cases",
        ["tenant", "fold_key"],
        unique=True,
        schema="crossdock",
        postgresql_where=sa.text("state NOT IN ('resolved', 'cancelled', 'expired')"),
    )
    op.create_table(
        "control_numbers",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('interchange', 'group', 'set')", name=op.f("ck_control_numbers_kind")),
        sa.PrimaryKeyConstraint("tenant", "partner", "kind", name=op.f("pk_control_numbers")),
        schema="crossdock",
    )
    op.create_table(
        "dead_letters",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="the source, or the target of a write-back"),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("place", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=True),
        sa.Column("part", sa.Integer(), nullable=True),
        sa.Column("write_back_id", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("versions", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "stage IN ('receive', 'normalize', 'detect', 'decide', 'deliver')",
            name=op.f("ck_dead_letters_stage"),
        ),
        sa.CheckConstraint(
            "state <> 'discarded' OR coalesce(reason, '') <> ''",
            name=op.f("ck_dead_letters_discard_has_reason"),
        ),
        sa.CheckConstraint("state IN ('open', 'replayed', 'discarded')", name=op.f("ck_dead_letters_state")),
        sa.CheckConstraint(
            "raw_id IS NOT NULL OR write_back_id IS NOT NULL", name=op.f("ck_dead_letters_of_something")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_dead_letters")),
        schema="crossdock",
    )
    op.create_index(
        "ix_dead_letters_state",
        "dead_letters",
        ["tenant", "state", "created_at"],
        unique=False,
        schema="crossdock",
    )
    op.create_index(
        "uq_dead_letters_open_part",
        "dead_letters",
        ["tenant", "raw_id", "part"],
        unique=True,
        schema="crossdock",
        postgresql_where=sa.text("state = 'open' AND raw_id IS NOT NULL"),
    )
    op.create_index(
        "uq_dead_letters_open_write_back",
        "dead_letters",
        ["tenant", "write_back_id"],
        unique=True,
        schema="crossdock",
        postgresql_where=sa.text("state = 'open' AND write_back_id IS NOT NULL"),
    )
    op.create_table(
        "decisions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, comment="derived from the event"),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("actions", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("saw", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("trace", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_decisions")),
        schema="crossdock",
    )
    op.create_index("ix_decisions_case", "decisions", ["tenant", "case_id"], unique=False, schema="crossdock")
    op.create_table(
        "duplicates",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False, comment="the message that said it first"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_duplicates")),
        schema="crossdock",
    )
    op.create_index(
        "ix_duplicates_source", "duplicates", ["tenant", "source"], unique=False, schema="crossdock"
    )
    op.create_table(
        "events",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("document", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_events")),
        schema="crossdock",
    )
    op.create_index("ix_events_case", "events", ["tenant", "case_id"], unique=False, schema="crossdock")
    op.create_index("ix_events_raw", "events", ["tenant", "raw_id"], unique=False, schema="crossdock")
    op.create_index(
        "ix_events_recorded", "events", ["tenant", "recorded_at"], unique=False, schema="crossdock"
    )
    op.create_table(
        "facts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("document", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_facts")),
        schema="crossdock",
    )
    op.create_index("ix_facts_raw", "facts", ["tenant", "raw_id"], unique=False, schema="crossdock")
    op.create_table(
        "parts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False, comment="counts from 0 in the message"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False, comment="what it is, for a person: '855 0001'"),
        sa.Column("partner", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("byte_offset", sa.BigInteger(), nullable=True),
        sa.Column("byte_length", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('in_flight', 'processed', 'rejected', 'dead_lettered', 'discarded')",
            name=op.f("ck_parts_state"),
        ),
        sa.PrimaryKeyConstraint("tenant", "raw_id", "ordinal", name=op.f("pk_parts")),
        schema="crossdock",
    )
    op.create_index(
        "ix_parts_source", "parts", ["tenant", "source", "state"], unique=False, schema="crossdock"
    )
    op.create_table(
        "raw_bodies",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "raw_id", name=op.f("pk_raw_bodies")),
        schema="crossdock",
    )
    op.create_table(
        "raw_messages",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, comment="derived from tenant, source and key"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("headers", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True, comment="null when it lies in raw_bodies"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the source was told; null: tell it (again)",
        ),
        sa.Column(
            "part_count",
            sa.Integer(),
            nullable=True,
            comment="null: in flight; otherwise so many rows in parts",
        ),
        sa.Column(
            "again",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="a replay asked for its open parts",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="claims; counted before the work",
        ),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("normalized_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True, comment="the run that received it"),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_raw_messages")),
        schema="crossdock",
    )
    op.create_index(
        "ix_raw_messages_source",
        "raw_messages",
        ["tenant", "source", "received_at"],
        unique=False,
        schema="crossdock",
    )
    op.create_index(
        "ix_raw_messages_waiting",
        "raw_messages",
        ["tenant", "received_at"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("part_count IS NULL OR again"),
    )
    op.create_table(
        "runs",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False, comment="receive | process | deliver"),
        sa.Column("connector", sa.Text(), nullable=True, comment="null for process"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "airflow",
            pg.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="dag, run, task and try, when Airflow ran it",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_runs")),
        schema="crossdock",
    )
    op.create_index("ix_runs_started", "runs", ["tenant", "started_at"], unique=False, schema="crossdock")
    op.create_table(
        "sources",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "position",
            sa.Text(),
            nullable=True,
            comment="where the source stands: moves only with committed rows",
        ),
        sa.Column(
            "received_total",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="every receipt, duplicates too",
        ),
        sa.Column(
            "fence",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="who read last; an older reader cannot commit",
        ),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "moved_at", sa.DateTime(timezone=True), nullable=True, comment="when something new last came"
        ),
        sa.Column(
            "error", sa.Text(), nullable=True, comment="why the last read failed; null when it did not"
        ),
        sa.Column(
            "not_before",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the system asked us to wait (Retry-After): it is not read before this",
        ),
        sa.PrimaryKeyConstraint("tenant", "source", name=op.f("pk_sources")),
        schema="crossdock",
    )
    op.create_table(
        "write_backs",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column(
            "raw_id", sa.Uuid(), nullable=True, comment="what is acknowledged, when it is an acknowledgement"
        ),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("headers", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "spent_before",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="attempts that do not count against the schedule: before a replay, or while paused",
        ),
        sa.Column(
            "ask_first",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the effect of an earlier attempt is unknown: ask the target before sending again",
        ),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True, comment="set while ready"),
        sa.Column("receipt", pg.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state <> 'delivered' OR receipt IS NOT NULL", name=op.f("ck_write_backs_delivered_has_receipt")
        ),
        sa.CheckConstraint(
            "state <> 'ready' OR next_attempt_at IS NOT NULL", name=op.f("ck_write_backs_ready_has_time")
        ),
        sa.CheckConstraint(
            "state IN ('ready', 'sending', 'delivered', 'rejected', 'unsure', 'exhausted', 'discarded')",
            name=op.f("ck_write_backs_state"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_write_backs")),
        sa.UniqueConstraint("tenant", "idempotency_key", name=op.f("uq_write_backs_tenant_idempotency_key")),
        schema="crossdock",
    )
    op.create_index(
        "ix_write_backs_case", "write_backs", ["tenant", "case_id"], unique=False, schema="crossdock"
    )
    op.create_index(
        "ix_write_backs_due",
        "write_backs",
        ["tenant", "target", "next_attempt_at"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "ix_write_backs_sending",
        "write_backs",
        ["tenant", "target", "lease_until"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("state = 'sending'"),
    )
