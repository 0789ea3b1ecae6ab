"""What the rows of write-backs and their attempts show of the promises."""

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from crossdock.store.evidence import LETTERS, SOON, TRIED, WRITTEN, Question, Terms, hash_of, of, there

_EARLIER = TRIED.alias("earlier")
_SINCE = TRIED.alias("since")
_OTHER = WRITTEN.alias("other")
_PERSON = ("person", "found")


def _two_effects(terms: Terms) -> Any:
    return (
        sa.select(WRITTEN.c.id, WRITTEN.c.target, _EARLIER.c.attempt, TRIED.c.attempt.label("again"))
        .select_from(
            WRITTEN.join(TRIED, sa.and_(*of(TRIED, WRITTEN, write_back_id="id"))).join(
                _EARLIER,
                sa.and_(*of(_EARLIER, WRITTEN, write_back_id="id"), _EARLIER.c.attempt < TRIED.c.attempt),
            )
        )
        .where(_EARLIER.c.outcome == "delivered", TRIED.c.phase == "intent")
    )


def _sent_again_unasked(terms: Terms) -> Any:
    """A call after one of unknown effect, at a target where that may be a second effect, and nobody said that the
    first had none."""
    known = _SINCE
    return (
        sa.select(WRITTEN.c.id, WRITTEN.c.target, TRIED.c.attempt)
        .select_from(
            WRITTEN.join(TRIED, sa.and_(*of(TRIED, WRITTEN, write_back_id="id"), TRIED.c.phase == "intent"))
        )
        .where(
            WRITTEN.c.target.in_(terms.not_repeatable),
            TRIED.c.attempt > 1,
            sa.not_(
                there(
                    known,
                    *of(known, WRITTEN, write_back_id="id"),
                    known.c.attempt == TRIED.c.attempt - 1,
                    sa.or_(
                        known.c.phase.in_(_PERSON),
                        sa.and_(known.c.phase == "outcome", known.c.outcome != "unsure"),
                    ),
                )
            ),
        )
    )


def _outcome_without_intent(terms: Terms) -> Any:
    return (
        sa.select(TRIED.c.write_back_id, TRIED.c.attempt)
        .where(TRIED.c.phase == "outcome")
        .where(
            sa.not_(
                there(
                    _EARLIER,
                    *of(_EARLIER, TRIED, write_back_id="write_back_id", attempt="attempt"),
                    _EARLIER.c.phase == "intent",
                )
            )
        )
    )


def _attempt_that_nobody_counted(terms: Terms) -> Any:
    return (
        sa.select(WRITTEN.c.id, WRITTEN.c.target, WRITTEN.c.attempt, WRITTEN.c.fence)
        .select_from(WRITTEN)
        .where(
            sa.or_(
                WRITTEN.c.fence < WRITTEN.c.attempt,
                there(TRIED, *of(TRIED, WRITTEN, write_back_id="id"), TRIED.c.attempt > WRITTEN.c.attempt),
            )
        )
    )


def _too_many(terms: Terms) -> Any:
    spent = WRITTEN.c.attempt - WRITTEN.c.spent_before
    most = sa.case(terms.most_attempts, value=WRITTEN.c.target, else_=1_000) if terms.most_attempts else 1_000
    return sa.select(WRITTEN.c.id, WRITTEN.c.target, spent.label("spent")).where(spent > most)


def _taken_by_nobody(terms: Terms) -> Any:
    return sa.select(WRITTEN.c.id, WRITTEN.c.target, WRITTEN.c.lease_until).where(
        WRITTEN.c.state == "sending",
        WRITTEN.c.lease_until < terms.now - timedelta(hours=1),
        there(
            _OTHER,
            *of(_OTHER, WRITTEN, target="target"),
            _OTHER.c.state == "delivered",
            _OTHER.c.updated_at > WRITTEN.c.lease_until + timedelta(hours=1),
        ),
    )


