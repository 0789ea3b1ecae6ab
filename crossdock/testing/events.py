"""Canonical events as the walk makes them: for whoever tests what reads the feed or receives a webhook."""

import json
from importlib.resources import files
from typing import Any

from canonical.events import EVENT_SCHEMA
from crossdock.messages import derived_id


def example_event(
    number: int, *, tenant: str = "main", order: str | None = None, **data: Any
) -> dict[str, Any]:
    """A valid exception event, always the same for a number. ``order``: of this order, else of one of its own;
    ``data``: what is different in its data."""
    *_, name, version = EVENT_SCHEMA.split(":")
    examples = files("canonical") / "schemas" / name / version / "examples" / "valid"
    document: dict[str, Any] = json.loads((examples / "855-backorder.json").read_text("utf-8"))
    order = order or str(4500000000 + number)
    document |= {
        "id": str(derived_id("example-event", tenant, str(number))),
        "source": f"/{tenant}/supplier_edi",
        "tenantid": tenant,
        "subject": f"supplier_po/{order}/line/2",
        "partitionkey": f"{tenant}|supplier_po:{order}@{tenant}",
    }
    document["data"].update(data)
    return document
