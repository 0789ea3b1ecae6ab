"""The words of the releases: elements, composites and segments are there, of their true type, and hang together."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from crossdock.formats.x12 import guides
from crossdock.formats.x12.elements import SegmentGuide, with_point

FOLDER = Path(guides.__file__).with_name("guides")
RELEASES = ("004010", "005010")
ENVELOPE = {"ISA", "IEA", "TA1", "GS", "GE"}

# Segments that are only named, and why: their elements are not looked at.
ONLY_NAMED = {
    "BIN": "the reader takes it by its length",
    "CTX": "004010 does not have it; it is described in 005010",
    "E6": "no set of ours has it",
    "EFI": "goes with BIN",
    "IK3": "of the 999, which 004010 does not have",
    "IK4": "of the 999, which 004010 does not have",
    "IK5": "of the 999, which 004010 does not have",
}


def raw(release: str) -> Mapping[str, Any]:
    return tomllib.loads((FOLDER / "words" / f"{release}.toml").read_text("utf-8"))


def set_files() -> list[Path]:
    return sorted((FOLDER / "sets").glob("*.toml"))


def ids_of(segments: list[Any]) -> Iterator[str]:
    """The ids of the segments of a set's table, loops included."""
    for entry in segments:
        if isinstance(entry, dict):
            yield from ids_of(entry["segments"])
        else:
            yield entry.split()[0]


def segment(release: str, text: str) -> tuple[SegmentGuide, list[str]]:
    """A segment as a partner writes it, with the words for it."""
    parts = text.split("*")
    return guides.words(release).segments[parts[0]], parts


def faults(release: str, text: str) -> list[tuple[int, str]]:
    """Place and code of everything that is wrong with a segment's elements."""
    known, parts = segment(release, text)
    return [(one.element, one.code) for one in known.faults(parts, ":", "^" if release > "00402" else "")]


# -- the files hang together ------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", RELEASES)
def test_every_element_is_written_as_type_lengths_and_name(release: str) -> None:
    for number, text in raw(release)["elements"].items():
        found = re.fullmatch(r"(AN|ID|DT|TM|R|N[0-6]) (\d+)/(\d+) \S.*", text)
        assert found, f"{number} = {text!r}"
        assert 1 <= int(found[2]) <= int(found[3]), f"{number} = {text!r}"


@pytest.mark.parametrize("release", RELEASES)
def test_every_relation_is_between_places_that_the_segment_has(release: str) -> None:
    data = raw(release)
    for name, entry in (data["segments"] | data["composites"]).items():
        places = len(entry.get("elements", "").split(","))
        for note in entry.get("notes", "").split():
            assert re.fullmatch(r"[PRECL](\d\d){2,}", note), f"{name}: {note}"
            named = [int(note[at : at + 2]) for at in range(1, len(note), 2)]
            assert all(1 <= place <= places for place in named), f"{name} has {places} places, not {note}"
            assert len(set(named)) == len(named), f"{name}: {note}"


@pytest.mark.parametrize("release", RELEASES)
def test_a_pair_that_goes_together_is_not_mandatory_on_one_side_only(release: str) -> None:
    """P says all or none: a mandatory place beside an optional one would make a relation of a second element."""
    for name, known in guides.words(release).segments.items():
        for note in known.notes:
            uses = [known.elements[place - 1].use for place in note.places]
            assert note.kind not in "PR" or "M" not in uses, f"{name}: {note.text}"


@pytest.mark.parametrize("release", RELEASES)
def test_every_segment_is_described_or_it_is_known_why_not(release: str) -> None:
    words = guides.words(release)
    bare = {name for name, known in words.segments.items() if not known.described}
    described_later = {"CTX", "IK3", "IK4", "IK5"} if release == "005010" else set()
    assert bare == set(ONLY_NAMED) - described_later


@pytest.mark.parametrize("release", RELEASES)
def test_every_described_segment_is_one_of_the_release(release: str) -> None:
    words = guides.words(release)
    assert set(words.segments) - words.known == ENVELOPE


def test_every_set_finds_its_segments_in_the_words_of_each_of_its_releases() -> None:
    seen = set()
    for path in set_files():
        data = tomllib.loads(path.read_text("utf-8"))
        for release in data["releases"]:
            words = guides.words(release)
            missing = sorted(set(ids_of(data["segments"])) - set(words.segments))
            assert missing == [], f"{path.name} in {release}"
            assert guides.guide(data["set"], release) is not None
            seen.add(data["set"])
    assert seen == set(guides.set_ids())


