"""``crossdock try``: what a file would come to, with nothing written and no database needed."""

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "mappings/inbound"
CORPUS = ROOT.parent / "shared" / "corpus"
BACKORDER = str(SAMPLES / "x12_855/samples/backorder_with_new_date.edi")
UNKNOWN_CODE = str(SAMPLES / "x12_855/samples/hostile_unknown_code.edi")


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nothing listens: whoever needs the store fails."""
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")


HOLD = ("--document", "erp_order_hold")


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


def test_what_waits_for_a_person_or_belongs_to_a_saga_says_so(
    crossdock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in (ROOT / "mappings/routes").glob("*.toml"):
        (tmp_path / table.name).write_text(table.read_text())
    main = tmp_path / "main.toml"
    alone = 'actions = ["erp:hold"]\n'
    assert main.read_text().count(alone) == 1
    main.write_text(
        main.read_text().replace(
            alone,
            'actions = ["erp:hold", "erp:note"]\napprove = ["erp:hold"]\ntogether = true\n'
            'undo = { "erp:hold" = "erp:release", "erp:note" = "nothing" }\n',
        )
    )
    monkeypatch.setenv("CROSSDOCK_ROUTES_DIR", str(tmp_path))
    export = str(SAMPLES / "erp_order_hold/samples/export.json")
    said = {
        written["operation"]: (written["waits_for_approval"], written["together"], written["undo"])
        for written in crossdock("try", export, *HOLD, "--json").json["write_backs"]
    }
    assert said == {"hold": (True, True, "erp:release"), "note": (False, True, "nothing")}
    shown = crossdock("try", export, *HOLD).stdout
    assert shown.count("waits until a person agrees: crossdock approvals list") == 1
    assert "belongs to a saga: erp:release takes it back" in shown
    assert "belongs to a saga: nothing is left of it" in shown
    credit = crossdock("try", str(SAMPLES / "erp_order_hold/samples/credit_limit.json"), *HOLD, "--json").json
    assert [(one["waits_for_approval"], one["together"], one["undo"]) for one in credit["write_backs"]] == [
        (False, False, None)
    ]


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


def test_a_fact_is_shown_with_its_references_and_lines(crossdock: Any) -> None:
    shown = crossdock("try", str(SAMPLES / "x12_850/samples/clean.edi")).stdout
    assert "ordered customer_po/LK-77001" in shown
    assert "cancel_after=2026-12-11" in shown
    assert "line 1, LK-100/PUMP-40/012345678905: ordered 120 EA, at 9.25 USD" in shown


def test_what_would_be_awaited_is_named_with_its_day(crossdock: Any) -> None:
    order = str(SAMPLES / "x12_850/samples/clean.edi")
    clock = crossdock("try", order, "--json").json["clocks"][0]
    assert (clock["clock"], clock["exception"]) == ("order_acknowledged", "ORD.ACK_OVERDUE")
    assert clock["due_at"] > "2026" and not clock["answered_here"]
    shown = crossdock("try", order).stdout
    assert "order_acknowledged: by " in shown
    assert "ORD.ACK_OVERDUE: We have not acknowledged PO LK-77001" in shown


def test_what_an_answer_would_end_is_named(crossdock: Any) -> None:
    trial = crossdock("try", BACKORDER, "--json").json
    fact = trial["facts"][0]["id"]
    assert "order_acknowledged" in trial["answers"][fact]
    assert "would end clocks, where they run" in crossdock("try", BACKORDER).stdout


def test_an_answer_in_the_same_file_is_seen(crossdock: Any, tmp_path: Path) -> None:
    """An acknowledgement and its ship notice in one interchange: the clock for the notice would not run."""
    answer = (SAMPLES / "x12_855/samples/backorder_with_new_date.edi").read_text()
    notice = (SAMPLES / "x12_856/samples/two_orders_in_cartons.edi").read_text()
    group = notice[notice.index("GS*") : notice.index("IEA*")]
    file = tmp_path / "both.edi"
    file.write_text(answer.replace("IEA*1*", f"{group}IEA*2*"))
    clocks = {one["clock"]: one for one in crossdock("try", str(file), "--json").json["clocks"]}
    assert clocks["order_shipped"]["answered_here"]
    assert "order_shipped: it is in this file" in crossdock("try", str(file)).stdout


def test_what_does_not_fit_within_a_file_is_told(crossdock: Any, tmp_path: Path) -> None:
    """A copy of our order, and the supplier's answer to it at another price."""
    answer = Path(BACKORDER).read_text()
    order = (
        "ISA*00*          *00*          *ZZ*CROSSDOCK      *ZZ*ACMESUPPLY     *261118*0900*U*00401*000000901*0*P*>~\n"
        "GS*PO*CROSSDOCK*ACMESUPPLY*20261118*0900*901*X*004010~\nST*850*0001~\nBEG*00*SA*4500123456**20261118~\n"
        "PO1*1*100*EA*11.00*PE*BP*PUMP-40~\nPO1*2*100*EA*3.1*PE*BP*VALVE-25~\nCTT*2~\nSE*6*0001~\nGE*1*901~\n"
        "IEA*1*000000901~\n"
    )
    file = tmp_path / "both.edi"
    file.write_text(order + answer)
    trial = crossdock("try", str(file), "--json").json
    assert [match["code"] for match in trial["matches"]] == ["PRC.MISMATCH"]
    shown = crossdock("try", str(file)).stdout
    assert "does not fit, within this file: 1 finding" in shown
    assert "part 1, 855 0001" in shown


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("x12_*/samples/*.edi")), ids=lambda path: path.name)
def test_every_set_gives_facts_events_or_a_reason(crossdock: Any, sample: Path) -> None:
    ran = crossdock("try", str(sample), "--json")
    trial = ran.json
    stated = {document["id"] for document in (*trial["facts"], *trial["events"])}
    for part in trial["parts"]:
        assert part["statements"] or part["problem"] or part["state"] == "processed", part
        if part["problem"]:
            assert part["problem"]["code"] and part["problem"]["sentence"] and part["problem"]["remedy"]
    assert stated or any(part["problem"] for part in trial["parts"]) or not trial["acknowledgements"]
    shown = crossdock("try", str(sample))
    assert shown.exit_code == ran.exit_code
    assert "meant: " in shown.stdout
    assert "nothing was written" in shown.stderr


