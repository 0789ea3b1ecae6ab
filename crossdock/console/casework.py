"""What people do with cases, from the case's page: the twins of ``crossdock cases move`` and ``assign``."""

from crossdock.console.acting import Acts, Asked, Done
from crossdock.errors import Misconfigured
from crossdock.messages import CaseState


def add_acts(acts: Acts) -> None:
    """Move and assign."""
    acts.add("/cases/{identity}/move", move)
    acts.add("/cases/{identity}/assign", assign)


def move(asked: Asked) -> Done:
    """Move a case to another state."""
    case_id = asked.hub.find("case", asked.path["identity"])
    try:
        to = CaseState(asked.text("to"))
    except ValueError:
        raise Misconfigured(f"'to' is one of {', '.join(CaseState)}") from None
    asked.hub.move_case(case_id, to, asked.actor.name, asked.text("reason"))
    return Done(
        sentence=f"The case is {to.replace('_', ' ')}.",
        page=f"/cases/{case_id}",
        data={"id": str(case_id), "state": str(to)},
    )


def assign(asked: Asked) -> Done:
    """Hand a case to a person or a team."""
    case_id = asked.hub.find("case", asked.path["identity"])
    owner = asked.text("to")
    asked.hub.assign_case(case_id, owner, asked.actor.name, asked.text("reason"))
    return Done(
        sentence=f"The case belongs to {owner}.",
        page=f"/cases/{case_id}",
        data={"id": str(case_id), "owner": owner},
    )
