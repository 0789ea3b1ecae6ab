"""What may be set for Shopify's webhooks: the settings of the webhook wire, no more."""

from crossdock.manifests import typed
from crossdock.ports import Manifest
from crossdock.wires.webhook import WebhookSettings


def check(manifest: Manifest) -> None:
    """Called when connectors are listed. Raises ``Misconfigured`` with file and line."""
    typed(WebhookSettings, manifest, "source")
