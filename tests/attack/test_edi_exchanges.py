"""Acknowledgements, control numbers and groups that wait, under attack."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.hub import Hub
from crossdock.partners import Partners
from crossdock.registry import Registry, package_folder
from crossdock.store.tables import cases, clocks, dead_letters, events, exchanges, parts
from tests.attack import test_edi_order
from tests.attack.test_edi_clocks import answer, order, overdue
from tests.attack.test_edi_order import TENANT, a_set, balance, interchange, opened, rows, take

hub = test_edi_order.hub


def ack(number: int, *body: str) -> bytes:
    return interchange(number, a_set("997", number, *body))


def sent(hub: Hub) -> list[str]:
    """What became of the sets that we sent."""
    return [row.state for row in rows(hub, exchanges, exchanges.c.direction == "out")]


def codes(hub: Hub) -> list[tuple[str, str]]:
    return sorted((row.code, row.state) for row in rows(hub, cases))


def come(hub: Hub, clock, *bodies: bytes) -> None:
    for body in bodies:
        take(hub, clock.now().isoformat(), body)
        hub.process()
        clock.advance(timedelta(seconds=30))


A = "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"
R = "AK2*850*0001", "AK5*R*5", "AK9*R*1*1*0"


def test_a_997_that_comes_twice_changes_nothing_and_is_told(hub, clock):
    come(hub, clock, order(1, "46A"), ack(1001, "AK1*PO*1000", *A), ack(1002, "AK1*PO*1000", *A))
    assert sent(hub) == ["accepted"]
    assert codes(hub) == [("EDI.ACK_UNMATCHED", "open")]


@pytest.mark.parametrize("first", ["yes", "no"])
def test_of_two_997s_that_differ_the_later_word_counts_and_it_is_told(hub, clock, first):
    two = (
        ack(1001, "AK1*PO*1000", *(A if first == "yes" else R)),
        ack(1002, "AK1*PO*1000", *(R if first == "yes" else A)),
    )
    come(hub, clock, order(1, "46A"), *two)
    assert sent(hub) == ["rejected" if first == "yes" else "accepted"]
    told = dict(codes(hub))
    assert told["EDI.ACK_UNMATCHED"] == "open"
    assert told["EDI.TRANSACTION_REJECTED"] == "open", "a person looks at why it was refused"


@pytest.mark.parametrize(
    "counts", ["AK9*A*9*9*9", "AK9*A*1*1*0", "AK9*P*1*1*1", "AK9*A*999999*999999*999999", "AK9*A*0*0*0"]
)
def test_counts_that_lie_about_a_named_set_do_not_change_its_verdict(hub, clock, counts):
    come(hub, clock, order(1, "46A"), ack(1001, "AK1*PO*1000", "AK2*850*0001", "AK5*A", counts))
    assert [row.sentence for row in rows(hub, dead_letters)] == []
    assert sent(hub) == ["accepted"]


def test_a_997_about_sets_that_never_were_is_told_and_leaves_ours_waiting(hub, clock):
    come(hub, clock, order(1, "46A"))
    come(hub, clock, ack(1001, "AK1*PO*1000", "AK2*850*0777", "AK5*R*1", "AK9*R*1*1*0"))
    assert ("EDI.ACK_UNMATCHED", "open") in codes(hub)
    assert sent(hub) in (["rejected"], ["waiting"])


def test_an_acknowledgement_of_an_acknowledgement_or_of_nothing_is_told_and_never_answered(hub, clock):
    come(hub, clock, ack(1001, "AK1*FA*1", "AK2*997*0001", "AK5*A", "AK9*A*1*1*1"))
    body = (
        b"ISA*00*          *00*          *ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*0900*U*00401*000001002*0*P*>~"
        b"TA1*000000999*261120*0900*R*025~\nIEA*0*000001002~\n"
    )
    come(hub, clock, body)
    assert [code for code, _ in codes(hub)].count("EDI.ACK_UNMATCHED") == 2
    assert [row.sentence for row in rows(hub, dead_letters)] == []
    assert sent(hub) == []


def test_two_997s_in_two_workers_at_the_same_moment_answer_once(hub, clock, store):
    come(hub, clock, order(1, *(f"46{number}" for number in range(12))))
    for number in range(12):
        take(hub, f"a{number}", ack(1100 + number, f"AK1*PO*{1000 + number}", *A))
        take(hub, f"b{number}", ack(1200 + number, f"AK1*PO*{1000 + number}", *A))
    faults: list[BaseException] = []
    start = threading.Barrier(2)

    def work() -> None:
        try:
            with opened(store, clock) as mine:
                start.wait(10)
                while mine.processor.process_batch()["messages"]:
                    pass
        except BaseException as fault:
            faults.append(fault)

    import crossdock.process

    before, crossdock.process.BATCH_MESSAGES = crossdock.process.BATCH_MESSAGES, 1
    try:
        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
    finally:
        crossdock.process.BATCH_MESSAGES = before
    assert faults == []
    assert sent(hub) == ["accepted"] * 12
    assert len([code for code, _ in codes(hub) if code == "EDI.ACK_UNMATCHED"]) == 12, (
        "each second one is told"
    )
    assert balance(hub) == []


# -- control numbers ------------------------------------------------------------------------------------------------


def profile(tmp_path, more: str = "", *, top: str = "") -> Partners:
    """The supplier's profile with something more at its head, or behind it."""
    text = (package_folder("mappings") / "partners" / "acme_supply.toml").read_text()
    folder = tmp_path / "partners"
    folder.mkdir(exist_ok=True)
    (folder / "acme_supply.toml").write_text(f"{top}\n{text}{more}")
    return Partners.load(folder)


