"""What may be set for the ERP's connector."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """``[sink.settings]``."""

    path_prefix: str = "/api"
    deadline_s: float = 60.0
    connect_s: float = 5.0
    max_retry_after_s: int = 86_400

    def __post_init__(self) -> None:
        if not self.path_prefix.startswith("/"):
            raise ValueError(f"path_prefix {self.path_prefix!r} must start with /")
        if self.deadline_s <= 0 or self.connect_s <= 0 or self.max_retry_after_s < 1:
            raise ValueError("deadline_s, connect_s and max_retry_after_s must be above 0")


SETTINGS = {"sink": SinkSettings}
