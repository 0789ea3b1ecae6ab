"""Which actions of a row need a person's yes, and which belong together: read, decided, and checked at load."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crossdock.decide.router import Router
from crossdock.errors import Misconfigured
from crossdock.messages import Action, Trace

from .conftest import DEFAULT, QUEUES, backorder, row

TARGETS = {
    "erp": ("note", "hold", "release", "change_date"),
    "supplier_edi": ("x12_860",),
    "partner": ("x12_855",),
}
BOTH = 'code = "INV.BACKORDER", has_promised_date = true'


def load(tmp_path: Path, text: str) -> Router:
    (tmp_path / "queues.toml").write_text(QUEUES)
    (tmp_path / "main.toml").write_text(text + DEFAULT)
    return Router.load(tmp_path, targets=TARGETS)


@pytest.fixture
def router(tmp_path: Path) -> Callable[[str], Router]:
    return lambda text: load(tmp_path, text)


def test_an_action_that_needs_a_yes_is_gated_and_the_others_are_not(router: Callable[[str], Router]) -> None:
    made = router(
        row("a", BOTH, actions='["erp:note", "erp:change_date"]', more='approve = ["erp:change_date"]\n')
    )
    (decision,) = made.decide([backorder(date="2026-12-04")])
    assert [(action.operation, action.gated) for action in decision.actions] == [
        ("note", False),
        ("change_date", True),
    ]
    assert not decision.together


def test_actions_that_belong_together_know_what_takes_each_of_them_back(
    router: Callable[[str], Router],
) -> None:
    by_note = '{ do = "erp:note", text = "not {promised_date}" }'
    undo = f'undo = {{ "erp:note" = "nothing", "erp:change_date" = {by_note} }}\n'
    made = router(row("a", BOTH, actions='["erp:note", "erp:change_date"]', more=f"together = true\n{undo}"))
    (decision,) = made.decide([backorder(date="2026-12-04")])
    assert decision.together
    note, change = decision.actions
    assert note.undo is Trace.NOTHING
    assert change.undo == Action(target="erp", operation="note", arguments={"text": "not 2026-12-04"})


def test_a_document_is_taken_back_by_a_person(router: Callable[[str], Router]) -> None:
    more = 'together = true\nundo = { "erp:note" = "nothing", "supplier_edi:x12_860" = "person" }\n'
    made = router(
        row("a", BOTH, actions='["erp:note", { do = "supplier_edi:x12_860", change = "date" }]', more=more)
    )
    (decision,) = made.decide([backorder(date="2026-12-04")])
    assert [action.undo for action in decision.actions] == [Trace.NOTHING, Trace.PERSON]


NOTE, CHANGE, ORDER, ACK = "erp:note", "erp:change_date", "supplier_edi:x12_860", "partner:x12_855"


def actions(*names: str) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def undo(**takes_back: str) -> str:
    """``undo`` of a row: by operation, what takes it back."""
    names = {"note": NOTE, "change": CHANGE, "order": ORDER, "ack": ACK}
    pairs = ", ".join(f'"{names.get(name, name)}" = "{by}"' for name, by in takes_back.items())
    return f"undo = {{ {pairs} }}\n"


TWO = actions(NOTE, CHANGE)
SAGA = "together = true\n"


@pytest.mark.parametrize(
    ("do", "more", "line", "sentence"),
    [
        (TWO, 'approve = "erp:note"\n', 10, "'approve' must be a list of actions of this row"),
        (TWO, 'approve = ["erp:not"]\n', 10, "no action of this row (did you mean 'erp:note'?)"),
        (TWO, 'aprove = ["erp:note"]\n', 10, "unknown key 'aprove' (did you mean 'approve'?)"),
        (TWO, 'together = "yes"\n', 10, "'together' must be true or false"),
        (TWO, undo(note="nothing"), 10, "add together = true"),
        (TWO, SAGA + 'undo = "erp:note"\n', 11, "'undo' must be a table"),
        (actions(NOTE), SAGA + undo(note="nothing"), 10, "two actions at least belong together"),
        (actions(NOTE, NOTE), SAGA + undo(note="nothing"), 8, "'erp:note' stands twice"),
        (TWO, SAGA + undo(note="nothing"), 11, "does not say what takes 'erp:change_date' back"),
        (TWO, SAGA, 2, "does not say what takes 'erp:note' back"),
        (TWO, SAGA + undo(nte="nothing"), 11, "'undo' names 'nte', which is no action"),
        (TWO, SAGA + undo(note="nothing", change="erp:relese"), 11, "(did you mean 'release'?)"),
        (TWO, SAGA + undo(note="nothing", change=CHANGE), 11, "does not take itself back"),
        (TWO, SAGA + undo(note="nothing", change=ORDER), 11, "is a document, and takes nothing back"),
        (actions(NOTE, ORDER), SAGA + undo(note="nothing", order=NOTE), 11, "that a partner has read"),
        (actions(ACK, ORDER), SAGA + undo(ack="person", order="person"), 8, "one may be a document"),
    ],
)
def test_each_mistake_is_told_with_its_line(
    tmp_path: Path, do: str, more: str, line: int, sentence: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        load(tmp_path, row("a", BOTH, actions=do, more=more))
    said = [each for each in str(refused.value).splitlines() if sentence in each]
    assert said, str(refused.value)
    assert f"main.toml:{line}:" in said[0]
