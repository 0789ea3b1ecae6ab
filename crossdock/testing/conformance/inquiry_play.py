"""A system that answers about the numbers that it is asked about, made of a sample answer and [played.inquiry] of
``conformance.toml``; and what the store would say of these numbers.

    [played.inquiry]
    number = "1Z7X58A00394417263"     # the number that the sample is about: each record has one of its own there
    records = "shipments"             # the way to the records of an answer; without it the answer is the record
    path = "/tracking"                # where calls lead; without it path of [source.settings]
    unknown = '{"number": "{number}", "error": "NOTFOUND"}'   # how an unknown number is said; without it: not, or 404

Which numbers a call is about is seen in its path and body. A number that is refused is answered with 400.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from crossdock.errors import Misconfigured
from crossdock.kit.records import at as found_at
from crossdock.kit.records import way
from crossdock.ports import Clock, OpenNumber, Question
from crossdock.testing import lying_http as lie
from crossdock.testing.conformance.http_play import HttpPlay
from crossdock.testing.conformance.play import Fault, Thing
from crossdock.testing.lying_http import Said

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

JSON: Final = "application/json"
OWN_SIGNS: Final = 8
"""So many signs at the end of a number tell one from the other."""

SAID_OF_A_NUMBER: Final = ("400", "404", "422")
"""Statuses that are about the numbers, and not about the call: checks of their own look at them."""

_PLACE: Final = re.compile(r"(\d{10}) (.+)", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class Open:
    """What the store would say, which is ``ports.Inquiries``: every number that is held is open, but those that are
    ``closed``; and these keys are ``stored``."""

    numbers: dict[str, datetime] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)

    def open(self, question: Question, *, after: str, most: int) -> Sequence[OpenNumber]:
        """See ``ports.Inquiries``: the earliest first. A place that cannot be read is the beginning."""
        places = {
            f"{at.timestamp():010.0f} {number}": number
            for number, at in self.numbers.items()
            if number not in self.closed and re.fullmatch(question.form, number)
        }
        behind = after if _PLACE.fullmatch(after) else ""
        return [OpenNumber(number=places[place], place=place) for place in sorted(places) if place > behind][
            :most
        ]

    def known(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset(keys) & self.stored


class InquiryPlay(HttpPlay):
    """A played system that is asked by number. ``calls``: the numbers of each call, as they were asked about."""

    def __init__(self, case: "Case", table: Mapping[str, Any]) -> None:
        source = case.played_manifest.source
        if source is None or not isinstance(number := table.get("number"), str) or len(number) <= OWN_SIGNS:
            raise Misconfigured(
                f"[played.inquiry] says number: that of the sample, longer than {OWN_SIGNS} signs; add it",
                where=str(case.folder),
            )
        self._number, self._records = number, str(table.get("records", ""))
        self._path = str(table.get("path", source.settings.get("path", "/")))
        self._unknown = str(table.get("unknown", ""))
        self._sample = _sample(case, number, self._records)
        self.asked_again_after = timedelta(seconds=float(source.settings.get("round_s", 3600)) + 1)
        self.inquiries = Open()
        self.unknown: set[str] = set()
        self.refused: set[str] = set()
        self.calls: list[list[str]] = []
        super().__init__(case, can=frozenset({"played_source", "inquires"}), media_type=JSON)

    def reset(self, clock: Clock) -> None:
        self.inquiries = Open()
        for kept in (self.unknown, self.refused):
            kept.clear()
        self.calls.clear()
        super().reset(clock)

    def hold(self, *things: Thing) -> None:
        """See ``Play``: the system knows them, and their numbers are open. The last that was said of one counts."""
        super().hold(*things)
        self.inquiries.numbers |= {self.number(thing): thing.at for thing in things}

    def number(self, thing: Thing) -> str:
        """The number under which it is asked about."""
        return self._number[:-OWN_SIGNS] + thing.mark.decode()

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        """See ``Play``: the sample with another number, in spaces that nobody else would write."""
        mark = f"9100{number:04d}"
        text = json.dumps(self._sample, ensure_ascii=False, separators=("  ,", " : "))
        text = text.replace(self._number, self._number[:-OWN_SIGNS] + mark)
        return Thing(number=number, at=at, body=f"{{{' ' * changed}{text[1:]}".encode(), mark=mark.encode())

    def is_write(self, request: lie.Request) -> bool:
        """Inquiries may be posted: nothing is written, unless its ``played.py`` says so."""
        if self.own is not None and hasattr(self.own, "is_write"):
            return bool(self.own.is_write(request))
        return self.case.manifest.sink is not None and super().is_write(request)

    def page(self, request: lie.Request) -> Said:
        """The answer about the numbers of this call."""
        path = unquote(request.path)
        if not urlsplit(path).path.startswith(self._path):
            return Said(status=404, body=b'{"error":"there is nothing here"}')
        said = f"{path}\n{request.body.decode('utf-8', 'replace')}"
        bodies = {self.number(thing): thing.body for thing in self.held}
        numbers = sorted((one for one in bodies if one in said), key=said.index)
        self.calls.append(numbers)
        if self.refused & set(numbers):
            return Said(status=400, body=b'{"error":"invalid number"}')
        records = [bodies[one] for one in numbers if one not in self.unknown]
        if self._unknown:
            records += [
                self._unknown.replace("{number}", one).encode() for one in numbers if one in self.unknown
            ]
        if not records:
            return Said(status=404, body=b'{"error":"not found"}')
        if not self._records:
            return Said(status=200, body=records[0])
        body = b"[ " + b" ,\n".join(records) + b"\n]"
        for name in reversed(way(self._records)):
            body = b"{ %s: %s}" % (json.dumps(name).encode(), body)
        return Said(status=200, body=body)

    def faults(self, side: str) -> Sequence[Fault]:
        found = super().faults(side)
        return [one for one in found if side != "source" or one.name not in SAID_OF_A_NUMBER]


def inquiry_of(case: "Case") -> InquiryPlay:
    """The played system of a case that needs ``inquires``."""
    system: Any = case.system
    assert isinstance(system, InquiryPlay), "a check that needs inquires says so"
    return system


def _sample(case: "Case", number: str, records: str) -> dict[str, Any]:
    """The record about this number: a sample of the connector, or the first record of one."""
    for folder in (case.folder, case.code_folder):
        for path in sorted((folder / "samples").glob("*.json")):
            text = path.read_text("utf-8")
            if number not in text:
                continue
            document = json.loads(text)
            inside = found_at(document, records) if records else None
            record = inside[0] if isinstance(inside, list) and inside else document
            if isinstance(record, dict):
                return record
    raise Misconfigured(
        f"no sample tells of the number {number}, which [played.inquiry] names; put an answer about it, without "
        "personal data, into samples/",
        where=str(case.folder),
    )
