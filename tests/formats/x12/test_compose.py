"""A set is built of values by its guide: what is written is right, and what is wrong is refused at once."""

import tomllib
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.errors import Unacceptable
from crossdock.formats import x12
from crossdock.formats.x12 import Delimiters, guides
from crossdock.formats.x12.compose import Composer, Elements, Replaced, text_of
from crossdock.formats.x12.elements import with_point
from crossdock.formats.x12.overlay import Overlay
from crossdock.formats.x12.second_reader import differences
from crossdock.formats.x12.structure import Guide
from crossdock.formats.x12.write import OutgoingGroup, OutgoingSet, Party, write_interchange

DAY = date(2026, 11, 20)
FIVE = Delimiters(element="*", component=":", segment="~", repetition="^")


def the_guide(set_id: str, release: str = "004010", overlay: str = "") -> Guide:
    found = guides.guide(set_id, release, Overlay.of(tomllib.loads(overlay)) if overlay else None)
    assert found is not None
    return found


def sent(composer: Composer, delimiters: Delimiters, release: str = "004010") -> x12.TransactionSet:
    """What was built, written, read by both readers, and obeying its guide."""
    guide = composer.guide
    body = write_interchange(
        sender=Party(qualifier="ZZ", id="CROSSDOCK"),
        receiver=Party(qualifier="ZZ", id="LAKESIDE"),
        control_number=1,
        at=datetime(2026, 11, 20, 14, 2, tzinfo=UTC),
        usage="P",
        release=f"00{release[2:3]}01" if release == "004010" else "00501",
        groups=[
            OutgoingGroup(
                functional_id=guide.functional_group,
                sender="A",
                receiver="B",
                control_number="1",
                version=release,
                sets=[OutgoingSet(set_id=guide.set_id, control_number="0001", segments=composer.finish())],
            )
        ],
        delimiters=delimiters,
    )
    assert differences(body) == []
    (entry,) = (item for item in x12.read(body) if isinstance(item, x12.TransactionSet))
    assert list(guides.check(entry)) == []
    assert entry.segments[-1][1] == str(composer.count)
    return entry


def test_an_acknowledgement_is_built_line_by_line() -> None:
    composer = Composer(the_guide("855"))
    composer.add("BAK", ["00", "AC", "4500017", DAY])
    composer.add("N1", {1: "ST", 2: "Reno", 3: "92", 4: "0042"})
    for number, (ordered, status) in enumerate([(12, "IB"), (5, "IA")], 1):
        composer.add(
            "PO1", {1: number, 2: Decimal(ordered), 3: "EA", 4: Decimal("4.50"), 6: "VP", 7: "U-100"}
        )
        composer.add("PO1/ACK", [status, ordered, "EA", "068", datetime(2026, 12, 1, 23, 0, tzinfo=UTC)])
    composer.totals("PO1", hash_of=2)
    assert sent(composer, x12.Delimiters(element="*", component=">", segment="~")).segments[1:-1] == [
        ["BAK", "00", "AC", "4500017", "20261120"],
        ["N1", "ST", "Reno", "92", "0042"],
        ["PO1", "1", "12", "EA", "4.5", "", "VP", "U-100"],
        ["ACK", "IB", "12", "EA", "068", "20261201"],
        ["PO1", "2", "5", "EA", "4.5", "", "VP", "U-100"],
        ["ACK", "IA", "5", "EA", "068", "20261201"],
        ["CTT", "2", "17"],
    ]


def test_a_whole_set_may_be_described_at_once() -> None:
    composer = Composer(the_guide("855")).build(
        [
            ("BAK", ["00", "AC", "4500017", DAY]),
            ("PO1", {1: 1, 2: 12, 3: "EA"}, [("ACK", ["IA", 12, "EA"], [("DTM", ["067", DAY])])]),
            ("CTT", [1]),
        ]
    )
    assert composer.finish() == [
        ["BAK", "00", "AC", "4500017", "20261120"],
        ["PO1", "1", "12", "EA"],
        ["ACK", "IA", "12", "EA"],
        ["DTM", "067", "20261120"],
        ["CTT", "1"],
    ]
    assert composer.occurrences("PO1/ACK") == [["ACK", "IA", "12", "EA"]]
    assert composer.occurrences("PO1/ACK/DTM") == [["DTM", "067", "20261120"]]


