"""Cuts a JSON document into the exact bytes of its pieces, without making it anew.

A page of records is stored record by record as it was sent: same spaces, same order of keys, same numbers. Only the
structure is looked at (strings, brackets, commas), so one record that is not JSON does not spoil those beside it.
"""

import json
import re
from dataclasses import dataclass
from typing import NoReturn

from crossdock.errors import Place, Unreadable

_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*+"|[\[\]{},:"]', re.DOTALL)
_BLANK = b" \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A piece of a document: ``document[start:end]``, without the blanks round it."""

    start: int
    end: int
    body: bytes


def whole(document: bytes) -> Slice:
    """The document itself, without the blanks round it."""
    return _slice(document, *_trimmed(document, 0, len(document)))


def members(document: bytes, of: Slice | None = None) -> dict[str, Slice]:
    """The members of an object in the document, of the one that it is unless said, by name. Raises ``Unreadable``."""
    of = of or whole(document)
    start, end = of.start, of.end
    if document[start : start + 1] != b"{":
        _refuse("is no object", start)
    result: dict[str, Slice] = {}
    for piece in _pieces(document, start, end):
        colon = _colon(document, piece)
        name_at = _trimmed(document, piece[0], colon)
        try:
            name = json.loads(document[name_at[0] : name_at[1]])
        except ValueError:
            _refuse("has a member without a name", name_at[0])
        if not isinstance(name, str) or name in result:
            _refuse("names a member twice, or not with a text", name_at[0])
        result[name] = _slice(document, *_trimmed(document, colon + 1, piece[1]))
    return result


def elements(document: bytes, array: Slice) -> list[Slice]:
    """The elements of an array in the document. Raises ``Unreadable``."""
    if array.body[:1] != b"[":
        _refuse("has no array where one must be", array.start)
    return [
        _slice(document, *_trimmed(document, *piece)) for piece in _pieces(document, array.start, array.end)
    ]


def _pieces(document: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """What lies between the commas of the object or array that begins at ``start`` and must end at ``end``."""
    open_brackets: list[int] = []
    pieces: list[tuple[int, int]] = []
    begin = start + 1
    for found in _TOKEN.finditer(document, start, end):
        token = found[0]
        if token in (b"[", b"{"):
            open_brackets.append(token[0])
        elif token in (b"]", b"}"):
            # "]" and "}" stand two places behind their opening brackets in ASCII.
            if not open_brackets or open_brackets.pop() != token[0] - 2:
                _refuse("closes what it did not open", found.start())
            if not open_brackets:
                if found.end() != end:
                    _refuse("goes on after its end", found.end())
                if pieces or document[begin : found.start()].strip(_BLANK):
                    pieces.append((begin, found.start()))
                return pieces
        elif token == b"," and len(open_brackets) == 1:
            pieces.append((begin, found.start()))
            begin = found.end()
        elif token == b'"':
            _refuse("has a text without an end", found.start())
    _refuse("ends before it is closed", end)


def _colon(document: bytes, piece: tuple[int, int]) -> int:
    for found in _TOKEN.finditer(document, *piece):
        if found[0] == b":":
            return found.start()
        if found[0][:1] != b'"':
            break
    _refuse("has a member without a colon", piece[0])


def _trimmed(document: bytes, start: int, end: int) -> tuple[int, int]:
    while start < end and document[start] in _BLANK:
        start += 1
    while end > start and document[end - 1] in _BLANK:
        end -= 1
    if start == end:
        _refuse("has an empty place", start)
    return start, end


def _slice(document: bytes, start: int, end: int) -> Slice:
    return Slice(start=start, end=end, body=document[start:end])


def _refuse(sentence: str, byte: int) -> NoReturn:
    raise Unreadable(
        f"the JSON {sentence} (byte {byte})",
        place=Place(byte=byte),
        code="JSON.MALFORMED",
        remedy="Ask the sender for a correct document; this one stays here.",
    )
