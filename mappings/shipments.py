"""What a carrier's status means, whichever way it came: the 214 and the SOAP status share these words."""

from typing import Final

from mappings.codes import NONE, Row

REASON_ELEMENT: Final = "x12-1651"
STATUS_ELEMENT: Final = "x12-1650"
APPOINTMENT_ELEMENT: Final = "x12-1652"


def judged(status: Row | None, reason: Row | None) -> tuple[str, str | None]:
    """The exception and the cause of a status with its reason.

    A normal reason says that nothing is wrong, even beside a status of delay. Otherwise an exceptional status
    stands and the reason is its cause; a plain status is what its reason makes of it.
    """
    if reason is not None and reason.normal:
        return NONE, None
    exception = status.exception if status is not None else NONE
    if exception == NONE and reason is not None:
        exception = reason.exception
    cause = reason.cause if reason is not None else None
    return exception, cause or (status.cause if status is not None else None)


def appointment_judged(reason: Row | None) -> tuple[str, str | None]:
    """The same for an appointment: any reason but a normal one says that something is wrong with it."""
    if reason is None or reason.normal:
        return NONE, None
    return "SHP.APPOINTMENT" if reason.exception == NONE else reason.exception, reason.cause


def title(what: str, status: Row | None, reason: Row | None, city: str, state: str) -> str:
    """``Shipment SHP-1: delayed, weather or natural disaster (Joliet, IL)``."""
    said = [row.text for row in (status, reason) if row is not None and not row.normal]
    place = ", ".join(part for part in (city, state) if part)
    return f"{what}: {', '.join(said) or 'a status that we do not know'}" + (f" ({place})" if place else "")
