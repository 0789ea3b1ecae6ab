"""Every kind of dead letter, replayed again and again, and given up: nothing is said twice, nothing is stuck."""

import json
from typing import Any

import pytest

from crossdock.deadletters import NotPossible
from crossdock.faultpoints import InjectedFault
from crossdock.messages import RawMessage
from deploy.sandbox import documents


@pytest.fixture(autouse=True)
def a_second_reader_that_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """What we answer to the groups 7701 and 7704 reads differently in the second reader, so it may not leave."""

    def differences(body: bytes) -> list[str]:
        return ["it reads it differently"] if b"*7701" in body or b"*7704" in body else []

    monkeypatch.setattr("crossdock.normalize.acknowledge.differences", differences)


def fill(play: Any) -> None:
    """Set aside: a directory, an odd name, a record that lacks all, one id with two bodies, a broken set, a
    stranger's file, and an answer that cannot be written to a file of one set and to one of several."""
    outbound = play.world.supplier.root / "outbound"
    for paper in documents.morning(play.now):
        play.world.supplier.put(paper.name, paper.body)
    (outbound / "directory.edi").mkdir()
    (outbound / "od$d name.edi").write_bytes(b"x")
    for name, paper, control in (
        ("one", documents.clean(play.now), b"4101"),
        ("three", documents.broken_between_good(play.now), b"4104"),
    ):
        play.world.supplier.put(f"{name}.edi", paper.body.replace(control, b"77" + control[2:]))
    play.receive("supplier_edi")
    hub = play.hub()
    for body in (b'{"a":1}', json.dumps(documents.order_holds(play.now)[0]).encode()):
        message = RawMessage(
            tenant="main",
            source="erp",
            key="same",
            body=body,
            media_type="application/json",
            received_at=play.now,
            name="same",
        )
        hub.accept(hub.registry.manifest("erp"), message)
    hub.process()


def open_letters(play: Any) -> list[Any]:
    return [letter for letter in play.letters() if letter.state == "open"]


def kinds(letters: list[Any]) -> set[tuple[str, str, bool]]:
    return {(letter.stage, letter.code, letter.part is None) for letter in letters}


def answers(play: Any) -> list[tuple[Any, ...]]:
    return sorted(
        tuple(row)
        for row in play.rows("SELECT raw_id, body FROM crossdock.write_backs WHERE operation = '997'")
    )


def test_each_dead_letter_replayed_twice_says_nothing_twice(play: Any) -> None:
    fill(play)
    first = open_letters(play)
    assert kinds(first) == {
        ("receive", "INT.SOURCE_DEGRADED", False),
        ("receive", "EDI.DUPLICATE_CONTROL", False),
        ("normalize", "EDI.MAP_FAILURE", False),
        ("normalize", "EDI.MAP_FAILURE", True),
        ("normalize", "EDI.TRANSACTION_REJECTED", False),
        ("normalize", "EDI.UNKNOWN_PARTNER", False),
    }
    told, parts = answers(play), play.rows("SELECT count(*) FROM crossdock.parts")
    replayed = 0
    for _ in range(2):
        for letter in open_letters(play):
            if letter.code == "INT.SOURCE_DEGRADED":  # never taken: there is nothing to run again
                with pytest.raises(NotPossible, match="never taken"):
                    play.hub().replay(letter.id, "eve")
                continue
            play.hub().replay(letter.id, "eve")
            replayed += 1
            with pytest.raises(NotPossible):
                play.hub().replay(letter.id, "eve")
        assert play.balance() == []
        play.hub().process()
        play.receive("supplier_edi")
        assert play.balance() == []
        assert answers(play) == told
    assert play.rows("SELECT count(*) FROM crossdock.parts") == parts
    # the second record under one id is taken as new; everything else is as wrong as it was
    assert kinds(open_letters(play)) == kinds(first) - {("receive", "EDI.DUPLICATE_CONTROL", False)}
    [audited] = play.rows("SELECT count(*) FROM crossdock.audit WHERE action = 'dead_letter.replay'")
    assert audited == (replayed,)


def test_what_was_given_up_stays_given_up(play: Any) -> None:
    fill(play)
    letters = open_letters(play)
    for letter in letters:
        with pytest.raises(NotPossible):
            play.hub().discard(letter.id, "eve", "  ")
        play.hub().discard(letter.id, "eve", "enough of it")
        for way_out in (
            lambda one=letter: play.hub().replay(one.id, "eve"),
            lambda one=letter: play.hub().discard(one.id, "eve", "again"),
        ):
            with pytest.raises(NotPossible):
                way_out()
    play.hub().process()
    play.receive("supplier_edi")
    assert open_letters(play) == []
    assert play.balance() == []
    [audited] = play.rows("SELECT count(*) FROM crossdock.audit WHERE action = 'dead_letter.discard'")
    assert audited == (len(letters),)


def test_an_answer_that_kills_its_worker_is_set_aside_and_stops_nobody(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(play)
    [letter] = [one for one in open_letters(play) if one.part is None and one.label.endswith("one.edi")]
    play.hub().replay(letter.id, "eve")
    for _ in range(3):
        monkeypatch.setenv("CROSSDOCK_FAULT", "process.after_claim:raise:1")
        monkeypatch.setattr("crossdock.faultpoints._seen", {})
        with pytest.raises(InjectedFault):
            play.hub().process()
        monkeypatch.delenv("CROSSDOCK_FAULT")
        play.later(seconds=301)
    play.hold(7009)
    play.hub().receive("erp")
    play.hub().process()
    [again] = [one for one in open_letters(play) if one.error_class == "PoisonMessage"]
    assert again.part is None
    assert play.rows("SELECT count(*) FROM crossdock.cases WHERE subject LIKE '%SO-7009%'") == [(1,)]
    assert play.balance() == []
