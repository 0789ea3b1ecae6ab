"""Slack, played for the conformance kit: it takes every post, and knows no repeat."""

import hashlib

from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.lying_http import Request, Said


def answer(request: Request, system: HttpPlay) -> Said | None:
    """A post is shown; whoever else asks finds a page."""
    if request.method != "POST" or not request.path.startswith("/services/"):
        return Said(status=200, body=b"Slack") if request.method == "GET" else None
    return Said(
        status=200, body=b"ok", media_type="text/plain", effect=hashlib.sha256(request.body).hexdigest()
    )
