"""The REST wire: one request, one answer or the reason why there is none, within one deadline.

It goes through requests' own adapter with a request that was prepared once. There is no session, hence no cookies,
no ``.netrc``, no proxy from the environment and no redirect; a redirect is an answer like others. Nothing is
retried here except by ``retry_reads``, and that never sends an effect twice.
"""

import base64
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import requests
import tenacity
import urllib3
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.limits import limit
from crossdock.ports import CheckStep, Dice, Login
from crossdock.wires.http_adapter import Call, Monotonic, OneHostAdapter, Resolve, headers_of
from crossdock.wires.http_failures import FOREIGN, translated
from crossdock.wires.patience import pause

MOST_BODY = limit("http_answer")
"""An answer is at most this long, decompressed."""

MOST_RATIO = limit("http_ratio")
"""An answer unpacks to at most this many times what came over the wire."""

SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(hours=24)

_CHUNK = 65536
_LONGEST_LINKS = 8192
_METHOD = re.compile(r"[A-Z]+")
_PATH = re.compile(r"/[!-~]*")

Result = TypeVar("Result")


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


class Rest:
    """One HTTP system, entered with one login. Safe to share between threads.

    The user and password become HTTP basic; a password without user is a bearer token. ``deadline_s`` bounds a
    whole call, from the name lookup to the last byte of the answer. ``extra`` of the login may hold ``ca_bundle``,
    the path of a file with the certificates to trust instead of the usual ones. ``resolve``: an ``AddressGuard``.
    """

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
    ) -> None:
        self._resolve = resolve
        self._base = base_url(login)
        self._deadline_s = deadline_s
        self._connect_s = connect_s
        self._most_body = most_body
        self._monotonic = monotonic
        self._adapter = OneHostAdapter(verify=_verify(login), connections=connections)
        self._headers = {
            "User-Agent": "crossdock",
            "Accept-Encoding": "gzip, deflate",
            **_authorization(login),
        }

    def __repr__(self) -> str:
        return f"Rest({self._base})"

    @property
    def base(self) -> str:
        """``https://host:port``."""
        return self._base

    def call(
        self,
        method: str,
        path: str,
        *,
        effect: bool,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline_s: float | None = None,
    ) -> Answer:
        """Send one request and read its whole answer, whatever its status.

        ``path`` starts with a slash and is quoted already (``quoted``). ``effect`` says whether the request may
        change something there: then what fails after the first byte left is ``WireQuiet``; a read that fails is
        ``WireDown``, as is all that fails before. Raises ``Misconfigured`` for a request that cannot be sent and
        for a certificate that does not fit, and ``Refused`` for an answer to a read that is too large.
        """
        call = Call(
            deadline_s=deadline_s or self._deadline_s,
            connect_s=self._connect_s,
            monotonic=self._monotonic,
            resolve=self._resolve,
        )
        what = f"{method} {self._base}{path}"
        request = self._prepared(method, path, query, headers, body)
        try:
            response = self._adapter.call(request, call)
            raw = response.raw
            try:
                content = self._read(raw, call, what=what, effect=effect)
            except BaseException:
                raw.close()
                raise
            raw.release_conn()
            return Answer(status=response.status_code, headers=headers_of(response), body=content)
        except CrossdockError:
            raise
        except FOREIGN as error:
            raise translated(error, what=what, sent=call.sent, effect=effect) from error

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

    def _prepared(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> requests.PreparedRequest:
        """A request as requests would prepare it, from parts that are checked already: a third of the time."""
        if not _PATH.fullmatch(path) or not _METHOD.fullmatch(method):
            raise Misconfigured(
                f"{method} {path!r} cannot be requested: the path must start with / and be quoted"
            )
        request = requests.PreparedRequest()
        request.method = method
        request.url = f"{self._base}{path}?{urlencode(query)}" if query else self._base + path
        all_headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self._headers)
        if headers:
            all_headers.update(headers)
        if body is not None or method in ("POST", "PUT", "PATCH"):
            all_headers["Content-Length"] = str(len(body or b""))
        request.headers = all_headers
        request.body = body
        request.hooks = default_hooks()
        return request

    def check(self, path: str, *, query: Mapping[str, str] | None = None) -> Iterator[CheckStep]:
        """Resolve, connect (with TLS), login and permission, by one read of this path. Stops at what fails."""
        try:
            answer = self.call("GET", path, effect=False, query=query, deadline_s=15.0)
        except Misconfigured as error:
            yield CheckStep(step="connect", ok=False, sentence=str(error), remedy="Correct the connection.")
            return
        except CrossdockError as error:
            remedy = "Look whether the system runs and whether host and port of the connection are right."
            yield CheckStep(step="connect", ok=False, sentence=str(error), remedy=remedy)
            return
        encrypted = "TLS verified" if self._base.startswith("https:") else "without TLS"
        yield CheckStep(step="connect", ok=True, sentence=f"{self._base} answers ({encrypted})")
        if answer.status == 401:
            yield CheckStep(
                step="login",
                ok=False,
                sentence=f"{self._base} does not accept the login (401)",
                remedy="Correct the user and password, or the token, of the connection.",
            )
            return
        yield CheckStep(step="login", ok=True, sentence="the login is accepted")
        if answer.status == 403:
            yield CheckStep(
                step="permission",
                ok=False,
                sentence=f"{path} may not be read with this login (403)",
                remedy="Ask the owner of the system to permit it.",
            )
            return
        if not 200 <= answer.status < 300:
            yield CheckStep(
                step="permission",
                ok=False,
                sentence=f"{path} answered {answer.status}",
                remedy="Look at the path in connector.toml and at the system's own log.",
            )
            return
        yield CheckStep(step="permission", ok=True, sentence=f"{path} may be read")

    def close(self) -> None:
        self._adapter.close()


