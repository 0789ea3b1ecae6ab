"""One open purchase order line, as the ERP's view gives it: a row as a JSON object."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from mappings.records import Complaints, Fields

REMEDY: Final = (
    "Let the ERP's owner correct the view or the row; the row is read again when it changes, or replay it."
)
STATES: Final = ("open", "closed", "cancelled")
_NO_YEARS: Final = (date.min.year, date.max.year)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLine:
    """A row of the view. Quantities are of ``unit``; a day that is not said is ``None``."""

    po_number: str
    line_no: str
    supplier_id: str
    supplier_name: str
    item: str
    description: str
    unit: str
    ordered: Decimal
    received: Decimal
    backordered: Decimal
    unit_price: Decimal | None
    currency: str
    needed_on: date | None
    promised_on: date | None
    status: str
    changed_at: datetime | None


def read_line(document: Any) -> OpenLine:
    """The row of a record. Raises ``Unreadable`` with everything that is wrong."""
    complaints = Complaints("the order line", remedy=REMEDY)
    row = Fields(document, complaints)
    complaints.refuse()
    if row.has("unreadable"):
        row.tell("unreadable", f"the database could not give the row: {row.text('unreadable', 300)}")
        complaints.refuse()
    line = OpenLine(
        po_number=row.needed("po_number", 64),
        line_no=_number(row, "line_no"),
        supplier_id=row.text("supplier_id", 128),
        supplier_name=row.text("supplier_name"),
        item=row.text("item", 128),
        description=row.text("description", 4000),
        unit=row.text("unit", 16),
        ordered=_quantity(row, "ordered_qty", needed=True),
        received=_quantity(row, "received_qty"),
        backordered=_quantity(row, "backordered_qty"),
        unit_price=row.decimal("unit_price"),
        currency=row.text("currency", 8),
        needed_on=row.read("needed_on", _day, "day such as '2026-11-20'"),
        promised_on=row.read("promised_on", _day, "day such as '2026-11-20'"),
        status=row.needed("status", 32).lower(),
        changed_at=row.read("changed_at", _moment, "moment such as '2026-11-20T14:02:11Z'"),
    )
    if line.status and line.status not in STATES:
        row.tell("status", f"{line.status!r} is none of {', '.join(STATES)}")
    complaints.refuse()
    return line


def _number(row: Fields, name: str) -> str:
    """A line number, written as a number or as a text."""
    number = row.read(name, _line_number, "line number")
    if number is None and not row.has(name):
        row.tell(name, "is missing")
    return number or ""


def _line_number(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 64:
        raise ValueError(value)
    return value.strip()


def _quantity(row: Fields, name: str, *, needed: bool = False) -> Decimal:
    found = row.decimal(name)
    if found is None:
        if needed and not row.has(name):
            row.tell(name, "is missing")
        return Decimal(0)
    if found < 0:
        row.tell(name, "must not be below 0")
    return found


def _day(value: Any) -> date | None:
    """A day; none in the first or the last year of the calendar, which systems write that know no date."""
    if not isinstance(value, str):
        raise TypeError(value)
    day = datetime.fromisoformat(value).date()
    if day.year in _NO_YEARS:
        return None
    if not 1900 <= day.year < 2200:
        raise ValueError(value)
    return day


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if not 1900 <= moment.year < 2200 or moment.tzinfo is None:
        raise ValueError(value)
    return moment
