"""The supplier's files: each once, when it lies still, and archived under a name that was never used."""

import hashlib
import os
from pathlib import Path

import pytest

from connectors.supplier_edi import sink as sink_module
from connectors.supplier_edi import source as source_module
from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown
from crossdock.messages import Delivered, Reject, Retry, Unsure, Verdict
from crossdock.ports import Checkable, Patient, Searchable, Secret, Sink, Source, Watchful
from crossdock.testing.sftp_server import SftpServer
from crossdock.wires import sftp

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"


@pytest.fixture
def server(tmp_path):
    for folder in ("outbound/archive", "inbound"):
        (tmp_path / "files" / folder).mkdir(parents=True)
    with SftpServer(tmp_path / "files") as running:
        yield running


@pytest.fixture
def open_source(server, clock, manifest_of):
    opened = []

    def open_it(**changed):
        source = source_module.connect(manifest_of("supplier_edi", **changed), server.login(), clock)
        opened.append(source)
        return source

    yield open_it
    for source in opened:
        source.close()


@pytest.fixture
def sink(server, clock, manifest_of):
    sink = sink_module.connect(manifest_of("supplier_edi"), server.login(), clock)
    yield sink
    sink.close()


def drop(server, name: str, body: bytes, mtime: int = 1_700_000_000):
    path = server.root / "outbound" / name
    path.write_bytes(body)
    os.utime(path, (mtime, mtime))
    return path


def archived(server) -> list[str]:
    return sorted(path.name for path in (server.root / "outbound" / "archive").iterdir())


class Reader:
    """What the spine does with a source: keeps its position between reads, also when nothing came."""

    def __init__(self, source) -> None:
        self.source = source
        self.position = None

    def read(self):
        messages = list(self.source.read(self.position))
        self.position = self.source.position() or self.position
        return messages


def test_the_connectors_are_what_the_ports_ask_for(open_source, sink):
    source: Source = open_source()
    target: Sink = sink
    assert isinstance(source, Watchful) and isinstance(source, Checkable) and isinstance(source, Patient)
    assert isinstance(target, Searchable) and isinstance(target, Checkable)


def test_a_file_is_taken_at_the_second_look(server, clock, open_source):
    drop(server, "855.edi", b"ISA*")
    reader = Reader(open_source())
    assert reader.read() == []
    assert reader.source.not_yet_quiet() == 1
    clock.move(2)
    assert reader.read() == []
    assert reader.source.not_yet_quiet() == 1
    clock.move(5)
    (message,) = Reader.read(reader)
    assert reader.source.not_yet_quiet() == 0
    assert (message.name, message.body, message.key) == (
        "855.edi",
        b"ISA*",
        hashlib.sha256(b"ISA*").hexdigest(),
    )
    assert (message.tenant, message.source, message.media_type) == (
        "main",
        "supplier_edi",
        "application/edi-x12",
    )
    assert message.received_at == clock.now()


def test_the_looks_survive_a_restart(server, clock, open_source):
    drop(server, "855.edi", b"ISA*")
    first = Reader(open_source())
    first.read()
    clock.move(60)
    second = Reader(open_source())
    second.position = first.position
    assert len(second.read()) == 1


def test_a_file_that_still_grows_is_left(server, clock, open_source):
    reader = Reader(open_source())
    for size in range(1, 5):
        drop(server, "855.edi", b"x" * size, mtime=1_700_000_000 + size)
        assert reader.read() == []
        clock.move(60)
    assert len(reader.read()) == 1


def test_a_file_of_the_same_size_and_another_time_is_left(server, clock, open_source):
    reader = Reader(open_source())
    drop(server, "855.edi", b"a", mtime=1_700_000_000)
    reader.read()
    clock.move(60)
    drop(server, "855.edi", b"b", mtime=1_700_000_001)
    assert reader.read() == []


def test_a_clock_that_steps_back_delays_and_loses_nothing(server, clock, open_source):
    drop(server, "855.edi", b"ISA*")
    reader = Reader(open_source())
    reader.read()
    clock.move(-3600)
    assert reader.read() == []
    clock.move(10)
    assert len(reader.read()) == 1


