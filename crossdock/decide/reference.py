"""The same table in plain Python: the oracle of the tests, and what explains a decision to a person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crossdock.decide.context import Value, as_words
from crossdock.decide.row import Rule
from crossdock.decide.table import Table


def first_match(table: Table, values: Mapping[str, Value]) -> Rule | None:
    """The first row whose every condition matches; ``None`` when none does."""
    for rule in table.rules:
        if all(condition.matches(values[name]) for name, condition in rule.conditions.items()):
            return rule
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one row fared: it matched, or which field did not fit."""

    rule: str
    where: str
    matched: bool
    sentence: str


def explain(table: Table, values: Mapping[str, Value]) -> Iterator[Step]:
    """Row after row up to the one that matches, each with why or why not."""
    for rule in table.rules:
        for name, condition in rule.conditions.items():
            if not condition.matches(values[name]):
                said = f"{name} is {as_words(values[name])}, not {condition}"
                yield Step(rule=rule.id, where=rule.where, matched=False, sentence=said)
                break
        else:
            said = "; ".join(f"{name} is {as_words(values[name])}" for name in rule.conditions)
            yield Step(rule=rule.id, where=rule.where, matched=True, sentence=said or "it takes all the rest")
            return
