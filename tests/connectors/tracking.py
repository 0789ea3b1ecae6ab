"""What the tests of the carriers' tracking share: shipped goods, and the carrier's server made from its contract."""

import functools
import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from canonical.events import Fact, Origin, Party, Seal
from crossdock import clocks
from crossdock.hub import Hub
from crossdock.messages import NAMESPACE
from crossdock.store import casebook
from crossdock.testing.openapi.contract import Contract

TENANT: Final = "main"
CONTRACTS: Final = Path(__file__).resolve().parents[3] / "shared/corpus/contracts"


def contract(name: str) -> Contract:
    """A carrier's published contract, or a skip that says what was not tested."""
    path = CONTRACTS / name
    if not path.is_file():
        pytest.skip(
            f"{name} is not at ../shared/corpus: the connector was not run against the carrier's contract"
        )
    return _loaded(path)


_loaded = functools.cache(Contract.load)


def connection(monkeypatch: pytest.MonkeyPatch, name: str, url: str, **fields: Any) -> None:
    """The connection of a connector, as the environment gives it."""
    monkeypatch.setenv(
        f"AIRFLOW_CONN_{name.upper()}", json.dumps({"conn_type": "crossdock_rest", "host": url, **fields})
    )


def state(
    hub: Hub,
    kind: str,
    numbers: Iterable[str],
    *,
    scac: str = "",
    purpose: str = "",
    at: datetime | None = None,
) -> None:
    """A fact about each of these tracking numbers, as a ship notice of the supplier would have stated it."""
    at = at or hub.clock.now()
    carrier: Party = {"role": "carrier", "ids": [{"scheme": "scac", "value": scac}]}
    raw_id = uuid.uuid4()
    origin = Origin(
        tenant=TENANT,
        source="supplier_edi",
        connector_version="1",
        mapping="x12_856",
        mapping_version="1",
        raw_id=str(raw_id),
        raw_sha256="0" * 64,
        received_at=at.isoformat(),
        recorded_at=at.isoformat(),
    )
    sealing = Seal(origin, namespace=NAMESPACE, part="0")
    rows = []
    for index, number in enumerate(numbers):
        fact = Fact(
            kind=kind,
            refs=[{"kind": "asn", "value": f"A-{number}"}, {"kind": "tracking", "value": number}],
            place={},
            parties=[carrier] if scac else [],
            attributes={"purpose": purpose} if purpose else {},
        )
        document = sealing.put(fact, index)
        rows.append(
            {
                "tenant": TENANT,
                "id": document["id"],
                "raw_id": raw_id,
                "part": 0,
                "kind": kind,
                "subject": document["subject"],
                "document": document,
                "recorded_at": at,
                "refs": clocks.words(document),
            }
        )
    with hub.store.transaction(TENANT) as transaction:
        casebook.add_facts(transaction, rows)


def ship(hub: Hub, *numbers: str, scac: str = "", purpose: str = "", at: datetime | None = None) -> None:
    """Goods that left under these tracking numbers."""
    state(hub, "shipped", numbers, scac=scac, purpose=purpose, at=at)
