"""The page that shows a raw message as X12: what is wrong stands under its place, and nothing in it runs."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from crossdock.messages import RawMessage
from crossdock.store import tables
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock

TENANT = "main"
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
Keep = Callable[..., uuid.UUID]

SAMPLES = Path(__file__).resolve().parents[2] / "mappings/inbound"
BODY = (SAMPLES / "x12_855/samples/backorder_with_new_date.edi").read_bytes()
BAD = (
    BODY.replace(b"ACK*IA*60*", b"ACK*IA*six*", 1)
    .replace(b"Acme Supply Co.", HOSTILE.encode(), 1)
    .replace(b"ISA*00*          *00*          *", b"ISA*03*USERNAME12*01*PASSWORD34*", 1)
)


def insert(store: Store, table: Any, **values: Any) -> None:
    with store.transaction(TENANT) as connection:
        connection.execute(table.insert().values(tenant=TENANT, **values))


@pytest.fixture
def keep(store: Store, clock: MovableClock) -> Keep:
    """Keeps a message as it was received, and gives its id."""
    insert(
        store,
        tables.sources,
        source="supplier_edi",
        received_total=1,
        read_at=clock.now(),
        moved_at=clock.now(),
    )

    def kept(body: bytes, name: str = "answer.edi", partner: str | None = "acme_supply") -> uuid.UUID:
        message = RawMessage(
            tenant=TENANT,
            source="supplier_edi",
            key=name,
            body=body,
            media_type="application/edi-x12",
            received_at=clock.now(),
            name=name,
        )
        insert(
            store,
            tables.raw_messages,
            id=message.id,
            source=message.source,
            key=message.key,
            name=name,
            media_type=message.media_type,
            headers={},
            body=body,
            size=len(body),
            sha256=message.sha256,
            received_at=clock.now(),
            part_count=1,
        )
        insert(
            store,
            tables.parts,
            raw_id=message.id,
            ordinal=0,
            source="supplier_edi",
            label="855 0001",
            partner=partner,
            state="dead_lettered",
            byte_offset=0,
            byte_length=len(body),
        )
        return message.id

    return kept


def test_what_is_wrong_stands_at_its_place(console: TestClient, keep: Keep) -> None:
    page = console.get(f"/x12/{keep(BAD)}").text
    assert '<mark class="error">six</mark>' in page
    assert "has a character that it may not have" in page
    assert f"byte {BAD.index(b'six')}" in page
    assert "Line Item Acknowledgment" in page and "backordered" in page
    assert "what is agreed with acme_supply" in page
    assert "The 997 would say" in page and "segments are in error" in page


def test_nothing_in_it_runs_and_no_password_is_shown(console: TestClient, keep: Keep) -> None:
    raw = keep(BAD + b"junk" + BAD[:40], name=HOSTILE)
    for path in (f"/x12/{raw}", f"/x12/{raw}?errors=true", f"/x12/{raw}?set=1", f"/api/x12/{raw}"):
        answer = console.get(path)
        assert answer.status_code == 200, answer.text[:300]
        assert "USERNAME" not in answer.text and "PASSWORD" not in answer.text
        if not path.startswith("/api"):
            assert "<script>alert" not in answer.text and "&lt;script&gt;alert(" in answer.text
            assert "style=" not in answer.text


def test_its_twin_says_the_same(console: TestClient, keep: Keep) -> None:
    found = console.get(f"/api/x12/{keep(BAD)}").json()
    assert found["bytes"] == found["bytes_accounted"] == len(BAD)
    entry = found["interchanges"][0]["groups"][0]["transaction_sets"][0]
    assert entry["problems"][0]["elements"][0]["value"] == "six"


@pytest.mark.parametrize(
    "body", [b"", b"junk", BODY[:200], BODY + b"junk", BODY.replace(b"IEA", b"\xff\x00A")]
)
def test_a_broken_message_has_a_page_too(console: TestClient, keep: Keep, body: bytes) -> None:
    answer = console.get(f"/x12/{keep(body, partner=None)}")
    assert answer.status_code == 200, answer.text[:500]
    assert "X12." in answer.text


def test_every_sample_has_a_page(console: TestClient, keep: Keep) -> None:
    for number, sample in enumerate(sorted(SAMPLES.glob("x12_*/samples/*.edi"))):
        raw = keep(sample.read_bytes(), name=f"{number}-{sample.name}", partner=None)
        assert console.get(f"/x12/{raw}").status_code == 200, sample


def test_a_message_that_is_not_there_is_said_so(console: TestClient) -> None:
    assert console.get(f"/x12/{uuid.uuid4()}").status_code == 404
