"""How a target stands: circuit, quotas, budget, windows. The row and the rules, without a database."""

import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.blackouts import Blackout, until
from crossdock.deliver import next_step
from crossdock.deliver.policy import LONGEST_WAIT
from crossdock.messages import (
    Conflict,
    Delivered,
    Receipt,
    Reject,
    Retry,
    Unsure,
    WriteBack,
    WriteBackState,
)
from crossdock.ports import SinkManifest
from crossdock.standing import (
    LOGIN_PROBES_S,
    OPENS_AFTER,
    REST_S,
    RETRY_FLOOR_PER_S,
    RETRY_RESERVE,
    Standing,
    Stop,
    TargetState,
)
from crossdock.store.outbox import Intent

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
LEASE = timedelta(minutes=5)


def rules(**changes: object) -> SinkManifest:
    values = {
        "operations": ("note",), "idempotency": "key", "schedule_s": (10, 20, 40), "concurrency": 1, "batch": 50,
        "every_s": 15, "settings": {}, **changes,
    }  # fmt: skip
    return SinkManifest(**values)  # type: ignore[arg-type]


def one(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


# ── the circuit ──────────────────────────────────────────────────────────────────────────────────────────────


def opened() -> Standing:
    standing = Standing()
    for number in range(OPENS_AFTER):
        standing = standing.failed(one(number), NOW, "connection refused")
    return standing


def test_five_failed_calls_in_a_row_open_the_circuit_and_four_do_not():
    standing = Standing()
    for number in range(OPENS_AFTER - 1):
        standing = standing.failed(one(number), NOW, "connection refused")
        assert standing.permit(rules(), NOW, ()).limit == 50
    standing = standing.failed(one(9), NOW, "connection refused")
    permit = standing.permit(rules(), NOW, ())
    assert (permit.limit, permit.until) == (0, NOW + timedelta(seconds=REST_S[0]))
    assert permit.sentence() == (
        "5 calls in a row failed, the last: connection refused; next try 2026-11-20 14:00:30Z"
    )


def test_an_answer_ends_the_row_of_failures_also_when_it_is_a_no():
    standing = Standing()
    for number in range(50):
        standing = standing.failed(one(number), NOW, "reset")
        if number % OPENS_AFTER == OPENS_AFTER - 2:
            standing = standing.answered()
    assert standing.state is TargetState.CLOSED


def test_after_its_rest_exactly_one_call_tries_it():
    standing = opened()
    later = NOW + timedelta(seconds=REST_S[0])
    permit = standing.permit(rules(), later, ())
    assert (permit.limit, permit.probe) == (1, True)
    probing = standing.claimed(rules(), later, first=1, again=0, probe=one(1), lease=LEASE)
    assert probing.state is TargetState.HALF_OPEN
    assert probing.permit(rules(), later, ()).limit == 0, "the second worker waits for the first one's probe"
    assert probing.forbids(rules(), later, (), one(1)) is None
    assert probing.forbids(rules(), later, (), one(2)) is not None
    assert probing.answered().permit(rules(), later, ()).limit == 50
    dead = later + LEASE
    assert probing.permit(rules(), dead, ()).probe, "a probe whose worker died is made again"


def test_a_probe_that_fails_rests_for_longer_and_for_ten_minutes_at_most():
    standing, now, rests = opened(), NOW, []
    for number in range(8):
        assert standing.probe_at is not None
        rests.append((standing.probe_at - now).total_seconds())
        now = standing.probe_at
        standing = standing.claimed(rules(), now, first=1, again=0, probe=one(number), lease=LEASE)
        assert standing.failed(one(99), now, "not the probe") == standing
        standing = standing.failed(one(number), now, "reset")
    assert rests == [30, 60, 120, 300, 600, 600, 600, 600]
    assert standing.since == NOW


def test_a_refused_login_rests_and_is_tried_with_one_call_from_time_to_time():
    standing, now, waits = Standing(), NOW, []
    for number in range(5):
        standing = standing.login_refused(now, "401")
        assert standing.probe_at is not None
        waits.append((standing.probe_at - now).total_seconds())
        now = standing.probe_at
        standing = standing.claimed(rules(), now, first=1, again=0, probe=one(number), lease=LEASE)
    assert waits == [*LOGIN_PROBES_S, LOGIN_PROBES_S[-1], LOGIN_PROBES_S[-1]]
    assert standing.since == NOW
    assert standing.answered() == replace(standing.resumed(), retries=standing.retries, retries_at=now)


def test_what_a_person_paused_no_call_and_no_refused_login_opens():
    standing = Standing().paused(NOW, "ann", "upgrade tonight")
    later = NOW + timedelta(days=30)
    assert standing.permit(rules(), later, ()).sentence() == (
        "paused by ann: upgrade tonight; until a person says so"
    )
    assert standing.answered().state is TargetState.PAUSED
    assert standing.login_refused(later, "401") == standing
    assert standing.failed(one(1), later, "reset") == standing
    assert standing.resumed().permit(rules(), later, ()).limit == 50


def test_a_stop_of_one_operation_leaves_the_others():
    stop = Stop(target="erp", operation="hold", by="ann", reason="wrong orders", at=NOW)
    assert Standing().permit(rules(), NOW, [stop]).limit == 50
    assert stop.covers("hold")
    assert not stop.covers("note")
    assert str(stop) == "erp:hold is stopped by ann: wrong orders"
    everything = replace(stop, target="*", operation="*")
    assert Standing().permit(rules(), NOW, [everything]).why == "everything is stopped by ann: wrong orders"


# ── the quotas ───────────────────────────────────────────────────────────────────────────────────────────────


@given(
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(0, 80)), max_size=60),
    rate=st.floats(0.1, 50),
    burst=st.integers(1, 100),
)
def test_no_more_calls_than_the_bucket_holds_and_the_rate_gives(steps, rate, burst):
    target, standing, now, calls = rules(rate_per_s=rate, burst=burst), Standing(), NOW, 0
    for seconds, wanted in steps:
        now += timedelta(seconds=seconds)
        permit = standing.permit(target, now, ())
        taken = min(permit.limit, wanted)
        standing = standing.claimed(target, now, first=taken, again=0, lease=LEASE)
        calls += taken
        assert calls <= burst + rate * (now - NOW).total_seconds() + 1e-6
        assert permit.limit > 0 or permit.until > now


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 600), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=80
    ),
    share=st.floats(0, 0.2),
)
def test_retries_are_at_most_their_share_of_the_first_attempts_and_a_small_floor(steps, share):
    target, standing, now, first, again = rules(retry_share=share), Standing(), NOW, 0, 0
    for seconds, fresh, wanted in steps:
        now += timedelta(seconds=seconds)
        permit = standing.permit(target, now, ())
        taken = min(wanted, permit.retries)
        standing = standing.claimed(target, now, first=fresh, again=taken, lease=LEASE)
        first, again = first + fresh, again + taken
        floor = RETRY_RESERVE + RETRY_FLOOR_PER_S * (now - NOW).total_seconds()
        assert again <= share * first + floor + 1e-6


