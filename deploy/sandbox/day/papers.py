"""Transaction sets as their senders write them: one builder for each, from what the stories know.

Source: X12 004010 and 005010; only segments that both releases have at these places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from deploy.sandbox.day.envelopes import Paper, Segment
from deploy.sandbox.day.traders import Good

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an order: its number, the good, how many pieces, the agreed price."""

    number: int
    good: Good
    quantity: int

    @property
    def price(self) -> Decimal:
        return self.good.price

    @property
    def ids(self) -> Segment:
        return ["BP", self.good.buyer, "VP", self.good.seller]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as both sides know it."""

    number: str
    on: date
    ships: date
    lines: Sequence[Line]

    def line(self, number: int) -> Line:
        return self.lines[number - 1]


def day(value: date) -> str:
    return f"{value:%Y%m%d}"


def cents(amount: Decimal) -> str:
    """An amount with two implied decimals."""
    return str(int((amount * 100).to_integral_value()))


def money(amount: Decimal) -> str:
    return f"{amount.quantize(CENT)}"


# -- orders -----------------------------------------------------------------------------------------------------


def purchase_order(
    order: Order,
    *,
    purpose: str = "00",
    lines: int | None = None,
    carrier: str = "",
    cancel_after: date | None = None,
) -> Paper:
    """An 850. ``lines``: how many its CTT claims, when not the truth."""
    segments: list[Segment] = [
        ["BEG", purpose, "SA", order.number, "", day(order.on)],
        ["DTM", "010", day(order.ships)],
    ]
    if cancel_after is not None:
        segments.append(["DTM", "001", day(cancel_after)])
    if carrier:
        segments.append(["TD5", "", "2", carrier, "M"])
    segments.append(["N1", "ST", "DC EAST", "92", "DC-EAST"])
    for line in order.lines:
        segments.append(
            ["PO1", str(line.number), str(line.quantity), "EA", money(line.price), "PE", *line.ids]
        )
    segments.append(["CTT", str(len(order.lines) if lines is None else lines)])
    return Paper(set_id="850", segments=segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a seller says of one line: ACK segments after their name; the price and quantity that its PO1 has."""

    line: Line
    acks: Sequence[Segment]
    price: Decimal | None = None
    quantity: int | None = None
    new_price: Decimal | None = None
    """In a CTP: the price that it changes to."""
    item: str = ""
    """Another seller's number than that of the order."""


def accepted(line: Line, ships: date, *, quantity: int | None = None) -> Segment:
    return ["IA", str(line.quantity if quantity is None else quantity), "EA", "068", day(ships)]


