"""A source in trouble, as an event: no document said it, so it stands on the message at which we met it."""

from datetime import datetime
from typing import Final

from canonical.events import ExceptionEvent
from crossdock.messages import RawMessage
from crossdock.normalize.part import origin_of, sealed
from crossdock.normalize.values import Document, Opened

_VERSION: Final = "1"


def source_degraded(
    message: RawMessage,
    *,
    title: str,
    detail: str,
    mapping: str,
    part: str,
    connector_version: str,
    now: datetime,
) -> Document:
    """``INT.SOURCE_DEGRADED`` about a message's source. ``mapping`` and ``part`` tell one occasion from another."""
    opened = Opened(
        message=message,
        raw_id=str(message.id),
        sha256=message.sha256,
        connector_version=connector_version,
        now=now,
    )
    trouble = ExceptionEvent(
        code="INT.SOURCE_DEGRADED",
        title=title,
        detail=detail,
        refs=[{"kind": "file", "value": message.name or message.key, "issuer": message.source}],
        place={},
        method="rule",
    )
    (document,) = sealed([trouble], origin_of(opened, mapping=mapping, mapping_version=_VERSION), part=part)
    return document
