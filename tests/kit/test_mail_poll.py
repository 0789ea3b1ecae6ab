"""A mailbox: the whole mail is kept, its files go to their mappings, each mail once, and nothing is ever deleted."""

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock.errors import Misconfigured, Refused, WireDown, WireQuiet
from crossdock.hub import Hub
from crossdock.kit.mail_rules import fits
from crossdock.manifests import read_manifest
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.store import queries, tables
from crossdock.testing.clock import MovableClock
from crossdock.testing.imap_server import ImapServer
from crossdock.wires.imap import Mailbox
from tests.formats.test_mail import written
from tests.spine.trading import confirmation, group, interchange
from tests.wires.authorities import Authority

X12 = interchange(group("PR", 101, confirmation()), number=501)
CONNECTOR = """
title = "Mailbox"
owner = "integration"
wire = "imap"
connection = "crossdock_mailbox"
connection_type = "crossdock_imap"
version = "1"

[source]
document = "mail"
media_type = "message/rfc822"
every_s = 60
batch = 100

[source.mailbox]
{mailbox}

[[source.mailbox.rules]]
media_type = "image/*"
ignore = true

[[source.mailbox.rules]]
file = "*.zip"
unpack = true

[[source.mailbox.rules]]
file = "*.edi"
document = "x12"

{rules}
"""


@pytest.fixture
def server():
    with ImapServer() as server:
        yield server


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def declare(tmp_path):
    def declare(*, mailbox='archive = "Taken"', rules=""):
        folder = tmp_path / "connectors" / "post"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "connector.toml").write_text(CONNECTOR.format(mailbox=mailbox, rules=rules))
        return Registry(tmp_path / "connectors")

    return declare


def login_of(server, **more):
    return Login(
        connection_id="crossdock_mailbox",
        host="127.0.0.1",
        port=server.port,
        user=server.user,
        password=Secret(server.password),
        extra={"security": "none", **more},
        hosts=("127.0.0.1",),
    )


@pytest.fixture
def hub(store, clock, declare, server, monkeypatch):
    """The hub over a mailbox that is declared now."""
    opened = []

    def open_hub(**declared):
        registry = declare(**declared)
        monkeypatch.setenv(
            "AIRFLOW_CONN_CROSSDOCK_MAILBOX",
            json.dumps(
                {
                    "conn_type": "crossdock_imap",
                    "host": "127.0.0.1",
                    "port": server.port,
                    "login": server.user,
                    "password": server.password,
                    "extra": {"security": "none"},
                }
            ),
        )
        mappings = Registry()
        registry.inbound = mappings.inbound
        hub = Hub.open(store=store, registry=registry, clock=clock, tenant="main", lease=timedelta(minutes=1))
        opened.append(hub)
        return hub

    yield open_hub
    for one in opened:
        one.close()


def parts(hub):
    with hub.store.reading("main") as connection:
        return [
            tuple(row)
            for row in connection.execute(
                sa.select(tables.parts.c.label, tables.parts.c.state).order_by(tables.parts.c.label)
            )
        ]


def letters(hub):
    with hub.store.reading("main") as connection:
        return {row["name"]: row for row in queries.list_dead_letters(connection, "main").items}


def balanced(hub):
    with hub.store.reading("main") as connection:
        return all(row["sound"] for row in queries.ledger(connection, "main"))


# -- a mail and its files -------------------------------------------------------------------------------------------


def test_a_file_goes_to_its_mapping_and_the_whole_mail_is_kept(hub, server):
    body = written(("855.edi", "application/octet-stream", X12), ("logo.png", "image/png", b"\x89PNG"))
    server.put(body)
    post = hub()
    assert post.receive("post").counts["stored"] == 2
    post.process()
    assert ("mail Stock", "processed") in parts(post)
    assert any(label.startswith("855") and state == "processed" for label, state in parts(post))
    with post.store.reading("main") as connection:
        kept = connection.execute(
            sa.select(tables.raw_messages.c.body).where(tables.raw_messages.c.media_type == "message/rfc822")
        ).scalar_one()
        assert bytes(kept) == body, "byte for byte"
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.exchanges)).scalar_one() >= 1
    assert letters(post) == {}
    assert balanced(post)
    assert (server.folders["INBOX"], [one.body for one in server.folders["Taken"]]) == ([], [body])


