"""One 997 or 999 as it stands: the answered group, the answered sets, and the errors that were noted in them.

AK1 functional id, group control number
  AK2* set identifier, set control number
    AK3* segment, its position, loop, codes       AK4* element, its number, code, the bad value
    AK5  verdict and codes
AK9 verdict, counts, codes

In a 999 they are IK3, IK4 and IK5, each error has one code, and CTX segments say where else it belongs: in which line
of the document, or beside which other element.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from canonical import crosswalks
from canonical.events import SourceCode
from crossdock.formats.x12.acknowledge import plain_number
from mappings import codes
from mappings.x12 import Reader, at


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the two acknowledgements differ: the names of their segments, and the lists that their codes are of."""

    segment: str
    element: str
    verdict: str
    of_set: str
    of_segment: str
    of_element: str


FUNCTIONAL: Final = Form(
    segment="AK3", element="AK4", verdict="AK5", of_set="x12-718", of_segment="x12-720", of_element="x12-723"
)
"""997."""

IMPLEMENTATION: Final = Form(
    segment="IK3", element="IK4", verdict="IK5", of_set="x12-618", of_segment="x12-620", of_element="x12-621"
)
"""999."""

_TAKEN_IN: Final = frozenset({codes.NONE, "EDI.ACCEPTED_WITH_ERRORS"})

