"""Sales orders of an SAP system, played, in OData 2 or 4: as the vendor documents it, and it keeps count.

Tokens with their cookies, versions, locks, errors in SAP's own form. The conformance kit pages the orders of a list.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from crossdock.formats import odata
from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.lying_http import Request, Said

SERVICES: Final = {
    "v2": "/sap/opu/odata/sap/API_SALES_ORDER_SRV",
    "v4": "/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001",
}
LISTS: Final = ("/A_SalesOrder", "/SalesOrder")
START: Final = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def answer(request: Request, system: HttpPlay) -> Said | None:
    """Everything but the list of orders; the order 4711 is there."""
    path = urlsplit(request.path).path
    dialect = next((one for one, service in SERVICES.items() if path.startswith(service)), None)
    if dialect is None or path.endswith(LISTS):
        return None
    sap: Sap | None = system.kept.get("sap")
    if sap is None:
        sap = system.kept["sap"] = Sap(dialect)
        sap.order("4711")
    return sap(request)


class Sap:
    """The system. It takes everybody for a user; the orders of a list are somebody else's to page."""

    def __init__(self, dialect: str = "v2") -> None:
        self.dialect = dialect
        self.service = SERVICES[dialect]
        self.orders: dict[str, dict[str, Any]] = {}
        self.texts: dict[tuple[str, str, str], str] = {}
        self.dates: dict[tuple[str, str], date] = {}
        self.changed: dict[str, datetime] = {}
        self.locked: set[str] = set()
        self.sessions: dict[str, str] = {}
        self.fetches = 0
        self.before_change: Any = None  # called once, just before the next change is looked at

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
        path = unquote(urlsplit(request.path).path.removeprefix(self.service))
        if path == "/" and request.method == "GET":
            return self._root(request)
        return self._read(path) if request.method == "GET" else self._change(request, path)

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

    def _read(self, path: str) -> Said:
        kind, keys = self._named(path)
        if kind == "order" and keys[0] in self.orders:
            return self._entity(self.shown(keys[0]), self.etag(keys[0]))
        if kind == "text" and keys in self.texts:
            return self._entity({"LongText": self.texts[keys]}, "")
        if kind == "line" and keys in self.dates:
            return self._entity({"RequestedDeliveryDate": self._day(self.dates[keys])}, "")
        return self._error(404, "/IWBEP/CM_MGW_RT/020", "Resource not found")

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
