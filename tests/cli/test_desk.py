"""The desk on the command line: causes, parking, and runs that put many letters back."""

import json
import re
from typing import Any


def test_the_causes_are_listed_and_somebody_says_how_one_stands(crossdock: Any, told: Any) -> None:
    listed = crossdock("dead-letter-groups", "list", "--json").json
    assert listed["items"] == [], "the letters of this story have no group of their own"
    assert crossdock("redrives", "list", "--json").json["items"] == []


def test_a_redrive_is_previewed_wants_yes_and_is_shown(crossdock: Any, told: Any) -> None:
    looked = crossdock("redrives", "start", "--stage", "normalize", "--dry-run", "--json")
    assert looked.exit_code == 0, looked.stderr
    assert looked.json["sentence"] == "1 will be processed again"
    started = crossdock("redrives", "start", "--stage", "normalize", "--reason", "mended", "--json")
    assert (started.exit_code, started.json["total"], started.json["already"]) == (0, 1, False)
    identity = started.json["id"]
    again = crossdock("redrives", "start", "--stage", "normalize", "--json")
    assert (again.json["id"], again.json["already"]) == (identity, True)
    assert "waiting=1" in crossdock("redrives", "show", identity[:8]).stdout
    assert crossdock("redrives", "pause", identity[:8]).exit_code == 0
    assert crossdock("redrives", "pause", identity[:8]).exit_code == 5
    assert crossdock("redrive", "--once", "--json").json["runs"][0]["counts"]["put_back"] == 0
    assert crossdock("redrives", "resume", identity[:8]).exit_code == 0
    assert crossdock("redrive", "--once", "--json").json["runs"][0]["counts"]["put_back"] == 1
    shown = crossdock("redrives", "show", identity[:8], "--json").json
    assert (shown["state"], shown["progress"], shown["created_by"]) == ("done", {"put_back": 1}, "dana")
    assert crossdock("redrives", "cancel", identity[:8]).exit_code == 5


def test_what_is_asked_of_the_desk_and_cannot_be_is_refused(crossdock: Any, told: Any) -> None:
    assert crossdock("redrives", "start", "--dry-run").exit_code == 2
    assert crossdock("redrives", "start", "--source", "nobody").exit_code == 5
    assert crossdock("redrives", "start", "--stage", "nowhere", "--dry-run").exit_code == 2
    assert crossdock("dead-letter-groups", "ack", "ffff").exit_code == 2


def test_a_letter_is_parked_with_a_reason_and_let_out_with_one(crossdock: Any, told: Any) -> None:
    letter = str(told.letter)
    assert crossdock("dead-letters", "park", letter).exit_code == 5
    assert crossdock("dead-letters", "park", letter, "--reason", "ask first").exit_code == 0
    assert crossdock("dead-letters", "replay", letter).exit_code == 5
    assert crossdock("dead-letters", "list", "--state", "parked", "--json").json["items"][0]["id"] == letter
    assert crossdock("dead-letters", "unpark", letter, "--reason", "asked").exit_code == 0
    assert crossdock("dead-letters", "replay", letter).exit_code == 0


def test_dead_letters_are_exported_one_a_line_and_without_their_bytes(crossdock: Any, told: Any) -> None:
    lines = crossdock("dead-letters", "export", "--state", "all").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert {row["id"] for row in found} >= {str(told.letter), str(told.letter_of_unsure)}
    assert not any(re.search("body", name) for row in found for name in row)
    whole = crossdock("dead-letters", "export", "--state", "all", "--json").json["items"]
    assert whole == found
