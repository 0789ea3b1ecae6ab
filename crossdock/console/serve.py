"""The console by itself, without Airflow: ``crossdock serve``."""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, HTTPException, Request

from crossdock.console.acting import Actor
from crossdock.errors import Misconfigured
from crossdock.registry import Registry

if TYPE_CHECKING:
    from crossdock.store.engine import Store

TOKEN: Final = "CROSSDOCK_CONSOLE_TOKEN"
PEOPLE: Final = "CROSSDOCK_CONSOLE_PEOPLE"
AIRFLOW: Final = "CROSSDOCK_AIRFLOW_URL"
SHORTEST_TOKEN: Final = 16
_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def serve(host: str = "127.0.0.1", port: int = 8975) -> None:
    """Serve the console until it is stopped.

    On a loopback address no token is needed, and only requests for a loopback name are answered, so that a web
    page elsewhere cannot be pointed at it. On any other address ``CROSSDOCK_CONSOLE_TOKEN`` is required: a browser
    is asked for it as a password (any user name), programs send ``Authorization: Bearer``. Put TLS in front.

    That token is for looking. Whoever acts has one of their own, so that the audit says who did it:
    ``CROSSDOCK_CONSOLE_PEOPLE="anna:TOKEN ben:TOKEN"``. Raises ``Misconfigured`` when a token is missing or short.
    """
    import uvicorn

    uvicorn.run(alone(host), host=host, port=port, log_level="warning", server_header=False)


def alone(host: str) -> FastAPI:
    """The app that ``serve`` runs."""
    from crossdock.console.app import create_app

    airflow = os.environ.get(AIRFLOW, "").rstrip("/") or None
    token, people = os.environ.get(TOKEN, ""), people_of(os.environ.get(PEOPLE, ""))
    tokens = "\x1f".join((token, *sorted(people.values())))
    return create_app(
        open_store=open_store,
        registry=Registry(),
        authorize=guard(host, token, people),
        who=visitor(people),
        # every process that knows the tokens takes the pages of every other one; without any, nobody acts
        secret=hashlib.sha256(f"crossdock console\x1f{tokens}".encode()).digest() if people else None,
        airflow_url=lambda request: airflow,
    )


def open_store() -> "Store":
    """The store of the environment."""
    from crossdock.store.engine import Store

    return Store.open(application="crossdock console")


def people_of(text: str) -> Mapping[str, str]:
    """The people who may act, each with a token of their own. Raises ``Misconfigured`` for what is no such list."""
    people: dict[str, str] = {}
    for number, entry in enumerate(text.split(), start=1):
        name, _, token = entry.partition(":")
        if not re.fullmatch(r"[\w.@-]{1,80}", name) or name in people:
            raise Misconfigured(f'{PEOPLE}: entry {number} wants a name of its own and a token, "anna:TOKEN"')
        if len(token) < SHORTEST_TOKEN:
            raise Misconfigured(f"{PEOPLE}: the token of {name} is shorter than {SHORTEST_TOKEN} characters")
        if token in people.values():
            raise Misconfigured(f"{PEOPLE}: the token of {name} is somebody else's too; each has their own")
        people[name] = token
    return people


def visitor(people: Mapping[str, str]) -> Callable[[Request], Actor]:
    """Who asks, as a FastAPI dependency: whoever's own token was shown. Everybody else may only look."""

    def who(request: Request) -> Actor:
        shown = _shown(request)
        named = [
            name for name, token in people.items() if hmac.compare_digest(shown.encode(), token.encode())
        ]
        if named:
            return Actor(name=named[0], may_act=True)
        return Actor(
            name="", may_act=False, instead=f"To act here, sign in with a token of your own ({PEOPLE})."
        )

    return who


def guard(host: str, token: str, people: Mapping[str, str] | None = None) -> Callable[[Request], None]:
    """Who may look, as a FastAPI dependency. Raises ``Misconfigured`` when that cannot be told."""
    if token and len(token) < SHORTEST_TOKEN:
        raise Misconfigured(f"{TOKEN} is shorter than {SHORTEST_TOKEN} characters; make a longer one")
    tokens = [each for each in (token, *(people or {}).values()) if each]
    if not tokens and not _is_loopback(host):
        raise Misconfigured(
            f"the console would be open to everybody who reaches {host}; set {TOKEN}, or serve on 127.0.0.1"
        )

    def authorize(request: Request) -> None:
        if tokens:
            shown = _shown(request).encode()
            if not any([hmac.compare_digest(shown, each.encode()) for each in tokens]):
                raise HTTPException(
                    401,
                    "This needs the token of the console.",
                    headers={"WWW-Authenticate": 'Basic realm="Crossdock", charset="UTF-8"'},
                )
        elif (request.url.hostname or "") not in _LOCAL_NAMES:
            raise HTTPException(403, "Without a token the console answers to localhost only.")

    return authorize


def _shown(request: Request) -> str:
    """The token that this request carries, as a bearer or as the password of HTTP basic; empty when none."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
