"""The wires, played: a module for each, found by its ``WIRES``."""
