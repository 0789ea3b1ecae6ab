"""What normalizing one message gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from crossdock import blocked
from crossdock.errors import Unreadable
from crossdock.formats.tabular.records import Trouble
from crossdock.mapping import Body
from crossdock.messages import PartState, Problem, RawMessage
from crossdock.partners import Partner
from crossdock.partners.lists import Listed

Document = dict[str, Any]
"""A sealed, valid fact or event."""


LONG_BYTES: Final = 4 * 1024 * 1024
"""A message that is longer than this is read twice: whether an interchange is good is only known at its end, and to
hold all of it until then would take twenty times as much memory."""


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
    numbers the parts the same way. ``problem`` is set unless the part was processed. ``repeated``: the ids of those
    statements that their sender says again in later messages. ``offset`` and ``length`` are ``None`` for a part that
    has no bytes of its own (a row of a workbook). ``row``: it is one of a list.
    """

    ordinal: int
    label: str
    offset: int | None
    length: int | None
    state: PartState
    documents: Sequence[Document] = ()
    partner: str | None = None
    problem: Problem | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    row: "ListedRow | None" = None


class RowVerdict(StrEnum):
    """What became of a row of a list, beyond the state of its part."""

    TAKEN = "taken"  # it says something, and that was noted
    REPEATED = "repeated"  # it says what was said last about the same thing: nothing doubles
    OVERTAKEN = "overtaken"  # a list that came later said something about the same thing, and was read before
    REFUSED = "refused"  # its sender must correct it
    WAITING = "waiting"  # we could not handle it yet; it is ours to mend


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBefore:
    """What was said last about the same thing: in which row of which list, and when that came."""

    raw_id: str
    name: str
    number: int
    content: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRow:
    """One row of a list as the register of lists keeps it, and as its sender is told.

    ``number`` is what a spreadsheet shows at its left. ``key`` and ``content`` are hashes (``tabular.Row``). Of a row
    that was refused ``content`` is empty, and so is ``key`` where what it is about could not be read. ``troubles`` is
    everything that is wrong in it.
    """

    document: str
    partner: str
    number: int
    verdict: RowVerdict
    key: str = ""
    content: str = ""
    before: RowBefore | None = None
    troubles: Sequence[Trouble] = ()


REPORT: Final = "row_report"
"""The operation of a sink that takes the report about a list's rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What holds for one list: whose it is, how it is written, which target takes the report about its rows.
    ``shown``: somebody brought it by hand, and is shown what became of each row."""

    partner: Partner | None
    terms: Listed
    target: str
    shown: bool

    @property
    def told(self) -> bool:
        """Whether its sender hears what became of its rows."""
        return bool(self.target) or self.shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWanted:
    """What the sender of a list is told about its rows: every row, in their order. ``target`` takes it; ``notes`` are
    about the list as a whole."""

    target: str
    operation: str
    name: str
    rows: Sequence[ListedRow]
    notes: Sequence[Trouble] = ()
    delimiter: str = ","


