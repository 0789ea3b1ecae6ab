"""Cuts a region, a stretch of text in which one set of delimiters holds, into segments.

A region that is regular (the same line ends throughout, no blanks between segments, no empty segments, no NUL) is
cut by two splits; any other is walked segment by segment, noting what is unusual and where. Both give the same
segments. Texts are bytes decoded as Latin-1: one character is one byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crossdock.formats.x12.findings import Code, Finding, finding
from crossdock.formats.x12.items import Segment

BLANKS = " \t\r\n"
CONTROL = frozenset(("ST", "SE", "GS", "GE", "IEA", "TA1"))
_LOOKED_FOR = CONTROL | {""}

Notes = list[tuple[int, Finding]]
"""Findings with the index of the segment that they are about; -1 is what stands before the first."""


@dataclass(slots=True, kw_only=True)
class Region:
    """The segments of a stretch of the input from ``offset`` to ``end``.

    ``starts`` are the segments' offsets; without it they follow from ``raws``, the segments uncut, and ``joint``,
    what stands behind each of them in the ``text``. ``control`` are the indexes of the segments that make envelopes.
    """

    offset: int
    end: int
    segments: list[Segment]
    control: list[int]
    ascii_only: bool
    starts: list[int] | None = None
    text: str = ""
    raws: Sequence[str] = ()
    joint: str = ""
    notes: Sequence[tuple[int, Finding]] = ()


class Cutter:
    """Cuts the regions of one interchange by its delimiters.

    ``joint`` is the terminator with the line break that followed it behind the ISA. ``spaces_told``: spaces
    between segments are told once for each interchange.
    """

    def __init__(self, *, element: str, terminator: str, suffix: str) -> None:
        self.element = element
        self.terminator = terminator
        self.blanks = "".join(c for c in BLANKS if c not in (element, terminator))
        self.breaks = "".join(c for c in "\r\n" if c not in (element, terminator))
        self.joint = terminator + "".join(c for c in suffix if c in self.breaks)
        self.spaces_told = False

    def cuts_like(self, other: "Cutter") -> bool:
        """Whether the other cuts a text alike: what was found out for it holds for this one too."""
        return (self.element, self.joint) == (
            other.element,
            other.joint,
        ) and self.terminator == other.terminator

    def cut(self, part: str, offset: int, ordinal: int) -> Region:
        """Cut a text that begins at ``offset``, with a segment, after ``ordinal`` segments of the file."""
        if self._is_regular(part):
            raws = part.split(self.joint)
            raws.pop()
            segments = [raw.split(self.element) for raw in raws]
            control = [i for i, segment in enumerate(segments) if segment[0] in _LOOKED_FOR]
            if all([segments[i][0] for i in control]):
                return Region(
                    offset=offset,
                    end=offset + len(part),
                    segments=segments,
                    control=control,
                    ascii_only=part.isascii(),
                    text=part,
                    raws=raws,
                    joint=self.joint,
                )
        return self._careful(part, offset, ordinal)

    def _is_regular(self, part: str) -> bool:
        """Whether every segment ends alike and nothing needs a look of its own."""
        joint = self.joint
        if joint + " " in part or joint + "\t" in part:
            return False
        return self.has_regular_ends(part)

    def has_regular_ends(self, part: str) -> bool:
        """Whether every segment ends alike, and no line break and no NUL stands inside of one."""
        joint = self.joint
        if not part.endswith(joint):
            return False
        count = 0
        if len(joint) > len(self.terminator):
            count = part.count(joint)
            if part.count(self.terminator) != count:
                return False
        for line_break in self.breaks:
            if line_break in joint:
                if part.count(line_break) != count:
                    return False
            elif line_break in part:
                return False
        return "\0" not in part

    def _careful(self, part: str, offset: int, ordinal: int) -> Region:
        """Cut a region segment by segment, noting all that is unusual and where."""
        raws = part.split(self.terminator)
        width = len(self.terminator)
        segments: list[Segment] = []
        starts: list[int] = []
        notes: Notes = []
        at = offset
        last = len(raws) - 1
        run = -1  # where terminators that follow each other begin
        for number, raw in enumerate(raws):
            body = raw.lstrip(self.blanks)
            lead = len(raw) - len(body)
            start = at + lead
            ended = at  # behind the terminator before this segment
            at += len(raw) + width
            if number and not self.spaces_told and raw[:lead].strip("\r\n"):
                self.spaces_told = True
                place = len(segments) - 1
                one = finding(
                    Code.SPACE_BETWEEN_SEGMENTS,
                    offset=start - lead,
                    length=lead,
                    segment=ordinal + len(segments) or None,
                )
                notes.append((place, one))
            if not body:
                if run < 0 and number < last and self.terminator not in "\r\n":
                    run = start
                continue
            if run >= 0:
                self._note_empty(notes, ordinal, len(segments) - 1, run, ended)
                run = -1
            segment = body.split(self.element)
            starts.append(start)
            if number == last:
                body = body.rstrip(BLANKS)
                segment = body.split(self.element)
                detail = f"It begins {body[:20]!r}."
                self._note(
                    notes,
                    ordinal,
                    len(segments),
                    segment,
                    Code.UNTERMINATED_SEGMENT,
                    start,
                    len(body),
                    detail,
                )
            line = first_of(body, self.breaks, 0, len(body))
            if line >= 0:
                self._note(
                    notes, ordinal, len(segments), segment, Code.LINE_BREAK_IN_SEGMENT, start + line, 1
                )
            nul = body.find("\0")
            if nul >= 0:
                self._note(notes, ordinal, len(segments), segment, Code.NUL_CHARACTER, start + nul, 1)
            if not segment[0]:
                self._note(notes, ordinal, len(segments), segment, Code.SEGMENT_WITHOUT_ID, start, len(body))
            segments.append(segment)
        if run >= 0:
            self._note_empty(notes, ordinal, len(segments) - 1, run, ended)
        controls = [i for i, segment in enumerate(segments) if segment[0] in CONTROL]
        return Region(
            offset=offset,
            end=offset + len(part),
            segments=segments,
            control=controls,
            ascii_only=part.isascii(),
            starts=starts,
            notes=notes,
        )

    def _note(
        self,
        notes: Notes,
        ordinal: int,
        place: int,
        segment: Segment,
        code: Code,
        offset: int,
        length: int,
        detail: str = "",
    ) -> None:
        """Note something about the segment with this index, the ``ordinal`` before the first being given."""
        one = finding(
            code,
            detail,
            offset=offset,
            length=length,
            segment=ordinal + place + 1,
            segment_id=segment[0][:3],
        )
        notes.append((place, one))

    def _note_empty(self, notes: Notes, ordinal: int, place: int, begin: int, end: int) -> None:
        """Note a run of empty segments behind the segment at ``place``."""
        before = ordinal + place + 1 or None
        one = finding(Code.EMPTY_SEGMENT, offset=begin, length=end - begin, segment=before)
        notes.append((place, one))


def first_of(text: str, characters: str, begin: int, end: int) -> int:
    """Where the first of these characters stands, or -1."""
    places = [at for at in (text.find(c, begin, end) for c in characters) if at >= 0]
    return min(places, default=-1)
