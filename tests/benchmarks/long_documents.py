"""Long documents, with everything that we do to them, beside pyx12 that only reads them.

An 855 of 18,000 lines (a good megabyte, one set), every tenth line with a trouble: read, checked against the guide,
mapped, sealed and validated through the normalizer that the hub uses, its exceptions detected, and what its facts end
told apart. That is what the limit is about. Beside it stands what follows: all events routed, and folded into cases
with what the routes decided; and what it costs to let go of all that was made. The same with fewer troubles tells
what a line costs, and what a trouble does. And 100 MB of ship notices (856, pick and pack): read from a file block by
block, checked, mapped, sealed and validated. pyx12's ``X12Reader`` goes over the segments of the same bytes and does
nothing with them.

Each is done by a process of its own, as Airflow gives one to each task, once it has worked on a short document of the
kind. In a process that has had many long ones memory lies scattered, and a document that becomes a hundred thousand
small objects takes longer; that figure is printed too.

All figures are ratios of CPU time in the same run. The traffic is synthetic 004010, seeded; an interchange of notices
has three groups of 100, so that pyx12's search through the control numbers of a group stays short.
"""

import argparse
import gc
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any, Final

from pyx12.x12file import X12Reader

from canonical.validate import validator
from crossdock import detect
from crossdock.decide import Router
from crossdock.formats import x12
from crossdock.formats.x12 import guides
from crossdock.messages import PartState, RawMessage
from crossdock.normalize import Normalizer, Opened
from crossdock.normalize.part import map_part
from crossdock.partners import Partners
from crossdock.ports import SystemClock
from crossdock.registry import Registry
from tests.benchmarks.x12_reader import MEGABYTE, largest_resident_kb

LINES: Final = 18_000
TROUBLED: Final = 10
"""One line in so many has a trouble."""

FEWER: Final = (25, 50, 100)
"""Others that are shown beside it."""

ROUNDS: Final = 7

PEER_LIMIT: Final = 1.0
MEMORY_LIMIT: Final = 16.0

_NOW: Final = datetime(2026, 11, 20, 14, tzinfo=UTC)
_SENDER: Final = "ACMESUPPLY     "
_PLACES: Final = (
    ("MEMPHIS", "TN", "38118"),
    ("RENO", "NV", "89502"),
    ("TOLEDO", "OH", "43612"),
    ("DALLAS", "TX", "75247"),
)


def _interchange(number: int, groups: list[list[str]], functional_id: str) -> bytes:
    """One interchange from the packaged supplier, with these groups of whole sets."""
    parts = [
        f"ISA*00*          *00*          *ZZ*{_SENDER}*ZZ*CROSSDOCK      *261120*0600*U*00401*{number:09d}*0*P*>"
    ]
    for at, sets in enumerate(groups, 1):
        parts.append(f"GS*{functional_id}*ACMESUPPLY*CROSSDOCK*20261120*0600*{at}*X*004010")
        parts += sets
        parts.append(f"GE*{len(sets)}*{at}")
    parts.append(f"IEA*{len(groups)}*{number:09d}")
    return ("~\n".join(parts) + "~\n").encode("ascii")


def acknowledgment(lines: int = LINES, *, troubled: int = TROUBLED, seed: int = 855) -> bytes:
    """One 855 of so many lines: items of their own, prices and quantities as they come, one line in ``troubled``
    backordered with a date, in another quantity, at another price, or rejected."""
    dice = random.Random(seed)
    body = ["ST*855*0001", "BAK*00*AC*4500123456*20261119", "DTM*002*20261130"]
    for line in range(1, lines + 1):
        count, price = dice.randrange(1, 500), dice.randrange(100, 99_999) / 100
        item = f"{dice.randrange(10**6):06d}-A{dice.randrange(100):02d}"
        body.append(f"PO1*{line}*{count}*EA*{price:.2f}**VN*{item}")
        if line % troubled:
            body.append(f"ACK*IA*{count}*EA*067*202611{dice.randrange(10, 31)}")
            continue
        match line // troubled % 4:
            case 0:
                body.append(f"ACK*IB*{count}*EA*067*202612{dice.randrange(10, 29)}")
            case 1:
                body.append(f"ACK*IQ*{max(1, count // 2)}*EA*067*202611{dice.randrange(10, 31)}")
            case 2:
                body.append(f"CTP**CON*{price * 1.05:.2f}")
                body.append(f"ACK*IP*{count}*EA*067*202611{dice.randrange(10, 31)}")
            case _:
                body.append(f"ACK*IR*{count}*EA")
    body += [f"CTT*{lines}", f"SE*{len(body) + 2}*0001"]
    return _interchange(1, [["~\n".join(body)]], "PR")


