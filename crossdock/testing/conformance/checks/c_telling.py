"""A source whose system says itself what changed: what is new and what is gone comes, and no more is asked for."""

from typing import TYPE_CHECKING, Any, Final

from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check
from crossdock.testing.conformance.walking import fresh, require_all, require_in_the_end, rest, some

if TYPE_CHECKING:
    from crossdock.testing.conformance.played.rest import RestPlay

DELTA: Final = ("polled", "played", "played_source", "delta")
THINGS: Final = 7
MOST_ASKED: Final = 12
"""Calls for three pages that lead nowhere: once each, once more from the beginning, and some to spare."""


def _tells(case: Case) -> "RestPlay":
    system: Any = case.system
    play: RestPlay = system
    return play


@check(
    "source.asks_for_changes_alone",
    "Where the system tells what changed, the next run brings that and nothing else, also what is gone.",
    needs=DELTA,
)
def asks_for_changes_alone(case: Case) -> None:
    with case.watched():
        system = _tells(case)
        things = some(case, THINGS)
        first = fresh(case)
        require_all(things, first, "walk every page to its end")
        changed = system.thing(things[0].number, things[0].at, changed=1)
        gone = system.gone(things[1])
        system.hold(changed, gone)
        second = fresh(case, first.position)
        if second.error is not None:
            broken(
                f"the run from the link to what changed ends with {type(second.error).__name__}: {second.error}; "
                "ask with the link as it was given"
            )
        if again := [number for number in second.numbers(things[2:])]:
            broken(
                f"number {again[0]} came again although it did not change; let the link behind the last page "
                "be the position, and ask with it"
            )
        bodies = {message.body for message in second.messages}
        if changed.body not in bodies:
            broken("what changed since did not come; ask with the link behind the last page")
        if gone.body not in bodies:
            broken(
                "what is gone was not told; hand over the record that says so like any other: what it means is "
                "the mapping's"
            )
        third = fresh(case, second.position)
        if third.messages or third.error is not None:
            broken(
                f"where nothing changed, the run brings {len(third.messages)} messages, or {third.error}; the "
                "link behind the last page is the position also when nothing came with it"
            )


@check(
    "source.a_forgotten_link_begins_again",
    "A link that the system has forgotten (410) begins again from all that is there, once in a run.",
    needs=DELTA,
)
def a_forgotten_link_begins_again(case: Case) -> None:
    with case.watched():
        system = _tells(case)
        things = some(case, THINGS)
        first = fresh(case)
        require_all(things, first, "walk every page to its end")
        system.delta.forget()
        new = some(case, 2, from_number=THINGS + 1)
        later = rest(case, first.position)
        require_all(
            [*things, *new],
            later,
            "answer 410 with a read of everything: what was read before is known by its key",
        )
        keys = {message.key for message in first.messages}
        if [one for one in later.messages if any(t.mark in one.body for t in things) and one.key not in keys]:
            broken(
                "what was read again had another key; the same thing has the same key, however it was asked for"
            )
        system.delta.forgets_at_once = True
        before = case.system.asked()
        lost = fresh(case)
        if (asked := case.system.asked() - before) > MOST_ASKED:
            broken(
                f"a system that forgets every link was asked {asked} times in a run; begin again once, and "
                "raise Refused then"
            )
        system.heal()
        require_in_the_end(case, [*things, *new], lost, "a link that is forgotten moves no position")
