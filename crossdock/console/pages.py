"""The pages, each with its twin under /api and its twin on the command line."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse, Response

from crossdock.console import first_look
from crossdock.console.acting import Seal, actor_of
from crossdock.console.opened import Doors
from crossdock.counts import in_order
from crossdock.errors import Misconfigured
from crossdock.formats.x12.security import hide_security
from crossdock.messages import CaseState
from crossdock.ports import Clock
from crossdock.principals import principal
from crossdock.registry import Registry
from crossdock.targets import why_waiting

A_DAY: Final = timedelta(days=1)
BODY_SHOWN_BYTES: Final = 64 * 1024
WITH_ALL: Final = ("dead-letters", "approvals", "sagas")
"""Lists that show what is open unless they are asked for all."""
OF_REDIRECTS: Final = ("said", "seal")
"""What a redirect after an act adds to the address: of one page only."""
Row = dict[str, Any]

COLUMNS_OF_LEDGER: Final = (
    "received",
    "processed",
    "duplicate",
    "rejected",
    "dead_lettered",
    "discarded",
    "in_flight",
)


class View:
    """Renders. Autoescape is on for everything; no value is ever marked safe."""

    def __init__(
        self,
        *,
        doors: Doors,
        registry: Registry,
        clock: Clock,
        airflow_url: Callable[[Request], str | None],
        templates: Path,
        seal: Seal,
    ) -> None:
        self.doors = doors
        self.registry = registry
        self.clock = clock
        self.seal = seal
        self._airflow_url = airflow_url
        self._templates = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["in_order"] = in_order
        self._templates.globals["principal"] = principal
        self._templates.filters["as_json"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)

    def page(
        self,
        request: Request,
        template: str,
        data: Mapping[str, Any],
        *,
        command: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """One page. ``command`` is what gives the same on the command line."""
        root = request.scope.get("root_path", "")
        path = request.url.path.removeprefix(root)
        actor, now = actor_of(request), self.clock.now()
        query = urlencode(
            [pair for pair in request.query_params.multi_items() if pair[0] not in OF_REDIRECTS]
        )
        html = self._templates.get_template(template).render(
            root=root,
            path=path,
            api=f"{root}/api{'/overview' if path in ('', '/') else path}" + (f"?{query}" if query else ""),
            command=command,
            tenant=self.doors.tenant,
            now=now,
            actor=actor,
            page_token=self.seal.token(actor.name, now) if actor.may_act else "",
            said=self.seal.read_said(request),
            run_url=lambda run: self._run_url(request, run),
            with_query=lambda **changes: _with_query(request, changes),
            **data,
        )
        return HTMLResponse(html, status_code=status, headers=dict(headers or {}))

    def trouble(
        self, request: Request, status: int, sentence: str, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Why there is no page, in the form that was asked for."""
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        if path.startswith(("/api/", "/webhooks/")):
            return JSONResponse({"error": sentence}, status_code=status, headers=dict(headers or {}))
        return self.page(
            request,
            "trouble.html",
            {"status": status, "sentence": sentence},
            command="crossdock doctor",
            status=status,
            headers=headers,
        )

    def overview(self) -> Row:
        """Everything that the first page shows."""
        from crossdock import targets
        from crossdock.store import console_queries, people_queries, queries, saga_queries, watched

        now = self.clock.now()
        with self.doors.reading() as connection:
            last_runs = console_queries.last_runs(connection, self.doors.tenant, since=now - A_DAY)
            ledger = queries.ledger(connection, self.doors.tenant)
            overview = queries.overview(connection, self.doors.tenant)
            runs = queries.list_runs(connection, self.doors.tenant, limit=12)
            failed = queries.list_runs(connection, self.doors.tenant, failed=True, limit=5)
            retries = queries.list_write_backs(connection, self.doors.tenant, state="ready", limit=8)
            approvals = people_queries.approvals_waiting(connection, self.doors.tenant)
            partial = saga_queries.count_partial(connection, self.doors.tenant)
            missing = watched.missing_now(connection, self.doors.tenant)
            standing = targets.shown(connection, self.doors.tenant, self.registry.manifests(), now)
        concerns = first_look.concerns(
            ledger=ledger,
            overview=overview,
            last_runs=last_runs,
            manifests=self.registry.manifests(),
            broken=self.registry.broken(),
            now=now,
            approvals=approvals,
            partial_sagas=partial,
            targets=standing,
            missing=missing,
        )
        level, headline = first_look.headline(concerns, empty=not any(row["received"] for row in ledger))
        return {
            "level": str(level),
            "headline": headline,
            "concerns": [
                {"level": str(each.level), "sentence": each.sentence, "page": each.page} for each in concerns
            ],
            "ledger": ledger,
            "balance": sum(abs(row["balance"]) for row in ledger),
            "runs": list(runs.items),
            "failed_runs": list(failed.items),
            "retries": list(retries.items),
            **{
                name: overview[name]
                for name in ("cases", "write_backs", "dead_letters", "sources", "waiting")
            },
        }

    def _run_url(self, request: Request, run: Mapping[str, Any]) -> str | None:
        """Where Airflow shows this run, when Airflow ran it and its address is known."""
        base, airflow = self._airflow_url(request), run.get("airflow")
        if base is None or not airflow:
            return None
        dag, run_id = quote(str(airflow["dag"]), safe=""), quote(str(airflow["run_id"]), safe="")
        return f"{base}/dags/{dag}/runs/{run_id}/tasks/{quote(str(airflow['task']), safe='')}"


