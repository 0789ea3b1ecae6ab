"""The seventeen traps of X12 in a supply chain, each by its number, from the bytes on and in both releases.

Every document goes the whole way: read, held against its guide, mapped, sealed and judged by its schema. The tests of
the sets say more of each.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import pytest

from canonical import crosswalks, taxonomy
from crossdock.formats.x12.guides import guide, set_ids
from crossdock.matching import Dossier, Paper, check
from crossdock.messages import PartState, Problem, RawMessage
from crossdock.normalize import AcknowledgementWanted, Normalizer
from crossdock.partners import Partner, Partners
from crossdock.registry import Registry
from crossdock.testing.clock import MovableClock
from tests.spine.trading import Trade, answer, orders, titles
from tests.spine.trading import codes as codes_of

RECEIVED: Final = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)
PARTNERS: Final = Partners.of(replace(partner, sets=set_ids()) for partner in Partners.load())
"""The packaged partners, who may send whatever there is."""

SENDERS: Final = {
    "180": "acme_supply", "214": "roadrunner", "810": "acme_supply", "824": "acme_supply", "850": "lakeside_retail",
    "855": "acme_supply", "856": "acme_supply", "861": "lakeside_retail", "870": "acme_supply",
    "943": "northstar_3pl", "944": "northstar_3pl", "945": "northstar_3pl", "947": "northstar_3pl",
    "997": "acme_supply", "210": "roadrunner",
}  # fmt: skip

_NUMBERS: Final = count(1)
_NORMALIZER: Final = Normalizer(registry=Registry(), partners=PARTNERS, clock=MovableClock(RECEIVED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of one document: facts and events as their data, or why it was set aside."""

    facts: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    documents: Sequence[Mapping[str, Any]]
    partner: Partner
    mapping: str
    problem: Problem | None
    state: PartState
    answer: AcknowledgementWanted | None

    @property
    def codes(self) -> list[str]:
        return [event["code"] for event in self.events]

    @property
    def fact(self) -> Mapping[str, Any]:
        (only,) = self.facts
        return only

    @property
    def event(self) -> Mapping[str, Any]:
        (only,) = self.events
        return only


class Ear:
    """A hub's reading end in one release."""

    def __init__(self, release: str) -> None:
        self.release = release

    def hear(self, set_id: str, *body: str, minute: int = 0) -> Heard:
        """One document of this set, from the partner that sends such, in the functional group that it belongs to."""
        partner = PARTNERS.named(SENDERS[set_id])
        number = next(_NUMBERS)
        (qualifier, sender), (our_qualifier, ours) = partner.ids[0], partner.ours
        known = guide(set_id, self.release)
        assert known is not None
        assert known.release == self.release, "it is held against a guide of its own release"
        repetition, short = ("^", "00501") if self.release == "005010" else ("U", "00401")
        message = RawMessage(
            tenant="main",
            source="supplier_edi",
            key=str(number),
            body="~".join(
                [
                    f"ISA*00*          *00*          *{qualifier}*{sender:<15}*{our_qualifier}*{ours:<15}*"
                    f"261120*1402*{repetition}*{short}*{number:09}*0*P*>",
                    f"GS*{known.functional_group}*{sender}*{ours}*20261120*1402*{number}*X*{self.release}",
                    f"ST*{set_id}*0001",
                    *body,
                    f"SE*{len(body) + 2}*0001",
                    f"GE*1*{number}",
                    f"IEA*1*{number:09}~",
                ]
            ).encode(),
            media_type="application/edi-x12",
            received_at=RECEIVED.replace(minute=minute),
            name=f"{number}.edi",
        )
        normalized = _NORMALIZER.normalize(message)
        (part,) = normalized.parts
        data = [document["data"] for document in part.documents]
        return Heard(
            facts=[one for one in data if "code" not in one],
            events=[one for one in data if "code" in one],
            documents=part.documents,
            partner=partner,
            mapping=part.versions.get("mapping", ""),
            problem=part.problem,
            state=part.state,
            answer=normalized.acknowledgements[0] if normalized.acknowledgements else None,
        )


@pytest.fixture(params=["004010", "005010"])
def ear(request: pytest.FixtureRequest) -> Ear:
    return Ear(request.param)


