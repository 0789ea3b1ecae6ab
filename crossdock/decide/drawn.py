"""Tables that were drawn in the JDM editor: the exported JSON, read into the same rows and checked the same way.

One decision table between an input and an output node, first hit; its columns are our fields, its outputs ours
(id, queue, owner, priority, actions, because), and every output cell is a constant. Function nodes and anything
else that could run code are refused. A condition that is none of ours stays in the engine's own language; since the
engine takes one that fails for one that does not match, such cells are asked once more by themselves, so that a
failure is told.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from crossdock import toml_lines
from crossdock.decide import conditions
from crossdock.decide.conditions import Condition, Drawn, OneOf
from crossdock.decide.context import FIELDS, Field
from crossdock.decide.row import Check, Rule, Where

OUTPUTS: Final = ("id", "queue", "owner", "priority", "actions", "approve", "together", "undo", "because")

_NODES: Final = ("inputNode", "decisionTableNode", "outputNode")
_TEXT: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)')\s*""")
_BEGINS: Final = re.compile(r"""\s*startsWith\(\s*\$\s*,\s*(?:"([^"]*)"|'([^']*)')\s*\)\s*""")
_NUMBER: Final = re.compile(r"\s*(?:\$\s*)?(>=|<=|>|<|==)?\s*(-?[0-9]+(?:\.[0-9]+)?)\s*")
_RANGE: Final = re.compile(r"\s*\[\s*(-?[0-9]+(?:\.[0-9]+)?)\s*\.\.\s*(-?[0-9]+(?:\.[0-9]+)?)\s*\]\s*")


