"""Unblock: groups of parts that wait for the same thing, and putting a whole group back to work."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from crossdock import deadletters
from crossdock.blocked import Known
from crossdock.faultpoints import faultpoint
from crossdock.ports import Clock
from crossdock.principals import OURSELVES
from crossdock.store import desk

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

AT_ONCE: Final = 500
"""So many parts of a group are put back in one transaction."""

BY_ITSELF: Final = 2
"""So often a part is run again by the program for the same obstacle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Open dead letters that wait for the same thing. ``known``: it is known now. Of ``told_refused`` of them the
    partner was told that we refuse them, so it may send them again."""

    blocked_by: str
    count: int
    first_at: datetime
    last_at: datetime
    known: bool
    told_refused: int = 0


class Blocked:
    """The groups of one tenant."""

    def __init__(self, *, store: "Store", tenant: str, clock: Clock, known: Known) -> None:
        self._store = store
        self._tenant = tenant
        self._clock = clock
        self._known = known

    def groups(self) -> list[Group]:
        """Every group, the largest first."""
        with self._store.reading(self._tenant) as connection:
            rows = desk.blocked_groups(connection, self._tenant)
            told = desk.blocked_refusals(connection, self._tenant)
        return [
            Group(
                blocked_by=row.blocked_by,
                count=row.count,
                first_at=row.first_at,
                last_at=row.last_at,
                known=self._known.is_known(row.blocked_by),
                told_refused=told.get(row.blocked_by, 0),
            )
            for row in rows
        ]

    def release(self) -> int:
        """Run again every part whose obstacle is gone; so many were put back.

        A part that came back with the same obstacle is run once more, for a worker that still had the old profile may
        have been the one that took it. Then it is left to a person: something else is wrong with it, and it must not
        go round for ever.
        """
        with self._store.reading(self._tenant) as connection:
            words = desk.blocked_words(connection, self._tenant)
        return sum(
            self.run(word, most=BY_ITSELF, actor=OURSELVES) for word in words if self._known.is_known(word)
        )

    def run(self, word: str, *, actor: str, most: int | None = None) -> int:
        """Put a whole group back to work, in bites. ``most``: only what came back less often than that."""
        done = 0
        while True:
            with self._store.transaction(self._tenant) as connection:
                letters = desk.blocked_letters(connection, self._tenant, word, limit=AT_ONCE, most=most)
                done += self._replay(connection, letters, actor)
                faultpoint("unblock.before_put_back")
            faultpoint("unblock.after_put_back")
            if len(letters) < AT_ONCE:
                return done

    def _replay(self, connection: "Transaction", letters: Sequence[uuid.UUID], actor: str) -> int:
        for letter_id in letters:
            deadletters.replay(
                connection, tenant=self._tenant, letter_id=letter_id, actor=actor, now=self._clock.now()
            )
        return len(letters)
