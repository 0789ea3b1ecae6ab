"""What a polled system says, as the messages that are kept of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from crossdock.messages import RawMessage
from crossdock.ports import Clock, Manifest

_NOTHING: Mapping[str, str] = {}


def digest(body: bytes) -> str:
    """What bytes are known by: their SHA-256, in hex."""
    return hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Makes the messages of one source, each received at the time of its clock."""

    tenant: str
    source: str
    media_type: str
    clock: Clock

    @classmethod
    def by(cls, manifest: Manifest, clock: Clock) -> "Heard":
        """What this connector hears, of the media type that its ``[source]`` declares."""
        assert manifest.source is not None, "only what has a [source] is listened to"
        return cls(
            tenant=manifest.tenant, source=manifest.name, media_type=manifest.source.media_type, clock=clock
        )

    def message(
        self,
        body: bytes,
        key: str,
        *,
        name: str,
        position: str | None = None,
        media_type: str = "",
        headers: Mapping[str, str] = _NOTHING,
    ) -> RawMessage:
        """One thing that was said. ``media_type``: where it is another than the declared one."""
        return RawMessage(
            tenant=self.tenant,
            source=self.source,
            key=key,
            body=body,
            media_type=media_type or self.media_type,
            received_at=self.clock.now(),
            name=name,
            position=position,
            headers=headers,
        )

    def whole(self, body: bytes, *, name: str, kind: str = "page") -> RawMessage:
        """An answer that cannot be cut, in one piece: bytes first. The position stays where it is."""
        return self.message(body, f"{kind}:{digest(body)}", name=name)
