"""The door to one HTTP host: every request of ours leaves through one, a token's as well as a connector's.

What holds for all of them is held here: the host is one that may be called, the address is judged, so many calls at
once, one deadline from the name lookup to the last byte, an answer of bounded size, no redirect, no proxy, no cookie.
"""

import re
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Final, Protocol, TypeVar

import requests
import urllib3
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireQuiet
from crossdock.limits import limit
from crossdock.ports import Clock, Login, SystemClock
from crossdock.secret_forms import Scrubber, texts_of
from crossdock.wires.address_guard import AddressGuard
from crossdock.wires.client_certificate import CERTIFICATE, ClientCertificate
from crossdock.wires.declared_hosts import refuse_undeclared
from crossdock.wires.http_adapter import Call, Monotonic, OneHostAdapter, Resolve, headers_of
from crossdock.wires.http_answer import Answer
from crossdock.wires.http_failures import FOREIGN, translated, without_secrets
from crossdock.wires.per_host import AT_ONCE, EVERYWHERE

MOST_BODY: Final = limit("http_answer")
"""An answer is at most this long, decompressed."""

MOST_RATIO: Final = limit("http_ratio")
"""An answer unpacks to at most this many times what came over the wire."""

ADDRESSES: Final = ("internal", "public")
"""What a connection may say of where its host lies. Metadata services and the like are never called."""

Result = TypeVar("Result")

_CHUNK: Final = 65536
_METHOD: Final = re.compile(r"[A-Z]+")
_PATH: Final = re.compile(r"/[!-~]*")


class Watcher(Protocol):
    """Sees what passes a door: the recorder of ``crossdock.testing``."""

    def saw(self, method: str, url: str, headers: Mapping[str, str], body: bytes, answer: Answer) -> None:
        """One request as it left, with the headers of its login, and the answer as it came."""
        ...


watched_by: ContextVar[Watcher | None] = ContextVar("watched_by", default=None)
"""Who sees what this thread sends; nobody, but while a recording is made."""


