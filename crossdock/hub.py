"""The hub: the steps of the walk with everything they need, for the DAGs and the command line alike.

Nothing here knows Airflow or a terminal. Each step writes a row in ``runs``: when, what came of it, and by which
Airflow task, if by one.
"""

import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from crossdock import casework, deadletters, receive
from crossdock.connections import login
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.faultpoints import faultpoint
from crossdock.messages import CaseState, RawMessage, Stage, Verdict
from crossdock.ports import Clock, Dice, Inquiring, Manifest, Sink, system_dice
from crossdock.registry import Registry
from crossdock.store import desk
from crossdock.termination import COUNT, Termination

if TYPE_CHECKING:
    from crossdock.approvals import Approvals
    from crossdock.decide import Router
    from crossdock.desk import Desk
    from crossdock.emit.publish import Publisher
    from crossdock.emit.settings import Settings
    from crossdock.emit.subscribing import Subscriptions
    from crossdock.emit.webhooks import Webhooks
    from crossdock.inquiries import StoreInquiries
    from crossdock.partners import Partners
    from crossdock.process import Processor
    from crossdock.sagas import Sagas
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction
    from crossdock.unblock import Blocked
    from crossdock.unknown import Unknowns
    from crossdock.uploads import Uploads
    from crossdock.versions import Versions
    from crossdock.watch import Watch

TENANT: Final = "CROSSDOCK_TENANT"
LEASE: Final = "CROSSDOCK_LEASE_S"


def configured_lease() -> timedelta:
    """How long a worker holds what it claims: ``CROSSDOCK_LEASE_S``, else 5 minutes."""
    text = os.environ.get(LEASE, "300")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:  # one that is over at once would be renewed for ever
        raise Misconfigured(
            f"{LEASE} is {text!r}; write for how many seconds a worker holds its claims, as 300"
        )
    return timedelta(seconds=seconds)


def current_tenant() -> str:
    """The tenant of this process: ``CROSSDOCK_TENANT``, else ``main``."""
    tenant = os.environ.get(TENANT, "main")
    if not re.fullmatch(r"[a-z0-9]{1,20}", tenant):
        raise Misconfigured(f"{TENANT} is {tenant!r}; a tenant is 1 to 20 small letters and digits")
    return tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Which Airflow task runs a step, kept with the run so that both can be found from each other."""

    dag: str
    run_id: str
    task: str
    try_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What one step came to. ``error``: the connector or target is broken (a bad message never is an error)."""

    step: str
    connector: str | None
    run_id: uuid.UUID
    counts: Mapping[str, int]
    error: str | None = None
    waits: str | None = None
    """Why the target may not be called now, and until when."""


@dataclass(slots=True)
class _Run:
    id: uuid.UUID
    counts: dict[str, int] = field(default_factory=dict)
    error: str | None = None
    waits: str | None = None

    def add(self, counts: Mapping[str, int]) -> None:
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number


class NoSuchThing(Misconfigured):
    """No thing of this kind has this id."""


