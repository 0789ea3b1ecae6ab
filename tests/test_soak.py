"""The rules by which a soak is judged can say no; ``make soak`` runs one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crossdock.testing.total_queue import TotalQueue
from tests.soak.measures import Line, Process, p99_by_minute, p99_is_flat
from tests.soak.report import Soak, written


def process(rss: list[float], descriptors: list[float]) -> Process:
    return Process(name="receiver", pid=1, rss_mb=Line(values=rss), descriptors=Line(values=descriptors))


def soak() -> Soak:
    books = TotalQueue()
    books.attempt("SO-1")
    books.acknowledge("SO-1")
    line = Line(values=[0.1] * 9)
    return Soak(
        began_at=datetime(2026, 11, 20, 14, tzinfo=UTC),
        minutes=30,
        rate=20,
        seed=1,
        account=books.account({"SO-1": 1}),
        doubled={},
        balances=[{"balance": 0, "missing_parts": 0, "unexplained": 0}],
        states={"delivered": 1},
        letters={},
        calls=(1, 1),
        refused=0,
        kills={"database": 1, "worker": 1},
        rested_s=3.0,
        watched=[process([90.0] * 30, [20.0] * 30)],
        p99=line,
        p99_flat=p99_is_flat(line),
    )


def test_a_soak_in_which_nothing_went_wrong_held() -> None:
    assert soak().is_good
    assert "**Held.**" in written(soak())


@pytest.mark.parametrize(
    "changed",
    [
        {"doubled": {"key": 2}},
        {"balances": [{"balance": 1, "missing_parts": 0, "unexplained": 0}]},
        {"balances": [{"balance": 0, "missing_parts": 0, "unexplained": 1}]},
        {"rested_s": None},
        {"p99_flat": False},
        {"watched": [process([90.0 + 3 * place for place in range(30)], [20.0] * 30)]},
        {"watched": [process([90.0] * 30, [20.0 + place for place in range(30)])]},
        {"watched": [process([], [])]},
    ],
)
def test_each_fault_of_a_soak_is_said(changed) -> None:
    bad = replace(soak(), **changed)
    assert not bad.is_good
    assert "**NOT held.**" in written(bad)


def test_a_lost_or_doubled_message_is_said() -> None:
    books = TotalQueue()
    for order in ("SO-1", "SO-2"):
        books.attempt(order)
        books.acknowledge(order)
    for seen in ({"SO-1": 1}, {"SO-1": 2, "SO-2": 1}, {"SO-1": 1, "SO-2": 1, "SO-3": 1}):
        assert not replace(soak(), account=books.account(seen)).is_good


def test_the_p99_is_that_of_each_half_minute_and_too_few_say_nothing() -> None:
    answered = [(float(second), 0.1) for second in range(60)] + [(5.0, 2.0)]
    line = p99_by_minute(answered)
    assert line.values == [2.0, 0.1]
    assert p99_by_minute([(0.0, 0.1)] * 3).values == []
    assert not p99_is_flat(Line())
    assert not p99_is_flat(Line(values=[0.1, 0.1, 0.1, 0.1, 0.9, 0.9]))
