"""The SOAP wire: nothing is fetched that is not pinned, nothing is parsed for ever, a fault is never a success."""

import hashlib
import inspect
import logging
import shutil
import time
from pathlib import Path

import pytest
import zeep.exceptions

from crossdock.errors import CrossdockError, Misconfigured, Refused, Unreadable, WireDown, WireQuiet
from crossdock.ports import Login, Secret, SystemClock
from crossdock.testing import lying_http as lie
from crossdock.wires import soap
from crossdock.wires.soap import Soap
from crossdock.wires.watchdog import within

CONTRACT = Path(__file__).resolve().parents[2] / "connectors" / "carrier" / "contract"
NAMESPACE = "urn:crossdock:sandbox:carrier:1"
ASK = {"Since": "2026-11-21T00:00:00Z", "Max": 10}


def envelope(inside: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f"{inside}</s:Body></s:Envelope>"
    ).encode()


def answered(inside: str = "<MoreAvailable>false</MoreAvailable>") -> bytes:
    return envelope(f'<GetStatusUpdatesResponse xmlns="{NAMESPACE}">{inside}</GetStatusUpdatesResponse>')


def fault(code: str, message: str = "no", detail: str = "") -> bytes:
    return envelope(
        f"<s:Fault><faultcode>{code}</faultcode><faultstring>{message}</faultstring>{detail}</s:Fault>"
    )


def xml(body: bytes, status: int = 200):
    return lie.answer(status, body, media_type="text/xml; charset=utf-8")


@pytest.fixture
def server():
    with lie.LyingServer(xml(answered())) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(CONTRACT, tmp_path / "contract"))


@pytest.fixture
def open_soap(server, folder):
    opened = []

    def open_it(*, pin: bool = True, deadline_s: float = 5.0, **login: object) -> Soap:
        content = (folder / "carrier.wsdl").read_bytes()
        fields = {"connection_id": "c", "scheme": "http", "host": "127.0.0.1", "port": server.port}
        wire = Soap(
            Login(**{**fields, "user": "ann", "password": Secret("pw-canary"), **login}),
            folder=folder,
            wsdl="carrier.wsdl",
            wsdl_sha256=hashlib.sha256(content).hexdigest() if pin else "0" * 64,
            path="/soap",
            deadline_s=deadline_s,
            clock=SystemClock(),
        )
        opened.append(wire)
        return wire

    yield open_it
    for wire in opened:
        wire.close()


def ask(wire: Soap, **options):
    return wire.call("GetStatusUpdates", effect=False, **{**ASK, **options})


def test_a_call_goes_to_the_address_of_the_connection(server, open_soap):
    body = answered("<MoreAvailable>true</MoreAvailable>")
    server.then(xml(body))
    answer = ask(open_soap(), AfterEventId="E-1")
    assert answer.body == body
    assert answer.problem is None
    assert answer.value.MoreAvailable is True
    assert answer.content.tag == f"{{{NAMESPACE}}}GetStatusUpdatesResponse"
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/soap")
    assert request.headers["authorization"].startswith("Basic ")
    assert request.headers["soapaction"] == f'"{NAMESPACE}#GetStatusUpdates"'
    assert b"<ns0:AfterEventId>E-1</ns0:AfterEventId>" in request.body


def test_a_contract_is_read_once_and_every_login_is_shown_as_its_own(server, open_soap, monkeypatch):
    ask(open_soap())
    monkeypatch.setattr("zeep.wsdl.Document", None)
    ask(open_soap(user="eve"))
    shown = [request.headers["authorization"] for request in server.requests]
    assert len(set(shown)) == 2


def test_a_contract_that_is_not_the_pinned_one_is_misconfigured(server, open_soap):
    with pytest.raises(Misconfigured, match="is not the pinned one"):
        ask(open_soap(pin=False))
    assert server.connections == 0


def test_a_contract_that_is_gone_is_misconfigured(open_soap, folder):
    wire = open_soap()
    (folder / "carrier.wsdl").unlink()
    with pytest.raises(Misconfigured, match="cannot be read"):
        ask(wire)


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "carrier.wsdl"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


SCHEMA = '<xsd:schema targetNamespace="urn:crossdock:sandbox:carrier:1" elementFormDefault="qualified">'


