"""A source that is polled: every thing once, as it was said, from wherever the last run came to."""

from datetime import timedelta
from typing import Final

from crossdock.messages import Verdict
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.walking import (
    Walk,
    come_round,
    fresh,
    moment,
    read,
    require_all,
    require_in_the_end,
    rest,
    some,
    walk,
)

POLLED: Final = ("polled", "played", "played_source")
PAGES: Final = 11
"""Things of a check: four pages of three."""
KILLED_IN: Final = 7
"""Things among which a reading is killed behind each: two pages of three, and one more."""

ODD_POSITIONS: Final = (
    "", " ", "x", "[]", "{}", "null", "0", '"2026-11-20"', '{"mark":"soon","seen":{}}', '{"mark":1,"seen":[]}',
    '{"looks":3}', '{"looks":{"a":[1]}}', "\x00", "é" * 300, "9" * 5000, "[" * 2000,
)  # fmt: skip
"""What may stand where a position was: of an older version, cut short, mended by hand."""


@check("source.reads_everything", "Everything that lies there comes, once, oldest first.", needs=POLLED)
def reads_everything(case: Case) -> None:
    with case.watched():
        things = some(case, PAGES)
        done = fresh(case)
        require_all(things, done, "walk every page to its end")
        if "moments" in case.capabilities and done.numbers(things) != sorted(done.numbers(things)):
            broken("the things do not come oldest first; ask the system to order them, or sort each page")


@check("source.bytes_are_exact", "What comes is what was said, byte for byte.", needs=POLLED)
def bytes_are_exact(case: Case) -> None:
    with case.watched():
        things = some(case, 4)
        for message in fresh(case).messages:
            meant = next((thing for thing in things if thing.mark in message.body), None)
            if meant is not None and message.body != meant.body:
                broken(
                    f"the body is {len(message.body)} bytes and was sent as {len(meant.body)}, or in another "
                    "order; cut it out of the answer (crossdock.kit.records, formats.json_slices), do not "
                    "write it anew"
                )


@check(
    "source.says_who_and_when", "Each message names its tenant, source, time and media type.", needs=POLLED
)
def says_who_and_when(case: Case) -> None:
    manifest = case.manifest
    assert manifest.source is not None
    with case.watched():
        some(case, 1)
        for message in fresh(case).messages:
            if (message.tenant, message.source) != (manifest.tenant, manifest.name):
                broken(
                    f"a message is of {message.tenant}/{message.source}; take tenant and name from the manifest"
                )
            if message.received_at != case.clock.now():
                broken("received_at is not the clock's time; ask the clock that connect() is given")
            if not message.media_type or not message.key:
                broken("a message has no media type or no key; give it both")


@check("source.key_is_stable", "The same thing has the same key whenever it is read again.", needs=POLLED)
def key_is_stable(case: Case) -> None:
    with case.watched():
        things = some(case, PAGES)
        first, second = fresh(case), fresh(case)
        keys = [
            {thing.number: m.key for m in done.messages for thing in things if thing.mark in m.body}
            for done in (first, second)
        ]
        case.clock.advance(timedelta(days=1))
        keys.append(
            {thing.number: m.key for m in fresh(case).messages for thing in things if thing.mark in m.body}
        )
        for number, key in keys[0].items():
            if any(other.get(number, key) != key for other in keys[1:]):
                broken(
                    f"number {number} had another key when it was read again; derive the key from the thing "
                    "alone: its id and the digest of its bytes, never the time or a count"
                )
        require_all(things, first, "walk every page to its end")


@check(
    "source.keys_differ",
    "Different things have different keys; one that changed is another thing.",
    needs=POLLED,
)
def keys_differ(case: Case) -> None:
    with case.watched():
        things = some(case, PAGES)
        done = fresh(case)
        if len({message.key for message in done.messages}) < len(things):
            broken(
                f"{len(things)} different things have {len({m.key for m in done.messages})} keys, so that some "
                "are taken for duplicates and dropped; put the thing's id, or the digest of its bytes, into "
                "the key"
            )
        before = {message.key for message in done.messages}
        case.system.reset(case.clock)
        changed = [case.system.thing(thing.number, thing.at, changed=1) for thing in things[:2]]
        case.system.hold(*changed)
        for message in fresh(case).messages:
            if message.key in before:
                broken(
                    "a thing that changed kept its key, so its change is dropped as a duplicate; add the "
                    "digest of its bytes"
                )


