"""What a played system knows of changes: a log of what was done, and links that lead into it (OData 4.0, 11.3).

Its pages are those of the state, or of what changed behind a link: the last word about each thing alone. A link holds
for what it was given for, until the system forgets all of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from crossdock.testing.conformance.play import Thing

PLACE: Final = "conformance_change"
"""The parameter of our own links: how much of the log lies before it, how much was there, and what was forgotten."""

GONE: Final = "$deletedEntity"
"""How a service says in the context of a record that it is no more (OData 4.0 JSON format, 15.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a link leads: behind ``since`` entries of the log, as far as ``upto``; 0: as far as it goes by then."""

    since: int
    upto: int
    memory: int

    @classmethod
    def of(cls, text: str) -> "Place":
        since, upto, memory = map(int, text.split("-"))
        return cls(since=since, upto=upto, memory=memory)

    def text(self) -> str:
        return f"{self.since}-{self.upto}-{self.memory}"


class DeltaLinks:
    """The links of one system. ``forgets_at_once``: it gives links, and knows none of them."""

    def __init__(self) -> None:
        self.forgets_at_once = False
        self._memory = 0
        self._gone: set[bytes] = set()

    def heal(self) -> None:
        self.forgets_at_once = False

    def forget(self) -> None:
        """No link that was given until now holds."""
        self._memory += 1

    def gone(self, thing: Thing, *, key: str) -> Thing:
        """That this thing is no more, as a record."""
        said = {"@odata.context": f"$metadata#things/{GONE}", key: thing.mark.decode(), "reason": "deleted"}
        body = json.dumps(said).encode()
        self._gone.add(body)
        return replace(thing, body=body)

    def place(self, text: str | None, log: Sequence[Thing]) -> Place | None:
        """Where a call asks from; ``None``: the link is forgotten."""
        if text is None:
            return Place(since=0, upto=len(log), memory=self._memory)
        place = Place.of(text)
        if self.forgets_at_once or place.memory != self._memory:
            return None
        return place if place.upto else replace(place, upto=len(log))

    def following(self, place: Place) -> Place:
        """Where the delta link behind the last page leads."""
        return replace(place, since=place.upto, upto=0)

    def changes(self, place: Place, log: Sequence[Thing]) -> list[Thing]:
        """The last word about each thing in this part of the log; from the beginning, of those that are there."""
        said: dict[bytes, Thing] = {}
        for thing in log[place.since : place.upto]:
            said.pop(thing.mark, None)
            said[thing.mark] = thing
        return [one for one in said.values() if place.since or one.body not in self._gone]
