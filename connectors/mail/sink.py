"""Sends notices as mail. Source: RFC 5322 (messages), RFC 2046 (multipart/alternative), RFC 3834 (automatic mail).

The Message-ID is made of the idempotency key, so a repeat is the same mail for every system that looks at it.
Addresses come from the connection, or from the route; one that is not plainly an address refuses the notice.
"""

import html
from collections.abc import Iterator, Mapping
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cached_property
from typing import Any, Final

from crossdock.errors import Misconfigured, Refused, WireDown, WireQuiet
from crossdock.kit import notice
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.smtp import Smtp, is_address

MOST_RECIPIENTS: Final = 50
SUBJECT_LONGEST: Final = 200


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Mail":
    """The sink of this connector, not yet opened."""
    return Mail(login, clock)


class Mail:
    """Notices by mail. Safe to share between threads."""

    def __init__(self, login: Login, clock: Clock) -> None:
        self._login = login
        self._clock = clock

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One mail, to all of its recipients or to none. Raises ``Misconfigured`` for a login that is refused."""
        try:
            mail, recipients = self._mail(write_back)
        except Refused as error:
            return Reject(reason=str(error), status=error.status)
        try:
            said = self._wire.send(mail.as_bytes(), sender=self._sender, recipients=recipients)
        except Refused as error:
            if error.status.startswith("4"):
                return Retry(reason=str(error))
            return Reject(reason=str(error), status=error.status)
        except WireDown as error:
            return Retry(reason=str(error), wire=True)
        except WireQuiet as error:
            return Unsure(reason=str(error), wire=True)
        evidence = {"recipients": len(recipients), "said": said}
        return Delivered(receipt=Receipt(reference=str(mail["Message-ID"]), evidence=evidence))

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The envelope and the headers that ``deliver`` would send."""
        try:
            mail, recipients = self._mail(write_back)
        except Refused as error:
            return {"refused": str(error)}
        return {
            "method": "SMTP",
            "address": self._wire.where,
            "recipients": list(recipients),
            "headers": {name: str(value) for name, value in mail.items()},
        }

    def check(self) -> Iterator[CheckStep]:
        """Resolve and connect, TLS, login, and whether the server takes our mail for the usual recipients."""
        try:
            usual = _addresses(str(self._login.extra.get("to") or "").split(","))
        except Refused as error:
            remedy = "Correct 'to' of the connection."
            yield CheckStep(step="connection", ok=False, sentence=str(error), remedy=remedy)
            return
        yield from self._wire.check(self._sender, usual)

    def close(self) -> None:
        """Nothing is kept open."""

    @cached_property
    def _wire(self) -> Smtp:
        return Smtp(self._login)

    @cached_property
    def _sender(self) -> str:
        sender = str(self._login.extra.get("from") or self._login.user)
        if not is_address(sender):
            raise Misconfigured(
                f"connection {self._login.connection_id!r}: 'from' is no mail address; correct it",
                field="from",
            )
        return sender

    def _mail(self, write_back: WriteBack) -> tuple[EmailMessage, tuple[str, ...]]:
        if write_back.operation != "notify":
            raise Refused(f"mail knows no operation {write_back.operation!r}", status="operation")
        told = notice.read(write_back)
        recipients = _addresses(told.to or str(self._login.extra.get("to") or "").split(","))
        if not recipients:
            raise Refused("nobody is told: neither the route nor the connection names 'to'", status="to")
        address = notice.case_address(self._login, told.case)
        mail = EmailMessage(policy=policy.SMTP)
        mail["From"] = self._sender
        mail["To"] = ", ".join(recipients)
        mail["Subject"] = notice.plain(f"[{told.severity}] {told.about}: {told.headline}", SUBJECT_LONGEST)
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = f"<{write_back.idempotency_key}@{self._sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail.set_content(_as_text(told, address))
        mail.add_alternative(_as_html(told, address), subtype="html")
        mail.set_boundary(f"crossdock-{write_back.idempotency_key}")
        return mail, recipients


def _addresses(texts: Any) -> tuple[str, ...]:
    """The addresses, each once. Raises ``Refused`` for what is none: a line that ends too early adds no header."""
    found = tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
    for address in found:
        if not is_address(address):
            raise Refused(f"{notice.plain(address, 80)!r} is no mail address; nothing was sent", status="to")
    if len(found) > MOST_RECIPIENTS:
        raise Refused(f"a notice goes to {MOST_RECIPIENTS} addresses at most; use a list", status="to")
    return found


def _as_text(told: notice.Notice, address: str) -> str:
    lines = [told.text, "", f"{told.headline} ({told.code}, {told.severity}, queue {told.queue})"]
    return "\n".join([*lines, *(["", address] if address else [])]) + "\n"


def _as_html(told: notice.Notice, address: str) -> str:
    link = f'<p><a href="{html.escape(address)}">Open the case</a></p>' if address else ""
    said = f"<p>{html.escape(told.text)}</p><p>{html.escape(told.headline)}<br>"
    small = html.escape(f"{told.code} · {told.severity} · {told.queue}")
    return f"{said}<small>{small}</small></p>{link}"
