"""What may be set for a watched folder."""

from crossdock.kit.file_settings import FileSettings, InboxSettings

__all__ = ["SETTINGS", "FileSettings", "InboxSettings"]

SETTINGS = {"source": FileSettings, "sink": InboxSettings}
