"""Lists on their whole way: a file in a folder, its rows, the report beside it, and the corrected file."""

import csv
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from openpyxl import Workbook

from crossdock import deadletters, process, uploads
from crossdock.deadletters import NotPossible
from crossdock.faultpoints import InjectedFault
from crossdock.formats.tabular import Dialect
from crossdock.hub import Hub
from crossdock.mending import edit
from crossdock.partners import Partners
from crossdock.partners.lists import Listed
from crossdock.registry import Registry
from crossdock.store.engine import Store
from crossdock.store.tables import dead_letters, events, facts, listed_rows, parts, write_backs
from crossdock.testing.clock import MovableClock

HEAD = "PO number,Line,Item,Ordered,Backordered,Unit,ETA\r\n"
CONNECTOR = """
title = "Backorders in a folder"
like = "file_drop"
version = "1"
[source]
document = "supplier_backorders"
"""


def row(number: int, backordered: str = "5", eta: str = "2026-12-18") -> str:
    return f"4500{number:06},1,PUMP-{number},10,{backordered},EA,{eta}\r\n"


@dataclass
class Trade:
    """A hub, and the folder that a supplier has."""

    hub: Hub
    folder: Path
    clock: MovableClock

    def send(self, name: str, body: str | bytes) -> None:
        """A file that lies still, as of a time of its own."""
        path = self.folder / "in" / name
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        moment = self.clock.now().timestamp()
        os.utime(path, (moment, moment))

    def receive(self) -> None:
        self.hub.receive("backorder_drop")
        self.clock.advance(timedelta(seconds=60))
        report = self.hub.receive("backorder_drop")
        assert report.error is None, report.error

    def held_by_another(self) -> None:
        """Another worker holds what was received, and dies."""
        with self.hub.store.transaction("main") as connection:
            connection.execute(
                sa.text("UPDATE crossdock.raw_messages SET lease_until = :until, attempts = 1"),
                {"until": self.clock.now() + timedelta(hours=1)},
            )

    def process(self) -> dict[str, int]:
        report = self.hub.process()
        assert report.error is None, report.error
        return dict(report.counts)

    def take(self, name: str, body: str | bytes) -> dict[str, int]:
        self.send(name, body)
        self.receive()
        return self.process()

    def rows(self, table: sa.Table, *order: sa.Column[Any]) -> list[Any]:
        with self.hub.store.transaction("main") as connection:
            return list(connection.execute(sa.select(table).order_by(*order)).all())

    def verdicts(self) -> list[str]:
        found = self.rows(listed_rows, listed_rows.c.said_at, listed_rows.c.raw_id, listed_rows.c.part)
        return [one.verdict for one in found]

    def reports(self) -> list[list[dict[str, str]]]:
        """What lies in the folder of reports once all that waits has left."""
        report = self.hub.deliver("backorder_drop")
        assert report.error is None, report.error
        files = sorted((self.folder / "reports").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""))) for path in files]

    def balanced(self) -> bool:
        view = sa.table(
            "ledger_balance",
            sa.column("balance"),
            sa.column("missing_parts"),
            sa.column("unexplained"),
            schema="crossdock",
        )
        with self.hub.store.transaction("main") as connection:
            return all(number == 0 for one in connection.execute(sa.select(view)) for number in one)


@pytest.fixture
def trade(
    store: Store, clock: MovableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trade]:
    for name in ("in", "archive", "reports"):
        (tmp_path / "drop" / name).mkdir(parents=True)
    site = tmp_path / "site" / "connectors" / "backorder_drop"
    site.mkdir(parents=True)
    (site / "connector.toml").write_text(CONNECTOR)
    monkeypatch.setenv("CROSSDOCK_SITE_DIR", str(tmp_path / "site"))
    said = {"conn_type": "fs", "extra": {"path": str(tmp_path / "drop")}}
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_FILE_DROP", json.dumps(said))
    with Hub.open(
        store=store, registry=Registry(), clock=clock, tenant="main", lease=timedelta(seconds=60)
    ) as hub:
        yield Trade(hub=hub, folder=tmp_path / "drop", clock=clock)


