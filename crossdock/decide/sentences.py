"""The sentences of a rule: texts with fields in braces, ``{partner} backordered {affected} of {ordered}``.

Only the fields of the context may be named, bare: nothing is evaluated, formatted or reached into.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from crossdock.decide.context import FIELDS, UNKNOWN

_PLACE: Final = re.compile(r"\{([^{}]*)\}")


class WrongSentence(ValueError):
    """The sentence names what it may not."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with fields. ``fields`` are those that it names, in order."""

    text: str
    pieces: tuple[str, ...]
    fields: tuple[str, ...]

    def about(self, data: Mapping[str, Any]) -> str:
        """The sentence about an event's ``data``; what is not known is ``?``."""
        if not self.fields:
            return self.pieces[0]
        said = list(self.pieces)
        for place, name in enumerate(self.fields):
            said[place] += FIELDS[name].say(data) or UNKNOWN
        return "".join(said)

    def known(self, data: Mapping[str, Any]) -> str:
        """The same, for what a machine will read. Raises ``WrongSentence`` where a field is not known."""
        said = list(self.pieces)
        for place, name in enumerate(self.fields):
            words = FIELDS[name].say(data)
            if not words:
                raise WrongSentence(f"{name!r} is not known for this event, and {self.text!r} needs it")
            said[place] += words
        return "".join(said)


def read(text: str, suggest: Callable[[str], str]) -> Sentence:
    """A sentence as a person wrote it. Raises ``WrongSentence``; ``suggest`` names the nearest known field."""
    parts = _PLACE.split(text)
    pieces, names = tuple(parts[::2]), tuple(parts[1::2])
    for name in names:
        if name not in FIELDS:
            raise WrongSentence(f"{{{name}}} is no known field{suggest(name)}")
    if any("{" in piece or "}" in piece for piece in pieces):
        raise WrongSentence("a brace stands alone; fields are written as {partner}")
    return Sentence(text, pieces, names)
