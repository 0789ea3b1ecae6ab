"""Two names of one person are one person, and two people are two."""

import pytest

from crossdock.principals import is_person, looks_like_another, principal


@pytest.mark.parametrize(
    "other",
    [
        "ann smith",
        "ANN SMITH",
        "  Ann\tSmith ",
        "smith, ann",
        "Smith Ann",
        "ann.smith",
        "ann_smith",
        "annsmith",
        "CORP\\ann.smith",
        "ann.smith@corp.example",
        "Ann.Smith@CORP.EXAMPLE",
        "ａｎｎ　ｓｍｉｔｈ",
        "Ann\u200bSmith",
        "An\u00adn Smith",
        "Änn Smith",
        "A\u0308nn Smith",
    ],
)
def test_another_spelling_is_the_same_person(other: str) -> None:
    assert principal(other) == principal("Ann Smith")
    assert is_person(other)


@pytest.mark.parametrize(
    ("one", "other"), [("alice", "celia"), ("ann", "anna"), ("bob", "rob"), ("user1", "user2"), ("李", "王")]
)
def test_two_people_are_two(one: str, other: str) -> None:
    assert principal(one) != principal(other)


@pytest.mark.parametrize(
    "name", ["", "   ", "@", "@corp.example", "...", "\u200b", "rule main/hold", "Crossdock"]
)
def test_nobody_a_rule_and_the_program_itself_are_no_people(name: str) -> None:
    assert not is_person(name)


def test_a_name_in_two_alphabets_may_look_like_anothers() -> None:
    assert looks_like_another("\u0430nn") == "mixes cyrillic and latin letters"
    assert looks_like_another("Ann") == looks_like_another("Анна") == ""
