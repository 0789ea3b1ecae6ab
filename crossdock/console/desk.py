"""The dead-letter desk in the browser: causes, redrives and letters, and what people do with them. Each page and each
act is the twin of a command: ``crossdock dead-letter-groups``, ``redrives``, ``dead-letters``."""

import base64
import binascii
import uuid
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from crossdock.console.acting import Acts, Asked, Done
from crossdock.errors import Misconfigured
from crossdock.redrive import HIGHEST_RATE, USUAL_RATE, Chosen

if TYPE_CHECKING:
    from crossdock.console.pages import View

Row = dict[str, Any]

FILTERS: Final = ("state", "code", "stage", "source")
IGNORED_FOR: Final = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
MOST_IDS: Final = 1_000


def router(view: "View") -> APIRouter:
    """The pages and their JSON. They only read."""
    from crossdock.store import groups, queries, redrives

    routes = APIRouter()
    tenant = view.doors.tenant

    def asked(request: Request, names: tuple[str, ...]) -> dict[str, str]:
        return {name: request.query_params[name] for name in names if request.query_params.get(name)}

    def listed(request: Request, what: str) -> Row:
        read: Any = groups.list_groups if what == "groups" else redrives.list_redrives
        more: Row = {"now": view.clock.now()} if what == "groups" else {}
        chosen = asked(request, FILTERS if what == "groups" else ("state",))
        if any("\x00" in value for value in request.query_params.values()):
            raise HTTPException(400, "A filter holds no control characters.")
        try:
            with view.doors.reading() as connection:
                found: Row = read(
                    connection, tenant, after=request.query_params.get("after") or None, **more, **chosen
                ).as_dict()
                return found
        except Misconfigured as error:
            raise HTTPException(400, str(error)) from error

    def one(identity: str, what: str) -> Row:
        try:
            with view.doors.reading() as connection:
                if what == "groups":
                    found = queries.resolve(connection, tenant, "group of dead letters", identity)
                    return groups.get_group(connection, tenant, found, now=view.clock.now())
                return redrives.get_redrive(
                    connection, tenant, queries.resolve(connection, tenant, "redrive", identity)
                )
        except Misconfigured as error:
            raise HTTPException(404, str(error)) from error

    @routes.get("/dead-letter-groups", response_class=HTMLResponse, name="dead-letter-groups-page")
    def groups_page(request: Request) -> Response:
        return view.page(
            request,
            "dead-letter-groups.html",
            {"page": listed(request, "groups"), "chosen": asked(request, FILTERS)},
            command="crossdock dead-letter-groups list",
        )

    @routes.get("/api/dead-letter-groups", name="dead-letter-groups-json")
    def groups_json(request: Request) -> Row:
        return listed(request, "groups")

    @routes.get("/dead-letter-groups/{identity}", response_class=HTMLResponse, name="dead-letter-group-page")
    def group_page(request: Request, identity: str) -> Response:
        found = one(identity, "groups")
        with view.doors.reading() as connection:
            standing = redrives.count_by_standing(connection, tenant, {"group": uuid.UUID(found["id"])})
        return view.page(
            request,
            "dead-letter-group.html",
            {
                "it": found,
                "preview": view.doors.hub().desk.redrives.preview(Chosen(group=uuid.UUID(found["id"])))
                if standing
                else None,
                "rate": USUAL_RATE,
                "highest": HIGHEST_RATE,
                "times": list(IGNORED_FOR),
            },
            command=f"crossdock dead-letter-groups show {found['id'][:8]}",
        )

    @routes.get("/api/dead-letter-groups/{identity}", name="dead-letter-group-json")
    def group_json(identity: str) -> Row:
        return one(identity, "groups")

    @routes.get("/redrives", response_class=HTMLResponse, name="redrives-page")
    def redrives_page(request: Request) -> Response:
        return view.page(
            request,
            "redrives.html",
            {"page": listed(request, "redrives"), "chosen": asked(request, ("state",))},
            command="crossdock redrives list",
        )

    @routes.get("/api/redrives", name="redrives-json")
    def redrives_json(request: Request) -> Row:
        return listed(request, "redrives")

    @routes.get("/redrives/{identity}", response_class=HTMLResponse, name="redrive-page")
    def redrive_page(request: Request, identity: str) -> Response:
        found = one(identity, "redrives")
        return view.page(
            request, "redrive.html", {"it": found}, command=f"crossdock redrives show {found['id'][:8]}"
        )

    @routes.get("/api/redrives/{identity}", name="redrive-json")
    def redrive_json(identity: str) -> Row:
        return one(identity, "redrives")

    return routes


def add_acts(acts: Acts) -> None:
    """What people do with letters, causes and runs."""
    acts.add("/dead-letters/{identity}/replay", replay)
    acts.add("/dead-letters/{identity}/discard", discard)
    acts.add("/dead-letters/{identity}/edit", edit)
    acts.add("/dead-letters/{identity}/park", partial(park, parked=True))
    acts.add("/dead-letters/{identity}/unpark", partial(park, parked=False))
    acts.add("/dead-letter-groups/{identity}/state", move_group)
    acts.add("/redrives", start)
    acts.add("/redrives/preview", preview)
    for word in ("pause", "resume", "cancel"):
        acts.add(f"/redrives/{{identity}}/{word}", partial(turn, word=word))
    acts.add("/connectors/{identity}/resume", resume_source)


def replay(asked: Asked) -> Done:
    """Put one back to the stage that failed."""
    letter_id = asked.hub.find("dead letter", asked.path["identity"])
    done = asked.hub.replay(
        letter_id,
        asked.actor.name,
        did_not_happen=asked.flag("did_not_happen"),
        as_then=asked.flag("as_then"),
    )
    return Done(
        sentence="Another person must agree before it is sent again: see Approvals."
        if done.next_step.startswith("approvals ")
        else f"It is put back; the step '{done.next_step}' takes it at its next run.",
        page=f"/dead-letters/{letter_id}",
        data={"id": str(letter_id), "stage": str(done.stage), "next_step": done.next_step},
    )


