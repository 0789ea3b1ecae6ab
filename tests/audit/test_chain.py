"""The audit shows who changes it: every kind of change of its table, by somebody with every right but the key."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from crossdock.audit import anchors, chain, keys
from crossdock.audit.keys import UNKEYED, Key, Keyring, keyring, keyring_of
from crossdock.audit.restored import say
from crossdock.audit.verify import verify
from crossdock.errors import Misconfigured
from crossdock.faultpoints import InjectedFault
from crossdock.ports import Login, Secret
from crossdock.store import audit_trail, desk
from crossdock.store.tables import audit, audit_heads

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
KEY = "AIRFLOW_CONN_CROSSDOCK_AUDIT"


@pytest.fixture(autouse=True)
def keyed(monkeypatch, tmp_path):
    """A key, and a file of anchors."""
    monkeypatch.setenv(KEY, json.dumps({"login": "k1", "password": "a key of at least 16 bytes"}))
    monkeypatch.setenv(anchors.FILE, str(tmp_path / "anchors.jsonl"))
    return tmp_path / "anchors.jsonl"


def act(store, number=1, **given):
    """A person does something."""
    said = {
        "tenant": "main",
        "now": NOW + timedelta(minutes=number),
        "actor": "maria",
        "action": "dead_letter.replay",
        "object_kind": "dead_letter",
        "object_id": str(number),
        "reason": "the partner mended it",
        "detail": {"label": f"855 {number:04}", "amount": 1e16, "half": 0.5, "nul": "a\x00b", "at": NOW},
    }
    with store.transaction(given.get("tenant", "main")) as connection:
        desk.add_audit(connection, **{**said, **given})


def written(store, count=6):
    for number in range(1, count + 1):
        act(store, number)


def by_hand(store, *statements):
    """What somebody with every right does to the tables: no guard, no policy."""
    with store._engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(statement)


def rows(store):
    with store._engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(audit).order_by(audit.c.seq)).mappings()]


def recomputed(store, change, *, key):
    """Somebody changes the rows and computes the whole chain anew, with a key of his."""
    found, previous = change(rows(store)), chain.FIRST
    for seq, row in enumerate(found, start=1):
        row.update(seq=seq, key_id=key.id)
        row["hash"] = previous = chain.seal(key, previous, row)
    by_hand(
        store,
        sa.delete(audit),
        sa.insert(audit).values(found),
        sa.update(audit_heads).values(seq=len(found), hash=previous, key_id=key.id),
    )


def broken(store):
    report = verify(store, "main", keyring())
    assert report.broken is not None, "nobody saw it"
    return report.broken.seq, report.broken.kind


def test_what_was_written_is_found_as_it_was_written(store):
    written(store)
    report = verify(store, "main", keyring())
    assert (report.broken, report.rows, report.unkeyed) == (None, 6, 0)
    assert [row["seq"] for row in rows(store)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "changed",
    [
        {"actor": "nobody"},
        {"reason": "another"},
        {"reason": None},
        {"at": NOW},
        {"object_id": "99"},
        {"detail": {"label": "other"}},
        {"detail": None},
        {"action": "dead_letter.discard"},
        {"tenant": "other"},
    ],
    ids=lambda changed: " ".join(f"{name}" for name in changed),
)
def test_a_changed_row_is_found(store, changed):
    written(store)
    by_hand(store, sa.update(audit).where(audit.c.seq == 3).values(**changed))
    assert broken(store) in ((3, "changed"), (3, "missing"))


def test_a_removed_row_is_found(store):
    written(store)
    by_hand(store, sa.delete(audit).where(audit.c.seq == 4))
    assert broken(store) == (4, "missing")


def test_a_removed_row_is_found_when_the_others_close_up(store):
    written(store)
    by_hand(
        store,
        sa.delete(audit).where(audit.c.seq == 4),
        sa.update(audit).where(audit.c.seq == 5).values(seq=4),
        sa.update(audit).where(audit.c.seq == 6).values(seq=5),
        sa.update(audit_heads).values(seq=5),
    )
    assert broken(store) == (4, "changed")


def test_an_inserted_row_is_found(store):
    written(store)
    forged = {**rows(store)[2], "id": chain.UUID(int=7), "actor": "eve"}
    by_hand(
        store,
        sa.update(audit).where(audit.c.seq >= 4).values(seq=audit.c.seq + 100),
        sa.update(audit).where(audit.c.seq >= 100).values(seq=audit.c.seq - 99),
        sa.insert(audit).values(**{**forged, "seq": 4}),
        sa.update(audit_heads).values(seq=7),
    )
    assert broken(store) == (4, "changed")


def test_a_row_put_behind_the_end_is_found(store):
    written(store)
    last = rows(store)[-1]
    forged = {**last, "id": chain.UUID(int=7), "seq": 7}
    forged["hash"] = chain.seal(Key(id="k1", secret=b"guessed by somebody"), last["hash"], forged)
    by_hand(store, sa.insert(audit).values(**forged))
    assert broken(store) == (7, "changed")


def test_a_row_without_a_number_beside_the_chain_is_found(store):
    written(store)
    forged = {**rows(store)[2], "id": chain.UUID(int=7), "seq": None, "hash": None, "key_id": None}
    by_hand(store, sa.insert(audit).values(**forged))
    assert broken(store) == (0, "inserted")


def test_two_rows_that_change_places_are_found(store):
    written(store)
    by_hand(
        store,
        sa.update(audit).where(audit.c.seq == 2).values(seq=100),
        sa.update(audit).where(audit.c.seq == 3).values(seq=2),
        sa.update(audit).where(audit.c.seq == 100).values(seq=3),
    )
    assert broken(store) == (2, "changed")


def test_an_end_that_is_cut_off_clumsily_is_found_by_the_head(store):
    written(store)
    by_hand(store, sa.delete(audit).where(audit.c.seq > 4))
    assert broken(store) == (5, "missing")


def test_an_end_that_is_cut_off_with_its_head_is_found_by_the_anchor(store):
    written(store)
    anchors.write(store, "main", keys=keyring(), now=NOW)
    fourth = rows(store)[3]
    by_hand(
        store,
        sa.delete(audit).where(audit.c.seq > 4),
        sa.update(audit_heads).values(seq=4, hash=fourth["hash"]),
    )
    assert broken(store) == (5, "truncated")


def test_an_audit_that_is_gone_altogether_is_found_by_the_anchor(store):
    written(store)
    anchors.write(store, "main", keys=keyring(), now=NOW)
    by_hand(store, sa.delete(audit), sa.delete(audit_heads))
    assert broken(store) == (1, "truncated")


def test_without_an_anchor_a_cut_end_is_not_seen_and_the_report_says_so(store):
    written(store)
    fourth = rows(store)[3]
    by_hand(
        store,
        sa.delete(audit).where(audit.c.seq > 4),
        sa.update(audit_heads).values(seq=4, hash=fourth["hash"]),
    )
    report = verify(store, "main", keyring())
    assert report.is_sound
    assert "there is no anchor outside the database: a cut end looks like an end" in report.unseen


def test_a_chain_that_is_computed_anew_without_the_key_is_found(store):
    written(store)
    recomputed(
        store,
        lambda found: [row for row in found if row["seq"] != 3],
        key=Key(id="k1", secret=b"guessed by somebody"),
    )
    assert broken(store) == (1, "changed")


def test_a_chain_that_is_made_anew_as_if_there_had_never_been_a_key_is_found_by_the_anchor(store):
    written(store)
    anchors.write(store, "main", keys=keyring(), now=NOW)
    recomputed(store, lambda found: [{**row, "actor": "nobody"} for row in found], key=UNKEYED)
    assert broken(store) == (6, "anchor")


def test_a_chain_that_loses_its_key_in_the_middle_is_found(store):
    written(store)
    found = rows(store)
    by_hand(
        store,
        sa.update(audit)
        .where(audit.c.seq == 6)
        .values(
            key_id="unkeyed", hash=chain.seal(UNKEYED, found[4]["hash"], {**found[5], "key_id": "unkeyed"})
        ),
    )
    assert broken(store) == (6, "key")


def test_a_key_id_that_nobody_knows_is_found(store):
    written(store)
    by_hand(store, sa.update(audit).where(audit.c.seq == 2).values(key_id="k9"))
    assert broken(store) == (2, "key")


def test_without_a_key_a_chain_made_anew_is_found_by_the_anchor_and_the_report_says_what_is_weaker(
    store, monkeypatch
):
    monkeypatch.delenv(KEY)
    written(store)
    report = verify(store, "main", keyring())
    assert report.is_sound
    assert report.unkeyed == 6
    assert any("no key is configured" in sentence for sentence in report.unseen)
    anchors.write(store, "main", keys=keyring(), now=NOW)
    recomputed(store, lambda found: [{**row, "actor": "nobody"} for row in found], key=UNKEYED)
    assert broken(store) == (6, "anchor")


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_replaced_and_the_rows_of_the_old_one_are_still_verified(store, monkeypatch):
    written(store, 2)
    after = {
        "login": "k2",
        "password": "another key of 16 bytes",
        "extra": {"retired_secrets": {"k1": "a key of at least 16 bytes"}},
    }
    monkeypatch.setenv(KEY, json.dumps(after))
    act(store, 3)
    assert [(row["key_id"], row["action"]) for row in rows(store)][1:] == [
        ("k1", "dead_letter.replay"),
        ("k2", chain.KEY_CHANGED),
        ("k2", "dead_letter.replay"),
    ]
    assert verify(store, "main", keyring()).is_sound
    by_hand(store, sa.update(audit).where(audit.c.seq == 1).values(actor="nobody"))
    assert broken(store) == (1, "changed")


def test_a_key_that_comes_later_is_used_from_then_on_and_the_report_counts_what_was_before(
    store, monkeypatch
):
    with monkeypatch.context() as before:
        before.delenv(KEY)
        written(store, 2)
    act(store, 3)
    report = verify(store, "main", keyring())
    assert (report.broken, report.rows, report.unkeyed) == (None, 4, 2)
    assert "2 rows were sealed without a key, before one was configured" in report.unseen


def test_a_worker_that_lost_the_key_does_nothing_rather_than_write_it_down_unsealed(store, monkeypatch):
    written(store, 2)
    monkeypatch.delenv(KEY)
    with pytest.raises(Misconfigured, match="sealed with the key 'k1', which is not known here"):
        act(store, 3)
    assert len(rows(store)) == 2


def test_a_worker_that_still_has_the_retired_key_alone_does_nothing(store, monkeypatch):
    monkeypatch.setenv(KEY, json.dumps({"login": "k2", "password": "another key of 16 bytes"}))
    written(store, 2)
    monkeypatch.setenv(KEY, json.dumps({"login": "k1", "password": "a key of at least 16 bytes"}))
    with pytest.raises(Misconfigured, match="sealed with the key 'k2'"):
        act(store, 3)


def test_no_key_stands_in_a_row_an_anchor_or_a_message(store, keyed):
    written(store, 2)
    anchors.write(store, "main", keys=keyring(), now=NOW)
    assert "a key of at least" not in f"{rows(store)} {keyed.read_text()} {keyring()}"


@pytest.mark.parametrize(
    ("login", "sentence"),
    [
        (Login(connection_id="c", password=Secret("short")), "shorter than 16 bytes"),
        (Login(connection_id="c", user="unkeyed", password=Secret("x" * 20)), "no key may be called"),
        (
            Login(connection_id="c", password=Secret("x" * 20), secrets={"retired_secrets": Secret("[1]")}),
            "no object of key ids",
        ),
        (
            Login(
                connection_id="c",
                user="k1",
                password=Secret("x" * 20),
                secrets={"retired_secrets": Secret(json.dumps({"k1": "y" * 20}))},
            ),
            "in use and retired",
        ),
    ],
)
def test_a_key_that_is_none_is_said(login, sentence):
    with pytest.raises(Misconfigured, match=sentence) as caught:
        keyring_of(login)
    assert "x" * 20 not in str(caught.value)


def test_a_connection_that_is_named_and_is_not_there_stops_whoever_would_act(store, monkeypatch):
    monkeypatch.setenv(keys.VARIABLE, "elsewhere_audit")
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE_AUDIT", "{")
    with pytest.raises(Misconfigured):
        act(store)


# ── rows from before the chain ───────────────────────────────────────────────────────────────────────────────


def old(store, count=3):
    """Rows as an earlier version left them."""
    by_hand(
        store,
        sa.insert(audit).values(
            [
                {
                    "tenant": "main",
                    "id": chain.UUID(int=number),
                    "at": NOW - timedelta(days=1),
                    "actor": "paul",
                    "action": "dead_letter.discard",
                    "object_kind": "dead_letter",
                    "object_id": str(number),
                    "reason": "old",
                    "detail": {"code": "X"},
                }
                for number in range(count)
            ]
        ),
    )


def test_old_rows_are_sealed_by_the_first_action_which_says_so(store):
    old(store)
    report = verify(store, "main", keyring())
    assert report.is_sound
    assert "3 rows from before the chain are not sealed yet; the next action seals them" in report.unseen
    act(store)
    first = next(row for row in rows(store) if row["seq"] == 1)
    assert (first["action"], first["detail"]["rows"], first["actor"]) == (chain.SEALED_OLD, 3, "crossdock")
    assert verify(store, "main", keyring()).is_sound


@pytest.mark.parametrize(
    "change",
    [
        lambda: sa.update(audit).where(audit.c.object_id == "1", audit.c.seq.is_(None)).values(actor="eve"),
        lambda: sa.delete(audit).where(audit.c.object_id == "1", audit.c.seq.is_(None)),
    ],
    ids=["changed", "removed"],
)
def test_an_old_row_that_is_changed_after_it_was_sealed_is_found(store, change):
    old(store)
    act(store)
    by_hand(store, change())
    assert broken(store) == (0, "changed")


# ── anchors ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_anchor_is_a_line_that_only_its_owner_reads(store, keyed):
    written(store, 2)
    assert anchors.is_due(store, "main", NOW)
    anchors.write(store, "main", keys=keyring(), now=NOW)
    assert keyed.stat().st_mode & 0o777 == 0o600
    said = json.loads(keyed.read_text())
    assert (said["seq"], said["hash"], said["tenant"]) == (2, rows(store)[1]["hash"], "main")
    act(store, 3)
    assert not anchors.is_due(store, "main", NOW + timedelta(minutes=59))
    assert anchors.is_due(store, "main", NOW + timedelta(minutes=60))
    anchors.write(store, "main", keys=keyring(), now=NOW + timedelta(minutes=60))
    assert not anchors.is_due(store, "main", NOW + timedelta(days=1)), "nothing was added since"
    report = verify(store, "main", keyring())
    assert (report.broken, report.anchors, report.anchored_seq) == (None, 2, 3)


def test_an_anchor_that_somebody_else_wrote_is_found(store, keyed):
    written(store, 2)
    anchors.write(store, "main", keys=keyring(), now=NOW)
    keyed.write_text(keyed.read_text().replace('"seq":2', '"seq":1'))
    assert broken(store)[1] == "forged"


def test_a_line_that_was_cut_off_by_a_crash_hides_no_anchor_behind_it(store, keyed):
    written(store, 2)
    keyed.write_text('{"tenant":"main","seq":1,"ha')
    keyed.chmod(0o600)
    anchors.write(store, "main", keys=keyring(), now=NOW)
    report = verify(store, "main", keyring())
    assert (report.broken, report.anchors, report.anchored_seq) == (None, 1, 2)
    assert "1 lines of the anchors are cut off or none at all (line 1)" in report.unseen


def test_anchors_are_not_written_where_others_may_change_them(store, keyed):
    written(store, 2)
    keyed.touch()
    keyed.chmod(0o666)
    with pytest.raises(Misconfigured, match="only this account may write"):
        anchors.write(store, "main", keys=keyring(), now=NOW)
    keyed.unlink()
    keyed.symlink_to(keyed.parent / "elsewhere")
    with pytest.raises(Misconfigured, match="cannot be written"):
        anchors.write(store, "main", keys=keyring(), now=NOW)


def test_without_a_place_for_anchors_nobody_writes_one_by_itself(store, monkeypatch):
    monkeypatch.delenv(anchors.FILE)
    written(store, 2)
    assert not anchors.is_due(store, "main", NOW)
    with pytest.raises(Misconfigured, match="nowhere to write anchors"):
        anchors.write(store, "main", keys=keyring(), now=NOW)


def test_an_anchor_is_told_to_the_syslog(store, monkeypatch):
    import socket

    written(store, 2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10)
        monkeypatch.setenv(anchors.SYSLOG, f"127.0.0.1:{listening.getsockname()[1]}")
        anchors.write(store, "main", keys=keyring(), now=NOW)
        assert rows(store)[1]["hash"] in listening.recv(4096).decode()


def test_a_restored_backup_is_said_once_and_explains_nothing_else(store):
    written(store, 6)
    anchors.write(store, "main", keys=keyring(), now=NOW + timedelta(hours=1))
    with pytest.raises(Misconfigured, match="nothing is missing"):
        say(store, "main", keyring(), actor="maria", reason="backup", now=NOW + timedelta(hours=2))
    by_hand(
        store,
        sa.delete(audit).where(audit.c.seq > 4),
        sa.update(audit_heads).values(seq=4, hash=rows(store)[3]["hash"]),
    )
    say(store, "main", keyring(), actor="maria", reason="backup", now=NOW + timedelta(hours=2))
    act(store, 7)
    assert verify(store, "main", keyring()).is_sound
    by_hand(store, sa.update(audit).where(audit.c.seq == 2).values(actor="eve"))
    with pytest.raises(Misconfigured, match="does not explain"):
        say(store, "main", keyring(), actor="maria", reason="backup", now=NOW + timedelta(hours=3))


@pytest.mark.parametrize(
    ("point", "said"), [("audit.before_restored", False), ("audit.after_restored", True)]
)
def test_a_restore_that_dies_beside_its_commit_is_said_whole_or_not_at_all(store, monkeypatch, point, said):
    written(store, 6)
    anchors.write(store, "main", keys=keyring(), now=NOW + timedelta(hours=1))
    by_hand(
        store,
        sa.delete(audit).where(audit.c.seq > 4),
        sa.update(audit_heads).values(seq=4, hash=rows(store)[3]["hash"]),
    )

    def accept():
        say(store, "main", keyring(), actor="maria", reason="b", now=NOW + timedelta(hours=2))

    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
    with pytest.raises(InjectedFault):
        accept()
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert verify(store, "main", keyring()).is_sound == said
    if said:
        with pytest.raises(Misconfigured, match="nothing is missing"):
            accept()
    else:
        accept()
    assert len([row for row in rows(store) if row["action"] == "audit.restored"]) == 1
    assert verify(store, "main", keyring()).is_sound


# ── who writes at the same time ──────────────────────────────────────────────────────────────────────────────


def test_writers_at_the_same_time_leave_no_gap(store):
    together = threading.Barrier(6)

    def person(number):
        together.wait()
        for one in range(10):
            act(store, number * 100 + one)

    with ThreadPoolExecutor(6) as people:
        list(people.map(person, range(6)))
    assert [row["seq"] for row in rows(store)] == list(range(1, 61))
    assert verify(store, "main", keyring()).is_sound


def test_what_is_rolled_back_takes_its_number_along(store):
    act(store, 1)
    with pytest.raises(ZeroDivisionError), store.transaction("main") as connection:
        desk.add_audit(
            connection, tenant="main", now=NOW, actor="a", action="b", object_kind="c", object_id="d"
        )
        raise ZeroDivisionError
    act(store, 2)
    assert [row["seq"] for row in rows(store)] == [1, 2]


def test_each_tenant_has_a_chain_of_its_own(store):
    act(store, 1)
    act(store, 1, tenant="other")
    act(store, 2)
    assert sorted((row["tenant"], row["seq"]) for row in rows(store)) == [
        ("main", 1),
        ("main", 2),
        ("other", 1),
    ]
    assert verify(store, "other", keyring()).rows == 1


def test_a_long_audit_is_walked_in_batches(store, monkeypatch):
    written(store, 7)
    monkeypatch.setattr(audit_trail.rows_after, "__kwdefaults__", {"limit": 2})
    assert verify(store, "main", keyring()).rows == 7


def test_the_ring_without_a_connection_is_unkeyed(monkeypatch):
    monkeypatch.delenv(KEY)
    assert keyring() == Keyring(current=UNKEYED, known={"unkeyed": UNKEYED})
