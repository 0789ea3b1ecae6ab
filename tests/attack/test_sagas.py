"""Rows that ask for a yes and rows that belong together, against a real ERP over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from crossdock.deadletters import NotPossible

QUEUES = '[queues]\ntriage = "T"\norders = "O"\n'
ROWS = """
[[rule]]
id = "blocked"
when = {{ code = ["CMP.EXPORT_BLOCK", "CRD.HOLD", "ORD.HOLD"] }}
queue = "orders"
owner = "o"
priority = 20
actions = {actions}
because = "{{title}}"
{more}
[[rule]]
id = "rest"
queue = "triage"
owner = "o"
priority = 60
because = "{{title}}"
"""
BELONG = 'together = true\nundo = { "erp:hold" = "erp:release", "erp:note" = "nothing" }\n'


@pytest.fixture
def decided(play: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Decide an export block of SO-7001 by a row with these actions; the hub after ``process``."""

    def decide(actions: str, more: str) -> Any:
        folder = tmp_path / "routes"
        folder.mkdir()
        (folder / "queues.toml").write_text(QUEUES)
        (folder / "main.toml").write_text(ROWS.format(actions=actions, more=more))
        monkeypatch.setenv("CROSSDOCK_ROUTES_DIR", str(folder))
        play.hold(7001, reason_code="EXPORT")
        play.receive("erp")
        hub = play.hub()
        hub.process()
        return hub

    return decide


def effects(play: Any) -> list[tuple[str, str]]:
    return [(effect["operation"], effect["order"]) for effect in play.world.erp.effects()]


def states(play: Any) -> dict[str, str]:
    return {
        row.operation: row.state for row in play.rows("SELECT operation, state FROM crossdock.write_backs")
    }


def test_what_a_row_wants_agreed_to_leaves_with_a_persons_yes_and_the_rest_at_once(
    play: Any, decided: Any
) -> None:
    hub = decided('["erp:hold", "erp:note"]', 'approve = ["erp:hold"]\n')
    hub.deliver("erp")
    assert effects(play) == [("notes", "SO-7001")]
    (asked,) = play.rows("SELECT * FROM crossdock.approvals")
    assert (asked.kind, asked.asked_by, asked.state) == ("leave", "rule main/blocked", "asked")
    assert asked.reason
    with pytest.raises(NotPossible, match="nobody who can answer"):
        hub.approvals.agree(asked.id, "rule main/blocked", "me")
    hub.approvals.agree(asked.id, "ann", "yes, stop it")
    hub.deliver("erp")
    assert effects(play) == [("notes", "SO-7001"), ("holds", "SO-7001")]


def test_deciding_again_asks_for_nothing_twice(play: Any, decided: Any) -> None:
    hub = decided('["erp:hold"]', 'approve = ["erp:hold"]\n')
    play.later(hours=1)
    play.hold(7001, reason_code="EXPORT", updated_at=play.now.isoformat().replace("+00:00", "Z"))
    play.receive("erp")
    hub.process()
    assert len(play.rows("SELECT * FROM crossdock.approvals")) == len(
        play.rows("SELECT * FROM crossdock.write_backs")
    )


def test_a_saga_of_two_effects_at_the_erp_is_done(play: Any, decided: Any) -> None:
    decided('["erp:hold", "erp:note"]', BELONG).deliver("erp")
    assert sorted(effects(play)) == [("holds", "SO-7001"), ("notes", "SO-7001")]
    (saga,) = play.rows("SELECT state, rule FROM crossdock.sagas")
    assert tuple(saga) == ("done", "main/blocked")


def test_a_no_to_the_note_takes_the_hold_off_the_order_once(play: Any, decided: Any) -> None:
    hub = decided('["erp:hold", "erp:note"]', f'approve = ["erp:note"]\n{BELONG}')
    hub.deliver("erp")
    assert effects(play) == [("holds", "SO-7001")]
    (asked,) = play.rows("SELECT id FROM crossdock.approvals")
    hub.approvals.decline(asked.id, "ann", "it is no export at all")
    for _ in range(3):
        hub.deliver("erp")
    assert effects(play) == [("holds", "SO-7001"), ("releases", "SO-7001")]
    held, released = play.world.erp.effects()
    assert released["body"]["releases"] == held["key"]
    assert released["body"]["reason"].startswith("taken back: ")
    (saga,) = play.rows("SELECT state, reason FROM crossdock.sagas")
    assert tuple(saga) == ("undone", "erp:note was discarded")
    assert play.balance() == []


def test_a_release_without_its_hold_is_refused_by_the_erp(play: Any, decided: Any) -> None:
    """What takes back is told what it takes back: the ERP takes off no hold of somebody else."""
    hub = decided('["erp:hold", "erp:note"]', f'approve = ["erp:note"]\n{BELONG}')
    play.world.erp.honours_keys = True
    hub.deliver("erp")
    play.world.erp._by_key.clear()  # somebody took it off already
    (asked,) = play.rows("SELECT id FROM crossdock.approvals")
    hub.approvals.decline(asked.id, "ann", "it is no export at all")
    for _ in range(2):
        hub.deliver("erp")
    (saga,) = play.rows("SELECT state, reason FROM crossdock.sagas")
    assert tuple(saga) == (
        "partial",
        "erp:note was discarded; what takes erp:hold back was rejected",
    )


def test_where_one_of_them_cannot_be_written_none_is(play: Any, decided: Any) -> None:
    by = '{ do = "erp:change_date", line = "1", date = "soon" }'
    undo = f'undo = {{ "erp:hold" = {by}, "erp:note" = "nothing" }}\n'
    decided('["erp:hold", "erp:note"]', f"together = true\n{undo}")
    assert play.rows("SELECT * FROM crossdock.write_backs WHERE case_id IS NOT NULL") == []
    assert play.rows("SELECT * FROM crossdock.sagas") == []
    (decision,) = play.rows("SELECT queue, error FROM crossdock.decisions")
    assert decision.queue == "triage"
    assert decision.error.startswith("erp:hold: ")
