"""What may be set for sales orders in SAP S/4HANA."""

import re
from dataclasses import dataclass

DIALECTS = ("v2", "v4")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """``[sink.settings]``.

    ``service``: where the service lies; ``dialect``: which OData it speaks. ``client``: the SAP client, where the
    system has several. ``block``: the delivery block reason that a hold of ours sets, which nobody else should use.
    ``text_id`` and ``language``: the header text that notes are appended to. ``locked``: message class and number of
    the errors that say that somebody has the order open.
    """

    service: str
    dialect: str
    block: str
    text_id: str
    language: str = "EN"
    client: str = ""
    locked: tuple[str, ...]
    deadline_s: float = 60.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        if not self.service.startswith("/") or self.service.endswith("/"):
            raise ValueError(f"service {self.service!r} must start with / and not end with one")
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect {self.dialect!r} must be one of {', '.join(DIALECTS)}")
        for name, value, longest in (
            ("block", self.block, 2),
            ("text_id", self.text_id, 4),
            ("language", self.language, 2),
        ):
            if not re.fullmatch(rf"[A-Z0-9]{{1,{longest}}}", value):
                raise ValueError(f"{name} {value!r} must be 1 to {longest} of A-Z and 0-9")
        if self.client and not re.fullmatch(r"[0-9]{3}", self.client):
            raise ValueError(f"client {self.client!r} must be three digits")
        if self.deadline_s <= 0 or self.connect_s <= 0:
            raise ValueError("deadline_s and connect_s must be above 0")


SETTINGS = {"sink": SinkSettings}
