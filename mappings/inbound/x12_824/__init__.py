"""824 application advice: what a partner's application did with a document, behind the door that the 997 opened.

Source: X12 004010 and 005010 set 824, segments BGN, N1, OTI, REF, DTM, AMT, TED, CTX, NTE, RED. Element 110 (OTI01)
is read by the crosswalk, 647 (TED01) explains it.

For each OTI a Fact ``application_advice``: its ``answer`` (``accepted``, ``accepted_with_errors``, ``partial``,
``rejected``) and what it points at (OTI02/03, REF, OTI08 group, OTI09 set). An acceptance is no event: it closes what
an earlier rejection opened. Everything else is ``EDI.APP_REJECTED``, with the errors (TED), their places and values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from canonical.events import ExceptionEvent, Fact, Ref, SourceCode, Statement
from crossdock.formats.x12.acknowledge import plain_number
from crossdock.formats.x12.loops import Loop
from crossdock.partners import MappingContext
from mappings import codes, facts, parties, references
from mappings.codes import Row
from mappings.inbound.x12_997 import issuer
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/824"
VERSION: Final = "1"

_ANSWER: Final = "x12-110"
_ERROR: Final = "x12-647"

_MOST_ERRORS: Final = 200
_MOST_SENTENCES: Final = 20

_VERBS: Final = {
    "accepted_with_errors": "accepted with errors",
    "partial": "accepted only in part",
    "rejected": "rejected",
}
# 143, OTI10 → the kind of number that OTI03 is when its qualifier does not say, and which side issued it
_KINDS: Final = {
    "810": "invoice", "856": "asn", "210": "invoice", "204": "shipment", "990": "shipment", "214": "shipment",
    "940": "warehouse_order", "945": "warehouse_order", "943": "warehouse_receipt", "944": "warehouse_receipt",
    "820": "remittance", "812": "credit_memo", "180": "rma",
}  # fmt: skip
# 143 of orders and their answers: who sends them
_ORDERS: Final = {
    "850": "buyer", "860": "buyer", "869": "buyer", "861": "buyer", "855": "seller", "865": "seller", "870": "seller",
}  # fmt: skip

# 128, OTI02: qualifiers that leave it to the set what the number is of
_ANY: Final = frozenset({"", "SI", "TN", "ZZ"})
_SELLERS: Final = frozenset({"810", "856"})


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One advice as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    root = reader.tree
    position, bgn = reader.begin("BGN", "nothing says which advice it is")
    head = _Head(reader, position, bgn)
    loops = root.inside("OTI")
    if not loops:
        raise reader.stop("there is no OTI: the advice speaks of no document", position)
    for ordinal, loop in enumerate(loops, 1):
        advice = _Advice(head, loop, ordinal)
        yield advice.fact()
        if context.direction == "in" and (advice.row is None or advice.row.exception != codes.NONE):
            yield advice.event()


class _Head:
    """What all advices of the set share."""

    __slots__ = ("attributes", "number", "occurred_at", "parties", "reader", "who")

    def __init__(self, reader: Reader, position: int, bgn: list[str]) -> None:
        self.reader = reader
        self.who = reader.who()
        self.number = at(bgn, 2)
        self.attributes: dict[str, str] = {}
        facts.note(self.attributes, "purpose", at(bgn, 1))
        facts.note(self.attributes, "advice", self.number)
        self.occurred_at = reader.when(bgn, position, 3, zoned=True)
        self.parties = parties.named(reader, reader.tree)


@dataclass(slots=True, kw_only=True)
class _Error:
    """One TED: what is wrong, where, with which value, and which would be right."""

    position: int
    row: Row | None
    code: str
    words: list[str]
    segment: str
    segment_position: str
    element: str
    reference: str
    bad_value: str
    new_value: str
    notes: list[str] = field(default_factory=list)

    @property
    def source_code(self) -> SourceCode:
        return codes.source_code(_ERROR, self.code, self.row)

    def sentence(self) -> str:
        what = self.row.text if self.row is not None else f"error {self.code}"
        place = ", ".join(
            each
            for each in (
                self.segment
                and f"segment {self.segment}" + (self.segment_position and f" {self.segment_position}"),
                self.element and f"element {self.element}" + (self.reference and f" ({self.reference})"),
            )
            if each
        )
        values = "; ".join(
            each
            for each in (
                self.bad_value and f"it had {self.bad_value!r}",
                self.new_value and f"it should have {self.new_value!r}",
            )
            if each
        )
        said = " ".join(self.words + self.notes)
        return what + "".join(f": {each}" for each in (place, values, said) if each)


class _Advice:
    """One OTI loop."""

    __slots__ = (
        "_answer",
        "_attributes",
        "_errors",
        "_head",
        "_loop",
        "_path",
        "_position",
        "_refs",
        "_said",
        "_set",
        "row",
    )

    def __init__(self, head: _Head, loop: Loop, ordinal: int) -> None:
        reader = head.reader
        self._head = head
        self._loop = loop
        self._position, oti = loop.segments[0]
        self._path = f"OTI[{ordinal}]"
        code = at(oti, 1)
        if not code:
            raise reader.stop("OTI01 is empty: nothing says what became of the document", self._position, 1)
        self.row = reader.meaning(_ANSWER, code, self._position, 1)
        self._said = codes.source_code(_ANSWER, code, self.row)
        self._answer = codes.ours(self.row) or "unknown"
        self._set = at(oti, 10)
        self._attributes = {"answer": self._answer, **head.attributes}
        facts.note(self._attributes, "set", self._set)
        if day := at(oti, 6):
            self._attributes["document_date"] = reader.date(day, self._position, 6)
        self._refs: list[Ref] = []
        self._refer(at(oti, 2), at(oti, 3), whole=True)
        for _, ref in loop.all("REF"):
            self._refer(at(ref, 1), at(ref, 2), whole=False)
        self._control_numbers(at(oti, 8), at(oti, 9))
        if not self._refs:
            raise reader.stop(
                "OTI03, OTI08 and the REFs are empty: nothing says which document is meant", self._position, 3
            )
        self._errors = [self._error(inner) for inner in loop.inside("TED")]

    def _refer(self, qualifier: str, number: str, *, whole: bool) -> None:
        """A number of the document that the advice is about: the receiver of the advice sent that document."""
        if not number or number == "NA":
            return
        reader = self._head.reader
        refs: list[Ref] = []
        kind = _KINDS.get(self._set)
        sent_by = _ORDERS.get(self._set)
        role = reader.partner.role if reader.partner is not None else ""

        def order(value: str) -> Ref:
            # the advice goes the other way than the document: who sent that one receives this one
            side = sent_by or ("seller" if self._set in _SELLERS or role == "customer" else "buyer")
            return reader.purchase_order(value, sent_by="buyer" if side == "seller" else "seller")

        def issued(kind: str, value: str) -> Ref:
            return reader.issued(kind, value, by="receiver")

        if not (whole and kind is not None and qualifier in _ANY):
            references.reference(refs, self._attributes, qualifier, number, order=order, issued=issued)
        if not refs and whole:
            if sent_by is not None:
                refs = [order(number)]
            elif kind == "shipment":
                refs = [{"kind": "shipment", "value": number[:256]}]
            elif kind is not None:
                refs = [issued(kind, number)]
            else:
                refs = [{"kind": "message", "value": number[:256]}]
        for ref in refs:
            references.keep(self._refs, ref)

    def _control_numbers(self, group: str, number: str) -> None:
        """OTI08 and OTI09: our own control numbers, named as a 997 would name them."""
        if not group:
            return
        reader = self._head.reader
        who = issuer(reader.context, reader.document)
        if number:
            own: Ref = {
                "kind": "transaction_set",
                "value": (number.zfill(4) if number.isdigit() else number)[:256],
                "issuer": f"{who}:{plain_number(group)}"[:128],
            }
            if self._set:
                own["scheme"] = f"x12/{self._set}"[:64]
            references.keep(self._refs, own)
        references.keep(self._refs, {"kind": "group", "value": plain_number(group)[:256], "issuer": who})

    def _error(self, loop: Loop) -> _Error:
        position, ted = loop.segments[0]
        code = at(ted, 1)
        if not code:
            raise self._head.reader.stop("TED01 is empty: nothing says what is wrong", position, 1)
        error = _Error(
            position=position,
            # an unknown error does not make a rejection unknown: the word is kept
            row=codes.meaning(_ERROR, code, self._head.reader.partner),
            code=code[:128],
            words=[text for text in (at(ted, 2),) if text],
            segment=at(ted, 3)[:8],
            segment_position=at(ted, 4)[:8],
            element=at(ted, 5)[:32],
            reference=at(ted, 6)[:8],
            bad_value=at(ted, 7)[:99],
            new_value=at(ted, 8)[:99],
        )
        error.notes += [at(nte, 2) for _, nte in loop.all("NTE") if at(nte, 2)]
        for _, red in loop.all("RED"):
            error.notes += [text for text in (at(red, 6) or at(red, 1),) if text and text != "NA"]
        return error

    def fact(self) -> Fact:
        head = self._head
        attributes = dict(self._attributes)
        if self._errors:
            attributes["errors"] = str(len(self._errors))
        return Fact(
            kind="application_advice",
            refs=self._refs,
            place=head.reader.place(self._position, self._path),
            occurred_at=head.occurred_at,
            parties=head.parties,
            source_codes=[self._said, *(error.source_code for error in self._errors)][:1000],
            attributes=attributes,
        )

    def event(self) -> ExceptionEvent:
        head = self._head
        told = [error.sentence() for error in self._errors[:_MOST_SENTENCES]]
        more = len(self._errors) - len(told)
        if more > 0:
            told.append(f"and {more} more")
        cause = next((error.row.cause for error in self._errors if error.row is not None), None)
        what = f"our {self._set}" if self._set else "our document"
        first = self._refs[0]
        verb = _VERBS.get(
            self._answer, f"answered with {self._said['code']!r}, a word that we do not know, to"
        )
        return ExceptionEvent(
            code=codes.exception_of(self.row),
            title=f"{head.who} {verb} {what} ({first['kind'].replace('_', ' ')} {first['value']})",
            cause=cause,
            detail="; ".join(told) or None,
            refs=self._refs,
            place=head.reader.place(self._position, self._path),
            occurred_at=head.occurred_at,
            parties=head.parties,
            source_codes=[self._said, *(error.source_code for error in self._errors)][:1000],
            ext=head.reader.ext(**self._columns()),
        )

    def _columns(self) -> dict[str, Any]:
        """The errors as columns of one length: the places and values that the answer is resolved by."""
        errors = self._errors[:_MOST_ERRORS]
        if not errors:
            return {}
        return {
            "error_code": [error.code for error in errors],
            "error_segment": [error.segment for error in errors],
            "error_position": [error.segment_position for error in errors],
            "error_element": [error.element for error in errors],
            "error_bad_value": [error.bad_value for error in errors],
            "error_new_value": [error.new_value for error in errors],
        }
