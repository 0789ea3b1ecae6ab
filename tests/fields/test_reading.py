"""A fields.toml is checked when it is loaded: every mistake has its file, its line, and what was meant."""

from pathlib import Path

import pytest

from crossdock.errors import Misconfigured
from crossdock.fields import load
from crossdock.registry import Registry

GOOD = """\
title = "Picks"
version = "1"
timezone = "America/Chicago"

[sender]
role = "warehouse"
id = "wms"

[fields]
order = { from = "order", required = true }
at = { from = "at", time = "%m/%d/%Y" }

[lines]
each = "lines"

[lines.fields]
line = "line"
sku = "sku"
done = "done"
wanted = "wanted"
why = { from = "why", codes = "why" }
is_short = "to_number(done) < to_number(wanted)"

[units]
each = "EA"

[codes.why]
NONE_LEFT = { exception = "INV.SHORTAGE", cause = "out_of_stock", text = "none left" }

[every]
refs = [{ kind = "sales_order", of = "order", issuer = "ours" }]
at = "at"

[[fact]]
kind = "status"

[[exception]]
for = "line"
when = "is_short"
code = "FUL.SHORT_PICK"
code_of = "why"
title = "{affected} of {sku} miss on {order}"
line = { ref = "line", items = ["sku"], ordered = "wanted", affected = { of = "wanted", less = "done" } }
"""


def written(folder: Path, text: str, name: str = "picks") -> Path:
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    (path / "fields.toml").write_text(text)
    return path


def line_of(text: str, found: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if found in line)


