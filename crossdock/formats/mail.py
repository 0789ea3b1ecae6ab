"""A mail (RFC 5322, MIME): who sent it, and the files that hang on it, each as the bytes that the sender attached.

Read with the old, forgiving parser of the standard library: what people's programs write is often wrong, and nothing
of it is trusted. A file that came damaged (Base64 that is none, a mail that ends in the middle) is told as that and
is never handed on in part. Names are the sender's: data, never a path.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import errors, policy
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import collapse_rfc2231_value, getaddresses
from typing import Any, Final

from crossdock.errors import Unreadable

MEDIA_TYPE: Final = "message/rfc822"

MOST_PARTS: Final = 500
MOST_DEPTH: Final = 20
LONGEST_NAME: Final = 200
LONGEST_HEADER: Final = 16 * 1024
"""So many letters of a header are read. The library takes their square in time, and some mails have millions."""

_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_DAMAGE: Final = (
    errors.InvalidBase64PaddingDefect,
    errors.InvalidBase64CharactersDefect,
    errors.InvalidBase64LengthDefect,
)
_OF_PARTS: Final = re.compile(
    rb"(?im)^content-(?:type|disposition|transfer-encoding):[^\n]*+(?:\n[ \t][^\n]*+)*+"
)
_WORDS: Final = ("text/plain", "text/html", "text/enriched")
_CUT: Final = (errors.StartBoundaryNotFoundDefect, errors.CloseBoundaryNotFoundDefect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a mail. ``place`` is where it hangs, as IMAP counts parts: ``2.1``; ``odd``: why it is not whole."""

    place: str
    name: str
    media_type: str
    body: bytes = field(repr=False)
    odd: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What is looked at. ``sender``: the address of From, in small letters; ``message_id``: empty where none is."""

    message_id: str
    sender: str
    subject: str
    attachments: tuple[Attachment, ...]


class _Forgiving(policy.Compat32):
    """The old parser, and headers in plain UTF-8 or Latin-1, as many programs write them, are texts."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        """A header as a text: bytes that it may not hold are kept by the parser as halves of characters."""
        raw = str(value).encode("ascii", "surrogateescape") if not str(value).isascii() else b""
        if not raw:
            return value
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")


_FORGIVING: Final = _Forgiving()


def read(body: bytes) -> Mail:
    """The mail of these bytes. Raises ``Unreadable`` when it has too many parts, or too deep ones, or a header that
    tells of a part and is too long."""
    if any(len(one[0]) > LONGEST_HEADER for one in _OF_PARTS.finditer(body)):
        raise Unreadable(f"a header of the mail is longer than {LONGEST_HEADER} bytes", code="MAIL.LIMIT")
    try:
        message = BytesParser(policy=_FORGIVING).parsebytes(body)
        found = tuple(_attachments(message, "", 0, cut=False))
    except RecursionError as error:
        raise Unreadable("the mail is nested too deep", code="MAIL.LIMIT") from error
    if len(found) > MOST_PARTS:
        raise Unreadable(f"the mail has more than {MOST_PARTS} files", code="MAIL.LIMIT")
    return Mail(
        message_id=_words(message.get("Message-ID"))[:250],
        sender=_address(message.get("From")),
        subject=_words(message.get("Subject"))[:1000],
        attachments=found,
    )


def _attachments(message: Message, place: str, depth: int, *, cut: bool) -> Iterator[Attachment]:
    """Every file, those of a forwarded mail too. ``cut``: the mail round it ends in the middle."""
    if depth > MOST_DEPTH:
        raise Unreadable("the mail is nested too deep", code="MAIL.LIMIT")
    cut = cut or any(isinstance(defect, _CUT) for defect in message.defects)
    payload: Any = message.get_payload()
    if isinstance(payload, list):
        for number, part in enumerate(payload[: MOST_PARTS + 1], 1):
            if isinstance(part, Message):
                last = number == len(payload)
                yield from _attachments(part, f"{place}.{number}".lstrip("."), depth + 1, cut=cut and last)
        return
    name = _name_of(message)
    media_type = message.get_content_type()
    if not name and message.get_content_disposition() != "attachment" and _is_shown(message, media_type):
        return
    decoded = message.get_payload(decode=True)
    whole = decoded if isinstance(decoded, bytes) else b""
    odd = ""
    if any(isinstance(defect, _DAMAGE) for defect in message.defects):
        odd = "its Base64 is damaged"
    elif cut:
        odd = "the mail ends before it does"
    yield Attachment(place=place or "1", name=name or "unnamed", media_type=media_type, body=whole, odd=odd)


def _is_shown(message: Message, media_type: str) -> bool:
    """Whether a part without a name is what a person reads: the words, or a picture in them. Programs that send
    documents often name none, or send one as the whole mail."""
    kind = message.get_content_maintype()
    return media_type in _WORDS or kind == "multipart" or (kind == "image" and "Content-ID" in message)


def _name_of(message: Message) -> str:
    """The file's name by RFC 2231 or, as many programs write it, RFC 2047; without its folder and what cannot be
    seen."""
    value: Any = message.get_param("filename", None, "content-disposition")
    if value is None:
        value = message.get_param("name", None)
    if value is None:
        return ""
    try:
        text = collapse_rfc2231_value(value)
    except (LookupError, ValueError, TypeError, UnicodeError):
        text = str(value[-1]) if isinstance(value, tuple) else str(value)
    return plain_name(_decoded(str(text)))


def plain_name(text: str) -> str:
    """A name without its folder and without what cannot be seen."""
    text = re.split(r"[/\\]", text)[-1]
    return unicodedata.normalize("NFC", _UNSEEN.sub("", text)).strip()[:LONGEST_NAME]


def _words(value: Any) -> str:
    said = "" if value is None else str(value)[:LONGEST_HEADER]
    return " ".join(_UNSEEN.sub(" ", _decoded(said)).split())


def _decoded(text: str) -> str:
    """A text with its encoded words (RFC 2047) read; what cannot be read stays as it is."""
    try:
        pieces = decode_header(text)
        return "".join(
            piece.decode(charset or "ascii", "replace") if isinstance(piece, bytes) else piece
            for piece, charset in pieces
        )
    except (errors.HeaderParseError, LookupError, ValueError, UnicodeError):
        return text.encode("ascii", "replace").decode()


def _address(value: Any) -> str:
    """The address of From, if it is exactly one."""
    if value is None or len(str(value)) > LONGEST_HEADER:
        return ""
    try:
        found = [address for _, address in getaddresses([str(value)]) if address]
    except (ValueError, IndexError, TypeError, RecursionError):
        return ""
    return _UNSEEN.sub("", found[0]).strip().lower()[:320] if len(found) == 1 else ""