def test_a_bad_file_is_set_aside_beside_good_ones(hub, server):
    body = written(
        ("good.edi", "application/edi-x12", X12),
        ("bad.edi", "application/edi-x12", b"this is no interchange"),
        ("odd.dat", "application/octet-stream", b"?"),
        ("winmail.dat", "application/ms-tnef", b"x"),
    )
    server.put(body)
    post = hub()
    post.receive("post")
    post.process()
    found = letters(post)
    assert set(found) == {"bad.edi", "odd.dat", "winmail.dat"}
    assert "no rule of its mailbox fits it" in found["odd.dat"]["sentence"]
    assert "replay it" in found["odd.dat"]["remedy"]
    assert "Outlook's own format" in found["winmail.dat"]["sentence"]
    assert any(label.startswith("855") and state == "processed" for label, state in parts(post))
    assert server.folders["INBOX"] == []
    assert balanced(post)


def test_what_no_rule_fitted_is_handed_on_when_it_is_replayed_under_a_new_one(hub, server, declare):
    server.put(written(("answer.dat", "application/octet-stream", X12)))
    post = hub()
    post.receive("post")
    post.process()
    (letter,) = letters(post).values()
    later = hub(rules='[[source.mailbox.rules]]\nfile = "*.dat"\ndocument = "x12"\n')
    later.replay(later.find("dead letter", letter["id"]), "anna")
    later.process()
    assert letters(later) == {}
    assert any(label.startswith("855") and state == "processed" for label, state in parts(later))


def test_a_mail_of_words_alone_is_for_a_person(hub, server):
    server.put(written(subject="Where is our order?"))
    post = hub()
    post.receive("post")
    post.process()
    (letter,) = letters(post).values()
    assert letter["name"] == "Where is our order?"
    assert "nothing hangs on it that a rule of its mailbox hands on" in letter["sentence"]


def test_a_mail_that_cannot_be_taken_apart_is_kept_and_told(hub, server):
    part = b"--X\r\nContent-Disposition: attachment; filename=a\r\n\r\nx\r\n"
    server.put(b"Content-Type: multipart/mixed; boundary=X\r\n\r\n" + part * 600 + b"--X--\r\n")
    post = hub()
    assert post.receive("post").counts["stored"] == 1
    post.process()
    (letter,) = letters(post).values()
    assert "more than 500 files" in letter["sentence"]
    assert server.folders["INBOX"] == []


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name.replace("__", "/"), body)
    return packed.getvalue()


def test_the_files_of_an_archive_go_by_the_rules_themselves(hub, server):
    server.put(
        written(("all.zip", "application/zip", zipped(**{"in__855.edi": X12, "x.png": b"p", "y.txt": b"?"})))
    )
    post = hub()
    post.receive("post")
    post.process()
    assert any(label.startswith("855") and state == "processed" for label, state in parts(post))
    assert set(letters(post)) == {"x.png", "y.txt"}, "a media type is not said in an archive"


def test_an_archive_that_unpacks_to_too_much_is_set_aside_unopened(hub, server):
    bomb = zipped(**{"zeros.edi": b"0" * 30_000_000})
    server.put(written(("bomb.zip", "application/zip", bomb), ("good.edi", "application/edi-x12", X12)))
    post = hub()
    assert post.receive("post").counts["stored"] == 3
    post.process()
    assert "unpacks to more than" in letters(post)["bomb.zip"]["sentence"]
    assert any(label.startswith("855") for label, _ in parts(post))


# -- each mail once -------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_before_the_mail_is_moved_finds_what_it_stored(hub, server):
    server.put(written(("855.edi", "application/edi-x12", X12)))
    server.then("drop_move")
    post = hub()
    first = post.receive("post")
    assert first.counts["stored"] == 2
    assert "moves mail" in (first.error or "")
    assert len(server.folders["INBOX"]) == 1, "nothing is deleted"
    second = post.receive("post")
    assert second.counts["stored"] == 0
    assert server.folders["INBOX"] == []
    post.process()
    assert balanced(post)


def test_a_move_that_happened_and_was_not_answered_is_no_second_mail(hub, server):
    server.put(written(("855.edi", "application/edi-x12", X12)))
    server.then("drop_after_move")
    post = hub()
    assert post.receive("post").error is not None
    assert post.receive("post").counts["received"] == 0
    assert (len(server.folders["INBOX"]), len(server.folders["Taken"])) == (0, 1)


