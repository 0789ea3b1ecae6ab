"""Posts notices into a Teams channel as adaptive cards. Source: Microsoft, "Create incoming webhooks with Workflows",
and Adaptive Cards 1.5.

A workflow answers 202: it has taken the card and shows it a moment later, so ``delivered`` means that the workflow
runs. What comes of documents stands in text runs, which are never read as Markdown. The URL is a secret.
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

CARD: Final = "application/vnd.microsoft.card.adaptive"
TAKEN: Final = ("x-ms-workflow-run-id", "x-ms-request-id")
"""Headers by which a workflow says which run took the card."""


def connect(manifest: Manifest, login: Login, clock: Clock) -> "TeamsChannel":
    """The sink of this connector, not yet opened."""
    return TeamsChannel(login, clock)


class TeamsChannel:
    """One channel or chat of Teams. Safe to share between threads."""

    def __init__(self, login: Login, clock: Clock) -> None:
        self._login = login
        self._clock = clock

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One post. A repeat is a second card: a workflow knows no key."""
        return self._target.deliver(write_back, asked=self._asked, proof=_proof)

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The post that ``deliver`` would make, without the workflow's URL."""
        return self._target.preview(write_back, self._asked)

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, TLS. A workflow cannot be asked anything: the first notice shows whether it runs."""
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
        return RestTarget(at, self._clock, title="the workflow", deadline_s=30.0, done=(200, 202))

    def _asked(self, write_back: WriteBack) -> Effect:
        if write_back.operation != "notify":
            raise Refused(f"Teams knows no operation {write_back.operation!r}", status="operation")
        told = notice.read(write_back)
        return Effect(
            method="POST",
            path=self._path,
            body=json.dumps(message(told, notice.case_address(self._login, told.case))).encode(),
            headers={"Content-Type": "application/json"},
        )


def message(told: notice.Notice, address: str) -> dict[str, Any]:
    """The message of one adaptive card."""
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "fallbackText": notice.plain(f"{told.severity} {told.code}", 100),
        "body": [
            _text(f"{told.severity} · {told.about}", size="Large", weight="Bolder"),
            _text(told.text),
            _text(f"{told.headline} · {told.code} · {told.queue}", size="Small", isSubtle=True),
        ],
    }
    if address:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the case", "url": address}]
    return {"type": "message", "attachments": [{"contentType": CARD, "contentUrl": None, "content": card}]}


def _text(text: str, **style: Any) -> dict[str, Any]:
    """A block of one run, which Teams shows letter by letter: a TextBlock would read Markdown."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _proof(answer: Answer, write_back: WriteBack) -> Receipt:
    """A workflow that took the card names its run."""
    run = next((answer.headers[name] for name in TAKEN if answer.headers.get(name)), "")
    if not run:
        raise Refused("it names no run of a workflow", status=str(answer.status))
    return Receipt(reference=run[:200], evidence={"status": answer.status})
