"""One row of a decision table, whoever wrote it: checked against the taxonomy, the queues and the targets.

Every problem is told with the place where it stands; a row with one is no row.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from canonical import taxonomy
from crossdock.decide import belonging, conditions, sentences
from crossdock.decide.conditions import Condition, OneOf
from crossdock.decide.context import FIELDS
from crossdock.decide.operations import DEFAULT_ARGUMENTS, DOES
from crossdock.decide.sentences import Sentence
from crossdock.messages import Trace
from crossdock.toml_lines import did_you_mean

QUEUES_FILE: Final = "queues.toml"

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DO: Final = re.compile(r"([a-z][a-z0-9_]*):([a-z0-9][a-z0-9_]*)")
_ARGUMENT: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """An action of a row: where, what, and the sentences that become its arguments."""

    target: str
    operation: str
    arguments: Mapping[str, Sentence]
    gated: bool = False
    undo: "PlannedAction | Trace | None" = None

    @property
    def name(self) -> str:
        """As a row writes it: ``erp:note``."""
        return f"{self.target}:{self.operation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row. ``where`` is its file and line; ``conditions`` are by field, all must match. ``together``: its actions
    are a saga."""

    id: str
    table: str
    where: str
    conditions: Mapping[str, Condition]
    queue: str
    owner: str
    priority: int
    actions: tuple[PlannedAction, ...]
    because: Sentence
    together: bool = False


