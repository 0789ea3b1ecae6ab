"""What a sink over OData is made of: look how the entity stands, then change it on that version alone.

A plan looks and says what is to be done: a change, nothing since it stands so already, or no. The change carries the
version that was read before the first attempt (``If-Match``), so it happens at most once: a repeat after a lost
answer meets another version. The plan is also how the target is asked for an effect: what stands as it was wanted is
done.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from crossdock.errors import Refused, Unreadable, WireDown
from crossdock.formats import json_strict, odata
from crossdock.kit.rest_target import CONFLICT, Effect, RestTarget, outcome_of
from crossdock.messages import Conflict, Delivered, Outcome, Receipt, Reject, Retry, WriteBack
from crossdock.ports import Clock, Login
from crossdock.wires.http_answer import NOT_NOW
from crossdock.wires.rest import Answer, Rest, if_match, refused

_MESSAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An entity as the target holds it, and the version of what a change of it is conditional on."""

    fields: Mapping[str, Any]
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change to make. ``etag``: the version that it was planned on."""

    method: str
    path: str
    body: Mapping[str, Any]
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """It stands as it was wanted. ``evidence`` says what was seen."""

    reference: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """It is not to be done, and a person is told why."""

    reason: str
    status: str = "state"


Plan = Change | Stands | No
Planned = Callable[[WriteBack], Plan]
"""Looks at the target and says what is to be done. Raises what ``ODataTarget.read`` raises."""


class ODataTarget:
    """One OData service that is written to. Safe to share between threads.

    ``locked`` and ``changed``: codes with which it says that somebody else has the entity open, and that it holds
    another version (beside 412). ``headers`` go with every call.
    """

    def __init__(
        self,
        login: Login,
        clock: Clock,
        *,
        title: str,
        wire: Rest,
        headers: Mapping[str, str] | None = None,
        locked: Iterable[str] = (),
        changed: Iterable[str] = (),
    ) -> None:
        self._clock = clock
        self._title = title
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._locked = frozenset(locked)
        self._changed = frozenset(changed)
        self._target = RestTarget(login, clock, title=title, wire=wire)

    @property
    def wire(self) -> Rest:
        return self._target.wire

    def read(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The JSON at a path, ``None`` when nothing is there (404).

        Raises ``WireDown`` when the target cannot say now, ``Refused`` when it says no, ``Misconfigured`` for a login
        that it does not take.
        """
        what = f"GET {self.wire.base}{path}"
        answer = self.wire.call("GET", path, effect=False, query=query, headers=self._headers)
        if answer.status == 404:
            return None
        if answer.status >= 500 and answer.status not in NOT_NOW:
            raise WireDown(f"{what}: {self._title} answered {answer.status}; it was a read")
        if answer.status != 200:
            raise refused(answer, what=what, now=self._clock.now())
        if answer.media_type != "application/json":
            raise WireDown(
                f"{what}: the answer is {answer.media_type or 'of no type'}, not JSON; it was a read"
            )
        return json_strict.loads(answer.body)

    def held(self, path: str, query: Mapping[str, str] | None = None) -> Held | None:
        """The entity at a path with its version, ``None`` when there is none. Raises as ``read``, and ``Refused``
        when it says no version."""
        document = self.read(path, query)
        if document is None:
            return None
        try:
            fields = odata.entity(document)
        except Unreadable as error:
            raise Refused(f"GET {path}: {error}", status="entity") from error
        tag = odata.etag(fields)
        if not tag:
            raise Refused(f"GET {path}: {self._title} hands out no version of it", status="etag")
        return Held(fields=fields, etag=tag)

    def plan(self, write_back: WriteBack, planned: Planned) -> Plan:
        """What is to be done. A body or an entity that says what it cannot say is ``Refused``: nothing was sent."""
        try:
            return planned(write_back)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(
                f"{self._title}: {write_back.operation} of {write_back.subject} cannot be read: "
                f"{type(error).__name__}: {str(error)[:100]}",
                status="value",
            ) from error

    def deliver(self, write_back: WriteBack, planned: Planned) -> Outcome:
        """Look, then one change at most. Raises ``Misconfigured`` as ``RestTarget.deliver`` does."""
        try:
            plan = self.plan(write_back, planned)
        except Unreadable as error:
            return Retry(reason=str(error))
        except (WireDown, Refused) as error:
            return outcome_of(error, self._clock.now())
        match plan:
            case Stands():
                return Delivered(receipt=_seen(plan), duplicate=True)
            case No():
                return Reject(reason=plan.reason, status=plan.status)
        if write_back.version and plan.etag != write_back.version:
            return Conflict(
                reason=f"{self._title} holds {write_back.subject} in another version than it was decided on",
                status="412",
                version=plan.etag,
            )
        effect = self._effect(plan, write_back)
        return self._target.deliver(
            write_back,
            asked=lambda _write_back: effect,
            proof=lambda answer, _write_back: _proof(answer, effect, write_back),
            found=lambda _write_back: self.find(write_back, planned),
            judged=self._judged,
        )

    def find(self, write_back: WriteBack, planned: Planned) -> Receipt | None:
        """What proves that it stands as wanted, ``None`` when it does not."""
        plan = self.plan(write_back, planned)
        return _seen(plan) if isinstance(plan, Stands) else None

    def preview(self, write_back: WriteBack, planned: Planned) -> Mapping[str, Any]:
        """The change that ``deliver`` would make now; the target is read for it."""
        try:
            plan = self.plan(write_back, planned)
        except Refused as error:
            return {"refused": str(error)}
        match plan:
            case Stands():
                return {"nothing": "it stands so already", **plan.evidence}
            case No():
                return {"refused": plan.reason}
        return self._target.preview(write_back, lambda _write_back: self._effect(plan, write_back))

    def close(self) -> None:
        self._target.close()

    def _effect(self, plan: Change, write_back: WriteBack) -> Effect:
        return Effect(
            method=plan.method,
            path=plan.path,
            body=orjson.dumps(plan.body, option=orjson.OPT_SORT_KEYS),
            headers={
                **self._headers,
                "Content-Type": "application/json",
                **if_match(write_back.version or plan.etag),
            },
        )

    def _judged(self, answer: Answer, what: str) -> Outcome | None:
        """What the service says itself, in its own codes and in a sentence for people."""
        trouble = odata.trouble(answer.body)
        said = trouble.sentence if trouble else ""
        codes = frozenset(trouble.codes) if trouble else frozenset()
        reason = f"{what}: {self._title} said no ({answer.status}): {said}"
        if codes & self._locked or answer.status == 423:
            return Retry(reason=f"{reason}; somebody else has it open, so it is tried again")
        if codes & self._changed:
            return Conflict(reason=reason, status=str(answer.status))
        if said and answer.status not in (401, 403, 407, 408, *NOT_NOW, *CONFLICT):
            return Reject(reason=reason, status=str(answer.status))
        return None


def _seen(plan: Stands) -> Receipt:
    return Receipt(reference=plan.reference, evidence={"seen": True, **plan.evidence})


def _proof(answer: Answer, effect: Effect, write_back: WriteBack) -> Receipt:
    """A change is proved by an empty 204 or by the entity that comes back; a page that calls itself a success is
    neither. What the service adds (the new version, SAP's ``sap-message``) is kept for people."""
    if answer.status != 204:
        if answer.media_type != "application/json":
            raise Refused(f"it is {answer.media_type or 'of no type'}", status=str(answer.status))
        odata.entity(json_strict.loads(answer.body))
    evidence: dict[str, Any] = {
        "status": answer.status,
        "if_match": effect.headers.get("If-Match", ""),
        "sent_sha256": hashlib.sha256(effect.body).hexdigest(),
    }
    if tag := answer.headers.get("etag", ""):
        evidence["etag"] = tag
    if message := answer.headers.get("sap-message", ""):
        evidence["message"] = message[:_MESSAGE]
    return Receipt(reference=write_back.subject, evidence=evidence)
