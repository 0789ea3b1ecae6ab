"""Who knocks: only the exact form of the headers, within the time, with one of our secrets."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from crossdock.errors import Misconfigured
from crossdock.logins import from_fields
from crossdock.wires.webhook import NotVerified, Verified, WebhookSettings, sign, verify

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()
BODY = b'{"hold_id":"H-1001"}'


class Clock:
    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


def a_login(*secrets: str, **extra: object):
    fields = {"webhook_secrets": list(secrets)} if secrets else {}
    return from_fields("push", {"extra": {**fields, **extra}})


LOGIN = a_login(OLD, NEW)


def headers(*, secret: str = NEW, at: datetime = NOW, body: bytes = BODY, message_id: str = "msg_1"):
    return [
        ("Webhook-Id", message_id),
        ("webhook-timestamp", str(int(at.timestamp()))),
        ("WEBHOOK-SIGNATURE", sign(secret, message_id, at, body)),
        ("Content-Type", "application/json"),
    ]


def with_header(name: str, *values: str):
    """Good headers, with one of them left out, changed or repeated."""
    others = [(key, value) for key, value in headers() if key.lower() != name]
    return others + [(name, value) for value in values]


def test_a_good_one_is_verified():
    assert verify({}, headers(), BODY, LOGIN, Clock()) == Verified(message_id="msg_1", timestamp=NOW)


def test_headers_may_be_bytes():
    pairs = [(key.encode(), value.encode()) for key, value in headers()]
    assert isinstance(verify({}, pairs, BODY, LOGIN, Clock()), Verified)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_while_secrets_are_replaced_both_are_accepted(secret):
    assert isinstance(verify({}, headers(secret=secret), BODY, LOGIN, Clock()), Verified)


def test_several_signatures_are_tried_and_unknown_versions_left_out():
    good = headers()[2][1]
    text = f"v1a,AAAA v1,{base64.b64encode(bytes(32)).decode()} {good}"
    assert isinstance(verify({}, with_header("webhook-signature", text), BODY, LOGIN, Clock()), Verified)


def test_we_and_the_standard_library_sign_alike():
    theirs = standardwebhooks.Webhook(NEW).sign("msg_1", NOW.replace(tzinfo=None), BODY.decode())
    assert theirs == sign(NEW, "msg_1", NOW, BODY)


STAMP = str(int(NOW.timestamp()))
GOOD = headers()[2][1]


@pytest.mark.parametrize(
    "bad",
    [
        with_header("webhook-id"),
        with_header("webhook-timestamp"),
        with_header("webhook-signature"),
        with_header("webhook-id", "msg_1", "msg_1"),
        with_header("webhook-timestamp", STAMP, STAMP),
        with_header("webhook-signature", GOOD, GOOD),
        with_header("webhook-id", ""),
        with_header("webhook-id", "a.b"),
        with_header("webhook-id", "x" * 129),
        with_header("webhook-id", "msg_1\n"),
        with_header("webhook-id", "mség"),
        with_header("webhook-timestamp", STAMP + ".9"),
        with_header("webhook-timestamp", "-" + STAMP),
        with_header("webhook-timestamp", "+" + STAMP),
        with_header("webhook-timestamp", " " + STAMP),
        with_header("webhook-timestamp", "1e9"),
        with_header("webhook-timestamp", "٣" * 9),
        with_header("webhook-timestamp", "9" * 13),
        with_header("webhook-timestamp", ""),
        with_header("webhook-signature", ""),
        with_header("webhook-signature", "v1"),
        with_header("webhook-signature", "v1,!!!"),
        with_header("webhook-signature", "v1,é"),
        with_header("webhook-signature", GOOD + "  " + GOOD),
        with_header("webhook-signature", " ".join([GOOD] * 33)),
    ],
)
def test_what_is_malformed_is_400(bad):
    answer = verify({}, bad, BODY, LOGIN, Clock())
    assert isinstance(answer, NotVerified)
    assert answer.status == 400
    assert answer.sentence


@pytest.mark.parametrize(
    ("pairs", "body"),
    [
        (headers(secret="whsec_" + base64.b64encode(b"x" * 24).decode()), BODY),
        (headers(), BODY + b" "),
        (headers(), b""),
        (with_header("webhook-id", "msg_2"), BODY),
        (with_header("webhook-timestamp", str(int(STAMP) + 1)), BODY),
        (with_header("webhook-signature", "v1," + base64.b64encode(bytes(32)).decode()), BODY),
        (with_header("webhook-signature", "v1,"), BODY),
        (with_header("webhook-signature", "v2," + GOOD[3:]), BODY),
    ],
)
def test_what_is_not_signed_by_us_is_401(pairs, body):
    answer = verify({}, pairs, body, LOGIN, Clock())
    assert isinstance(answer, NotVerified)
    assert answer.status == 401


@pytest.mark.parametrize(
    ("seconds", "fresh"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_the_time_must_be_within_300_seconds(seconds, fresh):
    clock = Clock(NOW + timedelta(seconds=seconds))
    answer = verify({}, headers(), BODY, LOGIN, clock)
    assert isinstance(answer, Verified) == fresh
    assert fresh or answer.status == 401


def test_bodies_that_are_no_text_are_verified_as_bytes():
    body = bytes(range(256))
    assert isinstance(verify({}, headers(body=body), body, LOGIN, Clock()), Verified)


@given(
    st.lists(st.tuples(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()))
)
def test_no_header_makes_it_raise(pairs):
    assert isinstance(verify({}, pairs, BODY, LOGIN, Clock()), NotVerified)


HMAC_LOGIN = a_login(hmac_secret="s3cret")
DIGEST = hmac.new(b"s3cret", BODY, hashlib.sha256)


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        ({}, ("X-Signature-256", f"sha256={DIGEST.hexdigest()}")),
        ({}, ("x-signature-256", f"sha256={DIGEST.hexdigest().upper()}")),
        ({"hmac_header": "X-Hub-Signature-256"}, ("X-Hub-Signature-256", f"sha256={DIGEST.hexdigest()}")),
        (
            {"hmac_header": "X-Shop", "hmac_prefix": "", "hmac_encoding": "base64"},
            ("X-Shop", base64.b64encode(DIGEST.digest()).decode()),
        ),
    ],
)
def test_a_plain_hmac_has_the_bodys_hash_as_its_id(settings, header):
    answer = verify({"scheme": "hmac", **settings}, [header], BODY, HMAC_LOGIN, Clock())
    assert answer == Verified(message_id=f"sha256-{hashlib.sha256(BODY).hexdigest()}", timestamp=None)


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ([], 400),
        ([("x-signature-256", f"sha256={DIGEST.hexdigest()}")] * 2, 400),
        ([("x-signature-256", DIGEST.hexdigest())], 400),
        ([("x-signature-256", "sha1=" + DIGEST.hexdigest())], 400),
        ([("x-signature-256", "sha256=" + DIGEST.hexdigest()[:-1])], 400),
        ([("x-signature-256", "sha256=" + "é" * 64)], 400),
        ([("x-signature-256", "sha256=" + "0" * 64)], 401),
    ],
)
def test_a_plain_hmac_that_is_wrong(pairs, status):
    answer = verify({"scheme": "hmac"}, pairs, BODY, HMAC_LOGIN, Clock())
    assert isinstance(answer, NotVerified)
    assert answer.status == status


def test_two_hmac_secrets_while_they_are_replaced():
    login = a_login(hmac_secrets=["other", "s3cret"])
    pairs = [("x-signature-256", f"sha256={DIGEST.hexdigest()}")]
    assert isinstance(verify({"scheme": "hmac"}, pairs, BODY, login, Clock()), Verified)


@pytest.mark.parametrize("login", [a_login(), a_login("whsec_!!!"), a_login("whsec_"), a_login("é")])
def test_without_a_usable_secret_it_is_misconfigured_and_none_is_shown(login):
    with pytest.raises(Misconfigured) as caught:
        verify({}, headers(), BODY, login, Clock())
    assert "whsec_!" not in str(caught.value)
    with pytest.raises(Misconfigured):
        verify({"scheme": "hmac"}, [("x-signature-256", "sha256=" + "0" * 64)], BODY, login, Clock())


@pytest.mark.parametrize("wrong", [{"tolerance_s": 0}, {"max_body_kib": 0}, {"hmac_header": "a b"}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError):
        WebhookSettings(**wrong)


CREDENTIAL = "a credential that is long enough"
SHOWN = {"scheme": "credential", "credential_header": "credential"}
CREDENTIAL_LOGIN = a_login(webhook_credentials=[CREDENTIAL])


def test_a_credential_in_its_header_is_verified_and_the_body_is_its_id():
    said = verify(SHOWN, [("Credential", CREDENTIAL)], BODY, CREDENTIAL_LOGIN, Clock())
    assert said == Verified(message_id=f"sha256-{hashlib.sha256(BODY).hexdigest()}", timestamp=None)
    other = verify(SHOWN, [("credential", CREDENTIAL)], BODY + b" ", CREDENTIAL_LOGIN, Clock())
    assert isinstance(other, Verified) and other.message_id != said.message_id


def test_while_a_credential_is_replaced_both_are_accepted():
    login = a_login(webhook_credentials=[CREDENTIAL, CREDENTIAL.upper()])
    for shown in (CREDENTIAL, CREDENTIAL.upper()):
        assert isinstance(verify(SHOWN, [("credential", shown)], BODY, login, Clock()), Verified)


def test_a_credential_may_stand_behind_a_word():
    settings = {**SHOWN, "credential_header": "Authorization", "credential_prefix": "Bearer "}
    good = [("authorization", f"Bearer {CREDENTIAL}")]
    assert isinstance(verify(settings, good, BODY, CREDENTIAL_LOGIN, Clock()), Verified)
    bare = verify(settings, [("authorization", CREDENTIAL)], BODY, CREDENTIAL_LOGIN, Clock())
    assert isinstance(bare, NotVerified) and bare.status == 400


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ([], 400),
        ([("credential", CREDENTIAL), ("credential", CREDENTIAL)], 400),
        ([("credential", "")], 401),
        ([("credential", CREDENTIAL[:-1])], 401),
        ([("credential", CREDENTIAL + "x")], 401),
        ([("credential", CREDENTIAL.upper())], 401),
        ([("credential", "caf\xe9")], 401),
        ([("x-credential", CREDENTIAL)], 400),
    ],
)
def test_any_other_credential_is_refused_and_not_shown(shown, status):
    said = verify(SHOWN, shown, BODY, CREDENTIAL_LOGIN, Clock())
    assert isinstance(said, NotVerified)
    assert said.status == status
    assert CREDENTIAL not in said.sentence


def test_a_credential_that_can_be_guessed_is_refused_before_anybody_comes():
    with pytest.raises(Misconfigured, match="shorter than 24") as raised:
        verify(SHOWN, [("credential", "short")], BODY, a_login(webhook_credentials="short"), Clock())
    assert "'short'" not in str(raised.value)
    with pytest.raises(Misconfigured, match="has no webhook_credentials"):
        verify(SHOWN, [], BODY, LOGIN, Clock())


def test_a_credential_is_compared_in_constant_time(monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("crossdock.wires.webhook.hmac.compare_digest", compare)
    login = a_login(webhook_credentials=[CREDENTIAL, CREDENTIAL * 2, CREDENTIAL * 3])
    verify(SHOWN, [("credential", CREDENTIAL)], BODY, login, Clock())
    assert compared == [(32, 32)] * 3, (
        "each of ours is tried, whatever the first one said, at the same length"
    )
