"""214 shipment status: where a shipment is, when it will come, and what happened to it.

Source: X12 004010 and 005010 set 214, segments B10, L11, K1, N1, LX, AT7, MS1, MS2, Q7. Elements 1650 (AT701), 1652
(AT703), 1651 (AT702 and AT704) and 33 (Q701) are read by the crosswalks.

For each AT7 a Fact (``status``, ``shipped`` or ``delivered``); for each that is exceptional, and for each Q7, one
ExceptionEvent. AT701 and AT703 exclude each other (E0103).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from canonical.events import ExceptionEvent, Fact, Line, Party, Ref, SourceCode, Statement, Variance, When
from crossdock.partners import MappingContext
from mappings import codes, facts, freight, parties, shipments, times
from mappings.codes import Row
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/214"
VERSION: Final = "1"

# L1102 [128] → the kind of number; others are kept as attributes of the fact
_REFERENCES: Final = {
    "BM": "bol", "MB": "bol", "PO": "customer_po", "OQ": "sales_order", "VN": "sales_order", "2I": "tracking",
    "CN": "pro", "DO": "delivery", "LO": "load", "SI": "shipment", "EQ": "container", "AO": "appointment",
}  # fmt: skip


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One status message as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    head, stops = _read(reader)
    for stop in stops:
        stop.refs = [*head.refs, *stop.refs] if stop.refs else head.refs
        eta = next((status.when for status in stop.statuses if status.is_eta), None)
        events: dict[str, ExceptionEvent] = {}
        for status in stop.statuses:
            yield _fact(reader, head, stop, status)
            event = _event(reader, head, stop, status, eta)
            if event is not None and event.code not in events:
                events[event.code] = event
        for goods in stop.goods:
            events[codes.exception_of(goods.row)] = _goods_event(reader, head, stop, goods, events)
        yield from events.values()


@dataclass(slots=True)
class _Head:
    """What holds for the whole message."""

    refs: list[Ref] = field(default_factory=list)
    parties: list[Party] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    what: str = ""


@dataclass(slots=True)
class _Status:
    """One AT7 with its place."""

    position: int
    path: str
    element: str
    row: Row | None
    reason: Row | None
    codes: list[SourceCode]
    day: str
    time: str
    zone: str
    city: str = ""
    state: str = ""
    country: str = ""
    equipment: str = ""
    when: When | None = None

    @property
    def is_eta(self) -> bool:
        return self.row is not None and self.row.ours == "eta"


@dataclass(slots=True)
class _Goods:
    """One Q7: what is wrong with how many."""

    position: int
    path: str
    row: Row | None
    code: SourceCode
    line: Line


@dataclass(slots=True)
class _Stop:
    """One LX loop; what stands before the first LX is a loop of its own."""

    name: str
    number: str
    refs: list[Ref] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    statuses: list[_Status] = field(default_factory=list)
    goods: list[_Goods] = field(default_factory=list)


def _read(reader: Reader) -> tuple[_Head, list[_Stop]]:
    head = _Head()
    stop = _Stop(name="", number="")
    stops = [stop]
    seen = False
    for position, segment in enumerate(reader.segments, 1):
        match segment[0]:
            case "B10":
                seen = True
                _b10(reader, head, segment, position)
            case "LX":
                stop = _Stop(name=f"LX[{len(stops)}]/", number=at(segment, 1) or str(len(stops)))
                stops.append(stop)
            case "AT7":
                stop.statuses.append(_at7(reader, segment, position, stop))
            case "MS1" if stop.statuses:
                last = stop.statuses[-1]
                last.city, last.state, last.country = at(segment, 1), at(segment, 2), at(segment, 3)
            case "MS2" if stop.statuses:
                stop.statuses[-1].equipment = (at(segment, 1) + at(segment, 2))[:64]
            case "Q7":
                stop.goods.append(_q7(reader, segment, position, stop))
            case "L11":
                _l11(head if stop is stops[0] else stop, segment)
            case "K1":
                (head if stop is stops[0] else stop).notes += [at(segment, 1), at(segment, 2)]
            case "N1":
                if (party := reader.party(segment)) is not None:
                    head.parties.append(party)
    if not seen:
        raise reader.stop("the B10 is missing: nothing says which shipment it is about", 1)
    if not any(each.statuses or each.goods for each in stops):
        raise reader.stop("there is no AT7: the message says no status", 1)
    reader.add_sender(head.parties, "carrier")
    for each in stops:
        for status in each.statuses:
            status.when = _when(reader, status)
    return head, stops


def _b10(reader: Reader, head: _Head, segment: list[str], position: int) -> None:
    pro, shipment, scac = at(segment, 1), at(segment, 2), at(segment, 3)
    if shipment:
        head.refs.append({"kind": "shipment", "value": shipment[:256]})
    if pro:
        ref: Ref = {"kind": "pro", "value": pro[:256]}
        if scac:
            ref["issuer"] = scac[:128]
        head.refs.append(ref)
    if not head.refs:
        raise reader.stop("B1001 and B1002 are empty: nothing says which shipment it is about", position, 1)
    head.what = f"Shipment {shipment}" if shipment else f"PRO {pro}"
    if scac:
        head.parties.append(parties.carrier(scac))


def _l11(holder: _Head | _Stop, segment: list[str]) -> None:
    value, qualifier = at(segment, 1), at(segment, 2)
    if not value:
        return
    if kind := _REFERENCES.get(qualifier):
        ref: Ref = {"kind": kind, "value": value[:256]}
        if ref not in holder.refs:
            holder.refs.append(ref)
    elif word := facts.as_name(qualifier):
        holder.attributes[f"l11.{word}"] = value[:1024]


def _at7(reader: Reader, segment: list[str], position: int, stop: _Stop) -> _Status:
    status, appointment = at(segment, 1), at(segment, 3)
    if status and appointment:
        raise reader.stop(
            "AT701 and AT703 are both filled, and only one may be (E0103): is it a status or an appointment?",
            position,
            3,
        )
    if not status and not appointment:
        raise reader.stop("AT701 and AT703 are empty: the segment says no status", position, 1)
    element, place = (shipments.STATUS_ELEMENT, 1) if status else (shipments.APPOINTMENT_ELEMENT, 3)
    reason_code = at(segment, place + 1)
    row = reader.meaning(element, status or appointment, position, place)
    reason = (
        reader.meaning(shipments.REASON_ELEMENT, reason_code, position, place + 1) if reason_code else None
    )
    told = [codes.source_code(element, status or appointment, row)]
    if reason_code:
        told.append(codes.source_code(shipments.REASON_ELEMENT, reason_code, reason))
    day, time, zone = at(segment, 5), at(segment, 6), at(segment, 7)
    if time and not day:
        raise reader.stop("AT706 names a time and AT705 no date", position, 5)
    return _Status(
        position=position,
        path=f"{stop.name}AT7[{len(stop.statuses) + 1}]",
        element=element,
        row=row,
        reason=reason,
        codes=told,
        day=reader.date(day, position, 5) if day else "",
        time=reader.time(time, position, 6) if time else "",
        zone=freight.time_code(reader, zone, position, 7),
    )


def _q7(reader: Reader, segment: list[str], position: int, stop: _Stop) -> _Goods:
    code = at(segment, 1)
    if not code:
        raise reader.stop("Q701 is empty: nothing says what is wrong with the goods", position, 1)
    row = reader.meaning("x12-33", code, position, 1)
    line: Line = {"line_ref": (stop.number or "1")[:64]}
    if text := at(segment, 3):
        line["affected"] = reader.quantity(reader.count(text, position, 3), "")
        if packing := at(segment, 2):
            # element 211 counts pieces in packages; what packages is the sender's own word
            line["affected"]["uom_source"] = packing[:64]
            line["affected"]["uom_scheme_source"] = "free-text"
    return _Goods(
        position=position,
        path=f"{stop.name}Q7[{len(stop.goods) + 1}]",
        row=row,
        code=codes.source_code("x12-33", code, row),
        line=line,
    )


def _when(reader: Reader, status: _Status) -> When | None:
    if not status.day:
        return None
    return times.when(
        status.day,
        status.time,
        status.zone,
        state=status.state,
        country=status.country,
        partner_zone=reader.zone,
    )


def _fact(reader: Reader, head: _Head, stop: _Stop, status: _Status) -> Fact:
    attributes = {**head.attributes, **stop.attributes}
    for name in ("city", "state", "country", "equipment"):
        if value := getattr(status, name):
            attributes[name] = value[:1024]
    row = status.row
    attributes["status"] = status.codes[0]["code"]
    occurred_at = status.when
    if row is not None and row.ours and status.when is not None:
        # the time is that of what is expected or agreed, not of the message
        attributes[row.ours] = status.when["value"]
        occurred_at = None
    return Fact(
        kind=(row.fact if row is not None else None) or "status",
        refs=stop.refs,
        place=reader.place(status.position, status.path),
        occurred_at=occurred_at,
        parties=head.parties,
        source_codes=status.codes,
        attributes=attributes,
    )


def _event(
    reader: Reader, head: _Head, stop: _Stop, status: _Status, eta: When | None
) -> ExceptionEvent | None:
    if status.row is None:
        exception, cause = codes.UNKNOWN, None
    elif status.element == shipments.APPOINTMENT_ELEMENT:
        exception, cause = shipments.appointment_judged(status.reason)
    else:
        exception, cause = shipments.judged(status.row, status.reason)
    if exception == codes.NONE:
        return None
    variances: list[Variance] = (
        [{"attribute": "date", "expected": None, "actual": eta}] if eta is not None else []
    )
    return ExceptionEvent(
        code=exception,
        title=shipments.title(head.what, status.row, status.reason, status.city, status.state),
        cause=cause,
        detail=_detail(head, stop),
        refs=stop.refs,
        place=reader.place(status.position, status.path),
        occurred_at=None if status.is_eta else status.when,
        parties=head.parties,
        variances=variances,
        source_codes=status.codes,
        ext=_ext(reader, status),
    )


def _goods_event(
    reader: Reader, head: _Head, stop: _Stop, goods: _Goods, events: dict[str, ExceptionEvent]
) -> ExceptionEvent:
    """What a Q7 says; when the status has said the same, the Q7 adds how many, and it stays one event."""
    exception = codes.exception_of(goods.row)
    said = events.get(exception)
    last = stop.statuses[-1] if stop.statuses else None
    city, state = (last.city, last.state) if last is not None else ("", "")
    place = reader.place(goods.position, goods.path)
    cause = codes.cause_of(goods.row)
    lines = [goods.line]
    told = [goods.code]
    if said is not None:
        place, cause = said.place, said.cause or cause
        lines = [*said.lines, goods.line]
        told = [*said.source_codes, goods.code]
    return ExceptionEvent(
        code=exception,
        title=said.title if said is not None else shipments.title(head.what, goods.row, None, city, state),
        cause=cause,
        detail=_detail(head, stop),
        refs=stop.refs,
        place=place,
        occurred_at=last.when if last is not None and not last.is_eta else None,
        parties=head.parties,
        lines=lines,
        variances=said.variances if said is not None else (),
        source_codes=told,
        ext=_ext(reader, last),
    )


def _detail(head: _Head, stop: _Stop) -> str | None:
    return " ".join(note for note in (*head.notes, *stop.notes) if note) or None


def _ext(reader: Reader, status: _Status | None) -> dict[str, Any]:
    place = {}
    if status is not None:
        place = {name: value[:256] for name in ("city", "state") if (value := getattr(status, name))}
    return reader.ext(**place)
