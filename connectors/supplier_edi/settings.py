"""What may be set for the supplier's SFTP connector."""

from dataclasses import dataclass
from typing import Literal

from crossdock.manifests import typed
from crossdock.ports import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """``[source.settings]``. Directories are the server's, absolute."""

    directory: str
    archive: str
    ready: Literal["stable", "marker", "either"] = "stable"
    stable_for_s: float = 30.0
    marker_suffix: str = ".done"
    max_file_mib: int = 50
    max_names: int = 50_000

    def __post_init__(self) -> None:
        for name in (self.directory, self.archive):
            if not name.startswith("/"):
                raise ValueError(f"directory {name!r} must start with /")
        if self.directory.rstrip("/") == self.archive.rstrip("/"):
            raise ValueError("the archive must be another directory than the one that is read")
        if not self.marker_suffix.startswith("."):
            raise ValueError("marker_suffix must start with a dot")
        if self.stable_for_s < 0 or self.max_file_mib < 1 or self.max_names < 1:
            raise ValueError("stable_for_s, max_file_mib and max_names must not be negative or zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """``[sink.settings]``."""

    directory: str
    suffix: str = ".edi"

    def __post_init__(self) -> None:
        if not self.directory.startswith("/"):
            raise ValueError(f"directory {self.directory!r} must start with /")


def check(manifest: Manifest) -> None:
    """Called when connectors are listed. Raises ``Misconfigured`` with file and line."""
    typed(SourceSettings, manifest, "source")
    typed(SinkSettings, manifest, "sink")
