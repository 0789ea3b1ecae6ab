"""The ports: what the spine asks of a connector, of a mapping, and of the world.

A connector is found by name through ``crossdock.registry``. Its ``source.py`` and ``sink.py`` each have one
function, which the registry calls::

    def connect(manifest: Manifest, login: Login, clock: Clock) -> Source     # source.py
    def connect(manifest: Manifest, login: Login, clock: Clock) -> Sink       # sink.py

Nothing is opened by ``connect``; the first read or delivery opens, ``close`` closes.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from crossdock.blackouts import Blackout
from crossdock.calendars import Duration
from crossdock.expected import ExpectedFeed
from crossdock.kit.declarations import CONNECTION, ConnectionField, Cursor, MailFolder, Paging, Request, View
from crossdock.messages import Outcome, RawMessage, Receipt, Verdict, WriteBack


class Clock(Protocol):
    """Where time comes from. Tests pass one that they move."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Dice(Protocol):
    """Where randomness comes from: ``random.Random(seed)`` fits."""

    def random(self) -> float: ...


def system_dice() -> Dice:
    """Unseeded randomness, for retry jitter in production."""
    return random.SystemRandom()


class Source(Protocol):
    """A system that is read. ``read`` never parses more than it must to find one message after another."""

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """Messages after this position, oldest first; ``None`` is the beginning.

        The position of a message is stored with it, in one transaction, by the caller. A source that meets
        something it cannot split yields the whole answer as one message: bytes first.
        Raises ``WireDown``, ``WireQuiet``, ``Refused`` or ``Misconfigured``.
        """
        ...

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Called after the message is committed: archive the file, confirm the record. Safe to call again."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """One thing that a source saw and did not take: a symlink, a hostile name, a file that is too large.

    ``code`` is stable and short (``sftp.symlink``); ``name`` is the sender's, data only; ``sentence`` is for people.
    """

    name: str
    code: str
    sentence: str


@runtime_checkable
class Watchful(Protocol):
    """A source that has something to tell although it yielded nothing: ask after ``read`` was walked to its end."""

    def position(self) -> str | None:
        """Where the source stands now, to be stored like a message's position: it holds the first look at a file
        that is taken at the second one. ``None`` when nothing changed."""
        ...

    def skipped(self) -> tuple[Skipped, ...]:
        """What was seen in this read and not taken, each with its reason. The same things come at every read
        for as long as they lie there."""
        ...


@runtime_checkable
class Patient(Protocol):
    """A source that waits until a thing lies still before it takes it: ask after ``read`` was walked to its end."""

    def not_yet_quiet(self) -> int:
        """How many things were seen in this read that may still be growing, and are looked at again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a source that inquires can ask its system about.

    ``kind``: of reference (``tracking``). ``carriers``: their SCACs; what was shipped with another is none of its.
    ``form``: a regular expression for its numbers, which also tells them where nobody named the carrier.
    ``within``: what was shipped longer ago is given up.
    """

    kind: str
    carriers: frozenset[str]
    form: str
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNumber:
    """A number that is still open, and its place in the order in which all are asked about."""

    number: str
    place: str


class Inquiries(Protocol):
    """What the hub knows and a source that inquires does not: what is still open, and what was answered before."""

    def open(self, question: Question, *, after: str, most: int) -> Sequence[OpenNumber]:
        """Shipped and not delivered, the earliest first, behind this place; an empty one is the beginning."""
        ...

    def known(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of these keys are those of messages of this source that are stored: an answer that says the same as
        before is nothing new."""
        ...


@runtime_checkable
class Inquiring(Protocol):
    """A source whose system tells only of what it is asked about, number by number. It is given the inquiries before
    it is read; without them it has nothing to ask. It is ``Watchful`` as well: its position remembers where the
    round stands, also when nothing new was said or the reading ended early."""

    def inquire(self, inquiries: Inquiries) -> None: ...


class Sink(Protocol):
    """A system that is written to. One call is one attempt: a sink never retries and never sleeps."""

    def deliver(self, write_back: WriteBack) -> Outcome: ...

    def close(self) -> None: ...


@runtime_checkable
class Searchable(Protocol):
    """A sink whose target can be asked whether an effect happened."""

    def find(self, write_back: WriteBack) -> Receipt | None:
        """The target's evidence, or ``None`` when it says that it has none. Raises when it does not say."""
        ...


