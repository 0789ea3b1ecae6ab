"""A mail as people's programs write it: its files whole, their names plain, and damage told instead of handed on."""

import base64
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.errors import Unreadable
from crossdock.formats import mail


def written(*files, sender="Ann Miller <Ann@Acme.Example>", subject="Stock", message_id="<1@acme.example>"):
    """A mail with these files: name, media type, bytes."""
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = sender, subject, message_id
    message.set_content("see the files")
    for name, media_type, body in files:
        main, _, sub = media_type.partition("/")
        message.add_attachment(body, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def raw(part_head, body, *, close=True):
    """A mail with one attachment, written by hand."""
    return (
        b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\n"
        + part_head.encode()
        + b"\r\n\r\n"
        + body
        + (b"\r\n--X--\r\n" if close else b"")
    )


def test_the_files_of_a_mail_are_the_bytes_that_were_attached():
    body = bytes(range(256))
    found = mail.read(
        written(("a.bin", "application/octet-stream", body), ("s.csv", "text/csv", b"a;b\r\n1;2\r\n"))
    )
    assert [(one.name, one.media_type, one.body, one.odd) for one in found.attachments] == [
        ("a.bin", "application/octet-stream", body, ""),
        ("s.csv", "text/csv", b"a;b\r\n1;2\r\n", ""),
    ]
    assert (found.sender, found.subject, found.message_id) == (
        "ann@acme.example",
        "Stock",
        "<1@acme.example>",
    )


def test_the_files_of_a_forwarded_mail_are_found():
    inner = written(("deep.edi", "application/edi-x12", b"ISA*"))
    outer = raw("Content-Type: message/rfc822", inner)
    (found,) = mail.read(outer).attachments
    assert (found.name, found.body, found.place) == ("deep.edi", b"ISA*", "1.1.2")


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        ("filename=\"plain.csv\"", "plain.csv"),
        ("filename*=UTF-8''Best%C3%A4nde.csv", "Bestände.csv"),
        ("filename*0=\"long\"; filename*1=\"name.csv\"", "longname.csv"),
        ("filename=\"=?utf-8?B?QmVzdMOkbmRlLmNzdg==?=\"", "Bestände.csv"),
        ("filename=\"../../etc/passwd\"", "passwd"),
        ("filename=\"C:\\\\stock\\\\a.csv\"", "a.csv"),
        ("filename=\"a\x00b\x1b.csv\"", "ab.csv"),
        ("filename=\"exe.\u202evsc\"", "exe.vsc"),
        ("filename=\"=?nonsense?Q?x?=.csv\"", "=?nonsense?Q?x?=.csv"),
        ("filename*=nonsense'en'a%FFb.csv", "b.csv"),
        ("filename=\"" + "n" * 500 + "\"", "n" * 200),
        ("", "unnamed"),
    ],
)  # fmt: skip
def test_a_name_is_plain_whatever_was_written(parameter, name):
    head = "Content-Disposition: attachment" + (f"; {parameter}" if parameter else "")
    (found,) = mail.read(raw(head, b"x")).attachments
    assert found.name.endswith(name)
    assert not set(found.name) & set("/\\\x00\x1b\u202e")


@pytest.mark.parametrize(
    "body",
    [b"QUJD*D\r\nRA==", b"QUJDR", b"QUJDRA=", b"\xff\xfe"],
    ids=["no letter", "length", "padding", "bytes"],
)
def test_base64_that_is_none_is_told_and_never_handed_on(body):
    head = "Content-Type: text/csv; name=a.csv\r\nContent-Transfer-Encoding: base64"
    (found,) = mail.read(raw(head, body)).attachments
    assert found.odd == "its Base64 is damaged"


def test_a_mail_that_ends_in_the_middle_gives_its_last_file_as_damaged_alone():
    whole = written(("a.csv", "text/csv", b"1\n"), ("b.csv", "text/csv", base64.b64encode(b"2" * 600)))
    found = mail.read(whole[: len(whole) - 200]).attachments
    assert [(one.name, bool(one.odd)) for one in found] == [("a.csv", False), ("b.csv", True)]


def test_a_mail_that_is_nested_for_ever_is_refused():
    body = b"x"
    for number in range(60):
        body = raw("Content-Type: message/rfc822", body).replace(b"X\r\n", b"X%d\r\n" % number, 1)
        body = body.replace(b"--X\r\n", b"--X%d\r\n" % number, 1)
    with pytest.raises(Unreadable, match="nested too deep"):
        mail.read(body)


def test_a_mail_of_thousands_of_files_is_refused():
    part = b"--X\r\nContent-Disposition: attachment; filename=a\r\n\r\nx\r\n"
    body = b"Content-Type: multipart/mixed; boundary=X\r\n\r\n" + part * 2000 + b"--X--\r\n"
    with pytest.raises(Unreadable, match="more than 500 files"):
        mail.read(body)


@pytest.mark.parametrize(
    "sender", ["", "a@b.example, c@d.example", 'Robert"); DROP', "<@@@>", "=?utf-8?B?!!?="]
)
def test_who_sent_it_is_one_address_or_nobody(sender):
    body = f"From: {sender}\r\n\r\nx".encode()
    assert mail.read(body).sender in ("", "robert", "@@@", "drop", "=?utf-8?b?!!?=")


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(junk):
    for body in (
        junk,
        raw("Content-Disposition: attachment; filename=a", junk),
        b"From: " + junk,
        b"Subject: " + junk,
    ):
        try:
            mail.read(body)
        except Unreadable:
            pass


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: " + b"=?utf-8?Q?a?= " * 500_000,
        b"From: " + b"a@b.example, " * 500_000,
        b"Message-ID: " + b"=?utf-8?Q?a?= " * 500_000,
    ],
    ids=["subject", "from", "id"],
)
def test_a_header_without_end_is_read_to_some_letters(header):
    assert len(mail.read(header + b"\r\n\r\nx").subject) <= 1000


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Disposition: attachment; " + b'a=";"' * 500_000,
        b"Content-Type: multipart/mixed; " + b'a=";";\r\n ' * 300_000 + b"boundary=X",
    ],
    ids=["disposition", "type"],
)
def test_a_part_whose_header_has_no_end_is_refused_before_the_library_looks_at_it(header):
    with pytest.raises(Unreadable, match="a header of the mail is longer"):
        mail.read(b"Subject: x\r\n" + header + b"\r\n\r\nx")