def test_one_bad_row_of_a_hundred_is_one_rejected_row_and_the_sender_reads_which(trade: Trade) -> None:
    lines = [row(number) for number in range(1, 101)]
    lines[41] = row(42, backordered="many", eta="soon")
    counts = trade.take("backorders.csv", HEAD + "".join(lines))
    assert (counts["parts"], counts["facts"], counts["events"], counts["dead_letters"]) == (100, 99, 99, 1)
    states = [one.state for one in trade.rows(parts, parts.c.ordinal)]
    assert (states.count("processed"), states[41]) == (99, "rejected")
    (letter,) = trade.rows(dead_letters)
    assert letter.sentence.startswith("backorders.csv, row 43: 'Backordered' is 'many'")
    assert letter.place == {"row": 43, "byte": len(HEAD) + sum(map(len, lines[:41]))}

    (report,) = trade.reports()
    assert len(report) == 101, (
        "a line for each row, and one more for the second thing that is wrong in row 43"
    )
    assert [line["Row"] for line in report if line["State"] == "rejected"] == ["43", "43"]
    assert [line["Column"] for line in report if line["State"] == "rejected"] == [
        "Backordered (column E)",
        "ETA (column G)",
    ]
    assert all(line["What to do"] for line in report if line["State"] == "rejected")
    assert trade.balanced()


def test_the_corrected_list_takes_the_one_row_and_nothing_doubles(trade: Trade) -> None:
    good = [row(number) for number in range(1, 21)]
    trade.take("backorders.csv", HEAD + "".join([*good[:4], row(5, backordered="many"), *good[5:]]))
    before = (len(trade.rows(facts)), len(trade.rows(events)))
    counts = trade.take("backorders corrected.csv", HEAD + "".join(good))
    assert (before, counts["facts"], counts["events"]) == ((19, 19), 1, 1)
    assert trade.verdicts()[20:] == ["repeated"] * 4 + ["taken"] + ["repeated"] * 15
    _, report = trade.reports()
    assert report[4]["State"] == "taken"
    assert report[0]["State"] == "taken before"
    assert report[0]["What is wrong"].startswith("row 2 of backorders.csv of ")
    assert trade.balanced()


def test_the_letter_of_a_rejected_row_ends_with_the_list_that_corrects_it(trade: Trade) -> None:
    trade.take(
        "week 1.csv", HEAD + row(1) + row(2, backordered="many") + "4500000003,1,PUMP-3,1,2,3,EA,x\r\n"
    )
    trade.take("week 2.csv", HEAD + row(2, backordered="several") + row(4))
    assert [one.state for one in trade.rows(dead_letters)] == ["open"] * 3, "that one is no better"
    counts = trade.take("week 3.csv", HEAD + row(1) + row(2))
    assert counts["corrected"] == 2
    letters = trade.rows(dead_letters, dead_letters.c.created_at, dead_letters.c.label)
    assert [one.state for one in letters] == ["discarded", "open", "discarded"]
    assert re.fullmatch(r"row 3 of week 3\.csv \(list [0-9a-f]{8}\) corrects it", letters[0].reason)
    assert letters[0].closed_by == "crossdock"
    assert "crossdock lists discard" in letters[1].remedy, "a row with a cell too many is known by nothing"
    states = [one.state for one in trade.rows(parts, parts.c.state) if one.state != "processed"]
    assert states == ["discarded", "discarded", "rejected"]
    assert trade.balanced()
    first = letters[0].raw_id
    with trade.hub.store.reading("main") as connection:
        assert uploads.of(connection, "main", first)["rows"] == {"taken": 1, "rejected": 1, "corrected": 1}
        shown = uploads.rows(connection, "main", first).rows
    assert [(one["state"], one["because"]) for one in shown[:2]] == [
        ("taken", ""),
        ("corrected", letters[0].reason),
    ]
    assert trade.hub.uploads.discard(first, actor="ann", reason="said on the phone") == 1
    assert trade.balanced()


def test_a_list_that_is_older_than_its_correction_leaves_no_letter_open(trade: Trade) -> None:
    trade.send("week 1.csv", HEAD + row(1, backordered="many"))
    trade.receive()
    trade.held_by_another()
    trade.take("week 2.csv", HEAD + row(1))
    trade.clock.advance(timedelta(hours=2))
    trade.process()
    (letter,) = trade.rows(dead_letters)
    assert letter.state == "discarded"
    assert letter.reason.startswith("row 2 of week 2.csv")


