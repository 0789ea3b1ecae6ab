"""What may be set for NetSuite's tasks over REST."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """``[sink.settings]``."""

    deadline_s: float = 60.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        if self.deadline_s <= 0 or self.connect_s <= 0:
            raise ValueError("deadline_s and connect_s must be above 0")


SETTINGS = {"sink": SinkSettings}
