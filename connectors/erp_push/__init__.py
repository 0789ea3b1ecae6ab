"""The ERP pushing order holds to us over a webhook."""
