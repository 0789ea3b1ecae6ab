"""A mail is kept whole, and what hangs on it is processed by itself. What no rule hands on is set aside."""

from typing import Final

from crossdock.errors import Unreadable
from crossdock.formats import archives
from crossdock.messages import DOCUMENT, MAIL, MAIL_PART, MAIL_UNREAD, ODD, PartState, RawMessage
from crossdock.normalize.part import problem_of
from crossdock.normalize.values import PartResult, set_aside

KINDS: Final = frozenset({MAIL, MAIL_PART, MAIL_UNREAD})

WINMAIL: Final = ("application/ms-tnef", "application/vnd.ms-tnef")

_REMEDIES: Final = {
    MAIL_PART: "Write a row [[source.mailbox.rules]] for it into the connector.toml and replay it; or discard it.",
    MAIL_UNREAD: "Read the mail and do what it asks; then discard this.",
}


def read_mail(message: RawMessage) -> PartResult:
    """A mail whose attachments were handed on, or what nobody knows what to do with."""
    kind = message.headers.get(DOCUMENT, MAIL)
    label = f"{'attachment' if kind == MAIL_PART else 'mail'} {message.name}".strip()
    if kind == MAIL:
        return PartResult(
            ordinal=0, label=label, offset=0, length=len(message.body), state=PartState.PROCESSED
        )
    remedy = _REMEDIES[kind]
    why = message.headers.get(ODD)
    if why is not None:
        remedy = "Ask the sender for the plain file, whole; then discard this."
    elif kind == MAIL_UNREAD:
        why = "nothing hangs on it that a rule of its mailbox hands on"
    elif message.media_type in WINMAIL or message.name.lower() == "winmail.dat":
        why = "it is Outlook's own format, which hides the files that were sent"
        remedy = "Ask the sender to write plain mails (no 'rich text'); then discard this."
    elif archives.kind_of(message.body) is not None:
        why = f"no rule of its mailbox fits it: {archives.described(message.body)}"
        remedy = (
            "Write a rule with unpack = true and ask for it again, or ask for the plain files; discard this."
        )
    else:
        why = "no rule of its mailbox fits it"
    error = Unreadable(f"{message.name!r}: {why}", code="EDI.UNSUPPORTED_SET", remedy=remedy)
    return set_aside(message, ordinal=0, label=label, problem=problem_of(error))
