"""One StatusUpdate element, checked: its texts by name, its times as they were said.

Source: ``connectors/carrier/contract/carrier.wsdl`` and ``connectors/ltl_freight/contract/freight.wsdl``, type
StatusUpdate. Elements that the contract does not name are left alone. All that is wrong is told at once, each with
its XPath; the first one is the error's place.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from canonical.events import When
from crossdock.errors import Place, Unreadable
from mappings import times

if TYPE_CHECKING:
    from lxml.etree import _Element

NAMESPACE: Final = "urn:crossdock:sandbox:carrier:1"
FREIGHT: Final = "urn:crossdock:freight:ltl:1"
ROOT: Final = "StatusUpdate"

_NEEDED: Final = ("EventId", "Scac", "StatusCode", "OccurredAt")
_LONGEST: Final = {
    "EventId": 256, "ProNumber": 256, "ShipmentId": 256, "Scac": 128, "StatusCode": 128, "ReasonCode": 128,
    "OccurredAt": 64, "City": 256, "State": 64, "EstimatedDelivery": 64, "Remarks": 1_000_000,
}  # fmt: skip
_MOMENT: Final = re.compile(
    r"((?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?"
    r"(Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?"
)
_DATE: Final = re.compile(
    r"((?:(?:19|20|21)[0-9]{2}|9999|0001)-[0-9]{2}-[0-9]{2})(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?"
)
_REMEDY: Final = "ask the carrier for a correct update, or discard this one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An update as the carrier wrote it; empty texts are what was not said. ``estimated_delivery`` is a date."""

    event_id: str
    pro: str
    shipment: str
    scac: str
    status: str
    reason: str
    occurred_at: When
    city: str
    state: str
    estimated_delivery: str
    remarks: str


def read_update(document: "_Element", *, partner_zone: str | None) -> Update:
    """The update of an element. Raises ``Unreadable`` with everything that is wrong."""
    texts, problems = _texts(document)
    for name in _NEEDED:
        if not texts.get(name) and not any(told == xpath(name) for told, _ in problems):
            problems.append((xpath(name), "is missing" if name not in texts else "is empty"))
    if not texts.get("ShipmentId") and not texts.get("ProNumber"):
        problems.append((xpath("ShipmentId"), "and ProNumber are empty: nothing says which shipment it is"))
    occurred_at: When = {"value": "", "precision": "second"}
    if text := texts.get("OccurredAt", ""):
        try:
            occurred_at = _moment(text, texts.get("State", ""), partner_zone)
        except ValueError:
            problems.append(
                (xpath("OccurredAt"), f"{text!r} is no time to the second, as 2026-11-20T14:02:11")
            )
    estimated = ""
    if text := texts.get("EstimatedDelivery", ""):
        try:
            estimated = _date(text)
        except ValueError:
            problems.append((xpath("EstimatedDelivery"), f"{text!r} is no date, as 2026-12-04"))
    if problems:
        raise Unreadable(
            f"the status update cannot be read: {'; '.join(f'{where} {what}' for where, what in problems)}",
            place=Place(xpath=problems[0][0]),
            remedy=_REMEDY,
        )
    return Update(
        event_id=texts["EventId"],
        pro=texts.get("ProNumber", ""),
        shipment=texts.get("ShipmentId", ""),
        scac=texts["Scac"],
        status=texts["StatusCode"],
        reason=texts.get("ReasonCode", ""),
        occurred_at=occurred_at,
        city=texts.get("City", ""),
        state=texts.get("State", ""),
        estimated_delivery=estimated,
        remarks=texts.get("Remarks", ""),
    )


def xpath(name: str) -> str:
    """Where a field stands: ``/StatusUpdate/StatusCode``."""
    return f"/{ROOT}/{name}"


def _texts(document: "_Element") -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The texts of the contract's elements by name, and what is wrong with their form."""
    if _name(document) != ROOT:
        raise Unreadable(
            f"the element is no {ROOT} of {NAMESPACE}, but {str(document.tag)[:120]!r}",
            place=Place(xpath="/"),
            remedy=_REMEDY,
        )
    texts: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    for child in document:
        name = _name(child)
        longest = _LONGEST.get(name)
        if longest is None:
            continue
        text = str(child.text or "").strip()
        if name in texts:
            problems.append((xpath(name), "stands twice"))
        elif len(child):
            problems.append((xpath(name), "must hold a text, and holds elements"))
        elif len(text) > longest:
            problems.append((xpath(name), f"is longer than {longest} characters"))
        texts.setdefault(name, text)
    return texts, problems


def _name(element: "_Element") -> str:
    """The name of an element of a contract's namespace, or of none; empty for everybody else's."""
    namespace, _, name = str(element.tag).rpartition("}")
    return name if namespace in ("", f"{{{NAMESPACE}", f"{{{FREIGHT}") else ""


def _moment(text: str, state: str, partner_zone: str | None) -> When:
    """A dateTime. Without a zone it is local to the state where it happened, and ``tz_source`` says how we know."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    moment, fraction, offset = found[1], found[2] or "", found[3]
    datetime.fromisoformat(moment)
    if offset:
        return {"value": text, "precision": "second", "tz_source": "explicit"}
    offset, source = times.local(moment, state=state.upper(), partner_zone=partner_zone)
    return {
        "value": f"{moment}{fraction}{offset}",
        "precision": "second",
        "tz_source": source,
        "source_text": text,
    }


def _date(text: str) -> str:
    """A date, or nothing where it stands for none; the zone that XML Schema lets it have says nothing about a day of
    delivery."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day = date.fromisoformat(found[1]).isoformat()
    return "" if times.is_no_date(day) else day
