"""What the rows of what is done again, or taken back, show of the promises: retries, redrives, sagas; and the leases
of what goes out."""

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from crossdock.standing import MOST_RETRIES_SAVED, REST_S, RETRY_FLOOR_PER_S
from crossdock.store import tables
from crossdock.store.evidence import LETTERS, SOON, TRIED, WRITTEN, Question, Terms, of, there

_TARGETS, _ITEMS, _RUNS = tables.targets, tables.redrive_items, tables.redrives
_STEPS, _MESSAGES, _BROKERS = tables.saga_steps, tables.webhook_messages, tables.brokers
_BEFORE = TRIED.alias("before")
_PERSON = TRIED.alias("person")

LONGEST_CALL: Final = timedelta(minutes=10)
"""No lease of a call to a webhook or a broker is longer, whatever their deadlines are set to."""

_AN_HOUR: Final = timedelta(hours=1)
_BESIDE_THE_SHARE: Final = MOST_RETRIES_SAVED + RETRY_FLOOR_PER_S * 3600 + 3600 / REST_S[0]
"""So many repeats an hour are within the budget beside the target's share: what was saved, what fills up again, and
the probes of an open circuit."""


def _beyond_the_budget(terms: Terms) -> Any:
    """Of the last hour: attempts that came by the schedule, and not because a worker died or a person asked."""
    tried = sa.select(sa.func.count()).select_from(
        TRIED.join(WRITTEN, sa.and_(*of(WRITTEN, TRIED, id="write_back_id")))
    )
    tried = tried.where(
        TRIED.c.tenant == _TARGETS.c.tenant,
        WRITTEN.c.target == _TARGETS.c.target,
        TRIED.c.phase == "intent",
        TRIED.c.at > terms.now - _AN_HOUR,
    ).correlate(_TARGETS)
    same = of(_BEFORE, TRIED, write_back_id="write_back_id")
    asked = of(_PERSON, TRIED, write_back_id="write_back_id")
    again = tried.where(
        there(
            _BEFORE,
            *same,
            _BEFORE.c.attempt == TRIED.c.attempt - 1,
            _BEFORE.c.phase == "outcome",
            _BEFORE.c.outcome.in_(("retry", "unsure")),
            sa.not_(_BEFORE.c.reason.startswith("the worker that made this attempt is gone")),
        ),
        sa.not_(
            there(_PERSON, *asked, _PERSON.c.attempt == TRIED.c.attempt - 1, _PERSON.c.phase == "person")
        ),
    ).scalar_subquery()
    first = tried.where(TRIED.c.attempt == 1).scalar_subquery()
    share = sa.case(terms.retry_shares, value=_TARGETS.c.target, else_=1.0) if terms.retry_shares else 1.0
    return sa.select(_TARGETS.c.target, again.label("again"), first.label("first")).where(
        again > share * first + _BESIDE_THE_SHARE
    )


AGAIN: Final = (
    Question(
        promise="P6",
        name="taken_back_without_an_effect",
        key=_STEPS.c.write_back_id,
        wrong=lambda terms: sa.select(_STEPS.c.write_back_id, _STEPS.c.undo_write_back_id).where(
            _STEPS.c.undo_write_back_id.is_not(None),
            sa.not_(there(WRITTEN, *of(WRITTEN, _STEPS, id="write_back_id"), WRITTEN.c.state == "delivered")),
        ),
        sentence="write-back {undo_write_back_id} takes back {write_back_id}, which was never delivered",
        remedy="look at the target whether something else was taken back by it: `crossdock sagas list`",
    ),
    Question(
        promise="P8",
        name="repeats_beyond_the_budget",
        key=_TARGETS.c.target,
        wrong=_beyond_the_budget,
        sentence="in the last hour {again} attempts at {target} were repeats, beside {first} first ones: more than "
        "its retry budget ever allows",
        remedy="pause it: `crossdock targets pause`, and compare its `retry_share` with what is deployed",
    ),
    Question(
        promise="P12",
        name="put_back_and_still_here",
        key=_ITEMS.c.redrive_id,
        wrong=lambda terms: sa.select(_ITEMS.c.redrive_id, _ITEMS.c.letter_id).where(
            _ITEMS.c.state == "put_back",
            sa.not_(there(LETTERS, *of(LETTERS, _ITEMS, id="letter_id"), LETTERS.c.state == "replayed")),
        ),
        sentence="redrive {redrive_id} says that it put dead letter {letter_id} back, and the letter does not: it "
        "could be put back twice",
        remedy="look at the letter before it is replayed: `crossdock dead-letters show`",
    ),
    Question(
        promise="P12",
        name="waits_for_a_run_that_is_over",
        key=_ITEMS.c.redrive_id,
        wrong=lambda terms: sa.select(_ITEMS.c.redrive_id, _ITEMS.c.letter_id).where(
            _ITEMS.c.state == "waiting",
            sa.not_(
                there(_RUNS, *of(_RUNS, _ITEMS, id="redrive_id"), _RUNS.c.state.in_(("running", "paused")))
            ),
        ),
        sentence="dead letter {letter_id} waits for redrive {redrive_id}, which is over: no other run takes it",
        remedy="replay the letter by itself: `crossdock dead-letters replay`",
    ),
    Question(
        promise="P15",
        name="lease_of_a_webhook_message",
        key=_MESSAGES.c.id,
        wrong=lambda terms: sa.select(_MESSAGES.c.id, _MESSAGES.c.lease_until).where(
            _MESSAGES.c.state == "sending", _MESSAGES.c.lease_until > terms.now + LONGEST_CALL + SOON
        ),
        sentence="the lease of webhook message {id} ends at {lease_until}, later than any lease can",
        remedy="a worker's clock was wrong; nobody takes it over before",
    ),
    Question(
        promise="P15",
        name="lease_of_a_broker",
        key=_BROKERS.c.name,
        wrong=lambda terms: sa.select(_BROKERS.c.name, _BROKERS.c.lease_until).where(
            _BROKERS.c.lease_until > terms.now + LONGEST_CALL + SOON
        ),
        sentence="the lease of broker {name} ends at {lease_until}, later than any lease can",
        remedy="a worker's clock was wrong; nothing is published there before",
    ),
)
