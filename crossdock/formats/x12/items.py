"""What the reader yields, in the order of the file.

    Interchange
      Acknowledgement*                 TA1 between ISA and GS
      Group
        TransactionSet*
      GroupEnd
    InterchangeEnd
    Finding                            bytes that belong to no segment, wherever they are

Each item has ``offset`` and ``length``: the bytes of its segments with their terminators and the blanks behind
them. The spans of all items, in order, cover the input exactly once. A missing trailer gives its ``...End`` all
the same, with length 0 and a finding that says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crossdock.formats.x12.findings import Finding, Severity

Segment = list[str]
"""One segment: its identifier, then its elements; ``segment[3]`` is element 03. Component separators and
repetitions are left as they came."""


class Segments(list[Segment]):
    """The segments of a set, as a list, with the text that they were cut from: plain ASCII, ``joint`` (terminator and
    line break) between each two and nowhere else. Whoever looks at all of them at once looks at the text: it lies in
    one piece of memory, and they in many thousand.

    They are as they were read. Who changes a segment makes a list of his own, which has no text.
    """

    __slots__ = ("joint", "text")

    def __init__(self, segments: Iterable[Segment], text: str, joint: str) -> None:
        super().__init__(segments)
        self.text = text
        self.joint = joint


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the reader holds in memory, in bytes unless the name says otherwise. Beyond it, a thing is
    skipped with a finding and its bytes are still accounted for."""

    block_bytes: int = 131_072
    segment_bytes: int = 1_048_576
    set_bytes: int = 33_554_432
    findings_per_set: int = 1_000
    control_numbers: int = 100_000


@dataclass(slots=True)
class Coverage:
    """What was read so far: at the end ``bytes_accounted == bytes``, always. Filled while ``read`` runs."""

    bytes: int = 0
    bytes_accounted: int = 0
    segments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimiters:
    """The delimiters that an ISA announced. ``repetition`` is empty before release 00402, ``component`` where
    the ISA has none. ``suffix`` is what follows the ISA's terminator (often a line break). ``encoding`` is the
    delimiters' own: a delimiter may be a character of several bytes."""

    element: str
    component: str
    segment: str
    repetition: str = ""
    suffix: str = ""
    encoding: str = "latin-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interchange:
    """An interchange that was opened by its ISA. Identifiers are stripped of their padding.

    ``ordinal`` is the ISA's number among all segments of the file, from 1. ``elements`` are ISA01 to ISA16 as
    they came.
    """

    sender_qualifier: str
    sender: str
    receiver_qualifier: str
    receiver: str
    date: str
    time: str
    release: str
    control_number: str
    ack_requested: bool
    usage: str
    delimiters: Delimiters
    elements: tuple[str, ...]
    ordinal: int
    offset: int
    length: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A TA1: what a partner says of an interchange of ours. ``status`` is A, E or R; ``note`` is 000 to 031."""

    interchange: Interchange
    control_number: str
    date: str
    time: str
    status: str
    note: str
    segment: Segment
    ordinal: int
    offset: int
    length: int
    findings: tuple[Finding, ...] = ()


TA1 = Acknowledgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A functional group that was opened by its GS. ``version`` is GS08 whole (``004010VICS``)."""

    interchange: Interchange
    functional_id: str
    sender: str
    receiver: str
    date: str
    time: str
    control_number: str
    agency: str
    version: str
    segment: Segment
    ordinal: int
    offset: int
    length: int
    findings: tuple[Finding, ...] = ()


