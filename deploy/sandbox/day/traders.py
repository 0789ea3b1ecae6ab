"""Forty trading partners of a seed: suppliers, customers, carriers, warehouses and a bank, each with its own ways.

A ``Trader`` is what the stories know of it; ``profile`` writes the same as a TOML profile for the hub.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from deploy.sandbox.day.envelopes import Marks
from deploy.sandbox.day.hours import YARD, Limit, Office, office

NOBODY: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """One thing of the catalogue between us and a partner: the buyer's number, the seller's, the price of one."""

    buyer: str
    seller: str
    price: Decimal
    pack: int = 0
    """So many pieces in a case, where the profile says it; 0: it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """One trading partner. ``windows``: what becomes of interchange and group numbers that come again."""

    index: int
    name: str
    title: str
    role: str
    qualifier: str
    id: str
    zone: str = "UTC"
    calendar: str = "us_business"
    currency: str = "USD"
    release: str = "004010"
    marks: Marks = field(default_factory=Marks)
    acknowledged_by_us: str = "997"
    acknowledges: str = "997"
    within: str = "24h"
    ta1: str = "requested"
    lenient: bool = False
    sequence: str = "ignore"
    windows: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    off: frozenset[str] = frozenset()
    price_tolerance: Decimal = Decimal(0)
    freight_tolerance: Decimal = Decimal(0)
    amount_tolerance: Decimal = Decimal(0)
    own_code: bool = False
    overlay: str = ""
    known_only: bool = False
    sets: Sequence[str] = ()
    sends: Sequence[str] = ()
    goods: Sequence[Good] = ()

    @property
    def office(self) -> Office:
        return office(self.calendar, self.zone)

    def limit(self, clock: str) -> Limit | None:
        """How long an answer may take with this partner; ``None``: nobody looks."""
        if clock in self.off:
            return None
        said = self.limits.get(clock, USUAL.get(clock))
        return None if said is None else Limit.of(said)

    def window(self, level: str) -> str:
        """``reject``, ``flag`` or ``ignore``: what becomes of a number of this level that comes again."""
        return self.windows.get(level, "reject" if level == "interchange" else "flag")


USUAL: Final[Mapping[str, str]] = {
    "order_acknowledged": "1 business day",
    "change_answered": "1 business day",
    "order_shipped": "5 business days",
    "shipment_invoiced": "5 business days",
    "warehouse_shipped": "2 business days",
    "transfer_received": "3 business days",
    "tender_answered": "4h",
    "inquiry_answered": "1 business day",
    "ship_notice_has_order": "4h",
    "answer_has_order": "4h",
    "invoice_has_order": "4h",
    "invoice_has_shipment": "1 business day",
    "payment_has_invoice": "1 business day",
    "adjustment_has_invoice": "1 business day",
}
"""How long an answer may take where a profile says nothing: what the distributor tells its partners. Whether reports
go on, and whether a carrier talks about its loads, is looked at only where a profile says so."""

_SETS: Final[Mapping[str, tuple[Sequence[str], Sequence[str]]]] = {
    "supplier": (
        ("855", "865", "856", "810", "846", "870", "812", "824", "864", "180"),
        ("850", "860", "869", "861", "820", "812", "824", "864", "180"),
    ),
    "customer": (
        ("850", "860", "869", "861", "820", "812", "824", "864", "852", "867", "180"),
        ("855", "865", "856", "810", "846", "870", "812", "824", "864", "180"),
    ),
    "carrier": (("990", "214", "210", "824", "864"), ("204", "820", "824", "864")),
    "warehouse": (("945", "944", "947", "846", "824", "864"), ("940", "943", "824", "864")),
    "bank": (("820", "824", "864"), ("820", "864")),
}
"""What each kind of partner sends us, and what we send it."""

_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "supplier": (
        "Brookline Valve", "Cinder Pump Works", "Delta Fittings", "Eastgate Seals", "Foundry Nine", "Gale Motors",
        "Hollis Hose", "Ironwood Tools", "Juniper Gauges", "Keystone Castings", "Larkin Bearings", "Mesa Filters",
        "Norwood Flanges", "Orchard Controls",
    ),
    "customer": (
        "Pacific Marine Stores", "Quarry Supply Houses", "Riverside Hardware", "Summit Builders",
        "Tidewater Plumbing",
        "Union Farm Stores", "Valley Irrigation", "Westport Chandlers", "Xenia Mechanical", "Yuma Water District",
        "Zephyr Mining", "Aspen Ski Areas", "Bayou Shipyards",
    ),
    "carrier": (
        "Clearwater Cartage", "Dixon Van Lines", "Emerald Express", "Falcon Freight", "Granite Haulage",
        "Highline Transport",
    ),
    "warehouse": (
        "Inland Storage", "Jetty Logistics", "Knoll Distribution", "Lowland Cold Store", "Mill Street Depot",
        "Northgate Terminal",
    ),
    "bank": ("Old Harbor Bank",),
}  # fmt: skip