def test_the_segments_that_are_only_named_are_few_where_sets_use_them() -> None:
    used = set()
    for path in set_files():
        data = tomllib.loads(path.read_text("utf-8"))
        for release in data["releases"]:
            words = guides.words(release)
            used |= {
                (name, release) for name in ids_of(data["segments"]) if not words.segments[name].described
            }
    assert {name for name, _ in used} <= {"BIN", "EFI", "CTX"}
    assert ("CTX", "005010") not in used


# -- types ------------------------------------------------------------------------------------------------------

# Amounts with two decimals that nobody writes, by the element dictionary.
TWO_DECIMALS = ("58", "74", "117", "191", "193", "360", "362", "389", "610", "1051")
# Amounts and quantities that are written with their decimal point.
WITH_POINT = ("60", "118", "212", "330", "358", "380", "382", "383", "413", "477", "646", "663", "782", "954")


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("number", TWO_DECIMALS)
def test_an_amount_with_implied_decimals_has_two(release: str, number: str) -> None:
    element = guides.words(release).elements[number]
    assert (element.type, element.decimals) == ("N2", 2)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("number", WITH_POINT)
def test_an_amount_or_quantity_with_its_point_is_not_scaled(release: str, number: str) -> None:
    element = guides.words(release).elements[number]
    assert (element.type, element.decimals) == ("R", None)


@pytest.mark.parametrize("release", RELEASES)
def test_dates_and_times_are_dates_and_times_in_every_place(release: str) -> None:
    elements = guides.words(release).elements
    for number in ("32", "370", "373", "388", "446"):
        assert (elements[number].type, elements[number].shortest, elements[number].longest) == ("DT", 8, 8)
    assert (elements["I08"].type, elements["I08"].longest) == ("DT", 6)
    assert (elements["337"].type, elements["337"].shortest, elements["337"].longest) == ("TM", 4, 8)


def test_the_total_of_an_invoice_is_in_hundredths_and_its_price_is_not() -> None:
    assert faults("004010", "TDS*12345") == []
    assert faults("004010", "TDS*-12345") == []
    assert faults("004010", "TDS*123.45") == [(1, "6")]
    assert faults("004010", "IT1*1*10*EA*12.345**VN*A1") == []
    amount = guides.words("004010").segments["TDS"].elements[0]
    assert str(with_point("5", amount.decimals or 0)) == "0.05"


# -- segments as partners write them ----------------------------------------------------------------------------

