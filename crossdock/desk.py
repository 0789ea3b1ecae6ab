"""The dead-letter desk as people use it: groups of one cause, parking, and runs that put many letters back."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Final

from crossdock import deadletters, mending
from crossdock.deadletters import NoSuchDeadLetter, NotPossible
from crossdock.errors import Misconfigured
from crossdock.faultpoints import faultpoint
from crossdock.ports import Clock
from crossdock.redrive import Redriver
from crossdock.store import desk, letters, stops
from crossdock.store.tables import GROUP_STATES
from crossdock.versions import Versions

if TYPE_CHECKING:
    from crossdock.store.engine import Store

WORDS: Final = {
    "acknowledged": "acknowledge",
    "resolved": "resolve",
    "ignored": "ignore",
    "open": "reopen",
}
"""What a person does to a group, by the state that follows."""


class Desk:
    """The desk of one tenant. Everything that is done here leaves an audit row in its own transaction."""

    def __init__(self, *, store: "Store", tenant: str, clock: Clock, versions: Versions) -> None:
        self._store = store
        self._tenant = tenant
        self._clock = clock
        self._versions = versions
        self.redrives = Redriver(store=store, tenant=tenant, clock=clock, versions=versions)

    def move_group(
        self,
        group_id: uuid.UUID,
        state: str,
        *,
        actor: str,
        reason: str = "",
        until: datetime | None = None,
    ) -> None:
        """Say how a cause stands: acknowledged, resolved, ignored ``until`` a time, or open again.

        Its letters stay as they are. Raises ``NotPossible`` when the state may not follow, or a reason is missing
        for what closes an eye: resolved and ignored.
        """
        now = self._clock.now()
        if state in ("resolved", "ignored") and not reason.strip():
            raise NotPossible(f"a group is {state} with a reason")
        if state == "ignored" and (until is None or until <= now):
            raise NotPossible("a group is ignored until a time that is still to come; say which")
        with self._store.transaction(self._tenant) as connection:
            group = letters.hold_group(connection, self._tenant, group_id)
            if group is None:
                raise Misconfigured(
                    f"there is no group {group_id}; `crossdock dead-letters groups` shows those that are there"
                )
            if state != group.state and state not in GROUP_STATES[group.state]:
                raise NotPossible(
                    f"group {str(group_id)[:8]} is {group.state}, from where it goes on to "
                    f"{', '.join(GROUP_STATES[group.state])}"
                )
            letters.move_group(
                connection,
                tenant=self._tenant,
                group_id=group_id,
                state=state,
                until=until if state == "ignored" else None,
                actor=actor,
                reason=reason,
                now=now,
            )
            desk.add_audit(
                connection,
                tenant=self._tenant,
                now=now,
                actor=actor,
                action=f"dead_letter_group.{WORDS[state]}",
                object_kind="dead_letter_group",
                object_id=str(group_id),
                reason=reason or None,
                detail={"was": group.state, **({"until": until.isoformat()} if until else {})},
            )
            faultpoint("desk.before_group")
        faultpoint("desk.after_group")

    def replay(self, letter_id: uuid.UUID, *, actor: str, as_then: bool = False) -> deadletters.Replayed:
        """Put one letter back now. ``as_then``: only while what is installed is what it failed under."""
        with self._store.transaction(self._tenant) as connection:
            deadletters.hold(connection, self._tenant, letter_id)
            letter = desk.read_dead_letter(connection, self._tenant, letter_id)
            if letter is not None and as_then and letter.write_back_id is None:
                missing = self._versions.missing(letter.source, letter.versions)
                if missing:
                    raise NotPossible(
                        f"dead letter {str(letter_id)[:8]} cannot be run as then: {'; '.join(missing)}; replay it as "
                        "now, or install those versions"
                    )
            replayed = deadletters.replay(
                connection,
                tenant=self._tenant,
                letter_id=letter_id,
                actor=actor,
                now=self._clock.now(),
                replay_as="then" if as_then else "now",
            )
            faultpoint("deadletters.before_replay")
        faultpoint("deadletters.after_replay")
        return replayed

    def resume_source(self, name: str, *, actor: str, reason: str) -> None:
        """Let a source that was stopped go on. What failed before this does not stop it again."""
        if not reason.strip():
            raise NotPossible("a source is resumed with a reason")
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            was = stops.stopped(connection, self._tenant, name)
            if was is None or not stops.resume(connection, self._tenant, name, now=now):
                raise NotPossible(f"connector '{name}' is not stopped")
            desk.add_audit(
                connection,
                tenant=self._tenant,
                now=now,
                actor=actor,
                action="source.resume",
                object_kind="source",
                object_id=name,
                reason=reason,
                detail={"was": was.stopped_why, "since": was.stopped_at.isoformat()},
            )
            faultpoint("desk.before_resume")
        faultpoint("desk.after_resume")

    def edit(
        self, letter_id: uuid.UUID, body: bytes, *, actor: str, reason: str = "", only_try: bool = False
    ) -> mending.Edited:
        """Put a new body in the place of what failed, and run it. ``only_try``: only say what would differ."""
        with self._store.transaction(self._tenant) as connection:
            edited = mending.edit(
                connection,
                tenant=self._tenant,
                letter_id=letter_id,
                body=body,
                actor=actor,
                reason=reason,
                now=self._clock.now(),
                only_try=only_try,
            )
            faultpoint("desk.before_edit")
        faultpoint("desk.after_edit")
        return edited

    def park(self, letter_id: uuid.UUID, *, actor: str, reason: str, parked: bool = True) -> None:
        """Park a letter, so that no replay takes it, or let one out; each with a reason."""
        if not reason.strip():
            raise NotPossible(
                f"a dead letter is {'parked' if parked else 'let out of parking'} with a reason"
            )
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            letter = desk.read_dead_letter(connection, self._tenant, letter_id)
            if letter is None:
                raise NoSuchDeadLetter(f"there is no dead letter {letter_id}")
            if letter.state != ("open" if parked else "parked"):
                raise NotPossible(f"dead letter {str(letter_id)[:8]} is {letter.state}")
            letters.park(connection, tenant=self._tenant, letter_id=letter_id, parked=parked)
            desk.add_audit(
                connection,
                tenant=self._tenant,
                now=now,
                actor=actor,
                action="dead_letter.park" if parked else "dead_letter.unpark",
                object_kind="dead_letter",
                object_id=str(letter_id),
                reason=reason,
                detail={"code": letter.code, "label": letter.label, "replays": letter.replays},
            )
            faultpoint("desk.before_park")
        faultpoint("desk.after_park")
