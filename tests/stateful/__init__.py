"""A hub under every order of events that a machine can think of: ``python -m tests.stateful --examples 2000``."""
