"""One line of an 855 or 865: what was ordered, what the supplier answered, and which troubles follow.

Several ACKs of a line that mean the same are one trouble: their quantities are summed by what they mean.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from canonical.events import (
    DocumentPlace,
    ExceptionEvent,
    Money,
    Quantity,
    Ref,
    SourceCode,
    Variance,
)
from canonical.events import Line as LineWords
from mappings import codes
from mappings.inbound.x12_855.header import PROMISES, Header, kind_of_date, wish
from mappings.lines import line_words, worth
from mappings.variances import date_variance, quantity_variance
from mappings.x12 import ZERO, at, plain, product_ids

# ACKs that speak of terms may name units that another ACK of the line names too
_TERMS: Final = frozenset(
    {"PRC.CHANGED", "PRC.PENDING", "INV.SUPPLIER_DELAY", "ORD.SCHEDULE_PENDING", "ORD.HOLD"}
)
# answers that give another quantity, and answers that take their quantity off the line
_NEW_QUANTITY: Final = frozenset({"ORD.QTY_CHANGED", "ORD.COUNTER_OFFER"})
_QUANTITIES: Final = _NEW_QUANTITY | {"INV.BACKORDER", "ORD.LINE_REJECTED", "ORD.LINE_CANCELLED"}

# answers after which nothing of the line comes
_NOTHING_COMES: Final = frozenset({"ORD.LINE_REJECTED", "ORD.LINE_CANCELLED", "ORD.HOLD"})

TITLES: Final = {
    "INV.BACKORDER": "backordered",
    "INV.SUPPLIER_DELAY": "moved the date of",
    "INV.SUBSTITUTION": "substitutes",
    "ORD.QTY_CHANGED": "changed the quantity of",
    "ORD.LINE_REJECTED": "rejected",
    "ORD.LINE_CANCELLED": "took off the order",
    "ORD.HOLD": "put on hold",
    "ORD.SCHEDULE_PENDING": "gave no date yet for",
    "ORD.COUNTER_OFFER": "accepted with changes",
    "PRC.CHANGED": "changed the price of",
    "PRC.PENDING": "gave no price yet for",
}
"""What a supplier does to a line, by what its code (668) means; for titles of 855, 865 and 856."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the segment that begins a line says what: its line number stands first."""

    segment: str
    quantity: int
    unit: int
    price: int
    basis: int
    items: int


PO1: Final = Places(segment="PO1", quantity=2, unit=3, price=4, basis=5, items=6)
"""X12 004010 PO1: what begins a line of an 855."""


class _Answer:
    """The ACKs of a line that mean the same: their summed quantity and what they name."""

    __slots__ = (
        "cause",
        "codes",
        "date",
        "ordinal",
        "position",
        "quantity",
        "stated",
        "substitutes",
        "whole",
    )

    def __init__(self, position: int, ordinal: int) -> None:
        self.position = position
        self.ordinal = ordinal
        self.cause: str | None = None
        self.codes: list[SourceCode] = []
        self.quantity = ZERO
        self.stated = False  # some ACK named a quantity
        self.whole = False  # some ACK named none: it speaks of the line, or of what is left of it
        self.date: tuple[str, str] | None = None  # kind of date, the latest that was named
        self.substitutes: list[Ref] = []


