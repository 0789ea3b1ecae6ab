"""Reads X12 files from the supplier's outbound directory, each once it lies still."""

from connectors.supplier_edi.settings import SourceSettings
from crossdock.kit.file_poll import FilePoll
from crossdock.manifests import typed
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.sftp import Sftp


def connect(manifest: Manifest, login: Login, clock: Clock) -> FilePoll:
    """The source of this connector, not yet opened."""
    return FilePoll(manifest, typed(SourceSettings, manifest, "source"), Sftp(login), clock)
