"""The page of the targets, its JSON, and what people do with them: the twins of ``crossdock targets``."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from crossdock import targets
from crossdock.console.acting import Acts, Asked, Done
from crossdock.console.pages import Row, View
from crossdock.errors import Misconfigured
from crossdock.standing import EVERY, Mode


def router(view: View) -> APIRouter:
    """How each target stands. Only reads."""
    routes = APIRouter()

    def found() -> list[Row]:
        with view.doors.reading() as connection:
            shown = targets.shown(connection, view.doors.tenant, view.registry.manifests(), view.clock.now())
        return [one.as_dict() for one in shown]

    @routes.get("/targets", response_class=HTMLResponse)
    def page(request: Request) -> Response:
        modes = [str(mode) for mode in Mode]
        return view.page(
            request, "targets.html", {"targets": found(), "modes": modes}, command="crossdock targets list"
        )

    @routes.get("/api/targets")
    def listed() -> Row:
        return {"targets": found()}

    return routes


def add_acts(acts: Acts) -> None:
    """Pause, resume, mode, stop and allow."""
    acts.add("/targets/{target}/pause", pause)
    acts.add("/targets/{target}/resume", resume)
    acts.add("/targets/{target}/mode", mode)
    acts.add("/targets/{target}/stop", stop)
    acts.add("/targets/{target}/allow", allow)


def pause(asked: Asked) -> Done:
    """No call until it is resumed."""
    return _done(asked, targets.pause, "{target} is paused.")


def resume(asked: Asked) -> Done:
    """Calls are made again."""
    return _done(asked, targets.resume, "{target} is called again.")


def mode(asked: Asked) -> Done:
    """Sent, or only made and kept."""
    try:
        wanted = Mode(asked.text("mode"))
    except ValueError:
        raise Misconfigured(f"'mode' is one of {', '.join(Mode)}") from None
    return _done(asked, targets.set_mode, f"{{target}} is {wanted}.", mode=wanted)


def stop(asked: Asked) -> Done:
    """A kill switch."""
    return _done(asked, targets.stop, "{target} is stopped.", operation=asked.text("operation") or EVERY)


def allow(asked: Asked) -> Done:
    """A kill switch taken back."""
    return _done(
        asked, targets.allow, "{target} is allowed again.", operation=asked.text("operation") or EVERY
    )


def _done(asked: Asked, deed: Any, sentence: str, **given: Any) -> Done:
    target = asked.path["target"]
    targets.known(target, asked.hub.registry.manifests(), given.get("operation", EVERY))
    asked.hub.on_target(deed, target=target, actor=asked.actor.name, reason=asked.text("reason"), **given)
    what = f"{target}:{given['operation']}" if given.get("operation", EVERY) != EVERY else target
    return Done(sentence=sentence.format(target=what), page="/targets", data={"target": target})