@pytest.mark.parametrize(
    "set_id", sorted(path.name for path in CORPUS.glob("x12/*") if path.is_dir()) or ["none"]
)
def test_a_real_file_is_tried_without_a_fault(crossdock: Any, set_id: str) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real files is not beside this checkout")
    for path in sorted((CORPUS / "x12" / set_id).glob("*.edi")):
        ran = crossdock("try", str(path), "--json")
        assert ran.exit_code in (0, 1), (path.name, ran.stderr)
        assert ran.json["parts"], path.name


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


def test_a_file_that_is_tried_as_anothers_may_be_addressed_to_anybody(crossdock: Any, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.edi"
    body = Path(BACKORDER).read_bytes().replace(b"ACMESUPPLY     ", b"SOMEBODYELSE   ")
    stranger.write_bytes(body.replace(b"*ZZ*CROSSDOCK      *", b"*12*3125550100     *"))
    assert b"3125550100" in stranger.read_bytes()
    trial = crossdock("try", str(stranger), "--partner", "acme_supply", "--json")
    assert (trial.exit_code, trial.json["parts"][0]["problem"]) == (0, None)
    answer = trial.json["acknowledgements"][0]["body_text"]
    assert answer.split("*")[5:7] == ["12", "3125550100     "], "it is answered as it calls us"


def test_a_copy_of_our_own_order_stays_one_whoever_it_is_tried_for(crossdock: Any, tmp_path: Path) -> None:
    order = tmp_path / "order.edi"
    order.write_text(
        "ISA*00*          *00*          *ZZ*CROSSDOCK      *ZZ*ELSEWHERE      *261118*0900*U*00401*000000901*0*P*>~\n"
        "GS*PO*CROSSDOCK*ELSEWHERE*20261118*0900*901*X*004010~\nST*850*0001~\nBEG*00*SA*4500123456**20261118~\n"
        "PO1*1*100*EA*11.00*PE*BP*PUMP-40~\nCTT*1~\nSE*5*0001~\nGE*1*901~\nIEA*1*000000901~\n"
    )
    trial = crossdock("try", str(order), "--partner", "acme_supply", "--json")
    assert trial.exit_code == 0, trial.json["parts"]
    assert trial.json["acknowledgements"] == []


def test_a_json_document_is_tried_when_it_is_named(crossdock: Any) -> None:
    hold = str(SAMPLES / "erp_order_hold/samples/credit_limit.json")
    trial = crossdock("try", hold, "--document", "erp_order_hold", "--json")
    assert trial.json["document"] == "erp_order_hold"
    assert len(trial.json["events"]) == 1
    ran = crossdock("try", hold, "--document", "erp_order_hodl")
    assert ran.exit_code == 2
    assert "erp_order_hold" in ran.stderr


def test_a_csv_file_is_tried_once_it_is_said_which_list_it_is(crossdock, tmp_path):
    ran = crossdock("try", str(ROOT / "mappings/inbound/supplier_backorders/samples/backorders.csv"))
    assert ran.exit_code == 2
    assert "this is CSV" in ran.stderr
    assert "--document supplier_backorders | supplier_stock" in ran.stderr
    broken = tmp_path / "no_envelope.edi"
    broken.write_bytes(b"GS*PR*A,B*C*20261120~ST*855*0001~")
    assert crossdock("try", str(broken), "--json").json["document"] == "x12"


def test_a_workbook_is_tried_as_the_list_that_it_is_said_to_be(crossdock):
    file = str(ROOT / "mappings/inbound/supplier_backorders/samples/backorders.xlsx")
    ran = crossdock("try", file)
    assert ran.exit_code == 2
    assert "--document supplier_backorders | supplier_stock" in ran.stderr
    said = crossdock(
        "try", file, "--document", "supplier_backorders", "--partner", "acme_supply", "--json"
    ).json
    assert [part["state"] for part in said["parts"]] == ["processed", "processed"]