def acknowledgment(
    order: Order, word: str, answers: Sequence[Answered], *, own_number: str, on: date, reference: bool = True
) -> Paper:
    """An 855."""
    segments: list[Segment] = [
        ["BAK", "00", word, order.number, day(order.on), "", "", "", own_number, day(on)],
    ]
    if reference:
        segments.append(["REF", "VR", "100417"])
    for answer in answers:
        line = answer.line
        quantity = line.quantity if answer.quantity is None else answer.quantity
        price = line.price if answer.price is None else answer.price
        ids = ["BP", line.good.buyer, "VP", answer.item or line.good.seller]
        segments.append(["PO1", str(line.number), str(quantity), "EA", money(price), "PE", *ids])
        if answer.new_price is not None:
            segments.append(["CTP", "", "CAT", money(answer.new_price)])
        segments += [["ACK", *ack] for ack in answer.acks]
    if answers:
        segments.append(["CTT", str(len(answers))])
    return Paper(set_id="855", segments=segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One POC: what becomes of a line."""

    line: Line
    code: str
    quantity: int
    price: Decimal | None = None


def order_change(
    order: Order, changes: Sequence[Change], *, purpose: str = "04", sequence: int = 1, on: date
) -> Paper:
    """An 860."""
    return Paper(
        set_id="860",
        segments=[
            ["BCH", purpose, "SA", order.number, "", str(sequence), day(order.on), "", "", "", "", day(on)],
            *(_change(change) for change in changes),
            ["CTT", str(len(changes))],
        ],
    )


def change_answer(
    order: Order,
    word: str,
    changes: Sequence[Change],
    *,
    sequence: int = 1,
    own_number: str,
    on: date,
    acks: Mapping[int, Segment] | None = None,
) -> Paper:
    """An 865. ``acks``: the ACK of each line, by its number."""
    segments: list[Segment] = [
        ["BCA", "00", word, order.number, "", str(sequence), day(order.on), "", "", own_number, day(on)],
    ]
    for change in changes:
        segments.append(_change(change))
        if acks is not None and change.line.number in acks:
            segments.append(["ACK", *acks[change.line.number]])
    if changes:
        segments.append(["CTT", str(len(changes))])
    return Paper(set_id="865", segments=segments)


def _change(change: Change) -> Segment:
    price = change.line.price if change.price is None else change.price
    number, quantity = str(change.line.number), str(change.quantity)
    return ["POC", number, change.code, quantity, quantity, "EA", money(price), "PE", *change.line.ids]


def inquiry(order: Order, number: str, *, on: date) -> Paper:
    """An 869 about one order."""
    return Paper(
        set_id="869",
        segments=[
            ["BSI", number, day(on), "PP"],
            ["HL", "1", "", "O"],
            ["PRF", order.number, "", "", day(order.on)],
            ["HL", "2", "1", "I"],
            ["LIN", "1", *order.line(1).ids],
            ["CTT", "2"],
        ],
    )


def order_status(
    order: Order,
    number: str,
    asked: str,
    statuses: Sequence[tuple[int, Segment]],
    *,
    on: date,
    head: Segment | None = None,
) -> Paper:
    """An 870 about one order: an ISR for each line, or one for the whole order (``head``)."""
    segments: list[Segment] = [
        ["BSR", "1", "PP", number, day(on), "", "", "1200", asked],
        ["HL", "1", "", "O"],
        ["PRF", order.number, "", "", day(order.on)],
    ]
    if head is not None:
        segments.append(["ISR", *head])
    for place, (line, status) in enumerate(statuses, 2):
        ordered = order.line(line)
        segments += [
            ["HL", str(place), "1", "I"],
            ["PO1", str(line), str(ordered.quantity), "EA", money(ordered.price), "PE", *ordered.ids],
            ["ISR", *status],
        ]
    segments.append(["CTT", str(len(statuses) + 1)])
    return Paper(set_id="870", segments=segments)


# -- shipments and receipts -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What is in a shipment of one line. ``of``: SN105, what was ordered; not said when ``None``."""

    line: Line
    quantity: int
    of: int | None = None
    unit: str = "EA"
    number: str = ""
    """Another line number than that of the order."""
    ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """One shipment: its number (BSN02), the bill of lading, and what is in it."""

    number: str
    bol: str
    leaves: date
    goods: Sequence[Shipped]
    carrier: str = ""


def sscc(serial: int) -> str:
    """A serial shipping container code: eighteen digits, the last checks the others."""
    digits = f"00712161{serial:09}"
    weighed = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits))
    return f"{digits}{(10 - weighed % 10) % 10}"


