"""A source whose system goes wrong: the declared error for each trouble, and nothing lost by it."""

from datetime import timedelta
from typing import Final

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.play import Fault
from crossdock.testing.conformance.walking import Walk, fresh, require_in_the_end, rest, some
from crossdock.wires.patience import in_a_hurry

POLLED: Final = ("polled", "played", "played_source")
HURRY_S: Final = 0.4
MOST_ASKED: Final = 4
"""One call may be read three times by its wire; the one more is whatever comes first (a metadata page, a token)."""

LONGEST_WAIT: Final = timedelta(hours=24)


def _faults(case: Case, *kinds: str) -> list[Fault]:
    found = [fault for fault in case.system.faults("source") if fault.kind in kinds]
    if not found:
        not_here("its played system does not go wrong in this way")
    return found


def _met(case: Case, fault: Fault, *, hurry: bool = False, first: bool = True) -> Walk:
    """What came of reading a system that goes wrong so, with two pages behind and two before it.

    ``first`` of its kind: reading goes on in any case. After the others it goes on where something came or moved:
    what had no effect leaves everything to be read, and that is read by other checks.
    """
    case.system.reset(case.clock)
    things = some(case, 5)
    fault.tell()
    if hurry:
        with in_a_hurry(HURRY_S):
            done = fresh(case)
    else:
        done = fresh(case)
    case.system.heal()
    if first or done.messages or done.position is not None:
        require_in_the_end(
            case, things, done, f"after {fault.name!r} was over; move the position only with what was yielded"
        )
    return done


def _class(error: CrossdockError | None) -> str:
    return type(error).__name__ if error is not None else "no error"


def _require(
    case: Case, kind: str, wanted: tuple[type[CrossdockError], ...], remedy: str, *, hurry: bool = False
) -> str:
    faults = _faults(case, kind)
    for fault in faults:
        done = _met(case, fault, hurry=hurry, first=fault is faults[0])
        if not isinstance(done.error, wanted):
            names = " or ".join(one.__name__ for one in wanted)
            broken(f"{fault.name}: it came to {_class(done.error)}, not {names}; {remedy}")
    return f"{len(faults)} ways"


@check(
    "source.down_is_said",
    "A system that cannot be reached, or breaks off, is WireDown: it is read again.",
    needs=POLLED,
)
def down_is_said(case: Case) -> str:
    with case.watched():
        return _require(case, "down", (WireDown,), "let the wire's own error through")


@check(
    "source.silence_ends",
    "A system that never answers is given up within the declared deadline.",
    needs=POLLED,
)
def silence_ends(case: Case) -> str:
    with case.watched():
        return _require(
            case,
            "silence",
            (WireDown,),
            "let the wire's own error through: silence is never an empty page",
            hurry=True,
        )


@check(
    "source.login_is_a_persons",
    "A login that is not accepted is Misconfigured: a person must edit it.",
    needs=POLLED,
)
def login_is_a_persons(case: Case) -> str:
    with case.watched():
        return _require(case, "login", (Misconfigured,), "let refused() of the wire judge the status")


@check(
    "source.asked_to_wait_it_waits",
    "429 and 503 are Refused with the wait that was asked for, held to a day.",
    needs=(*POLLED, "http"),
)
def asked_to_wait_it_waits(case: Case) -> str:
    with case.watched():
        faults = _faults(case, "busy")
        for fault in faults:
            done = _met(case, fault, first=fault is faults[0])
            if not isinstance(done.error, Refused):
                broken(
                    f"{fault.name}: it came to {_class(done.error)}, not Refused; let refused() of the wire "
                    "judge the status"
                )
            wait = done.error.retry_after
            if fault.name.endswith(("none", "garbage")):
                if wait is not None:
                    broken(
                        f"{fault.name}: it waits {wait} that nobody asked for; take retry_after of the wire"
                    )
            elif wait is None or not timedelta() < wait <= LONGEST_WAIT:
                broken(
                    f"{fault.name}: it would wait {wait}; take retry_after of the wire, between a second and a "
                    "day"
                )
        return f"{len(faults)} ways"


@check(
    "source.no_is_no",
    "A refusal is Refused, with its status; it is never an empty page.",
    needs=(*POLLED, "http"),
)
def no_is_no(case: Case) -> str:
    with case.watched():
        return _require(case, "no", (Refused, Misconfigured), "let refused() of the wire judge the status")


