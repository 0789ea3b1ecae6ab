"""All lines of an 855. Most of a long one say nothing but yes: those are read at once, the others one by one.

A line is *plain* when it has one ACK, of a code that says no exception, with the quantity and the unit of the PO1 or
with none, and nothing beside it that could say more. Of such a line only its words and its date are kept: it has no
trouble, unless that date is later than it was asked for. Every other line is a ``Line``.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from itertools import chain, islice
from typing import Final, TypeVar

from canonical.events import Line as LineWords
from canonical.events import Quantity
from mappings import codes
from mappings.inbound.x12_855.header import Header, kind_of_date
from mappings.inbound.x12_855.line import Line
from mappings.x12 import ZERO, Reader, at, product_ids, scheme_of

_SAYS_MORE: Final = frozenset({"DTM", "CTP", "SCH"})
"""Segments of a line that say something of it beside its ACK."""

_MOST_OF_ACK: Final = 8
"""ACK up to ACK07 of a plain line: behind it stand substitutes and reasons."""
_LEAST_OF_PO1: Final = 8
"""PO1 up to PO107 of a plain line: with one product id at least."""

_SHIPS_A_PART: Final = "BP"
"""It says no exception by itself, and that the rest of the line comes later."""

# a number that stands there as we write it
_as_we_write = re.compile(r"[1-9][0-9]{0,17}(?:\.[0-9]{1,9})?").fullmatch
_DIGITS: Final = "0123456789"
_NOTHING_OR_POINT: Final = frozenset({"", "."})
_SHORT: Final = 10
"""A number of so many characters has no more digits than it may have, before its point and behind it."""

_Promise = tuple[str, str]
"""The kind of a date and the day; both empty where no date is named."""
_NO_DATE: Final[_Promise] = ("", "")

_BEHIND: Final = (["CTT"],)
"""What a set is read to that has no CTT."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _Known(dict[_Key, _Value]):
    """What elements mean, as they stand in the set: each is worked out once."""

    __slots__ = ("_work_out",)

    def __init__(self, work_out: Callable[[_Key], _Value]) -> None:
        self._work_out = work_out

    def __missing__(self, key: _Key) -> _Value:
        value = self[key] = self._work_out(key)
        return value


