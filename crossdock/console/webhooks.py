"""The door for systems that call us: bounded, signed, stored, and only then answered.

    202  stored         200  known already       409  same id, other content: both kept, this one set aside
    400  malformed      401  signature or time   404  no such webhook        408  too slow
    413  too large      503  could not be stored or checked: send it again (Retry-After)

An answer says nothing but its status, and an unknown name is checked as long as a known one.
"""

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from crossdock.connections import login as login_of
from crossdock.console.opened import Doors
from crossdock.messages import RawMessage, Verdict
from crossdock.ports import Clock, Login, Manifest, Secret
from crossdock.registry import Registry
from crossdock.wires.webhook import NotVerified, WebhookSettings, kept, verify

log = logging.getLogger(__name__)

READ_WITHIN_S: Final = 10.0
"""A sender that drips its body is let go after this."""
LOGIN_KEPT: Final = timedelta(seconds=30)
"""How long a changed secret may take to be seen. While one is replaced, give both."""
RETRY_AFTER_S: Final = 30
LARGEST_UNKNOWN: Final = 1024 * 1024

_STATUS: Final = {Verdict.STORED: 202, Verdict.DUPLICATE: 200, Verdict.SET_ASIDE: 409}
_WORD: Final = {
    200: "known already",
    202: "stored",
    400: "malformed",
    401: "refused",
    404: "refused",
    408: "too slow",
    409: "this id came before with other content; both are kept",
    413: "too large",
    503: "not stored; send it again",
}


class _Login:
    """The logins of the webhooks, asked for again when they are older than ``LOGIN_KEPT``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[str, tuple[datetime, Login]] = {}

    def of(self, connection_id: str) -> Login:
        with self._lock:
            now = self._clock.now()
            asked_at, known = self._kept.get(connection_id, (None, None))
            if known is None or asked_at is None or now - asked_at > LOGIN_KEPT:
                known = login_of(connection_id)
                self._kept[connection_id] = (now, known)
            return known


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    wake: bool = False


_NOBODY: Final = Login(
    connection_id="nobody",
    secrets={"webhook_secrets.0": Secret("whsec_" + base64.b64encode(b"nobody holds this one").decode())},
)
"""What a request for an unknown webhook is checked against, and never accepted for."""


def router(
    *, doors: Doors, registry: Registry, clock: Clock, wake: Callable[[str], None] | None
) -> APIRouter:
    """``POST /webhooks/{connector}``."""
    routes = APIRouter()
    logins = _Login(clock)

    @routes.post("/webhooks/{connector}")
    async def receive(connector: str, request: Request) -> JSONResponse:
        manifest = _webhook(registry, connector)
        limit = (
            WebhookSettings(**manifest.source.settings).max_body_kib * 1024
            if manifest and manifest.source
            else LARGEST_UNKNOWN
        )
        try:
            body = await asyncio.wait_for(_read(request, limit), READ_WITHIN_S)
        except TimeoutError:
            return _say(_Answer(status=408))
        except ClientDisconnect:
            return _say(_Answer(status=400))
        if body is None:
            return _say(_Answer(status=413))
        answer = await run_in_threadpool(_take, manifest, request.headers.raw, body)
        after = BackgroundTask(_ring, wake, connector) if answer.wake and wake is not None else None
        return _say(answer, after)

    def _take(manifest: Manifest | None, headers: list[tuple[bytes, bytes]], body: bytes) -> _Answer:
        if manifest is None or manifest.source is None:
            verify(WebhookSettings(), headers, body, _NOBODY, clock)
            return _Answer(status=404)
        try:
            said = verify(manifest.source.settings, headers, body, logins.of(manifest.connection), clock)
            if isinstance(said, NotVerified):
                log.warning("webhook %s refused (%s): %s", manifest.name, said.status, said.sentence)
                return _Answer(status=said.status)
            stamps = {} if said.timestamp is None else {"webhook-timestamp": said.timestamp.isoformat()}
            hub = doors.hub()
            message = RawMessage(
                tenant=doors.tenant,
                source=manifest.name,
                key=said.message_id,
                body=body,
                media_type=manifest.source.media_type,
                received_at=hub.clock.now(),
                name=said.message_id,
                headers={**kept(manifest.source.settings, headers), "webhook-id": said.message_id, **stamps},
            )
            verdict = hub.accept(manifest, message)
        except Exception:
            # Whatever it was, it is not stored, so the sender must keep it: silence is never success.
            log.exception("webhook %s could not be stored", manifest.name)
            return _Answer(status=503)
        return _Answer(status=_STATUS[verdict], wake=verdict is not Verdict.DUPLICATE)

    return routes


def _webhook(registry: Registry, connector: str) -> Manifest | None:
    manifest = registry.manifests().get(connector)
    return manifest if manifest is not None and manifest.wire == "webhook" else None


async def _read(request: Request, limit: int) -> bytes | None:
    """The body, or ``None`` as soon as it is known to be over the limit."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _ring(wake: Callable[[str], None], connector: str) -> None:
    try:
        wake(connector)
    except Exception:
        log.warning("process was not woken for %s; its clock will", connector, exc_info=True)


def _say(answer: _Answer, after: BackgroundTask | None = None) -> JSONResponse:
    headers = {"Retry-After": str(RETRY_AFTER_S)} if answer.status == 503 else None
    # The connection of somebody who was not read to the end is of no further use.
    if answer.status in (408, 413):
        headers = {"Connection": "close"}
    return JSONResponse(
        {"result": _WORD[answer.status]}, status_code=answer.status, headers=headers, background=after
    )
