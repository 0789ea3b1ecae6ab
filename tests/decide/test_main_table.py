"""The packaged table does with each exception of the demonstration what its owners agreed on."""

from typing import Any

import pytest

from canonical import taxonomy
from crossdock.decide.router import Router

from .conftest import an_event, backorder


@pytest.fixture(scope="module")
def packaged() -> Router:
    return Router.load()


@pytest.mark.parametrize(
    ("event", "queue", "actions"),
    [
        (backorder(date="2026-12-04"), "supply", ["note", "change_date"]),
        (backorder(date="2026-12-04", value="25000"), "supply", ["note", "change_date"]),
        (backorder(), "supply", ["note"]),
        (an_event("ORD.REJECTED"), "purchasing", ["note"]),
        (an_event("ORD.LINE_REJECTED"), "purchasing", ["note"]),
        (an_event("ORD.QTY_CHANGED"), "purchasing", ["note"]),
        (an_event("PRC.CHANGED"), "purchasing", ["note"]),
        (an_event("CRD.HOLD"), "credit", ["note"]),
        (an_event("CMP.EXPORT_BLOCK"), "compliance", ["hold"]),
        (an_event("SHP.DELAY"), "transport", ["note"]),
        (an_event("EDI.TRANSACTION_REJECTED"), "integration", []),
        (an_event("BIL.DUPLICATE"), "triage", []),
    ],
)
def test_each_exception_goes_where_it_belongs(
    packaged: Router, event: dict[str, Any], queue: str, actions: list[str]
) -> None:
    (decision,) = packaged.decide([event])
    assert decision.error is None
    assert decision.queue == queue
    assert [action.operation for action in decision.actions] == actions
    assert all(action.target == "erp" for action in decision.actions)
    assert decision.owner
    assert decision.because


def test_every_code_of_the_taxonomy_is_decided_without_an_error(packaged: Router) -> None:
    events = [an_event(code) for code in sorted(taxonomy.codes())]
    assert [decision.error for decision in packaged.decide(events)] == [None] * len(events)


def test_a_backorder_of_value_comes_before_a_small_one(packaged: Router) -> None:
    small, large = packaged.decide(
        [backorder(date="2026-12-04"), backorder(date="2026-12-04", value="10000")]
    )
    assert large.priority < small.priority
