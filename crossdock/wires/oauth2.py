"""OAuth 2.0 for a program that acts for itself (RFC 6749, 4.4): a token from one host, shown to another.

A token is shared by all users of the connection in the process. However many threads find that there is none, or that
it was refused, one of them asks for the next and the others wait for what it gets, its failure included. Times are
those of the monotonic clock: a wall clock that is set changes nothing.

What the token endpoint says is never shown, but for the error codes of RFC 6749, 5.2: it holds tokens.
"""

import base64
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus, urlencode

from crossdock.errors import CrossdockError, Misconfigured, Refused, Unreadable, WireDown
from crossdock.formats import json_strict
from crossdock.ports import Login, Secret
from crossdock.wires.address_guard import Destination, ForbiddenAddress, destination
from crossdock.wires.declared_hosts import refuse_undeclared
from crossdock.wires.http_adapter import Call, Monotonic
from crossdock.wires.http_answer import Answer
from crossdock.wires.http_login import header_name, missing, needed

if TYPE_CHECKING:
    import requests

    from crossdock.wires.http_door import Door

MOST_ANSWER: Final = 64 * 1024
MOST_TOKEN: Final = 16 * 1024
USUAL_LIFE_S: Final = 600.0
"""How long a token is used whose endpoint does not say. One that ends earlier is refused, and renewed then."""
LONGEST_LIFE_S: Final = 86_400.0
MARGIN_S: Final = 60.0
"""So long before its end, or a tenth of its life before, a token is not used any more."""
YOUNGEST_S: Final = 10.0
"""A token that is younger was refused for another reason than its age: the next would be, too."""

