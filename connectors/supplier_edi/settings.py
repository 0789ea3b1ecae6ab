"""What may be set for the supplier's SFTP connector."""

from crossdock.kit.file_settings import FileSettings as SourceSettings
from crossdock.kit.file_settings import InboxSettings as SinkSettings
from crossdock.manifests import typed
from crossdock.ports import Manifest

__all__ = ["SinkSettings", "SourceSettings", "check"]


def check(manifest: Manifest) -> None:
    """Called when connectors are listed. Raises ``Misconfigured`` with file and line."""
    typed(SourceSettings, manifest, "source")
    typed(SinkSettings, manifest, "sink")
