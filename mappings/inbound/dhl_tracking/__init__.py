"""DHL Express tracking: one shipment of the answer of ``GET /tracking`` (MyDHL API), with its checkpoints.

Source: MyDHL API, supermodelIoLogisticsExpressTrackingResponse, an entry of ``shipments``. For each checkpoint a Fact
and an ExceptionEvent where it says one. A time without ``GMTOffset`` is local to its service area, of which only a
code is said: the partner's zone is taken, and ``tz_source`` tells so. DHL says when it expects to deliver, and never
what it promised, so a slip is not seen here: a change of ``eta`` is.
"""

from collections.abc import Iterator
from typing import Any, Final

from canonical.events import Ref, Statement
from crossdock.errors import Place, Unreadable
from crossdock.partners import MappingContext
from mappings import facts, tracking
from mappings.records import Complaints, Fields, a_list
from mappings.tracking import Activity, Carrier, Package, said

DOCUMENT: Final = "dhl_tracking"
VERSION: Final = "1"

DHL: Final = Carrier(name="DHL Express", scac="DHLC")


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One shipment as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    complaints = Complaints(
        "the tracked shipment",
        remedy="Look at it: DHL may have changed its API; mend the mapping and replay.",
    )
    shipment = Fields(document, complaints)
    number = shipment.needed("shipmentTrackingNumber")
    status = shipment.text("status")
    events = shipment.members("events", a_list)
    complaints.refuse()
    if status.lower() not in ("", "success"):
        raise Unreadable(
            f"DHL has nothing about {number[:40]}: {status[:200]}",
            place=Place(json_pointer="/status"),
            remedy="Look the number up at DHL; a number that it does not have yet is asked again by itself.",
        )
    attributes: dict[str, str] = {}
    facts.note(attributes, "service", shipment.text("productCode"))
    # DHL writes the end of the day, without a zone
    eta = tracking.moment(shipment.text("estimatedDeliveryDate", 64)[:10], context=context)
    package = Package(
        number=number,
        carrier=DHL,
        activities=[_activity(event, context) for event in events],
        place={"json_pointer": "/estimatedDeliveryDate"},
        refs=_references(shipment, attributes),
        attributes=attributes,
        expected=eta,
    )
    complaints.refuse()
    yield from tracking.statements(package)


def _references(shipment: Fields, attributes: dict[str, str]) -> list[Ref]:
    """The shipper's numbers: CU is the consignor's own, and often our order; it stays an attribute, because nothing
    says what it is the number of."""
    for reference in shipment.members("shipperReferences", a_list):
        kind = facts.as_name(reference.text("typeCode", 16)) or "other"
        facts.note(attributes, f"reference.{kind}", reference.text("value", 1024))
    return []


def _activity(event: Fields, context: MappingContext) -> Activity:
    areas = event.members("serviceArea", a_list)
    area = areas[0].text("description") if areas else ""
    city, _, country = area.rpartition("-")
    code = event.text("typeCode", 128)
    clock = event.text("time", 64).replace(":", "")
    return Activity(
        place={"json_pointer": event.pointer},
        said=[said("dhl-event", code.upper() or "?", context)],
        when=tracking.local_time(
            event.text("date", 64).replace("-", ""),
            clock,
            tracking.offset(event.text("GMTOffset", 64)),
            state="",
            country=country,
            context=context,
        ),
        text=event.text("description", 4000),
        city=(city or area).strip(),
        country=country.strip() if city else "",
        attributes={"status": code or "none"},
    )
