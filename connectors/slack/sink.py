"""Posts notices into a Slack channel. Source: Slack, "Sending messages using incoming webhooks", and Block Kit.

What comes of documents is plain text for Slack: it is never read as markup, so that no text can call a channel or
hide a link. The webhook's URL is a secret and stands in no message.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from crossdock.errors import Refused
from crossdock.kit import notice
from crossdock.kit.rest_target import Effect, RestTarget
from crossdock.kit.secret_address import opened
from crossdock.messages import Outcome, Receipt, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.rest import Answer

HEADER_LONGEST: Final = 150
TEXT_LONGEST: Final = 2900


def connect(manifest: Manifest, login: Login, clock: Clock) -> "SlackChannel":
    """The sink of this connector, not yet opened."""
    return SlackChannel(login, clock)


class SlackChannel:
    """One channel of Slack. Safe to share between threads."""

    def __init__(self, login: Login, clock: Clock) -> None:
        self._login = login
        self._clock = clock

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One post. A repeat is a second message: Slack knows no key."""
        return self._target.deliver(write_back, asked=self._asked, proof=_proof)

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The post that ``deliver`` would make, without the webhook's URL."""
        return self._target.preview(write_back, self._asked)

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, TLS. A webhook cannot be asked anything: the first notice shows whether it is there."""
        yield from self._target.wire.reach("/")

    def close(self) -> None:
        if "_target" in self.__dict__:
            self._target.close()

    @cached_property
    def _path(self) -> str:
        return opened(self._login)[1]

    @cached_property
    def _target(self) -> RestTarget:
        at, _path = opened(self._login)
        return RestTarget(at, self._clock, title="Slack", deadline_s=20.0, done=(200,))

    def _asked(self, write_back: WriteBack) -> Effect:
        if write_back.operation != "notify":
            raise Refused(f"Slack knows no operation {write_back.operation!r}", status="operation")
        told = notice.read(write_back)
        return Effect(
            method="POST",
            path=self._path,
            body=json.dumps(message(told, notice.case_address(self._login, told.case))).encode(),
            headers={"Content-Type": "application/json"},
        )


def message(told: notice.Notice, address: str) -> dict[str, Any]:
    """The message in Block Kit, with the same words as a fallback for notifications of a phone."""
    head = notice.plain(f"{told.severity} · {told.about}", HEADER_LONGEST)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(head)},
        {"type": "section", "text": _plain(notice.plain(told.text, TEXT_LONGEST))},
        {"type": "context", "elements": [_plain(f"{told.headline} · {told.code} · {told.queue}")]},
    ]
    if address:
        link = {"type": "mrkdwn", "text": f"<{escaped(address)}|Open the case>"}
        blocks.append({"type": "section", "text": link})
    return {
        "text": escaped(notice.plain(f"{head}: {told.text}", TEXT_LONGEST)),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """A text of which Slack reads nothing as markup: its three control characters are written out."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text or " ", "emoji": False}


def _proof(answer: Answer, write_back: WriteBack) -> Receipt:
    """Slack says ``ok``, and nothing else is a success."""
    if answer.body.strip() != b"ok":
        raise Refused("it does not say ok", status=str(answer.status))
    return Receipt(reference=f"slack:{write_back.idempotency_key}", evidence={"status": answer.status})
