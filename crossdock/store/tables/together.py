"""Sagas: the write-backs of one decision that belong together, and what takes each of them back."""

from typing import Final

import sqlalchemy as sa

from crossdock.messages import SAGA_TRANSITIONS, SagaState
from crossdock.store.tables.base import Json, Time, metadata, one_of

SAGA_STATES: Final = {str(old): tuple(map(str, new)) for old, new in SAGA_TRANSITIONS.items()}

UNDO_KINDS: Final = ("operation", "nothing", "person")
"""What takes a step back: a write-back of our own, nothing since nothing is left of it, or only a person."""

sagas = sa.Table(
    "sagas",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("decision_id", sa.Uuid, nullable=False),
    sa.Column("rule", sa.Text, nullable=False, comment="table and row that declares it: main/export-block"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, comment="what failed, or what is left"),
    sa.Column("opened_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    one_of("state", *SagaState),
    sa.CheckConstraint(
        "state NOT IN ('undoing', 'undone', 'partial') OR coalesce(reason, '') <> ''",
        name="failure_has_reason",
    ),
    sa.Index(
        "ix_sagas_open",
        "tenant",
        "opened_at",
        postgresql_where=sa.text("state IN ('running', 'undoing', 'partial')"),
    ),
    sa.Index("ix_sagas_case", "tenant", "case_id"),
)

saga_steps = sa.Table(
    "saga_steps",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("saga_id", sa.Uuid, primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("write_back_id", sa.Uuid, nullable=False),
    sa.Column("undo", sa.Text, nullable=False, comment="operation | nothing | person"),
    sa.Column("undo_target", sa.Text),
    sa.Column("undo_operation", sa.Text),
    sa.Column("undo_subject", sa.Text),
    sa.Column(
        "undo_body", sa.LargeBinary, comment="written with the decision: taking back needs nothing else"
    ),
    sa.Column("undo_media_type", sa.Text),
    sa.Column("undo_headers", Json),
    sa.Column("undo_write_back_id", sa.Uuid, comment="the write-back that takes it back, once it is wanted"),
    one_of("undo", *UNDO_KINDS),
    sa.CheckConstraint(
        "undo <> 'operation' OR (undo_target IS NOT NULL AND undo_operation IS NOT NULL AND undo_subject IS NOT NULL "
        "AND undo_body IS NOT NULL AND undo_media_type IS NOT NULL)",
        name="operation_is_written",
    ),
    sa.UniqueConstraint("tenant", "write_back_id"),
    sa.UniqueConstraint("tenant", "undo_write_back_id"),
)