class Lines:
    """The lines of an 855, in their order."""

    __slots__ = (
        "_dates", "_header", "_plain_codes", "_promises", "_quantities", "_schemes", "_starts", "_told",
        "_words",
    )  # fmt: skip

    def __init__(self, header: Header) -> None:
        self._header = header
        self._starts: list[int] = []  # where in the set each line begins, from 0
        self._words: list[LineWords] = []
        self._promises: list[_Promise] = []  # of the plain lines
        self._told: dict[int, Line] = {}  # the other lines, by their place among all
        self._dates: dict[tuple[str, str], _Promise] = {}
        self._quantities: _Known[str, _Known[str, Quantity | None]] = _Known(
            partial(_quantities, header.reader)
        )
        self._schemes: _Known[str, str] = _Known(partial(_scheme, header.reader))
        self._plain_codes: _Known[str, bool] = _Known(partial(_is_plain_code, header.reader))

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[Line]:
        """Every line, the plain ones too."""
        for number in range(len(self._starts)):
            yield self._told.get(number) or self._line(number)

    @property
    def words(self) -> list[LineWords]:
        """What is acknowledged of each line. One whose date is still open is not yet acknowledged with a date: it
        must not clear that trouble."""
        still_open = {number for number, line in self._told.items() if line.says("ORD.SCHEDULE_PENDING")}
        if not still_open:
            return self._words
        return [words for number, words in enumerate(self._words) if number not in still_open]

    def promised(self) -> Iterator[dict[str, str]]:
        """When the first of each line is to come, by kind of date; plain lines that say the same are told once."""
        for line in self._told.values():
            yield line.promised()
        for kind, day in set(self._promises):
            yield {kind: day} if day else self._header.wishes

    def troubled(self) -> Iterator[Line]:
        """The lines that may have a trouble."""
        wishes = self._header.wishes
        late = {one for one in set(self._promises) if one[1] > wishes.get(one[0], one[1])}
        if not late:
            yield from self._told.values()
            return
        promises = iter(self._promises)
        for number in range(len(self._starts)):
            if (line := self._told.get(number)) is not None:
                yield line
            elif next(promises) in late:
                yield self._line(number)

    def take(self, start: int) -> int:
        """Read the lines from the PO1 at ``start`` (from 0) on. Gives where they end: at the CTT, or with the set.

        Eighteen thousand lines pass through this loop: what it calls, it calls for a few of them.
        """
        reader = self._header.reader
        money = reader.money(ZERO, self._header.currency)
        quantities, schemes, plain_codes, dates = (
            self._quantities,
            self._schemes,
            self._plain_codes,
            self._dates,
        )
        starts, all_words, promises = self._starts, self._words, self._promises
        item: list[str] = []
        answer: list[str] | None = None
        is_plain = True
        begun = answered = 0
        position = start
        for segment in chain(islice(reader.segments, start, None), _BEHIND):
            position += 1
            name = segment[0]
            if name == "ACK":
                is_plain = is_plain and answer is None
                answer, answered = segment, position
                continue
            if name != "PO1" and name != "CTT":
                is_plain = is_plain and name not in _SAYS_MORE
                continue
            if item:
                starts.append(begun)
                words: LineWords | None = None
                if (
                    is_plain
                    and answer is not None
                    and 2 <= (size := len(answer)) <= _MOST_OF_ACK
                    and len(item) >= _LEAST_OF_PO1
                ):
                    count, unit, price = item[2], item[3], item[4]
                    if (
                        (
                            size == 2
                            or not answer[2]
                            or (answer[2] == count and (size == 3 or not answer[3] or answer[3] == unit))
                        )
                        and (ordered := quantities[unit][count]) is not None
                        and plain_codes[answer[1]]
                        and (
                            not price
                            # most prices: digits and a point among them, told apart without a match of its own
                            or (
                                price.strip(_DIGITS) in _NOTHING_OR_POINT
                                and len(price) <= _SHORT
                                and price[0] > "0"
                                and price[-1] != "."
                            )
                            or _as_we_write(price)
                        )
                        and 0 < len(ref := item[1].strip()) <= 64
                        and 0 < len(value := item[7].strip()) <= 256
                    ):
                        words = {
                            "line_ref": ref,
                            "item_ids": [{"kind": "item", "value": value, "scheme": schemes[item[6]]}],
                            "ordered": ordered,
                        }
                        if len(item) > _LEAST_OF_PO1:
                            more = product_ids(item, _LEAST_OF_PO1, reader.partner)
                            words["item_ids"] = [*words["item_ids"], *more][:32]
                        if price:
                            words["unit_price"] = costs = money.copy()
                            costs["amount"] = price
                        if size > 5:
                            promises.append(
                                dates.get((answer[4], answer[5])) or self._promise(answer, answered)
                            )
                        else:
                            promises.append(_NO_DATE)
                if words is None:
                    line = self._told[len(all_words)] = self._line(len(all_words))
                    words = line.words
                all_words.append(words)
            if name == "CTT":
                break
            item, answer, is_plain, begun = segment, None, True, position - 1
        return position - 1

    def _line(self, number: int) -> Line:
        """The line with this place among all, read element by element."""
        segments = self._header.reader.segments
        start = self._starts[number]
        line = Line(self._header, start + 1, number + 1)
        for position in range(start + 2, len(segments) + 1):
            segment = segments[position - 1]
            name = segment[0]
            if name == "PO1" or name == "CTT":
                break
            line.take(name, segment, position)
        return line

    def _promise(self, answer: list[str], position: int) -> _Promise:
        """The date that an ACK with ACK05 names. Raises ``Unreadable`` for one that is none."""
        said = answer[4], answer[5]
        promise = self._dates.get(said)
        if promise is None:
            reader = self._header.reader
            day = at(answer, 5)
            promise = (
                (kind_of_date(reader, at(answer, 4)), reader.date(day, position, 5)) if day else _NO_DATE
            )
            self._dates[said] = promise
        return promise


def _quantities(reader: Reader, unit: str) -> _Known[str, Quantity | None]:
    """What is counted (PO102) in this unit (PO103)."""
    return _Known(partial(_quantity, reader, reader.unit_of(unit.strip())))


def _quantity(reader: Reader, unit: str, count: str) -> Quantity | None:
    """``None`` for a number that is not written as we write it."""
    return reader.quantity(Decimal(count), unit) if _as_we_write(count) else None


def _scheme(reader: Reader, qualifier: str) -> str:
    return scheme_of(qualifier.strip(), reader.partner)


def _is_plain_code(reader: Reader, code: str) -> bool:
    """Whether an ACK of this code says that the line comes as it was ordered."""
    code = code.strip()
    row = codes.meaning("x12-668", code, reader.partner)
    return row is not None and row.exception == codes.NONE and code != _SHIPS_A_PART
