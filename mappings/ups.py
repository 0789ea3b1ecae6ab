"""What UPS calls things, whether it is asked (tracking) or tells by itself (Track Alert)."""

from typing import Final

from crossdock.partners import MappingContext
from mappings.tracking import Carrier, Said, said

UPS: Final = Carrier(name="UPS", scac="UPSN")

_LIST_OF: Final = {
    "X": "ups-exception", "D": "ups-delivery", "I": "ups-movement", "M": "ups-manifest", "MV": "ups-manifest",
    "U": "ups-update",
}  # fmt: skip
"""The list that an activity's code is of depends on its type: the same two letters mean other things in another."""


def codes_of(type_: str, code: str, status: str, context: MappingContext) -> list[Said]:
    """The codes of an activity, from the precise one to the coarse one: its code, its status, its type."""
    told = []
    if code and (element := _LIST_OF.get(type_)):
        told.append(said(element, code.zfill(2) if code.isdigit() else code, context))
    if status:
        told.append(said("ups-status", status.zfill(3) if status.isdigit() else status, context))
    if type_ or not told:
        told.append(said("ups-type", type_ or "?", context))
    return told