def test_a_list_that_came_under_a_mistyped_partner_is_taken_as_the_right_one(trade: Trade) -> None:
    known = trade.hub.partners
    trade.hub.partners = Partners.of([replace(known.named("acme_supply"), name="other", ids=())])  # type: ignore[misc]
    trade.take("backorders.csv", HEAD + row(1) + row(2, backordered="many"))
    (letter,) = trade.rows(dead_letters)
    assert f"crossdock lists again {str(letter.raw_id)[:8]} --partner NAME" in letter.remedy
    came = trade.clock.now()
    trade.clock.advance(timedelta(days=1))
    done = trade.hub.uploads.again(letter.raw_id, partner="other", actor="ann", reason="mistyped")
    assert (done.verdict, done.ended, done.stays) == ("stored", 1, 0)
    trade.process()
    assert trade.verdicts() == ["taken", "refused"]
    assert {one.partner for one in trade.rows(listed_rows)} == {"other"}
    assert all(one.said_at <= came for one in trade.rows(listed_rows)), "it is as old as it was"
    (report,) = trade.reports()
    assert [line["State"] for line in report] == ["taken", "rejected"]
    first = trade.rows(dead_letters, dead_letters.c.created_at)[0]
    assert (first.state, first.closed_by) == ("discarded", "ann")
    assert first.reason == f"taken again as a list of other, {str(done.raw_id)[:8]}: mistyped"
    assert trade.balanced()
    twice = trade.hub.uploads.again(letter.raw_id, partner="other", actor="ann", reason="mistyped")
    assert (twice.verdict, twice.raw_id, twice.ended) == ("duplicate", done.raw_id, 0)
    with pytest.raises(NotPossible, match="came as a list of 'other'"):
        trade.hub.uploads.again(done.raw_id, partner="other", actor="ann", reason="mistyped")
    assert trade.balanced()


def test_the_very_same_file_again_is_one_duplicate(trade: Trade) -> None:
    trade.take("backorders.csv", HEAD + row(1))
    counts = trade.take("backorders again.csv", HEAD + row(1))
    assert counts.get("messages", 0) == 0
    assert len(trade.rows(listed_rows)) == 1
    assert trade.balanced()


def test_a_row_that_goes_back_to_what_it_said_once_is_news(trade: Trade) -> None:
    trade.take("week 1.csv", HEAD + row(1, eta="2026-12-01"))
    trade.take("week 2.csv", HEAD + row(1, eta="2026-12-08"))
    trade.take("week 3.csv", HEAD + row(1, eta="2026-12-01") + row(2))
    assert trade.verdicts() == ["taken", "taken", "taken", "taken"]


def test_an_older_list_that_is_read_later_changes_nothing(trade: Trade) -> None:
    trade.send("week 1.csv", HEAD + row(1, eta="2026-12-01"))
    trade.receive()
    trade.held_by_another()
    trade.take("week 2.csv", HEAD + row(1, eta="2026-12-08"))
    trade.clock.advance(timedelta(hours=2))
    trade.process()
    assert trade.verdicts() == ["overtaken", "taken"]
    (fact,) = trade.rows(facts)
    assert fact.document["data"]["attributes"]["delivery_date"] == "2026-12-08"


def test_two_rows_about_the_same_that_differ_are_not_both_taken(trade: Trade) -> None:
    trade.take("backorders.csv", HEAD + row(1) + row(1, backordered="6") + row(1))
    assert trade.verdicts() == ["taken", "refused", "repeated"]
    (report,) = trade.reports()
    assert report[1]["Code"] == "ROW.TWICE"
    assert (
        "row 2 of this list is about the same 'PO number' and 'PO line' and 'Item'"
        in report[1]["What is wrong"]
    )


def test_a_list_that_cannot_be_read_is_one_part_and_one_line_of_report(trade: Trade) -> None:
    trade.take("backorders.csv", "Order;Article\r\n1;2\r\n")
    (part,) = trade.rows(parts)
    assert (part.state, part.label) == ("rejected", "backorders.csv")
    (report,) = trade.reports()
    (line,) = report
    assert (line["State"], line["Code"]) == ("rejected", "TABLE.HEADER")
    assert "there is no column 'PO number'" in line["What is wrong"]
    assert trade.balanced()


