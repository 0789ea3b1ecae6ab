"""NetSuite, played: it takes a passport once, keeps notes by their external id, and knows the sales orders it has.

Its contract, played.wsdl, is of our own making, with the names that SuiteTalk documents.
"""

import base64
import hashlib
import hmac
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from crossdock.errors import Unreadable
from crossdock.formats import safe_xml
from crossdock.ports import Clock
from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.conformance.play import MORE_CANARIES
from crossdock.testing.lying_http import Request, Said

PLATFORM: Final = "2023_2.platform.webservices.netsuite.com"
KEPT_S: Final = 300
"""A passport is good for so long."""


class NetSuite:
    """The service. ``refusal``: a code that upserts are refused with; ``fault``: the name of one, for any call."""

    def __init__(self, clock: Clock, *, consumer_secret: str, token_secret: str) -> None:
        self.clock = clock
        self.orders = {"SO-7001"}
        self.notes: dict[str, dict[str, str]] = {}
        self.nonces: list[str] = []
        self.fault = ""
        self.refusal = ""
        self._key = f"{consumer_secret}&{token_secret}".encode()

    def __call__(self, request: Request) -> Said:
        envelope = safe_xml.parse(request.body)
        if not self._passes(envelope):
            return self._faulted("invalidCredentialsFault", "Invalid login attempt.")
        if self.fault:
            return self._faulted(self.fault, "It was not done.")
        (asked,) = next(one for one in envelope if _name(one) == "Body")
        match _name(asked):
            case "getServerTime":
                return self._said("getServerTime", "getServerTimeResult", '<c:status isSuccess="true"/>')
            case "get":
                return self._get(asked[0].get("externalId") or "")
            case "upsert":
                return self._upsert(asked[0])
        return self._faulted("unexpectedErrorFault", "No such operation.")

    def _passes(self, envelope: etree._Element) -> bool:
        said = {_name(one): one.text or "" for one in envelope.iter()}
        names = ("account", "consumerKey", "token", "nonce", "timestamp")
        base = "&".join(said.get(name, "") for name in names)
        wanted = base64.b64encode(hmac.new(self._key, base.encode(), hashlib.sha256).digest()).decode()
        fresh = said.get("nonce") not in self.nonces and 6 <= len(said.get("nonce", "")) <= 64
        self.nonces.append(said.get("nonce", ""))
        signature = next((one for one in envelope.iter() if _name(one) == "signature"), None)
        in_time = abs(int(said.get("timestamp") or 0) - self.clock.now().timestamp()) < KEPT_S
        algorithm = signature is not None and signature.get("algorithm") == "HMAC-SHA256"
        return fresh and in_time and algorithm and said.get("signature") == wanted

    def _upsert(self, record: etree._Element) -> Said:
        kind = next(value for name, value in record.attrib.items() if str(name).endswith("}type"))
        if not str(kind).endswith("Note"):
            return self._no("upsert", "writeResponse", "INVALID_RCRD_TYPE", f"No {kind} is kept here.")
        if self.refusal:
            return self._no("upsert", "writeResponse", self.refusal, "You may not do this.")
        said = {_name(one): one for one in record}
        order, key = said["transaction"].get("externalId"), record.get("externalId") or ""
        if order not in self.orders:
            sentence = f"Invalid transaction reference key {order}."
            return self._no("upsert", "writeResponse", "INVALID_KEY_OR_REF", sentence)
        new = key not in self.notes
        self.notes.setdefault(key, {"id": str(9000 + len(self.notes))})["note"] = said["note"].text or ""
        ids = f'internalId="{self.notes[key]["id"]}" externalId={quoteattr(key)}'
        ref = f'<m:baseRef xsi:type="c:RecordRef" type="note" {ids}/>'
        done = f'<c:status isSuccess="true"/>{ref}'
        return self._said("upsert", "writeResponse", done, effect=key if new else None)

    def _get(self, key: str) -> Said:
        if key not in self.notes:
            return self._no("get", "readResponse", "RCRD_DSNT_EXIST", "That record does not exist.")
        note = self.notes[key]
        ids = f'internalId="{note["id"]}" externalId={quoteattr(key)}'
        record = f'<m:record xsi:type="n:Note" {ids}><n:note>{escape(note["note"])}</n:note></m:record>'
        return self._said("get", "readResponse", f'<c:status isSuccess="true"/>{record}')

    def _no(self, operation: str, inner: str, code: str, sentence: str) -> Said:
        detail = f"<c:code>{code}</c:code><c:message>{escape(sentence)}</c:message>"
        status = f'<c:statusDetail type="ERROR">{detail}</c:statusDetail>'
        return self._said(operation, inner, f'<c:status isSuccess="false">{status}</c:status>')

    def _said(self, operation: str, inner: str, body: str, *, effect: str | None = None) -> Said:
        answer = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xmlns:m="urn:messages_{PLATFORM}" xmlns:c="urn:core_{PLATFORM}" '
            'xmlns:n="urn:communication_2023_2.general.webservices.netsuite.com"><s:Body>'
            f"<m:{operation}Response><m:{inner}>{body}</m:{inner}></m:{operation}Response></s:Body></s:Envelope>"
        )
        return Said(status=200, body=answer.encode(), media_type="text/xml", effect=effect)

    def _faulted(self, name: str, sentence: str) -> Said:
        body = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
            f"<faultcode>s:Server.userException</faultcode><faultstring>{sentence}</faultstring>"
            f'<detail><f:{name} xmlns:f="urn:faults_{PLATFORM}"><f:code>X</f:code></f:{name}></detail>'
            "</s:Fault></s:Body></s:Envelope>"
        )
        return Said(status=500, body=body.encode(), media_type="text/xml")


def answer(request: Request, system: HttpPlay) -> Said:
    """Everything: NetSuite speaks with nobody whose passport is not signed."""
    secrets = {"consumer_secret": MORE_CANARIES, "token_secret": MORE_CANARIES}
    service: NetSuite = system.kept.setdefault("netsuite", NetSuite(system.clock, **secrets))
    return service(request)


def lets_in(request: Request, secret: str) -> bool:
    """The signature is looked at by the service, which answers with a fault."""
    return True


def is_write(request: Request) -> bool:
    """An upsert."""
    return _name(_asked(request)) == "upsert"


def carried(request: Request) -> bytes:
    """What is asked for, without the passport, which is another each time."""
    asked = _asked(request)
    return b"" if asked is None else etree.tostring(asked)


def _asked(request: Request) -> etree._Element | None:
    try:
        envelope = safe_xml.parse(request.body)
    except Unreadable:
        return None
    body = next((one for one in envelope if _name(one) == "Body"), None)
    return body[0] if body is not None and len(body) else None


def _name(element: etree._Element | None) -> str:
    return "" if element is None else str(element.tag).rpartition("}")[2]
