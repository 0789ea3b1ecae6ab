"""The walk over the levels of a 856: shipment, orders, packs, items.

The levels are walked once, in the order of the document. What belongs to which order is said by the parents (HL02),
or by a PRF in the item itself; where the parents are broken, an item belongs to the order before it.
"""

from collections.abc import Sequence
from typing import Final
from weakref import proxy

from canonical.events import Party, Ref, SourceCode, When
from crossdock.formats.x12.loops import BrokenLevel, Level, hierarchy
from mappings import codes, facts, parties, references
from mappings.codes import Row
from mappings.inbound.x12_856.labels import PACKS, SSCC_MARKS, Labels
from mappings.inbound.x12_856.line import Line
from mappings.lines import order_line
from mappings.warehouse import CONTAINERS, LABELS_AT_MOST, sscc
from mappings.x12 import Reader, at, product_ids

_TRACKING_AT_MOST: Final = 8
_PROBLEMS_AT_MOST: Final = 100

# 128 → the kind of number that anybody may have given
_REFERENCES: Final = {
    "BM": "bol",
    "MB": "bol",
    "2I": "tracking",
    "SI": "shipment",
    "LO": "load",
    "AO": "appointment",
}
# 128 → the kind of number that the shipper gave
_OWN: Final = {"IV": "invoice", "VN": "sales_order", "OQ": "sales_order"}

# our words of element 374 → the attribute of the fact
_DATES: Final = {
    "shipped": "ship_date", "delivery_estimated": "delivery_estimated", "delivery_scheduled": "delivery_estimated",
    "delivery_promised": "delivery_estimated", "arrival_estimated": "delivery_estimated",
    "delivery_requested": "delivery_requested",
}  # fmt: skip


class Order:
    """What was shipped of one order in this shipment. ``number`` is empty where the notice names no order."""

    __slots__ = (
        "attributes",
        "carried",
        "labels",
        "lines",
        "notice",
        "number",
        "own_refs",
        "parties",
        "position",
        "status",
    )

    def __init__(self, notice: "Notice", number: str, release: str, position: int) -> None:
        self.notice: Notice = proxy(notice)  # no circle: the notice has its orders
        self.number = number
        self.position = position
        self.own_refs: list[Ref] = []
        if number:
            self.own_refs.append(notice.reader.purchase_order(number, sent_by="seller"))
        if release:
            self.own_refs.append({"kind": "release", "value": release[:256]})
        self.attributes: dict[str, str] = {}
        self.parties: list[Party] = []
        self.lines: dict[tuple[str, ...], Line] = {}
        self.labels: list[Ref] = []
        self.carried: list[Ref] = []
        self.status: list[tuple[Row | None, SourceCode, int, str]] = []

    @property
    def what(self) -> str:
        """``PO 4711``, or the shipment where no order is named."""
        return f"PO {self.number}" if self.number else f"shipment {self.notice.number}"

    @property
    def refs(self) -> list[Ref]:
        """The order first: what happens to a line of it is a matter of the order."""
        if not self.number:
            return self.notice.refs
        return [self.own_refs[0], *self.notice.refs, *self.own_refs[1:]][: references.AT_MOST]

    @property
    def fact_refs(self) -> list[Ref]:
        """The notice first, then the order, then what carries the goods, then the labels."""
        notice = self.notice
        found = [notice.refs[0], *self.own_refs, *notice.refs[1:], *self.carried]
        return [*found[: references.AT_MOST - LABELS_AT_MOST], *(self.labels or notice.labels)]

    def line(self, lin: list[str], sn1: list[str] | None, position: int, level: str) -> Line:
        """The line of an item: of its number, else of the item itself."""
        items = product_ids(lin, 2, self.notice.reader.partner)[:32]
        ref = order_line(lin, items) or (at(sn1, 1) if sn1 is not None else "")
        key = (ref,) if ref else tuple(item["value"] for item in items) or (f"position:{position}",)
        line = self.lines.get(key)
        if line is None:
            name = ref or (items[0]["value"] if items else key[0])
            line = self.lines[key] = Line(name[:64], items, position, level)
        return line


