"""Writes notes, dates, holds, releases and splits back to Tryton, each once.

Tryton honours no key. Each write-back leaves a note with its key in the ERP as its last step (``notes``), and whether
it happened is asked by looking for that note. What is begun and not finished is gone on with: ``orders``.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.tryton import notes, orders, splits
from connectors.tryton.books import Books, Resource
from connectors.tryton.orders import CHANGED, Work
from connectors.tryton.rest import search_path, told
from connectors.tryton.rpc import STALE
from connectors.tryton.settings import SinkSettings
from crossdock.errors import CrossdockError, Refused, Unreadable, WireDown, WireQuiet
from crossdock.formats import json_strict
from crossdock.kit.rest_target import Effect, said
from crossdock.manifests import typed
from crossdock.messages import Conflict, Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.rest import Answer

NOTE = "note"
OPERATIONS: Mapping[str, Callable[[Work], Receipt]] = {
    "change_date": orders.change_date,
    "hold": orders.hold,
    "release": orders.release,
    "split": splits.split,
}
"""What is done to an order, by the operation of a write-back. A note alone is one request over REST."""
WIZARDS = ("wizard.stock.move.split.execute", "wizard.stock.shipment.split.execute")
WRITTEN = ("sale.sale", "stock.shipment.out", "stock.move")
"""The models that a user must be able to write to."""


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Orders":
    """The sink of this connector, not yet opened."""
    return Orders(manifest, login, clock)


class Orders:
    """The orders and shipments of Tryton, as something that can be written to. Safe to share between threads."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        settings = typed(SinkSettings, manifest, "sink")
        self._clock = clock
        self._books = Books(login, clock, deadline_s=settings.deadline_s, connect_s=settings.connect_s)

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One attempt, in as many steps as it takes. Raises ``Misconfigured`` when the login is wrong."""
        if write_back.operation == NOTE:
            return self._books.target.deliver(write_back, asked=self._note, proof=self._proof)
        try:
            operation = OPERATIONS.get(write_back.operation)
            if operation is None:
                raise Refused(f"Tryton knows no operation {write_back.operation!r}", status="operation")
            work = Work(
                books=self._books,
                write_back=write_back,
                body=_body(write_back),
                resource=self._books.resource(write_back.subject),
            )
        except Refused as error:
            return Reject(reason=str(error), status=error.status)
        except WireDown as error:
            return Retry(reason=str(error), wire=True)
        return self._attempt(work, operation)

    def find(self, write_back: WriteBack) -> Receipt | None:
        """The note that says that it is done, ``None`` when there is none, or only one that it was begun."""
        resource = self._books.resource(write_back.subject)
        note = self._books.note_of(resource, write_back.idempotency_key)
        return orders.receipt(note, resource) if note is not None and note.finished else None

    def version(self, write_back: WriteBack) -> str:
        """When the order or shipment was last changed, as Tryton compares it."""
        return self._books.resource(write_back.subject).stamp

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """What ``deliver`` would begin with."""
        base = self._books.target.wire.base
        if write_back.operation == NOTE:
            return {"method": "POST", "address": base + self._books.notes_path, "subject": write_back.subject}
        return {
            "method": "POST",
            "address": f"{base}/{self._books.database}/rpc/",
            "operation": write_back.operation,
            "subject": write_back.subject,
        }

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in with the key, sign in as the user, and look what that one may do."""
        path = search_path(self._books.database, "sale.sale", domain=[], fields=["number"], limit=1)
        for step in self._books.target.check(path):
            yield told(step)
            if not step.ok:
                return
        try:
            rights = self._books.rpc("model.ir.model.access.get_access", list(WRITTEN), effect=False)
            methods = self._books.rpc.methods()
        except CrossdockError as error:
            remedy = (
                "Correct the user and password of the connection; reads go by the key, changes by the user."
            )
            field = getattr(error, "field", "") or "password"
            yield CheckStep(step="dry write", ok=False, sentence=str(error), remedy=remedy, field=field)
            return
        closed = [model for model in WRITTEN if not rights.get(model, {}).get("write")]
        if closed:
            yield CheckStep(
                step="dry write",
                ok=False,
                sentence=f"the user may not write to {', '.join(closed)}",
                remedy="Give it the groups Sales and Stock in Tryton.",
            )
            return
        missing = [one for one in WIZARDS if one not in methods]
        if missing:
            yield CheckStep(
                step="dry write",
                ok=False,
                sentence=f"Tryton has no {', '.join(missing)}",
                remedy="Activate the module stock_split, or take 'split' out of operations.",
            )
            return
        yield CheckStep(
            step="dry write",
            ok=True,
            sentence="the user is signed in, and may change and split orders and shipments",
        )

    def close(self) -> None:
        self._books.close()

    def _attempt(self, work: Work, operation: Callable[[Work], Receipt]) -> Outcome:
        try:
            return Delivered(receipt=operation(work))
        except Refused as error:
            return self._refused(work, error)
        except WireDown as error:
            if work.touched:  # the steps before this one were made
                return Unsure(reason=f"in the middle of it: {error}", wire=True)
            return Retry(reason=str(error), wire=True)
        except WireQuiet as error:
            return Unsure(reason=str(error), wire=True)

    def _refused(self, work: Work, error: Refused) -> Outcome:
        """A no, when nothing is left of the attempt; and a conflict, when somebody came before us. What cannot be
        taken back, or was begun by an earlier attempt, is gone on with: nobody knows yet how it ends."""
        if work.lasting or (work.touched and not self._taken_back(work)):
            return Unsure(reason=f"in the middle of it: {error}")
        if error.status in (STALE, CHANGED):
            return Conflict(reason=str(error), status=error.status, version=self._stamp(work.resource))
        if error.status == "429":
            wait = error.retry_after
            return Retry(reason=str(error), not_before=None if wait is None else self._clock.now() + wait)
        return Reject(reason=str(error), status=error.status)

    def _taken_back(self, work: Work) -> bool:
        try:
            work.take_back()
        except CrossdockError:
            return False
        return True

    def _stamp(self, resource: Resource) -> str:
        try:
            return str(self._books.read(resource.model, resource.number)["_timestamp"])
        except CrossdockError:
            return ""

    def _note(self, write_back: WriteBack) -> Effect:
        text = _body(write_back).get("text")
        if not isinstance(text, str) or not text.strip():
            raise Refused("the note has no text", status="body")
        resource = self._books.resource(write_back.subject)
        message = notes.written(text, write_back.idempotency_key)
        return Effect(
            method="POST",
            path=self._books.notes_path,
            body=self._books.note_body(resource, message),
            headers=self._books.headers,
        )

    def _proof(self, answer: Answer, write_back: WriteBack) -> Receipt:
        made = said(answer)
        if not isinstance(made, dict) or made.get("__name__") != "ir.note" or type(made.get("id")) is not int:
            raise Refused("the answer names no note", status=str(answer.status))
        return Receipt(reference=f"ir.note,{made['id']}", evidence={"subject": write_back.subject})


def _body(write_back: WriteBack) -> Mapping[str, Any]:
    try:
        body = json_strict.loads(write_back.body)
    except Unreadable as error:
        raise Refused(f"the body is no JSON: {error}", status="body") from error
    if not isinstance(body, dict):
        raise Refused("the body is no JSON object", status="body")
    return body
