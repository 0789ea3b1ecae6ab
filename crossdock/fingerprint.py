"""The fingerprint of a failure: which dead letters have the same cause, as far as their words tell.

Same source, same stage, same code, and the same sentence once everything is taken out of it that is about the one
document: quoted values, ids, dates and numbers. Pure, and versioned: ``VERSION`` 1 never changes, because the groups
of a store are made with it (the migration 0006 among them); another way to do it is another version.
"""

import re
from typing import Final

VERSION: Final = "1"
LONGEST: Final = 300
READ: Final = 4_000
"""So much of a sentence is looked at. Each rule reads it once, from left to right."""

_RULES: Final = (
    # what is quoted: 'PO-77', "acme", `x`; a quote inside a word (the partner's) opens nothing
    (re.compile(r"(?<!\w)'[^'\n]{0,400}'(?!\w)"), "'…'"),
    (re.compile(r'"[^"\n]{0,400}"'), '"…"'),
    (re.compile(r"`[^`\n]{0,400}`"), "`…`"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (
        re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\w)"),
        "<when>",
    ),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?\b"), "<when>"),
    # words that hold a digit: PO-4500123456, 855_1.edi, 10.0.0.7:443, 3f9a0c11, 12.50
    (re.compile(r"(?<![\w<])[\w./:#@-]{0,200}\d[\w./:#@-]{0,200}"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def template(sentence: str) -> str:
    """The sentence without what is about the one document, at most ``LONGEST`` characters."""
    text = re.sub(r"[\x00-\x1f\x7f]", " ", sentence[:READ])
    for pattern, put in _RULES:
        text = pattern.sub(put, text)
    return text.strip()[:LONGEST]
