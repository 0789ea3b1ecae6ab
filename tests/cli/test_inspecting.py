"""``crossdock x12 inspect``: a file as a person reads it, every byte accounted for, what is wrong at its place."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crossdock.formats.x12 import Code

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
SAMPLES = ROOT / "mappings/inbound"
CLEAN = SAMPLES / "x12_855/samples/clean.edi"
BACKORDER = SAMPLES / "x12_855/samples/backorder_with_new_date.edi"
LEVELS = SAMPLES / "x12_856/samples/hostile_broken_levels.edi"
INVOICE = SAMPLES / "x12_810/samples/hostile_numbers.edi"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """The backorder with a quantity that is none, and a date that does not exist."""
    file = tmp_path / "broken.edi"
    body = BACKORDER.read_bytes()
    body = body.replace(b"ACK*IA*60*", b"ACK*IA*six*", 1).replace(b"*067*20261211", b"*067*20261399", 1)
    file.write_bytes(body)
    return file


def line_of(shown: str, text: str) -> int:
    """The number of the line that holds this."""
    return next(number for number, line in enumerate(shown.splitlines()) if text in line)


# -- the JSON -----------------------------------------------------------------------------------------------------


def test_a_clean_file_is_shown_with_its_envelopes(crossdock: Any) -> None:
    ran = crossdock("x12", "inspect", str(CLEAN), "--json")
    assert ran.exit_code == 0
    found = ran.json
    assert found["bytes"] == found["bytes_accounted"] == CLEAN.stat().st_size
    assert found["findings"] == []
    interchange = found["interchanges"][0]
    assert interchange["sender"] == {"qualifier": "ZZ", "id": "ACMESUPPLY"}
    assert interchange["closed"]
    assert interchange["acknowledgement"]["word"] == "A"
    transaction_set = interchange["groups"][0]["transaction_sets"][0]
    assert transaction_set["set"] == "855"
    assert transaction_set["name"] == "Purchase Order Acknowledgment"
    body = CLEAN.read_bytes()[transaction_set["offset"] :][: transaction_set["length"]]
    assert body.startswith(b"ST")
    assert body.count(b"~") == transaction_set["segments"] == len(transaction_set["lines"])
    shown = crossdock("x12", "inspect", str(CLEAN), "--segments")
    assert "ZZ/ACMESUPPLY to ZZ/CROSSDOCK" in shown.stdout
    assert "BAK*" in shown.stdout


def test_a_set_in_a_group_of_another_kind_is_named_at_its_place(crossdock: Any, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.edi"
    file.write_bytes(CLEAN.read_bytes().replace(b"GS*PR*", b"GS*IN*", 1))
    ran = crossdock("x12", "inspect", str(file), "--json")
    assert ran.exit_code == 1
    (found,) = ran.json["findings"]
    assert found["code"] == "X12.ST_NOT_IN_GROUP"
    assert file.read_bytes()[found["offset"] :].startswith(b"ST*855")
    group = ran.json["interchanges"][0]["groups"][0]
    assert group["acknowledgement"]["word"] == "E"
    assert "that of 855 is 'PR'" in crossdock("x12", "inspect", str(file)).stdout


def test_the_json_names_segments_loops_elements_and_what_they_say(crossdock: Any) -> None:
    found = crossdock("x12", "inspect", str(BACKORDER), "--json").json
    entry = found["interchanges"][0]["groups"][0]["transaction_sets"][0]
    assert {"path": "PO1/ACK", "count": 4} in entry["loops"]
    line = next(one for one in entry["lines"] if one["id"] == "ACK" and one["loop"] == "PO1/ACK")
    assert (line["name"], line["turn"], line["depth"]) == ("Line Item Acknowledgment", 1, 2)
    status = line["elements"][0]
    assert (status["reference"], status["value"], status["says"]) == ("668", "IA", "accepted")
    body = BACKORDER.read_bytes()
    assert all(
        body[one["offset"] : one["offset"] + one["length"]].startswith(one["id"].encode())
        for one in entry["lines"]
    )


def test_a_problem_says_what_the_997_would_say(crossdock: Any, broken: Path) -> None:
    ran = crossdock("x12", "inspect", str(broken), "--json")
    assert ran.exit_code == 1
    group = ran.json["interchanges"][0]["groups"][0]
    entry = group["transaction_sets"][0]
    quantity, date = entry["problems"]
    assert quantity["elements"] == [
        {"element": 2, "component": None, "repetition": None, "reference": "380", "code": "6", "value": "six"}
    ]
    assert broken.read_bytes()[quantity["offset"] :].startswith(b"six")
    assert broken.read_bytes()[date["offset"] :].startswith(b"20261399")
    answer = entry["acknowledgement"]
    assert (answer["kind"], answer["word"], answer["codes"][0]["code"]) == ("997", "R", "5")
    assert ["AK4", "2", "380", "6", "six"] in answer["segments"]
    assert group["acknowledgement"]["segments"][-1] == ["AK9", "R", "1", "1", "0"]


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("x12_*/samples/*.edi")), ids=lambda path: path.name)
def test_what_it_says_of_a_set_is_what_try_would_answer(crossdock: Any, sample: Path) -> None:
    """The same AK5 (IK5), as far as the answer names the set."""
    tried = crossdock("try", str(sample), "--json").json
    told: dict[str, set[str]] = {}
    for answer in tried["acknowledgements"]:
        number = ""
        for segment in answer["body_text"].split("~"):
            element = segment.strip().split("*")
            if element[0] == "AK2":
                number = f"{element[1]} {element[2]}"
            if element[0] in ("AK5", "IK5"):
                told.setdefault(number, set()).add(element[1])
    found = crossdock("x12", "inspect", str(sample), "--json").json
    said: dict[str, set[str]] = {}
    for interchange in found["interchanges"]:
        for group in interchange["groups"]:
            for entry in group["transaction_sets"]:
                name = f"{entry['set']} {entry['control_number']}"
                said.setdefault(name, set()).add(entry["acknowledgement"]["word"])
    assert {name: said.get(name) for name in told} == told


def test_several_files_are_one_answer(crossdock: Any) -> None:
    found = crossdock("x12", "inspect", str(CLEAN), str(BACKORDER), "--json").json
    assert [one["file"] for one in found["files"]] == [CLEAN.name, BACKORDER.name]


# -- the page -----------------------------------------------------------------------------------------------------


def test_a_segment_stands_with_its_name_number_and_byte(crossdock: Any) -> None:
    shown = crossdock("x12", "inspect", str(BACKORDER)).stdout
    lines = shown.splitlines()
    at = line_of(shown, "ACK*IB*15*")
    number, byte = lines[at].split()[:2]
    body = BACKORDER.read_bytes()
    assert body[int(byte) :].startswith(b"ACK*IB*15*")
    assert body[: int(byte)].count(b"~") + 1 == int(number)
    assert "Line Item Acknowledgment [PO1/ACK 2]" in lines[at]
    assert "backordered" in lines[at + 1] and "2026-12-04" in lines[at + 1]
    order, line = lines[line_of(shown, "BAK*")], lines[line_of(shown, "PO1*2*")]
    assert lines[at].index("ACK*") > line.index("PO1*") > order.index("BAK*")


def test_implied_decimals_are_shown_as_the_amount(crossdock: Any) -> None:
    shown = crossdock("x12", "inspect", str(INVOICE), "--limit", "9").stdout
    at = line_of(shown, "TDS*10000 ")
    assert "Amount: 100.00" in shown.splitlines()[at + 1]


def test_an_error_stands_under_its_element(crossdock: Any, broken: Path) -> None:
    shown = crossdock("x12", "inspect", str(broken)).stdout
    lines = shown.splitlines()
    at = line_of(shown, "ACK*IA*six*")
    assert lines[at + 1].strip() == "^^^"
    assert lines[at][lines[at + 1].index("^") :].startswith("six")
    assert "is 'six' and has a character that it may not have" in lines[at + 2]
    assert f"byte {broken.read_bytes().index(b'six')}" in lines[at + 2]
    assert "AK403 6" in lines[at + 2]
    assert "the 997 would say: R, rejected: segments are in error" in shown
    assert "the 997 would say of group 102: R, rejected" in shown


def test_a_caret_stands_under_its_element_behind_wide_and_hidden_characters(
    crossdock: Any, tmp_path: Path
) -> None:
    file = tmp_path / "wide.edi"
    body = BACKORDER.read_text("utf-8").replace("Acme Supply Co.*1*123456789", "東京\x07é*1*1", 1)
    file.write_text(body, "utf-8")
    lines = crossdock("x12", "inspect", str(file)).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "東京" in line)
    carets = [line.index("^") for line in lines[at + 1 : at + 5] if "^" in line]
    # each of the two characters takes two columns; the bell is shown as \x07
    assert [lines[at].index("東京"), lines[at].index("*1*1") + 3 + 2] == carets


def test_a_finding_points_at_its_byte(crossdock: Any, tmp_path: Path) -> None:
    broken = CLEAN.read_bytes().replace(b"\nSE*", b"\nSE*9", 1)
    file = tmp_path / "broken.edi"
    file.write_bytes(broken + b"junk")
    ran = crossdock("x12", "inspect", str(file), "--json")
    assert ran.exit_code == 1
    found = {finding["code"]: finding for finding in ran.json["findings"]}
    assert found["X12.SE_COUNT"]["segment"] is not None
    junk = found["X12.JUNK_AFTER_IEA"]
    assert (broken + b"junk")[junk["offset"] :] == b"junk"
    lines = crossdock("x12", "inspect", str(file)).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "SE01 is not" in line)
    column = lines[at - 1].index("^")
    assert lines[at - 2][column : column + 2] == "SE"
    assert "X12.SE_COUNT" in lines[at]
    at = next(number for number, line in enumerate(lines) if "X12.JUNK_AFTER_IEA, byte" in line)
    assert lines[at - 2][lines[at - 1].index("^") :] == "junk"


def test_levels_are_indented_and_a_parent_that_is_not_there_is_told(crossdock: Any) -> None:
    ran = crossdock("x12", "inspect", str(LEVELS))
    assert ran.exit_code == 1
    lines = ran.stdout.splitlines()
    at = line_of(ran.stdout, "HL*3*9*I")
    assert "names the parent 9, and no level before it has that number" in lines[at + 2]
    inner, outer = lines[line_of(ran.stdout, "HL*3*2*I")], lines[line_of(ran.stdout, "HL*2**O")]
    assert inner.index("HL*") == outer.index("HL*") + 2


def test_each_element_has_a_line_when_it_is_asked_for(crossdock: Any) -> None:
    shown = crossdock("x12", "inspect", str(BACKORDER), "--elements").stdout
    assert "ACK01       668  Line Item Status Code: IB = backordered" in shown
    assert "BAK03       324  Purchase Order Number: 4500123456" in shown


def test_a_set_of_a_release_without_a_guide_is_named_and_not_judged(crossdock: Any, tmp_path: Path) -> None:
    file = tmp_path / "unknown.edi"
    file.write_bytes(BACKORDER.read_bytes().replace(b"ST*855*", b"ST*301*"))
    ran = crossdock("x12", "inspect", str(file))
    assert ran.exit_code == 1
    assert "1 set refused" in ran.stdout
    assert "no guide for it" in ran.stdout
    assert "refused: it is not agreed that acme_supply sends us a 301" in ran.stdout
    plain = crossdock("x12", "inspect", str(file), "--standard")
    assert plain.exit_code == 1
    assert "refused: we have no mapping for a 301" in plain.stdout
    assert "this kind of transaction set is not supported" in ran.stdout


def test_an_acknowledgement_is_read_and_not_acknowledged(crossdock: Any) -> None:
    sample = next(iter(sorted((SAMPLES / "x12_997/samples").glob("*.edi"))))
    found = crossdock("x12", "inspect", str(sample), "--json").json
    group = found["interchanges"][0]["groups"][0]
    assert group["functional_id"] == "FA"
    assert group["acknowledgement"]["kind"] == "none"


def test_what_is_around_a_set_takes_it_along(crossdock: Any, tmp_path: Path) -> None:
    """A GE that counts wrong refuses the group, and every set in it, however right."""
    file = tmp_path / "group.edi"
    file.write_bytes(CLEAN.read_bytes().replace(b"GE*1*", b"GE*7*"))
    found = crossdock("x12", "inspect", str(file), "--json").json
    group = found["interchanges"][0]["groups"][0]
    assert group["acknowledgement"]["word"] == "R"
    assert group["acknowledgement"]["codes"][0]["code"] == "5"
    assert group["transaction_sets"][0]["acknowledgement"]["word"] == "R"


# -- what is shown of a long file -----------------------------------------------------------------------------------


def many(sets: int, *, wrong: int = 0) -> bytes:
    """An interchange of so many sets; the one with number ``wrong`` has a quantity that is none."""
    text = BACKORDER.read_text()
    begin, end = text.index("ST*"), text.index("GE*")
    one = text[begin:end]
    made = []
    for number in range(1, sets + 1):
        entry = one.replace("*0001", f"*{number:04}")
        made.append(entry.replace("ACK*IA*60*", "ACK*IA*six*", 1) if number == wrong else entry)
    return (text[:begin] + "".join(made) + text[end:].replace("GE*1*", f"GE*{sets}*", 1)).encode()


def test_a_long_file_is_shown_in_part_and_says_what_it_leaves_out(crossdock: Any, tmp_path: Path) -> None:
    file = tmp_path / "many.edi"
    file.write_bytes(many(2000, wrong=1500))
    assert file.stat().st_size > 700_000
    shown = crossdock("x12", "inspect", str(file)).stdout
    assert len(shown.splitlines()) < 120
    assert "2,000 transaction sets: 855 (2,000, something is wrong in 1)" in shown
    assert "something is wrong in 1 set: 1500" in shown
    assert "without segments: 1,997 sets" in shown
    assert "AK9*P*2000*2000*1999" in shown


def test_only_sets_with_errors_are_shown_when_that_is_asked(crossdock: Any, tmp_path: Path) -> None:
    file = tmp_path / "many.edi"
    file.write_bytes(many(40, wrong=17))
    shown = crossdock("x12", "inspect", str(file), "--errors").stdout
    assert "set 17: 855 0017" in shown
    assert "set 1: 855 0001" not in shown
    assert "is 'six' and has a character" in shown
    assert "nothing is wrong" in crossdock("x12", "inspect", str(CLEAN), "--errors").stdout


def test_an_error_of_the_envelope_is_not_denied_by_good_sets(crossdock: Any, tmp_path: Path) -> None:
    file = tmp_path / "envelope.edi"
    file.write_bytes(CLEAN.read_bytes().replace(b"IEA*1*", b"IEA*2*"))
    ran = crossdock("x12", "inspect", str(file), "--errors")
    assert ran.exit_code == 1
    last = ran.stdout.rstrip().splitlines()[-1]
    assert last == "nothing is wrong in the sets: it is around them, see above"
    right = crossdock("x12", "inspect", str(CLEAN), "--errors").stdout
    assert right.rstrip().splitlines()[-1] == "nothing is wrong in the sets"
    assert "    and 1 more set\n" in right


@pytest.mark.parametrize(
    ("body", "name"),
    [(b"%PDF-1.7 x", "a PDF"), (b"UNB+UNOA:2'", "EDIFACT"), (b"<a/>", "XML or HTML"), (b'{"a": 1}', "JSON")],
)
def test_another_format_is_called_by_its_name(crossdock: Any, tmp_path: Path, body: bytes, name: str) -> None:
    file = tmp_path / "other"
    file.write_bytes(body)
    (found,) = crossdock("x12", "inspect", str(file), "--json").json["findings"]
    assert found["code"] == "X12.NOT_X12"
    said = f"This is another format, not X12. It begins {body.decode()!r}, as {name} does."
    assert found["message"] == said


def test_one_set_is_shown_by_its_number(crossdock: Any, tmp_path: Path) -> None:
    file = tmp_path / "many.edi"
    file.write_bytes(many(40))
    shown = crossdock("x12", "inspect", str(file), "--set", "17", "--set", "19").stdout
    assert [line for line in shown.splitlines() if "  set " in line and "Purchase" in line] == [
        line for line in shown.splitlines() if "set 17: 855 0017" in line or "set 19: 855 0019" in line
    ]
    assert "there are 40 sets" in crossdock("x12", "inspect", str(file), "--set", "41").stdout


def test_of_a_long_set_the_places_of_its_errors_are_shown(crossdock: Any, tmp_path: Path) -> None:
    text = BACKORDER.read_text()
    begin, end = text.index("PO1*1*"), text.index("PO1*2*")
    lines = "".join(text[begin:end].replace("PO1*1*", f"PO1*{number}*") for number in range(1, 501))
    at = lines.index("PO1*400*")
    lines = lines[:at] + lines[at:].replace("ACK*IA*100*", "ACK*IA*ten*", 1)
    long = text[:begin] + lines + text[text.index("CTT*") :]
    file = tmp_path / "long.edi"
    file.write_text(long.replace("SE*13*", f"SE*{long[long.index('ST*') : long.index('GE*')].count('~')}*"))
    shown = crossdock("x12", "inspect", str(file)).stdout
    assert len(shown.splitlines()) < 160
    assert "PO1*400*" in shown and "PO1*300*" not in shown
    assert "is 'ten' and has a character" in shown
    assert "more segments" in shown and "--segments" in shown
    whole = crossdock("x12", "inspect", str(file), "--segments").stdout
    assert "PO1*300*" in whole


# -- what is agreed with a partner ----------------------------------------------------------------------------------


def test_a_partners_own_terms_are_what_it_is_read_by(
    crossdock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "partners"
    folder.mkdir()
    packaged = (ROOT / "mappings/partners/acme_supply.toml").read_text()
    own = packaged.replace('name = "acme_supply"', 'name = "acme_supply"', 1)
    own += '\n[overlay.855.own."PO1/ACK29"]\nOOS = "out of stock in our own words"\n'
    (folder / "acme_supply.toml").write_text(own)
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(folder))
    file = tmp_path / "own.edi"
    body = BACKORDER.read_text()
    file.write_text(
        body.replace("ACK*IB*15*EA*067*20261204", "ACK*IB*15*EA*067*20261204" + "*" * 24 + "OOS", 1)
    )
    for options in ((), ("--partner", "acme_supply")):
        shown = crossdock("x12", "inspect", str(file), *options).stdout
        assert "read by what is agreed with acme_supply" in shown
        assert "OOS: out of stock in our own words" in shown
    shown = crossdock("x12", "inspect", str(file), "--standard").stdout
    assert "out of stock in our own words" not in shown
    assert "sent by acme_supply; read by the plain guides" in shown
    assert crossdock("x12", "inspect", str(file), "--standard", "--partner", "acme_supply").exit_code == 2
    assert "acme_supply" not in crossdock("x12", "inspect", str(file), "--redact").stdout


def test_what_try_refuses_is_not_right_to_inspect(
    crossdock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An overlay, a 999, and delimiters of its own: all from the profile that the ISA names."""
    folder = tmp_path / "partners"
    folder.mkdir()
    (folder / "mill.toml").write_text(
        'name = "mill"\ntitle = "Mill"\nrole = "supplier"\nids = [["ZZ", "MILL"]]\nours = ["ZZ", "CROSSDOCK"]\n'
        'sets = ["855", "997"]\nacknowledge = "999"\nacknowledge_target = "supplier_edi"\nelement = "|"\n'
        'component = ":"\nsegment = "\'"\n\n[overlay.855]\nrequire = ["TD5"]\n'
    )
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(folder))
    file = tmp_path / "file.edi"
    body = CLEAN.read_bytes().replace(b"*ZZ*ACMESUPPLY     *", b"*ZZ*MILL           *")
    file.write_bytes(body.replace(b"GS*PR*ACMESUPPLY*", b"GS*PR*MILL*"))
    assert b"TD5*" not in body
    assert crossdock("try", str(file)).exit_code == 1
    ran = crossdock("x12", "inspect", str(file), "--json")
    assert ran.exit_code == 1
    (interchange,) = ran.json["interchanges"]
    assert interchange["agreed_with"] == "mill"
    answer = interchange["groups"][0]["acknowledgement"]
    assert (answer["kind"], answer["word"]) == ("999", "R")
    shown = crossdock("x12", "inspect", str(file)).stdout
    assert "AK9|R|1|1|0" in shown and "AK9*" not in shown
    plain = crossdock("x12", "inspect", str(file), "--standard", "--json")
    assert plain.exit_code == 0
    assert plain.json["interchanges"][0]["agreed_with"] is None


