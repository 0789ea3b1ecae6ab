"""The dead-letter desk: groups of letters, runs that put many of them back, and payloads that a person mended."""

from typing import Final

import sqlalchemy as sa

from crossdock.messages import Stage
from crossdock.store.tables.base import Json, Time, metadata, one_of

GROUP_STATES: Final = {
    "open": ("acknowledged", "resolved", "ignored"),
    "acknowledged": ("open", "resolved", "ignored"),
    "resolved": ("open",),
    "ignored": ("open", "acknowledged", "resolved"),
}
"""resolved → open is a regression: the cause was said to be cured, and it is back."""

REDRIVE_STATES: Final = {
    "running": ("paused", "cancelled", "done"),
    "paused": ("running", "cancelled"),
    "cancelled": (),
    "done": (),
}

REDRIVE_ITEM_STATES: Final = {
    "waiting": ("put_back", "skipped", "left"),
    "put_back": (),  # back to the stage that failed
    "skipped": (),  # nothing to do: it happened, is on its way, or was closed by somebody
    "left": (),  # it stays at the desk as it was: a policy said no, or the run was cancelled
}

dead_letter_groups = sa.Table(
    "dead_letter_groups",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, comment="derived from the fingerprint and its version"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False, comment="the sentence without what is about one document"),
    sa.Column("template_version", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("ignored_until", Time),
    sa.Column("regressed_at", Time, comment="when it came back after it was resolved"),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("changed_at", Time),
    sa.Column("changed_by", sa.Text),
    sa.Column("reason", sa.Text),
    one_of("state", *GROUP_STATES),
    one_of("stage", *Stage),
    sa.CheckConstraint("state <> 'ignored' OR ignored_until IS NOT NULL", name="ignored_has_an_end"),
)

redrives = sa.Table(
    "redrives",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("set_key", sa.Text, nullable=False, comment="which letters were asked for, as a hash"),
    sa.Column("asked", Json, nullable=False, comment="the filter, as it was asked"),
    sa.Column("replay_as", sa.Text, nullable=False, comment="now | then"),
    sa.Column("per_second", sa.Float, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("paced_until", Time, nullable=False, comment="what is put back next is due not before this"),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("changed_at", Time),
    sa.Column("changed_by", sa.Text),
    sa.Column("finished_at", Time),
    one_of("state", *REDRIVE_STATES),
    one_of("replay_as", "now", "then"),
    sa.CheckConstraint("per_second > 0", name="goes_on"),
    sa.Index(
        "uq_redrives_same_set",
        "tenant",
        "set_key",
        unique=True,
        postgresql_where=sa.text("state IN ('running', 'paused')"),
    ),
    sa.Index("ix_redrives_created", "tenant", "created_at"),
)

redrive_items = sa.Table(
    "redrive_items",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("redrive_id", sa.Uuid, primary_key=True),
    sa.Column("letter_id", sa.Uuid, primary_key=True),
    sa.Column("ordinal", sa.Integer, nullable=False, comment="oldest letter first"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("said", sa.Text, comment="what became of it"),
    sa.Column("at", Time),
    one_of("state", *REDRIVE_ITEM_STATES),
    sa.Index(
        "uq_redrive_items_once",
        "tenant",
        "letter_id",
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sa.Index(
        "ix_redrive_items_waiting",
        "tenant",
        "redrive_id",
        "ordinal",
        postgresql_where=sa.text("state = 'waiting'"),
    ),
)

payload_versions = sa.Table(
    "payload_versions",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("letter_id", sa.Uuid, nullable=False, comment="the dead letter at which it was mended"),
    sa.Column("raw_id", sa.Uuid, comment="of this message, whose own bytes stay as they came"),
    sa.Column("part", sa.Integer),
    sa.Column("write_back_id", sa.Uuid, comment="of this write-back"),
    sa.Column("new_write_back_id", sa.Uuid, comment="which this one says in its place"),
    sa.Column("number", sa.Integer, nullable=False, comment="counts from 2; 1 is the original"),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="of the part, or of the write-back"),
    sa.Column("sha256", sa.Text, nullable=False, comment="of the message as it is read then; of the write-back"),
    sa.Column("diff", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.CheckConstraint("(raw_id IS NULL) <> (write_back_id IS NULL)", name="of_one_thing"),
    sa.CheckConstraint("reason <> ''", name="has_reason"),
    sa.Index("uq_payload_versions_part", "tenant", "raw_id", "part", "number", unique=True,
             postgresql_where=sa.text("raw_id IS NOT NULL")),
    sa.Index("ix_payload_versions_letter", "tenant", "letter_id"),
)  # fmt: skip
