"""Each promise is asked of a store that worked, and is kept; each way to break it, planted by the owner, is found."""

# ruff: noqa: S608 (statements of constants, which an owner types)

import base64
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from crossdock import receive
from crossdock.decide import Router
from crossdock.errors import Misconfigured
from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.promises import PROMISES
from crossdock.promises.verify import checkers, known, verify
from crossdock.registry import Registry
from crossdock.store import evidence
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock

NOBODY = uuid.UUID(int=7)


def verdicts(look, *promises):
    return {one.promise: one for one in verify(look, promises)}


def planted(store, *statements, **values):
    """What an owner does who lifted the guards."""
    with store._engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            done = connection.execute(sa.text(statement), values)
            assert done.rowcount != 0, f"nothing was planted: {statement}"


def test_a_store_that_worked_keeps_every_promise(day, look):
    found = verdicts(look(day))
    assert list(found) == list(PROMISES)
    assert {number: one.violation for number, one in found.items() if one.violation} == {}
    empty = {number for number, one in found.items() if not one.looked}
    assert empty == set(), "these looked at nothing: the story lacks what they are about"


ONE = "(SELECT id FROM crossdock.{0} WHERE {1} ORDER BY id LIMIT 1)"
RAW = ONE.format("raw_messages", "part_count IS NOT NULL")
EVENT = ONE.format("events", "true")
DONE = ONE.format("write_backs", "state = 'delivered'")
SENDING = ONE.format("write_backs", "state = 'sending'")
OPEN = ONE.format("dead_letters", "state = 'open'")
PLANTED = {
    ("P1", "told_without_bytes"): [f"UPDATE crossdock.raw_messages SET body = NULL WHERE id = {RAW}"],
    ("P1", "answered_without_message"): [
        f"UPDATE crossdock.write_backs SET raw_id = '{NOBODY}' WHERE id = {DONE}"
    ],
    ("P2", "ledger_balance"): ["UPDATE crossdock.sources SET received_total = received_total + 1"],
    ("P3", "bytes_changed"): [f"UPDATE crossdock.raw_messages SET body = body || 'x' WHERE id = {RAW}"],
    ("P3", "event_from_nowhere"): [f"UPDATE crossdock.events SET raw_id = '{NOBODY}' WHERE id = {EVENT}"],
    ("P3", "event_of_other_bytes"): [
        "UPDATE crossdock.events SET document = jsonb_set(document, '{data,provenance,raw_sha256}', '\"00\"')"
        f" WHERE id = {EVENT}"
    ],
    ("P3", "part_outside_of_its_message"): [
        "UPDATE crossdock.parts SET byte_length = 1000000 WHERE ordinal = 0 AND byte_offset IS NOT NULL"
    ],
    ("P4", "repeat_of_nothing"): [f"UPDATE crossdock.duplicates SET raw_id = '{NOBODY}'"],
    ("P4", "ids_are_derived"): [f"UPDATE crossdock.raw_messages SET key = 'another' WHERE id = {RAW}"],
    ("P5", "message_without_source"): ["DELETE FROM crossdock.sources"],
    ("P5", "positions_count_what_is_there"): ["DELETE FROM crossdock.duplicates"],
    ("P6", "two_effects"): [
        "INSERT INTO crossdock.attempts (tenant, write_back_id, attempt, phase, at)"
        f" SELECT 'main', {DONE}, 2, 'intent', now()"
    ],
    ("P6", "sent_again_unasked"): [
        "INSERT INTO crossdock.attempts (tenant, write_back_id, attempt, phase, at)"
        f" SELECT 'main', {SENDING}, 2, 'intent', now()",
    ],
    ("P6", "taken_back_without_an_effect"): [
        "INSERT INTO crossdock.saga_steps (tenant, saga_id, ordinal, write_back_id, undo, undo_write_back_id)"
        f" SELECT 'main', '{NOBODY}', 0, {SENDING}, 'nothing', '{NOBODY}'"
    ],
    ("P6", "taken_back_once"): [
        "INSERT INTO crossdock.saga_steps (tenant, saga_id, ordinal, write_back_id, undo, undo_write_back_id)"
        f" SELECT 'main', '{NOBODY}', 0, {DONE}, 'nothing', '{NOBODY}'"
    ],
    ("P7", "body_changed"): [f"UPDATE crossdock.write_backs SET body = body || 'x' WHERE id = {DONE}"],
    ("P7", "key_of_two"): [
        "ALTER TABLE crossdock.write_backs DROP CONSTRAINT uq_write_backs_tenant_idempotency_key",
        f"UPDATE crossdock.write_backs SET idempotency_key = 'same' WHERE id IN ({DONE}, {SENDING})",
    ],
    ("P8", "tried_too_often"): [
        f"UPDATE crossdock.write_backs SET attempt = 99, fence = 99 WHERE id = {DONE}"
    ],
    ("P8", "no_next_attempt"): [
        "UPDATE crossdock.write_backs SET state = 'ready', next_attempt_at = now() + interval '9 days'"
        f" WHERE id = {SENDING}"
    ],
    ("P8", "repeats_beyond_the_budget"): [
        "INSERT INTO crossdock.targets (tenant, target)"
        f" SELECT 'main', target FROM crossdock.write_backs WHERE id = {SENDING}"
        " ON CONFLICT (tenant, target) DO UPDATE SET failures = 0",
        "INSERT INTO crossdock.attempts (tenant, write_back_id, attempt, phase, outcome, reason, at)"
        f" SELECT 'main', {SENDING}, n, phase, CASE phase WHEN 'outcome' THEN 'retry' END, '429', now()"
        " FROM generate_series(2, 1300) n, unnest(ARRAY['intent', 'outcome']) phase",
        f"UPDATE crossdock.write_backs SET attempt = 1300, spent_before = 1300, fence = 1300 WHERE id = {SENDING}",
    ],
    ("P9", "poison_goes_round"): [
        f"UPDATE crossdock.raw_messages SET part_count = NULL, attempts = 9 WHERE id = {RAW}"
    ],
    ("P10", "states_with_a_gap"): [
        "INSERT INTO crossdock.case_transitions (tenant, case_id, sequence, from_state, to_state, actor, reason, at)"
        " SELECT tenant, case_id, 99, 'blocked', 'open', 'a', 'b', now() FROM crossdock.case_transitions LIMIT 1"
    ],
    ("P10", "states_that_may_not_follow"): [
        "UPDATE crossdock.case_transitions SET from_state = 'expired', to_state = 'open' WHERE sequence = 1"
    ],
    ("P10", "state_is_not_the_last_step"): [
        f"UPDATE crossdock.cases SET state = 'blocked' WHERE id = {ONE.format('cases', 'true')}"
    ],
    ("P11", "letter_without_a_word"): [f"UPDATE crossdock.dead_letters SET remedy = ' ' WHERE id = {OPEN}"],
    ("P11", "letter_of_nothing"): [
        f"UPDATE crossdock.dead_letters SET raw_id = '{NOBODY}' WHERE id = {OPEN}"
    ],
    ("P11", "ended_without_a_letter"): [
        f"UPDATE crossdock.write_backs SET state = 'rejected' WHERE id = {SENDING}"
    ],
    ("P12", "open_letter_of_a_finished_part"): [
        "UPDATE crossdock.parts p SET state = 'processed' FROM crossdock.dead_letters d"
        " WHERE d.raw_id = p.raw_id AND d.part = p.ordinal AND d.state = 'open'"
    ],
    ("P12", "closed_by_nobody"): [
        "UPDATE crossdock.dead_letters SET closed_by = NULL WHERE state = 'discarded'"
    ],
    ("P12", "open_letter_of_an_effect"): [
        f"UPDATE crossdock.dead_letters SET raw_id = NULL, part = NULL, write_back_id = {DONE} WHERE id = {OPEN}"
    ],
    ("P12", "put_back_and_still_here"): [
        "INSERT INTO crossdock.redrive_items (tenant, redrive_id, letter_id, ordinal, state)"
        f" SELECT 'main', '{NOBODY}', {OPEN}, 1, 'put_back'"
    ],
    ("P12", "waits_for_a_run_that_is_over"): [
        "INSERT INTO crossdock.redrive_items (tenant, redrive_id, letter_id, ordinal, state)"
        f" SELECT 'main', '{NOBODY}', {OPEN}, 1, 'waiting'"
    ],
    ("P13", "left_behind"): [
        "UPDATE crossdock.raw_messages SET received_at = received_at - interval '9 hours', part_count = NULL,"
        f" lease_until = NULL WHERE id = {RAW}"
    ],
    ("P13", "sending_and_nobodys"): [
        "UPDATE crossdock.write_backs w SET target = d.target, lease_until = now() - interval '9 hours'"
        f" FROM crossdock.write_backs d WHERE w.id = {SENDING} AND d.id = {DONE}"
    ],
    ("P14", "outcome_without_intent"): [
        f"DELETE FROM crossdock.attempts WHERE phase = 'intent' AND write_back_id = {DONE}"
    ],
    ("P14", "attempt_that_nobody_counted"): [
        f"UPDATE crossdock.write_backs SET attempt = 0 WHERE id = {DONE}"
    ],
    ("P15", "lease_of_a_message"): [
        "UPDATE crossdock.raw_messages SET part_count = NULL, lease_until = now() + interval '1 hour'"
        f" WHERE id = {RAW}"
    ],
    ("P15", "lease_of_a_write_back"): [
        f"UPDATE crossdock.write_backs SET lease_until = now() + interval '1 hour' WHERE id = {SENDING}"
    ],
    ("P15", "lease_of_a_webhook_message"): [
        "INSERT INTO crossdock.webhook_messages (tenant, id, webhook_id, event_id, position, partition_key, state,"
        f" lease_until, created_at, updated_at) SELECT 'main', '{NOBODY}', '{NOBODY}', '{NOBODY}', 1, 'k', 'sending',"
        " now() + interval '1 hour', now(), now()"
    ],
    ("P15", "lease_of_a_broker"): [
        "INSERT INTO crossdock.brokers (tenant, name, position, lease_until, created_at)"
        " SELECT 'main', 'bus', 0, now() + interval '1 hour', now()"
    ],
    ("P16", "told_before_it_was_stored"): [
        f"UPDATE crossdock.raw_messages SET settled_at = received_at - interval '1 hour' WHERE id = {RAW}"
    ],
    ("P17", "too_large"): [f"UPDATE crossdock.raw_messages SET size = 99000000000 WHERE id = {RAW}"],
    ("P18", "event_that_is_not_its_row"): [
        f"UPDATE crossdock.events SET document = jsonb_set(document, '{{id}}', '\"other\"') WHERE id = {EVENT}"
    ],
    ("P18", "events_are_valid"): [
        f"UPDATE crossdock.events SET document = document #- '{{data,title}}' WHERE id = {EVENT}"
    ],
    ("P19", "events_are_read_by_newer_readers"): [
        "UPDATE crossdock.events SET document = jsonb_set(document, '{dataschema}', '\"urn:crossdock:unknown:7\"')"
        f" WHERE id = {EVENT}"
    ],
    ("P20", "left_while_it_waited"): [
        "UPDATE crossdock.write_backs SET state = 'awaiting_approval', updated_at = updated_at - interval '1 hour'"
        f" WHERE id = {SENDING}"
    ],
    ("P20", "left_without_a_yes"): [
        "INSERT INTO crossdock.approvals (tenant, id, write_back_id, kind, target, operation, subject, body_sha256,"
        " attempt, asked_by, asked_principal, reason, asked_at, expires_at, state)"
        f" SELECT 'main', '{NOBODY}', {DONE}, 'leave', 't', 'o', 's', '00', 0, 'a', 'a', 'r',"
        " now() - interval '9 hours', now(), 'asked'"
    ],
    ("P20", "agreed_by_oneself_or_too_late"): [
        "ALTER TABLE crossdock.approvals DROP CONSTRAINT ck_approvals_two_people",
        "INSERT INTO crossdock.approvals (tenant, id, write_back_id, kind, target, operation, subject, body_sha256,"
        " attempt, asked_by, asked_principal, reason, asked_at, expires_at, state, decided_by, decided_principal,"
        f" decided_at, words) SELECT 'main', '{NOBODY}', {SENDING}, 'leave', 't', 'o', 's', '00', 9, 'a', 'a', 'r',"
        " now(), now(), 'agreed', 'a', 'a', now(), 'yes'",
    ],
    ("P18", "event_that_nobody_emits"): [f"DELETE FROM crossdock.emissions WHERE event_id = {EVENT}"],
    ("P18", "hole_in_the_feed"): [
        "UPDATE crossdock.emissions SET state = 'published', published_at = now(), position = 7"
        f" WHERE event_id = {EVENT}"
    ],
    ("P21", "audit_is_whole"): ["UPDATE crossdock.audit SET actor = 'nobody' WHERE seq = 2"],
    ("P22", "no_secret_in_a_row"): [
        f"UPDATE crossdock.dead_letters SET sentence = 'login failed: a/secret&of<the>ERP' WHERE id = {OPEN}"
    ],
    ("P23", "every_table_is_behind_its_policy"): ["ALTER TABLE crossdock.facts NO FORCE ROW LEVEL SECURITY"],
    ("P24", "every_guard_stands"): ["ALTER TABLE crossdock.cases DISABLE TRIGGER transition"],
    ("P25", "decided_the_same"): ["UPDATE crossdock.decisions SET queue = 'elsewhere'"],
}


