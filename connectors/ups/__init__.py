"""UPS tracking."""
