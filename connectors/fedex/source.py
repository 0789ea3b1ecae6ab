"""FedEx tracking: ``POST /track/v1/trackingnumbers`` with up to 30 numbers, each result one message in its own bytes.

The answer is 200 also for numbers that FedEx does not know; those results say so themselves.
"""

import json
import uuid
from collections.abc import Sequence

from crossdock.errors import Unreadable
from crossdock.formats import json_strict
from crossdock.kit.inquiry_settings import InquirySettings
from crossdock.kit.records import cut as cut_page
from crossdock.kit.rest_inquiry import Answered, Ask, RestInquiry
from crossdock.manifests import typed
from crossdock.ports import Clock, Login, Manifest

NOT_KNOWN = "TRACKING.TRACKINGNUMBER.NOTFOUND"


def connect(manifest: Manifest, login: Login, clock: Clock) -> RestInquiry:
    """The source of this connector, not yet opened."""
    settings = typed(InquirySettings, manifest, "source")

    def asking(numbers: Sequence[str]) -> Ask:
        info = [{"trackingNumberInfo": {"trackingNumber": number}} for number in numbers]
        return Ask(
            method="POST",
            path=settings.path,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "X-locale": "en_US",
                "x-customer-transaction-id": uuid.uuid4().hex,
            },
            body=json.dumps({"includeDetailedScans": True, "trackingInfo": info}).encode(),
        )

    return RestInquiry(manifest, login, clock, asking=asking, cut=cut, settings=settings)


def cut(body: bytes, numbers: Sequence[str]) -> list[Answered]:
    """The result of each number, without those that FedEx has nothing about. Raises ``Unreadable``."""
    found = []
    for record in cut_page(body, records="output.completeTrackResults").records:
        match json_strict.loads(record):
            case {"trackResults": [{"error": {"code": code}}, *_]} if code == NOT_KNOWN:
                continue
            case {"trackingNumber": str(number)}:
                found.append(Answered(number=number, body=record))
            case _:
                raise Unreadable("a result names no tracking number")
    return found
