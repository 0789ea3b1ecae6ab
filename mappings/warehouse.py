"""What the warehouse sets share (940, 943, 944, 945, 947): their header, and how they number items and lines.

Source: X12 004010 segments N1, N9, G62, NTE, W27, W12; elements 128 (N901), 432 (G6201), 438 (U.P.C. case code).
The depositor owns the goods and gives the orders; the warehouse ships, receives and counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Party, Ref, SourceCode, Variance, When
from canonical.events import Line as LineWords
from mappings import codes, facts, parties, references
from mappings.lines import line_words
from mappings.x12 import Reader, at, plain, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Loop

LABELS_AT_MOST: Final = 32
"""So many SSCCs are references of a fact; how many there were is an attribute."""

# 128 → the kind of number; others are kept as attributes of the fact
_REFERENCES: Final = {
    "BM": "bol", "MB": "bol", "2I": "tracking", "PO": "customer_po", "CO": "customer_po", "OQ": "sales_order",
    "VN": "sales_order", "SI": "shipment", "LO": "load", "AO": "appointment", "DO": "delivery",
}  # fmt: skip

# 432 → the attribute of the fact
_DATES: Final = {
    "01": "cancel_after", "02": "delivery_requested", "04": "order_date", "10": "ship_requested", "11": "ship_date",
    "17": "delivery_estimated", "35": "delivery_date", "37": "ship_not_before", "38": "ship_not_after",
    "53": "deliver_not_before", "54": "deliver_not_after",
}  # fmt: skip

# our word of element 514, which lines a report lists → what a line that it does not list means
SILENCE: Final = {"no_exceptions": "complete", "exceptions_only": "complete", "full": "unaccounted"}
"""A report of all or of the troubled lines leaves out what is complete; a full one must list all."""

RECEIPT_TITLES: Final = {
    "RCV.SHORT": "missed", "RCV.OVER": "received too much:", "RCV.DAMAGED": "received damaged",
    "RCV.QUALITY": "finds fault with", "RCV.WRONG_ITEM": "received other goods than announced:",
    "RCV.REJECTED": "rejected",
}  # fmt: skip
"""What somebody who received goods did with them, for titles of 861 and 944."""


class Head:
    """What holds for a whole document of a warehouse: its numbers, parties, dates and carrier."""

    __slots__ = (
        "attributes", "carrier_position", "notes", "parties", "reader", "refs", "sscc_count", "who",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.refs: list[Ref] = []
        self.parties: list[Party] = []
        self.attributes: dict[str, str] = {}
        self.notes: list[str] = []
        self.sscc_count = 0
        self.carrier_position = 0
        self.who = reader.who("The warehouse")

    def begin(self, segment_id: str) -> tuple[int, list[str]]:
        """The one segment that the set begins with. Raises ``Unreadable`` when it is missing or comes twice."""
        return self.reader.begin(segment_id, "nothing says what the document is about")

    def report(self, position: int, segment: list[str]) -> tuple[codes.Row | None, SourceCode]:
        """Which lines the document lists, by the first element [514] of the segment that it begins with."""
        code = at(segment, 1)
        if not code:
            raise self.reader.stop(
                f"{segment[0]}01 is empty: nothing says which lines the report lists", position, 1
            )
        self.attributes["report"] = code
        return self.reader.told("x12-514", code, position, 1)

    def unknown_report(self, what: str, code: SourceCode, position: int, segment_id: str) -> ExceptionEvent:
        """A lenient partner's word for which lines are listed that we do not know: what is left out is then open."""
        return self.event(
            codes.UNKNOWN,
            f"{self.who} reports {what} as {code['code']!r}, a word that we do not know",
            position,
            segment_id,
            said=[code],
        )

    def total(self, segment_id: str) -> None:
        """How many units the document declares in all, by the segment that ends it."""
        if (found := self.reader.tree.first(segment_id)) is not None and (text := at(found[1], 1)):
            self.attributes["units_declared"] = plain(self.reader.count(text, found[0], 1))

    def put(self, ref: Ref | None) -> None:
        """One more number, unless it is there or there are too many."""
        if ref is not None and ref["value"] and ref not in self.refs and len(self.refs) < references.AT_MOST:
            self.refs.append(ref)

    def issued(self, kind: str, value: str, *, by: str) -> None:
        """One more number that the document's sender or receiver gave, when it is there."""
        if value:
            self.put(self.reader.issued(kind, value, by=by))

    def read(self) -> None:
        """The parties, numbers, dates, notes and the carrier of the header; the document's own numbers go before."""
        root = self.reader.tree
        for loop in root.inside("0100"):
            party = loop.first("N1")
            if party is not None:
                parties.add(self.parties, self.reader.party(party[1]))
            for _, segment in loop.all("N9"):
                self.reference(at(segment, 1), at(segment, 2))
        for position, segment in root.segments:
            match segment[0]:
                case "N9":
                    self.reference(at(segment, 1), at(segment, 2))
                case "G62":
                    self._date(position, segment)
                case "NTE":
                    self.notes.append(at(segment, 2))
                case "W27":
                    self.carrier_position = position
                    self.carrier(at(segment, 2))
                    self.equipment(at(segment, 5), at(segment, 6), at(segment, 7))
                case "MAN":
                    self.mark(segment)
        if self.notes and (note := " ".join(self.notes).strip()):
            self.attributes["note"] = note[:1024]

    def reference(self, qualifier: str, value: str) -> None:
        """An N9 or REF: a number of a kind that we know, else an attribute."""
        if not value:
            return
        if kind := _REFERENCES.get(qualifier):
            self.put({"kind": kind, "value": value[:256]})
        elif qualifier == "CN":
            pro: Ref = {"kind": "pro", "value": value[:256]}
            if scac := self.attributes.get("carrier"):
                pro["issuer"] = scac
            self.put(pro)
        elif word := facts.as_name(qualifier):
            facts.note(self.attributes, f"n9.{word}", value)

    def carrier(self, scac: str) -> None:
        """The carrier by its SCAC: an attribute, and a party."""
        if not scac:
            return
        self.attributes["carrier"] = scac[:128]
        parties.add(self.parties, parties.carrier(scac))
        for ref in self.refs:
            if ref["kind"] == "pro":
                ref.setdefault("issuer", scac[:128])

    def equipment(self, kind: str, initial: str, number: str) -> None:
        """The trailer or container that carries the goods."""
        name = (initial + number)[:128]
        if name:
            self.attributes["equipment"] = name
            if kind in CONTAINERS:
                self.put({"kind": "container", "value": name})

    def mark(self, segment: list[str]) -> None:
        """A MAN: the SSCC of a carton or pallet, or the carrier's number of a parcel."""
        for place in (1, 4):
            qualifier, value = at(segment, place), at(segment, place + 1)
            if qualifier in ("GM", "AA") and value:
                self.sscc_count += 1
                self.attributes["sscc_count"] = str(self.sscc_count)
                if self.sscc_count <= LABELS_AT_MOST:
                    self.put({"kind": "sscc", "value": sscc(value)[:256]})
            elif qualifier == "CP" and value:
                self.put({"kind": "tracking", "value": value[:256]})

    def close(self, *roles: str) -> None:
        """Everything was read: there must be a number to find the document by; the sender is one of its parties."""
        if not self.refs:
            raise self.reader.stop("the document names no number that it could be found by", 2)
        self.reader.add_sender(self.parties, *roles)

    def _date(self, position: int, segment: list[str]) -> None:
        name, day = _DATES.get(at(segment, 1)), at(segment, 2)
        if name and day:
            self.attributes[name] = self.reader.date(day, position, 2)

    def event(
        self,
        code: str,
        title: str,
        position: int,
        path: str,
        *,
        refs: Sequence[Ref] | None = None,
        line: LineWords | None = None,
        cause: str | None = None,
        detail: str | None = None,
        variances: Sequence[Variance] = (),
        said: Sequence[SourceCode] = (),
        method: str = "code-map",
        occurred_at: When | None = None,
        ext: Mapping[str, str] | None = None,
    ) -> ExceptionEvent:
        """One trouble of this document, with its numbers, parties and place."""
        return ExceptionEvent(
            code=code,
            title=title,
            cause=cause,
            detail=detail or "; ".join(each["text"] for each in said if each.get("text")) or None,
            refs=self.refs if refs is None else refs,
            place=self.reader.place(position, path),
            occurred_at=occurred_at,
            parties=self.parties,
            lines=[line] if line is not None else [],
            variances=variances,
            source_codes=said,
            method=method,
            ext=self.reader.ext(**(ext or {})),
        )


