"""UPS Track Alert, pushed to us over a webhook."""
