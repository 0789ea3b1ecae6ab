"""The distributor's ERP: it keeps orders, holds, and every effect that somebody had on an order.

    GET  /api/order-holds?since=&limit=&cursor=          what is held, oldest change first
    POST /api/{kind}/{number}/{notes|holds|releases|date-changes} one effect, with Idempotency-Key
    GET  /api/effects?key=                               what a key did
    GET  /api/{kind}/{number}                            an order with what happened to it

``kind`` is purchase-orders, sales-orders or shipments. ``/_control`` is the hand behind the curtain: it makes
the system fail, and shows its own records. Effects are on disk before they are answered.
"""

import base64
import binascii
import hmac
import json
import re
import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from deploy.sandbox.alone import run_alone
from deploy.sandbox.faults import Fault, Faults
from deploy.sandbox.http_server import Answer, Hang, HttpServer, Reply, Request, Reset
from deploy.sandbox.journal import Entry, Journal

KINDS: Final = ("purchase-orders", "sales-orders", "shipments")
WRITES: Final = {"notes": "N", "holds": "H", "releases": "R", "date-changes": "D"}
OPERATIONS: Final = frozenset({*WRITES, "order-holds", "effects", "orders"})
MODES: Final = frozenset({"reset_before_commit", "reset_after_commit", "hang", "429", "500", "html"})
REASON_CODES: Final = frozenset({"CREDIT_LIMIT", "TERMS", "EXPORT", "ADDRESS", "MANUAL"})
MOST_RECORDS: Final = 500
HTML: Final = (
    b"<!doctype html><html><body><h1>Scheduled maintenance</h1><p>Please come back later.</p></body></html>"
)

_WRITE_PATH = re.compile(rf"/api/({'|'.join(KINDS)})/([A-Za-z0-9._-]{{1,60}})/({'|'.join(WRITES)})")
_ORDER_PATH = re.compile(rf"/api/({'|'.join(KINDS)})/([A-Za-z0-9._-]{{1,60}})")


