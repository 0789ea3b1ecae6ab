"""An order as it stands: as it was placed, with every change of it that we accepted, and nothing of the others.

A change (860, or an 850 that cancels) counts once an answer of ours says yes to it, line by line: our 865 by its
POC02, or by its head where it lists no lines. What we refused or have not answered changes nothing. The last answer
to a change is the one that holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from crossdock.edi.plan import ANSWERS, WRITE_BACK, document_key
from crossdock.partners import Partner
from mappings import changes, codes

if TYPE_CHECKING:
    from mappings.outbound.orders import Order

Document = Mapping[str, Any]
Line = Mapping[str, Any]

_COPIES: Final = frozenset({"06", "07", "22"})
"""BCH01 of what asks for nothing: a confirmation, a duplicate, a copy for information."""
_CANCELS: Final = frozenset({"01", "17"})
_REPLACES: Final = "05"
_NO: Final = frozenset({"rejected", "held", "counter_offer", "unknown"})
"""Answers of ours that let nothing happen; by any other one it depends on the line."""
_QUANTITY: Final = frozenset({"quantity", "add", "all"})
_PRICE: Final = frozenset({"price", "add", "all"})
_ITEM: Final = frozenset({"item", "all"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A change that we accepted: what it says of each line, with our words for it; or that it cancels the order."""

    change: Document
    lines: Sequence[tuple[Line, frozenset[str]]]
    cancels: bool


def accepted(
    order: "Order", changed: Sequence[Document], answers: Sequence[Document], partner: Partner
) -> list[Accepted]:
    """What we accepted of these changes by these answers, in the order in which it was asked for. Both oldest first.

    A change of an order that was replaced later (BEG01 05), or cancelled and placed anew, is none of the new one.
    """
    placed = _received_at(order.fact)
    asked = [one for one in changed if _purpose(one) not in _COPIES]
    found = []
    anew = _purpose(order.fact) == _REPLACES
    for change, answer in _answered(asked, answers):
        one = _accepted(change, answer, partner)
        if one is not None:
            found.append(one)
            anew = anew or (one.cancels and _received_at(answer) < placed)
    if anew:
        found = [one for one in found if _received_at(one.change) >= placed]
    counted = all(_sequence(one.change) for one in found)
    found.sort(key=lambda one: (_sequence(one.change) if counted else 0, *_arrival(one.change)))
    return found


def changed(order: "Order", accepted: Sequence[Accepted]) -> "Order":
    """The order with these changes, one after another."""
    sheet = _Sheet(order.lines)
    cancelled = False
    for one in accepted:
        cancelled = cancelled or one.cancels
        for line, aspects in one.lines:
            sheet.take(line, aspects)
    lines, off = sheet.lines, sheet.off
    if cancelled:
        return replace(order, lines=(), off=[*off, *lines], cancelled=True)
    return replace(order, lines=lines, off=off)


# -- which answer is to which change ------------------------------------------------------------------------------


def _answered(asked: Sequence[Document], answers: Sequence[Document]) -> Iterator[tuple[Document, Document]]:
    """The changes that have an answer, each with the last one."""
    found: dict[int, Document] = {}
    for answer in answers:
        at = _change_of(answer, asked, found)
        if at is not None:
            found[at] = answer
    return ((asked[at], answer) for at, answer in sorted(found.items()))


def _change_of(answer: Document, asked: Sequence[Document], known: Mapping[int, Document]) -> int | None:
    """The place of the change that an answer is to; ``None``: it is none of these."""
    said = answer["data"].get("attributes", {})
    if ANSWERS in said:
        return next((at for at, one in enumerate(asked) if document_key(one) == said[ANSWERS]), None)
    same = [at for at, one in enumerate(asked) if _may_answer(answer, one)]
    if WRITE_BACK in said:  # written by an earlier version of ours: it came of the change's own message
        message = answer["data"]["provenance"]["raw_id"]
        same = [at for at in same if asked[at]["data"]["provenance"]["raw_id"] == message]
        return same[-1] if same else None
    # a copy of what another system of ours answered: the newest that is open, else the newest
    open_ = [at for at in same if at not in known]
    return (open_ or same)[-1] if same else None


def _may_answer(answer: Document, change: Document) -> bool:
    """Whether nothing speaks against it: it came later, and no number of the two is another one."""
    mine, theirs = (one["data"].get("attributes", {}) for one in (answer, change))
    other = any(
        name in mine and name in theirs and mine[name] != theirs[name]
        for name in ("change_sequence", "request")
    )
    return not other and _received_at(change) <= _received_at(answer)


def _accepted(change: Document, answer: Document, partner: Partner) -> Accepted | None:
    said = answer["data"].get("attributes", {})
    if said.get("answer", "accepted") in _NO:
        return None
    asked: Sequence[Line] = change["data"].get("lines", ())
    codes_of_lines = _codes(answer, change, asked)
    lines = [
        (line, aspects)
        for line, code in zip(asked, codes_of_lines, strict=True)
        if "reject" not in (aspects := _aspects(code, partner))
    ]
    words = {word for code in _codes_of(change) for word in _aspects(code, partner)}
    cancels = _purpose(change) in _CANCELS or ("cancel" in words and len(lines) == len(asked))
    return Accepted(change=change, lines=lines, cancels=cancels)


