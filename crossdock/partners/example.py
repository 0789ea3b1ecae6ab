"""An example interchange for a partner: what it may send us first, in its ids, and right by its guide.

Taken from the samples of the set's mapping, which are whole documents that we map; where none of them is what the
partner's overlay asks for, made from the guide itself: each mandatory segment and element, with values that only fit.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from canonical import crosswalks
from crossdock.errors import Unacceptable
from crossdock.formats import x12
from crossdock.formats.x12.describe import ElementUse, LoopUse, SegmentUse
from crossdock.formats.x12.write import Element, OutgoingGroup, OutgoingSet, Party, write_interchange
from crossdock.packages import package_folder
from crossdock.partners.agreed import guide_of
from crossdock.partners.partner import Partner

if TYPE_CHECKING:
    from crossdock.formats.x12.guides import Guide

DATED: Final = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
"""An example is of this day, whenever it is made."""

TEST: Final = "T"

_USUAL_CODES: Final = {
    "353": "00",
    "235": "VP",
    "355": "EA",
    "66": "92",
    "98": "ST",
    "128": "PO",
    "374": "002",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One interchange with one set. ``made``: from the guide alone, not from a document."""

    set_id: str
    release: str
    body: bytes
    made: bool


def example(partner: Partner, set_id: str, release: str) -> Example | None:
    """An interchange of the partner with this set that passes our check; ``None`` where none can be made."""
    guide = guide_of(partner, set_id, release)
    if guide is None:
        return None
    for segments, made in _candidates(guide):
        try:
            body = _interchange(partner, guide, segments)
        except Unacceptable:  # a sample holds what delimits here
            continue
        if _passes(body, guide):
            return Example(set_id=set_id, release=guide.release, body=body, made=made)
    return None


def _candidates(guide: "Guide") -> Iterator[tuple[Sequence[Sequence[Element]], bool]]:
    folder = package_folder("mappings") / "inbound" / f"x12_{guide.set_id}" / "samples"
    for path in sorted(folder.glob("*.edi"), key=lambda path: (not path.name.startswith("clean"), path.name)):
        if path.name.startswith("hostile_"):
            continue
        for item in x12.read(io.BytesIO(path.read_bytes())):
            if (
                isinstance(item, x12.TransactionSet)
                and item.set_id == guide.set_id
                and item.version[:6] == guide.release
                and item.valid
            ):
                component = item.interchange.delimiters.component
                yield [_split(segment, component) for segment in item.segments[1:-1]], False
    yield list(_skeleton(guide)), True


def _split(segment: Sequence[str], component: str) -> list[Element]:
    """A segment whose composites are apart, so that it can be written with other delimiters."""
    return [element.split(component) if component in element else element for element in segment]


def _interchange(partner: Partner, guide: "Guide", segments: Sequence[Sequence[Element]]) -> bytes:
    qualifier, identity = partner.ids[0]
    delimiters = x12.Delimiters(
        element=partner.element,
        component=partner.component,
        segment=partner.segment,
        repetition="" if partner.repetition == "U" else partner.repetition,
    )
    body = write_interchange(
        sender=Party(qualifier=qualifier, id=identity),
        receiver=Party(qualifier=partner.ours[0], id=partner.ours[1]),
        control_number=int(guide.set_id)
        if guide.set_id.isdigit()
        else 1,  # no two examples are the same interchange
        at=DATED,
        usage=TEST,
        release=guide.release[:5],
        delimiters=delimiters,
        groups=[
            OutgoingGroup(
                functional_id=guide.functional_group,
                sender=partner.group_id,
                receiver=partner.group_id_of_ours,
                control_number="1",
                version=guide.release,
                sets=[OutgoingSet(set_id=guide.set_id, control_number="0001", segments=segments)],
            )
        ],
    )
    end = partner.segment.encode()
    return body.replace(end, end + b"\n") if partner.segment.isprintable() else body


def _passes(body: bytes, guide: "Guide") -> bool:
    """Whether it reads without a finding and obeys the partner's guide."""
    items = list(x12.read(io.BytesIO(body)))
    if any(finding.severity is not x12.Severity.INFO for finding in x12.findings_of(items)):
        return False
    sets = [item for item in items if isinstance(item, x12.TransactionSet)]
    return len(sets) == 1 and not guide.check(sets[0])


# -- from the guide alone -------------------------------------------------------------------------------------


def _skeleton(guide: "Guide") -> Iterator[list[Element]]:
    def mandatory(items: Sequence[SegmentUse | LoopUse]) -> Iterator[SegmentUse]:
        for item in items:
            if item.use != "M":
                continue
            if isinstance(item, LoopUse):
                yield from mandatory(item.items)
            else:
                yield item

    for use in mandatory(guide.describe().items):
        yield _segment(guide, use)


def _segment(guide: "Guide", use: SegmentUse) -> list[Element]:
    elements: list[Element] = [use.id, *(_value(one) if one.use == "M" else "" for one in use.elements)]
    known = guide.segment(use.id)
    for note in known.notes if known is not None else ():
        for place, code in note.broken([bool(element) for element in elements]):
            if code == "2":
                elements[place] = _value(use.elements[place - 1])
    return elements


def _value(use: ElementUse) -> Element:
    """Something that may stand there."""
    if use.components:
        return [_plain(one) if one.use == "M" or one.place == 1 else "" for one in use.components]
    return _plain(use)


def _plain(use: ElementUse) -> str:
    longest = use.longest or 80
    if use.codes:
        return use.codes[0]
    if use.own:
        return use.own[0][0]
    match use.type:
        case "DT":
            return f"{DATED:%Y%m%d}"[-min(longest, 8) :]
        case "TM":
            return f"{DATED:%H%M}"
        case "ID":
            return _code(use, longest)
        case "AN" | "B":
            return "EXAMPLE"[:longest].ljust(use.shortest, "0")
    return "1".ljust(use.shortest, "0")


def _code(use: ElementUse, longest: int) -> str:
    known = crosswalks.lists().get(f"x12-{use.reference}")
    codes = [_USUAL_CODES.get(use.reference, ""), *(known.rows if known else ()), "ZZZZZZ"[:longest]]
    return next((code for code in codes if use.shortest <= len(code) <= longest), "Z" * max(1, use.shortest))