def test_the_same_interchange_number_with_other_bytes_is_refused_and_the_same_bytes_are_too(hub, clock):
    come(hub, clock, answer(1001, "46A"), answer(1001, "46B"))
    assert {state for _, state in codes(hub)} == {"open"}
    (event,) = rows(hub, events, events.c.code == "EDI.DUPLICATE_CONTROL")
    assert event.document["data"]["ext"]["same_bytes"] is False
    come(hub, clock, answer(1001, "46A"))
    assert len(rows(hub, events, events.c.code == "EDI.DUPLICATE_CONTROL")) == 2
    assert [row.subject for row in rows(hub, clocks, clocks.c.pair == "order_shipped")].count(
        "supplier_po/46A/line/1"
    ) == 1


def test_two_files_of_one_batch_with_the_same_number_are_one_and_a_duplicate(hub, clock):
    take(hub, "1", answer(1001, "46A"))
    take(hub, "2", answer(1001, "46B"))
    hub.process()
    assert len(rows(hub, events, events.c.code == "EDI.DUPLICATE_CONTROL")) == 1
    assert balance(hub) == []


def test_at_the_edge_of_the_window_a_number_is_new_again(hub, clock):
    come(hub, clock, answer(1001, "46A"))
    clock.advance(timedelta(days=31))
    come(hub, clock, answer(1001, "46B"))
    assert rows(hub, events, events.c.code == "EDI.DUPLICATE_CONTROL") == []


@pytest.mark.parametrize(("last", "asked"), [(999_999_999, 0), (4712, 1)])
def test_numbers_that_begin_again_from_one_are_asked_about_once_and_at_the_wrap_not_at_all(
    hub, clock, tmp_path, store, last, asked
):
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as strict:
        strict.partners = profile(tmp_path, top='sequence = "gaps"')
        come(strict, clock, answer(last - 1, "46A"), answer(last, "46B"))
        assert codes(strict) == []
        come(strict, clock, answer(1, "46C"), answer(2, "46D"), answer(3, "46E"))
        assert len(rows(strict, events, events.c.code == "EDI.SEQUENCE_GAP")) == asked


def test_out_of_order_numbers_join_one_case(hub, clock, tmp_path, store):
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as strict:
        strict.partners = profile(tmp_path, top='sequence = "gaps"')
        come(
            strict,
            clock,
            answer(10, "46A"),
            answer(14, "46B"),
            answer(12, "46C"),
            answer(11, "46D"),
            answer(13, "46E"),
        )
        assert len([code for code, _ in codes(strict) if code == "EDI.SEQUENCE_GAP"]) == 1


