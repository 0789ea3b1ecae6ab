"""One ISR of an 870: the status of an order or of one of its lines, why, since when, and how much of it.

Source: X12 004010 segment ISR: ISR01 [368], ISR02 a date, ISR03 [641]; QTY01 [673], QTY02.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import DocumentPlace, ExceptionEvent, Quantity, SourceCode, Variance
from canonical.events import Line as LineWords
from mappings import codes
from mappings.lines import line_words
from mappings.variances import date_variance
from mappings.x12 import ZERO, at, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Loop, Placed
    from mappings.inbound.x12_870.report import Order, Report

_BACKORDERED: Final = frozenset({"BQ"})
"""QTY01 [673] that counts what is backordered."""
_SHIPPED: Final = frozenset({"39"})
"""QTY01 [673] that counts what was shipped."""
_SHORT: Final = frozenset({"INV.BACKORDER", "FUL.SHORT_SHIP"})
_PART_SHIPPED: Final = frozenset({"BP"})
"""ISR01 that says of a backorder that part of it was shipped."""

_DATES: Final = {
    "delivery_requested": "delivery_requested",
    "ship_requested": "ship_requested",
    "required_by": "delivery_requested",
    "shipped": "ship_date",
    "ship_scheduled": "ship_date",
    "ship_promised": "ship_date",
    "delivered": "delivery_date",
    "delivery_estimated": "delivery_date",
    "delivery_scheduled": "delivery_date",
    "delivery_promised": "delivery_date",
}
"""The dates [374] of a status, by our words of the crosswalk, to what they are to the order."""

_TITLES: Final = {
    "INV.BACKORDER": "backordered",
    "INV.SHORTAGE": "has too few for",
    "INV.SUPPLIER_DELAY": "moved the date of",
    "INV.SUBSTITUTION": "substitutes",
    "INV.DISCONTINUED": "no longer sells what is on",
    "INV.RECALL": "recalls what is on",
    "INV.ALLOCATION_FAILED": "gave to others what was for",
    "ORD.LINE_CANCELLED": "cancelled",
    "ORD.LINE_REJECTED": "rejected",
    "ORD.CANCELLED_BY_SUPPLIER": "cancelled",
    "ORD.HOLD": "put on hold",
    "ORD.SCHEDULE_PENDING": "has no date yet for",
    "CRD.HOLD": "put a credit hold on",
    "FUL.SHORT_SHIP": "ships only a part of",
    "FUL.OVER_SHIP": "ships more than ordered of",
    "SHP.DAMAGED": "reports damage on",
    codes.UNKNOWN: "reports an unknown status of",
}


class Status:
    """One ISR loop."""

    __slots__ = (
        "_cause", "_date", "_exception", "_quantities", "_report", "_unit", "_whole", "dates", "place",
        "source_codes", "word", "words",
    )  # fmt: skip

    def __init__(
        self, report: "Report", loop: "Loop", path: str, *, item: "Placed | None", line: "Loop | None"
    ) -> None:
        reader = report.reader
        position, segment = loop.segments[0]
        self._report = report
        self.place: DocumentPlace = reader.place(position, path)
        self._unit = ""
        self._whole: Quantity | None = None
        self.words: LineWords | None = None
        if line is not None:
            self._of_line(*line.segments[0], first_item=6)
        elif item is not None:
            self._of_item(*item)
        self._quantities = self._counted(loop)
        self._read(segment, position)
        self.dates = self._dated(loop, line)

    def _of_line(self, position: int, segment: list[str], first_item: int) -> None:
        """A PO1: line number, quantity, unit, price, product ids."""
        reader = self._report.reader
        self._unit = at(segment, 3)
        items = product_ids(segment, first_item, reader.partner)
        self.words = line_words(at(segment, 1), items, fallback=f"segment:{position}")
        if text := at(segment, 2):
            self._whole = reader.quantity(reader.count(text, position, 2), self._unit)
            self.words["ordered"] = self._whole
        if text := at(segment, 4):
            self.words["unit_price"] = reader.money(reader.number(text, position, 4), "")

    def _of_item(self, position: int, segment: list[str]) -> None:
        """A LIN: line number and product ids."""
        items = product_ids(segment, 2, self._report.reader.partner)
        self.words = line_words(at(segment, 1), items, fallback=f"segment:{position}")

    def _counted(self, loop: "Loop") -> list[tuple[str, Quantity]]:
        """The QTY under the status: what each counts, and how many."""
        reader = self._report.reader
        found: list[tuple[str, Quantity]] = []
        for position, segment in loop.all("QTY"):
            if text := at(segment, 2):
                unit = reader.unit_of(at(segment, 3))
                number = reader.count(text, position, 2)
                found.append((at(segment, 1), reader.quantity(number, unit or self._unit)))
        return found

    def _read(self, segment: list[str], position: int) -> None:
        """Status, date and reason: what they say together."""
        reader = self._report.reader
        code = at(segment, 1)
        if not code:
            raise reader.stop("ISR01 is empty: nothing says how far the order is", position, 1)
        row = reader.meaning("x12-368", code, position, 1)
        self.word = codes.ours(row)
        self._exception = codes.exception_of(row)
        self._cause = codes.cause_of(row)
        self.source_codes: list[SourceCode] = [codes.source_code("x12-368", code, row)]
        if code := at(segment, 3):
            why = reader.meaning("x12-641", code, position, 3)
            self.source_codes.append(codes.source_code("x12-641", code, why))
            if why is not None:
                self._cause = why.cause or self._cause
                if self._exception == codes.NONE or (
                    self._exception == "ORD.HOLD" and why.exception == "CRD.HOLD"
                ):
                    self._exception = why.exception
            elif self._exception == codes.NONE:
                self._exception = codes.UNKNOWN
        if self._exception == "ORD.CANCELLED_BY_SUPPLIER" and self.words is not None:
            self._exception = "ORD.LINE_CANCELLED"  # an "order" that is deleted on one line is that line
        day = at(segment, 2)
        self._date = reader.date(day, position, 2) if day else ""

    def _dated(self, loop: "Loop", line: "Loop | None") -> dict[str, str]:
        """The dates of the status; ISR02 is the shipping's, or the delivery's where the status speaks of that."""
        reader = self._report.reader
        found: dict[str, str] = {}
        for source in (line, loop):
            for position, segment in source.all("DTM") if source is not None else ():
                name = _DATES.get(reader.word_of_date(at(segment, 1)))
                if name is not None and (day := at(segment, 2)):
                    found[name] = reader.date(day, position, 2)
        if self._date:
            delivered = self.word == "delivered" or self.source_codes[0]["code"] == "EX"
            found["delivery_date" if delivered else "ship_date"] = self._date
        return found

    # ── what follows ─────────────────────────────────────────────────────────────────────────────────────

    def event(self, order: "Order") -> ExceptionEvent | None:
        """The trouble that this status is; ``None``: all is well."""
        if self._exception == codes.NONE:
            return None
        report = self._report
        about = f"PO {order.number}" if order.number else "an order that it does not name"
        if self.words is not None:
            about += f" line {self.words['line_ref']}"
        said = "; ".join(code["text"] for code in self.source_codes if code.get("text"))
        return ExceptionEvent(
            code=self._exception,
            title=f"{report.who} {_TITLES.get(self._exception, 'reports trouble with')} {about}",
            cause=self._cause,
            detail=said or None,
            refs=order.refs,
            place=self.place,
            occurred_at=report.occurred_at,
            parties=order.parties,
            lines=[] if self.words is None else [self._line(self.words)],
            variances=self._variances(),
            source_codes=self.source_codes,
            ext=report.reader.ext(),
        )

    def _affected(self) -> Quantity | None:
        """How much the status is about: what is counted for it, else the only count, else the whole line. Of a line
        that was shipped in part it is what was not shipped."""
        counts = dict(self._quantities)
        if self._exception in _SHORT:
            for qualifier in _BACKORDERED & counts.keys():
                return counts[qualifier]
            for qualifier in _SHIPPED & counts.keys():
                return self._rest(counts[qualifier])
        if len(self._quantities) == 1:
            return self._quantities[0][1]
        in_part = self._exception == "FUL.SHORT_SHIP" or self.source_codes[0]["code"] in _PART_SHIPPED
        return None if self._quantities or in_part else self._whole

    def _rest(self, shipped: Quantity) -> Quantity | None:
        """What is left of the line, where both are counted in the same unit."""
        if self._whole is None or self._whole["uom"] != shipped["uom"]:
            return None
        rest = Decimal(self._whole["value"]) - Decimal(shipped["value"])
        return self._report.reader.quantity(rest, self._unit) if rest > ZERO else None

    def _line(self, words: LineWords) -> LineWords:
        affected = self._affected()
        return words if affected is None else {**words, "affected": affected}

    def _variances(self) -> list[Variance]:
        """What was shipped beside what was ordered, the new date beside the one that was asked for."""
        found: list[Variance] = []
        shipped = next((each for qualifier, each in self._quantities if qualifier in _SHIPPED), None)
        if self._exception == "FUL.SHORT_SHIP" and shipped is not None and self._whole is not None:
            found.append({"attribute": "quantity", "expected": self._whole, "actual": shipped})
        for now, asked in (("ship_date", "ship_requested"), ("delivery_date", "delivery_requested")):
            if now not in self.dates:
                continue
            before = self.dates.get(asked)
            if before == self.dates[now]:
                continue
            found.append(date_variance(before or "", self.dates[now]))
        return found
