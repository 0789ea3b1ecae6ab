"""All lines of an 855. Most of a long one say nothing but yes: those are read at once, the others one by one.

A line is *plain* when it has one ACK, of a code that says no exception, with the quantity and the unit of the PO1 or
with none, and nothing beside it that could say more. Of such a line only its words and its date are kept: it has no
trouble, unless that date is later than it was asked for. Every other line is a ``Line``.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from canonical.events import Line as LineWords
from canonical.events import Money, Quantity, Ref
from mappings import codes
from mappings.inbound.x12_855.header import Header, kind_of_date
from mappings.inbound.x12_855.line import Line, unit_of
from mappings.x12 import ZERO, at, product_ids, scheme_of

_SAYS_MORE: Final = frozenset({"DTM", "CTP", "SCH"})
"""Segments of a line that say something of it beside its ACK."""

_MOST_OF_ACK: Final = 8
"""ACK up to ACK07 of a plain line: behind it stand substitutes and reasons."""
_LEAST_OF_PO1: Final = 8
"""PO1 up to PO107 of a plain line: with a product id."""

_SHIPS_A_PART: Final = "BP"
"""It says no exception by itself, and that the rest of the line comes later."""

# a number that stands there as we write it
_as_we_write = re.compile(r"[1-9][0-9]{0,17}(?:\.[0-9]{1,9})?").fullmatch

_Promise = tuple[str, str]
"""The kind of a date and the day; both empty where no date is named."""
_NO_DATE: Final[_Promise] = ("", "")

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
        "_dates", "_header", "_money", "_plain_codes", "_promises", "_quantities", "_schemes", "_starts", "_told",
        "_words",
    )  # fmt: skip

    def __init__(self, header: Header) -> None:
        self._header = header
        self._starts: list[int] = []  # where in the set each line begins, from 0
        self._words: list[LineWords] = []
        self._promises: list[_Promise] = []  # of the plain lines
        self._told: dict[int, Line] = {}  # the other lines, by their place among all
        self._money: Money = header.reader.money(ZERO, header.currency)
        self._dates: dict[tuple[str, str], _Promise] = {}
        self._quantities: _Known[tuple[str, str], Quantity | None] = _Known(self._quantity)
        self._schemes: _Known[str, str] = _Known(self._scheme)
        self._plain_codes: _Known[str, bool] = _Known(self._is_plain_code)

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
        """Read the lines from the PO1 at ``start`` (from 0) on. Gives where they end: at the CTT, or with the set."""
        header = self._header
        segments = header.reader.segments
        self._money = header.reader.money(ZERO, header.currency)
        here, behind = start, len(segments)
        while here < behind and segments[here][0] == "PO1":
            answer: list[str] = []
            is_plain = True
            position, end = 0, here + 1
            while end < behind:
                name = segments[end][0]
                if name == "ACK":
                    is_plain = is_plain and not answer
                    answer = segments[end]
                    position = end + 1
                elif name == "PO1" or name == "CTT":
                    break
                elif name in _SAYS_MORE:
                    is_plain = False
                end += 1
            self._starts.append(here)
            words = self._plain(segments[here], answer, position) if is_plain and answer else None
            if words is None:
                number = len(self._words)
                line = self._told[number] = self._line(number)
                words = line.words
            self._words.append(words)
            here = end
        return here

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

    # ── plain lines ──────────────────────────────────────────────────────────────────────────────────────

    def _plain(self, item: list[str], answer: list[str], position: int) -> LineWords | None:
        """The words of a line with this PO1 and this one ACK, which has this position, when it is plain.

        ``None`` where there is any doubt.
        """
        size = len(answer)
        if not 2 <= size <= _MOST_OF_ACK or len(item) < _LEAST_OF_PO1:
            return None
        quantity, unit, price = item[2], item[3], item[4]
        if (
            size > 2
            and answer[2]
            and (answer[2] != quantity or (size > 3 and answer[3] and answer[3] != unit))
        ):
            return None
        ordered = self._quantities[quantity, unit]
        ref = item[1].strip()[:64]
        if (
            ordered is None
            or not ref
            or not self._plain_codes[answer[1]]
            or (price and not _as_we_write(price))
        ):
            return None
        words: LineWords = {"line_ref": ref}
        if value := item[7].strip():
            items: list[Ref] = [{"kind": "item", "value": value[:256], "scheme": self._schemes[item[6]]}]
            if len(item) > _LEAST_OF_PO1:
                items += product_ids(item, _LEAST_OF_PO1, self._header.reader.partner)
            words["item_ids"] = items[:32]
        elif items := product_ids(item, _LEAST_OF_PO1, self._header.reader.partner):
            words["item_ids"] = items[:32]
        words["ordered"] = ordered
        if price:
            words["unit_price"] = money = self._money.copy()
            money["amount"] = price
        self._promises.append(self._promise(answer, position) if size > 5 else _NO_DATE)
        return words

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

    def _quantity(self, counted: tuple[str, str]) -> Quantity | None:
        """PO102 and PO103; ``None`` for a number that is not written as we write it."""
        if not _as_we_write(counted[0]):
            return None
        reader = self._header.reader
        return reader.quantity(reader.number(counted[0], 1, 2), unit_of(reader, counted[1].strip()))

    def _scheme(self, qualifier: str) -> str:
        return scheme_of(qualifier.strip(), self._header.reader.partner)

    def _is_plain_code(self, code: str) -> bool:
        """Whether an ACK of this code says that the line comes as it was ordered."""
        code = code.strip()
        row = codes.meaning("x12-668", code, self._header.reader.partner)
        return row is not None and row.exception == codes.NONE and code != _SHIPS_A_PART