@pytest.mark.parametrize(("promise", "check"), PLANTED, ids=lambda value: value)
def test_a_violation_that_is_planted_is_found(day, look, promise, check, monkeypatch):
    if check in ("sent_again_unasked",):
        look = _no_target_knows_a_repeat(look)
    planted(day, *PLANTED[promise, check])
    found = verdicts(look(day), promise)[promise].violation
    assert found is not None, "nobody saw it"
    assert found.check == check, found
    assert found.sentence
    assert "{" not in found.sentence
    assert found.remedy


def _no_target_knows_a_repeat(look):
    """The same look, at targets that can neither be asked nor sent a thing twice."""
    import dataclasses

    def seen(store, **given):
        found = look(store, **given)
        names = tuple(found.registry.manifests())
        found._terms = dataclasses.replace(found.terms(), not_repeatable=names)
        return found

    return seen


def test_every_checker_has_its_violation_here():
    beside = {("P1", "acknowledged")}  # test_what_clients_hold_for_acknowledged_is_looked_for
    assert {*PLANTED, *beside} == {(number, name) for number in PROMISES for name, _ in checkers(number)}


# ── what needs more than the store ───────────────────────────────────────────────────────────────────────────


def test_what_clients_hold_for_acknowledged_is_looked_for(day, look, tmp_path: Path):
    file = tmp_path / "acknowledged.jsonl"
    with day.reading("main") as connection:
        row = connection.execute(
            sa.text("SELECT source, key, sha256 FROM crossdock.raw_messages LIMIT 1")
        ).one()
    lines = [{"source": row.source, "key": row.key}, {"sha256": row.sha256}]
    file.write_text("\n".join(map(json.dumps, lines)))
    kept = verdicts(look(day, acknowledged=file), "P1")["P1"]
    assert kept.violation is None
    assert kept.unseen == ()
    for missing in ({"source": row.source, "key": "never came"}, {"sha256": "0" * 64}):
        file.write_text("\n".join(map(json.dumps, [*lines, missing])))
        found = verdicts(look(day, acknowledged=file), "P1")["P1"].violation
        assert found is not None
        assert found.rows == missing
    file.write_text("what")
    with pytest.raises(Misconfigured, match="line 1"):
        verdicts(look(day, acknowledged=file), "P1")


