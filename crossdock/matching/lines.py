"""Which line of one document is which line of another, and how their quantities compare.

Lines are matched by their number when both documents use it, then by the buyer's item number, a GTIN, the seller's
item number. Units are converted by an item's own pack data and by nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from crossdock.partners import Items, Partner

Line = Mapping[str, Any]

_SCHEMES: Final = ("buyer-item", "gtin", "vendor-item", "manufacturer-item", "internal", "sku")
"""Item numbers in the order in which they are trusted (our words of the crosswalk of element 235)."""

_NO_ITEM: Final = frozenset(
    {"lot", "serial", "order", "vendor-order", "manufacturer", "hs", "buyer-line", "sscc"}
)
"""What stands among a line's product ids and tells no item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """A line of the later document with the line of the earlier one that it is about; ``None``: there is none."""

    line: Line
    of: Line | None


def match(lines: Sequence[Line], of: Sequence[Line]) -> Iterator[Matched]:
    """Each line with its counterpart among the lines ``of`` the other document.

    The line number decides where the items do not contradict it; else the item decides, when it names one line only.
    """
    by_ref: dict[str, list[Line]] = {}
    by_item: dict[tuple[str, str], list[Line]] = {}
    for line in of:
        by_ref.setdefault(line["line_ref"], []).append(line)
        for item in items(line):
            by_item.setdefault(item, []).append(line)
    for line in lines:
        same = (one for one in by_ref.get(line["line_ref"], ()) if not _contradict(line, one))
        yield Matched(line=line, of=next(same, None) or _by_item(line, by_item))


def items(line: Line) -> list[tuple[str, str]]:
    """What names the item of a line, as (scheme, value), most trusted first. GTINs of all lengths are one kind."""
    found = set()
    for item in line.get("item_ids", ()):
        scheme, value = item.get("scheme", ""), item["value"].strip().upper()
        if scheme.startswith("gtin-"):
            scheme, value = "gtin", value.zfill(14)
        if scheme not in _NO_ITEM:
            found.add((scheme, value))
    return sorted(found, key=_trust)


def _by_item(line: Line, by_item: Mapping[tuple[str, str], list[Line]]) -> Line | None:
    for item in items(line):
        found = by_item.get(item, [])
        if len(found) == 1:
            return found[0]
    return None


def _trust(item: tuple[str, str]) -> tuple[int, str, str]:
    scheme, value = item
    return _SCHEMES.index(scheme) if scheme in _SCHEMES else len(_SCHEMES), scheme, value


def _contradict(line: Line, other: Line) -> bool:
    """Whether both name an item of the same scheme, and never the same one."""
    mine, theirs = items(line), items(other)
    shared = {scheme for scheme, _ in mine} & {scheme for scheme, _ in theirs}
    return bool(shared) and set(mine).isdisjoint(theirs)


class Unlike(ValueError):
    """Two quantities in units that no pack data of the item turns into each other."""


def in_unit(quantity: Mapping[str, str], unit: str, line: Line, partner: Partner | None) -> Decimal:
    """A quantity of a line in another unit, by the packs of the item. Raises ``Unlike`` when nothing says how."""
    value = Decimal(quantity["value"])
    if quantity["uom"] == unit:
        return value
    listed = partner.items if partner is not None else Items()
    for scheme, number in _numbers(line):
        item = listed.find(scheme, number)
        each = item.in_each(value, quantity["uom"]) if item else None
        content = item.in_each(Decimal(1), unit) if item else None
        if each is not None and content:
            return each / content
    raise Unlike(
        f"{quantity['value']} {quantity['uom']} cannot be said in {unit}: no pack data of the item tells"
    )


def _numbers(line: Line) -> Iterator[tuple[str, str]]:
    """The product ids of a line as a profile lists them."""
    return ((item.get("scheme", ""), item["value"]) for item in line.get("item_ids", ()))


def total(lines: Iterable[Line], field: str, unit: str, partner: Partner | None) -> Decimal:
    """The quantities of a field, summed in one unit. Lines that do not say it count nothing. Raises ``Unlike``."""
    return sum(
        (in_unit(line[field], unit, line, partner) for line in lines if line.get(field)), start=Decimal(0)
    )
