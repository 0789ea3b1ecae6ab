"""Puts segments together to sets, groups and interchanges, and checks what their envelopes say.

The reader cuts; this keeps the state of the envelopes, counts, compares control numbers, and gives out the items.
Source: X12.5 (ISA, IEA, GS, GE, TA1), X12.6 (ST, SE).
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from crossdock.formats.x12.control_numbers import ControlNumbers
from crossdock.formats.x12.findings import Code, Finding, finding
from crossdock.formats.x12.items import (
    Acknowledgement,
    Coverage,
    Group,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    Item,
    Limits,
    Segment,
    Segments,
    TransactionSet,
)
from crossdock.formats.x12.regions import Region
from crossdock.formats.x12.security import covered

_SERVICE = frozenset(("ISB", "ISE", "TA3"))
NO_FINDINGS: tuple[Finding, ...] = ()


class OpenSet:
    """A transaction set whose SE has not come yet."""

    __slots__ = (
        "ascii", "binary", "dropped", "findings", "joint", "layout", "offset", "ordinal", "segments", "st",
        "texts",
    )  # fmt: skip

    def __init__(self, st: Segment, offset: int, ordinal: int, ascii_only: bool) -> None:
        self.st = st
        self.offset = offset
        self.ordinal = ordinal
        self.segments: list[Segment] = []
        self.layout: list[tuple[int, int, int | Sequence[int]]] = []
        self.findings: list[Finding] = []
        self.ascii = ascii_only
        self.binary = False
        self.dropped = 0  # how many segments were let go; 0 for a set that is kept
        self.texts: list[str] = []  # the text of its segments, as far as all of it is regular
        self.joint: str | None = None  # what is between them; empty once something else is

    def more(self, region: Region, begin: int, end: int) -> None:
        """Keep the text of more of its segments, which stand in this region."""
        if self.joint is None:
            self.joint = region.joint
        if self.joint != region.joint or region.starts is not None:
            self.joint = ""
        if self.joint and end > begin:
            whole = begin == 0 and end == len(region.raws)
            raws = region.raws[begin:end]
            self.texts.append(region.text[: -len(self.joint)] if whole else self.joint.join(raws))

    def read(self, segments: list[Segment]) -> list[Segment]:
        """Its segments, which these are, with their text where that is plain."""
        if not self.joint or not self.ascii or self.binary or self.dropped:
            return segments
        return Segments(segments, self.joint.join(self.texts), self.joint)


OTHER_FORMATS: Final = {
    "UNA": "EDIFACT", "UNB": "EDIFACT", "<": "XML or HTML", "{": "JSON", "[": "JSON", "%PDF": "a PDF",
    "PK\x03\x04": "a ZIP archive",
}  # fmt: skip
"""What another format is, by its first bytes."""


def _as_what(loose: "Loose") -> str:
    """``, as a PDF does``: what another format is, as far as its first bytes tell."""
    head = loose.head.lstrip()
    known = (name for first, name in OTHER_FORMATS.items() if head.startswith(first))
    return f", as {name} does" if loose.code is Code.NOT_X12 and (name := next(known, "")) else ""


class Loose:
    """Bytes outside of any set that are gathered into one finding."""

    __slots__ = ("blank", "code", "count", "head", "length", "notes", "offset", "ordinal", "segment_id")

    def __init__(self, code: Code, offset: int, ordinal: int | None = None, segment_id: str = "") -> None:
        self.code = code
        self.offset = offset
        self.length = 0
        self.ordinal = ordinal
        self.segment_id = segment_id
        self.count = 0
        self.blank = True
        self.head = ""
        self.notes: list[Finding] = []  # what is to be said of single segments among them


class Assembler:
    """The envelopes that are open, and the items that are ready (``out``), in the order of the file.

    ``ordinal`` counts the segments so far. ``loose`` are bytes outside of any set that may still grow.
    """

    def __init__(self, limits: Limits, coverage: Coverage) -> None:
        self.limits = limits
        self.coverage = coverage
        self.out: list[Item] = []
        self.loose: Loose | None = None
        self.ordinal = 0
        self.interchanges = ControlNumbers(limits.control_numbers)
        # of the interchange that is open
        self.interchange: Interchange | None = None
        self.group: Group | None = None
        self.set: OpenSet | None = None
        self.sets = ControlNumbers(limits.control_numbers)
        self.set_count = 0
        self._groups = ControlNumbers(limits.control_numbers)
        self._group_count = 0
        self._element = ""
        self._unchecked_told = False

    def enter(self, interchange: Interchange, element: str) -> None:
        """An interchange begins; ``element`` is its element separator as it stands in the text."""
        self.say(interchange)
        self.interchange = interchange
        self.group = self.set = None
        self._group_count = 0
        self._groups = ControlNumbers(self.limits.control_numbers)
        self._element = element
        self._unchecked_told = False

    def say(self, item: Item) -> None:
        """Put an item out, behind what was gathered before it, and account for its bytes."""
        if isinstance(item, Finding) and not item.covers:
            if self.loose is not None and len(self.loose.notes) < self.limits.findings_per_set:
                self.loose.notes.append(item)
                return
            self.flush()
            self.out.append(item)
            return
        self.flush()
        self.coverage.bytes_accounted += item.length
        self.out.append(item)

    def flush(self) -> None:
        loose, self.loose = self.loose, None
        if loose is None:
            return
        detail = ""
        if loose.count > 1:
            detail = f"There are {loose.count} of them, the first is {loose.segment_id!r}."
        elif loose.count == 1:
            detail = f"It is {loose.segment_id!r}."
        elif loose.head.strip() and not loose.blank:
            detail = f"It begins {loose.head[:40]!r}{_as_what(loose)}."
        self.say(
            finding(
                loose.code,
                detail,
                offset=loose.offset,
                length=loose.length,
                segment=loose.ordinal,
                segment_id=loose.segment_id,
                covers=True,
            )
        )
        self.out += loose.notes

    # -- the segments of a region ---------------------------------------------------------------------------

    def take(self, region: Region) -> None:
        """Go through a region by its control segments, opening and closing envelopes and sets."""
        segments, starts, raws, stride = region.segments, region.starts, region.raws, len(region.joint)
        offset, end, notes, ascii_only = region.offset, region.end, region.notes, region.ascii_only
        first = self.ordinal
        count = len(segments)
        edges = None if starts is None else [*starts, end]
        here = offset
        done = 0  # segments before this index are dealt with
        taken = 0  # notes before this index are given out
        if starts is not None:
            here = starts[0] if starts else end
            if here > offset and self.set is None:
                while taken < len(notes) and notes[taken][0] < 0:
                    taken += 1
                self._uncovered(Code.EMPTY_SEGMENT if taken else Code.BLANK, offset, here)
        if self.set is not None and not ascii_only:
            self.set.ascii = False
        begun = 0  # where in this region the open set begins
        begun_at = here
        for index in region.control:
            if index > done:
                if edges is not None:
                    there = edges[index]
                else:
                    there = here + sum(map(len, raws[done:index])) + (index - done) * stride
                if self.set is None:
                    around = (
                        _edges(raws, stride, here, done, index) if edges is None else edges[done : index + 1]
                    )
                    taken = self._stray(segments, done, first, around, notes, taken)
                here = there
            segment = segments[index]
            identifier = segment[0]
            behind = edges[index + 1] if edges is not None else here + len(raws[index]) + stride
            done = index + 1
            if identifier == "SE" and self.set is not None:
                if notes:
                    taken = self._set_notes(notes, taken, done)
                self.set.layout.append(
                    (done - begun, begun_at, stride if starts is None else starts[begun:done])
                )
                self.ordinal = first + done
                self.set.more(region, begun, done)
                self._close_set(segments[begun:done], segment, behind, here)
            else:
                if self.set is not None:
                    if notes:
                        taken = self._set_notes(notes, taken, index)
                    if index > begun:
                        self.set.layout.append(
                            (index - begun, begun_at, stride if starts is None else starts[begun:index])
                        )
                    self.ordinal = first + index
                    self.set.more(region, begun, index)
                    self._close_set(segments[begun:index], None, here)
                if notes:
                    # what stands before an ST belongs to no set; what concerns the ST itself does
                    taken = self._loose_notes(notes, taken, index if identifier == "ST" else done)
                self.ordinal = first + done
                if identifier == "ST":
                    self.set = OpenSet(segment, here, first + done, ascii_only)
                    begun, begun_at = index, here
                else:
                    self._envelope(segment, here, behind)
            here = behind
        self.ordinal = first + count
        if self.set is not None:
            if notes:
                taken = self._set_notes(notes, taken, count)
            self._keep(region, begun, begun_at)
        elif done < count:
            around = _edges(raws, stride, here, done, count) if edges is None else edges[done:]
            self._stray(segments, done, first, around, notes, taken)
        elif notes:
            self._loose_notes(notes, taken, count)

    def _uncovered(self, code: Code, offset: int, end: int) -> None:
        """Blanks or empty segments at the head of a region, outside of any set."""
        if self.loose is not None:
            self.loose.length += end - offset
        else:
            self.say(finding(code, offset=offset, length=end - offset, covers=True))

    def _loose_notes(self, notes: Sequence[tuple[int, Finding]], taken: int, index: int) -> int:
        while taken < len(notes) and notes[taken][0] < index:
            self.say(notes[taken][1])
            taken += 1
        return taken

    def _set_notes(self, notes: Sequence[tuple[int, Finding]], taken: int, index: int) -> int:
        assert self.set is not None
        while taken < len(notes) and notes[taken][0] < index:
            if not self.set.dropped:
                self.set.findings.append(notes[taken][1])
            taken += 1
        return taken

    def _keep(self, region: Region, begun: int, begun_at: int) -> None:
        """Keep the segments of a set that goes on in the next region, unless it is too large by now."""
        open_set, segments, starts = self.set, region.segments, region.starts
        assert open_set is not None
        if open_set.dropped:
            open_set.dropped += len(segments) - begun
            return
        open_set.segments.extend(segments[begun:])
        open_set.layout.append(
            (len(segments) - begun, begun_at, len(region.joint) if starts is None else starts[begun:])
        )
        open_set.more(region, begun, len(segments))
        if (
            region.end - open_set.offset > self.limits.set_bytes
            or len(open_set.findings) > self.limits.findings_per_set
        ):
            self.drop_set()

    def drop_set(self) -> None:
        """Let go of the segments of a set that is too large; from here on they are only counted."""
        open_set = self.set
        assert open_set is not None
        open_set.dropped += len(open_set.segments) or 1
        open_set.segments = []
        open_set.texts = []
        open_set.layout = []
        open_set.findings = open_set.findings[: self.limits.findings_per_set]

    def _stray(
        self,
        segments: list[Segment],
        begin: int,
        first: int,
        edges: Sequence[int],
        notes: Sequence[tuple[int, Finding]],
        taken: int,
    ) -> int:
        """Segments from index ``begin`` on, outside of any set: one finding for as many of a kind as follow each
        other. ``edges`` are their offsets, and where the last one ends; gives how many notes are given out.
        """
        for number, (here, there) in enumerate(pairwise(edges)):
            index = begin + number
            identifier = segments[index][0]
            code = Code.INTERCHANGE_SERVICE if identifier in _SERVICE else Code.STRAY_SEGMENT
            if self.loose is None or self.loose.code is not code:
                self.flush()
                self.loose = Loose(code, here, first + index + 1, identifier[:20])
            self.loose.count += 1
            self.loose.length += there - here
            self.ordinal = first + index + 1
            if taken < len(notes):
                taken = self._loose_notes(notes, taken, index + 1)
        return taken

    # -- envelopes ------------------------------------------------------------------------------------------

    def _envelope(self, segment: Segment, offset: int, end: int) -> None:
        match segment[0]:
            case "GS":
                self._open_group(segment, offset, end)
            case "GE":
                if self.group is None:
                    self._alone(Code.GE_WITHOUT_GS, "GE", offset, end)
                else:
                    self._close_group(segment, offset, end)
            case "IEA":
                self.close_interchange(segment, offset, end)
            case "TA1" if self.group is None:
                self._acknowledged(segment, offset, end)
            case "SE":
                self._alone(Code.SE_WITHOUT_ST, "SE", offset, end)
            case _:
                self._alone(Code.STRAY_SEGMENT, segment[0], offset, end)

    def _alone(self, code: Code, segment_id: str, offset: int, end: int) -> None:
        self.say(
            finding(
                code,
                offset=offset,
                length=end - offset,
                segment=self.ordinal,
                segment_id=segment_id,
                covers=True,
            )
        )

    def _about(self, code: Code, segment_id: str, offset: int, end: int, detail: str = "") -> Finding:
        ordinal = self.ordinal if end > offset else None
        return finding(
            code, detail, offset=offset, length=end - offset, segment=ordinal, segment_id=segment_id
        )

    def _acknowledged(self, segment: Segment, offset: int, end: int) -> None:
        assert self.interchange is not None
        words = [*map(_decoded, segment), "", "", "", "", ""]
        self.say(
            Acknowledgement(
                interchange=self.interchange,
                control_number=words[1],
                date=words[2],
                time=words[3],
                status=words[4],
                note=words[5],
                segment=words[: len(segment)],
                ordinal=self.ordinal,
                offset=offset,
                length=end - offset,
            )
        )

    def _open_group(self, segment: Segment, offset: int, end: int) -> None:
        assert self.interchange is not None
        if self.group is not None:
            self._close_group(None, offset, offset)
        words = covered(list(map(_decoded, segment)))
        words += [""] * (9 - len(words))
        found: list[Finding] = []
        if not (words[1].isalnum() and len(words[1]) == 2):
            found.append(self._about(Code.GS_FUNCTIONAL_ID, "GS", offset, end, f"GS01 is {words[1]!r}."))
        if not (words[6].isdecimal() and len(words[6]) <= 9):
            found.append(self._about(Code.GS_CONTROL_NUMBER, "GS", offset, end, f"GS06 is {words[6]!r}."))
        if not words[8][:6].isdecimal() or len(words[8]) < 6:
            found.append(self._about(Code.GS_VERSION, "GS", offset, end, f"GS08 is {words[8]!r}."))
        fresh = self._groups.add(words[6])
        if fresh is False:
            found.append(self._about(Code.GS_DUPLICATE, "GS", offset, end, f"GS06 is {words[6]!r}."))
        elif fresh is None:
            found.append(self._about(Code.UNIQUENESS_UNCHECKED, "GS", offset, end))
        self._group_count += 1
        self.set_count = 0
        self.sets = ControlNumbers(self.limits.control_numbers)
        self.group = Group(
            interchange=self.interchange,
            functional_id=words[1],
            sender=words[2].strip(),
            receiver=words[3].strip(),
            date=words[4],
            time=words[5],
            control_number=words[6],
            agency=words[7],
            version=words[8],
            segment=words[: len(segment)],
            ordinal=self.ordinal,
            offset=offset,
            length=end - offset,
            findings=tuple(found),
        )
        self.say(self.group)

    def _close_group(self, segment: Segment | None, offset: int, end: int) -> None:
        group = self.group
        assert group is not None
        found: list[Finding] = []
        declared = control_number = ""
        if segment is None:
            found.append(
                self._about(Code.GE_MISSING, "GE", offset, end, f"Its GS06 is {group.control_number!r}.")
            )
        else:
            declared, control_number = [*map(_decoded, segment), "", ""][1:3]
            if _number(declared) != self.set_count:
                detail = f"GE01 is {declared!r}, there are {self.set_count}."
                found.append(self._about(Code.GE_COUNT, "GE", offset, end, detail))
            if control_number != group.control_number:
                detail = f"GE02 is {control_number!r}, GS06 is {group.control_number!r}."
                found.append(self._about(Code.GE_CONTROL_NUMBER, "GE", offset, end, detail))
        self.say(
            GroupEnd(
                group=group,
                declared=declared,
                received=self.set_count,
                control_number=control_number,
                findings=tuple(found),
                ordinal=self.ordinal if segment is not None else None,
                offset=offset,
                length=end - offset,
            )
        )
        self.group = None

    def close_interchange(self, segment: Segment | None, offset: int, end: int) -> None:
        """End the interchange; ``None`` for the IEA: it never came."""
        interchange = self.interchange
        assert interchange is not None
        if self.set is not None:
            self._close_set([], None, offset)
        found: list[Finding] = []
        if self.group is not None:
            found.append(self._about(Code.GROUP_UNCLOSED, segment[0] if segment else "", offset, end))
            self._close_group(None, offset, offset)
        declared = control_number = ""
        if segment is None:
            detail = f"Its ISA13 is {interchange.control_number!r}."
            found.append(self._about(Code.IEA_MISSING, "IEA", offset, end, detail))
        else:
            declared, control_number = [*map(_decoded, segment), "", ""][1:3]
            if _number(declared) != self._group_count:
                detail = f"IEA01 is {declared!r}, there are {self._group_count}."
                found.append(self._about(Code.IEA_COUNT, "IEA", offset, end, detail))
            if control_number.strip() != interchange.control_number:
                detail = f"IEA02 is {control_number!r}, ISA13 is {interchange.control_number!r}."
                found.append(self._about(Code.IEA_CONTROL_NUMBER, "IEA", offset, end, detail))
        self.say(
            InterchangeEnd(
                interchange=interchange,
                declared=declared,
                received=self._group_count,
                control_number=control_number,
                findings=tuple(found),
                ordinal=self.ordinal if segment is not None else None,
                offset=offset,
                length=end - offset,
            )
        )
        self.interchange = None

    def _close_set(self, tail: list[Segment], se: Segment | None, end: int, se_offset: int = 0) -> None:
        """End the open set with its last segments; ``se`` is ``None`` when it never came."""
        open_set, self.set = self.set, None
        assert open_set is not None and self.interchange is not None
        segments = open_set.segments + tail if open_set.segments else tail
        st = covered(open_set.st)
        found = open_set.findings
        total = len(segments)
        layout = tuple(open_set.layout)
        if open_set.dropped:
            total = open_set.dropped + len(tail)
            segments, layout = [open_set.st], ((1, open_set.offset, 0),)
            length = end - open_set.offset
            found.append(
                finding(
                    Code.SET_TOO_LARGE,
                    f"It has {length} bytes.",
                    offset=open_set.offset,
                    length=length,
                    segment=open_set.ordinal,
                    segment_id="ST",
                )
            )
        set_id = st[1] if len(st) > 1 else ""
        number = st[2] if len(st) > 2 else ""
        here = self.ordinal
        if len(set_id) != 3 or not set_id.isdecimal():
            self._of_set(open_set, Code.ST_IDENTIFIER, f"ST01 is {set_id!r}.")
        if not 4 <= len(number) <= 9 or not number.isalnum():
            self._of_set(open_set, Code.ST_CONTROL_NUMBER, f"ST02 is {number!r}.")
        fresh = True if self.group is None else self.sets.add(number)
        if fresh is not True:
            if fresh is False:
                self._of_set(open_set, Code.ST_DUPLICATE, f"ST02 is {number!r}.")
            elif not self._unchecked_told:
                self._unchecked_told = True
                self._of_set(open_set, Code.UNIQUENESS_UNCHECKED)
        if self.group is None:
            self._of_set(open_set, Code.ST_OUTSIDE_GROUP)
        if se is None:
            found.append(
                finding(
                    Code.SE_MISSING, f"Its ST02 is {number!r}.", offset=end, segment=here, segment_id="SE"
                )
            )
        else:
            declared = se[1] if len(se) > 1 else ""
            closing = se[2] if len(se) > 2 else ""
            if declared != str(total) and _number(declared) != total:
                detail = f"SE01 is {declared!r}, there are {total}."
                found.append(self._of_trailer(Code.SE_COUNT, detail, se, se_offset))
            if closing != number:
                detail = f"SE02 is {closing!r}, ST02 is {number!r}."
                found.append(self._of_trailer(Code.SE_CONTROL_NUMBER, detail, se, se_offset))
        self.set_count += 1
        encoding, first_odd = "ascii", -1
        if not open_set.ascii:
            encoding, first_odd = _decode(segments)
            st = covered(segments[0])
            set_id, number = _element(st, 1), _element(st, 2)
        if self.loose is not None:
            self.flush()
        length = end - open_set.offset
        self.coverage.bytes_accounted += length
        item = TransactionSet(
            interchange=self.interchange,
            group=self.group,
            set_id=set_id,
            control_number=number,
            segments=open_set.read(segments),
            first_ordinal=open_set.ordinal,
            offset=open_set.offset,
            length=length,
            complete=se is not None,
            encoding=encoding,
            findings=tuple(found) if found else NO_FINDINGS,
            layout=layout,
        )
        if first_odd >= 0 and not open_set.binary:
            offset, size = item.span_of(first_odd + 1)
            odd = finding(
                Code.NOT_UTF8,
                offset=offset,
                length=size,
                segment=open_set.ordinal + first_odd,
                segment_id=segments[first_odd][0],
            )
            item = item._replace(findings=(*item.findings, odd))
        self.out.append(item)

    def _of_set(self, open_set: OpenSet, code: Code, detail: str = "") -> None:
        open_set.findings.append(
            finding(
                code,
                detail,
                offset=open_set.offset,
                length=len(self._element.join(open_set.st)),
                segment=open_set.ordinal,
                segment_id="ST",
            )
        )

    def _of_trailer(self, code: Code, detail: str, se: Segment, offset: int) -> Finding:
        length = len(self._element.join(se))
        return finding(code, detail, offset=offset, length=length, segment=self.ordinal, segment_id="SE")


def _decode(segments: list[Segment]) -> tuple[str, int]:
    """Decode the text of a set as UTF-8 where all of it is that, else leave it Latin-1.

    Gives the encoding, and the index of the first segment that is not UTF-8, or -1.
    """
    decoded: list[tuple[int, Segment]] = []
    for index, segment in enumerate(segments):
        if "".join(segment).isascii():
            continue
        try:
            decoded.append((index, [e.encode("latin-1").decode("utf-8") for e in segment]))
        except UnicodeDecodeError:
            return "latin-1", index
    for index, segment in decoded:
        segments[index] = segment
    return ("utf-8" if decoded else "ascii"), -1


def _edges(raws: Sequence[str], stride: int, offset: int, begin: int, stop: int) -> list[int]:
    """The offsets of segments ``begin`` to ``stop``, the first of which is at ``offset``."""
    return list(accumulate((len(raw) + stride for raw in raws[begin:stop]), initial=offset))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 15 else None


def _element(segment: Segment, position: int) -> str:
    return segment[position] if position < len(segment) else ""


def _decoded(text: str) -> str:
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text
