"""How an HTTP request shows who we are: the kinds of login, chosen by the field ``auth`` of the connection.

``docs/logins.md`` shows a connection of each kind. Where ``auth`` says nothing, a user with a password is ``basic``,
and a password alone is ``bearer``.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from crossdock.errors import Misconfigured
from crossdock.ports import Clock, Login
from crossdock.toml_lines import did_you_mean
from crossdock.wires.client_certificate import CERTIFICATE
from crossdock.wires.http_adapter import Call

if TYPE_CHECKING:
    import requests

    from crossdock.wires.http_door import Door

KINDS: Final = ("basic", "bearer", "api_key", "oauth2", "mtls", "sigv4", "ws_security", "none")

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[!-~]+(?: [!-~]+)*")


class HttpLogin(Protocol):
    """One kind of login, for one connection. Safe to share between threads."""

    @property
    def field(self) -> str:
        """The field of the connection that a person looks at when the other side says 401."""
        ...

    def sign(self, request: "requests.PreparedRequest", call: Call) -> None:
        """Put the login into a request that is about to be sent, within the time of its call.

        Raises ``WireDown`` when what it needs cannot be had now, ``Misconfigured`` when a person must correct it.
        """
        ...

    def renewed(self, request: "requests.PreparedRequest", call: Call) -> bool:
        """The other side said 401 to this request: put a new login into it, if there is one. Raises as ``sign``."""
        ...

    def texts(self) -> Iterable[str]:
        """What is secret beside the secrets of the connection itself: a token."""
        ...


class Signer(Protocol):
    """A vendor's own way to sign, which a connector brings with it (``Rest(..., signer=...)``)."""

    def __call__(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The headers that show who we are, for one request. Called once for each that is sent."""
        ...


def unsigned(method: str, url: str, body: bytes) -> Mapping[str, str]:
    """A ``Signer`` of requests that carry no login of their own."""
    return {}


class _Kind:
    """What most kinds have in common: nothing to renew, and no secret of their own."""

    field = "password"

    def renewed(self, request: "requests.PreparedRequest", call: Call) -> bool:
        return False

    def texts(self) -> Iterable[str]:
        return ()


class _Header(_Kind):
    def __init__(self, name: str, value: str, field: str) -> None:
        self._name, self._value, self.field = name, value, field

    def sign(self, request: "requests.PreparedRequest", call: Call) -> None:
        request.headers[self._name] = self._value


class _Query(_Kind):
    def __init__(self, name: str, value: str, field: str) -> None:
        self._name, self._value, self.field = quote(name, safe=""), quote(value, safe=""), field

    def sign(self, request: "requests.PreparedRequest", call: Call) -> None:
        split = urlsplit(request.url or "")
        # a link that the other side gave may carry the key already
        others = [one for one in split.query.split("&") if one and one.partition("=")[0] != self._name]
        request.url = urlunsplit(split._replace(query="&".join([*others, f"{self._name}={self._value}"])))


class _Nothing(_Kind):
    def __init__(self, field: str = "auth") -> None:
        self.field = field

    def sign(self, request: "requests.PreparedRequest", call: Call) -> None:
        pass


class Signed(_Kind):
    """What a connector's own signer does."""

    field = "auth"

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def sign(self, request: "requests.PreparedRequest", call: Call) -> None:
        body = request.body if isinstance(request.body, bytes) else b""
        request.headers.update(self._signer(request.method or "", request.url or "", body))


class _SigV4(_Kind):
    """AWS Signature Version 4, over method, path, query, body, host and time.

    The library signs with the time that it finds in ``x-amz-date``; it is made for each request, because it keeps the
    key of a day.
    """

    def __init__(self, login: Login, clock: Clock) -> None:
        if not login.user:
            raise missing(login, "login", "the access key id")
        if not login.password:
            raise missing(login, "password", "the secret access key")
        token = login.secrets.get("session_token")
        self._access = login.user
        self._secret = login.password
        self._region = needed(login, "region")
        self._service = needed(login, "service")
        self._session = token.reveal() if token else None
        self._clock = clock

    def sign(self, request: "requests.PreparedRequest", call: Call) -> None:
        from requests_aws4auth import AWS4Auth

        now = self._clock.now()
        request.headers["x-amz-date"] = f"{now:%Y%m%dT%H%M%SZ}"
        sign = AWS4Auth(
            self._access,
            self._secret.reveal(),
            self._region,
            self._service,
            f"{now:%Y%m%d}",
            session_token=self._session,
        )
        sign(request)


def http_login(login: Login, clock: Clock, door_to: "Callable[[Login, int], Door]") -> HttpLogin:
    """The kind of login that this connection wants.

    ``door_to`` gives the door to another host of this login, for answers up to so many bytes: a token is fetched
    there. Raises ``Misconfigured`` with the field that is missing or wrong.
    """
    kind = str(login.extra.get("auth") or _usual(login)).strip().lower()
    match kind:
        case "basic":
            pair = f"{login.user}:{login.password.reveal()}".encode()
            return _Header("Authorization", "Basic " + base64.b64encode(pair).decode(), "password")
        case "bearer":
            return _Header(
                "Authorization", "Bearer " + held(login, login.password.reveal(), "password"), "password"
            )
        case "api_key":
            return _api_key(login)
        case "oauth2":
            from crossdock.wires.oauth2 import OAuth2

            return OAuth2(login, door_to)
        case "mtls":
            if not login.extra.get(CERTIFICATE):
                raise missing(login, CERTIFICATE, "our certificate in PEM form")
            return _Nothing(CERTIFICATE)
        case "sigv4":
            return _SigV4(login, clock)
        case "none":
            return _Nothing()
        case "ws_security":
            raise Misconfigured(
                f"connection {login.connection_id!r}: ws_security is a login of SOAP services; choose another auth",
                field="auth",
            )
    raise Misconfigured(
        f"connection {login.connection_id!r}: auth {kind!r} is none of {', '.join(KINDS)}"
        f"{did_you_mean(kind, KINDS)}",
        field="auth",
    )


def _usual(login: Login) -> str:
    if login.user:
        return "basic"
    return "bearer" if login.password else "none"


def _api_key(login: Login) -> HttpLogin:
    secret = login.secrets.get("api_key")
    if not secret:
        raise missing(login, "api_key", "the key")
    query = str(login.extra.get("api_key_query") or "")
    if query:
        return _Query(query, secret.reveal(), "api_key")
    name = str(login.extra.get("api_key_header") or "X-API-Key")
    return _Header(
        header_name(login, name, "api_key_header"), held(login, secret.reveal(), "api_key"), "api_key"
    )


def header_name(login: Login, name: str, field: str) -> str:
    """A name that a header may have, or ``Misconfigured``."""
    if not _HEADER.fullmatch(name):
        raise Misconfigured(
            f"connection {login.connection_id!r}: {field} is no name of a header", field=field
        )
    return name


def held(login: Login, text: str, field: str) -> str:
    """A secret that a header can hold, or ``Misconfigured``. It is not shown."""
    if not _VALUE.fullmatch(text):
        what = "is missing" if not text else "holds characters that no header may hold"
        raise Misconfigured(
            f"connection {login.connection_id!r}: the {'token' if field == 'password' else field} {what}; correct it",
            field=field,
        )
    return text


def needed(login: Login, field: str) -> str:
    """A field of the connection that is no secret and must be there."""
    text = str(login.extra.get(field) or "").strip()
    if not text:
        raise missing(login, field, "")
    return text


def missing(login: Login, field: str, what: str) -> Misconfigured:
    """The complaint about a field that is not filled."""
    kind = login.extra.get("auth") or _usual(login)
    meaning = f" ({what})" if what else ""
    return Misconfigured(
        f"connection {login.connection_id!r}: auth {kind!r} needs {field}{meaning}; add it", field=field
    )
