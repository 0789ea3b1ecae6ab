"""An HTTP answer, and what it says: no success, a duplicate, the version that it is of, when to come again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import requests

from crossdock.errors import CrossdockError, Misconfigured, Refused

NOT_NOW: Final = (425, 429, 503)
"""Statuses that say that nothing was done, and that it may be later."""
SHORTEST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(hours=24)

_LONGEST_LINKS: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side answered, whole. Header names are in lower case; ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case: ``application/json``."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def retry_after(self, now: datetime, *, most: timedelta = LONGEST_WAIT) -> timedelta | None:
        """How long the other side asks us to wait, between one second and ``most``."""
        return retry_after(self.headers.get("retry-after"), now, most=most)


def refused(answer: Answer, *, what: str, now: datetime) -> CrossdockError:
    """What an answer that is no success means for a read: the login is wrong, or the other side said no."""
    if answer.status in (401, 403, 407):
        return Misconfigured(
            f"{what}: the login is not accepted ({answer.status}); correct the connection or ask for permission"
        )
    if 300 <= answer.status < 400 and answer.status != 304:
        return Misconfigured(
            f"{what}: it points elsewhere ({answer.status}) and is not followed; correct the connection's address"
        )
    return Refused(
        f"{what}: the other side answered {answer.status}",
        status=str(answer.status),
        retry_after=answer.retry_after(now),
        body=answer.body,
    )


DUPLICATE_STATUS = (400, 409, 422)
_SAYS_DUPLICATE = re.compile(
    rb"duplicate|already[ _-]?(?:exist|process|receiv|been|creat|used)|idempoten|same (?:key|request)",
    re.IGNORECASE,
)
_SAYS_OTHER = re.compile(
    rb"different|mismatch|not match|another (?:request|body|payload)|other (?:request|body|payload)",
    re.IGNORECASE,
)


def duplicate_at(answer: Answer, base: str) -> str | None:
    """Where the first of a request is that was refused as a duplicate, as a path at this host; ``None``: this answer
    does not say so.

    Some systems answer a repeat with an error: NetSuite with 400, a ``Location`` and "a record with this idempotency
    key was already processed". That is success, and only when the answer says both: that it is a duplicate, and where
    the first one is. An error with a ``Location`` alone, or with the word alone, is still an error; so is one that
    says that the key was used for something else.
    """
    said = answer.body[:65536]
    if answer.status not in DUPLICATE_STATUS or not _SAYS_DUPLICATE.search(said) or _SAYS_OTHER.search(said):
        return None
    return same_host(base, answer.headers.get("location", ""))


def version_of(answer: Answer) -> str:
    """The version that an answer is of, for ``If-Match``: its strong ``ETag``. Empty when it has none: a weak one
    (``W/"..."``) fits no condition (RFC 9110, 13.1.1)."""
    tag = answer.headers.get("etag", "").strip()
    return tag if re.fullmatch(r'"[!#-~\x80-\xff]*"', tag) else ""


def if_match(version: str) -> dict[str, str]:
    """The header of a change that is wanted on this version alone."""
    return {"If-Match": version} if version else {}


def retry_after(text: str | None, now: datetime, *, most: timedelta = LONGEST_WAIT) -> timedelta | None:
    """The header ``Retry-After`` (RFC 9110, 10.2.3), in seconds or as a date, held between one second and ``most``.

    ``None`` when there is none or it is neither. What is past or negative means: soon.
    """
    if text is None:
        return None
    text = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,400}", text):
        wait = timedelta(seconds=min(int(text), 10**9))
    else:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        try:
            wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
        except OverflowError:
            return None
    return min(max(wait, SHORTEST_WAIT), most)


def same_host(base: str, address: str) -> str | None:
    """The path and query of a link that the other side gave, if it stays at this host; else ``None``."""
    try:
        split = urlsplit(address)
        if (split.scheme or split.netloc) and _origin(address) != _origin(base):
            return None
    except ValueError:
        return None
    if not split.path.startswith("/") or split.path.startswith("//"):
        return None
    if re.search(r"[\x00-\x20\x7f-\U0010ffff\\]", address):
        return None
    return f"{split.path}?{split.query}" if split.query else split.path


def _origin(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454, 4): systems write out the port that goes without saying. Raises ``ValueError``
    for an address with a user in it, or with a port that is none."""
    split = urlsplit(address)
    if "@" in split.netloc:
        raise ValueError("a user stands in the address")
    scheme = split.scheme.lower()
    port = split.port if split.port is not None else {"https": 443, "http": 80}.get(scheme)
    return scheme, split.hostname or "", port


def next_link(header: str) -> str | None:
    """The address with ``rel="next"`` in a ``Link`` header (RFC 8288), ``None`` when there is none."""
    links = requests.utils.parse_header_links(header[:_LONGEST_LINKS]) if header else []
    return next((one["url"] for one in links if "next" in one.get("rel", "").lower().split()), None)
