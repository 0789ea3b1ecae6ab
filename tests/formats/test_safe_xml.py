"""XML of others: nothing is fetched, nothing is expanded, nothing is built beyond its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.errors import Unreadable
from crossdock.formats import safe_xml
from crossdock.testing.lying_http import LyingServer


def test_the_same_content_gives_the_same_bytes():
    one = safe_xml.parse(b'<r xmlns="urn:u"><a y="2" x="1"/><!-- c --><?p q?></r>')
    two = safe_xml.parse(
        b'<?xml version="1.0"?><p:r xmlns:p="urn:u"  ><a xmlns="urn:u" x="1"\n y="2"></a></p:r>'
    )
    assert safe_xml.canonical(one[0]) == safe_xml.canonical(two[0]) == b'<a xmlns="urn:u" x="1" y="2"></a>'


LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (LAUGHS, "XML.FORBIDDEN"),
        (b'<!doctype x SYSTEM "x"><x/>', "XML.FORBIDDEN"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE x><x/>', "XML.FORBIDDEN"),
        (b"<x>&undefined;</x>", "XML.MALFORMED"),
        (b"<x>" * 65 + b"</x>" * 65, "XML.LIMIT"),
        (b"<x>" * 100_000, "XML.LIMIT"),
        (b"<r>" + b" " * (20 * 1024 * 1024) + b"</r>", "XML.LIMIT"),
        (b"", "XML.MALFORMED"),
        (b"<x>", "XML.MALFORMED"),
        (b"<x></y>", "XML.MALFORMED"),
        (b"<x/><y/>", "XML.MALFORMED"),
        (b"<x/>\x00", "XML.MALFORMED"),
        (b'<?xml version="1.0" encoding="UTF-8"?><x>\xe9</x>', "XML.MALFORMED"),
        (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-x/+AD4-', "XML.MALFORMED"),
        (b'<?xml version="1.0" encoding="UTF-16"?><x/>', "XML.MALFORMED"),
        ("<!DOCTYPE x><x/>".encode("utf-16"), "XML.MALFORMED"),
        ("<!DOCTYPE x><x/>".encode("utf-32"), "XML.MALFORMED"),
    ],
    ids=range(17),
)
def test_what_is_refused(body, code):
    with pytest.raises(Unreadable) as caught:
        safe_xml.parse(body)
    assert caught.value.code == code


def test_many_elements_are_refused_before_they_are_all_built():
    with pytest.raises(Unreadable) as caught:
        safe_xml.parse(b"<r>" + b"<x/>" * 1000 + b"</r>", most_nodes=1000)
    assert caught.value.code == "XML.LIMIT"
    assert len(safe_xml.parse(b"<r>" + b"<x/>" * 999 + b"</r>", most_nodes=1000)) == 999


def test_a_relative_namespace_has_no_canonical_form():
    with pytest.raises(Unreadable, match="canonical"):
        safe_xml.canonical(safe_xml.parse(b'<x xmlns="relative"/>'))


def test_no_external_thing_is_fetched(tmp_path):
    canary = tmp_path / "canary.txt"
    canary.write_text("the canary")
    with LyingServer() as listener:
        for body in (
            f'<!DOCTYPE x SYSTEM "{listener.url}/x.dtd"><x/>',
            f'<!DOCTYPE x [<!ENTITY % e SYSTEM "{listener.url}/e"> %e;]><x/>',
            f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{canary}">]><x>&e;</x>',
        ):
            with pytest.raises(Unreadable) as caught:
                safe_xml.parse(body.encode())
            assert "canary" not in str(caught.value).replace(str(tmp_path), "")
        included = f'<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{listener.url}/i"/></x>'
        safe_xml.parse(included.encode())
        assert listener.connections == 0


def test_an_error_never_quotes_the_text():
    with pytest.raises(Unreadable) as caught:
        safe_xml.parse(b"<x>secret-content</y>")
    assert "secret" not in str(caught.value)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(body):
    try:
        safe_xml.parse(b"<x>" + body)
    except Unreadable:
        pass