@pytest.mark.parametrize("way", ["import", "include", "wsdl"])
@pytest.mark.parametrize("where", ["http", "file", "absolute", "up", "link"])
def test_nothing_outside_the_contracts_folder_is_ever_loaded(server, open_soap, folder, tmp_path, way, where):
    canary = tmp_path / "canary.xsd"
    canary.write_text("<canary/>")
    (folder / "link.xsd").symlink_to(canary)
    with lie.LyingServer() as listener:
        location = {
            "http": f"{listener.url}/canary.xsd",
            "file": f"file://{canary}",
            "absolute": str(canary),
            "up": "../canary.xsd",
            "link": "link.xsd",
        }[where]
        if way == "wsdl":
            edit(
                folder, "<wsdl:types>", f'<wsdl:import namespace="urn:x" location="{location}"/><wsdl:types>'
            )
        elif way == "import":
            edit(folder, SCHEMA, f'{SCHEMA}<xsd:import namespace="urn:x" schemaLocation="{location}"/>')
        else:
            edit(folder, SCHEMA, f'{SCHEMA}<xsd:include schemaLocation="{location}"/>')
        with pytest.raises(Misconfigured) as caught:
            ask(open_soap())
        assert "<canary" not in str(caught.value)
        assert listener.connections == 0
    assert server.connections == 0


def test_what_lies_in_the_contracts_folder_is_loaded(open_soap, folder):
    (folder / "more.xsd").write_text(
        '<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:more"/>'
    )
    edit(folder, SCHEMA, f'{SCHEMA}<xsd:import namespace="urn:more" schemaLocation="more.xsd"/>')
    assert ask(open_soap()).problem is None


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE x [<!ENTITY e "boom">]>',
        '<!DOCTYPE x SYSTEM "{url}/x.dtd">',
        '<!DOCTYPE x [<!ENTITY % e SYSTEM "{url}/e"> %e;]>',
    ],
)
def test_dtds_and_entities_are_refused_in_the_contract_and_in_answers(server, open_soap, folder, doctype):
    with lie.LyingServer() as listener:
        hostile = doctype.format(url=listener.url)
        server.then(xml(hostile.encode() + answered()))
        answer = ask(open_soap())
        assert answer.problem is not None
        assert answer.problem.code == "XML.FORBIDDEN"
        assert answer.value is None and answer.content is None
        assert answer.body.startswith(b"<!DOCTYPE")

        edit(folder, "<wsdl:definitions", f"{hostile}<wsdl:definitions")
        with pytest.raises(Misconfigured):
            ask(open_soap())
        assert listener.connections == 0


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("code", ["s:Client", "soap:Client.Auth", "Client", "s:MustUnderstand"])
def test_a_fault_that_is_ours_is_refused_with_its_detail(server, open_soap, status, code):
    detail = f'<detail><CarrierFault xmlns="{NAMESPACE}"><Code>7</Code></CarrierFault></detail>'
    server.standing = xml(fault(code, "Max goes from 1 to 500", detail), status)
    for effect in (False, True):
        with pytest.raises(Refused, match="Max goes from 1 to 500") as caught:
            open_soap().call("GetStatusUpdates", effect=effect, **ASK)
        assert caught.value.status in ("Client", "MustUnderstand")
        assert b"<Code>7</Code>" in caught.value.body


@pytest.mark.parametrize("code", ["s:Server", "Server.Busy", "", "Nonsense"])
def test_a_fault_of_the_server_leaves_an_effect_unknown(server, open_soap, code):
    server.standing = xml(fault(code), 500)
    with pytest.raises(Refused):
        ask(open_soap())
    with pytest.raises(WireQuiet):
        open_soap().call("GetStatusUpdates", effect=True, **ASK)


@pytest.mark.parametrize(
    ("behaviour", "read", "effect"),
    [
        (lie.html_200(), Refused, WireQuiet),
        (lie.answer(502, b"x", media_type="text/html"), Refused, WireQuiet),
        (lie.answer(200, b""), Refused, WireQuiet),
        (lie.answer(200, answered(), media_type="multipart/related"), Refused, WireQuiet),
        (lie.answer(401), Misconfigured, Misconfigured),
        (lie.answer(403), Misconfigured, Misconfigured),
        (lie.redirect("http://evil.example/"), Misconfigured, Misconfigured),
        (lie.answer(429, headers={"Retry-After": "5"}), Refused, Refused),
        (lie.answer(425), Refused, Refused),
        (lie.reset_after_commit(), WireDown, WireQuiet),
        (lie.half_body(answered()), WireDown, WireQuiet),
        (lie.gzip_bomb(60_000_000), Refused, WireQuiet),
    ],
)
def test_what_is_no_answer(server, open_soap, behaviour, read, effect):
    for does, kind in ((False, read), (True, effect)):
        server.then(behaviour)
        with pytest.raises(kind):
            open_soap().call("GetStatusUpdates", effect=does, **ASK)


BROKEN = [
    b"<unclosed",
    b"<other/>",
    envelope(""),
    envelope("<Wrong/>"),
    answered("<Surprise/><MoreAvailable>false</MoreAvailable>"),
]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_an_answer_that_is_not_by_the_contract_is_kept_with_its_problem(server, open_soap, body):
    server.then(xml(body), xml(body))
    answer = ask(open_soap())
    assert answer.body == body
    assert isinstance(answer.problem, Unreadable)
    assert answer.value is None
    with pytest.raises(WireQuiet):
        open_soap().call("GetStatusUpdates", effect=True, **ASK)


