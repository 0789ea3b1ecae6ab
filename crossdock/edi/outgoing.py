"""Documents of ours: a draft becomes an interchange in the partner's form, is read back, and is compared with it.

Pure: control numbers and the time are given. What is written is read by our own reader, checked against the guide
with the partner's overlay, read by pyx12, and mapped by the inbound mapping of its own kind; only what all four agree
on leaves. Segments and places: X12 control structures ISA, GS, ST; the sets are the mappings' affair.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import orjson

from canonical.events import Fact, Origin
from crossdock.decide.operations import TO_PARTNER
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.formats import x12
from crossdock.formats.x12 import guides
from crossdock.formats.x12.compose import Composer, Replaced
from crossdock.formats.x12.second_reader import differences
from crossdock.formats.x12.write import OutgoingGroup, OutgoingSet, Party, number_after, write_interchange
from crossdock.mapping import Aside, Body, Draft, Later, OutboundMapping
from crossdock.messages import Action
from crossdock.normalize.acknowledge import delimiters_for
from crossdock.normalize.part import rfc3339, sealed
from crossdock.partners import MappingContext, Partner
from crossdock.partners.agreed import guide_of
from crossdock.registry import Registry

if TYPE_CHECKING:
    from crossdock.formats.x12.guides import Guide

MEDIA_TYPE: Final = "application/edi-x12"

PARTNER: Final = "partner"
REPLACED: Final = "replaced"
"""Headers of a write-back that holds a document: for whom it is, and which characters could not be written."""

_MOST_REPLACED: Final = 20


class Disagreement(CrossdockError):
    """What was written reads differently from what was meant: it does not leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The control numbers of one interchange with one set."""

    interchange: int
    group: int
    set: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A document as it leaves: its interchange, the set as it is read back, and what was replaced in it."""

    body: Body
    entry: x12.TransactionSet
    replaced: Sequence[Replaced]


# -- to whom ----------------------------------------------------------------------------------------------------


def partner_of(
    mapping: OutboundMapping,
    event: Mapping[str, Any],
    arguments: Mapping[str, Any],
    partners: Mapping[str, Partner],
    facts: Sequence[tuple[Mapping[str, Any], str | None]],
) -> Partner:
    """Whom a document is for: whom the action names; else whose document it answers, the newest first; else who sent
    what the event came from, or gave its number. ``facts``: each with its partner's name.

    Raises ``Misconfigured`` when that is nobody, or nothing of the kind is agreed with them.
    """
    set_id = mapping.document.removeprefix("x12/")
    partner = _found(mapping, event, arguments, partners, facts)
    if partner is None:
        raise Misconfigured(
            f"nobody is known to whom a {set_id} about {event['subject']} could be written: no document of a trading "
            "partner about it is here; say partner = 'NAME' in the action",
        )
    if not partner.may_receive(set_id):
        raise Misconfigured(
            f"the profile of {partner.name!r} does not say that we send it a {set_id}; add {set_id} to its [send] "
            "sets"
        )
    return partner


def _found(
    mapping: OutboundMapping,
    event: Mapping[str, Any],
    arguments: Mapping[str, Any],
    partners: Mapping[str, Partner],
    facts: Sequence[tuple[Mapping[str, Any], str | None]],
) -> Partner | None:
    if named := arguments.get("partner"):
        if named not in partners:
            raise Misconfigured(f"the action names the partner {named!r}, and no profile has this name")
        return partners[named]
    names = [name for fact, name in reversed(facts) if fact["data"]["kind"] in mapping.answers and name]
    data = event["data"]
    names.append(str(data.get("ext", {}).get("partner", "")))
    names += [str(ref.get("issuer", "")) for ref in data["refs"]]
    return next((partners[name] for name in names if name in partners), None)


def target_of(action: Action, partner: Partner, registry: Registry) -> str:
    """The connector that takes the document there. Raises ``Misconfigured`` when it cannot."""
    target = action.target
    if target == TO_PARTNER:
        target = partner.acknowledge_target
        if not target:
            raise Misconfigured(
                f"the profile of {partner.name!r} names no connector that sends to it; give it acknowledge_target, "
                f"or name the connector in the action: 'NAME:{action.operation}'"
            )
    sink = registry.manifest(target).sink
    if sink is None or action.operation not in sink.operations:
        raise Misconfigured(
            f"connector {target!r} has no operation {action.operation!r}; add it to [sink] operations of its "
            "connector.toml, or name another connector in the action"
        )
    return target


# -- what is meant ----------------------------------------------------------------------------------------------


def content_of(draft: Draft, partner: Partner) -> str:
    """What a draft means, as a hash: the same intent gives the same, on another day and with other numbers too."""
    meant = [partner.name, draft.set_id, draft.subject, _plain(draft.segments)]
    return sha256(orjson.dumps(meant, default=str)).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case Aside():
            return "*"
        case Enum():
            return value.name
        case Mapping():
            return {str(key): _plain(one) for key, one in sorted(value.items())}
        case list() | tuple():
            return [_plain(one) for one in value]
    return value if value is None or isinstance(value, str | int) else str(value)


