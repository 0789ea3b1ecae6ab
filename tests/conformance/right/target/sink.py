"""Writes notes to orders, each under its idempotency key."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from crossdock.errors import Misconfigured, Refused, Unreadable, WireDown, WireQuiet
from crossdock.formats import json_strict
from crossdock.messages import Conflict, Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.rest import Answer, Rest, quoted, refused

log = logging.getLogger(__name__)


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Notes":
    """The sink, not yet opened."""
    return Notes(manifest, login, clock)


class Notes:
    """The notes of orders."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        self._login = login
        self._clock = clock
        self._wire = Rest(login, deadline_s=30.0)

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One POST."""
        try:
            path = self._path(write_back)
        except Refused as error:
            return Reject(reason=str(error), status=error.status)
        try:
            answer = self._wire.call(
                "POST", path, effect=True, headers=self._headers(write_back), body=write_back.body
            )
        except WireDown as error:
            return Retry(reason=str(error), wire=True)
        except WireQuiet as error:
            return Unsure(reason=str(error), wire=True)
        return self._outcome(answer, write_back)

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The POST that ``deliver`` would make."""
        address = self._wire.base + self._path(write_back)
        return {"method": "POST", "address": address, "headers": self._headers(write_back)}

    def find(self, write_back: WriteBack) -> Receipt | None:
        """The note of this key, or ``None``."""
        answer = self._wire.call("GET", "/notes", effect=False, query={"key": write_back.idempotency_key})
        if answer.status != 200:
            raise refused(answer, what="GET /notes", now=self._clock.now())
        said = json_strict.loads(answer.body)
        notes = said.get("notes") if isinstance(said, dict) else None
        if not isinstance(notes, list):
            raise Refused("GET /notes: the answer holds no notes", status="200")
        ours = [one for one in notes if one.get("key") == write_back.idempotency_key]
        return Receipt(reference=ours[0]["id"]) if ours else None

    def check(self) -> Iterator[CheckStep]:
        """Connect, log in, look for a note that was never written."""
        yield from self._wire.check("/notes", query={"key": "crossdock-check"})

    def close(self) -> None:
        self._wire.close()

    def _headers(self, write_back: WriteBack) -> dict[str, str]:
        return {"Content-Type": write_back.media_type, "Idempotency-Key": write_back.idempotency_key}

    def _path(self, write_back: WriteBack) -> str:
        kind, _, number = write_back.subject.partition("/")
        if write_back.operation != "note" or kind != "supplier_po":
            raise Refused(
                f"no {write_back.operation!r} of {write_back.subject!r} is kept", status="operation"
            )
        try:
            return quoted("orders", number, "notes")
        except Misconfigured as error:
            raise Refused("the subject names no order", status="subject") from error

    def _outcome(self, answer: Answer, write_back: WriteBack) -> Outcome:
        reason = f"the notes answered {answer.status}"
        match answer.status:
            case 200 | 201:
                return self._believed(answer, write_back)
            case 401 | 403 | 407 | 307 | 308:
                raise refused(answer, what="POST", now=self._clock.now())
            case 425 | 429 | 503:
                wait = answer.retry_after(self._clock.now())
                return Retry(reason=reason, not_before=None if wait is None else self._clock.now() + wait)
            case 409 | 412:
                return Conflict(reason=reason, status=str(answer.status))
            case status if 400 <= status < 500 and status != 408:
                return Reject(reason=reason, status=str(status))
        return Unsure(reason=reason)

    def _believed(self, answer: Answer, write_back: WriteBack) -> Outcome:
        try:
            said = json_strict.loads(answer.body)
        except Unreadable as error:
            return Unsure(reason=f"a success that is no receipt: {error}")
        if not isinstance(said, dict) or said.get("key") != write_back.idempotency_key:
            return Unsure(reason="a success without our key")
        return Delivered(receipt=Receipt(reference=str(said["id"])))
