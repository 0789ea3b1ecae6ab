"""The machine: what may happen to a hub, in any order; and what must hold after every step of it."""

import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar, Final

import psycopg
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crossdock import faultpoints
from crossdock.deadletters import NotPossible
from crossdock.decide import Router
from crossdock.errors import CrossdockError
from crossdock.faultpoints import POINTS, InjectedFault
from crossdock.hub import Hub
from crossdock.messages import ApprovalState, CaseState, RawMessage, Verdict, WriteBackState
from crossdock.partners import Partners
from crossdock.store.engine import Store
from crossdock.store.guards import LEDGER
from crossdock.store.tables import (
    approvals,
    cases,
    dead_letters,
    duplicates,
    events,
    metadata,
    parts,
    raw_messages,
    write_backs,
)
from crossdock.testing.clock import MovableClock
from crossdock.testing.faulty_ports import KINDS, FaultyStore
from deploy.sandbox import documents
from tests.stateful.books import MOODS, Bench, Books

LEASE: Final = timedelta(minutes=5)
OVER: Final = (CaseState.RESOLVED, CaseState.CANCELLED, CaseState.EXPIRED)
CRASHES: Final = tuple(
    point
    for point in POINTS
    if point.startswith(("hub.", "receive.", "process.", "deliver.", "unknown.", "approvals.", "desk."))
)

ACTS: Final = ("process", "deliver", "receive", "look", "agree", "edit")
"""What is done when a process dies or its database fails."""

HOUR: Final = "2026-11-20T10:00:00Z"
NO_HOUR: Final = "the hour before noon"

SENDERS: Final = ("well", "well", "well", "other bytes under a known key", "unreadable")
AT_THE_DESK: Final = ("replay", "mend", "spoil", "discard")

BAD_MORNINGS: Final = ("reject", "execute_then_timeout", "timeout", "well", "locked_out")
"""How the target takes the first write-backs of a life: mostly so that somebody must come."""

IN_ORDER: Final = (
    "created_at",
    "asked_at",
    "stage",
    "code",
    "target",
    "operation",
    "subject",
    "label",
    "key",
    "id",
)
"""What rows are put in order by: in two lives of the same steps, ids differ and these do not."""

PASSING: Final = (0.5, 2.0, 20.0, 180.0, LEASE.total_seconds() / 60 + 2, -10.0)
"""Minutes."""

WAITING: Final = (
    ("messages", raw_messages, sa.or_(raw_messages.c.part_count.is_(None), raw_messages.c.again)),
    ("write_backs", write_backs, write_backs.c.state.in_([WriteBackState.READY, WriteBackState.SENDING])),
    ("unknown", write_backs, write_backs.c.state == WriteBackState.UNSURE),
    ("letters", dead_letters, dead_letters.c.state == "open"),
    ("approvals", approvals, approvals.c.state == ApprovalState.ASKED),
)


