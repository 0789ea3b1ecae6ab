"""Whoever pushes to us: posts of the connector's samples, signed with the secrets of the login, or not."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from crossdock.errors import Misconfigured
from crossdock.ports import Clock, Login, Secret
from crossdock.testing.conformance.play import QuietPlay, Thing
from crossdock.wires.webhook import WebhookSettings, signed

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("webhook",)

NEW: Final = b"canary of the webhook, the new one.."
OLD: Final = b"canary of the webhook, the old one.."
STRANGE: Final = b"a secret that we never gave to them"


def play(case: "Case") -> "WebhookPlay":
    """The played sender. Raises ``Misconfigured`` when its settings are none of the webhook wire."""
    source = case.manifest.source
    if source is None:
        raise Misconfigured("a webhook without [source] receives nothing; add it")
    try:
        settings = WebhookSettings(**source.settings)
    except (TypeError, ValueError) as error:
        raise Misconfigured(f"[source.settings] is none of the webhook wire: {error}") from error
    samples = [path.read_bytes() for path in sorted((case.folder / "samples").glob("*")) if path.is_file()]
    if not samples:
        raise Misconfigured("samples/ is empty; put a body there that the sender posts")
    return WebhookPlay(case, settings, samples)


class WebhookPlay(QuietPlay):
    """A played sender: it opens nothing here, we open nothing there."""

    can: frozenset[str] = frozenset()

    def __init__(self, case: "Case", settings: WebhookSettings, samples: Sequence[bytes]) -> None:
        super().__init__()
        self.case = case
        self.settings = settings
        self.samples = samples

    def login(self, *, wrong: str = "") -> Login:
        """See ``Play``: two secrets, as while one is being replaced."""
        return self._holding(*([STRANGE] if wrong else [NEW, OLD]))

    def _holding(self, *secrets: bytes) -> Login:
        standard = self.settings.scheme == "standard"
        name = {"standard": "webhook_secrets", "hmac": "hmac_secrets"}.get(
            self.settings.scheme, "webhook_credentials"
        )
        return Login(
            connection_id=self.case.manifest.connection,
            secrets={f"{name}.{at}": Secret(_text(one, standard=standard)) for at, one in enumerate(secrets)},
        )

    def signed(
        self, body: bytes, at: datetime, *, message_id: str = "msg_1", secret: bytes = NEW
    ) -> dict[str, str]:
        """The headers of a post, as the sender would sign it."""
        return signed(self.settings, self._holding(secret), body, message_id=message_id, now=at)

    def reset(self, clock: Clock) -> None:
        """Nothing is kept."""

    def hold(self, *things: Thing) -> None:
        raise Misconfigured("a webhook holds nothing: it is pushed")

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        raise Misconfigured("a webhook holds nothing: it is pushed")


def _text(secret: bytes, *, standard: bool) -> str:
    text = base64.b64encode(secret).decode()
    return f"whsec_{text}" if standard else text


def pairs(headers: Mapping[str, str]) -> list[tuple[str | bytes, str | bytes]]:
    """Headers as a server gives them."""
    return [*headers.items()]
