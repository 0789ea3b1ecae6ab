"""A text that a regular expression takes, for the patterns that vendors write: classes, counts and alternatives.

It walks what Python's own parser made of the pattern. What cannot be built from the left to the right (a look-ahead,
a reference to a group) is a ``ValueError``; the caller holds the text against the pattern in any case.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

_PREFERRED: Final = "1A a-_.:/@#5Zz0"
_EVERY: Final[list[str]] = [*_PREFERRED, *(chr(code) for code in range(32, 127))]


def text_like(pattern: str) -> str:
    """A short text for the pattern. Raises ``ValueError`` for what it does not know, ``re.error`` for no pattern."""
    parser: Any = re._parser  # type: ignore[attr-defined] # the only reader of patterns that there is
    return _joined(parser.parse(pattern))


def _joined(nodes: Sequence[tuple[Any, Any]]) -> str:
    return "".join(_one(str(kind), held) for kind, held in nodes)


def _one(kind: str, held: Any) -> str:
    match kind:
        case "LITERAL":
            return chr(held)
        case "NOT_LITERAL":
            return next(one for one in _EVERY if one != chr(held))
        case "ANY":
            return "A"
        case "AT":
            return ""
        case "IN":
            return next(one for one in _EVERY if _within(held, one))
        case "BRANCH":
            return _joined(held[1][0])
        case "SUBPATTERN":
            return _joined(held[3])
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, inner = held
            return _joined(inner) * int(max(least, min(1, most)))
        case "ATOMIC_GROUP":
            return _joined(held)
    raise ValueError(f"{kind} is not built from the left to the right")


def _within(members: Sequence[tuple[Any, Any]], character: str) -> bool:
    """Whether a character is in a class, as the engine itself says."""
    negated = bool(members) and str(members[0][0]) == "NEGATE"
    inside = any(_member(str(kind), held, character) for kind, held in members if str(kind) != "NEGATE")
    return inside is not negated


_CATEGORIES: Final = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


def _member(kind: str, held: Any, character: str) -> bool:
    match kind:
        case "LITERAL":
            return character == chr(held)
        case "RANGE":
            return bool(held[0] <= ord(character) <= held[1])
        case "CATEGORY":
            name = str(held).removeprefix("CATEGORY_")
            inside = re.fullmatch(_CATEGORIES.get(name.removeprefix("NOT_"), r"\w"), character) is not None
            return inside is not name.startswith("NOT_")
    raise ValueError(f"{kind} in a class")
