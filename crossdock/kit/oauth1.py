"""OAuth 1.0a (RFC 5849), as vendors sign with it whose tokens a person makes: one consumer, one token, no dance.

NetSuite calls it token-based authentication. A body of JSON is not signed (RFC 5849, 3.4.1.3.1).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from crossdock.errors import Misconfigured
from crossdock.ports import Clock, Dice, Login

ALGORITHM: Final = "HMAC-SHA256"

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_NONCE: Final = 32
_PORTS: Final = {"http": 80, "https": 443}


class OAuth1:
    """Signs each request anew: a ``Signer``. The connection holds ``account`` (the realm), ``consumer_key``,
    ``consumer_secret``, ``token_id`` and ``token_secret``."""

    def __init__(self, login: Login, clock: Clock, dice: Dice) -> None:
        self._login, self._clock, self._dice = login, clock, dice

    def __call__(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The header of one request. Raises ``Misconfigured`` with the field that the connection lacks."""
        said = {
            "oauth_consumer_key": plain(self._login, "consumer_key"),
            "oauth_nonce": nonce(self._dice),
            "oauth_signature_method": ALGORITHM,
            "oauth_timestamp": str(int(self._clock.now().timestamp())),
            "oauth_token": plain(self._login, "token_id"),
            "oauth_version": "1.0",
        }
        secrets = secret(self._login, "consumer_secret"), secret(self._login, "token_secret")
        said["oauth_signature"] = signature(method, url, said, secrets)
        said = {"realm": plain(self._login, "account"), **said}
        return {"Authorization": "OAuth " + ", ".join(f'{name}="{_quoted(said[name])}"' for name in said)}


def signature(
    method: str, url: str, said: Mapping[str, str], secrets: tuple[str, str], digest: str = "sha256"
) -> str:
    """The signature of a request with these ``oauth_`` parameters (RFC 5849, 3.4.2). ``secrets``: the consumer's and
    the token's."""
    split = urlsplit(url)
    port = f":{split.port}" if split.port and split.port != _PORTS.get(split.scheme.lower()) else ""
    address = f"{split.scheme.lower()}://{(split.hostname or '').lower()}{port}{split.path or '/'}"
    pairs = [*parse_qsl(split.query, keep_blank_values=True), *said.items()]
    listed = "&".join(
        "=".join(pair) for pair in sorted((_quoted(name), _quoted(text)) for name, text in pairs)
    )
    base = "&".join((method.upper(), _quoted(address), _quoted(listed)))
    key = "&".join(_quoted(one) for one in secrets)
    return base64.b64encode(hmac.new(key.encode(), base.encode(), getattr(hashlib, digest)).digest()).decode()


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


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
