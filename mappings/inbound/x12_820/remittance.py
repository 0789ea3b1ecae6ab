"""An 820 as it was read: the payment, its items (RMR), and its adjustments (ADX, RMR07 and 08)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from canonical.events import Ref, SourceCode, When
from crossdock.formats.x12.loops import Loop, Placed
from mappings import codes, facts, money, parties, references, times
from mappings.codes import Row
from mappings.x12 import ZERO, Reader, at

_REASON: Final = "x12-426"
# 128 of a REF or RMR that numbers the payment itself
_PAYMENTS: Final = frozenset({"CK", "TN", "RA", "R2", "BX"})


@dataclass(slots=True, kw_only=True)
class Adjustment:
    """What changes a payment, with its reason. ``amount`` is negative where less is paid."""

    position: int
    path: str
    amount: Decimal
    row: Row | None
    source_code: SourceCode
    refs: list[Ref] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Item:
    """One RMR: an open item and what is paid of it. ``billed`` is ``None`` where the payer does not say it."""

    position: int
    path: str
    ordinal: int
    name: str
    number: str
    paid: Decimal
    billed: Decimal | None
    discount: Decimal
    refs: list[Ref] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def due(self) -> Decimal:
        """What was to be paid: invoiced, less the discount. The discount of a credit is written either way."""
        if self.billed is None:
            return self.paid
        discount = abs(self.discount) if self.billed >= ZERO else -abs(self.discount)
        return money.EXACT.subtract(self.billed, discount)

    @property
    def explained(self) -> Decimal:
        """What the reasons say was kept back, less what they add."""
        return -money.add(adjustment.amount for adjustment in self.adjustments)

    @property
    def unexplained(self) -> Decimal:
        """What is missing and has no reason; not above zero: nothing is."""
        return money.EXACT.subtract(money.EXACT.subtract(self.due, self.paid), max(self.explained, ZERO))


class Remittance:
    """What all statements of a remittance share. Raises ``Unreadable`` for what cannot be read."""

    __slots__ = (
        "adjustments", "attributes", "currency", "items", "number", "occurred_at", "parties", "position", "reader",
        "refs", "shared", "who",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.who = reader.who()
        self.attributes: dict[str, str] = {}
        self.items: list[Item] = []
        self.adjustments: list[Adjustment] = []
        self.currency = ""
        self.occurred_at: When | None = None
        root = reader.tree
        bpr = reader.begin("BPR", "nothing says what was paid")
        for position, cur in root.all("CUR"):
            self.currency = money.currency(reader, at(cur, 2), position, 2)
        self._payment(*bpr)
        self._number(root)
        self.parties = parties.named(reader, root)
        reader.add_sender(
            self.parties,
            *(("buyer", "customer") if reader.context.direction == "in" else ("seller", "supplier")),
        )
        currency = reader.money(ZERO, self.currency)["currency"]
        self.attributes["currency"] = currency
        self.shared = {
            name: value
            for name, value in self.attributes.items()
            if name in ("currency", "payment_date", "method")
        }
        for entity in root.inside("ENT"):
            self._entity(entity)
        self._nothing_is_lost()
        self._sum()

    def _payment(self, position: int, bpr: list[str]) -> None:
        reader = self.reader
        self.position = position
        text = at(bpr, 2)
        if not text:
            raise reader.stop("BPR02 is empty: nothing says how much was paid", position, 2)
        self.attributes["total"] = money.said(reader.number(text, position, 2))
        for element, name in ((1, "handling"), (3, "credit_debit"), (4, "method")):
            facts.note(self.attributes, name, at(bpr, element))
        if day := at(bpr, 16):
            date = reader.date(day, position, 16)
            self.attributes["payment_date"] = date
            self.occurred_at = times.on(date)

    def _number(self, root: Loop) -> None:
        reader = self.reader
        trn = root.first("TRN")
        number = at(trn[1], 2) if trn is not None else ""
        others: list[Ref] = []
        for _, ref in root.all("REF"):
            if not number and at(ref, 1) in _PAYMENTS:
                number = at(ref, 2)
            else:
                references.reference(others, self.attributes, at(ref, 1), at(ref, 2))
        if not number:
            raise reader.stop(
                "TRN02 is missing, and no REF numbers the payment: nothing says which payment it is",
                trn[0] if trn is not None else self.position,
                2 if trn is not None else None,
            )
        self.number = number
        self.refs: list[Ref] = [reader.issued("remittance", number, by="sender")]
        for other in others:
            references.keep(self.refs, other)

    def _entity(self, entity: Loop) -> None:
        for loop in entity.inside("ADX"):
            self.adjustments.append(self._adx(loop, f"ADX[{len(self.adjustments) + 1}]"))
        for loop in entity.inside("RMR"):
            self.items.append(self._item(loop, len(self.items) + 1))

    def _item(self, loop: Loop, ordinal: int) -> Item:
        reader = self.reader
        position, rmr = loop.segments[0]
        amounts = [
            reader.number(text, position, element) if (text := at(rmr, element)) else None
            for element in (4, 5, 6)
        ]
        paid, billed, discount = amounts
        if paid is None:
            paid = billed if billed is not None else ZERO
        qualifier, number = at(rmr, 1), at(rmr, 2)
        item = Item(
            position=position,
            path=f"RMR[{ordinal}]",
            ordinal=ordinal,
            name=_name(qualifier, number, ordinal),
            number=number,
            paid=paid,
            billed=billed,
            discount=discount or ZERO,
        )
        item.attributes = {"item": str(ordinal), "paid": money.said(paid)}
        if billed is not None:
            item.attributes["billed"] = money.said(billed)
        if discount is not None:
            item.attributes["discount"] = money.said(discount)
        facts.note(item.attributes, "action", at(rmr, 3))
        self._refer(item.refs, item.attributes, qualifier, number)
        for _, ref in loop.all("REF"):
            self._refer(item.refs, item.attributes, at(ref, 1), at(ref, 2))
        for at_position, dtm in loop.all("DTM"):
            word = reader.word_of_date(at(dtm, 1))
            if word and (day := at(dtm, 2)):
                name = "invoice_date" if word == "invoiced" else word
                facts.note(item.attributes, name, reader.date(day, at_position, 2))
        if (reason := at(rmr, 7)) and (text := at(rmr, 8)):
            item.adjustments.append(self._reason(item, reason, text))
        for number_of, inner in enumerate(loop.inside("ADX"), 1):
            item.adjustments.append(self._adx(inner, f"{item.path}/ADX[{number_of}]"))
        if item.adjustments:
            item.attributes["adjustment"] = money.said(
                money.sayable(reader, money.add(each.amount for each in item.adjustments), position)
            )
        self._allowances(item, loop)
        return item

    def _reason(self, item: Item, code: str, text: str) -> Adjustment:
        """RMR07 and RMR08. Some write what was kept back without its minus: it is, where less than due was paid."""
        reader = self.reader
        amount = reader.number(text, item.position, 8)
        if amount > ZERO and item.paid < item.due:
            amount = -amount
        return self._adjustment(code, amount, item.position, 7, item.path)

    def _adx(self, loop: Loop, path: str) -> Adjustment:
        reader = self.reader
        position, adx = loop.segments[0]
        text, code = at(adx, 1), at(adx, 2)
        if not text:
            raise reader.stop("ADX01 is empty: nothing says how much the adjustment is", position, 1)
        if not code:
            raise reader.stop("ADX02 is empty: the adjustment has no reason", position, 2)
        found = self._adjustment(code, reader.number(text, position, 1), position, 2, path)
        self._refer_claim(found.refs, at(adx, 3), at(adx, 4))
        for inner in loop.inside("REF"):
            ref = inner.segments[0][1]
            self._refer_claim(found.refs, at(ref, 1), at(ref, 2))
            if words := at(ref, 3):
                found.notes.append(words)
        found.notes += [at(nte, 2) for _, nte in loop.all("NTE") if at(nte, 2)]
        return found

    def _adjustment(self, code: str, amount: Decimal, position: int, element: int, path: str) -> Adjustment:
        row = self.reader.meaning(_REASON, code, position, element)
        return Adjustment(
            position=position,
            path=path,
            amount=amount,
            row=row,
            source_code=codes.source_code(_REASON, code, row),
        )

    def _refer(self, refs: list[Ref], attributes: dict[str, str], qualifier: str, number: str) -> None:
        """A number of an item: an invoice or a credit memo is that of the seller, who receives the remittance."""
        references.reference(
            refs,
            attributes,
            qualifier,
            number,
            order=lambda value: self.reader.purchase_order(value, sent_by="buyer"),
            issued=lambda kind, value: self.reader.issued(kind, value, by="receiver"),
        )

    def _refer_claim(self, refs: list[Ref], qualifier: str, number: str) -> None:
        """A number of an adjustment: a memo is the payer's own claim, an invoice still the seller's."""

        def issued(kind: str, value: str) -> Ref:
            return self.reader.issued(kind, value, by="receiver" if kind == "invoice" else "sender")

        references.reference(
            refs,
            {},
            qualifier,
            number,
            order=lambda value: self.reader.purchase_order(value, sent_by="buyer"),
            issued=issued,
        )

    def _allowances(self, item: Item, loop: Loop) -> None:
        """What the lines of an item (IT1) name as allowances and charges: their SAC05 is N2, the rest here is R."""
        sums = {"A": ZERO, "C": ZERO}
        for position, sac in _sacs(loop):
            kind, text = at(sac, 1), at(sac, 5)
            if kind in sums and text:
                sums[kind] = money.EXACT.add(sums[kind], abs(self.reader.implied(text, position, 5)))
        for kind, name in (("A", "allowances"), ("C", "charges")):
            if sums[kind]:
                item.attributes[name] = money.said(money.sayable(self.reader, sums[kind], item.position))

    def _nothing_is_lost(self) -> None:
        """An RMR outside of an ENT is in no loop: it must not be dropped."""
        read = {item.position for item in self.items}
        for position, segment in enumerate(self.reader.segments, 1):
            if segment and segment[0] == "RMR" and position not in read:
                raise self.reader.stop("the RMR stands in no ENT loop: whose item is it?", position)

    def _sum(self) -> None:
        """Whether payment and items agree. Adjustments of an item are within RMR04 with most payers, not with all."""
        total = Decimal(self.attributes["total"])
        loose = money.add(each.amount for each in self.adjustments)
        paid = money.EXACT.add(money.add(item.paid for item in self.items), loose)
        beside = money.add(each.amount for item in self.items for each in item.adjustments)
        agrees = total in (paid, money.EXACT.add(paid, beside))
        if not self.items:
            self.attributes["total_check"] = "not possible: no item is named"
        else:
            self.attributes["total_check"] = "agrees" if agrees else "differs"


def _sacs(loop: Loop) -> Iterator[Placed]:
    for inner in loop.loops:
        if inner.name == "SAC":
            yield inner.segments[0]
        else:
            yield from _sacs(inner)


def _name(qualifier: str, number: str, ordinal: int) -> str:
    if not number:
        return f"item {ordinal}"
    if qualifier in references.INVOICES:
        return f"invoice {number}"
    if qualifier in references.MEMOS:
        return f"memo {number}"
    return f"order {number}" if qualifier in references.ORDERS else f"item {number}"
