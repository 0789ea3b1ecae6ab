"""Delivery that never lies, and a desk for what went wrong."""

import uuid

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from canonical.ids import derived_id
from crossdock.fingerprint import template

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OLD = ("ready", "sending", "delivered", "rejected", "unsure", "exhausted", "discarded")
_NEW = ("awaiting_approval", *_OLD[:-1], "superseded", "shadowed", "discarded")


def upgrade() -> None:
    _states_of_write_backs(*_NEW)
    _the_desk()
    _seal_the_audit()
    op.execute(_PEOPLE)
    _emitted()
    _order_and_age_of_write_backs()
    _targets()
    _claims_under_a_server()


def downgrade() -> None:
    op.drop_column("raw_messages", "claimed_under", schema="crossdock")
    _no_targets()
    _no_order_and_age_of_write_backs()
    _not_emitted()
    _unseal_the_audit()
    _no_desk()
    op.execute("DROP TABLE crossdock.saga_steps, crossdock.sagas, crossdock.read_backs, crossdock.approvals")
    _states_of_write_backs(*_OLD)


def _claims_under_a_server() -> None:
    column = sa.Column(
        "claimed_under", sa.DateTime(timezone=True), comment="when the server of the last claim was started"
    )
    op.add_column("raw_messages", column, schema="crossdock")


def _states_of_write_backs(*states: str) -> None:
    name = op.f("ck_write_backs_state")
    op.drop_constraint(name, "write_backs", schema="crossdock", type_="check")
    listed = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(name, "write_backs", f"state IN ({listed})", schema="crossdock")


def _seal_the_audit() -> None:
    """Rows that are there have no number and no seal: the key is not known here. The first row that is added says
    how many they were, and seals a hash over them."""
    for name, kind, comment in (
        ("seq", sa.BigInteger(), "gapless in a tenant, from 1; null: from before there was a chain"),
        ("key_id", sa.Text(), "which key sealed it; never the key"),
        ("hash", sa.Text(), "over the hash before it, its number and its content"),
    ):
        op.add_column("audit", sa.Column(name, kind, comment=comment), schema="crossdock")
    op.create_unique_constraint(op.f("uq_audit_tenant_seq"), "audit", ["tenant", "seq"], schema="crossdock")
    op.create_check_constraint(
        op.f("ck_audit_sealed_whole"),
        "audit",
        "(seq IS NULL) = (hash IS NULL) AND (seq IS NULL) = (key_id IS NULL)",
        schema="crossdock",
    )
    op.create_table(
        "audit_heads",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="the last number; held while one is added"),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("anchored_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "anchored_at",
            sa.DateTime(timezone=True),
            comment="when the end of the chain was last written down elsewhere",
        ),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_audit_heads")),
        schema="crossdock",
    )


def _unseal_the_audit() -> None:
    op.drop_table("audit_heads", schema="crossdock")
    op.drop_constraint(op.f("ck_audit_sealed_whole"), "audit", schema="crossdock", type_="check")
    op.drop_constraint(op.f("uq_audit_tenant_seq"), "audit", schema="crossdock", type_="unique")
    for column in ("hash", "key_id", "seq"):
        op.drop_column("audit", column, schema="crossdock")


# ── the dead-letter desk ─────────────────────────────────────────────────────────────────────────────────────

_TIME = sa.DateTime(timezone=True)
_ONE_OPEN = (
    ("uq_dead_letters_open_part", "raw_id", "part"),
    ("uq_dead_letters_open_write_back", "write_back_id"),
)
_STAGES = ("receive", "normalize", "detect", "decide", "deliver")
_AT_ONCE = 5_000
_GROUP_STATES = ("open", "acknowledged", "resolved", "ignored")


def _the_desk() -> None:
    _waiting_by("again", "received_at")
    _sources_stop()
    _groups()
    _letters_have_groups()
    _redrives()
    _payload_versions()


def _no_desk() -> None:
    """What is parked is open again: the older version knows no parking, and must not lose sight of it."""
    for table in ("payload_versions", "redrive_items", "redrives", "dead_letter_groups"):
        op.drop_table(table, schema="crossdock")
    op.execute("UPDATE crossdock.dead_letters SET state = 'open' WHERE state = 'parked'")
    _states_of_letters("open", "replayed", "discarded")
    _one_open("state = 'open'")
    for name in ("group", "raw", "write_back"):
        op.drop_index(f"ix_dead_letters_{name}", "dead_letters", schema="crossdock")
    for column in ("group_id", "came_back_from", "replays", "forgiven", "replay_as"):
        op.drop_column("dead_letters", column, schema="crossdock")
    for column in ("stopped_at", "stopped_why", "resumed_at"):
        op.drop_column("sources", column, schema="crossdock")
    _waiting_by("received_at")


