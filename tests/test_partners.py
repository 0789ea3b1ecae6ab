"""Trading-partner profiles: found by the ids of the ISA, and refused with the line that is wrong."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from crossdock.calendars import Duration
from crossdock.errors import Misconfigured
from crossdock.partners import Expected, Item, Partner, Partners, Tolerance, Window
from crossdock.partners.qualifiers import QUALIFIERS

GOOD = """\
name = "north_mill"
title = "North Mill"
ids = [["01", "123456789"], ["ZZ", "NORTHMILL"]]
ours = ["ZZ", "CROSSDOCK"]
sets = ["855"]
acknowledge = "none"
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_demo_partners_are_found_by_padded_isa_ids() -> None:
    partners = Partners.load()
    acme = partners.find("ZZ", "ACMESUPPLY     ")
    assert acme is not None
    assert acme.name == "acme_supply"
    assert acme.acknowledge == "997"
    assert acme.ours == ("ZZ", "CROSSDOCK")
    carrier = partners.find("02", "RRFL")
    assert carrier is not None
    assert "214" in carrier.sets
    assert partners.find("ZZ", "RRFL") is None, "the qualifier is part of the id"
    assert partners.find("ZZ", "acmesupply") is None


def test_a_partner_in_the_folder_of_the_environment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Partners.load().find("ZZ", "NORTHMILL") is None
    write(tmp_path, "north.toml", GOOD)
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path))
    found = Partners.load()
    assert found.find("01", "123456789") is found.find("ZZ", "NORTHMILL")
    assert found.named("acme_supply").title == "Acme Supply Co."


def test_a_profile_of_the_same_name_in_that_folder_replaces_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "acme.toml", GOOD.replace("north_mill", "acme_supply"))
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path))
    partners = Partners.load()
    assert partners.named("acme_supply").title == "North Mill"
    assert partners.find("ZZ", "ACMESUPPLY") is None


@pytest.mark.parametrize(
    ("change", "line", "sentence"),
    [
        (("title =", "titel ="), 2, "unknown field 'titel' (did you mean 'title'?)"),
        (('"none"', '"998"'), 6, "acknowledge = '998' is not known"),
        (('["855"]', '["85"]'), 5, "'sets' must list"),
        (('["ZZ", "CROSSDOCK"]', '["ZZ"]'), 4, "'ours' must be [qualifier, id]"),
        (('"north_mill"', '"North Mill"'), 1, "must be small letters"),
        (('["ZZ", "NORTHMILL"]', '["ZZ", ""]'), 3, "'ids' must be [qualifier, id]"),
        (('acknowledge = "none"', 'timezone = "America/Chikago"'), 6, "is no IANA zone"),
        (('acknowledge = "none"', 'timezone = "../../etc/passwd"'), 6, "is no IANA zone"),
        (('acknowledge = "none"', 'element = "A"'), 6, "would cut data apart"),
        (('acknowledge = "none"', 'segment = "*"'), 1, "the delimiters must differ"),
        (('acknowledge = "none"', 'lenient = "yes"'), 6, "must be true or false"),
        (('acknowledge = "none"', 'acknowledge = "997"'), 6, "needs acknowledge_target"),
        (('acknowledge = "none"', "acknowledge ="), 6, "is not TOML"),
    ],
)
def test_a_wrong_profile_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, sentence: str
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    path = write(tmp_path, "north.toml", text)
    with pytest.raises(Misconfigured) as refused:
        Partners.load(tmp_path)
    told = [each for each in str(refused.value).splitlines() if sentence in each]
    assert told, str(refused.value)
    assert told[0].startswith(f"{path}:{line}: ")


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", GOOD.replace("title =", "titel =").replace('"none"', '"nonne"'))
    write(tmp_path, "b.toml", "name = ")
    with pytest.raises(Misconfigured) as refused:
        Partners.load(tmp_path)
    told = str(refused.value).splitlines()
    assert sum("a.toml" in each for each in told) == 3, told
    assert sum("b.toml" in each for each in told) == 1


def test_one_id_belongs_to_one_partner(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", GOOD)
    write(tmp_path, "b.toml", GOOD.replace("north_mill", "south_mill"))
    with pytest.raises(Misconfigured, match="01/123456789 is already that of 'north_mill'"):
        Partners.load(tmp_path)


def test_the_same_name_twice_in_a_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", GOOD)
    write(tmp_path, "b.toml", GOOD)
    with pytest.raises(Misconfigured, match=r"b\.toml:1: partner 'north_mill' is already in"):
        Partners.load(tmp_path)


def test_a_missing_folder_is_told_with_the_variable_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path / "gone"))
    with pytest.raises(Misconfigured, match="correct CROSSDOCK_PARTNERS_DIR"):
        Partners.load()


