"""997 functional acknowledgment: what a partner's system took in and what it refused of what we sent.

Source: X12 004010 set 997, segments AK1, AK2, AK3, AK4, AK5, AK9. Elements 717 (AK501) and 715 (AK901) are read by
the crosswalks; 716, 718, 720 and 723 explain them. A 999 says the same in segments of its own and is mapped by the
same code.

For each answered set a Fact ``acknowledgement``, and an ExceptionEvent where it was rejected or accepted with
errors; then the same for the group. The syntax was judged, not the business: an 824 or an 855 can still say no.
Counts that do not add up are told in ``detail`` and in ``ext.findings``; a set that the counts reject and that is
named nowhere is an exception of the group: a rejection is never lost because its name is.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from canonical.events import ExceptionEvent, Fact, Ref, Statement, When
from crossdock.formats.x12 import acknowledge as ack
from crossdock.partners import MappingContext
from mappings import codes, times
from mappings.inbound.x12_997.answer import (
    FUNCTIONAL,
    Answer,
    Form,
    SetAnswer,
    in_words,
    shown,
    source_codes,
    table,
)
from mappings.x12 import Reader

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/997"
VERSION: Final = "1"

_MOST_ERRORS: Final = 200
_MOST_SENTENCES: Final = 20


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One acknowledgment as statements. Raises ``Unreadable`` for what it cannot map."""
    return statements(document, context, FUNCTIONAL)


def statements(document: "TransactionSet", context: MappingContext, form: Form) -> Iterator[Statement]:
    """One acknowledgment of this form as statements."""
    answer = Answer(Reader(document, context), form)
    words_of = _Words(answer, context)
    for each in answer.sets:
        yield words_of.set_fact(each)
        if each.row is None or each.row.exception != codes.NONE:
            yield words_of.set_event(each)
    yield words_of.group_fact()
    yield from words_of.group_events()


def issuer(context: MappingContext, document: "TransactionSet", *inside: str) -> str:
    """Who gave the control numbers that an acknowledgement of this partner names: we, and we count for each partner
    anew. ``main:acme_supply``, for a group with its kind behind it: ``main:acme_supply:PO``."""
    interchange = document.interchange
    partner = (
        context.partner.name
        if context.partner is not None
        else f"{interchange.sender_qualifier}-{interchange.sender}"
    )
    return ack.issuer(context.tenant, shown(partner), *inside)


