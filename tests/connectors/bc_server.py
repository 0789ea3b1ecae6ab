"""The company that the connector brings, on loopback: with its login, its delta links, and what it was asked.

Pages by ``odata.maxpagesize``, links that can be forgotten. Where the corpus is there, every request is held against
the published contract; ``breaches`` says what broke it.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from connectors.business_central import played
from connectors.business_central.played import BASE, COMPANY, ORDERS
from crossdock.testing.lying_http import Request, Said
from crossdock.testing.openapi.contract import Breach, Contract

__all__ = ["COMPANY", "CONTRACT", "TOKEN", "BusinessCentral"]

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "contracts"
CONTRACT = CORPUS / "dynamics365_business_central" / "openapi.yaml"
TOKEN = "token-of-business-central"
WRONG_IN_CONTRACT = re.compile(r"(requestedDeliveryDate|shipmentDate).*date-time", re.DOTALL)
"""The published contract calls these date-time; the service's own metadata and examples say a day (Edm.Date)."""


class BusinessCentral(played.BusinessCentral):
    """The company. ``forgotten``: the next delta link is."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = False
        self.asked: list[str] = []
        self.prefers: list[str] = []
        self.breaches: list[Breach] = []
        self.contract = Contract.load(CONTRACT) if CONTRACT.is_file() else None

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
        if request.method == "GET" and unquote(split.path) == ORDERS and played.numbered(request) is None:
            return self._list(query, request)
        return super().__call__(request)

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


def _link(query: dict[str, str]) -> str:
    return f"{ORDERS}?" + "&".join(f"{name}={quote(value)}" for name, value in query.items())
