"""Notices for people: escaped for where they are read, no more than the route asks, and no secret in any message."""

import json
import traceback
import uuid
from typing import Any

import pytest

from connectors.mail import sink as mail
from connectors.slack import sink as slack
from connectors.teams import sink as teams
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.messages import Decision, Delivered, Reject, Retry, Unsure
from crossdock.ports import Checkable, Login, Previewing, Searchable, Secret
from crossdock.secret_forms import forms_of_login
from crossdock.testing import lying_http as lie
from crossdock.testing.smtp_server import SmtpServer
from mappings.outbound import notice as notices
from tests.wires.authorities import Authority

SECRET = "/services/T0000/B0000/aVerySecretPath"
EVENT = {
    "id": "event-1",
    "data": {
        "code": "INV.BACKORDER",
        "severity": "S2",
        "title": "Order of Mr Private waits",
        "refs": [{"kind": "supplier_po", "value": "4500123456"}],
        "parties": [{"role": "customer", "ids": [], "name": "Mr Private"}],
    },
}
DECISION = Decision(
    event_id=uuid.UUID(int=1), table="main", rule="r", version="0", queue="supply", owner="planning", priority=30,
    actions=(), because="Acme backordered 40 of 100", saw={},
)  # fmt: skip
HOSTILE = "<!channel> & <https://evil.example|Open> *bold* [x](javascript:1)\r\nBcc: x@evil.example \u202egpj"


def body(text: str = "", **arguments: str) -> bytes:
    arguments = {**({"text": text} if text else {}), **arguments}
    return notices.write(EVENT, DECISION, arguments, exception_id="case-1", decision_id="d-1").body


@pytest.fixture
def note(write_back):
    def make(text: str = "", **arguments: str) -> Any:
        return write_back("notify", body(text, **arguments), subject="case/case-1", target="slack")

    return make


@pytest.fixture
def server():
    with lie.LyingServer(lie.answer(200, b"ok", media_type="text/plain")) as running:
        yield running


def login_to(server: Any, path: str = SECRET, **extra: str) -> Login:
    return Login(
        connection_id="c",
        hosts=("127.0.0.1",),
        secrets={"url_secret": Secret(f"http://127.0.0.1:{server.port}{path}")},
        extra={"console_url": "https://hub.example/crossdock/", **extra},
    )


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_notice_says_what_the_route_asks_and_nothing_of_persons():
    said = json.loads(body())
    assert said["text"] == DECISION.because
    assert said["about"] == "supplier po 4500123456"
    assert said["headline"].startswith("The supplier will ship")
    assert "Private" not in json.dumps(said)
    assert body() == body()


def test_an_argument_that_a_notice_does_not_have_is_told():
    with pytest.raises(CrossdockError, match="no 'channel'"):
        body(channel="#supply")


# ── Slack and Teams ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def channel(server, clock, manifest_of):
    sink = slack.connect(manifest_of("slack"), login_to(server), clock)
    yield sink
    sink.close()


def test_slack_is_sent_plain_text_with_a_link_and_says_ok(server, channel, note):
    assert (
        isinstance(channel, Checkable)
        and isinstance(channel, Previewing)
        and not isinstance(channel, Searchable)
    )
    assert isinstance(channel.deliver(note()), Delivered)
    (request,) = server.requests
    said = json.loads(request.body)
    assert request.path == SECRET
    assert said["blocks"][0]["text"]["text"] == "S2 · supplier po 4500123456"
    assert said["blocks"][1]["text"] == {"type": "plain_text", "text": DECISION.because, "emoji": False}
    assert said["blocks"][-1]["text"]["text"] == "<https://hub.example/crossdock/cases/case-1|Open the case>"


