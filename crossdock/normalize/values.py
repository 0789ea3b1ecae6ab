"""What normalizing one message gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from crossdock.errors import Unreadable
from crossdock.messages import PartState, Problem, RawMessage
from crossdock.registry import Body

Document = dict[str, Any]
"""A sealed, valid fact or event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A message while it is normalized, with what is computed once for all of its parts."""

    message: RawMessage
    raw_id: str
    sha256: str
    connector_version: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """One part of a message and what became of it.

    ``ordinal`` counts from 0 and depends on the bytes alone: normalizing again, with another profile or mapping,
    numbers the parts the same way. ``problem`` is set unless the part was processed.
    """

    ordinal: int
    label: str
    offset: int
    length: int
    state: PartState
    documents: Sequence[Document] = ()
    partner: str | None = None
    problem: Problem | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


class AcknowledgementWriter(Protocol):
    """Writes an acknowledgement once its control numbers are known."""

    def __call__(
        self, *, interchange_number: int, group_number: int, first_set_number: int, now: datetime
    ) -> Body: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementWanted:
    """An answer that a partner is owed for one interchange.

    ``interchange`` is its number in the message, from 0; ``sets`` is how many set control numbers it needs.
    ``text`` says what it tells, for a person.
    """

    interchange: int
    partner: str
    target: str
    operation: str
    sets: int
    text: str
    write: AcknowledgementWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalized:
    """A message's parts, in order, and the answers that its sender is owed."""

    message: RawMessage
    parts: Sequence[PartResult]
    acknowledgements: Sequence[AcknowledgementWanted] = ()
    part_of: Mapping[str, int] = field(default_factory=dict)


def set_aside(
    message: RawMessage,
    *,
    ordinal: int,
    label: str,
    problem: Problem,
    state: PartState = PartState.DEAD_LETTERED,
    partner: str | None = None,
    offset: int = 0,
    length: int | None = None,
) -> PartResult:
    """A part that nothing came of, with the reason."""
    return PartResult(
        ordinal=ordinal,
        label=label,
        offset=offset,
        length=len(message.body) if length is None else length,
        state=state,
        partner=partner,
        problem=problem,
    )


def unsupported(kind: str) -> Unreadable:
    return Unreadable(
        f"no mapping reads a '{kind}'",
        code="EDI.UNSUPPORTED_SET",
        remedy=f"Add a mapping with DOCUMENT = '{kind}' under mappings/inbound, then replay.",
    )