def empty(store: Store) -> None:
    """Take everything out of a database of our own: lives of the same steps are the same, down to each id."""
    tables = ", ".join(f"{table.schema}.{table.name}" for table in metadata.sorted_tables)
    with psycopg.connect(
        store.url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(
            "SET session_replication_role = replica"
        )  # else the guards refuse it, as they should
        connection.execute(f"TRUNCATE {tables}".encode())


class _Once:
    """Dice that fail one call, the nth."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    def random(self) -> float:
        self._left -= 1
        return 0.0 if self._left == 0 else 0.999999


class HubMachine(RuleBasedStateMachine):
    """One tenant of its own, one target, and a trade in holds: each has a first, a second and a last version."""

    store: Store
    router: Router
    partners: Partners
    did: ClassVar[Counter[str]] = Counter()
    """How often something that people may do was possible, and was done."""

    def __init__(self) -> None:
        super().__init__()
        self.tenant = "lives"
        self.clock = MovableClock()
        self.bodies: dict[str, bytes] = {}  # by message key: the bytes that were said first
        self.acknowledged: set[str] = set()
        self.said: Counter[str] = Counter()
        self.set_aside: set[str] = set()
        self.originals: dict[Any, str] = {}
        self.waits: Counter[str] = Counter()
        self.time_passed = False

    @initialize(
        idempotency=st.sampled_from(["key", "readback", "none"]),
        morning=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=2, max_size=5),
        mood=st.sampled_from(BAD_MORNINGS),
    )
    def begin(self, idempotency: str, morning: list[tuple[int, int]], mood: str) -> None:
        """Every life has a morning, and people who come to what became of it."""
        empty(self.store)
        self.books = Books(self.clock, idempotency)
        self.hub = self._new_hub(self.store)
        for hold, version in morning:
            self._accept(f"H-{hold}-{version}", self._record(hold, version))
        self._work(mood, answers=True)

    def _new_hub(self, store: Any) -> Hub:
        hub = Hub(
            store=store,
            registry=Bench(self.tenant, self.books),
            clock=self.clock,
            dice=random.Random(1),
            tenant=self.tenant,
            lease=LEASE,
        )
        hub.__dict__.update(router=self.router, partners=self.partners)  # read once for all examples
        return hub

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────

    @rule(hold=st.integers(1, 3), version=st.integers(1, 3), how=st.sampled_from(SENDERS))
    def receive(self, hold: int, version: int, how: str) -> None:
        """Versions come in any order, and again and again: duplicates and reordering are the same rule."""
        match how:
            case "well":
                self._accept(f"H-{hold}-{version}", self._record(hold, version))
            case "other bytes under a known key":
                self._accept(f"H-{hold}-1", self._record(hold, 1, amount="1.00"))
            case _:
                self._accept(f"H-{hold}-unreadable", self._record(hold, 2, placed_at=NO_HOUR))

    @precondition(lambda self: self.waits["messages"])
    @rule()
    def process(self) -> None:
        self._step(self.hub.process)

    @precondition(lambda self: self.waits["messages"] or self.waits["write_backs"])
    @rule(mood=st.sampled_from(MOODS), answers=st.booleans(), minutes=st.sampled_from([0, 2, 20]))
    def work(self, mood: str, answers: bool, minutes: float) -> None:
        """Messages become write-backs, and those leave, or do not."""
        self.clock.advance(timedelta(minutes=minutes))
        self._work(mood, answers)

    @precondition(lambda self: self.waits["anything"] and not self.time_passed)
    @rule(minutes=st.sampled_from(PASSING))
    def time_passes(self, minutes: float) -> None:
        """Also beyond every lease, and back."""
        self.clock.advance(timedelta(minutes=minutes))
        self.time_passed = True

    @rule(
        point=st.sampled_from(CRASHES),
        nth=st.integers(1, 3),
        act=st.sampled_from(ACTS),
    )
    def crash(self, point: str, nth: int, act: str) -> None:
        """Nothing of that process runs after the point; another process goes on."""
        with _fault(f"{point}:raise:{nth}"):
            try:
                self._act(act)
            except InjectedFault:
                pass
        self.restart()

    @rule(
        kind=st.sampled_from(KINDS),
        nth=st.integers(1, 6),
        act=st.sampled_from(ACTS),
    )
    def database_fails(self, kind: str, nth: int, act: str) -> None:
        """One transaction fails, perhaps after its commit."""
        self.hub = self._new_hub(FaultyStore(self.store, _Once(nth), {kind: 1.0}))
        self._act(act)
        self.restart()

    @precondition(lambda self: self.waits["letters"])
    @rule(place=st.integers(0, 9), what=st.sampled_from(AT_THE_DESK))
    def somebody_at_the_desk(self, place: int, what: str) -> None:
        """A replay; an edit, good or bad, which runs in the place of the original; or the end of it."""
        row = self._chosen(place, dead_letters, dead_letters.c.state == "open")
        if row is None:
            return
        match what:
            case "replay":
                self._possible("replay", lambda: self.hub.replay(row.id, "ann"))
            case "discard":
                self._possible("discard", lambda: self.hub.discard(row.id, "ann", "nobody needs it"))
            case _:
                self._edit(row, well=what == "mend")

    @precondition(lambda self: self.waits["unknown"])
    @rule(place=st.integers(0, 9))
    def a_person_looks_into_the_books(self, place: int) -> None:
        """Who looks says what is there. It did not happen: another must agree before it goes again."""
        row = self._chosen(place, write_backs, write_backs.c.state == WriteBackState.UNSURE)
        if row is None:
            return
        if self.books.effects[row.idempotency_key]:
            self._possible(
                "it happened",
                lambda: self.hub.unknowns.happened(row.id, "ann", "N-1", "it stands in the books"),
            )
        else:
            self._possible(
                "it did not happen",
                lambda: self.hub.unknowns.did_not_happen(row.id, "ann", "it does not stand there"),
            )

    @precondition(lambda self: self.waits["approvals"])
    @rule(place=st.integers(0, 9), actor=st.sampled_from(["ann", "bob"]), agree=st.booleans())
    def approve(self, place: int, actor: str, agree: bool) -> None:
        """Whoever asked may not agree."""
        row = self._chosen(place, approvals, approvals.c.state == ApprovalState.ASKED)
        if row is None:
            return
        decide = self.hub.approvals.agree if agree else self.hub.approvals.decline
        allowed = self._possible("agree" if agree else "decline", lambda: decide(row.id, actor, "I looked"))
        assert not (allowed and agree and actor == "ann"), "P20: who asked has agreed as well"

    def restart(self) -> None:
        self.hub = self._new_hub(self.store)

    def teardown(self) -> None:
        """At the end the target works, people decide what is left to them, and everything comes to rest: nothing that
        was acknowledged is lost."""
        if not hasattr(self, "books"):
            return
        self.restart()
        self.books.mood, self.books.answers_questions = "well", True
        for _ in range(8):
            self.clock.advance(timedelta(hours=3))
            self.hub.process()
            self.hub.deliver("erp")
            self.look_what_waits()
            for _ in range(self.waits["letters"]):
                self.somebody_at_the_desk(0, "discard")
            for _ in range(self.waits["unknown"]):
                self.a_person_looks_into_the_books(0)
            for _ in range(self.waits["approvals"]):
                self.approve(0, "bob", True)
        for check in (self.conserved, self.once_each, self.one_effect, self.originals_stay, self.newest_wins):
            check()
        with self.store.reading(self.tenant) as connection:
            kept = {row.key for row in connection.execute(sa.select(raw_messages))}
            assert self.acknowledged <= kept, f"P1: lost {self.acknowledged - kept}"
            stuck = connection.execute(
                sa.select(raw_messages.c.key).where(
                    sa.or_(raw_messages.c.part_count.is_(None), raw_messages.c.again)
                )
            ).all()
            assert not stuck, f"P13: {stuck}"
            unfinished = connection.execute(
                sa.select(write_backs.c.subject, write_backs.c.state).where(
                    write_backs.c.state.in_([WriteBackState.READY, WriteBackState.SENDING])
                )
            ).all()
            assert not unfinished, f"P13: {unfinished}"
            for row in connection.execute(sa.select(write_backs)):
                done = self.books.effects[row.idempotency_key]
                if row.state == WriteBackState.DELIVERED:
                    assert done == 1, f"P6: {row.subject} counts as delivered, and was done {done} times"
                if row.state == WriteBackState.SUPERSEDED:
                    assert done == 0, f"P6: {row.subject} was done, and then something else in its place"
            for row in connection.execute(sa.select(dead_letters)):
                assert row.sentence and row.remedy and row.code and row.stage, "P11"

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def look_what_waits(self) -> None:
        """No promise: what there is to do now. A rule that has nothing to do is not drawn."""
        count = sa.func.count()
        with self.store.reading(self.tenant) as connection:
            for what, table, condition in WAITING:
                self.waits[what] = (
                    connection.scalar(sa.select(count).select_from(table).where(condition)) or 0
                )

    # ── what holds after every step ──────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def conserved(self) -> None:
        """P2."""
        with self.store.reading(self.tenant) as connection:
            for row in connection.execute(sa.select(LEDGER)).mappings():
                assert (row["balance"], row["missing_parts"], row["unexplained"]) == (0, 0, 0), (
                    f"P2: {dict(row)}"
                )

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def once_each(self) -> None:
        """P4: one event for each thing that was said, one row for each time that it was said again."""
        with self.store.reading(self.tenant) as connection:
            keys = Counter(connection.execute(sa.select(raw_messages.c.key)).scalars())
            assert max(keys.values(), default=1) == 1, f"P4: {keys}"
            received = sa.select(raw_messages.c.id)  # an event about our own connection is of no message
            of_one = Counter(
                connection.execute(sa.select(events.c.raw_id).where(events.c.raw_id.in_(received))).scalars()
            )
            assert max(of_one.values(), default=1) == 1, f"P4: {of_one}"
            again = connection.scalar(sa.select(sa.func.count()).select_from(duplicates))
            assert (again or 0) <= sum(self.said.values()), "P4: more duplicates than were said"

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def one_effect(self) -> None:
        """P6 and P7."""
        twice = {key: count for key, count in self.books.effects.items() if count > 1}
        assert not twice, f"P6: {twice}"
        changed = {key: len(bodies) for key, bodies in self.books.bodies.items() if len(bodies) > 1}
        assert not changed, f"P7: {changed}"
        with self.store.reading(self.tenant) as connection:
            keys = set(connection.execute(sa.select(write_backs.c.idempotency_key)).scalars())
        assert set(self.books.bodies) <= keys, "P6: something was sent that stands in no row"

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def originals_stay(self) -> None:
        """P12: whatever was replayed, the bytes that were received are those that were received."""
        with self.store.reading(self.tenant) as connection:
            for row in connection.execute(sa.select(raw_messages.c.id, raw_messages.c.body)):
                digest = hashlib.sha256(row.body).hexdigest()
                assert self.originals.setdefault(row.id, digest) == digest, "P12: an original changed"

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def newest_wins(self) -> None:
        """P10: once a release was worked on, no hold placed before it is open, in whatever order they came."""
        with self.store.reading(self.tenant) as connection:
            worked = set(
                connection.execute(
                    sa.select(raw_messages.c.key)
                    .join(parts, parts.c.raw_id == raw_messages.c.id)
                    .where(parts.c.state == "processed")  # what was set aside released nothing
                ).scalars()
            )
            still_open = set(
                connection.execute(sa.select(cases.c.subject).where(cases.c.state.not_in(OVER))).scalars()
            )
        for hold in range(1, 4):
            if f"H-{hold}-3" in worked and f"H-{hold}-3" not in self.set_aside:
                about = [subject for subject in still_open if subject.endswith(f"SO-{hold}")]
                assert not about, f"P10: {about} is open, and its hold was released"

    # ── how ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _record(self, hold: int, version: int, **more: str) -> bytes:
        record = {
            **documents.order_holds(MovableClock().now())[0],
            "hold_id": f"H-{hold}",
            "sales_order": f"SO-{hold}",
            "updated_at": f"2026-11-20T1{version}:00:00Z",
            "placed_at": HOUR,
            "state": "released" if version == 3 else "held",
            **more,
        }
        return json.dumps(record).encode()

    def _accept(self, key: str, body: bytes) -> None:
        message = RawMessage(
            tenant=self.tenant,
            source="erp_push",
            key=key,
            body=body,
            media_type="application/json",
            received_at=self.clock.now(),
            name=key,
        )
        self.said[key] += 1

        def accept() -> None:
            verdict = self.hub.accept(self.hub.registry.manifest("erp_push"), message)
            if verdict is Verdict.SET_ASIDE:
                self.set_aside.add(key)
            self.acknowledged.add(key)

        self._step(accept)

    def _act(self, act: str) -> None:
        match act:
            case "process":
                self.process()
            case "deliver":
                self._deliver()
            case "look":
                self._step(lambda: self.a_person_looks_into_the_books(0))
            case "agree":
                self._step(lambda: self.approve(0, "bob", True))
            case "edit":
                self._step(lambda: self.somebody_at_the_desk(0, "mend"))
            case _:
                self.receive(1, 2, "well")

    def _step(self, act: Callable[[], Any]) -> None:
        self.time_passed = False
        try:
            act()
        except CrossdockError:
            pass  # the step failed, as it says; the next one goes on

    def _possible(self, what: str, act: Callable[[], Any]) -> bool:
        self.time_passed = False
        try:
            act()
        except NotPossible:
            return False
        self.did[what] += 1
        return True

    def _work(self, mood: str, answers: bool) -> None:
        self._step(self.hub.process)
        self.books.mood, self.books.answers_questions = mood, answers
        self._deliver()

    def _deliver(self) -> None:
        self._step(lambda: self.hub.deliver("erp"))

    def _edit(self, letter: Any, *, well: bool) -> None:
        if letter.write_back_id is not None:
            old = self._chosen(0, write_backs, write_backs.c.id == letter.write_back_id).body
            body = {**json.loads(old), "mended": self.clock.now().isoformat()}
        else:
            old = self._chosen(0, raw_messages, raw_messages.c.id == letter.raw_id).body
            body = {**json.loads(old), "placed_at": HOUR if well else f"{NO_HOUR}, {self.clock.now():%M}"}
        self._possible(
            "edit a part" if letter.write_back_id is None else "edit a write-back",
            lambda: self.hub.desk.edit(
                letter.id, json.dumps(body).encode(), actor="ann", reason="it was wrong"
            ),
        )

    def _chosen(self, place: int, table: sa.Table, condition: Any) -> Any:
        with self.store.reading(self.tenant) as connection:
            rows = connection.execute(sa.select(table).where(condition)).all()
        rows.sort(key=lambda row: [str(getattr(row, column, "")) for column in IN_ORDER])
        return rows[place % len(rows)] if rows else None


@contextmanager
def _fault(text: str) -> Iterator[None]:
    before = os.environ.get("CROSSDOCK_FAULT")
    os.environ["CROSSDOCK_FAULT"] = text
    faultpoints._seen.clear()
    try:
        yield
    finally:
        if before is None:
            del os.environ["CROSSDOCK_FAULT"]
        else:
            os.environ["CROSSDOCK_FAULT"] = before
        faultpoints._seen.clear()
