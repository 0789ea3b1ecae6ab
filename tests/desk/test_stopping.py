"""Too many failures stop the connector, once, instead of filling the desk; a person resumes it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crossdock.deadletters import NotPossible
from crossdock.errors import Misconfigured
from crossdock.hub import Hub
from crossdock.manifests import read_manifest, read_stop_after
from crossdock.ports import StopAfter
from crossdock.stopping import SourceStopped, is_too_much
from crossdock.store.tables import audit, cases, dead_letter_groups, dead_letters, raw_messages, sources
from tests.attack.test_edi_order import a_set, balance, interchange, take
from tests.desk.conftest import rows


def order(number: int, code: str) -> bytes:
    return interchange(
        number,
        a_set(
            "855",
            number,
            f"BAK*00*AT*46{number:06}*20261120",
            "PO1*1*10*EA*2.5**VN*V-1",
            f"ACK*{code}*10*EA",
            "CTT*1",
        ),
    )


@pytest.fixture
def careful(hub: Hub) -> Hub:
    """A hub whose supplier is stopped after 5 failures in 10 minutes."""
    manifest = hub.registry.manifest("supplier_edi")
    assert manifest.source is not None
    stop = read_stop_after("5 in 10m")
    hub.registry._manifests["supplier_edi"] = replace(
        manifest, source=replace(manifest.source, stop_after=stop)
    )
    return hub


def send(hub: Hub, first: int, count: int, code: str = "QQ") -> None:
    for number in range(first, first + count):
        take(hub, f"m{number}", order(number, code))


def test_a_source_of_which_too_much_fails_is_stopped_once_and_says_why(careful: Hub) -> None:
    send(careful, 1, 8)
    careful.process()
    [source] = rows(careful.store, sources)
    assert source.stopped_why.startswith("8 of the 8 parts that it sent since")
    assert source.stopped_why.endswith("and it is stopped after 5 in 10m")
    mine = [row for row in rows(careful.store, cases) if row.title.startswith("'supplier_edi' was stopped")]
    assert len(mine) == 1
    with pytest.raises(SourceStopped, match="crossdock connector resume supplier_edi"):
        send(careful, 9, 1)
    with pytest.raises(SourceStopped, match="connector 'supplier_edi' is stopped since"):
        careful.receive("supplier_edi")
    assert len(rows(careful.store, raw_messages)) == 8, (
        "nothing is taken, so nothing is lost: the sender keeps it"
    )
    assert balance(careful) == []


def test_what_was_received_before_the_stop_waits_and_the_desk_does_not_fill(
    careful: Hub, monkeypatch: Any
) -> None:
    monkeypatch.setattr("crossdock.process.BATCH_MESSAGES", 6)
    send(careful, 1, 20)
    careful.process()
    assert len(rows(careful.store, dead_letters)) == 6
    waiting = [row for row in rows(careful.store, raw_messages) if row.part_count is None]
    assert len(waiting) == 14
    careful.replay(rows(careful.store, dead_letters)[0].id, "anna")
    assert careful.process().counts["messages"] == 1, "what a person asks for is run, to try a cure"
    careful.desk.resume_source("supplier_edi", actor="anna", reason="the row was added")
    careful.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    careful.process()
    assert len([row for row in rows(careful.store, cases) if "was stopped" in row.title]) == 2, (
        "it failed once more"
    )
    assert balance(careful) == []


def test_failures_that_are_spread_out_and_those_before_a_resume_do_not_stop(careful: Hub) -> None:
    for number in range(1, 9):
        send(careful, number, 1)
        careful.process()
        careful.clock.advance(timedelta(minutes=3))  # type: ignore[attr-defined]
    assert rows(careful.store, sources)[0].stopped_at is None
    send(careful, 10, 6)
    careful.process()
    assert rows(careful.store, sources)[0].stopped_at is not None
    careful.desk.resume_source("supplier_edi", actor="anna", reason="mended")
    send(careful, 20, 5)
    careful.process()
    assert rows(careful.store, sources)[0].stopped_at is None
    assert [row.action for row in rows(careful.store, audit)] == ["source.resume"]


def test_what_a_person_ignores_for_now_stops_nothing_and_afterwards_it_counts(
    careful: Hub, clock: Any
) -> None:
    send(careful, 1, 1)
    careful.process()
    [group] = rows(careful.store, dead_letter_groups)
    until = clock.now() + timedelta(days=1)
    careful.desk.move_group(group.id, "ignored", actor="anna", reason="they mend it tomorrow", until=until)
    send(careful, 2, 20)
    careful.process()
    assert [row.stopped_at for row in rows(careful.store, sources)] == [None]
    clock.advance(timedelta(days=2))
    send(careful, 22, 6)
    careful.process()
    [source] = rows(careful.store, sources)
    assert source.stopped_why.startswith("6 of the 6 parts that it sent since")


def test_what_is_released_of_a_stopped_source_runs_and_what_it_said_since_waits(
    careful: Hub, monkeypatch: Any
) -> None:
    """What is known now is no reason to keep what waited for it; nothing new is taken before a person says so."""
    send(careful, 1, 8)
    careful.process()
    with careful.store.transaction("main") as connection:
        connection.execute(dead_letters.update().values(blocked_by="partner:ZZ/ACMESUPPLY"))
    assert careful.process().counts["unblocked"] == 8
    states = sorted(row.state for row in rows(careful.store, dead_letters) if row.replays == 0)
    assert states == ["replayed"] * 8
    assert careful.process().counts["unblocked"] == 0, "what came back is left to a person"
    with pytest.raises(SourceStopped):
        send(careful, 9, 1)
    assert len([row for row in rows(careful.store, cases) if "was stopped" in row.title]) == 1
    assert balance(careful) == []


def test_resuming_wants_a_reason_and_something_to_resume(careful: Hub) -> None:
    with pytest.raises(NotPossible, match="with a reason"):
        careful.desk.resume_source("supplier_edi", actor="anna", reason=" ")
    with pytest.raises(NotPossible, match="'supplier_edi' is not stopped"):
        careful.desk.resume_source("supplier_edi", actor="anna", reason="r")


def test_a_source_without_a_limit_is_never_stopped(hub: Hub) -> None:
    send(hub, 1, 12)
    hub.process()
    assert rows(hub.store, sources)[0].stopped_at is None


@pytest.mark.parametrize(
    ("text", "failed", "taken", "too_much"),
    [
        ("50 in 10m", 50, 50, False),
        ("50 in 10m", 51, 5_000, True),
        ("20% in 1h", 9, 9, False),
        ("20% in 1h", 20, 100, False),
        ("20% in 1h", 21, 100, True),
        ("0% in 1h", 10, 0, True),
    ],
)
def test_a_limit_is_a_number_or_a_share_in_a_window(
    text: str, failed: int, taken: int, too_much: bool
) -> None:
    assert is_too_much(read_stop_after(text), failed=failed, taken=taken) is too_much


def test_a_limit_is_read_with_its_window() -> None:
    limit = StopAfter(text="50 in 10m", most=50, share=False, window=timedelta(minutes=10))
    assert read_stop_after("50 in 10m") == limit


@pytest.mark.parametrize(
    "text", ["50", "50 in", "50 in 10", "fifty in 10m", "50 in 0m", "120% in 1h", "50 in 10m "]
)
def test_a_limit_that_is_none_is_refused_with_file_and_line(tmp_path: Any, text: str) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "connector.toml").write_text(
        'title = "A"\nowner = "o"\nwire = "rest"\nconnection = "c"\nconnection_type = "t"\nversion = "1"\n'
        '[source]\ndocument = "x12"\nmedia_type = "m"\nevery_s = 5\nbatch = 5\n'
        f'stop_after = "{text}"\n'
    )
    with pytest.raises(Misconfigured, match=r"connector\.toml:12: 'stop_after' must be") as refused:
        read_manifest(folder)
    assert '"50 in 10m" or "20% in 1h"' in str(refused.value)
