"""What the rows of approvals and of the feed show of the promises."""

from typing import Any, Final

import sqlalchemy as sa

from crossdock.store import tables
from crossdock.store.evidence import EVENTS, TRIED, WRITTEN, Question, Terms, of, there

_ASKED = tables.approvals
_YES = tables.approvals.alias("yes")
_PLACED = tables.emissions
_BEFORE = tables.emissions.alias("before")


def _left_without_a_yes(terms: Terms) -> Any:
    """Somebody was asked, it left after that, and nobody had agreed to these bytes by then."""
    return (
        sa.select(WRITTEN.c.id, WRITTEN.c.target, TRIED.c.attempt)
        .select_from(
            WRITTEN.join(
                TRIED, sa.and_(*of(TRIED, WRITTEN, write_back_id="id"), TRIED.c.phase == "intent")
            ).join(_ASKED, sa.and_(*of(_ASKED, WRITTEN, write_back_id="id"), _ASKED.c.asked_at < TRIED.c.at))
        )
        .where(
            _ASKED.c.attempt < TRIED.c.attempt,
            sa.not_(
                there(
                    _YES,
                    *of(_YES, WRITTEN, write_back_id="id"),
                    _YES.c.state == "agreed",
                    _YES.c.body_sha256 == WRITTEN.c.body_sha256,
                    _YES.c.decided_at <= TRIED.c.at,
                )
            ),
        )
    )


AGREED: Final = (
    Question(
        promise="P20",
        name="left_without_a_yes",
        key=WRITTEN.c.id,
        wrong=_left_without_a_yes,
        sentence="attempt {attempt} of write-back {id} left for {target} after approval was asked, and nobody had "
        "agreed to these bytes",
        remedy="look at the target what it did, and find out who sent it",
    ),
    Question(
        promise="P20",
        name="agreed_by_oneself_or_too_late",
        key=_ASKED.c.id,
        wrong=lambda terms: sa.select(_ASKED.c.id, _ASKED.c.write_back_id, _ASKED.c.decided_by).where(
            _ASKED.c.state == "agreed",
            sa.or_(
                _ASKED.c.decided_principal.is_(None),
                _ASKED.c.decided_principal == _ASKED.c.asked_principal,
                _ASKED.c.decided_at > _ASKED.c.expires_at,
            ),
        ),
        sentence="approval {id} of write-back {write_back_id} was given by {decided_by}, who asked, or too late",
        remedy="the constraints were lifted when this was written: find out by whom, and look at the target",
    ),
    Question(
        promise="P18",
        name="event_that_nobody_emits",
        key=EVENTS.c.id,
        wrong=lambda terms: sa.select(EVENTS.c.id, EVENTS.c.code).where(
            sa.not_(there(_PLACED, *of(_PLACED, EVENTS, event_id="id")))
        ),
        sentence="event {id} ({code}) has no place among what is emitted, so no consumer ever sees it",
        remedy="the trigger was lifted when it was written: see `crossdock verify --promise P24`, and emit it",
    ),
    Question(
        promise="P18",
        name="hole_in_the_feed",
        key=_PLACED.c.event_id,
        wrong=lambda terms: sa.select(_PLACED.c.event_id, _PLACED.c.position).where(
            _PLACED.c.position > 1,
            sa.not_(
                there(
                    _BEFORE,
                    _BEFORE.c.tenant == _PLACED.c.tenant,
                    _BEFORE.c.position == _PLACED.c.position - 1,
                )
            ),
        ),
        sentence="event {event_id} stands at {position} in the feed, and nothing stands before it: consumers miss "
        "what was there",
        remedy="compare the feed with a backup",
    ),
)
