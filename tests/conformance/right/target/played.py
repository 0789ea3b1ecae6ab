"""The system, played: it keeps notes by key, and tells of them."""

import json
from typing import Any

from crossdock.testing.conformance.http_play import HttpPlay, query_of
from crossdock.testing.lying_http import Request, Said


def answer(request: Request, system: HttpPlay) -> Said | None:
    """Notes are written and looked for."""
    done: dict[str, Any] = system.kept
    if request.method == "GET" and request.path.startswith("/notes"):
        found = done.get(query_of(request).get("key", ""))
        return Said(status=200, body=json.dumps({"notes": [found] if found else []}).encode())
    if request.method != "POST" or not request.path.startswith("/orders/"):
        return None
    key = request.headers.get("idempotency-key") or f"none-{len(done)}"
    new = key not in done
    done.setdefault(key, {"id": f"N-{len(done) + 1}", "key": key})
    return Said(status=201 if new else 200, body=json.dumps(done[key]).encode(), effect=key if new else None)
