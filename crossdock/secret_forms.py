"""The forms in which a secret travels: as it is, and as a URL, base64, HTTP basic, XML and JSON carry it.

Who masks, looks for, or takes out secrets does so in all of these: a password is also known by its base64.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from crossdock.ports import Login, Secret


def forms_of(text: str) -> tuple[str, ...]:
    """Every form of one secret, each once, the plain one first."""
    inner = base64.b64encode(text.encode()).decode()
    json_form = json.dumps(text)[1:-1]
    return tuple(
        dict.fromkeys((text, quote(text, safe=""), quote_plus(text), escape(text), json_form, inner))
    )


def texts_of(login: Login) -> Iterator[str]:
    """The secrets of a login, and the pairs in which they travel as one word (HTTP basic)."""
    for secret in (login.password, *login.secrets.values()):
        text = secret.reveal()
        if text:
            yield text
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