def test_a_composite_is_a_list_of_components() -> None:
    composer = Composer(the_guide("999", "005010"), delimiters=FIVE)
    composer.add("AK1", ["PR", 77, "005010"])
    composer.add("AK2", ["855", "0001"])
    composer.add("IK3", ["PO1", 6, None, "8"])
    composer.add("CTX", [["PO101", 1]])
    composer.add("IK4", [[2, None, 1], 330, "6", "tw.elve"])
    composer.add("IK4", [2, 330, "I9"])
    composer.add("IK5", ["R", "5"])
    composer.add("AK9", ["R", 1, 1, 0])
    assert sent(composer, FIVE, "005010").segments[4:7] == [
        ["CTX", "PO101:1"],
        ["IK4", "2::1", "330", "6", "tw.elve"],
        ["IK4", "2", "330", "I9"],
    ]


@pytest.mark.parametrize(
    ("reference", "value", "text"),
    [
        ("610", Decimal("123.45"), "12345"),  # N2
        ("610", 5, "500"),
        ("610", Decimal("-0.05"), "-5"),
        ("610", "12345", "12345"),  # text is taken as it is
        ("212", Decimal("4.50"), "4.5"),  # R
        ("212", Decimal("1E+3"), "1000"),
        ("212", Decimal("1000"), "1000"),
        ("212", Decimal("0.00"), "0"),
        ("212", Decimal("-0.0"), "0"),
        ("212", 7, "7"),
        ("354", 7, "7"),  # N0
        ("373", DAY, "20261120"),  # DT
        ("373", datetime(2026, 11, 20, 23, 59, tzinfo=UTC), "20261120"),
        ("337", time(9, 5), "0905"),  # TM
        ("337", time(9, 5, 7), "090507"),
        ("337", datetime(2026, 11, 20, 14, 2, tzinfo=UTC), "1402"),
        ("324", 4500017, "4500017"),  # AN
        ("1073", True, "Y"),
        ("1073", False, "N"),
        ("324", None, ""),
        ("324", "", ""),
    ],
)
def test_a_value_is_written_as_its_type_says(reference: str, value: Any, text: str) -> None:
    assert text_of(value, guides.words("004010").elements[reference]) == text


