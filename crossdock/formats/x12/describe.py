"""A guide as a listing: its loops, segments and elements with use, repeat, type, lengths and codes.

For people: the page that tells a partner what we expect, the inspector, and the differences between a partner's
guide and the standard. ``use`` is M mandatory, X as the notes of the segment say, O optional, - not used.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementUse:
    """One element of a segment, or one component of a composite. ``place`` counts from 1; ``longest`` is ``None``
    without limit; ``codes`` are those that may stand there, empty where any may; ``own`` are the partner's own codes
    with what they mean; ``partner`` is what the partner's guide says otherwise, in sentences."""

    place: int
    reference: str
    name: str
    use: str
    type: str
    shortest: int
    longest: int | None
    repeats: int
    codes: tuple[str, ...] = ()
    own: tuple[tuple[str, str], ...] = ()
    components: "tuple[ElementUse, ...]" = ()
    partner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentUse:
    """One segment at its place. ``path`` is its way through the loops (``PO1/ACK``); ``most`` is ``None`` without
    limit; ``notes`` are the relations of its elements (``P0203``); ``described`` is false where only its name is
    known."""

    id: str
    name: str
    path: str
    use: str
    most: int | None
    described: bool
    elements: tuple[ElementUse, ...] = ()
    notes: tuple[str, ...] = ()
    partner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopUse:
    """One loop at its place: its own first segment, then what follows in it."""

    name: str
    path: str
    use: str
    most: int | None
    items: "tuple[SegmentUse | LoopUse, ...]"
    partner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A whole set of one release."""

    set_id: str
    release: str
    functional_group: str
    name: str
    items: tuple[SegmentUse | LoopUse, ...]

    def walk(self) -> Iterator[tuple[int, SegmentUse | LoopUse]]:
        """Every loop and segment in its order, with its depth from 0."""
        yield from _walk(self.items, 0)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON. A loop has ``items``, a segment has ``elements``."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _walk(items: tuple[SegmentUse | LoopUse, ...], depth: int) -> Iterator[tuple[int, SegmentUse | LoopUse]]:
    for item in items:
        yield depth, item
        if isinstance(item, LoopUse):
            yield from _walk(item.items, depth + 1)


def _plain(value: Any) -> Any:
    if isinstance(value, Listing | LoopUse | SegmentUse | ElementUse):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
