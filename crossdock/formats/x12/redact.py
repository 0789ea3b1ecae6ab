"""A file that may be shared: names, addresses, free text and ids are replaced, and it reads as it did.

Every replacement has as many characters and as many bytes as what it replaces, and stands for the same value
wherever that value comes in what this redactor sees. So counts, offsets, lengths and relations are those of the
original, and a reader finds in it exactly what it found before. Digits stay digits, and a check digit that was right
(GTIN, SSCC) is right again; a wrong one is wrong.

What stays: codes, dates, times, quantities, prices and amounts, states and countries, control numbers, the numbers of
lines and levels. What goes: all other text, the ids of ISA and GS, and whatever stands where nobody described it.
ISA02 and ISA04 are blanked, and are never shown either: see ``security``.

It hides who and which, not how much. Source: X12.5 (ISA), the release's element dictionary in ``guides/words``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from crossdock.formats.x12.annotate import nearest_words
from crossdock.formats.x12.elements import Element, Release
from crossdock.formats.x12.findings import Code, Finding
from crossdock.formats.x12.items import Group, Interchange, Item, TransactionSet
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

_IDENTIFYING: Final = frozenset({"140", "116", "206", "207"})
"""Elements of another type than AN that do: the carrier's code, the postal code, equipment."""

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
        return raw

    def _isa(self, item: Interchange, raw: bytes) -> bytes:
        sign = item.delimiters.element.encode(item.delimiters.encoding)
        parts = raw.split(sign, 16)
        if len(parts) < 17:
            return raw
        for place in (2, 4):
            parts[place] = _blanks(parts[place])
        for place in (6, 8):
            parts[place] = self._of_bytes(parts[place], _marks(item))
        return sign.join(parts)

    def _gs(self, item: Group, raw: bytes) -> bytes:
        delimiters = item.interchange.delimiters
        sign = delimiters.element.encode(delimiters.encoding)
        parts = raw.split(sign)
        for place in (2, 3):
            if place < len(parts) - 1:
                parts[place] = self._of_bytes(parts[place], _marks(item.interchange))
        return sign.join(parts)

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
        yield segment[0]
        if segment[0] in _BINARY:
            length_at = _BINARY[segment[0]]
            yield from segment[1 : length_at + 1]
            yield from map(_covered, segment[length_at + 1 :])
            return
        hidden = security_places(segment)
        known = words.segments.get(segment[0])
        elements = known.elements if known is not None else ()
        marks = (interchange.delimiters.component, separator(interchange.delimiters.repetition))
        for place, value in enumerate(segment[1:], start=1):
            element = elements[place - 1] if place <= len(elements) else None
            if place in hidden:
                yield "".join(one if one in "\r\n" else "." for one in value)
            else:
                yield self._value(element, value, marks, interchange) if value else value

    def _value(
        self, element: Element | None, value: str, marks: Sequence[str], interchange: Interchange
    ) -> str:
        for mark in marks[::-1]:  # repetitions, then components
            if mark and mark in value:
                inner = tuple(one for one in marks if one != mark)
                of_components = mark == marks[0]
                return mark.join(
                    self._value(
                        _part(element, number) if of_components else element, part, inner, interchange
                    )
                    for number, part in enumerate(value.split(mark))
                )
        if element is not None and element.components:
            element = element.components[0]
        return self._plain(element, value, _marks(interchange))

    def _plain(self, element: Element | None, value: str, marks: str) -> str:
        if element is None:
            return self._nobodys(value, marks)
        fault = element.fault(value) if value else None
        if not _identifies(element, fault is not None and any(map(str.isalpha, value))):
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


def _identifies(element: Element, is_misplaced_text: bool) -> bool:
    """Whether what stands there may say who or which. Letters where a number or a date should be may be a name."""
    if element.reference in _KEPT:
        return False
    if element.type in ("AN", "B") or element.reference in _IDENTIFYING:
        return True
    return element.type != "ID" and is_misplaced_text


def _between(raw: bytes, sign: bytes) -> bytes:
    """What stands between segments: terminators and blanks; segments that the reader skipped lose their content."""
    return _blanked(raw) if sign in raw else raw


def _blanked(raw: bytes) -> bytes:
    """Letters and digits covered up, but for the words by which a reader finds its way."""
    kept = {(found.start(), found.end()) for found in _TOKENS.finditer(raw)}
    return _WORD.sub(lambda found: found[0] if found.span() in kept else found[0].translate(_BLANKED), raw)