def test_a_right_one_loads_and_its_version_changes_with_what_it_says(tmp_path: Path) -> None:
    first = load(written(tmp_path, GOOD))
    second = load(written(tmp_path, GOOD.replace("none left", "nothing left")))
    assert first.document == "picks"
    assert first.version.startswith("1-") and second.version.startswith("1-")
    assert first.version != second.version


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('title = "Picks"', 'titel = "Picks"', "unknown key 'titel' (did you mean 'title'?)"),
        ('timezone = "America/Chicago"', 'timezone = "Chicago"', "no time zone of the IANA database"),
        ('role = "warehouse"', 'role = "warehose"', "no role (did you mean 'warehouse'?)"),
        ('order = { from = "order", required = true }', 'order = { form = "order" }', "unknown key 'form'"),
        ('order = { from = "order", required = true }', 'order = { from = "order.[" }', "not complete"),
        ('order = { from = "order", required = true }', 'order = { from = "lenght(order)" }', "no function 'lenght'"),
        ('order = { from = "order", required = true }', 'order = { from = "o", value = "o" }', "either 'from'"),
        ('order = { from = "order", required = true }', 'order = { from = "o", required = 1 }', "true or false"),
        ('line = "line"', 'meaning = "line"', "cannot be the name of a field"),
        ('each = "lines"', 'ech = "lines"', "unknown key 'ech'"),
        ('time = "%m/%d/%Y"', 'time = "american"', "strptime"),
        ('codes = "why"', 'codes = "wye"', "there is no [codes.wye] (did you mean 'why'?)"),
        ('each = "EA"', 'each = "EACH"', "no unit of UN/ECE Rec 20"),
        ("INV.SHORTAGE", "INV.SHORTFALL", "the taxonomy has no code 'INV.SHORTFALL'"),
        ('cause = "out_of_stock"', 'cause = "Out of stock"', "no word of small letters"),
        ('kind = "sales_order"', 'kind = "sale_order"', "no kind of number (did you mean 'sales_order'?)"),
        ('issuer = "ours"', 'issuer = "us"', "ours or sender"),
        ('at = "at"', 'at = "time"', "there is no field 'time'"),
        ('kind = "status"', 'kind = "state"', "no kind of fact"),
        ('for = "line"', 'for = "lines"', "document or line"),
        ('when = "is_short"', 'when = "short"', "there is no field 'short' (did you mean 'is_short'?)"),
        ("FUL.SHORT_PICK", "FUL.SHORTPICK", "did you mean 'FUL.SHORT_PICK'?"),
        ('code_of = "why"', 'code_of = "sku"', "has no 'codes'"),
        ("{sku} miss", "{skew} miss", "there is no field 'skew'"),
        ('items = ["sku"]', 'items = ["skew"]', "there is no field 'skew'"),
        ('less = "done"', 'lesser = "done"', "unknown key 'lesser'"),
        ('[[fact]]\nkind = "status"\n', "", "there is no [[fact]]"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_file_and_its_line(
    tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    assert GOOD.count(right) == 1, right
    text = GOOD.replace(right, wrong)
    folder = written(tmp_path, text)
    with pytest.raises(Misconfigured) as caught:
        load(folder)
    assert complaint in str(caught.value)
    where, _, number = str(caught.value.where).rpartition(":")
    assert Path(where) == folder / "fields.toml"
    if wrong:
        nearest = [line_of(text, wrong.partition("\n")[0]), *_tables_above(text, wrong)]
        assert int(number) in nearest, caught.value


def _tables_above(text: str, wrong: str) -> list[int]:
    """An inline table has the line of its key, and what lacks a line that of the table that it is in."""
    found = line_of(text, wrong.partition("\n")[0])
    lines = text.splitlines()
    return [number for number in range(1, found + 1) if lines[number - 1].startswith("[")][-1:]


def test_a_field_of_the_lines_cannot_be_said_of_the_whole_document(tmp_path: Path) -> None:
    text = GOOD.replace('[[fact]]\nkind = "status"\n', '[[fact]]\nkind = "status"\nwhen = "is_short"\n')
    with pytest.raises(Misconfigured, match="it is a field of the lines"):
        load(written(tmp_path, text))


def test_what_is_like_another_takes_its_statements_and_says_only_where_things_are(tmp_path: Path) -> None:
    base = load(written(tmp_path, GOOD))
    text = (
        'like = "picks"\ntitle = "Delta"\nversion = "1"\n[fields]\norder = "header.no"\n[codes.why]\nX = {}\n'
    )
    other = load(written(tmp_path, text, "delta"))
    assert other.document == "delta"
    assert other.table.rows == base.table.rows
    assert other.table.fields["order"].query.text == "header.no"
    assert other.table.line_fields["sku"].query.text == "sku"
    assert set(other.table.codes["why"]) == {"X"}


@pytest.mark.parametrize(
    ("like", "complaint"),
    [
        ('"pics"', "did you mean 'picks'?"),
        ('"delta"', "another mapping's folder"),
        ('"../picks"', "another mapping's folder"),
        ("17", "another mapping's folder"),
        ('"third"', "is like another one itself"),
    ],
)
def test_like_names_a_folder_beside_it_that_is_like_no_other(
    tmp_path: Path, like: str, complaint: str
) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, 'like = "picks"\ntitle = "3"\nversion = "1"\n', "third")
    with pytest.raises(Misconfigured) as caught:
        load(written(tmp_path, f'title = "Delta"\nlike = {like}\nversion = "1"\n', "delta"))
    assert complaint in str(caught.value)
    assert str(caught.value.where).endswith("delta/fields.toml:2")


def test_the_registry_finds_a_folder_without_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "acme_mappings"
    written(package / "inbound", GOOD)
    written(package / "inbound", GOOD.replace("FUL.SHORT_PICK", "FUL.SHORTPICK"), "broken")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry(inbound_package="acme_mappings.inbound")
    found = registry.inbound("picks")
    assert found is not None and found.version.startswith("1-")
    assert "FUL.SHORTPICK" in str(registry.broken()["inbound/broken"])
    with pytest.raises(Misconfigured, match="SHORTPICK"):
        registry.inbound("broken")


def test_a_site_says_only_where_its_supplier_has_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'like = "supplier_order_status"\ntitle = "Echo"\nversion = "1"\n[fields]\npo = "ref"\n'
    written(tmp_path / "mappings" / "inbound", text, "echo_order_status")
    monkeypatch.setenv("CROSSDOCK_SITE_DIR", str(tmp_path))
    registry = Registry()
    found = registry.inbound("echo_order_status")
    packaged = registry.inbound("supplier_order_status")
    assert found is not None and packaged is not None
    assert registry.broken() == {}
