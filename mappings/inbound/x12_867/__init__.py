"""867 product transfer and resale: what a distributor sold on, took back, or has of our items.

Source: X12 004010 and 005010 set 867, segments BPT, CUR, DTM, N1, REF, PTD, PRF, QTY, LIN, UIT, CTT. Element 521
(PTD01) is read by the crosswalk. QTY01 [673] may say of a quantity that it is stock or a return, whatever the PTD is.

One Fact for each transfer (PTD loop) and kind of quantity in it: ``shipped`` outward, ``returned``, ``inventory``,
``adjusted`` or ``status``. One ExceptionEvent for each item of a transfer that is a trouble by itself: goods that
come back, are exchanged, scrapped or replaced. Orders that the report names are those of the distributor's own
customers: they are kept as an attribute and are no reference, so that they are never taken for orders of ours. A
copy of our own report is facts alone.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Line, Ref, SourceCode, Statement, When
from crossdock.formats.x12.loops import Loop
from crossdock.partners import MappingContext
from mappings import codes, money, parties
from mappings.x12 import CANCELLATION, ZERO, Reader, at, plain, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/867"
VERSION: Final = "1"

_TRANSFER: Final = "x12-521"

# QTY01 [673] that says by itself what a quantity is: (kind of fact, our word). The others are what their PTD is.
_QUANTITIES: Final = {
    "17": ("inventory", "on_hand"),
    "26": ("inventory", "on_hand"),
    "33": ("inventory", "available"),
    "36": ("inventory", "on_hand"),
    "ES": ("inventory", "ending_balance"),
    "31": ("inventory", "additional_demand"),
    "76": ("returned", "returned"),
    "84": ("returned", "returned"),
}
_PERIOD: Final = {"090": "from_date", "091": "to_date"}
"""DTM01 [374] of the report's first and last day."""

_EXCEPTIONS: Final = {"returned": "RTN.REQUESTED", "additional_demand": "INV.DEMAND_SPIKE"}
"""What a quantity says by itself, where its transfer says no trouble."""


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One report as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    report = _Report(reader)
    transfers = [_Transfer(report, loop, n) for n, loop in enumerate(reader.tree.inside("PTD"), 1)]
    if not transfers:
        yield Fact(
            kind="status",
            refs=report.refs,
            place=reader.place(report.position, "BPT"),
            occurred_at=report.occurred_at,
            parties=report.parties,
            attributes=report.attributes,
        )
    for transfer in transfers:
        yield from transfer.facts()
    if context.direction == "out" or report.attributes.get("purpose") == CANCELLATION:
        return  # what we report ourselves is no trouble to us
    for transfer in transfers:
        yield from transfer.events()


