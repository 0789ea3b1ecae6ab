"""A sink: one call is one attempt, and what came of it is said as it was."""

import dataclasses
from datetime import timedelta
from typing import Any, Final

from crossdock.errors import CrossdockError, Misconfigured
from crossdock.messages import Conflict, Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import Previewing, Searchable, Sink, Versioned
from crossdock.promises.secrets import Forms
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.play import CANARY, MORE_CANARIES, EffectFault
from crossdock.wires.patience import in_a_hurry

WRITTEN: Final = ("sink", "played", "played_sink")
HURRY_S: Final = 0.4
LONGEST_WAIT: Final = timedelta(hours=24)

REMEDY: Final = {
    "Unsure": "it left and nothing proves what came of it: return Unsure",
    "Retry": "the target says that it did nothing and to come later: return Retry with not_before",
    "Reject": "the target says no and will say no again: return Reject with its status",
    "Conflict": "what it was decided on has changed: return Conflict or Reject",
    "Delivered": "a slow answer is an answer: return Delivered with the receipt",
    "Misconfigured": "nobody could deliver with this login: raise Misconfigured",
}


def _first(case: Case) -> WriteBack:
    made = case.system.write_backs()
    if not made:
        broken(
            "the kit has nothing to write: add [[write_back]] with operation, subject and body to "
            "conformance.toml"
        )
    return made[0]


def _delivered(sink: Sink, write_back: WriteBack) -> Outcome | CrossdockError:
    """What came of it. Errors that are none of ours go through: the run tells them."""
    try:
        return sink.deliver(write_back)
    except CrossdockError as error:
        return error


def _name(outcome: Outcome | CrossdockError) -> str:
    return type(outcome).__name__


@check(
    "sink.delivers",
    "Where all is well it delivers each operation once, and brings the target's own receipt.",
    needs=WRITTEN,
)
def delivers(case: Case) -> str:
    with case.watched():
        made = {one.operation: one for one in case.system.write_backs()}
        assert case.manifest.sink is not None
        if missing := [one for one in case.manifest.sink.operations if one not in made]:
            broken(
                f"nothing is there to write for {', '.join(missing)}; add [[write_back]] for it to "
                "conformance.toml"
            )
        for write_back in made.values():
            before = sum(case.system.effects.counted().values())
            with case.sink() as sink:
                outcome = _delivered(sink, write_back)
            if not isinstance(outcome, Delivered):
                broken(f"{write_back.operation}: an honest target came to {_name(outcome)}: {_why(outcome)}")
            if not outcome.receipt.reference:
                broken(
                    f"{write_back.operation}: the receipt names nothing; take the target's own reference, its "
                    "id or path"
                )
            if sum(case.system.effects.counted().values()) != before + 1:
                broken(
                    f"{write_back.operation}: it says Delivered and the target did nothing, or more than once"
                )
        return f"{len(made)} operations"


def _why(outcome: Outcome | CrossdockError) -> str:
    return str(getattr(outcome, "reason", outcome))


@check("sink.body_is_unchanged", "What leaves is what was decided, byte for byte.", needs=WRITTEN)
def body_is_unchanged(case: Case) -> None:
    with case.watched(), case.sink() as sink:
        write_back = _first(case)
        _delivered(sink, write_back)
        if not case.system.written() or case.system.written()[-1] != write_back.body:
            broken(
                "the target got another body than the write-back's, which people may have agreed to; send "
                "write_back.body as it is (and let its mapping write what the target wants)"
            )


@check(
    "sink.lies_have_outcomes",
    "Whatever the target does, the outcome says what is known of it, and no more.",
    needs=WRITTEN,
)
def lies_have_outcomes(case: Case) -> str:
    with case.watched():
        faults = case.system.effect_faults()
        for fault in faults:
            outcome = _met(case, fault)
            if _name(outcome) not in fault.allowed:
                wanted = sorted(fault.allowed)
                broken(
                    f"{fault.name}: it came to {_name(outcome)}, not {' or '.join(wanted)}; {REMEDY[wanted[-1]]}"
                )
        return f"{len(faults)} ways"


