"""Whether a request that was pushed to us is what it says: Standard Webhooks, a plain HMAC over the body, or a header
with a credential that we gave the sender.

Pure: bytes, headers, secrets and a time go in, a verdict comes out. The endpoint that receives the bytes, the
limit on them and the store are elsewhere. Sources: Standard Webhooks specification 1.0; RFC 2104 for the HMAC.

``standardwebhooks`` is not used: it raises ``ValueError`` and ``UnicodeDecodeError`` on malformed input, takes
fractional times and reads the machine's own clock. The tests check that both give the same signatures.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from crossdock.errors import Misconfigured
from crossdock.ports import Clock, Login, Secret

ID = re.compile(rb"[A-Za-z0-9_-]{1,128}")
TIMESTAMP = re.compile(rb"[0-9]{1,12}")
MOST_SIGNATURES = 32
"""More signatures than any rotation needs are not tried."""

SHORTEST_CREDENTIAL = 24
"""Characters of a credential that is sent as it is."""

Header = tuple[str | bytes, str | bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """``[source.settings]`` of a webhook connector.

    ``scheme``: ``standard`` (headers webhook-id, webhook-timestamp, webhook-signature), ``hmac`` (one header with an
    HMAC-SHA256 of the body) or ``credential`` (one header with a credential as it is, which signs nothing: only over
    TLS). The last two have no protection against replay, so the body's hash is its id.
    ``kept_headers`` are kept with the message, as the sender's word: no signature of the body covers them.
    """

    scheme: Literal["standard", "hmac", "credential"] = "standard"
    tolerance_s: int = 300
    max_body_kib: int = 1024
    hmac_header: str = "X-Signature-256"
    hmac_prefix: str = "sha256="
    hmac_encoding: Literal["hex", "base64"] = "hex"
    credential_header: str = "credential"
    credential_prefix: str = ""
    kept_headers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.tolerance_s < 1 or self.max_body_kib < 1:
            raise ValueError("tolerance_s and max_body_kib must be above 0")
        for name in ("hmac_header", "credential_header"):
            if not re.fullmatch(r"[A-Za-z0-9-]+", getattr(self, name)):
                raise ValueError(f"{name} {getattr(self, name)!r} is no header name")
        for name in self.kept_headers:
            if not re.fullmatch(r"[A-Za-z0-9-]+", name):
                raise ValueError(f"kept_headers: {name!r} is no header name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The sender holds the secret. ``message_id`` is the key under which the same thing is known again.

    ``timestamp`` is the sender's, or ``None`` where the scheme has none (``hmac``, ``credential``).
    """

    message_id: str
    timestamp: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotVerified:
    """The request is refused: ``status`` 400 (malformed) or 401 (wrong signature, or stale). ``sentence`` is for our
    own records; the sender is told the status alone."""

    status: int
    sentence: str


def verify(
    settings: Mapping[str, Any] | WebhookSettings,
    headers: Iterable[Header],
    body: bytes,
    login: Login,
    clock: Clock,
) -> Verified | NotVerified:
    """Whether this body with these headers comes from somebody who holds one of the login's secrets.

    ``settings`` is the manifest's ``[source.settings]``; ``headers`` are pairs as they came, repeated ones too.
    Never raises for what the sender did; raises ``Misconfigured`` when the login holds no usable secret.
    """
    known = settings if isinstance(settings, WebhookSettings) else WebhookSettings(**settings)
    pairs = [(_bytes(name).lower(), _bytes(value)) for name, value in headers]
    if known.scheme == "standard":
        return _verify_standard(known, pairs, body, _standard_secrets(login), clock.now())
    if known.scheme == "credential":
        return _verify_credential(known, pairs, body, _credentials(login))
    return _verify_hmac(known, pairs, body, _hmac_secrets(login))


def kept(settings: Mapping[str, Any] | WebhookSettings, headers: Iterable[Header]) -> dict[str, str]:
    """What ``kept_headers`` of a request say, names in lower case; one that comes twice or holds what no header
    should is left out."""
    known = settings if isinstance(settings, WebhookSettings) else WebhookSettings(**settings)
    wanted = {name.lower().encode(): name.lower() for name in known.kept_headers}
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(_bytes(name).lower(), []).append(_bytes(value))
    return {
        shown: found[name][0].decode()
        for name, shown in wanted.items()
        if len(found.get(name, ())) == 1 and re.fullmatch(rb"[ -~]{1,200}", found[name][0])
    }


