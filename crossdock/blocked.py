"""Blocked: parts that wait for something that is not known yet, in groups, and the way on once it is known.

A dead letter names what it is blocked by, as ``kind:value``:

    partner:ZZ/NORTHVALVE          nobody sends under this qualifier and id
    set:x12/753                    no mapping reads this document
    code:x12-668:QQ@acme_supply    no crosswalk has this code, nor has the partner's profile
    item:vendor-item:A-7@acme      the partner's profile lists its items, and not this one

Adding the partner, the mapping, the row or the item lets the whole group through: the next processing runs it again.
Of a set that no mapping reads the partner was told that we refuse it, and is not told a second time. It may send it
again: then the second is known by its numbers as a repeat of the first, whichever of the two was run before.
"""

from collections.abc import Mapping
from typing import Final

from canonical import crosswalks
from crossdock.partners import Partner, Partners
from crossdock.registry import Registry

KINDS: Final = ("partner", "set", "code", "item")


def partner(qualifier: str, id: str) -> str:
    """Blocked by a sender that nobody knows."""
    return f"partner:{qualifier}/{id}"[:256]


def document(kind: str) -> str:
    """Blocked by a kind of document that no mapping reads."""
    return f"set:{kind}"[:256]


def code(element: str, value: str, of: Partner | None) -> str:
    """Blocked by a code of an element (``x12-668``) that nobody knows."""
    return f"code:{element}:{value}@{of.name if of else ''}"[:256]


def item(scheme: str, value: str, of: Partner) -> str:
    """Blocked by an item that the partner's profile does not list."""
    return f"item:{scheme}:{value}@{of.name}"[:256]


class Known:
    """What is known now: profiles, mappings, codes and items."""

    def __init__(self, *, registry: Registry, partners: Partners) -> None:
        self._registry = registry
        self._partners = partners

    def is_known(self, word: str) -> bool:
        """Whether what a group waits for is there now. A word of another kind never is."""
        kind, _, value = word.partition(":")
        match kind:
            case "partner":
                qualifier, _, id = value.partition("/")
                return self._partners.find(qualifier, id) is not None
            case "set":
                return self._registry.inbound(value) is not None
            case "code":
                return self._code_is_known(value)
            case "item":
                return self._item_is_known(value)
        return False

    def _code_is_known(self, value: str) -> bool:
        said, _, whose = value.rpartition("@")
        element, _, letters = said.partition(":")
        row = crosswalks.lookup(element, letters)
        if (one := self._by_name().get(whose)) is not None:
            row = one.codes.get((element, letters), row)
        return row is not None and row.exception != "EDI.UNMAPPED_CODE"

    def _item_is_known(self, value: str) -> bool:
        said, _, whose = value.rpartition("@")
        scheme, _, number = said.partition(":")
        one = self._by_name().get(whose)
        return one is not None and (not one.items.known_only or one.items.find(scheme, number) is not None)

    def _by_name(self) -> Mapping[str, Partner]:
        return {one.name: one for one in self._partners}