class Notice:
    """One 856: its number, what holds for the whole shipment, and its orders."""

    __slots__ = (
        "__weakref__",
        "_last",
        "attributes",
        "carried",
        "label_faults",
        "labels",
        "number",
        "occurred_at",
        "orders",
        "parties",
        "position",
        "problems",
        "purpose",
        "reader",
        "refs",
        "status",
        "who",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        tree = reader.tree
        self.position, bsn = reader.begin("BSN", "nothing says which shipment it is about")
        self.purpose, self.number = at(bsn, 1), at(bsn, 2)
        if not self.number:
            raise reader.stop("BSN02 is empty: the shipment has no number", self.position, 2)
        self.who = reader.who("The supplier")
        self.refs: list[Ref] = [reader.issued("asn", self.number, by="sender")]
        self.attributes: dict[str, str] = {}
        if self.purpose:
            self.attributes["purpose"] = self.purpose
        if structure := at(bsn, 5):
            self.attributes["structure"] = structure
        self.occurred_at: When | None = None
        self.parties: list[Party] = []
        self.carried: list[Ref] = []
        self.labels: list[Ref] = []
        self.label_faults = Labels()
        self.orders: dict[tuple[str, str], Order] = {}
        self.status: list[tuple[Row | None, SourceCode, int, str]] = []
        self._last: Order | None = None
        self._noticed(bsn)
        for position, segment in tree.segments:
            if segment[0] == "DTM":
                self._date(self.attributes, position, segment)
            elif segment[0] == "REF":
                self._reference(None, at(segment, 1), at(segment, 2))
            elif segment[0] == "CTT" and (declared := at(segment, 1)):
                self.attributes["levels_declared"] = declared[:32]
        drawn = hierarchy(tree.inside("HL"))
        if not drawn.levels:
            raise reader.stop("there is no HL: the notice names no goods", self.position)
        self.attributes["levels"] = str(len(drawn.levels))
        self.problems: list[BrokenLevel] = list(drawn.problems[:_PROBLEMS_AT_MOST])
        self._walk(drawn.levels)
        self._close()

    # ── the levels ───────────────────────────────────────────────────────────────────────────────────────

    def _walk(self, levels: Sequence[Level]) -> None:
        of: dict[int, Order | None] = {}
        shipment = levels[0].code == "S"
        for level in levels:
            parent = level.parent
            if parent is not None:
                order = of[id(parent)]
            else:
                order = None if level.code == "S" else self._last
                if shipment and level.code != "S" and len(self.problems) < _PROBLEMS_AT_MOST:
                    self._orphan(level)
            of[id(level)] = self._level(level, order)

    def _orphan(self, level: Level) -> None:
        """A level that should stand below the shipment and names no parent; one with a wrong parent was told."""
        if not at(level.loop.head, 2):
            sentence = f"level {level.id[:12]} ({level.code[:2] or 'of no kind'}) names no parent"
            self.problems.append(BrokenLevel(position=level.loop.position, id=level.id, sentence=sentence))

    def _level(self, level: Level, order: Order | None) -> Order | None:
        """Read one level; the order that those below it belong to."""
        code = level.code
        reader = self.reader
        loop = level.loop
        lin: list[str] | None = None
        sn1: list[str] | None = None
        sn1_position = loop.position
        prf: list[str] | None = None
        order_number = ""
        labelled = False
        labels: list[str] = []
        own: list[tuple[int, list[str]]] = []
        for position, segment in loop.segments:
            match segment[0]:
                case "LIN":
                    lin = lin or segment
                case "SN1" if sn1 is None:
                    sn1, sn1_position = segment, position
                case "PRF":
                    prf = prf or segment
                case "MAN":
                    self._marks(segment, labels, order)
                case "REF" if at(segment, 1) == "PO":
                    order_number = order_number or at(segment, 2)
                case "REF" if code in PACKS and at(segment, 1) == "LS":
                    labelled = True
                case "TD1" | "TD3" | "TD5" | "REF" | "DTM":
                    own.append((position, segment))
        below = loop.loops
        for inner in below:
            if inner.name == "CLD":
                for _, segment in inner.all("MAN"):
                    self._marks(segment, labels, order)
        if prf is not None or (order_number and (code == "O" or order is None)):
            number = at(prf, 1) if prf is not None else order_number
            release = at(prf, 2) if prf is not None else ""
            order = self._order(number, release, loop.position)
        elif code == "O":
            order = self._order("", "", loop.position)
        if code in ("S", "O"):
            holder = order if code == "O" else None
            for position, segment in own:
                self._shipping(holder, position, segment)
            for inner in below:
                if inner.name == "N1":
                    parties.add(
                        holder.parties if holder is not None else self.parties, reader.party(inner.head)
                    )
        elif code in PACKS:
            for _, segment in own:
                if segment[0] == "REF" and at(segment, 1) in ("2I", "CN"):
                    self._track(order, at(segment, 2))
        if labels or code in PACKS:
            self.label_faults.take(loop.position, level.id, code in PACKS, labels, labelled)
            self._label(order, labels)
        if lin is not None and (sn1 is not None or code == "I"):
            of = order if order is not None else self._order("", "", loop.position)
            line = of.line(lin, sn1, loop.position, level.id[:12])
            if sn1 is not None:
                line.take(reader, sn1, sn1_position)
        return order

    def _order(self, number: str, release: str, position: int) -> Order:
        order = self.orders.get((number, release))
        if order is None:
            order = self.orders[number, release] = Order(self, number, release, position)
        if number:
            self._last = order
        return order

    # ── what stands in them ──────────────────────────────────────────────────────────────────────────────

    def _marks(self, man: list[str], labels: list[str], order: Order | None) -> None:
        for place in (1, 4):
            mark = at(man, place)
            if mark in SSCC_MARKS:
                labels += [sscc(value) for value in (at(man, place + 1), at(man, place + 2)) if value]
            elif mark == "CP":
                self._track(order, at(man, place + 1))

    def _track(self, order: Order | None, value: str) -> None:
        carried = order.carried if order is not None else self.carried
        if value and len(carried) < _TRACKING_AT_MOST:
            carried.append({"kind": "tracking", "value": value[:256]})

    def _label(self, order: Order | None, labels: list[str]) -> None:
        kept = order.labels if order is not None else self.labels
        for value in labels:
            ref: Ref = {"kind": "sscc", "value": value[:256]}
            if len(kept) < LABELS_AT_MOST and ref not in kept:
                kept.append(ref)

    def _shipping(self, order: Order | None, position: int, segment: list[str]) -> None:
        """A segment of the shipment, or of one order in it, about how the goods travel."""
        attributes = order.attributes if order is not None else self.attributes
        match segment[0]:
            case "REF":
                self._reference(order, at(segment, 1), at(segment, 2))
            case "DTM":
                self._date(attributes, position, segment)
            case "TD1" if text := at(segment, 2):
                count = self.reader.count(text, position, 2)
                known = attributes.get("packages")
                attributes["packages"] = str(int(count) + (int(known) if known else 0))
            case "TD3":
                name = (at(segment, 2) + at(segment, 3))[:128]
                if name:
                    attributes["equipment"] = name
                    if at(segment, 1) in CONTAINERS:
                        self._put(order, {"kind": "container", "value": name})
            case "TD5":
                self._carrier(order, attributes, position, segment)

    def _carrier(
        self, order: Order | None, attributes: dict[str, str], position: int, td5: list[str]
    ) -> None:
        if at(td5, 2) == "2" and (scac := at(td5, 3)):
            attributes["carrier"] = scac[:128]
            carrier: Party = parties.carrier(scac)
            parties.add(order.parties if order is not None else self.parties, carrier)
        if method := at(td5, 4):
            attributes["transport_method"] = method
        if routing := at(td5, 5):
            attributes["routing"] = routing
        if status := at(td5, 6):
            row, code = self.reader.told("x12-368", status, position, 6)
            if codes.exception_of(row) != codes.NONE:
                path = "HL/TD5" if order is not None else "HL[1]/TD5"
                (order if order is not None else self).status.append((row, code, position, path))

    def _reference(self, order: Order | None, qualifier: str, value: str) -> None:
        if not value:
            return
        if kind := _REFERENCES.get(qualifier):
            self._put(order, {"kind": kind, "value": value[:256]})
        elif kind := _OWN.get(qualifier):
            self._put(order, self.reader.issued(kind, value, by="sender"))
        elif qualifier == "CN":
            self._put(order, {"kind": "pro", "value": value[:256]})
        elif word := facts.as_name(qualifier):
            facts.note((order or self).attributes, f"ref.{word}", value)

    def _put(self, order: Order | None, ref: Ref) -> None:
        refs = order.own_refs if order is not None else self.refs
        if ref not in refs and len(refs) < LABELS_AT_MOST:
            refs.append(ref)

    def _date(self, attributes: dict[str, str], position: int, dtm: list[str]) -> None:
        day = at(dtm, 2)
        name = _DATES.get(self.reader.word_of_date(at(dtm, 1)))
        if not day or name is None:
            return
        date = self.reader.date(day, position, 2)
        attributes[name] = date
        if name == "ship_date":
            self.occurred_at = self.reader.when(dtm, position, 2, zoned=True)

    def _noticed(self, bsn: list[str]) -> None:
        """When the notice was made: the time of the shipment where no other is said."""
        if not at(bsn, 3):
            return
        self.attributes["notice_date"] = self.reader.date(at(bsn, 3), self.position, 3)
        self.occurred_at = self.reader.when(bsn, self.position, 3)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────

    def _close(self) -> None:
        """All levels were read: what is said of the whole shipment holds for each of its orders."""
        self.reader.add_sender(self.parties, "supplier", "seller", "ship_from")
        if not self.orders:
            self._order("", "", self.position)
        if self.label_faults.count:
            self.attributes["sscc_count"] = str(self.label_faults.count)
        for order in self.orders.values():
            order.attributes = {**self.attributes, **order.attributes}
            if "delivery_estimated" in order.attributes:
                order.attributes.setdefault("delivery_date", order.attributes["delivery_estimated"])
            order.parties = self._together(order.parties)
            order.carried = [*self.carried, *order.carried]
            self._issue_pros(order.own_refs, order.attributes.get("carrier"))
        self._issue_pros(self.refs, self.attributes.get("carrier"))

    def _together(self, own: list[Party]) -> list[Party]:
        if not own:
            return self.parties
        together: list[Party] = [{**party, "ids": list(party["ids"])} for party in self.parties]
        for party in own:
            parties.add(together, party)
        return together

    @staticmethod
    def _issue_pros(refs: list[Ref], carrier: str | None) -> None:
        if carrier:
            for ref in refs:
                if ref["kind"] == "pro":
                    ref["issuer"] = carrier
