"""What a partner's code means: by the partner's own profile, else by the crosswalks of ``canonical``.

The key is always (element, code): the same letters mean different things in different elements.
"""

from canonical import crosswalks
from canonical.events import SourceCode
from crossdock.partners import Partner

Row = crosswalks.Row

NONE = "none"
"""The ``exception`` of a code that says no exception."""


def meaning(element: str, code: str, partner: Partner | None) -> Row | None:
    """The row of a code of this element; ``None`` when nobody knows it."""
    if partner is not None and partner.codes and (own := partner.codes.get((element, code))) is not None:
        return own
    return crosswalks.lookup(element, code)


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