RIGHT = [
    "BEG*00*SA*P1001**20260104",
    "BCH*04*SA*P1001***20260104*****20260105",
    "POC*1*QI*10*4*EA*12.5**VN*A1",
    "POC*1*CA*10*4*BX:2:12*12.5**VN*A1",
    "BCA*00*AC*P1001***20260104*****20260105",
    "BIG*20260104*INV1*20260101*P1001***DI",
    "IT1*1*10*EA*12.345**VN*A1*UP*012345678905",
    "BSN*00*SHIP1*20260104*1015*0001",
    "HL*2*1*O*1",
    "SN1*1*8*EA*8*10*EA**AC",
    "BIA*00*DD*REF1*20260104",
    "BSR*4*PA*REF1*20260104",
    "BSI*REF1*20260104*8",
    "ISR*BK*20260104*A40",
    "B2**RRFL**SHIP1**PP",
    "B1*RRFL*SHIP1*20260104*A",
    "B3**INV1*SHIP1*PP*L*20260104*123456**20260103*035*RRFL",
    "S5*1*LD*1200*L*10*CT*20*E",
    "L0*1*100*DM*1200*G*20*E*10*PLT**L",
    "L1*1*12.5*PH*123456****400",
    "L3*1200*G***123456",
    "L5*1*WIDGETS*50*N*CTN",
    "N7*RRFZ*12345*1200*G*******TL",
    "OID*SO1*P1001****L*1200*E*20",
    "LAD*CTN*10*L*12*L*120*VN*A1",
    "W05*N*SO1*P1001",
    "W66*PP*M*N**ROADRUNNER FREIGHT*****RRFL",
    "W01*10*EA**VN*A1*LT*L7",
    "W76*10*120*LB*3*CF",
    "W06*N*SO1*20260104*SHIP1**P1001",
    "W27*M*RRFL",
    "W12*CC*10*8*2*EA**VN*A1",
    "W03*8*96*LB",
    "W17*F*20260104*R1*SO1*SHIP1",
    "W07*8*EA**VN*A1",
    "W13*2*EA*01",
    "W14*8*10*2",
    "W15*20260104*ADJ1",
    "W19*AA*-5*EA**VN*A1",
    "BRA*R1*20260104*00*1*1015",
    "RCD*1*8*EA***2*EA*01",
    "BCD*20260104*CM1*M*12345*C*20260101*INV1***P1001",
    "CDD*02*C*1*2500***2*EA**LPR*12.5",
    "BPR*C*1234.56*C*ACH*CTX*01*021000021*DA*123456*1234567890**01*021000089*DA*654321*20260104",
    "TRN*1*CHECK1",
    "ENT*1",
    "RMR*IV*INV1*PO*100.5*120.5*20",
    "ADX*-20*01*PO*P1001",
    "OTI*TR*IV*INV1***20260104*1015*1*0001*810*004010",
    "TED*848*WRONG TOTAL*TDS*12*1*610*123.45*12345",
    "BMG*00*NOTE",
    "MIT*REF1*SUBJECT",
    "XQ*G*20260104*20260110",
    "ZA*QS*12*EA*007*20260104",
    "BPT*00*REF1*20260104*02",
    "PTD*BB***PO*P1001",
    "RDR*RN*DM",
    "BLI*VN*A1*2*EA",
    "TA1*000000001*260104*1015*A*000",
]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("text", RIGHT)
def test_a_segment_as_partners_write_it_is_right(release: str, text: str) -> None:
    known, _ = segment(release, text)
    assert known.described
    assert faults(release, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BEG*00*SA*P1001*20260104", [(5, "1")]),
        ("B3**INV1**PP**20260104*1234.56****RRFL", [(7, "6")]),
        ("B3**INV1**PP**20260104*123456**20260103**RRFL", [(10, "2")]),
        ("BSN*00*SHIP1*20260104", [(4, "1")]),
        ("HL*1**S*1*X", [(5, "3")]),
        ("SN1*1*8", [(3, "1")]),
        ("L3*1200", [(2, "2")]),
        ("OID**", [(1, "2")]),
        ("S5*1*LD*1200", [(4, "2")]),
        ("W12*CC*10*8*2*EA", [(6, "2")]),
        ("W01*10*EA**VN", [(5, "2")]),
        ("W17*F*260104*R1", [(2, "4")]),
        ("W19*AA*5*EA", [(4, "2")]),
        ("CDD*02*C", [(4, "2")]),
        ("CDD*02*C*1*25.00", [(4, "6")]),
        ("BCD*20260104*CM1*M*123.45*C", [(4, "6")]),
        ("RMR*IV", [(2, "2")]),
        ("BPR*C*12.345,6*C*ACH", [(2, "6")]),
        ("TRN*1", [(2, "1")]),
        ("ZA*QS*12", [(3, "2")]),
        ("RCD*1*8", [(3, "2")]),
        ("POC*1", [(2, "1")]),
        ("POC*1*QI*10*4*:2", [(5, "1")]),
        ("OTI*TR*IV*INV1******0001", [(8, "2")]),
        ("BIG*20260104", [(2, "1")]),
        ("ISR*BK*2026-01-04", [(2, "5")]),
        ("TA1*1*260104*1015*A*000", [(1, "4")]),
    ],
)
def test_what_is_wrong_with_a_segment_is_told_by_place_and_code(
    text: str, expected: list[tuple[int, str]]
) -> None:
    assert faults("004010", text) == expected


# -- 005010 beside 004010 ---------------------------------------------------------------------------------------


