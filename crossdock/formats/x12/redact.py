"""A file that may be shared: names, addresses, free text and ids are replaced, and it reads as it did.

Every replacement has as many characters and as many bytes as what it replaces, and stands for the same value
wherever that value comes in what this redactor sees. So counts, offsets, lengths and relations are those of the
original, and a reader finds in it exactly what it found before. Digits stay digits, and a check digit that was right
(GTIN, SSCC) is right again; a wrong one is wrong.

What stays: codes, dates, times, quantities, prices and amounts, states and countries, control numbers, the numbers of
lines and levels. What goes: all other text, the ids of ISA and GS, and whatever stands where nobody described it.
ISA02 and ISA04 are blanked, and are never shown either: see ``security``.

A file that is shared is often a broken one, whose elements have slipped into each other's places. So no place is
trusted: a code stays where a list that ships has it, or where it is as long as a code there may be and short; in a
segment that breaks its guide it must be shorter still. A control number, a line's number and a version stay where
they look like one. What is longer, or has letters where there should be none, goes.

It hides who and which, not how much. Source: X12.5 (ISA), the release's element dictionary in ``guides/words``.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final, assert_never

from canonical import crosswalks
from crossdock.formats.x12.annotate import nearest_words
from crossdock.formats.x12.elements import Element, Release
from crossdock.formats.x12.findings import Code, Finding
from crossdock.formats.x12.items import (
    Acknowledgement,
    Group,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    Item,
    TransactionSet,
)
from crossdock.formats.x12.security import security_places
from crossdock.formats.x12.structure import separator

_WORDS: Final[Mapping[str, str]] = {
    "93": "NAME", "1035": "NAME", "1036": "NAME", "1037": "NAME", "166": "ADDRESS", "19": "CITY", "364": "CONTACT",
    "3": "TEXT", "61": "TEXT", "352": "TEXT", "369": "TEXT", "933": "TEXT",
    "1551": "TEXT",
}  # fmt: skip
"""What a placeholder is called, by the element that it stands in; every other is an ``ID``."""

_KEPT: Final = frozenset(
    {
        "22", "59", "62", "103", "172", "209", "219", "227", "327", "329", "350", "397", "447", "480", "619", "628",
        "721", "734", "751", "754", "799", "822", "1000", "1033", "1251", "1271", "1274", "1301", "1705",
    }
)  # fmt: skip
"""Elements of type AN that say nothing about anybody: control numbers, versions, loops, segments, levels and lines;
codes of agencies, of goods and packages; dates as text."""

_IDENTIFYING: Final = frozenset({"140", "116", "154", "206", "207", "1654", "1655"})
"""Elements of another type than AN that do: the carrier's code, the postal code, equipment, points on the map."""

_DIGITS: Final[Mapping[str, int]] = {"22": 30, "329": 9, "1251": 35}
"""How many digits those of ``_KEPT`` may have that are no lines and no levels: goods, control numbers, periods."""

_DIGITS_OF_LINES: Final = 6

_CODE: Final = re.compile(r"[A-Za-z0-9]{1,3}|(?=.*[0-9])[A-Za-z0-9]{4}|[0-9]+|(?:UN|NA)[0-9]{4}")
"""What a code may look like that no list holds: three letters at most, digits, or the number of a dangerous good."""

_CODE_OF_BROKEN: Final = re.compile(r"[A-Za-z0-9]{1,2}|[0-9]{3,4}|[A-Za-z][0-9]{1,3}")
"""The same in a segment that breaks its guide, where a name may stand in any place."""

_PLAIN: Final = re.compile(r"[A-Za-z]{0,3}[0-9 .:/+-]*|[0-9]{4,6}[A-Za-z0-9]{1,6}")
"""What a number of a set, a line or a level may look like, and a version: letters before it are few."""

_ODD_END: Final = re.compile(r"[^A-Za-z0-9]+\Z")
_YEARS: Final = re.compile(r"(?:19|20)[0-9]{6}|[0-9]{1,6}")
"""What may have been meant as a date, right or wrong."""