def test_a_profile_that_is_wrong_is_said_and_the_file_is_shown(
    crossdock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "partners"
    folder.mkdir()
    (folder / "mill.toml").write_text("name = ")
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(folder))
    ran = crossdock("x12", "inspect", str(CLEAN))
    assert ran.exit_code == 0
    assert "a profile is wrong" in ran.stderr
    assert "read by what is agreed with acme_supply" in ran.stdout


def test_what_is_not_agreed_with_the_partner_is_refused(crossdock: Any) -> None:
    shown = crossdock("x12", "inspect", str(CLEAN), "--partner", "roadrunner")
    assert "it is not agreed that roadrunner sends us a 855" in shown.stdout
    unknown = crossdock("x12", "inspect", str(CLEAN), "--partner", "roadrunne")
    assert unknown.exit_code == 2 and "roadrunner" in unknown.stderr


# -- what may be shared ---------------------------------------------------------------------------------------------

SECRET = b"ISA*03*USERNAME12*01*PASSWORD34*"


def with_security(body: bytes) -> bytes:
    return SECRET + body[len(SECRET) :]


@pytest.mark.parametrize("options", [(), ("--json",), ("--segments", "--elements"), ("--json", "--segments")])
def test_passwords_are_never_shown(crossdock: Any, tmp_path: Path, options: tuple[str, ...]) -> None:
    file = tmp_path / "secret.edi"
    body = with_security(CLEAN.read_bytes())
    hostile = [
        body,
        body.replace(b"ISA*03", b"ISA*3", 1),
        b"junk" + body + body.replace(b"IEA*1", b"IEA*3") + body[:60],
        body.replace(b"SE*", b"ISA*00*USERNAME12*00*PASSWORD34*ZZ~SE*", 1),
        body[: body.index(b"SE*")] + body[:40],
        body.replace(b"*", b"|")[:90],
        body + b"junk ISA*00*USERNAME12 x*00*PASSWORD34",
    ]
    for one in hostile:
        file.write_bytes(one)
        ran = crossdock("x12", "inspect", str(file), *options)
        assert "USERNAME" not in ran.stdout + ran.stderr, one[:200]
        assert "PASSWORD" not in ran.stdout + ran.stderr, one[:200]


