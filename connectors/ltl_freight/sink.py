"""Books pick-ups and offers loads at the carrier, each once: it is asked by our request id before a repeat."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lxml import etree

from crossdock.errors import Refused, WireDown, WireQuiet
from crossdock.formats import json_strict
from crossdock.kit.rest_target import outcome_of
from crossdock.kit.soap_settings import SoapSettings
from crossdock.manifests import typed
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.soap import Soap

OPERATIONS: Final = {"pickup": "RequestPickup", "tender": "TenderShipment"}
NOT_NOW: Final = ("ThrottledFault",)
"""Faults that say that nothing was done, and that it may be later."""

_KNOWN_AS: Final = {"shipment": "ShipmentId", "pro": "ProNumber"}
_TAKEN: Final = ("ACCEPTED", "PENDING")
_DECLINED: Final = "DECLINED"


def connect(manifest: Manifest, login: Login, clock: Clock) -> "FreightRequests":
    """The sink of this connector, not yet opened."""
    return FreightRequests(manifest, login, clock)


class FreightRequests:
    """The carrier, as somebody who can be asked for a pick-up and offered a load. For one thread."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        settings = typed(SoapSettings, manifest, "sink")
        self._clock = clock
        self._wire = Soap(
            login,
            folder=Path(manifest.code_folder),
            wsdl=settings.wsdl,
            wsdl_sha256=settings.wsdl_sha256,
            path=settings.path,
            deadline_s=settings.deadline_s,
            connect_s=settings.connect_s,
            clock=clock,
            not_done=NOT_NOW,
        )

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One request. Raises ``Misconfigured`` when the login is not taken."""
        try:
            asked = self._asked(write_back)
            answer = self._wire.call(OPERATIONS[write_back.operation], effect=True, **asked)
        except (Refused, WireDown, WireQuiet) as error:
            return outcome_of(error, self._clock.now(), not_now=NOT_NOW)
        return _outcome(answer.content, write_back, f"{write_back.operation} at {self._wire.address}")

    def find(self, write_back: WriteBack) -> Receipt | None:
        """What the carrier says of our request, ``None`` when it knows none. Raises when it does not say."""
        answer = self._wire.call("FindRequest", effect=False, RequestId=write_back.idempotency_key)
        if answer.problem is not None or answer.content is None:
            raise WireDown(f"FindRequest at {self._wire.address}: {answer.problem}; it was a read")
        found = answer.content.find("Found")
        if found is None:
            return None
        outcome = _outcome(found, write_back, f"FindRequest at {self._wire.address}")
        if isinstance(outcome, Delivered):
            return outcome.receipt
        raise Refused(outcome.reason, status="found")

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """What ``deliver`` would ask for."""
        try:
            asked = self._asked(write_back)
        except Refused as error:
            return {"refused": str(error)}
        operation = OPERATIONS[write_back.operation]
        return {"method": "POST", "address": self._wire.address, "operation": operation, **asked}

    def check(self) -> Iterator[CheckStep]:
        """The pinned contract, connect, log in, ask for a request that was never made."""
        yield from self._wire.check("FindRequest", RequestId="crossdock-check")

    def close(self) -> None:
        self._wire.close()

    def _asked(self, write_back: WriteBack) -> dict[str, str]:
        kind, _, number = write_back.subject.partition("/")
        if write_back.operation not in OPERATIONS:
            raise Refused(f"the carrier knows no {write_back.operation!r}", status="operation")
        if kind not in _KNOWN_AS or not number:
            raise Refused(f"{write_back.subject!r} is no shipment of the carrier", status="subject")
        said = json_strict.loads(write_back.body)
        needed = ("remarks",) if write_back.operation == "tender" else ("date", "ready", "close")
        if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in needed):
            raise Refused(f"a {write_back.operation} needs {', '.join(needed)}", status="body")
        asked = {"RequestId": write_back.idempotency_key, _KNOWN_AS[kind]: number}
        if write_back.operation == "tender":
            return {**asked, "Remarks": said["remarks"]}
        return {
            **asked,
            "PickupDate": said["date"],
            "ReadyTime": said["ready"],
            "CloseTime": said["close"],
            "Instructions": str(said.get("instructions") or ""),
        }


def _outcome(content: etree._Element | None, write_back: WriteBack, what: str) -> Delivered | Reject | Unsure:
    """What a confirmation means. It must name our request; a result that nobody knows proves nothing."""
    if content is None or (content.findtext("RequestId") or "").strip() != write_back.idempotency_key:
        return Unsure(reason=f"{what}: the answer does not name our request")
    result = (content.findtext("Result") or "").strip().upper()
    number = (content.findtext("ConfirmationNumber") or "").strip()
    reason = (content.findtext("Reason") or "").strip()[:300]
    if result == _DECLINED:
        return Reject(reason=f"{what}: the carrier declined: {reason or 'it gives no reason'}", status=result)
    if result not in _TAKEN or (result == "ACCEPTED" and not number):
        return Unsure(reason=f"{what}: the answer says {result or 'no result'} and proves nothing")
    evidence = {"request_id": write_back.idempotency_key, "result": result}
    return Delivered(receipt=Receipt(reference=number or write_back.idempotency_key, evidence=evidence))
