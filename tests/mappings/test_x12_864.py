"""The 864: words for a person, and nothing that a machine thinks it read in them. Whole documents are in samples."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from canonical.events import ExceptionEvent
from canonical.taxonomy import codes
from crossdock.errors import Unreadable
from crossdock.formats.x12.guides import check
from mappings import golden
from mappings.inbound import x12_864
from tests.mappings.documents import ACME, LAKESIDE, a_set, problems, said_by, sets_in

say = partial(said_by, x12_864, "BMG*00*Notice", partner=ACME)


def one(*body: str, **options: Any) -> ExceptionEvent:
    (event,) = say(*body, **options)
    assert isinstance(event, ExceptionEvent)
    return event


def test_a_message_goes_to_a_person_with_all_its_words() -> None:
    event = one("MIT*M-1*Late pumps", "MSG*The pumps are late.", "MSG*Please call.")
    assert event.code == "EDI.FREE_TEXT"
    assert event.title == "Acme Supply Co. writes: Late pumps"
    assert event.detail == "The pumps are late.\nPlease call."
    assert codes()["EDI.FREE_TEXT"].autonomy == "observe"


def test_a_line_that_continues_the_one_before_it_is_one_line() -> None:
    assert one("MIT*M-1", "MSG*The pumps", "MSG* are late.*LC", "MSG*Call.*SS").detail == (
        "The pumps are late.\nCall."
    )


def test_no_order_is_read_out_of_words() -> None:
    event = one("MIT*M-1*Cancel PO 4500123456", "MSG*Cancel PO 4500123456 and order SO-1 at once.")
    assert [ref["kind"] for ref in event.refs] == ["message"]


def test_what_is_written_as_a_reference_is_one() -> None:
    event = one("N1*FR*Acme Supply", "REF*PO*4500123456", "REF*IV*INV-1", "REF*ZZ*x", "MIT*M-1", "MSG*Hello")
    assert event.refs[1:] == [
        {"kind": "supplier_po", "value": "4500123456", "issuer": "main"},
        {"kind": "invoice", "value": "INV-1", "issuer": "acme_supply"},
    ]


def test_a_customer_names_its_own_order_and_our_invoice() -> None:
    event = one("N1*FR*Lakeside", "REF*PO*LR-1", "REF*IV*INV-1", "MIT*M-1", "MSG*Hello", partner=LAKESIDE)
    assert event.refs[1:] == [
        {"kind": "customer_po", "value": "LR-1", "issuer": "lakeside_retail"},
        {"kind": "invoice", "value": "INV-1", "issuer": "main"},
    ]


@pytest.mark.parametrize("partner", [ACME, LAKESIDE])
def test_our_own_message_names_the_same_numbers_as_theirs(partner: Any) -> None:
    body = ("N1*FR*Somebody", "REF*PO*1", "REF*IV*2", "MIT*M-1", "MSG*Hello")
    assert one(*body, partner=partner).refs[1:] == one(*body, partner=partner, direction="out").refs[1:]
    assert one(*body, partner=partner, direction="out").title == "We write: Notice"


def test_two_messages_of_one_set_are_two_cases() -> None:
    first, second = say("MIT*M-1", "MSG*One", "MIT*M-2", "MSG*Two")
    assert first.refs[0]["value"] != second.refs[0]["value"]


def test_messages_without_a_number_are_never_the_same_case() -> None:
    first, second = say("MIT", "MSG*One", "MIT", "MSG*Two")
    assert first.refs != second.refs
    assert "000000301" in first.refs[0]["value"], (
        "the interchange, or the next file's message would fold with it"
    )


def test_a_subject_alone_is_a_message() -> None:
    event = one()
    assert event.title == "Acme Supply Co. writes: Notice"
    assert event.place["x12"]["segment_id"] == "BMG"


def test_a_message_that_says_nothing_is_set_aside() -> None:
    with pytest.raises(Unreadable, match="the message says nothing"):
        said_by(x12_864, "BMG*00", partner=ACME)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_guide_takes_a_message_and_misses_its_beginning(release: str) -> None:
    body = (
        "DTM*097*20261120",
        "N1*FR*Acme",
        "REF*PO*1",
        "PER*IC*Dana",
        "MIT*M-1*Late",
        "MSG*Hello",
        "MSG*There",
    )
    assert not check(a_set("864", "BMG*00*Notice", *body, release=release))
    (problem,) = check(a_set("864", *body, release=release))
    assert (problem.segment_id, problem.code) == ("BMG", "3")


@pytest.mark.parametrize(
    "sample",
    [path for path in golden.samples(x12_864) if not path.name.startswith("hostile_")],
    ids=lambda path: path.stem,
)
def test_what_we_show_as_good_is_good_by_the_guide(sample: Path) -> None:
    sets = sets_in(sample.read_bytes())
    assert sets
    assert not problems(sets)