def test_a_redacted_file_names_nobody_and_reads_the_same(crossdock: Any, tmp_path: Path) -> None:
    file, shared = tmp_path / "original.edi", tmp_path / "shared.edi"
    file.write_bytes(with_security(BACKORDER.read_bytes()).replace(b"ACK*IA*60*", b"ACK*IA*six*", 1))
    ran = crossdock("x12", "inspect", str(file), "--redact", "--output", str(shared))
    assert "wrote" in ran.stderr
    body, redacted = file.read_bytes(), shared.read_bytes()
    assert len(redacted) == len(body)
    words = "USERNAME PASSWORD ACMESUPPLY CROSSDOCK Acme Dallas 4500123456 123456789 PUMP-40 SO-88121 six"
    for word in words.split():
        assert word.encode() in body, word
        assert word.encode() not in redacted, word
        assert word not in ran.stdout, word
    before = crossdock("x12", "inspect", str(file), "--json").json
    after = crossdock("x12", "inspect", str(shared), "--json").json

    def places(document: Any) -> Any:
        entry = document["interchanges"][0]["groups"][0]["transaction_sets"][0]
        return (
            [(one["code"], one["offset"], one["segment"]) for one in document["findings"]],
            [(one["segment"], one["code"], one["offset"]) for one in entry["problems"]],
            [(line["offset"], line["length"], line["id"], line["loop"]) for line in entry["lines"]],
        )

    assert places(before) == places(after)
    # codes, dates and quantities are what the file is about
    assert b"ACK*IB*15*EA*067*20261204" in redacted
    # the same id is the same placeholder: what ISA06 names is what GS02 names
    isa, gs = redacted.split(b"~")[0].split(b"*"), redacted.split(b"~")[1].split(b"*")
    assert isa[6].strip() == gs[2] != isa[8].strip() == gs[3]


