"""The feed as an API for downstream systems: a cursor, a filter, a bounded wait; a bearer token of their own.

    200  a page, also an empty one       400  no cursor or filter of ours     401  no token that opens it
    404  no such event                   410  the cursor is older than what is kept: `oldest` goes on

Whoever waits holds no thread and no database connection: one task looks for all of them, twice a second.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from crossdock.console.opened import Doors
from crossdock.emit import consuming, feed
from crossdock.emit.filters import EVERYTHING, NAMES, Filter
from crossdock.emit.settings import Settings
from crossdock.errors import Misconfigured
from crossdock.ports import Clock

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.5

BATCH: Final = "application/cloudevents-batch+json"
CURSOR: Final = "Crossdock-Cursor"

ASKED: Final = frozenset({"cursor", "limit", "wait", *NAMES})
"""Every parameter that there is. An unknown one is refused: a filter that is misspelt would give everything."""


class Bell:
    """Wakes whoever waits until the feed is longer. One task looks, as long as anybody waits."""

    def __init__(self, look: Callable[[], int]) -> None:
        """``look`` gives the length of the feed; it runs in a thread."""
        self._look = look
        self._length = -1
        self._longer = asyncio.Event()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None

    async def wait(self, length: int, within_s: float) -> None:
        """Until the feed is longer than this, or the time is over, or it could not be looked at."""
        self._waiting += 1
        try:
            if self._task is None or self._task.done():
                self._length = -1
                self._task = asyncio.create_task(self._watch())
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    while self._length <= length and not self._task.done():
                        await self._longer.wait()
        finally:
            self._waiting -= 1

    async def _watch(self) -> None:
        never = asyncio.Event()
        try:
            while self._waiting:
                length = await run_in_threadpool(self._look)
                if length > self._length:
                    self._length = length
                    self._ring()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await never.wait()
        except Exception:
            log.warning("the feed could not be looked at; whoever waits asks by itself", exc_info=True)
        finally:
            asyncio.get_running_loop().call_soon(self._ring)

    def _ring(self) -> None:
        self._longer.set()
        self._longer = asyncio.Event()


def router(*, doors: Doors, clock: Clock, settings: Callable[[], Settings]) -> APIRouter:
    """``GET /api/feed`` and ``GET /api/feed/events/{id}``. They check the token themselves."""
    routes = APIRouter()
    tenant = doors.tenant

    def look() -> int:
        from crossdock.store import emissions

        doors.publisher(clock).publish_waiting()
        with doors.reading() as connection:
            return emissions.head(connection, tenant)

    bell = Bell(look)

    def page(request: Request, cursor: str | None, limit: int) -> tuple[feed.FeedPage, int]:
        """A page, and the place up to which it looked."""
        wanted = _filter(request)
        kept = settings().feed
        now = clock.now()
        doors.publisher(clock).publish_waiting()
        with doors.reading() as connection:
            consumer = _consumer(connection, tenant, request, now)
            place = feed.place_of(connection, tenant, cursor, now=now, settings=kept)
            found = feed.page(connection, tenant, place, wanted=wanted, limit=limit, settings=kept)
        if consuming.is_to_be_noted(consumer, now):
            with doors.changing() as connection:
                consuming.note_seen(connection, tenant=tenant, id=consumer.id, position=place, now=now)
        return found

    @routes.get("/api/feed")
    async def read(
        request: Request,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1)] = 100,
        wait: Annotated[float, Query(ge=0)] = 0,
        code: Annotated[list[str] | None, Query()] = None,
        severity: Annotated[list[str] | None, Query()] = None,
        subject: Annotated[list[str] | None, Query()] = None,
        kind: Annotated[list[str] | None, Query()] = None,
    ) -> Response:
        """Events after a cursor, in order. ``wait``: so many seconds at most, until there is one."""
        try:
            found, place = await run_in_threadpool(page, request, cursor, limit)
            ends_at = asyncio.get_running_loop().time() + min(wait, settings().feed.wait.total_seconds())
            while not found.events:
                if not found.more:
                    left = ends_at - asyncio.get_running_loop().time()
                    if left <= 0:
                        break
                    await bell.wait(place, left)
                found, place = await run_in_threadpool(page, request, found.cursor, limit)
        except feed.CursorTooOld as error:
            return JSONResponse({"error": str(error), "oldest": error.oldest}, status_code=410)
        except Misconfigured as error:
            raise HTTPException(400, str(error)) from error
        if BATCH in request.headers.get("accept", ""):
            body = json.dumps(list(found.events), ensure_ascii=False).encode()
            return Response(body, media_type=BATCH, headers={CURSOR: found.cursor})
        return JSONResponse(found.as_dict(), headers={CURSOR: found.cursor})

    @routes.get("/api/feed/events/{identity}")
    def one(request: Request, identity: str) -> Response:
        """One event of the feed: what the `dataref` of a message leads to."""
        from crossdock.store import emissions

        with doors.reading() as connection:
            _consumer(connection, tenant, request, clock.now())
            found = None
            with suppress(ValueError):
                found = emissions.event_at(connection, tenant, uuid.UUID(identity))
        if found is None:
            raise HTTPException(404, "There is no such event in the feed.")
        return JSONResponse(found.document, media_type="application/cloudevents+json")

    return routes


def _consumer(connection: Any, tenant: str, request: Request, now: Any) -> Any:
    """Whose token this request carries. Raises 401 for everybody else, in one form."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    found = consuming.of_token(connection, tenant, token.strip(), now) if kind.lower() == "bearer" else None
    if found is None:
        raise HTTPException(
            401, "This needs the token of a consumer.", headers={"WWW-Authenticate": 'Bearer realm="feed"'}
        )
    return found


def _filter(request: Request) -> Filter:
    unknown = set(request.query_params) - ASKED
    if unknown:
        raise Misconfigured(
            f"there is no parameter {', '.join(sorted(unknown))}; {', '.join(sorted(ASKED))} are"
        )
    asked = {NAMES[name]: request.query_params.getlist(name) for name in NAMES}
    return (
        Filter.from_dict({name: words for name, words in asked.items() if words})
        if any(asked.values())
        else EVERYTHING
    )