class _Report:
    """What holds for all transfers: number, period, parties."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        tree = reader.tree
        self.position, segment = reader.begin("BPT", "nothing says which report this is")
        self.attributes = {
            name: value
            for name, value in (("purpose", at(segment, 1)), ("report_type", at(segment, 4)))
            if value
        }
        self.refs: list[Ref] = []
        if number := at(segment, 2):
            self.refs.append(reader.issued("message", number, by="sender"))
        self.refs.append(reader.issued("feed", DOCUMENT, by="sender"))
        self.occurred_at: When | None = reader.day(at(segment, 3), self.position, 3)
        currency = tree.first("CUR")
        self.currency = ""
        if currency is not None:
            self.currency = money.currency(reader, at(currency[1], 2), currency[0], 2)
        if self.currency:
            self.attributes["currency"] = self.currency
        for position, dates in tree.all("DTM"):
            name = _PERIOD.get(at(dates, 1))
            if name is not None and (day := at(dates, 2)):
                self.attributes[name] = reader.date(day, position, 2)
        self.parties = parties.named(reader, tree)
        reader.add_sender(self.parties, "customer", "buyer")
        for loop in tree.inside("CTT"):
            if declared := at(loop.segments[0][1], 1):
                self.attributes["lines_declared"] = declared[:64]


class _Transfer:
    """One PTD loop: what kind of transfer, between whom, and its items."""

    def __init__(self, report: _Report, loop: Loop, number: int) -> None:
        reader = report.reader
        self.report = report
        self.number = number
        self.position, segment = loop.segments[0]
        self.code = at(segment, 1)
        if not self.code:
            raise reader.stop("PTD01 is empty: nothing says what kind of transfer it is", self.position, 1)
        self.row = reader.meaning(_TRANSFER, self.code, self.position, 1)
        self.source_code: SourceCode = codes.source_code(_TRANSFER, self.code, self.row)
        self.kind = (self.row.fact if self.row is not None else None) or "status"
        self.parties = parties.named(reader, loop)
        self.order = self._order(loop)
        self.occurred_at = report.occurred_at
        for position, dates in loop.all("DTM"):
            if day := at(dates, 2):
                self.occurred_at = reader.day(day, position, 2)
                break
        self.items = [_Item(self, inner, n) for n, inner in enumerate(loop.inside("QTY"), 1)]

    def _order(self, loop: Loop) -> str:
        """The order of the distributor's customer that this transfer filled, by PRF or REF*PO."""
        order = loop.first("PRF")
        if order is not None and at(order[1], 1):
            return at(order[1], 1)
        for each in [loop, *loop.inside("N1")]:
            for _, reference in each.all("REF"):
                if at(reference, 1) == "PO" and at(reference, 2):
                    return at(reference, 2)
        return ""

    def facts(self) -> Iterator[Fact]:
        """One fact for each kind of quantity, in the order of the document."""
        kinds: dict[tuple[str, str], list[_Item]] = {}
        for item in self.items:
            kinds.setdefault((item.kind, item.word), []).append(item)
        for (kind, word), items in kinds.items() or [((self.kind, ""), [])]:
            attributes = {**self.report.attributes, "transfer": self.code}
            if word:
                attributes["activity"] = word
            if self.order:
                attributes["their_order"] = self.order[:256]
            yield Fact(
                kind=kind,
                refs=self.report.refs,
                place=self.report.reader.place(self.position, f"PTD[{self.number}]"),
                occurred_at=self.occurred_at,
                parties=[*self.report.parties, *self.parties],
                lines=[item.line for item in items],
                source_codes=[self.source_code],
                attributes=attributes,
            )

    def events(self) -> Iterator[ExceptionEvent]:
        """The troubles of this transfer, one for each item; of a word that we do not know, one for all of it."""
        if self.row is None:
            yield self._event(codes.UNKNOWN, None)
            return
        if not self.items and self.row.exception != codes.NONE:
            yield self._event(self.row.exception, None)
        for item in self.items:
            if item.exception != codes.NONE and item.is_some:
                yield self._event(item.exception, item)

    def _event(self, exception: str, item: "_Item | None") -> ExceptionEvent:
        report, reader = self.report, self.report.reader
        who = reader.who("The distributor")
        what = f"transfer {self.number}" if item is None else item.title
        said = self.row.text if self.row is not None else f"{self.code!r}, a word that we do not know"
        if item is not None and item.word:
            said = item.word.replace("_", " ")
        path = f"PTD[{self.number}]" if item is None else f"PTD[{self.number}]/QTY[{item.number}]"
        return ExceptionEvent(
            code=exception,
            cause=codes.cause_of(self.row),
            title=f"{who} reports {what}: {said}",
            refs=report.refs,
            place=reader.place(self.position if item is None else item.position, path),
            occurred_at=self.occurred_at,
            parties=[*report.parties, *self.parties],
            lines=[] if item is None else [item.line],
            source_codes=[self.source_code] if item is None else [self.source_code, *item.source_codes],
            ext=reader.ext(transfer=self.number),
        )


class _Item:
    """One QTY loop of a transfer: how much of which item, at which price."""

    def __init__(self, transfer: _Transfer, loop: Loop, number: int) -> None:
        reader = transfer.report.reader
        self.transfer = transfer
        self.number = number
        self.position, segment = loop.segments[0]
        qualifier = at(segment, 1)
        self.kind, self.word = _QUANTITIES.get(qualifier, (transfer.kind, ""))
        self.source_codes: list[SourceCode] = [{"scheme": "x12-673", "code": qualifier}] if qualifier else []
        text = at(segment, 2)
        self.quantity: Decimal | None = reader.number(text, self.position, 2) if text else None
        unit = reader.unit_of(at(segment, 3)).strip()
        item = loop.first("LIN")
        ids = product_ids(item[1], 2, reader.partner) if item is not None else []
        ref = at(item[1], 1) if item is not None else ""
        ref = ref or (ids[0]["value"] if ids else f"position:{number}")
        self.line: Line = {"line_ref": f"{transfer.number}/{ref}"[:64]}
        if ids:
            self.line["item_ids"] = ids[:32]
        if self.quantity is not None:
            self.line["affected"] = reader.quantity(self.quantity, unit)
        price = loop.first("UIT")
        if price is not None and (text := at(price[1], 2)):
            amount = reader.number(text, price[0], 2)
            self.line["unit_price"] = reader.money(amount, transfer.report.currency)
        much = f"{plain(self.quantity)} {unit}".strip() if self.quantity is not None else "an unsaid quantity"
        self.title = f"{much} of item {ids[0]['value'][:40] if ids else ref[:40]}"

    @property
    def is_some(self) -> bool:
        """Whether there is anything of it: what is taken back is no trouble; an adjustment goes either way."""
        if self.quantity is None:
            return True
        return self.quantity != ZERO if self.kind == "adjusted" else self.quantity > ZERO

    @property
    def exception(self) -> str:
        """What trouble this item is: by its transfer, else by its own quantity."""
        row = self.transfer.row
        if row is not None and row.exception != codes.NONE and self.kind == self.transfer.kind:
            return row.exception
        return _EXCEPTIONS.get(self.word, codes.NONE)
