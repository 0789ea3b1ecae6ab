"""Is it working? One answer, and each reason why not, from the numbers that the store gives. Pure."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from crossdock.ports import Manifest
from crossdock.principals import OURSELVES
from crossdock.standing import EVERY, Mode, TargetState

if TYPE_CHECKING:
    from crossdock.targets import Shown

Row = Mapping[str, Any]


class Level(StrEnum):
    """How bad it is. Always shown as a word, never as a colour alone."""

    BROKEN = "broken"  # messages or effects may be late or unaccounted for until somebody acts
    WAITING = "waiting"  # kept safely, and a person has to decide
    FINE = "fine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """What a person should know about, and the page that shows it. ``count`` things of one kind are one concern."""

    level: Level
    sentence: str
    page: str
    count: int = 1


MISSED_READS: Final = 3
"""A source that was due so many times and not read is silent, and silence is never success."""
GRACE: Final = timedelta(minutes=2)


def concerns(
    *,
    ledger: Sequence[Row],
    overview: Row,
    last_runs: Sequence[Row],
    manifests: Mapping[str, Manifest],
    broken: Mapping[str, Any],
    now: datetime,
    approvals: Mapping[str, int] = MappingProxyType({}),
    partial_sagas: int = 0,
    targets: Sequence["Shown"] = (),
    missing: Sequence[Row] = (),
) -> list[Concern]:
    """Everything that is not as it should be, the worst first.

    ``last_runs`` holds the newest finished run of each step and connector; ``approvals`` how many requests of each
    kind wait for a person; ``missing``, what was due, by its calendar or its habit, and did not come.
    """
    failed = {run["connector"] for run in last_runs if run["error"] and run["step"] == "receive"}
    found = [
        *_unbalanced(ledger),
        *(
            Concern(level=Level.BROKEN, sentence=f"{name}: {error}", page="")
            for name, error in sorted(broken.items())
        ),
        *_runs(last_runs),
        *_sources(overview, manifests, now, failed),
        *_missing(missing),
        *_targets(targets),
        *_write_backs(overview),
        *_people(sum(approvals.values()), partial_sagas),
        *_dead_letters(overview, approvals.get("send_again", 0)),
    ]
    return sorted(found, key=lambda concern: list(Level).index(concern.level))


def headline(found: Sequence[Concern], *, empty: bool) -> tuple[Level, str]:
    """The answer in one sentence."""
    broken = sum(concern.count for concern in found if concern.level is Level.BROKEN)
    if broken:
        return Level.BROKEN, f"No: {_count(broken, 'thing is', 'things are')} broken."
    if found:
        waiting = sum(concern.count for concern in found)
        return Level.WAITING, f"Yes, and {_count(waiting, 'thing waits', 'things wait')} for a person."
    if empty:
        return Level.FINE, "Nothing has come in yet."
    return Level.FINE, "Yes. Every message is accounted for, and nothing waits for a person."


def _unbalanced(ledger: Sequence[Row]) -> Iterable[Concern]:
    for row in ledger:
        if row["balance"]:
            yield Concern(
                level=Level.BROKEN,
                sentence=f"the ledger of {row['source']} does not balance: {row['balance']:+d}",
                page="#ledger",
            )
        elif not row["sound"]:
            yield Concern(
                level=Level.BROKEN,
                sentence=f"the ledger of {row['source']} balances and is not sound: {row['missing_parts']} "
                f"parts are missing, {row['unexplained']} have no dead letter that explains them",
                page="#ledger",
            )


def _runs(last_runs: Sequence[Row]) -> Iterable[Concern]:
    for run in last_runs:
        if run["error"]:
            name = run["connector"] or ""
            yield Concern(
                level=Level.BROKEN,
                sentence=f"{run['step']} {name}".strip() + f" failed: {_without(name, run['error'])}",
                page=f"/runs?step={run['step']}" + (f"&connector={name}" if name else ""),
            )


def _sources(
    overview: Row, manifests: Mapping[str, Manifest], now: datetime, failed: Set[str]
) -> Iterable[Concern]:
    seen = {row["source"]: row for row in overview["sources"]}
    for name, row in seen.items():
        if row.get("stopped_at"):
            yield Concern(
                level=Level.BROKEN,
                sentence=f"{name} is stopped: {row['stopped_why']}",
                page=f"/dead-letter-groups?source={name}",
            )
            continue
        if row["error"] and name not in failed:
            yield Concern(
                level=Level.BROKEN,
                sentence=f"{name} could not be read: {_without(name, row['error'])}",
                page="#ledger",
            )
    for name, manifest in sorted(manifests.items()):
        row = seen.get(name, {})
        if manifest.source is None or manifest.source.every_s is None or not row.get("read_at"):
            continue
        due = datetime.fromisoformat(row["read_at"]) + MISSED_READS * timedelta(
            seconds=manifest.source.every_s
        )
        if now > due + GRACE and not row["error"] and not row.get("stopped_at"):
            yield Concern(
                level=Level.BROKEN,
                sentence=f"{name} was last read at {row['read_at']} and is due every "
                f"{manifest.source.every_s} s: is its DAG receive__{name} paused?",
                page="/runs?connector=" + name,
            )


def _missing(missing: Sequence[Row]) -> Iterable[Concern]:
    """What did not come: somebody asks the sender, or looks at our own side of it."""
    for row in missing:
        silent = row["kind"] == "source"
        yield Concern(
            level=Level.WAITING,
            sentence=f"{row['feed']} is read and brings nothing since {row['opens_at']}"
            if silent
            else f"{row['feed']} did not come: it was due at {row['due_at']}",
            page="/expected",
        )


def _targets(targets: Sequence["Shown"]) -> Iterable[Concern]:
    """What holds a target's write-backs back until it ends or a person ends it. A blackout and a quota are as it
    was agreed, and no concern."""
    for target in targets:
        waiting = target.waiting.get("ready", 0)
        behind = f"; {_count(waiting, 'write-back waits', 'write-backs wait')}" if waiting else ""
        if target.standing.state is not TargetState.CLOSED:
            by_a_person = target.standing.state is TargetState.PAUSED and target.standing.by != OURSELVES
            yield Concern(
                level=Level.WAITING if by_a_person else Level.BROKEN,
                sentence=f"nothing leaves for {target.name}: {target.standing.why}{behind}",
                page="/targets",
            )
        if target.standing.mode is not Mode.LIVE:
            yield Concern(
                level=Level.WAITING,
                sentence=f"{target.name} is in {target.standing.mode}: requests are made and kept, and not sent",
                page="/targets",
            )
        for stop in target.stops:
            if stop.target != EVERY:
                yield Concern(level=Level.WAITING, sentence=str(stop), page="/targets")
    # a switch of every target stands at each of them, and is thrown once
    for stop in dict.fromkeys(stop for target in targets for stop in target.stops if stop.target == EVERY):
        yield Concern(level=Level.WAITING, sentence=str(stop), page="/targets")


def _write_backs(overview: Row) -> Iterable[Concern]:
    for row in overview["write_backs"]:
        if row["state"] == "unsure":
            yield Concern(
                level=Level.WAITING,
                sentence=f"{_count(row['count'], 'write-back', 'write-backs')} to {row['target']} left and "
                "no usable answer came: somebody must look whether it happened",
                page=f"/unknown?target={row['target']}",
                count=row["count"],
            )


def _people(approvals: int, partial_sagas: int) -> Iterable[Concern]:
    if approvals:
        yield Concern(
            level=Level.WAITING,
            sentence=f"{_count(approvals, 'write-back waits', 'write-backs wait')} until a person agrees",
            page="/approvals",
            count=approvals,
        )
    if partial_sagas:
        yield Concern(
            level=Level.WAITING,
            sentence=f"of {_count(partial_sagas, 'saga that failed', 'sagas that failed')} something is left: a "
            "person must take it back",
            page="/sagas?state=partial",
            count=partial_sagas,
        )


def _dead_letters(overview: Row, asked_again: int) -> Iterable[Concern]:
    count = sum(row["count"] for row in overview["dead_letters"])
    told = asked_again + sum(row["count"] for row in overview["write_backs"] if row["state"] == "unsure")
    if count:
        yield Concern(
            level=Level.WAITING,
            sentence=f"{_count(count, 'dead letter is', 'dead letters are')} open: "
            "fix the cause and replay, or discard with a reason",
            page="/dead-letters",
            count=max(
                0, count - told
            ),  # an unknown outcome, asked about or not, has a dead letter: one thing waits, not two
        )


def _without(name: str, error: str) -> str:
    """The error without the name of the connector in front, which the sentence has already."""
    for start in (f"connector '{name}': ", f"{name}: "):
        error = error.removeprefix(start)
    return error


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
