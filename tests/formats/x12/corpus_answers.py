"""The real files of the corpus beside pyx12: what both readers read, and every answer that we would write to them.

Each interchange is answered in four ways, as a 997 and as a 999: all accepted, all refused with what its guide says,
every second set refused, and refused as one that came before. Whether the sender deserves it does not matter here:
each answer must be written, read back by pyx12 without a complaint, and obey our own guide.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from crossdock.formats import x12
from crossdock.formats.x12 import acknowledge as ack
from crossdock.formats.x12 import guides
from crossdock.formats.x12.second_reader import differences, first_reading, second_reading
from crossdock.normalize.acknowledge import Answer, wanted
from crossdock.normalize.values import AcknowledgementWanted
from crossdock.partners import Partner
from tests.formats.x12.corpus_table import Judged, judge

LOST_OR_LEFT_TO_US: Final = frozenset(
    {
        x12.Code.UNTERMINATED_SEGMENT,  # pyx12 drops the last segment
        x12.Code.EMPTY_SEGMENT,  # pyx12 stops reading
        x12.Code.ISA_LENGTH,  # pyx12 takes delimiters by their place
        x12.Code.ISA_DELIMITER,
        x12.Code.STRAY_SEGMENT,  # pyx12 yields them as if they stood in a set; we tell them as findings
        x12.Code.INTERCHANGE_SERVICE,
    }
)
"""What a file may have for which the readers are known to differ."""

BOM: Final = b"\xef\xbb\xbf"

WAYS: Final = ("accepted", "refused", "partial", "twice")
KINDS: Final = ("997", "999")

_AT: Final = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


# -- both readers -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Beside:
    """What came of reading some files with both readers. ``alike`` have the same segments, ``marked`` of them only
    without the byte order mark at which pyx12 stops. ``lost`` counts why pyx12 does not read a file whole, by what we
    find in it or by the name of what pyx12 raises; ``differ`` are files that it reads whole and otherwise than we."""

    files: int = 0
    alike: int = 0
    marked: int = 0
    segments: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    differ: list[str] = field(default_factory=list)


def beside(judged: Sequence[Judged]) -> Beside:
    """Read each file with both readers and compare their segments."""
    found = Beside(files=len(judged))
    for one in judged:
        body = one.body.removeprefix(BOM)
        try:
            theirs, _ = second_reading(body)
        except Exception as error:  # pyx12 raises what it likes: for a release, a byte that is not UTF-8
            found.lost[f"pyx12 raises {type(error).__name__}"] += 1
            continue
        component = theirs[0][16]
        ours = [_as_pyx12_says_it(segment, component) for segment in first_reading(body)]
        if ours == [_as_pyx12_says_it(segment, component) for segment in theirs]:
            found.alike += 1
            found.marked += body is not one.body
            found.segments += len(ours)
        elif reasons := {finding.code for finding in one.findings} & LOST_OR_LEFT_TO_US:
            found.lost[min(reasons)] += 1
        else:
            found.differ.append(one.path.name)
    return found


def _as_pyx12_says_it(segment: x12.Segment, component: str) -> x12.Segment:
    """Without tabs before it and without empty components at the end of an element, which pyx12 drops."""
    name, *elements = segment
    if name == "ISA":
        return segment
    said = [name.lstrip(), *(element.rstrip(component) for element in elements)]
    while len(said) > 1 and not said[-1]:
        said.pop()
    return said


# -- answers ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Answers:
    """What came of answering some files: answers by kind and way, the sets in them, and what is wrong with any."""

    interchanges: int = 0
    unanswered: int = 0
    written: Counter[tuple[str, str]] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Asked:
    """One interchange of a file, with what it holds."""

    opened: x12.Interchange
    number: int
    ends: list[x12.GroupEnd] = field(default_factory=list)
    sets: list[x12.TransactionSet] = field(default_factory=list)
    service: bool = False


def answers(judged: Sequence[Judged]) -> Answers:
    """Answer every interchange of these files in all ways, and read each answer back."""
    found = Answers()
    for one in judged:
        for asked in _interchanges(one.items):
            found.interchanges += 1
            if not _answer(asked, "997", "accepted"):
                found.unanswered += 1
                continue
            for kind in KINDS:
                for way in WAYS:
                    _count(found, one.path, asked, kind, way)
    return found


def _count(found: Answers, path: Path, asked: _Asked, kind: str, way: str) -> None:
    answer = _answer(asked, kind, way)
    if answer is None:
        found.wrong.append(f"{path.name}: no answer {kind} {way}")
        return
    body = answer.write(interchange_number=1, group_number=1, first_set_number=1, now=_AT).body
    found.written[kind, way] += 1
    complaints = [*differences(body), *_against_our_guide(body, found.verdicts)]
    found.wrong += [f"{path.name}: {kind} {way}: {complaint}" for complaint in complaints]


def _interchanges(items: Sequence[x12.Item]) -> Iterator[_Asked]:
    asked: _Asked | None = None
    count = 0
    for item in items:
        match item:
            case x12.Interchange():
                asked = _Asked(opened=item, number=count)
                count += 1
            case x12.TransactionSet() if asked is not None:
                asked.sets.append(item)
            case x12.Acknowledgement() if asked is not None:
                asked.service = True
            case x12.GroupEnd() if asked is not None:
                asked.ends.append(item)
            case x12.InterchangeEnd() if asked is not None:
                yield asked
                asked = None


def _answer(asked: _Asked, kind: str, way: str) -> AcknowledgementWanted | None:
    """The answer to an interchange as if it had been judged this way."""
    opened = asked.opened
    partner = Partner(
        name="corpus",
        title="Corpus",
        ids=(("ZZ", "PARTNER"),),  # where the interchange's own cannot be written back
        ours=("ZZ", "CROSSDOCK"),
        acknowledge=kind,
        acknowledge_target="supplier_edi",
        ta1="always",
        release="005010" if kind == "999" else "004010",
        usage=opened.usage if opened.usage in ("P", "T") else "P",
        sets=guides.set_ids(),
    )
    bad = [x12.Finding(code=x12.Code.IEA_COUNT, message="", offset=opened.offset)]
    ends = asked.ends if way == "refused" else [replace(end, findings=()) for end in asked.ends]
    return wanted(
        opened,
        ends,
        bad if way == "refused" else (),
        _verdicts(asked.sets, way),
        {id(end.group): [one for one in asked.sets if one.group is end.group] for end in ends},
        partner=partner,
        number=asked.number,
        acknowledges=asked.service,
        refused_as_twice=way == "twice",
    )


def _verdicts(sets: Sequence[x12.TransactionSet], way: str) -> Answer:
    answer = Answer()
    for number, entry in enumerate(sets):
        problems = guides.check(entry)
        refused = way == "refused" or (way == "partial" and number % 2 == 1)
        answer.verdicts[id(entry)] = ack.SetVerdict(
            of=entry,
            accepted=not refused,
            problems=() if way == "accepted" else problems,
            codes=[ack.NOT_SUPPORTED] if refused and not problems else [],
        )
    return answer


def _against_our_guide(body: bytes, verdicts: Counter[str]) -> Iterator[str]:
    """What our own reader and guides say of an answer; counts its verdicts by segment."""
    for item in x12.read(body):
        if isinstance(item, x12.TransactionSet):
            yield from (guides.say(problem, item.version) for problem in guides.check(item))
            for segment in item.segments:
                if segment[0] in ("AK5", "IK5", "AK9"):
                    verdicts[f"{segment[0]} {segment[1]}"] += 1
        elif isinstance(item, x12.Acknowledgement):
            yield from (f"TA1: {problem}" for problem in guides.check_service(item.segment))
            verdicts[f"TA1 {item.status}"] += 1


# -- a folder -------------------------------------------------------------------------------------------------------


@cache
def of_folder(folder: Path) -> tuple[Beside, Answers]:
    """Both of it for all files of a folder, once: it takes some seconds."""
    judged = [judge(path) for path in sorted(folder.rglob("*.edi"))]
    return beside(judged), answers(judged)
