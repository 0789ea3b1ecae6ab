"""``crossdock verify``: the verdict on each promise, for people and for programs."""

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa


def test_each_promise_has_a_line_with_what_was_not_seen(told: Any, crossdock: Any) -> None:
    ran = crossdock("verify", "--promise", "p6", "--promise", "P23")
    assert ran.exit_code == 0
    assert "P6" in ran.stdout
    assert "not seen: what the target did" in ran.stdout
    found = crossdock("verify", "--promise", "P23", "--json").json
    assert (found["kept"], [one["promise"] for one in found["promises"]]) == (True, ["P23"])


def test_the_first_broken_promise_ends_with_3_and_says_what_to_do(
    told: Any, crossdock: Any, tmp_path: Path
) -> None:
    file = tmp_path / "acknowledged.jsonl"
    file.write_text(json.dumps({"source": "supplier_edi", "key": "never came"}))
    with told.store._engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text("UPDATE crossdock.sources SET received_total = received_total + 1"))
    ran = crossdock("verify", "--promise", "P1", "--promise", "P2", "--acknowledged", str(file))
    assert ran.exit_code == 3
    assert "P1 is broken: a client holds" in ran.stderr
    assert "BROKEN  P1" in ran.stdout
    assert "P2" not in ran.stdout, "the first one ends it"


def test_a_promise_that_nobody_made_is_a_wrong_word(told: Any, crossdock: Any) -> None:
    ran = crossdock("verify", "--promise", "P99")
    assert ran.exit_code == 2
    assert "P1 to P25" in ran.stderr