def router(view: View) -> APIRouter:
    """Every page and its JSON. All of them only read."""
    from crossdock.casework import possible
    from crossdock.store import people_queries, queries, saga_queries

    routes = APIRouter()
    tenant = view.doors.tenant

    @routes.get("/", response_class=HTMLResponse)
    def first_page(request: Request) -> Response:
        return view.page(
            request,
            "overview.html",
            {**view.overview(), "columns": COLUMNS_OF_LEDGER},
            command="crossdock ledger",
        )

    @routes.get("/api/overview")
    def overview() -> Row:
        return view.overview()

    def open_sagas(connection: Any, tenant: str, *, state: str | None = "open", **more: Any) -> Any:
        return saga_queries.list_sagas(connection, tenant, state=state, **more)

    def listing(name: str, title: str, read: Callable[..., Any], filters: tuple[str, ...]) -> None:
        """A list page at /``name`` and its twin at /api/``name``, with these filters."""

        def page_of(request: Request, limit: int) -> Row:
            asked = {key: request.query_params[key] for key in filters if request.query_params.get(key)}
            if name in WITH_ALL and asked.get("state") == "all":
                asked["state"] = None  # type: ignore[assignment]
            if asked.pop("failed", None):
                asked["failed"] = True  # type: ignore[assignment]
            after = request.query_params.get("after") or None
            if any(re.search(r"[\x00-\x1f]", value) for value in request.query_params.values()):
                raise HTTPException(400, "A filter holds no control characters.")
            try:
                with view.doors.reading() as connection:
                    found: Row = read(connection, tenant, after=after, limit=limit, **asked).as_dict()
            except Misconfigured as error:
                raise HTTPException(400, str(error)) from error
            return found

        @routes.get(f"/{name}", response_class=HTMLResponse, name=f"{name}-page")
        def shown(request: Request) -> Response:
            chosen = {key: request.query_params[key] for key in filters if request.query_params.get(key)}
            command = " ".join(
                [
                    f"crossdock {name} list",
                    *(f"--{key}" if key == "failed" else f"--{key} {_quoted(chosen[key])}" for key in chosen),
                ]
            )
            return view.page(
                request,
                f"{name}.html",
                {"title": title, "page": page_of(request, 50), "chosen": chosen},
                command=command,
            )

        @routes.get(f"/api/{name}", name=f"{name}-json")
        def listed(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> Row:
            return page_of(request, limit)

    listing("cases", "Cases", queries.list_cases, ("state", "queue", "code", "owner", "subject"))
    listing("write-backs", "Write-backs", queries.list_write_backs, ("state", "target", "operation"))
    listing("dead-letters", "Dead letters", queries.list_dead_letters, ("state", "code", "stage", "source"))
    listing("unknown", "Unknown outcomes", people_queries.list_unknown, ("target", "operation"))
    listing("approvals", "Approvals", people_queries.list_approvals, ("state", "target", "kind"))
    listing("sagas", "Sagas", open_sagas, ("state", "rule"))
    listing("runs", "Runs", queries.list_runs, ("step", "connector", "failed"))

    def single(name: str, kind: str, template: str, read: Callable[..., Row]) -> None:
        """A page at /``name``/{id} and its twin; an id may be shortened as on the command line."""

        def found(identity: str) -> Row:
            try:
                with view.doors.reading() as connection:
                    return read(connection, tenant, queries.resolve(connection, tenant, kind, identity))
            except Misconfigured as error:
                raise HTTPException(404, str(error)) from error

        @routes.get(f"/{name}/{{identity}}", response_class=HTMLResponse, name=f"{name}-one-page")
        def shown(request: Request, identity: str) -> Response:
            row = found(identity)
            return view.page(request, template, {"it": row}, command=f"crossdock {name} show {row['id'][:8]}")

        @routes.get(f"/api/{name}/{{identity}}", name=f"{name}-one-json")
        def given(identity: str) -> Row:
            return found(identity)

    def dead_letter(connection: Any, tenant: str, identity: Any) -> Row:
        row = queries.get_dead_letter(connection, tenant, identity)
        body = queries.body_of_dead_letter(connection, tenant, identity)
        shown = _readable(body)
        # what is shown with dots in it, or in part, is not what it is: it is edited on the command line
        exact = shown.encode() == body and b"\r" not in body
        return {**row, "body": shown, "body_bytes": len(body), "editable": exact}

    def write_back(connection: Any, tenant: str, identity: Any) -> Row:
        row = queries.get_write_back(connection, tenant, identity)
        body = queries.body_of_write_back(connection, tenant, identity)
        manifest = view.registry.manifests().get(row["target"])
        rules = manifest.sink if manifest is not None else None
        waits = why_waiting(connection, tenant, row, rules, view.clock.now())
        return {**row, "body": _readable(body), "body_bytes": len(body), "waits": waits}

    def case(connection: Any, tenant: str, identity: Any) -> Row:
        row = queries.get_case(connection, tenant, identity)
        return {**row, "may_become": list(possible(CaseState(row["state"])))}

    def unknown(connection: Any, tenant: str, identity: Any) -> Row:
        row = people_queries.get_unknown(connection, tenant, identity)
        body = queries.body_of_write_back(connection, tenant, identity)
        manifest = view.registry.manifests().get(row["target"])
        askable = manifest is not None and manifest.sink is not None and manifest.sink.is_asked
        return {**row, "body": _readable(body), "body_bytes": len(body), "target_can_be_asked": askable}

    def approval(connection: Any, tenant: str, identity: Any) -> Row:
        row = people_queries.get_approval(connection, tenant, identity)
        body = queries.body_of_write_back(connection, tenant, uuid.UUID(row["write_back_id"]))
        same = sha256(body).hexdigest() == row["body_sha256"]
        return {**row, "body": _readable(body), "body_bytes": len(body), "unchanged": same}

    single("unknown", "write-back", "unknown-one.html", unknown)
    single("approvals", "approval", "approval.html", approval)
    single("sagas", "saga", "saga.html", saga_queries.get_saga)
    single("cases", "case", "case.html", case)
    single("write-backs", "write-back", "write-back.html", write_back)
    single("dead-letters", "dead letter", "dead-letter.html", dead_letter)

    @routes.get("/dead-letters/{identity}/bytes")
    def original(identity: str) -> Response:
        """The bytes that were set aside, whole and unchanged, as a download that no browser interprets."""
        try:
            with view.doors.reading() as connection:
                found = queries.resolve(connection, tenant, "dead letter", identity)
                body = queries.body_of_dead_letter(connection, tenant, found, whole=True)
        except Misconfigured as error:
            raise HTTPException(404, str(error)) from error
        return Response(
            body,
            media_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{found}.bin"'},
        )

    return routes


def _readable(body: bytes) -> str:
    """The beginning of a body for a person. Bytes that are no UTF-8 are shown as Latin-1, control bytes as dots, and
    what an ISA may hold of passwords is covered up."""
    start = body[:BODY_SHOWN_BYTES]
    try:
        text = start.decode()
    except UnicodeDecodeError:
        text = start.decode("latin-1")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "·", hide_security(text))


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w./:-]+", value) else "'" + value.replace("'", "'\\''") + "'"


def _with_query(request: Request, changes: Mapping[str, str | None]) -> str:
    asked = {**dict(request.query_params), **changes}
    if "after" not in changes:
        asked.pop("after", None)
    for name in OF_REDIRECTS:
        asked.pop(name, None)
    return "?" + urlencode({key: value for key, value in asked.items() if value})
