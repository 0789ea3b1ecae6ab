"""Mappings that are a table: a ``fields.toml`` says where each value of a JSON document is, and what it means.

    table  ─▶ what a fields.toml says, checked with file and line
    values ─▶ one value of a document: text, number, quantity, time, each with its JSON pointer
    sayings ─▶ one document as facts and exception events

``docs/fields.md`` tells people how to write one. What it cannot say is a mapping in Python.
"""

from crossdock.fields.sayings import FieldMapping, load

__all__ = ["FieldMapping", "load"]
