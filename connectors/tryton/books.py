"""The ERP's records as the hub reads and changes them: found by their number, changed under their version."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson

from connectors.tryton import notes, rest
from connectors.tryton.notes import Before, Note
from connectors.tryton.rpc import Rpc
from connectors.tryton.values import of_day
from crossdock.errors import CrossdockError, Refused
from crossdock.kit.rest_target import RestTarget, said
from crossdock.messages import WriteBack
from crossdock.ports import Clock, Login
from crossdock.wires.rest import quoted

KINDS: Final = {
    "sales_order": "sale.sale",
    "shipment": "stock.shipment.out",
    "supplier_po": "purchase.purchase",
}
"""The kind of business key in a subject, and Tryton's model for it."""

_MOST: Final = 1000
Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """The record that a write-back is about. ``stamp``: its version, as Tryton compares it."""

    model: str
    number: int
    name: str
    stamp: str

    @property
    def reference(self) -> str:
        """As Tryton names a record: ``sale.sale,7``."""
        return f"{self.model},{self.number}"


class Books:
    """The records of one database: reads and notes by REST, changes by JSON-RPC. Safe to share between threads."""

    def __init__(self, login: Login, clock: Clock, *, deadline_s: float, connect_s: float) -> None:
        self.database = rest.database_of(login)
        self.headers = rest.headers_of(login)
        self.target = RestTarget(
            rest.by_key(login), clock, title="Tryton", deadline_s=deadline_s, connect_s=connect_s
        )
        self._login, self._clock = login, clock
        self._deadlines = {"deadline_s": deadline_s, "connect_s": connect_s}
        self._rpc: Rpc | None = None

    @property
    def rpc(self) -> Rpc:
        """As a user: only where REST has no word for it. Raises ``Misconfigured`` where no user is known."""
        if self._rpc is None:
            self._rpc = Rpc(self._login, self.database, self._clock, **self._deadlines)
        return self._rpc

    def close(self) -> None:
        self.target.close()
        if self._rpc is not None:
            self._rpc.close()

    # -- reading ------------------------------------------------------------------------------------------

    def search(self, model: str, domain: Sequence[Any], *fields: str) -> list[Record]:
        """These fields of the records of a domain, by number; each has its ``id`` and its ``_timestamp``."""
        path = rest.search_path(
            self.database, model, domain=domain, fields=["_timestamp", *fields], limit=_MOST
        )
        what = f"GET {self.target.wire.base}{path.partition('?')[0]}"
        answer = self.target.wire.call("GET", path, effect=False, headers=self.headers)
        if answer.status != 200:
            raise rest.failed(answer, what=what, now=self._clock.now(), effect=False)
        found = said(answer)
        if not (isinstance(found, list) and all(isinstance(one, dict) and "id" in one for one in found)):
            raise Refused(f"{what}: the answer is no list of records", status="200")
        return found

    def read(self, model: str, number: int, *fields: str) -> Record:
        """These fields of one record. Raises ``Refused`` when it is gone."""
        found = self.search(model, [["id", "=", number]], *fields)
        if not found:
            raise Refused(f"{model},{number} is there no more", status="gone")
        return found[0]

    def resource(self, subject: str) -> Resource:
        """The record of a subject: ``sales_order/SO0007``. Raises ``Refused`` when there is not exactly one."""
        kind, slash, name = subject.partition("/")
        model = KINDS.get(kind)
        if not slash or not name or model is None:
            raise Refused(f"Tryton keeps nothing under {subject!r}", status="subject")
        found = self.search(model, [["number", "=", name]])
        if len(found) != 1:
            raise Refused(
                f"Tryton knows {len(found) or 'no'} {kind} by the number {name!r}", status="subject"
            )
        return Resource(model=model, number=found[0]["id"], name=name, stamp=str(found[0]["_timestamp"]))

    def note_of(self, resource: Resource, key: str) -> Note | None:
        """Our note of this key on the record: the finished one, else the one that was begun."""
        domain = [["resource", "=", resource.reference], ["message", "like", f"%[crossdock {key}%"]]
        found = [
            note
            for one in self.search("ir.note", domain, "message")
            if (note := notes.read(one["id"], str(one.get("message") or ""), key)) is not None
        ]
        return next((note for note in found if note.finished), found[0] if found else None)

    # -- changing -----------------------------------------------------------------------------------------

    @property
    def notes_path(self) -> str:
        """Where notes are made."""
        return quoted(self.database, "rest", "model", "ir.note")

    def note_body(self, resource: Resource, message: str) -> bytes:
        """The body of a new note."""
        return orjson.dumps({"resource": resource.reference, "message": message})

    def leave(self, resource: Resource, text: str, write_back: WriteBack) -> Note:
        """A note that says what was done."""
        return self._made(resource, notes.written(text, write_back.idempotency_key), (), finished=True)

    def begin(self, resource: Resource, text: str, write_back: WriteBack, before: Sequence[Before]) -> Note:
        """A note that says what will be done, and what was so before."""
        message = notes.written(text, write_back.idempotency_key, before, begun=True)
        return self._made(resource, message, before, finished=False)

    def _made(self, resource: Resource, message: str, before: Sequence[Before], *, finished: bool) -> Note:
        values = [{"resource": resource.reference, "message": message}]
        [number] = self.rpc("model.ir.note.create", values, effect=True)
        return Note(number=int(number), finished=finished, before=tuple(before))

    def finish(self, begun: Note, resource: Resource, text: str, write_back: WriteBack) -> Note:
        """A note that says that it is done, in the place of the one that said that it was begun: Tryton lets nobody
        change a note."""
        message = notes.written(text, write_back.idempotency_key, begun.before)
        note = self._made(resource, message, begun.before, finished=True)
        with contextlib.suppress(CrossdockError):  # the finished one counts, whatever else stands there
            self.forget(begun)
        return note

    def forget(self, note: Note) -> None:
        """The note goes: nothing of what it announced was done."""
        self.rpc("model.ir.note.delete", [note.number], effect=True)

    def press(self, button: str, model: str, record: Record) -> None:
        """A button of the record, as it was read. Raises ``Refused`` with the class of Tryton's error."""
        stamps = {f"{model},{record['id']}": str(record["_timestamp"])}
        self.rpc(f"model.{model}.{button}", [record["id"]], effect=True, stamps=stamps)

    def write_day(self, model: str, records: Sequence[Record], field: str, day: date) -> None:
        """A date of these records, all or none, as they were read."""
        stamps = {f"{model},{one['id']}": str(one["_timestamp"]) for one in records}
        numbers = [one["id"] for one in records]
        self.rpc(f"model.{model}.write", numbers, {field: of_day(day)}, effect=True, stamps=stamps)

    def wizard(self, name: str, model: str, record: Record, values: Record, stamps: dict[str, str]) -> None:
        """A wizard of the ERP on one record, with one form that is filled in and its state ``split``."""
        at = {"active_model": model, "active_id": record["id"], "active_ids": [record["id"]]}
        [session, start, _end] = self.rpc(f"wizard.{name}.create", effect=False)
        self.rpc(
            f"wizard.{name}.execute", session, {start: values}, "split", effect=True, stamps=stamps, **at
        )
        with contextlib.suppress(CrossdockError):  # it is done; what is left is a form that nobody sees
            self.rpc(f"wizard.{name}.delete", session, effect=False)
