"""Acknowledgements: what a partner is told, in the form that it wants, and never something that it cannot read."""

import dataclasses
import io
from pathlib import Path

import pytest
import sqlalchemy as sa
from pyx12.params import params
from pyx12.x12n_document import x12n_document

from crossdock.formats.x12 import TransactionSet, guides, read
from crossdock.formats.x12.second_reader import differences
from crossdock.partners import Partners, Receive
from crossdock.store import tables
from tests.spine.trading import (
    TENANT,
    Trade,
    acme,
    confirmation,
    group,
    interchange,
    only,
    order,
)

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "x12"
BAD = ["855 0002", "BAK*00*XX*4500123456*20261399", "PO1*1*many*EA*3.75**BP", "CTT*1"]
"""A date that is none, a quantity that is no number, a qualifier without its id."""

TOLD = (
    "The sender was told and sends a correct one; then discard this. Replay it only if the sender was right."
)
UNTOLD = "Nobody was told: {why}. Ask {title} for a correct one, then discard this."


@pytest.fixture
def trade(store, clock):
    return Trade(store, clock)


def bodies(trade: Trade) -> list[bytes]:
    table = tables.write_backs
    with trade.store.transaction(TENANT) as connection:
        return [bytes(body) for body in connection.execute(sa.select(table.c.body)).scalars()]


def assert_readable(body: bytes) -> None:
    """By pyx12, by our own reader, and by the guide of each set in it."""
    assert differences(body) == []
    for item in read(body):
        if isinstance(item, TransactionSet):
            assert list(guides.check(item)) == [], (item.set_id, body)


def letters(trade: Trade) -> int:
    with trade.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(tables.dead_letters)).scalar_one()


# ── 997 and 999 ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_997_names_sets_segments_and_elements(trade):
    trade.take(interchange(group("PR", 7, confirmation(), BAD), number=3))
    (said,) = trade.answers()
    assert only(said, "AK1", "AK2", "AK3", "AK4", "AK5", "AK9") == [
        ["AK1", "PR", "7"],
        ["AK2", "855", "0001"],
        ["AK5", "A"],
        ["AK2", "855", "0002"],
        ["AK3", "BAK", "2", "", "8"],
        ["AK4", "4", "373", "8", "20261399"],
        ["AK3", "PO1", "3", "PO1", "8"],
        ["AK4", "2", "330", "6", "many"],
        ["AK4", "7", "234", "2"],
        ["AK5", "R", "5"],
        ["AK9", "P", "2", "2", "1"],
    ]
    assert_readable(*bodies(trade))


def test_a_999_says_in_which_line_and_beside_which_element(trade):
    trade.partner = acme(acknowledge="999", release="005010")
    body = interchange(
        group("PR", 7, confirmation(), BAD, version="005010"), number=3, release="00501", repetition="^"
    )
    trade.take(body)
    (said,) = trade.answers()
    assert only(said, "AK1", "AK2", "IK3", "CTX", "IK4", "IK5", "AK9") == [
        ["AK1", "PR", "7", "005010"],
        ["AK2", "855", "0001"],
        ["IK5", "A"],
        ["AK2", "855", "0002"],
        ["IK3", "BAK", "2", "", "8"],
        ["CTX", "BAK03>4500123456"],
        ["IK4", "4", "373", "8", "20261399"],
        ["IK3", "PO1", "3", "PO1", "8"],
        ["CTX", "PO101>1"],
        ["IK4", "2", "330", "6", "many"],
        ["IK4", "7", "234", "2"],
        ["CTX", "SITUATIONAL TRIGGER", "PO1", "3", "PO1", "6", "235"],
        ["IK5", "R", "5"],
        ["AK9", "P", "2", "2", "1"],
    ]
    isa, gs, st = said[0], said[1], said[2]
    assert (isa[11], isa[12]) == ("^", "00501")
    assert gs[8] == "005010X231A1"
    assert st == ["ST", "999", "0001", "005010X231A1"]
    assert_readable(*bodies(trade))