class Problems:
    """Everything that is wrong, in the order in which it was found."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def tell(self, where: str, sentence: str) -> None:
        self.found.append(f"{where}: {sentence}")

    def add(self, told: str) -> None:
        self.found.append(told)


class Check:
    """The checks of one row, whoever wrote it: values in, a ``Rule`` or told problems out."""

    def __init__(
        self, *, queues: Collection[str], targets: Mapping[str, Collection[str]], problems: Problems
    ) -> None:
        self.queues = queues
        self.targets = targets
        self.problems = problems
        self.defaults = 0

    def rule(
        self,
        values: Mapping[str, Any],
        found: Mapping[str, Condition],
        *,
        written: bool,
        table: str,
        where: "Where",
        number: int,
    ) -> Rule | None:
        """A row from its outputs and its conditions, or ``None`` when something was told of it.

        ``written``: some condition was written, good or bad; a row without one is the default.
        """
        before = len(self.problems.found)
        self.defaults += not written
        rule = Rule(
            id=self._id(values, where, number),
            table=table,
            where=where.row,
            conditions=found,
            queue=self._queue(values, where),
            owner=self._text(values, "owner", where, "the team that answers for it"),
            priority=self._priority(values, where),
            actions=belonging.read(self, values, where, self._actions(values, where)),
            together=values.get("together") is True,
            because=self._sentence(
                self._text(values, "because", where, "a sentence for people"), where.of("because")
            ),
        )
        self._codes(rule, where)
        return rule if len(self.problems.found) == before else None

    def conditions(self, written: Any, where: "Where") -> dict[str, Condition]:
        """The ``when`` of a row."""
        found: dict[str, Condition] = {}
        if not isinstance(written, dict):
            self.problems.tell(where.of("when"), "'when' must be a table of fields and what they must be")
            return found
        for name, value in written.items():
            place = where.of("when", name)
            if name not in FIELDS:
                self.problems.tell(place, f"unknown field {name!r}{did_you_mean(name, list(FIELDS))}")
                continue
            try:
                found[name] = conditions.read(FIELDS[name], value)
            except conditions.Wrong as error:
                self.problems.tell(place, str(error))
        return found

    def _id(self, values: Mapping[str, Any], where: "Where", number: int) -> str:
        id = values.get("id")
        if isinstance(id, str) and _ID.fullmatch(id):
            return id
        self.problems.tell(
            where.of("id"), f"row {number} needs an id of small letters, digits, '.', '-' or '_', not {id!r}"
        )
        return f"row-{number}"

    def _text(self, values: Mapping[str, Any], key: str, where: "Where", what: str) -> str:
        value = values.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.problems.tell(where.of(key), f"{key!r} is missing: {what}")
        return ""

    def _queue(self, values: Mapping[str, Any], where: "Where") -> str:
        queue = self._text(values, "queue", where, "the queue that people look at")
        if queue and queue not in self.queues:
            self.problems.tell(
                where.of("queue"),
                f"unknown queue {queue!r}{did_you_mean(queue, list(self.queues))}; queues are in {QUEUES_FILE}",
            )
        return queue

    def _priority(self, values: Mapping[str, Any], where: "Where") -> int:
        value = values.get("priority")
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 99:
            return value
        self.problems.tell(
            where.of("priority"), f"'priority' must be a whole number from 1 to 99, not {value!r}"
        )
        return 99

    def _sentence(self, text: str, place: str) -> Sentence:
        try:
            return sentences.read(text, lambda name: did_you_mean(name, list(FIELDS)))
        except sentences.WrongSentence as error:
            self.problems.tell(place, str(error))
            return Sentence("", ("",), ())

    def _actions(self, values: Mapping[str, Any], where: "Where") -> tuple[PlannedAction, ...]:
        written = values.get("actions", [])
        place = where.of("actions")
        if not isinstance(written, list):
            self.problems.tell(place, "'actions' must be a list, as ['erp:note']")
            return ()
        return tuple(action for each in written if (action := self.action(each, place)) is not None)

    def action(self, written: Any, place: str) -> PlannedAction | None:
        """One action as a row writes it, or ``None`` when something was told of it."""
        do, arguments = written, {}
        if isinstance(written, dict):
            do = written.get("do")
            arguments = {key: value for key, value in written.items() if key != "do"}
        found = _DO.fullmatch(do) if isinstance(do, str) else None
        if found is None:
            self.problems.tell(place, f"an action is 'target:operation', as 'erp:note', not {written!r}")
            return None
        target, operation = found[1], found[2]
        if target not in self.targets:
            self.problems.tell(place, f"unknown target {target!r}{did_you_mean(target, list(self.targets))}")
            return None
        if operation not in self.targets[target]:
            near = did_you_mean(operation, list(self.targets[target]))
            self.problems.tell(place, f"target {target!r} has no operation {operation!r}{near}")
            return None
        for key, value in arguments.items():
            if not _ARGUMENT.fullmatch(key) or not isinstance(value, str):
                self.problems.tell(place, f"argument {key!r} of {do} must be a text, not {value!r}")
                return None
        texts = {**DEFAULT_ARGUMENTS.get(operation, {}), **arguments}
        return PlannedAction(
            target=target,
            operation=operation,
            arguments={key: self._sentence(texts[key], place) for key in sorted(texts)},
        )

    def _allowed(self, codes: Iterable[taxonomy.Code]) -> list[str]:
        """The operations of our targets that the taxonomy allows for each of these codes."""
        common = frozenset.intersection(*(frozenset(each.actions) for each in codes))
        operations = {each for of_target in self.targets.values() for each in of_target}
        return sorted(each for each in operations if DOES.get(each, each) in common)

    def _codes(self, rule: Rule, where: "Where") -> None:
        """The codes that can reach the row exist, and allow what it does."""
        known = taxonomy.codes()
        code = rule.conditions.get("code")
        family = rule.conditions.get("family")
        if isinstance(code, OneOf):
            for word in sorted(code.words - known.keys()):
                reserved = (
                    " (the name is reserved, nothing says it yet)" if word in taxonomy.reserved() else ""
                )
                near = reserved or did_you_mean(word, list(known))
                self.problems.tell(where.of("when", "code"), f"the taxonomy has no code {word!r}{near}")
            for prefix in code.prefixes:
                if not any(each.startswith(prefix) for each in known):
                    self.problems.tell(
                        where.of("when", "code"), f"no code of the taxonomy begins with {prefix!r}"
                    )
        if isinstance(family, OneOf):
            for word in sorted(family.words - taxonomy.families().keys()):
                near = did_you_mean(word, list(taxonomy.families()))
                self.problems.tell(where.of("when", "family"), f"the taxonomy has no family {word!r}{near}")
        severity = rule.conditions.get("severity")
        if isinstance(severity, OneOf):
            for word in sorted(severity.words - frozenset(taxonomy.SEVERITIES)):
                self.problems.tell(where.of("when", "severity"), f"{word!r} is no severity (S1 to S4)")
        possible = [
            each
            for each in known.values()
            if (not isinstance(code, OneOf) or code.matches(each.code))
            and (not isinstance(family, OneOf) or family.matches(each.family))
        ]
        if not possible and isinstance(code, OneOf) and isinstance(family, OneOf):
            self.problems.tell(where.of("when", "family"), "no code is of this family: the row never matches")
        for action in rule.actions:
            does = DOES.get(action.operation, action.operation)
            refused = sorted(each.code for each in possible if does not in each.actions)
            if does in taxonomy.ACTIONS and refused:
                more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
                allowed = ", ".join(self._allowed(possible)) or "nothing that a target can do"
                self.problems.tell(
                    where.of("actions"),
                    f"the taxonomy does not allow {does!r} for {', '.join(refused[:3])}{more}, "
                    f"which can match this row; what matches it allows {allowed}",
                )
            needed = {name for sentence in action.arguments.values() for name in sentence.fields}
            promised = rule.conditions.get("has_promised_date")
            if "promised_date" in needed and (promised is None or not promised.matches(True)):
                self.problems.tell(
                    where.of("actions"),
                    f"{action.operation!r} needs a promised date: add has_promised_date = true to 'when'",
                )


class Where:
    """Where the parts of a row stand."""

    def __init__(self, row: str) -> None:
        self.row = row

    def of(self, *way: str) -> str:
        """File and line of a part of the row."""
        return self.row
