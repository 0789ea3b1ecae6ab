"""The login of a SOAP service in the envelope: UsernameToken, and a vendor's own header."""

import base64
import hashlib
import hmac
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from crossdock.errors import Misconfigured, Refused
from crossdock.formats import safe_xml
from crossdock.logins import from_fields
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from crossdock.wires.soap import Soap
from tests.wires.test_soap import ASK, CONTRACT, answered, fault, xml

NOW = datetime(2026, 11, 21, 12, 0, 0, 250, tzinfo=UTC)
PASSWORD = "password & <canary>"
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
PINNED = hashlib.sha256((Path(CONTRACT) / "carrier.wsdl").read_bytes()).hexdigest()


@pytest.fixture
def server():
    with lie.LyingServer(xml(answered())) as running:
        yield running


def opened(server, *, clock=None, headers=None, user="ann", password=PASSWORD, **extra):
    login = from_fields(
        "acme",
        {"host": "127.0.0.1", "port": server.port, "schema": "http", "login": user, "password": password,
         "extra": {"auth": "ws_security", **extra}},
    )  # fmt: skip
    return Soap(
        login,
        folder=CONTRACT,
        wsdl="carrier.wsdl",
        wsdl_sha256=PINNED,
        path="/soap",
        deadline_s=5.0,
        clock=clock or MovableClock(NOW),
        dice=random.Random(7),
        headers=headers,
    )


def token_of(request: lie.Request) -> etree._Element:
    (token,) = safe_xml.parse(request.body).iter(f"{WSSE}UsernameToken")
    return token


def test_the_password_travels_in_the_envelope_and_not_in_a_header(server):
    opened(server).call("GetStatusUpdates", effect=False, **ASK)
    (request,) = server.requests
    token = token_of(request)
    assert token.findtext(f"{WSSE}Username") == "ann"
    password = token.find(f"{WSSE}Password")
    assert (password.text, password.get("Type")) == (PASSWORD, f"{PROFILE}#PasswordText")
    assert "authorization" not in request.headers


def test_a_digest_proves_the_password_without_showing_it_and_is_never_the_same_twice(server):
    clock = MovableClock(NOW)
    wire = opened(server, clock=clock, ws_security_type="digest")
    for _ in range(2):
        wire.call("GetStatusUpdates", effect=False, **ASK)
        clock.advance(timedelta(seconds=61))
    nonces = set()
    for request, created in zip(server.requests, ("12:00:00Z", "12:01:01Z"), strict=True):
        token = token_of(request)
        nonce = base64.b64decode(token.findtext(f"{WSSE}Nonce"))
        nonces.add(nonce)
        assert token.findtext(f"{WSU}Created") == f"2026-11-21T{created}"
        shown = token.find(f"{WSSE}Password")
        assert shown.get("Type") == f"{PROFILE}#PasswordDigest"
        wanted = hashlib.sha1(nonce + f"2026-11-21T{created}".encode() + PASSWORD.encode()).digest()
        assert shown.text == base64.b64encode(wanted).decode()
        assert b"canary" not in request.body
    assert len(nonces) == 2 and all(len(one) == 32 for one in nonces)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"user": ""}, "login"),
        ({"password": ""}, "password"),
        ({"ws_security_type": "md5"}, "ws_security_type"),
    ],
)
def test_a_login_that_lacks_a_part_names_it(server, fields, field):
    with pytest.raises(Misconfigured) as caught:
        opened(server, **fields)
    assert caught.value.field == field


@pytest.mark.parametrize("code", ["wsse:FailedAuthentication", "wsse:InvalidSecurity", "wsse:MessageExpired"])
@pytest.mark.parametrize("effect", [True, False])
def test_a_fault_about_the_login_is_a_persons_to_correct_and_nothing_took_effect(server, code, effect):
    server.standing = xml(fault(code, f"no {PASSWORD}".replace("&", "&amp;").replace("<", "&lt;")), 200)
    with pytest.raises(Misconfigured, match="the login is not accepted") as caught:
        opened(server).call("GetStatusUpdates", effect=effect, **ASK)
    assert caught.value.field == "password"
    assert "canary" not in str(caught.value)


def test_the_check_blames_the_password(server):
    server.standing = xml(fault("wsse:FailedAuthentication"), 500)
    *before, last = opened(server).check("GetStatusUpdates", **ASK)
    assert [step.step for step in before] == ["contract", "resolve", "connect"]
    assert (last.step, last.ok, last.field) == ("login", False, "password")
    assert last.remedy


def test_a_vendor_signs_a_header_of_its_own_for_each_request(server):
    """As NetSuite's token passport: HMAC-SHA256 over account, keys, nonce and time."""
    clock, dice = MovableClock(NOW), random.Random(7)
    namespace = "urn:core.platform.example"

    def passport() -> list[etree._Element]:
        nonce = f"{int(dice.random() * 2**62):x}"
        stamp = str(int(clock.now().timestamp()))
        base = "&".join(["1234567", "consumer", "token", nonce, stamp])
        mac = hmac.new(b"consumer-secret&token-secret", base.encode(), hashlib.sha256).digest()
        element = etree.Element(f"{{{namespace}}}tokenPassport")
        for name, text in (
            ("nonce", nonce),
            ("timestamp", stamp),
            ("signature", base64.b64encode(mac).decode()),
        ):
            etree.SubElement(element, f"{{{namespace}}}{name}").text = text
        return [element]

    wire = opened(server, clock=clock, headers=passport, auth="none")
    for _ in range(2):
        wire.call("GetStatusUpdates", effect=False, **ASK)
        clock.advance(timedelta(seconds=1))
    seen = []
    for request in server.requests:
        (element,) = safe_xml.parse(request.body).iter(f"{{{namespace}}}tokenPassport")
        nonce, stamp, signature = (child.text for child in element)
        base = f"1234567&consumer&token&{nonce}&{stamp}".encode()
        mac = hmac.new(b"consumer-secret&token-secret", base, hashlib.sha256).digest()
        assert signature == base64.b64encode(mac).decode()
        assert element.getparent().tag == "{http://schemas.xmlsoap.org/soap/envelope/}Header"
        seen.append((nonce, stamp))
    assert len(set(seen)) == 2
    assert "authorization" not in server.requests[0].headers


def test_a_fault_about_something_else_is_still_a_refusal(server):
    server.standing = xml(fault("s:Client", "no such order"), 500)
    with pytest.raises(Refused, match="no such order"):
        opened(server).call("GetStatusUpdates", effect=True, **ASK)