def test_a_position_that_cannot_be_read_is_a_first_look(server, clock, open_source):
    drop(server, "855.edi", b"ISA*")
    reader = Reader(open_source())
    for position in ("", "nonsense", "[]", '{"looks":{"855.edi":["x"]}}', '{"looks":[]}'):
        reader.position = position
        assert reader.read() == []
    clock.move(60)
    assert len(reader.read()) == 1


def test_temporary_names_are_left(server, clock, open_source):
    for name in ("a.edi.part", "b.tmp", "c.filepart", ".d.edi"):
        drop(server, name, b"x")
    reader = Reader(open_source())
    reader.read()
    clock.move(60)
    assert reader.read() == []
    assert reader.source.skipped() == ()


def test_with_markers_a_file_is_taken_when_its_marker_lies_beside_it(server, clock, open_source):
    reader = Reader(open_source(ready='"marker"'))
    drop(server, "855.edi", b"ISA*")
    reader.read()
    clock.move(3600)
    assert reader.read() == []
    drop(server, "855.edi.done", b"")
    (message,) = reader.read()
    assert message.name == "855.edi"
    reader.source.settle(message, Verdict.STORED)
    assert [path.name for path in (server.root / "outbound").iterdir()] == ["archive"]
    assert len(archived(server)) == 2


def test_either_takes_what_comes_first(server, clock, open_source):
    reader = Reader(open_source(ready='"either"'))
    drop(server, "a.edi", b"A")
    drop(server, "b.edi", b"B")
    drop(server, "b.edi.done", b"")
    assert [message.name for message in reader.read()] == ["b.edi"]
    clock.move(60)
    assert [message.name for message in reader.read()] == ["a.edi", "b.edi"]


def still(reader: Reader, clock):
    """Two looks."""
    reader.read()
    clock.move(60)
    return reader.read()


def test_a_settled_file_lies_in_the_archive_under_its_own_name_and_hash(server, clock, open_source):
    reader = Reader(open_source())
    drop(server, "855.edi", b"ISA*")
    (message,) = still(reader, clock)
    reader.source.settle(message, Verdict.STORED)
    assert archived(server) == [f"20261121T120100Z-{message.sha256[:16]}-855.edi"]
    assert not (server.root / "outbound" / "855.edi").exists()
    reader.source.settle(message, Verdict.STORED)
    assert len(archived(server)) == 1


def test_an_archive_name_that_is_taken_is_never_overwritten(server, clock, open_source):
    reader = Reader(open_source())
    digest = hashlib.sha256(b"ISA*").hexdigest()
    taken = server.root / "outbound" / "archive" / f"20261121T120100Z-{digest[:16]}-855.edi"
    taken.write_bytes(b"mine")
    drop(server, "855.edi", b"ISA*")
    (message,) = still(reader, clock)
    reader.source.settle(message, Verdict.DUPLICATE)
    assert taken.read_bytes() == b"mine"
    assert set(archived(server)) == {taken.name, f"20261121T120100Z-{digest[:16]}-2-855.edi"}


def test_the_same_content_under_another_name_has_the_same_key_and_is_archived_too(server, clock, open_source):
    reader = Reader(open_source())
    drop(server, "a.edi", b"ISA*")
    drop(server, "b.edi", b"ISA*")
    messages = still(reader, clock)
    assert len({message.key for message in messages}) == 1
    for message in messages:
        reader.source.settle(message, Verdict.DUPLICATE)
    assert len(archived(server)) == 2


def test_a_file_that_was_replaced_after_it_was_read_is_not_archived_unread(server, clock, open_source):
    reader = Reader(open_source())
    drop(server, "855.edi", b"first")
    (message,) = still(reader, clock)
    drop(server, "855.edi", b"second", mtime=1_700_000_099)
    reader.source.settle(message, Verdict.STORED)
    assert archived(server) == []
    assert [message.body for message in still(reader, clock)] == [b"second"]


