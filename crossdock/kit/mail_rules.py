"""Which document an attachment of a mail is: the first rule of its mailbox that fits. Pure.

Asked when a mail is read, and again when something that no rule fitted is replayed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import translate
from typing import Final

from crossdock.kit.declarations import MailFolder, MailRule
from crossdock.messages import DOCUMENT, MAIL_PART, ODD, PARTNER, RawMessage

SENDER: Final = "from"
SUBJECT: Final = "subject"
"""Headers of an attachment's message with what its mail says."""


def rule_for(
    rules: Iterable[MailRule], *, sender: str, subject: str, file: str, media_type: str
) -> MailRule | None:
    """The first rule that fits, if one does."""
    return next(
        (
            rule
            for rule in rules
            if fits(rule.sender, sender)
            and fits(rule.subject, subject)
            and fits(rule.file, file)
            and fits(rule.media_type, media_type)
        ),
        None,
    )


def document_headers(rule: MailRule | None) -> Mapping[str, str]:
    """What a message's headers say of the document that it is."""
    if rule is None or not rule.document:
        return {DOCUMENT: MAIL_PART}
    return {DOCUMENT: rule.document, **({PARTNER: rule.partner} if rule.partner else {})}


def handed_on(message: RawMessage, mailbox: MailFolder | None) -> RawMessage:
    """An attachment that nobody knew what to do with, as the rules that stand now say."""
    if mailbox is None or message.headers.get(DOCUMENT) != MAIL_PART or ODD in message.headers:
        return message
    rule = rule_for(
        mailbox.rules,
        sender=message.headers.get(SENDER, ""),
        subject=message.headers.get(SUBJECT, ""),
        file=message.name,
        media_type=message.media_type,
    )
    return replace(message, headers={**message.headers, **document_headers(rule)})


def fits(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern says; ``*`` stands for anything, case does not matter. An empty one fits."""
    if not pattern:
        return True
    plain = pattern.replace("[", "[[]").replace("?", "[?]")
    return re.match(translate(plain.lower()), text.lower()) is not None