def test_a_release_only_grows() -> None:
    """What was long or short enough for 004010 is so for 005010, and no place of a segment goes away."""
    old, new = guides.words("004010"), guides.words("005010")
    assert set(old.elements) <= set(new.elements)
    for number, element in old.elements.items():
        assert new.elements[number].shortest <= element.shortest, number
        assert new.elements[number].longest >= element.longest, number
    for name, known in old.segments.items():
        assert not known.described or new.segments[name].described, name
        assert len(new.segments[name].elements) >= len(known.elements), name
        mandatory = {at for at, element in enumerate(known.elements) if element.use == "M"}
        assert {at for at, e in enumerate(new.segments[name].elements) if e.use == "M"} >= mandatory, name


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        ("127", 30, 50),
        ("364", 80, 256),
        ("1035", 35, 60),
        ("1036", 25, 35),
        ("719", 6, 10),
        ("358", 10, 15),
        ("207", 10, 15),
        ("67", 80, 80),
        ("234", 48, 48),
        ("352", 80, 80),
    ],
)
def test_some_elements_are_longer_in_005010(number: str, old: int, new: int) -> None:
    assert guides.words("004010").elements[number].longest == old
    assert guides.words("005010").elements[number].longest == new


def test_a_long_reference_is_too_long_for_004010_only() -> None:
    for text in (
        f"REF*PO*{'9' * 31}",
        f"BSR*4*PA*{'9' * 31}*20260104",
        f"N9*ZZ**NOTE*20260104***PO:{'9' * 31}",
    ):
        assert [code for _, code in faults("004010", text)] == ["5"]
        assert faults("005010", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "ST*856*0001*005010X001",
        "AK1*PO*1*005010",
        "AK2*850*0001*005010X001",
        "B10*P1*S1*RRFL*****20260104*1015",
        "BIG*20260104*INV1*********0001",
        "L11*R1*PO**20260104*Y",
        "N4*TORONTO**M5V 2T6*CA***ON",
        "OID*SO1*P1001**CTN*10*****A13",
        "MEA*PD*WT*12********ZZ*LB",
    ],
)
def test_places_that_005010_added_are_one_too_many_in_004010(text: str) -> None:
    assert faults("005010", text) == []
    assert "3" in {code for _, code in faults("004010", text)}


def test_the_packaging_of_an_order_is_a_unit_in_004010_and_a_packaging_form_in_005010() -> None:
    assert faults("004010", "OID*SO1*P1001**CT*10") == []
    assert faults("005010", "OID*SO1*P1001**CT*10") == [(4, "4")]
    assert faults("005010", "OID*SO1*P1001**CTN*10") == []


@pytest.mark.parametrize(
    "text",
    [
        "IK3*NM1*8*2010*8",
        "IK4*2:1:3*782*1*12.3.4",
        "IK5*R*5",
        "CTX*SITUATIONAL TRIGGER*CLM*43**5:3*C023:1325",
        "CTX*SITUATIONAL TRIGGER^PO NUMBER:P1001",
        "AK9*P*2*2*1",
    ],
)
def test_a_999_is_described_in_005010(text: str) -> None:
    known, _ = segment("005010", text)
    assert known.described
    assert faults("005010", text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IK3*NM1", [(2, "1")]),
        ("IK4**782*1", [(1, "1")]),
        ("IK4*2*782", [(3, "1")]),
        ("IK5*Q", [(1, "7")]),
        ("CTX**CLM", [(1, "1")]),
        ("N4*TORONTO*ON*M5V 2T6*CA***ON", [(7, "10")]),
    ],
)
def test_what_is_wrong_with_a_999_is_told_too(text: str, expected: list[tuple[int, str]]) -> None:
    assert faults("005010", text) == expected


def test_the_eleventh_place_of_the_isa_is_the_repetition_separator_since_005010() -> None:
    old, new = (guides.words(release).segments["ISA"].elements for release in RELEASES)
    assert (old[10].reference, new[10].reference) == ("I10", "I65")
    assert [one.reference for one in old[11:]] == [one.reference for one in new[11:]]


def test_only_what_may_repeat_repeats() -> None:
    repeating = {
        (release, name, place)
        for release in RELEASES
        for name, known in guides.words(release).segments.items()
        for place, element in enumerate(known.elements, 1)
        if element.repeats > 1
    }
    assert repeating == {("005010", "CTX", 1), ("005010", "DMG", 5)}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.toml")), ids=lambda path: path.stem)
def test_each_file_says_where_its_facts_are_from_and_under_which_licence(path: Path) -> None:
    data = tomllib.loads(path.read_text("utf-8"))
    assert data["source"].strip(), "which lists or guides it was made from"
    assert data["licence"].strip(), "what may be done with it"
    assert "text" not in data, "texts of the standard are never shipped"