class SetNumbers(NamedTuple):
    """One set of an interchange, or its TA1, by its numbers: what the register of exchanges keeps of it.

    ``part`` is its ordinal in the message or write-back. ``told`` is what we answered: ``R`` or ``E``, empty where we
    took it. An interchange without a set has one of these all the same, with the set id ``TA1`` and no numbers.
    ``application`` is the partner's code in the group, GS02 or in a copy of ours GS03: groups are counted under each.
    """

    part: int
    functional_id: str
    group_number: str
    set_id: str
    set_number: str
    release: str
    told: str = ""
    application: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A control number that came before: in which message, when, and with which bytes of the whole interchange."""

    raw_id: str
    at: datetime
    interchange_number: str
    interchange_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One interchange by its numbers, as the register is asked whether they came before.

    ``identity`` is the qualifier and id that the partner sent it under: it counts by itself under each of its ids.
    """

    partner: str
    identity: str
    raw_id: str
    received_at: datetime
    number: str
    sha256: str
    sets: Sequence[SetNumbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came before under the numbers of one interchange; empty: nothing did.

    ``groups`` by GS02, GS01 and GS06, ``sets`` by those and ST01 and ST02. ``stored`` are the messages that the
    register itself named; the others are of the same batch.
    """

    interchange: Earlier | None = None
    groups: Mapping[tuple[str, str, str], Earlier] = field(default_factory=dict)
    sets: Mapping[tuple[str, str, str, str, str], Earlier] = field(default_factory=dict)
    stored: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class CameTwice:
    """A control number that came again within the partner's window: ``level`` is interchange, group or set."""

    level: str
    part: int
    functional_id: str
    number: str
    set_id: str
    before: Earlier
    same_bytes: bool
    rejected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """One interchange that a message holds: from a partner (``in``), or a copy of what we sent to it (``out``).

    ``identity`` is the partner's qualifier and id in it. ``told`` is ``R`` where the whole interchange was refused.
    ``before``: the messages that the register named when it was asked about these numbers; ``None``: it was not
    asked.
    """

    partner: str
    identity: str
    direction: str
    number: str
    sha256: str
    sets: Sequence[SetNumbers]
    told: str = ""
    twice: Sequence[CameTwice] = ()
    before: frozenset[str] | None = None

    @property
    def is_refused(self) -> bool:
        """Whether all of it was: then its numbers are free for a correct one."""
        return self.told == "R" or all(one.told == "R" for one in self.sets)


class Register(Protocol):
    """The port to the register of exchanges, while a batch of messages is normalized."""

    def seen(self, arrived: Arrived) -> Seen:
        """What came before under these numbers: asked once for each interchange, before its sets are mapped."""
        ...

    def took(self, arrived: Arrived, exchanged: Exchanged) -> None:
        """What became of it: later messages of the same batch are compared with it too."""
        ...

    def rows_before(
        self, document: str, partner: str, keys: Sequence[str], *, raw_id: str
    ) -> Mapping[str, RowBefore]:
        """What was said last under these keys in other lists of this kind and sender than ``raw_id``."""
        ...


class AcknowledgementWriter(Protocol):
    """Writes an acknowledgement once its control numbers are known."""

    def __call__(
        self, *, interchange_number: int, group_number: int, first_set_number: int, now: datetime
    ) -> Body: ...

    def numbers(self, *, group_number: int, first_set_number: int) -> Sequence[SetNumbers]:
        """What will be in it, by its numbers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementWanted:
    """An answer that a partner is owed: one interchange of ours for one or more of its own.

    ``interchanges`` are their numbers in the message, from 0; ``groups`` and ``sets`` are how many group and set
    control numbers it needs. ``text`` says what it tells, for a person. ``of`` are the answers that were put together
    in it, one for each interchange, to be written one by one where that is necessary.
    """

    interchanges: tuple[int, ...]
    partner: str
    target: str
    operation: str
    groups: int
    sets: int
    text: str
    write: AcknowledgementWriter
    of: Sequence["AcknowledgementWanted"] = ()


@dataclass(slots=True)
class Found:
    """What a message gives beside its parts: the answers that its senders are owed, and what was exchanged."""

    acknowledgements: list[AcknowledgementWanted] = field(default_factory=list)
    exchanged: list[Exchanged] = field(default_factory=list)
    reports: list[ReportWanted] = field(default_factory=list)
    taken: dict[tuple[str, str], Exchanged] = field(default_factory=dict)
    """Interchanges of this message that were not refused, by the sender's id and number: the first of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalized:
    """A message's parts, in order, the answers that its sender is owed, and what was exchanged by its numbers."""

    message: RawMessage
    parts: Sequence[PartResult]
    acknowledgements: Sequence[AcknowledgementWanted] = ()
    exchanged: Sequence[Exchanged] = ()
    reports: Sequence[ReportWanted] = ()
    connector_version: str = "0"
    part_of: Mapping[str, int] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()


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
        remedy=f"Add a mapping with DOCUMENT = '{kind}' under mappings/inbound; what waits runs again by itself.",
        blocked_by=blocked.document(kind),
    )
