"""What the rows of messages, parts, events, cases and dead letters show of the promises."""

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from crossdock.messages import CASE_TRANSITIONS
from crossdock.store import tables
from crossdock.store.evidence import (
    BODIES,
    CASES,
    EVENTS,
    LETTERS,
    PARTS,
    RAW,
    SOON,
    STEPS,
    WRITTEN,
    Question,
    Terms,
    hash_of,
    of,
    there,
)

_BODY = of(BODIES, RAW, raw_id="id")
_WHOLE = sa.or_(RAW.c.body.is_not(None), there(BODIES, *_BODY))
_LATER = tables.raw_messages.alias("later")
_BEFORE = tables.case_transitions.alias("before")
_SAID_BEFORE = tables.attempts.alias("earlier")
_ORIGIN = EVENTS.c.document["data"]["provenance"]


def _hash_differs(terms: Terms) -> Any:
    body = sa.func.coalesce(
        RAW.c.body, sa.select(BODIES.c.body).where(*_BODY).correlate(RAW).scalar_subquery()
    )
    return sa.select(RAW.c.id, RAW.c.source, RAW.c.name).where(
        sa.or_(hash_of(body) != RAW.c.sha256, sa.func.octet_length(body) != RAW.c.size)
    )


def _chain_of_states(terms: Terms) -> Any:
    """A step that does not begin where the one before it ended."""
    return (
        sa.select(STEPS.c.case_id, STEPS.c.sequence, STEPS.c.from_state, _BEFORE.c.to_state.label("stood"))
        .select_from(
            STEPS.outerjoin(
                _BEFORE,
                sa.and_(*of(_BEFORE, STEPS, case_id="case_id"), _BEFORE.c.sequence == STEPS.c.sequence - 1),
            )
        )
        .where(STEPS.c.sequence > 1, STEPS.c.from_state.is_distinct_from(_BEFORE.c.to_state))
    )


def _illegal_step(terms: Terms) -> Any:
    legal = [(str(old), str(new)) for old, news in CASE_TRANSITIONS.items() for new in news]
    return sa.select(STEPS.c.case_id, STEPS.c.sequence, STEPS.c.from_state, STEPS.c.to_state).where(
        STEPS.c.from_state.is_not(None),
        STEPS.c.from_state != STEPS.c.to_state,
        sa.tuple_(STEPS.c.from_state, STEPS.c.to_state).not_in(legal),
    )


def _state_is_not_its_last_step(terms: Terms) -> Any:
    last = (
        sa.select(STEPS.c.to_state)
        .where(*of(STEPS, CASES, case_id="id"))
        .order_by(STEPS.c.sequence.desc())
        .limit(1)
        .correlate(CASES)
        .scalar_subquery()
    )
    return sa.select(CASES.c.id, CASES.c.state, last.label("step")).where(last != CASES.c.state)


def _left_behind(terms: Terms) -> Any:
    """Waiting, nobody's, and what came an hour later was finished since."""
    lapsed = sa.func.greatest(RAW.c.received_at, sa.func.coalesce(RAW.c.lease_until, RAW.c.received_at))
    return sa.select(RAW.c.id, RAW.c.source, RAW.c.received_at).where(
        RAW.c.part_count.is_(None),
        lapsed < terms.now - timedelta(hours=1),
        there(
            _LATER,
            _LATER.c.tenant == RAW.c.tenant,
            _LATER.c.received_at > RAW.c.received_at,
            _LATER.c.normalized_at > lapsed + timedelta(hours=1),
        ),
    )