def papers(*heard: Heard) -> list[Paper]:
    """The facts of documents, as matching reads them."""
    return [
        Paper(document, one.partner)
        for one in heard
        for document in one.documents
        if "code" not in document["data"]
    ]


def findings(*heard: Heard) -> list[str]:
    """What these documents say against each other."""
    return sorted(one.exception.code for one in check(Dossier(papers(*heard))))


def an_855(ear: Ear, header: str, *lines: str) -> Heard:
    return ear.hear("855", f"BAK*00*{header}*4500123456*20261118", *lines)


def line(*acks: str, number: str = "1", ordered: str = "100") -> list[str]:
    return [f"PO1*{number}*{ordered}*EA*2.5**BP*VALVE-25", *acks]


# -- 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ack", "code"),
    [("IE", "PRC.PENDING"), ("IF", "ORD.HOLD"), ("IP", "PRC.CHANGED"), ("IQ", "ORD.QTY_CHANGED")],
)
def test_trap_01_the_list_that_is_copied_everywhere_is_wrong_about_four_line_statuses(
    ear: Ear, ack: str, code: str
) -> None:
    heard = an_855(ear, "AC", *line(f"ACK*{ack}*{'60' if ack == 'IQ' else '100'}*EA"), "CTT*1")
    assert heard.codes == [code]
    assert heard.event["source_codes"][0]["code"] == ack


# -- 2 --------------------------------------------------------------------------------------------------------------


def test_trap_02_a_status_and_an_appointment_in_one_segment_are_an_error_and_not_two_events(ear: Ear) -> None:
    heard = ear.hear("214", "B10*771*SHP-1*RRFL", "LX*1", "AT7*SD*AO*AB*B1*20261120*0715*CT")
    assert not heard.documents
    assert heard.problem is not None
    assert (heard.problem.place.segment_id, heard.problem.place.element) == ("AT7", 3)
    assert heard.state is PartState.REJECTED
    assert heard.answer is not None
    assert "214 0001 R" in heard.answer.text, "the carrier is told"


# -- 3 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "state", "value", "source"),
    [
        ("20260704*0715*LT", "OH", "2026-07-04T07:15-04:00", "location"),
        ("20260704*0715", "OH", "2026-07-04T07:15-04:00", "location"),
        (
            "20260704*0715",
            "",
            "2026-07-04T07:15-06:00",
            "partner-default",
        ),  # two zones in Texas: not the city's
        ("20260704*0715*UT", "OH", "2026-07-04T07:15+00:00", "explicit"),
    ],
)
def test_trap_03_a_time_without_a_zone_is_the_local_time_of_the_city_and_says_so(
    ear: Ear, when: str, state: str, value: str, source: str
) -> None:
    place = [f"MS1*Columbus*{state}*US"] if state else []
    heard = ear.hear("214", "B10*771*SHP-1*RRFL", "LX*1", f"AT7*X4*NS***{when}", *place)
    assert heard.fact["occurred_at"]["value"] == value
    assert heard.fact["occurred_at"]["tz_source"] == source


# -- 4 --------------------------------------------------------------------------------------------------------------


def test_trap_04_a_normal_reason_is_no_exception_not_even_beside_a_delay(ear: Ear) -> None:
    heard = ear.hear("214", "B10*771*SHP-1*RRFL", "LX*1", "AT7*SD*NS***20261120*0715*CT")
    assert heard.events == []
    assert heard.fact["attributes"]["status"] == "SD"
    late = ear.hear("214", "B10*771*SHP-1*RRFL", "LX*1", "AT7*SD*AO***20261120*0715*CT")
    assert late.codes == ["SHP.DELAY"]


# -- 5 --------------------------------------------------------------------------------------------------------------


def test_trap_05_a_warehouse_that_lists_nothing_or_exceptions_alone_shipped_the_rest_in_full(
    ear: Ear,
) -> None:
    nothing = ear.hear("945", "W06*N*DO-1*20261121", "N1*WH*Northstar*92*NS-1", "W27*M*RRFL", "W03*920*1*LB")
    assert nothing.events == []
    assert nothing.fact["attributes"]["complete"] == "true"
    listed = ear.hear(
        "945", "W06*X*DO-1*20261121", "N1*WH*Northstar*92*NS-1", "W27*M*RRFL", "LX*1",
        "W12*CP*40*25*15*BX**VN*B", "N9*LI*2", "W03*25*1*LB",
    )  # fmt: skip
    assert listed.fact["attributes"]["silence"] == "complete"
    assert [one["line_ref"] for one in listed.fact["lines"]] == ["2"]
    assert listed.codes == ["FUL.SHORT_PICK"]


