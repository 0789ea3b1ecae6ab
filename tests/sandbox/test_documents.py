"""The papers of the demonstration are what real partners send: envelopes exact, except where broken on purpose."""

import io
from datetime import UTC, datetime

import pytest
import pyx12.x12file

from deploy.sandbox import documents

AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
PAPERS = {paper.name: paper for paper in documents.morning(AT)}


def segments(body: bytes) -> list[list[str]]:
    return [line.split("*") for line in body.decode("ascii").replace("\n", "").split("~")[:-1]]


@pytest.mark.parametrize("name", PAPERS)
def test_an_isa_is_106_bytes_and_every_element_has_its_width(name: str) -> None:
    body = PAPERS[name].body
    assert body[105:106] == b"~"
    isa = body[:105].decode().split("*")
    assert [len(part) for part in isa] == [3, 2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1]
    ours = ["ZZ", f"{'CROSSDOCK':<15}"]
    assert ours in (isa[5:7], isa[7:9])
    assert (isa[5:7] == ours) == name.startswith("850")


@pytest.mark.parametrize("name", PAPERS)
def test_counts_and_control_numbers_agree_but_in_the_one_broken_set(name: str) -> None:
    wrong = []
    opened: dict[str, list[str]] = {}
    sets = count = 0
    for segment in segments(PAPERS[name].body):
        count += 1
        match segment[0]:
            case "ISA" | "GS":
                opened[segment[0]] = segment
            case "ST":
                opened["ST"], count, sets = segment, 1, sets + 1
            case "SE":
                assert segment[2] == opened["ST"][2]
                if segment[1] != str(count):
                    wrong.append((segment[2], int(segment[1]) - count))
            case "GE":
                assert segment[1:] == [str(sets), opened["GS"][6]]
            case "IEA":
                assert segment[1:] == ["1", opened["ISA"][13]]
    assert wrong == ([("0002", 3)] if name == "855_88104.edi" else [])


@pytest.mark.parametrize("name", PAPERS)
def test_another_reader_sees_the_same_segments_and_the_same_errors(name: str) -> None:
    body = PAPERS[name].body
    reader = pyx12.x12file.X12Reader(io.StringIO(body.decode("ascii")))
    seen, errors = [], []
    for segment in reader:
        seen.append(segment.get_seg_id())
        errors += [error[1] for error in reader.pop_errors()]
    reader.cleanup()
    errors += [error[1] for error in reader.pop_errors()]
    assert seen == [segment[0] for segment in segments(body)]
    assert errors == (["4"] if name == "855_88104.edi" else [])


def test_the_same_morning_gives_the_same_bytes() -> None:
    assert documents.morning(AT) == list(PAPERS.values())


def test_the_duplicate_differs_from_its_original_by_name_alone() -> None:
    assert PAPERS["855_88102_resend.edi"].body == PAPERS["855_88102.edi"].body


def test_every_order_that_a_paper_speaks_of_is_known_to_the_erp() -> None:
    known = {order["number"] for order in documents.orders()}
    spoken = {
        segment[3]
        for paper in PAPERS.values()
        for segment in segments(paper.body)
        if segment[0] in ("BAK", "BEG")
    }
    spoken |= {
        segment[2] for paper in PAPERS.values() for segment in segments(paper.body) if segment[0] == "B10"
    }
    spoken |= {hold["sales_order"] for hold in documents.order_holds(AT)}
    spoken |= {update["ShipmentId"] for update in documents.status_updates(AT)}
    assert spoken == known


def test_every_answer_is_about_what_was_ordered() -> None:
    ordered: dict[str, list[list[str]]] = {}
    answered: dict[str, list[list[str]]] = {}
    for paper in PAPERS.values():
        for segment in segments(paper.body):
            match segment[0]:
                case "BEG" | "BAK":
                    lines = (ordered if segment[0] == "BEG" else answered).setdefault(segment[3], [])
                    lines.clear()
                case "PO1":
                    lines.append(segment)
    assert ordered == {number: lines for number, lines in answered.items() if number != "4500120007"}


def test_each_supplier_signs_with_its_own_name_and_sells_its_own_items() -> None:
    for name, paper in PAPERS.items():
        if not name.startswith("855"):
            continue
        found = segments(paper.body)
        stranger = found[0][6].strip() == "NORTHVALVE"
        assert {one[2] for one in found if one[:2] == ["N1", "SE"]} == {
            "NORTH VALVE LTD" if stranger else "ACME SUPPLY CO"
        }
        mark = "NV-" if stranger else "AC-"
        assert all(one[-1].startswith(mark) for one in found if one[0] == "PO1"), name
    by_order = {order["number"]: order.get("supplier") for order in documents.orders()}
    assert by_order["4500120007"] != by_order["4500120001"] == by_order["4500120006"]