def discard(asked: Asked) -> Done:
    """End one, with a reason."""
    letter_id = asked.hub.find("dead letter", asked.path["identity"])
    asked.hub.discard(letter_id, asked.actor.name, asked.text("reason"))
    return Done(
        sentence="It is discarded. Its bytes and its history stay.",
        page=f"/dead-letters/{letter_id}",
        data={"id": str(letter_id)},
    )


def edit(asked: Asked) -> Done:
    """Run a mended payload in the place of what failed. ``body``: as text; ``body_base64``: bytes, for programs."""
    letter_id = asked.hub.find("dead letter", asked.path["identity"])
    if (coded := asked.verbatim("body_base64")) is not None:
        try:
            body = base64.b64decode(coded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400, "'body_base64' is no base64.") from error
    else:
        text = asked.verbatim("body")
        if text is None:
            raise HTTPException(400, "The new payload is missing: 'body', or 'body_base64'.")
        # a browser sends every line end of a text field as CR LF, whatever it was
        body = (text if asked.flag("line_ends_as_they_are") else text.replace("\r\n", "\n")).encode()
    edited = asked.hub.desk.edit(letter_id, body, actor=asked.actor.name, reason=asked.text("reason"))
    return Done(
        sentence=f"It runs as version {edited.number}. The original stays as it came.",
        page=f"/dead-letters/{letter_id}",
        data={
            "id": str(letter_id),
            "version": str(edited.id),
            "number": edited.number,
            "diff": edited.diff,
            "next_step": edited.next_step,
            "write_back": str(edited.write_back_id) if edited.write_back_id else None,
        },
    )


def park(asked: Asked, *, parked: bool) -> Done:
    """Keep one from every replay, or let it out."""
    letter_id = asked.hub.find("dead letter", asked.path["identity"])
    asked.hub.desk.park(letter_id, actor=asked.actor.name, reason=asked.text("reason"), parked=parked)
    return Done(
        sentence="It is parked; no replay takes it." if parked else "It is open again.",
        page=f"/dead-letters/{letter_id}",
        data={"id": str(letter_id), "state": "parked" if parked else "open"},
    )


def move_group(asked: Asked) -> Done:
    """Say how a cause stands."""
    group_id = asked.hub.find("group of dead letters", asked.path["identity"])
    state = asked.text("state")
    if state not in ("open", "acknowledged", "resolved", "ignored"):
        raise HTTPException(400, "A group is open, acknowledged, resolved or ignored.")
    until = None
    if state == "ignored":
        length = IGNORED_FOR.get(asked.text("for"))
        if length is None:
            raise HTTPException(400, f"Ignored for how long: {', '.join(IGNORED_FOR)}.")
        until = asked.hub.clock.now() + length
    asked.hub.desk.move_group(
        group_id, state, actor=asked.actor.name, reason=asked.text("reason"), until=until
    )
    return Done(
        sentence=f"The cause is {state}.",
        page=f"/dead-letter-groups/{group_id}",
        data={"id": str(group_id), "state": state, "until": until.isoformat() if until else None},
    )


def _chosen(asked: Asked) -> Chosen:
    hub, said = asked.hub, asked.text
    ids = asked.texts("ids")
    if len(ids) > MOST_IDS:
        raise HTTPException(400, f"At most {MOST_IDS} letters one by one; take a filter.")
    return Chosen(
        group=hub.find("group of dead letters", said("group")) if said("group") else None,
        source=said("source") or None,
        stage=said("stage") or None,
        code=said("code") or None,
        partner=said("partner") or None,
        label=said("label") or None,
        ids=tuple(hub.find("dead letter", one) for one in ids) or None,
    )


def start(asked: Asked) -> Done:
    """Begin a run."""
    try:
        rate = float(asked.text("rate") or USUAL_RATE)
    except ValueError as error:
        raise HTTPException(400, "The rate is a number, so many a second.") from error
    started = asked.hub.desk.redrives.start(
        _chosen(asked),
        actor=asked.actor.name,
        reason=asked.text("reason"),
        per_second=rate,
        as_then=asked.flag("as_then"),
    )
    return Done(
        sentence="A redrive of the same set is at work already."
        if started.already
        else "The redrive is begun.",
        page=f"/redrives/{started.id}",
        data={"id": str(started.id), "total": started.total, "already": started.already},
    )


def preview(asked: Asked) -> Done:
    """What a run would do. Nothing is done."""
    found = asked.hub.desk.redrives.preview(_chosen(asked), as_then=asked.flag("as_then"))
    return Done(sentence=found.sentence, page="/dead-letter-groups", data=found.as_dict())


def turn(asked: Asked, word: str) -> Done:
    """Pause a run, go on with it, or end it."""
    redrive_id = asked.hub.find("redrive", asked.path["identity"])
    left = getattr(asked.hub.desk.redrives, word)(redrive_id, asked.actor.name, asked.text("reason"))
    said = {
        "pause": "It is paused.",
        "resume": "It goes on.",
        "cancel": f"It is cancelled; {left} stay as they are.",
    }
    return Done(
        sentence=said[word], page=f"/redrives/{redrive_id}", data={"id": str(redrive_id), "left": left}
    )


def resume_source(asked: Asked) -> Done:
    """Let a source that was stopped go on."""
    name = asked.path["identity"]
    asked.hub.desk.resume_source(name, actor=asked.actor.name, reason=asked.text("reason"))
    return Done(sentence=f"'{name}' is read again.", page="/", data={"name": name})