def _said(value: Any, at: datetime, number: str) -> Any:
    """A value of a draft with what is only known now."""
    match value:
        case Later.TODAY:
            return at.date()
        case Later.NUMBER:
            return number
        case Aside():
            return value.value
        case Mapping():
            return {key: _said(one, at, number) for key, one in value.items()}
        case list() | tuple():
            return [_said(one, at, number) for one in value]
    return value


def _described(segments: Sequence[Any], at: datetime, number: str) -> Iterator[Any]:
    for name, elements, *inside in segments:
        yield (name, _said(elements, at, number), *(list(_described(one, at, number)) for one in inside))


# -- writing ----------------------------------------------------------------------------------------------------


def write(draft: Draft, partner: Partner, numbers: Numbers, now: datetime) -> Written:
    """The interchange of a draft. Raises ``Unacceptable`` where the guide, the partner's overlay or its delimiters
    forbid what it says, ``Disagreement`` where what was written reads differently."""
    release = partner.release_for(draft.set_id)
    guide = guide_of(partner, draft.set_id, release)
    if guide is None:
        raise Misconfigured(f"there is no guide for {draft.set_id}; it cannot be written to {partner.name!r}")
    at = now.astimezone(ZoneInfo(partner.timezone))
    delimiters = delimiters_for(partner, release)
    composer = Composer(
        guide,
        delimiters=delimiters,
        unwritable="refuse" if partner.unwritable == "refuse" else "replace",
        replacement=" " if partner.unwritable == "refuse" else partner.unwritable,
    )
    composer.build(_described(draft.segments, at, f"{numbers.interchange:09}"))
    segments = composer.finish()
    set_number = f"{numbers.set:04}"
    body = write_interchange(
        sender=Party(qualifier=partner.ours[0], id=partner.ours[1]),
        receiver=Party(qualifier=partner.ids[0][0], id=partner.ids[0][1]),
        control_number=numbers.interchange,
        at=at,
        usage=partner.usage,
        release=release[:5],
        delimiters=delimiters,
        groups=[
            OutgoingGroup(
                functional_id=guide.functional_group,
                sender=partner.group_id_of_ours,
                receiver=partner.group_id,
                control_number=str(numbers.group),
                version=release,
                sets=[OutgoingSet(set_id=draft.set_id, control_number=set_number, segments=segments)],
            )
        ],
    )
    entry = _read_back(body, guide, segments, delimiters, f"{draft.set_id} about {draft.subject}")
    headers = {
        "filename": f"{draft.set_id}_{partner.name}_{numbers.interchange:09}.edi",
        PARTNER: partner.name,
    }
    if composer.replaced:
        headers[REPLACED] = "; ".join(
            f"{one.segment_id}{one.element:02} {one.before!r} as {one.after!r}"
            for one in composer.replaced[:_MOST_REPLACED]
        )
    return Written(
        body=Body(body=body, media_type=MEDIA_TYPE, subject=draft.subject, headers=headers),
        entry=entry,
        replaced=composer.replaced,
    )


def _read_back(
    body: bytes,
    guide: "Guide",
    meant: Sequence[Sequence[Any]],
    delimiters: x12.Delimiters,
    what: str,
) -> x12.TransactionSet:
    """The one set of an interchange that we wrote, when it says what was meant."""
    found = differences(body)
    if found:
        raise Disagreement(f"the {what} reads differently from what was written: {found[0]}")
    sets = [item for item in x12.read(body) if isinstance(item, x12.TransactionSet)]
    if len(sets) != 1:
        raise Disagreement(f"the {what} was written as one set and is read as {len(sets)}")
    (entry,) = sets
    wanted = [_flat(segment, delimiters) for segment in meant]
    for position, (mine, there) in enumerate(zip(wanted, entry.segments[1:-1], strict=False), 2):
        if mine != _trimmed(there):
            raise Disagreement(f"the {what}: segment {position} was meant as {mine} and reads {there}")
    if len(wanted) != len(entry.segments) - 2:
        raise Disagreement(
            f"the {what}: {len(wanted)} segments were meant, {len(entry.segments) - 2} are read"
        )
    problems = [one for one in guide.check(entry) if not one.note]
    if problems:
        raise Disagreement(f"the {what} breaks the guide: {guides.say(problems[0], guide.release)}")
    return entry


def _flat(segment: Sequence[Any], delimiters: x12.Delimiters) -> list[str]:
    flat = []
    for element in segment:
        parts = [element] if isinstance(element, str) else list(element)
        while parts and not parts[-1]:
            parts.pop()
        flat.append(delimiters.component.join(parts))
    return _trimmed(flat)


def _trimmed(segment: Sequence[str]) -> list[str]:
    end = len(segment)
    while end > 1 and not segment[end - 1]:
        end -= 1
    return list(segment[:end])


# -- what we say becomes a fact ---------------------------------------------------------------------------------