RECEIVED: Final = (
    Question(
        promise="P1",
        name="told_without_bytes",
        key=RAW.c.id,
        wrong=lambda terms: sa.select(RAW.c.id, RAW.c.source, RAW.c.name).where(sa.not_(_WHOLE)),
        sentence="message {id} ('{name}' of {source}) was acknowledged and has no bytes",
        remedy="restore its row of raw_bodies from a backup, or ask the sender for it again",
    ),
    Question(
        promise="P1",
        name="answered_without_message",
        key=WRITTEN.c.id,
        wrong=lambda terms: sa.select(WRITTEN.c.id, WRITTEN.c.raw_id, WRITTEN.c.target).where(
            WRITTEN.c.raw_id.is_not(None), sa.not_(there(RAW, *of(RAW, WRITTEN, id="raw_id")))
        ),
        sentence="write-back {id} answers message {raw_id} for {target}, and there is no such message",
        remedy="restore the message from a backup, or ask the sender for it again: it believes that we have it",
    ),
    Question(
        promise="P3",
        name="bytes_changed",
        key=RAW.c.id,
        wrong=_hash_differs,
        sentence="the bytes of message {id} ('{name}' of {source}) are not those that its hash was taken of",
        remedy="take its bytes from a backup; compare what was made of it",
    ),
    Question(
        promise="P3",
        name="event_from_nowhere",
        key=EVENTS.c.id,
        wrong=lambda terms: sa.select(EVENTS.c.id, EVENTS.c.raw_id, EVENTS.c.code).where(
            sa.not_(there(RAW, *of(RAW, EVENTS, id="raw_id"))),
            sa.not_(there(WRITTEN, *of(WRITTEN, EVENTS, id="raw_id"))),
            sa.not_(there(tables.awaited, *of(tables.awaited, EVENTS, id="raw_id"))),
        ),
        sentence="event {id} ({code}) points to message {raw_id}, which is not there",
        remedy="restore the message from a backup: nobody can say what the event rests on",
    ),
    Question(
        promise="P3",
        name="event_of_other_bytes",
        key=EVENTS.c.id,
        wrong=lambda terms: (
            sa.select(EVENTS.c.id, EVENTS.c.raw_id, EVENTS.c.code)
            .select_from(EVENTS.join(RAW, sa.and_(*of(RAW, EVENTS, id="raw_id"))))
            .where(
                _ORIGIN["raw_id"].astext == sa.cast(RAW.c.id, sa.Text),
                _ORIGIN["raw_sha256"].astext != RAW.c.sha256,
                sa.not_(
                    there(
                        tables.payload_versions,
                        tables.payload_versions.c.tenant == EVENTS.c.tenant,
                        tables.payload_versions.c.sha256 == _ORIGIN["raw_sha256"].astext,
                    )
                ),
            )
        ),
        sentence="event {id} ({code}) was made of other bytes than message {raw_id} holds now",
        remedy="compare the message with a backup",
    ),
    Question(
        promise="P3",
        name="part_outside_of_its_message",
        key=PARTS.c.raw_id,
        wrong=lambda terms: (
            sa.select(PARTS.c.raw_id, PARTS.c.ordinal, PARTS.c.label)
            .select_from(PARTS.outerjoin(RAW, sa.and_(*of(RAW, PARTS, id="raw_id"))))
            .where(
                sa.or_(
                    RAW.c.id.is_(None),
                    PARTS.c.byte_offset < 0,
                    PARTS.c.byte_length < 0,
                    PARTS.c.byte_offset + PARTS.c.byte_length > RAW.c.size,
                )
            )
        ),
        sentence="part {ordinal} ('{label}') of message {raw_id} points beyond its bytes",
        remedy="compare the message with a backup",
    ),
    Question(
        promise="P4",
        name="repeat_of_nothing",
        key=tables.duplicates.c.id,
        wrong=lambda terms: sa.select(tables.duplicates.c.id, tables.duplicates.c.raw_id).where(
            sa.not_(there(RAW, *of(RAW, tables.duplicates, id="raw_id")))
        ),
        sentence="{id} was taken for a repeat of message {raw_id}, which is not there",
        remedy="restore the message from a backup, or ask the sender for it again",
    ),
    Question(
        promise="P5",
        name="message_without_source",
        key=RAW.c.id,
        wrong=lambda terms: sa.select(RAW.c.id, RAW.c.source, RAW.c.name).where(
            sa.not_(there(tables.sources, *of(tables.sources, RAW, source="source")))
        ),
        sentence="message {id} ('{name}') is of source {source}, whose position is not kept",
        remedy="restore the row of sources from a backup, or the source is read from its beginning",
    ),
    Question(
        promise="P9",
        name="poison_goes_round",
        key=RAW.c.id,
        wrong=lambda terms: sa.select(RAW.c.id, RAW.c.source, RAW.c.attempts).where(
            RAW.c.part_count.is_(None), RAW.c.attempts > terms.poison_claims + 1
        ),
        sentence="message {id} of {source} was claimed {attempts} times and is neither finished nor set aside",
        remedy="stop the workers, look at the message (`crossdock raw show`), and report this",
    ),
    Question(
        promise="P13",
        name="left_behind",
        key=RAW.c.id,
        wrong=_left_behind,
        sentence="message {id} of {source} waits since {received_at} while later ones were finished",
        remedy="run `crossdock process`; if it still waits, look at it with `crossdock raw show`",
    ),
    Question(
        promise="P15",
        name="lease_of_a_message",
        key=RAW.c.id,
        wrong=lambda terms: sa.select(RAW.c.id, RAW.c.source, RAW.c.lease_until).where(
            RAW.c.part_count.is_(None), RAW.c.lease_until > terms.now + terms.lease + SOON
        ),
        sentence="the lease of message {id} of {source} ends at {lease_until}, later than any lease can",
        remedy="a worker's clock was wrong, or CROSSDOCK_LEASE_S is another here; nobody takes the message before",
    ),
    Question(
        promise="P16",
        name="told_before_it_was_stored",
        key=RAW.c.id,
        wrong=lambda terms: sa.select(RAW.c.id, RAW.c.source, RAW.c.settled_at, RAW.c.received_at).where(
            RAW.c.settled_at < RAW.c.received_at - SOON
        ),
        sentence="the sender of message {id} of {source} was told at {settled_at}, before it was received",
        remedy="find out who wrote this row: no code of ours acknowledges what is not stored",
    ),
    Question(
        promise="P17",
        name="too_large",
        key=RAW.c.id,
        wrong=lambda terms: sa.select(RAW.c.id, RAW.c.source, RAW.c.size, RAW.c.part_count).where(
            sa.or_(RAW.c.size > terms.most_bytes, RAW.c.part_count > terms.most_parts)
        ),
        sentence="message {id} of {source} has {size} bytes and {part_count} parts, more than any limit lets in",
        remedy="look at the limits of the connector (docs/limits.md) and at who wrote this row",
    ),
    Question(
        promise="P11",
        name="letter_without_a_word",
        key=LETTERS.c.id,
        wrong=lambda terms: sa.select(LETTERS.c.id, LETTERS.c.stage, LETTERS.c.code).where(
            sa.or_(
                *(
                    sa.func.btrim(LETTERS.c[name]) == ""
                    for name in ("sentence", "remedy", "code", "error_class")
                )
            )
        ),
        sentence="dead letter {id} ({stage}, {code}) does not say why, or what to do",
        remedy="look at the thing itself, and report this",
    ),
    Question(
        promise="P11",
        name="letter_of_nothing",
        key=LETTERS.c.id,
        wrong=lambda terms: sa.select(LETTERS.c.id, LETTERS.c.code).where(
            sa.or_(
                sa.and_(LETTERS.c.raw_id.is_not(None), sa.not_(there(RAW, *of(RAW, LETTERS, id="raw_id")))),
                sa.and_(
                    LETTERS.c.write_back_id.is_not(None),
                    sa.not_(there(WRITTEN, *of(WRITTEN, LETTERS, id="write_back_id"))),
                ),
            )
        ),
        sentence="dead letter {id} ({code}) is of a thing that is not there",
        remedy="restore the thing from a backup, or there is no way back for it",
    ),
    Question(
        promise="P12",
        name="open_letter_of_a_finished_part",
        key=LETTERS.c.id,
        wrong=lambda terms: sa.select(LETTERS.c.id, LETTERS.c.raw_id, LETTERS.c.part).where(
            LETTERS.c.state == "open",
            LETTERS.c.part.is_not(None),
            there(
                PARTS,
                *of(PARTS, LETTERS, raw_id="raw_id", ordinal="part"),
                PARTS.c.state.in_(["processed", "discarded"]),
            ),
        ),
        sentence="dead letter {id} is open, and part {part} of message {raw_id} is done: a replay would repeat it",
        remedy="discard the letter with this as its reason, and report it",
    ),
    Question(
        promise="P12",
        name="closed_by_nobody",
        key=LETTERS.c.id,
        wrong=lambda terms: sa.select(LETTERS.c.id, LETTERS.c.state).where(
            LETTERS.c.state.in_(["replayed", "discarded"]),
            sa.or_(LETTERS.c.closed_by.is_(None), LETTERS.c.closed_at.is_(None)),
        ),
        sentence="dead letter {id} is {state}, and nobody knows by whom or when",
        remedy="look in the audit for it: `crossdock audit list --object`",
    ),
    Question(
        promise="P10",
        name="states_with_a_gap",
        key=STEPS.c.case_id,
        wrong=_chain_of_states,
        sentence="step {sequence} of case {case_id} leaves {from_state}, and the step before it led to {stood}",
        remedy="compare the case's steps with a backup",
    ),
    Question(
        promise="P10",
        name="states_that_may_not_follow",
        key=STEPS.c.case_id,
        wrong=_illegal_step,
        sentence="step {sequence} of case {case_id} goes from {from_state} to {to_state}, which no case may",
        remedy="the guards were lifted when this was written: find out by whom",
    ),
    Question(
        promise="P10",
        name="state_is_not_the_last_step",
        key=CASES.c.id,
        wrong=_state_is_not_its_last_step,
        sentence="case {id} is {state}, and its last step led to {step}",
        remedy="something older overwrote what is newer: compare the case with a backup",
    ),
    Question(
        promise="P18",
        name="event_that_is_not_its_row",
        key=EVENTS.c.id,
        wrong=lambda terms: sa.select(EVENTS.c.id, EVENTS.c.subject).where(
            sa.or_(
                EVENTS.c.document["id"].astext.is_distinct_from(sa.cast(EVENTS.c.id, sa.Text)),
                EVENTS.c.document["source"].astext.is_(None),
                EVENTS.c.document["tenantid"].astext.is_distinct_from(EVENTS.c.tenant),
            )
        ),
        sentence="event {id} would be emitted with another id, tenant or no source: nobody could know it again",
        remedy="compare the event with a backup",
    ),
)
