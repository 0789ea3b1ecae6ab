"""990 response to a load tender: the carrier takes the load, declines it, or wants it otherwise.

Source: X12 004010 and 005010 set 990, segments B1, N9, G62, V9, K1. Element 558 (B104) is read by the crosswalk, 641
(V908) is the reason.

Always one Fact ``tender_answered`` with its ``answer``; for a carrier's no an event ``SHP.TENDER_DECLINED``, for a
condition or a counter-proposal ``SHP.TENDER_COUNTER``. Our own answers to others are facts alone. Silence is never a
yes: a response without B104 is set aside.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Party, Ref, SourceCode, Statement, Variance, When
from crossdock.partners import MappingContext
from mappings import codes, facts, freight, parties, references
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/990"
VERSION: Final = "1"

_ACTION: Final = "x12-558"
_REASON: Final = "x12-641"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One response as statements. Raises ``Unreadable`` for what it cannot map."""
    response = _Response(Reader(document, context))
    yield response.fact()
    row = response.row
    if context.direction == "in" and (row is None or row.exception != codes.NONE):
        yield response.event()


class _Response:
    """What a 990 says."""

    __slots__ = (
        "_action", "_attributes", "_cause", "_codes", "_notes", "_occurred_at", "_parties", "_position", "_proposed",
        "_reader", "_refs", "_shipment", "row",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        root = reader.tree
        self._position, b1 = reader.begin("B1", "nothing says which tender is answered")
        scac, self._shipment, action = at(b1, 1), at(b1, 2), at(b1, 4)
        if not self._shipment:
            raise reader.stop("B102 is empty: the response names no shipment", self._position, 2)
        if not action:
            raise reader.stop("B104 is empty: nothing says whether the load is taken", self._position, 4)
        self._action = action
        self.row = reader.meaning(_ACTION, action, self._position, 4)
        self._cause = codes.cause_of(self.row)
        self._codes: list[SourceCode] = [codes.source_code(_ACTION, action, self.row)]
        self._refs: list[Ref] = [{"kind": "shipment", "value": self._shipment[:256]}]
        answer = self.row.ours if self.row is not None and self.row.ours else "unknown"
        self._attributes = {"answer": answer, "action": action[:64]}
        self._occurred_at: When | None = reader.day(at(b1, 3), self._position, 3)
        self._parties: list[Party] = []
        if scac:
            self._attributes["carrier"] = scac[:1024]
            self._parties.append(parties.carrier(scac))
        if reader.context.direction == "in":
            reader.add_sender(self._parties, "carrier")
        self._notes: list[str] = []
        self._proposed: When | None = None
        for position, segment in root.segments:
            self._take(segment, position, scac)

    def _take(self, segment: list[str], position: int, scac: str) -> None:
        reader = self._reader
        match segment[0]:
            case "N9":
                references.reference(
                    self._refs, self._attributes, at(segment, 1), at(segment, 2), carrier=scac
                )
                if text := at(segment, 3):
                    self._notes.append(text)
            case "G62":
                found = freight.when(reader, segment, position)
                if found is not None:
                    name = freight.DATES.get(at(segment, 1), "date")
                    facts.note(self._attributes, name, found["value"])
                    self._proposed = self._proposed or found
            case "V9":
                if text := at(segment, 2):
                    self._notes.append(text)
                if text := at(segment, 12):
                    self._notes.append(text)
                if reason := at(segment, 8):
                    row = codes.meaning(_REASON, reason, reader.partner)
                    self._codes.append(codes.source_code(_REASON, reason, row))
                    if row is not None and row.cause:
                        self._cause = row.cause
            case "K1":
                self._notes += [text for text in (at(segment, 1), at(segment, 2)) if text]

    def fact(self) -> Fact:
        return Fact(
            kind="tender_answered",
            refs=self._refs,
            place=self._reader.place(self._position, "B1"),
            occurred_at=self._occurred_at,
            parties=self._parties,
            source_codes=self._codes,
            attributes=self._attributes,
        )

    def event(self) -> ExceptionEvent:
        row = self.row
        said = row.text if row is not None else f"answered with {self._action!r}, a word that we do not know,"
        variances: list[Variance] = (
            [{"attribute": "date", "expected": None, "actual": self._proposed}] if self._proposed else []
        )
        return ExceptionEvent(
            code=codes.exception_of(row),
            title=f"{self._reader.who()}, shipment {self._shipment}: {said}",
            cause=self._cause,
            detail=" ".join(self._notes) or None,
            refs=self._refs,
            place=self._reader.place(self._position, "B1"),
            occurred_at=self._occurred_at,
            parties=self._parties,
            variances=variances,
            source_codes=self._codes,
            ext=self._reader.ext(),
        )