class TransactionSet(NamedTuple):
    """One transaction set, ST to SE inclusive.

    ``first_ordinal`` is the number of the ST among all segments of the file, from 1; ``offset`` and ``length``
    are its bytes in the file. ``complete`` is false when the SE never came. ``encoding`` (``ascii``, ``utf-8``
    or ``latin-1``) is how its text was decoded: encoding it so gives the same bytes. ``findings`` are what the
    envelope and the form of the segments showed; whether the content obeys its guide is another question.
    ``layout`` is for ``offset_of``: runs of segments as (count, offset, distance between them or offsets).

    A named tuple, for one is made for each kilobyte that is read and a frozen dataclass costs four times that.
    """

    interchange: Interchange
    group: Group | None
    set_id: str
    control_number: str
    segments: list[Segment]
    first_ordinal: int
    offset: int
    length: int
    complete: bool
    encoding: str
    findings: tuple[Finding, ...]
    layout: tuple[tuple[int, int, int | Sequence[int]], ...]

    @property
    def version(self) -> str:
        """The six characters of the version that the group announced (``004010``); empty outside a group."""
        return self.group.version[:6] if self.group else ""

    @property
    def valid(self) -> bool:
        """Whether nothing that was found here is an error."""
        return not any(f.severity is Severity.ERROR for f in self.findings)

    def offset_of(self, position: int) -> int:
        """The byte offset in the file of a segment, by its position in the set from 1 (the ST)."""
        if not 1 <= position <= len(self.segments):
            raise IndexError(f"the set has segments 1 to {len(self.segments)}, not {position}")
        index = position - 1
        for count, offset, stride in self.layout:
            if index >= count:
                index -= count
                continue
            if not isinstance(stride, int):
                return stride[index]
            first = position - 1 - index
            return (
                offset
                + sum(self._size(segment) for segment in self.segments[first : first + index])
                + (index * stride)
            )
        raise AssertionError("the layout describes every segment")

    def span_of(self, position: int) -> tuple[int, int]:
        """Byte offset and length of a segment, by position from 1; the length is without its terminator."""
        return self.offset_of(position), self._size(self.segments[position - 1])

    def spans(self) -> list[tuple[int, int]]:
        """Byte offset and length of every segment at once, which is cheaper than asking for each."""
        spans: list[tuple[int, int]] = []
        for count, offset, stride in self.layout:
            for index in range(count):
                size = self._size(self.segments[len(spans)])
                spans.append((offset if isinstance(stride, int) else stride[index], size))
                if isinstance(stride, int):
                    offset += size + stride
        return spans

    def element_span(self, position: int, element: int) -> tuple[int, int]:
        """Byte offset and length of element ``element`` (from 1; 0 is the identifier) of a segment."""
        segment = self.segments[position - 1]
        before = segment[:element]
        text = segment[element] if element < len(segment) else ""
        start = self.offset_of(position) + sum(map(self._bytes, before))
        return start + len(before) * self._separator_bytes(), self._bytes(text)

    def _separator_bytes(self) -> int:
        delimiters = self.interchange.delimiters
        return len(delimiters.element.encode(delimiters.encoding))

    def _bytes(self, text: str) -> int:
        return len(text.encode("utf-8")) if self.encoding == "utf-8" else len(text)

    def _size(self, segment: Segment) -> int:
        return sum(map(self._bytes, segment)) + (len(segment) - 1) * self._separator_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEnd:
    """The end of a functional group: what its GE says, and what was counted.

    ``declared`` is GE01 as it came (empty: no GE); ``received`` is the number of sets that were read.
    """

    group: Group
    declared: str
    received: int
    control_number: str
    findings: tuple[Finding, ...]
    ordinal: int | None
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InterchangeEnd:
    """The end of an interchange: what its IEA says, and what was counted.

    A TA1 answers the findings of ``Interchange`` and of this, and those of level TA1 between the two.
    """

    interchange: Interchange
    declared: str
    received: int
    control_number: str
    findings: tuple[Finding, ...]
    ordinal: int | None
    offset: int
    length: int


Item = Interchange | Acknowledgement | Group | TransactionSet | GroupEnd | InterchangeEnd | Finding


def findings_of(items: Sequence[Item]) -> Iterator[Finding]:
    """Every finding of these items, each once, in the order of the file."""
    seen: set[int] = set()
    for item in items:
        found = (item,) if isinstance(item, Finding) else item.findings
        for one in found:
            if id(one) not in seen:
                seen.add(id(one))
                yield one
