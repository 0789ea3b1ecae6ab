"""A table as JDM, the published JSON of GoRules' decision models, for the rule engine.

Only conditions are compiled; the engine answers with the number of the row. What a person wrote never becomes
engine code: a text is a quoted literal of a language that has no escapes, so one that holds both kinds of
quotation marks is refused when the table is loaded.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from canonical import taxonomy
from crossdock.decide.conditions import Between, Condition, Drawn, Is, OneOf
from crossdock.decide.row import Rule
from crossdock.decide.table import Table

ROW: Final = "row"


class Model:
    """The compiled table: one decision table node for each group of codes that the same rows can match.

    A row that asks for another code can never match, so an event is only put before the rows that its code leaves;
    every condition of those, the code too, is still the engine's to judge. All nodes run in one call.
    """

    def __init__(self, table: Table) -> None:
        every = tuple(range(len(table.rules)))
        self._groups: dict[tuple[int, ...], int] = {every: 0}
        self._group_of: dict[str, int] = {}
        for code in taxonomy.codes():
            rows = tuple(number for number in every if _may_match(table.rules[number], code))
            self._group_of[code] = self._groups.setdefault(rows, len(self._groups))
        self.text = json.dumps(_model(table, self._groups), ensure_ascii=False)

    def asked(self, events: Sequence[Mapping[str, Any]], codes: Sequence[str]) -> "Asked":
        """The engine's input for these contexts, whose codes are given beside them."""
        return Asked(events, [self._group_of.get(code, 0) for code in codes], len(self._groups))


class Asked:
    """One call of the engine: its input by group, and the way back from its answer to the events."""

    def __init__(self, events: Sequence[Mapping[str, Any]], groups: Sequence[int], count: int) -> None:
        self._by_group: list[list[Mapping[str, Any]]] = [[] for _ in range(count)]
        self._groups = groups
        for event, group in zip(events, groups, strict=True):
            self._by_group[group].append(event)
        # a node whose input is absent fails the call, an empty one costs nothing
        self.input = {f"in{group}": found for group, found in enumerate(self._by_group)}

    def rows(self, result: Any) -> list[Any]:
        """The number of each event's row. Raises ``ValueError`` when the answer is no answer to what was asked."""
        answers: list[Iterator[Any]] = []
        for group, events in enumerate(self._by_group):
            answer = result.get(f"out{group}") if isinstance(result, dict) else None
            if not isinstance(answer, list) or len(answer) != len(events):
                raise ValueError(f"the engine gave no {len(events)} answers for {len(events)} events")
            answers.append(iter(answer))
        rows = (next(answers[group]) for group in self._groups)
        return [row.get(ROW) if isinstance(row, dict) else None for row in rows]


def _may_match(rule: Rule, code: str) -> bool:
    """Whether a row leaves a chance to this code, by what it says of code and family alone."""
    own, family = rule.conditions.get("code"), rule.conditions.get("family")
    return not (
        (isinstance(own, OneOf) and not own.matches(code))
        or (isinstance(family, OneOf) and not family.matches(code.partition(".")[0]))
    )


def _model(table: Table, groups: Mapping[tuple[int, ...], int]) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 600, "y": 0}},
    ]
    edges: list[dict[str, str]] = []
    for rows, group in groups.items():
        used = {name for number in rows for name in table.rules[number].conditions}
        fields = [name for name in table.fields if name in used]
        nodes.append(
            {
                "id": f"table{group}",
                "type": "decisionTableNode",
                "name": f"table{group}",
                "position": {"x": 300, "y": 100 * group},
                "content": {
                    "hitPolicy": "first",
                    "executionMode": "loop",
                    "inputField": f"in{group}",
                    "outputPath": f"out{group}",
                    "passThrough": False,
                    "inputs": [{"id": f"i_{name}", "name": name, "field": name} for name in fields],
                    "outputs": [{"id": "o_row", "name": ROW, "field": ROW}],
                    "rules": [
                        {
                            "_id": table.rules[number].id,
                            **{
                                f"i_{name}": cell(table.rules[number].conditions.get(name)) for name in fields
                            },
                            "o_row": str(number),
                        }
                        for number in rows
                    ],
                },
            }
        )
        edges += [
            {"id": f"a{group}", "type": "edge", "sourceId": "in", "targetId": f"table{group}"},
            {"id": f"b{group}", "type": "edge", "sourceId": f"table{group}", "targetId": "out"},
        ]
    return {"nodes": nodes, "edges": edges}


def cell(condition: Condition | None) -> str:
    """One condition in the engine's language; empty matches everything."""
    match condition:
        case None:
            return ""
        case OneOf(words, ()):
            return ", ".join(_literal(word) for word in sorted(words))
        case OneOf(words, prefixes):
            parts = [f"startsWith($, {_literal(prefix)})" for prefix in prefixes]
            parts += [f"$ == {_literal(word)}" for word in sorted(words)]
            return " or ".join(parts)
        case Between(low, low_included, high, high_included):
            if low is not None and low == high:
                return f"$ == {low:f}"
            parts = []
            if low is not None:
                parts.append(f"$ {'>=' if low_included else '>'} {low:f}")
            if high is not None:
                parts.append(f"$ {'<=' if high_included else '<'} {high:f}")
            return " and ".join(parts)
        case Is(value):
            return "true" if value else "false"
        case Drawn(drawn):
            return drawn


def _literal(word: str) -> str:
    quote = "'" if '"' in word else '"'
    if quote in word:
        raise ValueError(f"{word!r} holds both kinds of quotation marks")
    return f"{quote}{word}{quote}"