NAMES = (b"HARBOR FASTENERS", b"JANEDOE", b"SECRET9", b"HARBOR001", b"JANE")


def slipped(body: bytes, name: bytes) -> Iterator[bytes]:
    """The file with a name in the place of each element in turn: instead of it, and with the others one too late or
    one too early."""
    segments = body.split(b"~")
    for number, segment in enumerate(segments[1:], start=1):
        parts = segment.split(b"*")
        for place in range(1, len(parts) + 1):
            others = {
                b"*".join([*parts[:place], name, *parts[place + 1 :]]),
                b"*".join([*parts[:place], name, *parts[place:]]),
                b"*".join([*parts[:place], name, *parts[place + 2 :]]),
            }
            for other in sorted(others):
                yield b"~".join([*segments[:number], other, *segments[number + 1 :]])


@pytest.mark.parametrize(
    "sample", ["x12_855/samples/backorder_with_new_date", "x12_856/samples/short_and_backordered"]
)
def test_a_name_is_hidden_wherever_it_slipped_to_and_the_file_reads_the_same(sample: str) -> None:
    from crossdock.formats.x12 import read
    from crossdock.formats.x12.inspect import Inspector, View
    from crossdock.formats.x12.redact import Redactor
    from crossdock.inspecting import terms
    from crossdock.registry import Registry

    known = terms(Registry(), None)

    def fingerprint(body: bytes) -> str:
        inspector = Inspector(View(sets=0, listed=0), known)
        for item in read([body]):
            inspector.take(item)
        return inspector.digest

    body = (SAMPLES / f"{sample}.edi").read_bytes().replace(b"~\n", b"~").replace(b"~\r\n", b"~")
    for name in NAMES:
        for broken in slipped(body, name):
            out = io.BytesIO()
            Redactor().write(read([broken]), io.BytesIO(broken), out)
            shared = out.getvalue()
            assert len(shared) == len(broken)
            assert name not in shared, broken
            assert fingerprint(shared) == fingerprint(broken), broken


