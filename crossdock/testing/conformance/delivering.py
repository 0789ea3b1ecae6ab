"""Writing to a played system as the hub does: one attempt, and then what its outcome allows."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from crossdock.errors import CrossdockError
from crossdock.messages import Delivered, Outcome, Retry, Unsure, WriteBack
from crossdock.ports import Searchable, Sink, Versioned
from crossdock.testing.conformance.check import broken
from crossdock.testing.conformance.play import EffectFault
from crossdock.wires.patience import in_a_hurry

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case
    from crossdock.testing.conformance.watch import Watch

HURRY_S: Final = 0.4
LONGEST_S: Final = 10.0
AGAIN: Final = (2, 3)
"""The attempts after the first that a fault is given, where its outcome allows them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What came of a write that met a fault. ``attempts``: how often the effect was asked for in that one call;
    ``strayed``: another host was opened; ``last`` and ``happened``: the outcome and the effects at the end, when what
    the outcomes allowed was done."""

    outcome: Outcome | CrossdockError
    attempts: int
    strayed: bool
    last: Outcome | CrossdockError
    happened: int


def first(case: "Case") -> WriteBack:
    """The first write-back of the connector. Fails when there is none."""
    made = case.system.write_backs()
    if not made:
        broken(
            "the kit has nothing to write: add [[write_back]] with operation, subject and body to "
            "conformance.toml"
        )
    return made[0]


def begun(write_back: WriteBack, sink: Sink) -> WriteBack:
    """As the spine makes the first attempt: with the version that the target holds then."""
    if not isinstance(sink, Versioned):
        return write_back
    return dataclasses.replace(write_back, version=sink.version(write_back))


def delivered(sink: Sink, write_back: WriteBack) -> Outcome | CrossdockError:
    """What came of it. Errors that are none of ours go through: the run tells them."""
    try:
        return sink.deliver(write_back)
    except CrossdockError as error:
        return error


def repeated(case: "Case", sink: Sink, write_back: WriteBack) -> Outcome | CrossdockError:
    """The same once more, as the spine makes it: a target that is asked before a repeat is asked."""
    assert case.manifest.sink is not None
    if case.manifest.sink.idempotency == "readback" and isinstance(sink, Searchable):
        receipt = sink.find(write_back)
        if receipt is not None:
            return Delivered(receipt=receipt, duplicate=True)
    return delivered(sink, write_back)


def name_of(outcome: Outcome | CrossdockError) -> str:
    """The outcome in a word."""
    return type(outcome).__name__


def met(case: "Case", watch: "Watch", fault: EffectFault) -> Met:
    """The first write-back meets this fault. Several checks look at the same one: it is made once."""
    known: dict[str, Met] = case.kept.setdefault("met", {})
    if fault.name not in known:
        known[fault.name] = _met(case, watch, fault)
    return known[fault.name]


def _met(case: "Case", watch: "Watch", fault: EffectFault) -> Met:
    elsewhere: Sequence[object] = getattr(getattr(case.system, "elsewhere", None), "requests", ())
    case.system.reset(case.clock)
    fault.tell()
    with in_a_hurry(HURRY_S if fault.hangs else LONGEST_S), case.sink() as sink:
        write_back = begun(first(case), sink)
        outcome = last = delivered(sink, write_back)
    attempts, strayed = case.system.attempts(), bool(elsewhere or watch.opened_elsewhere)
    case.system.heal()
    for attempt in AGAIN if "once" in case.capabilities else ():
        again = dataclasses.replace(write_back, attempt=attempt)
        with case.sink() as sink:
            if not _may_repeat(case, sink, last, again):
                break
            last = delivered(sink, again)
    happened = sum(case.system.effects.counted().values())
    return Met(outcome=outcome, attempts=attempts, strayed=strayed, last=last, happened=happened)


def _may_repeat(case: "Case", sink: Sink, outcome: Outcome | CrossdockError, write_back: WriteBack) -> bool:
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
