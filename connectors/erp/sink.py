"""Writes notes, holds, releases and date changes back to the ERP, each under its idempotency key.

What the ERP answered is checked before it is believed: status, media type, and that it echoes our key. Everything
else after the request left is unsure, and the ERP can be asked for the effect of a key.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from connectors.erp.settings import SinkSettings
from crossdock.errors import Misconfigured, Refused, Unreadable, WireDown, WireQuiet
from crossdock.formats import json_strict
from crossdock.manifests import typed
from crossdock.messages import Conflict, Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.rest import Answer, Rest, duplicate_at, quoted, refused, version_of

OPERATIONS = {"note": "notes", "hold": "holds", "release": "releases", "change_date": "date-changes"}
"""Our operation, and the last part of the ERP's path."""

ORDERS = {
    "supplier_po": "purchase-orders",
    "sales_order": "sales-orders",
    "shipment": "shipments",
    "pro": "shipments",
}
"""The kind of business key in a subject, and the ERP's word for it."""

NOT_NOW = (425, 429, 503)
NO_LOGIN = (401, 403, 407)
MOVED = (307, 308)
"""The request was provably not taken."""
MAYBE_TAKEN = (408, 499)


def connect(manifest: Manifest, login: Login, clock: Clock) -> "ErpOrders":
    """The sink of this connector, not yet opened."""
    return ErpOrders(manifest, login, clock)