def test_what_a_document_says_is_never_markup_in_slack(server, channel, note):
    channel.deliver(note(HOSTILE))
    said = json.loads(server.requests[0].body)
    marked = [
        said["text"],
        *(b["text"]["text"] for b in said["blocks"] if b.get("text", {}).get("type") == "mrkdwn"),
    ]
    assert not any("<!channel" in text or "<https://evil" in text for text in marked)
    assert "\u202e" not in json.dumps(said, ensure_ascii=False)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (lie.answer(200, b"<html>", media_type="text/html"), Unsure),
        (lie.answer(200, b"no_text"), Unsure),
        (lie.answer(202, b"ok"), Unsure),
        (lie.answer(400, b"invalid_payload"), Reject),
        (lie.answer(404, b"no_service"), Reject),
        (lie.answer(410, b"channel_is_archived"), Reject),
        (lie.answer(429, headers={"Retry-After": "30"}), Retry),
        (lie.answer(503), Retry),
        (lie.answer(500), Unsure),
        (lie.reset_after_commit(), Unsure),
        (lie.reset_before_read(), Unsure),
    ],
)
def test_what_slack_answers_is_told_truly_and_never_with_its_secret(
    server, channel, note, behaviour, outcome
):
    server.then(behaviour)
    found = channel.deliver(note())
    assert isinstance(found, outcome), found
    assert "aVerySecretPath" not in repr(found)


@pytest.mark.parametrize("status", [403, 307])
def test_a_webhook_that_is_refused_or_moved_pauses_the_target_without_its_secret(
    server, channel, note, status
):
    server.then(
        lie.answer(status, b"invalid_token /services/T0000/B0000/aVerySecretPath", headers={"Location": "/"})
    )
    with pytest.raises(CrossdockError) as caught:
        channel.deliver(note())
    assert "aVerySecretPath" not in str(caught.value)


def test_the_preview_and_the_check_hold_no_secret(server, channel, note):
    told = json.dumps([channel.preview(note()), [step.sentence for step in channel.check()]])
    assert "aVerySecretPath" not in told
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    ["", "hooks.slack.com/services/x", "https://", "https://u:p@127.0.0.1/x", "ftp://127.0.0.1/x", "https://127.0.0.1:x/y",
     "https://127.0.0.1/", "https://127.0.0.1/aVery SecretPath", "https://127.0.0.1/aVery\nSecretPath",
     "https://127.0.0.1/äVerySecretPath"],
)  # fmt: skip
def test_what_is_no_secret_url_is_told_without_showing_it(clock, manifest_of, note, url):
    login = Login(connection_id="c", hosts=("127.0.0.1",), secrets={"url_secret": Secret(url)})
    with pytest.raises(Misconfigured, match="url_secret") as caught:
        slack.connect(manifest_of("slack"), login, clock).deliver(note())
    assert len(url) < 9 or url not in str(caught.value)
    assert "SecretPath" not in str(caught.value)


def test_a_secret_url_is_in_no_traceback_and_masked_in_the_log_without_its_host(
    clock, manifest_of, note, tmp_path
):
    """What requests raises holds the address, and Airflow logs every cause of what ends a task."""
    with lie.LyingServer(tls=Authority(tmp_path).server()) as stranger:
        url = f"https://127.0.0.1:{stranger.port}{SECRET}?sig=aVerySecretSign"
        login = Login(connection_id="c", hosts=("127.0.0.1",), secrets={"url_secret": Secret(url)})
        with pytest.raises(Misconfigured) as caught:
            slack.connect(manifest_of("slack"), login, clock).deliver(note())
    told = "".join(traceback.format_exception(caught.value))
    assert "Max retries exceeded" in told, "the cause is there"
    assert "aVerySecret" not in told
    assert {SECRET, "sig=aVerySecretSign"} <= set(forms_of_login(login))


def test_a_url_to_a_host_that_is_not_slacks_is_refused(clock, manifest_of, note):
    login = Login(
        connection_id="c",
        hosts=manifest_of("slack").hosts,
        secrets={"url_secret": Secret("https://evil.example/x")},
    )
    with pytest.raises(Misconfigured, match="not among the hosts"):
        slack.connect(manifest_of("slack"), login, clock).deliver(note())


