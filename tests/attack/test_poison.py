"""A message that nobody can work on takes nobody with it: what it holds, what it does to its worker, our faults."""

import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock.errors import Misconfigured, WireDown
from crossdock.formats import x12
from crossdock.hub import Hub
from crossdock.store import inbox
from crossdock.store.engine import TookTooLong
from crossdock.store.tables import dead_letters, facts, parts, raw_messages
from tests.attack.test_edi_order import a_set, balance, hub, interchange, rows, take

__all__ = ["hub"]

GOOD = [interchange(n, a_set("855", n, f"BAK*00*AT*460000{n:02}*20261120", "PO1*1*10*EA*2.5**VN*V-1",
                             "ACK*IA*10*EA", "CTT*1")) for n in range(1, 8)]  # fmt: skip
BAD = GOOD[4]


class Killed(BaseException):
    """As ``kill -9``: nothing of the worker runs after it."""


def tries(hub) -> dict[str, int]:
    return {row.key: row.attempts for row in rows(hub, raw_messages)}


def take_good(hub) -> None:
    for number in (1, 2, 3, 4):
        take(hub, f"good{number}", GOOD[number - 1])


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ((b"*5*X*004010", b"*\x005*X*004010"), "EDI.GROUP_REJECTED"),
        ((b"GS*PR", b"GS*P\x00"), "EDI.GROUP_REJECTED"),
        ((b"000000005", b"\x0000000005"), "EDI.INTERCHANGE_REJECTED"),
        ((b"*46000005*", b"*4600\x0005*"), "EDI.TRANSACTION_REJECTED"),
    ],
    ids=["GS06", "GS01", "ISA13", "BAK03"],
)
def test_a_nul_stops_nothing_but_what_it_stands_in(hub, where, code):
    take(hub, "good1", GOOD[0])
    take(hub, "bad", BAD.replace(*where))
    take(hub, "good2", GOOD[1])
    hub.process()
    assert sorted(row.subject for row in rows(hub, facts)) == [
        "supplier_po/46000001/line/1",
        "supplier_po/46000002/line/1",
    ]
    assert [(row.code, row.error_class) for row in rows(hub, dead_letters)] == [(code, "Unreadable")]
    assert sorted(row.state for row in rows(hub, parts)) == ["processed", "processed", "rejected"]
    assert balance(hub) == []


def test_a_question_that_fails_for_one_message_is_its_own_fault(hub, monkeypatch):
    """Whatever the register cannot be asked about: the message is set aside, and those beside it go on."""
    from crossdock.store import register

    real = register.seen

    def seen(connection, tenant, arrived, **more):
        if arrived.number == "000000005":
            connection.exec_driver_sql("SELECT 1/0")
        return real(connection, tenant, arrived, **more)

    monkeypatch.setattr(register, "seen", seen)
    take_good(hub)
    take(hub, "bad", BAD)
    hub.process()
    assert len(rows(hub, facts)) == 4
    assert [row.label for row in rows(hub, dead_letters)] == ["bad"]
    assert balance(hub) == []


def test_a_message_that_kills_its_worker_takes_none_of_its_batch_with_it(hub, clock, monkeypatch):
    take(hub, "killer", BAD)
    take_good(hub)
    real = hub.processor._normalizer.normalize

    def normalize(message, **more):
        if message.key == "killer":
            raise Killed
        return real(message, **more)

    monkeypatch.setattr(hub.processor._normalizer, "normalize", normalize)
    deaths = 0
    for _ in range(12):
        try:
            hub.processor.process_batch()
        except Killed:
            deaths += 1
        clock.advance(timedelta(minutes=10))
    assert [(row.label, row.error_class) for row in rows(hub, dead_letters)] == [("killer", "PoisonMessage")]
    assert len(rows(hub, facts)) == 4
    assert deaths == 2
    assert balance(hub) == []