# -- 6 --------------------------------------------------------------------------------------------------------------


def test_trap_06_several_acks_of_a_line_are_summed_by_their_code(ear: Ear) -> None:
    heard = an_855(
        ear,
        "AC",
        *line("ACK*IA*60*EA", "ACK*IB*15*EA*067*20261204", "ACK*IB*25*EA*067*20261211"),
        "CTT*1",
    )
    assert heard.codes == ["INV.BACKORDER"], "one backorder, and no quantity is missing"
    assert heard.event["lines"][0]["affected"]["value"] == "40"


# -- 7 --------------------------------------------------------------------------------------------------------------


def notice(ear: Ear, purpose: str, shipped: str, minute: int, number: str = "SHIP-1") -> Heard:
    return ear.hear(
        "856", f"BSN*{purpose}*{number}*20261120*0815", "HL*1**S", "HL*2*1*O", "PRF*4500123456", "HL*3*2*I",
        "LIN*1*BP*VALVE-25", f"SN1**{shipped}*EA", "CTT*3", minute=minute,
    )  # fmt: skip


def test_trap_07_a_notice_that_comes_again_replaces_or_takes_back_the_one_before(ear: Ear) -> None:
    order = replace_direction(ear.hear("850", "BEG*00*SA*4500123456**20261118", *line(), "CTT*1"))
    first = notice(ear, "00", "90", 1)
    key = {"kind": "asn", "value": "SHIP-1", "issuer": "acme_supply"}
    assert key in first.fact["refs"]
    for purpose in ("05", "01"):
        again = notice(ear, purpose, "60", 2)
        assert again.fact["attributes"]["purpose"] == purpose
        assert key in again.fact["refs"], "the same notice, by its sender and number"
    whole = notice(ear, "00", "100", 3, number="SHIP-2")
    assert matched(order, first, whole) == ["FUL.OVER_SHIP"], "two notices are two shipments"
    assert matched(order, first, notice(ear, "01", "90", 2), whole) == [], "what was taken back never left"
    rest = notice(ear, "00", "40", 3, number="SHIP-2")
    assert matched(order, first, notice(ear, "05", "60", 2), rest) == [], (
        "60 went in place of 90, and then 40"
    )


def replace_direction(heard: Heard) -> Heard:
    """An order as our own: the copy of what we sent to the supplier."""
    documents = []
    for document in heard.documents:
        refs = [
            {"kind": "supplier_po", "value": ref["value"], "issuer": "main"}
            if ref["kind"] == "customer_po"
            else ref
            for ref in document["data"]["refs"]
        ]
        attributes = {**document["data"]["attributes"], "direction": "out"}
        documents.append({**document, "data": {**document["data"], "refs": refs, "attributes": attributes}})
    return replace(heard, documents=documents, partner=PARTNERS.named("acme_supply"))


def matched(*heard: Heard) -> list[str]:
    return [code for code in findings(*heard) if code.startswith("FUL.")]


# -- 8 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tds", "total"), [("12345", "123.45"), ("5", "0.05"), ("-12345", "-123.45")])
def test_trap_08_the_point_of_an_amount_is_implied_and_that_of_a_price_is_not(
    ear: Ear, tds: str, total: str
) -> None:
    heard = ear.hear("810", "BIG*20261118*INV-1**4500123456", "IT1*1*1*EA*12345**BP*A", f"TDS*{tds}", "CTT*1")
    assert heard.fact["attributes"]["total"] == total
    assert heard.fact["lines"][0]["unit_price"]["amount"] == "12345"


def test_trap_08_an_amount_that_has_a_point_all_the_same_is_refused_and_never_guessed_at(ear: Ear) -> None:
    heard = ear.hear("810", "BIG*20261118*INV-1**4500123456", "IT1*1*1*EA*1", "TDS*123.45", "CTT*1")
    assert heard.problem is not None
    assert (heard.problem.place.segment_id, heard.problem.place.element) == ("TDS", 1)


