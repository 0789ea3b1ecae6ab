"""The Makefile refuses an old Python with a sentence, and cleans away only what is ours."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if shutil.which("make") is None:
        pytest.skip("there is no make on this machine")
    shutil.copy(MAKEFILE, tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "VENV=.mine", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("what", ["absent", "old"])
def test_without_a_python_of_3_11_it_is_said_what_to_do(folder: Path, what: str) -> None:
    python = folder / "python"
    if what == "old":
        python.write_text("#!/bin/sh\nexit 1\n")  # what an older one answers to the question
        python.chmod(0o755)
    ran = make(folder, "install", f"PYTHON={python}")
    assert ran.returncode != 0
    assert "install Python 3.11, or name one: make PYTHON=/path/to/python3.11" in ran.stderr
    assert not (folder / ".mine").exists()


def test_clean_takes_the_folders_of_demonstrations_and_nothing_else_that_is_called_so(folder: Path) -> None:
    for name in ("demo", "demo-2", "demo-running", "demos"):
        (folder / name).mkdir()
        if name != "demos":
            (folder / name / ".crossdock-demo").touch()
    with (folder / "demo-running" / ".crossdock-demo").open() as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        ran = make(folder, "clean")
    assert ran.returncode == 0
    left = {path.name for path in folder.iterdir() if path.is_dir()}
    assert left == ({"demos", "demo-running"} if shutil.which("flock") else {"demos"})
