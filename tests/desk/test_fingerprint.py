"""Which failures count as the same one: their words without what is about the one document."""

import random
import string
import time

import pytest

from crossdock import fingerprint
from crossdock.fingerprint import template

ALIKE = [
    (
        "no row for code 'ZZ' in element 3",
        "no row for code 'QQ' in element 355",
        "no row for code '…' in element <n>",
    ),
    (
        "order PO-4500123456 of 2026-11-20T14:00:00Z is closed",
        "order PO-77 of 2025-01-02 08:15 is closed",
        "order <n> of <when> is closed",
    ),
    (
        "write-back 5c0ffee1-0000-4000-8000-000000000001 was refused",
        "write-back 6d1ffee1-1111-4111-9111-000000000002 was refused",
        "write-back <id> was refused",
    ),
    ("412: the price 12.50 differs", "412: the price 9.99 differs", "<n> the price <n> differs"),
    (
        "10.0.0.7:443 did not answer within 60 s",
        "10.0.0.12:8443 did not answer within 5 s",
        "<n> did not answer within <n> s",
    ),
    ("'855_1.edi' came before", "'855_22 copy.edi' came before", "'…' came before"),
    ('the field "ship_to" is missing', 'the field "bill_to" is missing', 'the field "…" is missing'),
    ("segment  7\n\tis not closed", "segment 12 is not closed", "segment <n> is not closed"),
    (
        "the partner's profile has no 'A'",
        "the partner's profile has no 'B'",
        "the partner's profile has no '…'",
    ),
    ("at 9:05 the door was shut", "at 17:45:10 the door was shut", "at <when> the door was shut"),
]


@pytest.mark.parametrize(("one", "other", "same"), ALIKE, ids=[same for _, _, same in ALIKE])
def test_numbers_ids_names_and_dates_do_not_tell_failures_apart(one: str, other: str, same: str) -> None:
    assert template(one) == template(other) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no row for code 'ZZ'", "no column for code 'ZZ'"),
        ("connection refused", "connection reset"),
        ("the mapping failed: KeyError: 'id'", "the mapping failed: TypeError: 'id'"),
        ("", "x"),
    ],
)
def test_other_words_are_another_failure(one: str, other: str) -> None:
    assert template(one) != template(other)


def test_a_template_is_its_own_template() -> None:
    """What is stored may be looked at again: nothing more is taken out of it the second time."""
    for one, _, same in ALIKE:
        assert template(template(one)) == same


def test_hostile_sentences_cost_no_time_and_no_room() -> None:
    dice = random.Random(7)
    hostile = [
        "'" * 100_000,
        "a1" * 100_000,
        "1:" * 50_000,
        "0-" * 50_000,
        "\x1f\x00\x07" * 1000,
        "'a" * 50_000,
        "2026-11-20T" * 10_000,
        *("".join(dice.choices(string.printable, k=5_000)) for _ in range(50)),
    ]
    begun = time.process_time()
    for sentence in hostile:
        found = template(sentence)
        assert len(found) <= fingerprint.LONGEST
        assert not any(character < " " for character in found)
    assert time.process_time() - begun < 60


def test_the_first_version_never_changes() -> None:
    """The groups of stores are made with it. Another way is another version, and a migration."""
    assert fingerprint.VERSION == "1"
    assert template(
        "target 'erp': after 3 attempt(s): 503 Service Unavailable (POST https://erp.example/v1/notes)"
    ) == ("target '…': after <n> attempt(s): <n> Service Unavailable (POST <n>)")
