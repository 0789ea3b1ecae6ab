"""FedEx tracking."""
