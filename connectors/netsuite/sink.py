"""Writes notes to NetSuite's sales orders by ``upsert``: its external id is our key, so a repeat is the same note.

A sales order is known by its external id, which must be the number that the hub knows it by. NetSuite answers a
refusal as a success of the call (``isSuccess="false"``) or as a fault; which of both mean that nothing was done is
said here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lxml import etree

from connectors.netsuite.passport import Passport
from connectors.netsuite.settings import SinkSettings
from crossdock.errors import Misconfigured, Refused, WireDown, WireQuiet
from crossdock.formats import json_strict
from crossdock.kit.rest_target import outcome_of
from crossdock.manifests import typed
from crossdock.messages import Delivered, Outcome, Receipt, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest, system_dice
from crossdock.wires.soap import Soap

BUSY: Final = frozenset(
    {
        "exceededConcurrentRequestLimitFault",
        "exceededRequestLimitFault",
        "exceededUsageLimitFault",
        "SSS_REQUEST_LIMIT_EXCEEDED",
        "WS_CONCUR_SESSION_DISALLWD",
        "WS_REQUEST_BLOCKED",
    }
)
"""Too many requests at once: nothing was done."""

NO_LOGIN: Final = frozenset(
    {
        "invalidCredentialsFault",
        "invalidAccountFault",
        "insufficientPermissionFault",
        "invalidSessionFault",
        "INVALID_LOGIN_ATTEMPT",
        "USER_ERROR_INVALID_TOKEN",
        "INSUFFICIENT_PERMISSION",
    }
)
"""The login is not taken, or may not do this."""

_UNKNOWN: Final = ("UNEXPECTED_ERROR", "TIMEOUT")
_TITLE: Final = "Crossdock"
_LONGEST: Final = 4000


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Notes":
    """The sink of this connector, not yet opened."""
    return Notes(manifest, login, clock)


class Notes:
    """The notes of NetSuite's sales orders. For one thread, as the SOAP wire is."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        self._settings = settings = typed(SinkSettings, manifest, "sink")
        self._messages, self._core = settings.namespace("messages"), settings.namespace("core")
        self._clock = clock
        dice = system_dice()
        self._wire = Soap(
            login,
            folder=Path(manifest.folder),
            wsdl=settings.wsdl,
            wsdl_sha256=settings.wsdl_sha256,
            path=settings.path,
            deadline_s=settings.deadline_s,
            connect_s=settings.connect_s,
            clock=clock,
            dice=dice,
            headers=Passport(login, clock, dice, messages=self._messages, core=self._core),
            not_done=BUSY,
            no_login=NO_LOGIN,
        )

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One upsert. Raises ``Misconfigured`` when the login is not taken: nothing was done then."""
        try:
            note = self._note(write_back)
            answer = self._wire.call("upsert", effect=True, record=note)
        except (Refused, WireDown, WireQuiet) as error:
            return self._not_done(error)
        return self._outcome(answer.content, write_back)

    def find(self, write_back: WriteBack) -> Receipt | None:
        """The note with our external id, ``None`` when there is none. Raises when NetSuite does not say."""
        ref = self._ref(type="note", externalId=write_back.idempotency_key)
        answer = self._wire.call("get", effect=False, baseRef=ref)
        status = _status(answer.content)
        if status is None:
            raise WireDown(f"get at {self._wire.address}: the answer says no status; it was a read")
        ok, code, sentence = status
        if not ok and code in ("RCRD_DSNT_EXIST", "INVALID_KEY_OR_REF"):
            return None
        if not ok:
            raise Refused(f"get at {self._wire.address}: {sentence} ({code})", status=code)
        assert answer.content is not None
        record = next((one for one in answer.content.iter() if _name(one) == "record"), None)
        if record is None or record.get("externalId") != write_back.idempotency_key:
            raise Refused(f"get at {self._wire.address}: the answer is about another record", status="record")
        return Receipt(
            reference=record.get("internalId") or "?", evidence={"external_id": record.get("externalId")}
        )

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """What ``deliver`` would ask for."""
        return {
            "method": "POST",
            "address": self._wire.address,
            "operation": "upsert",
            "record": "note",
            "external_id": write_back.idempotency_key,
            "transaction": write_back.subject.partition("/")[2],
        }

    def check(self) -> Iterator[CheckStep]:
        """The pinned contract, connect, log in, ask for the server's time."""
        yield from self._wire.check("getServerTime")

    def close(self) -> None:
        self._wire.close()

    def _note(self, write_back: WriteBack) -> Any:
        kind, _, number = write_back.subject.partition("/")
        if write_back.operation != "note":
            raise Refused(
                f"nothing but notes is written to NetSuite, no {write_back.operation!r}", status="operation"
            )
        if kind != "sales_order" or not number:
            raise Refused(f"{write_back.subject!r} is no sales order of NetSuite", status="subject")
        said = json_strict.loads(write_back.body)
        text = str(said.get("text") or "") if isinstance(said, dict) else ""
        return self._wire.typed(
            f"{{{self._settings.namespace('communication', 'general')}}}Note",
            externalId=write_back.idempotency_key,
            title=_TITLE,
            note=text[:_LONGEST],
            transaction=self._ref(type="salesOrder", externalId=number),
        )

    def _ref(self, **names: str) -> Any:
        return self._wire.typed(f"{{{self._core}}}RecordRef", **names)

    def _not_done(self, error: Refused | WireDown | WireQuiet) -> Outcome:
        if isinstance(error, Refused) and error.status in NO_LOGIN:
            raise Misconfigured(f"{error}; correct the connection, or the role of its token") from error
        return outcome_of(error, self._clock.now(), not_now=BUSY)

    def _outcome(self, content: etree._Element | None, write_back: WriteBack) -> Outcome:
        what = f"upsert at {self._wire.address}"
        status = _status(content)
        if content is None or status is None:
            return Unsure(reason=f"{what}: the answer says no status; whether it took effect is unknown")
        ok, code, sentence = status
        if not ok:
            if code in _UNKNOWN:
                return Unsure(reason=f"{what}: {sentence} ({code}); whether it took effect is unknown")
            return self._not_done(Refused(f"{what}: NetSuite said no: {sentence} ({code})", status=code))
        base = next((one for one in content.iter() if _name(one) == "baseRef"), None)
        if base is None or base.get("externalId", write_back.idempotency_key) != write_back.idempotency_key:
            return Unsure(reason=f"{what}: the answer names no note of ours")
        evidence = {"external_id": write_back.idempotency_key, "type": base.get("type", "")}
        return Delivered(receipt=Receipt(reference=base.get("internalId") or "?", evidence=evidence))


def _status(content: etree._Element | None) -> tuple[bool, str, str] | None:
    """Whether it was done, and the first code and sentence of why not."""
    if content is None:
        return None
    status = next((one for one in content.iter() if _name(one) == "status"), None)
    if status is None or status.get("isSuccess") not in ("true", "false"):
        return None
    said = {
        _name(one): (one.text or "").strip() for one in status.iter() if _name(one) in ("code", "message")
    }
    return status.get("isSuccess") == "true", said.get("code", ""), said.get("message", "")[:300]


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]
