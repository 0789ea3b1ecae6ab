"""Matched: what an acknowledgement says of what we sent, and what becomes of each set by it.

Pure: acknowledgements come in as the facts that their mapping made of them, what we sent as rows of the register; the
next states and what is odd come out. A group is answered set by set. What it does not name follows from its word and
its counts, and where these do not fit what we sent, it stays waiting and an exception says so.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from canonical.events import ExceptionEvent, Ref
from crossdock.partners import Partner
from crossdock.store.sendings import UNANSWERED, Behind, Sent
from crossdock.store.tables import EXCHANGE_STATES

MAPPING: Final = "crossdock.edi.exchanges"
"""What derived exceptions name as the mapping that said them."""

Document = Mapping[str, Any]

_MOST_ERRORS: Final = 50
_MOST_NAMED: Final = 20
_PARTIAL: Final = "P"
_DUPLICATE_INTERCHANGE: Final = "025"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAnswer:
    """What is said of one set: the word, whether that is a yes, a no, or neither that we know, and why."""

    set_id: str
    number: str
    word: str
    accepted: bool
    rejected: bool
    codes: tuple[str, ...] = ()
    errors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str | None:
        """The state that it brings a set to; ``None``: the word says nothing that we know."""
        if self.accepted:
            return "accepted" if self.word == "A" else "accepted_with_errors"
        return "rejected" if self.rejected else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A 997 or 999: what is said of one group. Counts are ``None`` where they could not be read."""

    raw_id: uuid.UUID
    part: int
    partner: str
    fact: Document
    ref: Ref
    functional_id: str
    word: str
    accepted: bool
    rejected: bool
    received_sets: int | None
    accepted_sets: int | None
    sets: Sequence[SetAnswer]
    identity: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Partner, GS01, GS06: whose group of ours it answers."""
        return self.partner, self.functional_id, self.ref["value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterchangeAnswer:
    """A TA1: what is said of one interchange."""

    raw_id: uuid.UUID
    part: int
    partner: str
    fact: Document
    ref: Ref
    word: str
    accepted: bool
    rejected: bool
    note: str
    identity: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Partner, ISA13."""
        return self.partner, self.ref["value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something odd about an acknowledgement, and the fact that it is about."""

    exception: ExceptionEvent
    fact: Document
    raw_id: uuid.UUID
    part: int
    partner: str
    about: str


def answer_of(
    facts: Sequence[Document],
    events: Sequence[Document],
    raw_id: uuid.UUID,
    part: int,
    partner: str,
    identity: str = "",
) -> Answer | InterchangeAnswer | None:
    """The acknowledgement that these statements of one part are; ``None``: they are none. ``identity``: the id that
    it was sent under, empty where that is not known."""
    sets: list[Document] = []
    group: Document | None = None
    for fact in facts:
        data = fact["data"]
        if data["kind"] != "acknowledgement":
            continue
        match data["refs"][0]["kind"]:
            case "transaction_set":
                sets.append(fact)
            case "group":
                group = fact
            case "interchange":
                said = data.get("attributes", {})
                return InterchangeAnswer(
                    raw_id=raw_id,
                    part=part,
                    partner=partner,
                    fact=fact,
                    ref=data["refs"][0],
                    word=said.get("acknowledgement", ""),
                    accepted=said.get("accepted") == "true",
                    rejected=_is_no(data),
                    note=said.get("note", ""),
                    identity=identity,
                )
    if group is None:
        return None
    said = group["data"].get("attributes", {})
    word = said.get("acknowledgement", "")
    return Answer(
        raw_id=raw_id,
        part=part,
        partner=partner,
        fact=group,
        ref=group["data"]["refs"][0],
        functional_id=said.get("functional_id", ""),
        word=word,
        accepted=said.get("accepted") == "true",
        rejected=_is_no(group["data"]) and word != _PARTIAL,
        received_sets=_count(said.get("sets_received")),
        accepted_sets=_count(said.get("sets_accepted")),
        sets=[_set_answer(fact, events) for fact in sets],
        identity=identity,
    )


def _is_no(data: Mapping[str, Any]) -> bool:
    """A word that we know and that is no yes."""
    known = bool(data.get("source_codes")) and data["source_codes"][0].get("mapped") is not False
    return known and data.get("attributes", {}).get("accepted") != "true"


def _count(text: str | None) -> int | None:
    return int(text) if text else None


def _set_answer(fact: Document, events: Sequence[Document]) -> SetAnswer:
    data = fact["data"]
    said = data.get("attributes", {})
    ref = data["refs"][0]
    event = next((one["data"] for one in events if one["data"]["refs"][0] == ref), None)
    codes = [f"{one['scheme']}:{one['code']}" for one in event.get("source_codes", ())[1:]] if event else []
    errors = event.get("ext", {}).get("errors", {}) if event else {}
    return SetAnswer(
        set_id=said.get("set", ""),
        number=ref["value"],
        word=said.get("acknowledgement", ""),
        accepted=said.get("accepted") == "true",
        rejected=_is_no(data),
        codes=tuple(codes[:_MOST_ERRORS]),
        errors={column: values[:_MOST_ERRORS] for column, values in errors.items()},
    )


# -- which sending a number is of now ------------------------------------------------------------------------------

_FRESH: Final = timedelta(days=30)
"""For so long a number of a copy belongs to the same counting, where no profile says it."""


def last_sent(sent: Sequence[Sent], partner: Partner | None) -> list[Sent]:
    """Of what we sent under one number the sendings that an answer can mean now; ``sent`` in the order of sending.

    Our own numbers begin at 1 again after 999999999, and whose copies we have may begin anew at any time: then the
    newest is meant. What holds the same bytes was sent twice, and belongs to it. So does what another system sent
    within the window in which the partner remembers a number.
    """
    if not sent:
        return []
    within = _window(partner)
    last = max(sent, key=lambda one: (one.at, one.state in UNANSWERED))
    return [
        one
        for one in sent
        if one.interchange_sha256 == last.interchange_sha256
        or (not (one.write_back_id and last.write_back_id) and last.at - one.at <= within)
    ]


def _window(partner: Partner | None) -> timedelta:
    return partner.duplicates.interchange.within if partner is not None else _FRESH


def may_answer(received_at: datetime, one: Sent, partner: Partner | None) -> bool:
    """Whether an answer of that time can be to this sending: not to one that was written after it. A copy may come
    after the answer to what it is a copy of, within the window."""
    return received_at >= (one.at if one.write_back_id else one.at - _window(partner))


# -- what becomes of what we sent ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Entry:
    """One set of ours while answers are applied to it."""

    sent: Sent
    state: str
    answer: dict[str, Any]
    answered_at: datetime | None
    answer_raw_id: uuid.UUID | None
    changed: bool = False

    @property
    def unanswered(self) -> bool:
        return self.state in UNANSWERED

    def may_become(self, state: str) -> bool:
        return state == self.state or state in EXCHANGE_STATES[self.state]

    @property
    def name(self) -> str:
        return f"{self.sent.set_id} {self.sent.set_number}"


def _to(identity: str, entries: list[_Entry]) -> list[_Entry]:
    """Of the entries under one number those that went to this id, if any did: another system may count for each id of
    a partner by itself. What we write has one count for all of them, so it may always be meant."""
    theirs = {entry.sent.id for entry in entries if identity and entry.sent.identity == identity}
    return (
        [entry for entry in entries if entry.sent.id in theirs or entry.sent.write_back_id]
        if theirs
        else entries
    )


class Board:
    """What we sent, while acknowledgements are taken from it one after another."""

    def __init__(self, sent: Iterable[Sent], partners: Mapping[str, Partner]) -> None:
        self._partners = partners
        self._groups: dict[tuple[str, str, str], list[_Entry]] = {}
        self._interchanges: dict[tuple[str, str], list[_Entry]] = {}
        self._entries: list[_Entry] = []
        for one in sent:
            entry = _Entry(
                sent=one,
                state=one.state,
                answer=dict(one.answer or {}),
                answered_at=one.answered_at,
                answer_raw_id=one.answer_raw_id,
            )
            self._entries.append(entry)
            self._groups.setdefault((one.partner, one.functional_id, one.group_number), []).append(entry)
            self._interchanges.setdefault((one.partner, one.interchange_number), []).append(entry)

    def moved(self) -> list[dict[str, Any]]:
        """The rows that changed, as the register takes them."""
        return [
            {
                "id": entry.sent.id,
                "state": entry.state,
                "answer_due_at": entry.sent.answer_due_at,
                "answered_at": entry.answered_at,
                "answer_raw_id": entry.answer_raw_id,
                "answer": entry.answer,
            }
            for entry in self._entries
            if entry.changed
        ]

    def take(self, answer: Answer | InterchangeAnswer) -> Iterator[Told]:
        """Apply one acknowledgement; what is odd about it comes out."""
        if isinstance(answer, Answer):
            yield from self._group(answer)
        else:
            yield from self._interchange(answer)

    # -- a group ------------------------------------------------------------------------------------------------

    def _group(self, answer: Answer) -> Iterator[Told]:
        every = _to(answer.identity, self._groups.get(answer.key, []))
        entries = self._last(every, answer)
        what = f"our group {answer.functional_id} {answer.ref['value']}"
        if not entries:
            title = f"{self._who(answer)} acknowledged {what}, which we never sent"
            yield self._told(answer, "unmatched", title, [answer.ref])
            return
        if any(_is_of(entry.answer, answer) for entry in every):
            return  # this very acknowledgement was taken before: its message is processed again
        listed = {(one.set_id, one.number): one for one in answer.sets}
        states = self._states(answer, entries, listed)
        fresh = [entry for entry in entries if entry.unanswered and states.get(entry.sent.id) is not None]
        if not fresh and not any(entry.unanswered for entry in entries):
            given_up = [entry for entry in entries if "raw_id" not in entry.answer]
            for entry in given_up:  # nobody waited for it any more: it is kept, and changes nothing
                said = listed.get(_key(entry.sent)) or listed.get(("", entry.sent.set_number))
                self._move(entry, entry.state, answer, _kept(answer, said))
            if not given_up:
                yield from self._again(answer, entries, states, what)
            return
        for entry in fresh:
            said = listed.get(_key(entry.sent)) or listed.get(("", entry.sent.set_number))
            self._move(entry, states[entry.sent.id] or entry.state, answer, _kept(answer, said))
        yield from self._not_ours(answer, entries, listed, what)
        open_ = [entry for entry in entries if entry.unanswered]
        if open_:
            names = _named(entry.name for entry in open_)
            title = (
                f"{self._who(answer)} answered {what}, and {_sets(len(open_))} of it got no verdict: {names}"
            )
            yield self._told(
                answer,
                "open",
                title,
                [answer.ref, *(_set_ref(answer, entry.sent) for entry in open_[:_MOST_NAMED])],
                detail=f"{answer.word} with counts that do not say what became of what it does not name: "
                f"{_counted(answer)}, and we sent {_sets(_sending_size(entries))}",
            )

    def _states(
        self, answer: Answer, entries: Sequence[_Entry], listed: Mapping[tuple[str, str], SetAnswer]
    ) -> dict[uuid.UUID, str | None]:
        """The state that the answer says for each set of ours; ``None``: it does not say."""
        found: dict[uuid.UUID, str | None] = {}
        unlisted: list[_Entry] = []
        for entry in entries:
            said = listed.get(_key(entry.sent)) or listed.get(("", entry.sent.set_number))
            if answer.rejected:
                found[entry.sent.id] = "rejected"
            elif said is not None:
                found[entry.sent.id] = said.state
            else:
                unlisted.append(entry)
        rest = self._unlisted(answer, entries, len({_key(entry.sent) for entry in unlisted}), listed)
        found.update({entry.sent.id: rest for entry in unlisted})
        return found

    @staticmethod
    def _unlisted(
        answer: Answer,
        entries: Sequence[_Entry],
        unlisted: int,
        listed: Mapping[tuple[str, str], SetAnswer],
    ) -> str | None:
        """What became of the sets that are not named: all of them accepted, or all rejected, where that is the one
        reading that fits the counts and what we sent."""
        sent = _sending_size(entries)
        ours = {_key(entry.sent) for entry in entries}
        named = [one for key, one in listed.items() if key in ours or not key[0]]
        yes = sum(one.accepted for one in named)
        if answer.received_sets is None or answer.accepted_sets is None:
            return "accepted" if answer.accepted and not listed else None
        if answer.received_sets != sent:
            return None
        if answer.accepted_sets == yes + unlisted:
            return "accepted"
        return "rejected" if answer.accepted_sets == yes else None

    def _again(
        self,
        answer: Answer,
        entries: Sequence[_Entry],
        states: Mapping[uuid.UUID, str | None],
        what: str,
    ) -> Iterator[Told]:
        """An answer to what is answered already: in order as often as we sent the group, else told. Where it says
        something else it is the later word, as far as a verdict may be taken back."""
        times = max(int(entry.answer.get("times", 1)) for entry in entries)
        sendings = len({entry.sent.sending for entry in entries})
        before = entries[0].answer
        differs = []
        for entry in entries:
            state = states.get(entry.sent.id)
            entry.answer["times"] = times + 1
            entry.changed = True
            if state is not None and state != entry.state:
                differs.append(f"{entry.name} was {_words(entry.state)} and is {_words(state)} now")
                if entry.may_become(state):
                    said = next((one for one in answer.sets if one.number == entry.sent.set_number), None)
                    self._move(entry, state, answer, _kept(answer, said) | {"times": times + 1})
        if times < sendings and not differs:
            return
        title = f"{self._who(answer)} acknowledged {what} again"
        repeats = f"interchange {_isa13(answer.fact)} repeats interchange {before.get('interchange') or '?'}"
        if entries[0].answer_raw_id is not None:
            repeats += f" (raw message {before.get('raw_id') or entries[0].answer_raw_id})"
        more = f"; {_named(differs, '; ')}" if differs else ", and says the same"
        yield self._told(answer, "again", title, [answer.ref], detail=repeats + more)

    def _not_ours(
        self,
        answer: Answer,
        entries: Sequence[_Entry],
        listed: Mapping[tuple[str, str], SetAnswer],
        what: str,
    ) -> Iterator[Told]:
        """Sets that it names in a group of ours, and that we did not send in it."""
        ours = {_key(entry.sent) for entry in entries} | {("", entry.sent.set_number) for entry in entries}
        for place, one in enumerate(one for key, one in listed.items() if key not in ours):
            name = f"{one.set_id or 'set'} {one.number}"
            title = f"{self._who(answer)} acknowledged {name} of {what}, which we never sent in it"
            ref: Ref = {
                "kind": "transaction_set",
                "value": one.number,
                "issuer": f"{answer.ref.get('issuer', '')}:{answer.ref['value']}"[:100],
            }
            if one.set_id:
                ref["scheme"] = f"x12/{one.set_id}"[:64]
            yield self._told(answer, f"unmatched:{place}", title, [ref, answer.ref])

    # -- an interchange -----------------------------------------------------------------------------------------

    def _interchange(self, answer: InterchangeAnswer) -> Iterator[Told]:
        every = _to(answer.identity, self._interchanges.get(answer.key, []))
        entries = self._last(every, answer)
        what = f"our interchange {answer.ref['value']}"
        if not entries:
            title = f"{self._who(answer)} acknowledged {what}, which we never sent"
            yield self._told(answer, "unmatched", title, [answer.ref])
            return
        said = {
            "word": answer.word,
            "note": answer.note,
            "raw_id": str(answer.raw_id),
            "part": answer.part,
            "interchange": _isa13(answer.fact),
        }
        taken = [entry.answer["ta1"] for entry in every if "ta1" in entry.answer]
        if any(one["raw_id"] == said["raw_id"] and one["part"] == said["part"] for one in taken):
            return
        before = [entry.answer["ta1"] for entry in entries if "ta1" in entry.answer]
        last = entries[-1].sent.sending
        sendings = len({entry.sent.sending for entry in entries})
        times = max((int(one.get("times", 1)) for one in before), default=0)
        for entry in entries:
            # of two sendings under one number the second is the duplicate: the first was taken
            if answer.note == _DUPLICATE_INTERCHANGE and sendings > 1 and entry.sent.sending != last:
                continue
            entry.answer["ta1"] = {**said, "times": times + 1}
            entry.changed = True
            if answer.rejected and entry.may_become("rejected"):
                entry.state = "rejected"
                entry.answered_at = _received_at(answer.fact)
                entry.answer_raw_id = answer.raw_id
        if times and times >= sendings:
            first = before[0]
            title = f"{self._who(answer)} acknowledged {what} again"
            same = (
                ", and says the same" if first["word"] == answer.word else f"; it said {first['word']} then"
            )
            repeats = f"interchange {said['interchange']} repeats interchange {first['interchange']}"
            detail = f"{repeats} (raw message {first['raw_id']}){same}"
            yield self._told(answer, "again", title, [answer.ref], detail=detail)

    # -- both ---------------------------------------------------------------------------------------------------

    def _last(self, entries: Sequence[_Entry], answer: Answer | InterchangeAnswer) -> list[_Entry]:
        """Of the entries under one number those that an answer means: see ``last_sent``, ``may_answer``. One that is
        processed again long after it came means what was sent then; one that nothing fits means all of them."""
        if len(entries) < 2:
            return list(entries)
        partner = self._partners.get(answer.partner)
        at = _received_at(answer.fact)
        sent = [entry.sent for entry in entries]
        meant = {
            one.id
            for one in last_sent([one for one in sent if may_answer(at, one, partner)] or sent, partner)
        }
        return [entry for entry in entries if entry.sent.id in meant]

    @staticmethod
    def _move(entry: _Entry, state: str, answer: Answer, kept: dict[str, Any]) -> None:
        entry.state = state
        entry.answered_at = _received_at(answer.fact)
        entry.answer_raw_id = answer.raw_id
        entry.answer = {**kept, **({"ta1": entry.answer["ta1"]} if "ta1" in entry.answer else {})}
        entry.changed = True

    def _who(self, answer: Answer | InterchangeAnswer) -> str:
        partner = self._partners.get(answer.partner)
        return partner.title if partner is not None else "The partner"

    @staticmethod
    def _told(
        answer: Answer | InterchangeAnswer,
        about: str,
        title: str,
        refs: Sequence[Ref],
        *,
        detail: str | None = None,
    ) -> Told:
        data = answer.fact["data"]
        exception = ExceptionEvent(
            code="EDI.ACK_UNMATCHED",
            title=title,
            detail=detail,
            refs=refs,
            place=data["provenance"]["place"],
            occurred_at=data.get("occurred_at"),
            source_codes=data.get("source_codes", ()),
            method="rule",
            ext={"partner": answer.partner} if answer.partner else {},
        )
        return Told(
            exception=exception,
            fact=answer.fact,
            raw_id=answer.raw_id,
            part=answer.part,
            partner=answer.partner,
            about=about,
        )


def _key(sent: Sent) -> tuple[str, str]:
    return sent.set_id, sent.set_number


def _sending_size(entries: Sequence[_Entry]) -> int:
    """How many sets the group has: sent twice, it has as many as when it was sent once."""
    return len({_key(entry.sent) for entry in entries})


def _is_of(kept: Mapping[str, Any], answer: Answer) -> bool:
    return kept.get("raw_id") == str(answer.raw_id) and kept.get("part") == answer.part


def _kept(answer: Answer, said: SetAnswer | None) -> dict[str, Any]:
    """What the register keeps of an answer: its words, codes and places, and where it is."""
    kept: dict[str, Any] = {
        "raw_id": str(answer.raw_id),
        "part": answer.part,
        "interchange": _isa13(answer.fact),
        "group": answer.word,
        "times": 1,
    }
    if said is not None:
        kept["set"] = said.word
        if said.codes:
            kept["codes"] = list(said.codes)
        if said.errors:
            kept["errors"] = dict(said.errors)
    return kept


def _set_ref(answer: Answer, sent: Sent) -> Ref:
    return {
        "kind": "transaction_set",
        "value": sent.set_number or "none",
        "issuer": f"{answer.ref.get('issuer', '')}:{answer.ref['value']}"[:100],
        "scheme": f"x12/{sent.set_id}"[:64],
    }


def _isa13(fact: Document) -> str:
    place: str = fact["data"]["provenance"]["place"].get("x12", {}).get("isa13", "")
    return place


def _received_at(fact: Document) -> datetime:
    return datetime.fromisoformat(fact["data"]["provenance"]["received_at"])


def _counted(answer: Answer) -> str:
    received = "?" if answer.received_sets is None else answer.received_sets
    accepted = "?" if answer.accepted_sets is None else answer.accepted_sets
    return f"received {received}, accepted {accepted}"


def _sets(number: int) -> str:
    return "1 set" if number == 1 else f"{number} sets"


def _words(state: str) -> str:
    return state.replace("_", " ")


def _named(names: Iterable[str], between: str = ", ") -> str:
    every = list(names)
    more = f" and {len(every) - _MOST_NAMED} more" if len(every) > _MOST_NAMED else ""
    return between.join(every[:_MOST_NAMED]) + more


def as_json(behind: Behind) -> dict[str, Any]:
    """What stands behind a write-back, for an exception's own fields."""
    found: dict[str, Any] = {
        "id": str(behind.write_back_id),
        "operation": behind.operation,
        "subject": behind.subject,
    }
    if behind.case_id is not None:
        found["case_id"] = str(behind.case_id)
    if behind.decision_id is not None:
        found["decision_id"] = str(behind.decision_id)
    return found
