"""The REST wire: one request, one answer or the reason why there is none, within one deadline.

It goes through requests' own adapter with a request that was prepared once. There is no session, hence no cookies,
no ``.netrc``, no proxy from the environment and no redirect; a redirect is an answer like others. Nothing is
retried here except by ``retry_reads``, and that never sends an effect twice; and a request that was answered with 401
is sent once more where the login could be renewed, because a 401 says that nothing took effect.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote, urlencode

import tenacity

from crossdock.errors import Misconfigured, WireDown
from crossdock.ports import CheckStep, Clock, Dice, Login, SystemClock
from crossdock.secret_forms import Scrubber
from crossdock.wires import http_check
from crossdock.wires.http_adapter import Monotonic, Resolve
from crossdock.wires.http_answer import (
    Answer,
    duplicate_at,
    if_match,
    next_link,
    refused,
    retry_after,
    same_host,
    version_of,
)
from crossdock.wires.http_door import MOST_BODY, Door, base_url, watched_by
from crossdock.wires.http_login import HttpLogin, Signed, Signer, http_login
from crossdock.wires.patience import pause

__all__ = [
    "Answer",
    "Rest",
    "base_url",
    "duplicate_at",
    "if_match",
    "next_link",
    "quoted",
    "refused",
    "retry_after",
    "retry_reads",
    "same_host",
    "version_of",
    "written",
]

Result = TypeVar("Result")


class Rest:
    """One HTTP system, entered with one login. Safe to share between threads.

    How it is entered is told in ``http_login``; a connector whose vendor has a way of its own brings a ``signer``.
    ``deadline_s`` bounds a whole call, from the name lookup to the last byte of the answer, a token included. What
    else the login's ``extra`` may hold: ``ca_bundle``, the path of a file with the certificates to trust instead of
    the usual ones; ``addresses``, ``public`` when the host never lies in a private network; ``at_once``, how many
    calls of this process may be at the host at once. ``resolve`` takes the place of the guard of addresses.
    """

    def __init__(
        self,
        login: Login,
        *,
        deadline_s: float,
        connect_s: float = 5.0,
        most_body: int = MOST_BODY,
        connections: int = 8,
        monotonic: Monotonic = time.monotonic,
        resolve: Resolve | None = None,
        clock: Clock | None = None,
        signer: Signer | None = None,
    ) -> None:
        clock = clock or SystemClock()

        def door_to(whose: Login, most: int) -> Door:
            return Door(
                whose,
                deadline_s=deadline_s,
                connect_s=connect_s,
                most_body=most,
                connections=connections,
                monotonic=monotonic,
                resolve=resolve,
                clock=clock,
            )

        self._clock = clock
        self._door = door_to(login, most_body)
        self._login: HttpLogin = Signed(signer) if signer else http_login(login, clock, door_to)

    def __repr__(self) -> str:
        return f"Rest({self.base})"

    @property
    def base(self) -> str:
        """``https://host:port``."""
        return self._door.base

    def call(
        self,
        method: str,
        path: str,
        *,
        effect: bool,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline_s: float | None = None,
    ) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        ``path`` starts with a slash and is quoted already (``quoted``). ``effect`` says whether the request may
        change something there: then what fails after the first byte left is ``WireQuiet``; a read that fails is
        ``WireDown``, as is all that fails before. Raises ``Misconfigured`` for a request that cannot be sent and
        for a certificate that does not fit, and ``Refused`` for an answer to a read that is too large. An answer of
        400 or above that repeats a secret of the login is given without it.
        """
        what = self.shown(f"{method} {self.base}{path}")
        call = self._door.call(deadline_s)
        request = self._door.request(
            method, f"{path}?{written(query)}" if query else path, headers or {}, body
        )
        self._login.sign(request, call)
        answer = self._door.send(request, call, what=what, effect=effect)
        if answer.status == 401 and self._login.renewed(request, call):
            call = self._door.call(call.left_s)
            answer = self._door.send(request, call, what=what, effect=effect)
        if watcher := watched_by.get():
            sent = request.body if isinstance(request.body, bytes) else b""
            watcher.saw(method, request.url or "", dict(request.headers), sent, answer)
        return answer if answer.status < 400 else self._without_secrets(answer)

    @property
    def login_field(self) -> str:
        """The field of the connection that a person looks at when the login is refused."""
        return self._login.field

    def reach(self, path: str) -> Iterator[CheckStep]:
        """Resolve, connect, TLS, and a token where the login needs one. Stops at what fails."""
        return http_check.reach(self._door, self._login, path)

    def check(self, path: str, *, query: Mapping[str, str] | None = None) -> Iterator[CheckStep]:
        """Resolve, connect, TLS, login and permission, by one read of this path. Stops at what fails."""
        return http_check.steps(
            self._door,
            self._login,
            lambda: self.call("GET", path, effect=False, query=query, deadline_s=http_check.CHECK_S),
            path=path,
            now=self._clock.now(),
        )

    def shown(self, text: str) -> str:
        """The same text without the secrets of the login, for a message."""
        return self._scrubbed(text.encode()).decode()

    def close(self) -> None:
        self._door.close()

    def _scrubbed(self, data: bytes) -> bytes:
        return Scrubber(self._login.texts()).scrubbed(self._door.scrubbed(data))

    def _without_secrets(self, answer: Answer) -> Answer:
        scrubbed = self._scrubbed(answer.body)
        return answer if scrubbed == answer.body else dataclasses.replace(answer, body=scrubbed)


def retry_reads(
    function: Callable[[], Result],
    *,
    dice: Dice,
    sleep: Callable[[float], None] = pause,
    attempts: int = 3,
    longest_s: float = 5.0,
) -> Result:
    """Call a read again, within seconds, when ``WireDown`` says that this is free. Never for an effect that left.

    Waits a part of 0.5 s, 1 s, 2 s ... that ``dice`` choose, together at most ``longest_s``.
    """

    def wait(state: tenacity.RetryCallState) -> float:
        return dice.random() * 0.5 * 2.0 ** (state.attempt_number - 1)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(WireDown),
        stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(longest_s),
        wait=wait,
        sleep=sleep,
        reraise=True,
    )
    return retrying(function)


def quoted(*parts: str) -> str:
    """A path of these parts, each quoted: no part can step out of its place. ``.`` and ``..`` are refused."""
    for part in parts:
        if part in ("", ".", ".."):
            raise Misconfigured(f"{part!r} cannot be a part of a path")
    return "/" + "/".join(quote(part, safe="") for part in parts)


def written(query: Mapping[str, str]) -> str:
    """The parameters as they stand in an address. A blank is ``%20``: a plus means one in forms alone, and OData
    services read it as a plus. What a query may hold as it is stays readable (RFC 3986, 3.4)."""
    return urlencode(query, safe="$,:'()", quote_via=quote)
