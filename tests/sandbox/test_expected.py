"""The oracle finds what is missing, what is too much and what is wrong in the partners' own records."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from deploy.sandbox import documents, expected
from deploy.sandbox.play import Play
from deploy.sandbox.records import GroupAnswer, Records, read_acknowledgements
from deploy.sandbox.world import World

AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def file_of(answer: GroupAnswer, control: int) -> bytes:
    """The 997 that a flawless hub would send."""
    body: list[list[str]] = [["AK1", answer.function, answer.control]]
    for one in answer.sets:
        body += [["AK2", one.name, one.control], ["AK5", one.word, *one.codes]]
    body.append(["AK9", answer.word, str(answer.included), str(answer.received), str(answer.accepted)])
    return documents.interchange(
        documents.US,
        "FA",
        [documents.transaction_set("997", 1, body)],
        control=control,
        at=AT,
        receiver=("ZZ", answer.receiver),
    )


@pytest.fixture
def done(tmp_path: Path) -> Iterator[tuple[World, Play]]:
    """A world after a morning with a hub that did everything right."""
    with World(tmp_path / "world") as world:
        play = Play(tmp_path, world.describe())
        play.prepare()
        while play.next():
            pass
        for name in world.supplier.waiting():
            folder = world.supplier.root / "outbound"
            (folder / name).rename(folder / "archive" / f"{name}.taken")
        for number, effect in enumerate(expected.effects(play.at)):
            body = {"text": "t", "reason": "r", "exception_id": "e", "decision_id": "d"}
            if effect.day:
                body |= {"line": effect.line, "date": effect.day}
            requests.post(
                f"{world.erp.url}/api/{effect.kind}/{effect.order}/{effect.operation}",
                json=body,
                headers={"Authorization": f"Bearer {world.erp.token}", "Idempotency-Key": f"k{number}"},
                timeout=10,
            ).raise_for_status()
        for number, answer in enumerate(expected.ACKNOWLEDGEMENTS, 1):
            (world.supplier.root / "inbound" / f"997_{number}.edi").write_bytes(file_of(answer, number))
        envelope = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            '<c:GetStatusUpdates xmlns:c="urn:crossdock:sandbox:carrier:1">'
            "<c:Since>2000-01-01T00:00:00Z</c:Since><c:Max>10</c:Max></c:GetStatusUpdates></e:Body></e:Envelope>"
        )
        login = (world.carrier.login, world.carrier.password)
        requests.post(world.carrier.url, data=envelope, auth=login, timeout=10).raise_for_status()
        yield world, play


def missing(world: World, play: Play) -> list[str]:
    return expected.missing(Records(world.home), play.at)


def test_nothing_is_missing_after_a_flawless_morning(done: tuple[World, Play]) -> None:
    assert missing(*done) == []


def test_before_the_hub_did_anything_everything_is_missing(tmp_path: Path) -> None:
    with World(tmp_path / "world") as world:
        play = Play(tmp_path, world.describe())
        while play.next():
            pass
        told = missing(world, play)
    wanted = len(expected.effects(AT)) + len(expected.ACKNOWLEDGEMENTS) + 2  # and the carrier's two updates
    waiting, archived = 9, 8  # by content: the resend is its original
    assert len(told) == wanted + waiting + archived


def test_an_effect_too_much_or_on_another_day_is_seen(done: tuple[World, Play]) -> None:
    world, play = done
    headers = {"Authorization": f"Bearer {world.erp.token}", "Idempotency-Key": "again"}
    body = {"line": "2", "date": "2030-01-01", "exception_id": "e", "decision_id": "d"}
    path = f"{world.erp.url}/api/purchase-orders/4500120002"
    requests.post(f"{path}/date-changes", json=body, headers=headers, timeout=10).raise_for_status()
    headers["Idempotency-Key"] = "once more"
    requests.post(f"{path}/notes", json={"text": "t"}, headers=headers, timeout=10).raise_for_status()
    assert set(missing(world, play)) == {
        "the ERP has date-changes on purchase-orders/4500120002 line 2 to 2030-01-01 1 times, not 0",
        "the ERP has notes on purchase-orders/4500120002 2 times, not 1",
        "the ERP has N-7 without its exception_id",
        "the ERP has N-7 without its decision_id",
    }


def test_a_997_twice_a_wrong_word_and_a_used_control_number_are_seen(done: tuple[World, Play]) -> None:
    world, play = done
    inbound = world.supplier.root / "inbound"
    (inbound / "997_again.edi").write_bytes(file_of(expected.ACKNOWLEDGEMENTS[1], 1))
    (inbound / "997_5.edi").write_bytes(file_of(replace(expected.ACKNOWLEDGEMENTS[4], word="R"), 5))
    told = missing(world, play)
    assert {sentence.partition(":")[0] for sentence in told} == {
        "the supplier has the 997 to ACMESUPPLY for PR 4102",
        "the supplier lacks the 997 to RRFL for QM 905",
        "the supplier has the 997 to RRFL for QM 905",
        "ACMESUPPLY was sent 2 interchanges with the control number 000000001",
    }


@pytest.mark.parametrize(
    ("old", "new"), [(b"IEA*1*000000001", b"IEA*1*000000002"), (b"SE*6*", b"SE*7*"), (b"ISA*", b"IXA*")]
)
def test_a_997_that_is_no_good_file_is_seen(done: tuple[World, Play], old: bytes, new: bytes) -> None:
    world, play = done
    file = world.supplier.root / "inbound" / "997_1.edi"
    assert old in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(old, new))
    told = missing(world, play)
    assert told[0].startswith("the supplier cannot read 997_1.edi")
    with pytest.raises(ValueError):
        read_acknowledgements(file.read_bytes())


def test_a_file_left_lying_and_a_file_lost_are_seen(done: tuple[World, Play]) -> None:
    world, play = done
    folder = world.supplier.root / "outbound"
    (folder / "archive" / "855_88101.edi.taken").rename(folder / "855_88101.edi")
    assert missing(world, play) == [
        "the supplier's archive has 855_88101.edi 0 times, not 1",
        "the supplier's 855_88101.edi still waits in /outbound",
    ]


def test_a_play_that_was_interrupted_goes_on_with_the_same_bytes(tmp_path: Path) -> None:
    with World(tmp_path / "world") as world:
        before = Play(tmp_path, world.describe())
        for _ in range(3):
            before.next()
        after = Play(tmp_path, world.describe())
        assert (after.at, len(after.scenes)) == (before.at, len(before.scenes))
        names = []
        while scene := after.next():
            names.append(scene.name)
        assert names == [scene.name for scene in before.scenes[3:]]
        assert after.over
        assert len(world.supplier.waiting()) == 9
