"""TA1 interchange acknowledgment: whether a partner's system could open the envelope of what we sent.

Source: X12 TA1: TA101 the interchange's control number, TA102 and TA103 its date and time, TA104 [I17] the verdict,
TA105 [I18] the note. It answers a whole interchange and says nothing of the sets in it: what was accepted here may
still be rejected by a 997.

A Fact ``acknowledgement``, and an ExceptionEvent where the interchange was rejected, or accepted with errors. Note
025 of a rejection says that its number came before: the first one was taken, so nothing has to be sent again.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import DocumentPlace, ExceptionEvent, Fact, Ref, SourceCode, Statement, When, X12Place
from crossdock.errors import Place, Unreadable
from crossdock.formats.x12 import acknowledge as ack
from crossdock.partners import MappingContext
from mappings import codes, times
from mappings.inbound.x12_997.answer import shown

if TYPE_CHECKING:
    from crossdock.formats.x12 import Acknowledgement

DOCUMENT: Final = "x12/TA1"
VERSION: Final = "1"

_VERDICT: Final = "x12-I17"
_NOTE: Final = "x12-I18"


def map(document: "Acknowledgement", context: MappingContext) -> Iterator[Statement]:
    """One TA1 as statements. Raises ``Unreadable`` for what it cannot map."""
    number = document.control_number.strip()
    if not number or len(number) > 14 or not number.isprintable():
        raise _stop(document, 1, f"TA101 {number[:40]!r} is no interchange control number")
    if number.isascii() and number.isdigit():
        number = number.zfill(9)
    verdict, note = shown(document.status.strip()), shown(document.note.strip())
    if not verdict:
        raise _stop(document, 4, f"TA104 is empty: nothing says whether interchange {number} was accepted")
    row = _meaning(_VERDICT, verdict, document, 4, context)
    # a note explains the verdict and decides nothing, so one that nobody knows stops nothing
    noted = codes.meaning(_NOTE, note, context.partner) if note else None
    rejected = row is not None and row.exception == "EDI.INTERCHANGE_REJECTED"
    said: list[SourceCode] = [codes.source_code(_VERDICT, verdict[:128], row)]
    if note:
        said.append(codes.source_code(_NOTE, note[:128], noted))
    ref: Ref = {"kind": "interchange", "value": number, "issuer": _issuer(document, context)}
    attributes = {
        "acknowledgement": verdict[:128],
        "accepted": "false" if rejected or row is None else "true",
        "set": "TA1",
    }
    if note:
        attributes["note"] = note[:128]
    place, at = _place(document), _made_at(document, context)
    yield Fact(
        kind="acknowledgement",
        refs=[ref],
        place=place,
        occurred_at=at,
        source_codes=said,
        attributes=attributes,
    )
    exception = codes.UNKNOWN if row is None else row.exception
    if rejected and noted is not None and noted.exception != codes.NONE:
        exception = noted.exception
    if exception == codes.NONE:
        return
    who = context.partner.title if context.partner is not None else "The partner"
    what = noted.text if noted is not None else f"note {note}" if note else "no note says why"
    yield ExceptionEvent(
        code=exception,
        title=f"{who} {_verb(row, verdict)} our interchange {number}",
        detail=f"{row.text}; {what}" if row is not None else what,
        refs=[ref],
        place=place,
        occurred_at=at,
        source_codes=said,
        ext={"partner": context.partner.name} if context.partner is not None else {},
    )


def _verb(row: codes.Row | None, verdict: str) -> str:
    if row is None:
        return f"answered with {verdict[:20]!r}, a word that we do not know, to"
    return "accepted with errors" if row.exception == "EDI.ACCEPTED_WITH_ERRORS" else "rejected"


def _meaning(
    element: str, code: str, document: "Acknowledgement", place: int, context: MappingContext
) -> codes.Row | None:
    row = codes.meaning(element, code, context.partner)
    if row is not None or (context.partner is not None and context.partner.lenient):
        return row
    raise _stop(
        document,
        place,
        f"the code {code[:40]!r} of element {element.removeprefix('x12-')} is in no crosswalk",
        code=codes.UNKNOWN,
        remedy=codes.remedy(element, code[:40], context.partner),
    )


def _issuer(document: "Acknowledgement", context: MappingContext) -> str:
    interchange = document.interchange
    if context.partner is not None:
        return ack.issuer(context.tenant, context.partner.name)
    return ack.issuer(context.tenant, shown(f"{interchange.sender_qualifier}-{interchange.sender}"))


def _place(document: "Acknowledgement") -> DocumentPlace:
    place: X12Place = {"segment_id": "TA1", "path": "TA1"}
    if document.interchange.control_number:
        place["isa13"] = document.interchange.control_number[:9]
    return {"x12": place}


def _made_at(document: "Acknowledgement", context: MappingContext) -> When | None:
    """When the answer was made: its own ISA says it. An envelope without a good time makes no verdict unreadable."""
    interchange = document.interchange
    zone = context.partner.timezone if context.partner is not None else None
    try:
        day = times.date_of(interchange.date.strip())
        time = interchange.time.strip()
        return times.when(day, times.time_of(time) if time else "", "", partner_zone=zone)
    except times.NotATime:
        return None


def _stop(
    document: "Acknowledgement",
    element: int,
    sentence: str,
    *,
    code: str = "EDI.MAP_FAILURE",
    remedy: str = "",
) -> Unreadable:
    """The error that sets this TA1 aside, with its element and byte."""
    return Unreadable(
        f"TA1 {document.control_number[:20]}: {sentence}",
        place=Place(byte=document.offset, segment=document.ordinal, segment_id="TA1", element=element),
        code=code,
        remedy=remedy or "ask the sender for a correct document, or discard this one",
    )
