"""UPS Track Alert: what UPS pushes to us when something happens to a package that we subscribed to.

Source: UPS Track Alert API v2, schema TrackingEventRequest. One activity: a Fact, an ExceptionEvent where it says
one, and when the package is expected now (type ``U``, an update). UPS repeats a push that it saw no answer to; the
bytes are the same, and so are the ids of what they say.
"""

from collections.abc import Iterator
from typing import Any, Final

from canonical.events import Statement, When
from crossdock.partners import MappingContext
from mappings import times, tracking
from mappings.records import Complaints, Fields
from mappings.tracking import Activity, Package
from mappings.ups import UPS, codes_of

DOCUMENT: Final = "ups_track_alert"
VERSION: Final = "1"


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One push as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    complaints = Complaints(
        "the track alert", remedy="Look at the bytes: UPS may have changed its API; then replay."
    )
    event = Fields(document, complaints)
    number = event.needed("trackingNumber")
    status = event.within("activityStatus")
    if status is None:
        event.tell("activityStatus", "is missing: nothing says what happened")
    complaints.refuse()
    assert status is not None
    location = event.within("activityLocation")
    city = location.text("city") if location is not None else ""
    state = location.text("stateProvince", 64) if location is not None else ""
    country = location.text("country", 64) if location is not None else ""
    type_, code = status.text("type", 128), status.text("code", 128)
    description_code = status.text("descriptionCode", 128)
    activity = Activity(
        place={"json_pointer": "/activityStatus"},
        said=codes_of(type_, code, description_code, context),
        when=_when(event, state, country, context),
        text=status.text("description", 4000),
        city=city,
        state=state,
        country=country,
        attributes={"status": "/".join(part for part in (type_, code, description_code) if part) or "none"},
    )
    complaints.refuse()
    yield from tracking.statements(
        Package(
            number=number,
            carrier=UPS,
            activities=[activity],
            place={"json_pointer": "/scheduledDeliveryDate"},
            expected=_expected(event),
        )
    )


def _when(event: Fields, state: str, country: str, context: MappingContext) -> When | None:
    day, time = event.text("localActivityDate", 64), event.text("localActivityTime", 64)
    zone = tracking.offset(event.text("gmtOffset", 64))
    gmt_day, gmt_time = event.text("gmtActivityDate", 64), event.text("gmtActivityTime", 64)
    if not zone and gmt_day and gmt_time:
        day, time, zone = gmt_day, gmt_time, "+00:00"
    return tracking.local_time(day, time, zone, state=state, country=country, context=context)


def _expected(event: Fields) -> When | None:
    """The day on which UPS plans to deliver; only that is said, and not what it had promised before."""
    day = event.text("scheduledDeliveryDate", 64)
    try:
        return times.on(times.date_of(day)) if day else None
    except times.NotATime:
        return None
