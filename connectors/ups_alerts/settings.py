"""What may be set for UPS Track Alert: the settings of the webhook wire, no more."""

from crossdock.wires.webhook import WebhookSettings

SETTINGS = {"source": WebhookSettings}
