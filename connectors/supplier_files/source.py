"""Reads the supplier's lists, each once it lies still."""

from crossdock.kit.file_poll import FilePoll
from crossdock.kit.file_settings import FileSettings
from crossdock.manifests import typed
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.sftp import Sftp


def connect(manifest: Manifest, login: Login, clock: Clock) -> FilePoll:
    """The source of this connector, not yet opened."""
    return FilePoll(manifest, typed(FileSettings, manifest, "source"), Sftp(login), clock)
