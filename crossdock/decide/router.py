"""Decides what happens to exception events: one pass of the rule engine over a batch, a Decision for each.

Whatever goes wrong with one event, the others are decided, and that one goes to ``triage`` with the error.
"""

import os
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from crossdock.decide import drawn, jdm, reference, sentences
from crossdock.decide.context import FIELDS, Value, as_json, for_engine
from crossdock.decide.operations import DOCUMENTS, TO_PARTNER
from crossdock.decide.row import PlannedAction, Rule
from crossdock.decide.table import TRIAGE, Table, load
from crossdock.limits import limit
from crossdock.messages import Action, Decision

ROUTES_DIR: Final = "CROSSDOCK_ROUTES_DIR"

TRIAGE_OWNER: Final = "integration"
TRIAGE_PRIORITY: Final = 1

_NO_ID: Final = uuid.UUID(int=0)


class Router:
    """A checked decision table with its engine. Safe to keep for the life of a process."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.version = table.version
        self._fields = tuple((name, FIELDS[name].read) for name in table.fields)
        self._numbers = tuple(name for name in table.fields if FIELDS[name].kind == "number")
        self._model = jdm.Model(table)
        self._traces = [_trace(rule) for rule in table.rules]
        self._drawn = drawn.Doubts(table.rules)
        self._engine: Any = None
        self._process = 0

    @classmethod
    def load(
        cls, folder: Path | None = None, *, targets: Mapping[str, Collection[str]] | None = None
    ) -> "Router":
        """The table of ``folder``, of ``CROSSDOCK_ROUTES_DIR``, or the packaged one.

        ``targets`` are each sink's operations; by default those of the connectors that the registry finds.
        Raises ``Misconfigured`` with every problem, each with file and line.
        """
        return cls(load(folder or _folder(), _targets() if targets is None else targets))

    def decide(self, events: Sequence[Mapping[str, Any]]) -> list[Decision]:
        """A decision for each sealed event, in their order. Never raises for what an event or a rule does."""
        seen: list[dict[str, Value] | Exception] = []
        asked: list[dict[str, Any]] = []
        codes: list[str] = []
        for event in events:
            try:
                values = self.values(event)
            except Exception as error:
                seen.append(error)
            else:
                seen.append(values)
                asked.append(self._asked(values))
                codes.append(_code(event))
        rows = iter(self._rows(asked, codes))
        decisions: list[Decision] = []
        for event, values_or_error in zip(events, seen, strict=True):
            if isinstance(values_or_error, Exception):
                decisions.append(
                    self._set_aside(event, {}, f"the event cannot be read: {_said(values_or_error)}")
                )
                continue
            row = next(rows)
            if isinstance(row, int) and not isinstance(row, bool) and 0 <= row < len(self.table.rules):
                decisions.append(self._decision(event, values_or_error, row))
            else:
                decisions.append(self._set_aside(event, values_or_error, str(row)))
        return decisions

    def values(self, event: Mapping[str, Any]) -> dict[str, Value]:
        """The fields of the table's conditions, as this event has them."""
        data = event["data"]
        return {name: read(data) for name, read in self._fields}

    def explain(self, event: Mapping[str, Any]) -> list[reference.Step]:
        """Row after row, why each did not match, up to the one that did."""
        return list(reference.explain(self.table, self.values(event)))

    # ── the engine ───────────────────────────────────────────────────────────────────────────────────────

    def _asked(self, values: dict[str, Any]) -> dict[str, Any]:
        asked = values.copy()
        for name in self._numbers:
            asked[name] = for_engine(values[name])
        return asked

    def _rows(self, asked: list[dict[str, Any]], codes: list[str]) -> Sequence[Any]:
        """For each event the number of its row, or a sentence that says why there is none."""
        if not asked:
            return ()
        try:
            return self._evaluate(asked, codes)
        except Exception as error:
            if len(asked) == 1:
                return [f"the rule engine failed: {_said(error)}"]
        # one of them breaks the batch: find it, decide the others
        return [row for one, code in zip(asked, codes, strict=True) for row in self._rows([one], [code])]

    def _evaluate(self, asked: list[dict[str, Any]], codes: list[str]) -> Sequence[Any]:
        if self._engine is None or self._process != os.getpid():
            import zen

            self._engine = zen.ZenEngine().create_decision(self._model.text)
            self._process = os.getpid()
        call = self._model.asked(asked, codes)
        began = time.thread_time()
        rows = call.rows(self._engine.evaluate(call.input)["result"])
        self._require_in_time(time.thread_time() - began, len(asked))
        if self._drawn:
            return [self._drawn.checked(row, values) for row, values in zip(rows, asked, strict=True)]
        return rows

    def _require_in_time(self, took_s: float, events: int) -> None:
        """A table has no loop, so this is about one that has grown beyond all measure: what it says late is not
        taken, event by event, and the events go to triage."""
        most_ms = limit("rule_ms")
        if took_s * 1000 > most_ms * events:
            raise TimeoutError(
                f"the rules took {took_s * 1000 / events:.0f} ms, and the limit rule_ms is {most_ms}"
            )

    # ── decisions ────────────────────────────────────────────────────────────────────────────────────────

    def _decision(self, event: Mapping[str, Any], values: dict[str, Value], row: int) -> Decision:
        rule = self.table.rules[row]
        try:
            data = event["data"]
            because = rule.because.about(data)
            return Decision(
                event_id=uuid.UUID(event["id"]),
                table=rule.table,
                rule=rule.id,
                version=self.version,
                queue=rule.queue,
                owner=rule.owner,
                priority=rule.priority,
                actions=tuple(_action(planned, data, because) for planned in rule.actions)
                if rule.actions
                else (),
                because=because,
                saw=self._saw(values),
                trace=self._traces[row],
                together=rule.together,
            )
        except Exception as error:
            return self._set_aside(
                event, values, f"row {rule.id!r} ({rule.where}) failed: {_said(error)}", rule
            )

    def _saw(self, values: dict[str, Value]) -> dict[str, Any]:
        saw: dict[str, Any] = values.copy()
        for name in self._numbers:
            saw[name] = as_json(values[name])
        return saw

    def _set_aside(
        self, event: Any, values: dict[str, Value], error: str, rule: Rule | None = None
    ) -> Decision:
        try:
            event_id = uuid.UUID(event["id"])
        except (TypeError, KeyError, ValueError, AttributeError):
            event_id = _NO_ID
        return Decision(
            event_id=event_id,
            table=rule.table if rule is not None else self.table.rules[-1].table,
            rule=rule.id if rule is not None else "",
            version=self.version,
            queue=TRIAGE,
            owner=TRIAGE_OWNER,
            priority=TRIAGE_PRIORITY,
            actions=(),
            because=f"no rule could decide this: {error}",
            saw=self._saw(values) if values else {},
            trace=None,
            error=error,
        )


