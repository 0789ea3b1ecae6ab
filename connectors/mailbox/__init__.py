"""A mailbox to which partners without EDI send their files."""
