"""What may be set for the freight carrier: the settings of a SOAP poll, and the same of its contract for writing."""

from crossdock.kit.soap_settings import SoapSettings
from crossdock.manifests import typed
from crossdock.ports import Manifest


def check(manifest: Manifest) -> None:
    """Called when connectors are listed. Raises ``Misconfigured`` with file and line."""
    if manifest.source is not None:
        typed(SoapSettings, manifest, "source")
    if manifest.sink is not None:
        typed(SoapSettings, manifest, "sink")
