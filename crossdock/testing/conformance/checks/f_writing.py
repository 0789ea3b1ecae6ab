"""A sink: one call is one attempt, and what came of it is said as it was."""

import dataclasses
from datetime import timedelta
from typing import Final

from crossdock.errors import CrossdockError
from crossdock.messages import Conflict, Delivered, Outcome, Retry, Unsure
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.delivering import begun, delivered, first, met, name_of, repeated

WRITTEN: Final = ("sink", "played", "played_sink")
LONGEST_WAIT: Final = timedelta(hours=24)

REMEDY: Final = {
    "Unsure": "it left and nothing proves what came of it: return Unsure",
    "Retry": "the target says that it did nothing and to come later: return Retry with not_before",
    "Reject": "the target says no and will say no again: return Reject with its status",
    "Conflict": "what it was decided on has changed: return Conflict or Reject",
    "Delivered": "a slow answer is an answer: return Delivered with the receipt",
    "Misconfigured": "nobody could deliver with this login: raise Misconfigured",
}


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
                outcome = delivered(sink, write_back)
            if not isinstance(outcome, Delivered):
                broken(
                    f"{write_back.operation}: an honest target came to {name_of(outcome)}: {_why(outcome)}"
                )
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


@check(
    "sink.lies_have_outcomes",
    "Whatever the target does, the outcome says what is known of it, and no more.",
    needs=WRITTEN,
)
def lies_have_outcomes(case: Case) -> str:
    with case.watched() as watch:
        faults = case.system.effect_faults()
        for fault in faults:
            outcome = met(case, watch, fault).outcome
            if name_of(outcome) not in fault.allowed:
                wanted = sorted(fault.allowed)
                broken(
                    f"{fault.name}: it came to {name_of(outcome)}, not {' or '.join(wanted)}; {REMEDY[wanted[-1]]}"
                )
        return f"{len(faults)} ways"


@check(
    "sink.silence_is_unsure",
    "No answer is never called delivered, rejected, or free to be sent again.",
    needs=WRITTEN,
)
def silence_is_unsure(case: Case) -> str:
    with case.watched() as watch:
        faults = [fault for fault in case.system.effect_faults() if fault.hangs]
        for fault in faults or not_here("its played system always answers"):
            outcome = met(case, watch, fault).outcome
            if not isinstance(outcome, Unsure):
                broken(
                    f"{fault.name}: it came to {name_of(outcome)}; {REMEDY['Unsure']}, so that nothing is done "
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
        outcome = delivered(sink, first(case))
        if not isinstance(outcome, Retry) or not outcome.wire:
            broken(
                f"a closed port came to {name_of(outcome)}; WireDown is Retry(wire=True), which the circuit "
                "breaker counts"
            )


@check(
    "sink.at_most_one_effect",
    "Whatever goes wrong, doing what the outcome allows has one effect, and never two.",
    needs=(*WRITTEN, "once"),
)
def at_most_one_effect(case: Case) -> str:
    with case.watched() as watch:
        faults = case.system.effect_faults()
        for fault in faults:
            came = met(case, watch, fault)
            if came.happened > 1:
                broken(
                    f"{fault.name}, then what {name_of(came.outcome)} allows: the target did it {came.happened} "
                    "times; send the same key, or ask before it is sent again"
                )
            if isinstance(came.last, Delivered) and not came.happened:
                broken(
                    f"{fault.name}: it says Delivered and the target did nothing; believe a success only when "
                    "it proves itself"
                )
        return f"{len(faults)} ways"


@check("sink.one_call_is_one_attempt", "One deliver() asks the target for the effect once.", needs=WRITTEN)
def one_call_is_one_attempt(case: Case) -> None:
    with case.watched() as watch:
        for fault in case.system.effect_faults():
            came = met(case, watch, fault)
            if came.attempts > 1:
                broken(
                    f"{fault.name}: one deliver() sent it {came.attempts} times and then said "
                    f"{name_of(came.outcome)}; return the outcome, and the spine sends it again when that is safe"
                )


@check(
    "sink.same_key_on_repeat",
    "A repeat carries the key that the first one had.",
    needs=(*WRITTEN, "repeatable"),
)
def same_key_on_repeat(case: Case) -> None:
    with case.watched():
        with case.sink() as sink:
            write_back = begun(first(case), sink)
        for attempt in (1, 2):
            with case.sink() as sink:
                repeated(case, sink, dataclasses.replace(write_back, attempt=attempt))
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
        with case.sink() as sink:
            write_back = begun(first(case), sink)
            delivered(sink, write_back)
            outcome = repeated(case, sink, dataclasses.replace(write_back, attempt=2))
        if not isinstance(outcome, Delivered | Conflict):
            broken(
                f"the repeat of what was done came to {name_of(outcome)}; it is done: return Delivered with the "
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
                outcome = delivered(sink, first(case))
            if not isinstance(outcome, Retry):
                broken(f"{name}: it came to {name_of(outcome)}; {REMEDY['Retry']}")
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
                came = met(case, watch, fault)
                if came.strayed or isinstance(came.outcome, Delivered):
                    broken(
                        f"{fault.name} was followed to another host with the write and the login; refuse it"
                    )
