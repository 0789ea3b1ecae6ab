"""The page of lists: what came, what became of each row, and a form for who brings one by hand.

A program brings a file as it is: ``POST /api/uploads?document=…&partner=…&name=…`` with its bytes as the body.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from crossdock.console.acting import (
    Actor,
    Acts,
    Asked,
    Done,
    require_actor,
    require_token,
    status_of,
    whole_body,
)
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.limits import limit
from crossdock.messages import Verdict
from crossdock.partners import Partners
from crossdock.uploads import SOURCE, Uploaded

if TYPE_CHECKING:
    import uuid

    from crossdock.console.pages import View

PAGE: Final = "/uploads"
MOST_FIELDS: Final = 8
_ENVELOPE: Final = 64 * 1024
"""So much longer than its file a form may be."""


class _InMemory(MultiPartParser):
    """Keeps the file in memory, where the whole form is already: nothing of it is written to a disk."""

    spool_max_size = 1 << 31


def router(view: "View", wake: Callable[[str], None] | None) -> APIRouter:
    """The pages at /uploads and /uploads/{list}, their twins, and how a file is brought."""
    from crossdock import uploads
    from crossdock.store import queries

    routes = APIRouter()
    tenant = view.doors.tenant

    def recent() -> list[dict[str, Any]]:
        with view.doors.reading() as connection:
            return uploads.recent(connection, tenant)

    def one(identity: str, after: int) -> dict[str, Any]:
        try:
            with view.doors.reading() as connection:
                raw_id = queries.resolve(connection, tenant, "raw message", identity)
                page = uploads.rows(connection, tenant, raw_id, after=after)
                return {"list": uploads.of(connection, tenant, raw_id), "page": asdict(page)}
        except Misconfigured as error:
            raise HTTPException(404, str(error)) from error

    @routes.get(PAGE, response_class=HTMLResponse, name="uploads-page")
    def shown(request: Request) -> Response:
        names, _ = Partners.look()
        mappings = view.registry.inbound_mappings()
        return view.page(
            request,
            "uploads.html",
            {
                "lists": recent(),
                "documents": {
                    name: each.layout.title for name, each in mappings.items() if each.layout is not None
                },
                "partners": {each.name: each.title for each in names},
            },
            command="crossdock lists list",
        )

    @routes.get(f"/api{PAGE}", name="uploads-json")
    def given() -> dict[str, Any]:
        return {"lists": recent()}

    @routes.get(PAGE + "/{identity}", response_class=HTMLResponse, name="upload-page")
    def shown_one(
        request: Request, identity: str, after: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1
    ) -> Response:
        found = one(identity, after)
        command = f"crossdock lists show {found['list']['id'][:8]}"
        names, _ = Partners.look()
        others = {one.name: one.title for one in names if one.name != found["list"]["partner"]}
        return view.page(request, "upload.html", {**found, "partners": others}, command=command)

    @routes.get(f"/api{PAGE}/{{identity}}", name="upload-json")
    def given_one(identity: str, after: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1) -> dict[str, Any]:
        return one(identity, after)

    @routes.get(PAGE + "/{identity}/report", name="upload-report", include_in_schema=False)
    def report(identity: str) -> Response:
        found = one(identity, -1)["list"]
        with view.doors.reading() as connection:
            body = uploads.report(
                connection, tenant, queries.resolve(connection, tenant, "raw message", identity)
            )
        name = quote(f"{found['name']}.report.csv", safe="")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    @routes.post(PAGE, name="uploads-form", include_in_schema=False)
    async def from_form(request: Request) -> Response:
        actor = require_actor(request)
        fields, name, body = await _form(request)
        require_token(view, request, actor, fields.get("page_token", ""))
        asked = {"document": fields.get("document", ""), "partner": fields.get("partner", "")}
        done = await run_in_threadpool(take, actor, body, name=name, **asked)
        root = request.scope.get("root_path", "")
        return RedirectResponse(
            f"{root}{PAGE}/{done.raw_id}?{view.seal.said(_sentence(done))}", status_code=303
        )

    @routes.post(f"/api{PAGE}", name="uploads-bytes")
    async def from_bytes(
        request: Request,
        document: Annotated[str, Query(max_length=200)] = "",
        partner: Annotated[str, Query(max_length=200)] = "",
        name: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        actor = require_actor(request)
        require_token(view, request, actor, "")
        body = await whole_body(request, limit("upload_bytes"))
        done = await run_in_threadpool(take, actor, body, name=name, document=document, partner=partner)
        return JSONResponse(
            {"done": _sentence(done), "raw_message": str(done.raw_id), "verdict": str(done.verdict)},
            status_code=202,
        )

    def take(actor: Actor, body: bytes, *, name: str, document: str, partner: str) -> Uploaded:
        try:
            done = view.doors.hub().uploads.take(
                body, name=name, document=document, partner=partner, actor=actor.name
            )
        except CrossdockError as error:
            raise HTTPException(status_of(error), str(error)) from error
        if wake is not None:
            wake(SOURCE)
        return done

    return routes


def add_acts(acts: Acts) -> None:
    """What people do with a list that came: the twins of ``crossdock lists again`` and ``discard``."""
    acts.add(PAGE + "/{identity}/again", again)
    acts.add(PAGE + "/{identity}/discard", discard)


def again(asked: Asked) -> Done:
    """Take a list that came under the wrong partner as another's."""
    done = asked.hub.uploads.again(
        _raw_id(asked), partner=asked.text("partner"), actor=asked.actor.name, reason=asked.text("reason")
    )
    stays = (
        f" Rows that were taken as another partner's: {done.stays}; what they said stays said."
        if done.stays
        else ""
    )
    return Done(
        sentence=f"It is taken as a list of {asked.text('partner')}; what lay set aside of it ended.{stays}",
        page=f"{PAGE}/{done.raw_id}",
        data={
            "raw_message": str(done.raw_id),
            "verdict": str(done.verdict),
            "ended": done.ended,
            "stays": done.stays,
        },
    )


def discard(asked: Asked) -> Done:
    """End every dead letter that is open of a list's rows."""
    raw_id = _raw_id(asked)
    ended = asked.hub.uploads.discard(raw_id, actor=asked.actor.name, reason=asked.text("reason"))
    return Done(sentence=f"Dead letters discarded: {ended}.", page=f"{PAGE}/{raw_id}", data={"ended": ended})


def _raw_id(asked: Asked) -> "uuid.UUID":
    from crossdock.store import queries

    with asked.hub.store.reading(asked.hub.tenant) as connection:
        return queries.resolve(connection, asked.hub.tenant, "raw message", asked.path["identity"])


def _sentence(done: Uploaded) -> str:
    if done.verdict is Verdict.DUPLICATE:
        return "This very file was brought before; this is what became of it."
    return "It is received. What becomes of each row stands here as soon as it is read."


async def _form(request: Request) -> tuple[dict[str, str], str, bytes]:
    """The fields of a form with one file: its texts, the file's name, its bytes."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise HTTPException(415, "This wants multipart/form-data.")
    body = await whole_body(request, limit("upload_bytes") + _ENVELOPE)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    headers = Headers({"content-type": request.headers["content-type"]})
    parser = _InMemory(headers, stream(), max_files=1, max_fields=MOST_FIELDS, max_part_size=_ENVELOPE)
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeDecodeError, KeyError) as error:
        raise HTTPException(400, "This is no form with a file.") from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise HTTPException(400, "Choose a file.")
        texts = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
        return texts, file.filename or "", await file.read()
    finally:
        await form.close()