def facts_of(
    written: Written,
    partner: Partner,
    registry: Registry,
    event: Mapping[str, Any],
    *,
    tenant: str,
    source: str,
    now: datetime,
    attributes: Mapping[str, str],
) -> list[dict[str, Any]]:
    """What we state by this document, sealed: its own inbound mapping reads it, in the direction out.

    Its origin is the message that the event came from; ``attributes`` say where our own words are (``write_back``).
    Raises what the mapping raises: what we cannot read ourselves, nobody can.
    """
    mapping = registry.inbound(f"x12/{written.entry.set_id}")
    if mapping is None:
        raise Misconfigured(
            f"no mapping reads the {written.entry.set_id} that we write; what it says would be unknown to us"
        )
    provenance = event["data"]["provenance"]
    origin = Origin(
        tenant=tenant,
        source=source,
        connector_version=provenance["connector_version"],
        mapping=mapping.name,
        mapping_version=mapping.version,
        raw_id=provenance["raw_id"],
        raw_sha256=provenance["raw_sha256"],
        received_at=rfc3339(now),
        recorded_at=rfc3339(now),
    )
    context = MappingContext(partner=partner, received_at=now, tenant=tenant, direction="out")
    more = {"direction": "out", "partner": partner.name, **attributes}
    facts = [
        replace(one, attributes={**one.attributes, **more})
        for one in mapping.map(written.entry, context)
        if isinstance(one, Fact)  # what we say ourselves is no trouble to us
    ]
    return list(sealed(facts, origin, part=f"write-back:{attributes['write_back']}"))


# -- the same again, under new numbers ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many groups and sets an interchange has, which all have numbers of their own."""

    groups: int
    sets: int


def counted(body: bytes) -> Counted:
    """The groups and sets of an interchange of ours."""
    items = list(x12.read(body))
    return Counted(
        groups=sum(isinstance(item, x12.Group) for item in items),
        sets=sum(isinstance(item, x12.TransactionSet) for item in items),
    )


def interchange_number(body: bytes) -> str:
    """ISA13 of an interchange of ours."""
    return _opened(body).control_number


def receiver_of(body: bytes) -> tuple[str, str]:
    """ISA07 and ISA08: to whom an interchange of ours is addressed."""
    opened = _opened(body)
    return opened.receiver_qualifier, opened.receiver


def _opened(body: bytes) -> x12.Interchange:
    found = next((item for item in x12.read(body) if isinstance(item, x12.Interchange)), None)
    if found is None:
        raise Disagreement("it holds no interchange that we can read")
    return found


def renumbered(body: bytes, *, interchange: int, group: int, first_set: int) -> bytes:
    """An interchange of ours with other control numbers (ISA13, GS06, ST02 and what repeats them), and nothing else
    changed. Raises ``Disagreement`` when it reads differently from that."""
    delimiters = _opened(body).delimiters
    pieces = body.decode("utf-8").split(delimiters.segment)
    groups = sets = -1
    for at, piece in enumerate(pieces):
        elements = piece.split(delimiters.element)
        name = elements[0].strip()
        groups += name == "GS"
        sets += name == "ST"
        group_number, set_number = str(number_after(group, groups)), f"{number_after(first_set, sets):04}"
        new = {
            "ISA": (13, f"{interchange:09}"), "IEA": (2, f"{interchange:09}"), "GS": (6, group_number),
            "GE": (2, group_number), "ST": (2, set_number), "SE": (2, set_number),
        }.get(name)  # fmt: skip
        if new is not None:
            elements[new[0]] = new[1]
            pieces[at] = delimiters.element.join(elements)
    again = delimiters.segment.join(pieces).encode("utf-8")
    found = differences(again)
    if found or counted(again) != counted(body):
        raise Disagreement(
            f"the interchange reads differently under new numbers: {found[0] if found else 'a set is missing'}"
        )
    return again


# -- from what an element came ----------------------------------------------------------------------------------


def field_of(mapping: OutboundMapping, entry: x12.TransactionSet, position: int, element: int) -> str:
    """The field that produced an element of a document of ours, for an AK3 and AK4 that complain of it; empty when
    nobody said. ``position`` counts segments from 1 at the ST.

    ``lines/2/ordered`` is of the third line: a field of the mapping that begins with ``lines/*`` is counted.
    """
    guide = guides.guide(entry.set_id, entry.version)
    if guide is None or not 1 <= position <= len(entry.segments):
        return ""
    name, line = _path_of(guide.tree(entry), position, "", -1)
    said = mapping.fields.get(f"{name}{element:02}") or mapping.fields.get(name, "")
    return said.replace("*", str(line)) if said else ""


def _path_of(loop: Any, position: int, path: str, line: int) -> tuple[str, int]:
    for at, segment in loop.segments:
        if at == position:
            own = at == loop.position and bool(path)
            return (path if own else f"{path}/{segment[0]}".lstrip("/")), line
    counted: dict[str, int] = {}
    for inner in loop.loops:
        number = counted.get(inner.name, 0)
        counted[inner.name] = number + 1
        inside = f"{path}/{inner.name}".lstrip("/")
        found = _path_of(inner, position, inside, number if not path else line)
        if found[0]:
            return found
    return "", line