def test_our_999_is_whole_for_pyx12_by_its_own_map_of_the_999(trade):
    """pyx12 checks every segment, element and code, not the envelope alone. Its map knows the sets of health care and
    no others, so ours say that they answer one: what they say of it stays as we wrote it."""
    trade.partner = acme(acknowledge="999", release="005010")
    body = group("PR", 7, confirmation(), BAD, version="005010")
    trade.take(interchange(body, number=3, release="00501", repetition="^"))
    (said,) = bodies(trade)
    text = said.decode()
    for ours, theirs in (
        ("AK1*PR*7*005010", "AK1*HC*7*005010X222A1"),
        ("AK2*855", "AK2*837"),
        ("CTX*BAK03", "CTX*TRN02"),
        ("CTX*PO101", "CTX*CLM01"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    told = io.StringIO()
    good = x12n_document(params(), io.StringIO(text), told, None, None, None)
    assert good, told.getvalue()


def test_what_a_partner_forbids_is_told_by_its_implementation_codes_in_a_999_and_plainly_in_a_997(trade):
    overlay = {"855": {"require": ["DTM"], "codes": {"PO1/ACK01": ["IB"]}}}
    trade.partner = acme(overlay=overlay)
    trade.take(interchange(group("PR", 7, confirmation()), number=3))
    trade.partner = acme(overlay=overlay, acknowledge="999", release="005010")
    trade.take(interchange(group("PR", 8, confirmation()), number=4))
    plain, whole = trade.answers()
    assert {segment[4] for segment in only(plain, "AK3")} <= set("12345678")
    assert any(segment[4].startswith("I") for segment in only(whole, "IK3"))
    assert any(segment[3] == "I6" for segment in only(whole, "IK4"))
    assert only(whole, "IK5") == [["IK5", "R", "I5"]]
    for body in bodies(trade):
        assert_readable(body)


def test_an_overlay_that_only_notes_accepts_with_errors(trade):
    trade.partner = acme(overlay={"855": {"severity": "note", "require": ["DTM"]}})
    trade.take(interchange(group("PR", 7, confirmation()), number=3))
    (said,) = trade.answers()
    assert only(said, "AK5") == [["AK5", "E", "5"]]
    assert only(said, "AK9") == [["AK9", "E", "1", "1", "1"]]
    assert [state for _, state, _ in trade.parts] == ["processed"]
    assert trade.rows(direction="in")[0].answer == {"told": "E"}


@pytest.mark.parametrize("lists", [True, False])
def test_accepted_sets_are_named_or_not_as_the_profile_says(trade, lists):
    trade.partner = acme(acknowledge_accepted=lists)
    trade.take(
        interchange(group("PR", 7, confirmation(), BAD), number=3),
        interchange(group("PR", 8, confirmation()), number=4),
    )
    named = [[segment[2] for segment in only(said, "AK2")] for said in trade.answers()]
    assert named == ([["0001", "0002"], ["0001"]] if lists else [["0002"]])


def test_a_single_set_may_be_answered_in_another_form_or_not_at_all(trade):
    trade.partner = acme(receive={"856": Receive(acknowledge="none"), "810": Receive(acknowledge="999")})
    notice = ["856 0001", "BSN*00*1*20261120*1402"]
    invoice = ["810 0001", "BIG*20261120*1"]
    trade.take(interchange(group("PR", 7, confirmation()), group("SH", 8, notice), group("IN", 9, invoice)))
    (said,) = trade.answers()
    assert [segment[1:3] for segment in only(said, "ST")] == [["997", "0001"], ["999", "0002"]]
    assert [segment[1] for segment in only(said, "AK1")] == ["PR", "IN"]
    assert [segment[6] for segment in only(said, "GS")] == ["1", "2"], "each group has its own number"
    for body in bodies(trade):
        assert_readable(body)


def test_a_set_that_is_not_agreed_is_set_aside_and_told_so(trade):
    trade.take(interchange(group("PO", 7, order()), number=3))
    assert trade.parts == [("850 0001", "rejected", "EDI.UNSUPPORTED_SET")]
    (said,) = trade.answers()
    assert only(said, "AK5", "AK9") == [["AK5", "R", "1"], ["AK9", "R", "1", "1", "0"]]
    _, normalized = trade.done[0]
    problem = normalized.parts[0].problem
    assert 'Add "850" to `sets` in the profile of acme_supply' in problem.remedy


# ── TA1 ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ta1", "asked", "wrong", "told"),
    [
        ("requested", 1, False, "A"), ("requested", 0, False, None), ("requested", 0, True, "R"),
        ("always", 0, False, "A"), ("always", 0, True, "R"),
        ("errors", 1, False, None), ("errors", 1, True, "R"),
        ("never", 1, False, None), ("never", 1, True, None),
    ],
)  # fmt: skip
def test_a_ta1_goes_when_the_profile_says(trade, ta1, asked, wrong, told):
    trade.partner = acme(ta1=ta1)
    body = interchange(group("PR", 7, confirmation()), number=3, ack=asked)
    trade.take(body.replace(b"IEA*1*", b"IEA*4*") if wrong else body)
    (said,) = trade.answers()
    assert [segment[4] for segment in only(said, "TA1")] == ([told] if told else [])
    assert_readable(*bodies(trade))


def test_who_wants_no_997_may_still_want_a_ta1(trade):
    trade.partner = acme(acknowledge="none", ta1="always")
    trade.take(interchange(group("PR", 7, confirmation()), number=3))
    (said,) = trade.answers()
    assert [segment[0] for segment in said] == ["ISA", "TA1", "IEA"]
    assert trade.rows(direction="out")[0].set_id == "TA1"
    assert_readable(*bodies(trade))


def test_who_wants_nothing_gets_nothing(trade):
    trade.partner = acme(acknowledge="none", ta1="never")
    trade.take(interchange(group("PR", 7, confirmation(), BAD), number=3, ack=1))
    assert trade.answers() == []


@pytest.mark.parametrize("ta1", ["requested", "always"])
@pytest.mark.parametrize(
    "body",
    [
        interchange(group("FA", 9, ["997 0001", "AK1*PO*1", "AK9*A*1*1*1"]), ack=1),
        interchange(group("FA", 9, ["999 0001", "AK1*PO*1", "AK9*A*1*1*1"], version="005010"), ack=1),
        interchange(ack=1, before=["TA1*000000501*261120*1402*A*000"]),
        interchange(ack=1, before=["TA1*000000501*261120*1402*A*000"]).replace(b"IEA*0*", b"IEA*7*"),
        interchange(
            group("FA", 9, ["997 0001", "AK1*PO*1", "AK9*A*1*1*1"]),
            ack=1,
            before=["TA1*000000501*261120*1402*A*000"],
        ),
    ],
)
def test_an_acknowledgement_is_never_acknowledged(trade, body, ta1):
    trade.partner = acme(ta1=ta1)
    trade.take(body)
    assert trade.answers() == []


def test_of_a_mixed_interchange_only_what_is_no_acknowledgement_is_acknowledged(trade):
    fa = group("FA", 9, ["997 0001", "AK1*PO*1", "AK9*A*1*1*1"])
    trade.take(interchange(fa, group("PR", 7, confirmation()), ack=1))
    (said,) = trade.answers()
    assert [segment[1:3] for segment in only(said, "AK1")] == [["PR", "7"]]
    assert only(said, "TA1")[0][4] == "A"


# ── as few as possible ───────────────────────────────────────────────────────────────────────────────────────


def test_a_flood_of_bad_interchanges_is_answered_by_one(trade):
    bad = b"".join(
        interchange(group("PR", number, confirmation()), number=number).replace(b"IEA*1*", b"IEA*2*")
        for number in range(1, 301)
    )
    trade.take(bad)
    (said,) = trade.answers()
    assert len(only(said, "TA1")) == 300
    assert len(only(said, "GS")) == 1, "several 997 in one group"
    assert [segment[2] for segment in only(said, "AK1")] == [str(number) for number in range(1, 301)]
    assert len({tuple(segment[1:2]) for segment in only(said, "TA1")}) == 300
    assert_readable(*bodies(trade))


def test_each_of_a_partners_addresses_gets_its_own_answer(trade):
    trade.partner = acme(ids=(("ZZ", "ACMESUPPLY"), ("ZZ", "ACMEDC7")))
    one = interchange(group("PR", 1, confirmation()), number=1)
    other = interchange(group("PR", 2, confirmation()), number=2, sender="ACMEDC7")
    trade.take(one + other)
    assert [said[0][8].strip() for said in trade.answers()] == ["ACMESUPPLY", "ACMEDC7"]


def test_control_numbers_are_ours_and_without_gaps(trade):
    trade.take(
        interchange(
            group("PR", 40, confirmation(), confirmation("0002")), group("PR", 41, confirmation()), number=900
        )
    )
    trade.take(interchange(group("PR", 42, confirmation()), number=901))
    first, second = trade.answers()
    assert (first[0][13], second[0][13]) == ("000000001", "000000002")
    assert [segment[6] for said in (first, second) for segment in only(said, "GS")] == ["1", "2"]
    assert [segment[2] for said in (first, second) for segment in only(said, "ST")] == [
        "0001",
        "0002",
        "0003",
    ]


def test_after_a_replay_only_interchanges_without_an_answer_are_answered(trade, store):
    """The second interchange was for somebody that we were not; then the profile was corrected."""
    good = interchange(group("PR", 1, confirmation()), number=1)
    elsewhere = interchange(group("PR", 2, confirmation()), number=2, sender="ACMEDC7")
    trade.take(good + elsewhere)
    assert len(trade.answers()) == 1
    trade.partner = acme(ids=(("ZZ", "ACMESUPPLY"), ("ZZ", "ACMEDC7")))
    with store.transaction(TENANT) as connection:
        connection.execute(sa.update(tables.raw_messages).values(again=True))
    trade.process()
    first, second = trade.answers()
    assert [only(said, "AK1")[0][2] for said in (first, second)] == ["1", "2"]
    with store.transaction(TENANT) as connection:
        connection.execute(sa.update(tables.raw_messages).values(again=True))
    trade.process()
    assert len(trade.answers()) == 2


# ── what cannot be said ──────────────────────────────────────────────────────────────────────────────────────


UNSAYABLE = {
    "a GS02 that holds our component separator": (b"GS*PR*ACMESUPPLY*", b"GS*PR*ACME>SUPPLY*"),
    "a GS03 that holds our component separator": (b"*CROSSDOCK*20261120", b"*CROSS>DOCK*20261120"),
    "a GS02 of one character": (b"GS*PR*ACMESUPPLY*", b"GS*PR*A*"),
    "a GS02 of 40 characters": (b"GS*PR*ACMESUPPLY*", b"GS*PR*" + b"A" * 40 + b"*"),
    "a GS02 that is empty": (b"GS*PR*ACMESUPPLY*", b"GS*PR**"),
    "a GS02 with a control character": (b"GS*PR*ACMESUPPLY*", b"GS*PR*ACME\x07*"),
    "a GS06 that holds a separator": (b"*1402*7*X*", b"*1402*7>7*X*"),
    "a GS06 that is no number": (b"*1402*7*X*", b"*1402*SEVEN*X*"),
    "a GS06 of ten digits": (b"*1402*7*X*", b"*1402*1234567890*X*"),
    "a GS06 that is empty": (b"*1402*7*X*", b"*1402**X*"),
    "a GS01 of three letters": (b"GS*PR*", b"GS*PRO*"),
    "a GS01 in small letters": (b"GS*PR*", b"GS*pr*"),
    "a GS08 with a separator": (b"*X*004010", b"*X*004010>1"),
    "an ISA13 that is no number": (b"*000000003*1*", b"*00000ABC3*1*"),
    "an ISA09 that is no date": (b"*261120*1402*U", b"*269999*1402*U"),
    "an ISA10 that is no time": (b"*261120*1402*U", b"*261120*9999*U"),
    "an ISA09 with a separator": (b"*261120*1402*U", b"*26>120*1402*U"),
    "an ST02 of one digit": (b"ST*855*0001", b"ST*855*1"),
    "an ST01 of five digits": (b"ST*855*0001", b"ST*85555*0001"),
    "a segment that is none": (b"CTT*1", b"CTT*1~\nX>1*2"),
    "a value with a separator": (b"VALVE-8", b"VALVE>8"),
    "a value with a NUL": (b"*60*EA*", b"*6\x000*EA*"),
    "a value of 200 characters": (b"*60*EA*", b"*" + b"6" * 200 + b"*EA*"),
    "no GE": (b"GE*1*7~\n", b""),
    "no SE": (b"SE*6*0001~\n", b""),
}


@pytest.mark.parametrize("form", ["997", "999"])
@pytest.mark.parametrize("name", UNSAYABLE)
def test_whatever_a_partner_writes_its_answer_can_be_read_and_is_no_dead_letter(trade, name, form):
    trade.partner = acme(acknowledge=form, release="005010" if form == "999" else "004010")
    body = interchange(group("PR", 7, confirmation()), number=3, ack=1)
    old, new = UNSAYABLE[name]
    assert old in body
    trade.take(body.replace(old, new))
    assert letters(trade) == 0
    (written,) = bodies(trade)
    assert_readable(written)


def test_a_group_that_no_ak1_can_name_is_told_by_the_ta1_as_accepted_with_an_error_in_it(trade):
    first = (
        group("PR", 7, confirmation()).replace("*1402*7*X*", "*1402*SEVEN*X*").replace("GE*1*7", "GE*1*SEVEN")
    )
    trade.take(interchange(first, group("PR", 8, confirmation()), number=3))
    (said,) = trade.answers()
    assert only(said, "TA1")[0][4:] == ["E", "024"]
    assert only(said, "AK1") == [["AK1", "PR", "8"]]


@pytest.mark.parametrize("number", [b"00000003A", b"\x0000000003", b"         ", b"-00000003"])
def test_an_interchange_whose_number_is_none_is_refused(trade, number):
    body = interchange(group("PR", 7, confirmation()), number=3)
    trade.take(body.replace(b"000000003", number))
    (said,) = trade.answers()
    assert only(said, "TA1")[0][1:] == ["000000000", "261120", "1402", "R", "018"]
    assert only(said, "AK9")[0][1] == "R"
    assert [part.state for _, normalized in trade.done for part in normalized.parts] == ["rejected"]


@pytest.mark.parametrize(("asked", "told"), [(1, [["E", "018"]]), (0, [])])
def test_a_number_that_is_too_short_is_read_and_told_where_a_ta1_goes_along(trade, asked, told):
    body = interchange(group("PR", 7, confirmation()), number=3, ack=asked)
    trade.take(body.replace(b"000000003", b"35       "))
    (said,) = trade.answers()
    assert [segment[4:] for segment in only(said, "TA1")] == told
    assert only(said, "AK9")[0][1] == "A"


def told(trade: Trade) -> list[tuple[str, str, str]]:
    """Label, state and remedy of each part that was not processed."""
    return [
        (part.label, str(part.state), part.problem.remedy)
        for _, normalized in trade.done
        for part in normalized.parts
        if part.problem is not None
    ]


def in_no_group() -> str:
    """A set as it stands in a group, without the group."""
    return "~\n".join(group("PR", 9, confirmation()).split("~\n")[1:-1])


def test_sets_that_stand_in_no_group_are_refused_by_a_ta1(trade):
    trade.take(interchange(in_no_group(), number=3).replace(b"IEA*1*", b"IEA*0*"))
    (said,) = trade.answers()
    assert only(said, "TA1")[0][4:] == ["R", "022"]
    assert told(trade) == [("855 0001", "rejected", TOLD)]
    trade.take(interchange(group("PR", 9, confirmation()), number=3))  # mended, under the same number
    assert [part.state for _, normalized in trade.done for part in normalized.parts] == ["processed"]


def test_a_set_in_no_group_is_told_and_the_group_beside_it_is_taken(trade):
    body = interchange(group("PR", 8, confirmation()), in_no_group(), number=3)
    trade.take(body.replace(b"IEA*2*", b"IEA*1*"))
    (said,) = trade.answers()
    assert only(said, "TA1")[0][4:] == ["E", "022"]
    assert only(said, "AK9")[0][1] == "A"
    assert [part.state for _, normalized in trade.done for part in normalized.parts] == [
        "processed",
        "rejected",
    ]


def test_a_group_whose_sets_are_missing_is_seen_beside_one_that_is_whole(trade):
    empty = group("PR", 7).replace("GE*0*7", "GE*5*7")
    trade.take(interchange(empty, group("PR", 8, confirmation()), number=3))
    (said,) = trade.answers()
    assert only(said, "AK9") == [["AK9", "R", "5", "0", "0", "5"], ["AK9", "A", "1", "1", "1"]]
    assert [(label, state) for label, state, _ in told(trade)] == [("group PR 7", "dead_lettered")]


def test_of_a_flood_of_groups_without_sets_the_first_are_seen_and_the_rest_together(trade):
    flood = [group("PR", number).replace("GE*0*", "GE*5*") for number in range(100, 200)]
    trade.take(interchange(*flood, group("PR", 8, confirmation()), number=3))
    labels = [label for label, _, _ in told(trade)]
    assert (len(labels), labels[0], labels[-1]) == (20, "group PR 100", "group PR 119 and 80 more")


def test_nobody_is_said_to_be_told_who_gets_no_answer(trade):
    trade.partner = acme(acknowledge="none", ta1="never")
    trade.take(interchange(group("PR", 7, confirmation(), BAD), number=3))
    why = "Acme Supply Co. wants no acknowledgement of it"
    assert told(trade) == [("855 0002", "dead_lettered", UNTOLD.format(why=why, title="Acme Supply Co."))]


def test_a_ta1_in_a_broken_interchange_is_seen_and_not_answered(trade):
    body = interchange(before=["TA1*000000501*261120*1402*A*000"], number=3)
    trade.take(body.replace(b"IEA*0*", b"IEA*7*"))
    assert trade.answers() == []
    why = "a TA1 is never acknowledged"
    assert told(trade) == [
        ("TA1 000000501", "dead_lettered", UNTOLD.format(why=why, title="Acme Supply Co."))
    ]


def test_ids_that_no_gs_can_hold_are_replaced_by_the_profiles(trade):
    trade.partner = acme(group_ids=("ACMEDC7",), our_group_id="XDOCK")
    body = interchange(group("PR", 7, confirmation(), sender="AC>ME", receiver="C"), number=3)
    trade.take(body)
    (said,) = trade.answers()
    assert only(said, "GS")[0][2:4] == ["XDOCK", "ACMEDC7"]


@pytest.mark.parametrize("component", [">", ":", "|"])
def test_the_answer_has_the_delimiters_and_the_release_that_the_profile_says(trade, component):
    trade.partner = acme(release="005010", component=component, segment="!", element="+")
    trade.take(interchange(group("PR", 7, confirmation(), BAD), number=3))
    (body,) = bodies(trade)
    assert body[103:106].decode() == f"+{component}!"
    assert body[82:90] == b"^+00501+"
    assert_readable(body)


# ── the real world ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_we_answer_to_every_file_of_the_corpus_can_be_read_by_pyx12_and_by_us(clock):
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real documents is not at ../shared/corpus")
    from crossdock.messages import RawMessage
    from crossdock.normalize import Normalizer
    from crossdock.registry import Registry

    registry = Registry()
    told = 0
    for form, release in (("997", "004010"), ("999", "005010")):
        partner = acme(acknowledge=form, release=release, ta1="always")
        normalizer = Normalizer(
            registry=registry, partners=Partners((partner,), {}, {}), clock=clock, assume=partner
        )
        for path in sorted(CORPUS.glob("*/*.edi"))[::2]:
            body = path.read_bytes()
            if len(body) > 200_000:
                continue
            message = RawMessage(
                tenant=TENANT, source="supplier_edi", key="1", body=_to_us(body), media_type="application/edi-x12",
                received_at=clock.now(), name=path.name,
            )  # fmt: skip
            for wanted in normalizer.normalize(message, document="x12").acknowledgements:
                written = wanted.write(
                    interchange_number=1, group_number=1, first_set_number=1, now=clock.now()
                )
                assert_readable(written.body)
                told += 1
    assert told > 100


def _to_us(body: bytes) -> bytes:
    """The same file as if it were real and for us: so that it is judged and answered."""
    found = bytearray(body)
    at = found.find(b"ISA")
    while at >= 0 and at + 106 <= len(found):
        found[at + 51 : at + 69] = b"ZZ" + found[at + 53 : at + 54] + b"CROSSDOCK      "
        found[at + 102 : at + 103] = b"P"
        at = found.find(b"ISA", at + 106)
    return bytes(found)


def test_the_acknowledgements_of_the_corpus_are_matched_or_told_and_never_a_crash(trade):
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real documents is not at ../shared/corpus")
    matched = 0
    for folder in ("997", "999", "TA1"):
        for path in sorted((CORPUS / folder).glob("*.edi")):
            interchanges = [
                item.interchange for item in read(path.read_bytes()) if isinstance(item, TransactionSet)
            ]
            ids = {(one.sender_qualifier, one.sender) for one in interchanges} or {("ZZ", "DMCOGDEN")}
            ours = {(one.receiver_qualifier, one.receiver) for one in interchanges} or {("ZZ", "PUBLIC")}
            usage = {one.usage for one in interchanges} or {"P"}
            trade.partner = dataclasses.replace(
                acme(), ids=tuple(ids), ours=next(iter(ours)), usage=next(iter(usage)), lenient=True
            )
            said = trade.take(path.read_bytes())
            matched += len(said)
            assert {one.document["data"]["code"] for one in said} <= {
                "EDI.ACK_UNMATCHED",
                "EDI.DUPLICATE_CONTROL",
            }
            trade.enriched()
    assert matched > 20, "none of them answers anything of ours"


def test_an_answer_of_ours_is_an_answer_for_our_own_mapping(trade):
    """What we write comes back as what we mean: our 997 read by the mapping that reads a partner's."""
    trade.take(interchange(group("PR", 7, confirmation(), BAD), number=3))
    (body,) = bodies(trade)
    turned = body.replace(b"CROSSDOCK      *ZZ*ACMESUPPLY     ", b"ACMESUPPLY     *ZZ*CROSSDOCK      ")
    said = trade.take(turned)
    assert [one.document["data"]["refs"][0]["value"] for one in said] == ["7"], "we never sent a group PR 7"
    assert [one["data"]["attributes"]["accepted"] for one in trade.documents if "code" not in one["data"]] == [
        "true", "false", "false",
    ]  # fmt: skip


# ── a group of another kind ──────────────────────────────────────────────────────────────────────────────────


def test_a_set_in_a_group_of_another_kind_is_taken_and_told(trade):
    taken = trade.take(interchange(group("IN", 7, confirmation()), number=3))
    assert taken == [] and letters(trade) == 0
    (said,) = trade.answers()
    assert only(said, "AK1", "AK2", "AK5", "AK9") == [
        ["AK1", "IN", "7"],
        ["AK2", "855", "0001"],
        ["AK5", "E", "6"],
        ["AK9", "E", "1", "1", "1"],
    ]
    assert_readable(*bodies(trade))


def test_a_999_has_a_code_of_its_own_for_a_set_in_a_group_of_another_kind(trade):
    trade.partner = acme(acknowledge="999", release="005010")
    body = interchange(group("IN", 7, confirmation(), version="005010"), release="00501", repetition="^")
    trade.take(body)
    (said,) = trade.answers()
    assert only(said, "IK5", "AK9") == [["IK5", "E", "18"], ["AK9", "E", "1", "1", "1"]]
    assert_readable(*bodies(trade))


def test_a_set_in_a_group_of_another_kind_is_refused_where_the_profile_says_so(trade):
    trade.partner = acme(other_group="reject")
    body = interchange(group("IN", 7, confirmation()), number=3)
    trade.take(body)
    (said,) = trade.answers()
    assert only(said, "AK5", "AK9") == [["AK5", "R", "6"], ["AK9", "R", "1", "1", "0"]]
    ((_, normalized),) = trade.done
    (problem,) = [part.problem for part in normalized.parts]
    assert problem.code == "EDI.TRANSACTION_REJECTED"
    assert problem.sentence == (
        f"byte {body.index(b'ST*855')}: The set does not belong to a group of this kind. GS01 is 'IN', and that of "
        "855 is 'PR'."
    )


def test_a_set_in_a_group_of_another_kind_passes_where_the_profile_says_so(trade):
    trade.partner = acme(other_group="ignore")
    trade.take(interchange(group("IN", 7, confirmation()), number=3))
    (said,) = trade.answers()
    assert only(said, "AK5", "AK9") == [["AK5", "A"], ["AK9", "A", "1", "1", "1"]]


def test_an_855_in_a_group_of_acknowledgements_is_answered_and_a_997_there_is_not(trade):
    trade.take(interchange(group("FA", 7, confirmation()), number=3))
    (said,) = trade.answers()
    assert only(said, "AK1", "AK2", "AK5") == [["AK1", "FA", "7"], ["AK2", "855", "0001"], ["AK5", "E", "6"]]
    trade.take(interchange(group("IN", 8, ["997 0001", "AK1*PO*101", "AK9*A*1*1*1"]), number=4))
    assert len(trade.answers()) == 1


def test_a_group_of_a_release_before_all_guides_may_have_had_another_code(trade):
    trade.take(interchange(group("XX", 7, confirmation(), version="003030"), number=3))
    (said,) = trade.answers()
    assert only(said, "AK5") == [["AK5", "A"]]


# ── who hears of a refusal ───────────────────────────────────────────────────────────────────────────────────


def refused(trade) -> list[tuple[str, str]]:
    """The state and the remedy of what was refused."""
    ((_, normalized),) = trade.done
    return [(part.state, part.problem.remedy) for part in normalized.parts if part.problem is not None]


def test_what_is_refused_without_a_word_is_left_to_a_person(trade):
    broken = ["997 0001", "AK1*PO*101"]  # no AK9
    trade.take(interchange(group("FA", 7, broken), number=3))
    assert trade.answers() == []
    assert refused(trade) == [
        (
            "dead_lettered",
            "Nobody was told: an acknowledgement is never acknowledged. Ask Acme Supply Co. for a correct one, then "
            "discard this.",
        )
    ]


def test_of_a_broken_interchange_of_acknowledgements_a_ta1_tells(trade):
    whole = interchange(group("FA", 7, ["997 0001", "AK1*PO*101", "AK9*A*1*1*1"]), number=3)
    trade.take(whole.replace(b"IEA*1", b"IEA*2"))
    assert len(trade.answers()) == 1
    assert [state for state, _ in refused(trade)] == ["rejected"]
    trade.partner = acme(ta1="never")
    trade.take(whole.replace(b"IEA*1", b"IEA*3"))
    assert len(trade.answers()) == 1
    assert [state for state, _ in refused(trade)] == ["dead_lettered"]


def test_a_partner_that_wants_no_acknowledgement_is_told_nothing_and_it_is_said(trade):
    trade.partner = acme(acknowledge="none")
    wrong = ["855 0001", "BAK*00*AT*1*20261119", "PO1*1*60*QQQ*3.75"]
    trade.take(interchange(group("PR", 7, wrong), number=3))
    assert trade.answers() == []
    ((state, remedy),) = refused(trade)
    assert state == "dead_lettered"
    assert remedy.startswith("Nobody was told: Acme Supply Co. wants no acknowledgement of it. Ask")


@pytest.mark.parametrize(
    ("acknowledge", "said"), [("997", "The sender was told and sends"), ("none", "Nobody was told: ")]
)
def test_a_set_refused_for_its_group_says_whether_its_sender_knows(trade, acknowledge, said):
    trade.partner = acme(acknowledge=acknowledge, other_group="reject")
    trade.take(interchange(group("IN", 7, confirmation()), number=3))
    ((_, remedy),) = refused(trade)
    assert remedy.startswith(said)
    assert remedy.endswith('write other_group = "flag" into its profile, then replay.')


@pytest.mark.parametrize("batch", ["one", "two"])
def test_where_all_of_an_interchange_was_refused_the_correct_one_may_come_under_its_number(trade, batch):
    good = interchange(group("PR", 7, confirmation()), number=3)
    wrong = good.replace(b"*EA*3.75", b"*EAX*3.75")
    assert wrong != good
    said = trade.take(wrong, good) if batch == "two" else [*trade.take(wrong), *trade.take(good)]
    assert said == []
    assert [only(one, "AK5") for one in trade.answers()][-1] == [["AK5", "A"]]
    assert trade.take(good.replace(b"3.75", b"3.80")) != [], "now it was used"


def test_where_a_set_of_an_interchange_was_taken_its_number_is_used(trade):
    wrong = [line.replace("*EA*3.75", "*EAX*3.75") for line in confirmation("0002")]
    trade.take(interchange(group("PR", 7, confirmation(), wrong), number=3))
    trade.take(interchange(group("PR", 8, confirmation("0002")), number=3))
    assert refused(trade)[0][0] == "rejected"
    ((_, normalized),) = trade.done
    assert [part.problem.code for part in normalized.parts if part.problem] == ["EDI.DUPLICATE_CONTROL"]