_ZONES: Final = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix",
    "America/Toronto",
)  # fmt: skip
_MARKS: Final = (
    Marks(),
    Marks(end=""),
    Marks(element="|", component=":", segment="~", end="\r\n"),
    Marks(element="*", component="<", segment="'", repetition="!"),
    Marks(element="^", component=":", segment="~", repetition="\\"),
    Marks(element="*", component=":", segment="\n", end=""),
    Marks(element="\x1d", component="\x1f", segment="\x1c", end=""),
)
_WARES: Final = ("PUMP", "VALVE", "SEAL", "HOSE", "CLAMP", "GAUGE", "ELBOW", "MOTOR")

SHARES: Final[Mapping[str, int]] = {"supplier": 14, "customer": 13, "carrier": 6, "warehouse": 6, "bank": 1}
"""So many of each kind are forty."""


def traders(seed: int, shares: Mapping[str, int] = SHARES) -> list[Trader]:
    """The trading partners of a seed. The first of each kind have no oddities of their own: every story can be told
    with one of them."""
    found: list[Trader] = []
    for role, count in shares.items():
        for place in range(count):
            dice = random.Random(f"trader {seed} {role} {place}")
            found.append(_trader(len(found) + 1, role, place, dice))
    return found


def _trader(index: int, role: str, place: int, dice: random.Random) -> Trader:
    title = _NAMES[role][place]
    word = "".join(part[:4] for part in title.upper().split())[:11]
    receives, sends = _SETS[role]
    release = "005010" if place % 3 == 1 else "004010"
    ours = ("997", "997", "999")[place % 3] if release == "005010" else "997"
    acknowledges = "999" if release == "005010" and place % 2 else "997"
    calendar = ("us_business", "us_business", "always", "us_banking", "day_yard")[place % 5]
    if role == "bank":
        calendar = "us_banking"
    qualifier = {"carrier": "02"}.get(role, ("ZZ", "01", "12", "ZZ", "08")[place % 5])
    id = {"02": word[:4], "01": f"{300_000_000 + index}", "12": f"{5_135_550_000 + index}"}.get(
        qualifier, word
    )
    marks = _MARKS[dice.randrange(len(_MARKS))] if place else _MARKS[0]
    limits: dict[str, str] = {}
    if place % 4 == 2:
        limits = {
            "order_acknowledged": "6 business hours", "change_answered": "2 business days",
            "order_shipped": "3 business days", "tender_answered": "6h",
            "warehouse_shipped": "8 business hours", "transfer_received": "1 business day",
            "invoice_has_shipment": "4 business hours",
        }  # fmt: skip
    if role == "warehouse" and place == 1:
        limits["report_continues"] = "1 business day"
    if role == "carrier" and place == 1:
        limits["load_reports"] = "24h"
    odd = place % 6
    goods = [
        Good(
            buyer=f"{_WARES[number]}-{index:02}{number}",
            seller=f"{word[:3]}-{7000 + 10 * index + number}",
            price=Decimal(dice.randrange(200, 9000)) / 100,
            pack=12 if number == 0 and odd == 3 else 0,
        )
        for number in range(6)
    ]
    return Trader(
        index=index,
        name=title.lower().replace(" ", "_"),
        title=title,
        role=role,
        qualifier=qualifier,
        id=id,
        zone=_ZONES[(place + index) % len(_ZONES)],
        calendar=calendar,
        currency="CAD" if place % 7 == 5 else "USD",
        release=release,
        marks=marks,
        acknowledged_by_us="none" if place % 8 == 7 else ours,
        acknowledges="none" if place % 9 == 8 else acknowledges,
        within=("24h", "1 business day", "8 business hours", "12h")[place % 4],
        ta1="always" if place % 7 == 3 else "requested",
        lenient=odd == 4,
        sequence="gaps" if place % 4 in (0, 1) else "ignore",
        windows=({}, {}, {"interchange": "flag"}, {"group": "reject"}, {}, {})[odd],
        limits=limits,
        off=frozenset({"inquiry_answered"}) if place % 8 == 4 else frozenset(),
        price_tolerance=Decimal("1.0") if odd == 2 else Decimal(0),
        freight_tolerance=Decimal("2") if odd == 1 else Decimal(0),
        amount_tolerance=Decimal("0.50") if odd == 5 else Decimal(0),
        own_code=odd == 1,
        overlay="855" if role == "supplier" and odd == 3 else "",
        known_only=odd == 5 and role in ("supplier", "customer"),
        sets=receives,
        sends=sends,
        goods=goods,
    )