@pytest.mark.parametrize(
    "form",
    [
        quote("a/secret&of<the>ERP", safe=""),
        base64.b64encode(b"a/secret&of<the>ERP").decode(),
        base64.b64encode(b"u:a/secret&of<the>ERP").decode(),
        "a/secret&amp;of&lt;the&gt;ERP",
    ],
    ids=["url", "base64", "basic", "xml"],
)
@pytest.mark.parametrize(
    "column", ["write_backs SET headers = jsonb_build_object('x', {})", "raw_messages SET body = {}::bytea"]
)
def test_a_secret_is_found_in_every_form_and_kind_of_column(day, look, form, column):
    planted(day, f"UPDATE crossdock.{column.format(chr(39) + form + chr(39))}")
    found = verdicts(look(day), "P22")["P22"].violation
    assert found is not None
    assert "a secret of connection crossdock_erp" in found.sentence
    assert "secret&of" not in str(found), "the report does not show it again"


def test_a_canary_is_looked_for_and_a_connection_that_is_not_there_is_said(day, look):
    planted(
        day, f"UPDATE crossdock.cases SET title = 'x canary-1234 y' WHERE id = {ONE.format('cases', 'true')}"
    )
    assert verdicts(look(day), "P22")["P22"].violation is None
    found = verdicts(look(day, canaries=("canary-1234",)), "P22")["P22"]
    assert found.violation is not None
    assert any("which is not defined here" in sentence for sentence in found.unseen)


