"""What may be set for Shopify's webhooks: the settings of the webhook wire, no more."""

from crossdock.wires.webhook import WebhookSettings

SETTINGS = {"source": WebhookSettings}
