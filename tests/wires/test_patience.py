"""Whoever judges a connector does not wait for what it waits for."""

import threading
import time

import pytest

from crossdock.errors import WireDown
from crossdock.ports import Login
from crossdock.testing import lying_http as lie
from crossdock.wires.patience import bounded, in_a_hurry, pause
from crossdock.wires.rest import Rest, retry_reads


class Dice:
    def random(self) -> float:
        return 1.0


def test_in_a_hurry_a_pause_is_noted_and_not_made():
    asked = []

    def read() -> None:
        asked.append(1)
        raise WireDown("cannot be reached")

    began = time.monotonic()
    with in_a_hurry(1.0) as hurry, pytest.raises(WireDown):
        retry_reads(read, dice=Dice())
    assert len(asked) == 3
    assert hurry.pauses == [0.5, 1.0]
    assert time.monotonic() - began < 1.0


def test_in_a_hurry_a_system_that_never_answers_is_given_up_at_once_and_the_deadline_is_noted():
    with lie.LyingServer(lie.hang()) as server, in_a_hurry(0.2) as hurry:
        login = Login(connection_id="c", scheme="http", host="127.0.0.1", port=server.port)
        wire = Rest(login, deadline_s=120.0)
        with pytest.raises(WireDown, match="no answer came in time"):
            wire.call("GET", "/", effect=False)
        wire.close()
    assert hurry.deadlines == [120.0]


def test_afterwards_everything_takes_the_time_that_it_takes():
    with in_a_hurry(0.1):
        assert bounded(30.0) == 0.1
    assert bounded(30.0) == 30.0
    began = time.monotonic()
    pause(0.02)
    assert time.monotonic() - began >= 0.02


def test_a_hub_that_works_beside_keeps_its_patience():
    beside: list[float] = []
    with in_a_hurry(0.1):
        thread = threading.Thread(target=lambda: beside.append(bounded(30.0)))
        thread.start()
        thread.join()
    assert beside == [30.0]
