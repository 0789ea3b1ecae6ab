"""One company is one party, however many N1 segments name it.

A DUNS number (N103 ``1``) is nine digits; a DUNS+4 (``9``) is the same number with up to four more that tell the
places of one company apart. Both name the same company: its party carries the plain number too, so that it is found
by either.
"""

from typing import TYPE_CHECKING, Final

from canonical.events import Party, PartyId

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Loop
    from mappings.x12 import Reader

_AT_MOST: Final = 64
_IDS_AT_MOST: Final = 16
_DUNS: Final = 9


def add(parties: list[Party], *more: Party | None) -> None:
    """Put parties to those of a document. One of the same role and company joins the one that is there."""
    for party in more:
        if party is not None:
            _add(parties, party)


def _add(parties: list[Party], party: Party) -> None:
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


def named(reader: "Reader", loop: "Loop", *, inside: str = "N1") -> list[Party]:
    """The parties that the N1 segments directly in a loop name, each as it is written. ``inside``: the name of their
    loops in the guide."""
    found = (reader.party(each.head) for each in loop.inside(inside))
    return [party for party in found if party is not None]


def carrier(scac: str) -> Party:
    """A carrier by its SCAC."""
    return {"role": "carrier", "ids": [{"scheme": "scac", "value": scac[:128]}]}


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
