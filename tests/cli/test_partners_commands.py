"""``crossdock partner``: the profiles read back, checked with file and line, and shown to the partners."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crossdock.formats import x12
from crossdock.formats.x12 import guides
from crossdock.partners import Partner, Partners
from crossdock.partners.agreed import guide_of
from crossdock.partners.example import example
from crossdock.partners.guide_page import guide_page

OVERLAY = """\
[overlay.855]
require = ["DTM", "PO1/ACK", "BAK08"]

[overlay.855.codes]
"BAK02" = ["AC", "AD"]

[overlay.855.own."PO1/ACK29"]
OOS = "out of stock"
"""

PROFILE = """\
name = "north_mill"
title = "North | Mill *Ltd.*"
role = "supplier"
ids = [["01", "123456789"]]
ours = ["ZZ", "CROSSDOCK"]
timezone = "America/Chicago"
acknowledge_target = "supplier_edi"
element = "|"
segment = "'"
sets = ["855", "997"]

[receive.855]
acknowledge_accepted = false

[send]
sets = ["850"]

[clocks.order_acknowledged]
within = "3 business hours"

[overlay.855]
require = ["DTM", "PO1/ACK", "BAK08"]

[overlay.855.codes]
"BAK02" = ["AC", "AD"]

[overlay.855.own."PO1/ACK29"]
OOS = "out of stock"

[codes.ack29]
OOS = { text = "out of stock", exception = "INV.BACKORDER" }

[contact]
email = "edi@northmill.example"
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crossdock: Any) -> Write:
    """A profile of north_mill in the folder of the environment."""
    folder = tmp_path / "partners"
    folder.mkdir()
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(folder))

    def write(text: str) -> Path:
        path = folder / "north_mill.toml"
        path.write_text(text, "utf-8")
        return path

    return write


# ── list, show ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_says_what_goes_each_way(crossdock: Any) -> None:
    (acme,) = [
        each
        for each in crossdock("partner", "list", "--json").json["partners"]
        if each["name"] == "acme_supply"
    ]
    assert "855" in acme["sets"]
    assert "850" in acme["sends"]
    assert acme["role"] == "supplier"


def test_the_old_spelling_is_still_found_and_not_shown(crossdock: Any) -> None:
    assert crossdock("partners", "list", "--json").json == crossdock("partner", "list", "--json").json
    assert not re.search(r"^ +partners ", crossdock("--help").stdout, re.MULTILINE)


def test_a_partner_is_shown_with_what_its_file_leaves_out(crossdock: Any, write: Write) -> None:
    path = write(PROFILE)
    shown = crossdock("partner", "show", "north_mill", "--json").json
    assert shown["file"] == str(path)
    assert shown["duplicates"]["interchange"] == {"within_days": 30.0, "then": "reject"}
    assert shown["clocks"] == {
        "calendar": "us_business", "timezone": "America/Chicago", "order_acknowledged": "3 business hours"
    }  # fmt: skip
    assert shown["receive"] == {"855": {"acknowledge_accepted": False}}
    assert shown["codes"] == {"ack29 OOS": "out of stock (INV.BACKORDER)"}
    assert "3 business hours" in crossdock("partner", "show", "north_mill").stdout


def test_every_field_of_a_partner_is_shown(crossdock: Any) -> None:
    import dataclasses

    shown = crossdock("partner", "show", "roadrunner", "--json").json
    assert set(shown) == {field.name for field in dataclasses.fields(Partner)} | {"file"}


@pytest.mark.parametrize("word", ["show", "diff", "guide", "check"])
def test_a_name_that_nobody_has_is_answered_with_the_nearest(crossdock: Any, word: str) -> None:
    ran = crossdock("partner", word, "acme_suply")
    assert ran.exit_code == 2
    assert "did you mean 'acme_supply'" in ran.stderr


# ── check ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_right_profile_is_right(crossdock: Any, write: Write) -> None:
    write(PROFILE)
    ran = crossdock("partner", "check", "north_mill")
    assert (ran.exit_code, ran.stdout) == (0, "1 profile is right\n")


