"""The webhooks page: who is called with events, how each stands, and what people do about it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from crossdock.console.acting import Acts, Asked, Done
from crossdock.emit.filters import Filter

if TYPE_CHECKING:
    from crossdock.console.pages import View

PAGE = "/subscriptions"


def router(view: "View") -> APIRouter:
    """The page at /subscriptions and its twin."""
    from crossdock.store import brokers, emissions, webhooks

    routes = APIRouter()
    tenant = view.doors.tenant

    def read() -> dict[str, Any]:
        with view.doors.reading() as connection:
            return {
                "head": emissions.head(connection, tenant),
                "webhooks": [
                    {**row, "wanted": str(Filter.from_dict(row["filter"]))}
                    for row in webhooks.listed(connection, tenant)
                ],
                "brokers": brokers.listed(connection, tenant),
            }

    @routes.get(PAGE, response_class=HTMLResponse, name="subscriptions-page")
    def shown(request: Request) -> Response:
        return view.page(request, "subscriptions.html", read(), command="crossdock webhooks list")

    @routes.get(f"/api{PAGE}", name="subscriptions-json")
    def given() -> dict[str, Any]:
        return read()

    return routes


def add_acts(acts: Acts) -> None:
    """Enable, disable and recover."""
    acts.add(PAGE + "/{name}/enable", enable)
    acts.add(PAGE + "/{name}/disable", disable)
    acts.add(PAGE + "/{name}/recover", recover)


def enable(asked: Asked) -> Done:
    """Call it again, with what it missed."""
    name = asked.path["name"]
    with asked.hub.subscriptions(asked.actor.name) as people:
        people.enable(name)
    return Done(sentence=f"{name} is called again, with what it missed.", page=PAGE, data={"name": name})


def disable(asked: Asked) -> Done:
    """Call it no more for a while."""
    name = asked.path["name"]
    with asked.hub.subscriptions(asked.actor.name) as people:
        people.disable(name, asked.text("reason"))
    return Done(sentence=f"{name} is not called any more.", page=PAGE, data={"name": name})


def recover(asked: Asked) -> Done:
    """Send again what failed while the feed is kept."""
    name, hub = asked.path["name"], asked.hub
    since = hub.clock.now() - timedelta(days=hub.outgoing.feed.kept.days)
    with hub.subscriptions(asked.actor.name) as people:
        count = people.recover(name, since)
    return Done(sentence=f"{count} messages of {name} are sent again.", page=PAGE, data={"recovered": count})