def test_asking_for_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(Misconfigured, match="did you mean 'acme_supply'"):
        Partners.load().named("acme_suply")


def test_a_partner_cannot_be_changed() -> None:
    partner = Partners.load().named("roadrunner")
    assert isinstance(partner, Partner)
    with pytest.raises(AttributeError):
        partner.lenient = True  # type: ignore[misc]


OWN = GOOD + "\n[codes.x12-668]\nQX = "


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (
            GOOD + '\n[codes.x12-669]\nQX = { text = "x" }\n',
            8,
            "no crosswalk is called 'x12-669' (did you mean",
        ),
        (OWN + '{ exception = "ORD.HOLD" }', 9, "must be a table with its meaning in 'text'"),
        (
            OWN + '{ text = "x", exception = "ORD.HOLT" }',
            9,
            "which the taxonomy lacks (did you mean 'ORD.HOLD'?)",
        ),
        (OWN + '{ text = "x", excetion = "ORD.HOLD" }', 9, "unknown field 'excetion'"),
        (OWN + '{ text = "x", normal = 1 }', 9, "normal must be true or false"),
    ],
)
def test_a_wrong_code_of_a_partner_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, sentence: str
) -> None:
    path = write(tmp_path, "north.toml", text)
    with pytest.raises(Misconfigured) as refused:
        Partners.load(tmp_path)
    assert str(refused.value).startswith(f"{path}:{line}: ")
    assert sentence in str(refused.value)


# ── the whole profile ────────────────────────────────────────────────────────────────────────────────────────

WHOLE = """\
name = "south_yard"
title = "South Yard"
role = "customer"
ids = [["14", "1234567890001"], ["01", "123456789"]]
ours = ["12", "2145550100"]
group_ids = ["SOUTHDC", "SOUTHDC2"]
timezone = "America/Denver"
release = "004010"
acknowledge = "999"
acknowledge_target = "supplier_edi"
expect = "997"
expect_within = "1 business day"
sequence = "gaps"
unwritable = "-"

[receive]
sets = ["850", "860"]

[receive.860]
acknowledge = "none"
acknowledge_accepted = false

[send]
sets = ["855", "810"]

[send.810]
release = "005010"
expect = "999"
expect_within = "4h"

[duplicates]
interchange = "60 days"
group = { within = "7 days", then = "reject" }
set = "ignore"

[clocks]
calendar = "us_banking"

[clocks.order_acknowledged]
within = "2 business hours"

[clocks.inquiry_answered]
off = true

[tolerances]
price = "0.5%"
amount = "1.00"
freight = "2%"

[items]
known_only = true

[items.map]
"VP:A-1" = { ours = "SKU-1", packs = { CA = "12", PL = "480" } }
"BP:9" = { each = "PR" }

[overlay.850]
require = ["DTM"]

[overlay.850.max]
"PO1" = 500

[codes.ack29]
OOS = { text = "out of stock", exception = "INV.BACKORDER" }

[codes.ref-zz]
PROMO = { text = "a promotion" }

[contact]
email = "edi@southyard.example"
"""


def whole(tmp_path: Path, *changes: tuple[str, str]) -> Partner:
    text = WHOLE
    for change in changes:
        assert change[0] in text
        text = text.replace(*change)
    write(tmp_path, "south.toml", text)
    return Partners.load(tmp_path).named("south_yard")


def test_sets_are_agreed_for_each_direction(tmp_path: Path) -> None:
    partner = whole(tmp_path)
    assert [one for one in ("850", "860", "855", "214") if partner.may_send(one)] == ["850", "860"]
    assert [one for one in ("850", "855", "810", "856") if partner.may_receive(one)] == ["855", "810"]


def test_the_acknowledgements_that_follow_need_no_agreement_of_their_own(tmp_path: Path) -> None:
    partner = whole(tmp_path)
    assert partner.may_send("997"), "we wait for a 997"
    assert partner.may_send("999"), "and for a 999 of the 810"
    assert partner.may_receive("999"), "we answer with a 999"
    assert not partner.may_receive("997")
    assert partner.may_send("TA1")
    silent = whole(tmp_path, ('expect = "997"', 'expect = "none"'), ('expect = "999"', 'expect = "none"'))
    assert not silent.may_send("997")
    assert not silent.may_send("999")


