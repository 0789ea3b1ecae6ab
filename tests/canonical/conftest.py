"""Statements as a mapping would make them, and the files that hold what became of them."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from canonical.events import ExceptionEvent, Fact, Origin, seal

HERE = Path(__file__).parent
NAMESPACE = uuid.UUID("6f1d5a7e-8b54-5a55-9d0c-c0552d0c4a11")
PART = "000000123/57/0001"

ORIGIN = Origin(
    tenant="acme",
    source="acme_sftp",
    connector_version="1.2.0",
    mapping="x12_855",
    mapping_version="7",
    raw_id="1c8f2a6e-3b61-5c1f-9b0e-7a5d2f0c4e11",
    raw_sha256="5e2bf57d3f40c4b6df69daf1936cb766f832374b4fc0259a7cbff06e2f70f269",
    received_at="2026-11-20T14:02:11Z",
    recorded_at="2026-11-20T14:02:13.412Z",
)

BACKORDER = ExceptionEvent(
    code="INV.BACKORDER",
    cause="out_of_stock",
    title="Supplier backordered 40 of 100 EA on PO 4500123456 line 2",
    detail="ACK01 IB on PO1 line 2: 60 ship now, 40 follow when stock comes.",
    refs=[
        {"kind": "supplier_po", "value": "4500123456", "issuer": "acme"},
        {"kind": "order_line", "value": "2"},
        {"kind": "transaction_set", "value": "855"},
    ],
    place={
        "x12": {
            "isa13": "000000123",
            "gs06": "57",
            "st01": "855",
            "st02": "0001",
            "segment_ordinal": 9,
            "segment_id": "ACK",
            "path": "PO1[2]/ACK[1]",
        }
    },
    occurred_at={"value": "2026-11-20", "precision": "date", "tz_source": "partner-default"},
    parties=[{"role": "seller", "ids": [{"scheme": "duns", "value": "123456789"}], "name": "Acme Supply"}],
    lines=[
        {
            "line_ref": "2",
            "item_ids": [{"kind": "item", "value": "00012345678905", "scheme": "gtin-14"}],
            "ordered": {"value": "100", "uom": "EA", "uom_source": "EA", "uom_scheme_source": "x12-355"},
            "affected": {"value": "40", "uom": "EA"},
            "unit_price": {"amount": "19.99", "currency": "USD", "currency_assumed": True},
        }
    ],
    variances=[
        {
            "attribute": "quantity",
            "expected": {"value": "100", "uom": "EA"},
            "actual": {"value": "60", "uom": "EA"},
            "delta": "-40",
        }
    ],
    source_codes=[{"scheme": "x12-668", "code": "IB", "text": "backordered", "mapped": True}],
    value_at_risk={"amount": "799.60", "currency": "USD"},
)

DELIVERED = Fact(
    kind="delivered",
    refs=[{"kind": "pro", "value": "774001"}, {"kind": "shipment", "value": "S-2291"}],
    place={"x12": {"segment_ordinal": 7, "segment_id": "AT7"}},
    occurred_at={"value": "2026-11-21T09:30:00-06:00", "precision": "second", "tz_source": "explicit"},
    attributes={"complete": "true"},
)


def read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


@pytest.fixture(scope="session")
def backorder() -> ExceptionEvent:
    return BACKORDER


@pytest.fixture(scope="session")
def delivered() -> Fact:
    return DELIVERED


@pytest.fixture(scope="session")
def origin() -> Origin:
    return ORIGIN


@pytest.fixture(scope="session")
def sealed() -> Callable[..., dict[str, Any]]:
    """Seals a statement as the hub does, and hands over a copy that a test may spoil."""

    def seal_it(statement: ExceptionEvent | Fact, origin: Origin = ORIGIN, **options: Any) -> dict[str, Any]:
        event = seal(statement, origin, namespace=NAMESPACE, part=PART, index=0, **options)
        return json.loads(json.dumps(event))

    return seal_it


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    return lambda name: read(HERE / "golden" / f"{name}.json")


@pytest.fixture(scope="session")
def next_version() -> Path:
    """Schemas as they may look one minor version later: 1.0 and one optional field, ``commit_at_risk``."""
    return HERE / "next_version"