_BINARY: Final = {"BIN": 1, "BDS": 2}
"""Segments with bytes of any kind, and which of their elements says how many there are."""

_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ0123456789"
"""Without vowels, so that no placeholder reads as a word, or as an ISA."""

_CHECKED: Final = frozenset({8, 12, 13, 14, 18})
"""So many digits have numbers that end with a check digit (GTIN-8 to GTIN-14, SSCC-18)."""

_FILLERS: Final = {1: "X", 2: "é", 3: "€", 4: "😀"}
"""What stands for a character that takes so many bytes."""

_BLANKS: Final = {1: " ", 2: "\u00a0", 3: "\u2003", 4: "😀"}
"""A blank of so many bytes; there is none of four."""

_TOKENS: Final = re.compile(
    rb"(?<![A-Za-z0-9])(?:ISA|IEA|TA1|TA3|ISB|ISE|GS|GE|ST|SE|UNA|UNB|PDF|PK)(?![A-Za-z0-9])"
)
_WORD: Final = re.compile(rb"[A-Za-z0-9\x80-\xff]+")
_VERSION: Final = re.compile(rb"[0-9]{6}(?![0-9])")
_WORDS_OF_ENVELOPE: Final = re.compile(rb".*[A-Za-z0-9\x80-\xff]", re.DOTALL)
_BLANKED: Final = bytes(
    0x58
    if chr(byte).isascii() and chr(byte).isalpha()
    else 0x39
    if 0x30 <= byte <= 0x39
    else 0x3F
    if byte > 0x7F
    else byte
    for byte in range(256)
)
_BLOCK: Final = 1 << 20


# -- placeholders -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Placeholders:
    """What stands for what: the same for the same value, another for another as long as the length allows it."""

    _known: dict[str, str] = field(default_factory=dict)
    _counts: dict[tuple[str, int], int] = field(default_factory=dict)

    def of(self, value: str, word: str = "ID", avoid: str = "") -> str:
        """The placeholder of a value: as long as it, in characters and in bytes, with its blanks and its control
        characters where they were. ``avoid``: characters that it must not bring in."""
        core = value.strip()
        if not core:
            return value
        known = self._known.get(core)
        if known is None:
            known = self._known[core] = self._made(core, word)
        begin = value.index(core)
        return value[:begin] + _as_wide(core, known, avoid) + value[begin + len(core) :]

    def _made(self, core: str, word: str) -> str:
        if core.isascii() and core.isdigit():
            return _number(core, self._next("0", len(core)))
        legible = f"{word}{self._counts.get((word, 0), 0) + 1}"
        if len(legible) <= len(core):
            self._next(word, 0)
            return legible.ljust(len(core), "X")
        return _in_letters(self._next("", len(core)) - 1, len(core))

    def _next(self, kind: str, size: int) -> int:
        number = self._counts[kind, size] = self._counts.get((kind, size), 0) + 1
        return number


def _number(core: str, number: int) -> str:
    """As many digits, with a check digit that is as right or wrong as it was."""
    size = len(core)
    if size not in _CHECKED:
        return str(number % 10**size).zfill(size)
    body = str(number % 10 ** (size - 1)).zfill(size - 1)
    check = _check_digit(body)
    return body + str(check if _check_digit(core[:-1]) == int(core[-1]) else (check + 1) % 10)


def _check_digit(body: str) -> int:
    """Modulo 10 with weights 3 and 1 from the right (GS1)."""
    return -sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(body))) % 10


def _in_letters(number: int, size: int) -> str:
    found = ""
    for _ in range(size):
        number, digit = divmod(number, len(_ALPHABET))
        found = _ALPHABET[digit] + found
    return found