class Line:
    """One PO1 loop, or POC loop of an 865."""

    __slots__ = (
        "_acks",
        "_answers",
        "_header",
        "_new_price",
        "_other_unit",
        "_path",
        "_position",
        "_price",
        "_price_basis",
        "_scheduled",
        "_unit",
        "_wishes",
        "ordered",
        "ref",
        "words",
    )  # fmt: skip

    def __init__(self, header: Header, position: int, ordinal: int, places: Places = PO1) -> None:
        reader = header.reader
        segment = reader.segments[position - 1]
        self._header = header
        self._position = position
        self._path = f"{places.segment}[{ordinal}]"
        self._acks = 0
        self._answers: dict[str, _Answer] = {}
        self._wishes: dict[str, str] | None = None
        self._scheduled: dict[str, Decimal] | None = None
        self._new_price: Decimal | None = None
        self._other_unit = ""
        self._unit = reader.unit_of(at(segment, places.unit))
        text = at(segment, places.quantity)
        self.ordered = reader.count(text, position, places.quantity) if text else None
        text = at(segment, places.price)
        self._price = reader.number(text, position, places.price) if text else None
        self._price_basis = at(segment, places.basis)
        items = product_ids(segment, places.items, reader.partner)
        self.words: LineWords = line_words(at(segment, 1), items, fallback=f"position:{ordinal}")
        self.ref = self.words["line_ref"]
        if self.ordered is not None:
            self.words["ordered"] = reader.quantity(self.ordered, self._unit)
        if self._price is not None:
            self.words["unit_price"] = reader.money(self._price, header.currency)

    def take(self, name: str, segment: list[str], position: int) -> None:
        """One segment of the loop."""
        if name == "ACK":
            self._acknowledge(segment, position)
        elif name == "DTM":
            if self._wishes is None:
                self._wishes = dict(self._header.wishes)
            wish(self._header.reader, self._wishes, segment, position)
        elif name == "CTP":
            if text := at(segment, 3):
                self._new_price = self._header.reader.number(text, position, 3)
        elif name == "SCH":
            self._schedule(segment, position)

    def _acknowledge(self, segment: list[str], position: int) -> None:
        reader = self._header.reader
        self._acks += 1
        code = at(segment, 1)
        if not code:
            raise reader.stop("ACK01 is empty: nothing says what happens to the line", position, 1)
        row, told = reader.told("x12-668", code, position, 1)
        exception = codes.exception_of(row)
        answer = self._answers.get(exception)
        if answer is None:
            answer = self._answers[exception] = _Answer(position, self._acks)
        if told not in answer.codes:
            answer.codes.append(told)
        if answer.cause is None and row is not None:
            answer.cause = row.cause
        if text := at(segment, 2):
            number = reader.count(text, position, 2)
            answer.quantity += number
            answer.stated = True
            if code == "BP":
                # ACK02 of BP is what ships now: the balance, not this, is backordered
                answer.quantity -= number
                self._answer_of_now(position).quantity += number
                answer.whole = True
            unit = at(segment, 3)
            if unit and unit != self._unit and self._unit:
                self._other_unit = unit
        else:
            answer.whole = True
        if day := at(segment, 5):
            kind = kind_of_date(reader, at(segment, 4))
            date = reader.date(day, position, 5)
            if answer.date is None or date > answer.date[1]:
                answer.date = kind, date
        answer.substitutes += product_ids(segment[:27], 7, reader.partner) if len(segment) > 8 else []
        if industry := at(segment, 29):
            scheme = f"x12-559:{at(segment, 27)}" if at(segment, 27) else "x12-1271"
            answer.codes.append({"scheme": scheme[:64], "code": industry[:128], "mapped": False})

    def _answer_of_now(self, position: int) -> _Answer:
        answer = self._answers.get(codes.NONE)
        if answer is None:
            answer = self._answers[codes.NONE] = _Answer(position, self._acks)
        answer.stated = True
        return answer

    def _schedule(self, segment: list[str], position: int) -> None:
        reader = self._header.reader
        if self._scheduled is None:
            self._scheduled = {}
        text, day = at(segment, 1), at(segment, 6)
        if not text:
            return
        kind = PROMISES.get(reader.word_of_date(at(segment, 5)), "")
        date = reader.date(day, position, 6) if day else ""
        key = f"{kind}:{date}"
        self._scheduled[key] = self._scheduled.get(key, ZERO) + reader.count(text, position, 1)
        unit = at(segment, 2)
        if unit and unit != self._unit and self._unit:
            self._other_unit = unit

    # ── what follows ─────────────────────────────────────────────────────────────────────────────────────

    def says(self, exception: str) -> bool:
        """Whether some ACK of the line says this."""
        return exception in self._answers

    def promised(self) -> dict[str, str]:
        """When the first of this line is to come, by kind of date (``ship``, ``delivery``): as it was answered, else
        as it was asked for. Nothing of a line that is not to come."""
        accepted = [answer.date for code, answer in self._answers.items() if code not in _NOTHING_COMES]
        if self._answers and not accepted:
            return {}
        found: dict[str, str] = {}
        told = [date for date in accepted if date is not None]
        for key in self._scheduled or ():
            kind, _, date = key.partition(":")
            if kind and date:
                told.append((kind, date))
        for kind, date in told:
            if kind not in found or date < found[kind]:
                found[kind] = date
        return found or dict(self._header.wishes if self._wishes is None else self._wishes)

    def repeats(self, exception: str) -> bool:
        """Whether the ACKs that say this only repeat what the line itself says: its quantity, its price, its date.
        Then an answer to a change confirms the change."""
        answer = self._answers.get(exception)
        if answer is None:
            return False
        if answer.stated and exception != "ORD.LINE_CANCELLED" and answer.quantity != self.ordered:
            return False
        if exception == "PRC.CHANGED" and self._new_price not in (None, self._price):
            return False
        if answer.date is None:
            return True
        asked = self._asked(answer.date[0])
        return not asked or answer.date[1] <= asked

    def source_codes(self) -> list[SourceCode]:
        """The supplier's own words about this line."""
        return [code for answer in self._answers.values() for code in answer.codes]

    def events(self, *, without: Collection[str] = ()) -> Iterator[ExceptionEvent]:
        """The troubles of this line, in the order in which they were said; not those of ``without``, which say what
        was asked for."""
        for exception, answer in self._answers.items():
            if exception != codes.NONE and exception not in without:
                yield self._event(exception, answer)
        if "INV.SUPPLIER_DELAY" not in self._answers and (late := self._later_than_asked()) is not None:
            yield late
        if (missing := self._unaccounted()) is not None:
            yield missing

    def _event(self, exception: str, answer: _Answer) -> ExceptionEvent:
        header = self._header
        affected = self._affected(exception, answer)
        counted = self._counted(affected)
        variances: list[Variance] = []
        if exception in _QUANTITIES:
            variances += self._quantity_variance(exception, answer, affected)
        if exception == "PRC.CHANGED" or (exception == "ORD.COUNTER_OFFER" and self._new_price is not None):
            variances.append(self._price_variance())
        if exception == "INV.SUBSTITUTION" and answer.substitutes:
            items = self.words.get("item_ids")
            variances.append(
                {
                    "attribute": "item",
                    "expected": items[0] if items else None,
                    "actual": answer.substitutes[0],
                }
            )
        if answer.date is not None:
            variances.append(self._date_variance(*answer.date))
        return ExceptionEvent(
            code=exception,
            title=self._title(exception, counted),
            cause=answer.cause,
            detail="; ".join([code["text"] for code in answer.codes if code.get("text")]) or None,
            refs=header.refs,
            place=self._place(answer),
            occurred_at=header.occurred_at,
            parties=header.parties,
            lines=[self._words(counted, answer.substitutes)],
            variances=variances,
            source_codes=answer.codes,
            value_at_risk=self._value(affected),
            ext=header.ext,
        )

    def _affected(self, exception: str, answer: _Answer) -> Decimal | None:
        """How much of the line an answer is about; ``None`` when that is not said."""
        ordered = self.ordered
        if exception == "ORD.QTY_CHANGED":
            return abs(ordered - answer.quantity) if ordered is not None and answer.stated else None
        if not answer.whole:
            return answer.quantity
        if ordered is None or self._other_unit:
            return answer.quantity if answer.stated and answer.quantity else None
        if len(self._answers) == 1:
            return ordered
        if exception in _TERMS or exception == "INV.SUBSTITUTION":
            return answer.quantity if answer.quantity else None
        # nothing named: what the other answers leave of the line
        others = (other for other in self._answers.values() if other is not answer and other.stated)
        rest = ordered - sum((other.quantity for other in others), ZERO)
        return rest if rest > ZERO else (answer.quantity or None)

    def _accounted(self) -> tuple[Decimal, Decimal] | None:
        """The answered quantity without and with those ACKs that speak of terms; ``None``: nothing to add."""
        base = terms = ZERO
        stated = False
        for exception, answer in self._answers.items():
            if answer.whole and exception not in _TERMS and exception != "INV.SUBSTITUTION":
                return None  # an answer without a quantity takes what the others leave
            if exception in _TERMS:
                terms += answer.quantity
            else:
                base += answer.quantity
            stated = stated or answer.stated
        return (base, base + terms) if stated else None

    def _unaccounted(self) -> ExceptionEvent | None:
        if self.ordered is None or "ORD.QTY_CHANGED" in self._answers or "ORD.COUNTER_OFFER" in self._answers:
            return None  # nothing to compare with, or the difference was said
        detail = ""
        actual: Quantity | None = None
        if self._other_unit:
            detail = f"the answer counts in {self._other_unit}, the order in {self._unit}"
            affected = self.ordered
        else:
            if self._answers and (found := self._accounted()) is not None:
                base, both = found
            elif self._scheduled and not any(answer.stated for answer in self._answers.values()):
                base = both = sum(self._scheduled.values(), ZERO)
            else:
                return None
            if self.ordered in (base, both):
                return None
            if base <= self.ordered <= both:
                # terms overlap with the rest in part: how far is not said
                detail = f"the answers add up to {plain(base)} or {plain(both)} of {plain(self.ordered)}"
            answered = both if both < self.ordered else base if base > ZERO else both
            affected = abs(self.ordered - answered)
            actual = self._header.reader.quantity(answered, self._unit)
            if not detail:
                short = answered < self.ordered
                detail = (
                    f"{plain(answered)} of {plain(self.ordered)} are answered, {plain(affected)} "
                    f"{'are not' if short else 'too many'}"
                )
        variance: Variance = {
            "attribute": "uom" if self._other_unit else "quantity",
            "expected": self._unit if self._other_unit else self.words["ordered"],
            "actual": self._other_unit or actual,
        }
        if actual is not None:
            variance["delta"] = plain(answered - self.ordered)
        return ExceptionEvent(
            code="ORD.QTY_UNACCOUNTED",
            title=f"{self._header.who} did not account for all of PO {self._header.order} line {self.ref}",
            detail=detail,
            refs=self._header.refs,
            place=self._header.reader.place(self._position, self._path),
            occurred_at=self._header.occurred_at,
            parties=self._header.parties,
            lines=[self._words(self._counted(affected), [])],
            variances=[variance],
            source_codes=self.source_codes(),
            value_at_risk=self._value(affected),
            method="rule",
            ext=self._header.ext,
        )

    def _later_than_asked(self) -> ExceptionEvent | None:
        """A line that is accepted, and promised for later than it was asked for."""
        accepted = self._answers.get(codes.NONE)
        if accepted is None and self._scheduled is None:
            return None
        promised: list[tuple[str, str, Decimal | None]] = []
        if accepted is not None and accepted.date is not None:
            promised.append((*accepted.date, accepted.quantity if accepted.stated else None))
        for key, quantity in (self._scheduled or {}).items():
            kind, _, date = key.partition(":")
            if kind and date:
                promised.append((kind, date, quantity))
        late = [each for each in promised if (asked := self._asked(each[0])) and each[1] > asked]
        if not late:
            return None
        kind, date, _ = max(late, key=lambda each: each[1])
        counted = [quantity for _, _, quantity in late if quantity is not None]
        affected = sum(counted, ZERO) if len(counted) == len(late) else None
        answer = accepted if accepted is not None and not self._scheduled else None
        return ExceptionEvent(
            code="INV.SUPPLIER_DELAY",
            title=self._title("INV.SUPPLIER_DELAY", self._counted(affected)),
            detail=f"promised for {date}, asked for {self._asked(kind)}",
            refs=self._header.refs,
            place=self._place(answer)
            if answer is not None
            else self._header.reader.place(self._position, self._path),
            occurred_at=self._header.occurred_at,
            parties=self._header.parties,
            lines=[self._words(self._counted(affected), [])],
            variances=[self._date_variance(kind, date)],
            source_codes=self.source_codes() or [self._header.source_code],
            value_at_risk=self._value(affected),
            method="rule",
            ext=self._header.ext,
        )

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────

    def _place(self, answer: _Answer) -> DocumentPlace:
        return self._header.reader.place(answer.position, f"{self._path}/ACK[{answer.ordinal}]")

    def _asked(self, kind: str) -> str:
        return (self._header.wishes if self._wishes is None else self._wishes).get(kind, "")

    def _counted(self, number: Decimal | None) -> Quantity | None:
        """A quantity in the line's unit; all that was ordered is said in the same words again."""
        if number is None:
            return None
        return (
            self.words["ordered"]
            if number is self.ordered
            else self._header.reader.quantity(number, self._unit)
        )

    def _words(self, affected: Quantity | None, substitutes: list[Ref]) -> LineWords:
        if affected is None and not substitutes:
            return self.words
        words: LineWords = {**self.words}
        if affected is not None:
            words["affected"] = affected
        if substitutes:
            words["substitutes"] = substitutes[:32]
        return words

    def _title(self, exception: str, affected: Quantity | None) -> str:
        amount = ""
        if (
            affected is not None
            and "ordered" in self.words
            and exception not in ("PRC.CHANGED", "PRC.PENDING")
        ):
            unit = f" {self._unit}" if self._unit else ""
            amount = f"{affected['value']} of {self.words['ordered']['value']}{unit} on "
        verb = TITLES.get(exception, "answered with an unknown code")
        return f"{self._header.who} {verb} {amount}PO {self._header.order} line {self.ref}"

    def _quantity_variance(self, exception: str, answer: _Answer, affected: Decimal | None) -> list[Variance]:
        if self.ordered is None or affected is None:
            return []
        if exception not in _NEW_QUANTITY:
            actual = self.ordered - affected
        elif not answer.stated or answer.quantity == self.ordered:
            return []
        else:
            actual = answer.quantity
        return [quantity_variance(self._header.reader, self.ordered, actual, self._unit)]

    def _price_variance(self) -> Variance:
        """CTP03 is the new price where there is one, beside the ordered PO104; else PO104 is the new one."""
        reader, currency = self._header.reader, self._header.currency
        if self._new_price is None:
            return {
                "attribute": "unit_price",
                "expected": None,
                "actual": self.words.get("unit_price"),
            }
        variance: Variance = {
            "attribute": "unit_price",
            "expected": self.words.get("unit_price"),
            "actual": reader.money(self._new_price, currency),
        }
        if self._price is not None:
            variance["delta"] = plain(self._new_price - self._price)
        return variance

    def _date_variance(self, kind: str, date: str) -> Variance:
        return date_variance(self._asked(kind), date)

    def _value(self, affected: Decimal | None) -> Money | None:
        """What the affected quantity costs, where the price is one of a single unit."""
        header = self._header
        return worth(header.reader, affected, self._price, self._price_basis, header.currency)
