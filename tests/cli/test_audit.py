"""What a person does is in the audit, and the audit tells it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.hub import Hub
from crossdock.registry import Registry
from crossdock.store.tables import audit
from crossdock.testing.clock import MovableClock


@pytest.fixture
def acted(told: Any, crossdock: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A dead letter that dana discarded, and one that she replayed."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_AUDIT", json.dumps({"login": "k1", "password": "a key of 16 bytes at least"})
    )
    monkeypatch.setenv("CROSSDOCK_AUDIT_ANCHORS", str(tmp_path / "anchors.jsonl"))
    first = crossdock("dead-letters", "replay", str(told.letter))
    second = crossdock("dead-letters", "discard", str(told.letter_of_unsure), "--reason", "shipped by hand")
    assert (first.exit_code, second.exit_code) == (0, 0)
    return told


def test_what_people_did_is_listed_and_found_by_who_what_and_which(acted: Any, crossdock: Any) -> None:
    items = crossdock("audit", "list", "--json").json["items"]
    assert {(item["seq"], item["actor"], item["action"]) for item in items} == {
        (1, "dana", "dead_letter.replay"),
        (2, "dana", "dead_letter.discard"),
    }
    for asked, found in (
        (("--action", "dead_letter"), 2),
        (("--action", "dead_letter.discard"), 1),
        (("--actor", "paul"), 0),
        (("--object", str(acted.letter)), 1),
        (("--kind", "dead_letter"), 2),
        (("--since", "1h"), 2),
        (("--until", "1h"), 0),
    ):
        assert len(crossdock("audit", "list", *asked, "--json").json["items"]) == found, asked
    shown = crossdock("audit", "show", "2", "--json").json
    assert (shown["reason"], shown["key_id"]) == ("shipped by hand", "k1")
    assert crossdock("audit", "show", shown["id"][:8], "--json").json == shown
    assert crossdock("audit", "show", "7" * 30).exit_code == 2


def test_the_audit_is_exported_line_by_line_with_its_seals(acted: Any, crossdock: Any) -> None:
    rows = [json.loads(line) for line in crossdock("audit", "export").stdout.splitlines()]
    assert [(row["seq"], len(row["hash"])) for row in rows] == [(1, 64), (2, 64)]
    assert [
        json.loads(line)["seq"] for line in crossdock("audit", "export", "--from", "2").stdout.splitlines()
    ] == [2]
    assert len(crossdock("audit", "export", "--json").json["items"]) == 2


def test_verify_says_what_it_saw_and_ends_with_3_when_somebody_changed_a_row(
    acted: Any, crossdock: Any
) -> None:
    assert crossdock("audit", "anchor").exit_code == 0
    sound = crossdock("audit", "verify", "--json")
    assert (sound.exit_code, sound.json["sound"], sound.json["rows"], sound.json["anchored_seq"]) == (
        0,
        True,
        2,
        2,
    )
    with acted.store._engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.update(audit).where(audit.c.seq == 2).values(reason="another"))
    ran = crossdock("audit", "verify")
    assert ran.exit_code == 3
    assert "is not what was written, from row 2 on (changed)" in ran.stderr
    assert crossdock("audit", "verify", "--json").json["broken"]["seq"] == 2


def test_only_a_missing_end_is_explained_by_a_restore(acted: Any, crossdock: Any) -> None:
    ran = crossdock("audit", "restored", "--reason", "backup")
    assert ran.exit_code == 2
    assert "nothing is missing" in ran.stderr


def test_the_process_step_writes_an_anchor_once_an_hour(acted: Any, tmp_path: Path) -> None:
    clock = MovableClock()
    hub = Hub.open(store=acted.store, clock=clock, registry=Registry())
    file = tmp_path / "anchors.jsonl"
    for minutes, lines in ((0, 1), (30, 1), (61, 1)):
        clock.advance(timedelta(minutes=minutes))
        assert hub.process().error is None
        assert len(file.read_text().splitlines()) == lines, "nothing was added since"
    file.chmod(0o666)
    from crossdock.store import desk

    with acted.store.transaction("main") as connection:
        desk.add_audit(
            connection,
            tenant="main",
            now=clock.now(),
            actor="a",
            action="b.c",
            object_kind="d",
            object_id="e",
        )
    clock.advance(timedelta(hours=2))
    assert "only this account may write" in str(hub.process().error), "the run says why, and the work goes on"


def test_every_target_of_a_restored_database_ends_with_3(
    acted: Any, crossdock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ERP", '{"conn_type": "crossdock_rest", "host": "erp.invalid"}')
    assert crossdock("audit", "anchor").exit_code == 0
    with acted.store._engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.delete(audit).where(audit.c.seq == 2))
    ran = crossdock("deliver", "--once")
    assert ran.exit_code == 3
    assert "nothing is delivered" in ran.stderr
