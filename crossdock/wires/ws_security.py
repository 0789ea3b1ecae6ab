"""WS-Security for SOAP services: the UsernameToken (OASIS, UsernameToken Profile 1.1), in plain text or as a digest.

The digest is ``Base64(SHA-1(nonce + created + password))``: the password does not travel, and a service that keeps
nonces for some minutes takes no message twice. Plain text is what most services want; TLS hides it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from lxml import etree
from zeep.wsse.username import UsernameToken

from crossdock.errors import Misconfigured
from crossdock.ports import Clock, Dice, Login
from crossdock.wires.http_login import missing

KIND: Final = "ws_security"
TYPES: Final = ("text", "digest")

REFUSED: Final = (
    "UnsupportedSecurityToken",
    "UnsupportedAlgorithm",
    "InvalidSecurity",
    "InvalidSecurityToken",
    "FailedAuthentication",
    "FailedCheck",
    "SecurityTokenUnavailable",
    "MessageExpired",
)
"""Fault codes about the login (WS-Security 1.1, 12): the message was looked at no further."""

SoapHeaders = Callable[[], Sequence[etree._Element]]
"""A vendor's own header elements, made for each request: a token that is signed with the time and a nonce."""


def wants(login: Login) -> bool:
    """Whether the connection wants this kind of login."""
    return str(login.extra.get("auth") or "").strip().lower() == KIND


class Token:
    """Makes a UsernameToken for each request."""

    def __init__(self, login: Login, clock: Clock, dice: Dice) -> None:
        if not login.user:
            raise missing(login, "login", "the user")
        if not login.password:
            raise missing(login, "password", "")
        kind = str(login.extra.get("ws_security_type") or TYPES[0])
        if kind not in TYPES:
            raise Misconfigured(
                f"connection {login.connection_id!r}: ws_security_type must be one of {', '.join(TYPES)}",
                field="ws_security_type",
            )
        self._user, self._password, self._digest = login.user, login.password, kind == "digest"
        self._clock, self._dice = clock, dice

    def __call__(self) -> Any:
        """The token of one request, as zeep applies it."""
        make: Any = UsernameToken
        return make(
            self._user,
            self._password.reveal(),
            use_digest=self._digest,
            nonce="".join(f"{int(self._dice.random() * 256):02x}" for _ in range(16)),
            created=self._clock.now(),
            zulu_timestamp=True,
        )