def test_each_set_is_acknowledged_as_it_is_agreed_and_an_acknowledgement_never_is(tmp_path: Path) -> None:
    partner = whole(tmp_path)
    assert [partner.acknowledgement_of(one) for one in ("850", "860", "997", "999", "TA1")] == [
        "999", "none", "none", "none", "none"
    ]  # fmt: skip
    assert partner.lists_accepted("850")
    assert not partner.lists_accepted("860")


def test_what_we_send_is_to_be_answered_within_the_time_of_that_set(tmp_path: Path) -> None:
    partner = whole(tmp_path)
    assert partner.expected_for("855") == Expected(kind="997", within=Duration(1, "day", True))
    assert partner.expected_for("810") == Expected(kind="999", within=Duration(4, "hour"))
    assert partner.expected_for("997") is None
    friday = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # 16:30 in Denver
    assert partner.acknowledgement_due("855", friday) == datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert partner.acknowledgement_due("810", friday) == friday + timedelta(hours=4)
    assert partner.acknowledgement_due("999", friday) is None


def test_each_set_is_written_in_its_release_and_a_999_in_one_that_has_it(tmp_path: Path) -> None:
    partner = whole(tmp_path)
    assert [partner.release_for(one) for one in ("855", "810", "997", "999")] == [
        "004010", "005010", "004010", "005010"
    ]  # fmt: skip


def test_what_we_write_is_addressed_to_the_first_of_its_ids_and_groups(tmp_path: Path) -> None:
    partner = whole(tmp_path)
    assert (partner.group_id, partner.group_id_of_ours) == ("SOUTHDC", "2145550100")
    plain = whole(tmp_path, ('group_ids = ["SOUTHDC", "SOUTHDC2"]\n', 'our_group_id = "XDC"\n'))
    assert (plain.group_id, plain.group_id_of_ours) == ("1234567890001", "XDC")


def test_a_suffix_on_a_duns_number_makes_no_second_partner(tmp_path: Path) -> None:
    write(tmp_path, "south.toml", WHOLE)
    partners = Partners.load(tmp_path)
    assert partners.find("14", "1234567890001  ") is partners.find("01", "123456789")


def test_who_wants_no_acknowledgement_gets_no_ta1_unless_it_is_said(tmp_path: Path) -> None:
    assert Partners.load(write(tmp_path, "north.toml", GOOD).parent).named("north_mill").ta1 == "never"
    some = GOOD + 'acknowledge_target = "supplier_edi"\n\n[receive.855]\nacknowledge = "999"\n'
    write(tmp_path, "north.toml", some)
    partner = Partners.load(tmp_path).named("north_mill")
    assert (partner.ta1, partner.acknowledgement_of("855")) == ("requested", "999")


def test_a_number_counts_as_a_duplicate_within_its_window_only(tmp_path: Path) -> None:
    windows = whole(tmp_path).duplicates
    assert windows.interchange == Window(timedelta(days=60), "reject")
    assert windows.group == Window(timedelta(days=7), "reject")
    then = datetime(2026, 1, 1, tzinfo=UTC)
    assert windows.group.covers(then, then + timedelta(days=7))
    assert not windows.group.covers(then, then + timedelta(days=7, seconds=1))
    assert not windows.set.covers(then, then), "nobody looks"
    usual = Partners.load().named("acme_supply").duplicates
    assert (usual.interchange.then, usual.group.then, usual.set.then) == ("reject", "flag", "flag")


def test_clocks_run_in_the_working_time_of_the_partner(tmp_path: Path) -> None:
    clocks = whole(tmp_path).clocks
    assert (clocks.calendar.name, clocks.calendar.timezone) == ("us_banking", "America/Denver")
    usual = Duration.parse("1 business day")
    assert clocks.limit("order_shipped", usual) == usual
    assert clocks.limit("inquiry_answered", usual) is None
    morning = datetime(2026, 11, 11, 18, tzinfo=UTC)  # Veterans Day: banks are closed
    assert clocks.due("order_acknowledged", morning, usual) == datetime(2026, 11, 12, 18, tzinfo=UTC)
    assert clocks.due("inquiry_answered", morning, usual) is None
    elsewhere = whole(tmp_path, ('calendar = "us_banking"', 'timezone = "Asia/Tokyo"')).clocks.calendar
    assert (elsewhere.name, elsewhere.timezone) == ("us_business", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("tolerance", "expected", "actual", "allowed"),
    [
        ("0", "10", "10.00", True),
        ("0", "10", "10.001", False),
        ("1.00", "10", "11", True),
        ("1.00", "10", "8.99", False),
        ("0.5%", "200", "201", True),
        ("0.5%", "200", "201.01", False),
        ("0.5%", "-200", "-199", True),
        ("5%", "0", "0.01", False),
    ],
)
def test_the_limit_of_a_tolerance_is_allowed_and_a_hair_more_is_not(
    tmp_path: Path, tolerance: str, expected: str, actual: str, allowed: bool
) -> None:
    found = whole(tmp_path, ('price = "0.5%"', f'price = "{tolerance}"')).tolerances.price
    assert str(found) == tolerance
    assert found.allows(Decimal(expected), Decimal(actual)) is allowed


