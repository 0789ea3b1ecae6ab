"""Writes to the sales orders of SAP S/4HANA: notes, delivery blocks and requested dates, each on one version alone.

The version is the order's: SAP changes it with everything that belongs to the order, its texts and schedule lines
too. So what is changed is read first and the order after it: a change in between shows in the order's version.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from connectors.sap_sales_order.dialects import DIALECTS
from connectors.sap_sales_order.settings import SinkSettings
from crossdock.formats import json_strict, odata
from crossdock.kit.odata_target import Change, Held, No, ODataTarget, Plan, Stands
from crossdock.manifests import typed
from crossdock.messages import Outcome, Receipt, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.csrf import CsrfRest

_NUMBER: Final = re.compile(r"[0-9A-Z]{1,10}")
_LINE: Final = re.compile(r"[0-9]{1,6}")


def connect(manifest: Manifest, login: Login, clock: Clock) -> "SalesOrders":
    """The sink of this connector, not yet opened."""
    return SalesOrders(manifest, login, clock)


class SalesOrders:
    """The sales orders of an SAP system, as something that can be written to. Safe to share between threads."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        self._settings = settings = typed(SinkSettings, manifest, "sink")
        self._dialect = DIALECTS[settings.dialect]
        headers = {"sap-client": settings.client} if settings.client else {}
        wire = CsrfRest(
            login,
            token_path=f"{settings.service}/",
            headers=headers,
            deadline_s=settings.deadline_s,
            connect_s=settings.connect_s,
        )
        self._target = ODataTarget(
            login, clock, title="SAP", wire=wire, headers=headers, locked=settings.locked
        )
        self._operations: Mapping[str, Callable[[str, Mapping[str, Any], WriteBack], Plan]] = {
            "note": self._note,
            "hold": self._hold,
            "release": self._release,
            "change_date": self._change_date,
        }

    def version(self, write_back: WriteBack) -> str:
        """The version of the order; empty when there is none, which ``deliver`` then says."""
        number = _number(write_back)
        held = self._order(number) if number else None
        return held.etag if held else ""

    def deliver(self, write_back: WriteBack) -> Outcome:
        """At most one change, on the version that was read before the first attempt."""
        return self._target.deliver(write_back, self._planned)

    def find(self, write_back: WriteBack) -> Receipt | None:
        """What proves that the order stands as it was wanted."""
        return self._target.find(write_back, self._planned)

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The change that ``deliver`` would make now."""
        return self._target.preview(write_back, self._planned)

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, read the service's own list of what it holds."""
        yield from self._target.wire.check(f"{self._settings.service}/", query={"$format": "json"})

    def close(self) -> None:
        self._target.close()

    # -- what is to be done -------------------------------------------------------------------------------

    def _planned(self, write_back: WriteBack) -> Plan:
        number = _number(write_back)
        plan = self._operations.get(write_back.operation)
        if plan is None:
            return No(reason=f"SAP's orders know no operation {write_back.operation!r}", status="operation")
        if not number:
            return No(reason=f"{write_back.subject!r} is no sales order of SAP", status="subject")
        wanted = json_strict.loads(write_back.body)
        if not isinstance(wanted, dict):
            return No(reason="the body of the write-back is no object", status="body")
        return plan(number, wanted, write_back)

    def _note(self, number: str, wanted: Mapping[str, Any], write_back: WriteBack) -> Plan:
        """Append to the header text; the mark in front of a note tells it from all others."""
        settings, mark = self._settings, f"[{write_back.idempotency_key.replace('-', '')[:12]}]"
        path = self._dialect.text(number, settings.language, settings.text_id)
        document = self._target.read(settings.service + path)
        text = None if document is None else str(odata.entity(document).get("LongText") or "")
        order = self._order(number)
        if order is None:
            return _nothing(number)
        if text is not None and mark in text:
            return Stands(reference=f"{number}/{settings.text_id}", evidence={"mark": mark})
        note = f"{mark} {wanted.get('text', '')}"
        if text is None:
            fields = {"Language": settings.language, "LongTextID": settings.text_id, "LongText": note}
            path = self._dialect.texts(number)
            return Change(method="POST", path=settings.service + path, body=fields, etag=order.etag)
        appended = {"LongText": f"{text}\n{note}" if text else note}
        return self._patch(path, appended, order)

    def _hold(self, number: str, _wanted: Mapping[str, Any], _write_back: WriteBack) -> Plan:
        order, block = self._order(number), self._settings.block
        if order is None:
            return _nothing(number)
        held = str(order.fields.get("DeliveryBlockReason") or "")
        if held == block:
            return Stands(reference=f"{number}/{block}", evidence={"block": block})
        if held:
            return No(
                reason=f"order {number} has delivery block {held} already, and has room for one: it stays, and holds "
                "only until somebody takes it off for a reason of their own"
            )
        return self._patch(self._dialect.order(number), {"DeliveryBlockReason": block}, order)

    def _release(self, number: str, _wanted: Mapping[str, Any], _write_back: WriteBack) -> Plan:
        order, block = self._order(number), self._settings.block
        if order is None:
            return _nothing(number)
        held = str(order.fields.get("DeliveryBlockReason") or "")
        if not held:
            return Stands(reference=number, evidence={"block": ""})
        if held != block:
            return No(
                reason=f"order {number} has delivery block {held}, which is not ours ({block}) to take off"
            )
        return self._patch(self._dialect.order(number), {"DeliveryBlockReason": ""}, order)

    def _change_date(self, number: str, wanted: Mapping[str, Any], _write_back: WriteBack) -> Plan:
        """The date of an item. The header's own date is a proposal for new items alone."""
        line, settings = str(wanted.get("line", "")), self._settings
        if not _LINE.fullmatch(line):
            return No(reason=f"{line!r} is no item of a sales order", status="line")
        day = date.fromisoformat(str(wanted.get("date", "")))
        path = self._dialect.line(number, line.lstrip("0") or line)
        document = self._target.read(settings.service + path)
        order = self._order(number)
        if order is None:
            return _nothing(number)
        if document is None:
            return No(reason=f"order {number} has no {self._dialect.line_entity} {line}", status="404")
        if odata.day(odata.entity(document).get("RequestedDeliveryDate")) == day:
            return Stands(reference=f"{number}/{line}", evidence={"date": day.isoformat()})
        return self._patch(path, {"RequestedDeliveryDate": self._dialect.day(day)}, order)

    def _order(self, number: str) -> Held | None:
        return self._target.held(self._settings.service + self._dialect.order(number))

    def _patch(self, path: str, fields: Mapping[str, Any], order: Held) -> Change:
        body = self._dialect.changed(fields)
        return Change(method="PATCH", path=self._settings.service + path, body=body, etag=order.etag)


def _number(write_back: WriteBack) -> str:
    """The number of the order, without the zeros that SAP keeps before it; empty for a subject that is none."""
    kind, _, number = write_back.subject.partition("/")
    if kind != "sales_order" or not _NUMBER.fullmatch(number):
        return ""
    return number.lstrip("0") or number if number.isdigit() else number


def _nothing(number: str) -> No:
    return No(reason=f"SAP has no sales order {number}, or does not show it to this user", status="404")
