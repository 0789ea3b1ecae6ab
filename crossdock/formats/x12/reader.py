"""Reads X12 from bytes: streaming, exact, and without ever losing a byte in silence.

    bytes ─▶ blocks ─▶ regions (one set of delimiters) ─▶ segments ─▶ sets, groups, interchanges
             reader    reader                regions      assemble

Bytes are held as Latin-1 text while they are cut, so one character is one byte and offsets are exact; the text of
each transaction set is then decoded as UTF-8 where it is that. Where whole sets stand in a regular text, they are
cut one by one without any detour (``_plain_sets``): that is most of all traffic, and twice as fast.

Whatever is wrong is a ``Finding`` (see ``findings.py``); nothing is raised for any bytes. Source: X12.5
(interchange control structures), X12.6 (application control structure).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import itemgetter
from typing import BinaryIO

from crossdock.formats.x12.assemble import NO_FINDINGS, OTHER_FORMATS, Assembler, Loose
from crossdock.formats.x12.findings import Code, Finding, finding
from crossdock.formats.x12.isa import NeedMore, open_interchange, read_isa
from crossdock.formats.x12.items import Coverage, Item, Limits, Segment, Segments, TransactionSet
from crossdock.formats.x12.regions import BLANKS, Cutter, Region, first_of

_IDENTIFIER = re.compile(r"[A-Z][A-Z0-9]{1,2}\Z")
_identifier = itemgetter(0)
_UNUSUAL = frozenset(("ST", "SE", "GS", "GE", "IEA", "TA1", "ISA", "BIN", "BDS"))
_MARKS = ("IEA", "ISA", "BIN", "BDS")
"""Segments before which a region ends: the delimiters may change there, or bytes follow that are no text."""


def read(
    source: bytes | BinaryIO | Iterable[bytes],
    *,
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
    coverage: Coverage | None = None,
) -> Iterator[Item]:
    """The interchanges, groups, transaction sets and findings of an input, in the order of its bytes.

    ``source``: the bytes, a binary file, or chunks of bytes. Memory does not grow with the input when it is a
    file or chunks. ``coverage`` is filled block by block as reading goes on; once the iterator is
    exhausted its ``bytes_accounted`` equals its ``bytes``. Never raises for what the bytes are; errors of
    the source itself (a failing disk) pass through.
    """
    return _Reader(source, limits, Coverage() if coverage is None else coverage).items()


class _Reader:
    def __init__(
        self, source: bytes | BinaryIO | Iterable[bytes], limits: Limits, coverage: Coverage
    ) -> None:
        self._limits = limits
        self._chunks = _chunks(source, limits.block_bytes)
        self._text = ""  # what is held, as Latin-1
        self._pos = 0  # how much of it is consumed
        self._base = 0  # the offset in the input of text[0]
        self._let_go = ""  # the character before text[0]
        self._ended = False
        self._wanted = 1
        self._made = Assembler(limits, coverage)
        self._cutter = Cutter(element="*", terminator="~", suffix="")
        self._st_mark = "ST*"
        self._known_sets: set[str] = set()  # set identifiers, and segment identifiers, found right before
        self._known_segments: set[str] = set()
        self._skipping = False  # inside a segment that is too long
        self._skip = 0  # so many bytes of a binary segment that is too long
        self._not_binary = -1
        # what was looked for in the text that is held, until it changes
        self._usable_end = -1
        self._marks = dict.fromkeys(_MARKS, (-1, -1))  # where the next one is, and up to where there is none
        self._regular: bool | None = None
        self._wait = False  # a set is begun and its end is not held yet

    # -- the drive ------------------------------------------------------------------------------------------

    def items(self) -> Iterator[Item]:
        self._wanted = 4
        self._refill()
        if self._text.startswith("\xef\xbb\xbf"):
            self._made.say(finding(Code.BOM, offset=0, length=3, covers=True))
            self._pos = 3
        while True:
            if self._made.interchange is None:
                moved = self._outside()
            else:
                if self._made.set is None and self._text.startswith(self._st_mark, self._pos):
                    yield from self._plain_sets()
                moved = self._inside()
            self._made.coverage.segments = self._made.ordinal
            if self._made.out:
                yield from self._made.out
                self._made.out.clear()
            if not moved:
                if self._ended:
                    break
                self._refill()
        self._finish()
        self._made.coverage.segments = self._made.ordinal
        yield from self._made.out

    def _refill(self) -> None:
        """Take in the next block (or as much as is wanted), and let go of what is consumed."""
        held = [self._text[self._pos :]]
        have = 0
        while have < self._wanted:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
                break
            have += len(chunk)
            held.append(chunk.decode("latin-1"))
        if self._pos:
            self._let_go = self._text[self._pos - 1]
        self._base += self._pos
        self._pos = 0
        self._text = "".join(held)
        self._made.coverage.bytes += have
        self._wanted = 1
        self._look_again()

    def _look_again(self) -> None:
        """Forget what was found out about the text that is held: it is another now, or means another thing."""
        self._usable_end = -1
        self._marks = dict.fromkeys(_MARKS, (-1, -1))
        self._regular = None

    def _finish(self) -> None:
        end = self._base + len(self._text)
        if self._skip or self._skipping:  # the input ends within a segment that is too long
            self._made.ordinal += 1
            if self._made.set is not None:
                self._made.set.dropped += 1
        if self._made.interchange is not None:
            self._made.close_interchange(None, end, end)
        loose = self._made.loose
        if loose is None and self._made.ordinal == 0:
            loose = self._made.loose = Loose(Code.EMPTY_INPUT, end)
        if loose is not None and loose.code is Code.TEXT_BEFORE_ISA:
            loose.code = Code.NO_INTERCHANGE
            head = loose.head.lstrip()
            if loose.blank:
                loose.code = Code.EMPTY_INPUT
            elif head.startswith(tuple(OTHER_FORMATS)):
                loose.code = Code.NOT_X12
        self._made.flush()

    # -- outside of interchanges ----------------------------------------------------------------------------

    def _outside(self) -> bool:
        """Look for the next ISA; what stands before it is gathered. False: more bytes are needed."""
        text, at = self._text, self._pos
        while True:
            at = text.find("ISA", at)
            if at < 0:
                self._gather(len(text) if self._ended else max(self._pos, len(text) - 3))
                return False
            if (text[at - 1] if at else self._let_go).isalnum():
                at += 1
                continue
            try:
                header = read_isa(text, at, ended=self._ended)
            except NeedMore:
                self._gather(at)
                return False
            if header is not None:
                break
            loose = self._made.loose
            told = loose is not None and loose.code is Code.ISA_UNREADABLE
            if not told and text[at + 3 : at + 4] in ("*", "|", "~", "^", "\x1d", ":", ">"):
                self._gather(at)
                self._flush_before_isa()
                self._made.loose = Loose(Code.ISA_UNREADABLE, self._base + at)
            at += 3
        self._gather(at)
        end = at + header.length
        behind = end
        while text[behind : behind + 1] and text[behind] in BLANKS:
            behind += 1
        if behind == len(text) and not self._ended and behind - end < self._limits.segment_bytes:
            return False
        self._flush_before_isa()
        self._pos = behind
        self._made.ordinal += 1
        suffix = text[end:behind]
        suffix = suffix[: len(suffix) - len(suffix.lstrip("\r\n"))]
        interchange = open_interchange(
            header,
            ordinal=self._made.ordinal,
            offset=self._base + at,
            length=behind - at,
            suffix=suffix,
        )
        owner = f"{interchange.sender_qualifier}/{interchange.sender}"
        extra: Finding | None = None
        fresh = self._made.interchanges.add(interchange.control_number, owner)
        if fresh is not True:
            extra = finding(
                Code.UNIQUENESS_UNCHECKED if fresh is None else Code.ISA_DUPLICATE,
                f"ISA13 is {interchange.control_number!r}.",
                offset=interchange.offset,
                length=header.length,
                segment=self._made.ordinal,
                segment_id="ISA",
            )
        extras = [] if extra is None else [extra]
        spaces = text[end:behind].strip("\r\n") != ""
        if spaces:
            where, size = self._base + end, behind - end
            extras.append(
                finding(Code.SPACE_BETWEEN_SEGMENTS, offset=where, length=size, segment=self._made.ordinal)
            )
        if extras:
            interchange = replace(interchange, findings=(*interchange.findings, *extras))
        self._made.enter(interchange, header.element)
        cutter = Cutter(element=header.element, terminator=header.segment, suffix=suffix)
        cutter.spaces_told = spaces
        if cutter.cuts_like(self._cutter):
            self._marks = dict.fromkeys(_MARKS, (-1, -1))
        else:
            self._st_mark = "ST" + header.element
            self._look_again()
        self._cutter = cutter
        return True

    def _gather(self, to: int) -> None:
        """Count the text up to ``to`` to what belongs to no interchange."""
        if to <= self._pos:
            return
        piece = self._text[self._pos : to]
        if self._made.loose is None:
            code = Code.JUNK_AFTER_IEA if self._made.ordinal else Code.TEXT_BEFORE_ISA
            self._made.loose = Loose(code, self._base + self._pos)
        loose = self._made.loose
        loose.length += len(piece)
        loose.blank = loose.blank and not piece.strip(BLANKS)
        if len(loose.head) < 64:
            loose.head += piece[:64]
        self._pos = to

    def _flush_before_isa(self) -> None:
        loose = self._made.loose
        if loose is not None and loose.blank and loose.code is Code.TEXT_BEFORE_ISA:
            loose.code = Code.BLANK
        self._made.flush()

    # -- the fast way: whole sets in a regular text ---------------------------------------------------------

    def _plain_sets(self) -> Iterator[Item]:
        """Transaction sets that stand whole in the held text and have nothing unusual, one after another.

        Stops before the first of which that is not sure; the general way goes on from there.
        """
        if self._skip or self._skipping or self._made.group is None or not self._regular_here():
            return
        if self._made.loose is not None:
            self._made.flush()
            yield from self._made.out
            self._made.out.clear()
        text, base, joint, element = self._text, self._base, self._cutter.joint, self._cutter.element
        usable, size = self._usable_end, len(joint)
        st_mark, se_mark = self._st_mark, joint + "SE" + element
        se_size = len(se_mark)
        follows = self._cutter.blanks + self._cutter.terminator
        interchange, group, sets, coverage = (
            self._made.interchange,
            self._made.group,
            self._made.sets,
            self._made.coverage,
        )
        assert interchange is not None
        known_sets, known_segments = self._known_sets, self._known_segments
        begin = pos = self._pos
        ordinal, set_count = self._made.ordinal, self._made.set_count
        make = tuple.__new__
        more = True
        while more:
            at = text.find(se_mark, pos, usable)
            at = text.find(joint, at + se_size, usable) if at >= 0 else -1
            if at < 0:
                self._wait = not self._ended and len(text) - pos < self._limits.block_bytes
                break
            behind = at + size
            more = text.startswith(st_mark, behind)
            if not more and behind < len(text) and text[behind] in follows:
                break
            raw = text[pos:at]
            segments = Segments([segment.split(element) for segment in raw.split(joint)], raw, joint)
            inner = segments[1:-1]
            if not known_segments.issuperset(map(_identifier, inner)) and not self._learn(inner):
                break
            st, se = segments[0], segments[-1]
            count = len(segments)
            if len(st) < 3 or len(se) < 3 or se[2] != st[2] or se[1] != str(count) or not raw.isascii():
                break
            set_id, number = st[1], st[2]
            if set_id not in known_sets:
                if len(set_id) != 3 or not set_id.isdecimal():
                    break
                known_sets.add(set_id)
            if not 4 <= len(number) <= 9:
                break
            if (
                len(number) == sets.width
                and number.isdecimal()
                and int(number) == sets.last + 1 < sets.ceiling
            ):
                sets.last += 1
            elif not number.isalnum() or sets.add(number) is not True:
                break
            offset = base + pos
            # a named tuple's own constructor costs twice as much
            yield make(
                TransactionSet,
                (
                    interchange,
                    group,
                    set_id,
                    number,
                    segments,
                    ordinal + 1,
                    offset,
                    behind - pos,
                    True,
                    "ascii",
                    NO_FINDINGS,
                    ((count, offset, size),),
                ),
            )
            ordinal += count
            set_count += 1
            pos = behind
        self._pos, self._made.ordinal, self._made.set_count = pos, ordinal, set_count
        coverage.bytes_accounted += pos - begin

    def _plain_rest(self, end: int) -> bool:
        """Take more of a set that is longer than a block: up to its SE, or to ``end``. False where a segment that is
        more than a part of a set may stand in it."""
        text, pos, joint, element = self._text, self._pos, self._cutter.joint, self._cutter.element
        if text.startswith("SE", pos) or not self._regular_here():
            return False
        at = text.find(joint + "SE" + element, pos, end)
        if at >= 0:
            end = at + len(joint)
        if self._next("BIN", end) < end or self._next("BDS", end) < end:
            return False  # before anything is cut: of thousands of them, each would cut all that follows
        part = text[pos:end]
        raws = part.split(joint)
        raws.pop()
        segments = [raw.split(element) for raw in raws]
        if not self._known_segments.issuperset(map(_identifier, segments)) and not self._learn(segments):
            return False
        self._made.take(
            Region(
                offset=self._base + pos,
                end=self._base + end,
                segments=segments,
                control=[],
                ascii_only=part.isascii(),
                text=part,
                raws=raws,
                joint=joint,
            )
        )
        self._pos = end
        return True

    def _learn(self, segments: list[Segment]) -> bool:
        """Whether these all have plain identifiers; the new ones are then known."""
        new = set(map(_identifier, segments)) - self._known_segments
        if any(one in _UNUSUAL or not _IDENTIFIER.match(one) for one in new):
            return False
        self._known_segments |= new
        return True

    def _regular_here(self) -> bool:
        """Whether the held text has regular line ends and no NUL as far as it can be cut."""
        end = self._usable()
        if self._regular is None:
            self._regular = self._cutter.has_regular_ends(self._text[self._pos : end])
        return self._regular

    def _region(self, stop: int) -> None:
        """Cut what is held up to ``stop`` and take its segments."""
        part = self._text[self._pos : stop]
        self._made.take(self._cutter.cut(part, self._base + self._pos, self._made.ordinal))
        self._pos = stop

    # -- inside an interchange ------------------------------------------------------------------------------

    def _inside(self) -> bool:
        """Read one region: as much as the held text allows without a change of delimiters. False: more bytes
        are needed."""
        text, pos = self._text, self._pos
        if self._wait:
            self._wait = False
            return False
        if self._skip or self._skipping:
            return self._skip_on()
        if text.startswith("ISA", pos):
            try:
                if read_isa(text, pos, ended=self._ended) is not None:
                    self._made.close_interchange(None, self._base + pos, self._base + pos)
                    return True
            except NeedMore:
                return False
        end = self._usable()
        if end <= pos:
            return self._stuck()
        if self._made.set is not None and self._plain_rest(end):
            return True
        if self._made.set is None and self._regular_here():
            following = text.find(self._cutter.joint + self._st_mark, pos, end)
            if following >= 0:
                end = following + len(self._cutter.joint)
        stop = self._before_iea(end)
        stop = self._before_isa(stop)
        if stop <= pos:
            return False
        binary = self._binary(stop)
        if binary == pos:
            return self._read_binary()
        if binary > pos:
            stop = binary
        self._region(stop)
        return True

    def _usable(self) -> int:
        """Up to where the held text can be cut: behind a terminator and its blanks, before something else."""
        if self._usable_end < 0:
            text, terminator = self._text, self._cutter.terminator
            if self._ended:
                self._usable_end = len(text)
            else:
                content = len(text.rstrip(self._cutter.blanks + terminator)) - 1
                cut = text.rfind(terminator, self._pos, content) if content > self._pos else -1
                if cut < 0:
                    self._usable_end = self._pos
                else:
                    cut += len(terminator)
                    while text[cut] in self._cutter.blanks:
                        cut += 1
                    self._usable_end = cut
        return self._usable_end

    def _stuck(self) -> bool:
        """No segment ends in the held text."""
        text, pos = self._text, self._pos
        if self._ended:
            return False
        if (
            text.startswith("IEA" + self._cutter.element, pos)
            and self._cutter.breaks
            and (found := re.search(f"[{self._cutter.breaks}]", text[pos : pos + 200])) is not None
            and len(text) - pos > 200
        ):
            stop = pos + found.start()
            while stop < len(text) and text[stop] in BLANKS:
                stop += 1
            self._region(stop)
            return True
        try:
            stop = self._find_isa(len(text))
        except NeedMore:
            return False
        if stop > pos:
            self._region(stop)
            return True
        if len(text) - pos <= self._limits.segment_bytes:
            return False
        if not text[pos:].strip(
            self._cutter.blanks + self._cutter.terminator
        ):  # nothing but blanks and empty segments
            self._region(len(text))
            return True
        if self._made.set is not None:
            self._made.drop_set()
        self._skipping = True
        return True

    def _skip_on(self) -> bool:
        """Pass over the rest of a segment that is larger than the limit, keeping count of its bytes."""
        text, pos = self._text, self._pos
        if self._skip:
            to = min(len(text), pos + self._skip)
            self._skip -= to - pos
            if self._skip == 0:
                self._skipping = True
        else:
            at = text.find(self._cutter.terminator, pos)
            if at < 0:
                to = len(text) if self._ended else max(pos, len(text) - len(self._cutter.terminator) + 1)
            else:
                to = at + len(self._cutter.terminator)
                while to < len(text) and text[to] in self._cutter.blanks:
                    to += 1
                self._skipping = False
                self._made.ordinal += 1
        if self._made.set is None and to > pos:
            if self._made.loose is None or self._made.loose.code is not Code.SEGMENT_TOO_LARGE:
                self._made.flush()
                self._made.loose = Loose(
                    Code.SEGMENT_TOO_LARGE, self._base + pos, self._made.ordinal + 1, text[pos : pos + 3]
                )
            self._made.loose.length += to - pos
        elif self._made.set is not None and not self._skipping and not self._skip:
            self._made.set.dropped += 1
        self._pos = to
        self._usable_end = -1
        self._regular = None
        return to > pos

    def _before_iea(self, end: int) -> int:
        """Where to stop for the IEA in ``text[pos:end]``: behind it and its blanks; ``end`` when none is there."""
        at = self._next("IEA", end)
        if at >= end:
            return end
        text = self._text
        stop = text.find(self._cutter.terminator, at)
        line = first_of(text, self._cutter.breaks, at, min(len(text), at + 200))
        if stop < 0:
            stop = line if line >= 0 else len(text)
        elif 0 <= line < stop and (stop - at > 60 or text.startswith("ISA", _behind(text, line))):
            stop = line
        else:
            stop += len(self._cutter.terminator)
        return _behind(text, stop)

    def _before_isa(self, end: int) -> int:
        """Where to stop for an ISA that comes although no IEA came before it."""
        try:
            return self._next("ISA", end)
        except NeedMore as undecided:
            # cut before the segment that holds it, and look again when more is held
            at = undecided.args[0]
            cut = self._text.rfind(self._cutter.terminator, self._pos, at)
            if cut < 0:
                return min(end, self._pos)
            return min(end, _behind(self._text, cut + len(self._cutter.terminator), self._cutter.blanks))

    def _next(self, mark: str, end: int) -> int:
        """Where the next of the marks begins; ``end`` when none does before it. The text is looked through once, and
        no further than is asked for: most regions are short."""
        found, clear = self._marks[mark]
        if found < self._pos:
            if clear >= end:
                return end
            begin = max(self._pos, clear)
            match mark:
                case "ISA":
                    found = self._find_isa(end, begin)
                case "IEA":
                    found = self._mark(mark, end, line_start=False, after=begin)
                    while found >= 0 and not self._is_identifier(found + 3):
                        found = self._mark(mark, end, line_start=False, after=found + 1)
                case _:
                    found = self._mark(mark + self._cutter.element, end, line_start=False, after=begin)
            self._marks[mark] = (found, end if found < 0 else found)
        return end if found < 0 else min(found, end)

    def _find_isa(self, end: int, begin: int = -1) -> int:
        """Where the next ISA behind this place, and not before ``begin``, begins that can be read, or -1.

        Raises ``NeedMore`` with the place of one that may be read once it is whole.
        """
        at = max(self._pos, begin - 1)
        while True:
            at = self._mark("ISA", end, line_start=True, after=at + 1)
            if at < 0:
                return -1
            try:
                if read_isa(self._text, at, ended=self._ended) is not None:
                    return at
            except NeedMore:
                raise NeedMore(at) from None

    def _is_identifier(self, end: int) -> bool:
        """Whether an identifier ends here: its elements follow, its terminator, a line break or nothing."""
        text = self._text
        return (
            text.startswith((self._cutter.element, self._cutter.terminator), end)
            or end == len(text)
            or text[end] in self._cutter.breaks
        )

    def _mark(self, mark: str, end: int, *, line_start: bool, after: int | None = None) -> int:
        """Where a segment that begins with ``mark`` begins in the held text, or -1."""
        text, begin = self._text, self._pos
        at = text.find(mark, begin if after is None else after, end)
        while at >= 0:
            back = at
            while back > begin and text[back - 1] in self._cutter.blanks:
                back -= 1
            if back == begin or text.endswith(self._cutter.terminator, begin, back):
                return at
            if line_start and first_of(text, self._cutter.breaks, back, at) >= 0:
                return at
            at = text.find(mark, at + 1, end)
        return -1

    def _binary(self, end: int) -> int:
        """Where the first binary segment of ``text[pos:end]`` begins, or -1."""
        first = -1
        for name in ("BIN", "BDS"):
            at = self._next(name, end)
            while at < end and self._base + at == self._not_binary:
                at = self._mark(name + self._cutter.element, end, line_start=False, after=at + 1)
                at = end if at < 0 else at
            if at < end and (first < 0 or at < first):
                first = at
        return first

    def _read_binary(self) -> bool:
        """Read the binary segment that begins here by its length element. False: more bytes are needed."""
        text, pos, element, terminator = self._text, self._pos, self._cutter.element, self._cutter.terminator
        plain = 2 if text.startswith("BIN", pos) else 3
        head = text[pos : pos + 64].split(element, plain)
        room = len(text) - pos
        if len(head) <= plain:
            if not self._ended and room < 64:
                return False
            return self._no_binary("It has no length.")
        digits = head[plain - 1]
        if not digits.isdecimal() or len(digits) > 15:
            return self._no_binary(f"Its length is {digits!r}.")
        data = sum(map(len, head[:plain])) + plain * len(element)
        length = int(digits)
        size = data + length + len(terminator)
        if room <= size and not self._ended:
            if length > self._limits.set_bytes:
                if self._made.set is not None:
                    self._made.drop_set()
                self._skip = data + length
                return True
            self._wanted = size - room + 1
            return False
        if not text.startswith(terminator, pos + data + length):
            return self._no_binary(f"It says {length}.")
        behind = _behind(text, pos + size, self._cutter.blanks)
        if behind == len(text) and not self._ended and behind - pos - size < self._limits.segment_bytes:
            return False
        segment = [*head[:plain], text[pos + data : pos + data + length]]
        if self._made.set is not None:
            self._made.set.binary = True
        at = self._base + pos
        self._made.take(
            Region(
                offset=at,
                end=self._base + behind,
                segments=[segment],
                control=[],
                ascii_only=text[pos:behind].isascii(),
                starts=[at],
            )
        )
        self._pos = behind
        return True

    def _no_binary(self, detail: str) -> bool:
        at = self._base + self._pos
        self._not_binary = at
        one = finding(
            Code.BINARY_LENGTH,
            detail,
            offset=at,
            segment=self._made.ordinal + 1,
            segment_id=self._text[self._pos :][:3],
        )
        if self._made.set is not None:
            self._made.set.findings.append(one)
        else:
            self._made.say(one)
        return True

    # -- a region -------------------------------------------------------------------------------------------


def _chunks(source: bytes | BinaryIO | Iterable[bytes], size: int) -> Iterator[bytes]:
    """The input in pieces of about ``size`` bytes, however it comes."""
    if isinstance(source, bytes | bytearray | memoryview):
        for at in range(0, len(source), size):
            yield bytes(source[at : at + size])
        return
    if hasattr(source, "read"):
        while chunk := source.read(size):
            yield chunk
        return
    held: list[bytes] = []
    have = 0
    for piece in source:
        for at in range(0, len(piece), size):
            held.append(bytes(piece[at : at + size]))
            have += len(held[-1])
            if have >= size:
                yield b"".join(held)
                held, have = [], 0
    if held:
        yield b"".join(held)


def _behind(text: str, at: int, blanks: str = BLANKS) -> int:
    while at < len(text) and text[at] in blanks:
        at += 1
    return at
