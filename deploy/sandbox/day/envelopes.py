"""Files as they lie on the SFTP server: interchanges with groups and sets, in the words of X12 and nobody's code.

A ``Parcel`` is one file. Control numbers are given when all of them are known, in the order in which they leave; so
its content may name numbers of others. What is wrong with it on purpose is said in ``wrong``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deploy.sandbox.day.traders import Trader

Segment = list[str]

GROUPS: Final[Mapping[str, str]] = {
    "180": "AN", "204": "SM", "210": "IM", "214": "QM", "810": "IN", "812": "CD", "820": "RA", "824": "AG",
    "830": "PS", "846": "IB", "850": "PO", "852": "PD", "855": "PR", "856": "SH", "860": "PC", "861": "RC",
    "864": "TX", "865": "CA", "867": "PT", "869": "RS", "870": "RS", "940": "OW", "943": "AR", "944": "RE",
    "945": "SW", "947": "AW", "990": "GF", "997": "FA", "999": "FA",
}  # fmt: skip
"""GS01 of each set."""

OURS: Final = ("ZZ", "CROSSDOCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What separates elements, components, repetitions and segments; ``end`` follows each segment terminator."""

    element: str = "*"
    component: str = ">"
    repetition: str = "^"
    segment: str = "~"
    end: str = "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One transaction set without its ST and SE."""

    set_id: str
    segments: Sequence[Segment]


@dataclass(slots=True, kw_only=True, eq=False)
class Item:
    """One set on its way, with the numbers that it is given once all are known."""

    set_id: str
    content: "Paper | Callable[[], Paper]"
    parcel: "Parcel | None" = None
    group: int = 0
    set_number: str = ""

    @property
    def function(self) -> str:
        return GROUPS[self.set_id]

    @property
    def interchange(self) -> int:
        assert self.parcel is not None, "it is in no parcel yet"
        return self.parcel.number

    def paper(self) -> Paper:
        return self.content if isinstance(self.content, Paper) else self.content()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What is wrong with an envelope on purpose: counts that are off by so much, and other lies."""

    se01: int = 0
    ge01: int = 0
    iea01: int = 0
    usage: str = ""
    cut: bool = False
    """The file ends in the middle, before its SE."""
    skips: int = 0
    """So many interchange numbers before its own were never used."""
    late_number: bool = False
    """It carries the first of the numbers that were skipped and not used since."""
    interchange_of: "Parcel | None" = None
    """It carries the interchange number of that one."""
    group_of: "Parcel | None" = None
    """It carries the group number of that one."""


NOTHING_WRONG: Final = Wrong()


@dataclass(slots=True, kw_only=True, eq=False)
class Parcel:
    """One file: an interchange of a trading partner to us, or (``ours``) a copy of one that we sent.

    ``told``: what we owe its sender: for a group ``A``, ``R`` or ``P``, for the interchange ``TA1 A`` or ``TA1 R``.
    """

    at: datetime
    trader: "Trader"
    story: str
    ours: bool = False
    items: list[Item] = field(default_factory=list)
    asks_ta1: bool = False
    wrong: Wrong = NOTHING_WRONG
    same_as: "Parcel | None" = None
    """The very bytes of that file, under another name; ``tail`` follows them."""
    tail: bytes = b""
    bare: bytes | None = None
    """Bytes that are no interchange at all."""
    ta1: Callable[[], Segment] | None = None
    """A TA1 in place of groups."""
    told: Sequence[str] = ("A",)
    number: int = 0
    order: int = 0

    @property
    def groups(self) -> list[list[Item]]:
        """Its sets by group, in the order of the first of each."""
        found: dict[str, list[Item]] = {}
        for item in self.items:
            found.setdefault(item.function, []).append(item)
        return list(found.values())

    @property
    def name(self) -> str:
        what = "copy" if self.ours else "from"
        sets = "-".join(dict.fromkeys(item.set_id for item in self.items)) or ("TA1" if self.ta1 else "file")
        return f"{self.order:05}_{what}_{self.trader.name}_{sets}.edi"

    def body(self) -> bytes:
        if self.bare is not None:
            return self.bare
        written = self._written() if self.same_as is None else self.same_as.body()
        return written + self.tail

    def _written(self) -> bytes:
        trader, wrong, marks = self.trader, self.wrong, self.trader.marks
        theirs = (trader.qualifier, trader.id)
        sender, receiver = (OURS, theirs) if self.ours else (theirs, OURS)
        release = trader.release
        if self.items and self.items[0].set_id == "999":
            release = "005010"
        number = f"{self.number:09}"
        isa = [
            "ISA", "00", " " * 10, "00", " " * 10,
            sender[0], f"{sender[1]:<15}", receiver[0], f"{receiver[1]:<15}",
            f"{self.at:%y%m%d}", f"{self.at:%H%M}", marks.repetition if release >= "005010" else "U", release[:5],
            number, "1" if self.asks_ta1 else "0", wrong.usage or "P", marks.component,
        ]  # fmt: skip
        segments: list[Segment] = [isa]
        if self.ta1 is not None:
            segments.append(self.ta1())
        groups = self.groups
        for place, items in enumerate(groups):
            segments += self._group(items, sender[1], receiver[1], release, first=place == 0)
        segments.append(["IEA", str(len(groups) + wrong.iea01), number])
        if wrong.cut:
            segments = segments[: len(segments) - 4]
        lines = (marks.element.join(segment) + marks.segment + marks.end for segment in segments)
        return "".join(lines).encode("ascii")

    def _group(
        self, items: Sequence[Item], sender: str, receiver: str, release: str, *, first: bool
    ) -> Iterator[Segment]:
        wrong, group = self.wrong, str(items[0].group)
        version = IMPLEMENTED if items[0].set_id == "999" else release
        on, at = f"{self.at:%Y%m%d}", f"{self.at:%H%M}"
        yield ["GS", items[0].function, sender, receiver, on, at, group, "X", version]
        for place, item in enumerate(items):
            body = [_trimmed(segment) for segment in item.paper().segments]
            said = len(body) + 2 + (wrong.se01 if first and place == 0 else 0)
            yield ["ST", item.set_id, item.set_number, *([IMPLEMENTED] if item.set_id == "999" else [])]
            yield from body
            yield ["SE", str(said), item.set_number]
        yield ["GE", str(len(items) + (wrong.ge01 if first else 0)), group]


IMPLEMENTED: Final = "005010X231A1"
"""GS08 and ST03 of a 999."""


def _trimmed(segment: Segment) -> Segment:
    end = len(segment)
    while end > 1 and segment[end - 1] == "":
        end -= 1
    return segment[:end]
