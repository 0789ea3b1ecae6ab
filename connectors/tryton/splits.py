"""A part of a line goes later, with a shipment of its own: by Tryton's own wizards, which split anew at each run.

What was split already is told by the quantity of the move, and by the moves that were there before; both stand in the
note that was left before the first step. Each wizard runs under the version of the move that it splits off: a repeat
that comes late finds it changed, and does nothing.
"""

from decimal import Decimal
from typing import Any

from connectors.tryton.books import Record
from connectors.tryton.notes import Before, Note
from connectors.tryton.orders import (
    CHANGED,
    MOVE,
    OPEN,
    SHIPMENT,
    Work,
    day_said,
    line_of,
    outgoing_of,
    plain,
    plan,
    put_back,
    shipment_of,
    to_draft,
    was_of,
)
from crossdock.errors import Refused
from crossdock.messages import Receipt


def split(work: Work) -> Receipt:
    """So much of a line goes later. Where it was begun, it is gone on with from the step that was reached."""
    later = _quantity(work.body.get("quantity"), "quantity")
    day = day_said(work.body["date"]) if work.body.get("date") else None
    note = work.begun()
    if note is None:
        note = _planned(work, later)
    shipments = [one for one in note.before if one.model == SHIPMENT]
    moves = [one for one in note.before if one.model == MOVE]
    if len(shipments) != 1 or not moves:
        raise Refused(f"note {note.number} does not say any more what is split", status="note")
    [shipment_was], (first, *others) = shipments, moves
    known = {one.number for one in others}
    whole = Decimal(first.was)
    to_draft(work, shipment_was, None)
    move = work.books.read(MOVE, first.number, "quantity", "unit.id", "origin", "shipment")
    rest = move
    if later < whole:
        if Decimal(str(move["quantity"])) == whole:
            _split_move(work, move, keep=whole - later)
        elif Decimal(str(move["quantity"])) != whole - later:
            raise Refused(
                f"move {first.number} is of {plain(move['quantity'])} now, and was of {whole}",
                status=CHANGED,
            )
        rest = _rest(work, move, later, known)
    here = f"{SHIPMENT},{shipment_was.number}"
    if rest["shipment"] == here:
        _split_shipment(work, shipment_was.number, rest)
        rest = work.books.read(MOVE, rest["id"], "shipment")
    new = int(str(rest["shipment"]).partition(",")[2])
    if day is not None and shipment_of(work, new)["state"] == "draft":
        plan(work, new, day)
    put_back(work, shipment_was)
    if shipment_was.was != "draft":
        put_back(work, Before(model=SHIPMENT, number=new, was="waiting"))
    numbers = [shipment_of(work, number)["number"] for number in dict.fromkeys((shipment_was.number, new))]
    on = f", planned for {day}" if day else ""
    return work.done(
        note,
        f"Split by Crossdock: {later} of {whole} go later with shipment {numbers[-1]}{on}",
        shipments=numbers,
        later=str(later),
    )


def _planned(work: Work, later: Decimal) -> Note:
    """The note before the first step: the shipment, the move that is split, and every other move of the line."""
    line = line_of(work, "sale.line", "sale")
    ordered = work.body.get("ordered")
    if ordered is not None and Decimal(str(line["quantity"])) != _quantity(ordered, "ordered"):
        raise Refused(
            f"line {line['id']} of {work.resource.name} is of {plain(line['quantity'])} now, and was of {ordered}",
            status=CHANGED,
        )
    domain = [["origin", "=", f"sale.line,{line['id']}"], ["state", "not in", ["cancelled", "done"]]]
    moves = work.books.search(MOVE, domain, "quantity", "shipment")
    for move in moves:
        model, _, number = str(move["shipment"] or "").partition(",")
        if model != SHIPMENT or Decimal(str(move["quantity"])) < later:
            continue
        shipment = shipment_of(work, int(number))
        if shipment["state"] not in OPEN:
            continue
        if Decimal(str(move["quantity"])) == later and len(outgoing_of(work, shipment["id"])) == 1:
            continue  # it has a shipment of its own already
        before = [
            Before(model=SHIPMENT, number=shipment["id"], was=was_of(shipment)),
            Before(model=MOVE, number=move["id"], was=plain(move["quantity"])),
            *(Before(model=MOVE, number=one["id"], was="there") for one in moves if one is not move),
        ]
        return work.begin(f"Crossdock is about to split {later} off line {line['id']}", before)
    raise Refused(
        f"no open shipment of {work.resource.name} carries {later} or more of line {line['id']}, and more than that",
        status="state",
    )


def _split_move(work: Work, move: Record, *, keep: Decimal) -> None:
    work.touched = True
    form = {"quantity": float(keep), "unit": move["unit"]["id"], "count": 1}
    stamps = {f"{MOVE},{move['id']}": str(move["_timestamp"])}
    work.books.wizard("stock.move.split", MOVE, move, form, stamps)
    work.lasting = True


def _rest(work: Work, move: Record, later: Decimal, known: set[int]) -> Record:
    """The move that was split off: the one of the same line that was not there before."""
    domain = [["origin", "=", move["origin"]], ["state", "!=", "cancelled"]]
    found = [
        one
        for one in work.books.search(MOVE, domain, "quantity", "shipment")
        if one["id"] != move["id"] and one["id"] not in known and Decimal(str(one["quantity"])) == later
    ]
    if len(found) != 1:
        raise Refused(f"{len(found)} moves could be what was split off move {move['id']}", status=CHANGED)
    return found[0]


def _split_shipment(work: Work, shipment: int, rest: Record) -> None:
    outgoing = [one["id"] for one in outgoing_of(work, shipment)]
    if outgoing == [rest["id"]]:
        return
    work.touched = True
    form = {"moves": [rest["id"]], "domain_moves": outgoing}
    # under the version of the move: a repeat that comes late finds it changed, and makes no empty shipment
    stamps = {f"{MOVE},{rest['id']}": str(rest["_timestamp"])}
    work.books.wizard("stock.shipment.split", SHIPMENT, {"id": shipment}, form, stamps)
    work.lasting = True


def _quantity(said: Any, name: str) -> Decimal:
    try:
        quantity = Decimal(str(said))
    except ArithmeticError:
        quantity = Decimal(0)
    if not quantity.is_finite() or quantity <= 0:
        raise Refused(f"the {name} {str(said)[:40]!r} is no quantity above 0", status="body")
    return quantity