def _check_digit(digits: str) -> str:
    """The last digit of an SSCC (GS1 General Specifications, modulo 10)."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(digits))
    return str(-total % 10)


def _notice(dice: random.Random, control: int, number: int) -> str:
    """A ship notice of one order: two cartons on a tare, with one or two items each."""
    city, state, code = dice.choice(_PLACES)
    day = dice.randrange(10, 29)
    body = [
        f"ST*856*{control:04d}",
        f"BSN*00*S{number:08d}*202611{day}*1412*0001",
        "HL*1**S",
        f"TD1*CTN25*2****G*{dice.randrange(20, 2000)}*LB",
        "TD5*B*2*RRFL*M",
        f"REF*BM*{dice.randrange(10**9):09d}",
        f"DTM*011*202611{day}",
        f"DTM*017*202612{dice.randrange(1, 9):02d}",
        "N1*SF*ACME SUPPLY PLANT 2*92*P2",
        f"N1*ST*DISTRIBUTION CENTER {dice.randrange(90)}*92*{dice.randrange(10**4):04d}",
        f"N4*{city}*{state}*{code}*US",
        "HL*2*1*O",
        f"PRF*45{number:08d}***20261103",
        "HL*3*2*T",
        f"MAN*GM*{_sscc(dice)}",
    ]
    level, line = 3, 0
    for _ in range(2):
        level += 1
        carton = level
        body += [f"HL*{carton}*3*P", f"MAN*GM*{_sscc(dice)}"]
        for _ in range(dice.randrange(1, 4)):
            level += 1
            line += 1
            count = dice.randrange(1, 500)
            short = dice.random() < 0.02
            body += [
                f"HL*{level}*{carton}*I",
                f"LIN*{line}*VN*{dice.randrange(10**6):06d}-A{dice.randrange(100):02d}",
                f"SN1*{line}*{count - 1 if short and count > 1 else count}*EA**{count}*EA",
            ]
    body += [f"CTT*{level}", f"SE*{len(body) + 2}*{control:04d}"]
    return "~\n".join(body)


def _sscc(dice: random.Random) -> str:
    digits = f"0061414{dice.randrange(10**10):010d}"
    return f"00{digits}{_check_digit(digits)}"


def notices(size: int, *, seed: int = 856) -> Iterator[bytes]:
    """Interchanges of three groups of 100 ship notices, at least ``size`` bytes of them."""
    dice = random.Random(seed)
    written = interchange = number = 0
    while written < size:
        interchange += 1
        groups = []
        for _ in range(3):
            sets = []
            for control in range(1, 101):
                number += 1
                sets.append(_notice(dice, control, number))
            groups.append(sets)
        chunk = _interchange(interchange, groups, "SH")
        written += len(chunk)
        yield chunk


# -- what is measured -------------------------------------------------------------------------------------------


@contextmanager
def _no_collection() -> Iterator[None]:
    """As the hub works on a batch."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _timed(work: Callable[[], object]) -> float:
    gc.collect()
    began = process_time()
    work()
    return process_time() - began


def theirs(path: Path) -> int:
    """pyx12 going over all segments; how many there are."""
    with X12Reader(str(path)) as reader:
        return sum(1 for _ in reader)


Document = dict[str, Any]
Detected = tuple[list[Document], list[Document]]
"""The events of a message, and its facts."""


