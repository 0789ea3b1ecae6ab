"""What a seller says of a line that it does not bill as ordered: IT3, with its status (368) and its reason (371)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from canonical.events import ExceptionEvent, SourceCode, Variance
from mappings import codes
from mappings.codes import Row
from mappings.variances import quantity_variance
from mappings.x12 import ZERO, Reader, at, plain

if TYPE_CHECKING:
    from mappings.inbound.x12_810.invoice import Invoice
    from mappings.inbound.x12_810.line import Line


def of(invoice: "Invoice", line: "Line") -> Iterator[ExceptionEvent]:
    """One event for each thing that a line's IT3s say."""
    told: set[str] = set()
    for ordinal, (position, segment) in enumerate(line.loop.all("IT3"), 1):
        said = _Said(invoice.reader, line, segment, position)
        for code, cause in said.exceptions():
            if code not in told:
                told.add(code)
                yield _event(invoice, line, said, code, cause, f"{line.path}/IT3[{ordinal}]")


class _Said:
    """One IT3: units shipped, what became of them, how many are missing or too many, why."""

    __slots__ = ("codes", "difference", "position", "reason", "shipped", "status")

    def __init__(self, reader: Reader, line: "Line", segment: list[str], position: int) -> None:
        self.position = position
        self.codes: list[SourceCode] = []
        unit = at(segment, 2)
        text = at(segment, 1)
        # units that the line does not count in cannot be compared
        self.shipped: Decimal | None = (
            reader.number(text, position, 1) if text and unit in ("", line.unit) else None
        )
        text = at(segment, 4)
        self.difference = reader.number(text, position, 4) if text else ZERO
        self.status = self._row(reader, "x12-368", at(segment, 3), 3)
        self.reason = self._row(reader, "x12-371", at(segment, 5), 5)
        if self.shipped is not None and line.quantity is not None and not self.difference:
            self.difference = line.quantity - self.shipped

    def _row(self, reader: Reader, element: str, code: str, place: int) -> Row | None:
        if not code:
            return None
        row = reader.meaning(element, code, self.position, place)
        self.codes.append(codes.source_code(element, code, row))
        return row

    def exceptions(self) -> Iterator[tuple[str, str | None]]:
        """What it says, each with its cause: by the reason, by the status, by the difference alone."""
        cause = codes.cause_of(self.reason)
        found = False
        for row in (self.reason, self.status):
            if row is not None and row.exception != codes.NONE:
                found = True
                yield row.exception, row.cause or cause
        if any(not code.get("mapped") for code in self.codes):
            found = True
            yield codes.UNKNOWN, None
        if not found and self.difference:
            yield "BIL.QTY", cause


def _event(
    invoice: "Invoice", line: "Line", said: _Said, code: str, cause: str | None, path: str
) -> ExceptionEvent:
    reader = invoice.reader
    variances: list[Variance] = []
    if said.shipped is not None and line.quantity is not None:
        variances.append(quantity_variance(reader, said.shipped, line.quantity, line.unit))
    words = [row.text for row in (said.status, said.reason) if row is not None]
    why = "; ".join(words) or f"a difference of {plain(said.difference)}"
    return ExceptionEvent(
        code=code,
        title=f"{invoice.who} explains line {line.ref} of invoice {invoice.number}: {why}",
        cause=cause,
        refs=invoice.refs,
        place=reader.place(said.position, path),
        occurred_at=invoice.occurred_at,
        parties=invoice.parties,
        lines=[line.words],
        variances=variances,
        source_codes=said.codes,
        ext=reader.ext(),
    )
