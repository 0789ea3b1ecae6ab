"""Which events somebody wants: code or family, severity, subject, kind."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from canonical import taxonomy
from crossdock.errors import Misconfigured
from crossdock.toml_lines import did_you_mean

SEVERITIES: Final = ("S1", "S2", "S3", "S4")
KINDS: Final = ("fact", "absence", "risk", "composite")
MOST_WORDS: Final = 50
"""More words than this are refused: each is a condition of every read."""

NAMES: Final = {"code": "codes", "severity": "severities", "subject": "subjects", "kind": "kinds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What of the feed somebody wants. An empty field wants all; several words of one field are alternatives.

    ``codes``: a code (``INV.BACKORDER``) or a family (``INV``). ``subjects``: a subject as in the envelope
    (``supplier_po/4500123456``), with its lines.
    """

    codes: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.codes:
            _all_of("code", self.codes, {*taxonomy.families(), *taxonomy.codes(), *taxonomy.reserved()})
        _all_of("severity", self.severities, SEVERITIES)
        _all_of("kind", self.kinds, KINDS)
        for subject in self.subjects:
            if not subject or re.search(r"[\x00-\x1f]", subject):
                raise Misconfigured(f"the subject {subject!r} is none")
        if sum(map(len, (self.codes, self.severities, self.subjects, self.kinds))) > MOST_WORDS:
            raise Misconfigured(f"a filter has at most {MOST_WORDS} words")

    def as_dict(self) -> dict[str, list[str]]:
        """For a row, and for JSON: what is empty is left out."""
        fields = {name: list(getattr(self, name)) for name in NAMES.values()}
        return {name: words for name, words in fields.items() if words}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Iterable[str]]) -> "Filter":
        """As it stands in a row or in a configuration. Raises ``Misconfigured`` for an unknown field or word."""
        for name, words in fields.items():
            if name not in NAMES.values():
                raise Misconfigured(f"a filter has no {name!r}{did_you_mean(name, list(NAMES.values()))}")
            if isinstance(words, str):
                raise Misconfigured(f"{name} of a filter is a list of words")
        return cls(**{name: tuple(words) for name, words in fields.items()})

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Filter":
        """``code=INV``, ``severity=S1`` ...: as people write it on the command line."""
        fields: dict[str, list[str]] = {}
        for text in texts:
            name, equals, word = text.partition("=")
            if not equals or name not in NAMES:
                raise Misconfigured(
                    f"--filter {text!r}: write one of {', '.join(f'{each}=…' for each in NAMES)}"
                )
            fields.setdefault(NAMES[name], []).append(word)
        return cls.from_dict(fields)

    def __str__(self) -> str:
        singular = {plural: name for name, plural in NAMES.items()}
        words = [f"{singular[name]}={word}" for name, words in self.as_dict().items() for word in words]
        return " ".join(words) or "everything"

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Whether this event passes: the same answer as the database gives for ``emissions.conditions``."""
        data, subject = event["data"], event["subject"]
        return (
            (not self.codes or any(data["code"] == c or data["code"].startswith(f"{c}.") for c in self.codes))
            and (not self.severities or data["severity"] in self.severities)
            and (not self.kinds or data["kind"] in self.kinds)
            and (not self.subjects or any(subject == s or subject.startswith(f"{s}/") for s in self.subjects))
        )


def _all_of(field: str, words: Iterable[str], known: Collection[str]) -> None:
    for word in words:
        if word not in known:
            raise Misconfigured(
                f"the {field} {word!r} of a filter is unknown{did_you_mean(word, sorted(known))}"
            )


EVERYTHING: Final = Filter()
