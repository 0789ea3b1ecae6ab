"""The side door: dead letters, and the runs of the steps."""

from typing import Final

import sqlalchemy as sa

from crossdock.messages import Stage
from crossdock.store.tables.base import Json, Time, metadata, one_of

DEAD_LETTER_STATES: Final = {
    "open": ("parked", "replayed", "discarded"),
    "parked": ("open", "discarded"),  # it came back so often that a person must say why it is run once more
    "replayed": (),
    "discarded": (),
}

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
    sa.Column("group_id", sa.Uuid, nullable=False, comment="letters of the same cause: dead_letter_groups"),
    sa.Column("came_back_from", sa.Uuid, comment="the letter whose replay failed again as this one"),
    sa.Column(
        "replays", sa.Integer, nullable=False, server_default="0", comment="of the same thing, before this"
    ),
    sa.Column(
        "forgiven",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="replays that do not count any more, since a person let it out of parking",
    ),
    sa.Column(
        "replay_as", sa.Text, comment="then: only under the versions of this letter; null: never run again"
    ),
    sa.Column("event_id", sa.Uuid, comment="the event that could not be emitted"),
    one_of("state", *DEAD_LETTER_STATES),
    one_of("replay_as", "now", "then"),
    one_of("stage", *Stage),
    sa.CheckConstraint("raw_id IS NOT NULL OR write_back_id IS NOT NULL", name="of_something"),
    sa.CheckConstraint("state <> 'discarded' OR coalesce(reason, '') <> ''", name="discard_has_reason"),
    sa.Index(
        "uq_dead_letters_open_part",
        "tenant",
        "raw_id",
        "part",
        unique=True,
        postgresql_where=sa.text("state IN ('open', 'parked') AND raw_id IS NOT NULL"),
    ),
    sa.Index(
        "uq_dead_letters_open_write_back",
        "tenant",
        "write_back_id",
        unique=True,
        postgresql_where=sa.text("state IN ('open', 'parked') AND write_back_id IS NOT NULL"),
    ),
    sa.Index("ix_dead_letters_group", "tenant", "group_id", "state", "created_at"),
    sa.Index("ix_dead_letters_raw", "tenant", "raw_id", "part"),
    sa.Index("ix_dead_letters_write_back", "tenant", "write_back_id"),
    sa.Index(
        "uq_dead_letters_open_event",
        "tenant",
        "event_id",
        unique=True,
        postgresql_where=sa.text("state IN ('open', 'parked') AND event_id IS NOT NULL"),
    ),
    sa.Index("ix_dead_letters_state", "tenant", "state", "created_at"),
    sa.Index(
        "ix_dead_letters_blocked",
        "tenant",
        "blocked_by",
        postgresql_where=sa.text("state = 'open' AND blocked_by IS NOT NULL"),
    ),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("step", sa.Text, nullable=False, comment="receive | process | deliver | publish"),
    sa.Column("connector", sa.Text, comment="null for process"),
    sa.Column("started_at", Time, nullable=False),
    sa.Column("finished_at", Time),
    sa.Column("counts", Json, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("airflow", Json, comment="dag, run, task and try, when Airflow ran it"),
    sa.Index("ix_runs_started", "tenant", "started_at"),
)