def test_codes_numbers_and_control_numbers_of_a_broken_file_stay(crossdock: Any, tmp_path: Path) -> None:
    file, shared = tmp_path / "broken.edi", tmp_path / "shared.edi"
    body = BACKORDER.read_bytes().replace(b"N1*SE*Acme Supply Co.*1*", b"N1*Acme Supply Co.*SE*1*", 1)
    file.write_bytes(body.replace(b"*0001~", b"*HARBOR001~").replace(b"*004010~", b"*004010VICS~"))
    ran = crossdock("x12", "inspect", str(file), "--redact", "--output", str(shared), "--json")
    assert ran.json["redacted"]["reads_the_same"]
    assert "in clear stay codes" in ran.stderr and "control numbers" in ran.stderr
    redacted = shared.read_bytes()
    assert b"HARBOR" not in redacted and b"Acme" not in redacted
    for stays in (b"*000000102*0*P*", b"*20261120*1402*102*X*004010VICS~", b"GE*1*102~", b"IEA*1*000000102~"):
        assert stays in redacted, stays
    for stays in (
        b"ACK*IB*15*EA*067*20261204~",
        b"PO1*1*100*EA*12.5*PE*BP*",
        b"BAK*00*AC*",
        b"CTT*2~",
    ):
        assert stays in redacted, stays
    # the set's own number is the same at both its ends
    opened, closed = (line for line in redacted.split(b"~") if line.strip().startswith((b"ST*", b"SE*")))
    assert opened.split(b"*")[2] == closed.split(b"*")[2] != b"HARBOR001"


