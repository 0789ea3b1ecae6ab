"""180 return merchandise authorization: goods that somebody wants to return, and what the other side says to it.

Source: X12 004010 and 005010 set 180, segments BGN, RDR, PRF, DTM, N9, N1, BLI, SDQ, QTY. Elements 1292 (RDR01, what
becomes of the goods), 1293 (RDR02, why they are returned) and 1294 (RDR03, why the answer is what it is) are read by
the crosswalks. The standard wants RDR02 or RDR03; where an answer repeats the reason beside its own, its own goes
first. A RDR before the items holds for every item that has none of its own.

The buyer of the goods asks or announces, their seller answers. Always one Fact ``returned``; then one ExceptionEvent
for each item with a trouble. A reason alone is a trouble where it asks something of us; repeated in an answer that
authorizes the return it is none. What is taken back (BGN01 is 01) is no trouble any more.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Line, Ref, SourceCode, Statement, Variance, When
from crossdock.formats.x12.loops import Loop
from crossdock.partners import MappingContext
from mappings import codes, parties, references
from mappings.codes import Row
from mappings.destinations import destinations
from mappings.variances import quantity_variance
from mappings.x12 import CANCELLATION, ZERO, Reader, at, plain, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/180"
VERSION: Final = "1"

_ELEMENTS: Final = ("x12-1292", "x12-1293", "x12-1294")
"""The lists of RDR01, RDR02 and RDR03."""
_DISPOSITION: Final = 0
_RESPONSE: Final = 2

_UNKNOWN: Final = codes.UNKNOWN
_AUTHORIZATION: Final = "RZ"
_INVOICE: Final = "IV"
_AUTHORIZED: Final = "60"
"""QTY01 [673] of the quantity that may be returned; any other is a quantity that is returned."""
_LINE: Final = "LI"
"""N901 [128]: the number of the authorization, of the invoice that billed the goods, of a line."""


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One request or answer as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    notice = _Notice(reader)
    lines = [_Line(notice, loop, number) for number, loop in enumerate(reader.tree.inside("BLI"), 1)]
    yield notice.fact(lines)
    if context.direction == "out" or notice.attributes.get("purpose") == CANCELLATION:
        return  # what we ask or answer ourselves is no trouble to us
    if not lines:
        yield from notice.events()
    for line in lines:
        yield from line.events()


class _Said:
    """One RDR, read: its three codes with what they mean, and the words beside them."""

    def __init__(self, reader: Reader, position: int, segment: list[str]) -> None:
        self.position = position
        self.text = at(segment, 4)
        values = [at(segment, element) for element in (1, 2, 3)]
        self.rows: list[Row | None] = [None, None, None]
        self.unknown = False
        self.source_codes: list[SourceCode] = []
        for place, (element, value) in enumerate(zip(_ELEMENTS, values, strict=True)):
            if value:
                row = self.rows[place] = reader.meaning(element, value, position, place + 1)
                self.unknown = self.unknown or row is None
                self.source_codes.append(codes.source_code(element, value, row))

    @property
    def answer(self) -> str:
        """What this answers to a request: ``accepted``, ``partial``, ``rejected``, or nothing yet."""
        disposition, response = self.rows[_DISPOSITION], self.rows[_RESPONSE]
        if disposition is not None and disposition.ours:
            return disposition.ours
        if response is not None and response.exception in (
            "RTN.DENIED",
            "RTN.NO_RECORD",
            "RTN.LIMIT_EXCEEDED",
        ):
            return "rejected"
        return ""

    def judged(self, asks: bool) -> tuple[str, str | None]:
        """The exception and its cause: what becomes of the goods, else the reason of the answer, else of the request.

        ``asks``: the sender is the buyer, and so a reason alone asks something of us.
        """
        disposition, reason, response = self.rows
        cause = next(
            (row.cause for row in (response, reason, disposition) if row is not None and row.cause), None
        )
        for row in (disposition, response, reason if asks else None):
            if row is not None and row.exception != codes.NONE:
                return row.exception, cause
        return (_UNKNOWN, cause) if self.unknown else (codes.NONE, cause)

    @property
    def words(self) -> str:
        """What the codes say, for a person."""
        said = [row.text for row in self.rows if row is not None]
        said += [
            f"{code['code']!r}, a word that we do not know"
            for code in self.source_codes
            if not code["mapped"]
        ]
        return ", ".join(said)


class _Notice:
    """What holds for all items: numbers, parties, who asks whom."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        tree = reader.tree
        self.position, segment = reader.begin("BGN", "nothing says which request or authorization this is")
        self.number = at(segment, 2)
        if not self.number:
            raise reader.stop("BGN02 is empty: the request or authorization has no number", self.position, 2)
        partner_sells = reader.partner is not None and reader.partner.role == "supplier"
        self.asks = partner_sells == (reader.context.direction == "out")
        self.attributes = {"asks": "true" if self.asks else "false"}
        for name, element in (("purpose", 1), ("action", 8)):
            if value := at(segment, element):
                self.attributes[name] = value
        self.occurred_at: When | None = reader.day(at(segment, 3), self.position, 3)
        self.said = said_of(reader, tree)
        self.refs: list[Ref] = [reader.issued("rma", self.number, by="sender")]
        if (answered := at(segment, 6)) and answered != self.number:
            self.refs.append(reader.issued("rma", answered, by="receiver"))
        self.add_numbers(tree, self.refs)
        self.parties = parties.named(reader, tree)
        reader.add_sender(
            self.parties, "supplier" if partner_sells else "customer", "seller" if partner_sells else "buyer"
        )

    def add_numbers(self, loop: Loop, refs: list[Ref]) -> None:
        """The order, the authorization and the invoice that a loop names."""
        reader = self.reader
        seller = "receiver" if self.asks else "sender"
        for _, order in loop.all("PRF"):
            if number := at(order, 1):
                references.keep(
                    refs, reader.purchase_order(number, sent_by="buyer" if self.asks else "seller")
                )
        for _, reference in [*loop.all("N9"), *loop.all("REF")]:
            value = at(reference, 2)
            if value and at(reference, 1) == _AUTHORIZATION:
                references.keep(refs, reader.issued("rma", value, by=seller))
            elif value and at(reference, 1) == _INVOICE:
                references.keep(refs, reader.issued("invoice", value, by=seller))
            elif value and at(reference, 1) == "PO":
                references.keep(
                    refs, reader.purchase_order(value, sent_by="buyer" if self.asks else "seller")
                )

    @property
    def who(self) -> str:
        """The sender's name."""
        return self.reader.who("The customer" if self.asks else "The supplier")

    def fact(self, lines: "Sequence[_Line]") -> Fact:
        """That goods are returned, may be, or may not: with the answer, where this is one."""
        attributes = dict(self.attributes)
        answers = {answer for said in self._all_said(lines) if (answer := said.answer)}
        if answers and not self.asks:
            attributes["answer"] = answers.pop() if len(answers) == 1 else "partial"
        refs = list(self.refs)
        for line in lines:
            for ref in line.refs:
                references.keep(refs, ref)
        return Fact(
            kind="returned",
            refs=refs[:60],
            place=self.reader.place(self.position, "BGN"),
            occurred_at=self.occurred_at,
            parties=self.parties,
            lines=[line.words for line in lines],
            source_codes=[code for said in self.said for code in said.source_codes],
            attributes=attributes,
        )

    def _all_said(self, lines: "Sequence[_Line]") -> "list[_Said]":
        if not lines:
            return self.said
        return [said for line in lines for said in line.said]

    def events(self) -> Iterator[ExceptionEvent]:
        """The troubles of a notice that lists no items: each RDR of its header, once for each exception."""
        yield from events_of(self, self.said, f"return {self.number}", self.refs, None, "RDR")


