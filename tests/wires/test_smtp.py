"""Mail over SMTP: what was not handed over is free to try again, and what was is never called lost."""

import pytest

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.ports import Login, Secret
from crossdock.testing.smtp_server import DONE, LIES, SmtpServer
from crossdock.wires.smtp import Smtp, is_address
from tests.wires.authorities import Authority

MAIL = b"Message-ID: <m-1@example.com>\r\nSubject: hello\r\n\r\nFirst\n.\n..two\r\nlast"
FROM, TO = "hub@example.com", ("supply@example.com", "planning@example.com")


def login_to(server: SmtpServer, **more: object) -> Login:
    extra = {"tls": "none", **more.pop("extra", {})}  # type: ignore[dict-item]
    return Login(connection_id="mail", host="127.0.0.1", port=server.port, extra=extra, **more)  # type: ignore[arg-type]


@pytest.fixture
def server():
    with SmtpServer() as running:
        yield running


def test_a_mail_arrives_as_it_is_with_its_lines_and_its_dots(server):
    said = Smtp(login_to(server)).send(MAIL, sender=FROM, recipients=TO)
    assert said == "queued as 1"
    (mail,) = server.mails
    assert mail.get_payload() == "First\r\n.\r\n..two\r\nlast\r\n"
    assert server.envelopes == [(FROM, TO)]
    assert server.effects.counted() == {"<m-1@example.com>": 1}


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_has_the_word_that_is_true_of_it(server, lie):
    server.lie = lie
    wire = Smtp(login_to(server), deadline_s=0.6)
    with pytest.raises(CrossdockError) as caught:
        wire.send(MAIL, sender=FROM, recipients=TO)
    error = caught.value
    taken = len(server.mails)
    assert taken == (1 if lie in DONE else 0)
    noes = {"later": "451", "never": "554", "greylist": "450", "no_such_mailbox": "550", "shut": "421"}
    if lie in noes:
        assert isinstance(error, Refused) and error.status == noes[lie]
    elif lie == "rst_before_dot":  # the dot may have left before the reset came: nobody here can tell
        assert isinstance(error, WireDown | WireQuiet), error
    else:
        assert isinstance(error, WireQuiet if lie in DONE else WireDown), error
    assert MAIL.decode()[:20] not in str(error)


def test_one_recipient_that_is_refused_refuses_the_mail_for_all(server):
    server.lie = "no_such_mailbox"
    with pytest.raises(Refused, match="planning@"):
        Smtp(login_to(server)).send(MAIL, sender=FROM, recipients=TO)
    assert server.mails == []


def test_nobody_there_is_tried_again(server):
    wire = Smtp(login_to(server))
    server.stop()
    with pytest.raises(WireDown, match="not handed over"):
        wire.send(MAIL, sender=FROM, recipients=TO)


@pytest.mark.parametrize("implicit", [False, True])
def test_mail_goes_over_tls_with_a_login_and_no_byte_of_it_in_the_clear(tmp_path, implicit):
    authority = Authority(tmp_path)
    with SmtpServer(user="hub", password="pa-ss-word", tls=authority.server(), implicit=implicit) as server:
        extra = {"tls": "implicit" if implicit else "starttls", "ca_bundle": str(authority.bundle)}
        login = login_to(server, user="hub", password=Secret("pa-ss-word"), extra=extra)
        assert Smtp(login).send(MAIL, sender=FROM, recipients=TO)
        assert len(server.mails) == 1
        wrong = login_to(server, user="hub", password=Secret("pa-ss-worse"), extra=extra)
        with pytest.raises(Misconfigured, match="does not take the login") as caught:
            Smtp(wrong).send(MAIL, sender=FROM, recipients=TO)
        assert "pa-ss" not in str(caught.value)
        stranger = login_to(server, user="hub", password=Secret("x"), extra={"tls": extra["tls"]})
        with pytest.raises(Misconfigured, match="certificate"):
            Smtp(stranger).send(MAIL, sender=FROM, recipients=TO)
    assert len(server.mails) == 1


def test_a_server_that_offers_no_tls_gets_neither_login_nor_mail(server):
    login = login_to(server, user="hub", password=Secret("p"), extra={"tls": "starttls"})
    with pytest.raises(CrossdockError):
        Smtp(login, deadline_s=2.0).send(MAIL, sender=FROM, recipients=TO)
    assert server.mails == []
    assert not any(line.startswith(("AUTH", "MAIL", "DATA")) for line in server.said)


def test_mail_in_the_clear_goes_to_this_machine_alone():
    with pytest.raises(Misconfigured, match="only for a server on this machine"):
        Smtp(Login(connection_id="m", host="192.0.2.7", hosts=("192.0.2.7",), extra={"tls": "none"}))
    with pytest.raises(Misconfigured, match="starttls, implicit, none"):
        Smtp(Login(connection_id="m", host="mail.example", hosts=("mail.example",), extra={"tls": "ssl"}))


def test_a_host_that_the_connector_does_not_declare_is_refused(server):
    with pytest.raises(Misconfigured, match="not among the hosts"):
        Smtp(Login(connection_id="m", host="127.0.0.1", port=server.port, hosts=("mail.example",)))


@pytest.mark.parametrize(
    "address",
    ["", "hub", "hub@", "@example.com", "Hub <hub@example.com>", "hub@example.com\r\nRCPT TO:<x@y.example>",
     "hub@example.com, x@example.com", "hub@exa mple.com", "hüb@example.com", "hub@-example.com", "a..b@example.com",
     "hub@example.com\n", "hub@[127.0.0.1]", "x" * 65 + "@example.com"],
)  # fmt: skip
def test_what_is_not_plainly_an_address_is_none(server, address):
    assert not is_address(address)
    with pytest.raises(Misconfigured, match="nothing was sent"):
        Smtp(login_to(server)).send(MAIL, sender=FROM, recipients=(address,))
    assert server.said == []


def test_the_check_tells_its_steps_and_sends_nothing(server):
    steps = list(Smtp(login_to(server)).check(FROM, TO))
    assert [(step.step, step.ok) for step in steps] == [
        ("connect", True), ("tls", True), ("login", True), ("permission", True),
    ]  # fmt: skip
    assert server.mails == [] and "DATA" not in server.said
    server.lie = "no_such_mailbox"
    *_, last = Smtp(login_to(server)).check(FROM, TO)
    assert (last.step, last.ok, last.field) == ("permission", False, "sender")
    assert last.remedy


def test_the_check_blames_the_step_that_fails_and_not_the_one_before_it(tmp_path):
    authority = Authority(tmp_path)
    with SmtpServer(user="hub", password="pa-ss-word", tls=authority.server()) as server:
        extra = {"tls": "starttls", "ca_bundle": str(authority.bundle)}

        def walked(**login: object) -> list[tuple[str, bool, str]]:
            wire = Smtp(login_to(server, **{"user": "hub", "extra": extra, **login}), deadline_s=5.0)
            return [(step.step, step.ok, step.field) for step in wire.check(FROM, TO)]

        assert walked(password=Secret("pa-ss-worse")) == [
            ("connect", True, ""), ("tls", True, ""), ("login", False, "password"),
        ]  # fmt: skip
        assert walked(extra={"tls": "starttls"}) == [("connect", True, ""), ("tls", False, "ca_bundle")]
