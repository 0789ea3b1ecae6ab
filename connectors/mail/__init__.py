"""E-mail, for notices that people read."""
