"""When to try again: a pure function of the schedule, the attempts spent, and what the target asked for."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from crossdock.ports import Dice

JITTER = 0.1
"""A wait is lengthened by up to this share, so that what failed together does not come back together."""


def next_attempt_at(
    *,
    schedule_s: Sequence[int],
    spent: int,
    now: datetime,
    dice: Dice,
    not_before: datetime | None = None,
) -> datetime | None:
    """When attempt ``spent + 1`` is due, or ``None`` when the schedule is used up.

    ``schedule_s[0]`` is the wait before attempt 2. ``not_before`` (Retry-After) only ever makes it later.
    """
    if spent > len(schedule_s):
        return None
    wait = timedelta(seconds=schedule_s[spent - 1] * (1 + JITTER * dice.random()))
    due = now + wait
    return max(due, not_before) if not_before else due
