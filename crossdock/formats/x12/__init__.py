"""X12: read, check against a guide, acknowledge, write, and show to a person.

``read`` (reader), ``Finding`` and ``Code`` (findings), the items it yields (items).
"""

from crossdock.formats.x12.findings import MEANINGS, Code, Finding, Level, Severity
from crossdock.formats.x12.items import (
    TA1,
    Acknowledgement,
    Coverage,
    Delimiters,
    Group,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    Item,
    Limits,
    Segment,
    TransactionSet,
    findings_of,
)
from crossdock.formats.x12.reader import read

__all__ = [
    "MEANINGS",
    "TA1",
    "Acknowledgement",
    "Code",
    "Coverage",
    "Delimiters",
    "Finding",
    "Group",
    "GroupEnd",
    "Interchange",
    "InterchangeEnd",
    "Item",
    "Level",
    "Limits",
    "Segment",
    "Severity",
    "TransactionSet",
    "findings_of",
    "read",
]
