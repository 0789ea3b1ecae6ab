"""Exchanges: every set that came or went, registered by its control numbers; acknowledgements find what they answer.

What came twice, out of order, or answers nothing is an exception that no document says by itself. All of it happens
in the transaction that writes what the messages came to. What an acknowledgement says of a set of ours is kept with
that set (``matched``); what it says that is wrong in it is looked up in what we sent (``answered``).
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from canonical.events import ExceptionEvent, Origin, Ref
from crossdock.edi import matched, numbering
from crossdock.edi.answered import enrich
from crossdock.edi.matched import MAPPING, Answer, InterchangeAnswer, Told
from crossdock.edi.numbering import Received
from crossdock.formats import x12
from crossdock.formats.x12 import acknowledge as ack
from crossdock.messages import RESENT, CaseState
from crossdock.normalize.part import rfc3339, sealed
from crossdock.normalize.values import Arrived, Exchanged, SetNumbers
from crossdock.partners import Partner
from crossdock.reconcile import Said
from crossdock.store import casebook, clockwork, inbox, register, sendings, told

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

__all__ = [
    "enrich",
    "note_delivered",
    "note_given_up",
    "note_received",
    "note_written",
    "overdue",
    "overtaken",
    "rows_of",
]

_VERSION: Final = "1"

MOST_NAMED: Final = 20
"""So many sets of a group are named by a reference each."""


MOST_ANSWERS: Final = 200
"""So many earlier acknowledgements of one group are looked at when its copy comes after them."""

ROWS_AT_ONCE: Final = 2_000
"""So many sets are registered by one statement."""

# -- what came ----------------------------------------------------------------------------------------------------


def note_received(
    connection: "Transaction",
    tenant: str,
    received: Sequence[Received],
    partners: Iterable[Partner],
    now: datetime,
) -> list[Said]:
    """Register what a batch of messages exchanged, match its acknowledgements to what we sent, and say what is odd.

    One insert for the whole batch, and nothing at all when it holds no X12. Called once the facts are written; the
    exceptions it returns are decided and written like any others.
    """
    holding = [(claim, normalized) for claim, normalized in received if normalized.exchanged]
    if not holding:
        return []
    return _Batch(connection, tenant, partners, now).note(holding)


def overtaken(
    connection: "Transaction", tenant: str, received: Sequence[Received], partners: Iterable[Partner]
) -> bool:
    """Whether other messages were registered under the numbers of these since the register was asked about them. Hold
    the partners' numbers before it is called: then it stays as it says."""
    asked = [
        (one.before, _arrived(claim, one))
        for claim, normalized in received
        for one in normalized.exchanged
        if one.direction == "in" and one.before is not None
    ]
    places = register.any_before(connection, tenant, [arrived for _, arrived in asked])
    if not places:
        return False
    by_name = {partner.name: partner for partner in partners}
    mine = {str(claim.id) for claim, _ in received}
    for before, arrived in (asked[place] for place in sorted(places)):
        now = register.stored(connection, tenant, by_name[arrived.partner], arrived).stored
        if not now <= before | mine:
            return True
    return False


def _arrived(claim: inbox.Claim, exchanged: Exchanged) -> Arrived:
    return Arrived(
        partner=exchanged.partner,
        identity=exchanged.identity,
        raw_id=str(claim.id),
        received_at=claim.message.received_at,
        number=exchanged.number,
        sha256=exchanged.sha256,
        sets=exchanged.sets,
    )


