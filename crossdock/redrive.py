"""Redrive: many dead letters put back at a rate, as a run in the store that any worker goes on with.

A run is written down with its letters before the first is touched. A step takes a bite: it locks the run, so that its
pace is one pace however many workers there are, and puts the next letters back, each to the one stage or target that
failed, in the same transaction that says so. Dying anywhere leaves a bite done or not done, and never half.

The pace: of a run of n per second, the k-th letter is due k/n seconds after the first. A step looks ``AHEAD`` and
gives each write-back its due time, so that they leave one by one although the step comes once a minute; parts are
put back at most so many at a time, and behind what comes in (``inbox.claim_messages``).
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from crossdock import deadletters
from crossdock.deadletters import NotPossible
from crossdock.errors import Misconfigured, WireDown
from crossdock.faultpoints import faultpoint
from crossdock.ports import Clock
from crossdock.store import desk, redrives
from crossdock.store.engine import Clash, StoreUnready
from crossdock.versions import Versions

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

AHEAD: Final = timedelta(seconds=60)
"""So far a step looks ahead: as long as the next step may take to come."""

BITE: Final = 200
"""At most so many letters in one transaction."""

USUAL_RATE: Final = 10.0
HIGHEST_RATE: Final = 500.0
"""Per second; what AWS allows for the same."""


class Way(StrEnum):
    """What a redrive would do with a letter."""

    PUT_BACK = "put_back"
    SKIPPED = "skipped"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which letters: by what they are, or one by one. ``group`` and ``ids`` are ids; ``code`` may be a family."""

    source: str | None = None
    stage: str | None = None
    code: str | None = None
    group: uuid.UUID | None = None
    partner: str | None = None
    label: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[uuid.UUID, ...] | None = None

    def __post_init__(self) -> None:
        if not self.as_dict():
            raise Misconfigured(
                "say which dead letters: by id, group, source, stage, code, partner, label, since or until"
            )

    def as_dict(self) -> dict[str, Any]:
        """What was said, for the store's filter."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not None}

    def plain(self) -> dict[str, Any]:
        """The same as JSON keeps it: the same words for the same set."""
        said = self.as_dict()
        if self.ids is not None:
            said["ids"] = sorted(str(one) for one in self.ids)
        return {
            name: value
            if isinstance(value, list)
            else value.isoformat()
            if isinstance(value, datetime)
            else str(value)
            for name, value in said.items()
        }

    @property
    def key(self) -> str:
        """The name of the set: the same filter is the same set, whoever asks."""
        return sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What would become of a letter, and why, as a sentence about one or many ("will write to erp")."""

    way: Way
    one: str
    many: str

    def of(self, count: int) -> str:
        """The sentence about so many."""
        return f"{count} {self.one if count == 1 else self.many}"


def weigh(letter: Any, missing: Sequence[str] = ()) -> Weighed:
    """What a redrive does with a letter, from how its thing stands. ``missing``: what "as then" lacks. Pure."""
    if letter.in_a_run:
        return _alike(Way.SKIPPED, "in another redrive already")
    if letter.state == "parked":
        return _alike(Way.LEFT, "parked, for it came back too often, and {is} left")
    if letter.state != "open":
        return _alike(Way.SKIPPED, f"{letter.state} already and {{is}} skipped")
    if letter.is_write_back:
        return _weigh_write_back(letter)
    if letter.stage == "receive" and letter.code == "INT.SOURCE_DEGRADED":
        return _alike(Way.LEFT, "of something that was never taken, and {is} left")
    if letter.is_event and letter.code == "INT.SCHEMA_VIOLATION":
        return Weighed(way=Way.PUT_BACK, one="will be emitted again", many="will be emitted again")
    if letter.is_event:
        return _alike(Way.LEFT, "in the feed already and not taken by a broker, and {is} left")
    if letter.part_state == "in_flight":
        return _alike(Way.SKIPPED, "on {its} way already and {is} skipped")
    if letter.part_state in ("processed", "discarded"):
        return _alike(Way.SKIPPED, f"{letter.part_state} already and {{is}} skipped")
    if missing:
        return _alike(Way.LEFT, f"not to be run as then, and {{is}} left: {'; '.join(missing)}")
    return Weighed(way=Way.PUT_BACK, one="will be processed again", many="will be processed again")


