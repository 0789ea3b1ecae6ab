"""Sales orders of an SAP system on loopback, in OData 2 or 4: as the vendor documents it, and it keeps count.

Tokens with their cookies, versions, locks, errors in SAP's own form, pages that the gateway cuts. Where the corpus is
there, every request is held against the published contract; ``breaches`` says what broke it.
"""

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from crossdock.formats import odata
from crossdock.testing.lying_http import Request, Said
from crossdock.testing.openapi.contract import Breach, Contract

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "contracts"
CONTRACTS = {
    "v2": CORPUS / "sap_s4hana_api_sales_order_srv" / "API_SALES_ORDER_SRV.json",
    "v4": CORPUS / "sap_s4hana_ce_salesorder_0001" / "CE_SALESORDER_0001.json",
}
SERVICES = {
    "v2": "/sap/opu/odata/sap/API_SALES_ORDER_SRV",
    "v4": "/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001",
}
USER, PASSWORD = "CROSSDOCK", "secret-of-sap"
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class Sap:
    """The system. ``page``: how many orders the gateway puts on a page whatever was asked for."""

    def __init__(self, dialect: str = "v2") -> None:
        self.dialect = dialect
        self.service = SERVICES[dialect]
        self.orders: dict[str, dict[str, Any]] = {}
        self.texts: dict[tuple[str, str, str], str] = {}
        self.dates: dict[tuple[str, str], date] = {}
        self.changed: dict[str, datetime] = {}
        self.locked: set[str] = set()
        self.page: int | None = None
        self.sessions: dict[str, str] = {}
        self.fetches = 0
        self.asked: list[str] = []
        self.breaches: list[Breach] = []
        self.before_change: Any = None  # called once, just before the next change is looked at
        self.busy = 0  # so many reads are answered 503
        path = CONTRACTS[dialect]
        self.contract = Contract.load(path) if path.is_file() else None

    # -- what people do there -----------------------------------------------------------------------------

    def order(self, number: str, **fields: Any) -> None:
        """An order as somebody entered it, with items 10 and 20."""
        self.orders[number] = {"SalesOrder": number, "DeliveryBlockReason": "", **fields}
        for line in ("10", "20"):
            self.dates[number, line] = date(2026, 12, 4)
        self.changed[number] = START + timedelta(seconds=len(self.orders))

    def touch(self, number: str, **fields: Any) -> None:
        """Somebody changes the order at its screen."""
        self.orders[number].update(fields)
        self.changed[number] = max(self.changed.values()) + timedelta(milliseconds=1)

    def end_sessions(self) -> None:
        self.sessions.clear()

    def etag(self, number: str) -> str:
        return f"W/\"datetimeoffset'{self.changed[number]:%Y-%m-%dT%H%%3A%M%%3A%S.%fZ}'\""

    # -- what it answers ----------------------------------------------------------------------------------

    def __call__(self, request: Request) -> Said:
        split = urlsplit(request.path)
        self.asked.append(f"{request.method} {unquote(request.path)}")
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return Said(status=401, body=b"<html>Logon failed</html>", media_type="text/html")
        path = unquote(split.path.removeprefix(self.service))
        if path == "/" and request.method == "GET":
            return self._root(request)
        if self.contract is not None and "$skiptoken" not in split.query:  # a link that we gave ourselves
            met = self.contract.met(
                method=request.method, target=request.path, headers=request.headers, body=request.body
            )
            self.breaches += met.breaches
        if request.method == "GET":
            if self.busy:
                self.busy -= 1
                return self._error(503, "SERVER_BUSY", "Server too busy")
            return self._read(path, parse_qs(split.query))
        return self._change(request, path)

    def _root(self, request: Request) -> Said:
        headers = {}
        if request.headers.get("x-csrf-token", "").lower() == "fetch":
            self.fetches += 1
            token, cookie = f"token-{self.fetches}==", f"SAP_SESSIONID_S4H_100=session%3d{self.fetches}"
            self.sessions[token] = cookie
            headers = {
                "X-CSRF-Token": token,
                "Set-Cookie": f"{cookie}; path=/; secure; expires=Wed, 21-Oct-2026 07:28:00 GMT; HttpOnly",
                "set-cookie": "sap-usercontext=sap-client=100; path=/",
            }
        return Said(status=200, body=b'{"d":{"EntitySets":["A_SalesOrder"]}}', headers=headers)

    def _read(self, path: str, query: Mapping[str, list[str]]) -> Said:
        if path in ("/A_SalesOrder", "/SalesOrder"):
            return self._list(query)
        kind, keys = self._named(path)
        if kind == "order" and keys[0] in self.orders:
            return self._entity(self.shown(keys[0]), self.etag(keys[0]))
        if kind == "text" and keys in self.texts:
            return self._entity({"LongText": self.texts[keys]}, "")
        if kind == "line" and keys in self.dates:
            return self._entity({"RequestedDeliveryDate": self._day(self.dates[keys])}, "")
        return self._error(404, "/IWBEP/CM_MGW_RT/020", "Resource not found")

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

    def _change(self, request: Request, path: str) -> Said:
        token = request.headers.get("x-csrf-token", "")
        if token not in self.sessions or self.sessions[token] not in request.headers.get("cookie", ""):
            return Said(
                status=403,
                body=b"CSRF token validation failed",
                media_type="text/plain",
                headers={"X-CSRF-Token": "Required"},
            )
        if self.before_change is not None:
            self.before_change, deed = None, self.before_change
            deed()
        kind, keys = self._named(path)
        number = keys[0]
        if number not in self.orders or (
            request.method == "PATCH" and kind == "text" and keys not in self.texts
        ):
            return self._error(404, "/IWBEP/CM_MGW_RT/020", "Resource not found")
        if "if-match" not in request.headers:
            return self._error(428, "/IWFND/CM_MGW/426", "Precondition required")
        if request.headers["if-match"] != self.etag(number):
            return self._error(412, "/IWFND/MED/181", "Precondition failed: the order was changed meanwhile")
        if number in self.locked:
            return self._error(
                400, "V1/042", f"Sales order {number} is currently being processed by user MILLER"
            )
        said = json.loads(request.body)
        fields = said["d"] if self.dialect == "v2" and request.method == "PATCH" else said
        return self._changed(request, kind, keys, fields)

    def _changed(self, request: Request, kind: str, keys: Any, fields: Mapping[str, Any]) -> Said:
        number = keys[0]
        if kind == "texts":
            key = (number, fields["Language"], fields["LongTextID"])
            if key in self.texts:
                return self._error(400, "/IWBEP/CM_MGW_RT/022", "The text exists already")
            self.texts[key] = fields["LongText"]
        elif kind == "text":
            self.texts[keys] = fields["LongText"]
        elif kind == "line":
            day = odata.day(fields["RequestedDeliveryDate"])
            assert day is not None
            if day < START.date():
                return self._error(400, "V1/331", "The date lies in the past: enter a later one")
            self.dates[keys] = day
        else:
            self.orders[number].update(fields)
        self.touch(number)
        message = json.dumps({"code": "V1/555", "severity": "warning", "message": "Availability was checked"})
        headers = {"ETag": self.etag(number), "sap-message": message}
        effect = f"{kind} {'/'.join(keys)} {json.dumps(fields, sort_keys=True)}"
        if request.method == "POST":
            return Said(status=201, body=json.dumps({"d": fields}).encode(), headers=headers, effect=effect)
        return Said(status=204, headers=headers, effect=effect)

    def shown(self, number: str) -> dict[str, Any]:
        """An order as it is written in an answer."""
        at = self.changed[number]
        if self.dialect == "v2":
            ticks = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
            about: dict[str, Any] = {"__metadata": {"etag": self.etag(number)}}
            said = f"/Date({ticks}+0000)/"
        else:
            about, said = {"@odata.etag": self.etag(number)}, at.isoformat().replace("+00:00", "Z")
        return {**about, **self.orders[number], "LastChangeDateTime": said}

    def _named(self, path: str) -> tuple[str, Any]:
        keys = re.findall(r"'([^']*)'", path) if self.dialect == "v2" else path.split("/")[2:]
        if path.endswith(("/to_Text", "/_Text")):
            return "texts", (keys[0],)
        if "Text" in path:
            return "text", tuple(keys)
        if "Item" in path or "ScheduleLine" in path:
            return "line", (keys[0], keys[1])
        return "order", (keys[0],)

    def _entity(self, fields: Mapping[str, Any], etag: str) -> Said:
        body = {"d": dict(fields)} if self.dialect == "v2" else dict(fields)
        return Said(status=200, body=json.dumps(body).encode(), headers={"ETag": etag} if etag else {})

    def _day(self, day: date) -> str:
        return odata.ticks_of(day) if self.dialect == "v2" else day.isoformat()

    def _error(self, status: int, code: str, sentence: str) -> Said:
        message: Any = {"lang": "en", "value": sentence} if self.dialect == "v2" else sentence
        return Said(status=status, body=json.dumps({"error": {"code": code, "message": message}}).encode())
