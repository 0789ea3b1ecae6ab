"""What may be set for the CRM's connector."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """``[sink.settings]``. ``path`` is that of the object, ``external_id`` its unique field for our id."""

    path: str = "/services/data/v62.0/sobjects/Case"
    external_id: str = "Crossdock_Id__c"
    origin: str = "Crossdock"
    deadline_s: float = 60.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", self.path):
            raise ValueError(f"path {self.path!r} must start with / and hold plain names")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,79}", self.external_id):
            raise ValueError(f"external_id {self.external_id!r} is no name of a field")
        if self.deadline_s <= 0 or self.connect_s <= 0:
            raise ValueError("deadline_s and connect_s must be above 0")


SETTINGS = {"sink": SinkSettings}