def test_a_file_that_is_replaced_as_it_is_moved_goes_back_and_is_read(server, clock, open_source):
    reader = Reader(open_source())
    drop(server, "855.edi", b"first")
    (message,) = still(reader, clock)

    def replace(running, old, _new):
        running.before_rename = None
        drop(running, "855.edi", b"second", mtime=1_700_000_099)

    server.before_rename = replace
    reader.source.settle(message, Verdict.STORED)
    assert archived(server) == []
    assert [message.body for message in still(reader, clock)] == [b"second"]


def test_a_file_that_its_writer_goes_on_with_in_the_archive_goes_back_and_is_read(
    server, clock, open_source, monkeypatch
):
    reader = Reader(open_source())
    drop(server, "855.edi", b"first")
    (message,) = still(reader, clock)

    def written_to(handle, size):
        (moved,) = archived(server)
        with (server.root / "outbound" / "archive" / moved).open("ab") as file:
            file.write(b" and second")
        return read(handle, size)

    read = sftp._read
    with monkeypatch.context() as while_compared:
        while_compared.setattr(sftp, "_read", written_to)
        reader.source.settle(message, Verdict.STORED)
    assert archived(server) == []
    assert [message.body for message in still(reader, clock)] == [b"first and second"]


def test_what_fails_in_the_archive_is_said_and_the_file_stays(server, clock, open_source):
    reader = Reader(open_source())
    path = drop(server, "855.edi", b"ISA*")
    (message,) = still(reader, clock)
    (server.root / "outbound" / "archive").rmdir()
    with pytest.raises(CrossdockError):
        reader.source.settle(message, Verdict.STORED)
    assert path.exists()
    (server.root / "outbound" / "archive").mkdir()
    (again,) = reader.read()
    assert again.key == message.key
    reader.source.settle(again, Verdict.DUPLICATE)
    assert len(archived(server)) == 1


def test_what_is_not_taken_is_told_and_what_is_beside_it_is_taken(server, clock, open_source):
    reader = Reader(open_source(max_file_mib="1"))
    drop(server, "big.edi", b"x" * (1024 * 1024 + 1))
    drop(server, "good.edi", b"ISA*")
    drop(server, "bad;name.edi", b"ISA*")
    (server.root / "outbound" / "link.edi").symlink_to("/etc/passwd")
    os.mkfifo(server.root / "outbound" / "pipe.edi")
    assert [message.name for message in still(reader, clock)] == ["good.edi"]
    assert {one.name: one.code for one in reader.source.skipped()} == {
        "big.edi": "sftp.too_large",
        "bad;name.edi": "sftp.name",
        "link.edi": "sftp.symlink",
        "pipe.edi": "sftp.fifo",
    }
    assert all(one.sentence for one in reader.source.skipped())


def test_a_file_that_changes_while_it_is_read_is_taken_later(server, clock, open_source):
    reader = Reader(open_source())
    path = drop(server, "855.edi", b"x" * 1000)

    def grow(*_):
        server.before_read = None
        with path.open("ab") as handle:
            handle.write(b"more")

    reader.read()
    clock.move(60)
    server.before_read = grow
    assert reader.read() == []
    assert reader.source.skipped() == ()
    assert len(still(reader, clock)[0].body) == 1004


def test_a_file_that_the_supplier_takes_back_is_no_trouble(server, clock, open_source):
    reader = Reader(open_source())
    first, second = drop(server, "a.edi", b"A"), drop(server, "b.edi", b"B")
    reader.read()
    clock.move(60)
    reading = reader.source.read(reader.position)
    assert next(reading).name == "a.edi"
    second.unlink()
    assert list(reading) == []
    assert reader.source.skipped() == ()
    assert first.exists()


def test_a_server_that_dies_ends_the_read_and_the_next_one_goes_on(server, clock, open_source):
    reader = Reader(open_source())
    drop(server, "a.edi", b"A", mtime=1_700_000_000)
    drop(server, "b.edi", b"B", mtime=1_700_000_001)
    reader.read()
    clock.move(60)

    def die(running, path, _offset):
        if path.endswith(b"b.edi"):
            running.drop()

    server.before_read = die
    came = []
    with pytest.raises(WireDown):
        for message in reader.source.read(reader.position):
            came.append(message.name)
    assert came == ["a.edi"]
    server.before_read = None
    assert [message.name for message in reader.read()] == ["a.edi", "b.edi"]


