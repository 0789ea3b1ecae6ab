"""The papers of the demonstration: what a supplier, a stranger, a carrier and the ERP say in one morning.

A distributor of pumps, valves and fittings has ordered from Acme Supply. Every builder is a pure function of
the morning (``at``), so the same morning gives the same bytes. Envelopes are exact, except where a paper is
broken on purpose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

ELEMENT: Final = "*"
SEGMENT: Final = "~"
COMPONENT: Final = ">"

US: Final = ("ZZ", "CROSSDOCK")
ACME: Final = ("ZZ", "ACMESUPPLY")
STRANGER: Final = ("ZZ", "NORTHVALVE")
ROADRUNNER: Final = ("02", "RRFL")

Segment = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A thing of the catalogue: our part number, the supplier's, its price in US dollars."""

    buyer_part: str
    vendor_part: str
    price: str
    words: str


PUMP: Final = Item(
    buyer_part="PUMP-40", vendor_part="AC-4012-SS", price="412.50", words="End-suction pump 40 mm"
)
VALVE: Final = Item(
    buyer_part="VALVE-25", vendor_part="AC-2510-BR", price="38.75", words="Ball valve 25 mm brass"
)
ELBOW: Final = Item(
    buyer_part="ELBOW-90-25", vendor_part="AC-0925", price="4.15", words="Elbow 90 degrees 25 mm"
)
GASKET: Final = Item(
    buyer_part="GASKET-40", vendor_part="AC-0440-EP", price="2.60", words="EPDM gasket 40 mm"
)
GAUGE: Final = Item(
    buyer_part="GAUGE-10", vendor_part="AC-7710", price="27.90", words="Pressure gauge 10 bar"
)