def read(path: Path, check: Check) -> tuple[bytes, list[Rule]]:
    """The rows of a drawn table, with what is wrong told to ``check``."""
    problems = check.problems
    try:
        with path.open("rb") as file:
            content = file.read(toml_lines.MOST_BYTES + 1)
        if len(content) > toml_lines.MOST_BYTES:
            raise ValueError(f"it is larger than {toml_lines.MOST_BYTES} bytes")
        model = json.loads(content, parse_float=Decimal)
    except (OSError, ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        problems.tell(f"{path}:{line}", f"is no JSON of a decision model: {error}")
        return b"", []
    table = _table(model, path, check)
    if table is None:
        return content, []
    inputs, outputs, rows = table
    lines = content.decode("utf-8", "replace").splitlines()
    found: list[Rule] = []
    for number, row in enumerate(rows, 1):
        where = Where(f"{path}:{_line_of(lines, row.get('_id'))}")
        before = len(problems.found)
        conditions_found: dict[str, Condition] = {}
        for column, name in inputs.items():
            cell = row.get(column) or ""
            if not isinstance(cell, str):
                problems.tell(where.row, f"row {number}: the cell of {name} is no text")
            elif cell.strip() and cell.strip() != "-":
                try:
                    conditions_found[name] = condition(FIELDS[name], cell)
                except conditions.Wrong as error:
                    problems.tell(where.row, f"row {number}, {name}: {error}")
        values: dict[str, Any] = {}
        for column, name in outputs.items():
            cell = row.get(column)
            if isinstance(cell, str) and cell.strip():
                try:
                    values[name] = constant(cell)
                except conditions.Wrong as error:
                    problems.tell(where.row, f"row {number}, {name}: {error}")
        values.setdefault("id", f"row-{number}")
        rule = check.rule(
            values,
            conditions_found,
            written=any(str(row.get(column) or "").strip(" -") for column in inputs),
            table=path.stem,
            where=where,
            number=number,
        )
        if rule is not None and len(problems.found) == before:
            found.append(rule)
    return content, found


def condition(field: Field, cell: str) -> Condition:
    """A cell as one of our conditions where it is one, else in the engine's own language.

    Raises ``Wrong`` when the engine cannot read it.
    """
    written: Any = None
    if field.kind == "text":
        words = _words(cell)
        if words is not None and all(word and "*" not in word for word in words):
            written = words
        elif (begins := _BEGINS.fullmatch(cell)) and (prefix := begins[1] or begins[2]) and "*" not in prefix:
            return OneOf(frozenset(), (prefix,))
    elif field.kind == "number":
        if found := _NUMBER.fullmatch(cell):
            written = f"{(found[1] or '=').replace('==', '=')} {_plain(found[2])}"
        elif found := _RANGE.fullmatch(cell):
            written = f"{_plain(found[1])}..{_plain(found[2])}"
    elif cell.strip() in ("true", "false"):
        written = cell.strip() == "true"
    if written is not None:
        return conditions.read(field, written)
    import zen

    try:
        zen.compile_unary_expression(cell)
    except Exception as error:
        first = str(error).split("\n", 1)[0][:200]
        raise conditions.Wrong(f"the engine cannot read {cell!r}: {first}") from error
    return Drawn(cell)


def constant(cell: str) -> Any:
    """The value of an output cell that names nothing and calls nothing. Raises ``Wrong`` for any other."""
    text = cell.strip()
    if found := _TEXT.fullmatch(text):
        return found[1] if found[1] is not None else found[2]
    try:
        return json.loads(text)
    except ValueError:
        raise conditions.Wrong(
            f"{cell!r} is no constant: write a text in quotes, a number, or a list"
        ) from None


class Doubts:
    """Asks cells in the engine's own language once more, to tell a failure from a cell that does not match."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._cells = {
            (row, name): condition.cell
            for row, rule in enumerate(rules)
            for name, condition in rule.conditions.items()
            if isinstance(condition, Drawn)
        }
        self._compiled: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._cells)

    def checked(self, row: Any, values: Mapping[str, Any]) -> Any:
        """The row, or the sentence that tells which cell before it failed for these values."""
        last = row if isinstance(row, int) else len(self._rules) - 1
        for (number, name), cell in self._cells.items():
            if number > last or not self._others_match(number, values):
                continue
            try:
                self._ask(cell, {**values, "$": values[name]})
            except Exception as error:
                first = str(error).split("\n", 1)[0][:200]
                rule = self._rules[number]
                return f"row {rule.id!r} ({rule.where}) failed at {name} {cell!r}: {first}"
        return row

    def _others_match(self, number: int, values: Mapping[str, Any]) -> bool:
        for name, condition in self._rules[number].conditions.items():
            if isinstance(condition, Drawn):
                continue
            value = values[name]
            if isinstance(value, int | float) and not isinstance(value, bool):
                value = Decimal(repr(value))
            if not condition.matches(value):
                return False
        return True

    def _ask(self, cell: str, values: Mapping[str, Any]) -> None:
        compiled = self._compiled.get(cell)
        if compiled is None:
            import zen

            compiled = self._compiled[cell] = zen.compile_unary_expression(cell)
        compiled.evaluate(dict(values))


def _table(
    model: Any, path: Path, check: Check
) -> tuple[dict[str, str], dict[str, str], list[dict[str, Any]]] | None:
    problems = check.problems
    nodes = model.get("nodes") if isinstance(model, dict) else None
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        problems.tell(f"{path}:1", "is no decision model: it has no list of nodes")
        return None
    for node in nodes:
        if node.get("type") not in _NODES:
            problems.tell(
                f"{path}:1",
                f"node {node.get('name')!r} is a {node.get('type')}: only one decision table may run",
            )
            return None
    tables = [node for node in nodes if node["type"] == "decisionTableNode"]
    content = tables[0].get("content") if len(tables) == 1 else None
    if not isinstance(content, dict) or content.get("hitPolicy") != "first":
        problems.tell(f"{path}:1", "needs exactly one decision table, with the hit policy 'first'")
        return None
    inputs = _columns(content.get("inputs"), tuple(FIELDS), "condition", path, check)
    outputs = _columns(content.get("outputs"), OUTPUTS, "output", path, check)
    rows = content.get("rules")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        problems.tell(f"{path}:1", "the decision table has no rows")
        return None
    return inputs, outputs, rows


def _columns(columns: Any, known: tuple[str, ...], what: str, path: Path, check: Check) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in columns if isinstance(columns, list) else ():
        name = column.get("field") if isinstance(column, dict) else None
        if name not in known:
            near = toml_lines.did_you_mean(str(name), known)
            check.problems.tell(f"{path}:1", f"unknown {what} column {name!r}{near}")
        elif name in found.values():
            check.problems.tell(f"{path}:1", f"the {what} column {name!r} stands twice")
        else:
            found[str(column.get("id"))] = str(name)
    return found


def _words(cell: str) -> list[str] | None:
    words: list[str] = []
    rest = cell
    while True:
        found = _TEXT.match(rest)
        if found is None:
            return None
        words.append(found[1] if found[1] is not None else found[2])
        rest = rest[found.end() :]
        if not rest:
            return words
        if not rest.startswith(","):
            return None
        rest = rest[1:]


def _plain(number: str) -> str:
    return f"{Decimal(number):f}"


def _line_of(lines: list[str], id: Any) -> int:
    if isinstance(id, str) and id:
        for number, line in enumerate(lines, 1):
            if f'"{id}"' in line:
                return number
    return 1