# -- 9 --------------------------------------------------------------------------------------------------------------


def test_trap_09_an_answer_to_what_we_never_sent_is_told(store: Any, clock: MovableClock) -> None:
    trade = Trade(store, clock)
    said = trade.take(answer("AK1*PO*777", "AK9*A*1*1*1"))
    assert codes_of(said) == ["EDI.ACK_UNMATCHED"]
    assert titles(said) == ["Acme Supply Co. acknowledged our group PO 777, which we never sent"]


def test_trap_09_one_answer_answers_what_was_sent_twice_and_a_repeated_one_is_told(
    store: Any, clock: MovableClock
) -> None:
    trade = Trade(store, clock)
    trade.send(orders("0001"))
    trade.send(orders("0001"))
    assert trade.take(answer("AK1*PO*101", "AK9*A*1*1*1")) == []
    assert trade.states() == [("0001", "accepted"), ("0001", "accepted")]
    assert trade.take(answer("AK1*PO*101", "AK9*A*1*1*1", number=902)) == [], (
        "the answer to the other sending"
    )
    assert codes_of(trade.take(answer("AK1*PO*101", "AK9*A*1*1*1", number=903))) == ["EDI.ACK_UNMATCHED"]


def test_trap_09_a_part_acceptance_that_names_fewer_sets_leaves_none_of_them_in_silence(
    store: Any, clock: MovableClock
) -> None:
    trade = Trade(store, clock)
    trade.send(orders("0001", "0002", "0003"))
    assert trade.take(answer("AK1*PO*101", "AK2*850*0002", "AK5*R*5", "AK9*P*3*3*2")) == []
    assert trade.states() == [("0001", "accepted"), ("0002", "rejected"), ("0003", "accepted")]


def test_trap_09_the_counts_reject_a_set_that_nobody_names(ear: Ear) -> None:
    heard = ear.hear("997", "AK1*PO*101", "AK2*850*0001", "AK5*R*5", "AK9*P*3*3*1")
    assert heard.codes == ["EDI.TRANSACTION_REJECTED", "EDI.TRANSACTION_REJECTED"]
    assert [event["refs"][0]["kind"] for event in heard.events] == ["transaction_set", "group"]
    assert heard.answer is None, "an acknowledgement is not acknowledged"


# -- 10 -------------------------------------------------------------------------------------------------------------


def test_trap_10_an_application_that_accepts_closes_what_it_rejected_and_opens_nothing(ear: Ear) -> None:
    def advice(verdict: str) -> Heard:
        return ear.hear(
            "824", "BGN*11*A-1*20261120", f"OTI*{verdict}*PO*4500123456***20261120*1402*15*0001*850",
            *(["TED*007*line 2"] if verdict == "TR" else []),
        )  # fmt: skip

    rejected, accepted = advice("TR"), advice("TA")
    assert rejected.codes == ["EDI.APP_REJECTED"]
    assert accepted.events == []
    described = taxonomy.codes()["EDI.APP_REJECTED"]
    assert taxonomy.clears(described, rejected.event, accepted.fact)
    assert not taxonomy.clears(described, rejected.event, rejected.fact)


# -- 11 -------------------------------------------------------------------------------------------------------------


def test_trap_11_goods_that_were_received_in_good_condition_are_no_exception(ear: Ear) -> None:
    def receipt(condition: str) -> Heard:
        return ear.hear(
            "861", "BRA*RCV-1*20261122*00*1", "REF*PO*LK-9", "N1*ST*Lakeside*92*14",
            f"RCD*1*90*EA***90*EA*{condition}", "LIN*1*BP*PUMP-40", "CTT*1",
        )  # fmt: skip

    assert receipt("07").events == []
    assert receipt("07").fact["lines"][0]["affected"]["value"] == "90"
    assert receipt("01").codes == ["RCV.DAMAGED"]