def ship_notice(
    order: Order,
    shipment: Shipment,
    *,
    purpose: str = "00",
    at: datetime,
    labels: Sequence[str] = (),
    parent: str = "",
) -> Paper:
    """An 856 of one order in one carton. ``labels``: its SSCCs; ``parent``: of whom its first item claims to be."""
    segments: list[Segment] = [
        ["BSN", purpose, shipment.number, day(at.date()), f"{at:%H%M}", "0001"],
        ["HL", "1", "", "S"],
    ]
    if shipment.carrier:
        segments.append(["TD5", "B", "2", shipment.carrier, "M"])
    segments += [
        ["REF", "BM", shipment.bol],
        ["DTM", "011", day(shipment.leaves)],
        ["HL", "2", "1", "O"],
        ["PRF", order.number, "", "", day(order.on)],
        ["HL", "3", "2", "P"],
        *(["MAN", "GM", f"00{label}"] for label in labels),
    ]
    for place, good in enumerate(shipment.goods, 4):
        above = parent if parent and place == 4 else "3"
        ids = list(good.ids) or good.line.ids
        item: Segment = ["SN1", "", str(good.quantity), good.unit]
        if good.of is not None:
            item += ["", str(good.of), good.unit]
        segments += [
            ["HL", str(place), above, "I"],
            ["LIN", good.number or str(good.line.number), *ids],
            item,
        ]
    segments.append(["CTT", str(len(shipment.goods) + 3)])
    return Paper(set_id="856", segments=segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What was counted of one line; ``bad`` pieces of it in a condition [412]."""

    line: Line
    quantity: int
    condition: str = ""
    bad: int = 0


def receiving_advice(
    order: Order, shipment: Shipment, number: str, lines: Sequence[Received], *, on: date
) -> Paper:
    """An 861."""
    segments: list[Segment] = [
        ["BRA", number, day(on), "00", "1"],
        ["REF", "SI", shipment.number],
        ["REF", "BM", shipment.bol],
        ["REF", "PO", order.number],
    ]
    for place, line in enumerate(lines, 1):
        received: Segment = ["RCD", str(place), str(line.quantity), "EA"]
        if line.condition:
            received += ["", "", str(line.bad), "EA", line.condition]
        segments += [received, ["LIN", str(line.line.number), *line.line.ids]]
    segments.append(["CTT", str(len(lines))])
    return Paper(set_id="861", segments=segments)


# -- money ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What is billed of one line."""

    line: Line
    quantity: int
    price: Decimal | None = None

    @property
    def amount(self) -> Decimal:
        return self.quantity * (self.line.price if self.price is None else self.price)


def total(lines: Sequence[Billed]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))


