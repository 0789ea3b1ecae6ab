"""A system that is asked by number: what is stored of an answer, and where the round stands when a run ends in it."""

import json

from crossdock.kit.given_numbers import GivenNumbers
from crossdock.ports import Login
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock

AGAIN = "771234567805"


def told(about: str) -> dict[str, object]:
    return {"trackingNumber": AGAIN, "trackResults": [{"latestStatusDetail": {"description": about}}]}


def test_a_run_that_ends_between_two_parcels_of_one_number_brings_the_second_later() -> None:
    """FedEx uses numbers again: one answer tells of two parcels under one number."""
    page = {"output": {"completeTrackResults": [told("of last year"), told("of this year")]}}
    registry, clock = Registry(), MovableClock()
    with lie.LyingServer(lie.answer(200, json.dumps(page).encode(), commit=False)) as carrier:
        login = Login(connection_id="crossdock_fedex", scheme="http", host="127.0.0.1", port=carrier.port)

        def read(after: str | None, most: int) -> list[tuple[bytes, str | None]]:
            source = registry.source(registry.manifest("fedex"), login, clock)
            source.inquire(GivenNumbers([AGAIN]))  # type: ignore[attr-defined]
            try:
                found = zip(range(most), source.read(after), strict=False)
                return [(message.body, message.position) for _, message in found]
            finally:
                source.close()

        ((body, position),) = read(None, 1)
        assert b"last year" in body
        assert [b"this year" in body for body, _ in read(position, 9)] == [False, True]
