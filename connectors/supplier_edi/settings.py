"""What may be set for the supplier's SFTP connector."""

from crossdock.kit.file_settings import FileSettings as SourceSettings
from crossdock.kit.file_settings import InboxSettings as SinkSettings

__all__ = ["SETTINGS", "SinkSettings", "SourceSettings"]

SETTINGS = {"source": SourceSettings, "sink": SinkSettings}
