"""CSV lists: one bad row is one row, and nothing of how a file is written is guessed."""

import re
from datetime import date
from decimal import Decimal

import pytest

from crossdock.errors import Unreadable
from crossdock.formats.tabular import BadRow, Dialect, Layout, Row, read, write_csv
from crossdock.formats.tabular.csv_records import records

HEAD = b"PO,Item,Quantity,ETA\r\n"


def rows_of(body: bytes, layout: Layout, dialect: Dialect | None = None) -> list[Row | BadRow]:
    return list(read(body, layout, dialect or Dialect()).rows)


def good(found: list[Row | BadRow]) -> list[Row]:
    return [row for row in found if isinstance(row, Row)]


def bad(found: list[Row | BadRow]) -> list[BadRow]:
    return [row for row in found if isinstance(row, BadRow)]


def codes(found: list[Row | BadRow]) -> list[str]:
    return [trouble.code for row in bad(found) for trouble in row.troubles]


def test_one_bad_row_of_a_hundred_is_one_bad_row(layout: Layout) -> None:
    lines = [f"PO-{n},PUMP,{n},2026-12-01".encode() for n in range(1, 101)]
    lines[41] = b"PO-42,PUMP,many,2026-12-01"
    found = rows_of(HEAD + b"\r\n".join(lines), layout)
    assert len(good(found)) == 99
    (wrong,) = bad(found)
    assert wrong.number == 43, "a spreadsheet shows it as row 43: the header is row 1"
    assert wrong.troubles[0].field == "Quantity (column C)"
    assert wrong.troubles[0].sentence == "'Quantity' is 'many', and no number such as 1234.5"


def test_everything_that_is_wrong_in_a_row_is_told_at_once(layout: Layout) -> None:
    found = rows_of(HEAD + b",PUMP,-1,tomorrow\n", layout)
    assert codes(found) == ["ROW.MISSING", "ROW.NUMBER", "ROW.DATE"]


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_each_row_knows_the_bytes_that_it_stands_in(layout: Layout, end: bytes) -> None:
    body = b"\xef\xbb\xbf" + end.join(
        [HEAD.strip(), b'PO-1,"Pump, ""large""",1,', "PO-2,Ö,2,".encode(), b"", b"PO-3,C,x,", b""]
    )
    found = rows_of(body, layout)
    assert [body[row.offset : row.offset + row.length] for row in found] == [  # type: ignore[operator]
        b'PO-1,"Pump, ""large""",1,', "PO-2,Ö,2,".encode(), b"PO-3,C,x,",
    ]  # fmt: skip
    assert [row.number for row in found] == [2, 3, 5], "a blank row counts, as a spreadsheet counts it"


def test_a_line_break_in_quotes_is_one_row(layout: Layout) -> None:
    found = rows_of(HEAD + b'PO-1,"Pump\nlarge",1,\nPO-2,Hose,2,\n', layout)
    assert [row.text("item") for row in good(found)] == ["Pump\nlarge", "Hose"]
    assert [row.number for row in found] == [2, 3]


def test_a_quote_that_never_closes_spoils_its_own_row_alone(layout: Layout) -> None:
    found = rows_of(HEAD + b'PO-1,A,1,\nPO-2,"B,2,\nPO-3,C,3,\nPO-4,D,4,\n', layout)
    assert [row.text("po") for row in good(found)] == ["PO-1", "PO-3", "PO-4"]
    assert codes(found) == ["ROW.QUOTES"]


def test_a_quote_that_closes_in_the_row_of_another_spoils_its_own_row_alone(layout: Layout) -> None:
    found = rows_of(HEAD + b'PO-1,"A,1,\nPO-2,"B",2,\nPO-3,C,3,\n', layout)
    assert [row.text("po") for row in good(found)] == ["PO-2", "PO-3"]
    assert codes(found) == ["ROW.QUOTES"]


def test_where_nothing_is_quoted_a_quote_is_a_character(layout: Layout) -> None:
    found = rows_of(HEAD + b'PO-1,"A,1,\nPO-2,B",2,\n', layout, Dialect(quote=""))
    assert [row.text("item") for row in good(found)] == ['"A', 'B"']


def test_inches_are_no_quotes(layout: Layout) -> None:
    (row,) = good(rows_of(HEAD + b'PO-1,5" pipe,1,\n', layout))
    assert row.text("item") == '5" pipe'


@pytest.mark.parametrize("line", [b"PO-1,A,1", b"PO-1,A,1,,5", b"PO-1,A,1,500,2026-12-01"])
def test_a_row_with_other_cells_than_the_header_is_not_read_as_if_it_fitted(
    layout: Layout, line: bytes
) -> None:
    assert codes(rows_of(HEAD + line, layout)) == ["ROW.CELLS"]


