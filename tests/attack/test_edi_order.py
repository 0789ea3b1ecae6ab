"""The papers about one order, in whatever order and company they come: always the same end."""

import random
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

import crossdock.process
from crossdock import receive as receiving
from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.registry import Registry
from crossdock.store.tables import cases, clocks, dead_letters, exchanges

TENANT = "main"
US, ACME = "CROSSDOCK", "ACMESUPPLY"
FUNCTIONS = {
    "850": "PO", "860": "PC", "865": "CA", "855": "PR", "856": "SH", "861": "RC", "810": "IN", "820": "RA",
    "997": "FA", "204": "SM", "990": "GF",
}  # fmt: skip
SEED = 20261120


def a_set(set_id: str, number: int, *segments: str, ours: bool = False) -> str:
    """A group of one set."""
    sender, receiver = (US, ACME) if ours else (ACME, US)
    return "~\n".join(
        [
            f"GS*{FUNCTIONS[set_id]}*{sender}*{receiver}*20261120*0900*{number}*X*004010",
            f"ST*{set_id}*0001",
            *segments,
            f"SE*{len(segments) + 2}*0001",
            f"GE*1*{number}",
        ]
    )


def interchange(number: int, *groups: str, ours: bool = False) -> bytes:
    sender, receiver = (US, ACME) if ours else (ACME, US)
    return "~\n".join(
        [
            f"ISA*00*          *00*          *ZZ*{sender:15}*ZZ*{receiver:15}*261120*0900*U*00401*{number:09}*0*P*>",
            *groups,
            f"IEA*{len(groups)}*{number:09}",
            "",
        ]
    ).encode()


def papers(at: int, po: str) -> list[tuple[bool, str]]:
    """Every paper about one order, with what is wrong between them; whether it is ours, and its group."""
    return [
        (True, a_set("850", at + 1, f"BEG*00*SA*{po}**20261120", "PO1*1*10*EA*2.5**VN*V-1", "CTT*1", ours=True)),
        (True, a_set("860", at + 2, f"BCH*04*CH*{po}**1*20261120", "POC*1*QI*12*2*EA*2.5**VN*V-1", "CTT*1",
                     ours=True)),
        (True, a_set("861", at + 3, f"BRA*R{po}*20261120*00*1", f"REF*SI*S{po}", "RCD*1*11*EA", f"PRF*{po}",
                     "LIN*1*VN*V-1", "CTT*1", ours=True)),
        (False, a_set("855", at + 4, f"BAK*00*AC*{po}*20261120", "PO1*1*10*EA*3**VN*V-1", "ACK*IA*10*EA", "CTT*1")),
        (False, a_set("865", at + 5, f"BCA*00*AC*{po}**1*20261120", "POC*1*QI*12*2*EA*2.5**VN*V-1",
                      "ACK*IA*12*EA", "CTT*1")),
        (False, a_set("856", at + 6, f"BSN*00*S{po}*20261120*0900", "HL*1**S", "HL*2*1*O", f"PRF*{po}", "HL*3*2*I",
                      "LIN*1*VN*V-1", "SN1*1*13*EA", "CTT*3")),
        (False, a_set("810", at + 7, f"BIG*20261120*I{po}*20261119*{po}", "IT1*1*13*EA*2.5**VN*V-1", "TDS*3250",
                      "CTT*1")),
        (True, a_set("820", at + 8, "BPR*C*30*C*ACH*CTX*01*021000021*DA*111*1234567890**01*021000089*DA*222*20261120",
                     f"TRN*1*T{po}", "N1*PR*US", "N1*PE*ACME", "ENT*1", f"RMR*IV*I{po}**30", ours=True)),
        (False, a_set("997", at + 9, f"AK1*PO*{at + 1}", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1")),
    ]  # fmt: skip


def opened(store, clock) -> Hub:
    return Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=timedelta(seconds=60))


@pytest.fixture
def hub(store, clock):
    with opened(store, clock) as hub:
        yield hub


def message(hub: Hub, name: str, body: bytes, tenant: str = TENANT) -> RawMessage:
    return RawMessage(
        tenant=tenant, source="supplier_edi", key=name, body=body, media_type="application/edi-x12",
        received_at=hub.clock.now(), name=name,
    )  # fmt: skip


def take(hub: Hub, name: str, body: bytes) -> None:
    receiving.accept(hub.store, message(hub, name, body), clock=hub.clock)


def rows(hub: Hub, table: sa.Table, *conditions):
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(table).where(*conditions)).all()


