"""What may be set for the supplier's lists."""

from crossdock.kit.file_settings import FileSettings, InboxSettings

__all__ = ["SETTINGS", "FileSettings", "InboxSettings"]

SETTINGS = {"source": FileSettings, "sink": InboxSettings}
