"""Clocks under attack: what runs out while the world changes under it."""

import threading
from datetime import timedelta

import pytest

from crossdock import clocks as clockwork
from crossdock.errors import Misconfigured
from crossdock.packages import package_folder
from crossdock.store.tables import cases, clocks, dead_letters, events
from tests.attack import test_edi_order
from tests.attack.test_edi_order import (
    a_set,
    interchange,
    opened,
    rows,
    take,
)

TENANT = "main"
hub = test_edi_order.hub


def order(number: int, *pos: str) -> bytes:
    groups = [
        a_set("850", number * 1000 + place, f"BEG*00*SA*{po}**20261120", "PO1*1*10*EA*2.5**VN*V-1", "CTT*1",
              ours=True)
        for place, po in enumerate(pos)
    ]  # fmt: skip
    return interchange(number, *groups, ours=True)


def answer(number: int, po: str, price: str = "2.5") -> bytes:
    body = f"BAK*00*AC*{po}*20261120", f"PO1*1*10*EA*{price}**VN*V-1", "ACK*IA*10*EA", "CTT*1"
    return interchange(number, a_set("855", number, *body))


def overdue(hub) -> list[str]:
    return sorted(row.subject for row in rows(hub, cases, cases.c.code == "ORD.ACK_OVERDUE"))


def test_a_pair_that_was_taken_out_of_the_data_stops_no_other_clock(hub, clock, monkeypatch):
    take(hub, "1", order(1, "4600000001"))
    take(hub, "2", answer(1001, "4600000002"))
    hub.process()
    clock.advance(timedelta(days=14))
    every = clockwork.pairs()
    left = {name: pair for name, pair in every.items() if name != "order_acknowledged"}
    monkeypatch.setattr(clockwork, "pairs", lambda: left)
    hub.process()
    assert overdue(hub) == []
    assert rows(hub, cases, cases.c.code == "ORD.NO_ORDER"), "the others are told"
    monkeypatch.setattr(clockwork, "pairs", lambda: every)
    hub.process()
    assert overdue(hub) == ["supplier_po/4600000001"], "it was put back, and nothing is lost"


def test_a_partner_that_was_taken_out_while_its_clocks_run_is_told_all_the_same(hub, clock, store):
    take(hub, "1", order(1, "4600000003"))
    hub.process()
    clock.advance(timedelta(days=7))
    with opened(store, clock) as other:
        other.partners = type(other.partners)((), {}, {})
        other.process()
    assert overdue(hub) == ["supplier_po/4600000003"]


def test_a_copy_that_comes_three_weeks_late_is_due_from_when_it_came(hub, clock):
    """We count from what we know: from the day on which the paper reached us."""
    clock.advance(timedelta(days=21))
    take(hub, "1", order(1, "4600000004"))
    hub.process()
    assert overdue(hub) == []
    clock.advance(timedelta(days=5))
    for _ in range(3):
        hub.process()
    assert overdue(hub) == ["supplier_po/4600000004"]
    assert len(rows(hub, events, events.c.code == "ORD.ACK_OVERDUE")) == 1


def test_two_orders_answered_by_one_file_and_one_order_answered_twice(hub, clock):
    take(hub, "1", order(1, "4600000005", "4600000006"))
    take(hub, "2", answer(1002, "4600000005"))
    take(hub, "3", answer(1003, "4600000005"))
    hub.process()
    assert [row.state for row in rows(hub, clocks, clocks.c.pair == "order_acknowledged")].count("met") == 1
    assert [row.state for row in rows(hub, clocks, clocks.c.pair == "order_acknowledged")].count(
        "waiting"
    ) == 1


def test_an_answer_after_a_cancellation_changes_nothing_and_nothing_is_overdue(hub, clock):
    take(hub, "1", order(1, "4600000007"))
    hub.process()
    clock.advance(timedelta(minutes=1))
    cancel = a_set("850", 9, "BEG*01*SA*4600000007**20261120", "PO1*1*10*EA*2.5**VN*V-1", "CTT*1", ours=True)
    take(hub, "2", interchange(9, cancel, ours=True))
    hub.process()
    clock.advance(timedelta(minutes=1))
    take(hub, "3", answer(1009, "4600000007"))
    hub.process()
    clock.advance(timedelta(days=7))
    hub.process()
    assert {row.state for row in rows(hub, clocks, clocks.c.pair == "order_acknowledged")} == {"cancelled"}
    assert overdue(hub) == []


