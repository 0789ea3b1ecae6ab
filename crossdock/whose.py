"""Whose word it is. A number that we gave says which order is meant, and not who may speak of it.

An order is between a buyer and a seller. Another supplier that names our PO answers nothing of it, however alike the
numbers are. Warehouses, carriers and banks speak of what others deal with: their documents are heard whoever sends
them.
"""

from collections.abc import Mapping
from typing import Any, Final

Document = Mapping[str, Any]
"""A sealed fact or event."""

_OF_A_DEAL: Final = frozenset(
    {"180", "810", "812", "824", "850", "855", "856", "860", "861", "865", "869", "870"}
)
"""The sets that a buyer and a seller say to each other. 820 is not among them: a bank or a parent pays for others."""


def are_strangers(one: Document, by: str | None, other: Document, of: str | None) -> bool:
    """Whether two statements are of deals with different partners, so that neither says anything about the other.

    ``by`` and ``of`` are the partners that they were exchanged with, by name; ``None``: one without a profile.
    """
    return by is not None and of is not None and by != of and _is_of_a_deal(one) and _is_of_a_deal(other)


def _is_of_a_deal(document: Document) -> bool:
    """By the set that says it; what clocks and matching find is of the set that made them say it."""
    provenance = document["data"]["provenance"]
    said_by = provenance["mapping"]
    if said_by.startswith("x12_"):
        return said_by.removeprefix("x12_") in _OF_A_DEAL
    return provenance["place"].get("x12", {}).get("st01") in _OF_A_DEAL
