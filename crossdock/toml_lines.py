"""Where each key of a TOML file stands, so that an error can name the line that a person must edit.

``tomllib`` reads the values and forgets the lines; ``read`` gives both. Numbers with a point are ``Decimal``.
Nothing of TOML is done again but what finding a line needs: headers, ``key =``, and where a text of several
lines begins and ends.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from crossdock.errors import Misconfigured

MOST_BYTES: Final = 1024 * 1024
"""A file that people edit is never larger; a larger one is a mistake (or worse) and is not read."""

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(r"""\s*([A-Za-z0-9_\-]+|"[^"]*"|'[^']*')\s*(?:\.[^=]*)?=""")
_LINE_OF_ERROR: Final = re.compile(r"\(at line (\d+)")

Way = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlFile:
    """A TOML file: its values, its bytes, and the line of every table and key.

    ``lines`` is keyed by the way to the value: ``("rule", 2, "owner")``. Lines count from 1.
    """

    path: Path
    content: bytes
    values: Mapping[str, Any]
    lines: Mapping[Way, int] = field(repr=False)

    def at(self, *way: str | int) -> str:
        """``file:line`` of a value, or of the nearest thing round it that has a line."""
        for length in range(len(way), 0, -1):
            if (line := self.lines.get(way[:length])) is not None:
                return f"{self.path}:{line}"
        return f"{self.path}:1"


def read(path: Path) -> TomlFile:
    """Read one TOML file with its lines. Raises ``Misconfigured`` with file and line when it is no TOML."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(content) > MOST_BYTES:
        raise Misconfigured(f"is larger than {MOST_BYTES} bytes, so it was not read", where=str(path))
    try:
        values, lines = _parsed(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Misconfigured("is not UTF-8", where=f"{path}:{line}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _LINE_OF_ERROR.search(str(error))
        line = int(found.group(1)) if found else content.count(b"\n") + 1
        raise Misconfigured(f"is not TOML: {error}", where=f"{path}:{line}") from error
    return TomlFile(path=path, content=content, values=_copied(values), lines=lines)


@lru_cache(maxsize=256)
def _parsed(content: bytes) -> tuple[dict[str, Any], Mapping[Way, int]]:
    """What these bytes say. A file is read by several who want to name its lines, and parsing it is what takes long:
    known by its bytes, it is never an old state of it."""
    text = content.decode("utf-8-sig")  # some editors put a byte order mark before it
    return tomllib.loads(text, parse_float=Decimal), MappingProxyType(_lines(text))


def _copied(value: Any) -> Any:
    """Tables and lists of the reader's own; what stands in them cannot be changed."""
    match value:
        case dict():
            return {key: _copied(one) for key, one in value.items()}
        case list():
            return [_copied(one) for one in value]
        case _:
            return value


def _lines(text: str) -> dict[Way, int]:
    lines: dict[Way, int] = {}
    counts: dict[str, int] = {}
    table: Way = ()
    closing: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if closing is not None:
            if closing in line:
                closing = None
            continue
        if header := _HEADER.match(line):
            names = tuple(part.strip().strip("\"'") for part in header.group(2).split("."))
            if header.group(1) == "[[":
                index = counts.get(names[-1], 0)
                counts[names[-1]] = index + 1
                table = (*names[:-1], names[-1], index)
                lines.setdefault(table[:-1], number)
            elif names[0] in counts:  # a sub-table of the last row: [rule.when]
                table = (names[0], counts[names[0]] - 1, *names[1:])
            else:
                table = names
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key.group(1).strip("\"'")), number)
            for quotes in ('"""', "'''"):
                if line.count(quotes) % 2:
                    closing = quotes
    return lines


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """``" (did you mean 'owner'?)"``, or what is known when nothing is near and the list is short."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f" (known: {', '.join(sorted(known))})" if 0 < len(known) <= 30 else ""
