"""A poll of a system that orders its records by a moment, and how far that poll has come.

A mark alone, the latest moment seen, loses records in two ways:

- **Ties.** Several records may share a moment. When a page, a batch or a process ends between two of them, what asks
  for "later than the mark" skips the second, and what asks for "from the mark on" brings the first again.
- **Lateness.** A long transaction commits, and a carrier tells, behind records that were seen already: the record is
  new and its moment lies before the mark.

So each poll begins a window before the mark (``since``), and passes over what it has seen there, known by the digest
of its bytes: a record that changed is a new one. What falls out of the window is forgotten, so a position stays
small; what comes later than the window is wide is not found, and that width is the connector's to choose.

A moment in the future, by our clock, never moves the mark: the next poll would begin after records that are still to
come. Such a record is remembered at its own moment, and so is passed over until the mark is a window beyond it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

DIGITS: Final = 20
"""So much of a digest is kept: 80 bits, for the records of one window."""


@dataclass(slots=True, kw_only=True)
class Position:
    """The latest moment seen, and the records seen since a window before it: by digest, with the moment of each.

    Moments are aware UTC; a digest is the SHA-256 of a record's bytes, in hexadecimal digits.
    """

    mark: datetime
    overlap: timedelta
    seen: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str | None, *, overlap: timedelta, begin_at: datetime) -> "Position":
        """From what was stored; what cannot be read is the beginning, and duplicates are known by content."""
        try:
            kept = json.loads(text or "")
            seen = {str(digest): _moment(at) for digest, at in kept["seen"].items()}
            return cls(mark=_moment(kept["mark"]), overlap=overlap, seen=seen)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return cls(mark=begin_at, overlap=overlap)

    def text(self, written: Callable[[datetime], str] = datetime.isoformat) -> str:
        """As it is stored. ``written``: a moment as its system writes it, RFC 3339 in any form."""
        seen = {digest: written(at) for digest, at in self.seen.items()}
        return json.dumps({"mark": written(self.mark), "seen": seen}, separators=(",", ":"))

    def since(self, earliest: datetime) -> datetime:
        """Where a poll begins: a window before the mark, and not before ``earliest``."""
        return max(self.mark - self.overlap, earliest)

    def has_seen(self, digest: str) -> bool:
        """Whether this record was seen within the window."""
        return digest[:DIGITS] in self.seen

    def add(self, digest: str, at: datetime | None, *, now: datetime) -> None:
        """Move on with a new record. ``at``: its moment, ``None`` when it says none that can be read."""
        if at is not None and at <= now:
            self.mark = max(self.mark, at)
        self.seen[digest[:DIGITS]] = at or self.mark
        begin = self.mark - self.overlap
        for old in [one for one, seen_at in self.seen.items() if seen_at < begin]:
            del self.seen[old]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} lacks its zone")
    return moment.astimezone(UTC)