class _No(Exception):
    """The ERP says no: a status and a sentence."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.answer = _json(status, {"error": sentence}, headers)


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status=status, body=json.dumps(value, ensure_ascii=False).encode(), headers=headers or {})


class Erp:
    """The ERP as a running server. What it keeps lies in ``home`` and is read again by the next one."""

    def __init__(self, home: Path, *, port: int = 0, token: str | None = None) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self.faults = Faults(operations=OPERATIONS, modes=MODES)
        self.honours_keys = True
        self.only_known_orders = False
        self._lock = threading.RLock()
        self._effects = Journal(home / "effects.jsonl")
        self._orders = Journal(home / "orders.jsonl")
        self._hold_versions = Journal(home / "order-holds.jsonl")
        self._requests = Journal(home / "requests.jsonl", sync=False)
        self._by_key: dict[str, list[Entry]] = {}
        self._count = dict.fromkeys(WRITES, 0)
        for effect in self._effects:
            self._remember(effect)
        self._known = {(order["kind"], order["number"]): order for order in self._orders}
        self._held = {hold["hold_id"]: hold for hold in self._hold_versions}
        self._server = HttpServer(self.answer, port=port)
        self.url = self._server.url
        self.port = self._server.port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        for journal in (self._effects, self._orders, self._hold_versions, self._requests):
            journal.close()

    # ── its own records ──────────────────────────────────────────────────────────────────────────────────────

    def effects(self) -> list[Entry]:
        """Every effect that was ever committed, in order: id, operation, kind, order, key, body, path, at."""
        return list(self._effects)

    def requests(self) -> list[Entry]:
        """Every call of the product's API: method, path, key, what came of it."""
        return list(self._requests)

    def add_hold(self, record: Mapping[str, Any]) -> Entry:
        """Hold an order, or change the record of one that is held (same ``hold_id``)."""
        now = _text(datetime.now(UTC))
        hold = {
            "customer": {"id": "C-1", "name": "Counter sale", "tier": "C"},
            "reason_code": "MANUAL",
            "reason": "",
            "amount": "0.00",
            "currency": "USD",
            "placed_at": now,
            "updated_at": now,
            "state": "held",
            "lines": [],
            **record,
        }
        if not hold.get("hold_id") or not hold.get("sales_order"):
            raise ValueError("a hold needs a hold_id and a sales_order")
        if hold["reason_code"] not in REASON_CODES:
            raise ValueError(
                f"reason_code {hold['reason_code']!r} is none of {', '.join(sorted(REASON_CODES))}"
            )
        _moment(hold["updated_at"])
        with self._lock:
            self._hold_versions.append(hold)
            self._held[hold["hold_id"]] = hold
        return hold

    def add_order(self, order: Mapping[str, Any]) -> None:
        """Enter an order: ``kind``, ``number`` and whatever else is known of it."""
        if order.get("kind") not in KINDS or not order.get("number"):
            raise ValueError(f"an order needs a number and a kind of {', '.join(KINDS)}")
        with self._lock:
            if self._known.get((order["kind"], order["number"])) != dict(order):
                self._orders.append(dict(order))
                self._known[order["kind"], order["number"]] = dict(order)

    # ── what it answers ──────────────────────────────────────────────────────────────────────────────────────

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/_control/"):
            return self._control(request)
        note: Entry = {
            "at": _text(request.at),
            "method": request.method,
            "path": request.path,
            "key": request.headers.get("idempotency-key"),
        }
        try:
            reply = self._api(request, note)
        except _No as no:
            reply = no.answer
        match reply:
            case Answer():
                note["answer"] = reply.status
            case Reset() | Hang():
                note["answer"] = None
        self._requests.append(note)
        return reply

    def _api(self, request: Request, note: Entry) -> Reply:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            raise _No(401, "a bearer token is needed, and not this one", **{"WWW-Authenticate": "Bearer"})
        if write := _WRITE_PATH.fullmatch(request.path):
            kind, number, operation = write.groups()
            _only(request, "POST")
            fault = self._meet(operation, note)
            if fault is not None and not fault.commits:
                return _failure(fault)
            answer = self._write(kind, number, operation, request)
            note["committed"] = answer.status == 201
            return answer if fault is None else _failure(fault)
        if request.path == "/api/order-holds":
            operation, read = "order-holds", self._order_holds
        elif request.path == "/api/effects":
            operation, read = "effects", self._effects_of
        elif _ORDER_PATH.fullmatch(request.path):
            operation, read = "orders", self._order
        else:
            raise _No(404, f"there is nothing at {request.path}")
        _only(request, "GET")
        fault = self._meet(operation, note)
        return read(request) if fault is None else _failure(fault)

    def _meet(self, operation: str, note: Entry) -> Fault | None:
        fault = self.faults.take(operation)
        if fault is not None:
            note["fault"] = fault.mode
        return fault

    def _write(self, kind: str, number: str, operation: str, request: Request) -> Answer:
        key = request.headers.get("idempotency-key", "")
        if not 1 <= len(key) <= 255:
            raise _No(400, "a write needs an Idempotency-Key of 1 to 255 characters")
        body = _checked_body(operation, request)
        with self._lock:
            if self.only_known_orders and (kind, number) not in self._known:
                raise _No(404, f"there is no order {number} among the {kind}")
            if operation == "releases":
                self._require_hold(kind, number, body["releases"])
            if self.honours_keys and (before := self._by_key.get(key)):
                if before[0]["path"] == request.path and before[0]["body"] == body:
                    return _json(200, _receipt(before[0]))
                raise _No(422, f"the key {key} was used for something else")
            effect: Entry = {
                "id": f"{WRITES[operation]}-{self._count[operation] + 1}",
                "operation": operation,
                "kind": kind,
                "order": number,
                "key": key,
                "body": body,
                "path": request.path,
                "at": _text(request.at),
            }
            self._effects.append(effect)
            self._remember(effect)
        return _json(201, _receipt(effect))

    def _require_hold(self, kind: str, number: str, key: str) -> None:
        """What is released was held: on this order, by this key."""
        held = [one for one in self._by_key.get(key, []) if one["operation"] == "holds"]
        if not any((one["kind"], one["order"]) == (kind, number) for one in held):
            raise _No(422, f"there is no hold on {number} by the key {key}")

    def _remember(self, effect: Entry) -> None:
        self._by_key.setdefault(effect["key"], []).append(effect)
        self._count[effect["operation"]] += 1

    def _effects_of(self, request: Request) -> Answer:
        if not (key := request.query.get("key", "")):
            raise _No(400, "say which key: /api/effects?key=...")
        with self._lock:
            return _json(200, {"effects": list(self._by_key.get(key, []))})

    def _order(self, request: Request) -> Answer:
        kind, number = request.path.split("/")[2:]
        with self._lock:
            mine = [effect for effect in self._effects if (effect["kind"], effect["order"]) == (kind, number)]
            known = self._known.get((kind, number))
            if known is None and (self.only_known_orders or not mine):
                raise _No(404, f"there is no order {number} among the {kind}")
            dates = {e["body"]["line"]: e["body"]["date"] for e in mine if e["operation"] == "date-changes"}
            order = known or {"kind": kind, "number": number}
            return _json(200, {**order, "promised": dates, "effects": mine})

    def _order_holds(self, request: Request) -> Answer:
        try:
            since = _moment(request.query["since"]) if "since" in request.query else None
            limit = int(request.query.get("limit", "100"))
            after = _from_cursor(request.query["cursor"]) if "cursor" in request.query else None
        except (ValueError, binascii.Error) as error:
            raise _No(400, f"since, limit or cursor is not understood: {error}") from None
        if not 1 <= limit <= MOST_RECORDS:
            raise _No(400, f"limit goes from 1 to {MOST_RECORDS}")
        with self._lock:
            held = sorted(self._held.values(), key=_place)
        found = [
            hold
            for hold in held
            if (since is None or _moment(hold["updated_at"]) >= since)
            and (after is None or _place(hold) > after)
        ]
        path = None
        if len(found) > limit:
            found = found[:limit]
            asked = f"&since={request.query['since'].replace('+', '%2B')}" if since is not None else ""
            path = f"/api/order-holds?limit={limit}{asked}&cursor={_to_cursor(_place(found[-1]))}"
        return _json(200, {"records": found, "next": path})

    # ── the hand behind the curtain ──────────────────────────────────────────────────────────────────────────

    def _control(self, request: Request) -> Answer:
        try:
            match request.method, request.path.removeprefix("/_control/"):
                case "GET", "effects":
                    return _json(200, {"effects": self.effects()})
                case "GET", "requests":
                    return _json(200, {"requests": self.requests()})
                case "POST", "mode":
                    self.faults.tell(_object(request))
                case "POST", "idempotency":
                    self.honours_keys = bool(_object(request)["honour"])
                case "POST", "holds":
                    return _json(201, self.add_hold(_object(request)))
                case "POST", "orders":
                    order = _object(request)
                    self.only_known_orders = bool(order.pop("only_known", self.only_known_orders))
                    if order:
                        self.add_order(order)
                case _:
                    return _json(404, {"error": f"no control at {request.method} {request.path}"})
        except (ValueError, KeyError) as error:
            return _json(400, {"error": str(error)})
        return _json(200, {"ok": True})