def test_a_row_that_ends_in_empty_cells_beyond_the_header_is_a_row(layout: Layout) -> None:
    assert good(rows_of(HEAD + b"PO-1,A,1,,,,\n", layout))


def test_a_nul_spoils_its_own_row(layout: Layout) -> None:
    found = rows_of(HEAD + b"PO-1,A\x00,1,\nPO-2,B,2,\n", layout)
    assert codes(found) == ["ROW.CONTROL"]
    assert len(good(found)) == 1


# -- how it is written ---------------------------------------------------------------------------------------


def test_a_byte_that_is_no_utf8_spoils_its_own_row_and_says_what_to_do(layout: Layout) -> None:
    found = rows_of(HEAD + b"PO-1,Sch\xfctte,1,\nPO-2,B,2,\n", layout)
    assert codes(found) == ["ROW.ENCODING"]
    assert "0xFC" in bad(found)[0].troubles[0].sentence
    assert len(good(found)) == 1


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("PO,Item,Quantity\nPO-1,Schütte €,1\n".encode("cp1252"), "cp1252"),
        ("PO,Item,Quantity\nPO-1,Schütte €,1\n".encode("utf-8-sig"), "cp1252"),
        ("\ufeffPO,Item,Quantity\nPO-1,Schütte €,1\n".encode("utf-16-le"), "utf-8"),
        ("\ufeffPO,Item,Quantity\nPO-1,Schütte €,1\n".encode("utf-16-be"), "utf-8"),
        ("PO,Item,Quantity\nPO-1,Schütte €,1\n".encode("utf-16-le"), "utf-16-le"),
    ],
)
def test_the_encoding_is_the_mark_or_what_was_declared(layout: Layout, body: bytes, encoding: str) -> None:
    (row,) = good(rows_of(body, layout, Dialect(encoding=encoding)))
    assert row.text("item") == "Schütte €"
    assert row.offset is not None and row.length is not None
    assert body[row.offset : row.offset + row.length].decode(
        "utf-16-le" if body[:2] == b"\xff\xfe" else "utf-16-be" if body[:2] == b"\xfe\xff" else
        "utf-8" if body[:3] == b"\xef\xbb\xbf" else encoding
    ) == "PO-1,Schütte €,1"  # fmt: skip


def test_utf16_that_is_cut_off_is_refused_as_a_whole(layout: Layout) -> None:
    with pytest.raises(Unreadable) as refused:
        read(b"\xff\xfeP\x00O", layout, Dialect())
    assert refused.value.code == "TABLE.ENCODING"


def test_a_european_list_is_read_as_it_was_declared(layout: Layout) -> None:
    dialect = Dialect(delimiter=";", decimal=",", thousands=".", dates=("DD.MM.YYYY", "D-MON-YY"))
    body = b"PO;Item;Quantity;ETA\nPO-1;A;1.234,5;01.12.2026\nPO-2;B;12,25;3-Dec-26\nPO-3;C;1.5;01.12.2026\n"
    found = rows_of(body, layout, dialect)
    assert [row.amount("quantity") for row in good(found)] == [Decimal("1234.5"), Decimal("12.25")]
    assert [row.day("eta") for row in good(found)] == [date(2026, 12, 1), date(2026, 12, 3)]
    assert codes(found) == ["ROW.NUMBER"], "1.5 is no number where the point stands between thousands"


@pytest.mark.parametrize("text", ["31.11.2026", "2026-13-01", "01/12/2026", "0001-01-01", "9999-01-01"])
def test_a_date_that_is_none_in_the_declared_form_is_told(layout: Layout, text: str) -> None:
    assert codes(rows_of(HEAD + f"PO-1,A,1,{text}\n".encode(), layout)) == ["ROW.DATE"]


@pytest.mark.parametrize("text", ["1e5", "0x10", "٣", "1_000", "Infinity", "NaN", "--1", "1.2.3", "1" * 19])
def test_what_is_no_number_of_business_is_told(layout: Layout, text: str) -> None:
    assert codes(rows_of(HEAD + f"PO-1,A,{text},\n".encode(), layout)) == ["ROW.NUMBER"]


def test_a_number_that_a_spreadsheet_has_shortened_is_no_item(layout: Layout) -> None:
    found = rows_of(HEAD + b"PO-1,4.00635E+12,1,\n", layout)
    assert "shortened" in bad(found)[0].troubles[0].sentence


def test_another_delimiter_than_the_agreed_one_is_named(layout: Layout) -> None:
    with pytest.raises(Unreadable, match="';' in it, and ',' is the delimiter") as refused:
        read(b"PO;Item;Quantity\nPO-1;A;1\n", layout, Dialect())
    assert refused.value.code == "TABLE.DELIMITER"


