"""What a mapping is, what it is given and what it gives: the words that mappings and the spine share.

A mapping is found by name (``crossdock/registry.py``); this says only what it may say.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from crossdock.formats.tabular import Layout
    from crossdock.partners import Partner

FIELDS_NAME: Final = "fields.toml"
"""An inbound mapping that is a table and no Python (``crossdock.fields``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What an outbound mapping wrote for one write-back.

    ``subject`` is the business key at the target ("supplier_po/4500123456"); ``headers`` are never credentials.
    """

    body: bytes
    media_type: str
    subject: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMapping:
    """What one kind of document means. ``map(document, context)`` gives statements, one after another. Its samples
    lie in ``folder``. ``layout``: the document is a list (CSV, XLSX) with these fields, and what is mapped is one row
    of it."""

    name: str
    document: str
    version: str
    map: Callable[[Any, Any], Iterator[Any]]
    folder: str = ""
    layout: "Layout | None" = None


class Later(Enum):
    """What only the writer of an interchange knows. It stands in a draft as it is, so that a mapping needs no clock
    and the same intent is the same draft tomorrow."""

    TODAY = "the day on which it is written, in the partner's zone"
    NUMBER = "a number of ours for this document, never twice: that of its interchange"


@dataclass(frozen=True, slots=True)
class Aside:
    """An element that is written and is no part of what is meant: the number of a change, whether an answer is the
    first or replaces one. A draft that differs in these alone is the same intent."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An open exception about the same business, with what its decision wants said of it.

    ``arguments`` are those of the same operation, ``None`` where the decision does not want it. ``now``: it was
    decided in this very transaction; the others were told before.
    """

    event: Mapping[str, Any]
    arguments: Mapping[str, Any] | None = None
    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an outbound mapping may know of a trading partner's business beside the event.

    ``facts`` share a reference with the event, oldest first, of the kinds that the mapping asked for. ``told`` are
    the open exceptions about the same references, the event itself among them.
    """

    partner: "Partner"
    tenant: str
    facts: Sequence[Mapping[str, Any]] = ()
    told: Sequence[Told] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document to a trading partner before it has control numbers, delimiters and dates.

    ``segments`` are those between ST and SE, as ``Composer.build`` takes them: (name, elements) or (name, elements,
    [what stands in its loop]). ``subject`` is the business key ("customer_po/PO-77"). ``kept`` are attributes that
    our own fact of it has beside those that its inbound mapping reads.
    """

    set_id: str
    subject: str
    segments: Sequence[Any]
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMapping:
    """How one operation is said to a target.

    ``write(event, decision, arguments, *, exception_id, decision_id)`` gives a ``Body``. One that writes a
    ``document`` ("x12/855") takes ``known``, a ``Known``, too and gives a ``Draft``: ``action`` is the taxonomy's
    word for what it does, ``answers`` are the kinds of facts whose partner it is for, ``knows`` all that it wants to
    see, its own kind among them. ``per_document``: what is said belongs to one document of the partner, and not to a
    business number. ``fields`` says from what an element comes, by its path ("PO1/ACK02"). ``sets``: the arguments
    that say, with the subject, what a write-back sets: a later one that sets the same replaces an earlier one that
    has no effect yet. ``None``: each counts, and none is ever replaced.
    """

    name: str
    operation: str
    version: str
    write: Callable[..., Any]
    document: str = ""
    action: str = ""
    answers: tuple[str, ...] = ()
    knows: frozenset[str] = frozenset()
    per_document: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[str, ...] | None = None