@check(
    "source.position_moves_late",
    "The position goes with what was handed over: killed in the middle of a page, nothing is lost.",
    needs=POLLED,
)
def position_moves_late(case: Case) -> None:
    with case.watched():
        things = some(case, KILLED_IN)
        whole = fresh(case)
        require_all(things, whole, "walk every page to its end")
        for taken in range(1, len(whole.messages)):
            with case.source() as source:
                first = read(case, source, most=taken)
            later = rest(case, first.position)
            came = set(first.numbers(things)) | set(later.numbers(things))
            if lost := [thing.number for thing in things if thing.number not in came]:
                broken(
                    f"killed after {taken} of {len(things)} messages, number {lost[0]} never comes again: the "
                    "position moved before what it passes was yielded; give each message the position that "
                    "holds once it is stored"
                )


@check(
    "source.goes_on_where_it_was",
    "The next run brings what is new, and asks for no more than it must.",
    needs=POLLED,
)
def goes_on_where_it_was(case: Case) -> None:
    with case.watched():
        things = some(case, PAGES)
        first = fresh(case)
        require_all(things, first, "walk every page to its end")
        new = some(case, 2, from_number=PAGES + 1)
        come_round(case)
        second = rest(case, first.position)
        require_all(new, second, "begin where the stored position says")
        again = [number for number in second.numbers(things)]
        known = {message.key for message in first.messages}
        if any(
            message.key not in known and message.key not in {m.key for m in first.messages}
            for message in second.messages
            if any(thing.mark in message.body for thing in things)
        ):
            broken(f"number {again[0]} came again under another key; the same thing has the same key")


@check(
    "source.nothing_new_is_nothing",
    "Where nothing is new, nothing comes, and the position stays.",
    needs=POLLED,
)
def nothing_new_is_nothing(case: Case) -> None:
    with case.watched():
        empty = fresh(case)
        if empty.messages or empty.error is not None:
            broken(
                f"an empty system gives {len(empty.messages)} messages, or {empty.error}; an empty list is an "
                "honest answer"
            )
        things = some(case, 4)
        first = fresh(case)
        require_all(things, first, "walk every page to its end")
        come_round(case)
        second = fresh(case, first.position)
        if second.error is not None:
            broken(
                f"the second run ends with {type(second.error).__name__}: {second.error}; nothing new is no "
                "error"
            )


@check(
    "source.ties_are_kept",
    "Things that share one moment all come, also where a page or a run ends between them.",
    needs=(*POLLED, "moments"),
)
def ties_are_kept(case: Case) -> None:
    with case.watched():
        at = moment(case, 30)
        things = [case.system.thing(number, at) for number in range(1, 8)]
        case.system.hold(*things)
        for taken in (1, 3, 4):
            with case.source() as source:
                first = read(case, source, most=taken)
            later = rest(case, first.position)
            came = set(first.numbers(things)) | set(later.numbers(things))
            if lost := [thing.number for thing in things if thing.number not in came]:
                broken(
                    f"of 7 things of one moment, number {lost[0]} was lost after a stop behind {taken}; ask "
                    "from the moment on, not after it, and remember what was seen there (crossdock.overlap)"
                )


@check(
    "source.late_record_is_found",
    "What commits late, behind what was read, is found within the overlap.",
    needs=(*POLLED, "moments", "overlap"),
)
def late_record_is_found(case: Case) -> None:
    with case.watched():
        things = some(case, 4, every_min=30)
        first = fresh(case)
        require_all(things, first, "walk every page to its end")
        overlap = getattr(case.system, "overlap_s", 0)
        late = case.system.thing(90, things[-1].at - timedelta(seconds=overlap / 2))
        case.system.hold(late)
        require_all(
            [late], rest(case, first.position), f"begin {overlap} s before the position, as overlap_s says"
        )


