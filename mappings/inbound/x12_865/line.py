"""One line of an 865: which change it speaks of (POC02), and what the ACKs under it answer.

The ACKs are read as those of an 855. What POC02 adds: a rejected change, another item, and, where the seller changes
by itself or no ACK says more, the change itself.
"""

from collections.abc import Iterator
from typing import Final

from canonical.events import ExceptionEvent, Ref, SourceCode, Variance
from canonical.events import Line as LineWords
from mappings import codes
from mappings.inbound.x12_855.header import Header, wish
from mappings.inbound.x12_855.line import Line, Places
from mappings.variances import date_variance
from mappings.x12 import at, product_ids

POC: Final = Places(segment="POC", quantity=3, unit=5, price=6, basis=7, items=8)
"""X12 004010 POC: what begins a line of an 865."""

# what an ACK says that only repeats a change of this kind
_CONFIRMS: Final = {
    "quantity": "ORD.QTY_CHANGED",
    "price": "PRC.CHANGED",
    "date": "INV.SUPPLIER_DELAY",
    "delete": "ORD.LINE_CANCELLED",
    "item": "INV.SUBSTITUTION",
    "all": "ORD.COUNTER_OFFER",
}
# what the seller's own change is to us, by the first of its kinds that is listed
_SELLERS: Final = {
    "cancel": "ORD.CANCELLED_BY_SUPPLIER",
    "delete": "ORD.LINE_CANCELLED",
    "item": "INV.SUBSTITUTION",
    "date": "INV.SUPPLIER_DELAY",
    "quantity": "ORD.QTY_CHANGED",
    "price": "PRC.CHANGED",
}
_TITLES: Final = {
    "ORD.CHANGE_REJECTED": "rejected our change of",
    "ORD.CANCELLED_BY_SUPPLIER": "cancelled",
    "ORD.LINE_CANCELLED": "cancelled",
    "INV.SUBSTITUTION": "replaces the item of",
    "INV.SUPPLIER_DELAY": "moved the date of",
    "ORD.QTY_CHANGED": "changed the quantity of",
    "PRC.CHANGED": "changed the price of",
    "ORD.COUNTER_OFFER": "changed",
    codes.UNKNOWN: "changed with an unknown code",
}
_REJECTIONS: Final = frozenset({"ORD.LINE_REJECTED"})


class ChangedLine:
    """One POC loop."""

    __slots__ = (
        "_acks", "_aspects", "_code", "_confirmed", "_dates", "_header", "_known", "_line", "_ordinal", "_own",
        "_position", "_replacements", "ref", "words",
    )  # fmt: skip

    def __init__(self, header: Header, position: int, ordinal: int) -> None:
        reader = header.reader
        segment = reader.segments[position - 1]
        self._header = header
        self._position = position
        self._ordinal = ordinal
        self._acks = 0
        self._dates: dict[str, str] = {}
        self._replacements: list[Ref] = []
        self._own = codes.NONE
        self._confirmed: frozenset[str] = frozenset()
        code = at(segment, 2)
        if not code:
            raise reader.stop("POC02 is empty: nothing says which change is answered", position, 2)
        row = reader.meaning("x12-670", code, position, 2)
        self._known = row is not None
        self._aspects = codes.ours(row).split("+")
        self._code: SourceCode = codes.source_code("x12-670", code, row)
        self._line = Line(header, position, ordinal, POC)
        self.ref = self._line.ref
        self.words: LineWords = self._line.words

    def take(self, name: str, segment: list[str], position: int) -> None:
        """One segment of the loop."""
        if name == "ACK":
            self._acks += 1
        elif name == "DTM":
            wish(self._header.reader, self._dates, segment, position)
        elif name == "LIN":
            self._replacements += product_ids(segment, 2, self._header.reader.partner)
        self._line.take(name, segment, position)

    def settle(self, *, answers: bool, accepted: bool) -> None:
        """Decide what is a trouble, when the head is known. ``answers``: to a change that we asked for;
        ``accepted``: the head accepts all that is listed."""
        if not self._known:
            self._own = codes.UNKNOWN
        elif "reject" in self._aspects:
            self._own = "ORD.CHANGE_REJECTED"
        elif "item" in self._aspects and not self._line.says("INV.SUBSTITUTION") and not accepted:
            self._own = "INV.SUBSTITUTION"
        elif not self._acks and not accepted and "none" not in self._aspects:
            self._own = next(
                (code for aspect, code in _SELLERS.items() if aspect in self._aspects), "ORD.COUNTER_OFFER"
            )
        if answers:
            kinds = [*self._aspects, *(_CONFIRMS if "all" in self._aspects else ())]
            said = {_CONFIRMS[aspect] for aspect in kinds if aspect in _CONFIRMS and aspect != "item"}
            self._confirmed = frozenset(code for code in said if self._line.repeats(code))

    @property
    def code(self) -> str:
        """POC02, as it stands there."""
        return self._code["code"]

    @property
    def is_rejected(self) -> bool:
        """Whether the change of this line, or the line, is rejected."""
        return self._own == "ORD.CHANGE_REJECTED" or any(self._line.says(code) for code in _REJECTIONS)

    @property
    def is_trouble(self) -> bool:
        """Whether something else is said than what was asked for."""
        return next(self.events(), None) is not None

    def source_codes(self) -> list[SourceCode]:
        """The supplier's own words about this line."""
        return [self._code, *self._line.source_codes()]

    def events(self) -> Iterator[ExceptionEvent]:
        """The troubles of this line: of its change first, then of its ACKs."""
        if self._own != codes.NONE:
            yield self._event(self._own)
        if self._own != "ORD.CHANGE_REJECTED":
            yield from self._line.events(without=self._confirmed)

    def _event(self, exception: str) -> ExceptionEvent:
        header = self._header
        whole = exception == "ORD.CANCELLED_BY_SUPPLIER"
        words: LineWords = self.words
        if exception == "INV.SUBSTITUTION" and self._replacements:
            words = {**words, "substitutes": self._replacements[:32]}
        about = f"PO {header.order}" if whole else f"PO {header.order} line {self.ref}"
        return ExceptionEvent(
            code=exception,
            title=f"{header.who} {_TITLES[exception]} {about}",
            detail=self._code.get("text"),
            refs=header.refs,
            place=header.reader.place(self._position, f"POC[{self._ordinal}]"),
            occurred_at=header.occurred_at,
            parties=header.parties,
            lines=[] if whole else [words],
            variances=self._variances(exception),
            source_codes=[self._code, *self._line.source_codes()],
            ext=header.reader.ext(),
        )

    def _variances(self, exception: str) -> list[Variance]:
        """What shall be now. What was is not said."""
        found: list[Variance] = []
        aspects = set(self._aspects)
        if exception in ("ORD.CHANGE_REJECTED", "ORD.CANCELLED_BY_SUPPLIER", "ORD.LINE_CANCELLED"):
            return found
        if aspects & {"quantity", "all", "add"} and "ordered" in self.words:
            found.append({"attribute": "quantity", "expected": None, "actual": self.words["ordered"]})
        if aspects & {"price", "all", "add"} and "unit_price" in self.words:
            found.append({"attribute": "unit_price", "expected": None, "actual": self.words["unit_price"]})
        if aspects & {"date", "all", "add"}:
            found += [date_variance("", date) for date in dict.fromkeys(self._dates.values())]
        if "item" in aspects and self._replacements:
            items = self.words.get("item_ids")
            found.append(
                {
                    "attribute": "item",
                    "expected": items[0] if items else None,
                    "actual": self._replacements[0],
                }
            )
        return found
