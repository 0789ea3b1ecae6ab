"""A carrier that tells shipment status over SOAP 1.1, by the contract that Crossdock's connector pins.

One operation, ``GetStatusUpdates``; HTTP basic login; ``GET /?wsdl`` gives the contract with this server's
address. What the carrier says is added by hand (``add`` or ``POST /_control/updates``) and kept in a file.
"""

import base64
import binascii
import hmac
import json
import re
import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from xml.sax.saxutils import quoteattr

from lxml import etree

from deploy.sandbox.alone import run_alone
from deploy.sandbox.faults import Fault, Faults
from deploy.sandbox.http_server import Answer, Hang, HttpServer, Reply, Request, Reset
from deploy.sandbox.journal import Entry, Journal

NAMESPACE: Final = "urn:crossdock:sandbox:carrier:1"
ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
CONTRACT: Final = Path(__file__).parents[2] / "connectors" / "carrier" / "contract" / "carrier.wsdl"
OPERATION: Final = "GetStatusUpdates"
SERVICE_PATH: Final = "/soap"
MOST_UPDATES: Final = 500
MODES: Final = frozenset({"fault", "reset_before_commit", "reset_after_commit", "hang", "429", "500", "html"})

# in the order of the contract's sequence; True: always there
FIELDS: Final = {
    "EventId": True,
    "ProNumber": True,
    "ShipmentId": True,
    "Scac": True,
    "StatusCode": True,
    "ReasonCode": False,
    "OccurredAt": True,
    "City": False,
    "State": False,
    "EstimatedDelivery": False,
    "Remarks": False,
}


class _Fault(Exception):
    """A SOAP fault: whose it is, and a sentence."""

    def __init__(self, whose: str, sentence: str) -> None:
        super().__init__(sentence)
        self.whose = whose