def _met(case: Case, fault: EffectFault) -> Outcome | CrossdockError:
    case.system.reset(case.clock)
    fault.tell()
    with in_a_hurry(HURRY_S if fault.hangs else 10.0), case.sink() as sink:
        return _delivered(sink, _first(case))


@check(
    "sink.silence_is_unsure",
    "No answer is never called delivered, rejected, or free to be sent again.",
    needs=WRITTEN,
)
def silence_is_unsure(case: Case) -> str:
    with case.watched():
        faults = [fault for fault in case.system.effect_faults() if fault.hangs]
        for fault in faults or not_here("its played system always answers"):
            outcome = _met(case, fault)
            if not isinstance(outcome, Unsure):
                broken(
                    f"{fault.name}: it came to {_name(outcome)}; {REMEDY['Unsure']}, so that nothing is done "
                    "twice or lost"
                )
        return f"{len(faults)} ways"


@check(
    "sink.down_is_retry",
    "A target that cannot be reached is tried again: nothing left.",
    needs=(*WRITTEN, "remote"),
)
def down_is_retry(case: Case) -> None:
    with case.watched(), case.sink(case.system.login(wrong="host")) as sink:
        outcome = _delivered(sink, _first(case))
        if not isinstance(outcome, Retry) or not outcome.wire:
            broken(
                f"a closed port came to {_name(outcome)}; WireDown is Retry(wire=True), which the circuit "
                "breaker counts"
            )


@check(
    "sink.at_most_one_effect",
    "Whatever goes wrong, doing what the outcome allows has one effect, and never two.",
    needs=(*WRITTEN, "once"),
)
def at_most_one_effect(case: Case) -> str:
    with case.watched():
        faults = case.system.effect_faults()
        for fault in faults:
            outcome = _met(case, fault)
            case.system.heal()
            for attempt in (2, 3):
                again = dataclasses.replace(_first(case), attempt=attempt)
                with case.sink() as sink:
                    if not _may_repeat(case, sink, outcome, again):
                        break
                    outcome = _delivered(sink, again)
            happened = sum(case.system.effects.counted().values())
            if happened > 1:
                broken(
                    f"{fault.name}, then what {_name(outcome)} allows: the target did it {happened} times; send "
                    "the same key, or ask before it is sent again"
                )
            if isinstance(outcome, Delivered) and not happened:
                broken(
                    f"{fault.name}: it says Delivered and the target did nothing; believe a success only when "
                    "it proves itself"
                )
        return f"{len(faults)} ways"


def _may_repeat(case: Case, sink: Sink, outcome: Outcome | CrossdockError, write_back: WriteBack) -> bool:
    """Whether the spine would send it again: what it does is told in ``crossdock/deliver``."""
    match outcome:
        case Retry():
            return True
        case Unsure():
            assert case.manifest.sink is not None
            if case.manifest.sink.idempotency in ("key", "natural_key", "conditional"):
                return True
            return (
                case.manifest.sink.idempotency == "readback"
                and isinstance(sink, Searchable)
                and sink.find(write_back) is None
            )
        case _:
            return False


@check("sink.one_call_is_one_attempt", "One deliver() asks the target for the effect once.", needs=WRITTEN)
def one_call_is_one_attempt(case: Case) -> None:
    with case.watched():
        for fault in case.system.effect_faults():
            outcome = _met(case, fault)
            if case.system.attempts() > 1:
                broken(
                    f"{fault.name}: one deliver() sent it {case.system.attempts()} times and then said "
                    f"{_name(outcome)}; return the outcome, and the spine sends it again when that is safe"
                )


@check(
    "sink.same_key_on_repeat",
    "A repeat carries the key that the first one had.",
    needs=(*WRITTEN, "repeatable"),
)
def same_key_on_repeat(case: Case) -> None:
    with case.watched():
        first = _first(case)
        for attempt in (1, 2):
            with case.sink() as sink:
                _delivered(sink, dataclasses.replace(first, attempt=attempt))
            case.clock.advance(timedelta(minutes=7))
        happened = sum(case.system.effects.counted().values())
        if happened > 1:
            broken(
                f"the same write-back, sent twice, had {happened} effects at a target that knows a key again; "
                "send write_back.idempotency_key, which never changes"
            )


