"""The forms in which a secret travels: as it is, and as a URL, base64, HTTP basic, XML, HTML and JSON carry it.

Who masks, looks for, or takes out secrets does so in all of these: a password is also known by its base64, also
where that is of a longer text; and systems differ in what they escape, and in which case.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, urlsplit
from xml.sax.saxutils import escape

from crossdock.ports import Login, Secret

_LEAST_INSIDE: Final = 6
"""A shorter text is not looked for inside other base64: too much would look like it."""

_KEPT: Final = ("", "/", "!$&'()*+,;=:@", "!$&'()*+,;=:@/")
"""What is left as it is in an address, by who writes it: nothing, or what a path may hold (RFC 3986, 3.3)."""

_BY_CAUTION: Final = re.compile(r"[<>&'+`\"]")


def forms_of(text: str) -> tuple[str, ...]:
    """Every form of one secret, each once, the plain one first."""
    in_url = (*(quote(text, safe=kept) for kept in _KEPT), quote_plus(text))
    in_page = (escape(text), html.escape(text), html.escape(text).replace("&#x27;", "&#39;"))
    in_json = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    return tuple(
        dict.fromkeys(
            (
                text,
                *in_url,
                *(re.sub("%..", lambda sign: sign[0].lower(), one) for one in in_url),
                *in_page,
                *in_json,
                *(one.replace("/", r"\/") for one in in_json),  # PHP
                *(_by_caution(text, case) for case in "xX"),
                *_in_base64(text.encode()),
            )
        )
    )


def _by_caution(text: str, case: str) -> str:
    """As .NET and Go write it in JSON, so that it may stand in a page."""
    inner = json.dumps(text)[1:-1].replace(r"\"", '"')
    cautious = _BY_CAUTION.sub(lambda sign: f"\\u{ord(sign[0]):04{case}}", inner)
    return re.sub(r"(?<=\\u)....", lambda sign: sign[0].upper() if case == "X" else sign[0], cautious)


def _in_base64(data: bytes) -> Iterator[str]:
    """The base64 of these bytes, and what stands of them in that of a longer text, wherever they begin in it."""
    yield base64.b64encode(data).decode()
    if len(data) < _LEAST_INSIDE:
        return
    for before in range(3):
        longer = bytes(before) + data
        begin, end = -(-8 * before // 6), 8 * len(longer) // 6
        yield base64.b64encode(longer).decode()[begin:end]
        yield base64.urlsafe_b64encode(longer).decode()[begin:end]


def texts_of(login: Login) -> Iterator[str]:
    """The secrets of a login, what an address among them is apart from its host, and the pairs in which they travel
    as one word (HTTP basic)."""
    for secret in (login.password, *login.secrets.values()):
        text = secret.reveal()
        if text:
            yield text
            yield from _of_address(text)
    pairs = ((login.user, login.password), (str(login.extra.get("client_id") or ""), _client_secret(login)))
    for user, secret in pairs:
        if user and secret:
            # base64 of the pair holds no base64 of its parts
            yield base64.b64encode(f"{user}:{secret.reveal()}".encode()).decode()
            yield base64.b64encode(
                f"{quote_plus(user)}:{quote_plus(secret.reveal())}".encode()
            ).decode()  # RFC 6749, 2.3.1


def forms_of_login(login: Login) -> tuple[str, ...]:
    """Every form of every secret of a login."""
    return tuple(dict.fromkeys(form for text in texts_of(login) for form in forms_of(text)))


def _of_address(text: str) -> Iterator[str]:
    """Of a secret that is an address: path and query, which a request shows without the host."""
    try:
        split = urlsplit(text.strip())
    except ValueError:
        return
    if split.scheme in ("http", "https"):
        yield from (one for one in (split.path, split.query) if len(one) > 1)


def _client_secret(login: Login) -> Secret:
    return login.secrets.get("client_secret") or Secret("")


class Scrubber:
    """Takes secrets out of what is shown or kept. What is shorter than ``LEAST`` is a word that stands everywhere."""

    LEAST = 6

    def __init__(self, texts: Iterable[str]) -> None:
        forms = {form for text in texts if len(text) >= self.LEAST for form in forms_of(text)}
        self._forms = [form.encode() for form in sorted(forms, key=len, reverse=True)]

    def scrubbed(self, data: bytes, *, by: bytes = b"***") -> bytes:
        """The same bytes with every secret replaced."""
        for form in self._forms:
            if form in data:
                data = data.replace(form, by)
        return data