def test_a_mailbox_that_was_made_anew_brings_nothing_twice(hub, server):
    server.put(written(("855.edi", "application/edi-x12", X12)))
    post = hub(mailbox="")
    assert post.receive("post").counts["stored"] == 2
    assert post.receive("post").counts["received"] == 0, "it carries our keyword"
    server.made_anew()
    again = post.receive("post")
    assert (again.counts["stored"], again.counts["duplicate"]) == (0, 2)
    post.process()
    assert balanced(post)


def test_where_the_server_cannot_move_a_copy_is_made_and_the_mail_stays_marked(clock, declare, store):
    with ImapServer(moves=False) as server:
        server.put(written(("855.edi", "application/edi-x12", X12)))
        registry = declare()
        source = registry.source(registry.manifest("post"), login_of(server), clock)
        for message in list(source.read(None)):
            source.settle(message, "stored")
        assert list(source.read(None)) == []
        source.close()
        assert (len(server.folders["INBOX"]), len(server.folders["Taken"])) == (1, 1)
        assert not any("EXPUNGE" in command or r"\Deleted" in command for command in server.commands)


def test_a_mail_is_not_marked_as_read(server):
    server.put(b"From: a@b.example\r\n\r\nx")
    box = Mailbox(login_of(server), folder="INBOX", archive="Taken")
    (listed,) = box.waiting()
    assert box.fetch(listed, most=1000).body == b"From: a@b.example\r\n\r\nx"
    assert server.folders["INBOX"][0].flags == set()
    box.close()


def test_a_mail_that_is_too_large_is_not_taken_and_told_once(hub, server):
    server.put(b"Subject: huge\r\n\r\n" + b"x" * (1024 * 1024 + 1))
    server.put(written(("855.edi", "application/edi-x12", X12)))
    post = hub(mailbox='archive = "Taken"\nmost_mib = 1')
    assert post.receive("post").counts["stored"] == 2
    assert post.receive("post").counts["skipped"] == 0
    (letter,) = letters(post).values()
    assert "at most 1 MiB" in letter["sentence"]
    assert len(server.folders["INBOX"]) == 1


@pytest.mark.parametrize("sender", [b"(" * 50_000, b"a:" * 20_000], ids=["comments", "groups"])
def test_a_sender_that_is_nested_without_end_stops_no_mailbox(hub, server, sender):
    body = written(("855.edi", "application/edi-x12", X12))
    server.put(b"From: " + sender + b"\r\nSubject: x\r\n\r\nx")
    server.put(body)
    post = hub()
    run = post.receive("post")
    assert (run.error, run.counts["stored"]) == (None, 3)
    assert server.folders["INBOX"] == []


def test_a_document_without_a_name_is_one_beside_others_and_as_the_whole_mail(hub, server):
    two = interchange(group("PR", 102, confirmation(order="4500000002")), number=502)
    parts_of_it = b"".join(
        b"--X\r\nContent-Type: " + kind + b"\r\n\r\n" + body + b"\r\n"
        for kind, body in ((b"text/plain", b"see below"), (b"application/edi-x12", X12))
    )
    server.put(b"Content-Type: multipart/mixed; boundary=X\r\n\r\n" + parts_of_it + b"--X--\r\n")
    server.put(b"Content-Type: application/edi-x12\r\nMIME-Version: 1.0\r\n\r\n" + two)
    post = hub(rules='[[source.mailbox.rules]]\nmedia_type = "application/edi-x12"\ndocument = "x12"\n')
    assert post.receive("post").counts["stored"] == 4
    post.process()
    assert letters(post) == {}
    assert sum(label.startswith("855") for label, _ in parts(post)) == 2


@pytest.mark.parametrize("listed_as", [0, 17])
def test_a_mail_that_is_larger_than_its_server_says_is_told_too(hub, server, listed_as):
    server.put(b"Subject: huge\r\n\r\n" + b"x" * (1024 * 1024 + 1))
    server.folders["INBOX"][0].listed_as = listed_as
    post = hub(mailbox='archive = "Taken"\nmost_mib = 1')
    assert post.receive("post").counts["skipped"] == 1
    (letter,) = letters(post).values()
    assert "at most 1 MiB" in letter["sentence"]