@check(
    "sink.a_repeat_is_delivered",
    "A target that knows the repeat says so, and that is Delivered.",
    needs=(*WRITTEN, "repeatable"),
)
def a_repeat_is_delivered(case: Case) -> None:
    with case.watched():
        first = _first(case)
        with case.sink() as sink:
            _delivered(sink, first)
            outcome = _delivered(sink, dataclasses.replace(first, attempt=2))
        if not isinstance(outcome, Delivered | Conflict):
            broken(
                f"the repeat of what was done came to {_name(outcome)}; it is done: return Delivered with the "
                "first receipt"
            )


@check(
    "sink.comes_back_when_asked",
    "Retry-After, in every form, is the earliest time of the next attempt.",
    needs=(*WRITTEN, "http"),
)
def comes_back_when_asked(case: Case) -> str:
    from crossdock.testing.conformance.http_faults import waits_of
    from crossdock.testing.conformance.http_play import http_of

    system = http_of(case)
    with case.watched():
        count = 0
        for name, behaviour in waits_of(system):
            count += 1
            system.reset(case.clock)
            system.lie(behaviour, writes=True)
            with case.sink() as sink:
                outcome = _delivered(sink, _first(case))
            if not isinstance(outcome, Retry):
                broken(f"{name}: it came to {_name(outcome)}; {REMEDY['Retry']}")
            now, wanted = case.clock.now(), not name.endswith(("none", "garbage"))
            if wanted and (outcome.not_before is None or not now < outcome.not_before <= now + LONGEST_WAIT):
                broken(
                    f"{name}: it would come back at {outcome.not_before}; take retry_after of the wire, between "
                    "a second and a day"
                )
            if not wanted and outcome.not_before is not None:
                broken(
                    f"{name}: nobody said when, and it would come back at {outcome.not_before}; leave "
                    "not_before empty"
                )
        return f"{count} ways"


@check(
    "sink.stays_at_its_host",
    "A redirect is not followed with a write, and takes no login anywhere.",
    needs=(*WRITTEN, "http"),
)
def stays_at_its_host(case: Case) -> None:
    from crossdock.testing.conformance.http_play import http_of

    system = http_of(case)
    with case.watched() as watch:
        for fault in system.effect_faults():
            if fault.name in ("301", "302", "303", "307", "308"):
                outcome = _met(case, fault)
                if system.elsewhere.requests or watch.opened_elsewhere or isinstance(outcome, Delivered):
                    broken(
                        f"{fault.name} was followed to another host with the write and the login; refuse it"
                    )


@check(
    "sink.refuses_what_it_does_not_know",
    "An operation that it does not have is rejected, and nothing leaves.",
    needs=WRITTEN,
)
def refuses_what_it_does_not_know(case: Case) -> None:
    with case.watched(), case.sink() as sink:
        strange = dataclasses.replace(_first(case), operation="conformance_unknown")
        outcome = _delivered(sink, strange)
        if case.system.attempts() or case.system.effects.counted():
            broken(
                "an operation that nobody declared was sent; look it up among the declared ones, and return "
                "Reject"
            )
        if not isinstance(outcome, Reject | Misconfigured):
            broken(
                f"an operation that nobody declared came to {_name(outcome)}; return Reject, which names it"
            )


HOSTILE: Final = (
    "supplier_po/../../admin", "supplier_po/..", "supplier_po/a?b=c#d", "supplier_po/a\r\nX-Evil: 1",
    "supplier_po/\x00", "supplier_po/" + "9" * 3000, "", "/", "supplier_po/%2e%2e/x",
    "supplier_po/’; DROP TABLE orders;--", "supplier_po/<script>alert(1)</script>", "nothing_we_know/1",
)  # fmt: skip