def _as_wide(core: str, made: str, avoid: str) -> str:
    """The placeholder with each character as wide, in bytes, as the one that it replaces; what structures a text
    stays where it is."""
    return "".join(
        old if not old.isprintable() or old in avoid
        else _FILLERS[len(old.encode("utf-8", "surrogatepass"))] if not old.isascii()
        else _other(new, avoid)
        for old, new in zip(core, made, strict=True)
    )  # fmt: skip


def _other(character: str, avoid: str) -> str:
    if character not in avoid:
        return character
    return next(one for one in _ALPHABET if one not in avoid)


# -- a whole file -----------------------------------------------------------------------------------


class Redactor:
    """Redacts files; one for several keeps the placeholders the same in all of them."""

    def __init__(self) -> None:
        self.placeholders = Placeholders()

    def write(self, items: Iterable[Item], original: BinaryIO, out: BinaryIO) -> None:
        """Write the redacted file. ``items``: all that the reader finds in it; ``original``: the same bytes, from
        which is copied."""
        done = 0
        for item in items:
            if isinstance(item, Finding) and not item.covers:
                continue
            self._copy(original, out, done, item.offset)
            done = max(done, item.offset)
            if isinstance(item, Finding):
                if item.code is not Code.BOM:
                    self._blank(original, out, item.offset, item.length)
                else:
                    self._copy(original, out, done, item.offset + item.length)
            else:
                original.seek(item.offset)
                out.write(self._redacted(item, original.read(item.length)))
            done = max(done, item.offset + item.length)
        self._copy(original, out, done, None)

    def _copy(self, original: BinaryIO, out: BinaryIO, begin: int, end: int | None) -> None:
        original.seek(begin)
        while end is None or begin < end:
            block = original.read(_BLOCK if end is None else min(_BLOCK, end - begin))
            if not block:
                return
            begin += len(block)
            out.write(block)

    def _blank(self, original: BinaryIO, out: BinaryIO, offset: int, length: int) -> None:
        """Bytes that belong to no segment: of whatever was said only its shape is left."""
        original.seek(offset)
        while length > 0:
            block = original.read(min(_BLOCK, length))
            if not block:
                return
            length -= len(block)
            out.write(_blanked(block))

    def _redacted(self, item: Item, raw: bytes) -> bytes:
        match item:
            case Interchange():
                return self._isa(item, raw)
            case Group():
                return self._gs(item, raw)
            case TransactionSet():
                return self._set(item, raw)
            case GroupEnd():
                return self._trailer(item.group.interchange, raw)
            case Acknowledgement() | InterchangeEnd():
                return self._trailer(item.interchange, raw)
            case Finding():
                return raw
        assert_never(item)

    def _isa(self, item: Interchange, raw: bytes) -> bytes:
        sign = item.delimiters.element.encode(item.delimiters.encoding)
        parts = raw.split(sign, 16)
        if len(parts) < 17:
            return raw
        for place in (2, 4):
            parts[place] = _blanks(parts[place])
        for place in (6, 8):
            parts[place] = self._of_bytes(parts[place], _marks(item))
        for place in (1, 3, 5, 7, *range(9, 16)):
            parts[place] = self._of_envelope(parts[place], item)
        return sign.join(parts)

    def _gs(self, item: Group, raw: bytes) -> bytes:
        delimiters = item.interchange.delimiters
        sign = delimiters.element.encode(delimiters.encoding)
        parts = raw.split(sign)
        for place in range(1, len(parts)):
            if place in (2, 3) and place < len(parts) - 1:
                parts[place] = self._of_bytes(parts[place], _marks(item.interchange))
            else:
                parts[place] = self._of_envelope(parts[place], item.interchange)
        return sign.join(parts)

    def _trailer(self, interchange: Interchange, raw: bytes) -> bytes:
        """TA1, GE and IEA: numbers, dates and codes, and nothing else stays."""
        sign = interchange.delimiters.element.encode(interchange.delimiters.encoding)
        first, *others = raw.split(sign)
        return sign.join([first, *(self._of_envelope(part, interchange) for part in others)])

    def _of_envelope(self, raw: bytes, interchange: Interchange) -> bytes:
        """An element of an envelope other than an id, with the terminator that may follow it."""
        delimiters = interchange.delimiters
        content = raw.partition(delimiters.segment.encode(delimiters.encoding))[0]
        found = _WORDS_OF_ENVELOPE.match(content)
        if found is None:
            return raw
        text = found[0].decode("latin-1").strip()
        if _PLAIN.fullmatch(text) and text not in (interchange.sender, interchange.receiver):
            return raw
        begin = _VERSION.match(content)  # of GS08, that something else follows in
        at = begin.end() if begin is not None else 0
        return raw[:at] + self._of_bytes(raw[at : found.end()], _marks(interchange)) + raw[found.end() :]

    def _of_bytes(self, raw: bytes, marks: str) -> bytes:
        try:
            return self.placeholders.of(raw.decode("utf-8"), avoid=marks).encode("utf-8")
        except UnicodeDecodeError:
            return self.placeholders.of(raw.decode("latin-1"), avoid=marks).encode("latin-1")

    def _set(self, item: TransactionSet, raw: bytes) -> bytes:
        delimiters = item.interchange.delimiters
        sign = delimiters.element.encode(delimiters.encoding)
        encoding = "utf-8" if item.encoding == "utf-8" else "latin-1"
        words = nearest_words(item.version)
        found: list[bytes] = []
        done = 0
        for segment, (offset, length) in zip(item.segments, item.spans(), strict=True):
            begin = offset - item.offset
            found.append(_between(raw[done:begin], sign))
            old = raw[begin : begin + length]
            done = begin + length
            new = sign.join(
                element.encode(encoding, "replace")
                for element in self._segment(segment, words, item.interchange)
            )
            # a text that does not come out as it went in is not touched element by element
            found.append(new if len(new) == length else _blanked(old))
        found.append(_between(raw[done:], sign))
        return b"".join(found)

    def _segment(self, segment: Sequence[str], words: Release, interchange: Interchange) -> Iterator[str]:
        known = words.segments.get(segment[0])
        yield self._segment_id(segment[0], words, interchange)
        if segment[0] in _BINARY:
            length_at = _BINARY[segment[0]]
            yield from segment[1 : length_at + 1]
            yield from map(_covered, segment[length_at + 1 :])
            return
        hidden = security_places(segment)
        elements = known.elements if known is not None else ()
        marks = (interchange.delimiters.component, separator(interchange.delimiters.repetition))
        is_broken = known is not None and bool(known.faults(list(segment), *marks))
        for place, value in enumerate(segment[1:], start=1):
            element = elements[place - 1] if place <= len(elements) else None
            if place in hidden:
                yield "".join(one if one in "\r\n" else "." for one in value)
            else:
                yield self._value(element, value, marks, interchange, is_broken) if value else value

    def _segment_id(self, name: str, words: Release, interchange: Interchange) -> str:
        """What stands where a segment's id should be; a name that slipped there goes."""
        if len(name) <= 3 or name in words.known:
            return name
        return self.placeholders.of(name, avoid=_marks(interchange))

    def _value(
        self,
        element: Element | None,
        value: str,
        marks: Sequence[str],
        interchange: Interchange,
        is_broken: bool,
    ) -> str:
        for mark in marks[::-1]:  # repetitions, then components
            if mark and mark in value:
                inner = tuple(one for one in marks if one != mark)
                of_components = mark == marks[0]
                return mark.join(
                    self._value(
                        _part(element, number) if of_components else element,
                        part,
                        inner,
                        interchange,
                        is_broken,
                    )
                    for number, part in enumerate(value.split(mark))
                )
        if element is not None and element.components:
            element = element.components[0]
        return self._plain(element, value, _marks(interchange), is_broken)

    def _plain(self, element: Element | None, value: str, marks: str, is_broken: bool) -> str:
        if element is None:
            return self._nobodys(value, marks)
        fault = element.fault(value) if value else None
        if not _identifies(element, value, fault, is_broken):
            return value
        made = self.placeholders.of(value, _WORDS.get(element.reference, "ID"), marks)
        if element.fault(made) == fault:
            return made
        made = "".join("X" if one.isascii() and one.isalpha() and "X" not in marks else one for one in value)
        return made if element.fault(made) == fault else value

    def _nobodys(self, value: str, marks: str) -> str:
        """What stands where no element is described: short codes and numbers with a point may stay."""
        if len(value) <= 3 or re.fullmatch(r"-?\d*\.\d+", value):
            return value
        return self.placeholders.of(value, "ID", marks)


