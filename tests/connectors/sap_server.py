"""The SAP system that the connector brings, on loopback: with its login, its lists, and what it was asked.

Where the corpus is there, every request is held against the published contract; ``breaches`` says what broke it.
"""

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from connectors.sap_sales_order import played
from crossdock.testing.lying_http import Request, Said
from crossdock.testing.openapi.contract import Breach, Contract

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "contracts"
CONTRACTS = {
    "v2": CORPUS / "sap_s4hana_api_sales_order_srv" / "API_SALES_ORDER_SRV.json",
    "v4": CORPUS / "sap_s4hana_ce_salesorder_0001" / "CE_SALESORDER_0001.json",
}
USER, PASSWORD = "CROSSDOCK", "secret-of-sap"


class Sap(played.Sap):
    """The system. ``page``: how many orders the gateway puts on a page whatever was asked for."""

    def __init__(self, dialect: str = "v2") -> None:
        super().__init__(dialect)
        self.page: int | None = None
        self.asked: list[str] = []
        self.breaches: list[Breach] = []
        self.busy = 0  # so many reads are answered 503
        path = CONTRACTS[dialect]
        self.contract = Contract.load(path) if path.is_file() else None

    def __call__(self, request: Request) -> Said:
        split = urlsplit(request.path)
        self.asked.append(f"{request.method} {unquote(request.path)}")
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return Said(status=401, body=b"<html>Logon failed</html>", media_type="text/html")
        root = split.path == f"{self.service}/"
        if self.contract is not None and not root and "$skiptoken" not in split.query:  # a link that we gave
            met = self.contract.met(
                method=request.method, target=request.path, headers=request.headers, body=request.body
            )
            self.breaches += met.breaches
        if request.method == "GET" and self.busy and not root:
            self.busy -= 1
            return self._error(503, "SERVER_BUSY", "Server too busy")
        if request.method == "GET" and split.path.endswith(played.LISTS):
            return self._list(parse_qs(split.query))
        return super().__call__(request)

    def _list(self, query: Mapping[str, list[str]]) -> Said:
        found = re.search(r"gt (?:datetimeoffset')?([^' ]+)'?", query["$filter"][0])
        key = re.search(r"SalesOrder gt '([^']*)'", query["$filter"][0])
        assert found and key, query
        since = datetime.fromisoformat(found[1])
        known = [
            number
            for number in self.orders
            if self.changed[number] > since or (self.changed[number] == since and number > key[1])
        ]
        known.sort(key=lambda number: (self.changed[number], number))
        known = known[: int(query["$top"][0])]
        begin = int(query.get("$skiptoken", ["0"])[0])
        end = begin + (self.page or len(known))
        link = ""
        if end < len(known):
            kept = {name: values[0] for name, values in query.items() if name != "$skiptoken"}
            kept["$skiptoken"] = str(end)
            wanted = "&".join(f"{name}={quote(value)}" for name, value in kept.items())
            link = f"{self.service}/{'A_SalesOrder' if self.dialect == 'v2' else 'SalesOrder'}?{wanted}"
        records = [self.shown(number) for number in known[begin:end]]
        if self.dialect == "v2":
            body = {"d": {"results": records, **({"__next": link} if link else {})}}
        else:
            body = {"value": records, **({"@odata.nextLink": link} if link else {})}
        return Said(status=200, body=json.dumps(body).encode())
