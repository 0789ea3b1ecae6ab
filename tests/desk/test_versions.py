"""As now and as then: what a part failed under is noted, and "as then" runs it under nothing else."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from crossdock.deadletters import NotPossible
from crossdock.hub import Hub
from crossdock.redrive import Chosen
from crossdock.store.tables import dead_letters, parts
from crossdock.versions import differences
from tests.attack.test_edi_order import a_set, balance, interchange, take
from tests.desk.conftest import rows

WRONG = a_set("855", 1, "BAK*00*AT*46000001*20261120", "PO1*1*10*EA*2.5**VN*V-1", "ACK*QQ*10*EA", "CTT*1")
ALL = Chosen(stage="normalize")


@pytest.fixture
def failed(hub: Hub) -> Any:
    take(hub, "one", interchange(1, WRONG))
    hub.process()
    [letter] = rows(hub.store, dead_letters)
    return letter


def upgraded(hub: Hub) -> Hub:
    """The same hub after an upgrade of the mapping."""
    newer = Hub.open(clock=hub.clock, store=hub.store, tenant=hub.tenant)
    mapping = newer.registry.inbound("x12/855")
    assert mapping is not None and newer.registry._inbound is not None
    newer.registry._inbound["x12/855"] = replace(mapping, version="99")
    return newer


def test_a_letter_notes_everything_that_it_was_handled_with(failed: Any) -> None:
    assert set(failed.versions) == {"crossdock", "connector", "routes", "schemas", "partner", "mapping"}
    assert failed.versions["mapping"].startswith("x12_855/")
    assert failed.versions["partner"].startswith("acme_supply/")
    assert failed.versions["connector"].startswith("supplier_edi/")


def test_as_then_runs_while_what_is_installed_is_what_it_failed_under(hub: Hub, failed: Any) -> None:
    hub.replay(failed.id, "anna", as_then=True)
    hub.process()
    first, second = sorted(rows(hub.store, dead_letters), key=lambda row: row.replays)
    assert (first.replay_as, second.sentence, second.versions) == ("then", first.sentence, first.versions)


def test_as_then_is_refused_when_another_version_is_installed_and_as_now_is_not(
    hub: Hub, failed: Any
) -> None:
    newer = upgraded(hub)
    with pytest.raises(NotPossible, match=r"mapping x12_855/.+ is not installed any more: it is x12_855/99"):
        newer.replay(failed.id, "anna", as_then=True)
    assert "1 is not to be run as then, and is left: mapping x12_855/" in (
        newer.desk.redrives.preview(ALL, as_then=True).sentence
    )
    newer.desk.redrives.start(ALL, actor="anna", as_then=True)
    assert Counter(newer.redrive().counts) == {"redrives": 1, "left": 1, "put_back": 0, "skipped": 0}
    assert [row.state for row in rows(hub.store, parts)] == ["dead_lettered"]
    newer.replay(failed.id, "anna")
    newer.process()
    [again] = [row for row in rows(hub.store, dead_letters) if row.state == "open"]
    assert again.versions["mapping"] == "x12_855/99"


def test_an_upgrade_between_the_asking_and_the_running_changes_nothing_unseen(hub: Hub, failed: Any) -> None:
    hub.replay(failed.id, "anna", as_then=True)
    upgraded(hub).process()
    [again] = [row for row in rows(hub.store, dead_letters) if row.state == "open"]
    assert again.sentence.startswith("it was to be run as then, and mapping x12_855/")
    assert again.came_back_from == failed.id
    assert balance(hub) == []


def test_what_noted_no_versions_is_not_run_as_then(hub: Hub) -> None:
    assert hub.versions.missing("supplier_edi", {}) == ["under which versions it failed was not noted"]


def test_what_was_not_noted_is_not_compared() -> None:
    assert differences({"routes": "a"}, {"routes": "a", "mapping": "m/1"}) == []
    assert differences({"routes": "a", "partner": "p/1"}, {"routes": "b"}) == [
        "partner p/1 is not installed any more: it is none",
        "routes a is not installed any more: it is b",
    ]
