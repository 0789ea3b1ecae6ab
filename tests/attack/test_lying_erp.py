"""An ERP that resets, hangs, hurries us, breaks and lies: one effect in its own records in the end, and no more."""

from typing import Any

import pytest

from crossdock.faultpoints import InjectedFault
from crossdock.messages import WriteBackState

FAULTS: dict[str, dict[str, Any]] = {
    "reset before commit": {"mode": "reset_before_commit"},
    "reset after commit": {"mode": "reset_after_commit"},
    "hang, nothing done": {"mode": "hang", "seconds": 3.0},
    "hang, done": {"mode": "hang", "seconds": 3.0, "commit": True},
    "429": {"mode": "429", "retry_after": "120"},
    "429 for a year": {"mode": "429", "retry_after": "31536000"},
    "500, nothing done": {"mode": "500"},
    "500, done": {"mode": "500", "commit": True},
    "200 with HTML, nothing done": {"mode": "html"},
    "200 with HTML, done": {"mode": "html", "commit": True},
}
NOT_TAKEN = {"429", "429 for a year"}
"""The ERP said that it did nothing: no doubt is left."""


def write_back(play: Any) -> Any:
    [row] = play.rows("SELECT * FROM crossdock.write_backs")
    return row


def attempts(play: Any) -> list[tuple[int, str, str | None]]:
    return [
        (row.attempt, row.phase, row.outcome)
        for row in play.rows("SELECT * FROM crossdock.attempts ORDER BY attempt, phase = 'outcome', at")
    ]


def queue_one(play: Any) -> str:
    order = play.hold(7001)
    play.hub().receive("erp")
    play.hub().process()
    assert write_back(play).state == WriteBackState.READY
    return order


def effects(play: Any) -> list[str]:
    return [effect["order"] for effect in play.world.erp.effects()]


@pytest.mark.parametrize("honours", [True, False], ids=["keys honoured", "keys ignored"])
@pytest.mark.parametrize("name", FAULTS)
def test_one_effect_whatever_the_erp_does(play: Any, name: str, honours: bool) -> None:
    order = queue_one(play)
    play.world.erp.honours_keys = honours
    play.world.erp.faults.tell({**FAULTS[name], "operation": "notes", "times": 2})
    seen = []
    for _ in range(4):
        play.hub().deliver("erp")
        row = write_back(play)
        seen.append(row.state)
        # delivered is said only of what is in the ERP's own records
        assert (row.state == WriteBackState.DELIVERED) <= (effects(play) == [order])
        if row.next_attempt_at is None:
            break
        assert row.next_attempt_at > play.now, "nobody calls again at once"
        play.clock.advance(row.next_attempt_at - play.now)
    assert seen[-1] == WriteBackState.DELIVERED
    assert effects(play) == [order]
    history = attempts(play)
    first_word = "retry" if name in NOT_TAKEN else "unsure"
    assert history[:2] == [(1, "intent", None), (1, "outcome", first_word)]
    assert sum(phase == "intent" for _, phase, _ in history) == len(seen)
    assert play.letters() == []
    assert play.balance() == []


@pytest.mark.parametrize("name", FAULTS)
def test_an_erp_that_never_recovers_ends_in_a_dead_letter_that_says_what_is_known(
    play: Any, name: str
) -> None:
    queue_one(play)
    play.world.erp.faults.tell({**FAULTS[name], "seconds": 1.5, "operation": "notes"})
    play.world.erp.faults.tell({"mode": "500", "operation": "effects"})
    while (row := write_back(play)).next_attempt_at is not None:
        play.clock.advance(row.next_attempt_at - play.now)
        play.hub().deliver("erp")
    [letter] = play.letters()
    if name in NOT_TAKEN:
        assert (row.state, letter.code) == (WriteBackState.EXHAUSTED, "INT.DELIVERY_FAILED")
    else:
        assert (row.state, letter.code) == (WriteBackState.UNSURE, "INT.OUTCOME_UNKNOWN")
    assert len(effects(play)) <= 1
    # ten by the schedule; who asks for a day each time is over its age of three days before that
    tried = 4 if name == "429 for a year" else 10
    assert [phase for _, phase, _ in attempts(play)] == ["intent", "outcome"] * tried
    assert letter.stage == "deliver"
    assert ("replay" if name in NOT_TAKEN else "crossdock unknown happened") in letter.remedy
    assert play.balance() == []


def test_a_worker_that_died_after_the_call_leaves_one_effect(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = queue_one(play)
    play.world.erp.honours_keys = False
    monkeypatch.setenv("CROSSDOCK_FAULT", "deliver.after_call:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        play.hub().deliver("erp")
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert write_back(play).state == WriteBackState.SENDING
    play.hub().deliver("erp")  # the lease holds: nobody else touches it
    assert write_back(play).state == WriteBackState.SENDING
    play.later(seconds=301)
    play.hub().deliver("erp")
    assert write_back(play).state == WriteBackState.DELIVERED
    assert effects(play) == [order]
    assert [outcome for _, phase, outcome in attempts(play) if phase != "intent"] == ["unsure", "found"]
