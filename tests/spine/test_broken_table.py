"""A decision table that cannot be read stops what decides, and nothing else; what needs it waits and says so."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.hub import Hub
from crossdock.messages import Conflict, Delivered, Outcome, Receipt, WriteBack
from crossdock.redrive import Chosen
from crossdock.registry import Registry
from crossdock.store import target_book
from crossdock.store.tables import attempts, cases, write_backs
from tests.spine.delivering import TENANT, Target, letters, put, write_back_of


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A table that somebody left half written."""
    (tmp_path / "main.toml").write_text("[[rule]]\nid = 'half")
    monkeypatch.setenv("CROSSDOCK_ROUTES_DIR", str(tmp_path))


def mended(monkeypatch):
    monkeypatch.delenv("CROSSDOCK_ROUTES_DIR")


class Erp(Registry):
    """The connectors that are installed, with this target in the place of the ERP."""

    def __init__(self, target):
        super().__init__()
        self._target = target

    def sink(self, manifest, login, clock):
        return self._target


def hub_of(store, clock, target):
    return Hub.open(store=store, registry=Erp(target), clock=clock, tenant=TENANT)


@pytest.fixture(autouse=True)
def _connection(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ERP", "http://erp.example")


def row_of(store, id_):
    with store.reading(TENANT) as connection:
        return connection.execute(sa.select(write_backs).where(write_backs.c.id == id_)).one()


def codes(store):
    with store.reading(TENANT) as connection:
        return connection.execute(sa.select(cases.c.code, cases.c.occurrences)).all()


class Outdated(Target):
    """A target that holds another version of one thing."""

    conflicts = True

    def deliver(self, write_back: WriteBack) -> Outcome:
        if self.conflicts and write_back.subject == "supplier_po/1":
            self.calls.append((write_back.idempotency_key, write_back.attempt))
            return Conflict(reason="412: it was changed", status="412")
        self.effects.append(write_back.idempotency_key)
        return Delivered(receipt=Receipt(reference="N"))


@pytest.mark.usefixtures("broken")
def test_what_needs_no_rules_goes_on(store, clock):
    put(store, write_back_of(1, clock))
    target = Target()
    with hub_of(store, clock, target) as hub:
        report = hub.deliver("erp")
        assert (report.counts["delivered"], report.error) == (1, None)
        assert hub.publish().error is None
        assert hub.redrive().error is None
        with pytest.raises(Misconfigured, match=r"main\.toml"):
            hub.process()


@pytest.mark.usefixtures("broken")
def test_what_was_set_aside_is_replayed_and_redriven(store, clock):
    one, two = put(store, write_back_of(1, clock), write_back_of(2, clock))
    target = Target(answers=["no", "no"])
    with hub_of(store, clock, target) as hub:
        hub.deliver("erp")
        first, second = sorted(letters(store), key=lambda one: one.label)
        hub.replay(first.id, "anna")
        hub.desk.redrives.start(Chosen(ids=(second.id,)), actor="anna")
        assert hub.redrive().counts["put_back"] == 1
        clock.advance(timedelta(seconds=1))
        assert hub.deliver("erp").counts["delivered"] == 2
    assert {row_of(store, each).state for each in (one, two)} == {"delivered"}


def test_a_conflict_waits_whole_until_the_table_is_mended_and_the_others_go_on(
    store, clock, broken, monkeypatch
):
    one, other = put(store, write_back_of(1, clock), write_back_of(2, clock))
    target = Outdated()
    with hub_of(store, clock, target) as hub:
        report = hub.deliver("erp")
        assert (report.counts["conflict"], report.counts["delivered"]) == (1, 1)
        assert "main.toml" in report.error
        found = row_of(store, one)
        assert (found.state, found.attempt - found.spent_before) == ("ready", 0)
        assert found.reason.startswith(
            "412: it was changed; it is decided again when the rules can be read: "
        )
        assert found.next_attempt_at == clock.now() + timedelta(minutes=5)
        assert row_of(store, other).state == "delivered"
        assert (letters(store), codes(store)) == ([], [])
        for _ in range(12):  # however often it is tried, it is not used up
            clock.advance(timedelta(minutes=5))
            hub.deliver("erp")
        assert row_of(store, one).state == "ready"
        mended(monkeypatch)
        clock.advance(timedelta(minutes=5))
        assert hub.deliver("erp").error is None
    assert row_of(store, one).state == "rejected"
    assert [each.code for each in letters(store)] == ["INT.CONFLICT"]
    assert codes(store) == [("INT.CONFLICT", 1)]
    with store.reading(TENANT) as connection:
        said = connection.scalars(sa.select(attempts.c.outcome).where(attempts.c.write_back_id == one)).all()
    assert said.count("conflict") == 14


def test_a_refused_login_pauses_the_target_and_its_case_comes_when_the_table_is_mended(
    store, clock, broken, monkeypatch
):
    put(store, write_back_of(1, clock))
    target = Target(answers=["password"] * 4)
    with hub_of(store, clock, target) as hub:
        report = hub.deliver("erp")
        assert "401" in report.error
        assert "main.toml" in report.error
        with store.reading(TENANT) as connection:
            assert target_book.read(connection, TENANT, "erp").state == "paused"
        assert codes(store) == []
        mended(monkeypatch)
        for _ in range(3):
            clock.advance(timedelta(minutes=16))
            assert "main.toml" not in hub.deliver("erp").error
        assert codes(store) == [("INT.AUTH_FAILED", 1)]
        clock.advance(timedelta(minutes=16))
        assert hub.deliver("erp").counts["delivered"] == 1


@pytest.mark.usefixtures("broken")
def test_as_then_is_left_while_nobody_knows_the_rules(store, clock):
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as hub:
        said = hub.versions.missing("erp", {"routes": "abc"})
    assert said == ["routes abc is not installed any more: it is none"]
