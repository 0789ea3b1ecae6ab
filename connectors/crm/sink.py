"""Keeps one case in the CRM for each case of ours.

Source: Salesforce, REST API Developer Guide, "Upsert a record using an external ID". PATCH on the external id makes
the case or changes the same one, whoever repeats it; and before a repeat the CRM is asked whether the word had come.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.crm.settings import SinkSettings
from crossdock.errors import Misconfigured, Refused, Unreadable
from crossdock.formats import json_strict
from crossdock.kit import notice
from crossdock.kit.rest_target import Effect, RestTarget, said
from crossdock.manifests import typed
from crossdock.messages import Outcome, Receipt, Reject, Retry, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest
from crossdock.wires.rest import Answer, quoted

SUBJECT_LONGEST: Final = 255
DESCRIPTION_LONGEST: Final = 32_000
PRIORITIES: Final = ((20, "High"), (50, "Medium"), (99, "Low"))
"""Up to which priority of ours a case has which of theirs."""

LATER: Final = frozenset(
    {"REQUEST_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "TXN_SECURITY_TIMEOUT"}
)
"""Error codes that say: nothing was changed, come later."""


def connect(manifest: Manifest, login: Login, clock: Clock) -> "CrmCases":
    """The sink of this connector, not yet opened."""
    return CrmCases(manifest, login, clock)


class CrmCases:
    """The cases of a CRM. Safe to share between threads."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        self._settings = settings = typed(SinkSettings, manifest, "sink")
        self._login = login
        self._target = RestTarget(
            login, clock, title="the CRM", deadline_s=settings.deadline_s, connect_s=settings.connect_s
        )

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One upsert."""
        return self._target.deliver(write_back, asked=self._asked, proof=_proof, judged=_judged)

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The PATCH that ``deliver`` would make."""
        return self._target.preview(write_back, self._asked)

    def find(self, write_back: WriteBack) -> Receipt | None:
        """The CRM's case, when it says what this write-back wants; ``None`` when there is none or it says else."""
        wanted = self._fields(write_back)
        names = ",".join(["Id", *wanted])
        case = self._target.ask(self._path(write_back), query={"fields": names}, missing=True)
        if not isinstance(case, dict) or not isinstance(case.get("Id"), str):
            if case is None:
                return None
            raise Refused("the CRM's answer is no case", status="200")
        if any(case.get(name) != value for name, value in wanted.items()):
            return None
        return Receipt(reference=case["Id"], evidence={"found": True, "key": write_back.subject})

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, and read what the object is."""
        yield from self._target.check(f"{self._settings.path}/describe")

    def close(self) -> None:
        self._target.close()

    def _asked(self, write_back: WriteBack) -> Effect:
        if write_back.operation != "crm_case":
            raise Refused(f"the CRM knows no operation {write_back.operation!r}", status="operation")
        return Effect(
            method="PATCH",
            path=self._path(write_back),
            body=json.dumps(self._fields(write_back)).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )

    def _path(self, write_back: WriteBack) -> str:
        kind, _, case = write_back.subject.partition("/")
        if kind != "case":
            raise Refused(f"the CRM keeps cases, and {write_back.subject!r} is none", status="subject")
        try:
            return self._settings.path + quoted(self._settings.external_id, case)
        except Misconfigured as error:
            raise Refused(f"{write_back.subject!r} names no case", status="subject") from error

    def _fields(self, write_back: WriteBack) -> dict[str, str]:
        """What the case is to say. Its state is left to the people there."""
        told = notice.read(write_back)
        address = notice.case_address(self._login, told.case)
        lines = [told.text, f"{told.headline} ({told.code}, {told.severity})", address]
        priority = json_strict.loads(write_back.body).get("priority")
        if not isinstance(priority, int):
            raise Refused("the body of 'crm_case' has no priority", status="body")
        return {
            "Subject": notice.plain(f"{told.about}: {told.headline}", SUBJECT_LONGEST),
            "Description": "\n".join(filter(None, lines))[:DESCRIPTION_LONGEST],
            "Priority": next(word for most, word in PRIORITIES if priority <= most),
            "Origin": self._settings.origin,
        }


def _proof(answer: Answer, write_back: WriteBack) -> Receipt:
    """Made: 201 (or 200) names the record. Changed: 204, or 200 with ``created`` false."""
    evidence = {"status": answer.status, "key": write_back.subject}
    if answer.status == 204:
        return Receipt(reference=write_back.subject, evidence=evidence)
    record = said(answer)
    if not isinstance(record, dict) or record.get("success") is not True or not record.get("id"):
        raise Refused("it does not name the case", status=str(answer.status))
    return Receipt(reference=str(record["id"]), evidence={**evidence, "created": record.get("created", True)})


def _judged(answer: Answer, what: str) -> Outcome | None:
    """What Salesforce says with its error codes: a quota (403) and a lock (400) are "later"."""
    codes = _error_codes(answer)
    if answer.status == 300:
        return Reject(
            reason=f"{what}: several cases have this external id; make the field unique, and join them",
            status="300",
        )
    if codes & LATER:
        return Retry(reason=f"{what}: the CRM asks us to come later ({', '.join(sorted(codes))})")
    return None


def _error_codes(answer: Answer) -> set[str]:
    try:
        errors = said(answer)
    except (Refused, Unreadable):
        return set()
    if not isinstance(errors, list):
        return set()
    return {str(one.get("errorCode", ""))[:64] for one in errors if isinstance(one, dict)}
