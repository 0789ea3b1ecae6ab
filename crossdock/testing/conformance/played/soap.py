"""A SOAP service, as a small real server: it answers a poll from the connector's samples, by the table
[played.soap] of ``conformance.toml``; everything else it does is said by the connector's ``played.py``.

    [played.soap]
    operation = "GetStatusUpdates"    # its element in the request
    record = "StatusUpdate"           # the element of one record in the answer, wherever it stands
    key = "EventId"
    field = "OccurredAt"
    since = "Since"                   # the element of the request that says from when; may be missing
    after_key = "AfterEventId"        # ... and behind which key among those of that moment
    size = "Max"                      # ... and how many
    more = "MoreAvailable"            # the element of the answer that says whether there are more
"""

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from crossdock.errors import Misconfigured, Unreadable
from crossdock.formats import safe_xml
from crossdock.kit.moments import read_moment
from crossdock.testing import lying_http as lie
from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.conformance.play import Thing
from crossdock.testing.lying_http import Behaviour, Said

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("soap",)
XML: Final = "text/xml"
ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"


def play(case: "Case") -> "SoapPlay":
    """The played service. Raises ``Misconfigured`` when its table does not fit its samples."""
    return SoapPlay(case, case.told.played.get("soap"))


class SoapPlay(HttpPlay):
    """A played SOAP service."""

    def __init__(self, case: "Case", table: Any) -> None:
        can: set[str] = set()
        self._table: dict[str, str] = dict(table or {})
        self._frame: etree._Element | None = None
        if self._table:
            can.add("played_source")
            self._frame, self._record = _samples(case.folder, self._table)
            if "more" in self._table or "size" in self._table:
                can.add("paged")
            if "since" in self._table:
                can.add("moments")
                if self.overlap_of(case) > 0:
                    can.add("overlap")
        super().__init__(case, can=frozenset(can), media_type=XML)
        self.overlap_s = self.overlap_of(case)
        self.can_circle = "paged" in can

    @staticmethod
    def overlap_of(case: "Case") -> int:
        source = case.manifest.source
        return int(source.settings.get("overlap_s", 0)) if source is not None else 0

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        """See ``Play``: the sample with another key and moment. The bytes of a record are its canonical XML."""
        if self._frame is None:
            return super().thing(number, at, changed=changed)
        mark = f"conformance-{number:04d}x"
        record = copy.deepcopy(self._record)
        _child(record, self._table["key"]).text = mark
        _child(record, self._table["field"]).text = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if changed:
            last = record[-1]
            last.text = (last.text or "") + " again" * changed
        frame = copy.deepcopy(self._frame)
        next(one for one in frame.iter() if one.get("conformance") == "here").insert(0, record)
        # As it is found in an answer: what stands round a record says which namespaces are there.
        inside = safe_xml.parse(etree.tostring(frame)).iter()
        found = next(
            one for one in inside if isinstance(one.tag, str) and _name(one) == self._table["record"]
        )
        found.tail = None
        return Thing(number=number, at=at, body=safe_xml.canonical(found), mark=mark.encode())

    def is_write(self, request: lie.Request) -> bool:
        """SOAP posts its reads, too: a call of the polled operation is one."""
        if self.own is not None and hasattr(self.own, "is_write"):
            return bool(self.own.is_write(request))
        return not (self._table and self._table["operation"].encode() in request.body)

    def page(self, request: lie.Request) -> Said:
        """The records that this call asks for."""
        asked = _asked(request.body)
        if self._frame is None or asked is None or _name(asked) != self._table["operation"]:
            return self.fault("Client", "no such operation")
        held = sorted(self.held, key=lambda one: (one.at, one.mark))
        since, after = _text(asked, self._table.get("since")), _text(asked, self._table.get("after_key"))
        if since:
            try:
                moment = read_moment(since)
            except Unreadable:
                return self.fault("Client", "Since is no moment")
            held = [
                one for one in held if one.at > moment or (one.at == moment and one.mark.decode() > after)
            ]
        size = int(_text(asked, self._table.get("size")) or len(held) or 1)
        found, more = held[:size], len(held) > size
        if self.circle:
            found, more = sorted(self.held, key=lambda one: (one.at, one.mark))[:size], True
        if self.repeat_page and after:
            self.repeat_page = 0
            held = sorted(self.held, key=lambda one: (one.at, one.mark))
            place = next(index for index, one in enumerate(held) if one.mark.decode() == after) + 1
            found, more = held[max(0, place - size) : place + 1], place + 1 < len(held)
        return self._page(found, more)

    def _page(self, found: list[Thing], more: bool) -> Said:
        frame = copy.deepcopy(self._frame)
        assert frame is not None
        place = next(one for one in frame.iter() if one.get("conformance") == "here")
        del place.attrib["conformance"]
        for thing in reversed(found):
            place.insert(0, etree.fromstring(thing.body))
        if "more" in self._table:
            _child(place, self._table["more"]).text = "true" if more else "false"
        return Said(
            status=200, body=etree.tostring(frame, xml_declaration=True, encoding="UTF-8"), media_type=XML
        )

    def fault(self, code: str, text: str) -> Said:
        """A fault as SOAP 1.1 says it."""
        body = (
            f'<soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Body><soap:Fault><faultcode>soap:{code}</faultcode>'
            f"<faultstring>{text}</faultstring></soap:Fault></soap:Body></soap:Envelope>"
        )
        return Said(status=500, body=body.encode(), media_type=XML)

    def no(self, status: int) -> Behaviour:
        """A refusal in SOAP is a fault of the client; what is about the login, or the line, is a status."""
        if status in (401, 403, 407, 408):
            return lie.answer(status, b"", commit=False)
        return lie.answer(status, self.fault("Client", "no").body, media_type=XML, commit=False)


def _samples(folder: Path, table: dict[str, str]) -> tuple[etree._Element, etree._Element]:
    """An answer with its records taken out, and one of them."""
    for name in ("operation", "record", "key", "field"):
        if name not in table:
            raise Misconfigured(
                f"[played.soap] of conformance.toml lacks {name!r}; add it", where=str(folder)
            )
    for path in sorted((folder / "samples").glob("*.xml")):
        root = safe_xml.parse(path.read_bytes())
        records = [one for one in root.iter() if isinstance(one.tag, str) and _name(one) == table["record"]]
        if not records:
            continue
        place = records[0].getparent()
        if place is None:
            continue
        for one in records:
            place.remove(one)
        place.set("conformance", "here")
        return root, records[0]
    raise Misconfigured(
        f"no sample holds a {table['record']}; put an answer of the service into samples/", where=str(folder)
    )


def _asked(body: bytes) -> etree._Element | None:
    try:
        root = safe_xml.parse(body)
    except Unreadable:
        return None
    inside = next((one for one in root if isinstance(one.tag, str) and _name(one) == "Body"), None)
    return inside[0] if inside is not None and len(inside) else None


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _child(element: etree._Element, name: str) -> etree._Element:
    found = next((one for one in element.iter() if isinstance(one.tag, str) and _name(one) == name), None)
    if found is None:
        raise Misconfigured(f"the sample holds no {name}, which [played.soap] names")
    return found


def _text(element: etree._Element, name: str | None) -> str:
    if name is None:
        return ""
    found = next((one for one in element.iter() if isinstance(one.tag, str) and _name(one) == name), None)
    return (found.text or "").strip() if found is not None else ""
