"""``crossdock upload``: a list is brought, read and answered in one command."""

import csv
import io

LIST = b"PO number,Item,Backordered\r\n4500000001,PUMP-1,5\r\n4500000002,PUMP-2,many\r\n"


def test_a_list_is_brought_and_each_bad_row_is_named(crossdock, told, tmp_path):
    file = tmp_path / "backorders.csv"
    file.write_bytes(LIST)
    ran = crossdock("upload", str(file), "--as", "supplier_backorders", "--partner", "acme_supply")
    assert ran.exit_code == 1, "one row was not taken"
    assert "1 taken, 1 rejected" in ran.stdout
    assert "Backordered (column C)" in ran.stdout
    said = crossdock("upload", str(file), "--as", "supplier_backorders", "--partner", "acme_supply", "--json")
    assert said.json["verdict"] == "duplicate"
    shown = crossdock("lists", "show", said.json["id"][:8], "--csv")
    rows = list(csv.DictReader(io.StringIO(shown.stdout_bytes.decode("utf-8-sig"), newline="")))
    assert [(row["Row"], row["State"]) for row in rows] == [("2", "taken"), ("3", "rejected")]
    (listed,) = crossdock("lists", "list", "--json").json["lists"]
    assert (listed["name"], listed["sent_by"]) == ("backorders.csv", "dana")


def test_a_good_list_ends_with_0_and_may_be_read_later(crossdock, told, tmp_path):
    file = tmp_path / "backorders.csv"
    file.write_bytes(LIST.replace(b"many", b"1"))
    ran = crossdock("upload", str(file), "--as", "supplier_backorders", "--no-process", "--json")
    assert (ran.exit_code, ran.json["waits"]) == (0, True)
    assert crossdock("process", "--once").exit_code == 0
    assert crossdock("lists", "show", ran.json["id"], "--json").json["rows"] == {"taken": 2}


def test_who_processes_a_bad_row_by_hand_is_led_to_it(crossdock, told, tmp_path):
    file = tmp_path / "backorders.csv"
    file.write_bytes(LIST)
    crossdock("upload", str(file), "--as", "supplier_backorders", "--no-process")
    assert "next: crossdock dead-letters list" in crossdock("process", "--once").stderr


def test_a_list_under_the_wrong_name_is_taken_as_the_right_ones_in_one_command(crossdock, told, tmp_path):
    file = tmp_path / "backorders.csv"
    file.write_bytes(LIST)
    first = crossdock("upload", str(file), "--as", "supplier_backorders", "--json").json["id"]
    refused = crossdock(
        "lists", "again", first[:8], "--partner", "acme_suply", "--reason", "no name was given"
    )
    assert "did you mean 'acme_supply'?" in refused.stderr
    ran = crossdock("lists", "again", first[:8], "--partner", "acme_supply", "--reason", "no name was given")
    assert "1 dead letter of the first reading ended" in ran.stdout + ran.stderr
    assert "rows that were taken as another partner's: 1" in ran.stdout + ran.stderr
    assert "1 taken, 1 rejected" in ran.stdout
    rows = {one["partner"]: one["rows"] for one in crossdock("lists", "list", "--json").json["lists"]}
    assert rows == {"": {"taken": 1, "discarded": 1}, "acme_supply": {"taken": 1, "rejected": 1}}
    again = crossdock("lists", "list", "--json").json["lists"]
    second = next(one["id"] for one in again if one["partner"])
    ended = crossdock("lists", "discard", second, "--reason", "said on the phone")
    assert "1 dead letter discarded" in ended.stdout
    assert crossdock("lists", "show", second).exit_code == 0


def test_the_letters_of_a_message_that_is_no_list_are_not_ended_together(crossdock, told):
    ran = crossdock("lists", "discard", str(told.raw), "--reason", "a list has them right")
    assert ran.exit_code == 2 and "is no list" in ran.stderr
    assert crossdock("dead-letters", "show", str(told.letter), "--json").json["state"] == "open"


def test_a_word_that_is_no_list_is_answered_with_those_that_are(crossdock, told, tmp_path):
    file = tmp_path / "backorders.csv"
    file.write_bytes(LIST)
    ran = crossdock("upload", str(file), "--as", "supplier_backorder")
    assert ran.exit_code == 2
    assert "did you mean 'supplier_backorders'?" in ran.stderr


def test_a_message_that_is_no_list_is_not_shown_as_one(crossdock, told, tmp_path):
    ran = crossdock("lists", "list")
    assert "crossdock upload FILE" in ran.stdout
