"""A soak: a hub under load whose database and workers are killed, as long as is asked: ``python -m tests.soak``."""
