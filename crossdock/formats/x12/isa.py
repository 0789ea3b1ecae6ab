"""How an ISA announces its delimiters, and what can be wrong with its sixteen elements.

The ISA is the one segment of fixed width: 106 characters with its terminator. Real files break that (short
padding, wrapped lines, wide characters), so it is read by its 16 element separators and flagged when it is not
106 long. Texts here are bytes decoded as Latin-1: one character is one byte.
"""

import re
from dataclasses import dataclass

from crossdock.formats.x12.findings import Code, Finding, finding
from crossdock.formats.x12.items import Delimiters, Interchange

STANDARD_LENGTH = 106
LONGEST = 400
"""No ISA that can be read is longer than this many bytes."""

_FOLLOWERS = ("GS", "TA1", "ISB", "ISE", "TA3", "IEA")
_BLANKS = " \t\r\n"
_SWALLOWED = re.compile(r"(?:^|[^A-Za-z0-9 ])\s*(?:GS|TA1|IEA|ST)$")
_DIGITS = re.compile(r"[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Header:
    """An ISA as read: delimiters in Latin-1 form (as they stand in the text) and where the segment ends."""

    elements: tuple[str, ...]
    element: str
    component: str
    segment: str
    length: int  # of the ISA with its terminator, in bytes
    terminated: bool
    usual: bool  # the delimiters stand where they should and are no letters, digits or blanks


class NeedMore(Exception):
    """The ISA may be whole once more bytes are there."""


def character_at(text: str, at: int) -> str:
    """The character at a byte position: several bytes when they are UTF-8 for one character."""
    first = text[at : at + 1]
    if not first or first < "\xc2":
        return first
    width = 2 if first < "\xe0" else 3 if first < "\xf0" else 4
    wide = text[at : at + width]
    try:
        if len(wide.encode("latin-1").decode("utf-8")) == 1:
            return wide
    except UnicodeDecodeError:
        pass
    return first


def _announces(text: str, at: int, separator: str) -> bool:
    """Whether a segment that may follow an ISA begins here, behind blanks."""
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return any(text.startswith(name + separator, at) for name in _FOLLOWERS)


def read_isa(text: str, at: int, *, ended: bool) -> Header | None:
    """Read the ISA that begins at ``at``, or ``None`` when none does that can be read.

    ``ended``: nothing follows ``text``. Raises ``NeedMore`` while the answer may still change.
    """
    separator = character_at(text, at + 3)
    if not separator:
        if ended:
            return None
        raise NeedMore
    if separator.isalnum() or separator in _BLANKS or separator in "\"'":
        return None
    window = text[at : at + LONGEST]
    whole = ended or len(window) == LONGEST
    parts = window.split(separator, 16)
    if len(parts) < 17:
        if whole:
            return None
        raise NeedMore
    if any(len(part) > 60 or _SWALLOWED.search(part) for part in parts[1:16]):
        return None
    tail_at = at + sum(map(len, parts[:16])) + 16 * len(separator)
    if not whole and len(text) - tail_at < 40:
        raise NeedMore
    component, terminator, end, usual = _tail(text, tail_at, separator)
    if terminator.isalnum() or (terminator == "" and not ended):
        return None
    elements = (*parts[1:16], component)
    if len({separator, component, terminator}) < 3:
        usual = False
    return Header(
        elements=elements,
        element=separator,
        component=component,
        segment=terminator or "~",
        length=end - at,
        terminated=terminator != "",
        usual=usual and terminator != "",
    )


def _tail(text: str, at: int, separator: str) -> tuple[str, str, int, bool]:
    """Component separator, terminator, where the ISA ends, and whether that was as it should be."""
    component = character_at(text, at)
    second = at + len(component)
    terminator = character_at(text, second)
    end = second + len(terminator)
    if component and component not in "\r\n" and terminator and terminator != " ":
        if not terminator.isalnum() and _announces(text, end, separator):
            return component, terminator, end, True
        third = character_at(text, end)
        if third and third not in _BLANKS and not third.isalnum():
            wide = end + len(third)
            if _announces(text, wide, separator):  # ISA16 is two characters wide
                return component, third, wide, False
    if component and _announces(text, second, separator):  # ISA16 is missing
        return "", component, second, False
    if terminator == " ":  # blanks before a line break that ends the segments
        beyond = second
        while text[beyond : beyond + 1] in (" ", "\t"):
            beyond += 1
        if text[beyond : beyond + 1] in ("\r", "\n"):
            return component, text[beyond], beyond + 1, False
    return component, terminator, end, not terminator.isalnum() and terminator != " "


def has_repetition(release: str) -> bool:
    """Whether ISA11 is the repetition separator: from release 00402 on."""
    return bool(_DIGITS.match(release)) and release >= "00402"


def _words(text: str) -> str:
    if text.isascii():
        return text
    raw = text.encode("latin-1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return text


def open_interchange(
    header: Header, *, ordinal: int, offset: int, length: int, suffix: str, before: tuple[Finding, ...] = ()
) -> Interchange:
    """The interchange that this ISA opens, with what is wrong with its elements."""
    elements = tuple(map(_words, header.elements))
    release = elements[11].strip()
    repetition = header.elements[10] if has_repetition(release) else ""
    marks = (header.element, header.component, header.segment, repetition)
    wide = any(len(mark) > 1 for mark in marks)
    encoding = "utf-8" if wide and all(_is_utf8(mark) for mark in marks) else "latin-1"
    decoded = [mark.encode("latin-1").decode(encoding) for mark in marks]
    return Interchange(
        sender_qualifier=elements[4].strip(),
        sender=elements[5].strip(),
        receiver_qualifier=elements[6].strip(),
        receiver=elements[7].strip(),
        date=elements[8].strip(),
        time=elements[9].strip(),
        release=release,
        control_number=elements[12].strip(),
        ack_requested=elements[13].strip() == "1",
        usage=elements[14].strip(),
        delimiters=Delimiters(
            element=decoded[0],
            component=decoded[1],
            segment=decoded[2],
            repetition=decoded[3] if len(decoded[3]) == 1 else "",
            suffix=suffix,
            encoding=encoding,
        ),
        elements=elements,
        ordinal=ordinal,
        offset=offset,
        length=length,
        findings=(*before, *_findings(header, elements, ordinal, offset)),
    )


def _is_utf8(text: str) -> bool:
    try:
        text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _findings(header: Header, elements: tuple[str, ...], ordinal: int, offset: int) -> list[Finding]:
    starts = [offset + 3 + len(header.element)]
    for element in header.elements:
        starts.append(starts[-1] + len(element) + len(header.element))

    found: list[Finding] = []

    def say(code: Code, number: int, detail: str = "") -> None:
        found.append(
            finding(
                code,
                detail or f"ISA{number:02d} is {elements[number - 1]!r}.",
                offset=starts[number - 1] if number else offset,
                length=len(header.elements[number - 1]) if number else header.length,
                segment=ordinal,
                segment_id="ISA",
            )
        )

    characters = len(_words(header.element.join(("ISA", *header.elements)) + header.segment))
    wide = header.length - len(header.element.join(("ISA", *header.elements)) + header.segment)
    if characters + wide != STANDARD_LENGTH or any("\n" in e or "\r" in e for e in elements[:15]):
        say(Code.ISA_LENGTH, 0, f"It has {characters + wide}.")
    repetition = header.elements[10] if has_repetition(elements[11].strip()) else ""
    clash = repetition != "" and repetition in (header.element, header.component, header.segment)
    if not header.usual or clash:
        marks = [header.element, header.component, header.segment, *([repetition] if repetition else [])]
        say(Code.ISA_DELIMITER, 16, f"They are {' '.join(repr(_words(m)) for m in marks)}.")
    if not header.terminated:
        found.append(
            finding(
                Code.UNTERMINATED_SEGMENT,
                offset=offset,
                length=header.length,
                segment=ordinal,
                segment_id="ISA",
            )
        )
    value = [element.strip() for element in elements]
    if not re.fullmatch(r"0[0-8]", value[0]):
        say(Code.ISA_AUTHORIZATION, 1)
    if not re.fullmatch(r"0[01]", value[2]):
        say(Code.ISA_SECURITY, 3)
    if not re.fullmatch(r"[0-9A-Z]{2}", value[4]):
        say(Code.ISA_SENDER_QUALIFIER, 5)
    if not value[5]:
        say(Code.ISA_SENDER, 6)
    if not re.fullmatch(r"[0-9A-Z]{2}", value[6]):
        say(Code.ISA_RECEIVER_QUALIFIER, 7)
    if not value[7]:
        say(Code.ISA_RECEIVER, 8)
    if not is_date(value[8]):
        say(Code.ISA_DATE, 9)
    if not is_time(value[9]):
        say(Code.ISA_TIME, 10)
    if not re.fullmatch(r"[0-9]{5}", value[11]):
        say(Code.ISA_VERSION, 12)
    if (repetition == "" and value[10] != "U") or (
        repetition and (len(repetition) > 4 or repetition.isspace())
    ):
        say(Code.ISA_STANDARD, 11)
    if not re.fullmatch(r"[0-9]{1,9}", value[12]):
        say(Code.ISA_CONTROL_NUMBER, 13)
    elif len(value[12]) != 9:
        say(Code.ISA_NUMBER_WIDTH, 13)
    if value[13] not in ("0", "1"):
        say(Code.ISA_ACK_REQUESTED, 14)
    if value[14] not in ("I", "P", "T"):
        say(Code.ISA_USAGE, 15)
    return found


def is_date(text: str) -> bool:
    """Whether this is YYMMDD or CCYYMMDD, with a month and a day that exist."""
    if len(text) not in (6, 8) or not _DIGITS.match(text):
        return False
    month, day = int(text[-4:-2]), int(text[-2:])
    if not 1 <= month <= 12 or day < 1:
        return False
    year = int(text[:-4])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0 or len(text) == 6)
    return day <= (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def is_time(text: str) -> bool:
    """Whether this is HHMM, HHMMSS, or that with tenths or hundredths."""
    return (
        4 <= len(text) <= 8
        and len(text) != 5
        and bool(_DIGITS.match(text))
        and text[:2] < "24"
        and text[2:4] < "60"
        and (text[4:6] or "00") < "60"
    )
