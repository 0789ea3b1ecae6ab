"""Mutations: every golden X12 file cut, doubled, swapped and flipped, and what the hub makes of it.

    python -m tests.mutate [--seed 20261121] [--each 200] [--only x12_855] [--store]

Each mutated file must come to an end, every byte of it must be accounted for, each part must be processed or set
aside with a code that the taxonomy describes, and none by a fault of our own. ``--store`` sends some of them through
the whole hub on an embedded PostgreSQL and asks the ledger afterwards. The same seed makes the same files. Exit 1
with each finding.
"""

import argparse
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

from canonical import taxonomy
from canonical.events import Origin
from crossdock.errors import Unreadable
from crossdock.formats.x12 import Coverage, TransactionSet, read
from crossdock.formats.x12.guides import set_ids
from crossdock.messages import PartState, RawMessage
from crossdock.normalize import Normalizer
from crossdock.normalize.part import rfc3339, sealed
from crossdock.partners import MappingContext, Partners
from crossdock.registry import Registry
from crossdock.testing.clock import MovableClock

SEED: Final = 20_261_121
EACH: Final = 200
PATIENCE_S: Final = 20

_SAMPLES: Final = Path(__file__).parents[1] / "mappings" / "inbound"
_RECEIVED: Final = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)
_ORIGIN: Final = Origin(
    tenant="main", source="supplier_edi", connector_version="1", mapping="mutant", mapping_version="1",
    raw_id="6f1d5a7e-8b54-5a55-9d0c-c0552d0c4a11", raw_sha256="0" * 64, received_at=rfc3339(_RECEIVED),
    recorded_at=rfc3339(_RECEIVED),
)  # fmt: skip
_FAULTS: Final = ("the mapping failed", "breaks its schema")
"""What our own faults say of themselves: a crash of a mapping, and an event that breaks our own schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutated file: which golden file it was, what was done to it, and by which number it is made again."""

    sample: Path
    number: int
    done: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.sample.parent.parent.name}/{self.sample.name} #{self.number} ({self.done})"


def samples(only: str = "") -> list[Path]:
    """The golden X12 files of the mappings."""
    return sorted(path for path in _SAMPLES.glob("x12_*/samples/*.edi") if only in path.parts[-3])


def mutants(sample: Path, *, seed: int, each: int) -> Iterator[Mutant]:
    """So many mutations of a file; the same ones for the same seed."""
    body = sample.read_bytes()
    for number in range(each):
        dice = random.Random(f"{seed}:{sample.parent.parent.name}/{sample.name}:{number}")
        changed, done = body, []
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            kind = dice.choice(_KINDS)
            changed = kind(changed, dice)
            done.append(kind.__name__.strip("_"))
        if number % 2:  # the counts are right again: guide and mapping see what is wrong inside
            changed = _mended(changed)
            done.append("counts mended")
        yield Mutant(sample=sample, number=number, done=", ".join(done), body=changed)


# -- what is done to a file -------------------------------------------------------------------------------------


def _pieces(body: bytes) -> tuple[list[bytes], bytes]:
    """The segments with their terminators, as the ISA announces them."""
    end = body[105:106] or b"~"
    pieces = re.findall(rb"[^" + re.escape(end) + rb"]*" + re.escape(end) + rb"[\r\n]*", body)
    return (pieces or [body]), end


def _mended(body: bytes) -> bytes:
    """The file with right counts in its SE segments."""
    pieces, end = _pieces(body)
    star, begin = body[3:4] or b"*", 0
    for place, piece in enumerate(pieces):
        text, _, rest = piece.partition(end)
        elements = text.split(star)
        if elements[0] == b"ST":
            begin = place
        elif elements[0] == b"SE" and len(elements) > 1 and end in piece:
            elements[1] = str(place - begin + 1).encode()
            pieces[place] = star.join(elements) + end + rest
    return b"".join(pieces)


def _cut_segment(body: bytes, dice: random.Random) -> bytes:
    pieces, _ = _pieces(body)
    del pieces[dice.randrange(len(pieces))]
    return b"".join(pieces)


def _double_segment(body: bytes, dice: random.Random) -> bytes:
    pieces, _ = _pieces(body)
    at = dice.randrange(len(pieces))
    return b"".join([*pieces[: at + 1], *pieces[at:]])


def _swap_segments(body: bytes, dice: random.Random) -> bytes:
    pieces, _ = _pieces(body)
    one, two = dice.randrange(len(pieces)), dice.randrange(len(pieces))
    pieces[one], pieces[two] = pieces[two], pieces[one]
    return b"".join(pieces)


