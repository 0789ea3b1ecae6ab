"""UPS tracking: the answer of ``GET /track/v1/details/{number}``, with all packages of a shipment and their history.

Source: UPS Track API, schema TrackApiResponse. For each activity a Fact (``status``, ``shipped`` or ``delivered``),
and an ExceptionEvent where it says one; beside them when the package is expected, and ``SHP.ETA_SLIP`` when UPS
itself moved that behind the day that it had scheduled. See ``mappings/tracking.py`` for what is told once.
"""

from collections.abc import Iterator
from typing import Any, Final

from canonical.events import Statement, When
from crossdock.errors import Place, Unreadable
from crossdock.partners import MappingContext
from mappings import facts, times, tracking
from mappings.records import Complaints, Fields, a_list
from mappings.tracking import Activity, Package
from mappings.ups import UPS, codes_of

DOCUMENT: Final = "ups_tracking"
VERSION: Final = "1"


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One answer as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    packages = _read(document, context)
    for package in packages:
        yield from tracking.statements(package)


def _read(document: Any, context: MappingContext) -> list[Package]:
    complaints = Complaints(
        "the tracking answer",
        remedy="Look at the answer: UPS may have changed its API; mend the mapping and replay.",
    )
    found: list[Package] = []
    answer = Fields(document, complaints).within("trackResponse")
    warnings: list[str] = []
    for shipment in answer.members("shipment", a_list) if answer is not None else []:
        warnings += [warning.text("message", 1024) for warning in shipment.members("warnings", a_list)]
        for package in shipment.members("package", a_list):
            number = package.text("trackingNumber") or shipment.text("inquiryNumber")
            if not number:
                package.tell("trackingNumber", "is missing: nothing says which package it is about")
                continue
            found.append(_package(package, number, context))
    complaints.refuse()
    if not found:
        told = f": {'; '.join(filter(None, warnings))[:300]}" if any(warnings) else ""
        raise Unreadable(
            f"the tracking answer names no package{told}",
            place=Place(json_pointer="/trackResponse/shipment"),
            remedy="Look the number up at UPS; then discard this.",
        )
    return found


def _package(package: Fields, number: str, context: MappingContext) -> Package:
    attributes: dict[str, str] = {}
    if (service := package.within("service")) is not None:
        facts.note(attributes, "service", service.text("description", 1024))
    for reference in package.members("referenceNumber", a_list):
        kind = facts.as_name(reference.text("type")) or "other"
        facts.note(attributes, f"reference.{kind}", reference.text("number", 1024))
    promised, expected = _dates(package, context)
    return Package(
        number=number,
        carrier=UPS,
        activities=[_activity(each, context) for each in package.members("activity", a_list)],
        place={"json_pointer": package.at("deliveryDate")},
        attributes=attributes,
        promised=promised,
        expected=expected,
    )


def _dates(package: Fields, context: MappingContext) -> tuple[str, When | None]:
    """The scheduled day, and the day (with the end of its window) on which UPS expects to deliver."""
    days: dict[str, str] = {}
    for each in package.members("deliveryDate", a_list):
        day = each.text("date")
        if day:
            try:
                days[each.text("type")] = times.date_of(day)
            except times.NotATime:
                continue
    scheduled = days.get("SDD", "")
    expected = days.get("RDD") or scheduled
    return scheduled, times.on(expected) if expected else None


def _activity(activity: Fields, context: MappingContext) -> Activity:
    status = activity.within("status")
    address = None
    if (location := activity.within("location")) is not None:
        address = location.within("address")
    city = address.text("city") if address is not None else ""
    state = address.text("stateProvince", 64) if address is not None else ""
    country = (address.text("countryCode", 64) or address.text("country", 64)) if address is not None else ""
    type_ = status.text("type", 128) if status is not None else ""
    code = status.text("code", 128) if status is not None else ""
    number = status.text("statusCode", 128) if status is not None else ""
    attributes: dict[str, str] = {
        "status": "/".join(part for part in (type_, code, number) if part) or "none"
    }
    if activity.flag("logicalScan"):
        attributes["logical"] = "true"
    return Activity(
        place={"json_pointer": activity.pointer},
        said=codes_of(type_, code, number, context),
        when=_when(activity, state, country, context),
        text=status.text("description", 4000) if status is not None else "",
        city=city,
        state=state,
        country=country,
        attributes=attributes,
    )


def _when(activity: Fields, state: str, country: str, context: MappingContext) -> When | None:
    """When it happened: local with its offset; else in GMT; else local to the place."""
    day, time = activity.text("date", 64), activity.text("time", 64)
    gmt_day, gmt_time = activity.text("gmtDate", 64), activity.text("gmtTime", 64)
    zone = tracking.offset(activity.text("gmtOffset", 64))
    if not zone and gmt_day and gmt_time:
        day, time, zone = gmt_day, gmt_time, "+00:00"
    time = time.replace(":", "")
    if time.isdigit() and len(time) < 6:
        time = time.zfill(6)
    return tracking.local_time(day, time, zone, state=state, country=country, context=context)
