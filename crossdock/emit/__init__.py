"""Emit: canonical events for downstream systems, by a feed that they read, by webhooks, and by a broker."""
