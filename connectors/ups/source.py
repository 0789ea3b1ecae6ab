"""UPS tracking: one call for each number, ``GET /track/v1/details/{number}``, the whole answer one message.

Each call carries ``transId``, a number of its own, and ``transactionSrc``. UPS says 404, or 200 with a warning and
no package, for a number that it has not seen yet.
"""

import uuid
from collections.abc import Sequence

from connectors.ups.settings import UpsSettings
from crossdock.formats import json_strict
from crossdock.kit.rest_inquiry import Answered, Ask, RestInquiry
from crossdock.manifests import typed
from crossdock.ports import Clock, Login, Manifest
from crossdock.wires.rest import quoted


def connect(manifest: Manifest, login: Login, clock: Clock) -> RestInquiry:
    """The source of this connector, not yet opened."""
    settings = typed(UpsSettings, manifest, "source")

    def asking(numbers: Sequence[str]) -> Ask:
        (number,) = numbers
        headers = {
            "Accept": "application/json",
            "transId": uuid.uuid4().hex,
            "transactionSrc": settings.transaction_src,
        }
        return Ask(
            method="GET",
            path=settings.path + quoted(number),
            query=[("locale", settings.locale)],
            headers=headers,
        )

    return RestInquiry(manifest, login, clock, asking=asking, cut=cut, settings=settings)


def cut(body: bytes, numbers: Sequence[str]) -> list[Answered]:
    """The answer as it is; none for a number that UPS has nothing about."""
    match json_strict.loads(body):
        case {"trackResponse": {"shipment": [*shipments]}} if not any(
            isinstance(each, dict) and each.get("package") for each in shipments
        ):
            return []
    return [Answered(number=numbers[0], body=body)]