def test_what_is_not_tolerated_by_a_word_is_not_tolerated(tmp_path: Path) -> None:
    found = whole(tmp_path).tolerances
    assert (found.amount, found.quantity) == (Tolerance(Decimal("1.00")), Tolerance())


def test_a_quantity_is_converted_by_the_packs_of_its_own_item_alone(tmp_path: Path) -> None:
    items = whole(tmp_path).items
    item = items.find("vendor-item", "A-1")
    assert isinstance(item, Item)
    assert item.ours == "SKU-1"
    assert item.in_each(Decimal("2.5"), "XCS") == Decimal(30), "an X12 CA is a case here, not a can"
    assert item.in_each(Decimal(7), "EA") == 7
    assert item.in_each(Decimal(1), "XBX") is None, "nobody said what a box of it holds"
    pairs = items.find("buyer-item", "9")
    assert pairs is not None
    assert pairs.in_each(Decimal(1), "XCS") is None, "the packs of another item say nothing"
    assert items.find("buyer-item", "A-1") is None


def test_codes_of_ack29_and_ref_zz_are_its_own(tmp_path: Path) -> None:
    codes = whole(tmp_path).codes
    assert codes["ack29", "OOS"].exception == "INV.BACKORDER"
    assert codes["ref-zz", "PROMO"].text == "a promotion"


@pytest.mark.parametrize("qualifier", sorted(QUALIFIERS))
def test_every_qualifier_of_x12_may_stand_before_an_id(tmp_path: Path, qualifier: str) -> None:
    partner = whole(tmp_path, ('["12", "2145550100"]', f'["{qualifier}", "2145550100"]'))
    assert partner.ours == (qualifier, "2145550100")


