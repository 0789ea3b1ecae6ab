"""Reads lists that somebody puts into a folder, each once it lies still."""

from crossdock.kit.file_poll import FilePoll
from crossdock.kit.file_settings import FileSettings
from crossdock.manifests import typed
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.folder import Folder


def connect(manifest: Manifest, login: Login, clock: Clock) -> FilePoll:
    """The source of this connector, not yet opened."""
    return FilePoll(manifest, typed(FileSettings, manifest, "source"), Folder(login), clock)