def _flip_byte(body: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(body)) if body else 0
    return body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]


def _cut_end(body: bytes, dice: random.Random) -> bytes:
    return body[: dice.randrange(len(body) + 1)]


def _empty_element(body: bytes, dice: random.Random) -> bytes:
    return _element(body, dice, lambda _: b"")


def _odd_element(body: bytes, dice: random.Random) -> bytes:
    odd = (
        b"-",
        b"0",
        b"9" * 40,
        b"-1",
        b"1E9",
        b"99999999",
        b"00000000",
        b"\xff\xfe",
        b"A" * 300,
        b" ",
        b"1.2.3",
        b"ZZ",
    )
    return _element(body, dice, lambda _: dice.choice(odd))


def _swap_elements(body: bytes, dice: random.Random) -> bytes:
    pieces, _ = _pieces(body)
    at = dice.randrange(len(pieces))
    elements = pieces[at].split(body[3:4] or b"*")
    if len(elements) > 2:
        one, two = dice.randrange(1, len(elements)), dice.randrange(1, len(elements))
        elements[one], elements[two] = elements[two], elements[one]
        pieces[at] = (body[3:4] or b"*").join(elements)
    return b"".join(pieces)


def _element(body: bytes, dice: random.Random, change: Callable[[bytes], bytes]) -> bytes:
    pieces, end = _pieces(body)
    star = body[3:4] or b"*"
    at = dice.randrange(1, len(pieces)) if len(pieces) > 1 else 0
    text, _, rest = pieces[at].partition(end)
    elements = text.split(star)
    if len(elements) > 1:
        place = dice.randrange(1, len(elements))
        elements[place] = change(elements[place])
    pieces[at] = star.join(elements) + (end + rest if end in pieces[at] else b"")
    return b"".join(pieces)


_KINDS: Final = (
    _cut_segment,
    _double_segment,
    _swap_segments,
    _flip_byte,
    _cut_end,
    _empty_element,
    _odd_element,
    _swap_elements,
)


# -- what must hold ---------------------------------------------------------------------------------------------


class Hangs(Exception):
    """A file did not come to an end in time."""


