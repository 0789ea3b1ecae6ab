"""A source that asks by number: about what is open, round after round, and one number never stops the others."""

from datetime import timedelta
from typing import Final

from crossdock.errors import Refused
from crossdock.ports import Inquiring, Watchful
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check
from crossdock.testing.conformance.inquiry_play import inquiry_of
from crossdock.testing.conformance.walking import (
    come_round,
    fresh,
    read,
    require_all,
    require_in_the_end,
    rest,
    some,
)

INQUIRES: Final = ("polled", "played", "played_source", "inquires")
THINGS: Final = 7


@check(
    "source.asks_about_what_is_open",
    "It asks about each number that is open once in a round, and about no other.",
    needs=INQUIRES,
)
def asks_about_what_is_open(case: Case) -> None:
    system = inquiry_of(case)
    with case.watched():
        with case.source() as source:
            if not isinstance(source, Inquiring):
                broken("it has no inquire(inquiries), so it cannot know what is open; make it of RestInquiry")
            if read(case, source).messages or system.asked():
                broken(f"where nothing is open it asked {system.asked()} times; ask about nothing")
        things = some(case, THINGS)
        numbers = [system.number(thing) for thing in things]
        system.inquiries.closed.add(numbers[2])
        first = fresh(case)
        asked = [number for call in system.calls for number in call]
        if numbers[2] in asked:
            broken(
                f"it asked about {numbers[2]}, which is not open; ask about what open() of the inquiries gives"
            )
        wanted = [number for number in numbers if number != numbers[2]]
        if asked != wanted:
            broken(
                f"of {len(wanted)} open numbers it asked about {len(set(asked))}, in {len(asked)} questions; ask "
                "about each once, in the order in which open() gives them"
            )
        system.calls.clear()
        rest(case, first.position)
        if system.calls:
            broken(
                f"a run right behind the round asked about {len(system.calls[0])} numbers again; let the position "
                "say when the round began, and begin the next one when round_s is over"
            )
        come_round(case)
        rest(case, first.position)
        if {number for call in system.calls for number in call} != set(wanted):
            broken("the next round did not ask about all that is open; begin at the first number again")


@check(
    "source.an_unknown_number_is_asked_again",
    "A number that the system does not know (yet) is no error, and is asked about in the next round.",
    needs=INQUIRES,
)
def an_unknown_number_is_asked_again(case: Case) -> None:
    system = inquiry_of(case)
    with case.watched():
        things = some(case, THINGS)
        system.unknown.update(system.number(thing) for thing in things[1:3])
        first = fresh(case)
        require_all(
            [things[0], *things[3:]],
            first,
            "take 404, and an answer without a record of the number, for a number that has nothing yet",
        )
        if len(first.messages) != THINGS - 2:
            broken(
                "that a number is not known became a message; it says nothing about the business, so drop it"
            )
        system.unknown.clear()
        come_round(case)
        require_all(things[1:3], rest(case, first.position), "ask about it in the next round")


@check(
    "source.a_refused_number_stops_no_other",
    "A number that the system refuses is set aside with its reason; where all are refused, that is said.",
    needs=INQUIRES,
)
def a_refused_number_stops_no_other(case: Case) -> None:
    system = inquiry_of(case)
    with case.watched():
        things = some(case, THINGS)
        refused = [system.number(thing) for thing in (things[1], things[5])]
        system.refused.update(refused)
        with case.source() as source:
            done = read(case, source)
            aside = [one.name for one in source.skipped()] if isinstance(source, Watchful) else []
        require_all(
            [thing for thing in things if system.number(thing) not in refused],
            done,
            "ask about the others one by one when a call about several is refused, and go on behind a refused one",
        )
        if missing := [number for number in refused if number not in aside]:
            broken(
                f"nothing tells that {missing[0]} is refused, so nobody corrects it; give it in skipped(), with the "
                "reason"
            )
        system.refused.update(system.number(thing) for thing in things)
        all_refused = fresh(case)
        if not isinstance(all_refused.error, Refused):
            broken(
                "where every number is refused the run ends as if all were well; raise Refused after the first few: "
                "it is how we ask"
            )
        system.refused.clear()
        require_in_the_end(case, things, all_refused, "what was refused is asked about while it is open")


@check(
    "source.what_was_said_is_nothing_new",
    "An answer that says what an earlier one said is no message; one that says more is.",
    needs=INQUIRES,
)
def what_was_said_is_nothing_new(case: Case) -> None:
    system = inquiry_of(case)
    with case.watched():
        things = some(case, THINGS)
        first = fresh(case)
        require_all(things, first, "ask about all that is open")
        system.inquiries.stored.update(message.key for message in first.messages)
        come_round(case)
        second = fresh(case, first.position)
        if second.messages:
            broken(
                f"{len(second.messages)} answers came again in the same bytes; leave out those whose key known() of "
                "the inquiries has"
            )
        system.hold(system.thing(things[3].number, things[3].at, changed=1))
        come_round(case)
        third = fresh(case, second.position)
        if third.numbers(things) != [things[3].number]:
            broken("an answer that changed did not come alone; derive the key from the number and its bytes")


@check(
    "source.a_round_begins_in_time",
    "The next round begins when its time has come, also when the last one began on a clock that was ahead.",
    needs=INQUIRES,
)
def a_round_begins_in_time(case: Case) -> None:
    with case.watched():
        some(case, 2)
        ahead = timedelta(days=30)
        case.clock.advance(ahead)
        first = fresh(case)
        case.clock.advance(-ahead)
        come_round(case)
        new = some(case, 2, from_number=3)
        require_all(
            new,
            rest(case, first.position),
            "begin a round when the last one is done and round_s is over, and when it says that it began in a time "
            "to come",
        )