class Door:
    """One HTTP host, and the only way to it. Safe to share between threads."""

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
    ) -> None:
        self.login = login
        self.base = base_url(login)
        self._scrubber = Scrubber(texts_of(login))
        refuse_undeclared(login, login.host)
        self.deadline_s = deadline_s
        self.monotonic = monotonic
        self._connect_s = connect_s
        self._most_body = most_body
        self._resolve = resolve or AddressGuard(internal=_says(login, "addresses", ADDRESSES) == "internal")
        self._at_once = _at_once(login)
        self.certificate = (
            ClientCertificate(login, clock or SystemClock()) if login.extra.get(CERTIFICATE) else None
        )
        self.adapter = OneHostAdapter(
            verify=_verify(login), connections=connections, certificate=self.certificate
        )

    def call(self, deadline_s: float | None = None) -> Call:
        """The time and the state of one request that is about to be sent."""
        return Call(
            deadline_s=self.deadline_s if deadline_s is None else deadline_s,
            connect_s=self._connect_s,
            monotonic=self.monotonic,
            resolve=self._resolve,
        )

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> requests.PreparedRequest:
        """A request as requests would prepare it, from parts that are checked already: a third of the time.

        ``target``: path and query, quoted.
        """
        if not _PATH.fullmatch(target) or not _METHOD.fullmatch(method):
            path = self.shown(target.partition("?")[0])  # a query may hold what is not shown
            raise Misconfigured(
                f"{method} {path!r} cannot be requested: the path must start with / and be quoted"
            )
        request = requests.PreparedRequest()
        request.method = method
        request.url = self.base + target
        all_headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(
            {"User-Agent": "crossdock", "Accept-Encoding": "gzip, deflate", **headers}
        )
        if body is not None or method in ("POST", "PUT", "PATCH"):
            all_headers["Content-Length"] = str(len(body or b""))
        request.headers = all_headers
        request.body = body
        request.hooks = default_hooks()
        return request

    def send(self, request: requests.PreparedRequest, call: Call, *, what: str, effect: bool) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        ``what`` is method and address, for messages. Raises as ``Rest.call`` does.
        """

        def exchange() -> Answer:
            return self._exchanged(request, call, what=what, effect=effect)

        return self._entered(request, call, what, effect, exchange)

    def shown(self, text: str) -> str:
        """The same text without the secrets of the login, for a message."""
        return self.scrubbed(text.encode()).decode()

    def scrubbed(self, data: bytes) -> bytes:
        """The same bytes without the secrets of the login."""
        return self._scrubber.scrubbed(data)

    def open(self, call: Call) -> None:
        """Resolve, connect and agree on TLS without sending anything. ``call.stage`` says how far it came."""
        request = self.request("GET", "/", {}, None)
        what = f"connect to {self.base}"
        self._entered(request, call, what, False, lambda: self.adapter.open(request, call))

    def close(self) -> None:
        self.adapter.close()

    def _entered(
        self,
        request: requests.PreparedRequest,
        call: Call,
        what: str,
        effect: bool,
        function: Callable[[], Result],
    ) -> Result:
        try:
            with self._place(call):
                return function()
        except CrossdockError:
            raise
        except FOREIGN as error:
            without_secrets(error, request.url or "", self.shown)
            raise translated(error, what=what, sent=call.sent, effect=effect) from error

    def _place(self, call: Call) -> AbstractContextManager[None]:
        return EVERYWHERE.at(self.base, self._at_once, within_s=call.remaining())

    def _exchanged(self, request: requests.PreparedRequest, call: Call, *, what: str, effect: bool) -> Answer:
        response = self.adapter.call(request, call)
        raw = response.raw
        try:
            content = self._read(raw, call, what=what, effect=effect)
        except BaseException:
            raw.close()
            raise
        raw.release_conn()
        return Answer(status=response.status_code, headers=headers_of(response), body=content)

    def _read(self, raw: urllib3.HTTPResponse, call: Call, *, what: str, effect: bool) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while chunk := raw.read(_CHUNK, decode_content=True):
            size += len(chunk)
            came = raw.tell()
            sentence = ""
            if size > self._most_body:
                sentence = f"{what}: the answer is longer than {self._most_body} bytes"
            elif size > _CHUNK and size > came * MOST_RATIO:
                sentence = f"{what}: the answer unpacks to more than {MOST_RATIO} times what came"
            if sentence:
                if effect:
                    raise WireQuiet(f"{sentence}; whether it took effect is unknown")
                raise Refused(f"{sentence}; ask for smaller pages", status=str(raw.status))
            chunks.append(chunk)
            call.remaining()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def base_url(login: Login) -> str:
    """``https://host:port`` of a login. HTTPS unless the connection says ``http`` itself."""
    if not login.host or not re.fullmatch(r"[A-Za-z0-9._:\-]+", login.host):
        raise Misconfigured(
            f"connection {login.connection_id!r}: the host {login.host!r} is none; correct it", field="host"
        )
    scheme = login.scheme or "https"
    if scheme not in ("http", "https"):
        raise Misconfigured(
            f"connection {login.connection_id!r}: the scheme must be https, not {scheme!r}", field="schema"
        )
    host = f"[{login.host}]" if ":" in login.host else login.host
    port = f":{login.port}" if login.port else ""
    return f"{scheme}://{host}{port}"


def _verify(login: Login) -> bool | str:
    bundle = login.extra.get("ca_bundle")
    if bundle is None or bundle == "":
        return True
    if not isinstance(bundle, str):
        raise Misconfigured(
            f"connection {login.connection_id!r}: ca_bundle must be the path of a file", field="ca_bundle"
        )
    try:
        ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise Misconfigured(
            f"connection {login.connection_id!r}: ca_bundle {bundle!r} is no file with certificates that can be read "
            f"({type(error).__name__}); correct it",
            field="ca_bundle",
        ) from error
    return bundle


def _says(login: Login, name: str, known: tuple[str, ...]) -> str:
    """What the connection says in a field of few words; the first of them when it says nothing."""
    said = login.extra.get(name) or known[0]
    if said not in known:
        raise Misconfigured(
            f"connection {login.connection_id!r}: {name} must be one of {', '.join(known)}", field=name
        )
    return str(said)


def _at_once(login: Login) -> int:
    said = login.extra.get("at_once")
    if said in (None, ""):
        return AT_ONCE
    text = str(said)
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise Misconfigured(
            f"connection {login.connection_id!r}: at_once must be a number of calls, 1 to 999",
            field="at_once",
        )
    return int(text)