def stranger(index: int) -> Trader:
    """Somebody whom nobody set up."""
    return Trader(
        index=index,
        name=f"stranger_{index}",
        title="A stranger",
        role="supplier",
        qualifier="ZZ",
        id=f"STRANGER{index}",
    )


# -- the profile ------------------------------------------------------------------------------------------------


def profile(trader: Trader) -> str:
    """The TOML profile of a trader."""
    marks = trader.marks
    lines = [
        f"name = {_text(trader.name)}",
        f"title = {_text(trader.title)}",
        f"role = {_text(trader.role)}",
        f"ids = [[{_text(trader.qualifier)}, {_text(trader.id)}]]",
        'ours = ["ZZ", "CROSSDOCK"]',
        f"timezone = {_text(trader.zone)}",
        f"currency = {_text(trader.currency)}",
        f"sets = {_list(trader.sets)}",
        'usage = "P"',
        f"release = {_text(trader.release)}",
        f"acknowledge = {_text(trader.acknowledged_by_us)}",
        f"expect = {_text(trader.acknowledges)}",
        f"expect_within = {_text(trader.within)}",
        f"sequence = {_text(trader.sequence)}",
        f"lenient = {'true' if trader.lenient else 'false'}",
        f"element = {_text(marks.element)}",
        f"component = {_text(marks.component)}",
        f"segment = {_text(marks.segment)}",
    ]
    if trader.acknowledged_by_us != NOBODY:
        lines += ['acknowledge_target = "supplier_edi"', f"ta1 = {_text(trader.ta1)}"]
    if trader.release >= "005010":
        lines.append(f"repetition = {_text(marks.repetition)}")
    lines += ["", "[send]", f"sets = {_list(trader.sends)}"]
    lines += ["", "[clocks]", f"calendar = {_text(trader.calendar)}", f"timezone = {_text(trader.zone)}"]
    for clock, limit in trader.limits.items():
        lines += ["", f"[clocks.{clock}]", f"within = {_text(limit)}"]
    for clock in sorted(trader.off):
        lines += ["", f"[clocks.{clock}]", "off = true"]
    lines += [
        "",
        "[tolerances]",
        f'price = "{trader.price_tolerance}%"',
        f'freight = "{trader.freight_tolerance}%"',
        f'amount = "{trader.amount_tolerance}"',
    ]
    if trader.windows:
        lines += ["", "[duplicates]"]
        lines += [
            f'{level} = {{ within = "30 days", then = {_text(then)} }}'
            for level, then in trader.windows.items()
        ]
    if trader.known_only or any(good.pack for good in trader.goods):
        lines += [
            "",
            "[items]",
            f"known_only = {'true' if trader.known_only else 'false'}",
            "",
            "[items.map]",
        ]
        for good in trader.goods:
            packs = f', packs = {{ CA = "{good.pack}" }}' if good.pack else ""
            lines.append(f'"VP:{good.seller}" = {{ ours = "{good.buyer}"{packs} }}')
    if trader.overlay:
        lines += ["", f"[overlay.{trader.overlay}]", 'require = ["REF"]']
    if trader.own_code:
        lines += [
            "",
            "[codes.x12-668]",
            'QX = { text = "held until the tooling is free", exception = "ORD.HOLD", fact = "acknowledged", '
            'cause = "tooling" }',
        ]
    return "\n".join(lines) + "\n"


def write_profiles(everybody: Sequence[Trader], profiles: Path, calendars: Path) -> None:
    """The profiles, one file each, and the calendar that is not packaged."""
    profiles.mkdir(parents=True, exist_ok=True)
    calendars.mkdir(parents=True, exist_ok=True)
    (calendars / "day_yard.toml").write_text(YARD, encoding="utf-8")
    for trader in everybody:
        (profiles / f"{trader.name}.toml").write_text(profile(trader), encoding="utf-8")


def _text(value: str) -> str:
    plain = "".join(
        character if " " <= character <= "~" and character not in '"\\' else f"\\u{ord(character):04x}"
        for character in value
    )
    return f'"{plain}"'


def _list(values: Sequence[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"
