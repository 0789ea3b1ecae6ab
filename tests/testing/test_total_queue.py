"""The oracle tells what was lost, doubled, made up and recovered, and cannot be talked out of it."""

import pytest

from crossdock.testing.total_queue import TotalQueue


def books() -> TotalQueue:
    queue = TotalQueue()
    for element in ("acknowledged", "unanswered", "lost", "never came"):
        queue.attempt(element)
    queue.acknowledge("acknowledged")
    queue.acknowledge("lost")
    return queue


def test_each_element_is_accounted_for_by_its_own_word() -> None:
    account = books().account({"acknowledged": 2, "unanswered": 1, "from nowhere": 1, "never came": 0})
    assert account.lost == ("lost",)
    assert account.duplicated == {"acknowledged": 2}
    assert account.unexpected == ("from nowhere",)
    assert account.recovered == ("unanswered",)
    assert not account.is_clean
    assert str(account) == (
        "attempted 4, acknowledged 2, seen 3: lost 1, duplicated 1, unexpected 1, recovered 1"
    )


def test_what_was_never_acknowledged_is_no_loss() -> None:
    assert books().account(["acknowledged", "lost"]).is_clean
    assert books().waiting == 2


def test_each_fault_alone_is_a_fault() -> None:
    assert not books().account(["acknowledged"]).is_clean
    assert not books().account(["acknowledged", "lost", "lost"]).is_clean
    assert not books().account(["acknowledged", "lost", "from nowhere"]).is_clean


def test_books_that_acknowledge_what_was_never_attempted_are_wrong() -> None:
    with pytest.raises(ValueError, match="never attempted"):
        TotalQueue().acknowledge("x")
