"""Polls the carrier for status updates, which it orders by (OccurredAt, EventId)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lxml import etree

from crossdock.errors import Unreadable
from crossdock.formats import safe_xml
from crossdock.kit.soap_poll import Place, SoapPoll, SoapRecord
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.soap import SoapAnswer

OPERATION = "GetStatusUpdates"


def connect(manifest: Manifest, login: Login, clock: Clock) -> SoapPoll:
    """The source of this connector, not yet opened."""
    return SoapPoll(manifest, login, clock, operation=OPERATION, asked=asked, split=split)


def asked(place: Place) -> Mapping[str, Any]:
    """The arguments of ``GetStatusUpdates``."""
    return {"Since": place.since, "AfterEventId": place.after_key, "Max": place.most}


def split(answer: SoapAnswer) -> tuple[list[SoapRecord], bool]:
    """The updates of an answer, and whether there are more. An answer that says neither is ``Unreadable``.

    The contract has these elements without a namespace; services of this kind qualify them all the same.
    """
    content = answer.content
    more = "" if content is None else (content.findtext("{*}MoreAvailable") or "").strip()
    if content is None or more not in ("true", "false", "1", "0"):
        raise answer.problem or Unreadable("the answer does not say whether there is more")
    return [_update(element) for element in content.findall("{*}StatusUpdate")], more in ("true", "1")


def _update(element: etree._Element) -> SoapRecord:
    try:
        moment = datetime.fromisoformat((element.findtext("{*}OccurredAt") or "").strip())
    except ValueError:
        moment = None
    element.tail = None
    key = (element.findtext("{*}EventId") or "").strip()[:100]
    return SoapRecord(key=key, moment=moment, body=safe_xml.canonical(element))
