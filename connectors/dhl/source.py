"""DHL Express tracking: a call for each number or for several, each shipment of the answer one message.

``GET /shipments/{number}/tracking`` gives each checkpoint with its offset; ``GET /tracking`` takes several numbers
and gives none, so their times are local to places of which only a code is said. ``numbers_per_call`` chooses.
"""

from collections.abc import Sequence

from connectors.dhl.settings import DhlSettings
from crossdock.errors import Unreadable
from crossdock.formats import json_strict
from crossdock.kit.records import cut as cut_page
from crossdock.kit.rest_inquiry import Answered, Ask, RestInquiry
from crossdock.manifests import typed
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.rest import quoted


def connect(manifest: Manifest, login: Login, clock: Clock) -> RestInquiry:
    """The source of this connector, not yet opened."""
    settings = typed(DhlSettings, manifest, "source")

    def asking(numbers: Sequence[str]) -> Ask:
        query = [("trackingView", "all-checkpoints"), ("levelOfDetail", "shipment")]
        if settings.numbers_per_call == 1:
            path = f"{settings.path}{quoted('shipments', numbers[0], 'tracking')}"
            query.append(("requestGMTOffsetPerEvent", "true"))
        else:
            path = f"{settings.path}/tracking"
            query += [("shipmentTrackingNumber", number) for number in numbers]
        headers = {"Accept": "application/json", "x-version": settings.x_version}
        return Ask(method="GET", path=path, query=query, headers=headers)

    return RestInquiry(manifest, login, clock, asking=asking, cut=cut, settings=settings)


def cut(body: bytes, numbers: Sequence[str]) -> list[Answered]:
    """Each shipment of the answer. Raises ``Unreadable``."""
    found = []
    for record in cut_page(body, records="shipments").records:
        match json_strict.loads(record):
            case {"shipmentTrackingNumber": str(number)}:
                found.append(Answered(number=number, body=record))
            case _:
                raise Unreadable("a shipment names no tracking number")
    return found
