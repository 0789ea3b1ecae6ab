"""One line of an 860: which change of it is asked for, and what shall stand afterwards.

An 860 says what shall be, seldom what was: where only the new word is there, the variance expects nothing. What was
ordered is matching's affair.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import DocumentPlace, ExceptionEvent, Money, SourceCode, Variance
from canonical.events import Line as LineWords
from mappings import codes
from mappings.inbound.x12_850.order import Order, dates_of
from mappings.lines import line_words, worth
from mappings.variances import date_variance, quantity_variance
from mappings.x12 import ZERO, at, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Loop

_VERBS: Final = {
    "QD": "lower the quantity of",
    "QI": "raise the quantity of",
    "CA": "change",
    "quantity": "change the quantity of",
    "price": "change the price of",
    "price+quantity": "change price and quantity of",
    "price+date": "change price and date of",
    "price+quantity+date": "change price, quantity and date of",
    "date+quantity": "change date and quantity of",
    "date": "move the date of",
    "terms": "change the terms of",
    "charges": "change the charges of",
    "add": "add",
    "delete": "take off",
    "mode": "change the way of shipping of",
    "item": "replace the item of",
    "transfer": "transfer",
    "all": "replace all of",
    "reject": "leave as it was",
}  # fmt: skip
_QUANTITY: Final = frozenset({"quantity", "add", "all"})
_PRICE: Final = frozenset({"price", "add", "all"})
_DATE: Final = frozenset({"date", "add", "all"})


class Change:
    """One POC loop."""

    __slots__ = (
        "_aspects", "_basis", "_code", "_order", "_price", "_quantity", "_unit", "dates", "exception", "place", "ref",
        "source_code", "words",
    )  # fmt: skip

    def __init__(self, order: Order, loop: "Loop", ordinal: int) -> None:
        reader = order.reader
        position, segment = loop.segments[0]
        self._order = order
        self.place: DocumentPlace = reader.place(position, f"POC[{ordinal}]")
        self._code = at(segment, 2)
        if not self._code:
            raise reader.stop("POC02 is empty: nothing says what is to change", position, 2)
        row = reader.meaning("x12-670", self._code, position, 2)
        self.exception = codes.exception_of(row)
        self._aspects = codes.ours(row).split("+")
        self.source_code: SourceCode = codes.source_code("x12-670", self._code, row)

        self._unit = reader.unit_of(at(segment, 5))
        text = at(segment, 3)
        self._quantity: Decimal | None = reader.count(text, position, 3) if text else None
        text = at(segment, 6)
        self._price: Decimal | None = reader.number(text, position, 6) if text else None
        self._basis = at(segment, 7)
        items = product_ids(segment, 8, reader.partner)
        for _, named in loop.all("LIN"):
            items += product_ids(named, 2, reader.partner)
        self.words: LineWords = line_words(at(segment, 1), items, fallback=f"position:{ordinal}")
        self.ref = self.words["line_ref"]
        if self._quantity is not None:
            self.words["ordered"] = reader.quantity(self._quantity, self._unit)
        if self._price is not None:
            self.words["unit_price"] = reader.money(self._price, order.currency)
        self.dates = dates_of(reader, loop)
        for inner in loop.inside("SCH"):
            self._schedule(*inner.segments[0])

    def _schedule(self, position: int, segment: list[str]) -> None:
        """The date of an SCH: of several of its kind the last one counts."""
        reader = self._order.reader
        word = reader.word_of_date(at(segment, 5))
        if word and (day := at(segment, 6)):
            date = reader.date(day, position, 6)
            self.dates[word] = max(self.dates.get(word, date), date)

    def event(self) -> ExceptionEvent | None:
        """What is asked for; ``None``: nothing, the line stays as it is."""
        if self.exception == codes.NONE:
            return None
        order = self._order
        number = order.number
        if self.exception == codes.UNKNOWN:
            title = f"{order.who} asks to change PO {number} line {self.ref} by {self._code!r}, which we do not know"
        elif self.exception == "ORD.CHANGE_REJECTED":
            title = f"{order.who} does not accept a change of PO {number} line {self.ref}"
        else:
            verb = _VERBS.get(self._code) or _VERBS.get("+".join(self._aspects), "change")
            title = f"{order.who} asks to {verb} PO {number} line {self.ref}"
        return ExceptionEvent(
            code=self.exception,
            title=title,
            detail=self._detail(),
            refs=order.refs,
            place=self.place,
            occurred_at=order.occurred_at,
            parties=order.parties,
            lines=[self._line()],
            variances=self._variances(),
            source_codes=[self.source_code],
            value_at_risk=self._value(),
            ext=order.reader.ext(),
        )

    def _detail(self) -> str | None:
        words = [text] if (text := self.source_code.get("text")) else []
        if sequence := self._order.attributes.get("change_sequence"):
            words.append(f"change {sequence}")
        return "; ".join(words) or None

    def _line(self) -> LineWords:
        if "delete" in self._aspects and self._quantity:
            return {**self.words, "affected": self.words["ordered"]}
        return self.words

    def _variances(self) -> list[Variance]:
        reader, aspects = self._order.reader, set(self._aspects)
        found: list[Variance] = []
        if "delete" in aspects:
            if self._quantity:
                found.append(quantity_variance(reader, self._quantity, ZERO, self._unit))
            return found
        if aspects & _QUANTITY and self._quantity is not None:
            found.append({"attribute": "quantity", "expected": None, "actual": self.words["ordered"]})
        if aspects & _PRICE and self._price is not None:
            found.append({"attribute": "unit_price", "expected": None, "actual": self.words["unit_price"]})
        if aspects & _DATE:
            found += date_variances(self.dates or self._order.dates)
        if "item" in aspects and "item_ids" in self.words:
            found.append({"attribute": "item", "expected": None, "actual": self.words["item_ids"][0]})
        return found

    def _value(self) -> Money | None:
        """What is taken off, in money, where that is said."""
        if "delete" not in self._aspects or not self._quantity:
            return None
        order = self._order
        return worth(order.reader, self._quantity, self._price, self._basis, order.currency)


def date_variances(dates: Mapping[str, str]) -> list[Variance]:
    """New dates, whose old ones are not said."""
    return [date_variance("", date) for date in dict.fromkeys(dates.values())]