def test_a_mail_that_the_server_does_not_give_holds_up_no_other(hub, server):
    server.put(b"Subject: damaged\r\n\r\nx")
    server.folders["INBOX"][0].withheld = True
    server.put(written(("855.edi", "application/edi-x12", X12)))
    post = hub()
    run = post.receive("post")
    assert (run.counts["stored"], run.counts["skipped"], run.error) == (2, 1, None)
    (letter,) = letters(post).values()
    assert "it cannot be read" in letter["sentence"]
    assert "take what it says by hand" in letter["remedy"]


def test_a_server_that_gives_no_mail_at_all_is_told_instead_of_every_mail(hub, server):
    for _ in range(5):
        server.put(b"Subject: damaged\r\n\r\nx")
    for held in server.folders["INBOX"]:
        held.withheld = True
    post = hub()
    assert "it cannot be read" in (post.receive("post").error or "")
    assert len(letters(post)) <= 2


def test_many_damaged_mails_before_all_others_hold_up_none_of_them(hub, server):
    for _ in range(5):
        server.put(b"Subject: damaged\r\n\r\nx")
    for held in server.folders["INBOX"]:
        held.withheld = True
    server.put(written(("855.edi", "application/edi-x12", X12)))
    post = hub()
    run = post.receive("post")
    assert (run.counts["stored"], run.counts["skipped"], run.error) == (2, 5, None)
    assert len(letters(post)) == 5


def test_a_mail_with_more_files_than_a_run_takes_is_taken_in_several_and_holds_up_no_other(hub, server):
    files = [(f"{number}.dat", "application/octet-stream", b"%d" % number) for number in range(250)]
    server.put(written(*files))
    server.put(written(("855.edi", "application/edi-x12", X12), subject="behind it"))
    post = hub()
    stored = [post.receive("post").counts["stored"] for _ in range(4)]
    assert (stored, sum(stored)) == ([100, 100, 53, 0], 253)
    assert server.folders["INBOX"] == []
    assert balanced(post)


# -- the connection -------------------------------------------------------------------------------------------------


def test_a_password_that_is_refused_is_a_persons_to_mend(server):
    login = replace(login_of(server), password=Secret("wrong"))
    with pytest.raises(Misconfigured, match="does not accept the login of 'crossdock'"):
        Mailbox(login, folder="INBOX").waiting()


def test_a_token_takes_the_place_of_the_password(monkeypatch):
    with ImapServer(token="a-token") as server:
        monkeypatch.setattr(Mailbox, "_token", lambda self: Secret("a-token"))
        box = Mailbox(login_of(server, auth="oauth2"), folder="INBOX")
        assert box.waiting() == []
        box.close()


def test_a_connection_that_breaks_is_tried_again(server):
    server.put(b"x")
    box = Mailbox(login_of(server), folder="INBOX")
    server.then("drop_fetch")
    with pytest.raises(WireDown):
        box.waiting()
    assert len(box.waiting()) == 1
    box.close()


def test_a_server_that_gives_a_mail_a_byte_at_a_time_is_ended_at_the_deadline(server):
    server.put(b"x" * 600)
    box = Mailbox(login_of(server), folder="INBOX", deadline_s=0.5)
    (listed,) = box.waiting()
    server.then("trickle")
    with pytest.raises(WireDown, match=r"not over after 0\.5 s"):
        box.fetch(listed, most=10_000)
    box.close()


def test_a_move_that_is_refused_is_told_and_one_that_breaks_is_unknown(server):
    uid = server.put(b"x")
    box = Mailbox(login_of(server), folder="INBOX", archive="Taken")
    server.then("refuse_move")
    with pytest.raises(Refused, match="the archive is full"):
        box.take(server.validity, uid)
    server.then("drop_after_move")
    with pytest.raises(WireQuiet):
        box.take(server.validity, uid)
    box.take(server.validity, uid)
    box.close()


def test_a_place_under_another_validity_is_another_mail(server):
    uid = server.put(b"x")
    box = Mailbox(login_of(server), folder="INBOX", archive="Taken")
    box.take(server.validity - 1, uid)
    assert len(server.folders["INBOX"]) == 1
    box.close()