def _waiting_by(*columns: str) -> None:
    """What is new is taken before what a replay asks for."""
    op.drop_index("ix_raw_messages_waiting", "raw_messages", schema="crossdock")
    op.create_index(
        "ix_raw_messages_waiting",
        "raw_messages",
        ["tenant", *columns],
        schema="crossdock",
        postgresql_where=sa.text("part_count IS NULL OR again"),
    )


def _sources_stop() -> None:
    op.add_column(
        "sources",
        sa.Column(
            "stopped_at", _TIME, comment="too much of it failed: nothing is read until a person resumes it"
        ),
        schema="crossdock",
    )
    op.add_column("sources", sa.Column("stopped_why", sa.Text), schema="crossdock")
    op.add_column(
        "sources",
        sa.Column("resumed_at", _TIME, comment="failures before this do not stop it again"),
        schema="crossdock",
    )
    op.create_check_constraint(
        op.f("ck_sources_stop_has_a_reason"),
        "sources",
        "(stopped_at IS NULL) = (stopped_why IS NULL)",
        schema="crossdock",
    )


def _groups() -> None:
    op.create_table(
        "dead_letter_groups",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, comment="derived from the fingerprint and its version"),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column(
            "template", sa.Text, nullable=False, comment="the sentence without what is about one document"
        ),
        sa.Column("template_version", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("ignored_until", _TIME),
        sa.Column("regressed_at", _TIME, comment="when it came back after it was resolved"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME),
        sa.Column("changed_by", sa.Text),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_dead_letter_groups")),
        _words("dead_letter_groups", "state", _GROUP_STATES),
        _words("dead_letter_groups", "stage", _STAGES),
        sa.CheckConstraint(
            "state <> 'ignored' OR ignored_until IS NOT NULL",
            name=op.f("ck_dead_letter_groups_ignored_has_an_end"),
        ),
        schema="crossdock",
    )


def _letters_have_groups() -> None:
    for column in (
        sa.Column("group_id", sa.Uuid, comment="letters of the same cause: dead_letter_groups"),
        sa.Column("came_back_from", sa.Uuid, comment="the letter whose replay failed again as this one"),
        sa.Column(
            "replays",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="of the same thing, before this",
        ),
        sa.Column(
            "forgiven",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="replays that do not count any more, since a person let it out of parking",
        ),
        sa.Column(
            "replay_as",
            sa.Text,
            comment="then: only under the versions of this letter; null: never run again",
        ),
    ):
        op.add_column("dead_letters", column, schema="crossdock")
    _group_what_is_there(op.get_bind())
    op.alter_column("dead_letters", "group_id", nullable=False, schema="crossdock")
    op.create_check_constraint(
        op.f("ck_dead_letters_replay_as"), "dead_letters", "replay_as IN ('now', 'then')", schema="crossdock"
    )
    _states_of_letters("open", "parked", "replayed", "discarded")
    _one_open("state IN ('open', 'parked')")
    op.create_index(
        "ix_dead_letters_group",
        "dead_letters",
        ["tenant", "group_id", "state", "created_at"],
        schema="crossdock",
    )
    op.create_index("ix_dead_letters_raw", "dead_letters", ["tenant", "raw_id", "part"], schema="crossdock")
    op.create_index(
        "ix_dead_letters_write_back", "dead_letters", ["tenant", "write_back_id"], schema="crossdock"
    )


