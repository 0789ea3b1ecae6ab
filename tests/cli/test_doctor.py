"""The doctor says what is missing, what to do, and no secret."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crossdock import doctor
from crossdock.doctor import Grade, examine, locked_versions
from crossdock.ports import SystemClock
from crossdock.registry import Registry
from crossdock.store import tables
from crossdock.testing.clock import MovableClock


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CROSSDOCK_HOME", str(tmp_path / "home"))
    for name in ("CROSSDOCK_TENANT", "CROSSDOCK_PARTNERS_DIR", "CROSSDOCK_ROUTES_DIR", "CROSSDOCK_AUDIT_ANCHORS",
                 "CROSSDOCK_AUDIT_SYSLOG", "CROSSDOCK_AUDIT_CONN", "AIRFLOW_CONN_CROSSDOCK_AUDIT"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def grades(**given: Any) -> dict[str, Grade]:
    return {line.check: line.grade for line in examine(**given)}


def line(check: str, **given: Any) -> doctor.Line:
    return next(line for line in examine(**given) if line.check == check)


def test_what_is_right_is_ok(told: Any) -> None:
    found = grades()
    for check in ("python", "packages", "airflow", "home", "disk", "database", "tenants apart", "clock", "ledger",
                  "connectors", "partners", "routes", "taxonomy"):  # fmt: skip
        assert found[check] is Grade.OK, line(check)


def test_open_dead_letters_are_a_warning_with_the_command(told: Any) -> None:
    assert line("dead letters").grade is Grade.WARN
    assert line("dead letters").sentence == "2 open"
    assert line("dead letters").remedy == "crossdock dead-letters list"


def test_a_parked_letter_is_a_warning_of_its_own(told: Any) -> None:
    assert "parked" not in grades()
    told.move(tables.dead_letters, told.letter, state="parked")
    assert line("parked").grade is Grade.WARN
    assert line("parked").sentence.startswith("1 dead letter:")
    assert line("parked").remedy == "crossdock dead-letters list --state parked"


def test_a_target_that_is_paused_or_stopped_or_in_shadow_says_why(told: Any) -> None:
    assert line("target erp", each=True).grade is Grade.OK
    assert "target erp" not in grades()
    assert line("targets").sentence.endswith("may be called")
    now = SystemClock().now()
    told.insert(
        tables.targets,
        {"target": "erp", "state": "paused", "mode": "shadow", "why": "paused by ben: upgrade", "by": "ben",
         "since": now},
    )  # fmt: skip
    told.insert(
        tables.stops,
        {"target": "*", "operation": "hold", "stopped": True, "by": "eve", "reason": "wrong", "at": now},
    )
    found = line("target erp")
    assert found.grade is Grade.WARN
    assert found.remedy == "crossdock targets show erp"
    for said in ("paused by ben: upgrade", "in shadow", "is stopped by eve: wrong"):
        assert said in found.sentence


def test_an_audit_that_anybody_could_write_anew_is_a_warning(
    told: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert line("audit key").grade is Grade.WARN
    assert line("audit anchors").grade is Grade.WARN
    monkeypatch.setenv("CROSSDOCK_AUDIT_ANCHORS", str(tmp_path / "anchors.jsonl"))
    secret = "a key of thirty-two bytes or more"
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_AUDIT", json.dumps({"conn_type": "generic", "login": "k", "password": secret})
    )
    assert line("audit key").grade is Grade.OK
    assert line("audit anchors").grade is Grade.OK
    assert secret not in repr(list(examine()))
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_AUDIT", json.dumps({"conn_type": "generic", "password": "short"})
    )
    assert line("audit key").grade is Grade.FAIL
    assert line("database").grade is Grade.OK


def test_a_ledger_that_does_not_balance_fails(told: Any) -> None:
    told.insert(tables.sources, {"source": "erp", "received_total": 1})
    assert line("ledger").grade is Grade.FAIL
    assert "erp" in line("ledger").sentence


def test_a_clock_that_is_off_is_told(told: Any) -> None:
    now = SystemClock().now()
    assert line("clock", clock=MovableClock(now - timedelta(minutes=5))).grade is Grade.WARN
    assert line("clock", clock=MovableClock(now + timedelta(minutes=5))).grade is Grade.WARN


def test_a_table_without_row_security_fails(told: Any, database: Any) -> None:
    name = told.store.url.database
    import psycopg

    url = told.store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE crossdock.cases DISABLE ROW LEVEL SECURITY")
    found = line("tenants apart")
    assert found.grade is Grade.FAIL, name
    assert "cases" in found.sentence


def test_a_database_that_is_away_fails_and_the_rest_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", "postgresql://nobody:hushhush@127.0.0.1:1/none")
    lines = list(examine())
    away = next(line for line in lines if line.check == "database")
    assert away.grade is Grade.FAIL
    assert "CROSSDOCK_DATABASE_URL" in away.remedy
    assert "taxonomy" in {line.check for line in lines}
    assert "hushhush" not in repr(lines)


def test_a_connection_is_told_without_its_secrets(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hushhush"
    extra = {"host_key": "ssh-ed25519 AAAA", "private_key": secret}
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_SUPPLIER_EDI",
        json.dumps(
            {"conn_type": "crossdock-sftp", "host": "sftp.example", "password": secret, "extra": extra}
        ),
    )
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ERP", f"{{{secret}")
    lines = list(examine())
    assert next(line for line in lines if line.check == "connection supplier_edi").grade is Grade.OK
    assert next(line for line in lines if line.check == "connection erp").grade is Grade.WARN
    assert secret not in repr(lines)


def test_an_sftp_connection_that_pins_no_host_key_fails(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_SUPPLIER_EDI", json.dumps({"conn_type": "x", "host": "sftp.example"})
    )
    found = line("connection supplier_edi")
    assert found.grade is Grade.FAIL
    assert "host_key" in found.remedy


def test_connectors_that_nobody_uses_are_one_line_and_those_in_use_are_told(
    told: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_CROSSDOCK_UPS", raising=False)
    (tmp_path / "connectors" / "our_drop").mkdir(parents=True)
    (tmp_path / "connectors" / "our_drop" / "connector.toml").write_text(
        'title = "Our drop"\nlike = "file_drop"\nconnection = "our_drop"\nversion = "1"\n'
    )
    monkeypatch.setenv("CROSSDOCK_SITE_DIR", str(tmp_path))
    found = line("connections")
    assert found.grade is Grade.OK
    assert " ups," in found.sentence
    assert "--each" in found.remedy
    assert "connection ups" not in grades()
    own = [one.check for one in examine() if one.check.startswith("connection ")]
    assert "connection our_drop" in own, "the site's own connector is there to be used"
    assert "connection supplier_edi" in own, "something came from it"
    told.insert(tables.sources, {"source": "ups", "received_total": 0})
    assert line("connection ups").grade is Grade.WARN
    assert "AIRFLOW_CONN_CROSSDOCK_UPS" in line("connection ups").remedy
    each = [one for one in examine(each=True) if one.check.startswith("connection ")]
    assert len(each) == len(Registry().manifests()) - 1, "what people upload needs no connection"


def test_a_connector_whose_file_is_wrong_fails_beside_the_others(told: Any, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "connector.toml").write_text("name = \n")
    found = line("connector bad", registry=Registry(tmp_path))
    assert found.grade is Grade.FAIL
    assert "connector.toml" in found.sentence


def test_a_broken_partner_file_fails_with_its_line(
    told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.toml").write_text("title = \n")
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path))
    assert line("partners").grade is Grade.FAIL
    assert "bad.toml:1" in line("partners").sentence


def test_a_home_that_is_a_file_fails(told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CROSSDOCK_HOME", str(tmp_path / "file" / "home"))
    assert line("home").grade is Grade.FAIL


def test_packages_are_compared_with_the_lock_file(
    told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("typer==0.0.1 \\\n    --hash=sha256:00\n")
    assert line("packages", lock=lock).grade is Grade.WARN
    assert "typer" in line("packages", lock=lock).sentence
    assert locked_versions("a-b==1.2 \\\n  --hash=x\n# c==3\nd.e==4\n") == {"a-b": "1.2", "d.e": "4"}


def test_the_command_tells_the_same_as_json(crossdock: Any, told: Any) -> None:
    ran = crossdock("doctor", "--json")
    checks = {check["check"]: check for check in ran.json["checks"]}
    assert ran.json["ok"] == (ran.exit_code == 0)
    assert checks["database"]["grade"] == "ok"
    assert set(checks["database"]) == {"check", "grade", "sentence", "remedy"}
    told.insert(tables.sources, {"source": "erp", "received_total": 1})
    assert crossdock("doctor").exit_code == 1
