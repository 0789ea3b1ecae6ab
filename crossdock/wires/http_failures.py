"""What goes wrong on the way of an HTTP request, in the words of this house."""

import ssl
from collections.abc import Callable, Iterator
from http import client as http_client

import requests
import urllib3.exceptions

from crossdock.errors import CrossdockError, Misconfigured, WireDown, WireQuiet

FOREIGN = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http_client.HTTPException,
    OSError,
    ValueError,
)
"""Everything that requests, urllib3, http.client and the sockets raise."""

NOT_OURS_TO_SEND = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.URLRequired,
    requests.exceptions.InvalidHeader,
    requests.exceptions.UnrewindableBodyError,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.URLSchemeUnknown,
    urllib3.exceptions.ProxySchemeUnknown,
    urllib3.exceptions.ProxySchemeUnsupported,
    urllib3.exceptions.UnrewindableBodyError,
    http_client.InvalidURL,
)
"""The request itself is wrong: a person must edit the connection or the connector."""

ON_THE_WIRE = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http_client.HTTPException,
    OSError,
)
"""The wire failed: ``WireDown`` or ``WireQuiet``, by whether a byte of an effect had left."""


def translated(error: BaseException, *, what: str, sent: bool, effect: bool) -> CrossdockError:
    """The word of this house for an exception of requests, urllib3, http.client or the sockets.

    ``what`` is method and address. The exception's own text is not shown: it may hold the query.
    """
    name = type(error).__name__
    if (refused := _certificate_refused(error)) is not None:
        return Misconfigured(f"{what}: {refused}", field="ca_bundle")
    if _ours_refused(error):
        # said in the handshake, or before the first request is read: nothing took effect
        return Misconfigured(
            f"{what}: the other side does not accept our certificate; nothing took effect. Confirm with the system's "
            "owner which certificate they know, then correct client_certificate and its key",
            field="client_certificate",
        )
    if isinstance(error, NOT_OURS_TO_SEND) and not sent:
        return Misconfigured(f"{what} cannot be requested ({name}); correct the address or the headers")
    if not sent and not isinstance(error, ON_THE_WIRE):
        return Misconfigured(f"{what} cannot be requested ({name}); correct the address or the headers")
    late = any(isinstance(one, TimeoutError | requests.exceptions.Timeout) for one in causes(error))
    happened = "no answer came in time" if late else f"the connection failed ({_reason(error)})"
    if not sent:
        return WireDown(f"{what}: {happened}; nothing was sent")
    if not effect:
        return WireDown(f"{what}: {happened}; it was a read")
    return WireQuiet(f"{what}: it was sent and {happened}; whether it took effect is unknown")


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything it wraps, as urllib3 and requests wrap: causes, reasons and arguments."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def without_secrets(error: BaseException, url: str, shown: Callable[[str], str]) -> None:
    """Takes the query of this address, and the secrets of the login, out of what the exception and its causes say: an
    address may itself be the secret, and a log shows them all."""
    query = url.partition("?")[2]
    for one in causes(error):
        one.args = tuple(
            (shown(part).replace(query, "...") if query else shown(part)) if isinstance(part, str) else part
            for part in one.args
        )


_OTHER_HOST = (62, 64)
_EXPIRED = (10,)
_NOT_YET = (9,)
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
"""OpenSSL's numbers for what is wrong with a certificate (``X509_V_ERR_*``)."""

_CERTIFICATES = {
    **dict.fromkeys(
        _OTHER_HOST,
        (
            "is for another host",
            "Correct the host of the connection, or ask the system's owner for a certificate with this name",
        ),
    ),
    **dict.fromkeys(
        _EXPIRED,
        (
            "has expired",
            "Ask the system's owner to renew it; when they say that it is new, look at our clock",
        ),
    ),
    **dict.fromkeys(
        _NOT_YET,
        ("is not valid yet", "Look at the clock of this machine, then ask the system's owner"),
    ),
    **dict.fromkeys(
        _UNKNOWN_AUTHORITY,
        (
            "is of an authority that is not known here",
            "Confirm it with the system's owner, then name a file with their authority's certificate as ca_bundle in "
            "the connection",
        ),
    ),
}
"""By those numbers, what is wrong and what to do."""


def _certificate_refused(error: BaseException) -> str | None:
    """What is wrong with the certificate of the other side, and what to do; ``None``: nothing is."""
    for one in causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            wrong, remedy = _CERTIFICATES.get(
                getattr(one, "verify_code", 0),
                ("is not accepted", "Confirm it with the system's owner, then correct the connection"),
            )
            return f"the certificate of the other side {wrong}; nothing was sent. {remedy}"
    return None


_ALERTS = (
    "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "UNKNOWN_CA",
    "CERTIFICATE_REQUIRED",
)
"""The alerts of TLS (RFC 8446, 6.2) about a certificate; received, they are about ours."""


def _ours_refused(error: BaseException) -> bool:
    for one in causes(error):
        if isinstance(one, ssl.SSLError):
            reason = getattr(one, "reason", None) or ""
            if "ALERT" in reason and reason.endswith(_ALERTS):
                return True
    return False


def _reason(error: BaseException) -> str:
    """The innermost exception's class, and the system's word for it: never a text with content."""
    innermost = list(causes(error))[-1]
    word = innermost.strerror if isinstance(innermost, OSError) and innermost.strerror else ""
    return f"{type(innermost).__name__}: {word}" if word else type(innermost).__name__
