"""One trading partner: what its profile says, and the questions that the rest of the house asks it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from canonical import crosswalks
from crossdock.calendars import Duration
from crossdock.expected import ExpectedFeed
from crossdock.partners.lists import Listed
from crossdock.partners.terms import Clocks, Contact, Duplicates, Items, Tolerances

ROLES: Final = ("supplier", "customer", "carrier", "warehouse", "bank", "other")
"""What a trading partner can be to us."""

ACKNOWLEDGEMENTS: Final = ("997", "999")
"""The sets that acknowledge others. They are never acknowledged, and need no agreement of their own."""

FIRST_WITH_999: Final = "005010"

USUALLY_WITHIN: Final = Duration(24, "hour")
"""So long an acknowledgement may take where nothing else is agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive:
    """What is agreed for one set that the partner sends, where it differs from its other sets."""

    acknowledge: str | None = None
    acknowledge_accepted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """What is agreed for one set that we send, where it differs from the others."""

    release: str | None = None
    expect: str | None = None
    expect_within: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The acknowledgement that we wait for: ``997`` or ``999``, and how long."""

    kind: str
    within: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """One trading partner, as X12 names it and as we answer it.

    ``ids``: every (ISA qualifier, ISA id) it sends under, ids stripped, the first is the one that we write to;
    ``ours``: what it calls us. ``group_ids`` and ``our_group_id``: those of GS02 and GS03 where they
    are others. ``role`` is what it is to us: one of ``ROLES``.
    ``timezone`` (IANA) is what its zone-less times mean; ``currency`` (ISO 4217) what its bare prices mean.
    ``acknowledge``: ``997``, ``999`` or ``none``; ``acknowledge_target`` is the connector that sends it;
    ``acknowledge_accepted`` False: only rejections are told. ``ta1``: ``requested`` (when ISA14 asks for one, or the
    interchange is wrong), ``errors`` (only then), ``always`` or ``never``. ``expect`` and ``expect_within``: the
    acknowledgement that we wait for, for what we send. ``usage``: ISA15 of what is real for us, P or T.
    ``release``: GS08 of what we send. ``sets`` it may send us, ``sends`` are those that we may send it; ``receive``
    and ``send`` hold what is agreed for single sets.
    ``lenient``: a code that we do not know is kept as the partner's word and the rest of the document is mapped,
    instead of setting the document aside. ``codes`` are its own meanings of codes, by (element, code): they go before
    the crosswalks of ``canonical``.
    ``unwritable``: what becomes of data with a delimiter or a control character in it: ``refuse``, or the character
    that takes its place. ``other_group``: what becomes of a set in a group of another kind (GS01): ``flag`` it is
    accepted with errors, ``reject`` or ``ignore``. ``sequence``: whether gaps in its control numbers are told,
    ``gaps`` or ``ignore``.
    ``expected``: what it sends on a calendar.
    ``lists``: how it writes its lists (CSV, XLSX), by document.
    ``overlay``: what it asks of a set beyond (or short of) the guide, by set, as the profile says it.
    ``element``, ``component``, ``repetition`` and ``segment`` are the delimiters of what we send.
    """

    name: str
    title: str
    ids: tuple[tuple[str, str], ...]
    ours: tuple[str, str]
    group_ids: tuple[str, ...] = ()
    our_group_id: str = ""
    role: str = "other"
    timezone: str = "UTC"
    currency: str = "USD"
    acknowledge: str = "997"
    acknowledge_target: str = ""
    acknowledge_accepted: bool = True
    ta1: str = "requested"
    expect: str = "997"
    expect_within: Duration = USUALLY_WITHIN
    release: str = "004010"
    sets: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    receive: Mapping[str, Receive] = field(default_factory=dict)
    send: Mapping[str, Send] = field(default_factory=dict)
    usage: str = "P"
    lenient: bool = False
    codes: Mapping[tuple[str, str], crosswalks.Row] = field(default_factory=dict)
    unwritable: str = "refuse"
    other_group: str = "flag"
    sequence: str = "ignore"
    duplicates: Duplicates = field(default_factory=Duplicates)
    clocks: Clocks = field(default_factory=Clocks)
    expected: tuple[ExpectedFeed, ...] = ()
    tolerances: Tolerances = field(default_factory=Tolerances)
    items: Items = field(default_factory=Items)
    overlay: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    contact: Contact = field(default_factory=Contact)
    lists: Mapping[str, Listed] = field(default_factory=dict)
    element: str = "*"
    component: str = ">"
    repetition: str = "U"
    segment: str = "~"

    # -- what is agreed ---------------------------------------------------------------------------------------

    def may_send(self, set_id: str) -> bool:
        """Whether the partner may send us this set. The acknowledgement that we wait for always may come, and so may
        a TA1; everything else only when it is agreed."""
        expected = {self.expect, *(one.expect for one in self.send.values())}
        return set_id in self.sets or set_id == "TA1" or (set_id in ACKNOWLEDGEMENTS and set_id in expected)

    def may_receive(self, set_id: str) -> bool:
        """Whether we may send the partner this set. What we acknowledge with needs no other agreement."""
        if set_id in ACKNOWLEDGEMENTS:
            ours = {self.acknowledge, *(one.acknowledge for one in self.receive.values())}
            return set_id in self.sends or set_id in ours
        return self.ta1 != "never" if set_id == "TA1" else set_id in self.sends

    # -- acknowledgements -------------------------------------------------------------------------------------

    def acknowledgement_of(self, set_id: str) -> str:
        """What this set of the partner is answered with: ``997``, ``999`` or ``none``, as an acknowledgement is."""
        if set_id in (*ACKNOWLEDGEMENTS, "TA1"):
            return "none"
        own = self.receive.get(set_id)
        return own.acknowledge if own and own.acknowledge else self.acknowledge

    def lists_accepted(self, set_id: str) -> bool:
        """Whether the acknowledgement also names the sets of this kind that we accepted."""
        own = self.receive.get(set_id)
        if own and own.acknowledge_accepted is not None:
            return own.acknowledge_accepted
        return self.acknowledge_accepted

    def expected_for(self, set_id: str) -> Expected | None:
        """The acknowledgement that we wait for when we send this set, or ``None``."""
        if set_id in (*ACKNOWLEDGEMENTS, "TA1"):
            return None
        own = self.send.get(set_id) or Send()
        kind = own.expect or self.expect
        return None if kind == "none" else Expected(kind=kind, within=own.expect_within or self.expect_within)

    def acknowledgement_due(self, set_id: str, sent_at: datetime) -> datetime | None:
        """When the acknowledgement of a set that left at this time is overdue, by the partner's calendar, in UTC."""
        expected = self.expected_for(set_id)
        return None if expected is None else self.clocks.calendar.add(sent_at, expected.within)

    # -- what we write ----------------------------------------------------------------------------------------

    def release_for(self, set_id: str) -> str:
        """GS08 of this set when we send it. A 999 is of 005010 at least: earlier releases have none."""
        own = self.send.get(set_id)
        if own and own.release:
            return own.release
        return max(self.release, FIRST_WITH_999) if set_id == "999" else self.release

    @property
    def group_id(self) -> str:
        """GS03 of what we send: its id in groups."""
        return self.group_ids[0] if self.group_ids else self.ids[0][1]

    @property
    def group_id_of_ours(self) -> str:
        """GS02 of what we send: our id in groups."""
        return self.our_group_id or self.ours[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingContext:
    """What a mapping may know beside the document: whose it is, when it came, and for which tenant.

    ``direction`` is ``in`` for what the partner sent to us, ``out`` for a copy of what we sent to the partner.
    """

    partner: Partner | None
    received_at: datetime
    tenant: str
    direction: str = "in"