class _Words:
    """What the statements of one 997 have in common, and each of them."""

    __slots__ = ("_answer", "_group", "_occurred_at", "_reader", "_set_issuer", "_who")

    def __init__(self, answer: Answer, context: MappingContext) -> None:
        self._answer = answer
        self._reader = answer.reader
        kind, group = answer.functional_id[:16], answer.group
        by = issuer(context, answer.reader.document, kind)
        self._set_issuer = issuer(context, answer.reader.document, kind, group)
        self._group: Ref = {"kind": "group", "value": group, "issuer": by}
        self._who = context.partner.title if context.partner is not None else "The partner"
        self._occurred_at = _made_at(answer.reader)

    # ── a set ────────────────────────────────────────────────────────────────────────────────────────────

    def set_fact(self, each: SetAnswer) -> Fact:
        attributes = {
            "acknowledgement": each.verdict[:128],
            # a rejected group takes its sets with it, whatever is said of them
            "accepted": "true" if each.accepted and not self._answer.rejected else "false",
        }
        if each.set_id:
            attributes["set"] = each.set_id
        return Fact(
            kind="acknowledgement",
            refs=self._set_refs(each),
            place=self._reader.place(
                each.verdict_position, f"AK2[{each.ordinal}]/{self._answer.form.verdict}"
            ),
            occurred_at=self._occurred_at,
            source_codes=[codes.source_code("x12-717", each.verdict[:128], each.row)],
            attributes=attributes,
        )

    def set_event(self, each: SetAnswer) -> ExceptionEvent:
        what = f"our {each.set_id or 'set'} {each.number} of group {self._answer.group}"
        return self._event(
            exception=codes.exception_of(each.row),
            title=f"{self._who} {_verb(each.row, each.verdict)} {what}",
            refs=self._set_refs(each),
            position=each.verdict_position,
            path=f"AK2[{each.ordinal}]/{self._answer.form.verdict}",
            answer=each,
            element="x12-717",
            said=_sentences(each, self._answer.form),
            more=_error_columns(each),
        )

    def _set_refs(self, each: SetAnswer) -> list[Ref]:
        own: Ref = {
            "kind": "transaction_set",
            "value": each.number,
            "issuer": self._set_issuer,
        }
        if each.set_id:
            own["scheme"] = f"x12/{each.set_id}"
        return [own, self._group]

    # ── the group ────────────────────────────────────────────────────────────────────────────────────────

    def group_fact(self) -> Fact:
        answer = self._answer
        attributes = {
            "acknowledgement": answer.verdict[:128],
            "accepted": "true" if answer.accepted else "false",
        }
        if answer.functional_id:
            attributes["functional_id"] = answer.functional_id[:16]
        counts = (answer.included_sets, answer.received_sets, answer.accepted_sets)
        for name, count in zip(("sets_included", "sets_received", "sets_accepted"), counts, strict=True):
            if count is not None:
                attributes[name] = str(count)
        if answer.findings:
            attributes["findings"] = "; ".join(answer.findings)[:1024]
        return Fact(
            kind="acknowledgement",
            refs=[self._group],
            place=self._reader.place(answer.verdict_position, "AK9"),
            occurred_at=self._occurred_at,
            source_codes=[codes.source_code("x12-715", answer.verdict[:128], answer.row)],
            attributes=attributes,
        )

    def group_events(self) -> Iterator[ExceptionEvent]:
        """The group's own troubles: those that its sets do not tell."""
        answer = self._answer
        row, group = answer.row, f"group {answer.group}"
        told = any(each.row is None or each.row.exception != codes.NONE for each in answer.sets)
        if row is None:
            yield self._group_event(codes.UNKNOWN, f"{_verb(row, answer.verdict)} our {group}")
        elif answer.rejected:
            yield self._group_event("EDI.GROUP_REJECTED", f"rejected our {group}")
        elif answer.unnamed:
            sets = "a set" if answer.unnamed == 1 else f"{answer.unnamed} sets"
            yield self._group_event(
                "EDI.TRANSACTION_REJECTED", f"rejected {sets} of our {group} without naming which", "rule"
            )
        elif answer.partial and not any(each.rejected for each in answer.sets):
            yield self._group_event(
                "EDI.TRANSACTION_REJECTED", f"accepted our {group} in part and named no rejected set"
            )
        elif row.exception == "EDI.ACCEPTED_WITH_ERRORS" and (answer.notes or not told):
            yield self._group_event("EDI.ACCEPTED_WITH_ERRORS", f"accepted our {group} with errors")
        elif answer.findings and not told:
            yield self._group_event(
                "EDI.ACCEPTED_WITH_ERRORS", f"answered our {group} with counts that do not add up", "rule"
            )

    def _group_event(self, exception: str, title: str, method: str = "code-map") -> ExceptionEvent:
        answer = self._answer
        said = [answer.row.text] if answer.row is not None else []
        said += [in_words("x12-716", code) for code in answer.notes]
        return self._event(
            exception=exception,
            title=f"{self._who} {title}",
            refs=[self._group],
            position=answer.verdict_position,
            path="AK9",
            answer=answer,
            element="x12-715",
            said=said,
            more={},
            method=method,
        )

    # ── both ─────────────────────────────────────────────────────────────────────────────────────────────

    def _event(
        self,
        *,
        exception: str,
        title: str,
        refs: list[Ref],
        position: int,
        path: str,
        answer: SetAnswer | Answer,
        element: str,
        said: list[str],
        more: dict[str, Any],
        method: str = "code-map",
    ) -> ExceptionEvent:
        whole = self._answer
        ext: dict[str, Any] = {"group": whole.group}
        if whole.functional_id:
            ext["functional_id"] = whole.functional_id[:16]
        if isinstance(answer, SetAnswer) and answer.set_id:
            ext["set"] = answer.set_id
        if whole.findings:
            ext["findings"] = whole.findings[:20]
            said = [*said, *whole.findings[:20]]
        return ExceptionEvent(
            code=exception,
            title=title,
            cause=codes.cause_of(answer.row),
            detail="; ".join(said),
            refs=refs,
            place=self._reader.place(position, path),
            occurred_at=self._occurred_at,
            source_codes=source_codes(answer, element, whole.form.of_set),
            method=method,
            ext=self._reader.ext(**ext, **more),
        )


def _verb(row: codes.Row | None, verdict: str) -> str:
    if row is None:
        return f"answered with {verdict[:20]!r}, a word that we do not know, to"
    return "accepted with errors" if row.exception == "EDI.ACCEPTED_WITH_ERRORS" else "rejected"


def _sentences(each: SetAnswer, form: Form) -> list[str]:
    """What is wrong, for a person: the set's own notes, then the errors of its segments and elements."""
    said = [each.row.text] if each.row is not None else []
    said += [in_words(form.of_set, code) for code in each.notes]
    # "has elements in error" says nothing that the elements do not say
    explained = {error.segment_place for error in each.errors if error.of_element}
    errors = [
        error
        for error in each.errors
        if error.code != "8" or error.of_element or error.segment_place not in explained
    ]
    said += [error.sentence() for error in errors[:_MOST_SENTENCES]]
    if len(errors) > _MOST_SENTENCES:
        said.append(f"and {len(errors) - _MOST_SENTENCES} more errors")
    if each.rejected and not errors:
        said.append("it names no segment and no element that is wrong: ask for the reason")
    return said


def _error_columns(each: SetAnswer) -> dict[str, Any]:
    if not each.errors:
        return {}
    more: dict[str, Any] = {"errors": table(each.errors[:_MOST_ERRORS])}
    if len(each.errors) > _MOST_ERRORS:
        more["error_count"] = len(each.errors)
    return more


def _made_at(reader: Reader) -> When | None:
    """When the answer was made: the GS says it. An envelope without a good time makes no verdict unreadable."""
    group = reader.document.group
    if group is None:
        return None
    try:
        day = times.date_of(group.date.strip())
        time = group.time.strip()
        return times.when(day, times.time_of(time) if time else "", "", partner_zone=reader.zone)
    except times.NotATime:
        return None