def test_decisions_of_other_rules_are_counted_and_not_judged(day, look):
    planted(day, "UPDATE crossdock.decisions SET version = 'older', queue = 'elsewhere'")
    found = verdicts(look(day), "P25")["P25"]
    assert found.violation is None
    assert any("decisions of other versions" in sentence for sentence in found.unseen)


def test_a_decision_that_waits_for_a_yes_or_belongs_together_is_decided_the_same(
    day, look, monkeypatch, tmp_path
):
    root = Path(__file__).parents[2] / "mappings"
    for table in (root / "routes").glob("*.toml"):
        (tmp_path / table.name).write_text(table.read_text())
    main, alone = tmp_path / "main.toml", 'actions = ["erp:hold"]\n'
    assert main.read_text().count(alone) == 1
    belonging = (
        'actions = ["erp:hold", "erp:note"]\napprove = ["erp:note"]\ntogether = true\n'
        'undo = { "erp:hold" = "erp:release", "erp:note" = "nothing" }\n'
    )
    main.write_text(main.read_text().replace(alone, belonging))
    monkeypatch.setenv("CROSSDOCK_ROUTES_DIR", str(tmp_path))
    clock = MovableClock(datetime.now(UTC))
    message = RawMessage(
        tenant="main",
        source="erp",
        key="H-1",
        body=(root / "inbound/erp_order_hold/samples/export.json").read_bytes(),
        media_type="application/json",
        received_at=clock.now(),
    )
    receive.accept(day, message, clock=clock)
    assert Hub.open(store=day, registry=Registry(), clock=clock, tenant="main").process().error is None
    found = verdicts(look(day, router=Router.load()), "P25")["P25"]
    assert found.violation is None
    assert found.looked == 1, "the one decision of these rules"
    planted(
        day,
        "UPDATE crossdock.decisions SET actions = actions #- '{0,undo}' WHERE rule = 'export-block'",
    )
    found = verdicts(look(day, router=Router.load()), "P25")["P25"].violation
    assert "was decided by rule 'export-block', and the same rules now say other actions" in found.sentence
    planted(day, "UPDATE crossdock.decisions SET queue = 'elsewhere' WHERE rule = 'export-block'")
    found = verdicts(look(day, router=Router.load()), "P25")["P25"].violation
    assert "now say queue 'compliance' instead of 'elsewhere' and other actions" in found.sentence


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP POLICY own_tenant ON crossdock.events", "has no policy"),
        ("CREATE POLICY everybody ON crossdock.events USING (true)", "is not ours"),
        ("ALTER TABLE crossdock.events DISABLE ROW LEVEL SECURITY", "is not on, or not forced"),
        ("ALTER ROLE crossdock_app BYPASSRLS", "may pass by row-level security"),
    ],
)
def test_each_way_past_the_tenants_policy_is_found(day, look, statement, said):
    planted(day, statement)
    try:
        found = verdicts(look(day), "P23")["P23"].violation
    finally:
        planted(day, "ALTER ROLE crossdock_app NOBYPASSRLS")
    assert found is not None
    assert said in found.sentence


