"""9999-12-31 and 0001-01-01, as systems write that know no date: nothing is set aside, and no clock runs by it."""

import re
from datetime import UTC, datetime

import pytest

from crossdock.clocks import due_at, pairs
from crossdock.messages import PartState, RawMessage
from crossdock.normalize import Normalizer
from crossdock.partners import Partners
from crossdock.registry import Registry
from crossdock.store.tables import clocks, dead_letters, events, facts, parts
from crossdock.testing.clock import MovableClock
from mappings import golden
from tests.attack.test_edi_order import a_set, balance, hub, interchange, rows, take

__all__ = ["hub"]

NO_DATES = ("99991231", "99991230", "99990101", "00010101")
DATE = re.compile(rb"(?<=[*|])20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])(?=[*~|\r\n])")
SAMPLES = [
    sample
    for mapping in golden.mappings()
    if mapping.DOCUMENT.startswith("x12/")
    for sample in golden.samples(mapping)
]


@pytest.mark.parametrize("day", NO_DATES)
def test_what_knows_no_date_is_read_and_promises_none(hub, clock, day):
    good = a_set(
        "855", 1, "BAK*00*AT*4500000001*20261120", "PO1*1*10*EA*2.5**VN*V-1", "ACK*IA*10*EA", "CTT*1"
    )
    promise = a_set("855", 2, "BAK*00*AC*4500000002*20261120", "PO1*1*10*EA*2.5**VN*V-1", f"ACK*IA*10*EA*068*{day}",
                    f"DTM*002*{day}", "CTT*1")  # fmt: skip
    notice = a_set("856", 3, f"BSN*00*S1*{day}*2359", f"DTM*011*{day}*2359*ET", "HL*1**S", f"DTM*017*{day}",
                   "HL*2*1*O", "PRF*4500000002", "HL*3*2*I", "LIN*1*VN*V-1", "SN1*1*10*EA", "CTT*3")  # fmt: skip
    bill = a_set("810", 4, f"BIG*{day}*I1*{day}*4500000002", "IT1*1*10*EA*2.5**VN*V-1", f"DTM*011*{day}", "TDS*2500",
                 "CTT*1")  # fmt: skip
    take(hub, "1", interchange(1, good, promise, notice, bill))
    hub.process()
    assert [row.sentence for row in rows(hub, dead_letters)] == []
    assert {row.state for row in rows(hub, parts)} == {"processed"}
    said = [row.document["data"] for row in rows(hub, facts)]
    assert {one["kind"] for one in said} == {"acknowledged", "shipped", "invoiced"}
    assert not re.search("9999|0001-", str([(one.get("attributes"), one.get("occurred_at")) for one in said]))
    assert not [row for row in rows(hub, events) if row.document["data"].get("variances")], "nothing is late"
    assert all(2026 <= row.due_at.year <= 2027 for row in rows(hub, clocks))
    assert balance(hub) == []


@pytest.fixture(scope="module")
def normalizer() -> Normalizer:
    clock = MovableClock(datetime(2026, 11, 20, 14, tzinfo=UTC))
    return Normalizer(registry=Registry(), partners=Partners.load(), clock=clock)


def normalized(normalizer: Normalizer, body: bytes) -> list[tuple[int, PartState, str]]:
    message = RawMessage(
        tenant="main", source="supplier_edi", key="k", body=body, media_type="application/edi-x12",
        received_at=datetime(2026, 11, 20, 14, tzinfo=UTC), name="k",
    )  # fmt: skip
    return [
        (one.ordinal, one.state, one.problem.code if one.problem else "")
        for one in normalizer.normalize(message).parts
    ]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_any_date_of_any_document_may_be_none(normalizer, sample):
    """Each date of each sample in turn: what becomes of the document does not depend on it."""
    body = sample.read_bytes()
    before = normalized(normalizer, body)
    for found in DATE.finditer(body):
        changed = body[: found.start()] + b"99991231" + body[found.end() :]
        # where the date is none, the zone of its time need not be known any more
        bad = [
            (old, new)
            for old, new in zip(before, normalized(normalizer, changed), strict=True)
            if new != old and new[1] is not PartState.PROCESSED
        ]
        assert bad == [], (found.start(), body[found.start() - 20 : found.end() + 10])


def test_a_carrier_that_knows_no_day_of_delivery_promises_none(tmp_path):
    mapping = next(one for one in golden.mappings() if one.DOCUMENT == "carrier_status")
    sample = next(path for path in golden.samples(mapping) if path.name == "delay_weather.xml")
    none = tmp_path / sample.name
    none.write_bytes(sample.read_bytes().replace(b"2026-11-24<", b"9999-12-31<"))
    said = golden.run(mapping, none, Partners.load())
    assert {one["statement"] for one in said} == {"Fact", "ExceptionEvent"}
    assert "9999" not in str(said)


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30", "0001-01-01"])
def test_a_clock_does_not_run_by_a_date_that_is_none(day):
    partner = Partners.load().named("acme_supply")
    based = [pair for pair in pairs().values() if pair.base]
    assert based
    for pair in based:
        said = {"data": {"provenance": {"received_at": "2026-11-20T14:00:00Z"}, "attributes": {}}}
        limit = partner.clocks.limit(pair.name, pair.within)
        if limit is None:
            continue
        without = due_at(said, pair, limit, partner)
        said["data"]["attributes"] = dict.fromkeys(pair.base, day)
        assert due_at(said, pair, limit, partner) == without
