"""The notes that the hub leaves in the ERP: for people to read, and for itself to know what it did.

Tryton has no idempotency key. Whatever the hub does to an order it says in a note on it, whose last line names the
key: ``[crossdock KEY]``. Who is not sure whether something happened looks for that note. What takes several steps has
a note before the first one, ``[crossdock KEY begun]``, with what was so before; the last step puts the other in its
place.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_WAS: Final = re.compile(r"^was: (.+)$", re.MULTILINE)
_ONE: Final = re.compile(r"([a-z.]+),([0-9]+)=([A-Za-z0-9_.+-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What one record was before we touched it: a state, or a quantity."""

    model: str
    number: int
    was: str

    @property
    def reference(self) -> str:
        """As Tryton names a record: ``stock.move,33``."""
        return f"{self.model},{self.number}"

    def __str__(self) -> str:
        return f"{self.reference}={self.was}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note of ours that was found. ``before``: what it says things were."""

    number: int
    finished: bool
    before: tuple[Before, ...]


def mark(key: str, *, begun: bool = False) -> str:
    """The last line of a note."""
    return f"[crossdock {key}{' begun' if begun else ''}]"


def written(text: str, key: str, before: Sequence[Before] = (), *, begun: bool = False) -> str:
    """A note's text."""
    lines = [text.strip(), ""]
    if before:
        lines.append(f"was: {'; '.join(map(str, before))}")
    return "\n".join([*lines, mark(key, begun=begun)])


def read(number: int, message: str, key: str) -> Note | None:
    """The note, when it is the one of this key."""
    last = message.rstrip().rpartition("\n")[2]
    if last not in (mark(key), mark(key, begun=True)):
        return None
    found = _WAS.findall(message)
    before = [
        Before(model=one[1], number=int(one[2]), was=one[3])
        for one in _ONE.finditer(found[-1] if found else "")
    ]
    return Note(number=number, finished=last == mark(key), before=tuple(before))