def test_a_workflow_takes_a_card_whose_text_is_never_markdown(server, clock, manifest_of, note):
    sink = teams.connect(
        manifest_of("teams"), login_to(server, "/workflows/1?sig=aVerySecretPath&sv=1.0"), clock
    )
    server.then(
        lie.answer(202, b"", headers={"x-ms-workflow-run-id": "0858"}), lie.answer(202, b""), lie.answer(400)
    )
    found = sink.deliver(note(HOSTILE))
    assert isinstance(found, Delivered) and found.receipt.reference == "0858"
    card = json.loads(server.requests[0].body)["attachments"][0]["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert card["actions"][0]["url"] == "https://hub.example/crossdock/cases/case-1"
    assert server.requests[0].path == "/workflows/1?sig=aVerySecretPath&sv=1.0"
    unproved, refused = sink.deliver(note()), sink.deliver(note())
    assert isinstance(unproved, Unsure) and isinstance(refused, Reject)
    assert "aVerySecretPath" not in repr((unproved, refused))
    sink.close()


@pytest.mark.parametrize(
    "console", ["javascript:alert(1)", "https://x/<b>", "hub.example", "https://x/?a=1", "https://x|y"]
)
def test_a_console_that_is_no_address_is_told(server, clock, manifest_of, note, console):
    sink = slack.connect(manifest_of("slack"), login_to(server, console_url=console), clock)
    with pytest.raises(Misconfigured, match="console_url"):
        sink.deliver(note())
    assert server.requests == []


# ── mail ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def post():
    with SmtpServer() as running:
        yield running


def mailbox(post: Any, clock: Any, manifest_of: Any, **extra: str) -> Any:
    extra = {"tls": "none", "from": "hub@example.com", "to": "supply@example.com", **extra}
    login = Login(connection_id="m", host="127.0.0.1", port=post.port, extra=extra)
    return mail.connect(manifest_of("mail"), login, clock)


def test_a_notice_is_a_mail_that_names_itself_after_its_key(post, clock, manifest_of, note):
    sink = mailbox(post, clock, manifest_of, console_url="https://hub.example")
    first, again = sink.deliver(note()), sink.deliver(note())
    assert isinstance(first, Delivered) and first.receipt.reference == again.receipt.reference
    (one, other) = post.mails
    assert one["Message-ID"] == other["Message-ID"] == "<key-1@example.com>"
    assert post.effects.more_than_once() == {"<key-1@example.com>": 2}, (
        "the same mail, twice: who looks sees it"
    )
    text, markup = one.get_payload()
    assert DECISION.because in text.get_payload(decode=True).decode()
    assert "https://hub.example/cases/case-1" in markup.get_payload(decode=True).decode()
    assert one["Auto-Submitted"] == "auto-generated"


def test_no_text_adds_a_header_or_markup_to_a_mail(post, clock, manifest_of, note):
    event = {
        **EVENT,
        "data": {**EVENT["data"], "refs": [{"kind": "supplier_po", "value": "45\r\nBcc: x@evil.example"}]},
    }
    said = notices.write(event, DECISION, {"text": HOSTILE}, exception_id="case-1", decision_id="d").body
    sink = mailbox(post, clock, manifest_of)
    from dataclasses import replace

    assert isinstance(sink.deliver(replace(note(), body=said)), Delivered)
    (one,) = post.mails
    assert one["Bcc"] is None
    assert "Bcc: x@evil.example" in one["Subject"], "it is a word of the subject and no line of its own"
    assert "<!channel>" not in one.get_payload()[1].get_payload(decode=True).decode()
    assert post.envelopes == [("hub@example.com", ("supply@example.com",))]


def test_the_route_names_who_is_told(post, clock, manifest_of, note):
    mailbox(post, clock, manifest_of).deliver(note(to="buyer@example.com, lead@example.com"))
    assert post.envelopes[0][1] == ("buyer@example.com", "lead@example.com")


@pytest.mark.parametrize(
    "to",
    [
        "nobody",
        "x@example.com\r\nDATA",
        "Buyer <b@example.com>",
        ",".join(f"a{n}@x.example" for n in range(51)),
    ],
)
def test_who_is_no_address_is_not_written_to(post, clock, manifest_of, note, to):
    assert isinstance(mailbox(post, clock, manifest_of).deliver(note(to=to)), Reject)
    assert post.said == []


def test_nobody_to_tell_is_a_no_and_a_sender_that_is_none_is_a_mistake(post, clock, manifest_of, note):
    assert isinstance(mailbox(post, clock, manifest_of, to="").deliver(note()), Reject)
    with pytest.raises(Misconfigured, match="'from'"):
        mailbox(post, clock, manifest_of, **{"from": "hub"}).deliver(note())


def test_the_check_of_the_mailbox_names_a_wrong_recipient(post, clock, manifest_of):
    (step,) = mailbox(post, clock, manifest_of, to="nobody").check()
    assert (step.ok, step.remedy) == (False, "Correct 'to' of the connection.")
    assert all(step.ok for step in mailbox(post, clock, manifest_of).check())