@contextmanager
def _patience(seconds: int) -> Iterator[None]:
    def over(_: int, __: FrameType | None) -> None:
        raise Hangs(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Judge:
    """Sends mutants through reading and normalizing, and says what is not as it must be."""

    def __init__(self) -> None:
        self._registry = Registry()
        self._partners = _agreed_on_everything(Partners.load())
        self._normalizer = Normalizer(
            registry=self._registry, partners=self._partners, clock=MovableClock(_RECEIVED)
        )
        self.states: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()

    def findings(self, mutant: Mutant) -> list[str]:
        """Every violation, as sentences; none is what is wanted."""
        try:
            with _patience(PATIENCE_S):
                return list(self._findings(mutant))
        except Exception as error:
            return [f"{mutant}: {type(error).__name__}: {error}"]

    def _findings(self, mutant: Mutant) -> Iterator[str]:
        coverage = Coverage()
        for item in read(mutant.body, coverage=coverage):
            if isinstance(item, TransactionSet):
                self._map(item)
        if not coverage.bytes == coverage.bytes_accounted == len(mutant.body):
            yield f"{mutant}: {coverage.bytes_accounted} of {len(mutant.body)} bytes are accounted for"
        parts = self._normalizer.normalize(message(mutant)).parts
        if sorted(part.ordinal for part in parts) != list(range(len(parts))):
            yield f"{mutant}: the parts are numbered {sorted(part.ordinal for part in parts)}"
        if not parts:
            yield f"{mutant}: no part came of it"
        for part in parts:
            self.states[part.state] += 1
            if (part.problem is None) != (part.state is PartState.PROCESSED):
                yield f"{mutant}: part {part.ordinal} is {part.state} and its problem is {part.problem}"
            if part.problem is None:
                continue
            self.codes[part.problem.code] += 1
            if part.problem.code not in taxonomy.codes():
                yield f"{mutant}: part {part.ordinal} has the code {part.problem.code!r}, which nothing describes"
            if any(fault in part.problem.sentence for fault in _FAULTS):
                yield f"{mutant}: part {part.ordinal}: {part.problem.sentence}"

    def _map(self, entry: TransactionSet) -> None:
        """A mapping by itself, without the guide that keeps most of this away from it: it may refuse, in words, and
        what it says must be valid."""
        mapping = self._registry.inbound(f"x12/{entry.set_id}")
        opened = entry.interchange
        envelope = opened.sender + opened.control_number + (entry.group.control_number if entry.group else "")
        if mapping is None or not (envelope + "".join(map("".join, entry.segments))).isprintable():
            return  # a control character never gets past the guide, whatever the set, and nobody is known by one
        partner = self._partners.find(opened.sender_qualifier, opened.sender)
        for direction in ("in", "out"):
            context = MappingContext(
                partner=partner, received_at=_RECEIVED, tenant="main", direction=direction
            )
            with suppress(Unreadable):
                list(sealed(mapping.map(entry, context), _ORIGIN, part="0"))


def _agreed_on_everything(partners: Partners) -> Partners:
    """The packaged partners, who may send whatever there is."""
    every = set_ids()
    return Partners.of(replace(partner, sets=every) for partner in partners)


def message(mutant: Mutant) -> RawMessage:
    """A mutant as a message that was received."""
    name = f"{mutant.sample.parent.parent.name}-{mutant.sample.stem}-{mutant.number}"
    return RawMessage(
        tenant="main",
        source="supplier_edi",
        key=name,
        body=mutant.body,
        media_type="application/edi-x12",
        received_at=_RECEIVED,
        name=f"{name}.edi",
    )


def _through_the_hub(chosen: list[Path], seed: int, each: int) -> Iterator[str]:
    """All mutants through receiving and processing on a database of their own, then the ledger."""
    from crossdock import receive
    from crossdock.hub import Hub
    from crossdock.store.embedded import EmbeddedServer
    from crossdock.store.engine import Store
    from crossdock.store.queries import ledger

    with (
        tempfile.TemporaryDirectory(prefix="crossdock-mutate-") as home,
        EmbeddedServer.start(Path(home)) as server,
    ):
        with Store.open(server.ensure_database("crossdock")) as store:
            store.upgrade()
            clock = MovableClock(_RECEIVED)
            with Hub.open(store=store, registry=Registry(), clock=clock, tenant="main") as hub:
                count = 0
                for sample in chosen:
                    for mutant in mutants(sample, seed=seed, each=each):
                        receive.accept(store, message(mutant), clock=clock)
                        count += 1
                    hub.process()
                    _progress(f"{count} files through the hub")
            with store.transaction("main") as connection:
                rows = ledger(connection, "main")
    for row in rows:
        if not row["sound"] or row["in_flight"]:
            yield f"the ledger does not balance: {row}"
    if sum(row["received"] for row in rows) < count:
        yield f"{count} files were sent, and {sum(row['received'] for row in rows)} were received"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _progress(line: str) -> None:
    """Where it stands, for a person who watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line} ")


def main(arguments: list[str] | None = None) -> int:
    """Run the mutations; 1 when something does not hold."""
    options = argparse.ArgumentParser(
        prog="python -m tests.mutate", description=(__doc__ or "").partition("\n")[0]
    )
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--each", type=int, default=EACH, help="mutations of each golden file")
    options.add_argument(
        "--only", default="", metavar="NAME", help="mappings whose folder holds this, as x12_855"
    )
    options.add_argument("--store", action="store_true", help="through the whole hub, and ask the ledger")
    asked = options.parse_args(arguments)
    chosen = samples(asked.only)
    if not chosen:
        sys.stderr.write(f"no golden X12 file in a mapping like {asked.only!r}\n")
        return 2
    judge, began, found = Judge(), time.monotonic(), 0
    for place, sample in enumerate(chosen, 1):
        for mutant in mutants(sample, seed=asked.seed, each=asked.each):
            for finding in judge.findings(mutant):
                found += 1
                _say(finding)
        _progress(f"{place} of {len(chosen)} golden files, {found} findings")
    if asked.store:
        for finding in _through_the_hub(chosen, asked.seed, max(1, asked.each // 10)):
            found += 1
            _say(finding)
    _say(
        f"{len(chosen)} golden files, {len(chosen) * asked.each} mutations, seed {asked.seed}, "
        f"{time.monotonic() - began:.0f} s: {found} findings"
    )
    _say("parts: " + ", ".join(f"{count} {state}" for state, count in judge.states.most_common()))
    _say("set aside as: " + ", ".join(f"{code} {count}" for code, count in judge.codes.most_common()))
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
