"""Notes in NetSuite: passports that are signed anew, one note for one key, and faults that say what was not done."""

import base64
import hashlib
import hmac
import json
import shutil
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from connectors.netsuite import sink as module
from connectors.netsuite.passport import Passport
from crossdock.errors import Misconfigured
from crossdock.formats import safe_xml
from crossdock.kit.rest_target import Effect, RestTarget
from crossdock.manifests import read_manifest
from crossdock.messages import Delivered, Receipt, Reject, Retry, Unsure
from crossdock.ports import Login, Previewing, Searchable, Secret
from crossdock.testing import lying_http as lie
from crossdock.testing.lying_http import Said

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"
WSDL = Path(__file__).parent / "contracts" / "netsuite.wsdl"
KEYS = {"account": "1234567_SB1", "consumer_key": "ck-71cc02b7"}
SECRETS = {"consumer_secret": "cs-7278da58", "token_id": "ti-89e08d97", "token_secret": "ts-060cd9ab"}
PLATFORM = "2023_2.platform.webservices.netsuite.com"


class NetSuite:
    """The service: takes a passport once, keeps notes by their external id, and knows the sales orders it has."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.orders = {"SO-7001"}
        self.notes: dict[str, dict[str, str]] = {}
        self.nonces: list[str] = []
        self.fault = ""
        self.refusal = ""

    def __call__(self, request) -> Said:
        envelope = safe_xml.parse(request.body)
        text = {str(one.tag).rpartition("}")[2]: (one.text or "") for one in envelope.iter()}
        if not self._passes(text, envelope):
            return self._faulted("invalidCredentialsFault", "Invalid login attempt.")
        if self.fault:
            return self._faulted(self.fault, "It was not done.")
        (asked,) = next(one for one in envelope if str(one.tag).endswith("}Body"))
        operation = str(asked.tag).rpartition("}")[2]
        if operation == "getServerTime":
            return self._said("getServerTime", "getServerTimeResult", '<c:status isSuccess="true"/>')
        if operation == "get":
            (ref,) = asked
            return self._get(ref.get("externalId"))
        (record,) = asked
        return self._upsert(record, text)

    def _passes(self, text, envelope) -> bool:
        base = "&".join(
            text.get(name, "") for name in ("account", "consumerKey", "token", "nonce", "timestamp")
        )
        key = f"{SECRETS['consumer_secret']}&{SECRETS['token_secret']}"
        wanted = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()
        fresh = text.get("nonce") not in self.nonces and 6 <= len(text.get("nonce", "")) <= 64
        self.nonces.append(text.get("nonce", ""))
        signature = next((one for one in envelope.iter() if str(one.tag).endswith("}signature")), None)
        in_time = abs(int(text.get("timestamp") or 0) - self.clock.now().timestamp()) < 300
        algorithm = signature is not None and signature.get("algorithm") == "HMAC-SHA256"
        return fresh and in_time and algorithm and text["signature"] == wanted

    def _upsert(self, record, text) -> Said:
        kind = next(value for name, value in record.attrib.items() if str(name).endswith("}type"))
        assert kind.endswith("Note"), kind
        if self.refusal:
            return self._no(self.refusal, "You may not do this.")
        order = next(one for one in record if str(one.tag).endswith("}transaction")).get("externalId")
        if order not in self.orders:
            return self._no("INVALID_KEY_OR_REF", f"Invalid transaction reference key {order}.")
        key = record.get("externalId")
        new = key not in self.notes
        self.notes[key] = {
            "note": text["note"],
            "id": self.notes.get(key, {}).get("id", str(9000 + len(self.notes))),
        }
        ids = f'internalId="{self.notes[key]["id"]}" externalId={quoteattr(key)}'
        ref = f'<m:baseRef xsi:type="c:RecordRef" type="note" {ids}/>'
        return self._said(
            "upsert", "writeResponse", f'<c:status isSuccess="true"/>{ref}', effect=key if new else None
        )

    def _get(self, key) -> Said:
        if key not in self.notes:
            return self._said(
                "get", "readResponse", _refusal("RCRD_DSNT_EXIST", "That record does not exist.")
            )
        note = self.notes[key]
        record = (
            f'<m:record xsi:type="n:Note" internalId="{note["id"]}" externalId={quoteattr(key)}>'
            f"<n:note>{note['note']}</n:note></m:record>"
        )
        return self._said("get", "readResponse", f'<c:status isSuccess="true"/>{record}')

    def _no(self, code: str, sentence: str) -> Said:
        return self._said("upsert", "writeResponse", _refusal(code, sentence))

    def _said(self, operation: str, inner: str, body: str, *, effect: str | None = None) -> Said:
        answer = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xmlns:m="urn:messages_{PLATFORM}" xmlns:c="urn:core_{PLATFORM}" '
            'xmlns:n="urn:communication_2023_2.general.webservices.netsuite.com"><s:Body>'
            f"<m:{operation}Response><m:{inner}>{body}</m:{inner}></m:{operation}Response></s:Body></s:Envelope>"
        )
        return Said(status=200, body=answer.encode(), media_type="text/xml", effect=effect)

    def _faulted(self, name: str, sentence: str) -> Said:
        body = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
            f"<faultcode>s:Server.userException</faultcode><faultstring>{sentence}</faultstring>"
            f'<detail><f:{name} xmlns:f="urn:faults_{PLATFORM}"><f:code>X</f:code></f:{name}></detail>'
            "</s:Fault></s:Body></s:Envelope>"
        )
        return Said(status=500, body=body.encode(), media_type="text/xml")


def _refusal(code: str, sentence: str) -> str:
    detail = f"<c:code>{code}</c:code><c:message>{sentence}</c:message>"
    return f'<c:status isSuccess="false"><c:statusDetail type="ERROR">{detail}</c:statusDetail></c:status>'


@pytest.fixture
def netsuite(clock):
    return NetSuite(clock)


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
    shutil.copy(WSDL, folder)
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


def test_the_same_note_again_is_the_same_note(netsuite, server, sink, note):
    assert sink.deliver(note()) == sink.deliver(note())
    assert server.effects.counted() == {"key-1": 1} and len(netsuite.notes) == 1


@pytest.mark.parametrize("lied", [lie.reset_after_commit, lie.close_after_commit])
def test_a_lost_answer_is_unsure_and_the_note_is_found_by_our_key(netsuite, server, sink, note, lied):
    assert sink.find(note()) is None
    server.then(lied())
    assert isinstance(sink.deliver(note()), Unsure)
    assert sink.find(note()) == Receipt(reference="9000", evidence={"external_id": "key-1"})
    assert isinstance(sink.deliver(note()), Delivered)
    assert server.effects.more_than_once() == {}


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


def test_the_sink_is_what_it_declares(sink, note):
    assert isinstance(sink, Searchable) and isinstance(sink, Previewing)
    assert all(step.ok for step in sink.check())
    assert "token" not in json.dumps(sink.preview(note()))


def test_a_duplicate_over_rest_is_success_where_it_says_where_the_first_is(server, login, clock, note):
    """As NetSuite documents it for its REST services: 400, a Location, and a body that is no JSON for its quotes."""
    said = (
        b'{"type":"https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html","title":"Conflict","status":400,'
        b'"o:errorDetails":[{"detail":"A request with the same idempotency key is already submitted. See the '
        b'"Location" header for a link to the previously submitted job","o:errorCode":"IDEMPOTENCY_ERROR"}]}'
    )
    job = "/services/rest/async/v1/job/123456"
    target = RestTarget(login, clock, title="NetSuite")

    def deliver():
        return target.deliver(
            note(),
            asked=lambda _one: Effect(method="POST", path="/services/rest/record/v1/note", body=b"{}"),
            proof=lambda _answer, _one: Receipt(reference="x"),
        )

    server.then(lie.answer(400, said, headers={"Location": job}, commit=False))
    outcome = deliver()
    assert isinstance(outcome, Delivered) and outcome.duplicate and outcome.receipt.reference == job
    server.then(lie.answer(400, said, commit=False))
    assert isinstance(deliver(), Reject), "without a Location nothing says where the first is"
    target.close()
