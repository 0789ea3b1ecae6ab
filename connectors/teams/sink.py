"""Posts notices into a Teams channel as adaptive cards. Source: Microsoft, "Create incoming webhooks with Workflows",
and Adaptive Cards 1.5.

A workflow answers 202: it has taken the card and shows it a moment later, so ``delivered`` means that the workflow
runs. What comes of documents stands in text runs, which are never read as Markdown. The URL is a secret.
"""

from typing import Any, Final

from crossdock.errors import Refused
from crossdock.kit import notice
from crossdock.kit.channel import Channel
from crossdock.messages import Receipt, WriteBack
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.rest import Answer

CARD: Final = "application/vnd.microsoft.card.adaptive"
TAKEN: Final = ("x-ms-workflow-run-id", "x-ms-request-id")
"""Headers by which a workflow says which run took the card."""


def connect(manifest: Manifest, login: Login, clock: Clock) -> Channel:
    """The sink of this connector, not yet opened."""
    return Channel(
        login,
        clock,
        system="Teams",
        title="the workflow",
        message=message,
        proof=_proof,
        deadline_s=30.0,
        done=(200, 202),
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
