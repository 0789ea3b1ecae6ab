"""Sales orders of one Business Central company on loopback: as Microsoft documents its API, and it keeps count.

Versions, delta links that can be forgotten, pages by ``odata.maxpagesize``, errors in its own codes. Where the corpus
is there, every request is held against the published contract; ``breaches`` says what broke it.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from crossdock.testing.lying_http import Request, Said
from crossdock.testing.openapi.contract import Breach, Contract

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "contracts"
CONTRACT = CORPUS / "dynamics365_business_central" / "openapi.yaml"
COMPANY = "8a6d0c1e-0000-4000-8000-000000000001"
BASE = "/v2.0/production/api/v1.0"
ORDERS = f"{BASE}/companies({COMPANY})/salesOrders"
TOKEN = "token-of-business-central"
WRONG_IN_CONTRACT = re.compile(r"(requestedDeliveryDate|shipmentDate).*date-time", re.DOTALL)
"""The published contract calls these date-time; the service's own metadata and examples say a day (Edm.Date)."""


class BusinessCentral:
    """The company. ``log``: the ids that changed, in their order: what delta links count in."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.log: list[str] = []
        self.forgotten = False
        self.asked: list[str] = []
        self.prefers: list[str] = []
        self.breaches: list[Breach] = []
        self.before_change: Any = None
        self.refuses: tuple[int, str, str] | None = None
        self.contract = Contract.load(CONTRACT) if CONTRACT.is_file() else None

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
        split = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        self.asked.append(f"{request.method} {unquote(request.path)}")
        self.prefers.append(request.headers.get("prefer", ""))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return self._error(
                401, "Authentication_InvalidCredentials", "The server has rejected the client credentials."
            )
        if self.contract is not None and not {"$deltatoken", "$skiptoken"} & query.keys():
            met = self.contract.met(
                method=request.method, target=request.path, headers=request.headers, body=request.body
            )
            self.breaches += [one for one in met.breaches if not WRONG_IN_CONTRACT.search(str(one))]
        if self.refuses is not None:
            return self._error(*self.refuses)
        path = unquote(split.path)
        if request.method == "GET":
            return (
                self._list(query, request)
                if path == ORDERS
                else self._error(404, "BadRequest_NotFound", "No")
            )
        return self._change(request, path)

    def _list(self, query: dict[str, str], request: Request) -> Said:
        size = int(
            (re.findall(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", "")) or ["20000"])[0]
        )
        tracked = "track-changes" in request.headers.get("prefer", "")
        since = int(query.get("$deltatoken", "0"))
        if "$deltatoken" in query and self.forgotten:
            self.forgotten = False
            return Said(status=410, body=b"{}", headers={"Location": ORDERS})
        ids = list(dict.fromkeys(reversed(self.log[since:])))[::-1]
        if "$deltatoken" not in query:
            ids = [id_ for id_ in ids if id_ in self.orders]
        if found := re.fullmatch(r"number eq '(.*)'", query.get("$filter", "")):
            ids = [id_ for id_ in ids if self.orders[id_]["number"] == found[1].replace("''", "'")]
        if found := re.search(r"requestedDeliveryDate lt (\S+)", query.get("$filter", "")):
            ids = [id_ for id_ in ids if self.orders[id_]["requestedDeliveryDate"] < found[1]]
        begin = int(query.get("$skiptoken", "0"))
        page = [self.shown(id_) for id_ in ids[begin : begin + size]]
        said: dict[str, Any] = {"@odata.context": f"{BASE}/$metadata#salesOrders", "value": page}
        kept = {name: value for name, value in query.items() if name in ("$expand", "$deltatoken")}
        if begin + size < len(ids):
            said["@odata.nextLink"] = _link({**kept, "$skiptoken": str(begin + size)})
        elif tracked:
            said["@odata.deltaLink"] = _link(
                {"$expand": "salesOrderLines,customer", "$deltatoken": str(len(self.log))}
            )
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


def _link(query: dict[str, str]) -> str:
    return f"{ORDERS}?" + "&".join(f"{name}={quote(value)}" for name, value in query.items())
