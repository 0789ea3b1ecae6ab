"""The lines of a 945: what was ordered, what was shipped, and which troubles follow.

A line that left in several cartons comes as several W12 segments: they are one line here.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Ref, SourceCode, Variance, When
from canonical.events import Line as LineWords
from mappings import codes, warehouse
from mappings.codes import Row
from mappings.lines import apart, line_words, one_line
from mappings.variances import quantity_variance
from mappings.warehouse import Head
from mappings.x12 import ZERO, at, plain, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Loop


class _Part:
    """One W12."""

    __slots__ = (
        "codes", "difference", "item", "items", "line", "lx", "ordered", "original", "path", "position", "reason",
        "reversal", "shipped", "status", "unit",
    )  # fmt: skip

    def __init__(self, head: Head, outer: "Loop | None", loop: "Loop", path: str, ordinal: int) -> None:
        reader = head.reader
        position, w12 = loop.segments[0]
        self.position, self.path = position, path
        status = at(w12, 1)
        if not status:
            raise reader.stop("W1201 is empty: nothing says what became of the line", position, 1)
        self.status, code = reader.told("x12-368", status, position, 1)
        self.codes: list[SourceCode] = [code]
        self.reason: Row | None = None
        if reason := at(w12, 19):
            self.reason, code = reader.told("x12-892", reason, position, 19)
            self.codes.append(code)
        text = at(w12, 2)
        self.ordered = reader.count(text, position, 2) if text else None
        text = at(w12, 3)
        shipped = reader.number(text, position, 3) if text else None
        text = at(w12, 4)
        self.difference = abs(reader.number(text, position, 4)) if text else None
        self.reversal = warehouse.reverses(reader, at(w12, 20), position, 20) or (
            shipped is not None and shipped < ZERO
        )
        if shipped is None and self.ordered is not None and self.difference is not None:
            shipped = self.ordered - self.difference
        # a negative quantity and the code of a reversal are one reversal
        self.shipped = -abs(shipped) if shipped is not None and self.reversal else shipped
        self.unit = at(w12, 5)
        self.items = warehouse.item_ids(reader, w12, case=6, pairs=(7, 21), lot=9)
        self.original: list[Ref] = product_ids(w12[:19], 17, reader.partner)
        if case := at(w12, 16):
            self.original.append({"kind": "item", "value": case[:256], "scheme": "upc-case"})
        self.line = warehouse.item_number(outer, loop)
        self.lx = warehouse.lx_number(outer, ordinal)
        self.item = ",".join(item["value"] for item in self.items if item["kind"] == "item")

    @property
    def key(self) -> tuple[str, ...]:
        """What the parts of one line share: its number, or, where none is said, its item."""
        alone = str(self.position) if not self.line and not self.item else ""
        return self.line, "" if self.line else self.item, self.unit, "-" if self.reversal else "", alone

    @property
    def complete(self) -> bool:
        """Whether this part by itself says of nothing that it is missing or replaced."""
        return self.reason is None and len(self.codes) == 1 and not self.difference and not self.original


class Line:
    """One line of the order, of one W12 or more."""

    __slots__ = ("_parts", "_reader", "missing", "ordered", "shipped", "words")

    ABOUT_QUANTITY: Final = frozenset(
        {
            "FUL.SHORT_PICK", "FUL.SHORT_SHIP", "FUL.OVER_SHIP", "INV.BACKORDER", "INV.SHORTAGE", "INV.DISCONTINUED",
            "ORD.LINE_CANCELLED", "ORD.SCHEDULE_PENDING", "ORD.HOLD",
        }
    )  # fmt: skip
    """What a status says of a quantity that was not shipped: the quantities tell the trouble, it tells the cause."""

    def __init__(self, head: Head, parts: list[_Part], ordinal: int) -> None:
        reader = head.reader
        first = parts[0]
        self._reader = reader
        self._parts = parts
        self.ordered: Decimal | None
        self.shipped: Decimal | None
        counted = [(part.ordered, part.shipped) for part in parts if part.shipped is not None]
        if counted:
            self.ordered, self.shipped = one_line(reader, counted, first.position)
        else:
            self.ordered, self.shipped = first.ordered, None
        self.words: LineWords = line_words(
            first.line or first.lx, first.items, fallback=f"position:{ordinal}"
        )
        if self.ordered is not None:
            self.words["ordered"] = reader.quantity(self.ordered, first.unit)
        if self.shipped is not None:
            self.words["affected"] = reader.quantity(self.shipped, first.unit)
        self.missing: Decimal | None = self._missing(first)

    def _missing(self, first: _Part) -> Decimal | None:
        """How much of the order was not shipped; negative when more was; ``None`` when nothing says it."""
        if first.reversal:
            return None
        if self.ordered is not None and self.shipped is not None:
            return self.ordered - self.shipped
        differences = [(None, part.difference) for part in self._parts if part.difference is not None]
        return one_line(self._reader, differences, first.position)[1] if differences else None

    def events(self, head: Head, what: str, occurred_at: When | None) -> Iterator[ExceptionEvent]:
        """The troubles of this line."""
        part = self._speaking()
        if part.reversal:
            return  # it takes back what an earlier advice said: the fact's negative quantity says so
        exceptions = {codes.exception_of(part.status)}
        if len(part.codes) > 1:
            exceptions.add(codes.exception_of(part.reason))
        if part.original:
            exceptions.add("INV.SUBSTITUTION")
        if "INV.SUBSTITUTION" in exceptions:
            yield self._substituted(head, what, part, occurred_at)
        if self._miscounts(part, exceptions):
            yield self._miscounted(head, what, part, occurred_at)
        for exception in sorted(exceptions - self.ABOUT_QUANTITY - {"INV.SUBSTITUTION", codes.NONE}):
            yield self._event(
                head,
                exception,
                f"{_in_words(part)} on {what} line {self.words['line_ref']}",
                part,
                occurred_at,
            )

    def _miscounts(self, part: _Part, exceptions: set[str]) -> bool:
        """Whether another quantity was shipped than ordered, by the numbers or by the warehouse's own reason."""
        if "INV.SUBSTITUTION" in exceptions and not self.ordered:
            return False  # a substitute on a line of its own was not ordered
        if self.missing is None:
            return "INV.SUBSTITUTION" not in exceptions and bool(exceptions & self.ABOUT_QUANTITY)
        if self.missing == ZERO:
            return part.reason is not None and part.reason.exception == "FUL.SHORT_PICK"
        return True

    def _speaking(self) -> _Part:
        """The part that says most: one with a reason, or with a status that is no plain one."""
        for part in self._parts:
            if len(part.codes) > 1:
                return part
        for part in self._parts:
            if codes.exception_of(part.status) != codes.NONE:
                return part
        return self._parts[0]

    def _miscounted(self, head: Head, what: str, part: _Part, occurred_at: When | None) -> ExceptionEvent:
        missing = self.missing or None
        over = missing is not None and missing < ZERO
        unit = f" {part.unit}" if part.unit else ""
        where = f"{what} line {self.words['line_ref']}"
        if over:
            title = f"{head.who} shipped {plain(abs(missing or ZERO))}{unit} too many on {where}"
        elif missing is None:
            title = f"{head.who} did not ship all of {where}"
        elif self.ordered is None:
            title = f"{head.who} did not ship {plain(missing)}{unit} of {where}"
        else:
            title = f"{head.who} did not ship {plain(missing)} of {plain(self.ordered)}{unit} on {where}"
        detail = None
        if self.missing == ZERO:
            detail = f"{_in_words(part)}; the quantities say that nothing is missing"
        variances: list[Variance] = []
        if self.ordered is not None and self.shipped is not None:
            variances.append(quantity_variance(self._reader, self.ordered, self.shipped, part.unit))
        words: LineWords = {**self.words}
        words.pop("affected", None)
        if missing is not None:
            words["affected"] = self._reader.quantity(abs(missing), part.unit)
        return self._event(
            head,
            "FUL.OVER_SHIP" if over else "FUL.SHORT_PICK",
            title,
            part,
            occurred_at,
            words=words,
            variances=variances,
            detail=detail,
            method="rule" if missing is not None and part.reason is None else "code-map",
        )

    def _substituted(self, head: Head, what: str, part: _Part, occurred_at: When | None) -> ExceptionEvent:
        sent = [item for item in part.items if item["kind"] == "item"]
        words: LineWords = {**self.words}
        words.pop("item_ids", None)
        if part.original:
            words["item_ids"] = part.original[:32]
        if sent:
            words["substitutes"] = sent[:32]
        variances: list[Variance] = []
        if sent:
            variances.append(
                {
                    "attribute": "item",
                    "expected": part.original[0] if part.original else None,
                    "actual": sent[0],
                }
            )
        named = f" for {part.original[0]['value']}" if part.original else ""
        shipped = sent[0]["value"] if sent else "a substitute"
        return self._event(
            head,
            "INV.SUBSTITUTION",
            f"{head.who} shipped {shipped}{named} on {what} line {self.words['line_ref']}",
            part,
            occurred_at,
            words=words,
            variances=variances,
        )

    def _event(
        self,
        head: Head,
        code: str,
        title: str,
        part: _Part,
        occurred_at: When | None,
        *,
        words: LineWords | None = None,
        variances: list[Variance] | None = None,
        detail: str | None = None,
        method: str = "code-map",
    ) -> ExceptionEvent:
        cause = codes.cause_of(part.reason) or (codes.cause_of(part.status))
        return head.event(
            code,
            title,
            part.position,
            part.path,
            line=words if words is not None else self.words,
            cause=cause,
            detail=detail,
            variances=variances or [],
            said=part.codes,
            method=method,
            occurred_at=occurred_at,
        )


