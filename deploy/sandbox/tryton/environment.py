"""Tryton's own environment: installed from its own lock file, once, and again when that changes."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[3]
HOME: Final = CHECKOUT / ".tryton"
LOCK_FILE: Final = Path(__file__).with_name("requirements.lock")

_DONE: Final = "installed"
_PATIENCE_S: Final = 600
_LAST_LINES: Final = 12


class NotToBeHad(Exception):
    """Tryton cannot be installed or built here. The sentence says why, and what to do."""


@contextlib.contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """One builder at a time; whoever comes second waits, and then finds it built."""
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitignore").write_text("*\n")
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest_of(*files: Path) -> str:
    """A short name for what these files say."""
    told = hashlib.sha256()
    for file in files:
        told.update(file.read_bytes())
    return told.hexdigest()[:12]


def installed(home: Path = HOME) -> Path:
    """The folder with the programs of Tryton (``trytond``, ``trytond-admin``). To be called ``alone_in(home)``.

    Raises ``NotToBeHad``: most often, the package index was not reached.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = home / f"environment-{python}-{digest_of(LOCK_FILE)}"
    if not (folder / _DONE).exists():
        for old in home.glob("environment-*"):
            shutil.rmtree(old)
        run([sys.executable, "-m", "venv", str(folder)], what="make an environment for Tryton")
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        run(
            [str(folder / "bin/python"), *install, "--require-hashes", "--requirement", str(LOCK_FILE)],
            what=f"install what {LOCK_FILE.relative_to(CHECKOUT)} names",
            hint="It needs the package index once; when that can be reached, run this again.",
        )
        (folder / _DONE).touch()
    return folder / "bin"


def run(command: list[str], *, what: str, hint: str = "", **more: str) -> None:
    """One step. ``more`` is added to the environment. Raises ``NotToBeHad`` with the end of what it said."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": "", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotToBeHad(f"could not {what}: {error}. {hint}".strip()) from error
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-_LAST_LINES:])
        raise NotToBeHad(f"could not {what} (status {done.returncode}). {hint}\n{said}".strip())
