"""How a partner writes its lists: ``[lists.DOCUMENT]`` of its profile.

The fields of a list are the document's (``layout.toml`` beside its mapping); here stand the partner's own names of
columns, its encoding, delimiter and dates, and where the report about its rows goes::

    [lists.supplier_backorders]
    encoding = "cp1252"
    delimiter = ";"
    decimal = ","
    dates = ["DD.MM.YYYY"]
    key = ["supplier_po", "line", "item", "eta"]

    [lists.supplier_backorders.columns]
    supplier_po = ["Bestellnummer"]
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from crossdock.formats.tabular.dialect import Dialect
from crossdock.toml_table import Table

_DOCUMENT: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TITLE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_DATE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,20}")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DIALECT: Final = (
    "encoding", "delimiter", "quote", "decimal", "thousands", "dates", "sheet", "header_row", "extra",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What is agreed about one kind of list. ``columns`` are the partner's names of columns by field; ``key`` takes
    the place of the layout's own; ``report_to`` is the connector that takes the report, where it is not the one that
    the list came by."""

    dialect: Dialect = field(default_factory=Dialect)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    report_to: str = ""


USUAL: Final = Listed()
"""Holds where nothing was agreed: UTF-8, commas, points, ISO dates."""


def lists(profile: Table) -> Mapping[str, Listed]:
    """``[lists.DOCUMENT]``, by the name of the document."""
    found = {}
    for name, table in profile.tables("lists", "[lists.supplier_backorders]"):
        if not _DOCUMENT.fullmatch(name):
            table.tell(None, f"[{table.name}] must name a document, as 'supplier_backorders'")
            continue
        found[name] = _listed(table)
    return found


def _listed(table: Table) -> Listed:
    table.only((*_DIALECT, "columns", "key", "report_to"))
    usual = Dialect()
    dialect = Dialect(
        encoding=table.text("encoding", usual.encoding),
        delimiter=table.text("delimiter", usual.delimiter),
        quote=table.text("quote", usual.quote),
        decimal=table.text("decimal", usual.decimal),
        thousands=table.text("thousands", usual.thousands),
        dates=table.texts("dates", _DATE, "forms of dates, as ['DD.MM.YYYY']", empty=True) or usual.dates,
        sheet=table.text("sheet", usual.sheet),
        header_row=table.number("header_row", smallest=1, largest=1000) or usual.header_row,
        extra=table.text("extra", usual.extra),
    )
    for key, sentence in dialect.complaints():
        table.tell(key, f"[{table.name}]: {sentence}")
    columns = {}
    named = table.table("columns")
    for name in named.values if named else ():
        assert named is not None
        if not _FIELD.fullmatch(name):
            named.tell(name, f"[{named.name}] names no field with {name!r}")
        columns[name] = named.texts(name, _TITLE, "the partner's names of this column, as ['Order No.']")
    return Listed(
        dialect=dialect,
        columns=columns,
        key=table.texts("key", _FIELD, "names of fields", empty=True),
        report_to=table.text("report_to", ""),
    )
