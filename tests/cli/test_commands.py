"""What every command has in common: help with examples, JSON, one sentence for what goes wrong, and its exit code."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from crossdock import deadletters, errors
from crossdock.cli.application import app
from crossdock.cli.command import EXAMPLES, guarded
from crossdock.cli.exits import EXIT_OF_ERROR
from crossdock.cli.talk import Talk, visible

ROOT = Path(__file__).resolve().parents[2]
EXECUTABLE = Path(sys.executable).with_name("crossdock")


def leaves(command: Any = None, way: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    command = command or typer.main.get_command(app)
    if not hasattr(command, "commands"):
        return [(way, command)]
    return [leaf for name, sub in command.commands.items() for leaf in leaves(sub, (*way, name))]


COMMANDS = leaves()


def real(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The real executable, in a process of its own."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CROSSDOCK_", "AIRFLOW_"))
    }
    return subprocess.run(
        [str(EXECUTABLE), *arguments],
        capture_output=True,
        cwd=cwd,
        env={**inherited, "CROSSDOCK_HOME": str(cwd / "home"), **environment},
        timeout=120,
        check=False,
    )


def test_the_commands_of_the_brief_are_there() -> None:
    there = {" ".join(way) for way, _ in COMMANDS}
    assert there >= {
        "doctor", "db upgrade", "db status", "x12 inspect", "try", "receive", "process", "deliver", "events list",
        "events show", "cases list", "cases show", "write-backs list", "write-backs show", "dead-letters list",
        "dead-letters show", "dead-letters replay", "dead-letters discard", "ledger", "schema validate",
        "schema show", "schema list", "connector list", "connector check", "serve", "partner list", "routes check",
    }  # fmt: skip


@pytest.mark.parametrize(("way", "command"), COMMANDS, ids=[" ".join(way) for way, _ in COMMANDS])
def test_every_command_has_help_with_examples_and_json(
    crossdock: Any, way: tuple[str, ...], command: Any
) -> None:
    shown = crossdock(*way, "--help")
    assert shown.exit_code == 0
    assert "Examples:" in shown.stdout
    assert f"crossdock {' '.join(way)}" in shown.stdout
    assert "--json" in shown.stdout
    assert "--debug" in shown.stdout
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    silent = [parameter.opts for parameter in options if not getattr(parameter, "help", None)]
    assert silent == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_parses(example: str) -> None:
    words = [word for word in shlex.split(example.partition(" > ")[0])]
    assert words[0] == "crossdock"
    command: Any = typer.main.get_command(app)
    context = command.make_context("crossdock", words[1:], resilient_parsing=False)
    while hasattr(command, "commands"):
        _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(command.name, list(rest), parent=context)
    assert context.args == []


def test_every_error_has_its_exit_code() -> None:
    """A new class of error without an exit code of its own or of an ancestor of its own would end as just any."""
    assert "Misconfigured" in error_classes()
    for name, bases in error_classes().items():
        assert name in EXIT_OF_ERROR or "CrossdockError" not in bases, f"say in exits.py how {name} ends"


def error_classes() -> dict[str, list[str]]:
    """Every error class of the spine, from its source, with its bases."""
    found: dict[str, list[str]] = {"CrossdockError": []}
    classes = [
        node
        for path in sorted((ROOT / "crossdock").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    while True:
        new = {
            node.name: bases
            for node in classes
            if node.name not in found
            and set(bases := [ast.unparse(base) for base in node.bases]) & set(found)
        }
        if not new:
            return found
        found |= new


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Misconfigured("x"), 2),
        (errors.WireDown("x"), 4),
        (errors.WireQuiet("x"), 4),
        (errors.Refused("x", status="500"), 4),
        (errors.Unreadable("x"), 1),
        (errors.Unacceptable("x", violations=[("/a", "b")]), 1),
        (deadletters.NotPossible("x"), 5),
        (ValueError("x"), 70),
    ],
)
def test_an_error_is_one_sentence_and_its_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        raise error

    assert guarded(Talk(as_json=False, debug=False), work) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("crossdock: ")
    assert "Traceback" not in said.err
    assert guarded(Talk(as_json=True, debug=False), work) == code
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["class"] == type(error).__name__
    assert document["error"]["exit_code"] == code


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise ValueError("here")

    guarded(Talk(as_json=False, debug=True), work)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("case", "list"), "cases"), (("dead-letter", "list"), "dead-letters"), (("docter",), "doctor")],
)
def test_an_unknown_command_is_asked_back(crossdock: Any, words: tuple[str, ...], meant: str) -> None:
    ran = crossdock(*words)
    assert ran.exit_code == 2
    assert meant in ran.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("connector", "check", "suplier_edi"), "supplier_edi"),
        (("schema", "show", "exception-evnt"), "exception-event"),
        (("schema", "show", "fact", "--version", "9.9"), "1.0"),
        (("deliver", "epr", "--once"), "erp"),
        (("try", "{file}", "--partner", "acme_suply"), "acme_supply"),
    ],
)
def test_an_unknown_name_is_asked_back(
    crossdock: Any, told: Any, tmp_path: Path, words: tuple[str, ...], meant: str
) -> None:
    file = tmp_path / "some.edi"
    file.write_bytes(b"ISA*00~")
    ran = crossdock(*(word.format(file=file) for word in words))
    assert ran.exit_code == 2
    assert meant in ran.stderr


READERS = (("x12", "inspect"), ("try",), ("schema", "validate"))
FILES = {
    "empty": b"",
    "zeros": bytes(1000),
    "rubbish": bytes(range(256)) * 40,
    "deep": b"[" * 5000,
    "xml": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "escape": b"ISA\x1b[2J\x1b]0;x\x07",
    "json": b'{"a": NaN}',
}


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
@pytest.mark.parametrize("content", FILES)
def test_a_bad_file_is_a_finding_or_a_sentence(
    crossdock: Any, tmp_path: Path, reader: tuple[str, ...], content: str
) -> None:
    file = tmp_path / "some\x1b[31m.bin"
    file.write_bytes(FILES[content])
    ran = crossdock(*reader, str(file))
    assert ran.exit_code in (1, 2), ran
    assert "\x1b" not in ran.stdout + ran.stderr
    assert (ran.stdout + ran.stderr).strip()
    as_json = crossdock(*reader, str(file), "--json")
    assert as_json.exit_code == ran.exit_code
    assert isinstance(as_json.json, dict)


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
def test_a_file_that_is_not_there_or_is_a_folder_is_a_sentence(
    crossdock: Any, tmp_path: Path, reader: tuple[str, ...]
) -> None:
    for path, word in ((tmp_path / "none.edi", "there is no file"), (tmp_path, "is a folder")):
        ran = crossdock(*reader, str(path))
        assert ran.exit_code == 2
        assert word in ran.stderr
        assert crossdock(*reader, str(path), "--json").json["error"]["exit_code"] == 2


def test_a_file_comes_by_standard_input_too(crossdock: Any) -> None:
    ran = crossdock("schema", "validate", "-", "--name", "fact", "--json", stdin=b"{}")
    assert ran.exit_code == 1
    assert ran.json["documents"][0]["violations"]


def test_a_database_that_is_away_is_a_sentence(crossdock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", "postgresql://nobody:hushhush@127.0.0.1:1/none")
    for words in (("cases", "list"), ("ledger",), ("process", "--once"), ("db", "upgrade"), ("db", "status")):
        ran = crossdock(*words)
        assert ran.exit_code in (2, 4), words
        assert "CROSSDOCK_DATABASE_URL" in ran.stderr
        assert "hushhush" not in ran.stdout + ran.stderr


def test_a_database_without_tables_says_how_to_make_them(
    crossdock: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database.empty()
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", url)
    try:
        ran = crossdock("cases", "list")
        assert ran.exit_code == 2
        assert "crossdock db upgrade" in ran.stderr
        status = crossdock("db", "status", "--json")
        assert (status.exit_code, status.json["current"]) == (2, False)
        assert crossdock("db", "upgrade").exit_code == 0
        assert crossdock("db", "upgrade").exit_code == 0
        assert crossdock("db", "status", "--json").json["current"] is True
        assert crossdock("cases", "list").exit_code == 0
    finally:
        database.drop(url)


def test_a_broken_partner_file_is_told_with_file_and_line(
    crossdock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.toml").write_text('name = "bad"\ntitle = \n')
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path))
    ran = crossdock("partners", "list")
    assert ran.exit_code == 2
    assert f"{tmp_path / 'bad.toml'}:2" in ran.stderr


@pytest.mark.parametrize("tenant", ["", "UPPER", "a-b", "'; --", "x" * 21])
def test_a_tenant_that_is_none_is_a_sentence(
    crossdock: Any, told: Any, monkeypatch: pytest.MonkeyPatch, tenant: str
) -> None:
    monkeypatch.setenv("CROSSDOCK_TENANT", tenant)
    ran = crossdock("cases", "list")
    assert ran.exit_code == 2
    assert "CROSSDOCK_TENANT" in ran.stderr


def test_a_step_says_that_it_runs_once(crossdock: Any) -> None:
    for words in (("receive", "erp"), ("process",), ("deliver",)):
        ran = crossdock(*words)
        assert ran.exit_code == 2
        assert "--once" in ran.stderr


def test_a_step_without_its_connection_says_which(
    crossdock: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ERP", "{not json")
    ran = crossdock("receive", "erp", "--once")
    assert ran.exit_code == 2
    assert "AIRFLOW_CONN_CROSSDOCK_ERP" in ran.stderr


def test_a_target_that_does_not_answer_is_exit_code_4(
    crossdock: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP",
        json.dumps(
            {"conn_type": "crossdock-rest", "host": "http://127.0.0.1", "port": 1, "password": "hushhush"}
        ),
    )
    ran = crossdock("receive", "erp", "--once")
    assert ran.exit_code == 4
    assert "hushhush" not in ran.stdout + ran.stderr
    assert crossdock("connector", "check", "erp").exit_code == 4


SUPPLIER_DOWN = {
    "conn_type": "crossdock-sftp", "host": "127.0.0.1", "port": 1, "login": "crossdock", "password": "hushhush",
    "extra": {"host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJd2ZQ1m5ZC0u8mN3Zt7b0p6n1D4n2o0vO3ZC1Q7cQ0x"},
}  # fmt: skip


def test_a_target_that_is_not_defined_does_not_keep_the_others_waiting(
    crossdock: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_CROSSDOCK_ERP", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_SUPPLIER_EDI", json.dumps(SUPPLIER_DOWN))
    ran = crossdock("deliver", "--once", "--json")
    assert ran.exit_code == 2
    runs = {run["connector"]: run for run in ran.json["runs"]}
    assert "'crossdock_erp' is not defined" in runs["erp"]["error"]
    assert runs["supplier_edi"]["error"] is None
    assert runs["supplier_edi"]["run_id"]
    shown = crossdock("deliver", "--once")
    assert shown.exit_code == 2
    assert shown.stdout.splitlines() == [
        "deliver erp: could not deliver",
        "deliver supplier_edi: nothing to do",
    ]
    assert "crossdock: deliver erp: connection 'crossdock_erp' is not defined" in shown.stderr
    assert crossdock("deliver", "erp", "--once").exit_code == 2


def test_a_source_that_is_down_was_not_found_to_have_nothing(
    crossdock: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_SUPPLIER_EDI", json.dumps(SUPPLIER_DOWN))
    ran = crossdock("receive", "supplier_edi", "--once")
    assert (ran.exit_code, ran.stdout) == (4, "receive supplier_edi: could not look\n")


def test_files_that_may_still_grow_are_said_to_be_there(told: Any, tmp_path: Path) -> None:
    from deploy.sandbox.world import World

    url = os.environ["CROSSDOCK_DATABASE_URL"]
    with World(tmp_path / "world") as world:
        world.supplier.put("one.edi", b"ISA*00~")
        world.supplier.put("two.edi", b"ISA*01~")
        ran = real(
            *("receive", "supplier_edi", "--once"),
            cwd=tmp_path,
            CROSSDOCK_DATABASE_URL=url,
            **world.environment(),
        )
    assert (ran.returncode, ran.stdout) == (0, b"receive supplier_edi: 2 seen, not yet quiet\n")
    assert b"crossdock receive supplier_edi --once" in ran.stderr
    assert b"crossdock process" not in ran.stderr, "nothing is there to process"


def test_process_by_hand_is_the_step_of_the_dag(crossdock: Any, told: Any) -> None:
    ran = crossdock("process", "--once", "--json")
    assert ran.exit_code == 0
    assert ran.json["runs"][0]["step"] == "process"
    assert (
        crossdock("runs", "list", "--step", "process", "--json").json["items"][0]["id"]
        == ran.json["runs"][0]["run_id"]
    )


def test_schemas_are_shown_and_judged(crossdock: Any, tmp_path: Path) -> None:
    shown = crossdock("schema", "show", "exception-event")
    assert json.loads(shown.stdout)["$schema"].startswith("https://json-schema.org/draft/2020-12")
    examples = sorted((ROOT / "canonical/schemas/exception-event/1.0/examples/valid").glob("*.json"))
    assert examples
    assert crossdock("schema", "validate", str(examples[0])).exit_code == 0
    document = json.loads(examples[0].read_text("utf-8"))
    document["surprise"] = 1
    file = tmp_path / "event.json"
    file.write_text(json.dumps([document, document]))
    strict = crossdock("schema", "validate", str(file), "--json")
    assert strict.exit_code == 1
    assert [result["valid"] for result in strict.json["documents"]] == [False, False]
    assert "surprise" in strict.json["documents"][0]["violations"][0]["sentence"]
    assert crossdock("schema", "validate", str(file), "--lenient").exit_code == 0


def test_control_characters_are_made_visible() -> None:
    assert visible("a\x1b[2J\x00\u202eb\x9b") == "a\\x1b[2J\\x00\\u202eb\\x9b"
    assert visible("Zürich\t東京\n") == "Zürich\t東京\n"


# ── the real executable ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        (("partners", "list", "--json"), 0),
        (("x12", "inspect", "none.edi"), 2),
        (("x12", "inspect", "."), 2),
        (("x12", "inspect", "rubbish"), 1),
        (("nothing",), 2),
        (("cases", "list", "--stat"), 2),
        (("receive", "erp"), 2),
        (("dead-letters", "discard", "d0"), 5),
    ],
)
def test_the_executable_ends_with_the_documented_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    (tmp_path / "rubbish").write_bytes(bytes(range(256)))
    ran = real(*arguments, cwd=tmp_path)
    assert ran.returncode == code, ran.stderr.decode()
    assert b"Traceback" not in ran.stderr + ran.stdout
    if code == 0:
        assert ran.stderr == b""
    if code >= 2:
        assert ran.stdout == b""
        assert ran.stderr


def test_the_executable_tells_a_ledger_that_does_not_balance(told: Any, tmp_path: Path) -> None:
    from crossdock.store import tables

    told.insert(tables.sources, {"source": "erp", "received_total": 1})
    url = os.environ["CROSSDOCK_DATABASE_URL"]
    ran = real("ledger", "--json", cwd=tmp_path, CROSSDOCK_DATABASE_URL=url)
    assert ran.returncode == 3
    assert json.loads(ran.stdout)["sound"] is False


def test_a_reader_that_leaves_early_ends_the_command_quietly(tmp_path: Path) -> None:
    ran = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {shlex.quote(str(EXECUTABLE))} schema show exception-event | head -n 1",
        ],
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert b"Traceback" not in ran.stderr
    assert b"Exception" not in ran.stderr


def test_no_colour_and_no_drawing_in_a_pipe(tmp_path: Path) -> None:
    ran = real("connector", "list", cwd=tmp_path)
    assert b"\x1b" not in ran.stdout
    assert ran.stdout.decode().splitlines()[0].split()[:2] == ["NAME", "WIRE"]
    assert re.search(rb"^erp ", ran.stdout, re.MULTILINE)


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_a_drawn_table_and_no_color_is_obeyed(
    tmp_path: Path, no_color: str, coloured: bool
) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(EXECUTABLE), "connector", "list"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": no_color, "TERM": "xterm-256color", "COLUMNS": "160"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:
            break
        if not block:
            break
        shown += block
    os.close(ours)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert "─" in shown.decode()
    assert (b"\x1b[1m" in shown) is coloured
