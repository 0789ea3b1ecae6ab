"""Lists, stories and the side door, as the command line shows them."""

import hashlib
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crossdock.cli.reading import since
from crossdock.errors import Misconfigured
from crossdock.messages import derived_id
from crossdock.store import tables

GROUPS = ("events", "cases", "write-backs", "dead-letters", "raw", "runs")
NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
CLEAN = Path(__file__).resolve().parents[2] / "mappings/inbound/x12_855/samples/clean.edi"


def test_a_code_that_resembles_none_is_answered_with_its_family(crossdock: Any, told: Any) -> None:
    ran = crossdock("dead-letters", "list", "--code", "EDI.FOO")
    assert ran.exit_code == 2
    assert "'EDI.FOO' is no code of the taxonomy (known: EDI.ACCEPTED_WITH_ERRORS, " in ran.stderr
    assert "a whole family is --code INV" in crossdock("cases", "list", "--code", "QQQQQQQQQ").stderr
    assert crossdock("cases", "list", "--code", "ORD.ACK_OVERDUE").exit_code == 0


def test_an_interchange_of_ours_is_shown_segment_by_segment(crossdock: Any, told: Any) -> None:
    body = CLEAN.read_bytes().replace(b"\n", b"")
    told.insert(
        tables.write_backs,
        {
            "id": uuid.UUID("b9000000-0000-4000-8000-000000000009"),
            "target": "supplier_edi",
            "operation": "x12_997",
            "idempotency_key": "k9",
            "subject": "855",
            "body": body,
            "body_sha256": hashlib.sha256(body).hexdigest(),
            "media_type": "application/edi-x12",
            "headers": {},
            "state": "ready",
            "next_attempt_at": NOW,
            "created_at": NOW,
            "updated_at": NOW,
        },
    )
    lines = [line.strip() for line in crossdock("write-backs", "show", "b9").stdout.splitlines()]
    assert [line for line in lines if line.startswith("ST*855")] == ["ST*855*0001~"]


def test_a_file_that_came_again_is_found_under_its_other_name(crossdock: Any, told: Any) -> None:
    for number, name in enumerate(("answer_again.edi", "answer.edi")):
        told.insert(
            tables.duplicates,
            {
                "id": uuid.UUID(int=number + 1),
                "source": "supplier_edi",
                "raw_id": told.raw,
                "name": name,
                "seen_at": NOW + timedelta(minutes=number),
            },
        )
    found = crossdock("raw", "list", "--name", "answer_again", "--json").json["items"]
    assert [(one["id"], one["times_again"]) for one in found] == [(str(told.raw), 2)]
    assert crossdock("raw", "list", "--name", "nowhere", "--json").json["items"] == []
    everything = crossdock("raw", "list", "--json").json["items"]
    assert {one["id"]: one["times_again"] for one in everything} == {str(told.raw): 2, str(told.large): 0}
    shown = crossdock("raw", "show", "a0").stdout
    assert "as answer_again.edi, at 2026-11-20 14:00:00Z" in shown
    again = crossdock("raw", "show", "a0", "--json").json["came_again"]
    assert [one["name"] for one in again] == ["answer.edi", "answer_again.edi"]
    assert "came again" not in crossdock("raw", "show", "a1").stdout


def test_a_source_that_let_go_of_a_file_told_the_sender_nothing(crossdock: Any, told: Any) -> None:
    assert "SETTLED" in crossdock("raw", "list").stdout
    assert "settled" in crossdock("raw", "show", "a0").stdout
    assert "TOLD" not in crossdock("raw", "list").stdout


@pytest.mark.parametrize("group", GROUPS)
def test_every_list_is_one_json_document_of_one_shape(crossdock: Any, told: Any, group: str) -> None:
    ran = crossdock(group, "list", "--json")
    assert ran.exit_code == 0
    assert set(ran.json) == {"items", "more", "next"}
    assert ran.stderr == ""


def test_json_may_be_asked_for_before_the_command_too(crossdock: Any, told: Any) -> None:
    assert crossdock("--json", "cases", "list").json == crossdock("cases", "list", "--json").json


def test_a_list_says_how_many_more_there_are_and_where_to_go_on(crossdock: Any, told: Any) -> None:
    seen: list[str] = []
    after: list[str] = []
    for left in (2, 1, 0):
        page = crossdock("events", "list", "--limit", "1", "--json", *after).json
        assert page["more"] == left
        seen.append(page["items"][0]["id"])
        after = ["--after", page["next"]]
    assert page["next"] is None
    assert seen == [str(each) for each in told.events]
    assert "2 more events" in crossdock("events", "list", "--limit", "1").stderr


