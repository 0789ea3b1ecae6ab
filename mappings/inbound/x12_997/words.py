"""What the error codes of a 997 say, in our words: elements 716, 718, 720 and 723 of X12 004010.

They explain a rejection and decide nothing: the verdict is in AK501 and AK901. A code that is not here is kept as
the partner's own word. Source of which codes there are: the element pages of stedi.com/edi, release 004010.
"""

from typing import Final

from canonical.events import SourceCode

GROUP: Final = {
    "1": "this kind of functional group is not supported",
    "2": "the version of the group is not supported",
    "3": "the GE is missing",
    "4": "the control numbers of GS and GE differ",
    "5": "the GE counts another number of sets than there are",
    "6": "the group control number is malformed",
    "10": "the name of the authentication key is unknown",
    "11": "the name of the encryption key is unknown",
    "12": "the security service asked for is not available",
    "13": "the recipient of the secured text is unknown",
    "14": "the originator of the secured text is unknown",
    "15": "the decrypted text has syntax errors",
    "16": "security is not supported",
    "17": "the length of the encrypted message is wrong",
    "18": "the message authentication code failed",
}
"""716, AK905 to AK909: what is wrong with the group itself."""

SET: Final = {
    "1": "this kind of transaction set is not supported",
    "2": "the SE is missing",
    "3": "the control numbers of ST and SE differ",
    "4": "the SE counts another number of segments than there are",
    "5": "segments are in error",
    "6": "the set identifier is missing or malformed",
    "7": "the set control number is missing or malformed",
    "8": "the name of the authentication key is unknown",
    "9": "the name of the encryption key is unknown",
    "10": "the security service asked for is not available",
    "11": "the recipient of the secured text is unknown",
    "12": "the length of the encrypted message is wrong",
    "13": "the message authentication code failed",
    "15": "the originator of the secured text is unknown",
    "16": "the decrypted text has syntax errors",
    "17": "security is not supported",
    "23": "the set control number stands twice in the group",
}
"""718, AK502 to AK506: what is wrong with the set as a whole."""

SEGMENT: Final = {
    "1": "no segment has this identifier",
    "2": "is not expected here",
    "3": "must be there and is missing",
    "4": "its loop repeats too often",
    "5": "stands here too often",
    "6": "does not belong to this transaction set",
    "7": "stands out of order",
    "8": "has elements in error",
}
"""720, AK304 to AK308: what is wrong with a segment."""

ELEMENT: Final = {
    "1": "must be there and is missing",
    "2": "is needed because of another element and is missing",
    "3": "is one element too many",
    "4": "is too short",
    "5": "is too long",
    "6": "holds a character that is not allowed",
    "7": "is no code of its list",
    "8": "is no date",
    "9": "is no time",
    "10": "may not stand beside another element",
    "12": "repeats too often",
    "13": "has too many components",
}
"""723, AK403: what is wrong with an element. 12 and 13 are of later releases and are sent in earlier ones too."""

_LISTS: Final = {"x12-716": GROUP, "x12-718": SET, "x12-720": SEGMENT, "x12-723": ELEMENT}


def noted(element: str, code: str) -> SourceCode:
    """The partner's code (``"x12-723"``, ``"7"``) with our words for it, where there are some."""
    text = _LISTS[element].get(code)
    if text is None:
        return {"scheme": element, "code": code, "mapped": False}
    return {"scheme": element, "code": code, "text": text, "mapped": True}


def in_words(element: str, code: str) -> str:
    """Our words for a code, or the bare code."""
    return _LISTS[element].get(code, f"error {code}")