# -- 12 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [("00", ["ORD.DUPLICATE"]), ("06", []), ("07", []), ("15", []), ("18", [])],
)
def test_trap_12_only_a_new_order_under_a_known_number_is_a_duplicate(
    ear: Ear, purpose: str, expected: list[str]
) -> None:
    def order(word: str, minute: int) -> Heard:
        return ear.hear(
            "850", f"BEG*{word}*SA*LK-77001**20261118", "DTM*002*20261204", *line(), "CTT*1", minute=minute
        )

    again = order(purpose, 5)
    assert again.events == []
    assert findings(order("00", 1), again) == expected


# -- 13 -------------------------------------------------------------------------------------------------------------

OF_THEIR_OWN: Final = {
    "180": ("AN", ["BGN*00*RTV-1*20261119", "BLI*UP*036000291452*6*EA", "RDR*RD"]),
    "943": (
        "AR",
        ["W06*N*TR-1*20261121*SHIP-1", "N1*WH*Northstar*92*NS-1", "W27*M*RRFL", "W04*40*EA**VN*A", "W03*40"],
    ),
    "944": (
        "RE",
        ["W17*F*20261122*WR-1*TR-1*SHIP-1", "N1*WH*Northstar*92*NS-1", "W07*40*EA**VN*A", "W14*40"],
    ),
    "947": ("AW", ["W15*20261120*ADJ-1", "N1*WH*Northstar*92*NS-1", "W19*05*40*EA**VN*A"]),
}


@pytest.mark.parametrize("set_id", OF_THEIR_OWN)
def test_trap_13_groups_that_are_not_called_as_one_would_think_are_read_and_answered_by_their_names(
    ear: Ear, set_id: str
) -> None:
    group, body = OF_THEIR_OWN[set_id]
    known = guide(set_id, ear.release)
    assert known is not None
    assert known.functional_group == group
    heard = ear.hear(set_id, *body)
    assert heard.problem is None, heard.problem
    assert heard.mapping.startswith(f"x12_{set_id}/")
    assert heard.facts
    assert heard.answer is not None
    written = heard.answer.write(
        interchange_number=1, group_number=1, first_set_number=1, now=RECEIVED
    ).body.decode()
    assert f"AK1*{group}*" in written


# -- 14 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "quantity", "changed"),
    [
        ("06", "5", "-5"),  # the direction is in the code alone
        ("56", "5", "5"),
        ("06", "-5", "-5"),  # in both: said twice, applied once
        ("AA", "-5", "-5"),  # in the sign alone
        ("AA", "5", "5"),
    ],
)
def test_trap_14_direction_and_sign_of_an_adjustment_are_applied_once(
    ear: Ear, reason: str, quantity: str, changed: str
) -> None:
    heard = ear.hear(
        "947", "W15*20261120*ADJ-1", "N1*WH*Northstar*92*NS-1", f"W19*{reason}*{quantity}*EA**VN*A"
    )
    assert heard.fact["lines"][0]["affected"]["value"] == changed


def test_trap_14_an_increase_by_less_than_nothing_is_asked_about(ear: Ear) -> None:
    heard = ear.hear("947", "W15*20261120*ADJ-1", "N1*WH*Northstar*92*NS-1", "W19*56*-5*EA**VN*A")
    assert heard.problem is not None
    assert "which of the two holds" in heard.problem.sentence


def test_trap_14_a_line_that_reverses_takes_back_what_was_shipped_or_received(ear: Ear) -> None:
    shipped = ear.hear(
        "945", "W06*F*DO-1*20261121", "N1*WH*Northstar*92*NS-1", "W27*M*RRFL", "LX*1",
        "W12*SH*40*40**EA**VN*A************2", "W03*40",
    )  # fmt: skip
    received = ear.hear(
        "944", "W17*F*20261122*WR-1*TR-1", "N1*WH*Northstar*92*NS-1", "W07*5*EA**VN*A****2", "W14*5"
    )
    for heard, value in ((shipped, "-40"), (received, "-5")):
        assert heard.events == []
        assert heard.fact["lines"][0]["affected"]["value"] == value


# -- 15 -------------------------------------------------------------------------------------------------------------