def test_a_quiet_target_may_be_tried_again_although_nothing_new_is_sent():
    standing = Standing().claimed(rules(), NOW, first=0, again=RETRY_RESERVE, lease=LEASE)
    assert standing.permit(rules(), NOW, ()).retries == 0
    assert standing.next_retry_at(rules(), NOW) == NOW + timedelta(seconds=6)
    assert standing.permit(rules(), NOW + timedelta(seconds=61), ()).retries == RETRY_RESERVE


def test_a_clock_that_is_set_back_gives_no_quota_and_takes_none():
    target = rules(rate_per_s=1.0, burst=10)
    standing = Standing().claimed(target, NOW, first=4, again=0, lease=LEASE)
    assert standing.permit(target, NOW - timedelta(hours=1), ()).limit == 6


# ── the windows ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "now", "end"),
    [
        ("Mon-Fri 22:00-02:00 America/Chicago", "2026-11-20T03:59Z", None),  # Thursday 21:59
        ("Mon-Fri 22:00-02:00 America/Chicago", "2026-11-20T04:00Z", "2026-11-20T08:00Z"),
        ("Mon-Fri 22:00-02:00 America/Chicago", "2026-11-21T07:59Z", "2026-11-21T08:00Z"),  # begun on Friday
        ("Mon-Fri 22:00-02:00 America/Chicago", "2026-11-21T08:00Z", None),
        ("Mon-Fri 22:00-02:00 America/Chicago", "2026-11-22T05:00Z", None),  # Saturday 23:00
        ("Sat,Sun 00:00-24:00 UTC", "2026-11-21T12:00Z", "2026-11-23T00:00Z"),
        ("02:00-03:00 UTC", "2026-11-20T02:30Z", "2026-11-20T03:00Z"),
        # in summer the same wall clock is another hour
        ("Mon-Fri 22:00-02:00 America/Chicago", "2026-07-02T03:00Z", "2026-07-02T07:00Z"),
        # the night in which 02:00 to 03:00 does not exist, and the one in which 01:00 to 02:00 is twice
        ("Sun 02:30-04:00 America/Chicago", "2026-03-08T07:30Z", "2026-03-08T09:00Z"),
        ("Sat-Sun 22:00-02:30 America/Chicago", "2026-03-08T08:15Z", "2026-03-08T08:30Z"),
        ("Sun 01:30-01:45 America/Chicago", "2026-11-01T06:30Z", "2026-11-01T07:45Z"),
        ("Sun 01:30-01:45 America/Chicago", "2026-11-01T07:15Z", "2026-11-01T07:45Z"),
    ],
)
def test_a_window_is_open_by_the_wall_clock_of_the_target(text, now, end):
    found = until([Blackout.parse(text)], datetime.fromisoformat(now))
    assert (found[0] if found else None) == (datetime.fromisoformat(end) if end else None)


