"""A folder that others write into is met with the same care as a server of theirs."""

import os
from pathlib import Path

import pytest

from crossdock.errors import Misconfigured, Refused
from crossdock.ports import Login
from crossdock.wires.files import FileChanged, FileTooLarge, RemoteFile
from crossdock.wires.folder import Folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("in", "archive", "reports"):
        (tmp_path / "share" / name).mkdir(parents=True)
    return tmp_path / "share"


@pytest.fixture
def folder(root: Path) -> Folder:
    return Folder(Login(connection_id="drop", extra={"path": str(root)}))


def lying(root: Path, name: str, body: bytes = b"PO,Item\n") -> RemoteFile:
    path = root / "in" / name
    path.write_bytes(body)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return RemoteFile(name=name, size=len(body), mtime=1_700_000_000)


def test_files_are_listed_and_read_as_they_lie(root: Path, folder: Folder) -> None:
    file = lying(root, "list.csv")
    assert folder.listing("/in").files == (file,)
    assert folder.look("/in", "list.csv") == file
    assert folder.read("/in", file).body == b"PO,Item\n"
    assert folder.look("/in", "nothing.csv") is None


def test_files_on_their_way_are_not_seen(root: Path, folder: Folder) -> None:
    for name in ("list.csv.part", "list.csv.tmp", ".list.csv"):
        lying(root, name)
    found = folder.listing("/in")
    assert (found.files, found.skipped) == ((), ())


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "directory", "pipe", "name"])
def test_what_is_no_plain_file_is_passed_over_and_told(
    root: Path, folder: Folder, tmp_path: Path, kind: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    thing = root / "in" / "list.csv"
    match kind:
        case "symlink":
            thing.symlink_to(secret)
        case "hardlink":
            thing.hardlink_to(secret)
        case "directory":
            thing.mkdir()
        case "pipe":
            os.mkfifo(thing)
        case "name":
            (root / "in" / "=cmd.csv").write_text("x")
    found = folder.listing("/in")
    assert found.files == ()
    assert [one.code for one in found.skipped] == [f"file.{kind}"]
    if kind != "name":
        with pytest.raises(Refused):
            folder.look("/in", "list.csv")


@pytest.mark.parametrize("kind", ["symlink", "pipe", "hardlink"])
def test_what_took_a_files_place_after_the_look_is_not_read(
    root: Path, folder: Folder, tmp_path: Path, kind: str
) -> None:
    file = lying(root, "list.csv")
    (root / "in" / "list.csv").unlink()
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    thing = root / "in" / "list.csv"
    {"symlink": lambda: thing.symlink_to(secret), "hardlink": lambda: thing.hardlink_to(secret)}.get(
        kind, lambda: os.mkfifo(thing)
    )()
    with pytest.raises(Refused):
        folder.read("/in", file)


def test_a_directory_that_became_a_link_is_not_followed(root: Path, folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "in").rmdir()
    (root / "in").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="/in") as refused:
        folder.listing("/in")
    assert refused.value.status in ("ELOOP", "ENOTDIR")


def test_a_directory_never_leaves_the_folder(folder: Folder) -> None:
    with pytest.raises(Misconfigured, match=r"\.\."):
        folder.listing("/in/../../etc")


def test_a_file_that_changed_since_the_look_is_read_another_time(root: Path, folder: Folder) -> None:
    file = lying(root, "list.csv")
    (root / "in" / "list.csv").write_bytes(b"PO,Item,Quantity\n")
    with pytest.raises(FileChanged):
        folder.read("/in", file)


def test_a_file_that_is_too_long_is_not_read(root: Path, folder: Folder) -> None:
    file = lying(root, "list.csv", b"x" * 100)
    with pytest.raises(FileTooLarge):
        folder.read("/in", file, most_bytes=99)


def test_nothing_is_ever_overwritten(root: Path, folder: Folder) -> None:
    put = folder.put("/reports", "report.csv", b"one")
    assert (put.earlier, put.path) == (False, "/reports/report.csv")
    assert folder.put("/reports", "report.csv", b"one").earlier
    with pytest.raises(Refused) as refused:
        folder.put("/reports", "report.csv", b"two")
    assert refused.value.status == "other"
    lying(root, "report.csv")
    with pytest.raises(Refused):
        folder.move("/in", "report.csv", "/reports", "report.csv")
    assert [path.name for path in (root / "reports").iterdir()] == ["report.csv"]
    assert (root / "reports" / "report.csv").read_bytes() == b"one"


def test_what_a_dead_worker_left_half_written_is_written_again(root: Path, folder: Folder) -> None:
    (root / "reports" / ".report.csv.part").write_bytes(b"on")
    folder.put("/reports", "report.csv", b"one")
    assert [path.name for path in (root / "reports").iterdir()] == ["report.csv"]


@pytest.mark.parametrize("extra", [{}, {"path": "relative"}, {"path": 5}])
def test_a_connection_without_a_folder_says_what_to_add(extra: dict[str, object]) -> None:
    with pytest.raises(Misconfigured, match="add the folder's own"):
        Folder(Login(connection_id="drop", extra=extra)).listing("/in")


def test_the_check_says_what_is_not_there(root: Path, folder: Folder) -> None:
    (step,) = folder.check("/in", write=False)
    assert step.ok
    (step,) = folder.check("/nowhere", write=True)
    assert not step.ok and "/nowhere" in step.sentence and "Make /nowhere" in step.remedy
