"""NetSuite's REST services, played: tasks are made by jobs, once for a key, and a repeat is refused with its job."""

import json
from typing import Any, Final

from oauthlib import common
from oauthlib.oauth1.rfc5849.signature import collect_parameters, verify_hmac_sha256

from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.conformance.play import MORE_CANARIES
from crossdock.testing.lying_http import Request, Said

TASKS: Final = "/services/rest/record/v1/task"
JOBS: Final = "/services/rest/async/v1/job"
TYPE: Final = "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html"
DUPLICATE: Final = (
    f'{{"type":"{TYPE}","title":"Conflict","status":400,"o:errorDetails":[{{"detail":"A request with the same '
    'idempotency key is already submitted. See the "Location" header for a link to the previously submitted job",'
    '"o:errorCode":"IDEMPOTENCY_ERROR"}]}'
).encode()
"""As NetSuite documents it: for its quotes it is no JSON."""


class NetSuite:
    """The account. ``progress``: how far jobs come from now on; those that succeed have made their task."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, tuple[str, dict[str, Any]]] = {}
        self.progress = "succeeded"

    def __call__(self, request: Request) -> Said | None:
        path = request.path.partition("?")[0]
        if request.method == "POST" and path == TASKS:
            return self._take(request)
        if request.method != "GET":
            return None
        if path == TASKS:
            return _said(200, {"items": [], "count": 0, "hasMore": False})
        if path.startswith(f"{TASKS}/eid:"):
            task = self.tasks.get(path.partition("eid:")[2])
            return (
                _said(200, task)
                if task
                else _no(404, "NONEXISTENT_ID", "The record instance does not exist.")
            )
        if path.startswith(f"{JOBS}/"):
            done = self.progress in ("succeeded", "failed")
            return _said(200, {"id": path.rpartition("/")[2], "completed": done, "progress": self.progress})
        return None

    def finish(self) -> None:
        """The jobs that were taken are worked on."""
        self.progress = "succeeded"
        for _job, task in self.jobs.values():
            self.tasks.setdefault(task["externalId"], {"id": str(500 + len(self.tasks)), **task})

    def _take(self, request: Request) -> Said:
        key = request.headers.get("x-netsuite-idempotency-key", "")
        if not key or request.headers.get("prefer") != "respond-async":
            return _no(400, "INVALID_HEADER", "A key is kept for asynchronous requests alone.")
        if key in self.jobs:
            return Said(status=400, body=DUPLICATE, headers={"Location": self.jobs[key][0]})
        if json.loads(request.body)["externalId"] in self.tasks:
            return _no(400, "USER_ERROR", "This record already exists.")
        job = f"{JOBS}/{len(self.jobs) + 1}"
        self.jobs[key] = job, json.loads(request.body)
        if self.progress == "succeeded":
            self.finish()
        return Said(status=202, headers={"Location": job, "Preference-Applied": "respond-async"}, effect=key)


def answer(request: Request, system: HttpPlay) -> Said | None:
    """Tasks and their jobs."""
    account: NetSuite = system.kept.setdefault("netsuite", NetSuite())
    return account(request)


def lets_in(request: Request, secret: str) -> bool:
    """Whether the request is signed with the secrets of the connection."""
    url = f"http://{request.headers.get('host', '')}{request.path}"
    signed = common.Request(url, http_method=request.method, headers=dict(request.headers))
    said = dict(
        collect_parameters(uri_query=signed.uri_query, headers=signed.headers, exclude_oauth_signature=False)
    )
    signed.signature = said.pop("oauth_signature", "")
    signed.params = list(said.items())
    return verify_hmac_sha256(signed, MORE_CANARIES, MORE_CANARIES)


def _said(status: int, value: Any) -> Said:
    return Said(status=status, body=json.dumps(value).encode())


def _no(status: int, code: str, sentence: str) -> Said:
    details = [{"detail": sentence, "o:errorCode": code}]
    return _said(status, {"type": TYPE, "title": "No", "status": status, "o:errorDetails": details})