def _failure(fault: Fault) -> Reply:
    match fault.mode:
        case "reset_before_commit" | "reset_after_commit":
            return Reset()
        case "hang":
            return Hang(fault.seconds)
        case "429":
            return _json(429, {"error": "too many calls"}, {"Retry-After": fault.retry_after})
        case "500":
            return _json(500, {"error": "the application server failed"})
        case "html":
            return Answer(status=200, body=HTML, media_type="text/html; charset=utf-8")
        case mode:
            raise AssertionError(f"mode {mode} was let in and cannot be done")


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise _No(405, f"{request.path} takes {method}", Allow=method)


def _object(request: Request) -> dict[str, Any]:
    value = json.loads(request.body)
    if not isinstance(value, dict):
        raise ValueError("send one JSON object")
    return value


def _checked_body(operation: str, request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _No(415, "send application/json")
    try:
        body = _object(request)
    except ValueError as error:
        raise _No(400, f"the body is no JSON object: {error}") from None
    needs = {
        "notes": ("text",),
        "holds": ("reason",),
        "releases": ("reason", "releases"),
        "date-changes": ("line", "date"),
    }[operation]
    for name in needs:
        if not isinstance(body.get(name), str) or not body[name].strip():
            raise _No(422, f"{name} is needed, as a text")
    if operation == "date-changes":
        try:
            date.fromisoformat(body["date"])
        except ValueError:
            raise _No(422, f"date {body['date']!r} is no day, write 2026-12-04") from None
    return body


def _receipt(effect: Entry) -> Entry:
    return {"id": effect["id"], "key": effect["key"], "order": effect["order"]}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text!r} has no zone")
    return moment.astimezone(UTC)


def _place(hold: Entry) -> tuple[datetime, str]:
    return _moment(hold["updated_at"]), hold["hold_id"]


def _to_cursor(place: tuple[datetime, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([place[0].isoformat(), place[1]]).encode()).decode()


def _from_cursor(cursor: str) -> tuple[datetime, str]:
    value = json.loads(base64.urlsafe_b64decode(cursor))
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)):
        raise ValueError("the cursor is not one of ours")
    return _moment(value[0]), value[1]


if __name__ == "__main__":
    run_alone(
        "the ERP over HTTP",
        lambda asked: Erp(asked.home, port=asked.port, token=asked.password),
        lambda erp: {"url": erp.url, "token": erp.token},
    )
