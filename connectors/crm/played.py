"""The CRM, played for the conformance kit: cases by external id, as Salesforce keeps them."""

import json
from typing import Any
from urllib.parse import urlsplit

from crossdock.testing.conformance.http_play import HttpPlay, query_of
from crossdock.testing.lying_http import Request, Said


def answer(request: Request, system: HttpPlay) -> Said | None:
    """Upserts, questions for a case, and what the object is."""
    cases: dict[str, dict[str, Any]] = system.kept
    path = urlsplit(request.path).path
    if not path.startswith("/services/data/"):
        return None
    key = path.rpartition("/")[2]
    if request.method == "GET":
        if key == "describe":
            return _said(200, {"name": "Case"})
        if key not in cases:
            return _said(
                404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
            )
        return _said(200, {name: cases[key].get(name) for name in query_of(request)["fields"].split(",")})
    made, before = key not in cases, dict(cases.get(key, {}))
    case = cases.setdefault(key, {"Id": f"500{len(cases):012}"})
    case.update(json.loads(request.body))
    said = {"id": case["Id"], "success": True, "errors": [], "created": made}
    return _said(201 if made else 200, said, effect=None if case == before else f"{key} {request.body!r}")


def _said(status: int, value: Any, effect: str | None = None) -> Said:
    return Said(status=status, body=json.dumps(value).encode(), effect=effect)
