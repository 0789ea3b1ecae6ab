"""What people decide about delivery: the twins of what ``crossdock approvals``, ``unknown`` and ``sagas`` do."""

import uuid

from crossdock.console.acting import Acts, Asked, Done
from crossdock.messages import SagaState


def add_acts(acts: Acts) -> None:
    """Agree, decline and ask; check, it happened and it did not; settle."""
    acts.add("/approvals/{identity}/agree", agree)
    acts.add("/approvals/{identity}/decline", decline)
    acts.add("/unknown/{identity}/check", check)
    acts.add("/unknown/{identity}/happened", happened)
    acts.add("/unknown/{identity}/did-not-happen", did_not_happen)
    acts.add("/write-backs/{identity}/ask", ask)
    acts.add("/sagas/{identity}/settle", settle)


def agree(asked: Asked) -> Done:
    """Let exactly these bytes leave. Not for the one who asked."""
    approval_id = asked.hub.find("approval", asked.path["identity"])
    done = asked.hub.approvals.agree(approval_id, asked.actor.name, asked.text("reason"))
    return Done(
        sentence="You agreed: it leaves at the next run, with the key it always had.",
        page=f"/approvals/{approval_id}",
        data={"approval": str(approval_id), "write_back": str(done.write_back_id), "state": str(done.state)},
    )


def decline(asked: Asked) -> Done:
    """Say no."""
    approval_id = asked.hub.find("approval", asked.path["identity"])
    done = asked.hub.approvals.decline(approval_id, asked.actor.name, asked.text("reason"))
    return Done(
        sentence="You declined: nothing leaves by this.",
        page=f"/approvals/{approval_id}",
        data={"approval": str(approval_id), "write_back": str(done.write_back_id), "state": str(done.state)},
    )


def check(asked: Asked) -> Done:
    """Ask the target now whether it happened."""
    write_back_id = _write_back(asked)
    checked = asked.hub.unknowns.check(write_back_id, asked.actor.name)
    return Done(
        sentence=f"{checked.answer.replace('_', ' ').capitalize()}: {checked.sentence}",
        page=f"/unknown/{write_back_id}",
        data={"write_back": str(write_back_id), "answer": checked.answer, "reference": checked.reference},
    )


def happened(asked: Asked) -> Done:
    """It happened: a person saw it at the target."""
    write_back_id = _write_back(asked)
    reference = asked.text("reference")
    asked.hub.unknowns.happened(write_back_id, asked.actor.name, reference, asked.text("reason"))
    return Done(
        sentence="It is delivered, as you saw it. Nothing is sent again.",
        page=f"/unknown/{write_back_id}",
        data={"write_back": str(write_back_id), "state": "delivered", "reference": reference},
    )


def did_not_happen(asked: Asked) -> Done:
    """It did not: send it again, when another person agrees."""
    write_back_id = _write_back(asked)
    approval_id = asked.hub.unknowns.did_not_happen(write_back_id, asked.actor.name, asked.text("reason"))
    return _is_asked(approval_id)


def ask(asked: Asked) -> Done:
    """Ask anew about a write-back whose request expired."""
    approval_id = asked.hub.approvals.ask(_write_back(asked), asked.actor.name, asked.text("reason"))
    return _is_asked(approval_id)


def settle(asked: Asked) -> Done:
    """What was left of a partial saga was taken back by a person."""
    saga_id = asked.hub.find("saga", asked.path["identity"])
    asked.hub.sagas.settle(saga_id, asked.actor.name, asked.text("reason"))
    return Done(
        sentence="The saga is undone, as you said.",
        page=f"/sagas/{saga_id}",
        data={"saga": str(saga_id), "state": str(SagaState.UNDONE)},
    )


def _is_asked(approval_id: uuid.UUID) -> Done:
    return Done(
        sentence="You asked: another person must agree before it leaves.",
        page=f"/approvals/{approval_id}",
        data={"approval": str(approval_id), "state": "asked"},
    )


def _write_back(asked: Asked) -> uuid.UUID:
    found: uuid.UUID = asked.hub.find("write-back", asked.path["identity"])
    return found