# -- what is said -----------------------------------------------------------------------------------------


def refused(answer: Answer, *, what: str, now: datetime) -> CrossdockError:
    """What an answer that is no success means for a read: the login is wrong, or the other side said no."""
    if answer.status in (401, 403, 407):
        return Misconfigured(
            f"{what}: the login is not accepted ({answer.status}); correct the connection or ask for permission"
        )
    if 300 <= answer.status < 400:
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


# -- waiting ----------------------------------------------------------------------------------------------


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


def retry_reads(
    function: Callable[[], Result],
    *,
    dice: Dice,
    sleep: Callable[[float], None] = pause,
    attempts: int = 3,
    longest_s: float = 5.0,
) -> Result:
    """Call a read again, within seconds, when ``WireDown`` says that this is free. Never for an effect that left.

    Waits a part of 0.5 s, 1 s, 2 s ... that ``dice`` choose, together at most ``longest_s``.
    """

    def wait(state: tenacity.RetryCallState) -> float:
        return dice.random() * 0.5 * 2.0 ** (state.attempt_number - 1)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(WireDown),
        stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(longest_s),
        wait=wait,
        sleep=sleep,
        reraise=True,
    )
    return retrying(function)


# -- where to ---------------------------------------------------------------------------------------------


def base_url(login: Login) -> str:
    """``https://host:port`` of a login. HTTPS unless the connection says ``http`` itself."""
    if not login.host or not re.fullmatch(r"[A-Za-z0-9._:\-]+", login.host):
        raise Misconfigured(
            f"connection {login.connection_id!r}: the host {login.host!r} is none; correct it"
        )
    scheme = login.scheme or "https"
    if scheme not in ("http", "https"):
        raise Misconfigured(f"connection {login.connection_id!r}: the scheme must be https, not {scheme!r}")
    host = f"[{login.host}]" if ":" in login.host else login.host
    port = f":{login.port}" if login.port else ""
    return f"{scheme}://{host}{port}"


def quoted(*parts: str) -> str:
    """A path of these parts, each quoted: no part can step out of its place. ``.`` and ``..`` are refused."""
    for part in parts:
        if part in ("", ".", ".."):
            raise Misconfigured(f"{part!r} cannot be a part of a path")
    return "/" + "/".join(quote(part, safe="") for part in parts)


def same_host(base: str, address: str) -> str | None:
    """The path and query of a link that the other side gave, if it stays at this host; else ``None``."""
    try:
        split = urlsplit(address)
        if (split.scheme or split.netloc) and f"{split.scheme}://{split.netloc}" != base:
            return None
    except ValueError:
        return None
    if not split.path.startswith("/") or split.path.startswith("//"):
        return None
    if re.search(r"[\x00-\x20\x7f-\U0010ffff\\]", address):
        return None
    return f"{split.path}?{split.query}" if split.query else split.path


def next_link(header: str) -> str | None:
    """The address with ``rel="next"`` in a ``Link`` header (RFC 8288), ``None`` when there is none."""
    links = requests.utils.parse_header_links(header[:_LONGEST_LINKS]) if header else []
    return next((one["url"] for one in links if "next" in one.get("rel", "").lower().split()), None)


def _authorization(login: Login) -> dict[str, str]:
    password = login.password.reveal()
    try:
        if login.user:
            pair = f"{login.user}:{password}".encode()
            return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        if password:
            password.encode("ascii")
            if not password.isprintable() or " " in password:
                raise ValueError
            return {"Authorization": f"Bearer {password}"}
    except ValueError:
        raise Misconfigured(
            f"connection {login.connection_id!r}: the token holds characters that no header may hold; correct it"
        ) from None
    return {}


def _verify(login: Login) -> bool | str:
    bundle = login.extra.get("ca_bundle")
    if bundle is None or bundle == "":
        return True
    if not isinstance(bundle, str):
        raise Misconfigured(f"connection {login.connection_id!r}: ca_bundle must be the path of a file")
    try:
        ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise Misconfigured(
            f"connection {login.connection_id!r}: ca_bundle {bundle!r} is no file with certificates that can be read "
            f"({type(error).__name__}); correct it"
        ) from error
    return bundle