class Hub:
    """Receive, process, deliver, and the ways out of the side door."""

    def __init__(
        self,
        *,
        store: "Store",
        registry: Registry,
        clock: Clock,
        dice: Dice,
        tenant: str,
        lease: timedelta,
        owns_store: bool = False,
        termination: Termination | None = None,
    ) -> None:
        self.store = store
        self.registry = registry
        self.clock = clock
        self.tenant = tenant
        self._dice = dice
        self._lease = lease
        self._owns_store = owns_store
        self.termination = termination or Termination()

    @classmethod
    def open(
        cls,
        *,
        clock: Clock | None = None,
        store: "Store | None" = None,
        registry: Registry | None = None,
        dice: Dice | None = None,
        tenant: str | None = None,
        lease: timedelta | None = None,
        termination: Termination | None = None,
    ) -> "Hub":
        """Open the store (``CROSSDOCK_DATABASE_URL``, else the embedded server) and check its schema.

        Without a ``clock`` the time is the database's, so that workers whose clocks differ agree about leases.
        Raises ``Misconfigured`` with what to do when the schema is not current.
        """
        from crossdock.store.clock import StoreClock
        from crossdock.store.engine import Store

        lease = configured_lease() if lease is None else lease
        owns_store = store is None
        if store is None:
            store = Store.open()
            try:
                store.require_current()
            except BaseException:
                store.close()
                raise
        return cls(
            store=store,
            registry=registry or Registry(),
            clock=clock or StoreClock(store),
            dice=dice or system_dice(),
            tenant=tenant or current_tenant(),
            lease=lease,
            owns_store=owns_store,
            termination=termination,
        )

    def close(self) -> None:
        """Close the store if this opened it."""
        if self._owns_store:
            self.store.close()

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ── the steps ────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, name: str, *, limit: int | None = None, run: RunContext | None = None) -> RunReport:
        """Read a polled source once: at most its batch, or ``limit``."""
        manifest = self._mine(name)
        if manifest.source is None:
            raise Misconfigured(f"connector '{name}' has no source, so nothing is received from it")
        if manifest.wire == "webhook":
            raise Misconfigured(f"connector '{name}' is a webhook: its messages come by themselves")
        if manifest.source.every_s is None:
            raise Misconfigured(
                f"what belongs to connector '{name}' is brought by hand: crossdock upload FILE"
            )
        with self._run("receive", name, run) as ran:
            from crossdock.stopping import require_running

            with self.store.reading(self.tenant) as connection:
                require_running(connection, self.tenant, name)
            with closing(self.registry.source(manifest, login(manifest.connection), self.clock)) as source:
                if isinstance(source, Inquiring):
                    source.inquire(self._inquiries(name))
                received = receive.receive(
                    self.store,
                    source,
                    tenant=self.tenant,
                    name=name,
                    clock=self.clock,
                    limit=limit or manifest.source.batch,
                    run_id=ran.id,
                    termination=self.termination,
                )
            ran.add(received.counts)
            if received.error is not None:
                ran.error = str(received.error)
            if received.untold:
                self.processor.note_untold(received.untold, connector_version=manifest.version)
                ran.error = ran.error or received.untold[0][1]
        return self._report("receive", name, ran)

    def _inquiries(self, source: str) -> "StoreInquiries":
        """What a source that inquires is given."""
        from crossdock.inquiries import StoreInquiries

        return StoreInquiries(self.store, tenant=self.tenant, source=source, clock=self.clock)

    def accept(self, manifest: Manifest, message: RawMessage) -> Verdict:
        """Store a message that was pushed to us. The sender is answered after this returns."""
        return receive.accept(self.store, message, clock=self.clock)

    def process(self, *, limit_s: float | None = None, run: RunContext | None = None) -> RunReport:
        """Normalize, detect and decide what waits, batch by batch, until nothing does or the time is up; before it,
        put back what waited for something that is known now; behind it, say what is overdue and what did not come."""
        with self._run("process", None, run) as ran:
            ran.add({"unblocked": self.blocked.release()})
            self._until_idle(self.processor.process_batch, "messages", ran, limit_s)
            self._until_idle(self.processor.sweep, "overdue", ran, limit_s)
            self._watch(ran)
            self._anchor(ran)
        return self._report("process", None, ran)

    def deliver(
        self, target: str, *, limit_s: float | None = None, run: RunContext | None = None
    ) -> RunReport:
        """Make the attempts that are due at a target, batch by batch, until none is or the time is up."""
        from crossdock.alarms import Alarms
        from crossdock.deliver import Deliverer, TargetPaused
        from crossdock.deliver.conflicts import Redecider

        manifest = self._mine(target)
        with self._run("deliver", target, run) as ran:
            self._require_known()
            with closing(self.registry.sink(manifest, login(manifest.connection), self.clock)) as sink:
                deliverer = Deliverer(
                    store=self.store,
                    tenant=self.tenant,
                    manifest=manifest,
                    sink=sink,
                    clock=self.clock,
                    dice=self._dice,
                    lease=self._lease,
                    run_id=ran.id,
                    partners=self.partners,
                    alarm=Alarms(lambda: self.processor.recorder, tenant=self.tenant, clock=self.clock),
                    redeciding=Redecider(
                        registry=self.registry,
                        router=lambda: self.router,
                        tenant=self.tenant,
                        clock=self.clock,
                    ),
                    termination=self.termination,
                )
                ran.add({"expired": self.approvals.expire_due(), "sagas": self.sagas.follow()})
                try:
                    self._until_idle(deliverer.deliver_batch, "attempts", ran, limit_s)
                except TargetPaused as error:
                    ran.error = str(error)
                else:
                    if deliverer.waits is not None:
                        ran.waits = deliverer.waits.sentence()
                    else:  # behind the fresh work, and only where the target may be called
                        ran.add(self.unknowns.sweep(sink, target))
                ran.add({"sagas": self.sagas.follow()})
                ran.error = "; ".join(filter(None, (ran.error, deliverer.unruled))) or None
            if ran.counts.get("attempts"):
                self._note_delivered(ran)
        return self._report("deliver", target, ran)

    def publish(
        self, broker: str | None = None, *, limit_s: float | None = None, run: RunContext | None = None
    ) -> RunReport:
        """Give committed events their places in the feed and call the webhooks that are due, until nothing waits or
        the time is up; or publish what is new to this broker."""
        if broker is not None:
            return self._publish_to(broker, limit_s, run)
        with self._run("publish", None, run) as ran:
            self._until_idle(self.publisher.publish_batch, "events", ran, limit_s)
            ran.add({"messages": self.webhooks.make_messages()})
            self._until_idle(
                lambda: self.webhooks.send_due(limit_s=limit_s, run_id=ran.id), "called", ran, limit_s
            )
        return self._report("publish", None, ran)

    def _publish_to(self, name: str, limit_s: float | None, run: RunContext | None) -> RunReport:
        from crossdock.emit.brokering import BrokerAway, BrokerPublisher
        from crossdock.wires.brokers import open_driver

        broker = self.outgoing.broker(name)
        with self._run("publish", name, run) as ran:
            self._until_idle(self.publisher.publish_batch, "events", ran, limit_s)
            driver = open_driver(
                broker.driver, login(broker.connection), to=broker.to, deadline=broker.deadline
            )
            with closing(driver):
                publisher = BrokerPublisher(
                    store=self.store,
                    tenant=self.tenant,
                    broker=broker,
                    settings=self.outgoing,
                    driver=driver,
                    clock=self.clock,
                )
                try:
                    self._until_idle(publisher.publish_batch, "looked", ran, limit_s)
                except BrokerAway as error:
                    ran.error = str(error)
        return self._report("publish", name, ran)

    def redrive(self, *, limit_s: float | None = None, run: RunContext | None = None) -> RunReport:
        """Put back what the running redrives may put back now, each at its rate."""
        with self._run("redrive", None, run) as ran:
            self._until_idle(self.desk.redrives.bite, "redrives", ran, limit_s)
        return self._report("redrive", None, ran)

    def targets(self) -> list[str]:
        """The connectors that are written to."""
        return sorted(name for name, manifest in self.registry.manifests().items() if manifest.sink)

    def find(self, kind: str, identity: str) -> uuid.UUID:
        """The thing of this id, or of the one id that begins so. Raises ``NoSuchThing``."""
        from crossdock.store import queries

        with self.store.reading(self.tenant) as connection:
            try:
                return queries.resolve(connection, self.tenant, kind, identity)
            except Misconfigured as error:
                raise NoSuchThing(str(error)) from error

    @contextmanager
    def changing(self) -> "Iterator[Transaction]":
        """A transaction for one change that a person makes."""
        with self.store.transaction(self.tenant) as connection:
            yield connection
            faultpoint("hub.before_change")
        faultpoint("hub.after_change")

    def on_target(self, deed: "Callable[..., Any]", **given: Any) -> Any:
        """What a person does to a target or to the turn of a write-back (``crossdock.targets``), at once or not at
        all."""
        with self.changing() as connection:
            return deed(connection, tenant=self.tenant, now=self.clock.now(), **given)

    @contextmanager
    def subscriptions(self, actor: str) -> "Iterator[Subscriptions]":
        """What a person does with webhooks, in one transaction."""
        from crossdock.emit.subscribing import Subscriptions

        with self.changing() as connection:
            yield Subscriptions(
                connection, tenant=self.tenant, settings=self.outgoing, actor=actor, now=self.clock.now()
            )

    # ── the side door ────────────────────────────────────────────────────────────────────────────────────────

    def replay(
        self, letter_id: uuid.UUID, actor: str, *, did_not_happen: bool = False, as_then: bool = False
    ) -> deadletters.Replayed:
        """Put a dead letter back to the stage that failed; ``as_then``: only while what is installed is what it
        failed under. ``did_not_happen``: of an unknown outcome, a person looked; then another one must agree before
        anything is sent again (``unknowns.did_not_happen``)."""
        if did_not_happen and (asked := self._say_it_did_not_happen(letter_id, actor)) is not None:
            return asked
        return self.desk.replay(letter_id, actor=actor, as_then=as_then)

    def _say_it_did_not_happen(self, letter_id: uuid.UUID, actor: str) -> deadletters.Replayed | None:
        """``None``: the letter is not of an outcome that is unknown."""
        with self.store.reading(self.tenant) as connection:
            write_back_id = desk.write_back_of(connection, self.tenant, letter_id)
        if write_back_id is None or not self.unknowns.is_unknown(write_back_id):
            return None
        approval_id = self.unknowns.did_not_happen(write_back_id, actor, "replayed as what did not happen")
        return deadletters.Replayed(
            letter_id=letter_id, stage=Stage.DELIVER, next_step=f"approvals agree {str(approval_id)[:8]}"
        )

    def discard(self, letter_id: uuid.UUID, actor: str, reason: str) -> None:
        """End a dead letter, with a reason."""
        with self.store.transaction(self.tenant) as connection:
            deadletters.discard(
                connection,
                tenant=self.tenant,
                letter_id=letter_id,
                actor=actor,
                reason=reason,
                now=self.clock.now(),
            )
            faultpoint("deadletters.before_discard")
        faultpoint("deadletters.after_discard")

    # ── casework ─────────────────────────────────────────────────────────────────────────────────────────────

    def move_case(self, case_id: uuid.UUID, to: CaseState, actor: str, reason: str = "") -> None:
        """Move a case to another state."""
        with self.store.transaction(self.tenant) as connection:
            casework.move(
                connection,
                tenant=self.tenant,
                case_id=case_id,
                to=to,
                actor=actor,
                reason=reason,
                now=self.clock.now(),
            )
            faultpoint("casework.before_move")
        faultpoint("casework.after_move")

    def assign_case(self, case_id: uuid.UUID, owner: str, actor: str, reason: str = "") -> None:
        """Hand a case to a person or a team."""
        with self.store.transaction(self.tenant) as connection:
            casework.assign(
                connection,
                tenant=self.tenant,
                case_id=case_id,
                owner=owner,
                actor=actor,
                reason=reason,
                now=self.clock.now(),
            )
            faultpoint("casework.before_assign")
        faultpoint("casework.after_assign")

    def _mine(self, name: str) -> Manifest:
        """The connector of this name, which must be of our tenant: its messages could not be stored as ours."""
        manifest = self.registry.manifest(name)
        if manifest.tenant != self.tenant:
            raise Misconfigured(
                f"connector '{name}' is of tenant '{manifest.tenant}', and this process works for '{self.tenant}'; "
                f"run it with {TENANT}={manifest.tenant}"
            )
        return manifest

    # ── what the steps need, made once ───────────────────────────────────────────────────────────────────────

    @cached_property
    def partners(self) -> "Partners":
        from crossdock.partners import Partners

        return Partners.load()

    @cached_property
    def router(self) -> "Router":
        from crossdock.decide import Router

        return Router.load()

    @cached_property
    def uploads(self) -> "Uploads":
        """Lists that people bring."""
        from crossdock.uploads import Uploads

        return Uploads(
            store=self.store,
            registry=self.registry,
            partners=lambda: self.partners,
            tenant=self.tenant,
            clock=self.clock,
            changing=self.changing,
        )

    @cached_property
    def blocked(self) -> "Blocked":
        from crossdock.blocked import Known
        from crossdock.unblock import Blocked

        known = Known(registry=self.registry, partners=self.partners)
        return Blocked(store=self.store, tenant=self.tenant, clock=self.clock, known=known)

    @cached_property
    def approvals(self) -> "Approvals":
        """What people agree to."""
        from crossdock.approvals import Approvals

        return Approvals(
            store=self.store, tenant=self.tenant, clock=self.clock, can_be_asked=self._can_be_asked
        )

    @cached_property
    def sagas(self) -> "Sagas":
        """What belongs together."""
        from crossdock.sagas import Sagas

        return Sagas(store=self.store, tenant=self.tenant, clock=self.clock)

    @cached_property
    def unknowns(self) -> "Unknowns":
        """Outcomes that nobody knows."""
        from crossdock.unknown import Unknowns

        return Unknowns(
            store=self.store,
            tenant=self.tenant,
            clock=self.clock,
            open_sink=self._open_sink,
            can_be_asked=self._can_be_asked,
            requests=self.approvals,
            partners=lambda: self.partners,
            termination=self.termination,
        )

    def _open_sink(self, target: str) -> Sink:
        manifest = self._mine(target)
        return self.registry.sink(manifest, login(manifest.connection), self.clock)

    def _can_be_asked(self, target: str) -> bool:
        """Whether a target says what became of a key. One whose connector is broken does not."""
        manifest = self.registry.manifests().get(target)
        return manifest is not None and manifest.sink is not None and manifest.sink.is_asked

    @cached_property
    def publisher(self) -> "Publisher":
        from crossdock.emit.publish import Publisher

        return Publisher(store=self.store, tenant=self.tenant, clock=self.clock)

    @cached_property
    def watch(self) -> "Watch":
        """What is awaited on a calendar."""
        from crossdock.watch import Watch

        return Watch(
            store=self.store,
            tenant=self.tenant,
            clock=self.clock,
            manifests=self.registry.manifests(),
            partners=self.partners,
            recorder=lambda: self.processor.recorder,
        )

    @cached_property
    def versions(self) -> "Versions":
        from crossdock.versions import Versions

        return Versions(registry=self.registry, partners=self.partners, routes=lambda: self.router.version)

    @cached_property
    def desk(self) -> "Desk":
        from crossdock.desk import Desk

        return Desk(store=self.store, tenant=self.tenant, clock=self.clock, versions=self.versions)

    @cached_property
    def webhooks(self) -> "Webhooks":
        from crossdock.emit.webhooks import Webhooks

        return Webhooks(
            store=self.store,
            tenant=self.tenant,
            settings=self.outgoing,
            clock=self.clock,
            dice=self._dice,
            login=login,
            termination=self.termination,
        )

    @cached_property
    def outgoing(self) -> "Settings":
        """How events leave."""
        from crossdock.emit.settings import load

        return load()

    @cached_property
    def processor(self) -> "Processor":
        from crossdock.normalize import Normalizer
        from crossdock.process import Processor

        return Processor(
            store=self.store,
            tenant=self.tenant,
            clock=self.clock,
            normalizer=Normalizer(registry=self.registry, partners=self.partners, clock=self.clock),
            router=self.router,
            registry=self.registry,
            partners=self.partners,
            lease=self._lease,
            termination=self.termination,
        )

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _run(self, step: str, connector: str | None, context: RunContext | None) -> Iterator[_Run]:
        """A row in ``runs`` round a step. What the step raises is written there, and goes on."""
        ran = _Run(id=uuid.uuid4())
        airflow: dict[str, Any] | None = asdict(context) if context else None
        with self.store.transaction(self.tenant) as connection:
            desk.start_run(
                connection,
                tenant=self.tenant,
                run_id=ran.id,
                step=step,
                connector=connector,
                now=self.clock.now(),
                airflow=airflow,
            )
            faultpoint("hub.before_start")
        faultpoint("hub.after_start")
        try:
            yield ran
        except CrossdockError as error:
            ran.error = str(error)
            raise
        except BaseException as error:
            ran.error = f"{type(error).__name__}: the step failed"
            raise
        finally:
            if self.termination.was_told():
                ran.add({COUNT: 1})
            with self.store.transaction(self.tenant) as connection:
                desk.finish_run(
                    connection,
                    tenant=self.tenant,
                    run_id=ran.id,
                    now=self.clock.now(),
                    counts=ran.counts,
                    error=ran.error,
                )
                faultpoint("hub.before_finish")
            faultpoint("hub.after_finish")

    def _anchor(self, ran: _Run) -> None:
        """Write down outside the database where the audit ends, once an hour. That it cannot be written stops no
        work: the run says so."""
        from crossdock.audit import anchors
        from crossdock.audit.keys import keyring

        try:
            if anchors.is_due(self.store, self.tenant, self.clock.now()):
                anchors.write(self.store, self.tenant, keys=keyring(), now=self.clock.now())
        except Misconfigured as error:
            ran.error = str(error)

    def _watch(self, ran: _Run) -> None:
        """Look for feeds that did not come. That it cannot be looked stops no work: the run says so."""
        try:
            ran.add(self.watch.look())
        except CrossdockError as error:
            ran.error = str(error)

    def _require_known(self) -> None:
        """Deliver nothing from a database that was restored, and knows less than it did."""
        from crossdock.audit import restored
        from crossdock.audit.keys import keyring

        restored.require_said(self.store, self.tenant, keyring())

    def _note_delivered(self, ran: _Run) -> None:
        """Let the next anchor know of this delivery; where there is no place for anchors, nobody would read it."""
        from crossdock.audit import anchors, restored

        if not anchors.has_place(self.store):
            return
        try:
            with self.changing() as connection:
                restored.note_delivered(connection, self.tenant, self.clock.now())
        except Misconfigured as error:
            ran.error = ran.error or str(error)

    def _until_idle(
        self, batch: Callable[[], Mapping[str, int]], work: str, ran: _Run, limit_s: float | None
    ) -> None:
        """Batch after batch while there is work and nobody told us to end. The limit is measured by the monotonic
        clock: it is about this process, not about the world."""
        began = time.monotonic()
        while not self.termination.was_told():
            counts = batch()
            ran.add(counts)
            if not counts[work] or (limit_s is not None and time.monotonic() - began >= limit_s):
                return

    def _report(self, step: str, connector: str | None, ran: _Run) -> RunReport:
        return RunReport(
            step=step,
            connector=connector,
            run_id=ran.id,
            counts=ran.counts,
            error=ran.error,
            waits=ran.waits,
        )