def test_the_router_fails_in_the_sweep_and_nothing_is_lost_or_doubled(hub, clock, monkeypatch):
    take(hub, "1", order(1, "4600000008"))
    hub.process()
    clock.advance(timedelta(days=7))
    whole = hub.router.decide

    def broken(documents):
        raise RuntimeError("the table is broken")

    monkeypatch.setattr(hub.router, "decide", broken)
    with pytest.raises(RuntimeError):
        hub.process()
    assert overdue(hub) == []
    monkeypatch.setattr(hub.router, "decide", whole)
    hub.process()
    hub.process()
    assert overdue(hub) == ["supplier_po/4600000008"]
    assert len(rows(hub, events, events.c.code == "ORD.ACK_OVERDUE")) == 1


def test_a_clash_in_the_sweep_is_nobodys_fault(hub, clock, monkeypatch):
    """The database may end the sweep's transaction for another worker's: it is done again, as a batch is."""
    from crossdock.store import clockwork as stored
    from crossdock.store.engine import Clash

    take(hub, "1", order(1, "4600000009"))
    hub.process()
    clock.advance(timedelta(days=7))
    due, times = stored.due_clocks, []

    def clashing(*args, **more):
        times.append(1)
        if len(times) == 1:
            raise Clash("another worker was in the way")
        return due(*args, **more)

    monkeypatch.setattr(stored, "due_clocks", clashing)
    hub.process()
    assert overdue(hub) == ["supplier_po/4600000009"]


def test_two_sweepers_at_once_tell_each_clock_once(hub, clock, store):
    take(hub, "1", order(1, *(f"47{number:08}" for number in range(900))))
    hub.process()
    clock.advance(timedelta(days=7))
    faults: list[BaseException] = []
    start = threading.Barrier(2)

    def work() -> None:
        try:
            with opened(store, clock) as mine:
                processor = mine.processor
                start.wait(20)
                while processor.sweep()["overdue"]:
                    pass
        except BaseException as fault:
            faults.append(fault)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert faults == []
    hub.process()
    assert len(overdue(hub)) == 900
    assert len(rows(hub, events, events.c.code == "ORD.ACK_OVERDUE")) == 900


def test_a_title_with_a_place_that_nothing_fills_is_told_when_the_pairs_are_loaded(tmp_path):
    """Not by the sweep, which would fail for every clock then."""
    text = (package_folder("mappings") / "clocks" / "main.toml").read_text()
    (tmp_path / "main.toml").write_text(text.replace("{subject}", "{number}", 1))
    with pytest.raises(Misconfigured, match=r"main.toml:\d+: .*number"):
        clockwork.load(tmp_path)


def test_a_cancelled_ship_notice_waits_for_no_invoice_however_many_lines_it_names(hub, clock):
    """The cancellation of a notice says its number, and often no line at all."""

    def notice(number: int, name: str, purpose: str, *items: str) -> bytes:
        body = f"BSN*{purpose}*{name}*20261120*0900", "HL*1**S", "HL*2*1*O", "PRF*4600000013", *items
        return interchange(number, a_set("856", number, *body, f"CTT*{2 + bool(items)}"))

    item = "HL*3*2*I", "LIN*1*VN*V-1", "SN1*1*5*EA"
    take(hub, "1", notice(1, "S-1", "00", *item))
    take(hub, "2", notice(2, "S-2", "00", *item))
    hub.process()
    clock.advance(timedelta(minutes=5))
    take(hub, "3", notice(3, "S-1", "01"))
    hub.process()
    assert rows(hub, dead_letters) == []
    found = sorted(row.state for row in rows(hub, clocks, clocks.c.pair == "shipment_invoiced"))
    assert found == ["cancelled", "waiting"], "that of the other notice runs on"
