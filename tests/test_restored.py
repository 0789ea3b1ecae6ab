"""The restore drill: yesterday's backup is put in the place of a hub that went on, and no effect happens twice."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from crossdock import approvals, deadletters
from crossdock.audit import anchors
from crossdock.audit.keys import keyring
from crossdock.audit.restored import Restored, say
from crossdock.audit.verify import verify
from crossdock.errors import Misconfigured
from crossdock.hub import Hub
from crossdock.messages import RawMessage, Verdict, WriteBackState
from crossdock.packages import package_folder
from crossdock.registry import Registry
from crossdock.store import desk, restored, tables
from crossdock.store.engine import Store
from crossdock.store.tables import attempts, dead_letters, events, write_backs
from crossdock.testing.clock import MovableClock
from tests.spine.delivering import (
    TENANT,
    AskableTarget,
    Target,
    deliver,
    letters,
    manifest,
    put,
    write_back_of,
)

IDEMPOTENCY = {
    "knows_keys": "key",
    "can_be_asked": "readback",
    "knows_versions": "conditional",
    "does_neither": "none",
}
LIMIT = timedelta(hours=2)


class VersionedTarget(Target):
    """It refuses a change of another version than it holds, and cannot be asked what happened."""

    def version(self, write_back: Any) -> str:
        return f'"{len(self.effects)}"'


@dataclass
class Outside(Registry):
    """What lives on when the database is restored: systems that can do different things, with their effects."""

    systems: dict[str, Target] = field(
        default_factory=lambda: {
            "knows_keys": Target(),
            "can_be_asked": AskableTarget(honours_keys=False),
            "knows_versions": VersionedTarget(honours_keys=False),
            "does_neither": Target(honours_keys=False),
            "erp": AskableTarget(),
            "supplier_edi": AskableTarget(),
        }
    )

    def __post_init__(self) -> None:
        super().__init__()

    def manifests(self) -> Any:
        mine = {
            name: replace(manifest(kind), name=name, connection="crossdock_erp")
            for name, kind in IDEMPOTENCY.items()
        }
        return {**super().manifests(), **mine}

    def manifest(self, name: str) -> Any:
        return self.manifests()[name]

    def sink(self, manifest: Any, login: Any, clock: Any) -> Any:
        return self.systems[manifest.name]

    def effects(self) -> Counter[tuple[str, str]]:
        return Counter((name, key) for name, system in self.systems.items() for key in system.effects)


@dataclass
class Drill:
    """A hub, its backups, and the world outside."""

    database: Any
    outside: Outside
    clock: MovableClock
    url: str
    hub: Hub

    def open(self, url: str) -> None:
        self.url = url
        store = Store.open(url)
        self.hub = Hub.open(store=store, registry=self.outside, clock=self.clock, tenant=TENANT)

    def close(self) -> None:
        self.hub.store.close()

    def backup(self) -> str:
        """A copy of the database as it is now."""
        self.close()
        copy = self.database.empty()
        self.database.drop(copy)
        name, of = (url.partition("@/")[2].partition("?")[0] for url in (copy, self.url))
        with self.database.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(of))
            )
        self.open(self.url)
        return copy

    def restore(self, backup: str) -> None:
        self.close()
        self.database.drop(self.url)
        self.open(backup)

    def queue(self, *numbers: int) -> None:
        for target in IDEMPOTENCY:
            put(
                self.hub.store,
                *(
                    write_back_of(
                        number,
                        self.clock,
                        id=id_of(target, number),
                        target=target,
                        idempotency_key=f"{target}-{number}",
                    )
                    for number in numbers
                ),
            )

    def deliver(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for target in self.outside.systems:
            counts.update(self.hub.deliver(target).counts)
        return counts

    def rows(self, table: sa.Table, *where: Any) -> list[Any]:
        with self.hub.store.reading(TENANT) as connection:
            return list(connection.execute(sa.select(table).where(*where)).all())

    def states(self, target: str) -> dict[str, str]:
        return {
            row.idempotency_key: row.state for row in self.rows(write_backs, write_backs.c.target == target)
        }

    def say(self, **given: Any) -> Any:
        return say(
            self.hub.store,
            TENANT,
            keyring(),
            actor="maria",
            reason="yesterday",
            now=self.clock.now(),
            **given,
        )


def id_of(target: str, number: int) -> Any:
    from crossdock.messages import derived_id

    return derived_id("drill", target, str(number))


def supplier_says(clock: MovableClock) -> RawMessage:
    body = (package_folder("mappings") / "inbound/x12_855/samples/backorder_with_new_date.edi").read_bytes()
    return RawMessage(
        tenant=TENANT, source="supplier_edi", key="855", body=body, media_type="application/edi-x12",
        received_at=clock.now(), name="855.edi",
    )  # fmt: skip


@pytest.fixture
def drill(
    database: Any, clock: MovableClock, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Drill]:
    monkeypatch.setenv(anchors.FILE, str(tmp_path / "anchors.jsonl"))
    for name in ("ERP", "SUPPLIER_EDI"):
        said = json.dumps({"conn_type": "crossdock_rest", "host": "h"})
        monkeypatch.setenv(f"AIRFLOW_CONN_CROSSDOCK_{name}", said)
    url = database.migrated()
    outside = Outside()
    hub = Hub.open(store=Store.open(url), registry=outside, clock=clock, tenant=TENANT)
    drill = Drill(database=database, outside=outside, clock=clock, url=url, hub=hub)
    yield drill
    drill.close()
    database.drop(drill.url)


def lived(drill: Drill) -> str:
    """A day: something was delivered, the backup was made, and all the rest happened after it. The backup."""
    drill.queue(0)
    assert drill.deliver()["delivered"] == 4
    assert drill.hub.process().error is None, "the anchor of before the backup"
    drill.queue(1, 2)
    backup = drill.backup()
    drill.clock.advance(LIMIT)
    assert drill.deliver()["delivered"] == 8
    assert (
        drill.hub.accept(drill.outside.manifest("supplier_edi"), supplier_says(drill.clock)) is Verdict.STORED
    )
    assert drill.hub.process().counts["events"] >= 1
    assert drill.deliver()["delivered"] >= 1
    assert drill.hub.process().error is None, "the anchor of after it"
    return backup


def test_yesterdays_backup_restored_repeats_no_effect_and_loses_nothing(drill: Drill) -> None:
    backup = lived(drill)
    happened = drill.outside.effects()
    told = {row.id for row in drill.rows(events)}
    made = {row.idempotency_key for row in drill.rows(write_backs, write_backs.c.target == "erp")}
    assert set(happened.values()) == {1} and told and made
    calls = {name: len(system.calls) for name, system in drill.outside.systems.items()}

    drill.restore(backup)
    assert drill.rows(events) == []
    for target in drill.outside.systems:
        with pytest.raises(Restored, match=r"nothing is delivered.*crossdock audit restored --reason"):
            drill.hub.deliver(target)
    assert calls == {name: len(system.calls) for name, system in drill.outside.systems.items()}

    # the same bytes come again: the same events, the same write-backs
    drill.hub.accept(drill.outside.manifest("supplier_edi"), supplier_says(drill.clock))
    with pytest.raises(Misconfigured, match="1 messages wait to be processed"):
        drill.say()
    drill.hub.process()
    assert {row.id for row in drill.rows(events)} == told
    assert {row.idempotency_key for row in drill.rows(write_backs, write_backs.c.target == "erp")} == made

    doubted = drill.say()
    assert dict(doubted.write_backs) == {
        "knows_keys": 2,
        "can_be_asked": 2,
        "knows_versions": 2,
        "does_neither": 2,
        "erp": len(made),
        "supplier_edi": 1,
    }
    drill.deliver()
    assert drill.outside.effects() == happened, "no effect was repeated"
    for target in ("can_be_asked", "knows_versions", "does_neither"):
        assert len(drill.outside.systems[target].calls) == calls[target], f"nothing was sent to {target}"
    for target in ("knows_keys", "can_be_asked", "erp", "supplier_edi"):
        assert set(drill.states(target).values()) == {WriteBackState.DELIVERED}
    for target in ("knows_versions", "does_neither"):
        assert drill.states(target) == {
            f"{target}-0": WriteBackState.DELIVERED,
            f"{target}-1": WriteBackState.UNSURE,
            f"{target}-2": WriteBackState.UNSURE,
        }
    assert [letter.code for letter in drill.rows(dead_letters)] == ["INT.OUTCOME_UNKNOWN"] * 4
    said = drill.rows(attempts, attempts.c.outcome == "restored")
    assert len(said) == sum(doubted.write_backs.values())
    assert all("maria said that the database was restored: yesterday" in row.reason for row in said)

    # and life goes on
    drill.queue(3)
    assert drill.deliver()["delivered"] == 4
    assert drill.outside.systems["does_neither"].effects[-1] == "does_neither-3"
    assert verify(drill.hub.store, TENANT, keyring()).is_sound


def test_what_was_not_delivered_since_the_backup_is_delivered_once(drill: Drill) -> None:
    """A target that can be asked says that it has nothing: then it is sent. Doubt loses nothing."""
    drill.queue(0)
    drill.deliver()
    drill.hub.process()
    drill.queue(1)
    backup = drill.backup()
    drill.clock.advance(LIMIT)
    drill.hub.deliver("knows_keys")
    drill.hub.process()
    drill.restore(backup)
    drill.hub.process()
    drill.say()
    drill.deliver()
    assert drill.states("can_be_asked") == {f"can_be_asked-{number}": "delivered" for number in (0, 1)}
    assert drill.states("does_neither")["does_neither-1"] == "unsure", "nobody can say whether it happened"
    assert set(drill.outside.effects().values()) == {1}
    assert drill.outside.effects()[("can_be_asked", "can_be_asked-1")] == 1


def test_a_backup_that_no_anchor_can_tell_from_now_is_said_by_a_person(drill: Drill) -> None:
    drill.queue(0)
    drill.deliver()
    drill.hub.process()
    drill.queue(1)
    backup = drill.backup()
    drill.deliver()
    happened = drill.outside.effects()
    drill.clock.advance(timedelta(minutes=5))
    drill.restore(backup)
    with pytest.raises(Misconfigured, match="add --unseen"):
        drill.say()
    assert sum(drill.say(unseen=True).write_backs.values()) == 4
    drill.deliver()
    assert drill.outside.effects() == happened


def test_a_hub_that_was_never_restored_delivers_on_whatever_it_anchors(drill: Drill) -> None:
    for number in range(4):
        drill.queue(number)
        assert drill.deliver()["delivered"] == 4
        drill.hub.process()
        drill.clock.advance(LIMIT)
    place = anchors.place(drill.hub.store)
    assert place is not None
    assert len(place.read_text().splitlines()) == 4, "each delivery let the audit grow, once for each anchor"


def test_the_copy_is_a_database_of_its_own(drill: Drill) -> None:
    backup = drill.backup()
    drill.queue(0)
    with psycopg.connect(backup.replace("+psycopg", "")) as connection:
        found = connection.execute("SELECT count(*) FROM crossdock.write_backs").fetchone()
    assert found == (0,)
    drill.database.drop(backup)


def test_people_who_work_on_a_restored_hub_before_they_know_do_not_hide_that_it_was_restored(
    drill: Drill,
) -> None:
    """Their rows take the numbers of the lost ones, and the next anchor is of the chain that they went on with."""
    backup = lived(drill)
    happened = drill.outside.effects()
    drill.restore(backup)
    for number in range(3):
        with drill.hub.changing() as connection:
            desk.add_audit(
                connection, tenant=TENANT, now=drill.clock.now(), actor="maria", action="case.assign",
                object_kind="case", object_id=str(number),
            )  # fmt: skip
    drill.hub.process()
    assert drill.outside.effects() == happened
    for target in IDEMPOTENCY:
        with pytest.raises(Restored, match=r"crossdock audit restored --reason"):
            drill.hub.deliver(target)
    assert sum(drill.say().write_backs.values()) == 8
    drill.deliver()
    assert drill.outside.effects() == happened, "no effect was repeated"
    assert verify(drill.hub.store, TENANT, keyring()).is_sound


def doubted(store: Any, clock: MovableClock) -> None:
    """The database was restored, and somebody said so."""
    with store.transaction(TENANT) as connection:
        restored.doubt(connection, TENANT, since=clock.now(), now=clock.now(), words="it was restored")


def test_a_replay_of_what_is_doubted_is_not_sent_to_a_target_that_has_forgotten_its_key(
    store: Any, clock: MovableClock
) -> None:
    rules, target = manifest(remembers_s=3600), Target(answers=["no"])
    put(store, write_back_of(1, clock))
    assert deliver(store, clock, target, rules)["rejected"] == 1
    clock.advance(timedelta(seconds=1))
    doubted(store, clock)
    clock.advance(timedelta(hours=2))
    with store.transaction(TENANT) as connection:
        letter = letters(store)[0].id
        deadletters.replay(connection, tenant=TENANT, letter_id=letter, actor="maria", now=clock.now())
    assert deliver(store, clock, target, rules)["unsure"] == 1
    assert len(target.calls) == 1


def waits_for_a_yes(store: Any, clock: MovableClock) -> uuid.UUID:
    body_sha256 = sha256(b"{}").hexdigest()
    (identity,) = put(
        store,
        write_back_of(1, clock, state="awaiting_approval", next_attempt_at=None, body_sha256=body_sha256),
    )
    with store.transaction(TENANT) as connection:
        approvals.ask_for_new(connection, TENANT, {identity: ("rule:a/b", "it costs much")}, clock.now())
    return identity


def agree(connection: Any, clock: MovableClock) -> None:
    wanted = tables.approvals.c.state == "asked"
    (request,) = connection.execute(sa.select(tables.approvals).where(wanted)).all()
    approvals.decide(
        connection, tenant=TENANT, approval_id=request.id, actor="maria", agree=True, words="yes",
        now=clock.now(), can_be_asked=lambda target: False,
    )  # fmt: skip


def test_a_question_that_nobody_answered_in_time_ends_no_doubt(store: Any, clock: MovableClock) -> None:
    """Yesterday's backup has yesterday's questions: their time is over at the first look."""
    target = Target(honours_keys=False)
    identity = waits_for_a_yes(store, clock)
    doubted(store, clock)
    clock.advance(timedelta(days=2))
    with store.transaction(TENANT) as connection:
        (request,) = connection.execute(sa.select(tables.approvals)).all()
        approvals.expire(connection, tenant=TENANT, approval_id=request.id, now=clock.now())
        approvals.ask(
            connection, tenant=TENANT, write_back_id=identity, actor="jonas", reason="still wanted", now=clock.now()
        )  # fmt: skip
        agree(connection, clock)
    assert deliver(store, clock, target, manifest("none"))["unsure"] == 1
    assert target.calls == []


def test_a_yes_to_what_is_doubted_does_not_send_it_on_a_condition_of_now(
    store: Any, clock: MovableClock
) -> None:
    rules, target = manifest("conditional"), VersionedTarget(honours_keys=False)
    waits_for_a_yes(store, clock)
    clock.advance(timedelta(seconds=1))
    doubted(store, clock)
    clock.advance(timedelta(minutes=1))
    with store.transaction(TENANT) as connection:
        agree(connection, clock)
    assert deliver(store, clock, target, rules)["unsure"] == 1
    assert target.calls == []


def test_what_may_have_happened_before_the_restore_is_not_said_otherwise_under_a_new_key(
    store: Any, clock: MovableClock
) -> None:
    target = Target(answers=["no"])
    put(store, write_back_of(1, clock))
    assert deliver(store, clock, target)["rejected"] == 1
    doubted(store, clock)
    hub = Hub.open(store=store, registry=Outside(), clock=clock, tenant=TENANT)
    with pytest.raises(deadletters.NotPossible, match="restored, and its write-back may have happened"):
        hub.desk.edit(letters(store)[0].id, b'{"a": 1}', actor="maria", reason="a slip")


def test_anchors_that_cannot_be_read_stop_what_is_delivered_and_say_so(
    drill: Drill, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(anchors.FILE, str(tmp_path))
    with pytest.raises(Misconfigured, match="the anchors of the audit cannot be read from"):
        drill.hub.deliver("knows_keys")


def test_a_version_that_was_read_after_the_backup_is_lost_with_it(store: Any, clock: MovableClock) -> None:
    """The backup was made while a batch was being sent: it has the intent, and not what the target held then."""

    class Dies(VersionedTarget):
        def version(self, write_back: Any) -> str:
            raise SystemExit

    rules, target = manifest("conditional"), VersionedTarget(honours_keys=False)
    put(store, write_back_of(1, clock))
    with pytest.raises(SystemExit):
        deliver(store, clock, Dies(), rules)
    doubted(store, clock)
    clock.advance(timedelta(hours=1))
    assert deliver(store, clock, target, rules)["unsure"] == 1
    assert target.calls == []