class ErpOrders:
    """The ERP's orders, as something that can be written to. Safe to share between threads."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        self._settings = typed(SinkSettings, manifest, "sink")
        self._clock = clock
        self._wire = Rest(login, deadline_s=self._settings.deadline_s, connect_s=self._settings.connect_s)

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One POST. Raises ``Misconfigured`` when the login or the address is wrong: nobody could deliver then, and
        nothing was done."""
        try:
            path = self._path(write_back)
        except Refused as error:
            return Reject(reason=str(error), status=error.status)
        headers = self._headers(write_back)
        try:
            answer = self._wire.call("POST", path, effect=True, headers=headers, body=write_back.body)
        except WireDown as error:
            return Retry(reason=str(error), wire=True)
        except WireQuiet as error:
            return Unsure(reason=str(error), wire=True)
        return self._outcome(answer, write_back, f"POST {self._wire.base}{path}")

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The POST that ``deliver`` would make."""
        try:
            address = self._wire.base + self._path(write_back)
        except Refused as error:
            return {"refused": str(error)}
        return {"method": "POST", "address": address, "headers": self._headers(write_back)}

    def find(self, write_back: WriteBack) -> Receipt | None:
        """What the ERP says the key did, or ``None`` when it says nothing. Raises when it does not say, and
        ``Refused`` when the key did something else."""
        what = f"GET {self._wire.base}{self._settings.path_prefix}/effects"
        answer = self._wire.call(
            "GET",
            f"{self._settings.path_prefix}/effects",
            effect=False,
            query={"key": write_back.idempotency_key},
            headers={"Accept": "application/json"},
        )
        if answer.status != 200:
            raise refused(answer, what=what, now=self._clock.now())
        said = _json(answer)
        effects = said.get("effects") if isinstance(said, dict) else None
        if not isinstance(effects, list) or not all(isinstance(one, dict) for one in effects):
            raise Refused(f"{what}: the answer holds no list of effects", status="200", body=answer.body)
        ours = [one for one in effects if one.get("key") == write_back.idempotency_key]
        if not ours:
            return None
        same = [one for one in ours if self._is_this(one, write_back)]
        if not same:
            raise Refused(f"{what}: the key was used for something else", status="422", body=answer.body)
        return Receipt(
            reference=str(same[0]["id"]),
            evidence={"found": len(same), "key": write_back.idempotency_key, "at": same[0].get("at")},
        )

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, ask for the effect of a key that was never used."""
        yield from self._wire.check(f"{self._settings.path_prefix}/effects", query={"key": "crossdock-check"})

    def close(self) -> None:
        self._wire.close()

    def _headers(self, write_back: WriteBack) -> dict[str, str]:
        """Everything but the login."""
        return {
            **write_back.headers,
            "Content-Type": write_back.media_type,
            "Accept": "application/json",
            "Idempotency-Key": write_back.idempotency_key,
        }

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
        return self._settings.path_prefix.rstrip("/") + tail

    def _outcome(self, answer: Answer, write_back: WriteBack, what: str) -> Outcome:
        status = answer.status
        if status in (200, 201):
            return self._believed(answer, write_back, what)
        if status in NO_LOGIN or status in MOVED:
            raise refused(answer, what=what, now=self._clock.now())
        if status in NOT_NOW:
            most = timedelta(seconds=self._settings.max_retry_after_s)
            wait = answer.retry_after(self._clock.now(), most=most)
            return Retry(
                reason=f"{what}: the ERP asks us to come later ({status})",
                not_before=None if wait is None else self._clock.now() + wait,
            )
        if status in (409, 412, 422) or duplicate_at(answer, self._wire.base) is not None:
            return self._conflict(answer, write_back, what)
        if 400 <= status < 500 and status not in MAYBE_TAKEN:
            return Reject(reason=f"{what}: the ERP said no ({status}): {_shown(answer)}", status=str(status))
        return Unsure(
            reason=f"{what}: the ERP answered {status}; whether it took effect is unknown", wire=status >= 500
        )

    def _believed(self, answer: Answer, write_back: WriteBack, what: str) -> Outcome:
        """A success is one when it is JSON, names the effect and echoes our key and our order."""
        try:
            said = _json(answer)
        except (Refused, Unreadable) as error:
            return Unsure(reason=f"{what}: answered {answer.status} with what is no receipt: {error}")
        if not isinstance(said, dict) or not said.get("id"):
            return Unsure(reason=f"{what}: answered {answer.status} without naming the effect")
        if said.get("key") != write_back.idempotency_key:
            return Unsure(reason=f"{what}: answered {answer.status} without our key")
        number = write_back.subject.partition("/")[2]
        if said.get("order", number) != number:
            return Unsure(reason=f"{what}: answered {answer.status} about another order")
        return Delivered(
            receipt=Receipt(
                reference=str(said["id"]),
                evidence={"status": answer.status, "key": write_back.idempotency_key, "order": number},
            )
        )

    def _conflict(self, answer: Answer, write_back: WriteBack, what: str) -> Outcome:
        """The key was used, or the state does not allow it. If the ERP's own records show this very effect, it was
        done before. A version that is not held any more (412) is decided again."""
        reason = f"{what}: the ERP said no ({answer.status}): {_shown(answer)}"
        receipt, other = None, False
        try:
            receipt = self.find(write_back)
        except Refused:
            other = True
        except (WireDown, WireQuiet, Unreadable) as error:
            return Unsure(reason=f"{reason}; and asked for the effect of the key, it did not say: {error}")
        if receipt is not None:
            return Delivered(receipt=receipt, duplicate=True)
        if not other and (first := duplicate_at(answer, self._wire.base)) is not None:
            evidence = {"status": answer.status, "key": write_back.idempotency_key, "location": first}
            return Delivered(receipt=Receipt(reference=first, evidence=evidence), duplicate=True)
        if answer.status == 412:
            return Conflict(reason=reason, status="412", version=version_of(answer))
        return Reject(reason=reason, status=str(answer.status))

    def _is_this(self, effect: Mapping[str, Any], write_back: WriteBack) -> bool:
        """Whether an effect in the ERP's records is the one that this write-back wants."""
        if not effect.get("id"):
            return False
        if "path" in effect and unquote(str(effect["path"])) != unquote(self._path(write_back)):
            return False
        return "body" not in effect or effect["body"] == json_strict.loads(write_back.body)


def _json(answer: Answer) -> Any:
    if answer.media_type != "application/json":
        raise Refused(
            f"the answer is {answer.media_type or 'of no type'}, not JSON", status=str(answer.status)
        )
    return json_strict.loads(answer.body)


def _shown(answer: Answer) -> str:
    """The beginning of what the ERP said, in one line."""
    text = answer.body[:200].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else " " for sign in text)
