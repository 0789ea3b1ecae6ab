"""Writes notes, holds, releases and date changes back to the ERP, each under its idempotency key.

What the ERP answered is checked before it is believed: status, media type, and that it echoes our key. Everything
else after the request left is unsure, and the ERP can be asked for the effect of a key.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from connectors.erp.settings import SinkSettings
from crossdock.errors import Misconfigured, Refused
from crossdock.formats import json_strict
from crossdock.kit.rest_target import Effect, RestTarget, said
from crossdock.manifests import typed
from crossdock.messages import Outcome, Receipt, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.rest import Answer, quoted

OPERATIONS = {"note": "notes", "hold": "holds", "release": "releases", "change_date": "date-changes"}
"""Our operation, and the last part of the ERP's path."""

ORDERS = {
    "supplier_po": "purchase-orders",
    "sales_order": "sales-orders",
    "shipment": "shipments",
    "pro": "shipments",
}
"""The kind of business key in a subject, and the ERP's word for it."""


def connect(manifest: Manifest, login: Login, clock: Clock) -> "ErpOrders":
    """The sink of this connector, not yet opened."""
    return ErpOrders(manifest, login, clock)


class ErpOrders:
    """The ERP's orders, as something that can be written to. Safe to share between threads."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        settings = typed(SinkSettings, manifest, "sink")
        self._prefix = settings.path_prefix.rstrip("/")
        self._target = RestTarget(
            login,
            clock,
            title="the ERP",
            deadline_s=settings.deadline_s,
            connect_s=settings.connect_s,
            most_wait_s=settings.max_retry_after_s,
        )

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One POST."""
        return self._target.deliver(write_back, asked=self._asked, proof=self._proof, found=self.find)

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The POST that ``deliver`` would make."""
        return self._target.preview(write_back, self._asked)

    def find(self, write_back: WriteBack) -> Receipt | None:
        """What the ERP says the key did, or ``None`` when it says nothing. Raises when it does not say, and
        ``Refused`` when the key did something else."""
        path = f"{self._prefix}/effects"
        answer = self._target.ask(path, query={"key": write_back.idempotency_key})
        effects = answer.get("effects") if isinstance(answer, dict) else None
        if not isinstance(effects, list) or not all(isinstance(one, dict) for one in effects):
            raise Refused(f"GET {path}: the answer holds no list of effects", status="200")
        ours = [one for one in effects if one.get("key") == write_back.idempotency_key]
        if not ours:
            return None
        same = [one for one in ours if self._is_this(one, write_back)]
        if not same:
            raise Refused(f"GET {path}: the key was used for something else", status="422")
        return Receipt(
            reference=str(same[0]["id"]),
            evidence={"found": len(same), "key": write_back.idempotency_key, "at": same[0].get("at")},
        )

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, ask for the effect of a key that was never used."""
        yield from self._target.check(f"{self._prefix}/effects", query={"key": "crossdock-check"})

    def close(self) -> None:
        self._target.close()

    def _asked(self, write_back: WriteBack) -> Effect:
        return Effect(
            method="POST",
            path=self._path(write_back),
            body=write_back.body,
            headers={
                **write_back.headers,
                "Content-Type": write_back.media_type,
                "Accept": "application/json",
                "Idempotency-Key": write_back.idempotency_key,
            },
        )

    def _path(self, write_back: WriteBack) -> str:
        kind, slash, number = write_back.subject.partition("/")
        if write_back.operation not in OPERATIONS:
            raise Refused(f"the ERP knows no operation {write_back.operation!r}", status="operation")
        if not slash or kind not in ORDERS:
            raise Refused(f"the ERP keeps nothing under {write_back.subject!r}", status="subject")
        try:
            tail = quoted(ORDERS[kind], number, OPERATIONS[write_back.operation])
        except Misconfigured as error:
            raise Refused(f"{write_back.subject!r} names no order", status="subject") from error
        return self._prefix + tail

    def _proof(self, answer: Answer, write_back: WriteBack) -> Receipt:
        """A success is one when it is JSON, names the effect and echoes our key and our order."""
        effect = said(answer)
        number = write_back.subject.partition("/")[2]
        if not isinstance(effect, dict) or not effect.get("id"):
            raise Refused("it does not name the effect", status=str(answer.status))
        if effect.get("key") != write_back.idempotency_key:
            raise Refused("it lacks our key", status=str(answer.status))
        if effect.get("order", number) != number:
            raise Refused("it is about another order", status=str(answer.status))
        return Receipt(
            reference=str(effect["id"]),
            evidence={"status": answer.status, "key": write_back.idempotency_key, "order": number},
        )

    def _is_this(self, effect: Mapping[str, Any], write_back: WriteBack) -> bool:
        """Whether an effect in the ERP's records is the one that this write-back wants."""
        if not effect.get("id"):
            return False
        if "path" in effect and unquote(str(effect["path"])) != unquote(self._path(write_back)):
            return False
        return "body" not in effect or effect["body"] == json_strict.loads(write_back.body)