class _Line:
    """One BLI loop: an item, how many, and what is said of it."""

    def __init__(self, notice: _Notice, loop: Loop, number: int) -> None:
        reader = notice.reader
        self.notice = notice
        self.number = number
        self.position, segment = loop.segments[0]
        self.said = said_of(reader, loop) or notice.said
        items = product_ids(segment[:3], 1, reader.partner)
        items += product_ids(segment[:14], 8, reader.partner)
        ref = next(
            (at(each, 2) for _, each in [*loop.all("N9"), *loop.all("REF")] if at(each, 1) == _LINE), ""
        )
        self.ref = (ref or (items[0]["value"] if items else "") or f"position:{number}")[:64]
        self.words: Line = {"line_ref": self.ref}
        if items:
            self.words["item_ids"] = items[:32]
        unit = at(segment, 4)
        places, unit_of_places = destinations(reader, loop)
        counted = [quantity(reader, inner) for inner in loop.inside("QTY")]
        stated = [each for each in counted if each[0] != _AUTHORIZED]
        self.quantity: Decimal | None = None
        if text := at(segment, 3):
            self.quantity = reader.count(text, self.position, 3)
        elif places:
            self.quantity, unit = sum(places.values(), ZERO), unit or unit_of_places
        elif stated:
            self.quantity, unit = sum((each[1] for each in stated), ZERO), unit or stated[0][2]
        self.more = (
            {"places": {place[:80]: plain(number) for place, number in places.items()}} if places else {}
        )
        self.variances: list[Variance] = []
        authorized = [each[1] for each in counted if each[0] == _AUTHORIZED]
        if authorized and self.quantity is not None and sum(authorized, ZERO) != self.quantity:
            self.variances.append(quantity_variance(reader, self.quantity, sum(authorized, ZERO), unit))
        if self.quantity is not None:
            self.words["affected"] = reader.quantity(self.quantity, unit)
        # BLI07 is the unit of the price, where it is another than that of the quantity
        if (text := at(segment, 6)) and at(segment, 7) in ("", unit):
            self.words["unit_price"] = reader.money(reader.number(text, self.position, 6), "")
        self.refs: list[Ref] = list(notice.refs)
        notice.add_numbers(loop, self.refs)
        much = f"{plain(self.quantity)} {unit}".strip() + " of " if self.quantity is not None else ""
        self.title = f"{much}item {items[0]['value'][:40] if items else self.ref[:40]}"

    def events(self) -> Iterator[ExceptionEvent]:
        """The troubles of the item, once for each exception."""
        path = "RDR" if self.said is self.notice.said else f"BLI[{self.number}]/RDR"
        yield from events_of(self.notice, self.said, self.title, self.refs, self, path)


