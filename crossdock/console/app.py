"""The console as one ASGI app: pages for people, the same as JSON for programs, and the door for webhooks.

Shown inside Airflow by ``crossdock.airflow.plugin``, and by itself by ``crossdock.console.serve``. What people do
comes through ``acting``; a webhook's signature is its own authorisation; everything else only reads.
"""

import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import Depends, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from crossdock.console import (
    casework,
    desk,
    expected,
    feed,
    pages,
    people,
    subscriptions,
    targets,
    uploads,
    webhooks,
    x12,
)
from crossdock.console.acting import Actor, Acts, Seal, nobody, note_visitor
from crossdock.console.headers import SafeHeaders
from crossdock.console.opened import Doors
from crossdock.emit.settings import Settings, load
from crossdock.errors import CrossdockError
from crossdock.hub import current_tenant
from crossdock.ports import Clock, SystemClock
from crossdock.registry import Registry

if TYPE_CHECKING:
    from crossdock.hub import Hub
    from crossdock.store.engine import Store

log = logging.getLogger(__name__)

HERE: Final = Path(__file__).parent


def create_app(
    *,
    open_store: "Callable[[], Store]",
    registry: Registry,
    authorize: Callable[..., Any],
    who: Callable[..., Actor] = nobody,
    secret: bytes | None = None,
    clock: Clock | None = None,
    tenant: str | None = None,
    open_hub: "Callable[[Store], Hub] | None" = None,
    airflow_url: Callable[[Request], str | None] = lambda request: None,
    wake: Callable[[str], None] | None = None,
    outgoing: Callable[[], Settings] = load,
) -> FastAPI:
    """The console.

    ``authorize`` is a FastAPI dependency that raises 401 or 403; it stands before everything but webhooks and the
    stylesheet. ``who`` is a FastAPI dependency that says who asks, and whether they may act; by default nobody does.
    ``secret`` is what our pages' tokens are made with: the same for every process that serves this console.
    ``airflow_url`` gives the address of the Airflow UI, for links to runs. ``wake`` is called with
    the connector's name after a webhook's message was stored; it may fail, the clock of ``process`` is the net.
    """
    doors = Doors(
        open_store=open_store,
        open_hub=open_hub or _hub(registry, clock),
        tenant=tenant or current_tenant(),
    )
    clock = clock or SystemClock()  # how old a signature is, is told by the time of day

    @asynccontextmanager
    async def until_the_end(app: FastAPI) -> AsyncIterator[None]:
        yield
        doors.close()

    app = FastAPI(title="Crossdock", openapi_url=None, docs_url=None, redoc_url=None, lifespan=until_the_end)
    app.state.doors = doors
    app.add_middleware(SafeHeaders)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(feed.router(doors=doors, clock=clock, settings=outgoing))
    app.include_router(webhooks.router(doors=doors, registry=registry, clock=clock, wake=wake))
    view = pages.View(
        doors=doors,
        registry=registry,
        clock=clock,
        airflow_url=airflow_url,
        templates=HERE / "templates",
        seal=Seal(secret or secrets.token_bytes(32)),
    )
    visitors = [Depends(authorize), Depends(note_visitor(who))]
    for routes in (
        pages.router(view),
        x12.router(view),
        desk.router(view),
        targets.router(view),
        expected.router(view),
        subscriptions.router(view),
        uploads.router(view, wake),
    ):
        app.include_router(routes, dependencies=visitors)
    acts = Acts(view)
    desk.add_acts(acts)
    casework.add_acts(acts)
    people.add_acts(acts)
    targets.add_acts(acts)
    subscriptions.add_acts(acts)
    uploads.add_acts(acts)
    app.include_router(acts.router, dependencies=visitors)

    @app.get("/api/openapi.json", include_in_schema=False, dependencies=[Depends(authorize)])
    def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        return view.trouble(request, error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(CrossdockError)
    def told(request: Request, error: CrossdockError) -> Response:
        return view.trouble(request, 503, str(error))

    @app.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        # The class is named and the text is not: it may hold an address with a password.
        log.error("the page %s could not be made", request.url.path, exc_info=error)
        return view.trouble(
            request,
            503,
            f"The store did not answer ({type(error).__name__}). Nothing is lost. Run `crossdock doctor`.",
        )

    return app


def _hub(registry: Registry, clock: Clock | None) -> "Callable[[Store], Hub]":
    def open_hub(store: "Store") -> "Hub":
        from crossdock.hub import Hub

        return Hub.open(clock=clock, store=store, registry=registry)

    return open_hub