def test_windows_that_touch_are_one():
    windows = [Blackout.parse("22:00-24:00 UTC"), Blackout.parse("00:00-03:00 UTC")]
    end, window = until(windows, datetime(2026, 11, 20, 23, tzinfo=UTC))
    assert (end, str(window)) == (datetime(2026, 11, 21, 3, tzinfo=UTC), "22:00-24:00 UTC")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("at night", "is no blackout window"),
        ("Mon-Fri 22:00-02:00", "is no blackout window"),
        ("Mon-Fry 22:00-02:00 UTC", "'mon-fry' is no day"),
        ("25:00-26:00 UTC", "25:00 is no time"),
        ("10:00-10:60 UTC", "10:60 is no time"),
        ("10:00-10:00 UTC", "has no length"),
        ("24:00-02:00 UTC", "has no length"),
        ("10:00-11:00 America/Chikago", "no time zone 'America/Chikago'"),
    ],
)
def test_a_window_that_is_none_is_refused_with_a_sentence(text, words):
    with pytest.raises(ValueError, match=words):
        Blackout.parse(text)


# ── what an outcome leads to ─────────────────────────────────────────────────────────────────────────────────


def intent(**changes: object) -> Intent:
    write_back = WriteBack(
        id=one(1), tenant="main", target="erp", operation="note", idempotency_key="k", body=b"{}",
        media_type="application/json", subject="supplier_po/1", attempt=1,
    )  # fmt: skip
    values = {
        "write_back": write_back, "fence": 1, "spent": 1, "ask_first": False, "lease_until": NOW, "trying_since": NOW,
        **changes,
    }  # fmt: skip
    return Intent(**values)  # type: ignore[arg-type]


def step(outcome, *, now=NOW, can_be_asked=False, target=None, **of_intent):
    return next_step(
        outcome,
        rules=target or rules(),
        intent=intent(**of_intent),
        now=now,
        dice=random.Random(1),
        target="erp",
        can_be_asked=can_be_asked,
    )