def _group_what_is_there(connection: sa.Connection) -> None:
    """Letters of older versions belong to groups as those of this one do: by the same words, to the same ids."""
    namespace = uuid.UUID("6f1d5a7e-8b54-5a55-9d0c-c0552d0c4a11")
    letters = sa.table(
        "dead_letters",
        sa.column("tenant", sa.Text),
        sa.column("id", sa.Uuid),
        *(sa.column(name, sa.Text) for name in ("source", "stage", "code", "sentence")),
        sa.column("created_at", _TIME),
        sa.column("group_id", sa.Uuid),
        schema="crossdock",
    )
    first: dict[tuple[str, uuid.UUID], tuple[str, str, str, str, object]] = {}
    found = connection.execute(
        sa.select(
            letters.c.tenant,
            letters.c.id,
            letters.c.source,
            letters.c.stage,
            letters.c.code,
            letters.c.sentence,
            letters.c.created_at,
        ).order_by(letters.c.created_at)
    )
    # one by one, by their key: almost every sentence names a document, so nearly each one is of its own
    into = (
        sa.update(letters)
        .where(letters.c.tenant == sa.bindparam("of_tenant"), letters.c.id == sa.bindparam("letter"))
        .values(group_id=sa.bindparam("group"))
    )
    for some in found.partitions(_AT_ONCE):
        moves = []
        for tenant, letter, source, stage, code, sentence, at in some:
            words = template(sentence)
            group = derived_id(namespace, "dead-letter-group", tenant, "1", source, stage, code, words)
            first.setdefault((tenant, group), (source, stage, code, words, at))
            moves.append({"of_tenant": tenant, "letter": letter, "group": group})
        connection.execute(into, moves)
    if first:
        groups = sa.table(
            "dead_letter_groups",
            sa.column("tenant", sa.Text),
            sa.column("id", sa.Uuid),
            *(
                sa.column(name, sa.Text)
                for name in ("source", "stage", "code", "template", "template_version", "state")
            ),
            sa.column("created_at", _TIME),
            schema="crossdock",
        )
        op.bulk_insert(
            groups,
            [
                {
                    "tenant": tenant,
                    "id": group,
                    "source": source,
                    "stage": stage,
                    "code": code,
                    "template": words,
                    "template_version": "1",
                    "state": "open",
                    "created_at": at,
                }
                for (tenant, group), (source, stage, code, words, at) in first.items()
            ],
        )


