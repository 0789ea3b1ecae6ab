"""A short kill sweep in every run of the tests; ``make chaos`` fails every point in every way."""

import ast
import http.client
import json

import pytest

from crossdock.faultpoints import POINTS
from tests.chaos import promises
from tests.chaos.sweep import NOT_IN_THE_DAY, Case, Result, Sweep, every_case, never_met, table
from tests.chaos.world import ROOT, World, connectors

SHORT = (
    Case(point="receive.after_commit", kind="kill", nth=1),
    Case(point="process.before_commit", kind="disk_full", nth=1),
    Case(point="deliver.after_call", kind="kill", nth=1),
    Case(point="deliver.after_intent", kind="hang", nth=1),
    Case(point="deadletters.before_replay", kind="raise", nth=1),
)


@pytest.fixture(scope="module")
def sweep(database):
    with Sweep(new_database=database.migrated, drop_database=database.drop) as runner:
        yield runner


@pytest.mark.parametrize("case", SHORT, ids=str)
def test_a_worker_that_fails_there_changes_nothing_in_the_end(sweep, case) -> None:
    result = sweep.run(case)
    assert result.reached, f"the day never comes to {case.point}"
    assert result.violations == ()


def test_the_sweep_fails_every_point_in_every_way() -> None:
    cases = every_case()
    assert len(cases) == len(set(map(str, cases)))
    assert {case.point for case in cases} >= {"receive.before_commit", "deliver.after_call"}
    assert {(case.kind, case.nth) for case in cases} == {
        (kind, nth) for kind in ("kill", "raise", "hang", "disk_full") for nth in (1, 2)
    }


def test_what_the_day_never_meets_is_failed_by_a_test_that_is_there() -> None:
    """Its name stands in that test or in what its parameters are made of."""
    tried = {case.point for case in every_case()}
    assert tried | set(NOT_IN_THE_DAY) == set(POINTS)
    assert not tried & set(NOT_IN_THE_DAY)
    for point, test in NOT_IN_THE_DAY.items():
        path, _, name = test.partition("::")
        text = (ROOT / path).read_text("utf-8")
        (function,) = (
            one for one in ast.parse(text).body if isinstance(one, ast.FunctionDef) and one.name == name
        )
        said = ast.unparse(function)
        if "'point', POINTS" in said:
            said += "".join(ast.unparse(one) for one in ast.parse(text).body if isinstance(one, ast.Assign))
        assert f"'{point}'" in said, f"{test} does not fail {point}"
        assert "CROSSDOCK_FAULT" in said


def test_a_point_that_nobody_meets_is_no_success() -> None:
    met = Result(case=Case(point="a.after_x", kind="kill", nth=1), reached=True, restarts=1, seconds=0.1)
    unmet = Result(case=Case(point="b.after_x", kind="kill", nth=1), reached=False, restarts=0, seconds=0.1)
    assert never_met([met, unmet]) == ["b.after_x"]
    broken = Result(
        case=Case(point="c.after_x", kind="kill", nth=1),
        reached=True,
        restarts=1,
        seconds=0.1,
        violations=("P6: twice",),
    )
    assert not broken.held
    lines = table([met, unmet, broken]).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["a.after_x", "ok"],
        ["b.after_x", "-"],
        ["c.after_x", "NO"],
    ]


def test_the_judge_sees_what_was_lost_and_what_came_of_nothing(store, tmp_path) -> None:
    connectors(tmp_path / "connectors")
    with World(tmp_path, lies={}) as world:
        assert promises.broken(store, world) == []
        (tmp_path / "files/outbound/archive/moved.edi").write_bytes(b"moved, and never stored")
        (tmp_path / "acknowledged").write_text("0\n")
        order = http.client.HTTPConnection("127.0.0.1", world.erp.port, timeout=5)
        for text in ("one", "another"):
            order.request(
                "POST",
                "/api/sales-orders/SO-1/notes",
                body=json.dumps({"text": text}),
                headers={
                    "Idempotency-Key": "made up",
                    "Authorization": f"Bearer {world.books.token}",
                    "Content-Type": "application/json",
                },
            )
            order.getresponse().read()
        order.close()
        found = promises.broken(store, world)
    assert [sentence[:2] for sentence in found] == ["P1", "P1", "P6", "P7"]
