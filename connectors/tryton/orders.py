"""What the hub does to an order in Tryton, step by step: hold, release, a new date. ``splits`` has one more.

Each step reads the record, looks whether it is still to be done, and changes it under the version that was read. So a
step that was done already is passed over, one that somebody else came before is refused, and the whole may be begun
again after any of them: the note that was left before the first step says how things were.

A shipment can be changed in draft alone. What waits for the warehouse, or is assigned, is set back to draft, changed,
and put where it was; that makes its inventory moves anew, so their numbers mean nothing. Outgoing moves keep theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from connectors.tryton.books import Books, Record, Resource
from connectors.tryton.notes import Before, Note
from connectors.tryton.values import day_of
from crossdock.errors import Refused
from crossdock.messages import Receipt, WriteBack

SHIPMENT: Final = "stock.shipment.out"
SALE: Final = "sale.sale"
PURCHASE: Final = "purchase.purchase"
MOVE: Final = "stock.move"

CHANGED: Final = "changed"
"""The status of ``Refused`` for what is not any more as the write-back was decided on."""

_READ: Final = ("number", "state", "planned_date", "partially_assigned")
OPEN: Final = ("draft", "waiting", "assigned")
"""A shipment that nobody has picked."""

_BACK: Final[Mapping[str, str]] = {"assigned": "wait", "waiting": "draft"}
"""The button that sets a shipment one state back, towards draft."""

_RESERVED: Final = "reserved"
"""A waiting shipment that has a part of its goods already."""

_FORTH: Final[Mapping[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    (SHIPMENT, "waiting"): (("draft", "wait"),),
    (SHIPMENT, _RESERVED): (("draft", "wait"), ("waiting", "assign_try")),
    (SHIPMENT, "assigned"): (("draft", "wait"), ("waiting", "assign_try")),
    (SALE, "quotation"): (("draft", "quote"),),
    (SALE, "confirmed"): (("draft", "quote"), ("quotation", "confirm")),
}
"""The buttons that bring a record back to where it was, each with the state that it leads on from."""


@dataclass(slots=True, kw_only=True)
class Work:
    """One attempt at a write-back on one record.

    ``touched``: a change was asked for, so something may have happened. ``lasting``: something was done that putting
    everything where it was does not take back.
    """

    books: Books
    write_back: WriteBack
    body: Mapping[str, Any]
    resource: Resource
    touched: bool = False
    lasting: bool = False
    note: Note | None = None

    def begun(self) -> Note | None:
        """The note of an earlier attempt, which may have got anywhere."""
        self.note = self.books.note_of(self.resource, self.write_back.idempotency_key)
        self.lasting = self.note is not None
        return self.note

    def begin(self, text: str, before: Sequence[Before]) -> Note:
        """The note before the first step."""
        self.touched = True
        self.note = self.books.begin(self.resource, text, self.write_back, before)
        return self.note

    def press(self, button: str, model: str, record: Record) -> None:
        """A step that can be taken back."""
        self.touched = True
        self.books.press(button, model, record)

    def done(self, note: Note, text: str, **evidence: Any) -> Receipt:
        """The last step: the note says that it is done."""
        self.touched = True
        finished = self.books.finish(note, self.resource, text, self.write_back)
        return receipt(finished, self.resource, **evidence)

    def leave(self, text: str, **evidence: Any) -> Receipt:
        """The last step of what needs no note before it."""
        self.touched = True
        note = self.books.leave(self.resource, text, self.write_back)
        return receipt(note, self.resource, **evidence)

    def take_back(self) -> None:
        """Everything where it was before this attempt, and no word of it."""
        if self.note is not None:
            for one in self.note.before:
                put_back(self, one)
            self.books.forget(self.note)

    def text(self, name: str) -> str:
        """A text of the body, empty where it says none."""
        said = self.body.get(name)
        return said.strip() if isinstance(said, str) else ""


def receipt(note: Note, resource: Resource, **evidence: Any) -> Receipt:
    """What proves that it happened: the note in the ERP."""
    return Receipt(
        reference=f"ir.note,{note.number}",
        evidence={"resource": resource.reference, "number": resource.name, **evidence},
    )


# -- hold and release ----------------------------------------------------------------------------------------


def hold(work: Work) -> Receipt:
    """Nothing of the order can be picked until it is released: its shipments are set to draft, and so is an order
    that is not in process yet."""
    reason = work.text("reason") or "no reason given"
    read: dict[tuple[str, int], Record] = {}
    note = work.begun()
    if note is None:
        records = _holdable(work)
        read = {(model, one["id"]): one for model, one in records}
        before = [Before(model=model, number=one["id"], was=was_of(one)) for model, one in records]
        note = work.begin(f"Crossdock is about to hold this: {reason}", before)
    for one in note.before:
        to_draft(work, one, read.get((one.model, one.number)))
    return work.done(note, f"Held by Crossdock: {reason}", held=[each.reference for each in note.before])


def release(work: Work) -> Receipt:
    """What one hold of ours set to draft goes back to where it was. What somebody moved meanwhile is left alone."""
    held = work.text("releases")
    note = work.books.note_of(work.resource, held) if held else None
    if note is None:
        raise Refused(f"{work.resource.name} has no hold of the key {held[:80]!r}", status="hold")
    for one in note.before:
        put_back(work, one)
    return work.leave(f"Released by Crossdock: {work.text('reason') or 'no reason given'}")


def _holdable(work: Work) -> list[tuple[str, Record]]:
    """The records that must go to draft. Raises ``Refused`` where it is too late."""
    shipments = _shipments(work)
    late = [one["number"] for one in shipments if one["state"] in ("picked", "packed")]
    if late:
        raise Refused(
            f"{work.resource.name} cannot be held any more: {', '.join(late)} is picked already",
            status="state",
        )
    found = [(SHIPMENT, one) for one in shipments if one["state"] in _BACK]
    if work.resource.model == SALE:
        sale = work.books.read(SALE, work.resource.number, "state")
        if sale["state"] in ("quotation", "confirmed"):
            found.append((SALE, sale))
        elif not any(one["state"] in OPEN for one in shipments):
            raise Refused(
                f"{work.resource.name} is {sale['state']} and has nothing that could still be held",
                status="state",
            )
    elif not found and not any(one["state"] in OPEN for one in shipments):
        raise Refused(f"{work.resource.name} has nothing that could still be held", status="state")
    return found


# -- a new date ----------------------------------------------------------------------------------------------


def change_date(work: Work) -> Receipt:
    """A new planned date: of the shipment that carries a line, of a whole shipment, or of what is still to come on
    the line of a purchase."""
    day = day_said(work.body.get("date"))
    if work.resource.model == PURCHASE:
        return _expect_on(work, day)
    note = work.begun()
    read: dict[int, Record] = {}
    if note is None:
        read = {one["id"]: one for one in _shipments_of_line(work)}
        before = [Before(model=SHIPMENT, number=number, was=was_of(one)) for number, one in read.items()]
        note = work.begin(f"Crossdock is about to plan this for {day}", before)
    numbers = []
    for one in note.before:
        shipment = read.get(one.number) or shipment_of(work, one.number)
        if day_of(shipment["planned_date"]) != day:
            to_draft(work, one, shipment)
            plan(work, one.number, day)
        put_back(work, one)
        numbers.append(shipment["number"])
    return work.done(note, f"Planned for {day} by Crossdock", shipments=numbers, date=day.isoformat())


def plan(work: Work, number: int, day: date) -> None:
    shipment = shipment_of(work, number)
    if shipment["state"] != "draft":
        raise Refused(
            f"{shipment['number']} is {shipment['state']}: its date cannot be changed", status=CHANGED
        )
    if day_of(shipment["planned_date"]) != day:
        work.touched = True
        work.books.write_day(SHIPMENT, [shipment], "planned_date", day)
        work.lasting = True


def _expect_on(work: Work, day: date) -> Receipt:
    line = line_of(work, "purchase.line", "purchase")
    domain = [["origin", "=", f"purchase.line,{line['id']}"], ["state", "=", "draft"]]
    moves = work.books.search(MOVE, domain, "planned_date")
    if not moves:
        raise Refused(
            f"nothing is still to come on line {line['id']} of {work.resource.name}", status="state"
        )
    wrong = [one for one in moves if day_of(one["planned_date"]) != day]
    if wrong:
        work.touched = True
        work.books.write_day(MOVE, wrong, "planned_date", day)
        work.lasting = True
    return work.leave(f"Expected on {day}, as Crossdock was told", date=day.isoformat())


# -- what they share -----------------------------------------------------------------------------------------


def _shipments(work: Work) -> list[Record]:
    """The shipments of the order, or the shipment itself."""
    if work.resource.model == SHIPMENT:
        return [work.books.read(SHIPMENT, work.resource.number, *_READ)]
    if work.resource.model != SALE:
        raise Refused(f"{work.resource.name} has no shipments to a customer", status="subject")
    moves = work.books.search(MOVE, [["sale", "=", work.resource.number]], "shipment")
    numbers = {
        int(str(one["shipment"]).partition(",")[2])
        for one in moves
        if str(one["shipment"] or "").startswith(f"{SHIPMENT},")
    }
    return work.books.search(SHIPMENT, [["id", "in", sorted(numbers)]], *_READ) if numbers else []


def _shipments_of_line(work: Work) -> list[Record]:
    """The open shipments that a new date is for. Raises ``Refused`` when it would move what nobody asked for."""
    shipments = [one for one in _shipments(work) if one["state"] in OPEN]
    wanted = work.text("line")
    if work.resource.model == SALE and wanted:
        line = line_of(work, "sale.line", "sale")
        origin = f"sale.line,{line['id']}"
        carrying = []
        for one in shipments:
            origins = [move["origin"] for move in outgoing_of(work, one["id"])]
            if origin not in origins:
                continue
            if set(origins) != {origin}:
                raise Refused(
                    f"{one['number']} also carries other lines than {wanted}, and a shipment has one date: split the "
                    "line off first, or change the date of the shipment",
                    status="shared",
                )
            carrying.append(one)
        shipments = carrying
    if not shipments:
        raise Refused(
            f"{work.resource.name} has no open shipment whose date could be changed", status="state"
        )
    return shipments


def outgoing_of(work: Work, shipment: int) -> list[Record]:
    """The moves of a shipment that leave the house."""
    domain = [["shipment", "=", f"{SHIPMENT},{shipment}"], ["origin", "like", "sale.line,%"]]
    return work.books.search(MOVE, [*domain, ["state", "!=", "cancelled"]], "origin", "quantity")


def line_of(work: Work, model: str, parent: str) -> Record:
    """The line of the order that is meant: by its number in Tryton, else by a product that one line alone has."""
    wanted = work.text("line")
    if work.resource.model not in (SALE, PURCHASE) or not work.resource.model.startswith(parent):
        raise Refused(f"{work.resource.name} has no lines of an order", status="subject")
    lines = work.books.search(model, [[parent, "=", work.resource.number]], "quantity", "product.code")
    found = [one for one in lines if str(one["id"]) == wanted]
    found = found or [one for one in lines if (one.get("product") or {}).get("code") == wanted]
    if len(found) != 1:
        known = ", ".join(f"{one['id']} ({(one.get('product') or {}).get('code')})" for one in lines)
        raise Refused(
            f"{work.resource.name} has {len(found) or 'no'} line {wanted[:40]!r}; it has {known[:200]}",
            status="line",
        )
    return found[0]


def shipment_of(work: Work, number: int) -> Record:
    return work.books.read(SHIPMENT, number, *_READ)


def was_of(record: Record) -> str:
    return _RESERVED if record.get("partially_assigned") else str(record["state"])


def _state(work: Work, one: Before) -> Record:
    return work.books.read(one.model, one.number, "number", "state")


def to_draft(work: Work, one: Before, read: Record | None) -> None:
    """Set a record back until it is in draft. ``read``: as it was when that was decided."""
    record = read or _state(work, one)
    for _step in _BACK.values():
        if record["state"] == "draft":
            return
        button = "draft" if one.model == SALE else _BACK.get(record["state"])
        if button is None:
            raise Refused(
                f"{record.get('number') or one.reference} is {record['state']} now, and was {one.was}",
                status=CHANGED,
            )
        work.press(button, one.model, record)
        record = _state(work, one)
    if record["state"] != "draft":
        raise Refused(f"{one.reference} does not go back to draft", status=CHANGED)


def put_back(work: Work, one: Before) -> None:
    """Bring a record back to where it was; one that is elsewhere was moved by somebody, and stays."""
    for state, button in _FORTH.get((one.model, one.was), ()):
        record = _state(work, one)
        if record["state"] == state:
            work.press(button, one.model, record)


def plain(quantity: Any) -> str:
    return format(Decimal(str(quantity)).normalize(), "f")


def day_said(said: Any) -> date:
    try:
        return date.fromisoformat(said)
    except (TypeError, ValueError):
        raise Refused(f"{str(said)[:40]!r} is no date", status="body") from None