@pytest.mark.parametrize(
    ("change", "line", "sentence"),
    [
        (('["12", "2145550100"]', '["X1", "2145550100"]'), 5, "has the qualifier 'X1', which X12 lacks"),
        (('["12", "2145550100"]', '["zz", "2145550100"]'), 5, "has the qualifier 'zz', which X12 lacks"),
        (('["01", "123456789"]', '["14", "1234567890001"]'), 4, "'ids' lists 14/1234567890001 twice"),
        (('["12", "2145550100"]', '["01", "123456789"]'), 5, "which is also one of the partner's own ids"),
        (('["SOUTHDC", "SOUTHDC2"]', '["A GROUP ID TOO LONG"]'), 6, "'group_ids' must list its GS ids"),
        (('role = "customer"', 'role = "custommer"'), 3, "did you mean 'customer'?"),
        (('expect_within = "1 business day"', 'expect_within = "soon"'), 12, "'soon' is no length of time"),
        (('unwritable = "-"', 'unwritable = "*"'), 14, "unwritable = '*' is a delimiter itself"),
        (('unwritable = "-"', 'unwritable = "drop"'), 14, "must be 'refuse' or one printable"),
        (('sequence = "gaps"', "sequence = true"), 13, "sequence = True is not known"),
        (('sequence = "gaps"', 'sets = ["850"]'), 13, "'sets' and 'receive.sets' say the same"),
        (('sequence = "gaps"', 'ta1 = "allways"'), 13, "did you mean 'always'?"),
        (('sets = ["850", "860"]', 'sets = ["850", "860", "850"]'), 17, "lists '850' twice"),
        (("[receive.860]", "[receive.870]"), 19, "870 is not among the sets of [receive]"),
        (
            ('acknowledge = "none"', 'acknowledge = "nein"'),
            20,
            "receive.860.acknowledge = 'nein' is not known",
        ),
        (
            ("acknowledge_accepted = false", "acknowledged = false"),
            21,
            "unknown field 'acknowledged' of [receive.860]",
        ),
        (('release = "005010"', 'release = "5010"'), 27, "send.810.release = '5010' must be six digits"),
        (('expect_within = "4h"', "expect_within = 4"), 29, "must be a text, as '24h'"),
        (('interchange = "60 days"', 'interchange = "60"'), 32, "'60' is no length of time"),
        (
            ('interchange = "60 days"', 'interchange = "6 business days"'),
            32,
            "must be plain time, as '30 days'",
        ),
        (('then = "reject"', 'then = "refuse"'), 33, "duplicates.group.then = 'refuse' is not known"),
        (('set = "ignore"', "set = 30"), 34, "'duplicates.set' must be '30 days', 'ignore' or"),
        (('"us_banking"', '"us_banks"'), 37, "did you mean 'us_banking'?"),
        (
            ("[clocks.order_acknowledged]", "[clocks.order_aknowledged]"),
            39,
            "did you mean 'order_acknowledged'?",
        ),
        (("off = true", "off = false"), 42, "says neither within, as '1 business day', nor off = true"),
        (("off = true", 'off = true\nwithin = "1h"'), 43, "says both off = true and within"),
        (('within = "2 business hours"', 'within = "0 days"'), 40, "would be over at once"),
        (('price = "0.5%"', 'price = "half"'), 46, "must be an amount or a percentage"),
        (('price = "0.5%"', 'price = "-1"'), 46, "must be an amount or a percentage"),
        (('price = "0.5%"', 'price = "101%"'), 46, "must be an amount or a percentage"),
        (('price = "0.5%"', 'prices = "0.5%"'), 46, "did you mean 'price'?"),
        (('"VP:A-1"', '"A-1"'), 54, "must begin with what its number is [235]"),
        (('"VP:A-1"', '"Q7:A-1"'), 54, "must begin with what its number is [235]"),
        (('CA = "12"', 'CASE = "12"'), 54, "'CASE' is no unit of element 355"),
        (('CA = "12"', 'CA = "0"'), 54, "CA = '0' must be how many are in it"),
        (('CA = "12"', 'EA = "12"'), 54, "counts the unit 'EA' in itself"),
        (('each = "PR"', 'eaches = "PR"'), 55, "did you mean 'each'?"),
        (("[overlay.850]", "[overlay.order]"), 57, "an overlay is of a transaction set"),
        (('require = ["DTM"]', 'require = ["DMT"]'), 58, "[overlay.850]: the 850 of"),
        (('require = ["DTM"]', 'require = "DTM"'), 58, "require must be a list of paths"),
        (('require = ["DTM"]', 'requires = ["DTM"]'), 58, "unknown field 'requires'"),
        (('"PO1" = 500', '"PO1" = "500"'), 61, "must be a whole number"),
        (("[codes.ack29]", "[codes.ack28]"), 63, "no crosswalk is called 'ack28' (did you mean 'ack29'?)"),
        (('email = "edi@southyard.example"', 'email = "southyard"'), 70, "must be an address"),
        (('email = "edi@southyard.example"', 'mail = "x"'), 70, "did you mean 'email'?"),
        (('[contact]\nemail = "edi@southyard.example"', "contact = 1"), 69, "code 'contact' must be a table"),
        (('acknowledge_target = "supplier_edi"\n', ""), 9, "needs acknowledge_target"),
    ],
)
def test_every_mistake_of_the_whole_profile_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, sentence: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        whole(tmp_path, change)
    told = [each for each in str(refused.value).splitlines() if sentence in each]
    assert told, str(refused.value)
    assert told[0].startswith(f"{tmp_path / 'south.toml'}:{line}: "), told


def test_an_acknowledgement_of_one_set_needs_somebody_who_sends_it_too(tmp_path: Path) -> None:
    write(tmp_path, "north.toml", GOOD + '\n[receive.855]\nacknowledge = "997"\n')
    with pytest.raises(Misconfigured, match=r"north\.toml:9: receive\.855\.acknowledge = '997' needs"):
        Partners.load(tmp_path)
    write(tmp_path, "north.toml", GOOD + 'ta1 = "always"\n')
    with pytest.raises(Misconfigured, match=r"north\.toml:7: ta1 = 'always' needs acknowledge_target"):
        Partners.load(tmp_path)


def test_a_999_is_of_no_release_that_has_none(tmp_path: Path) -> None:
    write(tmp_path, "north.toml", GOOD + '\n[send]\nsets = []\n\n[send.999]\nrelease = "004010"\n')
    with pytest.raises(Misconfigured, match=r"north\.toml:12: a 999 is of release 005010 or a later one"):
        Partners.load(tmp_path)


def test_a_broken_calendar_is_told_beside_the_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "calendars").mkdir()
    write(tmp_path / "calendars", "yard.toml", 'name = "yard"\n')
    monkeypatch.setenv("CROSSDOCK_CALENDARS_DIR", str(tmp_path / "calendars"))
    write(tmp_path, "north.toml", GOOD)
    with pytest.raises(Misconfigured, match=r"yard\.toml:1: 'title' is missing"):
        Partners.load(tmp_path)
