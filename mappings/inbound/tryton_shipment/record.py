"""One shipment to a customer as Tryton's REST writes it (``stock.shipment.out``), with its moves.

Outgoing moves leave the house, each for a line of an order; moves inside the warehouse bring the goods to the dock,
and their state says what could be reserved.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from crossdock.errors import Unreadable
from mappings import tryton
from mappings.records import Complaints, Fields, a_list

_NOT_RESERVED: Final = ("draft", "staging")
_OFF: Final = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What leaves for one line. ``line`` is the number of the order's line in Tryton, else the move's own."""

    pointer: str
    number: int
    line: str
    order: str
    product: str
    quantity: Decimal
    unit: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """A move inside the warehouse. ``serves``: the outgoing move that it is for."""

    serves: int
    quantity: Decimal
    unit: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """A shipment. ``first_planned_on``: before anybody moved its date."""

    number: str
    state: str
    planned_on: date | None
    first_planned_on: date | None
    left_on: date | None
    partially_assigned: bool
    changed_at: datetime
    customer: str
    customer_name: str
    warehouse: str
    moves: tuple[Outgoing, ...]
    inside: tuple[Inside, ...]

    @property
    def orders(self) -> tuple[str, ...]:
        """The numbers of the orders that it delivers."""
        return tuple(sorted({one.order for one in self.moves if one.order}))

    def missing(self, move: Outgoing) -> Decimal:
        """How much of an outgoing move is not reserved. A warehouse without a dock of its own has no moves inside."""
        if not self.inside:
            return move.quantity if move.state in _NOT_RESERVED else Decimal(0)
        found = [one for one in self.inside if one.serves == move.number and one.state in _NOT_RESERVED]
        # another unit than the line's cannot be added up; the whole line is then what is not reserved
        if any(one.unit != move.unit for one in found):
            return move.quantity
        return min(sum((one.quantity for one in found), Decimal(0)), move.quantity)


def read_shipment(document: Any) -> Shipment:
    """The shipment of a record. Raises ``Unreadable`` with everything that is wrong."""
    complaints = Complaints("the shipment", remedy=tryton.REMEDY)
    top = Fields(document, complaints)
    complaints.refuse()
    if not top.has("write_date"):
        top.tell("write_date", "is missing")
    number, state = top.needed("number", 80), top.needed("state", 40)
    changed_at = top.read("write_date", tryton.moment, tryton.MOMENT)
    found = {
        "planned_on": top.read("planned_date", tryton.day, tryton.DAY),
        "first_planned_on": top.read("origin_planned_date", tryton.day, tryton.DAY),
        "left_on": top.read("effective_date", tryton.day, tryton.DAY),
    }
    partially, moves, inside = top.flag("partially_assigned"), _moves(top), _inside(top)
    customer = top.within("customer") or Fields({}, complaints)
    code, name = customer.text("code", 80), customer.text("name")
    warehouse = tryton.within(top, "warehouse.code", 80)
    complaints.refuse()
    if changed_at is None:
        raise Unreadable("the shipment says no time of its last change", remedy=tryton.REMEDY)
    return Shipment(
        number=number,
        state=state,
        partially_assigned=bool(partially),
        changed_at=changed_at,
        customer=code,
        customer_name=name,
        warehouse=warehouse,
        moves=moves,
        inside=inside,
        **found,
    )


def _moves(top: Fields) -> tuple[Outgoing, ...]:
    found = []
    for one in top.members("outgoing_moves", a_list):
        quantity, state = one.decimal("quantity"), one.text("state", 40)
        origin = one.read("origin", tryton.reference, tryton.REFERENCE)
        if quantity is None or quantity <= 0 or state == _OFF:
            continue
        number = tryton.number(one)
        of_line = origin is not None and origin[0] == "sale.line"
        found.append(
            Outgoing(
                pointer=one.at("quantity"),
                number=number,
                line=str(origin[1]) if of_line and origin is not None else f"move {number}",
                order=tryton.within(one, "sale.number", 80),
                product=tryton.within(one, "product.code", 80),
                quantity=quantity,
                unit=tryton.within(one, "unit.symbol", 20),
                state=state,
            )
        )
    return tuple(found)


def _inside(top: Fields) -> tuple[Inside, ...]:
    found = []
    for one in top.members("inventory_moves", a_list):
        quantity = one.decimal("quantity")
        origin = one.read("origin", tryton.reference, tryton.REFERENCE)
        if quantity is None or origin is None or origin[0] != "stock.move":
            continue
        found.append(
            Inside(
                serves=origin[1],
                quantity=quantity,
                unit=tryton.within(one, "unit.symbol", 20),
                state=one.text("state", 40),
            )
        )
    return tuple(found)
