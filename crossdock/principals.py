"""Who somebody is: whether two names are one person, for rules that want two.

A name is what a person, a console or a machine says. The principal behind it has no case, width, accents, order,
punctuation or domain: ``Ann Smith``, ``smith, ann``, ``CORP\\ann.smith`` and ``ann.smith@corp.example`` are one.
Two people whose names differ in these alone count as one, which refuses too much and never too little.
"""

import re
import unicodedata
from typing import Final

OURSELVES: Final = "crossdock"
"""The name under which the program acts by itself."""

RULE: Final = "rule "
"""Begins the name of a row of a decision table that asks for something: ``rule main/export-block``."""

_WORDS: Final = re.compile(r"[^\W_]+")
_LONGEST: Final = 200


def principal(name: str) -> str:
    """The person behind a name; empty when it names nobody."""
    text = unicodedata.normalize("NFKC", name).casefold().strip()
    if text.startswith(RULE):
        return text[:_LONGEST]
    text = text.rpartition("\\")[2]
    text = text.partition("@")[0]
    letters = (sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    seen = "".join(sign for sign in letters if unicodedata.category(sign) != "Cf")
    joined = "".join(_WORDS.findall(seen))[:_LONGEST]
    # the first in order of its rotations: "smith, ann" and "annsmith" are one, "alice" and "celia" are two
    return min((joined[at:] + joined[:at] for at in range(len(joined))), default="")


def is_person(name: str) -> bool:
    """Whether a name can be that of a person who decides: not nobody, not a rule, not the program itself."""
    who = principal(name)
    return bool(who) and not who.startswith(RULE) and who != principal(OURSELVES)


def looks_like_another(name: str) -> str:
    """Why a name could be mistaken for another one, or nothing: letters of two scripts look alike."""
    scripts = {
        unicodedata.name(sign, "?").partition(" ")[0]
        for sign in unicodedata.normalize("NFKC", name)
        if sign.isalpha()
    } & {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}
    return f"mixes {' and '.join(sorted(one.lower() for one in scripts))} letters" if len(scripts) > 1 else ""
