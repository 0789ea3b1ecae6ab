"""Clocks: which document is awaited, until when, and what is said when it does not come."""

from datetime import UTC, datetime

import pytest

from canonical import taxonomy
from canonical.events import Fact, Origin, seal
from crossdock import clocks
from crossdock.calendars import Calendars, Duration
from crossdock.clocks import load, overdue, pairs, started, stops
from crossdock.errors import Misconfigured
from crossdock.messages import NAMESPACE
from crossdock.normalize.part import rfc3339
from crossdock.partners import Clocks, ClockTerms, Partner

FRIDAY = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)  # 15:00 in New York


def fact(kind, *refs, mapping="x12_850", at=FRIDAY, **attributes):
    origin = Origin(
        tenant="main", source="supplier_edi", connector_version="1", mapping=mapping, mapping_version="1",
        raw_id="6f1d5a7e-8b54-5a55-9d0c-c0552d0c4a11", raw_sha256="0" * 64, received_at=rfc3339(at),
        recorded_at=rfc3339(at),
    )  # fmt: skip
    named = [dict(zip(("kind", "value", "issuer"), one, strict=True)) for one in refs]
    return seal(
        Fact(kind=kind, refs=named, place={"x12": {"st01": "850"}}, attributes=attributes),
        origin,
        namespace=NAMESPACE,
        part=kind,
        index=0,
    )


PO = ("supplier_po", "4500123456", "main")
CUSTOMER_PO = ("customer_po", "77", "lakeside_retail")


def partner(**more):
    return Partner(
        **{
            "name": "acme_supply",
            "title": "Acme Supply Co.",
            "ids": (("ZZ", "ACME"),),
            "ours": ("ZZ", "US"),
            "timezone": "America/New_York",
            "sets": ("855", "856", "810"),
            "sends": ("850",),
            "clocks": Clocks(calendar=Calendars.load().named("us_business")),
            **more,
        }
    )


def running(what, who):
    return {one.pair.name: one for one in started(what, who)}


def test_an_order_that_we_send_waits_for_its_acknowledgement_over_the_weekend():
    order = fact("ordered", PO, direction="out", purpose="00")
    clock = running(order, partner())["order_acknowledged"]
    assert clock.due_at == datetime(2026, 11, 23, 20, 0, tzinfo=UTC), (
        "one business day after Friday is Monday"
    )
    assert clock.words == ("supplier_po:4500123456@main",)


def test_only_what_is_agreed_is_awaited():
    order = fact("ordered", PO, direction="out")
    assert "order_acknowledged" not in running(order, partner(sets=("856",)))
    assert running(order, None) == {}


def test_the_order_of_a_customer_is_ours_to_answer():
    order = fact("ordered", CUSTOMER_PO)
    assert running(order, partner(sets=("850",), sends=("856",))) == {}
    assert set(running(order, partner(sets=("850",), sends=("855",)))) == {"order_acknowledged"}
    late = overdue("order_acknowledged", order, partner(sends=("855",)), FRIDAY, "1 business day")
    assert late.title == "We have not acknowledged PO 77 (1 business day)"


def test_a_profile_has_its_own_limit_or_none():
    order = fact("ordered", PO, direction="out")
    soon = partner(clocks=Clocks(terms={"order_acknowledged": ClockTerms(within=Duration.parse("2h"))}))
    assert running(order, soon)["order_acknowledged"].due_at == datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
    off = partner(clocks=Clocks(terms={"order_acknowledged": ClockTerms(off=True)}))
    assert "order_acknowledged" not in running(order, off)


def test_some_clocks_run_only_where_the_profile_names_them():
    report = fact("inventory", ("feed", "x12/846", "acme_supply"), mapping="x12_846")
    assert running(report, partner()) == {}
    daily = partner(clocks=Clocks(terms={"report_continues": ClockTerms(within=Duration.parse("26h"))}))
    clock = running(report, daily)["report_continues"]
    assert clock.due_at == datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
    beside = fact(
        "inventory", ("feed", "x12/846", "acme_supply"), ("item", "V-1", "acme_supply"), mapping="x12_846"
    )
    assert not stops(clock.pair, report, beside), "what came with it is not the next one"
    tomorrow = fact("inventory", ("feed", "x12/846", "acme_supply"), mapping="x12_846", at=clock.due_at)
    assert stops(clock.pair, report, {**tomorrow, "id": "another"})
    assert clocks.clock_id("main", clock.pair, report) == clocks.clock_id("main", clock.pair, beside)


