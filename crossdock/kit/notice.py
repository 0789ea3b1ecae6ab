"""A notice for people: what a route wants said about a case, before a system gives it its own form.

It says no more than the route asks: the words of the row, the code with its meaning, and the number that it is about.
Names of customers and what documents quote stay behind the link, where people log in.
"""

import re
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from crossdock.errors import Misconfigured, Refused, Unreadable
from crossdock.formats import json_strict
from crossdock.messages import WriteBack
from crossdock.ports import Login

CONSOLE: Final = "console_url"
"""The field of a connection that says under which address people reach the console."""

_TEXTS: Final = {
    "headline": 300,
    "text": 2_000,
    "code": 64,
    "severity": 8,
    "about": 300,
    "queue": 64,
    "case": 64,
}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """``headline``: what the code means. ``text``: the words of the route. ``about``: "supplier_po 4500123456".
    ``case``: the case's id. ``to``: who is told, where a route names them."""

    headline: str
    text: str
    code: str
    severity: str
    about: str
    queue: str
    case: str
    to: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """As a write-back's body holds it."""
        said = asdict(self)
        return {**said, "to": list(self.to)}


def read(write_back: WriteBack) -> Notice:
    """The notice of a write-back. Raises ``Refused`` when its body is none."""
    try:
        said = json_strict.loads(write_back.body)
    except Unreadable as error:
        raise Refused(f"the body of {write_back.operation!r} is no notice: {error}", status="body") from error
    if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in _TEXTS):
        raise Refused(f"the body of {write_back.operation!r} is no notice", status="body")
    to = said.get("to", [])
    if not isinstance(to, list) or not all(isinstance(each, str) for each in to):
        raise Refused("a notice names who is told in a list of texts", status="to")
    return Notice(to=tuple(to), **{name: plain(said[name], most) for name, most in _TEXTS.items()})


def plain(text: str, most: int) -> str:
    """A text in one line: no control characters, nothing that turns its direction, cut with an ellipsis."""
    line = _CONTROL.sub(" ", text).strip()
    return line if len(line) <= most else line[: most - 1] + "…"


def case_address(login: Login, case: str) -> str:
    """Where people read the case; empty when the connection does not say where the console is.

    Raises ``Misconfigured`` for an address that is none.
    """
    console = login.extra.get(CONSOLE)
    if console in (None, ""):
        return ""
    try:
        split = urlsplit(str(console))
        fits = split.scheme in ("http", "https") and bool(split.hostname) and not split.query
    except ValueError:
        fits = False
    if not fits or not re.fullmatch(r"[!-~]+", str(console)) or re.search(r'[<>|"\\^`{}@#]', str(console)):
        raise Misconfigured(
            f"connection {login.connection_id!r}: {CONSOLE} {str(console)[:80]!r} is no address such as "
            "https://crossdock.example.com; correct it",
            field=CONSOLE,
        )
    return f"{str(console).rstrip('/')}/cases/{quote(case, safe='')}"
