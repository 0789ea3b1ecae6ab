"""Posts notices into a Slack channel. Source: Slack, "Sending messages using incoming webhooks", and Block Kit.

What comes of documents is plain text for Slack: it is never read as markup, so that no text can call a channel or
hide a link. The webhook's URL is a secret and stands in no message.
"""

from typing import Any, Final

from crossdock.errors import Refused
from crossdock.kit import notice
from crossdock.kit.channel import Channel
from crossdock.messages import Receipt, WriteBack
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.rest import Answer

HEADER_LONGEST: Final = 150
TEXT_LONGEST: Final = 2900


def connect(manifest: Manifest, login: Login, clock: Clock) -> Channel:
    """The sink of this connector, not yet opened."""
    return Channel(
        login,
        clock,
        system="Slack",
        title="Slack",
        message=message,
        proof=_proof,
        deadline_s=20.0,
        done=(200,),
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