# 40: what is a container and no trailer
CONTAINERS: Final = frozenset({"20", "2B", "40", "4B", "CC", "CN", "OC", "RC", "SC"})


def sscc(value: str) -> str:
    """The 18 digits of an SSCC, without the application identifier ``00`` that a label may print before them."""
    bare = value.replace(" ", "").removeprefix("(00)")
    return bare[2:] if len(bare) == 20 and bare.startswith("00") else bare


def item_ids(
    reader: Reader, segment: list[str], *, case: int | None, pairs: Iterable[int], lot: int | None = None
) -> list[Ref]:
    """The numbers of an item: its U.P.C. case code at ``case``, its (qualifier, id) pairs, its lot at ``lot``."""
    found: list[Ref] = []
    for place in pairs:
        found += product_ids(segment[: place + 2], place, reader.partner)
    if case is not None and (value := at(segment, case)):
        found.append({"kind": "item", "value": value[:256], "scheme": "upc-case"})
    if lot is not None and (value := at(segment, lot)):
        found.append(lot_ref(reader, value))
    return found[:32]


def lot_ref(reader: Reader, value: str) -> Ref:
    """A warehouse's lot number (element 451); it is the sender's own."""
    return {**reader.issued("lot", value, by="sender"), "scheme": "lot"}