def test_a_guard_that_is_gone_is_found(day, look):
    planted(day, "DROP TRIGGER append_only ON crossdock.audit")
    found = verdicts(look(day), "P24")["P24"].violation
    assert found is not None
    assert "the guard 'append_only' of table audit is gone" in found.sentence


def test_a_store_is_walked_in_bites_and_the_violation_in_the_last_one_is_found(day, look):
    with day.reading("main") as connection:
        last = connection.scalar(sa.text("SELECT id FROM crossdock.raw_messages ORDER BY id DESC LIMIT 1"))
    planted(day, "UPDATE crossdock.raw_messages SET body = 'x' WHERE id = :last", last=last)
    question = next(one for one in evidence_questions() if one.name == "bytes_changed")
    answer = evidence.ask(day, "main", question, look(day).terms(), bite=2)
    assert answer.row is not None
    assert answer.row["id"] == str(last)
    assert answer.looked > 2


def evidence_questions():
    from crossdock.store.evidence_received import RECEIVED

    return RECEIVED


def test_nothing_is_written_by_looking(day, look, monkeypatch):
    def forbidden(*_args, **_kwargs):
        raise AssertionError("a checker opened a transaction that could write")

    monkeypatch.setattr(Store, "transaction", forbidden)
    assert all(one.violation is None for one in verify(look(day)))


def test_a_promise_that_nobody_made_is_said():
    assert known("p2") == "P2"
    with pytest.raises(Misconfigured, match="P1 to P25"):
        known("P26")