def _in_words(part: _Part) -> str:
    """What a W12 says in words."""
    return "; ".join(code.get("text") or f"unknown code {code['code']}" for code in part.codes)


def read_lines(head: Head) -> list[Line]:
    """The lines of the advice, in the order of the document."""
    parts: dict[tuple[str, ...], list[_Part]] = {}
    tree = head.reader.tree
    for lx in tree.inside("LX"):
        for _, segment in lx.all("MAN"):
            head.mark(segment)
        for _, segment in lx.all("N9"):
            if at(segment, 1) in ("2I", "CN"):
                head.reference(at(segment, 1), at(segment, 2))
    for outer, loop, path, ordinal in warehouse.item_loops(head.reader, "W12"):
        for _, segment in loop.all("MAN"):
            head.mark(segment)
        part = _Part(head, outer, loop, path, ordinal)
        parts.setdefault(part.key, []).append(part)
    lines = [Line(head, group, ordinal) for ordinal, group in enumerate(_apart(parts.values()), 1)]
    apart([line.words for line in lines])
    return lines


def _apart(groups: Iterable[list[_Part]]) -> Iterator[list[_Part]]:
    """The parts of each line. Without a line number the parts of one item are one line only where they read as such:
    all name the same order, together they do not exceed it, and none says that something is missing of it."""
    for group in groups:
        if group[0].line or len(group) == 1 or _reads_as_one(group):
            yield group
        else:
            yield from ([part] for part in group)


def _reads_as_one(group: list[_Part]) -> bool:
    ordered, shipped = group[0].ordered, sum((part.shipped or ZERO for part in group), ZERO)
    return (
        ordered is not None
        and ordered >= shipped
        and all(part.ordered == ordered and part.complete and part.shipped != ordered for part in group)
    )
