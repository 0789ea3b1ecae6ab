"""How the console takes what people do: who acts, from which page, and what they are told.

What changes something is a POST, and each is taken in two forms that do the same: a form of one of our pages, which
works without JavaScript and is answered with a redirect (so that a reload repeats nothing), and JSON under ``/api``::

    acts = Acts(view)
    acts.add("/dead-letters/{identity}/discard", discard)      # and /api/dead-letters/{identity}/discard

    def discard(asked: Asked) -> Done:
        asked.hub.discard(UUID(asked.path["identity"]), asked.actor.name, asked.text("reason"))
        return Done(sentence="It is discarded.", page="/dead-letters")

Before ``discard`` is called: the visitor may act (403), the request came from a page of ours and not from one
elsewhere (403), its body is small (413) and of the right kind (415). What it raises is told with the status of
``STATUS_OF_ERROR``. A GET changes nothing, ever.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from crossdock.errors import CrossdockError

if TYPE_CHECKING:
    from crossdock.console.pages import View
    from crossdock.hub import Hub

TOKEN_FIELD: Final = "page_token"
TOKEN_HEADER: Final = "x-crossdock-token"
TOKEN_LASTS: Final = timedelta(hours=12)
"""A page that lay open for longer is loaded again before it acts; at most twice this."""
LARGEST: Final = 4 * 1024 * 1024
MOST_FIELDS: Final = 1_000

STATUS_OF_ERROR: Final[Mapping[str, int]] = {
    "NotPossible": 409,
    "NoSuchDeadLetter": 404,
    "NoSuchCase": 404,
    "NoSuchApproval": 404,
    "NoSuchSaga": 404,
    "NoSuchThing": 404,
    "Misconfigured": 400,
    "Unreadable": 400,
    "Unacceptable": 400,
    "CrossdockError": 503,
}
"""By the name of the error's class, nearest first along its ancestors."""


