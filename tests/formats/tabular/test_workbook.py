"""XLSX lists: exact numbers and dates, and no door that a hostile workbook opens."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import pytest

from crossdock.errors import Unreadable
from crossdock.formats.tabular import BadRow, Dialect, Layout, Row, read

HEAD = ["PO", "Item", "Quantity", "ETA"]

Workbooks = Callable[..., bytes]


def rows_of(body: bytes, layout: Layout, dialect: Dialect | None = None) -> list[Row | BadRow]:
    return list(read(body, layout, dialect or Dialect()).rows)


def changed(body: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with another content of one of its parts."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change(content) if info.filename == name else content)
    return written.getvalue()


MIDNIGHT = datetime(2026, 12, 2)  # noqa: DTZ001 (a spreadsheet knows no zones)
MORNING = datetime(2026, 12, 1, 8, 30)  # noqa: DTZ001

SHEET = "xl/worksheets/sheet1.xml"


def test_numbers_and_dates_are_exact(layout: Layout, workbook: Workbooks) -> None:
    body = workbook(
        [
            HEAD,
            ["PO-1", "00123", 0.1 + 0.2, date(2026, 12, 1)],
            ["PO-2", 4006381333931, 1e3, MIDNIGHT],
        ]
    )
    first, second = rows_of(body, layout)
    assert isinstance(first, Row) and isinstance(second, Row)
    assert first.amount("quantity") == Decimal("0.3"), "as the spreadsheet shows it"
    assert first.text("item") == "00123"
    assert (first.day("eta"), second.day("eta")) == (date(2026, 12, 1), date(2026, 12, 2))
    assert second.text("item") == "4006381333931"
    assert second.amount("quantity") == 1000
    assert (first.number, first.offset) == (2, None)


def test_one_bad_row_of_a_workbook_is_one_bad_row(layout: Layout, workbook: Workbooks) -> None:
    rows = [[f"PO-{n}", "A", n, date(2026, 12, 1)] for n in range(1, 101)]
    rows[9][2] = "n/a"
    rows[10] = [None, None, None, None]
    found = rows_of(workbook([HEAD, *rows]), layout)
    assert len(found) == 99
    (wrong,) = [row for row in found if isinstance(row, BadRow)]
    assert (wrong.number, wrong.troubles[0].field) == (11, "Quantity (column C)")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["PO-1", "A", "#N/A", None], "an error of the spreadsheet"),
        (["PO-1", "A", 1, 46000], "format the column as a date"),
        (["PO-1", 1234567890123456789, 1, None], "keeps 15 digits"),
        (["PO-1", "A", True, None], "no number"),
        (["PO-1", "A", 1, MORNING], "without a time"),
        ([date(2026, 12, 1), "A", 1, None], "a text is wanted"),
        (["PO-1", "A", 1, date(1900, 1, 5)], "no date of this business"),
    ],
)
def test_what_a_cell_cannot_mean_is_told(
    layout: Layout, workbook: Workbooks, cells: list[object], said: str
) -> None:
    (wrong,) = rows_of(workbook([HEAD, cells]), layout)
    assert isinstance(wrong, BadRow)
    assert said in wrong.troubles[0].sentence


def test_the_sheet_is_the_declared_one_or_the_only_one(layout: Layout, workbook: Workbooks) -> None:
    body = workbook([HEAD, ["PO-1", "A", 1, None]], Notes=[["nothing"]])
    with pytest.raises(Unreadable, match="2 visible sheets") as refused:
        read(body, layout, Dialect())
    assert refused.value.code == "TABLE.SHEET"
    assert len(rows_of(body, layout, Dialect(sheet="List"))) == 1
    with pytest.raises(Unreadable, match="no sheet 'Other'"):
        read(body, layout, Dialect(sheet="Other"))


@pytest.mark.parametrize("name", [SHEET, "xl/workbook.xml", "[Content_Types].xml", "xl/styles.xml"])
def test_a_document_type_is_refused_in_every_part(layout: Layout, workbook: Workbooks, name: str) -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    plain = workbook([HEAD, ["PO-1", "A", 1, None]])
    body = changed(
        plain,
        name,
        lambda xml: laughs + xml.partition(b"?>")[2] if xml.startswith(b"<?xml") else laughs + xml,
    )
    with pytest.raises(Unreadable) as refused:
        rows_of(body, layout)
    assert refused.value.code == "XML.FORBIDDEN"


def test_a_document_type_in_utf16_is_refused_too(layout: Layout, workbook: Workbooks) -> None:
    def hidden(xml: bytes) -> bytes:
        text = xml.decode().partition("?>")[2] if xml.startswith(b"<?xml") else xml.decode()
        return ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]>' + text).encode(
            "utf-16"
        )

    body = changed(workbook([HEAD, ["PO-1", "A", 1, None]]), SHEET, hidden)
    with pytest.raises(Unreadable) as refused:
        rows_of(body, layout)
    assert refused.value.code == "XML.FORBIDDEN"


def test_a_bomb_is_refused_before_it_is_unpacked(layout: Layout, workbook: Workbooks) -> None:
    body = changed(
        workbook([HEAD, ["PO-1", "A", 1, None]]), "xl/styles.xml", lambda xml: xml + b" " * 20_000_000
    )
    with pytest.raises(Unreadable) as refused:
        rows_of(body, layout)
    assert refused.value.code == "ARCHIVE.LIMIT"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'<c r="A2"', b'<c r="XFD2"', "LIMIT.TABLE"),
        (b'<row r="2"', b'<row r="1048576"', "LIMIT.TABLE"),
        (b'<row r="2"', b'<row r="1"', "TABLE.WORKBOOK"),
        (b'<c r="B2"', b'<c r="A2"', "TABLE.WORKBOOK"),
        (b'<c r="B2"', b'<c r="B9"', "TABLE.WORKBOOK"),
        (b"</sheetData>", b"", "TABLE.WORKBOOK"),
    ],
)
def test_rows_and_cells_that_a_reader_would_pass_over_are_refused(
    layout: Layout, workbook: Workbooks, old: bytes, new: bytes, code: str
) -> None:
    plain = workbook([HEAD, ["PO-1", "A", 1, None]])
    body = changed(plain, SHEET, lambda xml: xml.replace(old, new))
    assert body != plain
    with pytest.raises(Unreadable) as refused:
        rows_of(body, layout)
    assert refused.value.code == code


def test_what_a_sheet_says_of_its_size_is_not_believed(layout: Layout, workbook: Workbooks) -> None:
    plain = workbook([HEAD, ["PO-1", "A", 1, None], ["PO-2", "B", 2, None]])
    for claim in (b'ref="A1:XFD1048576"', b'ref="A1:A1"'):
        body = changed(plain, SHEET, lambda xml, claim=claim: xml.replace(b'ref="A1:D3"', claim))
        assert len(rows_of(body, layout)) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512, "older form, or one with a password"),
        (b"PK\x03\x04rubbish", "archive"),
    ],
)
def test_what_is_no_workbook_is_told(layout: Layout, body: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        rows_of(body, layout)


def test_a_zip_that_is_no_workbook_is_told(layout: Layout) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("list.csv", "PO,Item\n")
    with pytest.raises(Unreadable, match=r"no workbook: .*list\.csv"):
        rows_of(written.getvalue(), layout)


def test_the_value_of_a_formula_is_what_was_last_computed(layout: Layout, workbook: Workbooks) -> None:
    plain = workbook([HEAD, ["PO-1", "A", 7, None]])
    body = changed(plain, SHEET, lambda xml: xml.replace(b"<v>7</v>", b"<f>3+4</f><v>7</v>"))
    (row,) = rows_of(body, layout)
    assert isinstance(row, Row) and row.amount("quantity") == 7


@pytest.mark.parametrize("written", [b"<f>3+4</f>", b"<f>3+4</f><v/>", b"<f>3+4</f><v></v>"])
def test_a_formula_that_nobody_computed_is_not_read_as_an_empty_cell(
    layout: Layout, workbook: Workbooks, written: bytes
) -> None:
    """So libraries write them; a person who opens the file sees the number."""
    plain = workbook([HEAD, ["PO-1", "A", 7, None], ["PO-2", "A", 8, None]])
    wrong, right = rows_of(changed(plain, SHEET, lambda xml: xml.replace(b"<v>7</v>", written)), layout)
    assert isinstance(wrong, BadRow) and isinstance(right, Row)
    assert "'a formula that was not computed'" in wrong.troubles[0].sentence
    assert wrong.troubles[0].field == "Quantity (column C)"


def test_half_a_character_in_a_cell_spoils_no_list(layout: Layout, workbook: Workbooks) -> None:
    first, second = rows_of(workbook([HEAD, ["PO_xD800_1", "A", 1, None], ["PO-2", "A", 2, None]]), layout)
    assert isinstance(first, Row) and isinstance(second, Row)
    assert first.text("po") == "PO_xD800_1"


def test_a_sheet_that_lies_somewhere_else_is_looked_at_all_the_same(
    layout: Layout, workbook: Workbooks
) -> None:
    plain = workbook([HEAD, ["PO-1", "A", 1, None], ["PO-2", "B", 2, None]])
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(written, "w") as new:
        for info in old.infolist():
            content = old.read(info).replace(b"worksheets/sheet1.xml", b"elsewhere/one.xml")
            content = content.replace(b'<row r="3"', b'<row r="2"')
            new.writestr(info.filename.replace("worksheets/sheet1.xml", "elsewhere/one.xml"), content)
    with pytest.raises(Unreadable, match="not in order"):
        rows_of(written.getvalue(), layout)


def test_a_sheet_of_empty_cells_is_refused_before_a_row_is_made(
    layout: Layout, workbook: Workbooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSDOCK_LIMITS", "archive_ratio=100000")  # which would refuse it before
    row = b"<row>" + b"<c/>" * 500 + b"</row>"
    body = changed(
        workbook([HEAD]), SHEET, lambda xml: xml.replace(b"</sheetData>", row * 4_001 + b"</sheetData>")
    )
    assert len(body) < 200_000
    with pytest.raises(Unreadable) as refused:
        rows_of(body, layout)
    assert refused.value.code == "LIMIT.TABLE"
    assert "2000000 cells" in str(refused.value)


def test_the_watch_over_computing_is_not_taken_for_a_bad_workbook(
    layout: Layout, workbook: Workbooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_long(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("crossdock.formats.tabular.workbook._cell", too_long)
    with pytest.raises(TimeoutError):
        rows_of(workbook([HEAD, ["PO-1", "A", 1, None]]), layout)
