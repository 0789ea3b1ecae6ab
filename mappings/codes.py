"""What a partner's code means: by the partner's own profile, else by the crosswalks of ``canonical``.

The key is always (element, code): the same letters mean different things in different elements.
"""

from canonical import crosswalks
from canonical.events import SourceCode
from crossdock.partners import Partner

Row = crosswalks.Row

NONE = "none"
"""The ``exception`` of a code that says no exception."""

UNKNOWN = "EDI.UNMAPPED_CODE"
"""The exception of a code that nobody knows: it stops a strict partner's document, and is told of a lenient one's."""


def meaning(element: str, code: str, partner: Partner | None) -> Row | None:
    """The row of a code of this element; ``None`` when nobody knows it."""
    if partner is not None and partner.codes and (own := partner.codes.get((element, code))) is not None:
        return own
    return crosswalks.lookup(element, code)


def exception_of(row: Row | None) -> str:
    """The exception that a code says by itself; of a word that nobody knows, that it is unknown."""
    return row.exception if row is not None else UNKNOWN


def cause_of(row: Row | None) -> str | None:
    """The cause that a code names, where it names one."""
    return row.cause if row is not None else None


def ours(row: Row | None) -> str:
    """Our word for a code; empty for one that we have no word for."""
    return (row.ours or "") if row is not None else ""


def source_code(element: str, code: str, row: Row | None) -> SourceCode:
    """The partner's own word, kept beside ours."""
    if row is None:
        return {"scheme": element, "code": code[:128], "mapped": False}
    return {"scheme": element, "code": code, "text": row.text, "mapped": True}


def remedy(element: str, code: str, partner: Partner | None) -> str:
    """What a person does about a code that nobody knows, before the replay."""
    whose = f"the profile of partner {partner.name!r}" if partner is not None else "a profile of the sender"
    return (
        f"ask the sender what {code!r} means, add it under [codes.{element}] to {whose} "
        f"(mappings/partners, or the folder of CROSSDOCK_PARTNERS_DIR), then replay this dead letter"
    )
