"""FedEx tracking: one result of ``POST /track/v1/trackingnumbers``, a package with its scans.

Source: FedEx Track API, schema CompleteTrackResult. One record is one tracking number; FedEx uses numbers again, so
it may hold several packages, told apart by ``trackingNumberUniqueId``: only the latest is read, the others are years
old. For each scan a Fact and an ExceptionEvent where it says one; beside them when the package is expected, and
``SHP.ETA_SLIP`` when that is behind what FedEx committed to.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from canonical.events import Ref, Statement, When
from crossdock.errors import Place, Unreadable
from crossdock.partners import MappingContext
from mappings import facts, times, tracking
from mappings.records import Complaints, Fields, a_list
from mappings.tracking import Activity, Carrier, Package, Said, said

DOCUMENT: Final = "fedex_tracking"
VERSION: Final = "1"

FEDEX: Final = Carrier(name="FedEx", scac="FDEG")

_REFERENCES: Final = {"PURCHASE_ORDER": "customer_po", "BILL_OF_LADING": "bol", "INVOICE": "invoice"}
"""Kinds of ``packageIdentifiers`` that are business numbers of ours; others are kept as attributes of the fact."""
_COMMITTED: Final = ("COMMITMENT", "STANDARD_TRANSIT")
_ESTIMATED: Final = ("ESTIMATED_DELIVERY",)
_MIDNIGHT: Final = "00:00:00"


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One result as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    complaints = Complaints(
        "the tracking result",
        remedy="Look at the result: FedEx may have changed its API; mend the mapping and replay.",
    )
    top = Fields(document, complaints)
    number = top.needed("trackingNumber")
    results = top.members("trackResults", a_list)
    complaints.refuse()
    _refuse_errors(number, results)
    latest = max(results, key=_last_scan)
    package = _package(number, latest, context)
    complaints.refuse()
    yield from tracking.statements(package)


def _refuse_errors(number: str, results: Sequence[Fields]) -> None:
    """FedEx answers 200 for a number that it does not know, with the error in the result."""
    errors = [error for result in results if (error := result.within("error")) is not None]
    if results and len(errors) < len(results):
        return
    code = errors[0].text("code") if errors else "no result"
    raise Unreadable(
        f"FedEx has nothing about {number[:40]}: {code}",
        place=Place(json_pointer=errors[0].pointer if errors else "/trackResults"),
        remedy="Look the number up at FedEx; a number that it does not have yet is asked again by itself.",
    )


def _last_scan(result: Fields) -> str:
    return max((scan.text("date", 64) for scan in result.members("scanEvents", a_list)), default="")


def _package(number: str, result: Fields, context: MappingContext) -> Package:
    refs, attributes = _references(result)
    if (service := result.within("serviceDetail")) is not None:
        facts.note(attributes, "service", service.text("description", 1024))
    promised, expected = _dates(result, context)
    return Package(
        number=number,
        carrier=FEDEX,
        activities=[_activity(scan, context) for scan in result.members("scanEvents", a_list)],
        place={"json_pointer": result.at("dateAndTimes")},
        refs=refs,
        attributes=attributes,
        promised=promised,
        expected=expected,
    )


def _references(result: Fields) -> tuple[list[Ref], dict[str, str]]:
    refs: list[Ref] = []
    attributes: dict[str, str] = {}
    info = result.within("additionalTrackingInfo")
    for identifier in info.members("packageIdentifiers", a_list) if info is not None else []:
        kind = identifier.text("type", 64)
        values = identifier.read("values", _texts, "list of texts") or identifier.read(
            "value", _texts, "list of texts"
        )
        for value in values or ():
            if name := _REFERENCES.get(kind):
                refs.append({"kind": name, "value": value[:256]})
            else:
                facts.note(attributes, f"reference.{kind.lower() or 'other'}", value)
    return refs[:50], attributes


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(value)
    return [each.strip() for each in value if each.strip() and "\x00" not in each]


def _dates(result: Fields, context: MappingContext) -> tuple[str, When | None]:
    """The day that FedEx committed to, and the moment or day on which it expects to deliver."""
    said_at: dict[str, str] = {}
    for each in result.members("dateAndTimes", a_list):
        said_at.setdefault(each.text("type", 64), each.text("dateTime", 64))
    committed = next((said_at[kind] for kind in _COMMITTED if said_at.get(kind)), "")
    estimated = next((said_at[kind] for kind in _ESTIMATED if said_at.get(kind)), "") or _window(
        result, "estimatedDeliveryTimeWindow"
    )
    committed = committed or _window(result, "standardTransitTimeWindow")
    promised = tracking.moment(committed, context=context) if committed else None
    expected = tracking.moment(estimated, context=context) if estimated else None
    if expected is not None and expected["value"][11:19] == _MIDNIGHT:
        expected = times.on(expected["value"][:10])  # how FedEx writes a day
    return promised["value"][:10] if promised is not None else "", expected


def _window(result: Fields, name: str) -> str:
    """The end of a window of time."""
    window = result.within(name)
    inner = window.within("window") if window is not None else None
    return inner.text("ends", 64) if inner is not None else ""


def _activity(scan: Fields, context: MappingContext) -> Activity:
    location = scan.within("scanLocation")
    city = location.text("city") if location is not None else ""
    state = location.text("stateOrProvinceCode", 64) if location is not None else ""
    country = location.text("countryCode", 64) if location is not None else ""
    event, derived = scan.text("eventType", 128), scan.text("derivedStatusCode", 128)
    exception = scan.text("exceptionCode", 128)
    attributes = {"status": "/".join(part for part in (event, exception) if part) or "none"}
    return Activity(
        place={"json_pointer": scan.pointer},
        said=list(_codes(event, derived, exception, scan.within("delayDetail"), context)),
        when=tracking.moment(scan.text("date", 64), state=state, country=country, context=context),
        text=scan.text("exceptionDescription", 4000) or scan.text("eventDescription", 4000),
        city=city,
        state=state,
        country=country,
        attributes=attributes,
    )


def _codes(
    event: str, derived: str, exception: str, delay: Fields | None, context: MappingContext
) -> Iterator[Said]:
    """The codes of a scan. A delivery is a delivery, whatever stands beside it; else the exception is the precise
    one, then the type of the delay, then the scan."""
    scan = said("fedex-event", (event or derived or "?").upper(), context)
    if scan.row is not None and scan.row.fact == "delivered":
        yield scan
    if exception:
        yield said("fedex-exception", exception, context)
    if delay is not None and delay.text("status", 64) == "DELAYED" and (kind := delay.text("type", 64)):
        yield said("fedex-delay", kind.upper(), context)
    if scan.row is None or scan.row.fact != "delivered":
        yield scan
    if derived and event and derived.upper() != event.upper():
        yield said("fedex-event", derived.upper(), context)
