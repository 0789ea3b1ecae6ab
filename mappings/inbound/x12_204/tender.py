"""A 204 as it was read: the load, its stops, its goods, its rate."""

from decimal import Decimal
from typing import Final

from canonical.events import Line, Party, Ref, When
from crossdock.formats.x12.loops import Loop
from mappings import facts, freight, money, parties, references
from mappings.x12 import Reader, at, plain

_HEAD: Final = "0100"
_EQUIPMENT: Final = "0200"
_STOP: Final = "0300"
_PARTY_OF_STOP: Final = "0310"
_ORDER: Final = "0350"
_LINES_AT_MOST: Final = 100_000


class Tender:
    """What all statements of a tender share. Raises ``Unreadable`` for what cannot be read."""

    __slots__ = (
        "_ends", "attributes", "lines", "notes", "parties", "position", "purpose", "reader", "refs", "respond_by",
        "scac", "shipment", "total",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.attributes: dict[str, str] = {}
        self.parties: list[Party] = []
        self.lines: list[Line] = []
        self.notes: list[str] = []
        self.respond_by: When | None = None
        self.total: Decimal | None = None
        self._ends: list[str] = []
        root = reader.tree
        self.position, segment = reader.begin("B2", "nothing says which load is tendered")
        b2a = root.first("B2A")
        self.scac, self.shipment = at(segment, 2), at(segment, 4)
        if not self.shipment:
            raise reader.stop("B204 is empty: the tender names no shipment", self.position, 4)
        self.purpose = at(b2a[1], 1) if b2a is not None else ""
        if not self.purpose:
            raise reader.stop(
                "B2A01 is empty: nothing says whether the load is offered, changed or taken back",
                b2a[0] if b2a is not None else self.position,
                1 if b2a is not None else None,
            )
        self.refs: list[Ref] = [{"kind": "shipment", "value": self.shipment[:256]}]
        self.attributes["purpose"] = self.purpose
        facts.note(self.attributes, "payment", at(segment, 6))
        self._head(root)
        for ordinal, stop in enumerate(root.inside(_STOP), 1):
            self._stop(stop, ordinal)
        self._rate(root)
        if not self.scac:  # some name the carrier only beside the route
            self.scac = self.attributes.get("carrier", "") or self.attributes.get("ref.sca", "")
        if self.scac:
            self.attributes["carrier"] = self.scac[:1024]
            self.parties.append(parties.carrier(self.scac))
        if reader.partner is not None and reader.partner.role == "carrier":
            reader.add_sender(self.parties, "carrier")

    def route(self) -> str:
        """``, Joliet, IL to Reno, NV`` of the first and the last stop, for titles."""
        if not self._ends:
            return ""
        first, last = self._ends[0], self._ends[-1]
        return f", {first} to {last}" if first != last else f", {first}"

    def _head(self, root: Loop) -> None:
        reader = self.reader
        for position, segment in root.segments:
            match segment[0]:
                case "L11":
                    self._refer(segment)
                case "G62":
                    name = freight.DATES.get(at(segment, 1), "")
                    found = freight.when(reader, segment, position)
                    if found is not None and name:
                        self.attributes.setdefault(name, found["value"])
                        if name == "respond_by":
                            self.respond_by = found
                case "MS3":
                    facts.note(self.attributes, "carrier", at(segment, 1))
                    facts.note(self.attributes, "mode", at(segment, 4))
                case "NTE":
                    if text := at(segment, 2):
                        self.notes.append(text)
        self.parties += parties.named(reader, root, inside=_HEAD)
        for loop in root.inside(_EQUIPMENT):
            n7 = loop.segments[0][1]
            facts.note(self.attributes, "equipment", at(n7, 1) + at(n7, 2))
            facts.note(self.attributes, "equipment_kind", at(n7, 11))

    def _refer(self, l11: list[str]) -> None:
        references.reference(self.refs, self.attributes, at(l11, 2), at(l11, 1), carrier=self.scac)

    def _stop(self, stop: Loop, ordinal: int) -> None:
        """One S5 loop: why, where, when, how heavy. Its times are local to its place."""
        reader = self.reader
        position, s5 = stop.segments[0]
        own = f"stop.{ordinal}."
        note = self.attributes
        if not at(s5, 2):
            raise reader.stop("S502 is empty: nothing says what the stop is for", position, 2)
        note[own + "purpose"] = freight.purpose_of_stop(at(s5, 2))[:64]
        if text := at(s5, 3):
            note[own + "weight"] = f"{plain(reader.number(text, position, 3))} {at(s5, 4)}".rstrip()
        city = state = country = ""
        for loop in stop.inside(_PARTY_OF_STOP):
            n1 = loop.segments[0][1]
            facts.note(note, own + "name", at(n1, 2))
            facts.note(note, own + "id", at(n1, 4))
            if (n4 := loop.first("N4")) is not None and not city:
                city, state, country = at(n4[1], 1), at(n4[1], 2), at(n4[1], 4)
                facts.note(note, own + "postal_code", at(n4[1], 3))
        for name, value in (("city", city), ("state", state), ("country", country)):
            facts.note(note, own + name, value)
        if place := ", ".join(each for each in (city, state) if each):
            self._ends.append(place)
        for place_of, segment in stop.segments:
            match segment[0]:
                case "G62":
                    found = freight.when(reader, segment, place_of, state=state, country=country)
                    if found is not None and (name := freight.DATES.get(at(segment, 1), "")):
                        facts.note(note, own + name, found["value"])
                        facts.note(note, own + "tz_source", found.get("tz_source", ""))
                case "L11":
                    self._refer(segment)
                case "NTE":
                    if text := at(segment, 2):
                        self.notes.append(text)
        for loop in stop.inside(_ORDER):
            self._order(loop)

    def _order(self, loop: Loop) -> None:
        """One OID: goods of an order. At the unloading stop it comes again: each line is kept once."""
        position, oid = loop.segments[0]
        reference, order = at(oid, 1), at(oid, 2)
        ref = (reference or order)[:64]
        if order:
            references.keep(self.refs, {"kind": "customer_po", "value": order[:256]})
        if not ref or len(self.lines) >= _LINES_AT_MOST:
            return
        words: Line = {"line_ref": ref}
        if text := at(oid, 5):
            words["affected"] = self.reader.quantity(self.reader.count(text, position, 5), at(oid, 4))
        if words not in self.lines[-100:]:
            self.lines.append(words)

    def _rate(self, root: Loop) -> None:
        """The L3: weight and rate (R), charge, advances and what is prepaid (N2)."""
        reader = self.reader
        self.attributes["stops"] = str(len(root.inside(_STOP)))
        found = root.first("L3")
        if found is None:
            return
        position, l3 = found
        if text := at(l3, 1):
            self.attributes["weight"] = plain(reader.number(text, position, 1))
        if text := at(l3, 3):
            self.attributes["rate"] = plain(reader.number(text, position, 3))
            facts.note(self.attributes, "rate_basis", at(l3, 4))
        if text := at(l3, 5):
            self.total = reader.implied(text, position, 5)
            self.attributes["total"] = money.said(self.total)
            self.attributes["currency"] = reader.money(self.total, "")["currency"]
        for element, name in ((6, "advances"), (7, "prepaid")):
            if text := at(l3, element):
                self.attributes[name] = money.said(reader.implied(text, position, element))