def test_what_a_file_says_of_its_delimiter_is_no_row_and_must_be_true(layout: Layout) -> None:
    body = b"sep=;\nPO;Item;Quantity\nPO-1;A;1\n"
    (row,) = good(rows_of(body, layout, Dialect(delimiter=";")))
    assert row.number == 3
    with pytest.raises(Unreadable, match="sep=;"):
        read(body, layout, Dialect())


# -- the header ----------------------------------------------------------------------------------------------


def test_columns_are_found_by_their_names_in_any_order(layout: Layout) -> None:
    found = read(b"quantity,Remarks,ITEM,purchase-order:\n1,x,A,PO-1\n", layout, Dialect())
    (row,) = found.rows
    assert isinstance(row, Row)
    assert (row.text("po"), row.columns["po"].letter, row.columns["po"].title) == (
        "PO-1",
        "D",
        "purchase-order:",
    )
    assert found.header.unread == ("Remarks",)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"PO,Item\n", "there is no column 'Quantity'"),
        (b"PO,PO number,Item,Quantity\n", "columns A, B are all 'PO'"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_list_and_names_the_columns(
    layout: Layout, header: bytes, said: str
) -> None:
    with pytest.raises(Unreadable, match=said) as refused:
        read(header + b"1,2,3\n", layout, Dialect())
    assert refused.value.code == "TABLE.HEADER"


def test_columns_that_nobody_declared_refuse_the_list_where_that_was_agreed(layout: Layout) -> None:
    with pytest.raises(Unreadable, match=r"nobody declared column D \('Remarks'\)"):
        read(b"PO,Item,Quantity,Remarks\n", layout, Dialect(extra="refuse"))


@pytest.mark.parametrize("body", [b"", b"\n\r\n", b"\xef\xbb\xbf", b" , ,\n"])
def test_a_list_without_a_header_is_refused(layout: Layout, body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        read(body, layout, Dialect())
    assert refused.value.code == "TABLE.EMPTY"


def test_the_header_may_stand_below_a_title(layout: Layout) -> None:
    body = b'"Open" backorders of Acme\n\nPO,Item,Quantity\nPO-1,A,1\n'
    (row,) = good(rows_of(body, layout, Dialect(header_row=2)))
    assert row.number == 4


# -- what a row is about -------------------------------------------------------------------------------------


def test_the_same_row_written_otherwise_is_the_same_row(layout: Layout) -> None:
    (one,) = good(rows_of(b"PO,Item,Quantity,ETA\nPO-1,A,40,2026-12-01\n", layout))
    german = Dialect(delimiter=";", decimal=",", dates=("DD.MM.YYYY",))
    (other,) = good(rows_of(b"ETA;Quantity;Item;PO\n01.12.2026;40,00; A ;PO-1\n", layout, german))
    (moved,) = good(rows_of(b"PO,Item,Quantity,ETA\nPO-1,A,40,2026-12-08\n", layout))
    assert (one.key, one.content) == (other.key, other.content)
    assert moved.key == one.key and moved.content != one.content


# -- limits --------------------------------------------------------------------------------------------------


def test_too_many_rows_are_refused_before_one_is_made() -> None:
    with pytest.raises(Unreadable, match="table_rows") as refused:
        next(records(b"a\n" * 50_001, Dialect()))
    assert refused.value.code == "LIMIT.TABLE"


def test_a_row_of_commas_is_one_bad_row(layout: Layout) -> None:
    found = rows_of(HEAD + b"," * 100_000 + b"\nPO-1,A,1,\n", layout)
    assert codes(found) == ["ROW.CELLS"]
    assert len(good(found)) == 1


# -- what we write -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_that_we_write_is_ever_computed(text: str) -> None:
    written = write_csv([[1, text]]).decode("utf-8-sig")
    cell = written.partition(",")[2].strip("\r\n").strip('"')
    assert cell.startswith("'")


@pytest.mark.parametrize("sign", [";", ",", "\t", "|", "\n", '"'])
def test_no_cell_is_computed_where_another_sign_ends_a_cell(sign: str) -> None:
    """A German spreadsheet splits at each semicolon, also one that stands in what we wrote between commas."""
    written = write_csv([[1, f"is 'x{sign}=1+1'"]]).decode("utf-8-sig")
    assert not re.search(r"[;,\t|\r\n\"][=+\-@]", written)


def test_what_we_write_is_read_back_as_it_was(layout: Layout) -> None:
    body = write_csv([["PO", "Item", "Quantity"], ["PO-1", 'a "b", c\nd', 1]])
    (row,) = good(rows_of(body, layout))
    assert row.text("item") == 'a "b", c\nd'
