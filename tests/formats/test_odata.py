"""What OData services write: dates in two forms, versions that are weak and count, and errors in three forms."""

from datetime import UTC, date, datetime

import pytest

from crossdock.errors import Unreadable
from crossdock.formats import odata


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("/Date(1795183331000+0000)/", datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)),
        ("/Date(1795183331000)/", datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)),
        ("/Date(1795183331000+0330)/", datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)),
        ("2026-11-20T14:02:11.5+01:00", datetime(2026, 11, 20, 13, 2, 11, 500000, tzinfo=UTC)),
    ],
)
def test_a_moment_is_utc_in_whatever_form_it_was_said(said, moment):
    assert odata.moment(said) == moment


@pytest.mark.parametrize("said", ["", "2026-11-20T14:02:11", "/Date(999999999999999)/", "/Date()/", 5, None])
def test_what_is_no_moment_or_says_no_zone_is_none(said):
    with pytest.raises(ValueError):
        odata.moment(said)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("/Date(1796342400000)/", date(2026, 12, 4)),
        ("2026-12-04", date(2026, 12, 4)),
        ("2026-12-04T00:00:00Z", date(2026, 12, 4)),
        ("0001-01-01", None),
        ("9999-12-31", None),
        ("/Date(253402214400000)/", None),
        ("", None),
        (None, None),
    ],
)
def test_a_day_that_stands_for_none_is_none(said, day):
    assert odata.day(said) == day


def test_a_day_goes_back_as_it_came():
    assert odata.ticks_of(date(2026, 12, 4)) == "/Date(1796342400000)/"
    assert odata.day(odata.ticks_of(date(1970, 1, 1))) == date(1970, 1, 1)


def test_a_quote_in_a_key_stays_in_its_literal():
    assert odata.text("O'Neil") == "'O''Neil'"


def test_a_weak_version_counts_since_the_service_compares_it():
    assert odata.etag({"__metadata": {"etag": "W/\"datetimeoffset'2026'\""}}) == "W/\"datetimeoffset'2026'\""
    assert odata.etag({"@odata.etag": 'W/"JzQ0Ow=="'}) == 'W/"JzQ0Ow=="'
    assert odata.etag({"@odata.etag": 'W/"a"\r\nX: y'}) == ""
    assert odata.etag({}) == ""


def test_an_error_or_a_list_is_no_entity():
    assert odata.entity({"d": {"SalesOrder": "1"}}) == {"SalesOrder": "1"}
    for other in ({"error": {}}, {"d": {"results": []}}, [], None):
        with pytest.raises(Unreadable):
            odata.entity(other)


def test_an_error_of_version_2_says_its_details_and_leaves_warnings_out():
    body = b"""{"error":{"code":"V1/384","message":{"lang":"en","value":"Item 10 cannot be changed"},
     "innererror":{"errordetails":[
       {"code":"V1/384","message":"Item 10 cannot be changed","severity":"error"},
       {"code":"V1/555","message":"Date in the past","severity":"warning"},
       {"code":"V1/042","message":"Order 4711 is being processed by user MILLER","severity":"error"}]}}}"""
    trouble = odata.trouble(body)
    assert trouble is not None
    assert trouble.codes == ("V1/384", "V1/042")
    assert trouble.sentence == "Item 10 cannot be changed; Order 4711 is being processed by user MILLER"


def test_an_error_of_version_4_and_one_in_xml_say_the_same():
    four = odata.trouble(b'{"error":{"code":"BadRequest","message":"No such date","details":[]}}')
    xml = odata.trouble(
        b'<?xml version="1.0"?><error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        b'<code>BadRequest</code><message xml:lang="en">No such\n date</message></error>'
    )
    assert four == xml == odata.Trouble(codes=("BadRequest",), sentence="No such date")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Service unavailable</body></html>",
        b'{"error":"busy"}',
        b"[]",
        b"<!DOCTYPE error [<!ENTITY a 'b'>]><error><code>&a;</code></error>",
        b"\xff\xfe",
    ],
)
def test_an_answer_that_says_nothing_readable_says_nothing(body):
    assert odata.trouble(body) is None
