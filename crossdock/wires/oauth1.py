"""OAuth 1.0a (RFC 5849), as vendors sign with it whose tokens a person makes: one consumer, one token, no dance.

NetSuite calls it token-based authentication. A body of JSON is not signed (RFC 5849, 3.4.1.3.1).
"""

from collections.abc import Mapping
from typing import Final

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from crossdock.errors import Misconfigured
from crossdock.ports import Clock, Dice, Login

ALGORITHM: Final = SIGNATURE_HMAC_SHA256

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_NONCE: Final = 32


class OAuth1:
    """Signs each request anew: a ``Signer``. The connection holds ``account`` (the realm), ``consumer_key``,
    ``consumer_secret``, ``token_id`` and ``token_secret``."""

    def __init__(self, login: Login, clock: Clock, dice: Dice) -> None:
        self._login, self._clock, self._dice = login, clock, dice

    def __call__(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The header of one request. Raises ``Misconfigured`` with the field that the connection lacks."""
        client = Client(
            plain(self._login, "consumer_key"),
            client_secret=secret(self._login, "consumer_secret"),
            resource_owner_key=plain(self._login, "token_id"),
            resource_owner_secret=secret(self._login, "token_secret"),
            signature_method=ALGORITHM,
            realm=plain(self._login, "account"),
            nonce=nonce(self._dice),
            timestamp=str(int(self._clock.now().timestamp())),
        )
        _url, headers, _body = client.sign(url, http_method=method)
        return {"Authorization": headers["Authorization"]}


def nonce(dice: Dice) -> str:
    """What no other request of this second says."""
    return "".join(_ALPHABET[int(dice.random() * len(_ALPHABET))] for _ in range(_NONCE))


def plain(login: Login, name: str) -> str:
    """A field of the connection. ``token_id`` looks like a secret by its name, and is kept like one."""
    kept = login.secrets.get(name)
    return _there(login, name, kept.reveal() if kept else str(login.extra.get(name) or ""))


def secret(login: Login, name: str) -> str:
    """A secret of the connection."""
    kept = login.secrets.get(name)
    return _there(login, name, kept.reveal() if kept else "")


def _there(login: Login, name: str, value: str) -> str:
    if not value or not value.isascii() or not value.isprintable():
        raise Misconfigured(
            f"connection {login.connection_id!r}: {name} is missing or is none; copy it from the vendor's record of "
            "the integration or of its access token",
            field=name,
        )
    return value
