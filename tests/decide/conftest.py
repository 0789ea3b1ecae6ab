"""Tables and events for the tests of the rules."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crossdock.decide.router import Router

TARGETS = {"erp": ("note", "hold", "change_date"), "supplier_edi": ("997",)}
QUEUES = '[queues]\ntriage = "the rest"\nsupply = "supply"\ncredit = "credit"\n'
DEFAULT = """
[[rule]]
id = "default"
queue = "triage"
owner = "integration"
priority = 60
because = "nobody has a row for {code}"
"""


def row(
    id: str, when: str, *, actions: str = "[]", because: str = "{code} of {partner}", more: str = ""
) -> str:
    """One row of a table as text."""
    return (
        f'\n[[rule]]\nid = "{id}"\nwhen = {{ {when} }}\nqueue = "supply"\nowner = "planning"\npriority = 30\n'
        f"actions = {actions}\nbecause = '{because}'\n{more}"
    )


def an_event(code: str = "INV.BACKORDER", **data: Any) -> dict[str, Any]:
    """A sealed event with what the rules look at."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, repr((code, data)))),
        "data": {
            "code": code,
            "kind": "fact",
            "severity": "S2",
            "title": "a trouble",
            "refs": [{"kind": "supplier_po", "value": "4500123456", "issuer": "main"}],
            "classification": {"method": "code-map"},
            "provenance": {"connector": "supplier_edi", "mapping": "x12_855"},
            **data,
        },
    }


def backorder(
    affected: str = "40",
    ordered: str = "100",
    partner: str = "acme_supply",
    value: str = "124",
    date: str = "",
) -> dict[str, Any]:
    """A backorder of a line, with a promised date or without."""
    data: dict[str, Any] = {
        "lines": [
            {
                "line_ref": "2",
                "ordered": {"value": ordered, "uom": "EA"},
                "affected": {"value": affected, "uom": "EA"},
            }
        ],
        "value_at_risk": {"amount": value, "currency": "USD"},
        "ext": {"partner": partner},
    }
    if date:
        data["variances"] = [
            {
                "attribute": "date",
                "expected": {"value": "2026-11-27", "precision": "date"},
                "actual": {"value": date, "precision": "date"},
            }
        ]
    return an_event(**data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of rules with its queues and no table yet."""
    (tmp_path / "queues.toml").write_text(QUEUES, encoding="utf-8")
    return tmp_path


@pytest.fixture
def router(folder: Path) -> Callable[[str], Router]:
    """A router over a table that is given as text."""

    def make(text: str) -> Router:
        (folder / "main.toml").write_text(text, encoding="utf-8")
        return Router.load(folder, targets=TARGETS)

    return make
