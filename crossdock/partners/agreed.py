"""What holds between us and a partner for one set: the guide of its release with the partner's overlay on top."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crossdock.errors import Misconfigured
from crossdock.partners.partner import ACKNOWLEDGEMENTS, Partner

if TYPE_CHECKING:
    from crossdock.formats.x12.guides import Guide


def guide_of(partner: Partner, set_id: str, release: str) -> "Guide | None":
    """The partner's guide of a set in a release (``004010``), or in the nearest; ``None``: there is none.

    Raises ``Misconfigured`` where the overlay does not fit the guide of that release.
    """
    from crossdock.formats.x12 import guides
    from crossdock.formats.x12.overlay import Mistakes, Overlay, PartnerGuide

    base = guides.guide(set_id, release)
    if base is None or set_id not in partner.overlay:
        return base
    try:
        return PartnerGuide(base, Overlay.of(partner.overlay[set_id]))
    except Mistakes as mistakes:
        raise _misfit(partner, set_id, base.release, mistakes) from mistakes


def differences(partner: Partner, set_id: str, release: str) -> list[str]:
    """What the partner's overlay changes in a set of a release, as sentences; none where it has no overlay.

    Raises ``Misconfigured`` where the overlay does not fit the guide of that release.
    """
    from crossdock.formats.x12 import guides
    from crossdock.formats.x12.overlay import Mistakes, Overlay

    base = guides.guide(set_id, release)
    if base is None or set_id not in partner.overlay:
        return []
    try:
        return Overlay.of(partner.overlay[set_id]).differences(base)
    except Mistakes as mistakes:
        raise _misfit(partner, set_id, base.release, mistakes) from mistakes


def missing_guides(partner: Partner, sets: Iterable[str]) -> list[tuple[str, str]]:
    """Those of these sets whose agreed release has no guide of its own, each with the release that is used instead:
    ``("850 of 006020", "005010")``."""
    from crossdock.formats.x12 import guides

    found = []
    for set_id in sets:
        agreed = partner.release_for(set_id) if set_id in partner.sends else partner.release
        base = None if set_id in ACKNOWLEDGEMENTS else guides.guide(set_id, agreed)
        if base is not None and base.release != agreed:
            found.append((f"{set_id} of {agreed}", base.release))
    return found


def _misfit(partner: Partner, set_id: str, release: str, mistakes: ValueError) -> Misconfigured:
    return Misconfigured(
        f"[overlay.{set_id}] of partner {partner.name!r} does not fit {set_id} of release {release}: {mistakes}"
    )
