"""Reads that cost nothing when nothing changed (RFC 9110, 13.1): the validators of an answer, shown at the next read.

A validator belongs to one address. Who keeps it keeps it with the position of the source, and only once everything
that the answer held is stored: what was cut off in the middle is then read again, whole.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crossdock.wires.http_answer import Answer

NOT_MODIFIED = 304
_LONGEST = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """What an answer is known by. ``of`` is a digest of the address (path and query) that it was given for."""

    of: str
    etag: str = ""
    modified: str = ""

    @classmethod
    def in_answer(cls, answer: Answer, target: str) -> "Validator | None":
        """The validator of an answer to a read of this address, ``None`` when it has none.

        A weak ETag serves as well: a read wants to know whether the meaning is the same (RFC 9110, 8.8.1).
        """
        etag, modified = (_plain(answer.headers.get(name, "")) for name in ("etag", "last-modified"))
        if answer.status != 200 or not (etag or modified):
            return None
        return cls(of=_digest(target), etag=etag, modified=modified)

    @classmethod
    def kept(cls, said: Any) -> "Validator | None":
        """From what ``as_dict`` gave, ``None`` from anything else."""
        if not isinstance(said, Mapping) or not all(
            isinstance(said.get(name), str) for name in cls.__slots__
        ):
            return None
        return cls(of=said["of"], etag=_plain(said["etag"]), modified=_plain(said["modified"]))

    def as_dict(self) -> dict[str, str]:
        """To be kept as JSON."""
        return {"of": self.of, "etag": self.etag, "modified": self.modified}

    def headers(self, target: str) -> dict[str, str]:
        """The conditions for a read of this address: none when the validator is of another one."""
        if self.of != _digest(target):
            return {}
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.modified} if self.modified else {}


def _digest(target: str) -> str:
    return hashlib.sha256(target.encode()).hexdigest()[:20]


def _plain(text: str) -> str:
    """A header's value as it may be sent back, empty when it may not."""
    return text if len(text) <= _LONGEST and text.isascii() and text.isprintable() else ""