@pytest.mark.parametrize(
    ("outcome", "idempotency", "state"),
    [
        (Delivered(receipt=Receipt(reference="N-1")), "none", "delivered"),
        (Reject(reason="no"), "key", "rejected"),
        (Retry(reason="down"), "none", "ready"),
        (Unsure(reason="quiet"), "key", "ready"),
        (Unsure(reason="quiet"), "natural_key", "ready"),
        (Unsure(reason="quiet"), "conditional", "ready"),
        (Unsure(reason="quiet"), "readback", "unsure"),
        (Unsure(reason="quiet"), "none", "unsure"),
        (Conflict(reason="412"), "conditional", "rejected"),
    ],
)
def test_an_outcome_leads_to_its_state(outcome, idempotency, state):
    assert step(outcome, target=rules(idempotency=idempotency)).state == state


def test_what_can_be_asked_is_tried_again_although_it_may_have_happened():
    found = step(Unsure(reason="quiet"), target=rules(idempotency="readback"), can_be_asked=True)
    assert (found.state, found.ask_first) == (WriteBackState.READY, True)


def test_a_repeat_that_the_target_would_not_recognise_any_more_is_not_made():
    target = rules(remembers_s=30, schedule_s=(10, 20, 40))
    first = step(Unsure(reason="reset"), target=target)
    assert first.state is WriteBackState.READY
    again = step(
        Unsure(reason="reset"), target=target, spent=2, ask_first=True, maybe_since=NOW,
        now=NOW + timedelta(seconds=12),
    )  # fmt: skip
    assert again.state is WriteBackState.UNSURE
    assert again.problem.code == "INT.OUTCOME_UNKNOWN"
    assert "it may have happened since 2026-11-20 14:00Z" in again.reason


def test_the_lifetime_of_a_key_does_not_bind_what_provably_never_left():
    target = rules(remembers_s=1, schedule_s=(10, 20, 40))
    assert step(Retry(reason="refused"), target=target, spent=3).state is WriteBackState.READY


def test_a_conflict_after_an_unsure_attempt_may_be_with_ourselves():
    found = step(Conflict(reason="412"), target=rules(idempotency="conditional"), ask_first=True)
    assert (found.state, found.problem.code) == (WriteBackState.UNSURE, "INT.OUTCOME_UNKNOWN")


@given(
    schedule=st.lists(st.integers(1, 100_000), min_size=1, max_size=12).map(tuple),
    age=st.integers(1, 400_000),
    late=st.lists(st.integers(0, 50_000), min_size=20, max_size=20),
    not_before=st.one_of(st.none(), st.integers(-(10**6), 10**9)),
    outcomes=st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_trying_is_bounded_by_number_and_by_age_and_the_next_time_is_always_known(
    schedule, age, late, not_before, outcomes
):
    target = rules(schedule_s=schedule, max_age_s=age)
    now, ask_first = NOW, False
    for spent, (delay, quiet) in enumerate(zip(late, outcomes, strict=True), 1):
        asked = None if not_before is None else now + timedelta(seconds=not_before)
        outcome = Unsure(reason="reset") if quiet else Retry(reason="429", not_before=asked)
        found = step(outcome, target=target, spent=spent, ask_first=ask_first, now=now, maybe_since=NOW)
        assert spent <= len(schedule) + 1
        if found.state is not WriteBackState.READY:
            assert found.state in (WriteBackState.EXHAUSTED, WriteBackState.UNSURE)
            assert found.problem is not None
            assert (found.state is WriteBackState.UNSURE) == (quiet or ask_first)
            return
        assert now < found.next_attempt_at <= NOW + timedelta(seconds=age)
        longest = timedelta(seconds=schedule[spent - 1] * 1.1 + 1)
        assert found.next_attempt_at <= now + max(longest, LONGEST_WAIT)
        ask_first = found.ask_first
        now = found.next_attempt_at + timedelta(seconds=delay)
    raise AssertionError("it was tried twenty times")