def test_every_mistake_of_a_profile_is_told_with_file_and_line(crossdock: Any, write: Write) -> None:
    path = write(
        PROFILE.replace("role =", "rule =")
        .replace('"3 business hours"', '"3 hrs"')
        .replace('"BAK08"', '"BAK99"')
    )
    ran = crossdock("partner", "check", "north_mill", "--json")
    assert ran.exit_code == 1
    assert ran.json["ok"] is False
    assert ran.json["checked"] == [{"file": str(path), "partner": None}]
    assert [(one["file"], one["line"]) for one in ran.json["problems"]] == [
        (str(path), 3),
        (str(path), 19),
        (str(path), 22),
    ]
    assert "BAK of the 855 of 004010 has 10 elements" in ran.json["problems"][2]["sentence"]
    told = crossdock("partner", "check", "north_mill").stdout.splitlines()
    assert told[0] == f"{path}:3: unknown field 'rule' (did you mean 'role'?)"


@pytest.mark.parametrize(
    ("change", "line", "sentence"),
    [
        (
            ('"supplier_edi"', '"suplier_edi"'),
            7,
            "no connector is called 'suplier_edi' (did you mean 'supplier_edi'?)",
        ),
        (('"supplier_edi"', '"carrier"'), 7, "is not written to"),
        (('["855", "997"]', '["855", "997", "816"]'), 10, "no mapping reads 816"),
        (
            ('sets = ["850"]', 'sets = ["850", "816"]'),
            16,
            "no guide describes 816: what we send is not checked",
        ),
        ((OVERLAY, '[overlay.860]\nrequire = ["DTM"]\n'), 21, "860 is not agreed in either direction"),
        (('["01", "123456789"]', '["ZZ", "ACMESUPPLY"]'), 4, "is already that of 'acme_supply'"),
        (
            (
                '"BAK02" = ["AC", "AD"]',
                '"PO1/ACK01" = ["IA", "IB"]\n\n[codes.x12-668]\nZH = { text = "held" }',
            ),
            28,
            "[codes.x12-668] says what 'ZH' means, and at PO1/ACK01 the 855 takes only IA, IB: a document with 'ZH' "
            'is refused; add it to [overlay.855.own."PO1/ACK01"] too',
        ),
        (
            ('["01", "123456789"]', '["01", "12345678901234567"]'),
            4,
            "'ids' has the id '12345678901234567' of 17 characters; ISA06 and ISA08 hold 15 at most",
        ),
        (
            ('email = "edi@northmill.example"', 'email = "edi@northmill.example"\nexpect_within = "4h"'),
            35,
            "unknown field 'expect_within' of [contact]; expect_within belongs above the first [table]",
        ),
        (
            ('exception = "INV.BACKORDER" }', 'exception = "INV.BACKORDER" }\nexpect_within = "4h"'),
            32,
            "expect_within belongs above the first [table]",
        ),
        (
            (
                'email = "edi@northmill.example"',
                'email = "edi@northmill.example"\n\n[lists.supplier_backorder]\n',
            ),
            36,
            "no list is called 'supplier_backorder' (did you mean 'supplier_backorders'?)",
        ),
        (
            (
                'email = "edi@northmill.example"',
                'email = "edi@northmill.example"\n\n[lists.supplier_backorders.columns]\netaa = ["ETA"]\n',
            ),
            37,
            "supplier_backorders has no field 'etaa' (did you mean 'eta'?)",
        ),
        (
            (
                'email = "edi@northmill.example"',
                'email = "edi@northmill.example"\n\n[lists.supplier_stock]\nreport_to = "suplier_files"\n',
            ),
            36,
            "no connector is called so (did you mean 'supplier_files'?)",
        ),
    ],
)
def test_what_a_profile_relies_on_is_looked_for(
    crossdock: Any, write: Write, change: tuple[str, str], line: int, sentence: str
) -> None:
    text = PROFILE.replace(*change)
    assert text != PROFILE
    path = write(text)
    ran = crossdock("partner", "check", "north_mill")
    assert ran.exit_code == 1
    told = [each for each in ran.stdout.splitlines() if sentence in each]
    assert told, ran.stdout
    assert told[0].startswith(f"{path}:{line}: ")


