"""What may be set for a SOAP service that is polled."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapSettings:
    """``[source.settings]``. ``wsdl`` lies under the connector's folder; ``wsdl_sha256`` pins its bytes."""

    wsdl: str
    wsdl_sha256: str
    path: str
    page_size: int = 100
    max_pages: int = 50
    overlap_s: int = 21_600
    begin_at: str = "2000-01-01T00:00:00Z"
    deadline_s: float = 60.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path {self.path!r} must start with /")
        if len(self.wsdl_sha256) != 64 or set(self.wsdl_sha256) - set("0123456789abcdef"):
            raise ValueError("wsdl_sha256 must be 64 lower-case hex digits")
        if self.page_size < 1 or self.max_pages < 1 or self.overlap_s < 0:
            raise ValueError("page_size and max_pages must be above 0, overlap_s not below")
        if self.deadline_s <= 0 or self.connect_s <= 0:
            raise ValueError("deadline_s and connect_s must be above 0")
        if datetime.fromisoformat(self.begin_at).tzinfo is None:
            raise ValueError(f"begin_at {self.begin_at!r} lacks its zone; end it with Z")
