"""The carrier's status service over SOAP."""