def test_the_limit_counts_from_the_day_that_was_promised():
    answer = fact("acknowledged", PO, mapping="x12_855", ship_date="2026-12-01", acknowledgement="AC")
    clock = running(answer, partner(clocks=Clocks()))["order_shipped"]
    assert clock.due_at >= datetime(2026, 12, 2, 5, 0, tzinfo=UTC), "the whole day is left, in New York"


@pytest.mark.parametrize("word", ["RJ", "RD", "AH"])
def test_nobody_ships_what_was_rejected_or_held(word):
    answer = fact("acknowledged", PO, mapping="x12_855", acknowledgement=word)
    assert "order_shipped" not in running(answer, partner())


def test_an_answer_goes_the_way_that_it_is_owed():
    order = fact("ordered", PO, direction="out")
    pair = pairs()["order_acknowledged"]
    assert stops(pair, order, fact("acknowledged", PO, mapping="x12_855"))
    assert not stops(pair, order, fact("acknowledged", PO, mapping="x12_855", direction="out"))
    assert not stops(pair, order, fact("status", PO, mapping="x12_870"))
    notice = fact("shipped", PO, mapping="x12_856", purpose="01")
    assert not stops(pair, order, notice), "a ship notice that is taken back is no answer"


def test_the_exception_names_who_what_and_how_long():
    order = fact("ordered", PO, direction="out")
    event = overdue("order_acknowledged", order, partner(), FRIDAY, "1 business day")
    assert event.title == "Acme Supply Co. has not acknowledged PO 4500123456 (1 business day)"
    assert (event.code, event.method, event.refs[0]["value"]) == ("ORD.ACK_OVERDUE", "timer", "4500123456")
    assert event.ext == {"clock": "order_acknowledged", "partner": "acme_supply"}


@pytest.mark.parametrize("name", sorted(pairs()))
def test_each_absence_is_ended_by_what_was_awaited(name):
    """A late answer must clear the case by itself: the taxonomy and the pairs say the same thing."""
    pair = pairs()[name]
    code = taxonomy.codes()[pair.exception]
    assert code.kind == "absence" or name.partition("_has_")[1], name
    for stop in pair.stops:
        for kind in pair.match:
            ended = {
                (one.fact, match)
                for one in code.clears_when
                if not isinstance(one, str)
                for match in one.match
            }
            assert (stop, kind) in ended, f"{pair.exception} is not ended by {stop} with the same {kind}"


def test_every_pair_of_the_trade_is_there():
    answers = {pair.answer for pair in pairs().values()}
    assert {"855", "865", "856", "810", "945", "944", "990", "870"} <= answers
    assert clocks.names() == tuple(pairs())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('starts = { fact = "orderd" }', "starts must name a fact"),
        ('starts = { fact = "ordered", unles = {} }', "unknown field 'unles' of starts"),
        ('within = "soon"', "soon"),
        ('exception = "ORD.LATE"', "the taxonomy lacks 'ORD.LATE'"),
        ('stops = "acknowledged"', "'stops' must be a list"),
        ('match = ["po"]', "match has 'po'"),
        ("colour = 1", "unknown field 'colour'"),
    ],
)
def test_a_mistake_in_the_pairs_is_told_with_file_and_line(tmp_path, text, sentence):
    good = {
        "title": '"x"', "starts": '{ fact = "ordered" }', "stops": '["acknowledged"]', "match": '["supplier_po"]',
        "within": '"1 day"', "exception": '"ORD.ACK_OVERDUE"',
    }  # fmt: skip
    key, _, value = text.partition(" = ")
    good[key] = value
    lines = ["[one]", *(f"{name} = {said}" for name, said in good.items())]
    (tmp_path / "pairs.toml").write_text("\n".join(lines))
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    assert sentence in str(caught.value)
    assert f"pairs.toml:{lines.index(f'{key} = {value}') + 1}:" in str(caught.value)
