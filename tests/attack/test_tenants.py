"""Two tenants in one database and one trading world: neither sees, moves or delivers what is the other's."""

from typing import Any

import pytest

from crossdock.deadletters import NoSuchDeadLetter
from crossdock.errors import Misconfigured
from crossdock.registry import Registry
from deploy.sandbox import documents


def test_a_hub_of_another_tenant_sees_and_touches_nothing(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a message, not a write-back, not a dead letter; what it receives itself is its own."""
    for paper in documents.morning(play.now):
        play.world.supplier.put(paper.name, paper.body)
    play.hold(7001)
    play.everything()
    letters = play.letters()
    before = play.rows("SELECT id, state FROM crossdock.write_backs ORDER BY id")
    assert letters
    assert before

    monkeypatch.setenv("CROSSDOCK_TENANT", "other")
    ours = play.hub()
    play.registry = Registry()  # another process
    other = play.hub(tenant=None)
    assert other.tenant == "other"
    assert other.process().counts["messages"] == 0
    assert other.deliver("erp").counts["attempts"] == 0
    assert play.world.erp.effects() == []
    for letter in letters:
        with pytest.raises(NoSuchDeadLetter):
            other.replay(letter.id, "eve")
        with pytest.raises(NoSuchDeadLetter):
            other.discard(letter.id, "eve", "mine now")
    assert play.rows("SELECT id, state FROM crossdock.write_backs ORDER BY id") == before

    # the same hold, received by the other tenant, is the other's own, and written under a key of its own
    report = other.receive("erp")
    assert report.error is None
    assert report.counts["stored"] == 1
    assert other.process().counts["events"] == 1
    assert other.deliver("erp").counts["delivered"] == 1
    ours.deliver("erp")
    notes = [effect for effect in play.world.erp.effects() if effect["order"] == "SO-7001"]
    assert len({effect["key"] for effect in notes}) == len(notes) == 2
    for tenant in ("main", "other"):
        play.tenant = tenant
        assert play.balance() == []
        assert {row.tenant for row in play.rows("SELECT tenant FROM crossdock.ledger_balance")} == {tenant}


def test_a_connector_of_another_tenant_is_said_to_be_one(play: Any) -> None:
    """``tenant = "other"`` in its connector.toml: nothing is read, and the sentence says how to run it."""
    other = play.hub(tenant="other")
    for step in (other.receive, other.deliver):
        with pytest.raises(Misconfigured, match="CROSSDOCK_TENANT=main"):
            step("erp")
