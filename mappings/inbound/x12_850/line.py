"""One line of an 850: what is ordered of it, when, packed how, and what it says against itself.

Quantities of different units are compared only by the item's own pack data (PO4 of this very line).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent
from canonical.events import Line as LineWords
from mappings.inbound.x12_850.doubts import Doubt, address_of, contradictions
from mappings.inbound.x12_850.order import Order, dates_of
from mappings.lines import line_words
from mappings.variances import quantity_variance
from mappings.x12 import ZERO, at, plain, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Loop

_PACKS: Final = frozenset({"CA", "CT", "BX", "PK", "PL", "BG", "BD", "DR", "TY", "PA"})
"""Units [355] that are a pack of others: case, carton, box, package, pallet, bag, bundle, drum, tray, pail."""

_SINGLE: Final = frozenset({"", "EA", "UN", "PC", "PR", "ST"})
"""Units [355] that count single things: each, unit, piece, pair, set."""

_SDQ_QUANTITIES: Final = range(4, 23, 2)
"""SDQ03 to SDQ22 are pairs of a place and its quantity."""


class Line:
    """One PO1 loop."""

    __slots__ = (
        "_inner", "_order", "_ordinal", "_pack", "_pack_unit", "_position", "_scheduled", "_unit", "dates", "loop",
        "number", "ordered", "ref", "words",
    )  # fmt: skip

    def __init__(self, order: Order, loop: "Loop", ordinal: int) -> None:
        reader = order.reader
        position, segment = loop.segments[0]
        self._order = order
        self._ordinal = ordinal
        self._position = position
        self.loop = loop
        self._unit = at(segment, 3)
        text = at(segment, 2)
        self.ordered = reader.count(text, position, 2) if text else None
        items = product_ids(segment, 6, reader.partner)
        for _, named in loop.all("LIN"):
            items += product_ids(named, 2, reader.partner)
        self.number = at(segment, 1)[:64]
        self.words: LineWords = line_words(self.number, items, fallback=f"position:{ordinal}")
        self.ref = self.words["line_ref"]
        self._scheduled = self._schedules()
        if self.ordered is None and len(self._scheduled) == 1:
            ((unit, shared),) = self._scheduled.items()
            if self._unit in ("", unit):
                self._unit, self.ordered = unit, shared  # said in parts only
        if self.ordered is not None:
            self.words["ordered"] = reader.quantity(self.ordered, self._unit)
        if text := at(segment, 4):
            self.words["unit_price"] = reader.money(reader.number(text, position, 4), order.currency)
        self.dates = dates_of(reader, loop)
        self._pack, self._inner, self._pack_unit = self._packed()

    def _schedules(self) -> dict[str, Decimal]:
        """The quantities that SCH and SDQ share out, summed by their units. SDQ01 is one unit for all its places."""
        reader = self._order.reader
        found: dict[str, Decimal] = {}
        parts: dict[str, Decimal] = {}
        for loop in self.loop.inside("SCH"):
            position, segment = loop.segments[0]
            if text := at(segment, 1):
                unit = at(segment, 2) or self._unit
                found[unit] = found.get(unit, ZERO) + reader.count(text, position, 1)
        for position, segment in self.loop.all("SDQ"):
            unit = at(segment, 1) or self._unit
            for element in _SDQ_QUANTITIES:
                if text := at(segment, element):
                    parts[unit] = parts.get(unit, ZERO) + reader.count(text, position, element)
        # where both are told they share out the same goods, by date and by place
        return found or parts

    def _packed(self) -> tuple[Decimal | None, Decimal | None, str]:
        """Pack (PO401), inner pack (PO414) and the unit (PO403) of the first PO4 that tells a pack."""
        reader = self._order.reader
        for position, segment in self.loop.all("PO4"):
            text = at(segment, 1)
            pack = reader.count(text, position, 1) if text else ZERO
            if not pack:
                continue
            text = at(segment, 14)
            inner = reader.count(text, position, 14) if text else ZERO
            return pack, inner or None, at(segment, 3)
        return None, None, ""

    # ── what follows ─────────────────────────────────────────────────────────────────────────────────────

    def events(self, again: Collection[str]) -> Iterator[ExceptionEvent]:
        """What this line says against itself. ``again``: line numbers that several lines have."""
        place = self._order.reader.place(self._position, f"PO1[{self._ordinal}]")
        doubts = list(self._doubts(again))
        if doubts:
            yield self._order.doubted(
                f"PO {self._order.number} line {self.ref}: {doubts[0].sentence}",
                doubts,
                place=place,
                lines=[self.words],
            )
        units = list(self._unit_doubts())
        if units:
            yield self._order.doubted(
                f"PO {self._order.number} line {self.ref}: {units[0].sentence}",
                units,
                place=place,
                lines=[self.words],
                code="MDM.UOM_INCONSISTENT",
            )
        for ordinal, loop in enumerate(self.loop.inside("N1"), 1):
            if (doubt := address_of(loop)) is not None:
                yield self._order.event(
                    "SHP.ADDRESS_INVALID",
                    f"{self._order.who} wants PO {self._order.number} line {self.ref} shipped to a place that cannot "
                    "be found",
                    detail=doubt,
                    place=self._order.reader.place(loop.position, f"PO1[{self._ordinal}]/N1[{ordinal}]"),
                    lines=[self.words],
                    method="rule",
                )

    def _doubts(self, again: Collection[str]) -> Iterator[Doubt]:
        if self.ordered is None:
            yield Doubt(sentence="no quantity is ordered (PO102 is empty)")
        elif not self.ordered:
            yield Doubt(sentence="the ordered quantity is zero")
        if self.number in again:
            yield Doubt(sentence=f"the line number {self.number} comes more than once")
        same = self._scheduled.get(self._unit)
        if (
            self.ordered is not None
            and same is not None
            and len(self._scheduled) == 1
            and same != self.ordered
        ):
            yield Doubt(
                sentence=f"{plain(self.ordered)} are ordered and {plain(same)} are shared out over dates or places",
                variance=quantity_variance(self._order.reader, self.ordered, same, self._unit),
            )
        if self.dates:
            told = {doubt.sentence for doubt in contradictions(self._order.dates)}
            found = contradictions({**self._order.dates, **self.dates})
            yield from (doubt for doubt in found if doubt.sentence not in told)

    def _unit_doubts(self) -> Iterator[Doubt]:
        if self.ordered is None or self._pack is None:
            return
        content = self._pack * (self._inner or 1)
        if self._unit not in _PACKS:
            # counted singly: whole packs, outer or inner ones
            counted_alike = self._pack_unit in ("", self._unit)
            if (
                self._unit in _SINGLE
                and counted_alike
                and self.ordered % self._pack
                and self.ordered % content
            ):
                yield Doubt(
                    sentence=f"{plain(self.ordered)} {self._unit} do not fill packs of {plain(self._pack)}",
                    variance={
                        "attribute": "uom",
                        "expected": plain(self._pack),
                        "actual": self.words["ordered"],
                    },
                )
            return
        for unit, shared in self._scheduled.items():
            if unit == self._unit or unit not in (self._pack_unit, "EA"):
                continue  # no pack data of the item turns one into the other
            if shared not in (self.ordered * self._pack, self.ordered * content):
                yield Doubt(
                    sentence=f"{plain(self.ordered)} {self._unit} of {plain(content)} are ordered and "
                    f"{plain(shared)} {unit} shared out",
                    variance=quantity_variance(self._order.reader, self.ordered * content, shared, unit),
                )


def repeated(lines: Sequence[Line]) -> frozenset[str]:
    """The line numbers that more than one line has: nobody can answer such a line."""
    counted = Counter(line.number for line in lines if line.number)
    return frozenset(number for number, times in counted.items() if times > 1)
