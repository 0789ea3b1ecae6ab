"""What documents of SAP S/4HANA have in common: how they are numbered and blocked."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from mappings.holds import Reason
from mappings.records import Fields

REMEDY: Final = (
    "compare the record with the service's own $metadata, correct the mapping, then replay this one"
)
DAY: Final = "day, as /Date(1492041600000)/ or 2026-12-04"
MOMENT: Final = "time, as /Date(1492098664000)/"

DONE: Final = "C"
"""A process status: completed."""

_BLOCKED: Final = ("B", "C")
_CREDIT_NOT_APPROVED: Final = ("B", "C")
_INCOMPLETE: Final = ("A", "B")


# -- why it waits -------------------------------------------------------------------------------------------------


@cache
def blocks() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """What the block reasons mean: ``delivery`` and ``billing``, each by SAP's code."""
    return tomllib.loads((files(__package__) / "sap_blocks.toml").read_text("utf-8"))


def block(kind: str, code: str, field: str) -> Iterator[Reason]:
    """The block that a code says; none for an empty one. A code of the company's own is a block all the same."""
    if not code:
        return
    row = blocks()[kind].get(code)
    said = f"{kind} block {code}"
    yield Reason(
        exception=row["exception"] if row else "ORD.HOLD",
        cause=row["cause"] if row else f"{kind}_block",
        because=f"{said}, {row['because']}" if row else said,
        scheme=f"sap-{kind}-block",
        code=code,
        field=field,
        known=row is not None,
        goods_move=kind == "billing",
    )


def blocked_in_part(kind: str, status: str, field: str) -> Iterator[Reason]:
    """The block of some items or schedule lines, which the header's own block reason does not show."""
    if status in _BLOCKED:
        yield Reason(
            exception="ORD.HOLD",
            cause="schedule_line_block" if kind == "delivery" else "billing_block",
            because="some of its items are blocked" + (" for the invoice" if kind == "billing" else ""),
            scheme="sap-block-status",
            code=status,
            field=field,
            goods_move=kind == "billing",
        )


def credit(status: str) -> Iterator[Reason]:
    """TotalCreditCheckStatus (CMGST): B not approved, C approved in part; A passed, D released by a person."""
    if status in _CREDIT_NOT_APPROVED:
        yield Reason(
            exception="CRD.HOLD",
            cause="credit_check",
            because="the credit check was not passed",
            scheme="sap-credit-status",
            code=status,
            field="TotalCreditCheckStatus",
        )


def incompletion(status: str, field: str, where: str) -> Iterator[Reason]:
    """An incompletion status (UVALL, UVALS): A and B say that data is missing."""
    if status in _INCOMPLETE:
        yield Reason(
            exception="ORD.HOLD",
            cause="incomplete",
            because=f"data is missing in {where}",
            scheme="sap-incompletion-status",
            code=status,
            field=field,
        )


def number_of(fields: Fields, name: str, *, needed: bool = True) -> str:
    """A document or customer number as people write it: SAP keeps ``0000004711`` for 4711."""
    said = fields.needed(name, 40) if needed else fields.text(name, 40)
    return said.lstrip("0") or said if said.isascii() and said.isdigit() else said
