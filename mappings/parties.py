"""One company is one party, however many N1 segments name it.

A DUNS number (N103 ``1``) is nine digits; a DUNS+4 (``9``) is the same number with up to four more that tell the
places of one company apart. Both name the same company: its party carries the plain number too, so that it is found
by either.
"""

from typing import Final

from canonical.events import Party, PartyId

_AT_MOST: Final = 64
_IDS_AT_MOST: Final = 16
_DUNS: Final = 9


def add(parties: list[Party], party: Party | None) -> None:
    """Put a party to those of a document. One of the same role and company joins the one that is there."""
    if party is None:
        return
    for id in list(party["ids"]):
        _put(party["ids"], company(id))
    numbers = _companies(party)
    for other in parties:
        if other["role"] == party["role"] and (
            numbers & _companies(other) or any(id in other["ids"] for id in party["ids"])
        ):
            for id in party["ids"]:
                _put(other["ids"], id)
            if "name" in party:
                other.setdefault("name", party["name"])
            return
    if len(parties) < _AT_MOST:
        parties.append(party)


def company(id: PartyId) -> PartyId | None:
    """The plain DUNS number in a DUNS+4; ``None`` for any other id."""
    value = id["value"]
    number = value[:_DUNS]
    if id["scheme"] == "duns4" and len(value) > _DUNS and number.isascii() and number.isdigit():
        return {"scheme": "duns", "value": number}
    return None


def _companies(party: Party) -> set[str]:
    return {id["value"] for id in party["ids"] if id["scheme"] == "duns"}


def _put(ids: list[PartyId], id: PartyId | None) -> None:
    if id is not None and id not in ids and len(ids) < _IDS_AT_MOST:
        ids.append(id)
