"""A clerk at a screen of the ERP: what the tests and the seed do there by hand, over the ERP's own JSON-RPC.

    clerk = Desk(url, "books", "admin", password)
    clerk("sale.sale", "quote", [7])

It knows nothing of Crossdock and shares no code with its connector: it is the other witness.
"""

import base64
import json
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

_PATIENCE_S: Final = 60


class Refused(Exception):
    """The ERP said no: its class of error, and its words."""


class Desk:
    """One user's session."""

    def __init__(self, url: str, database: str, user: str, password: str) -> None:
        self._url = f"{url}/{database}/rpc/"
        self._session = ""
        number, token = self._call("common.db.login", user, {"password": password}, "en")[:2]
        self._session = "Session " + base64.b64encode(f"{user}:{number}:{token}".encode()).decode()
        self._context: dict[str, Any] = {}
        self.look_around()

    def look_around(self) -> None:
        """Learn one's own company and groups again, after they were changed."""
        self._context = self("res.user", "get_preferences", True)

    def __call__(self, model: str, method: str, *arguments: Any, **context: Any) -> Any:
        """Call a method of a model. Raises ``Refused``."""
        return self._call(f"model.{model}.{method}", *arguments, {**self._context, **context})

    def wizard(self, name: str, method: str, *arguments: Any, **context: Any) -> Any:
        """Call a method of a wizard. Raises ``Refused``."""
        return self._call(f"wizard.{name}.{method}", *arguments, {**self._context, **context})

    def make(self, model: str, **values: Any) -> int:
        """The number of a new record."""
        [number] = self(model, "create", [values])
        return int(number)

    def find(self, model: str, *clauses: Any, most: int | None = None) -> list[int]:
        """The numbers of the records that these clauses describe, oldest first."""
        found: list[int] = self(model, "search", list(clauses), 0, most, [["id", "ASC"]])
        return found

    def one(self, model: str, number: int, *fields: str) -> dict[str, Any]:
        """These fields of a record. Times, dates and decimals are Python's."""
        [record] = self(model, "read", [number], list(fields))
        return _plain(record)

    def all(self, model: str, fields: Sequence[str], *clauses: Any) -> list[dict[str, Any]]:
        """These fields of the records that these clauses describe, oldest first."""
        found = self(model, "search_read", list(clauses), 0, None, [["id", "ASC"]], list(fields))
        return [_plain(record) for record in found]

    def _call(self, method: str, *parameters: Any) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": parameters}, default=_written).encode()
        headers = {"Content-Type": "application/json"}
        if self._session:
            headers["Authorization"] = self._session
        request = urllib.request.Request(self._url, body, headers)
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
            said = json.load(answer)
        if "error" in said:
            raise Refused(f"{method}: {said['error'][0]}: {said['error'][1:]}")
        return said["result"]


def _written(value: Any) -> dict[str, Any]:
    match value:
        case datetime():
            time = {"hour": value.hour, "minute": value.minute, "second": value.second}
            day = {"year": value.year, "month": value.month, "day": value.day}
            return {"__class__": "datetime", **day, **time, "microsecond": value.microsecond}
        case date():
            return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
    raise TypeError(f"{value!r} is nothing that the ERP keeps")


def _plain(value: Any) -> Any:
    match value:
        case {"__class__": "Decimal"}:
            return Decimal(value["decimal"])
        case {"__class__": "date"}:
            return date(value["year"], value["month"], value["day"])
        case {"__class__": "datetime"}:
            return datetime(*(value[part] for part in _PARTS))  # noqa: DTZ001  the ERP's times are bare UTC
        case Mapping():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
    return value


_PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")
