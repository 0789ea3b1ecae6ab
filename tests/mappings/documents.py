"""One transaction set in its interchange, and what its mapping says of it: what the tests of each set share."""

import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import pytest

from canonical.events import ExceptionEvent, Fact, Origin, seal
from canonical.validate import validator
from crossdock.errors import Unreadable
from crossdock.formats.x12 import TransactionSet, read
from crossdock.formats.x12.guides import guide
from crossdock.formats.x12.guides import say as say_problem
from crossdock.partners import MappingContext, Partner, Partners
from mappings import golden

PARTNERS: Final = Partners.load()
ACME: Final = PARTNERS.named("acme_supply")
LAKESIDE: Final = PARTNERS.named("lakeside_retail")
NORTHSTAR: Final = PARTNERS.named("northstar_3pl")
ROADRUNNER: Final = PARTNERS.named("roadrunner")
LENIENT: Final = Partner(
    name="odd", title="Odd Partner", ids=(("ZZ", "ODD"),), ours=("ZZ", "CROSSDOCK"), lenient=True
)

_ORIGIN: Final = Origin(
    tenant="main",
    source="supplier_edi",
    connector_version="1",
    mapping="x12",
    mapping_version="1",
    raw_id="3b0c1c9e-0000-5000-8000-000000000001",
    raw_sha256="0" * 64,
    received_at="2026-11-20T14:02:11Z",
    recorded_at="2026-11-20T14:02:13Z",
)


# ── the set ──────────────────────────────────────────────────────────────────────────────────────────────────


def a_set(
    set_id: str, *body: str, release: str = "004010", sender: tuple[str, str] = ("ZZ", "SENDER")
) -> TransactionSet:
    """The set of these segments as it is read from the bytes of an interchange that holds nothing else.

    ``release`` is GS08: with more than the release (``005010X231A1``) it stands in ST03 too.
    """
    group = group_of(set_id, release[:6])
    qualifier, name = sender
    implementation = f"*{release}" if len(release) > 6 else ""
    text = "~".join(
        [
            f"ISA*00*          *00*          *{qualifier}*{name:<15}*ZZ*CROSSDOCK      "
            f"*261120*1402*{'^' if release >= '005010' else 'U'}*{release[:5]}*000000301*0*P*>",
            f"GS*{group}*{name}*CROSSDOCK*20261120*1402*301*X*{release}",
            f"ST*{set_id}*0001{implementation}",
            *body,
            f"SE*{len(body) + 2}*0001",
            "GE*1*301",
            "IEA*1*000000301~",
        ]
    )
    (only,) = sets_in(text.encode())
    return only


def sets_in(body: bytes) -> list[TransactionSet]:
    """The transaction sets of a file, without its acknowledgements and what is broken."""
    return [item for item in read(body) if isinstance(item, TransactionSet)]


def good_sets(mapping: ModuleType) -> list[TransactionSet]:
    """The sets in the samples of a mapping that are shown as good."""
    return [
        found
        for sample in golden.samples(mapping)
        if not sample.name.startswith("hostile_")
        for found in sets_in(sample.read_bytes())
    ]


def problems(sets: list[TransactionSet], release: str | None = None) -> list[str]:
    """What the guides have against these sets, in words: those of this release, or of each set's own."""
    said = []
    for each in sets:
        found = guide(each.set_id, release or each.version)
        assert found is not None, f"there is no guide for {each.set_id} in {release or each.version}"
        assert found.release == (release or each.version)[:6]
        said += [say_problem(problem) for problem in found.check(each)]
    return said


def group_of(set_id: str, release: str) -> str:
    """GS01 of the group that a set is sent in, by its guide."""
    found = guide(set_id, release)
    assert found is not None, f"there is no guide for {set_id} in {release}"
    return found.functional_group


# ── what is said of it ───────────────────────────────────────────────────────────────────────────────────────


def context(partner: Partner | None, direction: str = "in") -> MappingContext:
    """A document of this partner, or with ``out`` the copy of what we sent to it."""
    return MappingContext(partner=partner, received_at=golden.RECEIVED_AT, tenant="main", direction=direction)


def said_by(
    mapping: ModuleType,
    *body: str,
    partner: Partner | None,
    direction: str = "in",
    release: str = "004010",
) -> list[Any]:
    """What a mapping says of the set of these segments. Each statement is one that can be stored and sent."""
    document = a_set(
        mapping.DOCUMENT.removeprefix("x12/"),
        *body,
        release=release,
        sender=partner.ids[0] if partner is not None else ("ZZ", "SENDER"),
    )
    said = list(mapping.map(document, context(partner, direction)))
    for statement in said:
        sealed(statement)
    return said


def sealed(statement: Fact | ExceptionEvent) -> dict[str, Any]:
    """A statement in its envelope, as its schema wants it."""
    document = seal(statement, _ORIGIN, namespace=uuid.NAMESPACE_URL, part="0", index=0)
    name = "fact" if isinstance(statement, Fact) else "exception-event"
    assert validator(name, "1.0").violations(document) == []
    return document


def facts(said: list[Any]) -> list[Fact]:
    """The facts of what was said."""
    return [each for each in said if isinstance(each, Fact)]


def events(said: list[Any]) -> list[ExceptionEvent]:
    """The exception events of what was said."""
    return [each for each in said if isinstance(each, ExceptionEvent)]


def codes(said: list[Any]) -> list[str]:
    """The codes of the exception events, in their order."""
    return [event.code for event in events(said)]


def set_aside(say: Callable[..., list[Any]], *body: str, **how: Any) -> Unreadable:
    """The error that sets the document of these segments aside: it names its place and its remedy."""
    with pytest.raises(Unreadable) as refused:
        say(*body, **how)
    assert refused.value.place.segment is not None
    assert refused.value.place.segment_id
    assert refused.value.remedy
    return refused.value