@check(
    "sink.a_subject_is_data",
    "No text of a subject leaves its place in a path, a header or a name.",
    needs=WRITTEN,
)
def a_subject_is_data(case: Case) -> None:
    from crossdock.testing.conformance.http_play import http_of

    with case.watched():
        for subject in HOSTILE:
            case.system.reset(case.clock)
            with case.sink() as sink:
                _delivered(sink, dataclasses.replace(_first(case), subject=subject))
            for request in http_of(case).writes if "http" in case.capabilities else ():
                if "x-evil" in request.headers or ".." in request.path.partition("?")[0].split("/"):
                    broken(
                        f"the subject {subject[:40]!r} stepped out of its place in {request.path[:80]!r}; quote "
                        "each part of a path"
                    )


@check(
    "sink.find_tells_the_truth",
    "find() brings the effect that happened, None when the target says none, and else raises.",
    needs=(*WRITTEN, "searchable"),
)
def find_tells_the_truth(case: Case) -> None:
    with case.watched():
        write_back = _first(case)
        with case.sink() as sink:
            assert isinstance(sink, Searchable)
            if _found(sink, write_back) is not None:
                broken(
                    "find() brings a receipt of what never happened; ask the target, and return None when it "
                    "says none"
                )
            _delivered(sink, write_back)
            found = _found(sink, write_back)
            if not isinstance(found, Receipt) or not found.reference:
                broken(
                    f"find() does not find what the target did ({found}); ask for it by the key or the number "
                    "that it knows"
                )
        for fault in case.system.faults("find"):
            case.system.reset(case.clock)
            fault.tell()
            with in_a_hurry(HURRY_S if fault.kind == "silence" else 10.0), case.sink() as sink:
                assert isinstance(sink, Searchable)
                said = _found(sink, write_back)
            if not isinstance(said, CrossdockError):
                what = (
                    "None, as if the target had said that nothing happened" if said is None else "a receipt"
                )
                broken(
                    f"find(), {fault.name}: it brings {what}; raise what the wire raises, so that nothing is "
                    "sent twice"
                )


def _found(sink: Searchable, write_back: WriteBack) -> Any:
    try:
        return sink.find(write_back)
    except CrossdockError as error:
        return error


@check(
    "sink.preview_hides_credentials",
    "preview() shows the request without calling anybody and without the login.",
    needs=(*WRITTEN, "previewing"),
)
def preview_hides_credentials(case: Case) -> None:
    forms = Forms([("canary", CANARY), ("canary", MORE_CANARIES)])
    with case.watched() as watch, case.sink() as sink:
        assert isinstance(sink, Previewing)
        shown = sink.preview(_first(case))
        if watch.opened or case.system.attempts():
            broken("preview() calls the target; build the request and show it")
        if not {"method", "address"} <= set(shown):
            broken(f"preview() shows {sorted(shown)}; show method and address at least")
        if forms.found_in({"text": repr(shown)}) or any(
            "authorization" in str(name).lower() for name in shown.get("headers", {})
        ):
            broken("preview() shows the login; leave out what the wire adds")


@check(
    "sink.changes_what_it_saw",
    "A change goes out on the version that was read, and a newer one is a Conflict.",
    needs=(*WRITTEN, "versioned"),
)
def changes_what_it_saw(case: Case) -> None:
    from crossdock.testing.conformance.http_play import http_of

    if "http" not in case.capabilities:
        not_here("its wire has no versions")
    system = http_of(case)
    with case.watched():
        with case.sink() as sink:
            assert isinstance(sink, Versioned)
            version = sink.version(_first(case))
            if not version:
                broken("version() is empty; bring what If-Match takes, or raise")
            _delivered(sink, dataclasses.replace(_first(case), version=version))
        if not any(version in value for request in system.writes for value in request.headers.values()):
            broken("the version that was read is in no header of the change; send it as If-Match")
        system.reset(case.clock)
        system.lie(system.no(412), writes=True)
        with case.sink() as sink:
            outcome = _delivered(sink, dataclasses.replace(_first(case), version='"conformance"'))
        if not isinstance(outcome, Conflict):
            broken(
                f"412 came to {_name(outcome)}; return Conflict with the version that the target holds now"
            )