def reverses(reader: Reader, code: str, position: int, place: int) -> bool:
    """Whether element 893 takes an earlier receipt or shipment back."""
    if not code:
        return False
    row = reader.meaning("x12-893", code, position, place)
    return row is not None and row.ours == "reversal"


def item_number(outer: "Loop | None", loop: "Loop") -> str:
    """The number of the order's line: N9*LI at the item, else at its LX; empty when there is none."""
    for holder in (loop, outer):
        if holder is not None:
            for _, segment in holder.all("N9"):
                if at(segment, 1) == "LI" and (value := at(segment, 2)):
                    return value
    return ""


def numbered(items: list[Ref], outer: "Loop | None", loop: "Loop", path: str, ordinal: int) -> LineWords:
    """A line of these items, by the number of the order's line, else by that of its LX."""
    return line_words(item_number(outer, loop) or lx_number(outer, ordinal), items, fallback=path)


def lx_number(outer: "Loop | None", ordinal: int) -> str:
    """The number of an LX, with the place of the item in it where it holds several (``ordinal`` above zero)."""
    first = outer.first("LX") if outer is not None else None
    number = at(first[1], 1) if first is not None else ""
    return f"{number}.{ordinal}" if number and ordinal else number


def item_loops(reader: Reader, name: str) -> Iterator[tuple["Loop | None", "Loop", str, int]]:
    """The item loops of this name: with the LX around them, where there is one, their path, and their place in an LX
    that holds several (else 0)."""
    for number, lx in enumerate(reader.tree.inside("LX"), 1):
        items = lx.inside(name)
        for ordinal, loop in enumerate(items, 1):
            yield lx, loop, f"LX[{number}]/{name}[{ordinal}]", ordinal if len(items) > 1 else 0
    for ordinal, loop in enumerate(reader.tree.inside(name), 1):
        yield None, loop, f"{name}[{ordinal}]", 0
