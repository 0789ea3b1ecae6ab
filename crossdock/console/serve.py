"""The console by itself, without Airflow: ``crossdock serve``."""

import base64
import binascii
import hmac
import os
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, HTTPException, Request

from crossdock.errors import Misconfigured
from crossdock.ports import SystemClock
from crossdock.registry import Registry

if TYPE_CHECKING:
    from crossdock.store.engine import Store

TOKEN: Final = "CROSSDOCK_CONSOLE_TOKEN"
AIRFLOW: Final = "CROSSDOCK_AIRFLOW_URL"
SHORTEST_TOKEN: Final = 16
_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def serve(host: str = "127.0.0.1", port: int = 8975) -> None:
    """Serve the console until it is stopped.

    On a loopback address no token is needed, and only requests for a loopback name are answered, so that a web
    page elsewhere cannot be pointed at it. On any other address ``CROSSDOCK_CONSOLE_TOKEN`` is required: a browser
    is asked for it as a password (any user name), programs send ``Authorization: Bearer``. Put TLS in front.
    Raises ``Misconfigured`` when the token is missing or short.
    """
    import uvicorn

    uvicorn.run(alone(host), host=host, port=port, log_level="warning", server_header=False)


def alone(host: str) -> FastAPI:
    """The app that ``serve`` runs."""
    from crossdock.console.app import create_app

    airflow = os.environ.get(AIRFLOW, "").rstrip("/") or None
    return create_app(
        open_store=open_store,
        registry=Registry(),
        authorize=guard(host, os.environ.get(TOKEN, "")),
        clock=SystemClock(),
        airflow_url=lambda request: airflow,
    )


def open_store() -> "Store":
    """The store of the environment."""
    from crossdock.store.engine import Store

    return Store.open(application="crossdock console")


def guard(host: str, token: str) -> Callable[[Request], None]:
    """Who may look, as a FastAPI dependency. Raises ``Misconfigured`` when that cannot be told."""
    if token and len(token) < SHORTEST_TOKEN:
        raise Misconfigured(f"{TOKEN} is shorter than {SHORTEST_TOKEN} characters; make a longer one")
    if not token and not _is_loopback(host):
        raise Misconfigured(
            f"the console would be open to everybody who reaches {host}; set {TOKEN}, or serve on 127.0.0.1"
        )

    def authorize(request: Request) -> None:
        if token:
            if not hmac.compare_digest(_shown(request).encode(), token.encode()):
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
