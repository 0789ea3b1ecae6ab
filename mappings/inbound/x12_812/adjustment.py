"""An 812 as it was read: its head, and each CDD."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from canonical.events import Line, Ref, SourceCode, When
from crossdock.formats.x12.loops import Loop
from mappings import codes, facts, money, parties, references, times
from mappings.codes import Row
from mappings.x12 import ZERO, Reader, at, product_ids

_REASON: Final = "x12-426"
# 478, BCD05 and CDD02
_VERBS: Final = {"C": "credited", "D": "debited"}


@dataclass(slots=True, kw_only=True)
class Detail:
    """One CDD loop: one reason, with how much, how many, at which price. Amounts are signed as they are written."""

    position: int
    path: str
    row: Row | None
    source_code: SourceCode
    verb: str
    amount: Decimal | None
    price_difference: Decimal | None
    words: Line
    refs: list[Ref] = field(default_factory=list)


class Adjustment:
    """What all statements of an 812 share. Raises ``Unreadable`` for what cannot be read."""

    __slots__ = (
        "amount", "attributes", "currency", "details", "number", "occurred_at", "parties", "position", "reader",
        "refs", "verb", "what", "who",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.who = reader.who()
        self.attributes: dict[str, str] = {}
        self.refs: list[Ref] = []
        self.currency = ""
        self.occurred_at: When | None = None
        root = reader.tree
        bcd = reader.begin("BCD", "nothing says what is adjusted")
        for position, cur in root.all("CUR"):
            self.currency = money.currency(reader, at(cur, 2), position, 2)
        self._head(*bcd)
        for _, n9 in root.all("N9"):
            self._refer(self.refs, self.attributes, at(n9, 1), at(n9, 2))
        self.parties = parties.named(reader, root)
        seller = self._sent_by == "seller"
        ours = reader.context.direction == "out"
        reader.add_sender(
            self.parties, *(("seller", "supplier") if seller != ours else ("buyer", "customer"))
        )
        self.details = [self._detail(loop, ordinal) for ordinal, loop in enumerate(root.inside("CDD"), 1)]
        self.attributes["currency"] = reader.money(ZERO, self.currency)["currency"]
        self._sum()

    @property
    def _sent_by(self) -> str:
        """Which side of the trade sends this 812: a supplier credits us as the seller, a customer debits us as the
        buyer; a copy of ours is the other way round. Without a partner the buyer is assumed."""
        role = self.reader.partner.role if self.reader.partner is not None else "customer"
        theirs = "seller" if role in ("supplier", "carrier", "warehouse") else "buyer"
        if self.reader.context.direction == "in":
            return theirs
        return "buyer" if theirs == "seller" else "seller"

    def gives(self, verb: str) -> bool:
        """Whether this is money that a seller gives back."""
        return self._sent_by == "seller" and verb == _VERBS["C"]

    def _head(self, position: int, bcd: list[str]) -> None:
        reader = self.reader
        self.position = position
        self.number = at(bcd, 2)
        if not self.number:
            raise reader.stop("BCD02 is empty: the adjustment has no number", position, 2)
        text = at(bcd, 4)
        if not text:
            raise reader.stop("BCD04 is empty: nothing says how much is adjusted", position, 4)
        self.amount = reader.implied(text, position, 4)
        flag = at(bcd, 5)
        self.verb = _VERBS.get(flag, "adjusted")
        self.refs.append(reader.issued("credit_memo", self.number, by="sender"))
        invoice, order = at(bcd, 7), at(bcd, 10)
        self.what = f"of invoice {invoice}" if invoice else f"with adjustment {self.number}"
        if invoice:
            self.refs.append(self._issued("invoice", invoice))
        if order:
            self.refs.append(self._order(order))
        self.attributes["total"] = money.said(self.amount)
        for element, name in ((1, "adjustment_date"), (6, "invoice_date"), (9, "order_date")):
            if day := at(bcd, element):
                self.attributes[name] = reader.date(day, position, element)
        if (made := self.attributes.get("adjustment_date")) is not None:
            self.occurred_at = times.on(made)
        for element, name in ((3, "handling"), (5, "credit_debit"), (11, "purpose"), (12, "type")):
            facts.note(self.attributes, name, at(bcd, element))
        facts.note(self.attributes, "vendor_order", at(bcd, 8))
        self._refer(self.refs, self.attributes, at(bcd, 13), at(bcd, 14))

    def _detail(self, loop: Loop, ordinal: int) -> Detail:
        reader = self.reader
        position, cdd = loop.segments[0]
        code = at(cdd, 1)
        if not code:
            raise reader.stop("CDD01 is empty: the adjustment has no reason", position, 1)
        row = reader.meaning(_REASON, code, position, 1)
        items: list[Ref] = []
        line = ""
        for _, lin in loop.all("LIN"):
            items += product_ids(lin, 2, reader.partner)
            line = line or at(lin, 1)
        words: Line = {"line_ref": (at(cdd, 3) or line or str(ordinal))[:64]}
        if items:
            words["item_ids"] = items[:32]
        if text := at(cdd, 7):
            words["affected"] = reader.quantity(reader.number(text, position, 7), at(cdd, 8))
        if text := at(cdd, 11):
            words["unit_price"] = reader.money(reader.number(text, position, 11), self.currency)
        refs: list[Ref] = []
        for _, n9 in loop.all("N9"):
            self._refer(refs, {}, at(n9, 1), at(n9, 2))
        text, difference = at(cdd, 4), at(cdd, 9)
        return Detail(
            position=position,
            path=f"CDD[{ordinal}]",
            row=row,
            source_code=codes.source_code(_REASON, code, row),
            verb=_VERBS.get(at(cdd, 2), self.verb),
            amount=reader.implied(text, position, 4) if text else None,
            price_difference=reader.number(difference, position, 9) if difference else None,
            words=words,
            refs=refs,
        )

    def _order(self, number: str) -> Ref:
        return self.reader.purchase_order(number, sent_by=self._sent_by)

    def _issued(self, kind: str, number: str) -> Ref:
        """An invoice is the seller's; a memo is its sender's own."""
        by = "sender" if kind != "invoice" or self._sent_by == "seller" else "receiver"
        return self.reader.issued(kind, number, by=by)

    def _refer(self, refs: list[Ref], attributes: dict[str, str], qualifier: str, number: str) -> None:
        references.reference(refs, attributes, qualifier, number, order=self._order, issued=self._issued)

    def _sum(self) -> None:
        """Whether the head is the sum of its details and its allowances and charges."""
        parts = [detail.amount for detail in self.details]
        if not parts or None in parts:
            self.attributes["total_check"] = "not possible: not every reason has an amount"
            return
        sums = money.add(self._signed(detail) for detail in self.details)
        extra = ZERO
        for position, sac in self.reader.tree.all("SAC"):
            if text := at(sac, 5):
                extra = money.EXACT.add(extra, self.reader.implied(text, position, 5))
        agrees = abs(self.amount) in (
            abs(sums), abs(money.EXACT.add(sums, extra)), abs(money.EXACT.subtract(sums, extra)),
        )  # fmt: skip
        self.attributes["total_check"] = "agrees" if agrees else "differs"

    def _signed(self, detail: Detail) -> Decimal:
        """A detail of the other direction than the head takes from it."""
        amount = detail.amount or ZERO
        return amount if detail.verb == self.verb else -amount
