"""What may be set for the ERP's webhook: the settings of the webhook wire, no more."""

from crossdock.wires.webhook import WebhookSettings

SETTINGS = {"source": WebhookSettings}