class Hub:
    """What of the hub a document goes through before anything is written."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.partners = Partners.load()
        self.router = Router.load()
        self.clock = SystemClock()
        self.normalizer = Normalizer(registry=self.registry, partners=self.partners, clock=self.clock)

    def detected(self, body: bytes) -> Detected:
        """Normalize one message, and tell the facts that end what was known from those that end what it says."""
        message = RawMessage(
            tenant="main",
            source="supplier_edi",
            key="long",
            body=body,
            media_type="application/edi-x12",
            received_at=_NOW,
            name="long.edi",
        )
        normalized = self.normalizer.normalize(message)
        (part,) = normalized.parts
        assert part.state is PartState.PROCESSED, part.problem
        events = [document for document in part.documents if "code" in document["data"]]
        facts = [document for document in part.documents if "code" not in document["data"]]
        said = {document["id"]: place for place, document in enumerate(part.documents)}
        detect.before_and_after(facts, events, said)
        assert len(facts) == 1 and facts[0]["data"]["lines"]
        return events, facts

    def folded(self, events: list[Document]) -> list[dict[str, Any]]:
        """Route the events, and fold them into cases."""
        return detect.case_rows("main", events, self.router.decide(events), _NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """CPU seconds of ours and of pyx12 for the same document: medians, and the median ratios of the pairs. ``ratio``:
    up to what was detected; ``whole``: routed and folded too; ``judged``: what of ``ours`` was judging our own
    documents by their schemas; ``let_go``: seconds for freeing all of it."""

    segments: int
    ours: float
    theirs: float
    ratio: float
    whole: float
    judged: float
    let_go: float


def long_acknowledgment(folder: Path, *, troubled: int, rounds: int) -> Beside:
    """Work on the long 855 and let pyx12 read it, in turns, each time in a fresh process."""
    path = folder / "855.edi"
    path.write_bytes(acknowledgment(troubled=troubled))
    pairs = [(_alone("acknowledgment", path), _alone("theirs", path)) for _ in range(rounds)]
    ours, peers = zip(*pairs, strict=True)
    mine, whole, judged, let_go = ([one[place] for one in ours] for place in range(4))
    other = [one[0] for one in peers]
    return Beside(
        segments=int(peers[0][2]),
        ours=statistics.median(mine),
        theirs=statistics.median(other),
        ratio=_median_ratio(mine, other),
        whole=_median_ratio(whole, other),
        judged=statistics.median(judged),
        let_go=statistics.median(let_go),
    )


def once(path: Path, hub: Hub) -> tuple[float, float, float, float]:
    """CPU seconds for one 855: until its exceptions are detected, until they are folded, for judging what was made
    once more, for letting go of it."""
    body = path.read_bytes()
    with _no_collection():
        began = process_time()
        events, facts = hub.detected(body)
        detected = process_time() - began
        cases = hub.folded(events)
        whole = process_time() - began
        assert len(events) == len(cases), (len(events), len(cases))
        began = process_time()
        for schema, documents in (("exception-event", events), ("fact", facts)):
            assert all(map(validator(schema, "1.0").is_valid, documents))
        judged = process_time() - began
        began = process_time()
        del events, facts, cases
        return detected, whole, judged, process_time() - began


def again_and_again(path: Path, *, rounds: int) -> float:
    """The ratio in one process that has worked on it many times before."""
    hub = Hub()
    pairs = [(once(path, hub)[0], _timed(lambda: theirs(path))) for _ in range(rounds)]
    late = pairs[rounds // 2 :]
    return _median_ratio([ours for ours, _ in late], [peer for _, peer in late])


def _median_ratio(mine: list[float], other: list[float]) -> float:
    return statistics.median(ours / peer for ours, peer in zip(mine, other, strict=True))


def stream(path: Path) -> tuple[int, int]:
    """Read a file of ship notices as a stream; each is checked, mapped, sealed and validated, and let go."""
    hub = Hub()
    partner = hub.partners.named("acme_supply")
    mapping = hub.registry.inbound("x12/856")
    assert partner is not None and mapping is not None
    message = RawMessage(
        tenant="main",
        source="supplier_edi",
        key="long",
        body=b"",
        media_type="application/edi-x12",
        received_at=_NOW,
        name="long.edi",
    )
    opened = Opened(
        message=message, raw_id=str(message.id), sha256=message.sha256, connector_version="1", now=_NOW
    )
    segments = sets = 0
    with path.open("rb") as file, _no_collection():
        for item in x12.read(file):
            if not isinstance(item, x12.TransactionSet):
                assert isinstance(item, x12.Finding) or not item.findings
                continue
            assert not item.findings and not guides.check(item)
            part = map_part(
                opened,
                mapping,
                item,
                ordinal=sets,
                label="856",
                partner=partner,
                offset=item.offset,
                length=item.length,
            )
            assert part.state is PartState.PROCESSED and part.documents, part.problem
            segments += len(item.segments)
            sets += 1
    return segments, sets


def _alone(what: str, path: Path) -> list[float]:
    """What a fresh process prints of its work: CPU seconds without its start, MB of memory at most, segments; or of
    an 855 the seconds of ``once``."""
    command = [sys.executable, "-m", "tests.benchmarks.long_documents", f"--{what}", str(path)]
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=root)
    return list(map(float, answer.stdout.split()))


def _one(what: str, path: Path) -> int:
    """The work of such a process."""
    with tempfile.TemporaryDirectory(prefix="crossdock-bench-") as name:
        short = Path(name) / "short.edi"
        short.write_bytes(acknowledgment(200, seed=7))
        if what == "acknowledgment":
            hub = Hub()
            once(short, hub)  # tables, guides and schemas are read once for a process
            print(*once(path, hub))
            return 0
        theirs(short)
    began = process_time()
    segments = theirs(path) if what == "theirs" else stream(path)[0]
    print(process_time() - began, largest_resident_kb() / 1024, segments)
    return 0


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="20 MB of ship notices instead of 100")
    options.add_argument("--ours", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    options.add_argument("--theirs", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    options.add_argument("--acknowledgment", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    chosen = options.parse_args(argv)
    for what in ("ours", "theirs", "acknowledgment"):
        if path := getattr(chosen, what):
            return _one(what, path)
    much = 20 if chosen.quick else 100
    with tempfile.TemporaryDirectory(prefix="crossdock-bench-") as name:
        folder = Path(name)
        for troubled in (TROUBLED, *FEWER):
            found = long_acknowledgment(folder, troubled=troubled, rounds=ROUNDS)
            print(
                f"855 of {LINES} lines, one in {troubled} troubled, {found.segments} segments: ours, read, "
                f"validated, mapped and detected, {found.ours:.3f} s CPU ({found.segments / found.ours:,.0f} "
                f"segments/s); pyx12, reading, {found.theirs:.3f} s ({found.segments / found.theirs:,.0f}): "
                f"{found.ratio:.2f} x ({found.judged:.3f} s of it for judging our own documents by their schemas); "
                f"routed and folded too, {found.whole:.2f} x; letting go, {found.let_go:.3f} s"
            )
            if troubled == TROUBLED:
                ratio, scattered = found.ratio, again_and_again(folder / "855.edi", rounds=2 * ROUNDS)
                print(f"855, one in {troubled} troubled, in a process that has had many: {scattered:.2f} x")
        short, long = folder / "short.edi", folder / "long.edi"
        for path, size in ((short, 10), (long, much)):
            with path.open("wb") as file:
                file.writelines(notices(size * MEGABYTE))
        _, little, _ = _alone("ours", short)
        seconds, most, segments = _alone("ours", long)
        reading, their_memory, _ = _alone("theirs", long)
        print(
            f"856, {much} MB, {segments:.0f} segments: ours, all of it, {seconds:.1f} s CPU "
            f"({segments / seconds:,.0f} segments/s, {most:.0f} MB); pyx12, reading, {reading:.1f} s "
            f"({segments / reading:,.0f}, {their_memory:.0f} MB): {seconds / reading:.2f} x"
        )
    grown = most - little
    lines = (
        (
            "855, read, validated, mapped and detected, by pyx12 reading it",
            f"{ratio:.2f}",
            f"at most {PEER_LIMIT:.1f}",
            ratio <= PEER_LIMIT,
        ),
        (
            f"856, MB of memory for {much} MB beyond that for 10 MB",
            f"{grown:.1f}",
            f"at most {MEMORY_LIMIT:.0f}",
            grown <= MEMORY_LIMIT,
        ),
    )
    for what, figure, limit, passed in lines:
        print(f"{what}: {figure} ({limit}) {'pass' if passed else 'FAIL'}")
    return 0 if all(passed for *_, passed in lines) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
