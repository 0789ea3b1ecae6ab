"""Alarms: what befell a target as such becomes one event, and so one case, however many write-backs wait for it."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Origin
from crossdock.messages import CaseState, Conflict, WriteBack
from crossdock.normalize.part import rfc3339, sealed
from crossdock.ports import Clock
from crossdock.principals import OURSELVES
from crossdock.reconcile import Said
from crossdock.record import Recorder
from crossdock.store import casebook

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

_MAPPING: Final = "crossdock.deliver"
_VERSION: Final = "1"
_SCHEME: Final = "connector"


class Alarms:
    """Writes events about targets, in the transaction of what befell them."""

    def __init__(self, recorder: Callable[[], Recorder], *, tenant: str, clock: Clock) -> None:
        """``recorder`` is asked for when something befalls a target: it needs the rules, and delivery does not."""
        self._recorder = recorder
        self._tenant = tenant
        self._clock = clock

    def login_refused(
        self, connection: "Transaction", write_back: WriteBack, reason: str, since: datetime
    ) -> None:
        """``INT.AUTH_FAILED``: the target is paused since then. Said once for each pause."""
        about = f"feed:{write_back.target}"
        if casebook.was_said(connection, self._tenant, "INT.AUTH_FAILED", about, since):
            return
        self._ring(
            connection,
            write_back,
            ExceptionEvent(
                code="INT.AUTH_FAILED",
                title=f"'{write_back.target}' is paused: it does not take our login, or does not prove who it is",
                detail=reason,
                refs=[{"kind": "feed", "value": write_back.target, "scheme": _SCHEME}],
                place={},
                method="rule",
            ),
            about=f"login:{write_back.target}:{rfc3339(since)}",
        )

    def login_taken(self, connection: "Transaction", target: str) -> None:
        """The target takes our login again: its case ends."""
        found = casebook.open_cases_about(connection, self._tenant, ["INT.AUTH_FAILED"], [f"feed:{target}"])
        for case in found:
            casebook.move_case(
                connection,
                tenant=self._tenant,
                case_id=case.id,
                from_state=case.state,
                to_state=CaseState.RESOLVED,
                actor=OURSELVES,
                reason=f"'{target}' takes our login again",
                now=self._clock.now(),
            )

    def conflict(self, connection: "Transaction", write_back: WriteBack, conflict: Conflict) -> None:
        """``INT.CONFLICT``: what was decided does not fit any more, and a person looks."""
        self._ring(
            connection,
            write_back,
            ExceptionEvent(
                code="INT.CONFLICT",
                title=f"{write_back.operation} for {write_back.subject} does not fit what '{write_back.target}' has",
                detail=conflict.reason,
                refs=[{"kind": "message", "value": str(write_back.id), "issuer": write_back.target}],
                place={},
                method="rule",
                ext={
                    "write_back": str(write_back.id),
                    "target": write_back.target,
                    "subject": write_back.subject,
                },
            ),
            about="conflict",
        )

    def _ring(
        self, connection: "Transaction", write_back: WriteBack, exception: ExceptionEvent, *, about: str
    ) -> None:
        """An event that no document said: its origin is the write-back that met it."""
        now = self._clock.now()
        origin = Origin(
            tenant=self._tenant,
            source=write_back.target,
            connector_version="0",
            mapping=_MAPPING,
            mapping_version=_VERSION,
            raw_id=str(write_back.id),
            raw_sha256=write_back.body_sha256,
            received_at=rfc3339(write_back.created_at or now),
            recorded_at=rfc3339(now),
        )
        (document,) = sealed([exception], origin, part=about)
        said = Said(document=document, raw_id=write_back.id, part=0, partner=None)
        self._recorder().write_events(connection, [said], now)
