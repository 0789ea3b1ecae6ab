"""A 210 as it was read: the bill, its lines, its charges, and whether they add up."""

from decimal import Decimal
from typing import Final

from canonical.events import Line, Party, Ref, When
from crossdock.formats.x12.loops import Loop
from mappings import facts, freight, money, parties, references, times
from mappings.x12 import ZERO, Reader, at, plain

_PARTY: Final = "0100"
_EQUIPMENT: Final = "0200"
_LINE: Final = "0400"
_DELIVERED: Final = "035"
"""374, B310: the date beside it is that of the delivery."""
_CHARGES_NAMED_AT_MOST: Final = 200


class Bill:
    """What all statements of a freight invoice share. Raises ``Unreadable`` for what cannot be read.

    ``charges`` is the sum of the L104s; ``stated`` is L305. Advances are added, what is prepaid is taken off: by some
    in B307, by others not; a net amount that one of these readings gives is right.
    """

    __slots__ = (
        "_by_code", "_charged", "advances", "attributes", "charges", "currency", "differs", "lines", "number",
        "occurred_at", "parties", "position", "prepaid", "reader", "refs", "scac", "stated", "total", "who",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.who = reader.who()
        self.attributes: dict[str, str] = {}
        self.parties: list[Party] = []
        self.lines: list[Line] = []
        self.currency = ""
        self.occurred_at: When | None = None
        self.charges = self.advances = self.prepaid = ZERO
        self.stated: Decimal | None = None
        self._by_code: dict[str, Decimal] = {}
        self._charged = False
        root = reader.tree
        found = reader.begin("B3", "nothing says which invoice it is")
        for position, c3 in root.all("C3"):
            self.currency = money.currency(reader, at(c3, 1), position, 1)
        self._head(*found)
        self._refer(root)
        for ordinal, loop in enumerate(root.inside(_LINE), 1):
            self._line(loop, ordinal)
        self._l3(root)
        self._say()
        if reader.context.direction == "in":
            reader.add_sender(self.parties, "carrier")

    def _head(self, position: int, b3: list[str]) -> None:
        reader = self.reader
        self.position = position
        self.number, shipment, text = at(b3, 2), at(b3, 3), at(b3, 7)
        self.scac = at(b3, 11)
        if not self.number:
            raise reader.stop("B302 is empty: the invoice has no number", position, 2)
        if not text:
            raise reader.stop("B307 is empty: nothing says how much is to be paid", position, 7)
        self.total = reader.implied(text, position, 7)
        self.refs: list[Ref] = [reader.issued("invoice", self.number, by="sender")]
        if shipment:
            self.refs.append({"kind": "shipment", "value": shipment[:256]})
        note = self.attributes
        if day := at(b3, 6):
            note["invoice_date"] = reader.date(day, position, 6)
            self.occurred_at = times.on(note["invoice_date"])
        if day := at(b3, 9):
            name = "delivery_date" if at(b3, 10) in ("", _DELIVERED) else "date"
            note[name] = reader.date(day, position, 9)
        if day := at(b3, 12):
            note["ship_date"] = reader.date(day, position, 12)
        for element, name in ((4, "payment"), (8, "correction"), (11, "carrier")):
            facts.note(note, name, at(b3, element))
        if self.scac:
            self.parties.append(parties.carrier(self.scac))

    def _refer(self, root: Loop) -> None:
        reader = self.reader
        for position, segment in root.segments:
            match segment[0]:
                case "N9":
                    self._number(segment)
                case "G62":
                    found = freight.when(reader, segment, position)
                    if found is not None and (name := freight.DATES.get(at(segment, 1), "")):
                        facts.note(self.attributes, name, found["value"])
                case "B2A":
                    facts.note(self.attributes, "purpose", at(segment, 1))
        self.parties += parties.named(reader, root, inside=_PARTY)
        for loop in root.inside(_PARTY):
            for _, n9 in loop.all("N9"):
                self._number(n9)
        for loop in root.inside(_EQUIPMENT):
            n7 = loop.segments[0][1]
            facts.note(self.attributes, "equipment", at(n7, 1) + at(n7, 2))

    def _number(self, n9: list[str]) -> None:
        references.reference(self.refs, self.attributes, at(n9, 1), at(n9, 2), carrier=self.scac)

    def _line(self, loop: Loop, ordinal: int) -> None:
        reader = self.reader
        lx = loop.segments[0][1]
        words: Line = {"line_ref": (at(lx, 1) or str(ordinal))[:64]}
        for position, segment in loop.segments:
            match segment[0]:
                case "L0" if text := at(segment, 8):
                    # 211 counts pieces in packages; what packages is the sender's own word
                    words["affected"] = reader.quantity(reader.count(text, position, 8), "")
                    if packing := at(segment, 9):
                        words["affected"]["uom_source"] = packing[:64]
                        words["affected"]["uom_scheme_source"] = "free-text"
                case "L1":
                    self._charge(segment, position)
                case "N9":
                    self._number(segment)
        self.lines.append(words)

    def _charge(self, l1: list[str], position: int) -> None:
        if text := at(l1, 4):
            amount = self.reader.implied(text, position, 4)
            self._charged = True
            self.charges = money.EXACT.add(self.charges, amount)
            code = at(l1, 8)
            name = f"charge.{facts.as_name(code) or 'other'}" if code else "linehaul"
            if name in self._by_code or len(self._by_code) < _CHARGES_NAMED_AT_MOST:
                self._by_code[name] = money.EXACT.add(self._by_code.get(name, ZERO), amount)
        self._beside(l1, position)

    def _beside(self, segment: list[str], position: int) -> None:
        """Advances and prepaid amounts: elements 5 and 6 of an L1."""
        if text := at(segment, 5):
            self.advances = money.EXACT.add(self.advances, self.reader.implied(text, position, 5))
        if text := at(segment, 6):
            self.prepaid = money.EXACT.add(self.prepaid, self.reader.implied(text, position, 6))

    def _l3(self, root: Loop) -> None:
        reader = self.reader
        found = root.first("L3")
        if found is None:
            return
        position, l3 = found
        if text := at(l3, 1):
            self.attributes["weight"] = plain(reader.number(text, position, 1))
        if text := at(l3, 5):
            self.stated = reader.implied(text, position, 5)
        # the L3 adds up what the L1s said; it speaks where they were silent
        if (text := at(l3, 6)) and not self.advances:
            self.advances = reader.implied(text, position, 6)
        if (text := at(l3, 7)) and not self.prepaid:
            self.prepaid = reader.implied(text, position, 7)

    def _say(self) -> None:
        reader = self.reader
        self.charges = money.sayable(reader, self.charges, self.position)
        self.advances = money.sayable(reader, self.advances, self.position)
        self.prepaid = money.sayable(reader, self.prepaid, self.position)
        note = self.attributes
        note["total"] = money.said(self.total)
        note["currency"] = reader.money(ZERO, self.currency)["currency"]
        for name, amount in self._by_code.items():
            note[name] = money.said(money.sayable(reader, amount, self.position))
        if self.stated is not None:
            note["total_stated"] = money.said(self.stated)
        if self._charged:
            note["charges"] = money.said(self.charges)
            self.differs = not (self._gives(self.total) and (self.stated is None or self._gives(self.stated)))
        else:
            self.differs = self.stated is not None and not self._gives(self.total, of=self.stated)
        known = self._charged or self.stated is not None
        note["total_check"] = (
            "not possible: there are no charges" if not known else "differs" if self.differs else "agrees"
        )
        if not self._charged and self.stated is not None:
            self.charges = self.stated

    def _gives(self, amount: Decimal, *, of: Decimal | None = None) -> bool:
        """Whether the charges, with or without advances and what is prepaid, are this amount."""
        charges = self.charges if of is None else of
        more = money.EXACT.add(charges, self.advances)
        return amount in (
            charges, more, money.EXACT.subtract(charges, self.prepaid), money.EXACT.subtract(more, self.prepaid),
        )  # fmt: skip

    @property
    def at_risk(self) -> Decimal:
        """The most that net amount, stated total and charges are apart."""
        amounts = [self.total, self.charges, *([self.stated] if self.stated is not None else [])]
        return max(amounts) - min(amounts)
