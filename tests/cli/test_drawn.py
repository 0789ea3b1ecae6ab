"""A list in a terminal of 80 or 110 columns is read without guessing where a word went on."""

import io
import re

import pytest
from rich.console import Console

from crossdock.cli.drawn import drawn
from crossdock.cli.talk import Talk

HEADS = ("id", "last seen", "state", "prio", "code", "subject", "queue", "owner", "seen", "title")
OPTIONAL = ("last seen", "owner", "seen", "queue", "prio", "state")
ROWS = [
    ["963ad5d7", "2026-11-20 14:00:01Z", "acknowledged", "10", "INV.BACKORDER", "supplier_po/4500120006/line/1",
     "supply", "supply-planning", "1x", "Acme Supply Co. backordered 500 of 500 EA on PO 4500120006 line 1"],
    ["0c55aa01", "2026-11-20 14:00:02Z", "open", "20", "CRD.HOLD", "sales_order/SO-7001",
     "credit", "credit-control", "12x", "Harbor Tools is held for credit"],
]  # fmt: skip


def shown(
    width: int, heads: tuple[str, ...], rows: list[list[str]], optional: tuple[str, ...]
) -> tuple[str, list[str]]:
    out = io.StringIO()
    table, left_out = drawn(heads, rows, width=width, optional=optional)
    Console(file=out, width=width, color_system=None).print(table)
    return out.getvalue(), left_out


@pytest.mark.parametrize("width", [80, 110, 400])
def test_no_word_is_broken_and_no_line_is_too_long(width: int) -> None:
    text, left_out = shown(width, HEADS, ROWS, OPTIONAL)
    assert max(map(len, text.splitlines())) <= width
    kept = [at for at, head in enumerate(HEADS) if head not in left_out]
    words = set(text.split())
    for row in ROWS:
        for at in kept:
            assert set(row[at].split()) <= words, f"{row[at]!r} is broken at {width} columns"
            assert at == kept[-1] or row[at] in text
    assert "…" not in text


def test_a_wide_terminal_shows_everything_and_a_narrow_one_drops_in_order() -> None:
    assert shown(400, HEADS, ROWS, OPTIONAL)[1] == []
    narrow, medium = shown(80, HEADS, ROWS, OPTIONAL)[1], shown(110, HEADS, ROWS, OPTIONAL)[1]
    assert tuple(medium) == OPTIONAL[: len(medium)]
    assert tuple(narrow) == OPTIONAL[: len(narrow)]
    assert 0 < len(medium) <= len(narrow)


def test_a_title_of_two_words_stands_in_two_lines_over_narrow_numbers() -> None:
    heads = ("source", "dead lettered", "in flight", "balance")
    text, _ = shown(40, heads, [["supplier_edi", "1", "0", "0"]], ())
    top = text[: text.index("─")]
    assert top.split() == ["dead", "in", "source", "lettered", "flight", "balance"]


def test_what_cannot_fit_ends_in_an_ellipsis_and_the_id_stays_whole() -> None:
    row = ["963ad5d7", "a" * 60, "supplier_po/4500120006/line/1", "short"]
    text, _ = shown(60, ("id", "what", "subject", "why"), [row], ())
    assert max(map(len, text.splitlines())) <= 60
    assert re.search(r"^963ad5d7 ", text, re.MULTILINE)
    assert "…" in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_is_told_which_columns_had_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    out, err = Terminal(), io.StringIO()
    Talk(as_json=False, debug=False, out=out, err=err).table(HEADS, ROWS, optional=OPTIONAL)
    assert "last seen" not in out.getvalue()
    assert "no room here for: last seen, owner" in err.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80