@runtime_checkable
class Previewing(Protocol):
    """A sink that can show the request it would make. What a target in shadow keeps instead of sending."""

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """Method, address and headers of the request, as JSON values; no credentials, and the body left out."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A sink whose target keeps a version of what is changed (``idempotency = "conditional"``)."""

    def version(self, write_back: WriteBack) -> str:
        """The version that the target holds now, as ``If-Match`` takes it. Raises when it does not say."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStep:
    """One step of a connector's check: resolve, connect, tls or host key, login, permission, sample.

    ``field``: the field of the connection, or the key of the connector.toml, that is to blame for a step that failed.
    """

    step: str
    ok: bool
    sentence: str
    remedy: str = ""
    field: str = ""


@runtime_checkable
class Checkable(Protocol):
    """A connector that can tell, step by step, whether it works. It stops after the first step that fails."""

    def check(self) -> Iterator[CheckStep]: ...


class Secret:
    """A text that does not show itself: not in ``repr``, not in ``str``, not in a format. ``reveal`` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a Secret is not pickled, copied or sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to reach and enter a system, from an Airflow connection or its secrets backend.

    ``extra`` are the connection's extra fields that are no secrets; ``secrets`` those that are (private key,
    webhook secrets, API key). ``connection_id`` is for messages. ``hosts`` are those that may be opened with it,
    as the connector declares them: ``connection`` is ``host``, ``*.ups.com`` each below ups.com.
    """

    connection_id: str
    scheme: str = ""
    host: str = ""
    port: int | None = None
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    extra: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    hosts: tuple[str, ...] = (CONNECTION,)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAfter:
    """How much may fail: more than ``most`` parts in the window, or (``share``) more than so many in a hundred."""

    text: str  # as the connector.toml says it: "50 in 10m", "20% in 1h"
    most: int
    share: bool
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceManifest:
    """The ``[source]`` table of a connector.toml."""

    document: str  # "x12", or the name of the inbound mapping: "erp_order_hold"
    media_type: str
    every_s: int | None  # None: it is pushed to us (a webhook), or a person brings it
    batch: int
    settings: Mapping[str, Any]
    quiet_after: Duration | None = None  # None: learnt; ``expected.NEVER``: its silence means nothing
    stop_after: StopAfter | None = None  # when so much fails, it is stopped until a person resumes it
    request: Request | None = None  # with paging and cursor: how a REST system is read without code
    paging: Paging = field(default_factory=Paging)
    cursor: Cursor | None = None
    mailbox: MailFolder | None = None  # which folder is read over IMAP, and what becomes of attachments
    view: View | None = None  # with cursor: what is read over SQL

    @property
    def documents(self) -> tuple[str, ...]:
        """Every document that it brings and a mapping must read: of a mailbox those of its rules. ``x12`` needs
        none."""
        brought = (
            [rule.document for rule in self.mailbox.rules] if self.mailbox is not None else [self.document]
        )
        return tuple(dict.fromkeys(one for one in brought if one and one != "x12"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkManifest:
    """The ``[sink]`` table of a connector.toml. ``docs/delivery.md`` says what each key means.

    ``idempotency``: ``key`` (the target honours our key for ``remembers_s`` seconds, ``None``: for ever),
    ``natural_key`` (it knows the same thing by its own number), ``conditional`` (it takes a change only on the
    version that was read), ``readback`` (it can be asked, ``Searchable``), ``harmless`` (a
    notice that people read: a second one changes nothing, so it is sent again), ``none`` (an unsure call waits for a
    person).
    ``schedule_s``: the wait before attempt 2, 3, ...; its length + 1 is the number of attempts.
    ``max_age_s``: nothing is tried again later than this after its first attempt.
    ``rate_per_s``, ``burst``: the target's quota, for all workers together; ``None``: none.
    ``retry_share``: how many attempts beyond the first ones there may be, as a share of these.
    """

    operations: tuple[str, ...]
    idempotency: str
    schedule_s: tuple[int, ...]
    concurrency: int
    batch: int
    every_s: int
    settings: Mapping[str, Any]
    remembers_s: int | None = None
    max_age_s: int = 72 * 3600
    rate_per_s: float | None = None
    burst: int = 1
    blackouts: tuple[Blackout, ...] = ()
    ordering: str = "subject"
    retry_share: float = 0.2

    @property
    def is_asked(self) -> bool:
        """Whether the target's word counts for what became of an earlier attempt, where its sink can ask."""
        return self.idempotency not in ("none", "harmless")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A connector.toml, read and checked. ``folder`` is where it lies; ``code_folder`` where its code and its
    contracts (a pinned WSDL) do: that of the connector that it is ``like``, else the same.

    ``hosts``: every host that it may open, as ``Login.hosts`` says. ``fields``: what the form of its connection asks
    beside the fields of its wire.
    """

    name: str
    title: str
    owner: str
    tenant: str
    wire: str  # rest | soap | sftp | webhook | file | sql | imap | smtp
    connection: str
    connection_type: str
    version: str
    folder: str
    source: SourceManifest | None
    sink: SinkManifest | None
    hosts: tuple[str, ...] = (CONNECTION,)
    capabilities: frozenset[str] = frozenset()
    personal_data: tuple[str, ...] = ()
    fields: Mapping[str, ConnectionField] = field(default_factory=dict)
    like: str = ""
    code_folder: str = ""
    expected: tuple[ExpectedFeed, ...] = ()  # what it brings on a calendar: the rows [[expected]]
