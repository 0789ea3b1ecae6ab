"""A mailbox that is polled for mails, and what hangs on them is handed to the mapping that its rules name.

Of each mail come several messages: every attachment, as the bytes that the sender attached, and behind them the whole
mail, byte for byte. Each is stored, split, answered and set aside by itself, like a file that came by SFTP. Only when
all of them are stored is the mail moved aside, so whatever dies in between, it is found again; what was stored is
known by its content then, also in a mailbox that was made anew.

The sender of a mail is what its From says, which anybody can write: whose an X12 file is, its envelope says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from crossdock.errors import Misconfigured, Refused, Unreadable
from crossdock.formats import archives, mail
from crossdock.formats.mail import Attachment, Mail
from crossdock.kit.declarations import MailRule
from crossdock.kit.heard import Heard, digest
from crossdock.kit.mail_rules import SENDER, SUBJECT, document_headers, rule_for
from crossdock.messages import DOCUMENT, MAIL, MAIL_PART, MAIL_UNREAD, ODD, RawMessage, Verdict
from crossdock.ports import CheckStep, Clock, Dice, Login, Manifest, Skipped, system_dice
from crossdock.wires.imap import Fetched, Listed, Mailbox, MailTooLarge
from crossdock.wires.rest import retry_reads

REFUSED_BEFORE_ANY: Final = 3
"""So many mails that are not given, without one that is, are not the mails' fault, but the server's: unless it gives
the newest one."""
PLACE: Final = "mail"
"""The header with the mail that a message is of: its place in the mailbox."""

_PLAIN_TYPES: Final = (
    "application/octet-stream",
    "text/plain",
    "application/x-download",
    "binary/octet-stream",
)
_BY_NAME: Final = {
    ".json": "application/json",
    ".xml": "application/xml",
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".edi": "application/edi-x12",
    ".x12": "application/edi-x12",
}
"""What a file is by its name, where its sender's program says that it is anything."""


