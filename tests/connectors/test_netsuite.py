"""Notes in NetSuite: passports that are signed anew, one note for one key, and faults that say what was not done."""

import base64
import hashlib
import hmac
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.netsuite import sink as module
from connectors.netsuite.passport import Passport
from connectors.netsuite.played import NetSuite
from crossdock.errors import Misconfigured
from crossdock.manifests import read_manifest
from crossdock.messages import Delivered, Receipt, Reject, Retry, Unsure
from crossdock.ports import Login, Secret
from crossdock.testing import lying_http as lie

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"
WSDL = CONNECTORS / "netsuite" / "played.wsdl"
KEYS = {"account": "1234567_SB1", "consumer_key": "ck-71cc02b7"}
SECRETS = {"consumer_secret": "cs-7278da58", "token_id": "ti-89e08d97", "token_secret": "ts-060cd9ab"}


@pytest.fixture
def netsuite(clock):
    return NetSuite(clock, consumer_secret=SECRETS["consumer_secret"], token_secret=SECRETS["token_secret"])


@pytest.fixture
def server(netsuite):
    with lie.LyingServer(honest=netsuite) as running:
        yield running


@pytest.fixture
def login(server):
    return Login(
        connection_id="crossdock_netsuite", scheme="http", host="127.0.0.1", port=server.port, extra=KEYS,
        secrets={name: Secret(text) for name, text in SECRETS.items()},
    )  # fmt: skip


@pytest.fixture
def opened(login, clock, tmp_path):
    """The sink as a site has it: a folder of its own, with the contract that the user put there, pinned."""
    folder = tmp_path / "netsuite"
    folder.mkdir()
    shutil.copy(WSDL, folder / "netsuite.wsdl")
    text = (CONNECTORS / "netsuite" / "connector.toml").read_text()
    pinned = hashlib.sha256(WSDL.read_bytes()).hexdigest()
    (folder / "connector.toml").write_text(text.replace('wsdl_sha256 = ""', f'wsdl_sha256 = "{pinned}"'))
    every = []

    def open_it(login=login):
        every.append(module.connect(read_manifest(folder), login, clock))
        return every[-1]

    yield open_it
    for one in every:
        one.close()


@pytest.fixture
def sink(opened):
    return opened()


@pytest.fixture
def note(write_back):
    def make(text="ACME moved line 1", subject="sales_order/SO-7001", key="key-1", operation="note"):
        body = json.dumps({"text": text}).encode()
        return write_back(operation, body, subject=subject, key=key, target="netsuite")

    return make


def test_a_note_is_written_under_our_key_with_a_passport_of_its_own(netsuite, server, sink, note):
    outcome = sink.deliver(note())
    assert isinstance(outcome, Delivered)
    assert outcome.receipt == Receipt(reference="9000", evidence={"external_id": "key-1", "type": "note"})
    assert netsuite.notes["key-1"]["note"] == "ACME moved line 1"
    sink.deliver(note(key="key-2"))
    assert len(set(netsuite.nonces)) == len(netsuite.nonces), "no passport goes twice"
    assert server.effects.counted() == {"key-1": 1, "key-2": 1}


def test_too_many_requests_at_once_is_come_later_and_nothing_was_done(netsuite, sink, note):
    netsuite.fault = "exceededConcurrentRequestLimitFault"
    outcome = sink.deliver(note())
    assert isinstance(outcome, Retry) and not outcome.wire
    netsuite.fault = "unexpectedErrorFault"
    assert isinstance(sink.deliver(note()), Unsure), "what it does not name may have happened"
    netsuite.fault, netsuite.refusal = "", "SSS_REQUEST_LIMIT_EXCEEDED"
    assert isinstance(sink.deliver(note()), Retry)
    assert netsuite.notes == {}


def test_an_order_that_it_does_not_have_is_refused_in_its_own_words(netsuite, sink, note):
    outcome = sink.deliver(note(subject="sales_order/SO-9"))
    assert isinstance(outcome, Reject) and outcome.status == "INVALID_KEY_OR_REF"
    assert "Invalid transaction reference key SO-9" in outcome.reason


@pytest.mark.parametrize(
    ("operation", "subject"),
    [("hold", "sales_order/SO-7001"), ("note", "supplier_po/1"), ("note", "sales_order/")],
)
def test_what_it_is_not_written_for_is_refused_before_anything_is_sent(
    netsuite, server, sink, note, operation, subject
):
    assert isinstance(sink.deliver(note(operation=operation, subject=subject)), Reject)
    assert server.requests == []


def test_a_login_that_is_not_taken_pauses_the_target_and_shows_no_secret(
    login, opened, note, clock, netsuite
):
    wrong = replace(login, secrets={**login.secrets, "token_secret": Secret("ts-wrong-one")})
    with pytest.raises(Misconfigured) as caught:
        opened(wrong).deliver(note())
    assert "ts-wrong-one" not in str(caught.value) and "cs-7278da58" not in str(caught.value)
    netsuite.refusal = "INSUFFICIENT_PERMISSION"
    with pytest.raises(Misconfigured, match="role of its token"):
        opened().deliver(note())


def test_a_field_that_the_connection_lacks_is_named(login, clock):
    lacking = replace(
        login, secrets={name: text for name, text in login.secrets.items() if name != "token_id"}
    )
    with pytest.raises(Misconfigured, match="token_id is missing") as caught:
        Passport(lacking, clock, None, messages="m", core="c")()
    assert caught.value.field == "token_id"


def test_a_signature_is_the_one_that_the_vendor_documents(clock):
    """The values are those of NetSuite's own page on the signature; the digest is computed from its rule."""
    login = Login(
        connection_id="c",
        extra={
            "account": "1234567",
            "consumer_key": "71cc02b731f05895561ef0862d71553a3ac99498a947c3b7beaf4a1e4a29f7c4",
        },
        secrets={
            "token_id": Secret("89e08d9767c5ac85b374415725567d05b54ecf0960ad2470894a52f741020d82"),
            "consumer_secret": Secret("7278da58caf07f5c336301a601203d10a58e948efa280f0618e25fcee1ef2abd"),
            "token_secret": Secret("060cd9ab3ffbbe1e3d3918e90165ffd37ab12acc76b4691046e2d29c7d7674c2"),
        },
    )

    class Dice:
        def random(self) -> float:
            return 0.0

    (passport,) = Passport(login, clock, Dice(), messages="m", core="c")()
    said = {str(one.tag).rpartition("}")[2]: one.text for one in passport}
    base = "&".join(said[name] for name in ("account", "consumerKey", "token", "nonce", "timestamp"))
    assert base.startswith("1234567&71cc02b7") and base.endswith(
        f"&{'A' * 32}&{int(clock.now().timestamp())}"
    )
    key = "&".join(login.secrets[name].reveal() for name in ("consumer_secret", "token_secret"))
    digest = hmac.new(key.encode(), base.encode(), "sha256").digest()
    assert base64.b64decode(said["signature"]) == digest


def test_without_the_users_contract_it_says_where_it_must_lie(login, clock, note):
    sink = module.connect(read_manifest(CONNECTORS / "netsuite"), login, clock)
    with pytest.raises(Misconfigured, match=r"the contract .*netsuite\.wsdl cannot be read"):
        sink.deliver(note())
    sink.close()