# -- the numbers of a business --------------------------------------------------------------------------------------

ODD = [
    "PO@main",
    "PO:1",
    "PO|1",
    "PO%7C1",
    "PO/1/line/1",
    "'; DROP TABLE",
    "PO\\1",
    "{po}",
    "PO-1 X",
    "0",
    "é-ß",
]


@pytest.mark.parametrize("po", ODD)
def test_a_number_with_separators_is_a_number_like_any_other(hub, clock, po):
    come(hub, clock, order(1, po, f"{po}x"), answer(1001, po, price="3"))
    assert [row.sentence for row in rows(hub, dead_letters)] == []
    assert codes(hub) == [("PRC.MISMATCH", "open")]
    states = sorted(row.state for row in rows(hub, clocks, clocks.c.pair == "order_acknowledged"))
    assert states == ["met", "waiting"]
    clock.advance(timedelta(days=7))
    hub.process()
    assert len(overdue(hub)) == 1


def test_a_number_that_forges_another_ones_key_is_not_taken_for_it(hub, clock):
    come(
        hub,
        clock,
        order(1, "46A"),
        answer(1001, "46A%40main", price="3"),
        answer(1002, "46A@main", price="3"),
    )
    assert "PRC.MISMATCH" not in dict(codes(hub))


def test_small_letters_and_blanks_are_told_apart_from_nothing_silently(hub, clock):
    """What a partner writes as po-1 where we ordered PO-1: whichever it is taken for, it is not lost."""
    come(hub, clock, order(1, "PO-1"), answer(1001, "po-1", price="3"), answer(1002, "PO-1 ", price="3"))
    assert [row.sentence for row in rows(hub, dead_letters)] == []
    clock.advance(timedelta(days=7))
    hub.process()
    told = {code for code, _ in codes(hub)}
    assert "PRC.MISMATCH" in told, "a blank at the end is no part of a number"
    assert "ORD.NO_ORDER" in told, "other letters are another number, and that is told"


# -- groups that wait -----------------------------------------------------------------------------------------------


def unknown(number: int, count: int, code: str = "QQ") -> bytes:
    groups = [
        a_set("855", number + place, f"BAK*00*AC*47{number + place}*20261120", "PO1*1*10*EA*2.5**VN*V-1",
              f"ACK*{code}*10*EA", "CTT*1")
        for place in range(count)
    ]  # fmt: skip
    return interchange(number, *groups)


def test_thousands_that_wait_for_one_code_run_again_and_those_that_wait_for_another_stay(
    hub, clock, tmp_path, store
):
    come(hub, clock, unknown(10_000, 1_300), unknown(20_000, 2, "QZ"))
    groups = {group.blocked_by: group.count for group in hub.blocked.groups()}
    assert groups == {"code:x12-668:QQ@acme_supply": 1_300, "code:x12-668:QZ@acme_supply": 2}
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as wiser:
        wiser.partners = profile(
            tmp_path, '\n[codes.x12-668]\nQQ = { text = "accepted after a look", exception = "none" }\n'
        )
        assert wiser.process().counts["unblocked"] == 1_300
        assert {group.blocked_by: group.count for group in wiser.blocked.groups()} == {
            "code:x12-668:QZ@acme_supply": 2
        }
    assert len(rows(hub, parts, parts.c.state == "processed")) == 1_300
    assert balance(hub) == []


# -- tenants --------------------------------------------------------------------------------------------------------


def test_another_tenant_sees_no_clock_stops_none_and_is_compared_with_nothing(hub, clock, store):
    come(hub, clock, order(1, "46A"))
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant="other") as other:
        message = test_edi_order.message(other, "x", answer(1001, "46A", price="3"), tenant="other")
        from crossdock import receive as receiving

        receiving.accept(store, message, clock=clock)
        other.process()
        with store.transaction("other") as connection:
            assert connection.execute(sa.select(cases.c.code)).scalars().all() == []
            assert "order_acknowledged" not in connection.execute(sa.select(clocks.c.pair)).scalars().all()
        clock.advance(timedelta(days=1))
        other.process()
    assert [row.state for row in rows(hub, clocks, clocks.c.pair == "order_acknowledged")] == ["waiting"]


