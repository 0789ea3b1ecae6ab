"""Lists that people keep in a spreadsheet: CSV and XLSX, row by row.

    bytes ─▶ records (csv_records, workbook) ─▶ header ─▶ Row, or BadRow with everything that is wrong in it

How a list is written (encoding, delimiter, decimal mark, dates) is declared, in a ``Dialect``; what is in it is
declared in a ``Layout``. Neither is guessed. A row that cannot be read is one row: those beside it go on.
"""

from crossdock.formats.tabular.dialect import Dialect
from crossdock.formats.tabular.layout import Field, Layout, layout_of
from crossdock.formats.tabular.records import Trouble
from crossdock.formats.tabular.rows import BadRow, Row, Rows, read
from crossdock.formats.tabular.written import harmless, write_csv

__all__ = [
    "BadRow",
    "Dialect",
    "Field",
    "Layout",
    "Row",
    "Rows",
    "Trouble",
    "harmless",
    "layout_of",
    "read",
    "write_csv",
]
