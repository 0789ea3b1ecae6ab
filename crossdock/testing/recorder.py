"""Records what a connector says to a real system over HTTP, and what it answers, without its secrets.

    recorder = Recorder(login)
    with recorder.on():
        messages = list(source.read(None))
    recorder.recording(about="two holds", asked={"read": {"after": None}}).write(folder / "recorded" / "holds.json")

It sees what leaves through the door of the REST and SOAP wires, in this thread. What is taken out: every secret of
the login in every form, each value of a header, query parameter, field or element that is called like a secret (of
cookies and CSRF too), and the name of the host. Where tokens are given is not recorded at all. Secrets are kept apart
by number, so that a session, or a page that is asked for by its token, can still be played.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from crossdock.logins import is_secret_name
from crossdock.ports import Clock, Login, SystemClock
from crossdock.secret_forms import forms_of, texts_of
from crossdock.testing.recordings import (
    BASE,
    BASE_IN_JSON,
    Exchange,
    RecordedAnswer,
    RecordedRequest,
    Recording,
)
from crossdock.wires.http_door import watched_by

if TYPE_CHECKING:
    from crossdock.wires.http_answer import Answer

NOT_RECORDED: Final = frozenset(
    (
        *(
            "user-agent",
            "accept-encoding",
            "content-length",
            "content-encoding",
            "transfer-encoding",
            "connection",
        ),
        *("keep-alive", "host", "date", "age", "server", "via", "x-amz-date", "x-amz-content-sha256"),
    )
)
"""Headers that say nothing about the exchange, or another thing each time."""

_SECRET_HEADER: Final = re.compile(
    r"auth|cookie|token|api-?key|secret|signature|session|csrf|xsrf|credential", re.I
)
_JSON_FIELD: Final = re.compile(rb'"((?:[^"\\]|\\.){1,100})"\s*:\s*"((?:[^"\\]|\\.)+)"')
_XML_FIELD: Final = re.compile(rb"<(?:[\w.-]+:)?([\w.-]{1,100})(?:\s[^<>]*)?>([^<>]+)</")
_SIGNS: Final = re.compile(r"(?:x-amz-)?sig(?:nature)?|hmac|jwt|passwd|pwd", re.I)
"""Names of what shows who we are, in an address or a body, which hold none of the usual words."""
_FORM: Final = "application/x-www-form-urlencoded"
_OF_COOKIES: Final = ("path", "domain", "expires", "max-age", "samesite", "version", "priority")
LEAST: Final = 6
"""A shorter secret is a word that stands everywhere."""


class Recorder:
    """Sees what passes the door of one login while it is ``on``."""

    def __init__(self, login: Login, *, clock: Clock | None = None) -> None:
        self._login = login
        self._began_at = (clock or SystemClock()).now()
        self._base = b""
        self._seen: list[tuple[RecordedRequest, RecordedAnswer]] = []
        self._of_login = frozenset(form for text in texts_of(login) for form in forms_of(text))
        self._secrets: dict[str, None] = dict.fromkeys(texts_of(login))

    @contextmanager
    def on(self) -> Iterator["Recorder"]:
        """Record what this thread sends in the block."""
        before = watched_by.set(self)
        try:
            yield self
        finally:
            watched_by.reset(before)

    def saw(self, method: str, url: str, headers: Mapping[str, str], body: bytes, answer: "Answer") -> None:
        """One request with its login's headers, and its answer. Called by the wire."""
        split = urlsplit(url)
        self._base = f"{split.scheme}://{split.netloc}".encode()
        asked = RecordedRequest(
            method=method,
            path=split.path,
            query=tuple(parse_qsl(split.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
        )
        said = RecordedAnswer(status=answer.status, headers=answer.headers, body=answer.body)
        self._learn(asked.headers, asked.body)
        self._learn(said.headers, said.body)
        for name, value in asked.query:
            if is_secret_name(name) or _SIGNS.fullmatch(name):
                self._secrets.setdefault(value)
        self._seen.append((asked, said))

    def recording(self, *, about: str, asked: Mapping[str, Any]) -> Recording:
        """What was seen, without secrets. ``about`` is a sentence for people, ``asked`` as ``recordings`` says."""
        scrub = _Scrub(self._secrets, self._of_login, self._base)
        return Recording(
            about=about,
            asked=asked,
            recorded_at=self._began_at,
            exchanges=tuple(
                Exchange(request=scrub.request(one), answer=scrub.answer(other)) for one, other in self._seen
            ),
        )

    def _learn(self, headers: Mapping[str, str], body: bytes) -> None:
        """What is called like a secret is one, wherever else it stands."""
        for name, value in headers.items():
            if _SECRET_HEADER.search(name):
                for secret in _cookies(value) if "cookie" in name else (value.partition(" ")[2] or value,):
                    self._secrets.setdefault(secret)
        if headers.get("content-type", "").startswith(_FORM):
            pairs = parse_qsl(body.decode("utf-8", "replace"))
        else:
            found = [*_JSON_FIELD.findall(body), *_XML_FIELD.findall(body)]
            pairs = [
                (name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in found
            ] + list(_in_json(body))
        for name, value in pairs:
            if is_secret_name(name) or _SIGNS.fullmatch(name):
                self._secrets.setdefault(value.strip())


class _Scrub:
    """Puts a number in the place of each secret, and ``@base@`` in that of the host."""

    def __init__(self, secrets: Mapping[str, None], of_login: frozenset[str], base: bytes) -> None:
        self._of_login = of_login
        known = [text for text in secrets if len(text) >= LEAST]
        forms = {
            form.encode(): f"recorded-{number}".encode()
            for number, text in enumerate(known, start=1)
            for form in forms_of(text)
        }
        self._forms = sorted(forms.items(), key=lambda pair: len(pair[0]), reverse=True)
        self._bases = [(base, BASE), (base.replace(b"/", rb"\/"), BASE_IN_JSON)] if base else []
        host = base.partition(b"://")[2]
        if host:
            self._bases.append((host, b"recorded.invalid"))

    def request(self, request: RecordedRequest) -> RecordedRequest:
        return RecordedRequest(
            method=request.method,
            path=self._text(request.path),
            query=tuple(
                (name, self._text(value)) for name, value in request.query if value not in self._of_login
            ),
            headers={
                name: self._text(value)
                for name, value in request.headers.items()
                if name not in NOT_RECORDED
                and not _SECRET_HEADER.search(name)
                and not any(form in value for form in self._of_login)
            },
            body=self._clean(request.body),
        )

    def answer(self, answer: RecordedAnswer) -> RecordedAnswer:
        return RecordedAnswer(
            status=answer.status,
            headers={
                name: self._text(value) for name, value in answer.headers.items() if name not in NOT_RECORDED
            },
            body=self._clean(answer.body),
        )

    def _text(self, text: str) -> str:
        return self._clean(text.encode()).decode()

    def _clean(self, data: bytes) -> bytes:
        for old, new in (*self._forms, *self._bases):
            data = data.replace(old, new)
        return data


def _in_json(body: bytes) -> Iterator[tuple[str, str]]:
    """The texts of a JSON body as they are meant, and not as they are escaped, each with the name that it stands
    under, also in a list; nothing of what is no JSON."""
    try:
        waiting: list[tuple[str, Any]] = [("", json.loads(body))]
    except (ValueError, RecursionError):
        return
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, list):
            waiting += [(name, one) for one in value]
        elif isinstance(value, dict):
            waiting += value.items()


def _cookies(value: str) -> Iterator[str]:
    """The values of the cookies in a ``Cookie`` or ``Set-Cookie`` header."""
    for part in re.split(r"[;,]\s*", value):
        name, equals, text = part.partition("=")
        if equals and name.strip().lower() not in _OF_COOKIES:
            yield text
