"""A small list, and workbooks made of rows."""

import io
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import Workbook

from crossdock.formats.tabular import Field, Layout


@pytest.fixture
def layout() -> Layout:
    return Layout(
        title="Backorders",
        fields={
            "po": Field(name="po", title="PO", aliases=("PO number", "Purchase order"), required=True),
            "item": Field(name="item", title="Item", required=True, most=20),
            "quantity": Field(
                name="quantity", title="Quantity", kind="number", required=True, smallest=Decimal(0)
            ),
            "eta": Field(name="eta", title="ETA", kind="date"),
        },
        key=("po", "item"),
    )


@pytest.fixture
def workbook() -> Callable[..., bytes]:
    def made(rows: Iterable[Sequence[Any]], **sheets: Iterable[Sequence[Any]]) -> bytes:
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.title = "List"
        for row in rows:
            sheet.append(list(row))
        for name, others in sheets.items():
            other = book.create_sheet(name)
            for row in others:
                other.append(list(row))
        written = io.BytesIO()
        book.save(written)
        return written.getvalue()

    return made