def test_a_page_is_not_moved_by_what_comes_in_between(crossdock: Any, told: Any) -> None:
    first = crossdock("events", "list", "--limit", "1", "--json").json
    told.insert(
        tables.events,
        {
            "id": uuid.uuid4(),
            "raw_id": told.raw,
            "part": 2,
            "case_id": told.case,
            "code": "SHP.DELAY",
            "subject": "new",
            "document": {"data": {"title": "new", "severity": "low"}},
            "recorded_at": NOW + timedelta(hours=1),
        },
    )
    second = crossdock("events", "list", "--limit", "1", "--json", "--after", first["next"]).json
    assert second["items"][0]["id"] == str(told.events[1])


def test_events_of_one_moment_are_paged_without_loss(crossdock: Any, told: Any) -> None:
    same = [uuid.uuid4() for _ in range(5)]
    for identity in same:
        told.insert(
            tables.facts,
            {
                "id": identity,
                "raw_id": told.raw,
                "part": 0,
                "kind": "acknowledged",
                "subject": "x",
                "document": {},
                "recorded_at": NOW,
            },
        )
    from crossdock.store import queries

    found: list[str] = []
    after = None
    with told.store.transaction("main") as connection:
        while True:
            page = queries.list_facts(connection, "main", after=after, limit=2)
            found += [item["id"] for item in page.items]
            if (after := page.next) is None:
                break
    assert sorted(found) == sorted(map(str, same))


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("events", "list", "--code", "INV"), 3),
        (("events", "list", "--code", "INV.BACKORDER"), 3),
        (("events", "list", "--code", "PRC"), 0),
        (("events", "list", "--source", "supplier_edi"), 3),
        (("events", "list", "--source", "erp"), 0),
        (("events", "list", "--subject", "4500123451"), 1),
        (("events", "list", "--subject", "%"), 0),
        (("events", "list", "--since", "2026-11-20T13:30Z"), 1),
        (("cases", "list", "--state", "open"), 1),
        (("cases", "list", "--state", "resolved"), 0),
        (("cases", "list", "--queue", "purchasing"), 1),
        (("cases", "list", "--queue", "triage"), 0),
        (("cases", "list", "--owner", "buyers"), 1),
        (("write-backs", "list", "--state", "unsure"), 1),
        (("write-backs", "list", "--target", "erp", "--operation", "note"), 1),
        (("write-backs", "list", "--case", "c0000000"), 2),
        (("dead-letters", "list", "--code", "X12"), 1),
        (("dead-letters", "list", "--stage", "deliver"), 1),
        (("dead-letters", "list", "--state", "replayed"), 0),
        (("dead-letters", "list", "--state", "all"), 2),
        (("raw", "list", "--name", "large"), 1),
    ],
)
def test_filters_find_what_they_say(
    crossdock: Any, told: Any, arguments: tuple[str, ...], count: int
) -> None:
    assert len(crossdock(*arguments, "--json").json["items"]) == count


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("cases", "list", "--state", "opne"), "'open'"),
        (("write-backs", "list", "--state", "delivred"), "'delivered'"),
        (("cases", "list", "--code", "INV.BACKORDR"), "(did you mean 'INV.BACKORDER'?)"),
        (("events", "list", "--code", "IN"), "(did you mean 'INV'?)"),
        (
            ("dead-letters", "replay", "--all-of", "EDI.UNKNOWN_PARTNR"),
            "(did you mean 'EDI.UNKNOWN_PARTNER'?)",
        ),
        (("dead-letters", "list", "--stage", "normalise"), "'normalize'"),
        (("runs", "list", "--step", "recieve"), "'receive'"),
    ],
)
def test_a_word_that_is_nearly_right_is_asked_back(
    crossdock: Any, told: Any, arguments: tuple[str, ...], meant: str
) -> None:
    ran = crossdock(*arguments)
    assert ran.exit_code == 2
    assert "did you mean" in ran.stderr
    assert meant in ran.stderr


