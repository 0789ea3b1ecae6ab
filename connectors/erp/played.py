"""The ERP, played for the conformance kit: it keeps effects by key, and tells of them."""

import json
import re
from typing import Any

from crossdock.testing.conformance.http_play import HttpPlay, query_of
from crossdock.testing.lying_http import Request, Said

_WRITE = re.compile(r"/api/[a-z-]+/([^/]+)/(?:notes|holds|releases|date-changes)")


def answer(request: Request, system: HttpPlay) -> Said | None:
    """Writes and the question for an effect; the order holds are paged by the kit."""
    done: dict[str, Any] = system.kept
    if request.path.startswith("/api/effects"):
        found = done.get(query_of(request).get("key", ""))
        return _said(200, {"effects": [found] if found else []})
    write = _WRITE.fullmatch(request.path)
    if write is None or request.method != "POST":
        return None
    key = request.headers.get("idempotency-key", "")
    if not key:
        return _said(400, {"error": "a write needs an Idempotency-Key"})
    known = done.get(key)
    if known is None:
        done[key] = {"id": f"E-{len(done) + 1}", "key": key, "order": write[1], "path": request.path}
    return _said(201 if known is None else 200, done[key], effect=key if known is None else None)


def _said(status: int, value: Any, effect: str | None = None) -> Said:
    return Said(status=status, body=json.dumps(value).encode(), effect=effect)