def test_what_was_never_tried_goes_together_and_what_was_goes_alone(hub, clock, monkeypatch):
    take_good(hub)
    with monkeypatch.context() as broken:
        broken.setattr(hub.processor, "_normalize", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            hub.processor.process_batch()
    clock.advance(timedelta(minutes=10))
    for number in (6, 7):
        take(hub, f"fresh{number}", GOOD[number - 1])
    sizes = [hub.processor.process_batch()["messages"] for _ in range(6)]
    assert sizes == [1, 1, 1, 1, 2, 0]
    assert not rows(hub, dead_letters)


def test_outages_of_our_own_database_are_no_tries(hub, monkeypatch):
    take_good(hub)
    real = hub.processor._recorder.write
    outages = iter([WireDown("our own database went away")] * 5)

    def write(*arguments):
        if (outage := next(outages, None)) is not None:
            raise outage
        return real(*arguments)

    monkeypatch.setattr(hub.processor._recorder, "write", write)
    for _ in range(5):
        with pytest.raises(WireDown):
            hub.processor.process_batch()
        assert set(tries(hub).values()) == {0}
    assert hub.processor.process_batch()["messages"] == 4, "at once: nobody waits for a lease of ours"
    assert not rows(hub, dead_letters)


def test_sessions_that_are_ended_one_after_another_make_no_message_guilty(hub, monkeypatch):
    """The server lives on: somebody ends our sessions, that of the work and those of the giving back, and the worker
    ends with them."""
    take_good(hub)
    real = inbox.give_back
    ended = []
    administrators = sa.create_engine(hub.store.url, poolclass=sa.NullPool)

    def end(connection, *_):
        ended.append(True)
        pid = connection.scalar(sa.select(sa.func.pg_backend_pid()))
        with administrators.connect() as administrator:
            administrator.execute(sa.select(sa.func.pg_terminate_backend(pid, 5000)))
        connection.execute(sa.select(1))

    def give_back(connection, tenant, fences):
        if fences and len(ended) % 3:
            end(connection)
        real(connection, tenant, fences)

    monkeypatch.setattr("crossdock.process.inbox.give_back", give_back)
    for _ in range(4):
        worker = Hub.open(store=hub.store, clock=hub.clock, registry=hub.registry, tenant=hub.tenant)
        monkeypatch.setattr(worker.processor._recorder, "write", end)
        with pytest.raises(WireDown):
            worker.processor.process_batch()
        assert set(tries(hub).values()) == {0}
    assert len(ended) == 12
    assert hub.processor.process_batch()["messages"] == 4
    assert not rows(hub, dead_letters)


def test_claims_are_given_back_when_the_database_is_there_again(hub, monkeypatch):
    """The outage lasts: the claims cannot be given back when it is noticed, so it is done with the next batch."""
    take_good(hub)
    real = hub.store.transaction
    away = False

    def transaction(tenant):
        if away:
            raise WireDown("still away")
        return real(tenant)

    def write(*_):
        nonlocal away
        away = True
        raise WireDown("our own database went away")

    with monkeypatch.context() as outage:
        outage.setattr(hub.store, "transaction", transaction)
        outage.setattr(hub.processor._recorder, "write", write)
        for _ in range(4):
            with pytest.raises(WireDown):
                hub.processor.process_batch()
    assert set(tries(hub).values()) == {1}
    assert hub.processor.process_batch()["messages"] == 4
    assert not rows(hub, dead_letters)


def test_a_session_that_ends_in_the_commit_of_its_own_claim_is_no_try(hub, monkeypatch):
    """What was claimed may be committed, and nobody is told: it is given back all the same."""
    take_good(hub)
    real = hub.store.transaction
    ends = []

    @contextmanager
    def transaction(tenant):
        with real(tenant) as connection:
            yield connection
        if ends:
            ends.clear()
            raise WireDown("our own database went away")

    with monkeypatch.context() as outage:
        outage.setattr(hub.store, "transaction", transaction)
        for _ in range(4):
            ends.append(True)
            with pytest.raises(WireDown):
                hub.processor.process_batch()
            assert set(tries(hub).values()) == {0}
    assert hub.processor.process_batch()["messages"] == 4, "at once: nobody waits for a lease of ours"
    assert not rows(hub, dead_letters)


def test_what_the_server_stops_for_its_length_counts_as_a_try(hub, monkeypatch):
    take_good(hub)

    def write(connection, *_):
        connection.exec_driver_sql("SET LOCAL statement_timeout = 10")
        connection.exec_driver_sql("SELECT pg_sleep(5)")

    monkeypatch.setattr(hub.processor._recorder, "write", write)
    with pytest.raises(TookTooLong, match="statement timeout"):
        hub.processor.process_batch()
    assert set(tries(hub).values()) == {1}


def test_what_a_person_must_edit_for_one_message_stops_none_beside_it(hub, monkeypatch):
    real = hub.processor._recorder.write

    def write(connection, worked, now):
        if any(one.claim.message.key == "bad" for one in worked) and worked[0].normalized is not None:
            raise Misconfigured("connector 'x': write what it needs")
        return real(connection, worked, now)

    monkeypatch.setattr(hub.processor._recorder, "write", write)
    take(hub, "bad", BAD)
    take_good(hub)
    hub.process()
    assert len(rows(hub, facts)) == 4
    assert [row.label for row in rows(hub, dead_letters)] == ["bad"]


def test_a_flood_of_binary_segments_with_wrong_lengths_costs_what_its_bytes_cost():
    """Each of them was once cut with all that follows: 8 000 took a minute, and 100 000 would have taken hours."""
    flood = GOOD[0].replace(b"CTT*1~", b"BIN*3*abcd~" * 20_000 + b"CTT*1~")
    begun = time.process_time()
    sets = [item for item in x12.read(flood) if isinstance(item, x12.TransactionSet)]
    assert time.process_time() - begun < 10
    assert x12.Code.BINARY_LENGTH in {one.code for one in sets[0].findings}