def _blanks(raw: bytes) -> bytes:
    """As many blanks, as wide as what they replace; line breaks stay."""
    try:
        text, encoding = raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = raw.decode("latin-1"), "latin-1"
    wide = (_BLANKS[len(one.encode("utf-8"))] if encoding == "utf-8" else " " for one in text)
    return "".join(one if one in "\r\n" else blank for one, blank in zip(text, wide, strict=True)).encode(
        encoding
    )


def _covered(text: str) -> str:
    """The text with its letters and digits covered up, each character as wide as it was."""
    return "".join(
        _FILLERS[len(one.encode("utf-8", "surrogatepass"))] if not one.isascii()
        else "9" if one.isdigit() else "X" if one.isalpha() else one
        for one in text
    )  # fmt: skip


def _marks(interchange: Interchange) -> str:
    delimiters = interchange.delimiters
    return delimiters.element + delimiters.component + delimiters.segment + delimiters.repetition


def _part(element: Element | None, number: int) -> Element | None:
    if element is None:
        return None
    if not element.components:
        return element
    return element.components[number] if number < len(element.components) else None


def _identifies(element: Element, value: str, fault: str | None, is_broken: bool) -> bool:
    """Whether what stands there may say who or which, be it that it belongs there or that it slipped there.

    ``fault``: what is wrong with it there (element 723); ``is_broken``: something is wrong in its segment.
    """
    if element.reference in _IDENTIFYING:
        return True
    if element.type == "ID":
        return not _is_code(element, value, fault, is_broken)
    if element.reference in _KEPT:
        is_long = sum(map(str.isdigit, value)) > _DIGITS.get(element.reference, _DIGITS_OF_LINES)
        return is_long or _PLAIN.fullmatch(_ODD_END.sub("", value)) is None
    if element.type in ("AN", "B"):
        return True
    if element.type == "DT" and value.isdigit():
        return _YEARS.fullmatch(value) is None
    # letters where a number or a date should be may be a name; more digits than it has, or many of them in a broken
    # segment, somebody's number
    if is_broken and value.isdigit():
        return fault == "5" or len(value) > _DIGITS_OF_LINES
    return fault is not None and any(map(str.isalpha, value))


def _is_code(element: Element, value: str, fault: str | None, is_broken: bool) -> bool:
    """Whether it is a code and nothing else: in a list that ships, or as short as a code."""
    if value in element.codes or value in _listed(element.reference):
        return True
    if fault not in (None, "7"):  # 7: as long as a code of this list, and not in it
        return len(value) <= 2 and value.isalnum()
    return (_CODE_OF_BROKEN if is_broken else _CODE).fullmatch(value) is not None


def _listed(reference: str) -> Collection[str]:
    """The codes of an element that our crosswalks hold."""
    found = crosswalks.lists().get(f"x12-{reference}")
    return found.rows if found is not None else ()


def _between(raw: bytes, sign: bytes) -> bytes:
    """What stands between segments: terminators and blanks; segments that the reader skipped lose their content."""
    return _blanked(raw) if sign in raw else raw


def _blanked(raw: bytes) -> bytes:
    """Letters and digits covered up, but for the words by which a reader finds its way."""
    kept = {(found.start(), found.end()) for found in _TOKENS.finditer(raw)}
    return _WORD.sub(lambda found: found[0] if found.span() in kept else found[0].translate(_BLANKED), raw)
