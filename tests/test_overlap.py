"""How far a poll has come: nothing lost where moments tie or records come late, and nothing twice."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from crossdock.overlap import DIGITS, Position

BEGIN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=10)

Record = tuple[str, datetime]


def at(minute: int, hour: int = 11) -> datetime:
    return datetime(2026, 11, 21, hour, minute, tzinfo=UTC)


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def start(text: str | None = None) -> Position:
    return Position.of(text, overlap=WINDOW, begin_at=BEGIN)


def poll(system: Sequence[Record], text: str | None) -> Iterator[tuple[str, str]]:
    """The new records of a system that orders by moment, each with the position after it."""
    position = start(text)
    since = position.since(BEGIN)
    for name, moment in sorted(system, key=lambda record: record[1]):
        if moment >= since and not position.has_seen(digest(name)):
            position.add(digest(name), moment, now=NOW)
            yield name, position.text()


def test_records_that_share_a_moment_are_not_lost_where_a_page_ends_between_them() -> None:
    system = [(name, at(0)) for name in "abcdefg"]
    for most in range(1, 7):
        found: list[str] = []
        text: str | None = None
        while page := [one for one, _ in zip(poll(system, text), range(most), strict=False)]:
            found += [name for name, _ in page]
            text = page[-1][1]
        assert found == list("abcdefg"), f"pages of {most}"


def test_a_record_that_ties_with_the_mark_and_comes_after_the_poll_is_found() -> None:
    system = [("a", at(0)), ("b", at(0))]
    *_, (_, text) = poll(system, None)
    assert [name for name, _ in poll([*system, ("c", at(0))], text)] == ["c"]


@pytest.mark.parametrize(("minute", "found"), [(20, ["late"]), (19, [])])
def test_a_late_record_is_found_up_to_the_width_of_the_window(minute: int, found: list[str]) -> None:
    system = [("a", at(0)), ("b", at(30))]
    *_, (_, text) = poll(system, None)
    assert [name for name, _ in poll([*system, ("late", at(minute))], text)] == found


def test_a_late_record_never_moves_the_mark_back() -> None:
    position = start()
    position.add(digest("a"), at(30), now=NOW)
    position.add(digest("late"), at(25), now=NOW)
    assert position.mark == at(30)


def test_a_moment_in_the_future_does_not_move_the_mark_and_its_record_comes_once() -> None:
    ahead = ("ahead", NOW + timedelta(days=40))
    *_, (_, text) = poll([("a", at(0)), ahead], None)
    assert start(text).mark == at(0)
    assert [name for name, _ in poll([("a", at(0)), ahead, ("b", at(30))], text)] == ["b"]


def test_the_moment_of_now_is_not_the_future() -> None:
    position = start()
    position.add(digest("a"), NOW, now=NOW)
    assert position.mark == NOW


def test_a_record_that_says_no_moment_is_remembered_at_the_mark() -> None:
    position = start()
    position.add(digest("a"), at(0), now=NOW)
    position.add(digest("mute"), None, now=NOW)
    assert position.mark == at(0)
    assert position.seen[digest("mute")[:DIGITS]] == at(0)


def test_what_lies_before_the_window_is_forgotten_and_what_lies_at_its_edge_is_not() -> None:
    position = start()
    for minute in range(60):
        position.add(digest(str(minute)), at(minute), now=NOW)
    assert [position.has_seen(digest(str(minute))) for minute in (0, 48, 49, 59)] == [
        False,
        False,
        True,
        True,
    ]
    assert len(position.seen) == 11


def test_a_window_of_no_width_still_tells_ties_apart() -> None:
    position = Position.of(None, overlap=timedelta(0), begin_at=BEGIN)
    position.add(digest("a"), at(0), now=NOW)
    position.add(digest("b"), at(0), now=NOW)
    assert position.since(BEGIN) == at(0)
    assert position.has_seen(digest("a"))


def test_a_poll_begins_a_window_before_the_mark_and_never_before_the_beginning() -> None:
    position = start()
    assert position.since(BEGIN) == BEGIN
    position.add(digest("a"), at(30), now=NOW)
    assert position.since(BEGIN) == at(20)


def test_what_is_stored_is_what_is_read_again() -> None:
    position = start()
    position.add(digest("a"), at(0), now=NOW)
    position.add(digest("b"), at(5), now=NOW)
    again = start(position.text())
    assert again == position
    assert again.text() == position.text()


def test_moments_are_read_in_any_zone() -> None:
    kept = {"mark": "2026-11-21T12:00:00+01:00", "seen": {"abc": "2026-11-21T10:59:00Z"}}
    position = start(json.dumps(kept))
    assert (position.mark, position.seen) == (at(0), {"abc": at(59, hour=10)})
    assert json.loads(position.text())["mark"] == "2026-11-21T11:00:00+00:00"
    assert start(position.text(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}")) == position


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        "7",
        "[]",
        "{}",
        '{"mark":"2026-11-21T11:00:00Z"}',
        '{"mark":"2026-11-21T11:00:00Z","seen":[]}',
        '{"mark":"2026-11-21T11:00:00Z","seen":{"abc":7}}',
        '{"mark":"2026-11-21T11:00:00","seen":{}}',
        '{"mark":"soon","seen":{}}',
        '{"mark":1,"seen":{}}',
        '{"mark":"2026-11-21T11:00:00Z","seen":{"abc":"2026-11-21T11:0',
    ],
)
def test_a_damaged_position_is_the_beginning(text: str | None) -> None:
    assert start(text) == Position(mark=BEGIN, overlap=WINDOW)