def test_trap_15_a_duns_number_with_and_without_its_four_digits_is_one_company(ear: Ear) -> None:
    heard = ear.hear(
        "856", "BSN*00*SHIP-1*20261120*0815", "HL*1**S", "N1*ST*Crossdock*1*006003496",
        "N1*ST*Crossdock dock 14*9*0060034960014", "HL*2*1*O", "PRF*4500123456", "CTT*2",
    )  # fmt: skip
    (ship_to,) = [party for party in heard.fact["parties"] if party["role"] == "ship_to"]
    assert ship_to["ids"] == [
        {"scheme": "duns", "value": "006003496"},
        {"scheme": "duns4", "value": "0060034960014"},
    ]


# -- 16 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "silence", "expected"),
    [
        ("AK", "accepted", []),
        ("AT", "accepted", []),
        ("RJ", "rejected", ["ORD.REJECTED"]),
        ("AC", None, ["ORD.QTY_UNACCOUNTED"]),
        ("AD", None, ["ORD.QTY_UNACCOUNTED"]),
    ],
)
def test_trap_16_an_acknowledgment_without_lines_means_what_its_head_says(
    ear: Ear, header: str, silence: str | None, expected: list[str]
) -> None:
    heard = an_855(ear, header)
    assert heard.codes == expected
    if silence is not None:
        assert heard.fact["attributes"]["silence"] == silence


def test_trap_16_lines_that_are_exceptions_alone_leave_the_others_accepted_or_explain_the_rejection(
    ear: Ear,
) -> None:
    accepted = an_855(ear, "AE", *line("ACK*IB*100*EA", number="3"), "CTT*1")
    assert accepted.fact["attributes"]["silence"] == "accepted"
    assert accepted.codes == ["INV.BACKORDER"]
    rejected = an_855(ear, "RF", *line("ACK*R2*100*EA", number="2"), "CTT*1")
    assert rejected.fact["attributes"]["silence"] == "rejected"
    assert rejected.codes == ["ORD.REJECTED"], "one rejected order, and its line says why"


# -- 17 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        ("ID", "x12-668", "x12-368"),
        ("IC", "x12-668", "x12-368"),
        ("BC", "x12-1650", "x12-1651"),
        ("AF", "x12-1650", "x12-1651"),
        ("CA", "x12-1650", "x12-1651"),
    ],
)
def test_trap_17_a_code_is_looked_up_by_its_element_and_never_alone(code: str, one: str, other: str) -> None:
    here, there = crosswalks.lookup(one, code), crosswalks.lookup(other, code)
    assert here is not None
    assert there is not None
    assert here.text != there.text
    assert (here.exception, here.cause) != (there.exception, there.cause)


def test_trap_17_the_same_letters_say_another_thing_in_another_set(ear: Ear) -> None:
    def status(code: str) -> list[str]:
        return ear.hear(
            "870",
            "BSR*3*PA*RPT-1*20261120",
            "HL*1**O",
            "PRF*4500123456",
            "HL*2*1*I",
            *line(f"ISR*{code}*20261119"),
        ).codes

    assert an_855(ear, "AC", *line("ACK*ID*100*EA"), "CTT*1").codes == ["ORD.LINE_CANCELLED"]
    assert status("ID") == ["ORD.HOLD"]
    assert an_855(ear, "AC", *line("ACK*IC*100*EA"), "CTT*1").codes == ["ORD.COUNTER_OFFER"]
    assert status("IC") == ["ORD.LINE_CANCELLED"]


@pytest.mark.parametrize(
    ("letters", "code", "cause"),
    [
        ("BC", "SHP.HELD", "missing_documents"),
        ("CA", "SHP.CARRIER_FAILURE", "customs"),
        ("AF", "SHP.CARRIER_FAILURE", "accident"),
    ],
)
def test_trap_17_the_same_letters_in_one_segment_are_a_status_and_a_reason(
    ear: Ear, letters: str, code: str, cause: str
) -> None:
    heard = ear.hear("214", "B10*771*SHP-1*RRFL", "LX*1", f"AT7*{letters}*{letters}***20261120*0715*CT")
    assert (heard.event["code"], heard.event["cause"]) == (code, cause)


# -- all of them ----------------------------------------------------------------------------------------------------


def test_all_seventeen_traps_are_here() -> None:
    here = {int(found[1]) for name in globals() if (found := re.match(r"test_trap_(\d\d)_", name))}
    assert here == set(range(1, 18))