def test_a_list_that_was_refused_whole_is_told_of_again_once_it_can_be_read(trade: Trade) -> None:
    trade.take(
        "backorders.csv", HEAD.replace("PO number", "Bestellnummer") + row(1) + row(2, backordered="many")
    )
    acme = trade.hub.partners.named("acme_supply")
    terms = Listed(columns={"supplier_po": ("Bestellnummer",)})
    trade.hub.partners = Partners.of([replace(acme, lists={"supplier_backorders": terms})])  # type: ignore[misc]
    trade.hub.__dict__.pop("processor")
    (letter,) = trade.rows(dead_letters)
    with trade.hub.store.transaction("main") as connection:
        deadletters.replay(connection, tenant="main", letter_id=letter.id, actor="ann", now=trade.clock.now())
    trade.process()
    assert trade.verdicts() == ["taken", "refused"]
    first, second = trade.reports()
    assert [line["Code"] for line in first] == ["TABLE.HEADER"]
    assert [line["State"] for line in second] == ["taken", "rejected"]
    assert trade.balanced()


def test_a_list_without_rows_is_done(trade: Trade) -> None:
    counts = trade.take("backorders.csv", HEAD)
    assert (counts["parts"], counts["dead_letters"]) == (1, 0)
    assert trade.balanced()


def test_a_partner_writes_as_its_profile_says(trade: Trade) -> None:
    acme = Partners.load().named("acme_supply")
    terms = Listed(
        dialect=Dialect(delimiter=";", decimal=",", dates=("DD.MM.YYYY",), encoding="cp1252"),
        columns={"supplier_po": ("Bestellnummer",), "backordered": ("Rückstand",)},
    )
    trade.hub.partners = Partners.of([replace(acme, lists={"supplier_backorders": terms})])  # type: ignore[misc]
    body = "Bestellnummer;Line;Item;Rückstand;ETA;Reason\r\n4500000001;1;A;1,5;18.12.2026;Größe fehlt\r\n"
    trade.take("rückstand.csv".replace("ü", "ue"), body.encode("cp1252"))
    (event,) = trade.rows(events)
    assert event.document["data"]["detail"] == "Größe fehlt"
    assert event.document["data"]["lines"][0]["affected"]["value"] == "1.5"


def test_a_list_of_a_partner_whom_nobody_knows_waits_for_its_profile(trade: Trade) -> None:
    known = trade.hub.partners
    trade.hub.partners = Partners.of([])  # type: ignore[misc]
    trade.take("backorders.csv", HEAD + row(1))
    (letter,) = trade.rows(dead_letters)
    assert (letter.code, letter.state) == ("EDI.UNKNOWN_PARTNER", "open")
    assert known.named("acme_supply")


def test_a_row_is_mended_by_a_person_and_runs_alone(trade: Trade) -> None:
    trade.take("backorders.csv", HEAD + row(1) + row(2, backordered="many") + row(3))
    (letter,) = trade.rows(dead_letters)
    with trade.hub.store.transaction("main") as connection:
        edit(
            connection,
            tenant="main",
            letter_id=letter.id,
            body=row(2, backordered="7").strip().encode(),
            actor="ann",
            reason="the supplier said so on the phone",
            now=trade.clock.now(),
        )
    counts = trade.process()
    assert (counts["parts"], counts["events"]) == (1, 1)
    assert trade.verdicts() == ["taken", "taken", "taken"]
    assert len(trade.reports()) == 1, "the sender was told what it was told"
    assert trade.balanced()


def test_a_row_that_waited_and_is_overtaken_sets_nothing_back(trade: Trade) -> None:
    trade.take("week 1.csv", HEAD + row(1, backordered="1,5", eta="2026-12-01"))  # a cell too many
    trade.take("week 2.csv", HEAD + row(1, eta="2026-12-08"))
    (letter,) = trade.rows(dead_letters)
    with trade.hub.store.transaction("main") as connection:
        edit(
            connection,
            tenant="main",
            letter_id=letter.id,
            body=row(1, eta="2026-12-01").strip().encode(),
            actor="ann",
            reason="typed wrong",
            now=trade.clock.now(),
        )
    trade.process()
    assert trade.verdicts() == ["overtaken", "taken"]
    assert trade.balanced()


