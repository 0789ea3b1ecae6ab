"""What may be set for a read of Tryton, and for writing to it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

MODELS = ("sale.sale", "stock.shipment.out", "stock.move", "purchase.purchase")
TODAY = "{today}"
"""In a domain: the day that has begun everywhere; every day before it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """``[source.settings]``. ``domain``: which records, as Tryton's own JSON. ``begin_at``: where the first poll for
    changes starts, RFC 3339."""

    model: str
    fields: tuple[str, ...]
    walk: Literal["changes", "condition"] = "changes"
    domain: str = "[]"
    page_size: int = 100
    most_pages: int = 200
    overlap_s: int = 300
    begin_at: str = "2000-01-01T00:00:00Z"
    deadline_s: float = 30.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model {self.model!r} is none of {', '.join(MODELS)}")
        if not self.fields:
            raise ValueError("fields names no field; a record without any says nothing")
        self.clauses()
        if self.page_size < 1 or self.most_pages < 1 or self.overlap_s < 0:
            raise ValueError("page_size and most_pages must be above 0, overlap_s not below")
        if self.deadline_s <= 0 or self.connect_s <= 0:
            raise ValueError("deadline_s and connect_s must be above 0")
        if datetime.fromisoformat(self.begin_at).tzinfo is None:
            raise ValueError(f"begin_at {self.begin_at!r} lacks its zone; end it with Z")

    def clauses(self) -> list[Any]:
        """The domain as JSON values. Raises ``ValueError`` when it is none."""
        try:
            domain = json.loads(self.domain)
        except ValueError as error:
            raise ValueError(f"domain is no JSON: {error}") from error
        if not isinstance(domain, list):
            raise ValueError('domain must be a list of clauses, as \'[["state", "=", "waiting"]]\'')
        return domain


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """``[sink.settings]``."""

    deadline_s: float = 60.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        if self.deadline_s <= 0 or self.connect_s <= 0:
            raise ValueError("deadline_s and connect_s must be above 0")


SETTINGS = {"source": SourceSettings, "sink": SinkSettings}
