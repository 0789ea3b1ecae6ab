"""``crossdock try``: what a file would come to, with nothing written and no database needed."""

from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "mappings/inbound"
BACKORDER = str(SAMPLES / "x12_855/samples/backorder_with_new_date.edi")
UNKNOWN_CODE = str(SAMPLES / "x12_855/samples/hostile_unknown_code.edi")


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nothing listens: whoever needs the store fails."""
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")


def test_a_backorder_is_told_from_bytes_to_write_back(crossdock: Any) -> None:
    trial = crossdock("try", BACKORDER, "--json")
    assert trial.exit_code == 0, trial.json
    document = trial.json
    assert [part["state"] for part in document["parts"]] == ["processed"]
    assert [event["data"]["code"] for event in document["events"]] == ["INV.BACKORDER"]
    decision = document["decisions"][0]
    assert decision["event_id"] == document["events"][0]["id"]
    assert decision["because"]
    wanted = {(action["target"], action["operation"]) for action in decision["actions"]}
    assert {(written["target"], written["operation"]) for written in document["write_backs"]} == wanted
    assert all(written["body_text"] and written["error"] is None for written in document["write_backs"])


def test_the_997_is_shown_as_it_would_go_out(crossdock: Any) -> None:
    answers = crossdock("try", BACKORDER, "--json").json["acknowledgements"]
    assert [answer["partner"] for answer in answers] == ["acme_supply"]
    assert answers[0]["body_text"].startswith("ISA")
    assert "ST*997*" in answers[0]["body_text"]
    assert "AK9*A*1*1*1" in crossdock("try", BACKORDER).stdout


def test_people_read_it_in_the_order_of_the_walk(crossdock: Any) -> None:
    shown = crossdock("try", BACKORDER).stdout
    order = (
        "came in: ",
        "meant: 1 fact",
        "meant: 1 exception event",
        "because",
        "would be written: ",
        "would be answered",
    )
    places = [shown.index(word) for word in order]
    assert places == sorted(places)


def test_a_bad_set_is_a_finding_and_its_sibling_goes_on(crossdock: Any) -> None:
    trial = crossdock("try", UNKNOWN_CODE, "--json")
    assert trial.exit_code == 1
    assert [part["state"] for part in trial.json["parts"]] == ["dead_lettered", "processed"]
    problem = trial.json["parts"][0]["problem"]
    assert problem["code"] == "EDI.UNMAPPED_CODE"
    assert problem["place"]["segment_id"] == "ACK"
    assert problem["remedy"]


def test_a_file_may_be_tried_as_another_partners(crossdock: Any, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.edi"
    stranger.write_bytes(Path(BACKORDER).read_bytes().replace(b"ACMESUPPLY     ", b"SOMEBODYELSE   "))
    unknown = crossdock("try", str(stranger), "--json")
    assert unknown.exit_code == 1
    assert unknown.json["parts"][0]["problem"]["code"] == "EDI.UNKNOWN_PARTNER"
    assert crossdock("try", str(stranger), "--partner", "acme_supply", "--json").exit_code == 0


def test_a_json_document_is_tried_when_it_is_named(crossdock: Any) -> None:
    hold = str(SAMPLES / "erp_order_hold/samples/credit_limit.json")
    trial = crossdock("try", hold, "--document", "erp_order_hold", "--json")
    assert trial.json["document"] == "erp_order_hold"
    assert len(trial.json["events"]) == 1
    ran = crossdock("try", hold, "--document", "erp_order_hodl")
    assert ran.exit_code == 2
    assert "erp_order_hold" in ran.stderr
