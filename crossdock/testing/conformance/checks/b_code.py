"""A connector's code: what it may use, what it leaves to the spine, and that making it does nothing."""

import ast
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from crossdock.testing.conformance.case import SIDES, Case
from crossdock.testing.conformance.check import broken, check

BANNED: Final = {
    "requests": "crossdock.wires.rest",
    "httpx": "crossdock.wires.rest",
    "urllib3": "crossdock.wires.rest",
    "aiohttp": "crossdock.wires.rest",
    "http.client": "crossdock.wires.rest",
    "urllib.request": "crossdock.wires.rest",
    "zeep": "crossdock.wires.soap",
    "paramiko": "crossdock.wires.sftp",
    "ftplib": "crossdock.wires.sftp",
    "imaplib": "the mailbox wire",
    "smtplib": "the e-mail wire",
    "socket": "a wire",
    "ssl": "a wire",
    "subprocess": "a wire",
    "multiprocessing": "nothing: the spine runs it",
    "threading": "nothing: the spine runs it",
    "asyncio": "nothing: the spine runs it",
    "concurrent.futures": "nothing: the spine runs it",
    "tenacity": "nothing: the spine tries again",
    "sqlalchemy": "the SQL wire",
    "psycopg": "the SQL wire",
    "airflow": "nothing: a connector does not know who runs it",
    "pickle": "json",
    "shelve": "nothing: a position is given and taken",
    "sqlite3": "nothing: a position is given and taken",
}
"""What a connector does not import, and what it uses instead."""

MOST_LINES: Final = 100
"""A poll connector with its manifest needs no more."""

HEAVY: Final = ("requests", "zeep", "paramiko", "sqlalchemy", "lxml", "airflow", "jsonschema", "urllib3")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def _files(case: Case) -> list[Path]:
    """The connector's own modules; what plays its system in a check is none of it."""
    return [path for path in sorted(case.code_folder.rglob("*.py")) if path.name != "played.py"]


def _imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            yield from (
                (node.lineno, str(one.value)) for one in node.args[:1] if isinstance(one, ast.Constant)
            )


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


@check(
    "code.uses_wires_only",
    "It reaches its system through the wires, and knows no other connector.",
    needs=("code",),
)
def uses_wires_only(case: Case) -> None:
    for path in _files(case):
        for line, module in _imported(_tree(path)):
            for name, instead in BANNED.items():
                if module == name or module.startswith(f"{name}."):
                    broken(
                        f"{path.name}:{line} imports {name}; use {instead}, which is guarded, bounded and "
                        "translated"
                    )
            if module.startswith("connectors.") and module.split(".")[1] != case.code_folder.name:
                broken(
                    f"{path.name}:{line} imports {module}; connectors do not know each other: say like = in "
                    "connector.toml"
                )
            if module.startswith(("mappings", "crossdock.store", "canonical")):
                broken(
                    f"{path.name}:{line} imports {module}; a connector carries bytes, and knows neither their "
                    "meaning nor the store"
                )


@check("code.never_sleeps", "It does not wait: the spine says when.", needs=("code",))
def never_sleeps(case: Case) -> None:
    for path in _files(case):
        for node in ast.walk(_tree(path)):
            if (
                isinstance(node, ast.ImportFrom)
                and node.module == "time"
                and any(a.name == "sleep" for a in node.names)
            ):
                broken(
                    f"{path.name}:{node.lineno} imports sleep; return Retry, or raise, and the spine comes back "
                    "later"
                )
            if isinstance(node, ast.Call) and _called(node) == "sleep":
                broken(
                    f"{path.name}:{node.lineno} sleeps; return Retry, or raise, and the spine comes back later"
                )


@check("code.catches_what_it_knows", "It catches only errors that it can name.", needs=("code",))
def catches_what_it_knows(case: Case) -> None:
    for path in _files(case):
        for node in ast.walk(_tree(path)):
            if not isinstance(node, ast.ExceptHandler) or not _catches_all(node.type):
                continue
            if not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                broken(
                    f"{path.name}:{node.lineno} catches everything and goes on; catch the errors of "
                    "crossdock.errors, so that what nobody foresaw is seen"
                )


def _catches_all(kind: ast.expr | None) -> bool:
    match kind:
        case None:
            return True
        case ast.Name(id="Exception" | "BaseException"):
            return True
        case ast.Tuple(elts=some):
            return any(_catches_all(one) for one in some)
    return False


@check(
    "code.is_small",
    "A connector that is polled is small: it reaches, and means nothing.",
    needs=("code", "polled"),
)
def is_small(case: Case) -> str | None:
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in _files(case) if path.name != "sink.py")
    lines += len((case.folder / "connector.toml").read_text("utf-8").splitlines())
    if lines > MOST_LINES:
        return f"{lines} lines with its manifest; {MOST_LINES} are enough where connector.toml can say it"
    return None


@check("code.lists_cheaply", "Listing connectors imports nothing heavy of it.", needs=("code",))
def lists_cheaply(case: Case) -> None:
    if not (case.code_folder / "settings.py").is_file():
        return
    if found := _listed(str(case.fleet.root or "")):
        broken(
            f"settings.py pulls in {', '.join(found)}, which every DAG file would pay; import it in source.py "
            "or sink.py"
        )


@cache
def _listed(root: str) -> list[str]:
    """What listing all connectors imports that is heavy, asked once in a process of its own."""
    script = (
        f"import json, sys\nfrom crossdock.registry import Registry\nRegistry({root!r} or None).manifests()\n"
        f"sys.stdout.write(json.dumps(sorted(set({HEAVY!r}) & "
        f"{{name.partition('.')[0] for name in sys.modules}})))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(ran.stdout)
    return found


@check(
    "code.connects_later",
    "Making its source and sink opens nothing and starts nothing.",
    needs=("code", "played"),
)
def connects_later(case: Case) -> None:
    for side in SIDES:
        if getattr(case.manifest, side) is None or (side == "source" and "pushed" in case.capabilities):
            continue
        with case.watched() as watch:
            before = threading.active_count()
            case.side(side).close()
            if watch.opened or watch.opened_elsewhere:
                broken(f"connect() of {side}.py opened a connection; open it at the first read or delivery")
            if threading.active_count() > before:
                broken(f"connect() of {side}.py started a thread; start nothing")