def test_a_fault_of_ours_makes_the_row_wait_and_the_sender_is_told_to_do_nothing(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = trade.hub.registry.inbound("supplier_backorders")
    assert mapping is not None
    mapped = mapping.map

    def broken(document: Any, context: Any) -> Any:
        if document.text("item") == "PUMP-2":
            raise KeyError("a mapping is code")
        return mapped(document, context)

    inbound = dict(trade.hub.registry.inbound_mappings())
    inbound["supplier_backorders"] = replace(mapping, map=broken)
    monkeypatch.setattr(trade.hub.registry, "_inbound", inbound)
    trade.take("backorders.csv", HEAD + row(1) + row(2) + row(3))
    (report,) = trade.reports()
    assert [line["State"] for line in report] == ["taken", "waiting", "taken"]
    assert "nothing to do" in report[1]["What to do"]
    (letter,) = trade.rows(dead_letters)
    assert letter.code == "EDI.MAP_FAILURE"
    inbound["supplier_backorders"] = mapping
    with trade.hub.store.transaction("main") as connection:
        deadletters.replay(connection, tenant="main", letter_id=letter.id, actor="ann", now=trade.clock.now())
    trade.process()
    assert trade.verdicts() == ["taken", "taken", "taken"]
    assert trade.balanced()


@pytest.mark.parametrize("place", ["process.after_claim", "process.before_commit", "process.after_commit"])
def test_a_worker_that_dies_with_a_list_leaves_nothing_half(
    trade: Trade, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    trade.send("backorders.csv", HEAD + row(1) + row(2, backordered="many"))
    trade.receive()
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{place}:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        trade.hub.process()
    monkeypatch.delenv("CROSSDOCK_FAULT")
    trade.clock.advance(timedelta(minutes=5))
    trade.process()
    assert trade.verdicts() == ["taken", "refused"]
    assert (len(trade.rows(facts)), len(trade.rows(events))) == (1, 1)
    assert len([one for one in trade.rows(write_backs) if one.operation == "row_report"]) == 1
    assert trade.balanced()


def test_two_workers_with_two_lists_of_one_sender_take_each_row_once(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "BATCH_MESSAGES", 1)  # a list for each of them
    rows = [row(number) for number in range(1, 31)]
    for name, lines in (("one.csv", rows), ("two.csv", rows[::-1])):
        trade.send(name, HEAD + "".join(lines))
        trade.receive()

    def work() -> None:
        with Hub.open(
            store=trade.hub.store,
            registry=Registry(),
            clock=trade.clock,
            tenant="main",
            lease=timedelta(seconds=60),
        ) as hub:
            while hub.processor.process_batch()["messages"]:
                pass

    with ThreadPoolExecutor(2) as workers:
        for done in [workers.submit(work) for _ in range(2)]:
            done.result()
    verdicts = trade.verdicts()
    assert len(trade.rows(facts)) == 30 == verdicts.count("taken")
    assert verdicts.count("repeated") == 30, "whichever worker was faster: they say the same"
    assert trade.balanced()


def test_no_cell_of_a_report_is_computed_by_the_spreadsheet_that_shows_it(trade: Trade) -> None:
    trade.take("backorders.csv", '=cmd|calc,PO number,Item,Backordered\r\n1,4500000001,"=1+1",=2\r\n')
    (file,) = [path for path in _delivered(trade)]
    cells = [cell for line in csv.reader(io.StringIO(file)) for cell in line]
    assert "'=cmd|calc" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def _delivered(trade: Trade) -> list[str]:
    trade.hub.deliver("backorder_drop")
    return [path.read_text("utf-8-sig") for path in (trade.folder / "reports").iterdir()]


def test_a_workbook_that_breaks_off_gives_what_stands_before_and_tells_its_sender(trade: Trade) -> None:
    written = io.BytesIO()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEAD.strip().split(","))
    for number in range(1, 41):
        sheet.append([f"4500{number:06}", "1", f"PUMP-{number}", 10, 777 if number == 30 else 5, "EA", None])
    book.save(written)
    broken = io.BytesIO()
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v>777</v>", b"<v>abc</v>"))
    trade.take("list.xlsx", broken.getvalue())
    assert trade.verdicts() == ["taken"] * 29 + ["refused"]
    (report,) = trade.reports()
    (note,) = [one for one in report if one["State"] != "taken"]
    assert (note["State"], note["Row"]) == ("rejected", "")
    assert "the workbook cannot be read" in note["What is wrong"]
    assert trade.balanced()
