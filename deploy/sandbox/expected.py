"""What must be on record at the partners when the morning is over: the oracle of the demonstration.

Written by hand from the papers, not computed by the hub. ``missing`` compares it with the ERP's, the carrier's
and the supplier's own records and says, in sentences, what is not as it must be. No sentence: all is well.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from deploy.sandbox import documents
from deploy.sandbox.records import GroupAnswer, Records, SetAnswer, addressed, read_acknowledgements


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Effect:
    """One effect on an order of the ERP. ``line`` and ``day`` are said by date changes only."""

    operation: str
    kind: str
    order: str
    line: str = ""
    day: str = ""

    def __str__(self) -> str:
        more = f" line {self.line} to {self.day}" if self.day else ""
        return f"{self.operation} on {self.kind}/{self.order}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A paper, or a part of one, that the hub must keep for a person: by the words of its label and remedy."""

    paper: str
    why: str


def effects(at: datetime) -> list[Effect]:
    """Each of these exactly once, and no other."""

    def promised(days: int) -> str:
        day: date = (at + timedelta(days=days)).date()
        return day.isoformat()

    purchase, sale, freight = "purchase-orders", "sales-orders", "shipments"
    return [
        # 40 of 60 valves backordered, with a date
        Effect(operation="notes", kind=purchase, order="4500120002"),
        Effect(operation="date-changes", kind=purchase, order="4500120002", line="2", day=promised(20)),
        # the gauges will not come
        Effect(operation="notes", kind=purchase, order="4500120003"),
        # the good set behind the broken one
        Effect(operation="notes", kind=purchase, order="4500120006"),
        Effect(operation="date-changes", kind=purchase, order="4500120006", line="1", day=promised(13)),
        # the storm near Joliet by 214, the tractor at Gary by SOAP
        Effect(operation="notes", kind=freight, order="SHP-70031"),
        Effect(operation="notes", kind=freight, order="SHP-70040"),
        # the ERP's own holds: credit control is told, export is blocked
        Effect(operation="notes", kind=sale, order="SO-7001"),
        Effect(operation="holds", kind=sale, order="SO-7002"),
    ]


def _accepted(receiver: str, function: str, control: str, name: str) -> GroupAnswer:
    one = SetAnswer(name=name, control="0001", word="A", codes=())
    return GroupAnswer(
        receiver=receiver,
        function=function,
        control=control,
        word="A",
        included=1,
        received=1,
        accepted=1,
        sets=(one,),
    )


ACKNOWLEDGEMENTS: Final = (
    _accepted("ACMESUPPLY", "PR", "4101", "855"),
    _accepted("ACMESUPPLY", "PR", "4102", "855"),  # once, although the file came twice
    _accepted("ACMESUPPLY", "PR", "4103", "855"),
    GroupAnswer(
        receiver="ACMESUPPLY",
        function="PR",
        control="4104",
        word="P",
        included=3,
        received=3,
        accepted=2,
        sets=(
            SetAnswer(name="855", control="0001", word="A", codes=()),
            SetAnswer(name="855", control="0002", word="R", codes=("4",)),  # SE01 is not the count
            SetAnswer(name="855", control="0003", word="A", codes=()),
        ),
    ),
    _accepted("RRFL", "QM", "905", "214"),
)
"""Each of these exactly once, and no other: the stranger is told nothing."""

SET_ASIDE: Final = (
    SetAside(paper="855_88104.edi", why="855 0002: its SE counts three segments more than there are"),
    SetAside(paper="855_nv5501.edi", why="nobody set up a partner ZZ/NORTHVALVE"),
)


def missing(records: Records, at: datetime) -> list[str]:
    """What is not as it must be, one sentence each, at this moment."""
    return [
        *_about_the_erp(records, at),
        *_about_the_supplier(records, at),
        *_about_the_carrier(records, at),
    ]


def _about_the_erp(records: Records, at: datetime) -> Iterator[str]:
    found = Counter(
        Effect(
            operation=effect["operation"],
            kind=effect["kind"],
            order=effect["order"],
            line=str(effect["body"].get("line", "")) if effect["operation"] == "date-changes" else "",
            day=str(effect["body"].get("date", "")) if effect["operation"] == "date-changes" else "",
        )
        for effect in records.effects()
    )
    yield from _difference("the ERP", found, Counter(effects(at)))
    for effect in records.effects():
        for reference in ("exception_id", "decision_id"):
            if not effect["body"].get(reference):
                yield f"the ERP has {effect['id']} without its {reference}"


def _about_the_supplier(records: Records, at: datetime) -> Iterator[str]:
    dropped = Counter({paper.body: 0 for paper in documents.morning(at)})
    dropped.update(paper.body for paper in documents.morning(at))
    names = {paper.body: paper.name for paper in documents.morning(at)}
    archived = Counter(records.archived().values())
    for body in dropped | archived:
        if archived[body] != dropped[body]:
            name = names.get(body, "a strange file")
            yield f"the supplier's archive has {name} {archived[body]} times, not {dropped[body]}"
    for name in records.waiting():
        yield f"the supplier's {name} still waits in /outbound"
    answers: Counter[GroupAnswer] = Counter()
    controls: Counter[tuple[str, str]] = Counter()
    for name, file in records.received().items():
        try:
            answers.update(read_acknowledgements(file))
            controls[addressed(file)] += 1
        except (ValueError, IndexError) as error:
            yield f"the supplier cannot read {name}: {error}"
    yield from _difference("the supplier", answers, Counter(ACKNOWLEDGEMENTS))
    for (receiver, control), times in controls.items():
        if times > 1:
            yield f"{receiver} was sent {times} interchanges with the control number {control}"


def _about_the_carrier(records: Records, at: datetime) -> Iterator[str]:
    told = records.told_by_carrier()
    for update in documents.status_updates(at):
        if update["EventId"] not in told:
            yield f"the carrier has not told {update['EventId']} yet"


Thing = TypeVar("Thing", Effect, GroupAnswer)


def _difference(who: str, found: Counter[Thing], wanted: Counter[Thing]) -> Iterator[str]:
    for thing in found | wanted:
        have, want = found[thing], wanted[thing]
        if have == 0 < want:
            yield f"{who} lacks {_words(thing)}"
        elif have != want:
            yield f"{who} has {_words(thing)} {have} times, not {want}"


def _words(thing: Effect | GroupAnswer) -> str:
    if isinstance(thing, Effect):
        return str(thing)
    sets = ", ".join(" ".join([one.name, one.control, one.word, *one.codes]) for one in thing.sets)
    return f"the 997 to {thing.receiver} for {thing.function} {thing.control}: {thing.word} ({sets})"