class MailPoll:
    """The mails of a folder."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock, *, dice: Dice | None = None) -> None:
        source = manifest.source
        if source is None or source.mailbox is None:
            raise Misconfigured(f"connector {manifest.name!r} declares no [source.mailbox]; add it")
        self._settings = source.mailbox
        self._heard = Heard.by(manifest, clock)
        self._dice = dice or system_dice()
        self._skipped: list[Skipped] = []
        self._given = self._refused = 0
        self._wire = Mailbox(
            login,
            folder=source.mailbox.folder,
            archive=source.mailbox.archive,
            deadline_s=source.mailbox.deadline_s,
            connect_s=source.mailbox.connect_s,
        )

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """The mails that were not taken, oldest first: of each its attachments, then itself."""
        self._skipped = []
        self._given = self._refused = 0
        most = self._settings.most_mib * 1024 * 1024
        waiting = retry_reads(self._wire.waiting, dice=self._dice)
        for listed in waiting:
            fetched = self._fetched(listed, most, newest=waiting[-1])
            if fetched is not None:
                yield from self._messages(listed, fetched)

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Move the mail aside, once it and everything that hangs on it is stored."""
        if message.media_type == mail.MEDIA_TYPE and message.headers.get(DOCUMENT) in (MAIL, MAIL_UNREAD):
            validity, _, uid = message.headers[PLACE].partition(".")
            self._wire.take(int(validity), int(uid))

    def position(self) -> None:
        """None: which mails are new the mailbox itself knows."""

    def skipped(self) -> tuple[Skipped, ...]:
        """Mails that are too large, and those that the server does not give."""
        return tuple(self._skipped)

    def check(self) -> Iterator[CheckStep]:
        return self._wire.check()

    def close(self) -> None:
        self._wire.close()

    # -- one mail ---------------------------------------------------------------------------------------------------

    def _fetched(self, listed: Listed, most: int, *, newest: Listed) -> Fetched | None:
        if listed.size > most:
            self._too_large(listed)
            return None
        try:
            fetched = retry_reads(lambda: self._wire.fetch(listed, most=most), dice=self._dice)
        except MailTooLarge:
            self._too_large(listed)
            return None
        except Refused as error:
            self._refused += 1
            if self._refused == REFUSED_BEFORE_ANY and not self._given and not self._gives(newest):
                raise
            self._skip(listed, "refused", f"mail {listed.place} is not given: {error}")
            return None
        self._given += 1
        return fetched

    def _gives(self, listed: Listed) -> bool:
        """Whether the server gives this mail, or a piece of it."""
        try:
            retry_reads(lambda: self._wire.fetch(listed, most=0), dice=self._dice)
        except MailTooLarge:
            return True
        except Refused:
            return False
        return True

    def _too_large(self, listed: Listed) -> None:
        size = (
            f"{listed.size} bytes"
            if listed.size > self._settings.most_mib * 1024 * 1024
            else "more bytes than its server says"
        )
        self._skip(
            listed,
            "too_large",
            f"mail {listed.place} has {size}, and at most {self._settings.most_mib} MiB are taken",
        )

    def _skip(self, listed: Listed, kind: str, sentence: str) -> None:
        self._skipped.append(Skipped(name=listed.place, code=f"imap.{kind}", sentence=sentence))

    def _messages(self, listed: Listed, fetched: Fetched) -> Iterator[RawMessage]:
        said = digest(fetched.body)
        headers = {PLACE: listed.place}
        if fetched.taken_in_at is not None:
            headers["mtime"] = fetched.taken_in_at.isoformat()
        try:
            read = mail.read(fetched.body)
        except Unreadable as error:
            yield self._whole(fetched.body, said, "", {**headers, DOCUMENT: MAIL_UNREAD, ODD: str(error)})
            return
        identity = read.message_id or said
        about = {SENDER: read.sender, SUBJECT: read.subject, "message_id": read.message_id}
        headers |= {name: value for name, value in about.items() if value}
        told = 0
        for attachment in read.attachments:
            for message in self._handed(read, attachment, identity, headers):
                told += 1
                yield message
        document = {DOCUMENT: MAIL} if told else {DOCUMENT: MAIL_UNREAD}
        yield self._whole(fetched.body, f"{identity}:{said}", read.subject, {**headers, **document})

    def _whole(self, body: bytes, key: str, subject: str, headers: Mapping[str, str]) -> RawMessage:
        name = subject[: mail.LONGEST_NAME] or headers[PLACE]
        return self._heard.message(
            body, f"mail:{key}", name=name, media_type=mail.MEDIA_TYPE, headers=headers
        )

    def _handed(
        self, read: Mail, attachment: Attachment, identity: str, headers: Mapping[str, str]
    ) -> Iterator[RawMessage]:
        """An attachment as messages: one, those of its archive, or none where a rule says that it is no document."""
        rule = self._rule(read, attachment)
        if rule is not None and rule.ignore:
            return
        if rule is None or not rule.unpack or attachment.odd:
            yield self._attached(attachment, rule, identity, headers)
            return
        try:
            members = list(archives.members(attachment.body))
        except Unreadable as error:
            yield self._attached(replace(attachment, odd=str(error)), None, identity, headers)
            return
        for number, member in enumerate(members, 1):
            inner = replace(
                attachment,
                place=f"{attachment.place}/{number}",
                name=mail.plain_name(member.name) or attachment.name.removesuffix(".gz"),
                media_type="application/octet-stream",
                body=member.body,
            )
            found = self._rule(read, inner)
            if found is None or not found.ignore:
                yield self._attached(inner, found, identity, headers)

    def _rule(self, read: Mail, attachment: Attachment) -> MailRule | None:
        return rule_for(
            self._settings.rules,
            sender=read.sender,
            subject=read.subject,
            file=attachment.name,
            media_type=_type_of(attachment),
        )

    def _attached(
        self, attachment: Attachment, rule: MailRule | None, identity: str, headers: Mapping[str, str]
    ) -> RawMessage:
        document = {DOCUMENT: MAIL_PART, ODD: attachment.odd} if attachment.odd else document_headers(rule)
        return self._heard.message(
            attachment.body,
            f"part:{identity}:{attachment.place}:{digest(attachment.body)}",
            name=attachment.name,
            media_type=_type_of(attachment),
            headers={**headers, **document, "part": attachment.place},
        )


def _type_of(attachment: Attachment) -> str:
    if attachment.media_type not in _PLAIN_TYPES:
        return attachment.media_type
    ending = f".{attachment.name.lower().rpartition('.')[2]}"
    return _BY_NAME.get(ending, attachment.media_type)