def said_of(reader: Reader, loop: Loop) -> list[_Said]:
    """The RDRs of a loop, read."""
    return [_Said(reader, position, segment) for position, segment in loop.all("RDR")]


def quantity(reader: Reader, loop: Loop) -> tuple[str, Decimal, str]:
    """A QTY loop: what kind of quantity, how much, and its unit."""
    position, segment = loop.segments[0]
    text = at(segment, 2)
    much = reader.count(text, position, 2) if text else ZERO
    return at(segment, 1), much, reader.unit_of(at(segment, 3))


def events_of(
    notice: _Notice, said: Sequence[_Said], what: str, refs: list[Ref], line: _Line | None, path: str
) -> Iterator[ExceptionEvent]:
    """One event for each exception that these RDRs say of one thing."""
    seen: dict[str, list[tuple[_Said, str | None]]] = {}
    for each in said:
        exception, cause = each.judged(notice.asks)
        if exception != codes.NONE:
            seen.setdefault(exception, []).append((each, cause))
    for exception, told in seen.items():
        first, cause = told[0]
        yield ExceptionEvent(
            code=exception,
            cause=next((each for _, each in told if each), cause),
            title=f"{notice.who}, return {notice.number[:40]}: {what}: {'; '.join(each.words for each, _ in told)}"
            if line is not None
            else f"{notice.who}, {what[:60]}: {'; '.join(each.words for each, _ in told)}",
            detail="; ".join(each.text for each, _ in told if each.text) or None,
            refs=refs[:60],
            place=notice.reader.place(first.position, path),
            occurred_at=notice.occurred_at,
            parties=notice.parties,
            lines=[] if line is None else [line.words],
            variances=[] if line is None else line.variances,
            source_codes=[code for each, _ in told for code in each.source_codes],
            ext=notice.reader.ext(**notice.attributes, **(line.more if line is not None else {})),
        )