@check(
    "source.future_is_harmless",
    "A record that says a moment to come hides none of those before it.",
    needs=(*POLLED, "moments"),
)
def future_is_harmless(case: Case) -> None:
    with case.watched():
        things = some(case, 2)
        ahead = case.system.thing(91, case.clock.now() + timedelta(days=4000))
        case.system.hold(ahead)
        first = fresh(case)
        require_all([*things, ahead], first, "take it, and do not move the position there")
        new = case.system.thing(92, moment(case, 200))
        case.system.hold(new)
        require_all(
            [new], rest(case, first.position), "a moment to come never moves the position (crossdock.overlap)"
        )


@check("source.odd_position_is_harmless", "A position that cannot be read loses nothing.", needs=POLLED)
def odd_position_is_harmless(case: Case) -> None:
    with case.watched():
        things = some(case, 4)
        for odd in ODD_POSITIONS:
            done = fresh(case, odd)
            if len(done.numbers(things)) < len(things):  # a run may come to less than all
                done = rest(case, odd)
            require_all(
                things,
                done,
                f"with {odd[:20]!r} as position: begin again from the start, what was stored is known by its key",
            )


@check(
    "source.reads_as_it_goes",
    "It hands over what it has before it asks for more: no run holds everything in memory.",
    needs=(*POLLED, "in_steps", "http"),
)
def reads_as_it_goes(case: Case) -> None:
    with case.watched():
        some(case, PAGES)
        with case.source() as source:
            walk(case, source, most=1)
            asked = case.system.asked()
        if asked > 2:
            broken(
                f"it asked {asked} times before it handed over the first message; yield each page before the "
                "next is asked for"
            )


@check("source.settling_twice_is_safe", "What is settled again, or late, does no harm.", needs=POLLED)
def settling_twice_is_safe(case: Case) -> None:
    with case.watched():
        things = some(case, 4)
        with case.source() as source:
            first = read(case, source)
            require_all(things, first, "walk every page to its end")
            for _time in range(2):
                for message, verdict in zip(first.messages, [*Verdict, Verdict.STORED], strict=False):
                    source.settle(message, verdict)
        with case.source() as source:
            for message in first.messages:
                source.settle(message, Verdict.DUPLICATE)
        new = some(case, 2, from_number=20)
        come_round(case)
        require_all(new, rest(case, first.position), "settle touches only the message that it is given")


@check(
    "source.a_page_twice_is_harmless",
    "A page that comes twice brings nothing twice, and hides nothing.",
    needs=(*POLLED, "paged", "http"),
)
def a_page_twice_is_harmless(case: Case) -> None:
    from crossdock.testing.conformance.http_play import http_of

    system = http_of(case)
    with case.watched():
        things = some(case, PAGES)
        system.repeat_page = 2
        done = fresh(case)
        system.repeat_page = 0
        later = rest(case, done.position)
        came = set(done.numbers(things)) | set(later.numbers(things))
        if lost := [thing.number for thing in things if thing.number not in came]:
            broken(
                f"when a page came twice, number {lost[0]} never came; walk on by what the page says, not by a "
                "count"
            )
        keys: dict[int, set[str]] = {}
        for message in [*done.messages, *later.messages]:
            for thing in things:
                if thing.mark in message.body:
                    keys.setdefault(thing.number, set()).add(message.key)
        if twice := [number for number, found in keys.items() if len(found) > 1]:
            broken(
                f"number {twice[0]} came twice under two keys; the same thing has the same key, on whatever "
                "page it stands"
            )


@check(
    "source.a_circle_ends",
    "Pages that lead to each other end the run, and what came before is kept.",
    needs=(*POLLED, "paged", "http"),
)
def a_circle_ends(case: Case) -> None:
    from crossdock.testing.conformance.http_play import FUSE, http_of

    system = http_of(case)
    if not system.can_circle:
        not_here("its pages are counted: they cannot lead to each other")
    with case.watched():
        things = some(case, PAGES)
        system.circle = True
        done: Walk = fresh(case)
        system.circle = False
        if system.asked() >= FUSE:
            broken(
                f"it asked {system.asked()} times for pages that go in a circle; remember the addresses of a "
                "run, or bound them"
            )
        came = done.numbers(things)
        if len(came) > len(set(came)) * 2:
            broken(
                f"the same page was handed over {len(came) // max(1, len(set(came)))} times; refuse a page that "
                "was walked"
            )
        require_in_the_end(case, things, done, "a circle moves no position behind what it brought")