def invoice(
    order: Order,
    number: str,
    lines: Sequence[Billed],
    *,
    on: date,
    off: Decimal = Decimal(0),
    charge: Decimal = Decimal(0),
) -> Paper:
    """An 810. ``off``: how much its total is wrong; ``charge``: a charge for handling that is added."""
    segments: list[Segment] = [["BIG", day(on), number, day(order.on), order.number, "", "", "DI"]]
    for line in lines:
        price = line.line.price if line.price is None else line.price
        ids = line.line.ids
        segments.append(["IT1", str(line.line.number), str(line.quantity), "EA", money(price), "PE", *ids])
    segments.append(["TDS", cents(total(lines) + charge + off)])
    if charge:
        segments.append(["SAC", "C", "D500", "", "", cents(charge)])
    segments.append(["CTT", str(len(lines))])
    return Paper(set_id="810", segments=segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """One invoice in a remittance: what is paid of what was billed, and an adjustment with its reason [426]."""

    invoice: str
    paid: Decimal
    billed: Decimal
    adjusted: Decimal = Decimal(0)
    reason: str = ""


def remittance(number: str, items: Sequence[Paid], *, on: date) -> Paper:
    """An 820."""
    amount = sum((item.paid for item in items), Decimal(0))
    segments: list[Segment] = [
        ["BPR", "C", money(amount), "C", "ACH", *[""] * 11, day(on)],
        ["TRN", "1", number],
        ["ENT", "1"],
    ]
    for item in items:
        segments.append(["RMR", "IV", item.invoice, "PO", money(item.paid), money(item.billed)])
        if item.reason:
            segments.append(["ADX", money(item.adjusted), item.reason])
    return Paper(set_id="820", segments=segments)


def adjustment(
    order: Order,
    number: str,
    bill: str,
    reasons: Sequence[tuple[str, Decimal]],
    *,
    on: date,
    takes: bool = True,
) -> Paper:
    """An 812: a debit (``takes``) or credit against one invoice, by reasons [426] and amounts."""
    word = "D" if takes else "C"
    amount = sum((amount for _, amount in reasons), Decimal(0))
    segments: list[Segment] = [
        [
            "BCD",
            day(on),
            number,
            "I",
            cents(amount),
            word,
            day(on),
            bill,
            "",
            day(order.on),
            order.number,
            "00",
        ],
        *(["CDD", reason, word, str(place), cents(one)] for place, (reason, one) in enumerate(reasons, 1)),
    ]
    return Paper(set_id="812", segments=segments)


# -- warehouses -------------------------------------------------------------------------------------------------


def warehouse_order(number: str, po: str, lines: Sequence[Line], *, ships: date, carrier: str = "") -> Paper:
    """A 940."""
    segments: list[Segment] = [
        ["W05", "N", number, po],
        ["N1", "ST", "A customer", "92", "0014"],
        ["G62", "10", day(ships)],
    ]
    if carrier:
        segments.append(["W66", "PP", "M", *[""] * 7, carrier])
    for line in lines:
        segments += [
            ["LX", str(line.number)],
            ["W01", str(line.quantity), "EA", "", "VN", line.good.seller],
            ["N9", "LI", str(line.number)],
        ]
    segments.append(["W76", str(sum(line.quantity for line in lines))])
    return Paper(set_id="940", segments=segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What a warehouse shipped of a line: W1201 [368] and the reason [892] of what it did not."""

    line: Line
    quantity: int
    status: str = "CC"
    reason: str = ""


def shipping_advice(
    number: str, po: str, shipment: str, lines: Sequence[Picked], *, on: date, report: str = "F",
    date_reason: str = "", carrier: str = "", carrier_reason: str = "", units: int | None = None
) -> Paper:  # fmt: skip
    """A 945."""
    head: Segment = ["W06", report, number, day(on), shipment, "", po]
    if date_reason:
        head += ["", "", "", date_reason]
    segments: list[Segment] = [head, ["N1", "ST", "A customer", "92", "0014"]]
    if carrier:
        segments.append(["W27", "M", carrier, "", "PP", *[""] * 5, carrier_reason])
    for line in lines:
        ordered = line.line.quantity
        picked: Segment = [
            "W12", line.status, str(ordered), str(line.quantity), str(ordered - line.quantity or ""), "EA", "", "VN",
            line.line.good.seller,
        ]  # fmt: skip
        if line.reason:
            picked += [*[""] * (19 - len(picked)), line.reason]
        segments += [["LX", str(line.line.number)], picked, ["N9", "LI", str(line.line.number)]]
    segments.append(["W03", str(sum(line.quantity for line in lines) if units is None else units)])
    return Paper(set_id="945", segments=segments)


def transfer_notice(
    number: str, shipment: str, lines: Sequence[Line], *, leaves: date, arrives: date
) -> Paper:
    """A 943."""
    segments: list[Segment] = [
        ["W06", "F", number, day(leaves), shipment],
        ["N1", "WH", "The warehouse", "91", "NS01"],
        ["G62", "11", day(leaves)],
        ["G62", "17", day(arrives)],
    ]
    for line in lines:
        segments += [
            ["W04", str(line.quantity), "EA", "", "VN", line.good.seller],
            ["N9", "LI", str(line.number)],
        ]
    segments.append(["W03", str(sum(line.quantity for line in lines))])
    return Paper(set_id="943", segments=segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a warehouse received of a line; ``bad`` pieces with a reason [412] and a damage code [853]."""

    line: Line
    quantity: int
    bad: int = 0
    condition: str = ""
    damage: str = ""


def transfer_receipt(
    number: str, receipt: str, shipment: str, lines: Sequence[Counted], *, on: date, announced: int | None
) -> Paper:
    """A 944. ``announced``: how many were, where the warehouse says it."""
    segments: list[Segment] = [
        ["W17", "F", day(on), receipt, number, shipment],
        ["N1", "WH", "The warehouse", "91", "NS01"],
    ]
    for line in lines:
        segments += [
            ["W07", str(line.quantity), "EA", "", "VN", line.line.good.seller],
            ["N9", "LI", str(line.line.number)],
        ]
        if line.condition:
            segments.append(["W13", str(line.bad), "EA", line.condition, "", line.damage])
    total = str(sum(line.quantity for line in lines))
    segments.append(["W14", total, "" if announced is None else str(announced)])
    return Paper(set_id="944", segments=segments)


def stock_adjustment(number: str, changes: Sequence[tuple[str, int, str, str]], *, on: date) -> Paper:
    """A 947: (reason [181], quantity, item, lot)."""
    segments: list[Segment] = [["W15", day(on), number]]
    for reason, quantity, item, lot in changes:
        segments.append(["W19", reason, str(quantity), "EA", "", "VN", item, *(["", "", lot] if lot else [])])
    return Paper(set_id="947", segments=segments)


def stock_report(number: str, items: Sequence[tuple[str, Mapping[str, int]]], *, on: date) -> Paper:
    """An 846: for each item its quantities by kind [673]."""
    segments: list[Segment] = [["BIA", "00", "DD", number, day(on), "0600"]]
    for place, (item, quantities) in enumerate(items, 1):
        segments.append(["LIN", str(place), "VN", item])
        segments += [["QTY", kind, str(quantity), "EA"] for kind, quantity in quantities.items()]
    segments.append(["CTT", str(len(items))])
    return Paper(set_id="846", segments=segments)


# -- carriers ---------------------------------------------------------------------------------------------------


def tender(shipment: str, scac: str, rate: Decimal, *, picks: datetime, purpose: str = "00") -> Paper:
    """A 204."""
    segments: list[Segment] = [
        ["B2", "", scac, "", shipment, "L", "PP"],
        ["B2A", purpose, "LT"],
        ["S5", "1", "CL", "5472", "L"],
        ["G62", "37", day(picks.date()), "I", "0700"],
        ["N1", "SF", "Crossdock Columbus", "92", "CMH"],
        ["N4", "Columbus", "OH", "43004", "US"],
        ["S5", "2", "CU", "5472", "L"],
        ["G62", "53", day(picks.date() + timedelta(days=3)), "G", "1500"],
        ["N1", "ST", "The customer", "92", "C17"],
        ["N4", "Reno", "NV", "89501", "US"],
        ["L3", "5472", "G", money(rate), "FR", cents(rate)],
    ]
    return Paper(set_id="204", segments=segments)


def tender_answer(shipment: str, scac: str, word: str, *, on: date) -> Paper:
    """A 990: ``word`` is B104."""
    return Paper(set_id="990", segments=[["B1", scac, shipment, day(on), word]])


def load_status(
    shipment: str,
    pro: str,
    scac: str,
    statuses: Sequence[tuple[str, str, datetime]],
    *,
    lading: Segment | None = None,
) -> Paper:
    """A 214: (status [1650], reason [1651], when) in a city of Illinois."""
    segments: list[Segment] = [["B10", pro, shipment, scac], ["LX", "1"]]
    for status, reason, at in statuses:
        segments += [
            ["AT7", status, reason, "", "", day(at.date()), f"{at:%H%M}", "UT"],
            ["MS1", "Joliet", "IL", "US"],
        ]
    if lading is not None:
        segments.append(["Q7", *lading])
    return Paper(set_id="214", segments=segments)


def freight_invoice(
    number: str, shipment: str, scac: str, amount: Decimal, *, on: date, stated: Decimal | None = None
) -> Paper:
    """A 210 of one charge. ``stated``: the total that it claims, when not the sum."""
    claimed = amount if stated is None else stated
    return Paper(
        set_id="210",
        segments=[
            ["B3", "", number, shipment, "PP", "", day(on), cents(claimed), "", day(on), "035", scac],
            ["LX", "1"],
            ["L5", "1", "Line haul"],
            ["L1", "1", money(amount), "FR", cents(amount)],
            ["L3", "5472", "G", "", "", cents(claimed)],
        ],
    )


# -- returns, reports, words ------------------------------------------------------------------------------------


def returns(
    number: str,
    lines: Sequence[tuple[Line, int, Segment]],
    *,
    on: date,
    purpose: str = "00",
    answers: str = "",
    po: str = "",
) -> Paper:
    """A 180: (line, pieces, RDR). ``answers``: the number that the other side gave."""
    head: Segment = ["BGN", purpose, number, day(on)]
    if answers:
        head += ["", "", answers]
    segments: list[Segment] = [head]
    if po:
        segments.append(["PRF", po])
    for line, quantity, words in lines:
        segments += [
            ["BLI", "VP", line.good.seller, str(quantity), "EA"],
            ["N9", "LI", str(line.number)],
            ["RDR", *words],
        ]
    return Paper(set_id="180", segments=segments)


def product_activity(items: Sequence[tuple[Line, Mapping[str, int]]], *, on: date) -> Paper:
    """An 852: for each item its quantities by activity [859]."""
    segments: list[Segment] = [
        ["XQ", "H", day(on - timedelta(days=7)), day(on - timedelta(days=1))],
        ["N1", "BY", "The stores", "92", "LAKE"],
    ]
    for place, (line, quantities) in enumerate(items, 1):
        segments.append(["LIN", str(place), "VP", line.good.seller])
        segments += [["ZA", activity, str(quantity), "EA"] for activity, quantity in quantities.items()]
    segments.append(["CTT", str(len(items))])
    return Paper(set_id="852", segments=segments)


def transfer_report(number: str, transfers: Sequence[tuple[str, Line, str, int]], *, on: date) -> Paper:
    """An 867: (transfer [521], line, kind of quantity [673], pieces)."""
    segments: list[Segment] = [["BPT", "00", number, day(on)]]
    for kind, line, quantity_kind, quantity in transfers:
        segments += [
            ["PTD", kind],
            ["QTY", quantity_kind, str(quantity), "EA"],
            ["LIN", str(line.number), "VP", line.good.seller],
        ]
    segments.append(["CTT", str(len(transfers))])
    return Paper(set_id="867", segments=segments)


def words(number: str, subject: str, sentences: Sequence[str]) -> Paper:
    """An 864."""
    return Paper(
        set_id="864",
        segments=[
            ["BMG", "00", subject],
            ["MIT", number, subject],
            *(["MSG", sentence] for sentence in sentences),
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A set that an acknowledgement or an advice is about."""

    function: str
    group: int
    set_id: str
    set_number: str
    release: str = "004010"


def application_advice(
    number: str, word: str, qualifier: str, reference: str, target: Target, *, on: date, error: str = ""
) -> Paper:
    """An 824: ``word`` is OTI01, the reference OTI02 and OTI03."""
    segments: list[Segment] = [
        ["BGN", "11", number, day(on)],
        [
            "OTI",
            word,
            qualifier,
            reference,
            "",
            "",
            "",
            "",
            str(target.group),
            target.set_number,
            target.set_id,
        ],
    ]
    if error:
        segments.append(["TED", error, "it does not fit"])
    return Paper(set_id="824", segments=segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an acknowledgement says of one group: AK9 or the like, and the word of each set with its faults."""

    function: str
    group: int
    sets: Sequence[tuple[str, str, str]]
    """(set id, set number, word)."""
    release: str = "004010"
    faults: Sequence[Segment] = field(default_factory=tuple)
    """AK3 and AK4 of the first set that is not simply accepted, without the letters of their names."""


def functional_acknowledgement(verdict: Verdict) -> Paper:
    """A 997."""
    return _acknowledgement("997", "AK", verdict)


def implementation_acknowledgement(verdict: Verdict) -> Paper:
    """A 999."""
    return _acknowledgement("999", "IK", verdict)


def _acknowledgement(set_id: str, letters: str, verdict: Verdict) -> Paper:
    segments: list[Segment] = [["AK1", verdict.function, str(verdict.group)]]
    if set_id == "999":
        segments[0].append(verdict.release)
    taken = 0
    for set_name, number, word in verdict.sets:
        segments.append(["AK2", set_name, number])
        if word == "R" or (word == "E" and verdict.faults):
            segments += [[f"{letters}{fault[0]}", *fault[1:]] for fault in verdict.faults]
        segments.append([f"{letters}5", word, *(["5"] if word in "RE" else [])])
        taken += word in ("A", "E")
    count = len(verdict.sets)
    whole = "R" if not taken else "P" if taken < count else "A"
    if whole == "A" and any(word == "E" for *_, word in verdict.sets):
        whole = "E"
    segments.append(["AK9", whole, str(count), str(count), str(taken)])
    return Paper(set_id=set_id, segments=segments)


def interchange_acknowledgement(number: int, at: datetime, word: str, note: str) -> Segment:
    """A TA1."""
    return ["TA1", f"{number:09}", f"{at:%y%m%d}", f"{at:%H%M}", word, note]