@pytest.mark.parametrize(
    ("reference", "value", "why"),
    [
        ("610", Decimal("0.005"), "0.005 has more than 2 decimals"),
        ("354", Decimal("1.5"), "1.5 has more than 0 decimals"),
        ("212", 4.5, "4.5 is a float, which is not exact; give a Decimal"),
        ("212", Decimal("NaN"), "NaN is no number"),
        ("212", Decimal("1E+900"), "far from what an element can hold"),
        ("373", 20261120, "is a number, and the element is a date"),
        ("212", DAY, "2026-11-20 is a date, and the element is a number"),
        ("373", time(9, 5), "09:05:00 is a time, and the element is a date"),
        ("324", True, "True is yes or no"),
        ("324", b"x", "b'x' is a bytes, which no element can hold"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused(reference: str, value: Any, why: str) -> None:
    with pytest.raises(ValueError) as refusal:
        text_of(value, guides.words("004010").elements[reference])
    assert why in str(refusal.value)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2))
def test_an_amount_that_was_written_is_read_as_the_same_amount(amount: Decimal) -> None:
    element = guides.words("004010").elements["610"]
    assert element.decimals is not None
    assert with_point(text_of(amount, element), element.decimals) == amount


@pytest.mark.parametrize(
    ("name", "elements", "pointer", "why"),
    [
        ("BAK", ["00", "AC", None, DAY], "BAK03", "(Purchase Order Number, element 324) is mandatory and missing"),
        ("BAK", ["00", "AC", "4" * 23, DAY], "BAK03", "is too long; expected text of 1 to 22"),
        ("BAK", ["00", "AC", "1", "20261301"], "BAK04", "BAK04 (Date, element 373) is '20261301' and is no date"),
        ("BAK", ["00", "AC", "1", "2026"], "BAK04", "is too short"),
        ("BAK", {1: "00", 2: "AC", 3: "1", 4: DAY, 11: "x"}, "BAK11", "BAK11 does not exist: the segment has 10"),
        ("BAK", {0: "00"}, "BAK", "BAK has no element 0; they count from 1"),
        ("BAK", [], "BAK01", "BAK01 (Transaction Set Purpose Code, element 353) is mandatory and missing"),
        ("REF", ["DP"], "REF02", "is missing, and what stands beside it asks for it"),
        ("CUR", [], "CUR01", "is mandatory and missing"),
        ("PER", [""], "PER01", "is mandatory and missing"),
        ("ITD", [None], "ITD", "ITD has no element"),
        ("PO1", [1, "x", "EA"], "PO102", "PO102 (Quantity Ordered, element 330) is 'x' and has a character"),
        ("PO1", [1, 1.5], "PO102", "PO102 (Quantity Ordered, element 330) cannot be written: 1.5 is a float"),
        ("PO1", [1, Decimal(10) ** 16, "EA"], "PO102", "is '10000000000000000' and is too long"),
        ("QQ9", ["1"], "QQ9", "QQ9 is no segment that the guide describes"),
        ("HL", ["1"], "HL", "HL (Hierarchical Level), does not belong to this transaction set"),
        ("ACK", ["IA"], "ACK", "ACK (Line Item Acknowledgment), is not expected here"),
        ("PO1/N1", ["ST", "x"], "N1", "N1 would stand at 'N1' here, not at 'PO1/N1'"),
    ],
)  # fmt: skip
def test_what_breaks_the_guide_is_refused_with_segment_element_and_value(
    name: str, elements: Elements, pointer: str, why: str
) -> None:
    composer = Composer(the_guide("855"))
    if name != "BAK":
        composer.add("BAK", ["00", "AC", "1", DAY])
    before = composer.count
    with pytest.raises(Unacceptable) as refusal:
        composer.add(name, elements)
    assert refusal.value.violations[0][0] == pointer
    assert why in str(refusal.value)
    assert str(refusal.value).startswith("855 cannot be written: segment ")
    assert composer.count == before  # nothing was written: another try may follow
    composer.add("PO1", [1, 1, "EA"]) if name != "BAK" else composer.add("BAK", ["00", "AC", "1", DAY])


def test_every_fault_of_a_segment_is_told_at_once() -> None:
    with pytest.raises(Unacceptable) as refusal:
        Composer(the_guide("855")).add("BAK", ["00", "", "4" * 23, DAY])
    assert [pointer for pointer, _ in refusal.value.violations] == ["BAK02", "BAK03"]


def test_a_segment_before_one_that_is_mandatory_is_refused_at_once() -> None:
    with pytest.raises(Unacceptable, match=r"BAK .* is mandatory and missing; it should stand here"):
        Composer(the_guide("855")).add("PO1", [1, 1, "EA"])


def test_a_segment_too_many_is_refused() -> None:
    composer = Composer(the_guide("855")).build([("BAK", ["00", "AC", "1", DAY])])
    with pytest.raises(Unacceptable, match="comes more often than the guide allows"):
        composer.add("BAK", ["00", "AC", "1", DAY])


def test_what_is_missing_at_the_end_is_told_when_it_is_finished() -> None:
    composer = Composer(the_guide("997")).build([("AK1", ["PR", 77]), ("AK2", ["855", "0001"])])
    with pytest.raises(Unacceptable, match=r"AK5 .* is mandatory and missing") as refusal:
        composer.finish()
    assert [pointer for pointer, _ in refusal.value.violations] == ["AK5", "AK9"]


def test_the_partners_guide_holds_for_what_we_send_too() -> None:
    described: Any = [("BAK", ["00", "AC", "1", DAY]), ("PO1", [1, 12, "EA"], [("ACK", ["IB", 12, "EA"])])]
    composer = Composer(the_guide("855", overlay='require = ["DTM"]\ncodes = {"PO1/ACK01" = ["IA"]}'))
    with pytest.raises(Unacceptable) as refusal:
        composer.build(described).finish()
    assert [pointer for pointer, _ in refusal.value.violations] == ["DTM", "ACK01"]
    assert "DTM (Date/Time Reference), is required between us and missing" in str(refusal.value)
    noted = Composer(the_guide("855", overlay='severity = "note"\nrequire = ["DTM"]')).build(described)
    assert len(noted.finish()) == 3
    assert [one.segment_id for one in noted.notes] == ["DTM"]


# -- text that would be structure -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a*b", "a>b", "a~b", "a\nb", "nul\0", "\x1b[31m"])
def test_text_that_would_be_structure_is_refused(text: str) -> None:
    composer = Composer(the_guide("855")).build([("BAK", ["00", "AC", "1", DAY])])
    with pytest.raises(Unacceptable, match=r"N102 .*cannot be written as .*delimiter or a control character"):
        composer.add("N1", ["ST", text])


def test_text_that_would_be_structure_is_replaced_as_the_profile_says_and_logged() -> None:
    composer = Composer(the_guide("855"), unwritable="replace", replacement="-")
    composer.add("BAK", ["00", "AC", "1", DAY])
    composer.add("N1", ["ST", "Reno*East\n~ dock 7 ~"])
    assert composer.finish()[1] == ["N1", "ST", "Reno-East-- dock 7 -"]
    assert composer.replaced == [
        Replaced(
            position=3,
            segment_id="N1",
            element=2,
            before="Reno*East\n~ dock 7 ~",
            after="Reno-East-- dock 7 -",
        )
    ]


def test_what_is_nothing_after_the_replacement_is_missing() -> None:
    composer = Composer(the_guide("855"), unwritable="replace", replacement="")
    with pytest.raises(Unacceptable, match=r"BAK03 .* is mandatory and missing"):
        composer.add("BAK", ["00", "AC", "~~", DAY])


@pytest.mark.parametrize("replacement", ["*", "~", "\n", "--"])
def test_a_replacement_that_cannot_be_written_is_refused(replacement: str) -> None:
    with pytest.raises(ValueError, match="cannot be written itself"):
        Composer(the_guide("855"), unwritable="replace", replacement=replacement)


def test_a_caret_is_text_where_nothing_repeats_and_structure_where_it_parts_repetitions() -> None:
    assert Composer(the_guide("855")).add("BAK", ["00", "AC", "1^2", DAY]) == 2
    with pytest.raises(Unacceptable, match="delimiter"):
        Composer(the_guide("855", "005010"), delimiters=FIVE).add("BAK", ["00", "AC", "1^2", DAY])


def test_what_stands_elsewhere_now_that_something_follows_it_is_found_there() -> None:
    composer = Composer(the_guide("850")).build(
        [("BEG", ["00", "SA", "4500017", None, DAY]), ("PO1", {1: 1, 2: 12, 3: "EA"}), ("CTT", [1])]
    )
    composer.add("AMT", ["TT", Decimal("54.00")])
    assert composer.occurrences("CTT/AMT") == [["AMT", "TT", "54"]]
    composer.add("AMT/REF", ["DP", "099"])
    assert composer.occurrences("CTT/AMT") == []
    assert composer.occurrences("AMT") == [["AMT", "TT", "54"]]
    assert len(composer.finish()) == 5


# -- totals and origins -----------------------------------------------------------------------------------------


def test_the_hash_total_keeps_its_last_ten_digits() -> None:
    composer = Composer(the_guide("855")).build([("BAK", ["00", "AC", "1", DAY])])
    for _ in range(3):
        composer.add("PO1", {1: 1, 2: 9_999_999_999, 3: "EA"})
    composer.add("PO1", {1: 1})
    composer.totals("PO1", hash_of=2)
    assert composer.finish()[-1] == ["CTT", "4", "9999999997"]


def test_each_element_remembers_the_field_that_it_is_from() -> None:
    composer = Composer(the_guide("855"))
    composer.add("BAK", ["00", "AC", "1", DAY], fields={2: "decision/word", 3: "order/number"})
    composer.add("N1", ["ST", "Reno"], fields="order/ship_to")
    assert composer.field(2, 3) == "order/number"
    assert composer.field(2, 4) == ""
    assert composer.field(3, 2) == composer.field(3, 1) == "order/ship_to"
    assert composer.fields[2, 2] == "decision/word"


TEXT = st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=255), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(TEXT, min_size=1, max_size=4), quantity=st.decimals(min_value=0, max_value=10**9, places=3)
)
def test_whatever_is_built_is_read_back_by_both_readers_or_refused(
    names: list[str], quantity: Decimal
) -> None:
    composer = Composer(the_guide("855"), unwritable="replace")
    composer.add("BAK", ["00", "AC", "4500017", DAY])
    try:
        for name in names:
            composer.add("N1", ["ST", name])
        composer.add("PO1", [1, quantity, "EA"])
    except Unacceptable:
        return
    entry = sent(composer, x12.Delimiters(element="*", component=">", segment="~"))
    assert len(entry.segments) == composer.count
    assert Decimal(entry.segments[-2][2]) == quantity