def _weigh_write_back(letter: Any) -> Weighed:
    match letter.write_back_state:
        case "rejected" | "exhausted" if letter.in_failed_saga:
            return _alike(Way.LEFT, "part of what failed with its saga, and {is} left")
        case "rejected" | "exhausted" if letter.said_anew:
            return _alike(Way.LEFT, "said anew by a later one, and {is} left")
        case "rejected" | "exhausted":
            will = f"will write to {letter.source}"
            return Weighed(way=Way.PUT_BACK, one=will, many=will)
        case "delivered":
            return _alike(Way.SKIPPED, "confirmed already and {is} skipped")
        case "ready" | "sending":
            return _alike(Way.SKIPPED, "on {its} way already and {is} skipped")
        case "unsure":
            return _alike(Way.LEFT, "unknown, for it may have happened, and {is} left")
        case "awaiting_approval":
            return _alike(Way.LEFT, "waiting for somebody's approval, and {is} left")
    return _alike(Way.SKIPPED, f"{letter.write_back_state} already and {{is}} skipped")


def _alike(way: Way, said: str) -> Weighed:
    """``said`` about one and about many."""
    one = "is " + said.replace("{is}", "is").replace("{its}", "its")
    many = "are " + said.replace("{is}", "are").replace("{its}", "their")
    return Weighed(way=way, one=one, many=many)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a redrive would do, worked out from the store. ``lines``: count, way and sentence, the most first."""

    lines: tuple[tuple[int, Way, str], ...]
    sample: tuple[Mapping[str, Any], ...]

    @property
    def put_back(self) -> int:
        """How many would be put back."""
        return sum(count for count, way, _ in self.lines if way is Way.PUT_BACK)

    @property
    def sentence(self) -> str:
        """All of it in one: "8 will write to erp, 2 are confirmed already and are skipped"."""
        return ", ".join(sentence for _, _, sentence in self.lines) or "nothing fits"

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "put_back": self.put_back,
            "sentence": self.sentence,
            "lines": [
                {"count": count, "way": str(way), "sentence": sentence} for count, way, sentence in self.lines
            ],
            "sample": list(self.sample),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A run. ``already``: it was running before this was asked, and goes on as it was."""

    id: uuid.UUID
    total: int
    already: bool