class _Batch:
    """One batch while it is registered."""

    def __init__(
        self, connection: "Transaction", tenant: str, partners: Iterable[Partner], now: datetime
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._partners = {partner.name: partner for partner in partners}
        self._now = now
        self._said: list[Said] = []

    def note(self, holding: Sequence[Received]) -> list[Said]:
        """Everything of it, in the order in which it came."""
        named = {one.partner for _, normalized in holding for one in normalized.exchanged}
        register.hold_sequence(self._connection, self._tenant, named)
        # whether numbers are in order is looked at before those of this batch are among them
        for odd in numbering.out_of_order(self._connection, self._tenant, holding, self._partners):
            self._say(odd)
        copies: set[tuple[str, str, str]] = set()
        rows = self._rows(holding, copies)
        while some := list(islice(rows, ROWS_AT_ONCE)):
            register.add(self._connection, some)
        register.note_run(self._connection, self._tenant, _run_again(holding), self._now)
        for odd in numbering.came_twice(holding, self._partners):
            self._say(odd)
        self._match([answer for received in holding for answer in _answers(received)])
        if copies:
            self._answer_copies(copies)
        return self._said

    def _rows(
        self, holding: Sequence[Received], copies: set[tuple[str, str, str]]
    ) -> Iterator[dict[str, Any]]:
        """The rows of the register. Fills ``copies`` with the groups (partner, GS01, GS06) of which copies are among
        them."""
        ours = {
            (one.partner, one.number, one.sha256)
            for _, normalized in holding
            for one in normalized.exchanged
            if one.direction == "out"
        }
        known = sendings.copies_known(self._connection, self._tenant, ours)
        for claim, normalized in holding:
            at = claim.message.received_at
            for one in normalized.exchanged:
                if one.direction == "out" and (one.partner, one.number, one.sha256) in known:
                    continue
                for numbers in one.sets:
                    state, due = "received", None
                    if one.direction == "out":
                        partner = self._partners.get(one.partner)
                        due = partner.acknowledgement_due(numbers.set_id, at) if partner else None
                        state = "sent" if due is None else "waiting"
                        copies.add((one.partner, numbers.functional_id, numbers.group_number))
                    yield register.row(
                        tenant=self._tenant,
                        direction=one.direction,
                        partner=one.partner,
                        identity=one.identity,
                        interchange_number=one.number,
                        interchange_sha256=one.sha256,
                        numbers=numbers,
                        at=at,
                        state=state,
                        raw_id=claim.id,
                        answer_due_at=due,
                        answer=_told(one, numbers),
                    )

    def _say(self, odd: numbering.Odd) -> None:
        claim, normalized = odd.received
        message = claim.message
        origin = Origin(
            tenant=self._tenant,
            source=message.source,
            connector_version=normalized.connector_version,
            mapping=MAPPING,
            mapping_version=_VERSION,
            raw_id=str(claim.id),
            raw_sha256=message.sha256,
            received_at=rfc3339(message.received_at),
            recorded_at=rfc3339(self._now),
        )
        (document,) = sealed([odd.exception], origin, part=f"{odd.part}:{odd.about}")
        self._said.append(Said(document=document, raw_id=claim.id, part=odd.part, partner=odd.partner))

    # -- acknowledgements -----------------------------------------------------------------------------------------

    def _match(self, answers: Sequence[Answer | InterchangeAnswer]) -> None:
        """Bring what we sent to the state that these acknowledgements say, in their order."""
        if not answers:
            return
        groups = {answer.key for answer in answers if isinstance(answer, Answer)}
        interchanges = {answer.key for answer in answers if isinstance(answer, InterchangeAnswer)}
        sent = {
            one.id: one
            for one in (
                *sendings.sent_in_groups(self._connection, self._tenant, groups),
                *sendings.sent_in_interchanges(self._connection, self._tenant, interchanges),
            )
        }
        self._apply(answers, sent)

    def _apply(
        self, answers: Sequence[Answer | InterchangeAnswer], sent: Mapping[uuid.UUID, sendings.Sent]
    ) -> None:
        board = matched.Board(sent.values(), self._partners)
        for answer in answers:
            for odd in board.take(answer):
                self._said.append(self._tell(odd))
        sendings.move(self._connection, self._tenant, board.moved())

    def _answer_copies(self, copies: set[tuple[str, str, str]]) -> None:
        """Copies of what we sent may come after the partner's answers to it: then the answers are here already."""
        words = {
            f"group:{number}@{ack.issuer(self._tenant, partner, functional_id)}": (
                partner,
                functional_id,
                number,
            )
            for partner, functional_id, number in copies
            if number
        }
        facts = clockwork.facts_about(
            self._connection, self._tenant, words, ["acknowledgement"], each=MOST_ANSWERS
        )
        parts: dict[tuple[uuid.UUID, int], list[Mapping[str, Any]]] = {}
        names: dict[tuple[uuid.UUID, int], str] = {}
        for fact in facts:
            place = (fact.raw_id, fact.part)
            parts.setdefault(place, []).append(fact.document)
            names[place] = fact.partner or ""
        answers = [
            answer
            for (raw_id, part), documents in parts.items()
            if (answer := matched.answer_of(documents, (), raw_id, part, names[raw_id, part])) is not None
            and isinstance(answer, Answer)
            and answer.key in copies
        ]
        if not answers:
            return
        before = len(self._said)
        sent = sendings.sent_in_groups(self._connection, self._tenant, {answer.key for answer in answers})
        self._apply(answers, {one.id: one for one in sent})
        del self._said[before:]  # what was odd about these answers was told when they came
        self._end_unmatched({answer.ref["value"]: answer for answer in answers})

    def _end_unmatched(self, answers: Mapping[str, Answer]) -> None:
        """An answer to something that we never sent is none any more once the copy of what we sent is here."""
        words = [f"group:{number}" for number in answers]
        for case in casebook.open_cases_about(self._connection, self._tenant, ["EDI.ACK_UNMATCHED"], words):
            first = case.event["data"]["refs"][0]
            answer = answers.get(first["value"])
            if answer is None or first.get("issuer") != answer.ref.get("issuer"):
                continue
            casebook.move_case(
                self._connection,
                tenant=self._tenant,
                case_id=case.id,
                from_state=case.state,
                to_state=CaseState.RESOLVED,
                actor="crossdock",
                reason="a copy of what it answers has come",
                now=self._now,
            )

    def _tell(self, told: Told) -> Said:
        """An exception about an acknowledgement, with the acknowledgement's message as its origin."""
        provenance = told.fact["data"]["provenance"]
        origin = Origin(
            tenant=self._tenant,
            source=provenance["connector"],
            connector_version=provenance["connector_version"],
            mapping=MAPPING,
            mapping_version=_VERSION,
            raw_id=provenance["raw_id"],
            raw_sha256=provenance["raw_sha256"],
            received_at=provenance["received_at"],
            recorded_at=rfc3339(self._now),
        )
        (document,) = sealed([told.exception], origin, part=f"{told.part}:{told.about}")
        return Said(document=document, raw_id=told.raw_id, part=told.part, partner=told.partner)


def _run_again(holding: Sequence[Received]) -> list[uuid.UUID]:
    """The register's ids of what came, in messages that are processed again, and is refused no longer."""
    return [
        register.id_of(claim.id, numbers.part)
        for claim, normalized in holding
        if claim.again
        for one in normalized.exchanged
        if one.direction == "in" and one.told != "R"
        for numbers in one.sets
        if numbers.told != "R"
    ]


def _answers(received: Received) -> Iterator[Answer | InterchangeAnswer]:
    """The acknowledgements of a message: each of its parts that is one."""
    claim, normalized = received
    senders = {
        one.part: exchanged.identity
        for exchanged in normalized.exchanged
        if exchanged.direction == "in"
        for one in exchanged.sets
        if one.set_id in ack.ACKNOWLEDGEMENTS
    }
    for part in normalized.parts:
        if part.ordinal not in senders or not part.documents:
            continue
        facts = [one for one in part.documents if "code" not in one["data"]]
        events = [one for one in part.documents if "code" in one["data"]]
        sender = senders[part.ordinal]
        answer = matched.answer_of(facts, events, claim.id, part.ordinal, part.partner or "", sender)
        if answer is not None:
            yield answer


def _told(exchanged: Exchanged, numbers: SetNumbers) -> dict[str, Any] | None:
    """What we answered to a set that came: nothing is kept where we took it."""
    told = {"told": numbers.told, "interchange": exchanged.told}
    said = {level: word for level, word in told.items() if word}
    return said or None


# -- what we sent -------------------------------------------------------------------------------------------------


def note_written(
    connection: "Transaction",
    tenant: str,
    write_back_id: uuid.UUID,
    body: bytes,
    partner: Partner,
    now: datetime,
) -> None:
    """Register the sets of an interchange that we wrote: they wait to be delivered, acknowledgements for nothing."""
    register.add(connection, rows_of(tenant, write_back_id, body, partner, now))


def rows_of(
    tenant: str, write_back_id: uuid.UUID, body: bytes, partner: Partner, now: datetime
) -> list[dict[str, Any]]:
    """The rows of the register for what we wrote, so that a batch of write-backs needs one insert."""
    digest = sha256(body.rstrip()).hexdigest()
    rows: list[dict[str, Any]] = []
    for item in x12.read(body):
        if isinstance(item, x12.TransactionSet):
            group = item.group
            numbers = SetNumbers(
                len(rows),
                group.functional_id if group else "",
                ack.plain_number(group.control_number) if group else "",
                item.set_id,
                item.control_number,
                group.version if group else "",
            )
        elif isinstance(item, x12.Acknowledgement):
            numbers = SetNumbers(len(rows), "", "", "TA1", "", "")
        else:
            continue
        rows.append(
            register.row(
                tenant=tenant,
                direction="out",
                partner=partner.name,
                interchange_number=item.interchange.control_number,
                interchange_sha256=digest,
                numbers=numbers,
                write_back_id=write_back_id,
                at=now,
                state="sent" if numbers.set_id in ack.ACKNOWLEDGEMENTS else "unsent",
            )
        )
    return rows


def note_delivered(
    connection: "Transaction",
    tenant: str,
    write_back_id: uuid.UUID,
    partners: Iterable[Partner],
    now: datetime,
) -> None:
    """It left: now its acknowledgement is waited for, by the partner's calendar, where one is expected. What was
    sent again under the same numbers is registered once, with the write-back that was first."""
    moved = []
    by_name: dict[str, Partner] = {}
    first = told.first_of(connection, tenant, write_back_id, RESENT)
    for one in sendings.sent_in(connection, tenant, first):
        if one.state != "unsent":
            continue
        by_name = by_name or {partner.name: partner for partner in partners}
        partner = by_name.get(one.partner)
        due = partner.acknowledgement_due(one.set_id, now) if partner is not None else None
        moved.append(one.moved("sent" if due is None else "waiting", due))
    sendings.move(connection, tenant, moved)


def note_given_up(connection: "Transaction", tenant: str, write_back_id: uuid.UUID) -> None:
    """It will never leave, or a person says that no answer is needed: nothing is waited for any more."""
    sendings.give_up(connection, tenant, write_back_id)


# -- what was never answered --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Silence:
    """One group of ours that nobody acknowledged."""

    sets: list[sendings.Sent] = field(default_factory=list)


def overdue(
    connection: "Transaction", tenant: str, partners: Iterable[Partner], now: datetime, limit: int
) -> list[Said]:
    """Open an exception for each group whose acknowledgement should be here and is not. At most ``limit`` sets are
    looked at; call until there are none."""
    due = sendings.due(connection, tenant, now, limit)
    if not due:
        return []
    by_name = {partner.name: partner for partner in partners}
    groups: dict[tuple[uuid.UUID, str, str, str], _Silence] = {}
    for one in due:
        key = (one.sending, one.interchange_number, one.functional_id, one.group_number)
        groups.setdefault(key, _Silence()).sets.append(one)
    written = sendings.behind(connection, tenant, {one.write_back_id for one in due if one.write_back_id})
    messages = sendings.messages(
        connection,
        tenant,
        {one.raw_id for one in due if one.raw_id} | {one.raw_id for one in written.values() if one.raw_id},
    )
    said = [
        _overdue(tenant, silence.sets, by_name.get(silence.sets[0].partner), written, messages, now)
        for silence in groups.values()
    ]
    sendings.move(connection, tenant, [one.moved("overdue", one.answer_due_at) for one in due])
    return said


def _overdue(
    tenant: str,
    sets: Sequence[sendings.Sent],
    partner: Partner | None,
    written: Mapping[uuid.UUID, sendings.Behind],
    messages: Mapping[uuid.UUID, sendings.Message],
    now: datetime,
) -> Said:
    first = sets[0]
    behind = written.get(first.write_back_id) if first.write_back_id else None
    raw_id = first.raw_id or (behind.raw_id if behind else None) or first.sending
    message = messages.get(raw_id)
    part = first.part if first.raw_id else behind.part if behind else 0
    issuer = ack.issuer(tenant, first.partner, first.functional_id)
    refs: list[Ref] = [{"kind": "group", "value": first.group_number[:256] or "none", "issuer": issuer}]
    inside = ack.issuer(tenant, first.partner, first.functional_id, first.group_number)
    refs += [
        {
            "kind": "transaction_set",
            "value": one.set_number[:256] or "none",
            "issuer": inside,
            "scheme": f"x12/{one.set_id}"[:64],
        }
        for one in sets[:MOST_NAMED]
    ]
    expected = partner.expected_for(first.set_id) if partner else None
    names = ", ".join(f"{one.set_id} {one.set_number}" for one in sets[:3])
    more = f" and {len(sets) - 3} more" if len(sets) > 3 else ""
    kind = expected.kind if expected else "997"
    within = f" within {expected.within}" if expected else ""
    ext: dict[str, Any] = {
        "partner": first.partner,
        "functional_id": first.functional_id,
        "group": first.group_number,
        "interchange": first.interchange_number,
        "expected": kind,
        "sets": [f"{one.set_id} {one.set_number}" for one in sets[:200]],
    }
    if behind is not None:
        ext["write_back"] = matched.as_json(behind)
    exception = ExceptionEvent(
        code="EDI.ACK_OVERDUE",
        title=f"{partner.title if partner else first.partner} has not acknowledged our {names}{more} with a {kind}"
        f"{within}",
        detail=f"group {first.functional_id} {first.group_number} of interchange {first.interchange_number}; due at "
        f"{rfc3339(first.answer_due_at) if first.answer_due_at else 'once'}",
        refs=refs,
        place={"x12": {"isa13": first.interchange_number[:9], "gs06": first.group_number[:9]}},
        method="timer",
        ext=ext,
    )
    origin = Origin(
        tenant=tenant,
        source=message.source if message else "crossdock",
        connector_version="0",
        mapping=MAPPING,
        mapping_version=_VERSION,
        raw_id=str(raw_id),
        raw_sha256=message.sha256 if message else sha256(behind.body if behind else b"").hexdigest(),
        received_at=rfc3339(message.received_at if message else first.at),
        recorded_at=rfc3339(now),
    )
    place = f"overdue:{first.sending}:{first.interchange_number}:{first.functional_id}:{first.group_number}"
    (document,) = sealed([exception], origin, part=place)
    return Said(document=document, raw_id=raw_id, part=part, partner=first.partner)