def test_what_a_run_leaves_is_taken_by_the_next(server, clock, open_source):
    reader = Reader(open_source())
    for number in range(5):
        drop(server, f"{number}.edi", b"%d" % number)
    messages = still(reader, clock)[:3]
    assert [message.name for message in messages] == ["0.edi", "1.edi", "2.edi"]
    for message in messages:
        reader.source.settle(message, Verdict.STORED)
    assert [message.name for message in reader.read()] == ["3.edi", "4.edi"]


def test_the_check_of_both_sides(server, open_source, sink):
    assert all(step.ok for step in open_source().check())
    assert [step.step for step in open_source().check()][-1] == "sample"
    assert all(step.ok for step in sink.check())
    (server.root / "outbound" / "archive").rmdir()
    *_, last = open_source().check()
    assert (last.step, last.ok) == ("permission", False)


def test_an_acknowledgement_is_put_and_read_back(server, sink, write_back):
    out = write_back("997", b"ISA*997~", subject="ACMESUPPLY/000000101", key="k-1")
    outcome = sink.deliver(out)
    assert isinstance(outcome, Delivered)
    (path,) = (server.root / "inbound").iterdir()
    assert path.read_bytes() == b"ISA*997~"
    assert path.name.startswith("997-ACMESUPPLY-000000101-")
    assert outcome.receipt.reference == f"/inbound/{path.name}"
    assert outcome.receipt.evidence["sha256"] == out.body_sha256
    assert sink.find(out) is not None
    assert isinstance(sink.deliver(out), Delivered)
    assert len(list((server.root / "inbound").iterdir())) == 1


def test_two_write_backs_never_share_a_name(sink, write_back):
    names = {sink.name_of(write_back("997", b"x", key=key)) for key in ("a", "b", "c")}
    assert len(names) == 3
    assert sink.name_of(write_back("997", b"x", subject="../../etc/x", key="a")).startswith("997-etc-x-")


def test_a_name_that_is_taken_by_another_content_is_rejected(server, sink, write_back):
    out = write_back("997", b"ISA*997~")
    (server.root / "inbound" / sink.name_of(out)).write_bytes(b"other")
    assert isinstance(sink.deliver(out), Reject)
    with pytest.raises(Refused):
        sink.find(out)


def test_what_has_not_happened_is_found_to_be_none(sink, write_back):
    assert sink.find(write_back("997", b"x")) is None


def test_a_reset_at_the_rename_is_unsure(server, sink, write_back):
    server.after_rename = lambda running, _old, _new: running.drop()
    out = write_back("997", b"ISA*997~")
    assert isinstance(sink.deliver(out), Unsure)
    server.after_rename = None
    assert sink.find(out) is not None


def test_a_server_that_is_away_is_retried(server, clock, manifest_of, write_back):
    login = server.login(port=1)
    sink = sink_module.connect(manifest_of("supplier_edi"), login, clock)
    assert isinstance(sink.deliver(write_back("997", b"x")), Retry)


def test_a_wrong_login_or_directory_turns_the_target_red(server, clock, sink, manifest_of, write_back):
    wrong = sink_module.connect(manifest_of("supplier_edi"), server.login(password=Secret("no")), clock)
    with pytest.raises(Misconfigured):
        wrong.deliver(write_back("997", b"x"))
    (server.root / "inbound").rmdir()
    with pytest.raises(Misconfigured):
        sink.deliver(write_back("997", b"x"))


def test_the_sample_is_taken_byte_for_byte(server, clock, open_source):
    sample = (CONNECTORS / "supplier_edi" / "samples" / "855-accepted.edi").read_bytes()
    reader = Reader(open_source())
    drop(server, "855-accepted.edi", sample)
    (message,) = still(reader, clock)
    assert message.body == sample
