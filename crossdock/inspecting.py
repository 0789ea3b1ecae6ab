"""By what an X12 file is read when a person looks at it: our guides and lists, and what is agreed with a partner."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from crossdock.formats.x12.inspect import Terms, text_of
from crossdock.formats.x12.items import Interchange
from crossdock.formats.x12.overlay import Overlay

if TYPE_CHECKING:
    from crossdock.partners import Partner, Partners
    from crossdock.registry import Registry


def terms(registry: "Registry", partner: "Partner | None" = None) -> Terms:
    """The terms of a partner, or those that hold for everybody: the plain guides, and the sets that we have a mapping
    for."""

    def refuses(set_id: str) -> str:
        if partner is not None and not partner.may_send(set_id):
            return f"it is not agreed that {partner.name} sends us a {set_id}"
        return "" if registry.inbound(f"x12/{set_id}") is not None else f"we have no mapping for a {set_id}"

    if partner is None:
        return Terms(refuses=refuses)
    overlays = {set_id: Overlay.of(said) for set_id, said in partner.overlay.items() if said}

    def text(reference: str, code: str) -> str:
        own = partner.codes.get((f"x12-{reference}", code))
        return own.text if own is not None else text_of(reference, code)

    return Terms(
        text=text,
        overlay=overlays.get,
        refuses=refuses,
        kind=partner.acknowledgement_of,
        other_group=partner.other_group,
        agreed_with=partner.name,
        element=partner.element,
        component=partner.component,
    )


def terms_of_sender(registry: "Registry", partners: "Partners") -> Callable[[Interchange], Terms]:
    """Each interchange by what is agreed with whom its ISA names as the sender; by the plain guides where that is
    nobody that we know."""
    known: dict[str, Terms] = {}

    def of(opened: Interchange) -> Terms:
        partner = partners.find(opened.sender_qualifier, opened.sender)
        name = partner.name if partner is not None else ""
        if name not in known:
            known[name] = terms(registry, partner)
        return known[name]

    return of