# -- partners -------------------------------------------------------------------------------------------------------


def test_the_same_invoice_number_of_two_partners_is_two_invoices_and_of_one_under_two_ids_is_one(
    hub, clock, tmp_path, store
):
    text = (package_folder("mappings") / "partners" / "acme_supply.toml").read_text()
    folder = tmp_path / "partners"
    folder.mkdir()
    two = text.replace('["ZZ", "ACMESUPPLY"]', '["ZZ", "ACMESUPPLY"], ["01", "123456789"]')
    assert two != text
    (folder / "acme_supply.toml").write_text(two)
    (folder / "north.toml").write_text(
        text.replace('"acme_supply"', '"north_valve"').replace("ACMESUPPLY", "NORTHVALVE")
    )
    body = "BIG*20261120*INV-1*20261119*46A", "IT1*1*1*EA*2.5**VN*V-1", "TDS*250", "CTT*1"
    bills = [interchange(1001 + number, a_set("810", 1001 + number, *body)) for number in range(3)]
    bills[1] = bills[1].replace(b"ACMESUPPLY", b"NORTHVALVE")
    bills[2] = bills[2].replace(b"ZZ*ACMESUPPLY     ", b"01*123456789      ")
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as hub:
        hub.partners = Partners.load(folder)
        come(hub, clock, bills[0], bills[1])
        assert [row.sentence for row in rows(hub, dead_letters)] == []
        assert "BIL.DUPLICATE" not in dict(codes(hub))
        come(hub, clock, bills[2])
        assert "BIL.DUPLICATE" in dict(codes(hub))


def test_a_profile_that_is_broken_stops_the_step_with_its_place_and_loses_nothing(
    hub, clock, store, tmp_path, monkeypatch
):
    take(hub, "1", order(1, "46A"))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "bad.toml").write_text('name = "bad"\nids = [')
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(broken))
    with opened(store, clock) as other, pytest.raises(Misconfigured, match=r"bad\.toml"):
        other.process()
    assert rows(hub, dead_letters) == []
    monkeypatch.delenv("CROSSDOCK_PARTNERS_DIR")
    hub.process()
    assert sent(hub) == ["waiting"]


# -- outbound -------------------------------------------------------------------------------------------------------


def test_the_numbers_of_our_answers_are_without_gaps_under_two_workers_and_a_failure(
    hub, clock, store, monkeypatch
):
    for number in range(20):
        take(hub, f"a{number}", answer(1001 + number, f"46{number:04}"))
    faults: list[BaseException] = []
    start = threading.Barrier(2)

    def work(fails: bool) -> None:
        try:
            with opened(store, clock) as mine:
                processor = mine.processor
                write, times = processor._recorder._end, []

                def once(*args, **more):
                    done = write(*args, **more)
                    times.append(1)
                    if fails and len(times) % 3 == 1:
                        raise ValueError("something in it, after the numbers were taken")
                    return done

                processor._recorder._end = once
                start.wait(10)
                while processor.process_batch()["messages"]:
                    pass
        except BaseException as fault:
            faults.append(fault)

    import crossdock.process

    before, crossdock.process.BATCH_MESSAGES = crossdock.process.BATCH_MESSAGES, 2
    try:
        workers = [threading.Thread(target=work, args=[fails]) for fails in (True, False)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
    finally:
        crossdock.process.BATCH_MESSAGES = before
    assert faults == []
    found = sorted(
        int(row.interchange_number)
        for row in rows(hub, exchanges, exchanges.c.direction == "out", exchanges.c.set_id == "997")
    )
    assert found == list(range(found[0], found[0] + len(found)))
    assert len(found) >= 10
    assert balance(hub) == []
