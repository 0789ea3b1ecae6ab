"""A table of the JDM editor loads, is checked like a written one, and decides through the same port."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crossdock.decide.conditions import Between, Drawn, OneOf
from crossdock.decide.router import Router
from crossdock.errors import Misconfigured

from .conftest import DEFAULT, TARGETS, an_event, backorder

OUT = {"o1": '"supply"', "o2": '"planning"', "o3": "30", "o4": '"{code} of {partner}"', "o5": '["erp:note"]'}
QUIET = {**OUT, "o5": ""}
REST = {"o1": '"triage"', "o2": '"integration"', "o3": "60", "o4": "'nobody has a row for {code}'", "o5": ""}


def model(*rows: dict[str, str], **content: Any) -> dict[str, Any]:
    """A decision model as the editor exports it."""
    return {
        "contentType": "application/vnd.gorules.decision",
        "nodes": [
            {"id": "a", "type": "inputNode", "name": "request", "position": {"x": 10, "y": 10}},
            {
                "id": "b",
                "type": "decisionTableNode",
                "name": "routes",
                "position": {"x": 200, "y": 10},
                "content": {
                    "hitPolicy": "first",
                    "inputs": [
                        {"id": "i1", "name": "Code", "field": "code"},
                        {"id": "i2", "name": "Value", "field": "value_at_risk"},
                        {"id": "i3", "name": "Partner", "field": "partner"},
                    ],
                    "outputs": [
                        {"id": "o1", "name": "Queue", "field": "queue"},
                        {"id": "o2", "name": "Owner", "field": "owner"},
                        {"id": "o3", "name": "Priority", "field": "priority"},
                        {"id": "o4", "name": "Because", "field": "because"},
                        {"id": "o5", "name": "Actions", "field": "actions"},
                    ],
                    "rules": [{"_id": f"rule-{number}", **row} for number, row in enumerate(rows, 1)],
                    **content,
                },
            },
            {"id": "c", "type": "outputNode", "name": "response", "position": {"x": 400, "y": 10}},
        ],
        "edges": [
            {"id": "e", "type": "edge", "sourceId": "a", "targetId": "b"},
            {"id": "f", "type": "edge", "sourceId": "b", "targetId": "c"},
        ],
    }


@pytest.fixture
def load(folder: Path) -> Callable[[Any], Router]:
    def make(drawn: Any) -> Router:
        (folder / "main.json").write_text(json.dumps(drawn, indent=1), encoding="utf-8")
        return Router.load(folder, targets=TARGETS)

    return make


Load = Callable[[Any], Router]


def test_a_drawn_table_decides_like_a_written_one(load: Load) -> None:
    made = load(
        model(
            {"i1": '"INV.BACKORDER", "INV.SHORTAGE"', "i2": ">= 100", "i3": "", **OUT},
            {"i1": 'startsWith($, "INV.")', "i2": "[1..99.5]", "i3": "-", **OUT},
            REST,
        )
    )
    events = [backorder(value="100"), backorder(value="99.5"), backorder(value="99.6"), an_event("SHP.DELAY")]
    decisions = made.decide(events)
    assert [decision.rule for decision in decisions] == ["row-1", "row-2", "row-3", "row-3"]
    assert decisions[0].because == "INV.BACKORDER of acme_supply"
    assert decisions[0].actions[0].arguments == {"text": "INV.BACKORDER of acme_supply"}
    assert decisions[0].table == "main"
    conditions = made.table.rules[0].conditions
    assert isinstance(conditions["code"], OneOf)
    assert isinstance(conditions["value_at_risk"], Between)
    assert made.explain(backorder(value="99.6"))[-1].rule == "row-3"


def test_a_cell_in_the_engines_own_language_is_judged_by_the_engine(load: Load) -> None:
    made = load(model({"i1": "", "i2": "$ * 2 > 300", "i3": "len($) > 4", **QUIET}, REST))
    assert isinstance(made.table.rules[0].conditions["value_at_risk"], Drawn)
    decisions = made.decide(
        [backorder(value="151"), backorder(value="150"), backorder(value="151", partner="abc")]
    )
    assert [(d.rule, d.error) for d in decisions] == [("row-1", None), ("row-2", None), ("row-2", None)]


def test_a_cell_that_fails_at_run_time_sends_that_event_to_triage_with_the_error(load: Load) -> None:
    made = load(model({"i1": "", "i2": "", "i3": "number($) > 5", **QUIET}, REST))
    fine, failing, last = made.decide(
        [backorder(partner="6"), backorder(partner="abc"), backorder(partner="4")]
    )
    assert fine.rule == "row-1"
    assert last.rule == "row-2"
    assert failing.queue == "triage"
    assert failing.error is not None
    assert "row 'row-1'" in failing.error
    assert "number($) > 5" in failing.error


def test_a_failing_cell_behind_the_row_that_matched_is_nobodys_business(load: Load) -> None:
    made = load(
        model(
            {"i1": '"INV.BACKORDER"', "i2": "", "i3": "", **OUT},
            {"i1": "", "i2": "", "i3": "number($) > 5", **QUIET},
            REST,
        )
    )
    (decision,) = made.decide([backorder(partner="abc")])
    assert (decision.rule, decision.error) == ("row-1", None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m["nodes"].append({"id": "x", "type": "functionNode", "name": "js"}), "is a functionNode"),
        (
            lambda m: m["nodes"].append({"id": "x", "type": "expressionNode", "name": "e"}),
            "is a expressionNode",
        ),
        (lambda m: m["nodes"][1]["content"].update(hitPolicy="collect"), "hit policy 'first'"),
        (lambda m: m["nodes"].pop(1), "exactly one decision table"),
        (lambda m: m.pop("nodes"), "has no list of nodes"),
        (lambda m: m["nodes"][1]["content"].update(rules=[]), "has no rows"),
        (
            lambda m: m["nodes"][1]["content"]["inputs"][0].update(field="cod"),
            "condition column 'cod' (did you mean",
        ),
        (lambda m: m["nodes"][1]["content"]["inputs"][0].pop("field"), "unknown condition column None"),
        (
            lambda m: m["nodes"][1]["content"]["outputs"][0].update(field="que"),
            "output column 'que' (did you mean",
        ),
        (lambda m: m["nodes"][1]["content"]["rules"][0].update(i1="error here("), "the engine cannot read"),
        (lambda m: m["nodes"][1]["content"]["rules"][0].update(o1="code"), "'code' is no constant"),
        (lambda m: m["nodes"][1]["content"]["rules"][0].update(o1='"suply"'), "unknown queue 'suply'"),
        (lambda m: m["nodes"][1]["content"]["rules"][0].update(o2=""), "'owner' is missing"),
        (
            lambda m: m["nodes"][1]["content"]["rules"][0].update(i1='"INV.BAKORDER"'),
            "the taxonomy has no code",
        ),
        (
            lambda m: m["nodes"][1]["content"]["rules"][1].update(i1='"INV.BACKORDER"'),
            "row 'row-2' is unreachable",
        ),
        (lambda m: m["nodes"][1]["content"]["rules"].pop(), "there is no default"),
    ],
)
def test_what_is_wrong_with_a_drawn_table_is_told(
    load: Load, folder: Path, change: Callable[[Any], Any], sentence: str
) -> None:
    drawn = model({"i1": '"INV.BACKORDER"', "i2": "", "i3": "", **OUT}, REST)
    assert load(drawn)
    change(drawn)
    with pytest.raises(Misconfigured) as refused:
        load(drawn)
    told = [each for each in str(refused.value).splitlines() if sentence in each]
    assert told, str(refused.value)
    assert told[0].startswith(f"{folder / 'main.json'}:")


def test_a_row_of_a_drawn_table_is_told_with_the_line_of_its_id(load: Load, folder: Path) -> None:
    drawn = model({"i1": '"INV.BACKORDR"', "i2": "", "i3": "", **OUT}, REST)
    with pytest.raises(Misconfigured) as refused:
        load(drawn)
    line = int(str(refused.value).removeprefix(f"{folder / 'main.json'}:").partition(":")[0])
    assert '"rule-1"' in (folder / "main.json").read_text(encoding="utf-8").splitlines()[line - 1]


def test_a_drawn_table_stands_alone(folder: Path, load: Load) -> None:
    (folder / "more.toml").write_text(DEFAULT, encoding="utf-8")
    with pytest.raises(Misconfigured, match="a drawn table stands alone"):
        load(model(REST))


def test_no_json_is_told_with_its_line(folder: Path) -> None:
    (folder / "main.json").write_text('{\n"nodes": [}', encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"main\.json:2: is no JSON"):
        Router.load(folder, targets=TARGETS)


def test_a_drawn_row_may_have_an_id_of_its_own(load: Load) -> None:
    drawn = model({**OUT, "o6": '"backorder"', "i1": '"INV.BACKORDER"'}, REST)
    drawn["nodes"][1]["content"]["outputs"].append({"id": "o6", "name": "Id", "field": "id"})
    named, nameless = load(drawn).decide([backorder(), an_event("PRC.CHANGED")])
    assert (named.rule, nameless.rule) == ("backorder", "row-2")
