"""What may be set for a system of which nothing else may: how long a call may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimes:
    """``[sink.settings]``, in seconds: ``deadline_s`` for a whole call, ``connect_s`` of it for the connection."""

    deadline_s: float = 60.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        if self.deadline_s <= 0 or self.connect_s <= 0:
            raise ValueError("deadline_s and connect_s must be above 0")
