"""The page of expected feeds and its JSON: the twin of ``crossdock expected``."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from crossdock import awaited
from crossdock.console.pages import Row, View
from crossdock.partners import Partners


def router(view: View) -> APIRouter:
    """How each expected feed stands. Only reads."""
    routes = APIRouter()

    def found() -> list[Row]:
        with view.doors.reading() as connection:
            return awaited.listed(
                connection, view.doors.tenant, view.registry.manifests(), Partners.load(), view.clock.now()
            )

    @routes.get("/expected", response_class=HTMLResponse)
    def page(request: Request) -> Response:
        return view.page(request, "expected.html", {"feeds": found()}, command="crossdock expected list")

    @routes.get("/api/expected")
    def listed() -> Row:
        return {"items": found()}

    return routes
