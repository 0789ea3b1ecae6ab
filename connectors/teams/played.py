"""A workflow of Teams, played for the conformance kit: it takes every post, and knows no repeat."""

import hashlib

from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.lying_http import Request, Said


def answer(request: Request, system: HttpPlay) -> Said | None:
    """A post is shown; whoever else asks finds a page."""
    if request.method != "POST" or not request.path.startswith("/workflows/"):
        return Said(status=200, body=b"{}") if request.method == "GET" else None
    run = hashlib.sha256(request.body).hexdigest()
    return Said(status=202, headers={"x-ms-workflow-run-id": run[:20]}, effect=run)
