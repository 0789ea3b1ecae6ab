"""Sales orders of one Business Central company, played: as Microsoft documents its API, and it keeps count.

Versions of orders and lines, errors in its own codes. The conformance kit pages the list of orders.
"""

import json
import re
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.lying_http import Request, Said

COMPANY: Final = "8a6d0c1e-0000-4000-8000-000000000001"
BASE: Final = "/v2.0/production/api/v1.0"
ORDERS: Final = f"{BASE}/companies({COMPANY})/salesOrders"


def answer(request: Request, system: HttpPlay) -> Said | None:
    """Changes, and the order of a number; the order S-ORD101009 is there."""
    if request.method == "GET" and numbered(request) is None:
        return None
    company: BusinessCentral | None = system.kept.get("company")
    if company is None:
        company = system.kept["company"] = BusinessCentral()
        company.order("S-ORD101009")
    return company(request)


def numbered(request: Request) -> str | None:
    """The number by which an order is looked for."""
    query = parse_qs(urlsplit(request.path).query)
    found = re.fullmatch(r"number eq '(.*)'", query.get("$filter", [""])[0])
    return found[1].replace("''", "'") if found else None


class BusinessCentral:
    """The company. ``log``: the ids that changed, in their order: what delta links count in."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.log: list[str] = []
        self.before_change: Any = None  # called once, just before the next change is looked at

    # -- what people do there -----------------------------------------------------------------------------

    def order(self, number: str, **fields: Any) -> str:
        id_ = f"00000000-0000-4000-8000-{len(self.log):012d}"
        self.orders[id_] = {
            "id": id_, "number": number, "status": "Open", "requestedDeliveryDate": "2026-12-04",
            "fullyShipped": False, "customerNumber": "10000", **fields,
        }  # fmt: skip
        self.lines[id_] = [
            {"id": f"{id_}-{sequence}", "sequence": sequence, "lineType": "Item", "quantity": 12,
             "shippedQuantity": 0, "shipmentDate": "2026-12-03"}
            for sequence in (10000, 20000)
        ]  # fmt: skip
        self.log.append(id_)
        return id_

    def touch(self, id_: str, **fields: Any) -> None:
        self.orders[id_].update(fields)
        self.log.append(id_)

    def delete(self, id_: str) -> None:
        del self.orders[id_]
        self.log.append(id_)

    def etag(self, id_: str) -> str:
        return f'W/"JzQ0Ozs{self.log.count(id_)}{id_[-4:]}"'

    def line(self, id_: str, sequence: int) -> dict[str, Any]:
        return next(line for line in self.lines[id_] if line["sequence"] == sequence)

    # -- what it answers ----------------------------------------------------------------------------------

    def __call__(self, request: Request) -> Said:
        """A change, or the order of a number."""
        split = urlsplit(request.path)
        number = numbered(request)
        if request.method != "GET":
            return self._change(request, unquote(split.path))
        if number is None:
            return self._error(404, "BadRequest_NotFound", "No")
        found = [self.shown(id_) for id_, order in self.orders.items() if order["number"] == number]
        said = {"@odata.context": f"{BASE}/$metadata#salesOrders", "value": found}
        return Said(status=200, body=json.dumps(said).encode())

    def shown(self, id_: str) -> dict[str, Any]:
        if id_ not in self.orders:
            return {"@odata.context": f"{BASE}/$metadata#salesOrders/$deletedEntity", "id": id_}
        lines = [{"@odata.etag": self._line_etag(id_, line), **line} for line in self.lines[id_]]
        return {"@odata.etag": self.etag(id_), **self.orders[id_], "salesOrderLines": lines}

    def _line_etag(self, id_: str, line: dict[str, Any]) -> str:
        return f'W/"TGluZQ{line["sequence"]}{line.get("version", 0)}{id_[-4:]}"'

    def _change(self, request: Request, path: str) -> Said:
        found = re.fullmatch(r".*/salesOrders\(([^)]+)\)(?:/salesOrderLines\('([^']+)'\))?", path)
        if found is None or found[1] not in self.orders:
            return self._error(404, "Internal_RecordNotFound", "The Sales Order does not exist.")
        if self.before_change is not None:
            self.before_change, deed = None, self.before_change
            deed()
        id_, line_id = found[1], found[2]
        line = next((one for one in self.lines[id_] if one["id"] == line_id), None)
        held = self._line_etag(id_, line) if line else self.etag(id_)
        if not request.headers.get("if-match"):
            return self._error(
                400, "BadRequest_InvalidToken", "Could not validate the client concurrency token."
            )
        if request.headers["if-match"] != held:
            return self._error(409, "Request_EntityChanged", "Another user has already changed the record.")
        fields = json.loads(request.body)
        if any(value < "2026-11-21" for value in fields.values()):
            return self._error(400, "Application_DialogException", "The date must not be before today.")
        if line is not None:
            line.update(fields)
            line["version"] = line.get("version", 0) + 1
            self.log.append(id_)
        else:
            self.touch(id_, **fields)
        effect = f"{line_id or id_} {json.dumps(fields, sort_keys=True)}"
        return Said(status=200, body=json.dumps(self.shown(id_)).encode(), effect=effect)

    def _error(self, status: int, code: str, sentence: str) -> Said:
        return Said(status=status, body=json.dumps({"error": {"code": code, "message": sentence}}).encode())
