"""Every connector that is found keeps every promise of the kit; what is waived says why, and until when."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from crossdock.testing.conformance.case import Case, Fleet
from crossdock.testing.conformance.check import Check, Failed, checks
from crossdock.testing.conformance.run import look

FLEET = Fleet()


@pytest.fixture(scope="module")
def cases() -> Iterator[dict[str, Case]]:
    """A case of each connector, its played system opened when it is first asked and closed with the file."""
    opened: dict[str, Case] = {}
    yield opened
    for case in opened.values():
        case.close()


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.id)
@pytest.mark.parametrize("name", FLEET.names())
def test_the_connector_keeps_the_promise(name: str, check: Check, cases: dict[str, Case]) -> None:
    if name not in cases:
        for gone in list(cases):  # one played system at a time
            cases.pop(gone).close()
        cases[name] = FLEET.case(name, today=datetime.now(UTC).date())
    result = look(cases[name], check)
    assert not isinstance(result, Failed), result.sentence


def test_no_connector_is_forgotten() -> None:
    assert len(FLEET.names()) >= 4
    assert set(FLEET.names()) >= set(FLEET.registry.manifests())


def test_about_forty_checks_are_found_without_anybody_naming_them() -> None:
    assert len(checks()) >= 40
    assert len({check.id for check in checks()}) == len(checks())