def set_aside_and_replayed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits fails while it is written, is set aside whole, and is put back by a person."""
    with monkeypatch.context() as broken:
        follow = hub.processor._reconciler.follow

        def fails(connection, facts, now):
            if facts:
                raise ValueError("something in it")
            return follow(connection, facts, now)

        broken.setattr(hub.processor._reconciler, "follow", fails)
        hub.process()
    letters = rows(hub, dead_letters, dead_letters.c.state == "open")
    assert letters
    for letter in letters:
        hub.replay(letter.id, "somebody")
    hub.process()


def balance(hub: Hub) -> list:
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(
            sa.text(
                "SELECT * FROM crossdock.ledger_balance WHERE balance <> 0 OR missing_parts <> 0 OR unexplained <> 0"
            )
        ).all()


def outcome(hub: Hub, po: str) -> tuple:
    """What is known of one order in the end: its cases, clocks and exchanges, without its number."""
    found = sorted(
        (row.code, row.subject.replace(po, "PO"), row.state)
        for row in rows(hub, cases, cases.c.subject.contains(po))
        if row.state not in ("resolved",)
    )
    timers = sorted(
        (row.pair, row.subject.replace(po, "PO"), row.state)
        for row in rows(hub, clocks, clocks.c.subject.contains(po))
    )
    return tuple(found), tuple(timers)


def states(hub: Hub) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows(hub, exchanges, exchanges.c.direction == "out", exchanges.c.set_id == "850"):
        found.setdefault(row.state, set()).add(row.partner)
    return found


EXPECTED = {"BIL.QTY", "BIL.SHORT_PAY", "FUL.OVER_SHIP", "PRC.MISMATCH", "RCV.SHORT"}


def test_whatever_the_order_of_arrival_the_end_is_the_same(hub, clock, monkeypatch):
    """One by one, two dozen ways; the clock stands still, so that nothing is early or late by itself."""
    dice = random.Random(SEED)
    ends: dict[tuple, list[tuple[str, list[int]]]] = {}
    for number in range(24):
        po = f"46{number:08}"
        pile = papers(number * 20 + 100, po)
        turns = list(range(len(pile)))
        if number:
            dice.shuffle(turns)
        for turn in turns:
            ours, group = pile[turn]
            take(hub, f"{po}-{turn}", interchange(number * 20 + 100 + turn, group, ours=ours))
            if turn == turns[number % 9] and number % 2:
                set_aside_and_replayed(hub, monkeypatch)
            else:
                hub.process()
        ends.setdefault(outcome(hub, po), []).append((po, turns))
    assert {row.state for row in rows(hub, dead_letters)} == {"replayed"}
    assert len(ends) == 1, "\n\n".join(f"{end}\n{who[:3]}" for end, who in ends.items())
    ((found, _),) = ends
    assert {code for code, _, _ in found} == EXPECTED
    assert set(states(hub)) == {"accepted"}
    assert balance(hub) == []


def test_one_by_one_or_together_in_one_batch_or_by_two_workers_the_end_is_the_same(hub, clock, store):
    ends = {}
    pile = papers(100, "4700000001")
    for turn, (ours, group) in enumerate(pile):
        take(hub, f"single-{turn}", interchange(100 + turn, group, ours=ours))
        hub.process()
    ends["single"] = outcome(hub, "4700000001")

    for turn, (ours, group) in enumerate(reversed(papers(200, "4700000002"))):
        take(hub, f"batch-{turn}", interchange(200 + turn, group, ours=ours))
    hub.process()
    ends["batch"] = outcome(hub, "4700000002")

    pile = papers(300, "4700000003")
    take(hub, "ours", interchange(300, *(group for ours, group in pile if ours), ours=True))
    take(hub, "theirs", interchange(301, *(group for ours, group in pile if not ours)))
    hub.process()
    ends["files"] = outcome(hub, "4700000003")

    orders = [f"48{number:08}" for number in range(6)]
    dice = random.Random(SEED)
    everything = [
        (po, turn, 1000 + 20 * place, ours, group)
        for place, po in enumerate(orders)
        for turn, (ours, group) in enumerate(papers(1000 + 20 * place, po))
    ]
    dice.shuffle(everything)
    for po, turn, at, ours, group in everything:
        take(hub, f"{po}-{turn}", interchange(at + turn, group, ours=ours))
    faults: list[BaseException] = []
    start = threading.Barrier(2)

    def work() -> None:
        try:
            with opened(store, clock) as mine:
                processor = mine.processor
                start.wait(10)
                while processor.process_batch()["messages"]:
                    pass
        except BaseException as fault:
            faults.append(fault)

    before, crossdock.process.BATCH_MESSAGES = crossdock.process.BATCH_MESSAGES, 2
    try:
        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
    finally:
        crossdock.process.BATCH_MESSAGES = before
    assert faults == []
    for po in orders:
        ends[po] = outcome(hub, po)
    assert len(set(ends.values())) == 1, "\n\n".join(f"{name}: {end}" for name, end in ends.items())
    assert balance(hub) == []
