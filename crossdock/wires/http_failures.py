"""What goes wrong on the way of an HTTP request, in the words of this house."""

import ssl
from collections.abc import Iterator
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
    if _certificate_refused(error):
        return Misconfigured(
            f"{what}: the certificate of the other side is not accepted; nothing was sent. Confirm it with the "
            "system's owner, then correct the host or the ca_bundle of the connection"
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


def _certificate_refused(error: BaseException) -> bool:
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in causes(error))


def _reason(error: BaseException) -> str:
    """The innermost exception's class, and the system's word for it: never a text with content."""
    innermost = list(causes(error))[-1]
    word = innermost.strerror if isinstance(innermost, OSError) and innermost.strerror else ""
    return f"{type(innermost).__name__}: {word}" if word else type(innermost).__name__
