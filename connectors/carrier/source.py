"""Polls the carrier's service for status updates, which it orders by (OccurredAt, EventId)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lxml import etree

from crossdock.errors import Unreadable
from crossdock.formats import safe_xml
from crossdock.kit.soap_poll import Place, SoapPoll, SoapRecord
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.soap import SoapAnswer

NAMESPACE = "urn:crossdock:sandbox:carrier:1"
OPERATION = "GetStatusUpdates"


def connect(manifest: Manifest, login: Login, clock: Clock) -> SoapPoll:
    """The source of this connector, not yet opened."""
    return SoapPoll(manifest, login, clock, operation=OPERATION, asked=asked, split=split)


def asked(place: Place) -> Mapping[str, Any]:
    """The arguments of ``GetStatusUpdates``."""
    return {"Since": place.since, "AfterEventId": place.after_key, "Max": place.most}


def split(answer: SoapAnswer) -> tuple[list[SoapRecord], bool]:
    """The updates of an answer, and whether there are more.

    An update that breaks the contract is the mapping's to complain about; an answer that is none is ``Unreadable``.
    """
    content = answer.content
    if content is None or content.tag != f"{{{NAMESPACE}}}{OPERATION}Response":
        raise answer.problem or Unreadable(f"the answer holds no {OPERATION}Response")
    more = (content.findtext(f"{{{NAMESPACE}}}MoreAvailable") or "").strip()
    if more not in ("true", "false", "1", "0"):
        raise answer.problem or Unreadable("the answer does not say whether there is more")
    updates = [_update(element) for element in content.findall(f"{{{NAMESPACE}}}StatusUpdate")]
    return updates, more in ("true", "1")


def _update(element: etree._Element) -> SoapRecord:
    event_id = (element.findtext(f"{{{NAMESPACE}}}EventId") or "").strip()[:100]
    try:
        moment = datetime.fromisoformat((element.findtext(f"{{{NAMESPACE}}}OccurredAt") or "").strip())
    except ValueError:
        moment = None
    element.tail = None
    return SoapRecord(key=event_id, moment=moment, body=safe_xml.canonical(element))
