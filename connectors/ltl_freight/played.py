"""The freight carrier, played: it books whatever comes, also twice, and says by request id what it did.

The conformance kit answers the polls for status.
"""

from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from crossdock.errors import Unreadable
from crossdock.formats import safe_xml
from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.lying_http import Request, Said

NAMESPACE: Final = "urn:crossdock:freight:ltl:1"
WRITES: Final = ("RequestPickup", "TenderShipment")
READS: Final = ("FindRequest",)


class Carrier:
    """The service. ``result``: what becomes of the next requests; ``booked``: each of them, as often as it came."""

    def __init__(self) -> None:
        self.confirmed: dict[str, dict[str, str]] = {}
        self.booked: list[dict[str, str]] = []
        self.result = "ACCEPTED"

    def __call__(self, operation: str, said: Mapping[str, str]) -> Said:
        if operation in READS:
            found = self.confirmed.get(said["RequestId"])
            return answered(operation, f"<Found>{elements(found)}</Found>" if found else "")
        if not (said.get("ShipmentId") or said.get("ProNumber")):
            return faulted("Client", "<Code>NO_SHIPMENT</Code><Message>no</Message>")
        self.booked.append(dict(said))
        confirmed = {"RequestId": said["RequestId"], "Result": self.result}
        if self.result == "ACCEPTED":
            confirmed["ConfirmationNumber"] = f"C-{len(self.booked)}"
        if self.result == "DECLINED":
            confirmed["Reason"] = "no equipment at the terminal"
        self.confirmed[said["RequestId"]] = confirmed
        return answered(operation, elements(confirmed), effect=f"{operation} {said['RequestId']}")


def asked(request: Request) -> tuple[str, dict[str, str]]:
    """The operation that a call asks for, and what stands in it; an empty name when it is no call."""
    try:
        envelope = safe_xml.parse(request.body)
    except Unreadable:
        return "", {}
    body = next((one for one in envelope if etree.QName(one).localname == "Body"), None)
    if body is None or len(body) == 0:
        return "", {}
    return etree.QName(body[0]).localname, {etree.QName(one).localname: one.text or "" for one in body[0]}


def answer(request: Request, system: HttpPlay) -> Said | None:
    """Pick-ups, tenders, and the question for one."""
    operation, said = asked(request)
    if operation not in (*WRITES, *READS):
        return None
    carrier: Carrier = system.kept.setdefault("carrier", Carrier())
    return carrier(operation, said)


def is_write(request: Request) -> bool:
    """A pick-up or a tender."""
    return asked(request)[0] in WRITES


def elements(values: Mapping[str, str]) -> str:
    """These as elements."""
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def answered(operation: str, inside: str, *, effect: str | None = None) -> Said:
    """An answer of the service."""
    content = f'<f:{operation}Response xmlns:f="{NAMESPACE}">{inside}</f:{operation}Response>'
    return Said(status=200, body=_envelope(content), media_type="text/xml", effect=effect)


def faulted(code: str, inside: str, name: str = "FreightFault") -> Said:
    """A fault of the contract."""
    detail = f'<detail><f:{name} xmlns:f="{NAMESPACE}">{inside}</f:{name}></detail>'
    fault = f"<faultcode>s:{code}</faultcode><faultstring>not done</faultstring>{detail}"
    return Said(status=500, body=_envelope(f"<s:Fault>{fault}</s:Fault>"), media_type="text/xml")


def _envelope(content: str) -> bytes:
    envelope = "http://schemas.xmlsoap.org/soap/envelope/"
    return f'<s:Envelope xmlns:s="{envelope}"><s:Body>{content}</s:Body></s:Envelope>'.encode()