_LONGEST_VALUE: Final = 256
_LONGEST_CODE: Final = 32
_VISIBLE: Final = {code: 0x2400 + code for code in range(32)} | {127: 0x2421}
"""Control characters as the pictures of themselves: a bad value is shown, never obeyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """One error: an AK3 with one of its codes, or an AK4 (IK3, IK4). Empty texts are what was not said.

    ``segment_position`` counts in our set, the ST is 1; ``position`` is the AK3's or AK4's own place in the 997.
    ``context`` is what the CTX segments behind it say.
    """

    path: str
    position: int
    segment: str
    segment_position: str
    loop: str
    scheme: str
    code: str
    of_element: bool = False
    element: str = ""
    component: str = ""
    repetition: str = ""
    element_number: str = ""
    value: str = ""
    context: list[str] = field(default_factory=list)

    @property
    def segment_place(self) -> str:
        """The AK3 that it belongs to."""
        return "/".join(self.path.split("/")[:2])

    def sentence(self) -> str:
        """The error for a person: ``DTM at segment 5, element 2 (373): is no date, '20261399'``."""
        where = f"{self.segment or 'a segment'} at segment {self.segment_position or '?'}"
        if self.loop:
            where += f" in loop {self.loop}"
        if self.of_element:
            where += f", element {self.element or '?'}"
            if self.component:
                where += f" component {self.component}"
            if self.repetition:
                where += f" repetition {self.repetition}"
            if self.element_number:
                where += f" ({self.element_number})"
        value = f", {self.value!r}" if self.value else ""
        context = f" ({'; '.join(self.context)})" if self.context else ""
        return f"{where}: {in_words(self.scheme, self.code)}{value}{context}"


@dataclass(slots=True, kw_only=True)
class SetAnswer:
    """One AK2 loop. ``verdict`` is AK501, ``row`` its meaning; ``None`` is a word of a lenient partner."""

    ordinal: int
    set_id: str
    number: str
    position: int
    verdict: str = ""
    row: codes.Row | None = None
    verdict_position: int = 0
    notes: tuple[str, ...] = ()
    errors: list[Noted] = field(default_factory=list)
    segments: int = 0

    @property
    def accepted(self) -> bool:
        return self.row is not None and self.row.exception in _TAKEN_IN

    @property
    def rejected(self) -> bool:
        return self.row is not None and self.row.exception == "EDI.TRANSACTION_REJECTED"


class Answer:
    """The whole acknowledgement. Raises ``Unreadable`` while it is made, when the verdicts cannot be told."""

    __slots__ = (
        "_elements", "accepted_sets", "findings", "form", "functional_id", "group", "included_sets", "notes",
        "position", "reader", "received_sets", "row", "sets", "unnamed", "verdict", "verdict_position",
    )  # fmt: skip

    def __init__(self, reader: Reader, form: Form) -> None:
        self.reader = reader
        self.form = form
        self.position = 0
        self.verdict_position = 0
        self.functional_id = self.group = self.verdict = ""
        self.row: codes.Row | None = None
        self.notes: tuple[str, ...] = ()
        self.sets: list[SetAnswer] = []
        self.included_sets: int | None = None
        self.received_sets: int | None = None
        self.accepted_sets: int | None = None
        self.findings: list[str] = []
        self.unnamed = 0
        """Sets that the counts reject and no AK2 names."""
        self._elements = 0
        for position, segment in enumerate(reader.segments, 1):
            match segment[0]:
                case "AK1":
                    self._group(segment, position)
                case "AK2":
                    self._set(segment, position)
                case form.segment:
                    self._segment(segment, position)
                case form.element:
                    self._element(segment, position)
                case form.verdict:
                    self._set_verdict(segment, position)
                case "CTX":
                    self._context(segment, position)
                case "AK9":
                    self._group_verdict(segment, position)
        self._close()

    # ── segments ─────────────────────────────────────────────────────────────────────────────────────────

    def _group(self, segment: list[str], position: int) -> None:
        if self.position:
            raise self.reader.stop("a second AK1 stands in the set: one 997 answers one group", position)
        self.position = position
        self.functional_id = shown(at(segment, 1))
        self.group = plain_number(self._number(segment, position, 2, "AK102 names no group control number"))

    def _set(self, segment: list[str], position: int) -> None:
        self._inside(position)
        self._answered(position)
        self._elements = 0
        self.sets.append(
            SetAnswer(
                ordinal=len(self.sets) + 1,
                set_id=shown(at(segment, 1))[:16],
                number=self._number(segment, position, 2, "AK202 names no set control number"),
                position=position,
            )
        )

    def _segment(self, segment: list[str], position: int) -> None:
        answer = self._open(position)
        answer.segments += 1
        self._elements = 0
        for code in _codes(segment, 4, 8) or ("",):
            answer.errors.append(
                Noted(
                    path=f"AK2[{answer.ordinal}]/{self.form.segment}[{answer.segments}]",
                    position=position,
                    segment=shown(at(segment, 1)),
                    segment_position=shown(at(segment, 2)),
                    loop=shown(at(segment, 3)),
                    scheme=self.form.of_segment,
                    code=code,
                )
            )

    def _element(self, segment: list[str], position: int) -> None:
        answer = self._open(position)
        if not answer.segments:
            raise self.reader.stop(
                f"an {self.form.element} stands before any {self.form.segment}: it says of no segment",
                position,
            )
        self._elements += 1
        of = answer.errors[-1]
        separator = self.reader.document.interchange.delimiters.component
        element, *components = at(segment, 1).split(separator) if separator else [at(segment, 1)]
        answer.errors.append(
            Noted(
                path=f"{of.segment_place}/{self.form.element}[{self._elements}]",
                position=position,
                segment=of.segment,
                segment_position=of.segment_position,
                loop=of.loop,
                scheme=self.form.of_element,
                of_element=True,
                code=shown(at(segment, 3))[:_LONGEST_CODE],
                element=shown(element),
                component=shown(components[0]) if components else "",
                repetition=shown(components[1]) if len(components) > 1 else "",
                element_number=shown(at(segment, 2)),
                value=shown(at(segment, 4)),
            )
        )

    def _context(self, segment: list[str], position: int) -> None:
        """CTX: where else an error belongs. One that stands before any error says nothing that is missed."""
        answer = self._open(position)
        if not answer.errors:
            return
        delimiters = self.reader.document.interchange.delimiters
        said = at(segment, 1)
        first = said.split(delimiters.repetition)[0] if delimiters.repetition else said
        name, _, value = first.partition(delimiters.component or "\0")
        words = f"{shown(name)} {shown(value)}".strip()
        if other := shown(at(segment, 2)):
            words += f": {other} at segment {shown(at(segment, 3)) or '?'}"
            place = [part for part in at(segment, 5).split(delimiters.component or "\0") if part]
            for what, number in zip(("element", "component", "repetition"), place, strict=False):
                words += f", {what} {shown(number)}"
        if words:
            answer.errors[-1].context.append(words[:_LONGEST_VALUE])

    def _set_verdict(self, segment: list[str], position: int) -> None:
        answer = self._open(position)
        answer.verdict = shown(at(segment, 1))
        if not answer.verdict:
            raise self.reader.stop(
                f"{self.form.verdict}01 is empty: nothing says whether set {answer.number} was accepted",
                position,
                1,
            )
        answer.row = self.reader.meaning("x12-717", answer.verdict, position, 1)
        answer.verdict_position = position
        answer.notes = _codes(segment, 2, 6)

    def _group_verdict(self, segment: list[str], position: int) -> None:
        self._inside(position)
        self._answered(position)
        self.verdict_position = position
        self.verdict = shown(at(segment, 1))
        if not self.verdict:
            raise self.reader.stop("AK901 is empty: nothing says whether the group was accepted", position, 1)
        self.row = self.reader.meaning("x12-715", self.verdict, position, 1)
        self.included_sets = self._count(segment, 2)
        self.received_sets = self._count(segment, 3)
        self.accepted_sets = self._count(segment, 4)
        self.notes = _codes(segment, 5, 9)

    # ── order ────────────────────────────────────────────────────────────────────────────────────────────

    def _inside(self, position: int) -> None:
        if not self.position:
            raise self.reader.stop("the AK1 is missing: nothing says which group is answered", position)
        if self.verdict_position:
            raise self.reader.stop("a segment follows the AK9, which is the last word on the group", position)

    def _open(self, position: int) -> SetAnswer:
        self._inside(position)
        if not self.sets or self.sets[-1].verdict:
            raise self.reader.stop("it stands outside of any AK2: it says of no transaction set", position)
        return self.sets[-1]

    def _answered(self, position: int) -> None:
        if self.sets and not self.sets[-1].verdict:
            raise self.reader.stop(
                f"set {self.sets[-1].number} has no {self.form.verdict}: nothing says whether it was accepted",
                position,
            )

    def _number(self, segment: list[str], position: int, element: int, empty: str) -> str:
        number = at(segment, element)
        if not number:
            raise self.reader.stop(empty, position, element)
        if len(number) > 9 or not number.isprintable():
            raise self.reader.stop(f"{number[:40]!r} is no control number", position, element)
        return number

    def _count(self, segment: list[str], element: int) -> int | None:
        text = at(segment, element)
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return int(text)
        self.findings.append(f"AK90{element} {shown(text)[:40]!r} is no count")
        return None

    def _close(self) -> None:
        if not self.position:
            raise self.reader.stop("the AK1 is missing: nothing says which group is answered", 1)
        if not self.verdict_position:
            raise self.reader.stop(
                "the AK9 is missing: nothing says whether the group was accepted", len(self.reader.segments)
            )
        self._check_counts()

    # ── do the verdicts and the counts agree? ────────────────────────────────────────────────────────────

    def _check_counts(self) -> None:
        named = len(self.sets)
        rejected = sum(answer.rejected for answer in self.sets)
        included, received, accepted = self.included_sets, self.received_sets, self.accepted_sets
        twice = Counter((answer.set_id, answer.number) for answer in self.sets)
        for (set_id, number), times in twice.items():
            if times > 1:
                self.findings.append(f"{set_id} {number} is answered {times} times")
        if included is None or received is None or accepted is None:
            return
        if included != received:
            self.findings.append(f"sets announced: {included}, received: {received}")
        if accepted > received:
            self.findings.append(f"sets received: {received}, accepted: {accepted}")
        if named > max(included, received):
            self.findings.append(f"sets in the group: {max(included, received)}, answered: {named}")
        elif self.partial and named < max(included, received):
            self.findings.append(f"sets in the group: {max(included, received)}, named: {named}")
        by_count = max(received - accepted, 0)
        if self.rejected:
            if accepted:
                self.findings.append(f"the group is rejected, and sets counted as accepted: {accepted}")
        elif by_count != rejected:
            self.findings.append(
                f"sets rejected by the counts: {by_count}, by their {self.form.verdict}: {rejected}"
            )
            self.unnamed = max(by_count - rejected, 0)
        elif self.accepted and rejected:
            self.findings.append(
                f"the group is accepted, and sets rejected by their {self.form.verdict}: {rejected}"
            )

    @property
    def accepted(self) -> bool:
        """Whether the group was taken in whole."""
        return self.row is not None and self.row.exception in _TAKEN_IN

    @property
    def partial(self) -> bool:
        return self.row is not None and self.row.exception == "EDI.TRANSACTION_REJECTED"

    @property
    def rejected(self) -> bool:
        return self.row is not None and self.row.exception == "EDI.GROUP_REJECTED"


def in_words(element: str, code: str) -> str:
    """Our words for a code that explains a verdict (``"x12-723"``, ``"7"``), or the bare code."""
    row = crosswalks.lookup(element, code)
    return f"error {code}" if row is None else row.text


def source_codes(answer: SetAnswer | Answer, element: str, of_set: str) -> list[SourceCode]:
    """The verdict, then every distinct code that explains it, in the partner's words beside ours."""
    told = [codes.source_code(element, answer.verdict[:128], answer.row)]
    if isinstance(answer, SetAnswer):
        explained = [(of_set, code) for code in answer.notes]
        explained += [(error.scheme, error.code) for error in answer.errors if error.code]
    else:
        explained = [("x12-716", code) for code in answer.notes]
    for scheme, code in dict.fromkeys(explained):
        told.append(codes.source_code(scheme, code, crosswalks.lookup(scheme, code)))
    return told[:200]


def table(errors: list[Noted]) -> dict[str, Any]:
    """Errors as columns, for machines: row ``i`` of each column is error ``i``; null is what was not said."""
    columns = ("path", "position", "segment", "segment_position", "loop", "element", "component", "repetition",
               "element_number", "code", "value")  # fmt: skip
    found: dict[str, Any] = {
        column: [getattr(error, column) or None for error in errors] for column in columns
    }
    if any(error.context for error in errors):
        found["context"] = ["; ".join(error.context) or None for error in errors]
    return found


def _codes(segment: list[str], first: int, last: int) -> tuple[str, ...]:
    found = (shown(at(segment, element))[:_LONGEST_CODE] for element in range(first, last + 1))
    return tuple(dict.fromkeys(code for code in found if code))


def shown(text: str) -> str:
    """A partner's text as it may be stored and shown: no control characters, not endless."""
    return text[:_LONGEST_VALUE].translate(_VISIBLE)
