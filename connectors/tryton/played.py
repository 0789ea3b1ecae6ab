"""Tryton, played for the conformance kit as something that is read: it judges the clauses with which the records are
walked, orders and cuts. The connector's own condition lets every record in; a live Tryton judges that one."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.tryton.values import moment_of, of_moment
from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.lying_http import Request, Said

SAMPLE = json.loads((Path(__file__).parent / "samples/sales-orders.json").read_bytes())[0]


def record(number: int, at: datetime, changed: int) -> bytes:
    """The first order of the sample, of another number and moment."""
    made = {**SAMPLE, "id": int(f"9100{number:04d}"), "reference": f"again{'.' * changed}"}
    made["write_date"] = of_moment(at)
    return json.dumps(made, separators=("  ,", " : ")).encode()


def answer(request: Request, system: HttpPlay) -> Said | None:
    """The records that a search asks for."""
    split = urlsplit(request.path)
    if request.method != "GET" or "/rest/model/" not in split.path:
        return None
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    _own, *clauses = _plain(query["d"])
    names = [name for name, _ in _plain(query["o"])]
    rows = [(json.loads(thing.body), thing.body) for thing in system.held]
    rows.sort(key=lambda row: [_value(row[0].get(name)) for name in names])
    walked = [body for row, body in rows if all(_fits(row, one) for one in clauses)]
    size = int(query["s"])
    if system.circle:
        walked = [body for _, body in rows]  # whatever it is asked
    elif system.repeat_page and len(walked) < len(rows):
        system.repeat_page = 0
        before = len(rows) - len(walked)
        walked = [body for _, body in rows][max(0, before - size) :]
        size += 1
    return Said(status=200, body=b"[" + b", ".join(walked[:size]) + b"]")


def _plain(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text))


def _fits(row: dict[str, Any], clause: Any) -> bool:
    match clause:
        case ["OR", *some]:
            return any(_fits(row, one) for one in some)
        case [str(name), str(operator), value]:
            held, wanted = _value(row.get(name)), _value(value)
            return {"=": held == wanted, ">": held > wanted, ">=": held >= wanted}[operator]
        case [*every]:
            return all(_fits(row, one) for one in every)
    raise ValueError(f"{clause!r} is no clause that a walk asks with")


def _value(value: Any) -> Any:
    return moment_of(value).astimezone(UTC) if isinstance(value, dict) else value
