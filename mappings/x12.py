"""What segments mean that several transaction sets share: N1, N4, DTM, CUR, product ids, quantities, prices.

Element numbers are those of X12 004010. A ``Reader`` holds one transaction set and its context while a mapping
walks over it; it never copies a segment.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from canonical.events import DocumentPlace, Money, Party, PartyId, Quantity, Ref, SourceCode, When, X12Place
from crossdock import blocked
from crossdock.errors import Place, Unreadable
from crossdock.partners import MappingContext, Partner
from mappings import codes, times

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet
    from crossdock.formats.x12.loops import Loop

ZERO: Final = Decimal(0)

CANCELLATION: Final = "01"
"""Element 353, the purpose of a set that takes back what an earlier one said: then nothing of it is a trouble."""

_NUMBER: Final = frozenset("0123456789.-+E")
# what nearly all numbers look like: these need no second look
_usual_number = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?").fullmatch
_DIGITS_BEFORE_POINT: Final = 18
_DIGITS_AFTER_POINT: Final = 9

# N101 [98] → role
_ROLES: Final = {
    "BY": "buyer", "SE": "seller", "VN": "seller", "SU": "supplier", "ST": "ship_to", "SF": "ship_from",
    "BT": "bill_to", "CA": "carrier", "SH": "ship_from", "CN": "ship_to", "WH": "warehouse", "OW": "owner",
}  # fmt: skip
# N103 [66] → scheme
_SCHEMES: Final = {
    "1": "duns", "9": "duns4", "2": "scac", "UL": "gln", "91": "assigned-by-seller",
    "92": "assigned-by-buyer", "ZZ": "mutually-defined",
}  # fmt: skip


def at(segment: list[str], element: int) -> str:
    """Element ``element`` (from 1) without padding, empty when it is absent."""
    return segment[element].strip() if element < len(segment) else ""


def plain(number: Decimal) -> str:
    """A number as a decimal string: no exponent, no negative zero."""
    if not number:
        return "0"
    text = str(number)
    return format(number, "f") if "E" in text else text


class Reader:
    """One transaction set while it is mapped: its segments, its place in the world, its partner's defaults."""

    __slots__ = (
        "_base", "_counts", "_dates", "_told", "_tree", "_units", "context", "document", "lenient", "partner",
        "segments", "zone",
    )  # fmt: skip

    def __init__(self, document: "TransactionSet", context: MappingContext) -> None:
        self.document = document
        self.segments = document.segments
        self.context = context
        self.partner = context.partner
        self.lenient = self.partner is not None and self.partner.lenient
        self.zone = self.partner.timezone if self.partner is not None else None
        self._tree: Loop | None = None
        # what was looked up: a set says the same few words again and again
        self._units: dict[str, str] = {}
        self._told: dict[tuple[str, str], tuple[codes.Row | None, SourceCode]] = {}
        self._counts: dict[str, Decimal] = {}
        self._dates: dict[str, str] = {}  # qualifiers
        base: X12Place = {"st01": document.set_id}
        if document.interchange.control_number:
            base["isa13"] = document.interchange.control_number[:9]
        if document.group is not None and document.group.control_number:
            base["gs06"] = document.group.control_number[:9]
        if document.control_number:
            base["st02"] = document.control_number[:9]
        self._base = base

    def place(self, position: int, path: str) -> DocumentPlace:
        """Where a statement was found: ``position`` counts segments from 1 at the ST."""
        return {
            "x12": {
                **self._base,
                "segment_ordinal": position,
                "segment_id": self.segments[position - 1][0][:3],
                "path": path,
            }
        }

    def stop(
        self,
        sentence: str,
        position: int,
        element: int | None = None,
        *,
        code: str = "",
        remedy: str = "",
        blocked_by: str = "",
    ) -> Unreadable:
        """The error that sets this transaction set aside, with segment, element and byte."""
        try:
            byte = (
                self.document.offset_of(position)
                if element is None
                else self.document.element_span(position, element)[0]
            )
        except (AttributeError, IndexError):  # a set built by hand has no bytes
            byte = None
        name = self.segments[position - 1][0] if self.segments else ""
        return Unreadable(
            f"{self.document.set_id} {self.document.control_number}, segment {position} ({name}): {sentence}",
            place=Place(
                byte=byte,
                segment=self.document.first_ordinal + position - 1,
                segment_id=name,
                element=element,
            ),
            code=code or "EDI.MAP_FAILURE",
            remedy=remedy or "ask the sender for a correct document, or discard this one",
            blocked_by=blocked_by,
        )

    # ── loops ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def tree(self) -> "Loop":
        """The set as nested loops, by its guide. Raises ``Unreadable`` where there is no guide for it."""
        if self._tree is None:
            from crossdock.formats.x12.guides import guide

            found = guide(self.document.set_id, self.document.version)
            if found is None:
                raise self.stop(
                    f"there is no guide for {self.document.set_id}", 1, code="EDI.UNSUPPORTED_SET"
                )
            self._tree = found.tree(self.document)
        return self._tree

    def begin(self, segment_id: str, missing: str) -> tuple[int, list[str]]:
        """The segment that begins the document: one, and no second one anywhere. ``missing``: what is then not known.

        Raises ``Unreadable`` where there is none, or another one.
        """
        found = [each for each in enumerate(self.segments, 1) if each[1][0] == segment_id]
        if not found:
            raise self.stop(f"the {segment_id} is missing: {missing}", 1)
        if len(found) > 1:
            raise self.stop(f"a second {segment_id} stands in the set", found[1][0])
        return found[0]

    # ── who speaks ───────────────────────────────────────────────────────────────────────────────────────

    def who(self, unknown: str = "The sender") -> str:
        """Who speaks in this document, for titles: the partner by its title, or in a copy of ours "We"."""
        if self.context.direction == "out":
            return "We"
        return self.partner.title if self.partner is not None else unknown

    # ── references ───────────────────────────────────────────────────────────────────────────────────────

    def purchase_order(self, number: str, *, sent_by: str) -> Ref:
        """A purchase order's number as the buyer gave it: the partner's to us, or ours to the partner.

        ``sent_by``: which side sends this kind of document, ``buyer`` (850, 860) or ``seller`` (855, 856, 810).
        """
        if (sent_by == "buyer") == (self.context.direction == "in"):
            return {"kind": "customer_po", "value": number[:256], "issuer": self._theirs}
        return {"kind": "supplier_po", "value": number[:256], "issuer": self.context.tenant}

    def issued(self, kind: str, value: str, *, by: str) -> Ref:
        """A number that the ``sender`` or the ``receiver`` of this document gave: with its issuer, for such numbers
        are one's own."""
        ours = (by == "sender") == (self.context.direction == "out")
        return {"kind": kind, "value": value[:256], "issuer": self.context.tenant if ours else self._theirs}

    @property
    def _theirs(self) -> str:
        if self.partner is not None:
            return self.partner.name
        return self.document.interchange.sender[:128] or "unknown"

    # ── codes ────────────────────────────────────────────────────────────────────────────────────────────

    def meaning(self, element_name: str, code: str, position: int, element: int) -> codes.Row | None:
        """The row of a code (``"x12-668"``, ``"IB"``); ``None`` for a word of a lenient partner.

        Raises ``Unreadable`` with the row to add when nobody knows it.
        """
        row = codes.meaning(element_name, code, self.partner)
        if row is not None and row.exception != codes.UNKNOWN:
            return row
        if self.lenient:
            return None
        what = "is in no crosswalk" if row is None else f"says nothing by itself ({row.text})"
        raise self.stop(
            f"the code {code[:40]!r} of element {element_name.removeprefix('x12-')} {what}",
            position,
            element,
            code=codes.UNKNOWN,
            remedy=codes.remedy(element_name, code[:40], self.partner),
            blocked_by=blocked.code(element_name, code, self.partner),
        )

    def told(
        self, element_name: str, code: str, position: int, element: int
    ) -> tuple[codes.Row | None, SourceCode]:
        """The row of a code, as ``meaning`` finds it, and the partner's own word for it: one for all who say it."""
        known = self._told.get((element_name, code))
        if known is None:
            row = self.meaning(element_name, code, position, element)
            known = self._told[element_name, code] = row, codes.source_code(element_name, code, row)
        return known

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────

    def number(self, text: str, position: int, element: int) -> Decimal:
        """An element of type R (an explicit decimal point, where there is one) as an exact number."""
        if _usual_number(text):
            return Decimal(text)
        if _NUMBER.issuperset(text):
            try:
                number = Decimal(text)
            except InvalidOperation:
                pass
            else:
                exponent = number.as_tuple().exponent
                if (
                    number.adjusted() < _DIGITS_BEFORE_POINT
                    and isinstance(exponent, int)
                    and exponent >= -_DIGITS_AFTER_POINT
                ):
                    return number
        raise self.stop(
            f"{text[:40]!r} is no number of at most {_DIGITS_BEFORE_POINT} digits before and "
            f"{_DIGITS_AFTER_POINT} behind the point",
            position,
            element,
        )

    def count(self, text: str, position: int, element: int) -> Decimal:
        """A quantity as an exact number: never negative."""
        number = self._counts.get(text)
        if number is None:
            number = self.number(text, position, element)
            if number < ZERO:
                raise self.stop(f"{text[:40]!r} is a negative quantity", position, element)
            self._counts[text] = number
        return number

    def implied(self, text: str, position: int, element: int, *, places: int = 2) -> Decimal:
        """An element of type N2 (``N`` and its ``places``), whose decimal point is implied: ``12345`` is 123.45."""
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > _DIGITS_BEFORE_POINT:
            raise self.stop(
                f"{text[:40]!r} is no whole number with {places} implied decimals", position, element
            )
        return Decimal(text).scaleb(-places)

    def quantity(self, number: Decimal, unit: str) -> Quantity:
        """A quantity with its unit of UN/ECE Rec 20 and the document's own word for it (element 355).

        A unit that no crosswalk knows is ``ZZ``, mutually defined; without a unit it is counted (``C62``).
        """
        if not unit:
            return {"value": plain(number), "uom": "C62"}
        uom = self._units.get(unit)
        if uom is None:
            row = codes.meaning("x12-355", unit, self.partner)
            uom = self._units[unit] = (row.ours if row is not None else None) or "ZZ"
        return {
            "value": plain(number),
            "uom": uom,
            "uom_source": unit[:64],
            "uom_scheme_source": "x12-355",
        }

    def unit_of(self, text: str) -> str:
        """A unit [355], also where it is the first component of a composite (C001)."""
        component = self.document.interchange.delimiters.component
        return text.partition(component)[0] if component else text

    # ── dates ────────────────────────────────────────────────────────────────────────────────────────────

    def date(self, text: str, position: int, element: int) -> str:
        """An element of type DT as ``2026-12-04``."""
        try:
            return times.date_of(text)
        except times.NotATime:
            raise self.stop(f"{text[:40]!r} is no date", position, element) from None

    def word_of_date(self, qualifier: str) -> str:
        """Our word for a date's qualifier (374, of a DTM or SCH); empty for one that is in no crosswalk."""
        word = self._dates.get(qualifier)
        if word is None:
            word = self._dates[qualifier] = codes.ours(codes.meaning("x12-374", qualifier, self.partner))
        return word

    def day(self, text: str, position: int, element: int) -> When | None:
        """An element of type DT as a statement of time; ``None`` where it is empty."""
        return times.on(self.date(text, position, element)) if text else None

    def time(self, text: str, position: int, element: int) -> str:
        """An element of type TM as ``14:02`` or ``14:02:11``."""
        try:
            return times.time_of(text)
        except times.NotATime:
            raise self.stop(f"{text[:40]!r} is no time", position, element) from None

    def when(self, segment: list[str], position: int, element: int, *, zoned: bool = False) -> When | None:
        """A date with the time in the element behind it, where there is one; ``None`` without a date.

        ``zoned``: a time code [623] follows. One that we do not know is as good as none: the time is then local.
        """
        day, time = at(segment, element), at(segment, element + 1)
        if not day:
            return None
        zone = at(segment, element + 2) if zoned else ""
        return times.when(
            self.date(day, position, element),
            self.time(time, position, element + 1) if time else "",
            zone if times.known_time_code(zone) else "",
            partner_zone=self.zone,
        )

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────

    def money(self, amount: Decimal, currency: str) -> Money:
        """An amount in the document's currency, or in the partner's, and then flagged as assumed."""
        if currency:
            return {"amount": plain(amount), "currency": currency}
        assumed = self.partner.currency if self.partner is not None else "USD"
        return {"amount": plain(amount), "currency": assumed, "currency_assumed": True}

    def party(self, segment: list[str]) -> Party | None:
        """An N1 as a party; ``None`` when it has no id or a role that concerns nobody here."""
        role = _ROLES.get(at(segment, 1))
        value = at(segment, 4)
        if role is None or not value:
            return None
        id: PartyId = {"scheme": _SCHEMES.get(at(segment, 3), "mutually-defined"), "value": value[:128]}
        party: Party = {"role": role, "ids": [id]}
        if name := at(segment, 2):
            party["name"] = name[:256]
        return party

    def add_sender(self, parties: list[Party], *roles: str) -> None:
        """Name the trading partner itself by its profile: beside the party of that role, or as a new one."""
        if self.partner is None:
            return
        own: PartyId = {"scheme": "internal", "value": self.partner.name}
        for party in parties:
            if party["role"] in roles:
                party["ids"].append(own)
                return
        parties.append({"role": roles[0], "ids": [own], "name": self.partner.title})

    def ext(self, **more: Any) -> dict[str, Any]:
        """The event's own fields beside the canonical ones: whose document it was, and what the set adds."""
        if self.partner is not None:
            more["partner"] = self.partner.name
        return more


def product_ids(segment: list[str], first: int, partner: Partner | None) -> list[Ref]:
    """The (qualifier [235], id [234]) pairs of a segment from element ``first`` on, as references."""
    found: list[Ref] = []
    for element in range(first, len(segment) - 1, 2):
        if value := segment[element + 1].strip():
            scheme = scheme_of(segment[element].strip(), partner)
            found.append({"kind": "item", "value": value[:256], "scheme": scheme})
    return found


def scheme_of(qualifier: str, partner: Partner | None) -> str:
    """What numbers of this qualifier [235] are: our word for it, or the qualifier itself."""
    row = codes.meaning("x12-235", qualifier, partner)
    return (row.ours if row is not None and row.ours else f"x12-235:{qualifier}")[:64]
