"""Asks a carrier about parcels, three in a call."""

from collections.abc import Sequence

from crossdock.errors import Unreadable
from crossdock.formats import json_strict
from crossdock.kit.records import cut as cut_page
from crossdock.kit.rest_inquiry import Answered, Ask, RestInquiry
from crossdock.ports import Clock, Login, Manifest


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Parcels":
    """The source, not yet opened."""
    return Parcels(manifest, login, clock, asking=asking, cut=cut)


class Parcels(RestInquiry):
    """The parcels of a carrier."""


def asking(numbers: Sequence[str]) -> Ask:
    """One call about some numbers."""
    return Ask(method="GET", path="/track", query=[("number", number) for number in numbers])


def cut(body: bytes, numbers: Sequence[str]) -> list[Answered]:
    """Each parcel of the answer."""
    found = []
    for record in cut_page(body, records="parcels.found").records:
        match json_strict.loads(record):
            case {"shipmentTrackingNumber": str(number)}:
                found.append(Answered(number=number, body=record))
            case _:
                raise Unreadable("a parcel names no number")
    return found