def test_every_sample_is_redacted_without_changing_what_is_wrong_in_it(
    crossdock: Any, tmp_path: Path
) -> None:
    files = sorted(SAMPLES.glob("x12_*/samples/*.edi"))
    folder = tmp_path / "shared"
    for number in range(0, len(files), 40):
        folder.mkdir(exist_ok=True)
        names: dict[str, Path] = {}
        for file in files[number : number + 40]:
            copy = tmp_path / f"{file.parts[-3]}_{file.name}"
            copy.write_bytes(file.read_bytes())
            names[copy.name] = copy
        ran = crossdock(
            "x12", "inspect", *map(str, names.values()), "--redact", "--output", str(folder), "--json"
        )
        for document in ran.json["files"]:
            assert document["redacted"]["reads_the_same"], document["file"]


def test_check_digits_stay_right_and_wrong_ones_wrong() -> None:
    from crossdock.formats.x12.redact import Placeholders

    placeholders = Placeholders()
    right, wrong = placeholders.of("614141000036"), placeholders.of("614141000037")

    def is_right(number: str) -> bool:
        return sum(int(one) * (3 if at % 2 == 0 else 1) for at, one in enumerate(number)) % 10 == 0

    assert is_right("614141000036") and not is_right("614141000037")
    assert is_right(right) and not is_right(wrong)
    assert placeholders.of("614141000036") == right != wrong