def status_of(error: CrossdockError) -> int:
    """The status with which an act that raised this is answered."""
    return next(
        STATUS_OF_ERROR[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in STATUS_OF_ERROR
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks, as whoever let them in knows them. The name stands in the audit: two people never share one."""

    name: str
    may_act: bool
    instead: str = "Your account may look and not act."
    """What is said to one who may not act."""


NOBODY: Final = Actor(name="", may_act=False, instead="This console only shows; act on the command line.")


def nobody() -> Actor:
    """The dependency of a console in which nobody acts."""
    return NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asked for, once it is sure who and from where."""

    actor: Actor
    path: Mapping[str, str]
    hub: "Hub"
    fields: Mapping[str, tuple[str, ...]]

    def text(self, name: str, default: str = "") -> str:
        """The one value of this field, without blanks around it. Raises 400 when there are several."""
        values = self.fields.get(name, ())
        if len(values) > 1:
            raise HTTPException(400, f"'{name}' was given more than once.")
        return values[0].strip() if values else default

    def verbatim(self, name: str) -> str | None:
        """The one value of this field as it came; ``None``: it did not come."""
        values = self.fields.get(name, ())
        return values[0] if len(values) == 1 else None

    def texts(self, name: str) -> list[str]:
        """All values of this field."""
        return [value.strip() for value in self.fields.get(name, ()) if value.strip()]

    def flag(self, name: str) -> bool:
        """Whether a box was ticked (or JSON said ``true``)."""
        return self.text(name).lower() in ("on", "yes", "true", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of it: a sentence, the page that shows it, and the same for programs."""

    sentence: str
    page: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Seal:
    """The tokens in our pages, and the seal on a sentence that a redirect carries.

    A token is an HMAC over the visitor's name and the half day: a page elsewhere can neither read one nor make one.
    Nothing is kept for it, so that any worker with the same ``secret`` takes what another one gave.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, name: str, now: datetime) -> str:
        """The token of the pages that this person is shown now."""
        return self._made("act", name, str(_window(now)))

    def is_token(self, token: str, name: str, now: datetime) -> bool:
        """Whether a page of ours gave this token to this person, at most two windows ago."""
        windows = (_window(now), _window(now) - 1)
        return any(
            [hmac.compare_digest(token.encode(), self._made("act", name, str(w)).encode()) for w in windows]
        )

    def said(self, sentence: str) -> str:
        """A query string that shows this sentence on the page that follows, and that nobody else can make."""
        return urlencode({"said": sentence, "seal": self._made("said", sentence)[:32]})

    def read_said(self, request: Request) -> str:
        """The sentence that the page before wanted shown; empty when there is none, or it is not ours."""
        sentence, seal = request.query_params.get("said", ""), request.query_params.get("seal", "")
        ours = hmac.compare_digest(seal.encode(), self._made("said", sentence)[:32].encode())
        return sentence if sentence and ours else ""

    def _made(self, *words: str) -> str:
        return hmac.new(self._secret, "\x1f".join(words).encode(), hashlib.sha256).hexdigest()


def _window(now: datetime) -> int:
    return int(now.timestamp() // TOKEN_LASTS.total_seconds())


def note_visitor(who: Callable[..., Actor]) -> Callable[..., Actor]:
    """A dependency that keeps who asks with the request, for the page (forms are shown to those who may act) and
    for the act."""
    from fastapi import Depends

    def noted(request: Request, actor: Actor = Depends(who)) -> Actor:  # noqa: B008 (FastAPI's way)
        request.state.actor = actor
        return actor

    return noted


def actor_of(request: Request) -> Actor:
    """Who asks; nobody, where nobody was noted."""
    actor: Actor = getattr(request.state, "actor", NOBODY)
    return actor


def require_own_page(request: Request) -> None:
    """Refuse what a page elsewhere made the browser send.

    ``Sec-Fetch-Site`` is set by the browser and by no page; where it is missing (plain HTTP, old browsers) the
    ``Origin`` must be the host that was asked. A request with neither comes from no browser: the token decides.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        mine = site == "same-origin"
    elif origin is not None:
        mine = urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""
    else:
        mine = True
    if not mine:
        raise HTTPException(403, "This came from a page elsewhere, and nothing was done.")


class Acts:
    """What people do, as routes. Each ``add`` makes two: the form's and its twin under ``/api``."""

    def __init__(self, view: "View") -> None:
        self.router = APIRouter()
        self._view = view

    def add(self, path: str, act: Callable[[Asked], Done]) -> None:
        """Take POSTs at ``path`` and at ``/api`` + ``path``."""

        async def from_form(request: Request) -> Response:
            done = await self._do(request, act, await _form(request))
            root = request.scope.get("root_path", "")
            page, _, query = done.page.partition("?")
            asked = "&".join(part for part in (query, self._view.seal.said(done.sentence)) if part)
            return RedirectResponse(f"{root}{page}?{asked}", status_code=303)

        async def from_json(request: Request) -> Response:
            done = await self._do(request, act, await _json(request))
            return JSONResponse({"done": done.sentence, **done.data})

        name = path.strip("/").replace("/", "-").replace("{", "").replace("}", "")
        self.router.add_api_route(
            path, from_form, methods=["POST"], name=f"{name}-form", include_in_schema=False
        )
        self.router.add_api_route(f"/api{path}", from_json, methods=["POST"], name=f"{name}-json")

    async def _do(
        self, request: Request, act: Callable[[Asked], Done], fields: dict[str, tuple[str, ...]]
    ) -> Done:
        actor = require_actor(request)
        require_token(self._view, request, actor, next(iter(fields.pop(TOKEN_FIELD, ())), ""))
        hub = await run_in_threadpool(self._view.doors.hub)
        asked = Asked(actor=actor, path=dict(request.path_params), hub=hub, fields=fields)
        try:
            return await run_in_threadpool(act, asked)
        except CrossdockError as error:
            raise HTTPException(status_of(error), str(error)) from error


def require_actor(request: Request) -> Actor:
    """Who acts, on a page of ours or by a program. Raises 403 for who may not, and for a page elsewhere."""
    actor = actor_of(request)
    if not actor.may_act or not actor.name:
        raise HTTPException(403, actor.instead)
    require_own_page(request)
    return actor


def require_token(view: "View", request: Request, actor: Actor, in_form: str) -> None:
    """Refuse an act without the token of one of our pages. ``in_form``: the one in the form, if there is one."""
    token = request.headers.get(TOKEN_HEADER) or in_form
    # A browser sends a cookie or a basic password by itself, and a bearer token never.
    bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
    if not bearer and not view.seal.is_token(token, actor.name, view.clock.now()):
        raise HTTPException(403, "This page is too old, or is not ours. Load it again; nothing was done.")


async def _form(request: Request) -> dict[str, tuple[str, ...]]:
    body = await _body(request, "application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise HTTPException(400, "This is no form.") from error
    return _fields(pairs)


async def _json(request: Request) -> dict[str, tuple[str, ...]]:
    body = await _body(request, "application/json")
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "This is no JSON.") from error
    if not isinstance(given, dict):
        raise HTTPException(400, "A JSON object is wanted: field and value.")
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict | list):
                raise HTTPException(400, f"'{name}' holds more than a list of values.")
            if each is not None:
                pairs.append((name, str(each).lower() if isinstance(each, bool) else str(each)))
    return _fields(pairs)


def _fields(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    if any("\x00" in value for pair in pairs for value in pair):
        raise HTTPException(400, "A field holds no NUL.")
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


async def _body(request: Request, kind: str) -> bytes:
    """The whole body, never more than ``LARGEST`` of it, if it is of this media type (or there is none)."""
    body = await whole_body(request, LARGEST)
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != kind and (body or given):
        raise HTTPException(415, f"This wants {kind}.")
    return body


async def whole_body(request: Request, largest: int) -> bytes:
    """The whole body; 413 as soon as there is more of it than so many bytes."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise HTTPException(413, f"This is larger than {largest // 1024 // 1024} MiB.")
        parts.append(part)
    return b"".join(parts)
