"""What people do at the dead-letter desk, from its pages: the twins of ``crossdock dead-letters``."""

from crossdock.console.acting import Acts, Asked, Done


def add_acts(acts: Acts) -> None:
    """Replay and discard."""
    acts.add("/dead-letters/{identity}/replay", replay)
    acts.add("/dead-letters/{identity}/discard", discard)


def replay(asked: Asked) -> Done:
    """Put one back to the stage that failed."""
    letter_id = asked.hub.find("dead letter", asked.path["identity"])
    done = asked.hub.replay(letter_id, asked.actor.name, did_not_happen=asked.flag("did_not_happen"))
    return Done(
        sentence="Another person must agree before it is sent again: see Approvals."
        if done.next_step.startswith("approvals ")
        else f"It is put back; the step '{done.next_step}' takes it at its next run.",
        page=f"/dead-letters/{letter_id}",
        data={"id": str(letter_id), "stage": str(done.stage), "next_step": done.next_step},
    )


def discard(asked: Asked) -> Done:
    """End one, with a reason."""
    letter_id = asked.hub.find("dead letter", asked.path["identity"])
    asked.hub.discard(letter_id, asked.actor.name, asked.text("reason"))
    return Done(
        sentence="It is discarded. Its bytes and its history stay.",
        page=f"/dead-letters/{letter_id}",
        data={"id": str(letter_id)},
    )