def _code(event: Mapping[str, Any]) -> str:
    code = event["data"].get("code")
    return code if isinstance(code, str) else ""


def _action(planned: PlannedAction, data: Mapping[str, Any], because: str) -> Action:
    arguments = {key: sentence.known(data) for key, sentence in planned.arguments.items()}
    if planned.operation == "note":
        arguments.setdefault("text", because)
    undo = planned.undo
    return Action(
        target=planned.target,
        operation=planned.operation,
        arguments=arguments,
        gated=planned.gated,
        undo=_action(undo, data, because) if isinstance(undo, PlannedAction) else undo,
    )


def _trace(rule: Rule) -> dict[str, Any]:
    """What is stored of the pass: the row and its conditions, beside the values that it saw. Not the other rows."""
    return {
        "rule": rule.id,
        "where": Path(rule.where).name,
        "conditions": {name: str(condition) for name, condition in rule.conditions.items()},
    }


def _said(error: BaseException) -> str:
    """An error in a line: the engine's messages carry a stack behind the first."""
    if isinstance(error, sentences.WrongSentence):
        return str(error)
    text = str(error).strip().split("\n", 1)[0][:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _folder() -> Path:
    if folder := os.environ.get(ROUTES_DIR):
        return Path(folder)
    from crossdock.packages import package_folder

    return package_folder("mappings") / "routes"


def _targets() -> Mapping[str, Collection[str]]:
    from crossdock.registry import Registry

    manifests = Registry().manifests().values()
    targets = {each.name: each.sink.operations for each in manifests if each.sink is not None}
    written = {operation for operations in targets.values() for operation in operations}
    return {**targets, TO_PARTNER: [operation for operation in DOCUMENTS if operation in written]}