def test_a_code_that_the_overlay_takes_or_that_is_only_noted_is_no_mistake(
    crossdock: Any, write: Write
) -> None:
    codes = '"PO1/ACK01" = ["IA", "IB"]\n\n[codes.x12-668]\nZH = { text = "held" }'
    text = PROFILE.replace('"BAK02" = ["AC", "AD"]', codes)
    write(text)
    assert crossdock("partner", "check", "north_mill").exit_code == 1
    write(text.replace('["IA", "IB"]', '["IA", "IB", "ZH"]'))
    assert crossdock("partner", "check", "north_mill").exit_code == 0
    write(text.replace("[overlay.855]\n", '[overlay.855]\nseverity = "note"\n'))
    assert crossdock("partner", "check", "north_mill").exit_code == 0
    write(text + '\n[overlay.855.own."PO1/ACK01"]\nZH = "held"\n')
    assert crossdock("partner", "check", "north_mill").exit_code == 0


def test_a_release_without_a_guide_is_right_and_what_is_used_instead_is_said(
    crossdock: Any, write: Write
) -> None:
    path = write(PROFILE.replace('role = "supplier"', 'role = "supplier"\nrelease = "006020"'))
    ran = crossdock("partner", "check", "north_mill")
    assert ran.exit_code == 0
    assert ran.stdout.splitlines() == [
        f"{path}:4: warning: there is no guide of release 006020 for 850: it is checked by that of 005010",
        f"{path}:4: warning: there is no guide of release 006020 for 855: it is checked by that of 005010",
        "1 profile is right",
    ]
    told = crossdock("partner", "check", "north_mill", "--json").json
    assert told["ok"] is True
    assert [one["warning"] for one in told["problems"]] == [True, True]
    page = crossdock("partner", "guide", "north_mill").stdout
    assert "Ours: release 006020" in page
    assert "We have no guide of that release: we check 850 of 006020 by that of 005010." in page
    write(PROFILE)
    assert "no guide of that release" not in crossdock("partner", "guide", "north_mill").stdout
    shown = crossdock("partner", "diff", "north_mill", "--release", "006010").stdout
    assert "855 of 005010: there is no guide of 006010" in shown
    assert "there is no guide" not in crossdock("partner", "diff", "north_mill", "--release", "005010").stdout


def test_the_page_of_a_partner_that_tests_says_what_counts_now(crossdock: Any, write: Write) -> None:
    write(PROFILE.replace('role = "supplier"', 'role = "supplier"\nusage = "T"'))
    page = crossdock("partner", "guide", "north_mill").stdout
    assert "for now a file with ISA15 `T` is read and acknowledged, and one with `P` is set aside" in page
    assert "Production has ISA15 `T`" not in page
    write(PROFILE)
    assert "Production has ISA15 `P`" in crossdock("partner", "guide", "north_mill").stdout


def test_an_overlay_that_fits_one_release_only_loads_and_is_told(crossdock: Any, write: Write) -> None:
    only_newer = next(
        (element.place, segment.path)
        for segment in _segments("855", "005010")
        for element in segment.elements
        if element.place > len(_by_path("855", "004010").get(segment.path, segment).elements)
    )
    place, path = only_newer
    write(PROFILE.replace('"BAK08"', f'"{path}{place:02}"'))
    assert crossdock("partner", "list").exit_code == 0
    ran = crossdock("partner", "check", "north_mill")
    assert ran.exit_code == 1
    assert "[overlay.855] does not fit release 004010" in ran.stdout
    assert "release 005010" not in ran.stdout


def _segments(set_id: str, release: str) -> list[Any]:
    guide = guides.guide(set_id, release)
    assert guide is not None
    return [item for _, item in guide.describe().walk() if hasattr(item, "elements")]


def _by_path(set_id: str, release: str) -> dict[str, Any]:
    return {segment.path: segment for segment in _segments(set_id, release)}


def test_a_file_that_is_in_no_folder_yet_is_checked_against_those_that_are(
    crossdock: Any, tmp_path: Path
) -> None:
    path = tmp_path / "new.toml"
    path.write_text(PROFILE.replace('["01", "123456789"]', '["02", "RRFL"]'), "utf-8")
    ran = crossdock("partner", "check", str(path))
    assert ran.exit_code == 1
    assert (
        ran.stdout == f"{path}:4: id 02/RRFL is already that of 'roadrunner'; one id belongs to one partner\n"
    )
    path.write_text(
        PROFILE.replace("north_mill", "roadrunner").replace('["01", "123456789"]', '["02", "RRFL"]'), "utf-8"
    )
    assert crossdock("partner", "check", str(path)).exit_code == 0, "it would replace that profile"
    assert crossdock("partner", "check", str(tmp_path / "gone.toml")).exit_code == 2


