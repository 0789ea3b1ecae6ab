"""ISA02 and ISA04 are covered up wherever an ISA stands, and however it is broken."""

import pytest

from crossdock.formats.x12.security import covered, hide_quoted_security, hide_security

SECRET = "OPENSESAME"
ISA = f"ISA*03*{SECRET}*01*{SECRET}*ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*0900*U*00401*000000001*0*P*>"

BROKEN = {
    "an element is missing": ISA.replace("*03*", "*", 1),
    "another element is missing": ISA.replace("*01*", "*", 1),
    "an element too many": ISA.replace("*03*", "*03**", 1),
    "in the place of its qualifier": ISA.replace(f"*03*{SECRET}*01*", f"*{SECRET}*03*", 1),
    "it holds a separator": ISA.replace(f"*03*{SECRET}*", f"*03*12345*{SECRET}*", 1),
    "a letter separates": ISA.replace("*", "x"),
    "a digit separates": ISA.replace("*", "7"),
    "a blank separates": ISA.replace("*", " "),
    "a line feed separates": ISA.replace("*", "\n"),
    "a quote separates": ISA.replace("*", "'"),
    "small letters": ISA.replace("ISA", "isa"),
    "behind a mark of byte order": "\ufeff" + ISA,
    "behind text": "Dear all, " + ISA,
    "two separators": ISA.replace("*", "|", 3),
    "cut": ISA[: ISA.index(SECRET) + len(SECRET)],
}


@pytest.mark.parametrize("text", [ISA, *BROKEN.values()], ids=["whole", *BROKEN])
def test_no_password_is_seen(text: str) -> None:
    hidden = hide_security(text)
    assert len(hidden) == len(text)
    assert "OPEN" not in hidden
    for quoted in (f"It begins {text[:40]!r}.", f"It begins {text!r}."):
        assert "OPEN" not in hide_quoted_security(quoted)


def test_of_a_whole_isa_the_rest_is_seen() -> None:
    assert hide_security(f"~{ISA}~GS*PR") == f"~{ISA}~GS*PR".replace(SECRET, "." * 10)
    assert hide_security(ISA + "~" + ISA) == (ISA + "~" + ISA).replace(SECRET, "." * 10)


@pytest.mark.parametrize("text", ["", "VISA", "for Isabel: 40", '{"card": "VISA", "of": "ISABEL"}'])
def test_words_are_no_isa(text: str) -> None:
    assert hide_security(text) == text


def test_an_isa_that_broke_into_a_segment_or_an_element() -> None:
    assert covered(["N9", "ZZ", "A ISA", "03", SECRET, "01", SECRET]) == [
        "N9", "ZZ", "A ISA", "03", "." * 10, "01", "." * 10,
    ]  # fmt: skip
    assert covered(["N9", "ZZ", ISA.replace("*", "|")])[2] == ISA.replace("*", "|").replace(SECRET, "." * 10)
    plain = ["N9", "ZZ", "1"]
    assert covered(plain) is plain