DELIVERED: Final = (
    Question(
        promise="P6",
        name="two_effects",
        key=WRITTEN.c.id,
        wrong=_two_effects,
        sentence="write-back {id} was delivered to {target} by attempt {attempt} and sent again by attempt {again}",
        remedy="look at the target which of the two stands, and undo the other there",
    ),
    Question(
        promise="P6",
        name="sent_again_unasked",
        key=WRITTEN.c.id,
        wrong=_sent_again_unasked,
        sentence="attempt {attempt} of write-back {id} left for {target}, which cannot know a repeat, although the "
        "effect of the one before it was unknown",
        remedy="look at the target whether it happened twice",
    ),
    Question(
        promise="P7",
        name="body_changed",
        key=WRITTEN.c.id,
        wrong=lambda terms: sa.select(WRITTEN.c.id, WRITTEN.c.target).where(
            hash_of(WRITTEN.c.body) != WRITTEN.c.body_sha256
        ),
        sentence="the body of write-back {id} for {target} is not the one that its key was given for",
        remedy="compare it with a backup before it leaves: `crossdock write-backs show`",
    ),
    Question(
        promise="P7",
        name="key_of_two",
        key=WRITTEN.c.id,
        wrong=lambda terms: sa.select(WRITTEN.c.id, WRITTEN.c.target, WRITTEN.c.idempotency_key).where(
            there(
                _OTHER,
                *of(_OTHER, WRITTEN, idempotency_key="idempotency_key"),
                _OTHER.c.id != WRITTEN.c.id,
            )
        ),
        sentence="write-back {id} for {target} has the key {idempotency_key}, and another one has it too",
        remedy="the unique constraint is gone: run `crossdock verify --promise P24`, and discard one of the two",
    ),
    Question(
        promise="P8",
        name="tried_too_often",
        key=WRITTEN.c.id,
        wrong=_too_many,
        sentence="write-back {id} was tried {spent} times, more than the schedule of {target} has",
        remedy="compare the schedule in its connector.toml with what is deployed",
    ),
    Question(
        promise="P8",
        name="no_next_attempt",
        key=WRITTEN.c.id,
        wrong=lambda terms: sa.select(WRITTEN.c.id, WRITTEN.c.target, WRITTEN.c.next_attempt_at).where(
            WRITTEN.c.state == "ready",
            sa.or_(
                WRITTEN.c.next_attempt_at.is_(None),
                WRITTEN.c.next_attempt_at > terms.now + timedelta(days=4),
            ),
        ),
        sentence="write-back {id} for {target} is ready and not due in sight (next attempt: {next_attempt_at})",
        remedy="a clock was wrong when it was written: replay it, or discard it",
    ),
    Question(
        promise="P11",
        name="ended_without_a_letter",
        key=WRITTEN.c.id,
        wrong=lambda terms: sa.select(WRITTEN.c.id, WRITTEN.c.target, WRITTEN.c.state).where(
            WRITTEN.c.state.in_(["rejected", "unsure", "exhausted"]),
            sa.not_(there(LETTERS, *of(LETTERS, WRITTEN, write_back_id="id"))),
        ),
        sentence="write-back {id} for {target} is {state}, and no dead letter tells anybody",
        remedy="look at it with `crossdock write-backs show`, and report this",
    ),
    Question(
        promise="P12",
        name="open_letter_of_an_effect",
        key=LETTERS.c.id,
        wrong=lambda terms: sa.select(LETTERS.c.id, LETTERS.c.write_back_id).where(
            LETTERS.c.state == "open",
            there(
                WRITTEN,
                *of(WRITTEN, LETTERS, id="write_back_id"),
                WRITTEN.c.state == "delivered",
            ),
        ),
        sentence="dead letter {id} is open, and write-back {write_back_id} is delivered: a replay would repeat it",
        remedy="discard the letter with this as its reason, and report it",
    ),
    Question(
        promise="P13",
        name="sending_and_nobodys",
        key=WRITTEN.c.id,
        wrong=_taken_by_nobody,
        sentence="write-back {id} is being sent to {target} since a lease that ended {lease_until}, and nobody "
        "took it over while others were delivered",
        remedy="run `crossdock deliver`; if it still stands, look at it with `crossdock write-backs show`",
    ),
    Question(
        promise="P14",
        name="outcome_without_intent",
        key=TRIED.c.write_back_id,
        wrong=_outcome_without_intent,
        sentence="attempt {attempt} of write-back {write_back_id} has an outcome and was never announced",
        remedy="a call was made that nobody committed to: look at the target what it did",
    ),
    Question(
        promise="P14",
        name="attempt_that_nobody_counted",
        key=WRITTEN.c.id,
        wrong=_attempt_that_nobody_counted,
        sentence="write-back {id} for {target} counts {attempt} attempts under fence {fence}, and more were made: a "
        "worker whose lease was over has written",
        remedy="look at its attempts with `crossdock write-backs show`, and at the target",
    ),
    Question(
        promise="P15",
        name="lease_of_a_write_back",
        key=WRITTEN.c.id,
        wrong=lambda terms: sa.select(WRITTEN.c.id, WRITTEN.c.target, WRITTEN.c.lease_until).where(
            WRITTEN.c.state == "sending", WRITTEN.c.lease_until > terms.now + terms.lease + SOON
        ),
        sentence="the lease of write-back {id} for {target} ends at {lease_until}, later than any lease can",
        remedy="a worker's clock was wrong, or CROSSDOCK_LEASE_S is another here; nobody takes it over before",
    ),
    Question(
        promise="P20",
        name="left_while_it_waited",
        key=WRITTEN.c.id,
        wrong=lambda terms: sa.select(WRITTEN.c.id, WRITTEN.c.target).where(
            WRITTEN.c.state == "awaiting_approval",
            there(
                TRIED,
                *of(TRIED, WRITTEN, write_back_id="id"),
                TRIED.c.phase == "intent",
                TRIED.c.at > WRITTEN.c.updated_at + SOON,
            ),
        ),
        sentence="write-back {id} waits for approval, and was sent to {target} meanwhile",
        remedy="look at the target what it did, and find out who sent it",
    ),
)