def sign(secret: str, message_id: str, timestamp: datetime, body: bytes) -> str:
    """The ``webhook-signature`` of a body: what a sender of Standard Webhooks does, for tests and the sandbox."""
    signed = b"%s.%d.%s" % (message_id.encode(), int(timestamp.timestamp()), body)
    return "v1," + base64.b64encode(_mac(_decoded(secret), signed)).decode()


def signed(
    settings: WebhookSettings, login: Login, body: bytes, *, message_id: str, now: datetime
) -> dict[str, str]:
    """The headers of a body as its sender makes them, with the first secret of the login."""
    if settings.scheme == "standard":
        _standard_secrets(login)  # raises where there is none that can be used
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": sign(_texts(login, "webhook_secret")[0], message_id, now, body),
        }
    if settings.scheme == "credential":
        return {settings.credential_header: settings.credential_prefix + _credentials(login)[0].decode()}
    digest = _mac(_hmac_secrets(login)[0], body)
    shown = digest.hex() if settings.hmac_encoding == "hex" else base64.b64encode(digest).decode()
    return {settings.hmac_header: settings.hmac_prefix + shown}


def _verify_standard(
    settings: WebhookSettings,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
    secrets: Sequence[bytes],
    now: datetime,
) -> Verified | NotVerified:
    values: dict[bytes, bytes] = {}
    for name in (b"webhook-id", b"webhook-timestamp", b"webhook-signature"):
        found = [value for header, value in headers if header == name]
        if len(found) != 1:
            return NotVerified(status=400, sentence=f"{len(found)} headers {name.decode()}, not exactly one")
        values[name] = found[0]
    message_id, stamp = values[b"webhook-id"], values[b"webhook-timestamp"]
    if not ID.fullmatch(message_id):
        return NotVerified(status=400, sentence="webhook-id is not 1 to 128 of A-Z, a-z, 0-9, _ and -")
    if not TIMESTAMP.fullmatch(stamp):
        return NotVerified(status=400, sentence="webhook-timestamp is no whole number of seconds")
    if abs(int(stamp) - now.timestamp()) > settings.tolerance_s:
        return NotVerified(
            status=401,
            sentence=f"webhook-timestamp is more than {settings.tolerance_s} s from our clock",
        )
    signatures, malformed = _signatures(values[b"webhook-signature"])
    if malformed:
        return NotVerified(status=400, sentence="webhook-signature is no list of version,base64")
    signed = b"%s.%s.%s" % (message_id, stamp, body)
    if not _any_matches(secrets, signatures, signed):
        return NotVerified(status=401, sentence="no signature in webhook-signature is of one of our secrets")
    return Verified(
        message_id=message_id.decode(),
        timestamp=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(stamp)),
    )


def _signatures(header: bytes) -> tuple[list[bytes], bool]:
    """The ``v1`` signatures of the header; versions that we do not know are left out."""
    parts = header.split(b" ")
    if len(parts) > MOST_SIGNATURES:
        return [], True
    signatures: list[bytes] = []
    for part in parts:
        version, comma, text = part.partition(b",")
        if not comma or not version:
            return [], True
        if version != b"v1":
            continue
        try:
            signatures.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            return [], True
    return signatures, False


def _verify_hmac(
    settings: WebhookSettings, headers: Sequence[tuple[bytes, bytes]], body: bytes, secrets: Sequence[bytes]
) -> Verified | NotVerified:
    name = settings.hmac_header
    found = [value for header, value in headers if header == name.lower().encode()]
    if len(found) != 1:
        return NotVerified(status=400, sentence=f"{len(found)} headers {name}, not exactly one")
    prefix = settings.hmac_prefix.encode()
    if not found[0].startswith(prefix):
        return NotVerified(status=400, sentence=f"{name} does not start with {settings.hmac_prefix!r}")
    text = found[0][len(prefix) :]
    try:
        if settings.hmac_encoding == "hex":
            if not re.fullmatch(rb"[0-9a-fA-F]{64}", text):
                raise ValueError
            signature = bytes.fromhex(text.decode())
        else:
            signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return NotVerified(status=400, sentence=f"{name} holds no {settings.hmac_encoding} of an HMAC-SHA256")
    if not _any_matches(secrets, [signature], body):
        return NotVerified(status=401, sentence=f"{name} is not of one of our secrets")
    return Verified(message_id=f"sha256-{hashlib.sha256(body).hexdigest()}", timestamp=None)


