"""Makes tasks in NetSuite, each once.

Source: SuiteTalk REST Web Services, "REST Web Services Request Processing". A request that is to be worked on later
(``Prefer: respond-async``) is answered 202 with the ``Location`` of its job; one that repeats an idempotency key is
answered 400 with the ``Location`` of the first one's job. Neither says that the task was made, and a job can fail: so
the task itself is looked for, by its external id, which is our key.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from crossdock.errors import CrossdockError, Refused
from crossdock.formats import json_strict
from crossdock.kit import notice
from crossdock.kit.call_times import CallTimes
from crossdock.kit.rest_target import DONE, Effect, RestTarget
from crossdock.manifests import typed
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Unsure, WriteBack
from crossdock.ports import CheckStep, Clock, Login, Manifest, system_dice
from crossdock.wires.oauth1 import OAuth1
from crossdock.wires.rest import Answer, Rest, duplicate_at, same_host

TASKS: Final = "/services/rest/record/v1/task"
TITLE_LONGEST: Final = 256
MESSAGE_LONGEST: Final = 4000

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SUBJECT: Final = re.compile(r"[a-z_]{1,40}/[^\x00-\x1f]{1,100}")


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Tasks":
    """The sink of this connector, not yet opened."""
    return Tasks(manifest, login, clock)


class Tasks:
    """The tasks of a NetSuite account. Safe to share between threads."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        settings = typed(CallTimes, manifest, "sink")
        wire = Rest(
            login,
            deadline_s=settings.deadline_s,
            connect_s=settings.connect_s,
            clock=clock,
            signer=OAuth1(login, clock, system_dice()),
        )
        self._target = RestTarget(login, clock, title="NetSuite", done=(*DONE, 202), wire=wire)

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One request for a task, and a look at what came of it."""
        return self._target.deliver(
            write_back,
            asked=self._asked,
            proof=self._proof,
            judged=lambda answer, what: self._judged(answer, what, write_back),
        )

    def find(self, write_back: WriteBack) -> Receipt | None:
        """The task with our external id, ``None`` when there is none. Raises when NetSuite does not say."""
        key = write_back.idempotency_key
        if not _KEY.fullmatch(key):
            raise Refused(f"{key[:60]!r} is no external id of NetSuite's REST services", status="key")
        task = self._target.ask(f"{TASKS}/eid:{key}", missing=True)
        if task is None:
            return None
        if not isinstance(task, dict) or task.get("externalId") != key or not task.get("id"):
            raise Refused("NetSuite's answer is about another record", status="record")
        return Receipt(reference=f"task/{task['id']}", evidence={"external_id": key})

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The request that ``deliver`` would make."""
        return self._target.preview(write_back, self._asked)

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, list a task."""
        yield from self._target.check(TASKS, query={"limit": "1"})

    def close(self) -> None:
        self._target.close()

    def _asked(self, write_back: WriteBack) -> Effect:
        if write_back.operation != "note":
            raise Refused(f"NetSuite's tasks know no {write_back.operation!r}", status="operation")
        if not _SUBJECT.fullmatch(write_back.subject):
            raise Refused(
                f"{write_back.subject[:100]!r} is nothing that a task could be about", status="subject"
            )
        if not _KEY.fullmatch(write_back.idempotency_key):
            raise Refused("the key is no external id of NetSuite's REST services", status="key")
        said = json_strict.loads(write_back.body)
        text = said.get("text") if isinstance(said, dict) else None
        if not isinstance(text, str) or not text:
            raise Refused("the body of a note has no text", status="body")
        kind, _, number = write_back.subject.partition("/")
        task = {
            "externalId": write_back.idempotency_key,
            "title": notice.plain(f"{kind.replace('_', ' ')} {number}: {text}", TITLE_LONGEST),
            "message": text[:MESSAGE_LONGEST],
        }
        return Effect(
            method="POST",
            path=TASKS,
            body=json.dumps(task, sort_keys=True).encode(),
            headers={
                "Content-Type": "application/json",
                "Prefer": "respond-async",
                "X-NetSuite-Idempotency-Key": write_back.idempotency_key,
            },
        )

    def _proof(self, answer: Answer, write_back: WriteBack) -> Receipt:
        """A success names the job or the task; the task proves it."""
        where = same_host(self._target.wire.base, answer.headers.get("location", ""))
        if where is None:
            raise Refused("it names no job", status=str(answer.status))
        try:
            receipt = self.find(write_back)
        except CrossdockError as error:
            raise Refused(
                f"{where} was given, and the task was not to be seen: {error}", status="task"
            ) from error
        if receipt is None:
            raise Refused(f"{where} has not made the task yet", status="task")
        return receipt

    def _judged(self, answer: Answer, what: str, write_back: WriteBack) -> Outcome | None:
        """A no that may be about a repeat: the first one is looked at, the task and then its job."""
        if answer.status != 400:
            return None
        job = duplicate_at(answer, self._target.wire.base)
        try:
            receipt = self.find(write_back)
            failed = receipt is None and job is not None and self._failed(job)
        except CrossdockError as error:
            return Unsure(
                reason=f"{what}: answered 400, and what came of the first one was not to be seen: {error}"
            )
        if receipt is not None:
            return Delivered(receipt=receipt, duplicate=True)
        if job is None:
            return None
        if failed:
            return Reject(
                reason=f"{what}: NetSuite took it and failed at it; {job} says why", status="failed"
            )
        return Unsure(reason=f"{what}: NetSuite has it already, and {job} has not made the task yet")

    def _failed(self, job: str) -> bool:
        said = self._target.ask(job)
        if not isinstance(said, dict) or not isinstance(said.get("completed"), bool):
            raise Refused("the answer is no job", status="job")
        return said["completed"] and said.get("progress") == "failed"
