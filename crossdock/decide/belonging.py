"""What a row says about its actions beside doing them: which need a person's yes, and which belong together.

    actions  = ["erp:hold", "erp:change_date", "partner:x12_855"]
    approve  = ["erp:change_date"]            # leaves only when a person agreed to it
    together = true                           # all of them, or in the end none: a saga
    undo     = { "erp:hold" = "erp:release", "erp:change_date" = "person", "partner:x12_855" = "person" }

Every action of a row with ``together`` says what takes it back: an operation, ``"nothing"`` where nothing is left of
it (a note), or ``"person"`` where only a person can. Checked when the table is loaded: each mistake with its line.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crossdock.decide.operations import DOCUMENTS
from crossdock.messages import Trace
from crossdock.toml_lines import did_you_mean

if TYPE_CHECKING:
    from crossdock.decide.row import Check, PlannedAction, Where

Actions = tuple["PlannedAction", ...]


def read(check: "Check", values: Mapping[str, Any], where: "Where", actions: Actions) -> Actions:
    """The actions of a row with what ``approve``, ``together`` and ``undo`` say of them."""
    return _undone(check, values, where, _gated(check, values, where, actions))


def _gated(check: "Check", values: Mapping[str, Any], where: "Where", actions: Actions) -> Actions:
    written = values.get("approve", [])
    place = where.of("approve")
    names = [action.name for action in actions]
    if not isinstance(written, list) or not all(isinstance(each, str) for each in written):
        check.problems.tell(place, "'approve' must be a list of actions of this row, as ['erp:change_date']")
        return actions
    for name in written:
        if name not in names:
            check.problems.tell(
                place, f"'approve' names {name!r}, which is no action of this row{did_you_mean(name, names)}"
            )
    return tuple(replace(action, gated=action.name in written) for action in actions)


def _undone(check: "Check", values: Mapping[str, Any], where: "Where", actions: Actions) -> Actions:
    together, undo = values.get("together", False), values.get("undo", {})
    if not isinstance(together, bool):
        check.problems.tell(where.of("together"), f"'together' must be true or false, not {together!r}")
        return actions
    if not isinstance(undo, dict):
        check.problems.tell(where.of("undo"), '\'undo\' must be a table, as { "erp:hold" = "erp:release" }')
        return actions
    if not together:
        if undo:
            check.problems.tell(
                where.of("undo"), "'undo' is for actions that belong together: add together = true"
            )
        return actions
    names = [action.name for action in actions]
    if len(actions) < 2:
        check.problems.tell(where.of("together"), "two actions at least belong together")
    for name in sorted({name for name in names if names.count(name) > 1}):
        check.problems.tell(
            where.of("actions"),
            f"{name!r} stands twice in a row with 'together': which of the two 'undo' means is unclear",
        )
    for name in undo:
        if name not in names:
            check.problems.tell(
                where.of("undo", name),
                f"'undo' names {name!r}, which is no action of this row{did_you_mean(name, names)}",
            )
    for name in names:
        if name not in undo:
            check.problems.tell(
                where.of("undo"),
                f"'undo' does not say what takes {name!r} back: an operation, \"nothing\" where nothing is left, or "
                '"person" where only a person can',
            )
    _documents(check, where, actions)
    return tuple(
        replace(action, undo=_undo(check, action, undo[action.name], where.of("undo", action.name)))
        if action.name in undo
        else action
        for action in actions
    )


def _documents(check: "Check", where: "Where", actions: Actions) -> None:
    documents = [action.name for action in actions if action.operation in DOCUMENTS]
    if len(documents) > 1:
        check.problems.tell(
            where.of("actions"),
            f"{' and '.join(documents)} are two documents: of those that belong together one may be a document",
        )


def _undo(
    check: "Check", action: "PlannedAction", written: Any, place: str
) -> "PlannedAction | Trace | None":
    if isinstance(written, str) and written in tuple(Trace):
        return Trace(written)
    if action.operation in DOCUMENTS:
        check.problems.tell(
            place,
            f'{action.name!r} is a document that a partner has read: only "person" (or "nothing") takes it back',
        )
        return None
    planned = check.action(written, place)
    if planned is not None and planned.operation in DOCUMENTS:
        check.problems.tell(place, f"{planned.name!r} is a document, and takes nothing back")
        return None
    if planned is not None and planned.name == action.name:
        check.problems.tell(place, f"{planned.name!r} does not take itself back")
        return None
    return planned