def _verify_credential(
    settings: WebhookSettings,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
    credentials: Sequence[bytes],
) -> Verified | NotVerified:
    name = settings.credential_header
    found = [value for header, value in headers if header == name.lower().encode()]
    if len(found) != 1:
        return NotVerified(status=400, sentence=f"{len(found)} headers {name}, not exactly one")
    prefix = settings.credential_prefix.encode()
    if not found[0].startswith(prefix):
        return NotVerified(status=400, sentence=f"{name} does not start with {settings.credential_prefix!r}")
    # digests are compared, so that the time tells neither how much of it fits nor how long ours is
    given = hashlib.sha256(found[0][len(prefix) :]).digest()
    matched = False
    for credential in credentials:
        matched |= hmac.compare_digest(hashlib.sha256(credential).digest(), given)
    if not matched:
        return NotVerified(status=401, sentence=f"{name} is none of our credentials")
    return Verified(message_id=f"sha256-{hashlib.sha256(body).hexdigest()}", timestamp=None)


def _any_matches(secrets: Sequence[bytes], signatures: Sequence[bytes], signed: bytes) -> bool:
    """Every secret is tried with every signature, so that the time tells nothing about which one fits."""
    matched = False
    for secret in secrets:
        expected = _mac(secret, signed)
        for signature in signatures:
            matched |= hmac.compare_digest(expected, signature)
    return matched


def _mac(secret: bytes, signed: bytes) -> bytes:
    return hmac.new(secret, signed, hashlib.sha256).digest()


def _standard_secrets(login: Login) -> list[bytes]:
    texts = _texts(login, "webhook_secret")
    if not texts:
        raise Misconfigured(
            f"connection {login.connection_id!r} has no webhook_secrets; add at least one (whsec_...)"
        )
    secrets = []
    for number, text in enumerate(texts, start=1):
        try:
            secret = _decoded(text)
        except (binascii.Error, ValueError):
            # The parser's message is dropped: it could show the secret.
            raise Misconfigured(
                f"connection {login.connection_id!r}: webhook secret {number} is no whsec_ with base64; correct it"
            ) from None
        if not secret:
            raise Misconfigured(f"connection {login.connection_id!r}: webhook secret {number} is empty")
        secrets.append(secret)
    return secrets


def signing_secrets(login: Login) -> list[Secret]:
    """The secrets that sign what we send with this login: all of ``webhook_secrets``, each a ``whsec_`` of 24 to 64
    bytes. Raises ``Misconfigured`` when there is none, or one is no secret of Standard Webhooks."""
    found = _standard_secrets(login)
    for number, secret in enumerate(found, start=1):
        if not 24 <= len(secret) <= 64:
            raise Misconfigured(
                f"connection {login.connection_id!r}: webhook secret {number} has {len(secret)} bytes, not 24 to 64"
            )
    return [Secret("whsec_" + base64.b64encode(secret).decode()) for secret in found]


def new_secret() -> Secret:
    """A secret for a new subscription, to be kept in a connection and given to the receiver."""
    return Secret("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())


def _hmac_secrets(login: Login) -> list[bytes]:
    texts = _texts(login, "hmac_secret")
    if not texts:
        raise Misconfigured(f"connection {login.connection_id!r} has no hmac_secret; add one")
    return [text.encode() for text in texts]


def _credentials(login: Login) -> list[bytes]:
    texts = _texts(login, "webhook_credential")
    if not texts:
        raise Misconfigured(
            f"connection {login.connection_id!r} has no webhook_credentials; add at least one"
        )
    for number, text in enumerate(texts, start=1):
        if len(text) < SHORTEST_CREDENTIAL:
            raise Misconfigured(
                f"connection {login.connection_id!r}: webhook credential {number} is shorter than "
                f"{SHORTEST_CREDENTIAL} characters, so it can be guessed; give the sender a longer one"
            )
    return [text.encode() for text in texts]


def _texts(login: Login, name: str) -> list[str]:
    """The secrets under ``name``, ``names`` and ``names.0``, ``names.1``..., as ``connections`` gives them."""
    return [
        secret.reveal()
        for key, secret in login.secrets.items()
        if key.partition(".")[0] in (name, f"{name}s") and secret
    ]


def _decoded(secret: str) -> bytes:
    text = secret.removeprefix("whsec_")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")
