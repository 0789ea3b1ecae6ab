"""A supplier's lists over SFTP, and the report that comes back the same way."""

import os

import pytest

from connectors.supplier_files import sink as sink_module
from connectors.supplier_files import source as source_module
from crossdock import receive
from crossdock.messages import Delivered, Verdict
from crossdock.testing.sftp_server import SftpServer

LIST = b"PO number,Item,Backordered\r\n4500000001,PUMP-40,5\r\n"


@pytest.fixture
def server(tmp_path):
    for folder in ("lists/archive", "reports"):
        (tmp_path / "files" / folder).mkdir(parents=True)
    with SftpServer(tmp_path / "files") as running:
        yield running


@pytest.fixture
def source(server, clock, manifest_of):
    opened = source_module.connect(manifest_of("supplier_files"), server.login(), clock)
    yield opened
    opened.close()


def test_a_list_is_taken_once_it_lies_still_and_says_whose_it_is(server, clock, source):
    path = server.root / "lists" / "backorders.csv"
    path.write_bytes(LIST)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert list(source.read(None)) == []
    clock.move(31)
    (message,) = source.read(source.position())
    assert (message.body, message.headers["partner"], message.name) == (LIST, "acme_supply", "backorders.csv")
    source.settle(message, Verdict.STORED)
    (archived,) = (server.root / "lists" / "archive").iterdir()
    assert archived.read_bytes() == LIST
    assert source.skipped() == (), "the archive in the directory is nothing that was passed over"
    *_, sample = source.check()
    assert sample.sentence == "0 files lie in /lists, 0 other things are not taken"


def test_a_file_that_took_the_place_of_another_with_its_size_and_time_is_read(server, clock, source):
    """Who copies files keeps their times, and a corrected digit keeps the size."""
    path, moment = server.root / "lists" / "backorders.csv", (1_700_000_000, 1_700_000_000)
    path.write_bytes(LIST)
    os.utime(path, moment)
    assert list(source.read(None)) == []
    position = source.position()
    clock.move(31)
    (message,) = source.read(position)
    path.write_bytes(LIST.replace(b",5", b",9"))
    os.utime(path, moment)
    source.settle(message, Verdict.STORED)
    (again,) = source.read(position)
    assert again.body == LIST.replace(b",5", b",9")
    source.settle(again, Verdict.STORED)
    assert [path.read_bytes() for path in (server.root / "lists" / "archive").iterdir()] == [again.body]


def test_files_that_cannot_be_read_hold_up_no_other(server, clock, manifest_of, store):
    """More of them than a run takes, all older than the good one, and none ever goes away by itself."""
    for number in range(25):
        path = server.root / "lists" / f"{number:02}.csv"
        with path.open("wb") as file:
            file.truncate(200 * 1024 * 1024)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    (server.root / "lists" / "good.csv").write_bytes(LIST)
    os.utime(server.root / "lists" / "good.csv", (1_700_000_000, 1_700_000_000))
    counts = []
    for _ in range(2):
        source = source_module.connect(manifest_of("supplier_files"), server.login(), clock)
        done = receive.receive(store, source, tenant="main", name="supplier_files", clock=clock, limit=20)
        counts.append((done.counts["stored"], done.counts["skipped"]))
        source.close()
        clock.move(31)
    assert counts == [(0, 0), (1, 25)]


def test_the_report_lies_in_the_suppliers_folder_under_the_name_of_its_list(
    server, clock, manifest_of, write_back
):
    sink = sink_module.connect(manifest_of("supplier_files"), server.login(), clock)
    report = write_back(
        "row_report",
        b"\xef\xbb\xbfRow,State\r\n2,taken\r\n",
        subject="list/backorders.csv",
        target="supplier_files",
    )
    outcome = sink.deliver(report)
    assert isinstance(outcome, Delivered)
    (file,) = (server.root / "reports").iterdir()
    assert file.name.startswith("row-report-list-backorders-csv-") and file.suffix == ".csv"
    again = sink.deliver(report)
    assert isinstance(again, Delivered) and again.receipt.evidence["earlier"] is True
    assert len(list((server.root / "reports").iterdir())) == 1, "the same report again is the same file"
    sink.close()


def test_the_check_goes_through_both_directories(source):
    steps = list(source.check())
    assert [step.step for step in steps if step.ok] == [
        "resolve",
        "connect",
        "host key",
        "login",
        "permission",
        "permission",
        "sample",
    ]
