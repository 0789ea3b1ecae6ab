"""Puts the reports about each row where their readers find them."""

from crossdock.kit.file_inbox import FileInbox
from crossdock.kit.file_settings import InboxSettings
from crossdock.manifests import typed
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.sftp import Sftp


def connect(manifest: Manifest, login: Login, clock: Clock) -> FileInbox:
    """The sink of this connector, not yet opened."""
    assert manifest.sink is not None
    return FileInbox(typed(InboxSettings, manifest, "sink"), Sftp(login), operations=manifest.sink.operations)
