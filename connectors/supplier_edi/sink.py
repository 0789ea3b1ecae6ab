"""Puts acknowledgements and documents (997, 855, 860) into the supplier's inbound directory."""

from connectors.supplier_edi.settings import SinkSettings
from crossdock.kit.file_inbox import FileInbox
from crossdock.manifests import typed
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.sftp import Sftp


def connect(manifest: Manifest, login: Login, clock: Clock) -> FileInbox:
    """The sink of this connector, not yet opened."""
    assert manifest.sink is not None
    return FileInbox(typed(SinkSettings, manifest, "sink"), Sftp(login), operations=manifest.sink.operations)
