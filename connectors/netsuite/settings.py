"""What may be set for NetSuite over SuiteTalk SOAP."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """``[sink.settings]``. ``wsdl`` lies beside the connector.toml, pinned; ``release`` is its version."""

    wsdl: str
    wsdl_sha256: str
    release: str
    deadline_s: float = 60.0
    connect_s: float = 5.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"20[0-9]{2}_[12]", self.release):
            raise ValueError(f"release {self.release!r} must be as 2023_2")
        if self.wsdl_sha256 and not re.fullmatch(r"[0-9a-f]{64}", self.wsdl_sha256):
            raise ValueError("wsdl_sha256 must be 64 lower-case hex digits")
        if self.deadline_s <= 0 or self.connect_s <= 0:
            raise ValueError("deadline_s and connect_s must be above 0")

    @property
    def path(self) -> str:
        """Where the service of this release lies."""
        return f"/services/NetSuitePort_{self.release}"

    def namespace(self, name: str, part: str = "platform") -> str:
        """One of the contract's namespaces: ``messages`` of the platform, ``communication`` of the general part."""
        return f"urn:{name}_{self.release}.{part}.webservices.netsuite.com"


SETTINGS = {"sink": SinkSettings}
