"""What may be set for a watched folder."""

from crossdock.kit.file_settings import FileSettings, InboxSettings
from crossdock.manifests import typed
from crossdock.ports import Manifest

__all__ = ["FileSettings", "InboxSettings", "check"]


def check(manifest: Manifest) -> None:
    """Called when connectors are listed. Raises ``Misconfigured`` with file and line."""
    typed(FileSettings, manifest, "source")
    typed(InboxSettings, manifest, "sink")
