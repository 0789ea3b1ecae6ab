"""Names of the other side are data: hostile ones over a real SFTP server are never a path, a word or HTML, and a
directory of too many is looked at as far as its limit."""

import os
import time

import pytest

from crossdock.testing.sftp_server import SftpServer
from crossdock.wires.sftp import Sftp, is_plain, joined
from tests.limits.bombs import HOSTILE_NAMES


@pytest.fixture
def server(tmp_path):
    (tmp_path / "in").mkdir()
    with SftpServer(tmp_path) as server:
        yield server


def test_hostile_names_are_all_passed_over_with_a_reason_and_nothing_is_written_anywhere(server, tmp_path):
    for name in HOSTILE_NAMES:
        (tmp_path / "in" / os.fsdecode(name)).write_bytes(b"ISA")
    (tmp_path / "in/good.edi").write_bytes(b"ISA")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    wire = Sftp(server.login())
    try:
        listing = wire.listing("/in")
        content = wire.read("/in", listing.files[0])
    finally:
        wire.close()
    assert [file.name for file in listing.files] == ["good.edi"]
    assert content.body == b"ISA"
    assert len(listing.skipped) == len(HOSTILE_NAMES)
    for skipped in listing.skipped:
        assert skipped.code == "sftp.name"
        assert skipped.name.isprintable(), "what is shown cannot drive a terminal"
        assert "ask the sender" in skipped.sentence
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
    assert all(b"good.edi" in bytes(made[1]) for made in server.made if made[0] == "open")


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, b"../up.edi", b"a/b.edi", b"/etc/passwd", b".", b"..", b""])
def test_no_hostile_name_is_ever_made_a_path(name):
    assert not is_plain(name)
    with pytest.raises(Exception, match="name"):
        joined("/in", name.decode("utf-8", "replace"))


def test_a_directory_of_many_files_is_looked_at_as_far_as_its_limit_and_the_rest_is_said(server, tmp_path):
    for number in range(3_000):
        (tmp_path / f"in/{number:05}.edi").touch()
    wire = Sftp(server.login())
    began = time.thread_time()
    try:
        listing = wire.listing("/in", most=2_000)
    finally:
        wire.close()
    assert time.thread_time() - began < 60
    assert len(listing.files) == 2_000
    assert [(one.code, "more than 2000 names" in one.sentence) for one in listing.skipped] == [
        ("sftp.too_many", True)
    ]