def test_all_profiles_are_checked_at_once_those_that_do_not_load_included(
    crossdock: Any, write: Write
) -> None:
    packaged = crossdock("partner", "check", "--json").json
    path = write("name = ")
    ran = crossdock("partner", "check", "--json")
    assert ran.exit_code == 1
    assert len(ran.json["checked"]) == len(packaged["checked"]) + 1
    assert [
        (one["file"], one["line"]) for one in ran.json["problems"] if one not in packaged["problems"]
    ] == [(str(path), 1)]


def test_a_name_that_two_files_of_a_folder_have_is_told_before_it_stops_process(
    crossdock: Any, write: Write
) -> None:
    path = write(PROFILE)
    old = path.with_name("north_old.toml")
    old.write_text(PROFILE, "utf-8")
    assert crossdock("partner", "list").exit_code == 2
    for ran in (crossdock("partner", "check"), crossdock("partner", "check", str(path))):
        assert ran.exit_code == 1
        assert (
            f"{path}:1: partner 'north_mill' is also in north_old.toml; one partner is one file" in ran.stdout
        )
    ran = crossdock("partner", "check", "north_mill")
    assert ran.exit_code == 1
    assert "is also in north_" in ran.stdout
    path.unlink()
    ran = crossdock("partner", "check", "north_mill")
    assert (ran.exit_code, ran.stdout) == (
        1,
        f"{old}:1: the file of partner 'north_mill' is called north_mill.toml, and this is north_old.toml\n",
    )


def test_a_folder_of_profiles_that_is_none_is_told_before_it_stops_process(
    crossdock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path / "gone"))
    for arguments in ((), ("acme_supply",)):
        ran = crossdock("partner", "check", *arguments)
        assert ran.exit_code == 2
        assert "gone: is no folder; make it, or correct CROSSDOCK_PARTNERS_DIR" in ran.stderr


def test_an_id_that_two_profiles_have_is_told_of_each_of_them(crossdock: Any, write: Write) -> None:
    path = write(PROFILE)
    other = path.with_name("a_mill.toml")
    other.write_text(PROFILE.replace("north_mill", "a_mill"), "utf-8")
    for name in ("north_mill", "a_mill"):
        assert "id 01/123456789 is already that of" in crossdock("partner", "check", name).stdout, name


# ── diff ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_difference_between_a_partner_and_the_standard_is_said_in_sentences(
    crossdock: Any, write: Write
) -> None:
    write(PROFILE)
    (overlay,) = crossdock("partner", "diff", "north_mill", "--json").json["overlays"]
    assert (overlay["set"], overlay["release"]) == ("855", "004010")
    said = "\n".join(overlay["differences"])
    for word in ("DTM (Date/Time Reference) is required", "BAK02", "AC, AD", "OOS (out of stock)"):
        assert word in said
    assert said.splitlines()[0] in crossdock("partner", "diff", "north_mill", "855").stdout
    newer = crossdock("partner", "diff", "north_mill", "--release", "005010", "--json").json
    assert newer["overlays"][0]["release"] == "005010"


def test_a_partner_without_an_overlay_is_as_the_standard_is(crossdock: Any, write: Write) -> None:
    write(PROFILE)
    assert "the guides hold as they are" in crossdock("partner", "diff", "acme_supply").stdout
    assert crossdock("partner", "diff", "north_mill", "850", "--json").json["overlays"] == []
    ran = crossdock("partner", "diff", "north_mill", "85")
    assert ran.exit_code == 2
    assert "no guide describes '85'" in ran.stderr


