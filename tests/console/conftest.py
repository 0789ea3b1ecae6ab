"""A console over a real store, with one of everything in it, and hostile words in every field that people read."""

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import HTTPException, Request
from starlette.testclient import TestClient

from crossdock.console.acting import Actor
from crossdock.console.app import create_app
from crossdock.messages import RawMessage, derived_id
from crossdock.registry import Registry
from crossdock.store import tables
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock

TENANT = "main"
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
SECRET = base64.b64encode(b"a secret of twenty-four.").decode()


def only_with_a_pass(request: Request) -> None:
    """A stand-in for Airflow's own check: 401 for nobody, 403 for the wrong one."""
    match request.headers.get("x-pass"):
        case "good":
            return
        case None:
            raise HTTPException(401, "Not authenticated")
        case _:
            raise HTTPException(403, "Forbidden")


def named_by_the_pass(request: Request) -> Actor:
    """Who asks, and whether they may act: "anna", unless the request says that she may only look."""
    return Actor(
        name=request.headers.get("x-name", "anna"), may_act=request.headers.get("x-may", "act") == "act"
    )


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def woken() -> list[str]:
    """The connectors for which ``process`` was woken."""
    return []


@pytest.fixture
def console(
    store: Store, registry: Registry, clock: MovableClock, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """The console, for a visitor with a pass."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP_PUSH",
        json.dumps({"extra": {"webhook_secrets": [f"whsec_{SECRET}"]}}),
    )
    app = create_app(
        open_store=lambda: store,
        registry=registry,
        authorize=only_with_a_pass,
        who=named_by_the_pass,
        clock=clock,
        tenant=TENANT,
        airflow_url=lambda request: "http://airflow.example",
        wake=woken.append,
    )
    with TestClient(app, headers={"x-pass": "good"}, raise_server_exceptions=False) as client:
        yield client


def insert(store: Store, table: Any, **values: Any) -> None:
    with store.transaction(TENANT) as connection:
        connection.execute(table.insert().values(tenant=TENANT, **values))


Seeded = dict[str, uuid.UUID]


@pytest.fixture
def seeded(store: Store, clock: MovableClock) -> Seeded:
    """One message, event, case, decision, write-back, dead letter and run, with hostile words wherever they fit."""
    now = clock.now()
    raw = RawMessage(
        tenant=TENANT,
        source="supplier_edi",
        key="k1",
        body=f"ISA*00*{HOSTILE}~".encode(),
        media_type="application/edi-x12",
        received_at=now,
        name=HOSTILE,
    )
    ids = {
        name: derived_id("test", name)
        for name in ("event", "case", "decision", "write_back", "letter", "group", "run")
    }
    insert(
        store,
        tables.sources,
        source="supplier_edi",
        received_total=1,
        read_at=now,
        moved_at=now,
        error=HOSTILE,
    )
    insert(
        store,
        tables.raw_messages,
        id=raw.id,
        source=raw.source,
        key=raw.key,
        name=raw.name,
        media_type=raw.media_type,
        headers={},
        body=raw.body,
        size=len(raw.body),
        sha256=raw.sha256,
        received_at=now,
        part_count=1,
    )
    insert(
        store,
        tables.parts,
        raw_id=raw.id,
        ordinal=0,
        source=raw.source,
        label=HOSTILE,
        state="dead_lettered",
        byte_offset=0,
        byte_length=len(raw.body),
    )
    insert(
        store,
        tables.cases,
        id=ids["case"],
        fold_key="f",
        code="INV.BACKORDER",
        severity="high",
        state="open",
        title=HOSTILE,
        subject=HOSTILE,
        refs=[],
        queue=HOSTILE,
        owner=HOSTILE,
        priority=2,
        occurrences=1,
        opened_at=now,
        last_seen_at=now,
    )
    insert(
        store,
        tables.events,
        id=ids["event"],
        raw_id=raw.id,
        part=0,
        case_id=ids["case"],
        code="INV.BACKORDER",
        subject=HOSTILE,
        document={"data": {"title": HOSTILE, HOSTILE: HOSTILE}},
        recorded_at=now,
    )
    insert(
        store,
        tables.decisions,
        id=ids["decision"],
        event_id=ids["event"],
        case_id=ids["case"],
        table_name=HOSTILE,
        rule=HOSTILE,
        version="v" * 64,
        queue="q",
        owner="o",
        priority=2,
        actions=[],
        because=HOSTILE,
        saw={HOSTILE: HOSTILE},
        error=HOSTILE,
        decided_at=now,
    )
    insert(
        store,
        tables.case_transitions,
        case_id=ids["case"],
        sequence=1,
        to_state="open",
        actor=HOSTILE,
        reason=HOSTILE,
        at=now,
    )
    insert(
        store,
        tables.write_backs,
        id=ids["write_back"],
        case_id=ids["case"],
        decision_id=ids["decision"],
        target="erp",
        operation="note",
        idempotency_key="key-1",
        subject=HOSTILE,
        body=HOSTILE.encode(),
        body_sha256="0" * 64,
        media_type="text/plain",
        headers={},
        state="ready",
        attempt=1,
        next_attempt_at=now + timedelta(minutes=5),
        reason=HOSTILE,
        created_at=now,
        updated_at=now,
    )
    insert(
        store,
        tables.attempts,
        write_back_id=ids["write_back"],
        attempt=1,
        phase="outcome",
        outcome="retry",
        reason=HOSTILE,
        evidence={HOSTILE: HOSTILE},
        at=now,
    )
    insert(
        store,
        tables.dead_letters,
        id=ids["letter"],
        source="supplier_edi",
        stage="normalize",
        code="EDI.UNKNOWN_PARTNER",
        error_class="Unreadable",
        sentence=HOSTILE,
        remedy=HOSTILE,
        place={"segment": 1, HOSTILE: HOSTILE},
        label=HOSTILE,
        raw_id=raw.id,
        part=0,
        attempts=1,
        versions={HOSTILE: HOSTILE},
        state="open",
        created_at=now,
        group_id=ids["group"],
    )
    insert(
        store,
        tables.dead_letter_groups,
        id=ids["group"],
        source="supplier_edi",
        stage="normalize",
        code="EDI.UNKNOWN_PARTNER",
        template=HOSTILE,
        template_version="1",
        state="open",
        created_at=now,
    )
    insert(
        store,
        tables.runs,
        id=ids["run"],
        step="receive",
        connector="supplier_edi",
        started_at=now,
        finished_at=now,
        counts={HOSTILE: 1},
        error=HOSTILE,
        airflow={
            "dag": "receive__supplier_edi",
            "run_id": f"manual__{HOSTILE}",
            "task": "receive",
            "try_number": 1,
        },
    )
    insert(
        store,
        tables.audit,
        id=uuid.uuid4(),
        at=now,
        actor=HOSTILE,
        action=HOSTILE,
        object_kind="case",
        object_id=str(ids["case"]),
        reason=HOSTILE,
    )
    return {**ids, "raw": raw.id}


Send = Callable[..., Any]


@pytest.fixture
def send(console: TestClient, clock: MovableClock) -> Send:
    """Sends a signed webhook, as the ERP would; every part of it can be changed."""
    from crossdock.wires.webhook import sign

    def sends(
        body: bytes = b'{"hold_id":"H-1"}',
        *,
        message_id: str = "msg_1",
        to: str = "erp_push",
        at: datetime | None = None,
        secret: str = SECRET,
        **changed: str,
    ) -> Any:
        at = at or clock.now()
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": sign(f"whsec_{secret}", message_id, at, body),
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        headers = {name: value for name, value in headers.items() if value != "absent"}
        return console.post(f"/webhooks/{to}", content=body, headers={**headers, "x-pass": "none"})

    return sends