def test_a_drip_ends_at_the_deadline(server, open_soap):
    server.then(lie.drip(lie.head(200, {"Content-Type": "text/xml"}) + answered() * 10, every_s=0.02))
    wire = open_soap(deadline_s=0.5)
    began = time.monotonic()
    with pytest.raises(WireDown):
        ask(wire)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(("effect", "kind"), [(False, WireDown), (True, WireQuiet)])
def test_a_parser_that_spins_for_ever_ends_at_the_deadline(monkeypatch, open_soap, effect, kind):
    from zeep.wsdl.bindings.soap import SoapBinding

    def spin(*_args, **_kwargs):
        while True:
            try:
                pass
            except Exception:
                continue

    monkeypatch.setattr(SoapBinding, "process_reply", spin)
    wire = open_soap(deadline_s=0.5)
    began = time.monotonic()
    with pytest.raises(kind, match="not over after"):
        wire.call("GetStatusUpdates", effect=effect, **ASK)
    assert time.monotonic() - began < 3
    monkeypatch.undo()
    assert ask(wire).problem is None


def test_within_gives_back_results_and_errors():
    assert within(5, lambda: 7) == 7
    with pytest.raises(KeyError):
        within(5, lambda: {}["x"])
    for _ in range(200):  # ends as the timer fires: nothing may be raised later

        def busy():
            until = time.perf_counter() + 0.001
            while time.perf_counter() < until:
                pass

        try:
            within(0.001, busy)
        except TimeoutError:
            pass
    assert sum(range(1000)) == 499500


@pytest.mark.parametrize("arguments", [{"Since": "x", "Nonsense": 1}, {}, {"Since": object(), "Max": "many"}])
def test_a_request_that_cannot_be_built_is_misconfigured_and_nothing_is_sent(server, open_soap, arguments):
    with pytest.raises(Misconfigured):
        open_soap().call("GetStatusUpdates", effect=True, **arguments)
    with pytest.raises(Misconfigured):
        open_soap().call("NoSuchOperation", effect=True)
    assert server.connections == 0


def test_no_logger_ever_writes_an_envelope(server, open_soap, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("zeep", "zeep.transports", "urllib3", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    ask(open_soap(), AfterEventId="canary-event")
    assert "canary" not in caplog.text
    assert "Envelope" not in caplog.text


ZEEP = sorted(
    (
        one
        for one in vars(zeep.exceptions).values()
        if inspect.isclass(one) and issubclass(one, Exception) and not issubclass(one, Warning)
    ),
    key=lambda one: one.__name__,
)


def raising(kind):
    def fail(*_args, **_kwargs):
        error = kind.__new__(kind)
        for name in ("message", "code", "actor", "detail", "content", "path", "filename", "sourceline"):
            setattr(error, name, None)
        raise error

    return fail


@pytest.mark.parametrize("kind", [*ZEEP, ValueError, TypeError, RecursionError], ids=lambda one: one.__name__)
def test_every_exception_of_zeep_is_translated(monkeypatch, open_soap, kind):
    from zeep.wsdl.bindings.soap import SoapBinding

    monkeypatch.setattr(SoapBinding, "process_reply", raising(kind))
    if kind is zeep.exceptions.Fault:
        with pytest.raises(Refused):
            ask(open_soap())
    else:
        assert isinstance(ask(open_soap()).problem, Unreadable)
    with pytest.raises(WireQuiet):
        open_soap().call("GetStatusUpdates", effect=True, **ASK)
    monkeypatch.undo()

    monkeypatch.setattr(SoapBinding, "_create", raising(kind))
    with pytest.raises(CrossdockError):
        ask(open_soap())
    monkeypatch.undo()

    monkeypatch.setattr(soap.zeep, "Client", raising(kind))
    with pytest.raises(Misconfigured):
        ask(open_soap())


def test_there_are_exceptions_to_walk():
    assert len(ZEEP) > 12


def test_the_check_walks_its_steps(server, open_soap):
    steps = list(open_soap().check("GetStatusUpdates", **ASK))
    assert [step.step for step in steps] == ["contract", "resolve", "connect", "login", "sample"]
    assert all(step.ok for step in steps)
    for behaviour, failing in (
        (lie.answer(401), "login"),
        (xml(fault("Client")), "permission"),
        (xml(b"<x/>"), "sample"),
        (lie.reset_after_commit(), "answer"),
    ):
        server.then(behaviour)
        *_, last = open_soap().check("GetStatusUpdates", **ASK)
        assert (last.step, last.ok, bool(last.remedy)) == (failing, False, True)
    *_, last = open_soap(pin=False).check("GetStatusUpdates", **ASK)
    assert (last.step, last.ok) == ("contract", False)
