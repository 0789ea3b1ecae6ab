"""A route names who is told: notices and cases in the CRM are actions like others, and what leaves is as it says."""

import json
from pathlib import Path

import pytest

from crossdock.decide import Router
from crossdock.errors import Misconfigured
from crossdock.registry import Registry
from crossdock.writebacks import decision_id_of, slot_of, write_body
from tests.decide.conftest import an_event

QUEUES = '[queues]\ntriage = "What no rule could decide"\nsupply = "Backorders"\n'
RULE = """\
[[rule]]
id = "told"
when = {{ code = "{code}" }}
queue = "supply"
owner = "supply-planning"
priority = 10
actions = {actions}
because = "{{title}}"

[[rule]]
id = "default"
queue = "triage"
owner = "integration"
priority = 60
because = "{{title}}"
"""


def routes(folder: Path, actions: str, code: str = "INV.BACKORDER") -> Router:
    (folder / "queues.toml").write_text(QUEUES)
    (folder / "main.toml").write_text(RULE.format(actions=actions, code=code))
    return Router.load(folder)


def test_people_are_told_in_every_way_that_a_row_names(tmp_path: Path) -> None:
    router = routes(
        tmp_path,
        '["slack:notify", "teams:notify", "crm:crm_case", '
        '{ do = "mail:notify", to = "buyer@example.com", text = "Call them about {subject}" }]',
    )
    event = an_event("INV.BACKORDER", refs=[{"kind": "supplier_po", "value": "4500123456"}])
    (decision,) = router.decide([event])
    assert decision.error is None
    registry = Registry()
    bodies = {}
    for action in decision.actions:
        written = write_body(
            registry, event, decision, action, case_id="case-1", decision_id=str(decision_id_of(event))
        )
        bodies[f"{action.target}:{action.operation}"] = json.loads(written.body)
        assert written.subject == "case/case-1"
    assert bodies["slack:notify"] == bodies["teams:notify"]
    assert bodies["slack:notify"]["text"] == decision.because
    assert bodies["mail:notify"]["to"] == ["buyer@example.com"]
    assert bodies["crm:crm_case"]["priority"] == 10
    note, _, crm, _ = decision.actions
    assert slot_of(registry, crm, "case/case-1") is not None, (
        "a later word about a case takes the place of this one"
    )
    assert slot_of(registry, note, "case/case-1") is None, "each notice counts"


@pytest.mark.parametrize(
    ("actions", "complaint"),
    [
        ('["slack:note"]', "target 'slack' has no operation 'note'"),
        ('["slak:notify"]', "unknown target 'slak' (did you mean 'slack'?)"),
        ('["mail:crm_case"]', "target 'mail' has no operation 'crm_case'"),
    ],
)
def test_who_cannot_be_told_is_found_when_the_table_is_loaded(
    tmp_path: Path, actions: str, complaint: str
) -> None:
    with pytest.raises(Misconfigured) as caught:
        routes(tmp_path, actions)
    assert complaint in str(caught.value)