CLIENT_AUTH: Final = ("basic", "post")
OUR_FAULT: Final = (
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
)
"""RFC 6749, 5.2, and RFC 8707. A person must correct something."""
_BLAMED: Final = {
    "invalid_client": "client_secret",
    "invalid_grant": "refresh_token",
    "unauthorized_client": "client_id",
    "unsupported_grant_type": "auth",
    "invalid_scope": "scope",
    "invalid_target": "audience",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token, and on the monotonic clock when it was asked for and from when on it is not used."""

    text: Secret
    got_at: float
    ends_at: float


class _Slot:
    """One login's token, and who is fetching the next."""

    __slots__ = ("flight", "token")

    def __init__(self) -> None:
        self.token: Token | None = None
        self.flight: Future[Token] | None = None


class Tokens:
    """The tokens of a process, by login."""

    MOST = 1000

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know none, and hold no lock: in a child process the threads that held one are gone."""
        self._lock = threading.Lock()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    def token(
        self,
        key: str,
        fetch: Callable[[], Token],
        *,
        monotonic: Monotonic,
        within_s: float,
        but_not: Token | None = None,
    ) -> Token:
        """A token that may be used now. ``but_not``: the one that was refused.

        Raises what ``fetch`` raises, in whoever waited for it too, and ``WireDown`` when it takes too long.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self.MOST:
                self._slots.popitem(last=False)
            known = slot.token
            if known is not None and known is not but_not and monotonic() < known.ends_at:
                return known
            flight = slot.flight
            ours = flight is None
            if flight is None:
                flight = slot.flight = Future()
        if ours:
            self._fly(slot, flight, fetch)
        try:
            return flight.result(timeout=0 if ours else within_s)
        except NotYet:
            raise WireDown("another call is still asking for a token; nothing was sent") from None
        except CrossdockError as error:
            if ours or not isinstance(error, Misconfigured | WireDown):
                raise
            # one exception is not raised in two threads: each would write its traceback into it
            if isinstance(error, Misconfigured):
                raise Misconfigured(str(error), field=error.field) from error
            raise WireDown(str(error)) from error

    def _fly(self, slot: _Slot, flight: Future[Token], fetch: Callable[[], Token]) -> None:
        token: Token | None = None
        # in its place when the time of this thread is up, whatever it is at (``watchdog.within``)
        failure: BaseException = WireDown("the call that asked for a token was ended; nothing was sent")
        try:
            token = fetch()
        except CrossdockError as error:
            failure = error
        finally:
            with self._lock:
                slot.flight = None
                slot.token = token
            if token is None:
                flight.set_exception(failure)
            else:
                flight.set_result(token)


TOKENS: Final = Tokens()
"""Those of this process."""

os.register_at_fork(after_in_child=TOKENS.forget)


class OAuth2:
    """Client credentials, or a refresh token where the connection holds one (``refresh_token``)."""

    field = "client_secret"

    def __init__(
        self, login: Login, door_to: "Callable[[Login, int], Door]", *, tokens: Tokens = TOKENS
    ) -> None:
        self._connection = login.connection_id
        self._tokens = tokens
        self._client_id = needed(login, "client_id")
        self._client_secret = login.secrets.get("client_secret") or Secret("")
        if not self._client_secret:
            raise missing(login, "client_secret", "")
        self._refresh = login.secrets.get("refresh_token") or Secret("")
        self._post = _client_auth(login) == "post"
        self._form = {
            "grant_type": "refresh_token" if self._refresh else "client_credentials",
            **{name: str(login.extra[name]) for name in ("scope", "audience") if login.extra.get(name)},
        }
        said = str(login.extra.get("token_header") or "Authorization")
        self._header = header_name(login, said, "token_header")
        to = _endpoint(login)
        refuse_undeclared(login, to.host, field="token_url")
        self._path = to.path
        there = replace(
            login,
            scheme=to.scheme,
            host=to.host,
            port=to.port,
            hosts=(to.host,),
            user="",
            password=Secret(""),
        )
        self._door = door_to(there, MOST_ANSWER)
        self._what = f"connection {self._connection!r}: the token of {self._door.base}"
        self._key = self._fingerprint()
        self._last: Token | None = None

    def sign(self, request: "requests.PreparedRequest", call: Call) -> None:
        self._put(request, self._token(call))

    def renewed(self, request: "requests.PreparedRequest", call: Call) -> bool:
        used = self._last_of(request)
        if used is not None and call.monotonic() - used.got_at < YOUNGEST_S:
            return False
        self._put(request, self._token(call, but_not=used))
        return True

    def token(self, *, within_s: float) -> Secret:
        """The token itself, for a wire that is not HTTP. Raises what asking for one raises."""
        return self._token(self._door.call(within_s)).text

    def texts(self) -> Iterable[str]:
        return (self._last.text.reveal(),) if self._last else ()

    def _put(self, request: "requests.PreparedRequest", token: Token) -> None:
        shown = token.text.reveal()
        usual = self._header.lower() == "authorization"
        request.headers[self._header] = f"Bearer {shown}" if usual else shown
        self._last = token

    def _last_of(self, request: "requests.PreparedRequest") -> Token | None:
        """The token that this request was sent with, if it is the last one that is known here."""
        last = self._last
        shown = str(request.headers.get(self._header, "")).removeprefix("Bearer ")
        return last if last is not None and last.text.reveal() == shown else None

    def _token(self, call: Call, *, but_not: Token | None = None) -> Token:
        within_s = call.left_s
        return self._tokens.token(
            self._key,
            lambda: self._fetched(call.monotonic, within_s),
            monotonic=call.monotonic,
            within_s=within_s,
            but_not=but_not,
        )

    def _fetched(self, monotonic: Monotonic, within_s: float) -> Token:
        began = monotonic()
        form = dict(self._form)
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if self._refresh:
            form["refresh_token"] = self._refresh.reveal()
        if self._post:
            form |= {"client_id": self._client_id, "client_secret": self._client_secret.reveal()}
        else:
            # RFC 6749, 2.3.1: each of the two is encoded as in a form first
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret.reveal())}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        path, question, query = self._path.partition("?")
        request = self._door.request("POST", path + question + query, headers, urlencode(form).encode())
        try:
            # A token that was made and did not arrive has no effect that anybody misses: it is a read.
            answer = self._door.send(
                request, self._door.call(within_s), what=f"POST {self._door.base}{path}", effect=False
            )
        except Refused as error:
            raise WireDown(f"{self._what} could not be had: its answer is too large") from error
        except WireDown as error:
            raise WireDown(f"{self._what} could not be had: {error}") from error
        return self._read(answer, began)

    def _read(self, answer: Answer, began: float) -> Token:
        """The token of an answer. No exception from here has a cause: it would show what came."""
        said: Any = None
        try:
            said = json_strict.loads(answer.body)
        except Unreadable:
            pass
        said = said if isinstance(said, dict) else {}
        if not 200 <= answer.status < 300:
            raise self._no(answer.status, said.get("error"))
        text, kind = said.get("access_token"), said.get("token_type", "bearer")
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or " " in text:
            raise WireDown(
                f"{self._what} could not be had: it answered {answer.status} without a token that can be used; is "
                "token_url right?"
            )
        if (
            not text
            or len(text) > MOST_TOKEN
            or not isinstance(kind, str)
            or not kind.lower().startswith("bearer")
        ):
            raise Misconfigured(
                f"{self._what} is no bearer token; ask the system's owner for one", field="token_url"
            )
        other = said.get("refresh_token")
        if self._refresh and isinstance(other, str) and other != self._refresh.reveal():
            raise Misconfigured(
                f"{self._what} came with another refresh token, which no connection can keep; ask the system's owner "
                "for one that stays, or for client credentials",
                field="refresh_token",
            )
        life = _seconds(said.get("expires_in"))
        return Token(
            text=Secret(text), got_at=began, ends_at=began + max(life - min(MARGIN_S, life / 10), 0.0)
        )

    def _no(self, status: int, error: object) -> CrossdockError:
        code = error if isinstance(error, str) and error in OUR_FAULT else ""
        said = f"{status}, {code}" if code else str(status)
        if 300 <= status < 400:
            return Misconfigured(
                f"{self._what}: it points elsewhere ({status}) and is not followed; correct token_url",
                field="token_url",
            )
        if code or status in (400, 401, 403):
            return Misconfigured(
                f"{self._what} is refused ({said}); correct client_id, client_secret, scope or "
                "audience of the connection",
                field=_BLAMED.get(code, "client_secret"),
            )
        if status in (404, 405, 410, 415):
            return Misconfigured(
                f"{self._what}: there is none ({status}); correct token_url", field="token_url"
            )
        return WireDown(f"{self._what} could not be had: it answered {status}; nothing was sent")

    def _fingerprint(self) -> str:
        """Of everything that decides which token is given: a login that was changed has another one."""
        parts = (
            self._connection,
            self._door.base,
            self._path,
            self._client_id,
            self._client_secret.reveal(),
            self._refresh.reveal(),
            *(f"{name}={value}" for name, value in sorted(self._form.items())),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _client_auth(login: Login) -> str:
    said = str(login.extra.get("client_auth") or CLIENT_AUTH[0])
    if said not in CLIENT_AUTH:
        raise Misconfigured(
            f"connection {login.connection_id!r}: client_auth must be one of {', '.join(CLIENT_AUTH)}",
            field="client_auth",
        )
    return said


def _endpoint(login: Login) -> Destination:
    """Where tokens are given. HTTPS, unless the connection itself says ``http``."""
    url = needed(login, "token_url")
    try:
        to = destination(url, internal=True)
    except ForbiddenAddress as error:
        raise Misconfigured(
            f"connection {login.connection_id!r}: token_url: {error}", field="token_url"
        ) from None
    if to.scheme != "https" and login.scheme != "http":
        raise Misconfigured(
            f"connection {login.connection_id!r}: token_url must be https: it is sent the client secret",
            field="token_url",
        )
    return to


def _seconds(said: object) -> float:
    """``expires_in``, which some give as a text, and some not at all."""
    try:
        life = float(str(said)) if isinstance(said, int | Decimal | str) and said is not True else -1.0
    except ValueError:
        life = -1.0
    if not 0 <= life < float("inf"):
        return USUAL_LIFE_S
    return min(life, LONGEST_LIFE_S)