@check(
    "source.stays_at_its_host",
    "A redirect is not followed, and takes no login anywhere.",
    needs=(*POLLED, "http"),
)
def stays_at_its_host(case: Case) -> str:
    from crossdock.testing.conformance.http_play import http_of

    system = http_of(case)
    with case.watched() as watch:
        faults = _faults(case, "elsewhere")
        for fault in faults:
            done = _met(case, fault, first=fault is faults[0])
            if system.elsewhere.requests or watch.opened_elsewhere:
                broken(
                    "a redirect was followed to another host; turn it off, and refuse 301, 302, 307 and 308"
                )
            if not isinstance(done.error, Misconfigured | Refused):
                broken(f"{fault.name}: it came to {_class(done.error)}, not Misconfigured; it is no answer")
        return f"{len(faults)} ways"


@check(
    "source.links_stay_at_its_host",
    "A link to what comes next that leaves the host is not followed.",
    needs=(*POLLED, "linked", "http"),
)
def links_stay_at_its_host(case: Case) -> None:
    from crossdock.testing.conformance.http_play import http_of

    system = http_of(case)
    with case.watched() as watch:
        if "delta" in case.capabilities:
            # A single page, so that the link that leads away is the one to what will change.
            some(case, 1)
            system.link_base = system.elsewhere.url
            fresh(case, fresh(case).position)
            if system.elsewhere.requests or watch.opened_elsewhere:
                broken(
                    "the link to what changes was followed to another host; compare its host with the "
                    "connection's (same_host) before it becomes the position"
                )
            system.reset(case.clock)
        things = some(case, 7)
        system.link_base = system.elsewhere.url
        done = fresh(case)
        system.link_base = ""
        if system.elsewhere.requests or watch.opened_elsewhere:
            broken(
                "a link to a next page was followed to another host; compare its host with the connection's "
                "(same_host)"
            )
        if not isinstance(done.error, Refused | Misconfigured):
            broken(
                f"a link that leaves the host came to {_class(done.error)}, so the pages behind it are lost "
                "silently; raise Refused"
            )
        require_in_the_end(case, things, done, "a refused link moves no position")


@check(
    "source.garbage_is_kept",
    "What is no answer is refused, or kept whole for a person, and hides nothing.",
    needs=(*POLLED, "http"),
)
def garbage_is_kept(case: Case) -> str:
    with case.watched():
        faults = _faults(case, "garbage")
        for fault in faults:
            done = _met(case, fault, first=fault is faults[0])
            if done.error is None and not done.messages:
                broken(
                    f"{fault.name} was taken for a page without records; yield the answer whole as one message "
                    "without a position, or raise Refused"
                )
            if done.error is None and done.position is not None and len(done.messages) == 1:
                broken(f"{fault.name} moved the position; a page that cannot be cut has none")
        return f"{len(faults)} ways"


@check("source.too_much_is_refused", "An answer without end is cut off, and said.", needs=(*POLLED, "http"))
def too_much_is_refused(case: Case) -> str:
    with case.watched():
        return _require(case, "too_much", (Refused, WireDown), "read through the wire, which counts")


@check(
    "source.tries_once",
    "It asks once: trying again within a call is the wire's, and between calls the spine's.",
    needs=(*POLLED, "http"),
)
def tries_once(case: Case) -> None:
    with case.watched():
        for fault in _faults(case, "no", "busy", "login"):
            case.system.reset(case.clock)
            some(case, 5)
            for _time in range(8):
                fault.tell()
            fresh(case)
            if case.system.asked() > MOST_ASKED:
                broken(
                    f"{fault.name}: it asked {case.system.asked()} times; raise, and the spine comes back when "
                    "it is time"
                )
        for fault in _faults(case, "down"):
            case.system.reset(case.clock)
            some(case, 5)
            for _time in range(8):
                fault.tell()
            fresh(case)
            if case.system.asked() > MOST_ASKED:
                broken(
                    f"{fault.name}: it asked {case.system.asked()} times; retry_reads of the wire tries three "
                    "times, nothing else does"
                )


@check(
    "source.files_that_lie_are_left",
    "A file that changes, is cut or dies while it is read is left, and comes whole later.",
    needs=(*POLLED, "files"),
)
def files_that_lie_are_left(case: Case) -> str:
    with case.watched():
        faults = _faults(case, "files")
        for fault in faults:
            case.system.reset(case.clock)
            things = some(case, 3)
            fault.tell()
            done = fresh(case)
            whole = {thing.body for thing in things}
            stays = not fault.name.startswith(("a file that is replaced", "a file that grows"))
            for message in done.messages:
                if message.body not in whole and stays:
                    broken(
                        f"{fault.name}: a body of {len(message.body)} bytes was handed over that nobody wrote; "
                        "compare size and time before and after (crossdock.wires.sftp does)"
                    )
            case.system.heal()
            later = rest(case, done.position)
            came = {*done.numbers(things), *later.numbers(things)}
            if "replaced" not in fault.name and came != {thing.number for thing in things}:
                broken(
                    f"after {fault.name!r} was over a file never came; leave what cannot be read, and look again"
                )
        return f"{len(faults)} ways"
