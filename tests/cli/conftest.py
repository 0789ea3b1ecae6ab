"""A command line to run, and a store with one whole story in it: a file of three sets, of which one is broken."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.messages import derived_id
from crossdock.store import tables
from crossdock.store.engine import Store
from tests.command_line import said

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
BODY = b"ISA*00~ST*855*0001~SE*2*0001~ST*855*0002~BROKEN\x1b[2J~ST*855*0003~SE*2*0003~IEA*1*1~"
BROKEN = slice(BODY.index(b"ST*855*0002"), BODY.index(b"ST*855*0003"))
LARGE = b"ISA*00~" + b"N" * (300 * 1024)


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    exit_code: int
    stdout: str
    stdout_bytes: bytes
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Run = Callable[..., Ran]


@pytest.fixture
def crossdock(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Run:
    """``crossdock("cases", "list")`` in a home of its own, as a script would run it."""
    monkeypatch.setenv("CROSSDOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CROSSDOCK_ACTOR", "dana")
    for name in ("CROSSDOCK_TENANT", "CROSSDOCK_PARTNERS_DIR", "CROSSDOCK_ROUTES_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: bytes | None = None) -> Ran:
        answer = said(*arguments, stdin=stdin)
        ran = Ran(answer.exit_code, answer.stdout.decode("utf-8", "replace"), answer.stdout, answer.stderr)
        assert "Traceback" not in ran.stdout + ran.stderr
        return ran

    return run


@dataclass
class Story:
    """The ids of what the store holds."""

    store: Store
    body: bytes = BODY
    broken: bytes = BODY[BROKEN]
    large_body: bytes = LARGE
    raw: uuid.UUID = field(default_factory=lambda: uuid.UUID("a0000000-0000-4000-8000-000000000001"))
    large: uuid.UUID = field(default_factory=lambda: uuid.UUID("a1000000-0000-4000-8000-000000000002"))
    case: uuid.UUID = field(default_factory=lambda: uuid.UUID("c0000000-0000-4000-8000-000000000001"))
    events: list[uuid.UUID] = field(default_factory=list)
    delivered: uuid.UUID = field(default_factory=lambda: uuid.UUID("b0000000-0000-4000-8000-000000000001"))
    unsure: uuid.UUID = field(default_factory=lambda: uuid.UUID("b1000000-0000-4000-8000-000000000002"))
    letter: uuid.UUID = field(default_factory=lambda: uuid.UUID("d0000000-0000-4000-8000-000000000001"))
    letter_of_unsure: uuid.UUID = field(
        default_factory=lambda: uuid.UUID("d1000000-0000-4000-8000-000000000002")
    )
    decision: uuid.UUID = field(default_factory=lambda: uuid.UUID("e0000000-0000-4000-8000-000000000001"))

    def insert(self, table: sa.Table, *rows: dict[str, Any], tenant: str = "main") -> None:
        with self.store.transaction(tenant) as connection:
            for row in rows:
                connection.execute(sa.insert(table).values(tenant=tenant, **row))

    def move(self, table: sa.Table, identity: uuid.UUID, **values: Any) -> None:
        with self.store.transaction("main") as connection:
            changed = connection.execute(sa.update(table).where(table.c.id == identity).values(**values))
            assert changed.rowcount == 1


@pytest.fixture
def told(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """The store with its story, and the command line pointed at it."""
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", store.url.render_as_string(hide_password=False))
    story = Story(store)
    _came_in(story)
    _meant(story)
    _written(story)
    yield story


def _came_in(story: Story) -> None:
    story.insert(
        tables.sources,
        {"source": "supplier_edi", "received_total": 2, "position": "2", "read_at": NOW, "moved_at": NOW},
    )
    for identity, name, body in ((story.raw, "po\x1b[31m855.edi", BODY), (story.large, "large.edi", LARGE)):
        story.insert(
            tables.raw_messages,
            {
                "id": identity,
                "source": "supplier_edi",
                "key": name,
                "name": name,
                "media_type": "application/edi-x12",
                "headers": {},
                "body": body if identity == story.raw else None,
                "size": len(body),
                "sha256": "0" * 64,
                "received_at": NOW,
                "settled_at": NOW,
            },
        )
    story.insert(tables.raw_bodies, {"raw_id": story.large, "body": LARGE})
    for ordinal, state in enumerate(("processed", "dead_lettered", "processed")):
        story.insert(
            tables.parts,
            {
                "raw_id": story.raw,
                "ordinal": ordinal,
                "source": "supplier_edi",
                "label": f"855 000{ordinal + 1}",
                "partner": "acme_supply",
                "state": state,
                "byte_offset": BROKEN.start if ordinal == 1 else None,
                "byte_length": BROKEN.stop - BROKEN.start if ordinal == 1 else None,
            },
        )
    story.move(tables.raw_messages, story.raw, part_count=3, normalized_at=NOW)
    story.insert(
        tables.dead_letters,
        {
            "id": story.letter,
            "source": "supplier_edi",
            "stage": "normalize",
            "code": "X12.SE_MISSING",
            "error_class": "Unreadable",
            "sentence": "a transaction set is not closed by an SE",
            "remedy": "ask the partner to send set 0002 again, or replay",
            "place": {"segment": 5, "byte": 62},
            "label": "855 0002",
            "raw_id": story.raw,
            "part": 1,
            "attempts": 1,
            "versions": {"x12_855": "1"},
            "state": "open",
            "group_id": derived_id("group", "test"),
            "created_at": NOW,
        },
    )


def _meant(story: Story) -> None:
    story.insert(
        tables.cases,
        {
            "id": story.case,
            "fold_key": "INV.BACKORDER|4500123456|1",
            "code": "INV.BACKORDER",
            "severity": "medium",
            "state": "open",
            "title": "Line 1 is backordered",
            "subject": "supplier_po/4500123456",
            "refs": ["supplier_po:4500123456"],
            "queue": "purchasing",
            "owner": "buyers",
            "priority": 2,
            "occurrences": 3,
            "opened_at": NOW,
            "last_seen_at": NOW,
        },
    )
    for number in range(3):
        identity = uuid.UUID(int=0xF0000000000040008000000000000000 + (number << 96))
        story.events.append(identity)
        story.insert(
            tables.events,
            {
                "id": identity,
                "raw_id": story.raw,
                "part": 0,
                "case_id": story.case,
                "code": "INV.BACKORDER",
                "subject": f"supplier_po/450012345{number}",
                "document": {
                    "data": {"title": f"event {number}", "severity": "medium", "detail": "said by ACK01 IB"}
                },
                "recorded_at": NOW - timedelta(hours=number),
            },
        )
    story.insert(
        tables.decisions,
        {
            "id": story.decision,
            "event_id": story.events[0],
            "case_id": story.case,
            "table_name": "backorders",
            "rule": "note-and-date",
            "version": "abcdef0123456789",
            "queue": "purchasing",
            "owner": "buyers",
            "priority": 2,
            "actions": [{"target": "erp", "operation": "note", "arguments": {}}],
            "because": "the supplier backordered a line of a customer of tier A",
            "saw": {"code": "INV.BACKORDER"},
            "decided_at": NOW,
        },
    )
    story.insert(
        tables.case_transitions,
        {
            "case_id": story.case,
            "sequence": 1,
            "from_state": None,
            "to_state": "open",
            "actor": "crossdock",
            "reason": "first seen",
            "event_id": story.events[0],
            "at": NOW,
        },
    )


def _written(story: Story) -> None:
    for identity, operation in ((story.delivered, "note"), (story.unsure, "change_date")):
        story.insert(
            tables.write_backs,
            {
                "id": identity,
                "case_id": story.case,
                "decision_id": story.decision,
                "target": "erp",
                "operation": operation,
                "idempotency_key": f"key-{operation}",
                "subject": "supplier_po/4500123456",
                "body": b'{"text":"backordered"}',
                "body_sha256": "1" * 64,
                "media_type": "application/json",
                "headers": {},
                "state": "ready",
                "next_attempt_at": NOW,
                "created_at": NOW,
                "updated_at": NOW,
            },
        )
        story.move(
            tables.write_backs, identity, state="sending", attempt=1, lease_until=NOW, next_attempt_at=None
        )
        story.insert(tables.attempts, {"write_back_id": identity, "attempt": 1, "phase": "intent", "at": NOW})
    story.move(
        tables.write_backs, story.delivered, state="delivered", receipt={"reference": "N-1"}, lease_until=None
    )
    story.move(tables.write_backs, story.unsure, state="unsure", reason="no answer came", lease_until=None)
    for identity, outcome in ((story.delivered, "delivered"), (story.unsure, "unsure")):
        story.insert(
            tables.attempts,
            {"write_back_id": identity, "attempt": 1, "phase": "outcome", "outcome": outcome, "at": NOW},
        )
    story.insert(
        tables.dead_letters,
        {
            "id": story.letter_of_unsure,
            "source": "erp",
            "stage": "deliver",
            "code": "INT.OUTCOME_UNKNOWN",
            "error_class": "Unsure",
            "sentence": "the request left and no answer came",
            "remedy": "look at the order in the ERP",
            "place": {},
            "label": "change_date supplier_po/4500123456",
            "write_back_id": story.unsure,
            "attempts": 1,
            "versions": {},
            "state": "open",
            "group_id": derived_id("group", "test"),
            "created_at": NOW + timedelta(minutes=1),
        },
    )