class Carrier:
    """The carrier as a running server. What it keeps lies in ``home`` and is read again by the next one."""

    def __init__(
        self, home: Path, *, port: int = 0, login: str = "crossdock", password: str | None = None
    ) -> None:
        self.login = login
        self.password = password or secrets.token_urlsafe(18)
        self.faults = Faults(operations=frozenset({OPERATION}), modes=MODES)
        self._lock = threading.Lock()
        self._updates = Journal(home / "updates.jsonl")
        self._requests = Journal(home / "requests.jsonl", sync=False)
        self._server = HttpServer(self.answer, port=port)
        self.port = self._server.port
        self.url = f"{self._server.url}{SERVICE_PATH}"
        self.wsdl_url = f"{self.url}?wsdl"
        self.control_url = self._server.url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        self._updates.close()
        self._requests.close()

    # ── its own records ──────────────────────────────────────────────────────────────────────────────────────

    def updates(self) -> list[Entry]:
        return list(self._updates)

    def requests(self) -> list[Entry]:
        """Every call of the service: since, after, how many updates it was told, or how it failed."""
        return list(self._requests)

    def add(self, update: Mapping[str, str]) -> Entry:
        """Let the carrier know something. An ``EventId`` it already knows changes nothing."""
        if unknown := sorted(set(update) - set(FIELDS)):
            raise ValueError(f"an update has no field {', '.join(unknown)}")
        if missing := [name for name, needed in FIELDS.items() if needed and not update.get(name)]:
            raise ValueError(f"an update needs {', '.join(missing)}")
        _moment(update["OccurredAt"])
        with self._lock:
            for known in self._updates:
                if known["EventId"] == update["EventId"]:
                    return known
            entry = {name: update[name] for name in FIELDS if name in update}
            self._updates.append(entry)
            return entry

    # ── what it answers ──────────────────────────────────────────────────────────────────────────────────────

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/_control/"):
            return self._control(request)
        note: Entry = {"at": request.at.isoformat(), "method": request.method, "path": request.path}
        reply = self._service(request, note)
        match reply:
            case Answer():
                note["answer"] = reply.status
            case Reset() | Hang():
                note["answer"] = None
        self._requests.append(note)
        return reply

    def _service(self, request: Request, note: Entry) -> Reply:
        if request.path != SERVICE_PATH:
            return Answer(status=404, body=b"no such service", media_type="text/plain")
        if request.method == "GET" and "wsdl" in request.query:
            return Answer(status=200, body=self._contract(), media_type="text/xml; charset=utf-8")
        if request.method != "POST":
            return Answer(status=405, headers={"Allow": "POST"})
        if not self._may_enter(request):
            return Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="carrier"'})
        fault = self.faults.take(OPERATION)
        if fault is not None:
            note["fault"] = fault.mode
            return _failure(fault)
        try:
            return _envelope(200, self._status_updates(_asked(request.body), note))
        except _Fault as error:
            note["fault"] = error.whose
            return _soap_fault(error.whose, str(error))

    def _may_enter(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            said = base64.b64decode(given, validate=True) if scheme.lower() == "basic" else b""
        except binascii.Error:
            said = b""
        return hmac.compare_digest(said, f"{self.login}:{self.password}".encode())

    def _contract(self) -> bytes:
        """The contract as it lies in the repository, with this server's address in it."""
        return re.sub(
            rb"(<[a-z0-9]*:address\s+location=)\"[^\"]*\"",
            lambda found: found[1] + quoteattr(self.url).encode(),
            CONTRACT.read_bytes(),
        )

    def _status_updates(self, asked: Mapping[str, str], note: Entry) -> etree._Element:
        try:
            since = _moment(asked["Since"])
            most = int(asked.get("Max", "100"))
        except KeyError:
            raise _Fault("Client", "Since is needed") from None
        except ValueError as error:
            raise _Fault("Client", f"Since or Max is not understood: {error}") from None
        if not 1 <= most <= MOST_UPDATES:
            raise _Fault("Client", f"Max goes from 1 to {MOST_UPDATES}")
        after = asked.get("AfterEventId", "")
        note.update(since=asked["Since"], after=after)
        ordered = sorted(self._updates, key=_place)
        found = [u for u in ordered if (at := _place(u))[0] > since or (at[0] == since and at[1] > after)]
        told = found[:most]
        note["told"] = [update["EventId"] for update in told]
        answer = etree.Element(f"{{{NAMESPACE}}}{OPERATION}Response", nsmap={"c": NAMESPACE})
        for update in told:
            element = etree.SubElement(answer, f"{{{NAMESPACE}}}StatusUpdate")
            for name in FIELDS:
                if name in update:
                    etree.SubElement(element, f"{{{NAMESPACE}}}{name}").text = update[name]
        more = etree.SubElement(answer, f"{{{NAMESPACE}}}MoreAvailable")
        more.text = "true" if len(found) > len(told) else "false"
        return answer

    # ── the hand behind the curtain ──────────────────────────────────────────────────────────────────────────

    def _control(self, request: Request) -> Answer:
        try:
            match request.method, request.path.removeprefix("/_control/"):
                case "GET", "requests":
                    return _json(200, {"requests": self.requests()})
                case "GET", "updates":
                    return _json(200, {"updates": self.updates()})
                case "POST", "updates":
                    return _json(201, self.add(json.loads(request.body)))
                case "POST", "mode":
                    self.faults.tell(json.loads(request.body))
                case _:
                    return _json(404, {"error": f"no control at {request.method} {request.path}"})
        except (ValueError, TypeError, AttributeError) as error:
            return _json(400, {"error": str(error)})
        return _json(200, {"ok": True})


def _asked(body: bytes) -> dict[str, str]:
    """What the call asks: the texts under the operation's element."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise _Fault("Client", f"this is no XML: {error}") from None
    if b"<!DOCTYPE" in body:
        raise _Fault("Client", "a document type has no place in a SOAP message")
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise _Fault("VersionMismatch", "a SOAP 1.1 envelope is needed")
    operation = root.find(f"{{{ENVELOPE}}}Body/{{{NAMESPACE}}}{OPERATION}")
    if operation is None:
        raise _Fault("Client", f"the body asks for no {OPERATION}")
    return {etree.QName(element).localname: (element.text or "").strip() for element in operation}


def _envelope(status: int, content: etree._Element) -> Answer:
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
    etree.SubElement(envelope, f"{{{ENVELOPE}}}Body").append(content)
    body = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
    return Answer(status=status, body=body, media_type="text/xml; charset=utf-8")


def _soap_fault(whose: str, sentence: str) -> Answer:
    fault = etree.Element(f"{{{ENVELOPE}}}Fault", nsmap={"soap": ENVELOPE})
    etree.SubElement(fault, "faultcode").text = f"soap:{whose}"
    etree.SubElement(fault, "faultstring").text = sentence
    detail = etree.SubElement(etree.SubElement(fault, "detail"), f"{{{NAMESPACE}}}CarrierFault")
    etree.SubElement(detail, f"{{{NAMESPACE}}}Code").text = whose.upper()
    etree.SubElement(detail, f"{{{NAMESPACE}}}Message").text = sentence
    return _envelope(500, fault)


def _failure(fault: Fault) -> Reply:
    match fault.mode:
        case "fault":
            return _soap_fault("Server", "the tracking system is not available")
        case "reset_before_commit" | "reset_after_commit":
            return Reset()
        case "hang":
            return Hang(fault.seconds)
        case "429":
            return Answer(status=429, media_type="text/plain", headers={"Retry-After": fault.retry_after})
        case "500":
            return Answer(status=500, body=b"internal error", media_type="text/plain")
        case "html":
            return Answer(status=200, body=b"<html><body>Maintenance</body></html>", media_type="text/html")
        case mode:
            raise AssertionError(f"mode {mode} was let in and cannot be done")


def _json(status: int, value: Any) -> Answer:
    return Answer(status=status, body=json.dumps(value, ensure_ascii=False).encode())


def _moment(text: str) -> datetime:
    """A dateTime as an instant; without a zone, as carriers like to send it, the carrier itself reads UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _place(update: Entry) -> tuple[datetime, str]:
    return _moment(update["OccurredAt"]), update["EventId"]


if __name__ == "__main__":
    run_alone(
        "the carrier over SOAP",
        lambda asked: Carrier(asked.home, port=asked.port, password=asked.password),
        lambda carrier: {
            "url": carrier.url,
            "wsdl": carrier.wsdl_url,
            "login": carrier.login,
            "password": carrier.password,
            "control": carrier.control_url,
        },
    )
