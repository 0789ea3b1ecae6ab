"""Writes dates to the sales orders of Business Central, each on the version that was read.

What is changed is a line where the write-back names one, with the line's own version, else the order. People know an
order by its number; the API knows it by an id, so it is looked for first.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from connectors.business_central.settings import company_path
from crossdock.errors import Refused
from crossdock.formats import json_strict, odata
from crossdock.kit.call_times import CallTimes
from crossdock.kit.odata_target import Change, No, ODataTarget, Plan, Stands
from crossdock.manifests import typed
from crossdock.messages import Outcome, Receipt, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.rest import Rest, quoted

CHANGED: Final = ("Request_EntityChanged",)
"""Another version is held: Business Central says so with 409, and with 409 it says other things too."""

BUSY: Final = ("Internal_TenantUnavailable", "Internal_MetadataSyncError", "Internal_DatabaseDeadlock")
"""It cannot now, and nothing was done."""

_NUMBER: Final = re.compile(r"[^\x00-\x1f]{1,20}")
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,50}")


def connect(manifest: Manifest, login: Login, clock: Clock) -> "SalesOrders":
    """The sink of this connector, not yet opened."""
    return SalesOrders(manifest, login, clock)


class SalesOrders:
    """The sales orders of one company, as something that can be written to. Safe to share between threads."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        settings = typed(CallTimes, manifest, "sink")
        self._login = login
        wire = Rest(login, deadline_s=settings.deadline_s, connect_s=settings.connect_s)
        self._target = ODataTarget(
            login, clock, title="Business Central", wire=wire, locked=BUSY, changed=CHANGED
        )

    def version(self, write_back: WriteBack) -> str:
        """The version of what the write-back changes; empty when there is no such thing, as ``deliver`` says."""
        plan = self._target.plan(write_back, self._planned)
        return plan.etag if isinstance(plan, Change) else ""

    def deliver(self, write_back: WriteBack) -> Outcome:
        """At most one change, on the version that was read before the first attempt."""
        return self._target.deliver(write_back, self._planned)

    def find(self, write_back: WriteBack) -> Receipt | None:
        """What proves that it stands as it was wanted."""
        return self._target.find(write_back, self._planned)

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The change that ``deliver`` would make now."""
        return self._target.preview(write_back, self._planned)

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, read one order."""
        yield from self._target.wire.check(self._orders, query={"$top": "1"})

    def close(self) -> None:
        self._target.close()

    @property
    def _orders(self) -> str:
        return f"{company_path(self._login)}/salesOrders"

    def _planned(self, write_back: WriteBack) -> Plan:
        kind, _, number = write_back.subject.partition("/")
        if write_back.operation != "change_date":
            return No(
                reason=f"Business Central's API has no {write_back.operation!r} for sales orders",
                status="operation",
            )
        if kind != "sales_order" or not _NUMBER.fullmatch(number):
            return No(
                reason=f"{write_back.subject!r} is no sales order of Business Central", status="subject"
            )
        wanted = json_strict.loads(write_back.body)
        day = date.fromisoformat(wanted["date"])
        order = self._order(number)
        if order is None:
            return No(reason=f"Business Central has no sales order {number} any more", status="404")
        path = f"{self._orders}({_id(order)})"
        if not wanted.get("line"):
            return _dated(path, order, "requestedDeliveryDate", day, number)
        line = _line(order, str(wanted["line"]))
        if line is None:
            return No(reason=f"order {number} has no line {wanted['line']}", status="404")
        path += f"/salesOrderLines('{_id(line)}')"
        return _dated(path, line, "shipmentDate", day, f"{number}/{wanted['line']}")

    def _order(self, number: str) -> Mapping[str, Any] | None:
        """The order with its lines."""
        query = {"$filter": f"number eq {odata.text(number)}", "$expand": "salesOrderLines"}
        document = self._target.read(self._orders, query)
        found = document.get("value") if isinstance(document, Mapping) else None
        if (
            not isinstance(found, list)
            or len(found) > 1
            or not all(isinstance(one, Mapping) for one in found)
        ):
            raise Refused(
                f"GET {self._orders}: the answer is no list of the one order {number}", status="list"
            )
        return found[0] if found else None


def _dated(path: str, held: Mapping[str, Any], name: str, day: date, reference: str) -> Plan:
    if odata.day(held.get(name)) == day:
        return Stands(reference=reference, evidence={name: day.isoformat()})
    tag = odata.etag(held)
    if not tag:
        raise Refused(f"GET {path}: Business Central hands out no version of it", status="etag")
    return Change(method="PATCH", path=path, body={name: day.isoformat()}, etag=tag)


def _line(order: Mapping[str, Any], number: str) -> Mapping[str, Any] | None:
    lines = order.get("salesOrderLines") or []
    return next((line for line in lines if str(line.get("sequence")) == number), None)


def _id(held: Mapping[str, Any]) -> str:
    """The id of an order or a line, as a path takes it."""
    said = str(held.get("id") or "")
    if not _ID.fullmatch(said):
        raise Refused(f"{said[:60]!r} is no id of Business Central", status="id")
    return quoted(said)[1:]