THEIR_VALVE: Final = Item(
    buyer_part="VALVE-25", vendor_part="NV-BV25-316", price="41.20", words="Ball valve 25 mm stainless"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who answers an order: its name, our number for it, its own number of the order desk."""

    name: str
    number: str
    telephone: str


ACME_SUPPLY: Final = Seller(name="ACME SUPPLY CO", number="100417", telephone="3125550142")
NORTH_VALVE: Final = Seller(name="NORTH VALVE LTD", number="100822", telephone="6145550117")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an order and what the supplier says of it: ``answers`` are ACK segments after their name."""

    item: Item
    quantity: int
    answers: Sequence[Segment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A file as it is dropped: its name, its bytes, and a sentence about it for the person who watches."""

    name: str
    body: bytes
    story: str


def day(on: date) -> str:
    return on.strftime("%Y%m%d")


def interchange(
    sender: tuple[str, str],
    function: str,
    sets: Sequence[Sequence[Segment]],
    *,
    control: int,
    at: datetime,
    receiver: tuple[str, str] = US,
) -> bytes:
    """One ISA with one GS around these transaction sets; a line break after each segment terminator.

    ``control`` numbers the interchange and its group. A set comes whole, from ST to SE.
    """
    isa = [
        "ISA", "00", " " * 10, "00", " " * 10,
        sender[0], f"{sender[1]:<15}", receiver[0], f"{receiver[1]:<15}",
        at.strftime("%y%m%d"), at.strftime("%H%M"), "U", "00401", f"{control:09d}", "0", "P", COMPONENT,
    ]  # fmt: skip
    group = [
        "GS",
        function,
        sender[1],
        receiver[1],
        day(at),
        at.strftime("%H%M"),
        str(control),
        "X",
        "004010",
    ]
    segments: list[Segment] = [
        isa,
        group,
        *(segment for one in sets for segment in one),
        ["GE", str(len(sets)), str(control)],
        ["IEA", "1", f"{control:09d}"],
    ]
    return "".join(ELEMENT.join(segment) + SEGMENT + "\n" for segment in segments).encode("ascii")


def transaction_set(
    name: str, control: int, body: Sequence[Segment], *, said: int | None = None
) -> list[Segment]:
    """ST, these segments, SE with their count. ``said`` is a count that SE claims instead of the true one."""
    count = len(body) + 2 if said is None else said
    return [["ST", name, f"{control:04d}"], *body, ["SE", str(count), f"{control:04d}"]]


def acknowledgement(
    order: str,
    answer: str,
    lines: Sequence[Line],
    *,
    at: datetime,
    number: str,
    control: int = 1,
    lost: int = 0,
    seller: Seller = ACME_SUPPLY,
) -> list[Segment]:
    """An 855 for one purchase order. ``answer`` is BAK02. ``lost`` segments too many are claimed by its SE."""
    ordered = at - timedelta(days=4)
    body: list[Segment] = [
        ["BAK", "00", answer, order, day(ordered), "", "", "", number, day(at)],
        ["CUR", "SE", "USD"],
        ["REF", "VR", seller.number],
        ["PER", "OC", "ORDER DESK", "TE", seller.telephone],
        ["N1", "SE", seller.name, "92", seller.number],
        ["N1", "ST", "CROSSDOCK DC EAST", "92", "DC-EAST"],
    ]
    for place, line in enumerate(lines, start=1):
        item = line.item
        body.append(
            ["PO1", str(place), str(line.quantity), "EA", item.price, "PE",
             "BP", item.buyer_part, "VP", item.vendor_part]
        )  # fmt: skip
        body.append(["PID", "F", "", "", "", item.words.upper()])
        body.extend(["ACK", *answer] for answer in line.answers)
    body.append(["CTT", str(len(lines))])
    count = len(body) + 2
    return transaction_set("855", control, body, said=count + lost if lost else None)


def order(number: str, lines: Sequence[tuple[Item, int]], *, at: datetime, control: int) -> list[Segment]:
    """An 850 of ours to Acme Supply: how many of which item, at the price of the catalogue."""
    body: list[Segment] = [
        ["BEG", "00", "SA", number, "", day(at)],
        ["CUR", "BY", "USD"],
        ["REF", "VR", ACME_SUPPLY.number],
        ["N1", "ST", "CROSSDOCK DC EAST", "92", "DC-EAST"],
    ]
    for place, (item, quantity) in enumerate(lines, start=1):
        body.append(
            ["PO1", str(place), str(quantity), "EA", item.price, "PE",
             "BP", item.buyer_part, "VP", item.vendor_part]
        )  # fmt: skip
        body.append(["PID", "F", "", "", "", item.words.upper()])
    body.append(["CTT", str(len(lines))])
    return transaction_set("850", control, body)


def shipment_status(
    shipment: str,
    pro: str,
    *,
    status: str,
    reason: str,
    at: datetime,
    place: tuple[str, str],
    control: int = 1,
) -> list[Segment]:
    """A 214: one status (X12 1650) of one shipment for one reason (1651), in a city of Central time."""
    city, state = place
    there = (at - timedelta(minutes=40)).astimezone(ZoneInfo("America/Chicago"))
    body: list[Segment] = [
        ["B10", pro, shipment, "RRFL"],
        ["L11", "4500120001", "PO"],
        ["N1", "SH", "ACME SUPPLY CO"],
        ["N1", "CN", "CROSSDOCK DC EAST"],
        ["LX", "1"],
        ["AT7", status, reason, "", "", day(there), there.strftime("%H%M"), "CT"],
        ["MS1", city, state, "US"],
        ["AT8", "G", "L", "1840", "12"],
    ]
    return transaction_set("214", control, body)


def accepted(quantity: int, *, ships: date) -> Segment:
    return ["IA", str(quantity), "EA", "068", day(ships)]


ORDERED: Final = {
    "4500120001": [(PUMP, 6), (GASKET, 120)],
    "4500120002": [(PUMP, 4), (VALVE, 60)],
    "4500120003": [(ELBOW, 300), (GAUGE, 25)],
    "4500120004": [(ELBOW, 80)],
    "4500120005": [(PUMP, 2)],
    "4500120006": [(GASKET, 500)],
}
"""What we ordered of Acme Supply. The answer to 4500120005 comes broken."""


# ── the papers ───────────────────────────────────────────────────────────────────────────────────────────────


def orders_sent(at: datetime) -> Paper:
    sets = [
        order(number, lines, at=at - timedelta(days=4), control=place)
        for place, (number, lines) in enumerate(ORDERED.items(), start=1)
    ]
    return Paper(
        name="850_3101.edi",
        body=interchange(US, "PO", sets, control=3101, at=at, receiver=ACME),
        story=f"a copy of our own: the ERP sent {len(sets)} purchase orders to Acme Supply",
    )


def orders_arrived(at: datetime) -> Paper:
    body: list[Segment] = [["AK1", "PO", "3101"]]
    for place in range(1, len(ORDERED) + 1):
        body += [["AK2", "850", f"{place:04d}"], ["AK5", "A"]]
    number = str(len(ORDERED))
    body.append(["AK9", "A", number, number, number])
    return Paper(
        name="997_3101.edi",
        body=interchange(ACME, "FA", [transaction_set("997", 1, body)], control=4100, at=at),
        story=f"a 997: Acme Supply has our {number} orders and can read them",
    )


def clean(at: datetime) -> Paper:
    soon = (at + timedelta(days=6)).date()
    lines = [
        Line(item=PUMP, quantity=6, answers=[accepted(6, ships=soon)]),
        Line(item=GASKET, quantity=120, answers=[accepted(120, ships=soon)]),
    ]
    sets = [acknowledgement("4500120001", "AD", lines, at=at, number="SO-88101")]
    return Paper(
        name="855_88101.edi",
        body=interchange(ACME, "PR", sets, control=4101, at=at),
        story="a clean 855: Acme accepts purchase order 4500120001 as it is",
    )


def backorder(at: datetime) -> Paper:
    soon, later = (at + timedelta(days=6)).date(), (at + timedelta(days=20)).date()
    lines = [
        Line(item=PUMP, quantity=4, answers=[accepted(4, ships=soon)]),
        Line(
            item=VALVE, quantity=60, answers=[accepted(20, ships=soon), ["IB", "40", "EA", "068", day(later)]]
        ),
    ]
    sets = [acknowledgement("4500120002", "AC", lines, at=at, number="SO-88102")]
    return Paper(
        name="855_88102.edi",
        body=interchange(ACME, "PR", sets, control=4102, at=at),
        story=f"an 855 with a backorder: 40 of 60 ball valves on 4500120002 come on {later} only",
    )


def rejected_line(at: datetime) -> Paper:
    soon = (at + timedelta(days=6)).date()
    lines = [
        Line(item=ELBOW, quantity=300, answers=[accepted(300, ships=soon)]),
        Line(item=GAUGE, quantity=25, answers=[["IR", "25", "EA"]]),
    ]
    sets = [acknowledgement("4500120003", "AC", lines, at=at, number="SO-88103")]
    return Paper(
        name="855_88103.edi",
        body=interchange(ACME, "PR", sets, control=4103, at=at),
        story="an 855 with a rejected line: Acme will not deliver the gauges of 4500120003",
    )


def broken_between_good(at: datetime) -> Paper:
    soon, later = (at + timedelta(days=6)).date(), (at + timedelta(days=13)).date()
    good = [Line(item=ELBOW, quantity=80, answers=[accepted(80, ships=soon)])]
    torn = [Line(item=PUMP, quantity=2, answers=[accepted(2, ships=soon)])]
    late = [Line(item=GASKET, quantity=500, answers=[["IB", "500", "EA", "068", day(later)]])]
    sets = [
        acknowledgement("4500120004", "AD", good, at=at, number="SO-88104", control=1),
        acknowledgement("4500120005", "AD", torn, at=at, number="SO-88105", control=2, lost=3),
        acknowledgement("4500120006", "AC", late, at=at, number="SO-88106", control=3),
    ]
    return Paper(
        name="855_88104.edi",
        body=interchange(ACME, "PR", sets, control=4104, at=at),
        story="three 855s in one file; the middle one lost three segments, its count says so",
    )


def again_under_another_name(at: datetime) -> Paper:
    return Paper(
        name="855_88102_resend.edi",
        body=backorder(at).body,
        story="the backorder again, byte for byte, under another name",
    )


def of_a_stranger(at: datetime) -> Paper:
    soon = (at + timedelta(days=9)).date()
    lines = [Line(item=THEIR_VALVE, quantity=10, answers=[accepted(10, ships=soon)])]
    sets = [acknowledgement("4500120007", "AD", lines, at=at, number="NV-5501", seller=NORTH_VALVE)]
    return Paper(
        name="855_nv5501.edi",
        body=interchange(STRANGER, "PR", sets, control=17, at=at),
        story="an 855 of NORTHVALVE, a partner that nobody has set up",
    )


def freight_delay(at: datetime) -> Paper:
    sets = [
        shipment_status("SHP-70031", "7710045512", status="SD", reason="AO", at=at, place=("JOLIET", "IL"))
    ]
    return Paper(
        name="214_7710045512.edi",
        body=interchange(ROADRUNNER, "QM", sets, control=905, at=at),
        story="a 214: Roadrunner's truck with shipment SHP-70031 stands in a storm near Joliet",
    )


def morning(at: datetime) -> list[Paper]:
    """The files of the demonstration, in the order in which they are dropped."""
    return [
        orders_sent(at),
        orders_arrived(at),
        clean(at),
        backorder(at),
        rejected_line(at),
        broken_between_good(at),
        again_under_another_name(at),
        of_a_stranger(at),
        freight_delay(at),
    ]


def order_holds(at: datetime) -> list[dict[str, Any]]:
    """What the ERP holds this morning: one order over its credit limit, one that needs an export check."""
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {
            "hold_id": "H-1001",
            "sales_order": "SO-7001",
            "customer": {"id": "C-17", "name": "Harbor Tools", "tier": "A"},
            "reason_code": "CREDIT_LIMIT",
            "reason": "Open items exceed the credit limit by 3,410.00",
            "amount": "18250.00",
            "currency": "USD",
            "placed_at": moment,
            "updated_at": moment,
            "state": "held",
            "lines": [{"line": 1, "sku": PUMP.buyer_part, "quantity": "40", "uom": "EA"}],
        },
        {
            "hold_id": "H-1002",
            "sales_order": "SO-7002",
            "customer": {"id": "C-31", "name": "Baja Irrigation", "tier": "B"},
            "reason_code": "EXPORT",
            "reason": "Ship-to is abroad and has no export screening yet",
            "amount": "2960.40",
            "currency": "USD",
            "placed_at": moment,
            "updated_at": moment,
            "state": "held",
            "lines": [
                {"line": 1, "sku": VALVE.buyer_part, "quantity": "60", "uom": "EA"},
                {"line": 2, "sku": ELBOW.buyer_part, "quantity": "150", "uom": "EA"},
            ],
        },
    ]


def status_updates(at: datetime) -> list[dict[str, str]]:
    """What the carrier's service tells this morning: a truck that drives well, and one that does not."""
    return [
        {
            "EventId": "EV-50100",
            "ProNumber": "7710045498",
            "ShipmentId": "SHP-70029",
            "Scac": "RRFL",
            "StatusCode": "X6",
            "ReasonCode": "NS",
            "OccurredAt": (at - timedelta(minutes=50)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "City": "Toledo",
            "State": "OH",
        },
        {
            "EventId": "EV-50101",
            "ProNumber": "7710045530",
            "ShipmentId": "SHP-70040",
            "Scac": "RRFL",
            "StatusCode": "SD",
            "ReasonCode": "AI",
            "OccurredAt": (at - timedelta(minutes=35)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "City": "Gary",
            "State": "IN",
            "EstimatedDelivery": (at + timedelta(days=2)).date().isoformat(),
            "Remarks": "Tractor failed, replacement on its way",
        },
    ]


def orders() -> list[dict[str, Any]]:
    """The orders that the ERP knows before the morning begins."""
    sellers = [ACME_SUPPLY] * 6 + [NORTH_VALVE]
    purchases = [
        {"kind": "purchase-orders", "number": f"450012000{n}", "supplier": seller.number}
        for n, seller in enumerate(sellers, start=1)
    ]
    sales = [{"kind": "sales-orders", "number": number} for number in ("SO-7001", "SO-7002")]
    freight = [{"kind": "shipments", "number": number} for number in ("SHP-70029", "SHP-70031", "SHP-70040")]
    return [*purchases, *sales, *freight]
