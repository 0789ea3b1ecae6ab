"""Two workers at the same numbers at once: who comes second sees what the first wrote, and nobody else waits."""

import random
import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

import crossdock.normalize.x12
import crossdock.process
from crossdock.store.register import hold_sequence
from crossdock.store.tables import cases, events, exchanges, facts, parts, write_backs
from tests.attack.test_edi_exchanges import A, ack, order
from tests.attack.test_edi_order import TENANT, a_set, balance, hub, interchange, opened, rows, take

__all__ = ["hub"]

AT_MOST_S = 20


def bill(number: int, total: int = 3250, group: int | None = None) -> bytes:
    invoice = a_set(
        "810", group or number, f"BIG*20261120*I{number}{total}*20261119*4500000001",
        "IT1*1*13*EA*2.5**VN*V-1", f"TDS*{total}", "CTT*1",
    )  # fmt: skip
    return interchange(number, invoice)


def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossdock.process, "BATCH_MESSAGES", 1)


def another_is_faster(hub, store, clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the reading and the writing of our batch, another worker takes all that is left, and commits it."""
    normalize = hub.processor._normalize

    def overtaken(*claimed):
        done = normalize(*claimed)
        with opened(store, clock) as other, monkeypatch.context() as all_at_once:
            all_at_once.setattr(crossdock.process, "BATCH_MESSAGES", 200)
            assert other.processor.process_batch()["messages"] >= 1
        return done

    with monkeypatch.context() as slow:
        slow.setattr(hub.processor, "_normalize", overtaken)
        hub.processor.process_batch()


@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
def test_of_two_interchanges_under_one_number_at_once_the_second_is_refused(
    hub, store, clock, monkeypatch, long
):
    one_at_a_time(monkeypatch)
    take(hub, "one", bill(77))
    clock.advance(timedelta(seconds=1))
    take(hub, "two", bill(77, 3251) + b" " * (2000 if long else 0))
    if long:  # the other worker's one is
        for room in (crossdock.process, crossdock.normalize.x12):
            monkeypatch.setattr(room, "LONG_BYTES", 1500)
    another_is_faster(hub, store, clock, monkeypatch)
    assert sorted(row.state for row in rows(hub, parts)) == ["processed", "rejected"]
    assert [row.code for row in rows(hub, events)].count("EDI.DUPLICATE_CONTROL") == 1
    assert [row.subject for row in rows(hub, facts)] == ["invoice/I773251/line/1"]
    answers = b"".join(bytes(row.body) for row in rows(hub, write_backs, write_backs.c.case_id.is_(None)))
    assert answers.count(b"*R*025") == 1
    assert balance(hub) == []


def test_of_a_batch_only_what_was_overtaken_is_refused(hub, store, clock, monkeypatch):
    monkeypatch.setattr(crossdock.process, "BATCH_MESSAGES", 4)
    for number in (77, 78, 79, 79):
        take(hub, f"{number} {clock.now()}", bill(number))
        clock.advance(timedelta(seconds=1))
    take(hub, "faster", bill(78, 3251))
    another_is_faster(hub, store, clock, monkeypatch)
    found = {(row.interchange_number, (row.answer or {}).get("interchange")) for row in
             rows(hub, exchanges, exchanges.c.direction == "in")}  # fmt: skip
    assert found == {
        ("000000077", None), ("000000078", None), ("000000078", "R"), ("000000079", None), ("000000079", "R"),
    }  # fmt: skip
    assert sorted(row.subject for row in rows(hub, facts)) == [
        "invoice/I773250/line/1", "invoice/I783251/line/1", "invoice/I793250/line/1",
    ]  # fmt: skip
    assert balance(hub) == []


def test_a_group_number_that_another_worker_registers_meanwhile_came_before(hub, store, clock, monkeypatch):
    one_at_a_time(monkeypatch)
    take(hub, "one", bill(77, group=500))
    clock.advance(timedelta(seconds=1))
    take(hub, "two", bill(78, 3251, group=500))
    another_is_faster(hub, store, clock, monkeypatch)
    told = [
        row.document["data"]["ext"]["level"]
        for row in rows(hub, events)
        if row.code == "EDI.DUPLICATE_CONTROL"
    ]
    assert told == ["group"]


def test_what_is_known_already_is_not_read_again(hub, store, clock, monkeypatch):
    """It came before, as everybody knew when it was read: nobody was faster."""
    take(hub, "one", bill(77))
    hub.process()
    clock.advance(timedelta(seconds=1))
    take(hub, "two", bill(77, 3251))
    take(hub, "three", bill(77, 3252))
    read: list[str] = []
    real = hub.processor._normalizer.normalize
    monkeypatch.setattr(
        hub.processor._normalizer,
        "normalize",
        lambda message, **more: read.append(message.key) or real(message, **more),
    )
    hub.process()
    assert sorted(read) == ["three", "two"]
    assert sorted(row.state for row in rows(hub, parts)) == ["processed", "rejected", "rejected"]


@pytest.mark.parametrize("copy_first", [True, False])
def test_a_copy_and_its_answer_at_once_find_each_other(hub, store, clock, database, monkeypatch, copy_first):
    one_at_a_time(monkeypatch)
    papers = [order(1, "46A"), ack(1001, "AK1*PO*1000", *A)]
    for name, body in zip(("one", "two"), papers if copy_first else papers[::-1], strict=True):
        take(hub, name, body)
        clock.advance(timedelta(seconds=1))
    faults: list[BaseException] = []

    def work() -> None:
        try:
            with opened(store, clock) as other:
                other.processor.process_batch()
        except BaseException as fault:
            faults.append(fault)

    second = threading.Thread(target=work)
    end = hub.processor._recorder._end

    def written_not_committed(*everything):
        end(*everything)
        second.start()
        wait_until_one_waits(database, store)

    with monkeypatch.context() as slow:
        slow.setattr(hub.processor._recorder, "_end", written_not_committed)
        hub.processor.process_batch()
    second.join(AT_MOST_S)
    assert faults == []
    clock.advance(timedelta(days=3))
    hub.process()
    assert [row.state for row in rows(hub, exchanges, exchanges.c.set_id == "850")] == ["accepted"]
    odd = ("EDI.ACK_OVERDUE", "EDI.ACK_UNMATCHED")
    assert not [row for row in rows(hub, cases, cases.c.code.in_(odd)) if row.state != "resolved"]


def wait_until_one_waits(database, store) -> None:
    """Until another session of this database waits for an advisory lock."""
    until = time.monotonic() + AT_MOST_S
    with database.connect() as root:
        while time.monotonic() < until:
            found = root.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE locktype = 'advisory' AND NOT granted AND d.datname = %s",
                (store.url.database,),
            ).fetchone()
            if found[0]:
                return
    raise AssertionError("nobody waits")


def test_one_partner_waits_for_no_other(hub, store, clock):
    """While Acme's numbers are held by somebody, what Roadrunner sent is worked on."""
    status = a_set("850", 1, "B10*P1*S1*RRFL", "LX*1", "AT7*X3*NS***20261120*0900*LT")
    status = status.replace("GS*PO*ACMESUPPLY", "GS*QM*RRFL").replace("ST*850", "ST*214")
    take(hub, "status", interchange(1, status).replace(b"ZZ*ACMESUPPLY     ", b"02*RRFL           "))
    with store.transaction(TENANT) as connection:
        hold_sequence(connection, TENANT, ["acme_supply"])
        assert hub.process().counts["messages"] == 1
        seen = connection.execute(sa.select(exchanges.c.partner).where(exchanges.c.direction == "in"))
        assert seen.scalars().all() == ["roadrunner"]


def test_many_workers_and_pairs_of_everything_end_without_a_fault(hub, store, clock, monkeypatch):
    """Each number twice, each copy with its answer, all in a heap and in small batches."""
    monkeypatch.setattr(crossdock.process, "BATCH_MESSAGES", 3)
    heap = [(f"bill {n} {total}", bill(n, total)) for n in range(50, 60) for total in (3250, 3251)]
    for n in range(1, 9):
        heap += [(f"order {n}", order(n, f"47{n}")), (f"ack {n}", ack(1000 + n, f"AK1*PO*{n * 1000}", *A))]
    random.Random(20261120).shuffle(heap)
    for name, body in heap:
        take(hub, name, body)
        clock.advance(timedelta(seconds=1))
    faults: list[BaseException] = []

    def work() -> None:
        try:
            with opened(store, clock) as other:
                for _ in range(20):
                    other.processor.process_batch()
        except BaseException as fault:
            faults.append(fault)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    hub.process()
    assert faults == []
    bills = rows(hub, exchanges, exchanges.c.set_id == "810")
    assert sorted((row.answer or {}).get("interchange", "") for row in bills) == [""] * 10 + ["R"] * 10
    assert {row.state for row in rows(hub, exchanges, exchanges.c.set_id == "850")} == {"accepted"}
    unmatched = rows(hub, cases, cases.c.code == "EDI.ACK_UNMATCHED")
    assert {row.state for row in unmatched} <= {"resolved"}
    assert balance(hub) == []
