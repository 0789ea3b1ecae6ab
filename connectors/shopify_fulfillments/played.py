"""Shopify's fulfillments, played for the conformance kit: each stands in an order of its own."""

from datetime import UTC, datetime


def record(number: int, at: datetime, changed: int) -> bytes:
    """A fulfillment, in spaces that nobody else would write."""
    moment = at.astimezone(UTC).isoformat(timespec="seconds")
    spaces = " " * changed
    return (
        f'{{{spaces} "id" : 9100{number:04d} ,"order_id": 5551234500001,  "status":"success","shipment_status" : null'
        f' ,"created_at": "{moment}","updated_at" :"{moment}" }}'
    ).encode()


def wrapped(body: bytes) -> bytes:
    """The order that the fulfillment stands in."""
    return b'{"id": 5551234500001, "fulfillments": [' + body + b"]}"
