"""Control numbers are unique or told, and do not fill the memory."""

import random

from hypothesis import given
from hypothesis import strategies as st

from crossdock.formats.x12.control_numbers import ControlNumbers


@given(
    st.lists(st.tuples(st.sampled_from(["A", "B"]), st.from_regex(r"\A([0-9]{2,3}|[X-Z])\Z")), max_size=80)
)
def test_a_number_is_new_once(numbers: list[tuple[str, str]]) -> None:
    seen = ControlNumbers(1000)
    reference: set[tuple[str, str]] = set()
    for owner, number in numbers:
        assert seen.add(number, owner) is ((owner, number) not in reference)
        reference.add((owner, number))


def test_a_caller_may_count_on_by_itself() -> None:
    seen = ControlNumbers(10)
    assert seen.add("0009") and seen.add("0003")
    while seen.last + 1 < seen.ceiling:
        seen.last += 1
    assert seen.last == 8
    assert seen.add("0008") is False
    assert seen.add("0009") is False
    assert seen.add("0010") is True


def test_numbers_in_a_row_take_one_place() -> None:
    seen = ControlNumbers(1)
    assert all(seen.add(f"{number:09}") for number in range(5000))
    assert seen.add("000009999") is None
    assert seen.add("000000017") is False


def test_beyond_the_cap_it_is_said_that_nobody_knows() -> None:
    dice = random.Random(5)
    seen = ControlNumbers(50)
    answers = [seen.add(f"{dice.randrange(10**9):09}") for _ in range(200)]
    assert answers[:40] == [True] * 40
    assert answers[-1] is None