class Redriver:
    """The redrives of one tenant."""

    def __init__(self, *, store: "Store", tenant: str, clock: Clock, versions: Versions) -> None:
        self._store = store
        self._tenant = tenant
        self._clock = clock
        self._versions = versions

    def preview(self, chosen: Chosen, *, as_then: bool = False) -> Preview:
        """What would become of these letters now. Nothing is written."""
        with self._store.reading(self._tenant) as connection:
            rows = redrives.count_by_standing(connection, self._tenant, chosen.as_dict())
            sample = redrives.sample(connection, self._tenant, chosen.as_dict(), 5)
        counts: dict[Weighed, int] = {}
        for row in rows:
            weighed = weigh(row, self._missing(row, as_then))
            counts[weighed] = counts.get(weighed, 0) + row.count
        ordered = sorted(counts.items(), key=lambda each: (each[0].way is not Way.PUT_BACK, -each[1]))
        return Preview(
            lines=tuple((count, weighed.way, weighed.of(count)) for weighed, count in ordered),
            sample=tuple(sample),
        )

    def start(
        self,
        chosen: Chosen,
        *,
        actor: str,
        reason: str = "",
        per_second: float = USUAL_RATE,
        as_then: bool = False,
    ) -> Started:
        """Write a run down; steps put its letters back. Whoever asks for the same set while it runs gets that run.

        Raises ``NotPossible`` when no open letter fits, or all that fit are in other runs.
        """
        if not 0 < per_second <= HIGHEST_RATE:
            raise Misconfigured(
                f"the rate is {per_second:g} a second; it is above 0 and at most {HIGHEST_RATE:g}"
            )
        now = self._clock.now()
        redrive_id = uuid.uuid4()
        try:
            with self._store.transaction(self._tenant) as connection:
                total = redrives.add_items(connection, self._tenant, redrive_id, chosen.as_dict())
                row = {
                    "tenant": self._tenant,
                    "id": redrive_id,
                    "set_key": chosen.key,
                    "asked": chosen.plain(),
                    "replay_as": "then" if as_then else "now",
                    "per_second": per_second,
                    "total": total,
                    "state": "running",
                    "paced_until": now,
                    "created_at": now,
                    "created_by": actor,
                    "reason": reason or None,
                }
                if not total or not redrives.add_redrive(connection, row):
                    raise _NothingNew
                self._audit(
                    connection, redrive_id, "start", actor, reason, now, {"total": total, **chosen.plain()}
                )
                faultpoint("redrive.before_start")
        except _NothingNew:
            return self._running_already(chosen)
        faultpoint("redrive.after_start")
        return Started(id=redrive_id, total=total, already=False)

    def _running_already(self, chosen: Chosen) -> Started:
        with self._store.reading(self._tenant) as connection:
            same = redrives.same_set(connection, self._tenant, chosen.key)
            others = redrives.runs_with(connection, self._tenant, chosen.as_dict())
        if same is not None:
            return Started(id=same.id, total=same.total, already=True)
        if others:
            shown = ", ".join(str(one)[:8] for one in others)
            raise NotPossible(
                f"all that fit are in a redrive already ({shown}); look with `crossdock redrives show {shown[:8]}`"
            )
        raise NotPossible(
            "no open dead letter fits; `crossdock dead-letters list` shows those that are there"
        )

    def bite(self) -> dict[str, int]:
        """Put the next letters of one run back. ``redrives`` 0: no run may put anything back yet."""
        try:
            return self._bite(BITE)
        except (Clash, WireDown, StoreUnready):
            raise
        except Exception:
            # something in one of them: one by one, so that it is known which
            return self._bite(1)

    def _bite(self, most: int) -> dict[str, int]:
        counts = dict.fromkeys(("redrives", *map(str, Way)), 0)
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            run = redrives.hold_due(connection, self._tenant, before=now + AHEAD)
            if run is None:
                return counts
            first = max(run.paced_until, now)
            room = max(1, int((now + AHEAD - first).total_seconds() * run.per_second))
            letters = redrives.claim_items(connection, self._tenant, run.id, limit=min(room, most))
            for letter_id in sorted(letters):
                # all before the first is put back, which takes the end of the audit: whoever has one of them wants it
                deadletters.hold(connection, self._tenant, letter_id)
                desk.read_dead_letter(connection, self._tenant, letter_id)
            ended: dict[uuid.UUID, tuple[str, str]] = {}
            due = first
            for letter_id in letters:
                weighed = self._put_back(connection, run, letter_id, due=due, now=now, alone=most == 1)
                ended[letter_id] = (str(weighed.way), weighed.one)
                counts[str(weighed.way)] += 1
                if weighed.way is Way.PUT_BACK:
                    due += timedelta(seconds=1 / run.per_second)
            redrives.end_items(connection, self._tenant, run.id, ended, now)
            redrives.pace(connection, self._tenant, run.id, due)
            if not redrives.has_more(connection, self._tenant, run.id):
                self._move(connection, run.id, "done", run.created_by, now)
            faultpoint("redrive.before_put_back")
        faultpoint("redrive.after_put_back")
        counts["redrives"] = 1
        return counts

    def _put_back(
        self,
        connection: "Transaction",
        run: Any,
        letter_id: uuid.UUID,
        *,
        due: datetime,
        now: datetime,
        alone: bool,
    ) -> Weighed:
        """One letter, weighed as it stands now, whatever the preview said."""
        deadletters.hold(connection, self._tenant, letter_id)
        letter = redrives.standing_of(connection, self._tenant, letter_id)
        if letter is None:
            return _alike(Way.SKIPPED, "not there any more")
        weighed = weigh(letter, self._missing(letter, run.replay_as == "then"))
        if weighed.way is not Way.PUT_BACK:
            return weighed
        try:
            with connection.begin_nested():
                deadletters.replay(
                    connection,
                    tenant=self._tenant,
                    letter_id=letter_id,
                    actor=run.created_by,
                    now=now,
                    due=due,
                    replay_as=run.replay_as,
                    said=f"redrive {run.id}",
                )
        except NotPossible as error:
            return Weighed(way=Way.LEFT, one=f"is left: {error}", many=f"are left: {error}")
        except (Clash, WireDown, StoreUnready):
            raise
        except Exception as error:
            if not alone:
                raise
            said = f"left: putting it back failed ({type(error).__name__})"
            return Weighed(way=Way.LEFT, one=f"is {said}", many=f"are {said}")
        return weighed

    def _missing(self, letter: Any, as_then: bool) -> Sequence[str]:
        if not as_then or letter.is_write_back:
            return ()  # a write-back goes out as it was written then: the same bytes, the same key
        return self._versions.missing(letter.source, letter.versions)

    # ── what people do with a run ────────────────────────────────────────────────────────────────────────────

    def pause(self, redrive_id: uuid.UUID, actor: str, reason: str = "") -> None:
        """Put nothing more back until it is resumed. What was put back goes on."""
        self._turn(redrive_id, "paused", "pause", actor, reason)

    def resume(self, redrive_id: uuid.UUID, actor: str, reason: str = "") -> None:
        """Go on with a paused run, where it stood."""
        self._turn(redrive_id, "running", "resume", actor, reason)

    def cancel(self, redrive_id: uuid.UUID, actor: str, reason: str = "") -> int:
        """End a run. What it did not reach stays at the desk as it is; so many are left."""
        return self._turn(redrive_id, "cancelled", "cancel", actor, reason)

    def _turn(self, redrive_id: uuid.UUID, state: str, word: str, actor: str, reason: str) -> int:
        now = self._clock.now()
        left = 0
        with self._store.transaction(self._tenant) as connection:
            run = redrives.hold(connection, self._tenant, redrive_id)
            if run is None:
                raise Misconfigured(f"there is no redrive {redrive_id}; `crossdock redrives list` shows them")
            if run.state == state:
                raise NotPossible(f"redrive {str(redrive_id)[:8]} is {state} already")
            if run.state in ("done", "cancelled"):
                raise NotPossible(
                    f"redrive {str(redrive_id)[:8]} is {run.state}: nothing of it is left to {word}"
                )
            if state == "cancelled":
                left = redrives.leave_the_rest(
                    connection, self._tenant, redrive_id, "is left: the redrive was cancelled", now
                )
            self._move(connection, redrive_id, state, actor, now)
            self._audit(connection, redrive_id, word, actor, reason, now, {"left": left} if left else None)
            faultpoint("redrive.before_turn")
        faultpoint("redrive.after_turn")
        return left

    def _move(
        self, connection: "Transaction", redrive_id: uuid.UUID, state: str, actor: str, now: datetime
    ) -> None:
        redrives.move(
            connection,
            tenant=self._tenant,
            redrive_id=redrive_id,
            state=state,
            actor=actor,
            now=now,
            finished=state in ("done", "cancelled"),
        )

    def _audit(
        self,
        connection: "Transaction",
        redrive_id: uuid.UUID,
        word: str,
        actor: str,
        reason: str,
        now: datetime,
        detail: Mapping[str, Any] | None,
    ) -> None:
        desk.add_audit(
            connection,
            tenant=self._tenant,
            now=now,
            actor=actor,
            action=f"redrive.{word}",
            object_kind="redrive",
            object_id=str(redrive_id),
            reason=reason or None,
            detail=detail,
        )


class _NothingNew(Exception):
    """No letter is free for this run, or the same set runs already: nothing of it is written."""
