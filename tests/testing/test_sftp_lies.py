"""The lying SFTP server: whatever it says about a file, only what is whole and true is taken, and nothing is lost."""

import hashlib
from pathlib import Path

import pytest

from crossdock.errors import CrossdockError, Refused, WireDown, WireQuiet
from crossdock.testing.sftp_lies import HOSTILE_NAMES, LIES, lie, put_hostile_names, truncated, wrong_stat
from crossdock.testing.sftp_server import SftpServer
from crossdock.wires.sftp import FileChanged, Sftp

BODY = b"ISA*00*" + bytes(range(33, 127)) * 30

READS = {
    "wrong_stat": FileChanged,
    "short_reads": None,
    "truncated": FileChanged,
    "drop_in_the_middle": WireDown,
    "growing_file": FileChanged,
    "replaced_while_read": FileChanged,
    "rename_target_exists": None,
    "drop_before_rename": None,
    "drop_after_rename": None,
    "fails_and_has_renamed": None,
}
"""What becomes of a read under each lie; ``None``: it succeeds, with the true content."""

WRITES = {
    "wrong_stat": Refused,
    "short_reads": None,
    "truncated": Refused,
    "drop_in_the_middle": WireDown,
    "growing_file": WireQuiet,
    "replaced_while_read": WireQuiet,
    "rename_target_exists": Refused,
    "drop_before_rename": WireQuiet,
    "drop_after_rename": WireQuiet,
    "fails_and_has_renamed": None,
}
"""What becomes of a write."""


def folders(tmp_path: Path) -> Path:
    for folder in ("outbound/archive", "inbound"):
        (tmp_path / "files" / folder).mkdir(parents=True)
    return tmp_path / "files"


def test_every_lie_has_its_expectation() -> None:
    assert set(READS) == set(WRITES) == set(LIES)


@pytest.mark.parametrize("name", LIES)
def test_a_file_is_read_as_it_is_or_not_at_all(tmp_path: Path, name: str) -> None:
    with SftpServer(folders(tmp_path), **lie(name)) as server:
        (server.root / "outbound" / "a.edi").write_bytes(BODY)
        wire = Sftp(server.login(), channel_s=5.0)
        try:
            [file] = wire.listing("/outbound").files
            if READS[name] is None:
                assert wire.read("/outbound", file).body == BODY
            else:
                with pytest.raises(READS[name]):
                    wire.read("/outbound", file)
        finally:
            wire.close()


@pytest.mark.parametrize("name", LIES)
def test_a_file_that_was_put_lies_there_whole_or_nobody_says_so(tmp_path: Path, name: str) -> None:
    with SftpServer(folders(tmp_path), **lie(name)) as server:
        wire = Sftp(server.login(), channel_s=5.0)
        there = server.root / "inbound" / "ours.edi"
        try:
            put = wire.put("/inbound", "ours.edi", BODY)
            assert WRITES[name] is None
            assert put.sha256 == hashlib.sha256(BODY).hexdigest()
            assert there.read_bytes() == BODY
        except CrossdockError as error:
            assert WRITES[name] is not None
            assert isinstance(error, WRITES[name]), repr(error)
            lies_there = there.exists() and there.read_bytes() == BODY
            assert lies_there == (name == "drop_after_rename")
        finally:
            wire.close()


def test_a_lie_that_ends_costs_a_try_and_no_file(tmp_path: Path) -> None:
    for number, settings in enumerate((wrong_stat(), truncated(), lie("drop_in_the_middle"))):
        with SftpServer(folders(tmp_path / str(number)), **settings) as server:
            (server.root / "outbound" / "a.edi").write_bytes(BODY)
            wire = Sftp(server.login(), channel_s=5.0)
            try:
                [file] = wire.listing("/outbound").files
                with pytest.raises(CrossdockError):
                    wire.read("/outbound", file)
                server.told_size = server.on_read = None
                [file] = wire.listing("/outbound").files
                assert wire.read("/outbound", file).body == BODY
            finally:
                wire.close()


def test_no_hostile_name_is_ever_taken_and_each_is_told(tmp_path: Path) -> None:
    with SftpServer(folders(tmp_path)) as server:
        made = put_hostile_names(server.root / "outbound")
        assert set(made) == set(HOSTILE_NAMES), "this file system holds them all"
        (server.root / "outbound" / "good.edi").write_bytes(BODY)
        wire = Sftp(server.login(), channel_s=5.0)
        try:
            listing = wire.listing("/outbound")
        finally:
            wire.close()
    assert [file.name for file in listing.files] == ["good.edi"]
    told = [one for one in listing.skipped if one.code == "sftp.name"]
    assert len(told) >= len(made)
    assert all(one.name.isprintable() for one in told), "a name is shown, never printed raw"
