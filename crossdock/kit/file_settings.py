"""What may be set for a connector that reads files from a directory, and for one that puts files into one.

A connector takes these as they are, or as the base of its own::

    SourceSettings = FileSettings
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """``[source.settings]``. Directories are those of the server, or below the folder of the connection; absolute.

    ``partner``: whose the files are, where they do not say it themselves (a list does not, X12 does).
    """

    directory: str
    archive: str
    ready: Literal["stable", "marker", "either"] = "stable"
    stable_for_s: float = 30.0
    marker_suffix: str = ".done"
    max_file_mib: int = 50
    max_names: int = 50_000
    partner: str = ""

    def __post_init__(self) -> None:
        for name in (self.directory, self.archive):
            _require_absolute(name)
        if self.directory.rstrip("/") == self.archive.rstrip("/"):
            raise ValueError("the archive must be another directory than the one that is read")
        if not self.marker_suffix.startswith("."):
            raise ValueError("marker_suffix must start with a dot")
        if self.stable_for_s < 0 or self.max_file_mib < 1 or self.max_names < 1:
            raise ValueError("stable_for_s, max_file_mib and max_names must not be negative or zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxSettings:
    """``[sink.settings]``."""

    directory: str
    suffix: str = ".edi"

    def __post_init__(self) -> None:
        _require_absolute(self.directory)


def _require_absolute(name: str) -> None:
    if not name.startswith("/"):
        raise ValueError(f"directory {name!r} must start with /")