def test_tls_shows_who_the_server_is(tmp_path):
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    with ImapServer(tls=ours.server()) as server:
        login = login_of(server)
        good = replace(login, extra={"ca_bundle": str(ours.bundle)})
        box = Mailbox(good, folder="INBOX")
        assert box.waiting() == []
        box.close()
        for extra in ({}, {"ca_bundle": str(theirs.bundle)}):
            with pytest.raises(Misconfigured, match="certificate"):
                Mailbox(replace(login, extra=extra), folder="INBOX").waiting()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": "imap.example"}, "security"),
        ({"extra": {"security": "sometimes"}}, "security"),
        ({"extra": {"ca_bundle": "/nowhere.pem"}}, "ca_bundle"),
    ],
)
def test_a_connection_that_would_be_unsafe_is_refused(server, change, field):
    login = replace(login_of(server), **change, hosts=("127.0.0.1", "imap.example"))
    with pytest.raises(Misconfigured) as caught:
        Mailbox(login, folder="INBOX").waiting()
    assert caught.value.field == field


def test_the_check_goes_from_the_connection_to_the_mails_that_wait(server, declare, clock):
    server.put(b"x")
    registry = declare()
    source = registry.source(registry.manifest("post"), login_of(server), clock)
    steps = list(source.check())
    source.close()
    assert [(one.step, one.ok) for one in steps] == [
        ("connect", True), ("login", True), ("permission", True), ("sample", True)
    ]  # fmt: skip
    assert steps[-1].sentence == "1 mail(s) wait"


@pytest.mark.parametrize(
    ("given", "mailbox", "step", "field"),
    [
        ({"password": Secret("wrong")}, "", "login", "password"),
        ({"port": 1}, "", "connect", "host"),
        ({}, 'folder = "Nowhere"', "permission", "folder"),
    ],
)
def test_the_check_names_what_is_wrong(server, declare, clock, given, mailbox, step, field):
    registry = declare(mailbox=mailbox)
    source = registry.source(registry.manifest("post"), replace(login_of(server), **given), clock)
    last = list(source.check())[-1]
    source.close()
    assert (last.step, last.ok, last.field) == (step, False, field)


def test_a_folder_that_keeps_no_keyword_wants_an_archive(declare, clock):
    with ImapServer(keywords=False) as server:
        with pytest.raises(Misconfigured, match="name an archive folder"):
            Mailbox(login_of(server), folder="INBOX").waiting()


# -- what is declared -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mailbox", "rules", "sentence"),
    [
        ('archive = "INBOX"', "", "'archive' is the folder that is read"),
        ("", '[[source.mailbox.rules]]\nfile = "*"\n', "says one of document, ignore"),
        ("", '[[source.mailbox.rules]]\ndocument = "x12"\nignore = true\n', "says one of document, ignore"),
    ],
)
def test_what_is_declared_wrongly_is_told(declare, tmp_path, mailbox, rules, sentence):
    declare(mailbox=mailbox, rules=rules)
    with pytest.raises(Misconfigured, match=sentence):
        read_manifest(tmp_path / "connectors" / "post")


def test_a_pattern_knows_one_sign_alone():
    assert fits("*@acme.example", "Ann@ACME.example")
    assert fits("", "anything")
    assert not fits("a?c[1].csv", "abc1.csv")
    assert fits("a?c[1].csv", "A?C[1].CSV")


def test_the_shipped_mailbox_is_whole():
    manifest = Registry().manifest("mailbox")
    assert {rule.document for rule in manifest.source.mailbox.rules if rule.document} == {
        "x12", "supplier_stock", "supplier_backorders"
    }  # fmt: skip
    for rule in manifest.source.mailbox.rules:
        assert not rule.document or rule.document == "x12" or Registry().inbound(rule.document) is not None


def test_the_rules_of_the_page_are_read_as_it_says(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "mailbox.md").read_text("utf-8")
    (rules,) = re.findall(r"```toml rules\n(.*?)```", page, re.DOTALL)
    folder = tmp_path / "post"
    folder.mkdir()
    head = CONNECTOR.partition("[[source.mailbox.rules]]")[0]
    (folder / "connector.toml").write_text(head.format(mailbox="") + rules)
    found = read_manifest(folder).source.mailbox.rules
    assert [(rule.document, rule.ignore, rule.unpack) for rule in found] == [
        ("", True, False), ("x12", False, False), ("supplier_stock", False, False), ("", False, True)
    ]  # fmt: skip
