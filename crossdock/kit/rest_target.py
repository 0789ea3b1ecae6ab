"""What a sink over REST is made of: one request, and what its answer means for the write-back.

A sink says which request a write-back is, what in an answer proves the effect, and how the target is asked for it.
Everything between is here, once: what never left is tried again, what may have happened is unsure, what was refused
is refused, and a success is believed only when it proves itself.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from crossdock.errors import CrossdockError, Refused, Unreadable, WireDown, WireQuiet
from crossdock.formats import json_strict
from crossdock.messages import Conflict, Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login
from crossdock.wires.http_answer import NOT_NOW
from crossdock.wires.rest import Answer, Rest, duplicate_at, refused, version_of

DONE: Final = (200, 201, 204)
"""A success that says that it is done; 202 says only that it was taken."""
NO_LOGIN: Final = (401, 403, 407)
MOVED: Final = (307, 308)
"""The request was provably not taken."""
MAYBE_TAKEN: Final = (408, 499)
CONFLICT: Final = (409, 412, 422)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The one request of a write-back. ``headers`` hold no credentials; those are the wire's."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


Asked = Callable[[WriteBack], Effect]
"""Which request a write-back is. Raises ``Refused`` when the target knows no such thing."""

Proof = Callable[[Answer, WriteBack], Receipt]
"""What in a success proves the effect. Raises ``Refused`` or ``Unreadable`` when nothing does."""

Found = Callable[[WriteBack], Receipt | None]
"""The target's own evidence of the effect, ``None`` when it says that there is none. Raises ``Refused`` when the key
did something else, and what the wire raises when it does not say."""

Judged = Callable[[Answer, str], Outcome | None]
"""What an answer that is no success (3xx, 4xx) means when it says more than its status: a lock, a version that
changed, a quota that is used up. ``None``: what its status says. Gets the answer, and the request in words."""


class RestTarget:
    """One system that is written to. ``title`` is how sentences call it. Safe to share between threads.

    ``most_wait_s``: a longer Retry-After is held to this. ``done``: the statuses of a success.
    ``wire``: one that does more than its own would.
    """

    def __init__(
        self,
        login: Login,
        clock: Clock,
        *,
        title: str,
        deadline_s: float = 60.0,
        connect_s: float = 5.0,
        most_wait_s: float = 86_400,
        done: Collection[int] = DONE,
        wire: Rest | None = None,
    ) -> None:
        self._clock = clock
        self._title = title
        self._done = done
        self._most_wait = timedelta(seconds=most_wait_s)
        self.wire = wire or Rest(login, deadline_s=deadline_s, connect_s=connect_s, clock=clock)

    def deliver(
        self,
        write_back: WriteBack,
        *,
        asked: Asked,
        proof: Proof,
        found: Found | None = None,
        judged: Judged | None = None,
    ) -> Outcome:
        """One request. Raises ``Misconfigured`` when the login or the address is wrong: nobody could deliver then,
        and nothing was done."""
        try:
            effect = asked(write_back)
        except Refused as error:
            return Reject(reason=str(error), status=error.status)
        what = self.wire.shown(f"{effect.method} {self.wire.base}{effect.path}")
        try:
            answer = self.wire.call(
                effect.method,
                effect.path,
                effect=True,
                query=effect.query,
                headers=effect.headers,
                body=effect.body,
            )
        except (WireDown, WireQuiet) as error:
            return outcome_of(error, self._clock.now())
        own = judged(answer, what) if judged is not None and 300 <= answer.status < 500 else None
        if own is not None:
            return own
        return self._outcome(answer, write_back, what, proof, found)

    def preview(self, write_back: WriteBack, asked: Asked) -> Mapping[str, Any]:
        """The request that ``deliver`` would make, without credentials and body."""
        try:
            effect = asked(write_back)
        except Refused as error:
            return {"refused": str(error)}
        return {
            "method": effect.method,
            "address": self.wire.shown(self.wire.base + effect.path),
            "query": dict(effect.query),
            "headers": dict(effect.headers),
        }

    def ask(self, path: str, *, query: Mapping[str, str] | None = None, missing: bool = False) -> Any:
        """The JSON that a read gives. ``missing``: ``None`` for a 404, which is ``Refused`` otherwise."""
        what = f"GET {self.wire.base}{path}"
        headers = {"Accept": "application/json"}
        answer = self.wire.call("GET", path, effect=False, query=query, headers=headers)
        if missing and answer.status == 404:
            return None
        if answer.status != 200:
            raise refused(answer, what=what, now=self._clock.now())
        return said(answer)

    def check(self, path: str, *, query: Mapping[str, str] | None = None) -> Iterator[CheckStep]:
        """Resolve, connect, log in, read this path."""
        yield from self.wire.check(path, query=query)

    def close(self) -> None:
        self.wire.close()

    def _outcome(
        self, answer: Answer, write_back: WriteBack, what: str, proof: Proof, found: Found | None
    ) -> Outcome:
        status = answer.status
        if status in self._done:
            try:
                return Delivered(receipt=proof(answer, write_back))
            except (Refused, Unreadable) as error:
                return Unsure(reason=f"{what}: answered {status}, and nothing proves the effect: {error}")
        if status in NO_LOGIN or status in MOVED:
            raise refused(answer, what=what, now=self._clock.now())
        if status in NOT_NOW:
            wait = answer.retry_after(self._clock.now(), most=self._most_wait)
            return Retry(
                reason=f"{what}: {self._title} asks us to come later ({status})",
                not_before=None if wait is None else self._clock.now() + wait,
            )
        if status in CONFLICT or duplicate_at(answer, self.wire.base) is not None:
            return self._conflict(answer, write_back, what, found)
        if 400 <= status < 500 and status not in MAYBE_TAKEN:
            return Reject(
                reason=f"{what}: {self._title} said no ({status}): {beginning(answer)}", status=str(status)
            )
        return Unsure(
            reason=f"{what}: {self._title} answered {status}; whether it took effect is unknown",
            wire=status >= 500,
        )

    def _conflict(self, answer: Answer, write_back: WriteBack, what: str, found: Found | None) -> Outcome:
        """The key was used, or the state does not allow it. If the target's own records show this very effect, it was
        done before. A version that is not held any more (412) is decided again."""
        reason = f"{what}: {self._title} said no ({answer.status}): {beginning(answer)}"
        receipt, other = None, False
        try:
            receipt = None if found is None else found(write_back)
        except Refused:
            other = True
        except (WireDown, WireQuiet, Unreadable) as error:
            return Unsure(reason=f"{reason}; and asked for the effect of the key, it did not say: {error}")
        if receipt is not None:
            return Delivered(receipt=receipt, duplicate=True)
        if not other and (first := duplicate_at(answer, self.wire.base)) is not None:
            evidence = {"status": answer.status, "key": write_back.idempotency_key, "location": first}
            return Delivered(receipt=Receipt(reference=first, evidence=evidence), duplicate=True)
        if answer.status == 412:
            return Conflict(reason=reason, status="412", version=version_of(answer))
        return Reject(reason=reason, status=str(answer.status))


def outcome_of(
    error: CrossdockError, now: datetime, *, not_now: Collection[str] = ()
) -> Retry | Reject | Unsure:
    """What an error of a wire means for a write-back. ``not_now``: statuses with which this target says, beside those
    of HTTP, that nothing was done and that it may be later. Raises the error when a person must edit something."""
    match error:
        case WireDown():
            return Retry(reason=str(error), wire=True)
        case WireQuiet():
            return Unsure(reason=str(error), wire=True)
        case Refused(status=status) if status in not_now or status in {str(one) for one in NOT_NOW}:
            wait = error.retry_after
            return Retry(reason=str(error), not_before=None if wait is None else now + wait)
        case Refused():
            return Reject(reason=str(error), status=error.status)
    raise error


def said(answer: Answer) -> Any:
    """The JSON of an answer. Raises ``Refused`` when it is something else, ``Unreadable`` when it is broken."""
    if answer.media_type != "application/json":
        raise Refused(
            f"the answer is {answer.media_type or 'of no type'}, not JSON", status=str(answer.status)
        )
    return json_strict.loads(answer.body)


def beginning(answer: Answer) -> str:
    """The beginning of what an answer says, in one line."""
    text = answer.body[:200].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else " " for sign in text)
