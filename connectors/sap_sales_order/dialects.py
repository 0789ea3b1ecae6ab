"""Where things stand in the two services for sales orders, and how they write a day.

Sources: API_SALES_ORDER_SRV (OData 2) and CE_SALESORDER_0001 (OData 4). What may be changed in both has the same
names.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol
from urllib.parse import quote

from crossdock.formats import odata


class Dialect(Protocol):
    """Paths under the service, quoted; bodies and days as the service takes them."""

    line_entity: str

    def order(self, number: str) -> str: ...

    def line(self, number: str, line: str) -> str:
        """What holds the requested date of one item."""
        ...

    def text(self, number: str, language: str, text_id: str) -> str: ...

    def texts(self, number: str) -> str: ...

    def day(self, day: date) -> str: ...

    def changed(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of a change of these fields."""
        ...


class Version2:
    """``A_SalesOrder('4711')``. The date of an item is its first schedule line's; a change is wrapped in ``d``."""

    line_entity = "schedule line 1 of item"

    def order(self, number: str) -> str:
        return f"/A_SalesOrder({_key(number)})"

    def line(self, number: str, line: str) -> str:
        return (
            f"/A_SalesOrderScheduleLine(SalesOrder={_key(number)},SalesOrderItem={_key(line)},"
            f"ScheduleLine={_key('1')})"
        )

    def text(self, number: str, language: str, text_id: str) -> str:
        return f"/A_SalesOrderText(SalesOrder={_key(number)},Language={_key(language)},LongTextID={_key(text_id)})"

    def texts(self, number: str) -> str:
        return f"{self.order(number)}/to_Text"

    def day(self, day: date) -> str:
        return odata.ticks_of(day)

    def changed(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"d": fields}


class Version4:
    """``SalesOrder/4711``, keys as segments. An item has a date of its own."""

    line_entity = "item"

    def order(self, number: str) -> str:
        return f"/SalesOrder/{quote(number, safe='')}"

    def line(self, number: str, line: str) -> str:
        return f"/SalesOrderItem/{quote(number, safe='')}/{quote(line, safe='')}"

    def text(self, number: str, language: str, text_id: str) -> str:
        return f"/SalesOrderText/{quote(number, safe='')}/{language}/{text_id}"

    def texts(self, number: str) -> str:
        return f"{self.order(number)}/_Text"

    def day(self, day: date) -> str:
        return day.isoformat()

    def changed(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return fields


DIALECTS: Mapping[str, Dialect] = {"v2": Version2(), "v4": Version4()}


def _key(value: str) -> str:
    return quote(odata.text(value), safe="'")
