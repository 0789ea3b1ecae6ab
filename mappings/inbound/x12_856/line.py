"""One line of an order in a 856: what was shipped of it in all of its cartons, and which troubles follow."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Ref, SourceCode
from canonical.events import Line as LineWords
from mappings import codes
from mappings.codes import Row
from mappings.inbound.x12_855.line import TITLES
from mappings.lines import one_line
from mappings.variances import quantity_variance
from mappings.x12 import ZERO, Reader, at, plain

if TYPE_CHECKING:
    from mappings.inbound.x12_856.notice import Order

# what SN108 says of a quantity that was not shipped: then the short shipment is no trouble of its own
_EXPLAINS: Final = frozenset(
    {"INV.BACKORDER", "ORD.QTY_CHANGED", "ORD.LINE_REJECTED", "ORD.LINE_CANCELLED", "ORD.HOLD"}
)

_TITLES: Final = {**TITLES, "ORD.COUNTER_OFFER": "changed"}


class Line:
    """A line of an order. Its goods may lie in many cartons, each with an item level of its own."""

    __slots__ = (
        "_cumulative", "_level", "_ordered_unit", "_parts", "_position", "_said", "_unit", "items", "ref",
    )  # fmt: skip

    def __init__(self, ref: str, items: list[Ref], position: int, level: str) -> None:
        self.ref = ref
        self.items = items
        self._position = position
        self._level = level
        self._parts: list[tuple[Decimal | None, Decimal]] = []
        self._unit = self._ordered_unit = ""
        self._cumulative = ZERO
        self._said: dict[str, tuple[Row | None, SourceCode, int]] = {}

    def take(self, reader: Reader, sn1: list[str], position: int) -> None:
        """One SN1: what is in this carton."""
        text = at(sn1, 2)
        shipped = reader.count(text, position, 2) if text else ZERO
        text = at(sn1, 5)
        ordered = reader.count(text, position, 5) if text else None
        self._unit = self._unit or at(sn1, 3)
        self._ordered_unit = self._ordered_unit or at(sn1, 6)
        self._parts.append((ordered, shipped))
        if text := at(sn1, 4):
            self._cumulative = max(self._cumulative, reader.count(text, position, 4))
        if status := at(sn1, 8):
            row, code = reader.told("x12-668", status, position, 8)
            self._said.setdefault(codes.exception_of(row), (row, code, position))

    def _quantities(self, reader: Reader) -> tuple[Decimal | None, Decimal | None]:
        if not self._parts:
            return None, None
        if len(self._parts) == 1:
            return self._parts[0]
        return one_line(reader, self._parts, self._position)

    def words(self, reader: Reader) -> LineWords:
        """The line as the fact has it."""
        words: LineWords = {"line_ref": self.ref}
        if self.items:
            words["item_ids"] = self.items
        ordered, shipped = self._quantities(reader)
        if ordered is not None:
            words["ordered"] = reader.quantity(ordered, self._ordered_unit or self._unit)
        if shipped is not None:
            words["affected"] = reader.quantity(shipped, self._unit)
        return words

    def events(self, order: "Order") -> Iterator[ExceptionEvent]:
        """What SN108 says, and a quantity that is not the ordered one."""
        missing = self._missing(order.notice.reader)
        for exception, (row, code, position) in self._said.items():
            if exception != codes.NONE:
                yield self._event(order, exception, missing, position, [code], codes.cause_of(row))
        if missing is not None and (missing < ZERO or not _EXPLAINS & self._said.keys()):
            exception = "FUL.OVER_SHIP" if missing < ZERO else "FUL.SHORT_SHIP"
            yield self._event(order, exception, missing, self._position, [], None)

    def _missing(self, reader: Reader) -> Decimal | None:
        """How much of the order was not shipped; negative when more was; ``None`` when nothing says it, in units that
        can be compared. What was shipped to date (SN104) may complete the order, but never exceeds it: it may count
        more than this order."""
        ordered, shipped = self._quantities(reader)
        if ordered is None or shipped is None or ordered == shipped:
            return None
        if self._ordered_unit and self._unit and self._ordered_unit != self._unit:
            return None
        if shipped < ordered <= self._cumulative:
            return None
        return ordered - max(shipped, min(self._cumulative, ordered))

    def _event(
        self,
        order: "Order",
        exception: str,
        missing: Decimal | None,
        position: int,
        said: list[SourceCode],
        cause: str | None,
    ) -> ExceptionEvent:
        notice = order.notice
        reader = notice.reader
        ordered, shipped = self._quantities(reader)
        words = self.words(reader)
        words.pop("affected", None)
        unit = f" {self._unit}" if self._unit else ""
        amount = ""
        variances = []
        if missing is not None and ordered is not None and shipped is not None:
            words["affected"] = reader.quantity(abs(missing), self._unit)
            variances.append(quantity_variance(reader, ordered, ordered - missing, self._unit))
            amount = f"{plain(abs(missing))} of {plain(ordered)}{unit} on "
        where = f"{order.what} line {self.ref}"
        if exception == "FUL.SHORT_SHIP":
            title = f"{notice.who} did not ship {amount}{where}"
        elif exception == "FUL.OVER_SHIP":
            title = f"{notice.who} shipped {plain(abs(missing or ZERO))}{unit} too many on {where}"
        else:
            verb = _TITLES.get(exception, "says something unknown of")
            title = f"{notice.who} {verb} {amount if exception in _EXPLAINS else ''}{where}"
        return ExceptionEvent(
            code=exception,
            title=title,
            detail="; ".join(code["text"] for code in said if code.get("text")) or None,
            cause=cause,
            refs=order.refs,
            place=reader.place(position, f"HL[{self._level}]/SN1" if said else f"HL[{self._level}]"),
            occurred_at=notice.occurred_at,
            parties=order.parties,
            lines=[words],
            variances=variances,
            source_codes=said,
            method="code-map" if said else "rule",
            ext=reader.ext(),
        )