# ── guide ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_says_what_the_profile_says(crossdock: Any, write: Write) -> None:
    write(PROFILE)
    page = crossdock("partner", "guide", "north_mill").stdout
    for word in (
        "# X12 between North | Mill \\*Ltd.\\* and us",
        "| you | 01/123456789: D-U-N-S number | 123456789 |",
        "| we | ZZ/CROSSDOCK: mutually agreed | CROSSDOCK |",
        "elements end with `|`",
        "| 855 | 997 | no, only what is wrong |",
        "| 850 | 997 | 24 hours |",
        "| you | 855 | 3 business hours |",
        "08:00 to 17:00 America/Chicago, Monday",
        "* DTM (Date/Time Reference) is required",
        "| BAK02 | Acknowledgment Type | must | [587] ID 2/2: AC, AD |",
        "| ack29 | `OOS` | out of stock |",
        "edi@northmill.example",
    ):
        assert word in page, word


def test_the_page_is_written_where_it_was_asked_for(crossdock: Any, tmp_path: Path) -> None:
    file = tmp_path / "acme.md"
    ran = crossdock("partner", "guide", "acme_supply", "--output", str(file))
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert file.read_text("utf-8").startswith("# X12 between Acme Supply Co. and us")
    assert crossdock("partner", "guide", "acme_supply", "--json").json["page"] == file.read_text("utf-8")
    ran = crossdock("partner", "guide", "acme_supply", "--output", str(tmp_path / "no" / "acme.md"))
    assert ran.exit_code == 2
    assert "cannot be written" in ran.stderr


def test_every_table_of_every_page_is_a_table() -> None:
    for partner in Partners.load():
        page = guide_page(partner)
        for block in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(widths) == 1, block


def examples() -> list[tuple[str, str, str]]:
    return [
        (partner.name, set_id, release)
        for partner in Partners.load()
        for set_id in partner.sets
        for release in guides.releases(set_id)
    ]


@pytest.mark.parametrize(("name", "set_id", "release"), examples())
def test_every_example_passes_our_own_check(name: str, set_id: str, release: str) -> None:
    partner = Partners.load().named(name)
    found = example(partner, set_id, release)
    assert found is not None, "no example could be made"
    _is_right(partner, found.body, set_id, release)


def _is_right(partner: Partner, body: bytes, set_id: str, release: str) -> None:
    items = list(x12.read(io.BytesIO(body)))
    assert [finding for finding in x12.findings_of(items) if finding.severity is not x12.Severity.INFO] == []
    (entry,) = [item for item in items if isinstance(item, x12.TransactionSet)]
    assert (entry.set_id, entry.version) == (set_id, release)
    assert (entry.interchange.sender_qualifier, entry.interchange.sender) == partner.ids[0]
    assert entry.interchange.usage == "T", "an example never becomes real"
    guide = guide_of(partner, set_id, release)
    assert guide is not None
    assert list(guide.check(entry)) == []


def test_an_example_obeys_the_overlay_where_no_sample_of_ours_does(write: Write) -> None:
    write(PROFILE.replace('"BAK08"]', '"BAK08", "BAK10", "TD5"]'))
    partner = Partners.load().named("north_mill")
    found = example(partner, "855", "004010")
    assert found is not None
    assert found.made, "no sample has a BAK10 and a TD5"
    assert b"TD5|" in found.body
    assert b"BAK|00|AC|" in found.body
    _is_right(partner, found.body, "855", "004010")


def test_where_nothing_can_obey_the_page_says_that_there_is_no_example(write: Write) -> None:
    write(PROFILE.replace('require = ["DTM"', 'forbid = ["BAK03"]\nrequire = ["DTM"'))
    partner = Partners.load().named("north_mill")
    assert example(partner, "855", "004010") is None
    assert "855: there is no example that obeys everything" in guide_page(partner)


def test_an_example_is_a_document_that_we_map(crossdock: Any, tmp_path: Path) -> None:
    found = example(Partners.load().named("acme_supply"), "855", "004010")
    assert found is not None
    assert not found.made
    file = tmp_path / "example.edi"
    file.write_bytes(found.body)
    aside = crossdock("try", str(file), "--json")
    assert aside.exit_code == 1
    assert [part["problem"]["code"] for part in aside.json["parts"]] == ["EDI.TEST_IN_PROD"]
    file.write_bytes(found.body.replace(b"*0*T*", b"*0*P*"))
    real = crossdock("try", str(file), "--json")
    assert real.exit_code == 0, real.stderr
    assert [part["partner"] for part in real.json["parts"]] == ["acme_supply"]
    assert len(real.json["facts"]) >= 1
