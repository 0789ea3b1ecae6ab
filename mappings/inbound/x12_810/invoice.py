"""An 810 as it was read: its head, its lines, its allowances, charges and taxes, its total."""

from decimal import Decimal
from typing import Final

from canonical.events import Ref, When
from mappings import facts, money, parties, references, times
from mappings.inbound.x12_810 import charges
from mappings.inbound.x12_810 import line as lines
from mappings.x12 import Reader, at

# 640, BIG07: these give money back
CREDITS: Final = frozenset({"CN", "CR", "CC", "CE", "CF"})

_TERMS: Final = {3: "terms_discount_percent", 5: "terms_discount_days", 7: "terms_net_days"}


class Invoice:
    """What all statements of an invoice share. Raises ``Unreadable`` for what cannot be read."""

    __slots__ = (
        "attributes", "charges", "currency", "is_credit", "lines", "number", "occurred_at", "parties", "position",
        "reader", "refs", "tax", "total", "total_position", "who",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.who = reader.who()
        self.attributes: dict[str, str] = {}
        self.refs: list[Ref] = []
        self.currency = ""
        self.occurred_at: When | None = None
        self._big()
        self._head()
        root = reader.tree
        self.lines = [
            lines.read(reader, loop, ordinal, self.currency)
            for ordinal, loop in enumerate(root.inside("IT1"), 1)
        ]
        self.charges = charges.of(reader, root, "", "")
        self.tax = charges.taxes_beside(reader, root, self.charges)
        self._orders_of_lines()
        self._total()
        reader.add_sender(self.parties, *_ROLES_OF_SENDER[reader.context.direction])

    @property
    def currency_of_money(self) -> str:
        return self.reader.money(Decimal(0), self.currency)["currency"]

    def _first(self, segment_id: str) -> tuple[int, list[str]] | None:
        """The first of a segment, wherever it stands: a total in a wrong place is one."""
        for position, segment in enumerate(self.reader.segments, 1):
            if segment and segment[0] == segment_id:
                return position, segment
        return None

    def _big(self) -> None:
        reader = self.reader
        found = self._first("BIG")
        if found is None:
            raise reader.stop("the BIG is missing: nothing says which invoice it is", 1)
        self.position, big = found
        self.number = at(big, 2)
        if not self.number:
            raise reader.stop("BIG02 is empty: the invoice has no number", self.position, 2)
        self.refs.append(reader.issued("invoice", self.number, by="sender"))
        kind = at(big, 7)
        self.is_credit = kind in CREDITS
        if self.is_credit:
            self.refs.append(reader.issued("credit_memo", self.number, by="sender"))
        if order := at(big, 4):
            self.refs.append(reader.purchase_order(order, sent_by="seller"))
        if original := at(big, 10):
            references.keep(
                self.refs, {**reader.issued("invoice", original, by="sender"), "role": "original"}
            )
        note = self.attributes
        if day := at(big, 1):
            note["invoice_date"] = reader.date(day, self.position, 1)
            self.occurred_at = times.on(note["invoice_date"])
        if day := at(big, 3):
            note["order_date"] = reader.date(day, self.position, 3)
        facts.note(note, "release", at(big, 5))
        facts.note(note, "type", kind)
        facts.note(note, "purpose", at(big, 8))
        if self.is_credit:
            note["credit"] = "true"

    def _head(self) -> None:
        """What stands outside of the lines and their loops."""
        reader, root = self.reader, self.reader.tree
        for position, segment in root.segments:
            match segment[0]:
                case "CUR":
                    self.currency = money.currency(reader, at(segment, 2), position, 2)
                case "REF":
                    references.reference(
                        self.refs,
                        self.attributes,
                        at(segment, 1),
                        at(segment, 2),
                        order=self._order,
                        issued=self._issued,
                    )
                case "ITD":
                    self._terms(segment, position)
                case "DTM" if day := at(segment, 2):
                    if word := reader.word_of_date(at(segment, 1)):
                        name = "ship_date" if word == "shipped" else word
                        facts.note(self.attributes, name, reader.date(day, position, 2))
                case "CAD":
                    self._carrier(segment)
                case "CTT":
                    facts.note(self.attributes, "lines_declared", at(segment, 1))
        self.parties = parties.named(reader, root)

    def _order(self, number: str) -> Ref:
        return self.reader.purchase_order(number, sent_by="seller")

    def _issued(self, kind: str, number: str) -> Ref:
        return self.reader.issued(kind, number, by="sender")

    def _terms(self, segment: list[str], position: int) -> None:
        for element, name in _TERMS.items():
            facts.note(self.attributes, name, at(segment, element))
        if day := at(segment, 6):
            facts.note(self.attributes, "due_date", self.reader.date(day, position, 6))
        if day := at(segment, 4):
            facts.note(self.attributes, "terms_discount_date", self.reader.date(day, position, 4))

    def _carrier(self, segment: list[str]) -> None:
        scac = at(segment, 4)
        facts.note(self.attributes, "carrier", scac)
        references.reference(self.refs, self.attributes, at(segment, 7), at(segment, 8), carrier=scac)

    def _orders_of_lines(self) -> None:
        """The orders that only lines name; of an invoice for several, which line is for which."""
        named = [number for line in self.lines for number in line.orders]
        for number in named:
            references.keep(self.refs, self._order(number))
        if len(set(named)) > 1:
            for line in self.lines:
                if line.orders:
                    self.attributes[f"order.{line.ordinal}"] = line.orders[0][:256]
        for line in self.lines:
            if line.basis:
                self.attributes[f"price_basis.{line.ordinal}"] = line.basis[:64]

    def _total(self) -> None:
        reader = self.reader
        found = self._first("TDS")
        if found is None or not (text := at(found[1], 1)):
            raise reader.stop(
                "TDS01 is missing: nothing says how much is to be paid",
                found[0] if found else self.position,
                1 if found else None,
            )
        self.total_position, tds = found
        self.total: Decimal = reader.implied(text, self.total_position, 1)
        for element, name in ((2, "discountable"), (3, "total_less_discount"), (4, "terms_discount")):
            if text := at(tds, element):
                self.attributes[name] = money.said(reader.implied(text, self.total_position, element))


_ROLES_OF_SENDER: Final = {"in": ("seller", "supplier"), "out": ("buyer", "customer")}
"""Beside which party the partner is named: it sells to us, or we bill it."""