def test_another_tenant_sees_nothing(crossdock: Any, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSDOCK_TENANT", "other")
    for group in GROUPS:
        assert crossdock(group, "list", "--json").json["items"] == []
    assert crossdock("cases", "show", str(told.case)).exit_code == 2


def test_the_story_of_a_case_is_told_in_the_order_of_the_walk(crossdock: Any, told: Any) -> None:
    ran = crossdock("cases", "show", "c0000000")
    assert ran.exit_code == 0
    order = ("came in", "meant", "decided", "written back", "transitions")
    places = [ran.stdout.index(f"\n{heading}\n") for heading in order]
    assert places == sorted(places)
    for word in (
        "the supplier backordered",
        "note-and-date",
        "N-1",
        "no answer came",
        "intent",
        "first seen",
    ):
        assert word in ran.stdout
    assert f"crossdock write-backs show {str(told.unsure)[:8]}" in ran.stderr


def test_the_story_as_json_holds_every_link(crossdock: Any, told: Any) -> None:
    story = crossdock("cases", "show", str(told.case), "--json").json
    assert [raw["id"] for raw in story["raw"]] == [str(told.raw)]
    assert {event["id"] for event in story["events"]} == set(map(str, told.events))
    assert story["decisions"][0]["event_id"] == str(told.events[0])
    assert [attempt["phase"] for attempt in story["write_backs"][0]["attempts"]] == ["intent", "outcome"]
    assert story["transitions"][0]["to_state"] == "open"
    assert story["opened_at"] == "2026-11-20T14:00:00Z"


@pytest.mark.parametrize(
    ("group", "identity"),
    [("events", "f0000000"), ("write-backs", "b0"), ("dead-letters", "d0"), ("raw", "a0")],
)
def test_everything_in_a_list_can_be_shown(crossdock: Any, told: Any, group: str, identity: str) -> None:
    assert crossdock(group, "show", identity).exit_code == 0
    assert crossdock(group, "show", identity, "--json").json["id"].startswith(identity)


def test_an_id_that_fits_two_things_is_not_guessed(crossdock: Any, told: Any) -> None:
    ran = crossdock("write-backs", "show", "b")
    assert ran.exit_code == 2
    assert "more than one write-back" in ran.stderr


def test_an_id_of_another_kind_says_where_to_look(crossdock: Any, told: Any) -> None:
    ran = crossdock("cases", "show", "d0000000")
    assert ran.exit_code == 2
    assert "crossdock dead-letters show d0000000" in ran.stderr


def test_an_id_with_a_slip_is_asked_back(crossdock: Any, told: Any) -> None:
    ran = crossdock("cases", "show", "c0000100")
    assert ran.exit_code == 2
    assert "did you mean c0000000" in ran.stderr


@pytest.mark.parametrize(
    "text", ["", "%", "zz", "c0000000-0000-4000-8000-0000000000010", "'; DROP TABLE cases"]
)
def test_what_is_no_id_is_a_sentence(crossdock: Any, told: Any, text: str) -> None:
    ran = crossdock("cases", "show", text)
    assert ran.exit_code == 2
    assert ran.stderr.startswith("crossdock: ")


def test_a_dead_letter_shows_all_that_a_person_needs(crossdock: Any, told: Any) -> None:
    shown = crossdock("dead-letters", "show", "d0").stdout
    for word in (
        "normalize", "X12.SE_MISSING", "Unreadable", "is not closed by an SE", "segment=5", "byte=62", "x12_855=1",
        "ask the partner to send set 0002 again", "crossdock dead-letters replay d0000000", "ST*855*0002~BROKEN",
    ):  # fmt: skip
        assert word in shown


def test_raw_writes_exactly_the_bytes_of_the_part_or_of_the_whole(crossdock: Any, told: Any) -> None:
    assert crossdock("dead-letters", "show", "d0", "--raw").stdout_bytes == told.broken
    assert crossdock("dead-letters", "show", "d0", "--raw", "--whole").stdout_bytes == told.body
    assert crossdock("dead-letters", "show", "d1", "--raw").stdout_bytes == b'{"text":"backordered"}'
    assert crossdock("raw", "show", "a0", "--raw").stdout_bytes == told.body


def test_a_body_that_lies_out_of_the_row_is_given_too(crossdock: Any, told: Any) -> None:
    assert crossdock("raw", "show", "a1", "--raw").stdout_bytes == told.large_body
    assert "bytes more" in crossdock("raw", "show", "a1").stdout


def test_a_file_cannot_drive_the_terminal(crossdock: Any, told: Any) -> None:
    for arguments in (
        ("dead-letters", "show", "d0"),
        ("raw", "show", "a0"),
        ("raw", "list"),
        ("cases", "show", "c0"),
    ):
        assert "\x1b" not in crossdock(*arguments).stdout
    assert "\\x1b[2J" in crossdock("dead-letters", "show", "d0").stdout
    assert "\x1b" not in crossdock("raw", "list", "--json").stdout


def test_the_ledger_that_does_not_balance_is_exit_code_3(crossdock: Any, told: Any) -> None:
    told.insert(tables.sources, {"source": "erp", "received_total": 2})
    ran = crossdock("ledger", "--json")
    assert ran.exit_code == 3
    assert ran.json["sound"] is False
    assert {row["source"]: row["balance"] for row in ran.json["sources"]} == {"erp": 2, "supplier_edi": 0}
    assert "erp does not balance (balance 2" in ran.stderr


def test_the_ledger_that_balances_is_exit_code_0(crossdock: Any, told: Any) -> None:
    ran = crossdock("ledger")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[0].split()[:2] == ["SOURCE", "RECEIVED"]


def test_discarding_wants_a_reason_and_leaves_who_did_it(crossdock: Any, told: Any) -> None:
    ran = crossdock("dead-letters", "discard", "d0")
    assert ran.exit_code == 5
    assert "--reason" in ran.stderr
    assert crossdock("dead-letters", "discard", "d0", "--reason", "sent twice").exit_code == 0
    letter = crossdock("dead-letters", "show", "d0", "--json").json
    assert (letter["state"], letter["closed_by"], letter["reason"]) == ("discarded", "dana", "sent twice")
    assert [row["actor"] for row in letter["audit"]] == ["dana"]
    assert crossdock("dead-letters", "discard", "d0", "--reason", "again").exit_code != 0


def test_the_list_of_dead_letters_names_the_file(crossdock: Any, told: Any) -> None:
    by_id = {row["id"]: row["name"] for row in crossdock("dead-letters", "list", "--json").json["items"]}
    assert by_id == {str(told.letter): "po\x1b[31m855.edi", str(told.letter_of_unsure): None}
    line = next(
        each for each in crossdock("dead-letters", "list").stdout.splitlines() if each.startswith("d0")
    )
    assert "po\\x1b[31m855.edi" in line
    assert "855 0002" in line


def test_a_replay_goes_back_to_its_stage_once(crossdock: Any, told: Any) -> None:
    ran = crossdock("dead-letters", "replay", "d0")
    assert ran.exit_code == 0
    assert "its DAG takes it within a minute, or now: crossdock process --once" in ran.stderr
    assert crossdock("dead-letters", "show", "d0", "--json").json["state"] == "replayed"
    assert crossdock("dead-letters", "replay", "d0").exit_code != 0


def test_what_may_have_happened_is_not_sent_again_unless_two_people_say_so(
    crossdock: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = crossdock("dead-letters", "replay", "d1", "--json")
    assert ran.exit_code == 5
    assert ran.json["results"][0]["done"] is False
    assert crossdock("write-backs", "show", "b1", "--json").json["state"] == "unsure"
    ran = crossdock("dead-letters", "replay", "d1", "--it-did-not-happen")
    assert ran.exit_code == 0
    assert "somebody else must agree first" in ran.stderr
    assert crossdock("write-backs", "show", "b1", "--json").json["state"] == "awaiting_approval"
    (asked,) = crossdock("approvals", "list", "--json").json["items"]
    monkeypatch.setenv("CROSSDOCK_ACTOR", "DANA@corp.example")
    assert crossdock("approvals", "agree", asked["id"], "--reason", "I am somebody else").exit_code == 5
    monkeypatch.setenv("CROSSDOCK_ACTOR", "bob")
    ran = crossdock("approvals", "agree", asked["id"], "--reason", "the ERP shows nothing")
    assert ran.exit_code == 0, ran.stderr
    assert "crossdock deliver erp --once" in ran.stderr
    assert crossdock("write-backs", "show", "b1", "--json").json["state"] == "ready"
    assert crossdock("dead-letters", "show", "d1", "--json").json["state"] == "replayed"


def test_one_that_cannot_be_replayed_does_not_stop_the_others(crossdock: Any, told: Any) -> None:
    ran = crossdock("dead-letters", "replay", "d1", "d0", "--json")
    assert ran.exit_code == 5
    assert [result["done"] for result in ran.json["results"]] == [False, True]


def test_a_dry_run_does_nothing(crossdock: Any, told: Any) -> None:
    ran = crossdock("dead-letters", "replay", "--all-of", "X12", "--dry-run", "--json")
    assert [row["id"] for row in ran.json["would_replay"]] == [str(told.letter)]
    assert crossdock("dead-letters", "show", "d0", "--json").json["state"] == "open"


def test_many_at_once_want_a_yes(crossdock: Any, told: Any) -> None:
    for number in range(11):
        told.insert(
            tables.parts,
            {
                "raw_id": told.large,
                "ordinal": number,
                "source": "supplier_edi",
                "label": "x",
                "state": "dead_lettered",
            },
        )
        told.insert(
            tables.dead_letters,
            {
                "id": uuid.uuid4(),
                "source": "supplier_edi",
                "stage": "normalize",
                "code": "EDI.UNKNOWN_PARTNER",
                "error_class": "Unreadable",
                "sentence": "x",
                "remedy": "x",
                "place": {},
                "label": "x",
                "raw_id": told.large,
                "part": number,
                "attempts": 1,
                "versions": {},
                "state": "open",
                "group_id": derived_id("group", "test"),
                "created_at": NOW,
            },
        )
    told.move(tables.raw_messages, told.large, part_count=11)
    ran = crossdock("dead-letters", "replay", "--all-of", "EDI.UNKNOWN_PARTNER")
    assert ran.exit_code == 5
    assert "--yes" in ran.stderr
    ran = crossdock("dead-letters", "replay", "--all-of", "EDI.UNKNOWN_PARTNER", "--yes", "--json")
    assert ran.exit_code == 0
    assert len(ran.json["results"]) == 11


def test_replay_wants_ids_or_a_code(crossdock: Any, told: Any) -> None:
    assert crossdock("dead-letters", "replay").exit_code == 2
    assert crossdock("dead-letters", "replay", "d0", "--all-of", "X12").exit_code == 2
    assert crossdock("dead-letters", "replay", "--all-of", "NO.SUCH").exit_code == 2


def test_runs_show_their_counts_and_errors(crossdock: Any, told: Any) -> None:
    told.insert(
        tables.runs,
        {
            "id": uuid.uuid4(),
            "step": "receive",
            "connector": "erp",
            "started_at": NOW,
            "counts": {"stored": 2},
        },
        {"id": uuid.uuid4(), "step": "process", "started_at": NOW, "counts": {}, "error": "it broke"},
    )
    assert "2 stored" in crossdock("runs", "list").stdout
    assert [run["error"] for run in crossdock("runs", "list", "--failed", "--json").json["items"]] == [
        "it broke"
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("1w", NOW - timedelta(weeks=1)),
        ("2026-11-19", datetime(2026, 11, 19, tzinfo=UTC)),
        ("2026-11-19T08:00:00-06:00", datetime(2026, 11, 19, 14, tzinfo=UTC)),
        (None, None),
    ],
)
def test_since_is_read_as_a_person_means_it(text: str | None, moment: datetime | None) -> None:
    assert since(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-45", "999999w", "1y"])
def test_since_that_is_no_time_is_a_sentence(text: str) -> None:
    with pytest.raises(Misconfigured, match="--since"):
        since(text, now=NOW)


def test_a_run_says_what_it_did_in_the_order_of_the_walk_and_without_zeros(crossdock: Any, told: Any) -> None:
    def run(number: int, **values: Any) -> None:
        whole = {"step": "process", "started_at": NOW, "finished_at": NOW, "counts": {}, **values}
        told.insert(tables.runs, {"id": uuid.UUID(int=(number << 120) + 1), **whole})

    run(1, counts={"write_backs": 3, "events": 2, "dead_letters": 0, "messages": 1})
    run(2, finished_at=None)
    run(3, error="routes/main.toml:4: no owner")
    run(4)
    shown = crossdock("runs", "list").stdout
    ends = {line[:2]: re.split(r"\s{2,}", line.strip())[-2:] for line in shown.splitlines()[1:]}
    assert ends == {
        "01": ["ok", "1 messages, 2 events, 3 write backs"],
        "02": ["running", "at work"],
        "03": ["failed", "routes/main.toml:4: no owner"],
        "04": ["ok", "nothing to do"],
    }