def _redrives() -> None:
    op.create_table(
        "redrives",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("set_key", sa.Text, nullable=False, comment="which letters were asked for, as a hash"),
        sa.Column("asked", pg.JSONB, nullable=False, comment="the filter, as it was asked"),
        sa.Column("replay_as", sa.Text, nullable=False, comment="now | then"),
        sa.Column("per_second", sa.Float, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column(
            "paced_until", _TIME, nullable=False, comment="what is put back next is due not before this"
        ),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("changed_at", _TIME),
        sa.Column("changed_by", sa.Text),
        sa.Column("finished_at", _TIME),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_redrives")),
        _words("redrives", "state", ("running", "paused", "cancelled", "done")),
        _words("redrives", "replay_as", ("now", "then")),
        sa.CheckConstraint("per_second > 0", name=op.f("ck_redrives_goes_on")),
        schema="crossdock",
    )
    op.create_index(
        "uq_redrives_same_set",
        "redrives",
        ["tenant", "set_key"],
        unique=True,
        schema="crossdock",
        postgresql_where=sa.text("state IN ('running', 'paused')"),
    )
    op.create_index("ix_redrives_created", "redrives", ["tenant", "created_at"], schema="crossdock")
    op.create_table(
        "redrive_items",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("redrive_id", sa.Uuid, nullable=False),
        sa.Column("letter_id", sa.Uuid, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False, comment="oldest letter first"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("said", sa.Text, comment="what became of it"),
        sa.Column("at", _TIME),
        sa.PrimaryKeyConstraint("tenant", "redrive_id", "letter_id", name=op.f("pk_redrive_items")),
        _words("redrive_items", "state", ("waiting", "put_back", "skipped", "left")),
        schema="crossdock",
    )
    for name, columns, unique in (
        ("uq_redrive_items_once", ["tenant", "letter_id"], True),
        ("ix_redrive_items_waiting", ["tenant", "redrive_id", "ordinal"], False),
    ):
        op.create_index(
            name,
            "redrive_items",
            columns,
            unique=unique,
            schema="crossdock",
            postgresql_where=sa.text("state = 'waiting'"),
        )


def _payload_versions() -> None:
    op.create_table(
        "payload_versions",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("letter_id", sa.Uuid, nullable=False, comment="the dead letter at which it was mended"),
        sa.Column("raw_id", sa.Uuid, comment="of this message, whose own bytes stay as they came"),
        sa.Column("part", sa.Integer),
        sa.Column("write_back_id", sa.Uuid, comment="of this write-back"),
        sa.Column("new_write_back_id", sa.Uuid, comment="which this one says in its place"),
        sa.Column("number", sa.Integer, nullable=False, comment="counts from 2; 1 is the original"),
        sa.Column("body", sa.LargeBinary, nullable=False, comment="of the part, or of the write-back"),
        sa.Column(
            "sha256",
            sa.Text,
            nullable=False,
            comment="of the message as it is read then; of the write-back",
        ),
        sa.Column("diff", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_payload_versions")),
        sa.CheckConstraint(
            "(raw_id IS NULL) <> (write_back_id IS NULL)", name=op.f("ck_payload_versions_of_one_thing")
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_payload_versions_has_reason")),
        schema="crossdock",
    )
    op.create_index(
        "uq_payload_versions_part",
        "payload_versions",
        ["tenant", "raw_id", "part", "number"],
        unique=True,
        schema="crossdock",
        postgresql_where=sa.text("raw_id IS NOT NULL"),
    )
    op.create_index(
        "ix_payload_versions_letter", "payload_versions", ["tenant", "letter_id"], schema="crossdock"
    )


def _words(table: str, column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _states_of_letters(*states: str) -> None:
    name = op.f("ck_dead_letters_state")
    op.drop_constraint(name, "dead_letters", schema="crossdock", type_="check")
    listed = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(name, "dead_letters", f"state IN ({listed})", schema="crossdock")


def _one_open(lies_there: str) -> None:
    for name, *columns in _ONE_OPEN:
        op.drop_index(name, "dead_letters", schema="crossdock")
        op.create_index(
            name,
            "dead_letters",
            ["tenant", *columns],
            unique=True,
            schema="crossdock",
            postgresql_where=sa.text(f"{lies_there} AND {columns[0]} IS NOT NULL"),
        )


# What a person decides about delivery: approvals, unknown outcomes, sagas.
_PEOPLE = """
CREATE TABLE crossdock.approvals (
    tenant text NOT NULL, id uuid NOT NULL, write_back_id uuid NOT NULL, kind text NOT NULL,
    target text NOT NULL, operation text NOT NULL, subject text NOT NULL, body_sha256 text NOT NULL,
    attempt integer NOT NULL, asked_by text NOT NULL, asked_principal text NOT NULL, reason text NOT NULL,
    asked_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, state text NOT NULL,
    decided_by text, decided_principal text, decided_at timestamptz, words text,
    CONSTRAINT pk_approvals PRIMARY KEY (tenant, id),
    CONSTRAINT ck_approvals_state CHECK (state IN ('asked', 'agreed', 'declined', 'expired', 'void')),
    CONSTRAINT ck_approvals_kind CHECK (kind IN ('leave', 'send_again')),
    CONSTRAINT ck_approvals_asked_by_somebody CHECK (reason <> '' AND asked_principal <> ''),
    CONSTRAINT ck_approvals_expires_later CHECK (expires_at >= asked_at),
    CONSTRAINT ck_approvals_ended_at_a_time CHECK (state = 'asked' OR decided_at IS NOT NULL),
    CONSTRAINT ck_approvals_decided_by_somebody CHECK (state NOT IN ('agreed', 'declined')
        OR (coalesce(decided_principal, '') <> '' AND coalesce(words, '') <> '')),
    CONSTRAINT ck_approvals_two_people CHECK (state <> 'agreed' OR decided_principal <> asked_principal),
    CONSTRAINT ck_approvals_agreed_in_time CHECK (state <> 'agreed' OR decided_at <= expires_at)
);
CREATE UNIQUE INDEX uq_approvals_asked ON crossdock.approvals (tenant, write_back_id) WHERE state = 'asked';
CREATE INDEX ix_approvals_write_back ON crossdock.approvals (tenant, write_back_id);
CREATE INDEX ix_approvals_state ON crossdock.approvals (tenant, state, asked_at);
CREATE INDEX ix_approvals_expiring ON crossdock.approvals (tenant, expires_at) WHERE state = 'asked';
COMMENT ON COLUMN crossdock.approvals.kind IS 'leave: for the first time; send_again: it may have happened';
COMMENT ON COLUMN crossdock.approvals.body_sha256 IS 'of exactly the bytes that may leave';
COMMENT ON COLUMN crossdock.approvals.attempt IS 'after which attempt it was asked: good for the next one';
COMMENT ON COLUMN crossdock.approvals.asked_principal IS 'who that is, however the name is spelt';
COMMENT ON COLUMN crossdock.approvals.words IS 'what was said with the decision';

CREATE TABLE crossdock.read_backs (
    tenant text NOT NULL, write_back_id uuid NOT NULL, number integer NOT NULL, phase text NOT NULL,
    asked_by text NOT NULL, at timestamptz NOT NULL, next_at timestamptz, answer text, reason text, evidence jsonb,
    CONSTRAINT pk_read_backs PRIMARY KEY (tenant, write_back_id, number, phase),
    CONSTRAINT ck_read_backs_phase CHECK (phase IN ('asked', 'answered')),
    CONSTRAINT ck_read_backs_answer CHECK (answer IN ('found', 'nothing', 'something_else', 'no_answer')),
    CONSTRAINT ck_read_backs_answered_has_answer CHECK (phase <> 'answered' OR answer IS NOT NULL)
);
COMMENT ON COLUMN crossdock.read_backs.number IS 'counts from 1: who writes it first asks';
COMMENT ON COLUMN crossdock.read_backs.phase IS 'asked: before the call; answered: after it';
COMMENT ON COLUMN crossdock.read_backs.next_at IS 'of asked: when the sweep asks again; null: it does not';

CREATE TABLE crossdock.sagas (
    tenant text NOT NULL, id uuid NOT NULL, case_id uuid NOT NULL, decision_id uuid NOT NULL, rule text NOT NULL,
    state text NOT NULL, reason text, opened_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
    CONSTRAINT pk_sagas PRIMARY KEY (tenant, id),
    CONSTRAINT ck_sagas_state CHECK (state IN ('running', 'done', 'undoing', 'undone', 'partial')),
    CONSTRAINT ck_sagas_failure_has_reason CHECK (
        state NOT IN ('undoing', 'undone', 'partial') OR coalesce(reason, '') <> '')
);
CREATE INDEX ix_sagas_open ON crossdock.sagas (tenant, opened_at) WHERE state IN ('running', 'undoing', 'partial');
CREATE INDEX ix_sagas_case ON crossdock.sagas (tenant, case_id);
COMMENT ON COLUMN crossdock.sagas.rule IS 'table and row that declares it: main/export-block';
COMMENT ON COLUMN crossdock.sagas.reason IS 'what failed, or what is left';

CREATE TABLE crossdock.saga_steps (
    tenant text NOT NULL, saga_id uuid NOT NULL, ordinal integer NOT NULL, write_back_id uuid NOT NULL,
    undo text NOT NULL, undo_target text, undo_operation text, undo_subject text, undo_body bytea,
    undo_media_type text, undo_headers jsonb, undo_write_back_id uuid,
    CONSTRAINT pk_saga_steps PRIMARY KEY (tenant, saga_id, ordinal),
    CONSTRAINT uq_saga_steps_tenant_write_back_id UNIQUE (tenant, write_back_id),
    CONSTRAINT uq_saga_steps_tenant_undo_write_back_id UNIQUE (tenant, undo_write_back_id),
    CONSTRAINT ck_saga_steps_undo CHECK (undo IN ('operation', 'nothing', 'person')),
    CONSTRAINT ck_saga_steps_operation_is_written CHECK (undo <> 'operation' OR (undo_target IS NOT NULL
        AND undo_operation IS NOT NULL AND undo_subject IS NOT NULL AND undo_body IS NOT NULL
        AND undo_media_type IS NOT NULL))
);
COMMENT ON COLUMN crossdock.saga_steps.undo IS 'operation | nothing | person';
COMMENT ON COLUMN crossdock.saga_steps.undo_body IS 'written with the decision: taking back needs nothing else';
COMMENT ON COLUMN crossdock.saga_steps.undo_write_back_id IS 'the write-back that takes it back, once it is wanted';
"""
# -- emit: the feed, webhooks and brokers ---------------------------------------------------------------------------

_STAGES = ("receive", "normalize", "detect", "decide", "deliver")


def _emitted() -> None:
    op.create_table(
        "brokers",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="confirmed up to here"),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "failures", sa.Integer(), server_default="0", nullable=False, comment="since the last success"
        ),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sent_total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_brokers")),
        schema="crossdock",
    )
    op.create_table(
        "consumers",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "token_sha256",
            sa.Text(),
            nullable=False,
            comment="of 32 random bytes; the token itself is nowhere",
        ),
        sa.Column("previous_sha256", sa.Text(), nullable=True, comment="the token before the last rotation"),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), nullable=True, comment="its last request, to the minute"
        ),
        sa.Column("position", sa.BigInteger(), nullable=True, comment="the cursor that it came with then"),
        sa.CheckConstraint("state IN ('active', 'removed')", name=op.f("ck_consumers_state")),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_consumers")),
        schema="crossdock",
    )
    op.create_index(
        "ix_consumers_token", "consumers", ["tenant", "token_sha256"], unique=False, schema="crossdock"
    )
    op.create_index(
        "uq_consumers_name",
        "consumers",
        ["tenant", "name"],
        unique=True,
        schema="crossdock",
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "emissions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column(
            "number",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="order of writing: given before the commit, so never a cursor",
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "position",
            sa.BigInteger(),
            nullable=True,
            comment="place in the feed: gapless per tenant, given after the commit",
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'published' OR (position IS NOT NULL AND published_at IS NOT NULL)",
            name=op.f("ck_emissions_published_has_position"),
        ),
        sa.CheckConstraint("state IN ('waiting', 'refused', 'published')", name=op.f("ck_emissions_state")),
        sa.PrimaryKeyConstraint("tenant", "event_id", name=op.f("pk_emissions")),
        sa.UniqueConstraint("tenant", "position", name=op.f("uq_emissions_tenant_position")),
        schema="crossdock",
    )
    op.create_index(
        "ix_emissions_published", "emissions", ["tenant", "published_at"], unique=False, schema="crossdock"
    )
    op.create_index(
        "ix_emissions_waiting",
        "emissions",
        ["tenant", "number"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "feed_heads",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column(
            "last", sa.BigInteger(), nullable=False, comment="the highest position; its row is the lock"
        ),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_feed_heads")),
        schema="crossdock",
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="counts from 1"),
        sa.Column("phase", sa.Text(), nullable=False, comment="intent: before the call; outcome: after it"),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("phase IN ('intent', 'outcome')", name=op.f("ck_webhook_attempts_phase")),
        sa.PrimaryKeyConstraint("tenant", "message_id", "attempt", "phase", name=op.f("pk_webhook_attempts")),
        schema="crossdock",
    )
    op.create_table(
        "webhook_messages",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, comment="derived from subscription and event"),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("partition_key", sa.Text(), nullable=False, comment="what the order is kept within"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("spent_before", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True, comment="the HTTP status of the last answer"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state <> 'waiting' OR next_attempt_at IS NOT NULL",
            name=op.f("ck_webhook_messages_waiting_has_time"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'delivered', 'failed', 'cancelled')",
            name=op.f("ck_webhook_messages_state"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_webhook_messages")),
        sa.UniqueConstraint(
            "tenant", "webhook_id", "event_id", name=op.f("uq_webhook_messages_tenant_webhook_id_event_id")
        ),
        schema="crossdock",
    )
    op.create_index(
        "ix_webhook_messages_due",
        "webhook_messages",
        ["tenant", "webhook_id", "next_attempt_at"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_webhook_messages_open",
        "webhook_messages",
        ["tenant", "webhook_id", "partition_key", "position"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.create_table(
        "webhooks",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "filter",
            pg.JSONB(),
            nullable=False,
            comment="codes, severities, subjects, kinds; empty: all",
        ),
        sa.Column(
            "connection", sa.Text(), nullable=False, comment="the connection that holds the signing secrets"
        ),
        sa.Column("previous_connection", sa.Text(), nullable=True, comment="signs too, until previous_until"),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "ordered", sa.Boolean(), nullable=False, comment="per subject: the next waits for the one before"
        ),
        sa.Column("internal", sa.Boolean(), nullable=False, comment="may be at a private address"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is disabled"),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="messages are made up to here"),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "not_before", sa.DateTime(timezone=True), nullable=True, comment="the receiver asked us to wait"
        ),
        sa.Column(
            "failed_first_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the first failure of the last 24 h without a success",
        ),
        sa.Column(
            "failing_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the clock that switches it off runs from here",
        ),
        sa.Column(
            "alerted", sa.Integer(), server_default="0", nullable=False, comment="percent of that clock"
        ),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True, comment="the last success"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state <> 'disabled' OR coalesce(reason, '') <> ''", name=op.f("ck_webhooks_disabled_has_reason")
        ),
        sa.CheckConstraint("state IN ('active', 'disabled', 'removed')", name=op.f("ck_webhooks_state")),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_webhooks")),
        schema="crossdock",
    )
    op.create_index(
        "uq_webhooks_name",
        "webhooks",
        ["tenant", "name"],
        unique=True,
        schema="crossdock",
        postgresql_where=sa.text("state <> 'removed'"),
    )
    op.add_column(
        "dead_letters",
        sa.Column("event_id", sa.Uuid(), nullable=True, comment="the event that could not be emitted"),
        schema="crossdock",
    )
    op.create_index(
        "uq_dead_letters_open_event",
        "dead_letters",
        ["tenant", "event_id"],
        unique=True,
        schema="crossdock",
        postgresql_where=sa.text("state IN ('open', 'parked') AND event_id IS NOT NULL"),
    )
    op.alter_column(
        "runs",
        "step",
        existing_type=sa.TEXT(),
        comment="receive | process | deliver | publish",
        existing_comment="receive | process | deliver",
        existing_nullable=False,
        schema="crossdock",
    )
    _stages_of_dead_letters(*_STAGES, "emit")
    # what was committed before this version is emitted too, in the order in which it was recorded
    op.execute(
        "INSERT INTO crossdock.emissions (tenant, event_id, state)"
        " SELECT tenant, id, 'waiting' FROM crossdock.events ORDER BY recorded_at, id"
    )


def _not_emitted() -> None:
    op.drop_index("uq_dead_letters_open_event", "dead_letters", schema="crossdock")
    op.drop_column("dead_letters", "event_id", schema="crossdock")
    op.execute("DELETE FROM crossdock.dead_letters WHERE stage = 'emit'")
    op.execute("DELETE FROM crossdock.dead_letter_groups WHERE stage = 'emit'")
    _stages_of_dead_letters(*_STAGES)
    for table in (
        "webhook_attempts",
        "webhook_messages",
        "webhooks",
        "consumers",
        "brokers",
        "feed_heads",
        "emissions",
    ):
        op.drop_table(table, schema="crossdock")


def _stages_of_dead_letters(*stages: str) -> None:
    listed = ", ".join(f"'{stage}'" for stage in stages)
    for table in ("dead_letters", "dead_letter_groups"):
        name = op.f(f"ck_{table}_stage")
        op.drop_constraint(name, table, schema="crossdock", type_="check")
        op.create_check_constraint(name, table, f"stage IN ({listed})", schema="crossdock")


# ── delivery: the order and age of write-backs, and how targets stand ────────────────────────────────────────

_PHASES = ("intent", "outcome", "found", "person")
_OF_WRITE_BACKS = (
    "queued", "slot", "version", "trying_since", "maybe_since", "waits_for", "superseded_by", "let_pass", "rehearsed"
)  # fmt: skip
_INDEXES = {
    "ix_write_backs_due": (("next_attempt_at",), "state = 'ready' AND attempt = spent_before"),
    "ix_write_backs_due_again": (("next_attempt_at",), "state = 'ready' AND attempt > spent_before"),
    "ix_write_backs_order": (
        ("subject", "queued"),
        "state IN ('ready', 'sending', 'unsure', 'exhausted') OR (state = 'awaiting_approval' AND ask_first)",
    ),
    "ix_write_backs_slot": (("slot",), "slot IS NOT NULL"),
}


def _order_and_age_of_write_backs() -> None:
    """What is in flight keeps its order (by when it was written) and its age (by its first attempt); what may have
    happened may have done so at the first attempt that is on record."""
    columns = (
        sa.Column("queued", sa.BigInteger, sa.Identity(), nullable=False,
                  comment="counts up in the order in which write-backs were written"),
        sa.Column("slot", sa.Text, comment="what it sets: a later one of the same slot replaces it"),
        sa.Column("version", sa.Text, comment="what the target held when this was decided, for If-Match"),
        sa.Column("trying_since", _TIME, comment="the first attempt since it was written or replayed"),
        sa.Column("maybe_since", _TIME, comment="the first attempt whose effect may have happened"),
        sa.Column("waits_for", sa.Uuid,
                  comment="an earlier one about the same subject, when it was last looked at"),
        sa.Column("superseded_by", sa.Uuid),
        sa.Column("let_pass", sa.Boolean, nullable=False, server_default=sa.false(),
                  comment="a person let it go before what it waits for"),
        sa.Column("rehearsed", sa.Boolean, nullable=False, server_default=sa.false(),
                  comment="its request was made and kept while the target was in dry-run"),
    )  # fmt: skip
    for column in columns:
        op.add_column("write_backs", column, schema="crossdock")
    op.execute(
        "UPDATE crossdock.write_backs w SET queued = o.place FROM (SELECT tenant, id,"
        " row_number() OVER (ORDER BY created_at, id) AS place FROM crossdock.write_backs) o"
        " WHERE o.tenant = w.tenant AND o.id = w.id"
    )
    op.execute(
        "SELECT setval(pg_get_serial_sequence('crossdock.write_backs', 'queued'),"
        " (SELECT coalesce(max(queued), 0) + 1 FROM crossdock.write_backs), false)"
    )
    op.execute(
        "UPDATE crossdock.write_backs w SET trying_since = a.first_at,"
        " maybe_since = CASE WHEN w.ask_first OR w.state IN ('sending', 'unsure') THEN a.first_at END"
        " FROM (SELECT tenant, write_back_id, min(at) AS first_at FROM crossdock.attempts WHERE phase = 'intent'"
        " GROUP BY tenant, write_back_id) a WHERE a.tenant = w.tenant AND a.write_back_id = w.id"
    )
    op.drop_index("ix_write_backs_due", "write_backs", schema="crossdock")
    for name, (columns_of, where) in _INDEXES.items():
        op.create_index(
            name, "write_backs", ["tenant", "target", *columns_of], schema="crossdock",
            postgresql_where=sa.text(where),
        )  # fmt: skip
    op.create_index(
        "ix_write_backs_waits", "write_backs", ["tenant", "waits_for"], schema="crossdock",
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )  # fmt: skip
    _phases_of_attempts(*_PHASES, "waits", "superseded", "rehearsed")


def _no_order_and_age_of_write_backs() -> None:
    for name in ("ix_write_backs_waits", *_INDEXES):
        op.drop_index(name, "write_backs", schema="crossdock")
    for name in _OF_WRITE_BACKS:
        op.drop_column("write_backs", name, schema="crossdock")
    op.create_index(
        "ix_write_backs_due", "write_backs", ["tenant", "target", "next_attempt_at"], schema="crossdock",
        postgresql_where=sa.text("state = 'ready'"),
    )  # fmt: skip
    op.execute("DELETE FROM crossdock.attempts WHERE phase IN ('waits', 'superseded', 'rehearsed')")
    _phases_of_attempts(*_PHASES)


def _phases_of_attempts(*phases: str) -> None:
    name = op.f("ck_attempts_phase")
    op.drop_constraint(name, "attempts", schema="crossdock", type_="check")
    listed = ", ".join(f"'{phase}'" for phase in phases)
    op.create_check_constraint(name, "attempts", f"phase IN ({listed})", schema="crossdock")


def _targets() -> None:
    op.create_table(
        "targets",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False, server_default="live"),
        sa.Column("state", sa.Text, nullable=False, server_default="closed"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0",
                  comment="calls in a row that the wire failed"),
        sa.Column("rests", sa.Integer, nullable=False, server_default="0",
                  comment="rests in a row without an answer between"),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("by", sa.Text, nullable=False, server_default=""),
        sa.Column("since", _TIME),
        sa.Column("probe_at", _TIME, comment="when one call tries it again; null: when a person says so"),
        sa.Column("probe", sa.Uuid, comment="the write-back whose call is the probe"),
        sa.Column("tokens", sa.Double, comment="calls left of the quota at tokens_at; null: all"),
        sa.Column("tokens_at", _TIME),
        sa.Column("retries", sa.Double, comment="retries left of the budget at retries_at; null: the reserve"),
        sa.Column("retries_at", _TIME),
        sa.CheckConstraint("mode IN ('live', 'shadow', 'dry-run')", name=op.f("ck_targets_mode")),
        sa.CheckConstraint("state IN ('closed', 'open', 'half_open', 'paused')", name=op.f("ck_targets_state")),
        sa.CheckConstraint(
            "state NOT IN ('open', 'half_open') OR probe_at IS NOT NULL", name=op.f("ck_targets_open_has_time")
        ),
        sa.PrimaryKeyConstraint("tenant", "target", name=op.f("pk_targets")),
        schema="crossdock",
    )  # fmt: skip
    op.create_table(
        "stops",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False, comment="* is every target"),
        sa.Column("operation", sa.Text, nullable=False, comment="* is every operation"),
        sa.Column("stopped", sa.Boolean, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "target", "operation", name=op.f("pk_stops")),
        schema="crossdock",
    )


def _no_targets() -> None:
    op.drop_table("stops", schema="crossdock")
    op.drop_table("targets", schema="crossdock")
