"""Sends notices as letters, each named after its idempotency key."""

from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from typing import Any

from crossdock.errors import Refused, WireDown, WireQuiet
from crossdock.formats import json_strict
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.smtp import Smtp


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Letters":
    """The sink, not yet opened."""
    return Letters(login)


class Letters:
    """Notices by mail."""

    def __init__(self, login: Login) -> None:
        self._wire = Smtp(login)
        self._sender = str(login.extra["from"])
        self._recipients = [one.strip() for one in str(login.extra["to"]).split(",")]

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One letter."""
        try:
            letter = self._letter(write_back)
            self._wire.send(letter.as_bytes(), sender=self._sender, recipients=self._recipients)
        except Refused as error:
            later = error.status.startswith("4")
            return Retry(reason=str(error)) if later else Reject(reason=str(error), status=error.status)
        except WireDown as error:
            return Retry(reason=str(error), wire=True)
        except WireQuiet as error:
            return Unsure(reason=str(error), wire=True)
        return Delivered(receipt=Receipt(reference=str(letter["Message-ID"])))

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The headers of the letter that ``deliver`` would send."""
        headers = {name: str(value) for name, value in self._letter(write_back).items()}
        return {"method": "SMTP", "address": self._wire.where, "headers": headers}

    def check(self) -> Iterator[CheckStep]:
        """Connect, log in, offer a letter and send none."""
        yield from self._wire.check(self._sender, self._recipients)

    def close(self) -> None:
        """Nothing is kept open."""

    def _letter(self, write_back: WriteBack) -> EmailMessage:
        if write_back.operation != "notify":
            raise Refused(f"no {write_back.operation!r} is sent", status="operation")
        letter = EmailMessage()
        letter["Subject"] = "".join(sign for sign in write_back.subject if sign.isprintable())[:200]
        letter["Message-ID"] = f"<{write_back.idempotency_key}@example.com>"
        letter.set_content(str(json_strict.loads(write_back.body)["text"]))
        return letter
