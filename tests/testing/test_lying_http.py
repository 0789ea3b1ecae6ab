"""The lying server: each lie is told as it is named, and what really happened is counted by business key."""

import http.client
import random
import time
from collections import Counter

import pytest

from crossdock.testing.lying_http import LyingServer, Request, Said
from crossdock.testing.lying_modes import DONE, MODES, TRUE, mixture, timeout

TRUTH = b'{"id":"N-1","key":"k"}'


def erp(request: Request) -> Said:
    return Said(status=201, body=TRUTH, effect=request.headers["idempotency-key"])


def call(server: LyingServer, key: str = "k", timeout_s: float = 0.4) -> tuple[int, bytes] | str:
    """What a caller learns: status and whole body, or the name of what went wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout_s)
    try:
        connection.request("POST", "/", body=b"{}", headers={"Idempotency-Key": key})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


HEARD = {
    "latency": (201, TRUTH),
    "bandwidth": (201, TRUTH),
    "slow_close": (201, TRUTH),
    "slicer": (201, TRUTH),
    "timeout": "TimeoutError",
    "limit_data": (201, b""),  # the head was cut, and this client takes it for the whole answer
    "reset_peer": "ConnectionResetError",
    "commit_then_rst": "ConnectionResetError",
    "commit_then_fin": "RemoteDisconnected",
    "commit_then_hang": "TimeoutError",
    "commit_then_half_body": "IncompleteRead",
    "commit_then_500": (500, b'{"error":"the application server failed"}'),
    "rst_before_read": "ConnectionResetError",
    "200_html": (200, b"<html><body>We are back soon</body></html>"),
    "429_date": (429, b"{}"),
    "brown_out": (503, b'{"error":"busy"}'),
}


@pytest.mark.parametrize("mode", MODES)
def test_each_lie_is_heard_as_it_is_named_and_its_effect_is_counted(mode: str) -> None:
    with LyingServer(honest=erp) as server:
        server.then(MODES[mode]())
        heard = call(server)
        assert heard == HEARD[mode]
        assert server.effects.count("k") == (mode in DONE)
        assert (heard == (201, TRUTH)) == (mode in TRUE)
        assert call(server, "next") == (201, TRUTH), "only one request was lied to"
    assert server.effects.more_than_once() == {}


def test_every_lie_has_its_expectation() -> None:
    assert set(HEARD) == set(MODES)
    assert TRUE < DONE < set(MODES)


def test_an_effect_that_happens_twice_is_seen() -> None:
    with LyingServer(honest=erp) as server:
        server.then(MODES["commit_then_fin"]())
        call(server, "twice")
        call(server, "twice")
        call(server, "once")
    assert server.effects.more_than_once() == {"twice": 2}
    assert server.effects.counted() == {"twice": 2, "once": 1}


def test_the_same_dice_tell_the_same_lies_at_their_rates() -> None:
    def told(seed: int) -> list[object]:
        rates = {"commit_then_fin": 0.2, "brown_out": 0.2, "timeout": (0.05, timeout(0.01))}
        with LyingServer(mixture(random.Random(seed), rates), honest=erp) as server:
            return [call(server, str(number)) for number in range(100)]

    first = told(7)
    assert first == told(7)
    assert first != told(8)
    shares = Counter(str(one) for one in first)
    assert 8 <= shares[str(HEARD["brown_out"])] <= 35
    assert shares[str((201, TRUTH))] >= 40


@pytest.mark.parametrize(
    "rates", [{"brown_out": 1.2}, {"brown_out": -0.1}, {"brown_out": 0.6, "200_html": 0.6}]
)
def test_rates_are_shares(rates: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        mixture(random.Random(1), rates)


def test_a_server_that_stops_lets_go_of_who_hangs() -> None:
    server = LyingServer(MODES["commit_then_hang"](), honest=erp).start()
    began = time.monotonic()
    assert call(server) == "TimeoutError"
    server.stop()
    assert time.monotonic() - began < 3
