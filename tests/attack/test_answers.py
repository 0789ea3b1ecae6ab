"""What we tell a partner about rubbish is itself a 997 that the partner's own translator takes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.store import tables
from crossdock.testing.clock import MovableClock
from deploy.sandbox import documents

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
LINES = [documents.Line(item=documents.VALVE, quantity=60, answers=[["IA", "60", "EA"]])]


def confirmation(*extra: list[str], control: str = "0001", name: str = "855") -> list[list[str]]:
    """An 855 with these segments too many before its SE, counted right."""
    segments = [list(one) for one in documents.acknowledgement("45001", "AD", LINES, at=AT, number="S1")]
    segments[0] = ["ST", name, control]
    segments[-1:] = [*extra, ["SE", str(len(segments) + len(extra)), control]]
    return segments


GOOD = [list(one) for one in documents.acknowledgement("45002", "AD", LINES, at=AT, number="S2", control=9)]
SETS = {
    "a segment id of seven letters": confirmation(["TOOLONG", "1"]),
    "a segment id of one letter": confirmation(["A", "1"]),
    "a segment id in small letters": confirmation(["ack", "1"]),
    "a segment id that begins with a digit": confirmation(["1X", "1"]),
    "a segment id with a control character": confirmation(["AB\x07", "1"]),
    "a set number of 13 digits": confirmation(control="1234567890123"),
    "no set number": confirmation(control=""),
    "a set number with a control character": confirmation(control="00\x0101"),
    "a set name of five digits": confirmation(name="85555"),
}
GROUPS = {
    "a GE that counts with 4,400 digits": (b"GE*2*", b"GE*" + b"9" * 4400 + b"*"),
    "a GE that counts in a superscript": (b"GE*2*", "GE*²*".encode()),
    "a GE that counts nothing": (b"GE*2*", b"GE**"),
    "a GE that counts below zero": (b"GE*2*", b"GE*-2*"),
}


@pytest.fixture
def hub(store: Any) -> Hub:
    return Hub.open(clock=MovableClock(AT), store=store, tenant="main", lease=timedelta(minutes=5))


def take_in(hub: Hub, body: bytes) -> list[list[str]]:
    """The segments of what the sender is told, ISA and GS left out."""
    manifest = hub.registry.manifest("supplier_edi")
    hub.accept(
        manifest,
        RawMessage(
            tenant="main",
            source="supplier_edi",
            key="1",
            body=body,
            media_type="application/edi-x12",
            received_at=AT,
            name="rubbish.edi",
        ),
    )
    hub.process()
    with hub.store.transaction("main") as connection:
        found = connection.execute(
            sa.select(tables.write_backs.c.body).where(tables.write_backs.c.operation == "997")
        )
        [answer] = [bytes(row.body).decode() for row in found]
        parts = connection.execute(sa.select(tables.parts.c.ordinal, tables.parts.c.state)).all()
        balances = connection.execute(sa.text("SELECT balance FROM crossdock.ledger_balance")).scalars().all()
    assert balances == [0]
    assert len(parts) == 2, "the broken set and the good one are told apart"
    return [segment.split("*") for segment in answer.replace("\n", "").split("~") if segment]


def only(segments: list[list[str]], name: str) -> list[list[str]]:
    return [segment for segment in segments if segment[0] == name]


@pytest.mark.parametrize("name", SETS)
def test_a_set_of_rubbish_is_refused_in_words_that_a_997_may_hold(hub: Hub, name: str) -> None:
    body = documents.interchange(documents.ACME, "PR", [SETS[name], GOOD], control=7, at=AT)
    told = take_in(hub, body)
    assert [segment[1:] for segment in only(told, "AK9")] == [["P", "2", "2", "1"]]
    for segment in only(told, "AK3"):
        assert re.fullmatch("[A-Z][A-Z0-9]{1,2}", segment[1])
    for segment in only(told, "AK2"):
        assert re.fullmatch("[0-9]{3}", segment[1])
        assert re.fullmatch("[0-9]{4,9}", segment[2])
    assert ["AK2", "855", "0009"] in told
    with hub.store.transaction("main") as connection:
        assert connection.execute(
            sa.select(tables.parts.c.state).order_by(tables.parts.c.ordinal)
        ).scalars().all() == ["rejected", "processed"]


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_that_cannot_count_is_refused_and_told_so(hub: Hub, name: str) -> None:
    body = documents.interchange(documents.ACME, "PR", [confirmation(), GOOD], control=7, at=AT)
    old, new = GROUPS[name]
    assert old in body
    told = take_in(hub, body.replace(old, new))
    assert [segment[1:] for segment in only(told, "AK9")] == [["R", "2", "2", "0", "5"]]