def test_a_redacted_file_does_not_replace_the_original(crossdock: Any, tmp_path: Path) -> None:
    file = tmp_path / "order.edi"
    file.write_bytes(CLEAN.read_bytes())
    ran = crossdock("x12", "inspect", str(file), "--redact", "--output", str(file))
    assert ran.exit_code == 2 and "is the file itself" in ran.stderr
    assert file.read_bytes() == CLEAN.read_bytes()
    assert crossdock("x12", "inspect", str(file), "--output", str(tmp_path / "other.edi")).exit_code == 2


# -- the rest of the world ------------------------------------------------------------------------------------------


def test_a_file_comes_by_standard_input(crossdock: Any) -> None:
    assert crossdock("x12", "inspect", "-", "--json", stdin=CLEAN.read_bytes()).json["segments"] > 0
    assert "BAK*" in crossdock("x12", "inspect", "-", stdin=CLEAN.read_bytes()).stdout
    assert "ID1X" in crossdock("x12", "inspect", "-", "--redact", stdin=CLEAN.read_bytes()).stdout


def test_nothing_is_coloured_in_a_pipe(crossdock: Any, broken: Path) -> None:
    assert "\x1b" not in crossdock("x12", "inspect", str(broken)).stdout


@pytest.mark.parametrize("folder", ["x12", "x12-hipaa"])
def test_every_file_of_the_corpus_is_accounted_for_and_can_be_shared(crossdock: Any, folder: str) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real files is not beside this checkout")
    files = [
        path
        for path in sorted((CORPUS / folder).rglob("*"))
        if path.is_file() and path.suffix not in (".md", ".tsv")
    ]
    assert files
    known = set(map(str, Code))
    for begin in range(0, len(files), 50):
        some = files[begin : begin + 50]
        ran = crossdock("x12", "inspect", *map(str, some), "--json")
        assert ran.exit_code in (0, 1), ran.stderr
        documents = ran.json.get("files") or [ran.json]
        for path, found in zip(some, documents, strict=True):
            assert found["bytes"] == found["bytes_accounted"] == path.stat().st_size, path.name
            assert {finding["code"] for finding in found["findings"]} <= known, path.name
            assert all(0 <= finding["offset"] <= found["bytes"] for finding in found["findings"]), path.name
            is_right = not found["findings"] and '"problems": [{' not in json.dumps(found)
            assert not is_right or all(one["closed"] for one in found["interchanges"]), path.name
        shown = crossdock("x12", "inspect", *map(str, some))
        assert shown.exit_code == ran.exit_code
        shared = crossdock("x12", "inspect", *map(str, some), "--redact", "--limit", "0", "--json")
        for path, found in zip(some, shared.json.get("files") or [shared.json], strict=True):
            assert found["redacted"]["reads_the_same"], path.name