def _codes(answer: Document, change: Document, asked: Sequence[Line]) -> Sequence[str]:
    """The code [670] of each line of a change by its answer. A line that the answer does not name has that of the
    change, where that has one only."""
    said = answer["data"].get("attributes", {})
    lines: Sequence[Line] = answer["data"].get("lines", ())
    if lines and len(lines) != len(asked):
        kept = zip(lines, changes.codes(said, len(lines)), strict=True)
        by_number = {line["line_ref"]: code for line, code in kept}
        found = [by_number.get(line["line_ref"], changes.NOT_SAID) for line in asked]
    else:
        found = changes.codes(said, len(asked))
    only = _codes_of(change)
    return [only[0] if code == changes.NOT_SAID and len(only) == 1 else code for code in found]


def _codes_of(change: Document) -> list[str]:
    told = change["data"].get("source_codes", ())
    return [one["code"] for one in told if one["scheme"] == "x12-670"]


def _aspects(code: str, partner: Partner) -> frozenset[str]:
    """Our words for a code [670]. One that nobody knows may have changed everything."""
    row = codes.meaning("x12-670", code, partner)
    return frozenset(codes.ours(row).split("+")) if row is not None else frozenset({"all"})


# -- what it changes ----------------------------------------------------------------------------------------------


class _Sheet:
    """The lines of an order while changes are applied to them."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.off: list[Line] = []
        self._lines: list[Line | None] = list(lines)
        self._by_number: dict[str, int] = {}
        self._by_product: dict[tuple[str | None, str], set[int]] = {}
        for at, line in enumerate(lines):
            self._index(at, line)

    @property
    def lines(self) -> list[Line]:
        """The lines as they are now: those of the order in its order, then the added ones."""
        return [line for line in self._lines if line is not None]

    def take(self, line: Line, aspects: frozenset[str]) -> None:
        """One line of a change. Changes of terms, charges and dates alone are none of quantity, price or item."""
        at = self._by_number.get(line["line_ref"])
        if at is None and "add" in aspects:
            self._lines.append(line)
            self._index(len(self._lines) - 1, line)
            return
        at = at if at is not None else self._by_its_product(line)
        before = self._lines[at] if at is not None else None
        if at is None or before is None:
            return  # it speaks of a line that the order does not have
        new = _with(before, line, aspects)
        if "delete" in aspects or ("ordered" in new and not Decimal(new["ordered"]["value"])):
            self.off.append(before)
            self._lines[at] = None
            del self._by_number[before["line_ref"]]
            for product in products(before):
                self._by_product.get(product, set()).discard(at)
        else:
            self._lines[at] = new
            self._index(at, new)

    def _index(self, at: int, line: Line) -> None:
        self._by_number.setdefault(line["line_ref"], at)
        for product in products(line):
            self._by_product.setdefault(product, set()).add(at)

    def _by_its_product(self, line: Line) -> int | None:
        found = set().union(*(self._by_product.get(one, set()) for one in products(line)))
        return found.pop() if len(found) == 1 else None


def _with(line: Line, said: Line, aspects: frozenset[str]) -> Line:
    new = dict(line)
    if aspects & _QUANTITY and "ordered" in said:
        new["ordered"] = said["ordered"]
    if aspects & _PRICE and "unit_price" in said:
        new["unit_price"] = said["unit_price"]
    if aspects & _ITEM and "item_ids" in said:
        new["item_ids"] = said["item_ids"]
    return new


def same_line(wanted: Line, lines: Sequence[Line]) -> Line | None:
    """The line that another one speaks of: by its number, else by a product that only one has."""
    for line in lines:
        if line["line_ref"] == wanted["line_ref"]:
            return line
    theirs = products(wanted)
    same = [line for line in lines if theirs & products(line)]
    return same[0] if len(same) == 1 else None


def products(line: Line) -> set[tuple[str | None, str]]:
    """The product numbers of a line, each with what kind of number it is."""
    return {(item.get("scheme"), item["value"]) for item in line.get("item_ids", ())}


# -- what a fact says of itself -----------------------------------------------------------------------------------


def _purpose(fact: Document) -> str:
    said: str = fact["data"].get("attributes", {}).get("purpose", "")
    return said


def _received_at(fact: Document) -> str:
    said: str = fact["data"]["provenance"]["received_at"]
    return said


def _sequence(change: Document) -> int:
    """BCH05, the number of a change; 0 where it has none that counts."""
    said = change["data"].get("attributes", {}).get("change_sequence", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def _arrival(change: Document) -> tuple[str, ...]:
    return _received_at(change), document_key(change)
