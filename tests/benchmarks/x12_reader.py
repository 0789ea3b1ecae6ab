"""The X12 reader beside pyx12's, over long files, and its memory.

Three figures: how many times pyx12's X12Reader needs the CPU time of ours on the same bytes; what a megabyte costs
in one group of 100 MB against one of 1 MB; and how much more memory 1 GB needs than 10 MB. Ours makes every check
that it makes in production and cuts every segment into its elements, as pyx12 does.

The traffic is synthetic 004010, seeded: 850, 855, 856 (pick and pack) and 214, about 41 segments and 1 KB a set, in
interchanges of three groups of 100 sets (``mix``), or 855s in one interchange with one group (``mono``).
"""

import argparse
import gc
import itertools
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import process_time
from typing import BinaryIO, Final

from pyx12.x12file import X12Reader

from crossdock.formats.x12 import Coverage, Finding, Severity, TransactionSet, read

MEGABYTE: Final = 1 << 20

PEER_LIMIT: Final = 15.0
FLAT_LIMIT: Final = 1.15
MEMORY_LIMIT: Final = 16.0

_CITIES = (
    ("MEMPHIS", "TN", "38118"),
    ("RENO", "NV", "89502"),
    ("TOLEDO", "OH", "43612"),
    ("DALLAS", "TX", "75247"),
)
_FUNCTIONS = {"850": "PO", "855": "PR", "856": "SH", "214": "QM"}


def _item(dice: random.Random) -> str:
    return f"VP*{dice.randrange(10**6):06d}-A{dice.randrange(100):02d}"


def _order(dice: random.Random, number: int) -> list[str]:
    city, state, code = dice.choice(_CITIES)
    body = [
        f"BEG*00*SA*45{number:08d}**20261103",
        f"REF*DP*{dice.randrange(1000):03d}",
        "ITD*01*3*2**30**31",
        f"DTM*002*202611{dice.randrange(10, 29)}",
        "TD5**2*RDWY*M*ROADWAY",
        f"N1*ST*DISTRIBUTION CENTER {dice.randrange(90)}*92*{dice.randrange(10**4):04d}",
        f"N3*{dice.randrange(9999)} COMMERCE PARKWAY",
        f"N4*{city}*{state}*{code}*US",
    ]
    for line in range(1, 16):
        body.append(
            f"PO1*{line}*{dice.randrange(1, 500)}*EA*{dice.randrange(9999) / 100:.2f}*PE*{_item(dice)}"
        )
        body.append(f"PID*F****BRACKET STEEL {dice.randrange(99)} MM")
    body.append("CTT*15")
    return body


def _acknowledgement(dice: random.Random, number: int) -> list[str]:
    city, state, code = dice.choice(_CITIES)
    body = [
        f"BAK*00*AC*45{number:08d}*20261103****S{dice.randrange(10**6)}",
        f"REF*IA*{dice.randrange(10**6):06d}",
        f"N1*SU*NORTHERN FASTENERS*92*{dice.randrange(10**4):04d}",
        f"N1*ST*DISTRIBUTION CENTER {dice.randrange(90)}*92*{dice.randrange(10**4):04d}",
        f"N4*{city}*{state}*{code}*US",
    ]
    for line in range(1, 12):
        ordered = dice.randrange(1, 500)
        body.append(f"PO1*{line}*{ordered}*EA*{dice.randrange(9999) / 100:.2f}*PE*{_item(dice)}")
        body.append(f"ACK*IA*{ordered // 2}*EA*068*202611{dice.randrange(10, 29)}")
        body.append(f"ACK*IB*{ordered - ordered // 2}*EA*068*202612{dice.randrange(10, 29)}")
    body.append("CTT*11")
    return body


def _notice(dice: random.Random, number: int) -> list[str]:
    body = [
        f"BSN*00*S{number:08d}*20261103*1412*0001",
        "HL*1**S",
        f"TD1*CTN25*{dice.randrange(1, 99)}****G*{dice.randrange(2000)}*LB",
        "TD5*B*2*RDWY*M",
        f"REF*BM*{dice.randrange(10**9):09d}",
        "DTM*011*20261103",
        "HL*2*1*O",
        f"PRF*45{number:08d}",
    ]
    level = 2
    for line in range(1, 7):  # pick and pack: each carton with its label, each item in its carton
        body.append(f"HL*{level + 1}*2*P")
        body.append(f"MAN*GM*{dice.randrange(10**18):020d}")
        body.append(f"HL*{level + 2}*{level + 1}*I")
        body.append(f"LIN*{line}*VP*{dice.randrange(10**6):06d}")
        body.append(f"SN1*{line}*{dice.randrange(1, 500)}*EA")
        level += 2
    body.append(f"CTT*{level}")
    return body


def _status(dice: random.Random, number: int) -> list[str]:
    body = [
        f"B10*{dice.randrange(10**9):09d}*SH{number:08d}*RDWY",
        f"L11*45{number:08d}*PO",
        f"N1*SH*NORTHERN FASTENERS*92*{dice.randrange(10**4):04d}",
        f"N1*CN*DISTRIBUTION CENTER {dice.randrange(90)}*92*{dice.randrange(10**4):04d}",
        "LX*1",
    ]
    for _ in range(16):
        city, state, _code = dice.choice(_CITIES)
        body.append(
            f"AT7*{dice.choice(('X3', 'SD', 'AF', 'X6'))}*NS***202611{dice.randrange(10, 29)}*1412*LT"
        )
        body.append(f"MS1*{city}*{state}*US")
    body.append("AT8*G*L*1200*12")
    return body


_SETS = {"850": _order, "855": _acknowledgement, "856": _notice, "214": _status}


def transaction_set(dice: random.Random, kind: str, number: int) -> list[str]:
    """The segments of one set, ST to SE, as text without terminators."""
    control = f"{number:09d}"
    body = [f"ST*{kind}*{control}", *_SETS[kind](dice, number)]
    return [*body, f"SE*{len(body) + 1}*{control}"]


def _interchange_head(control: int) -> str:
    return (
        "ISA*00*          *00*          *ZZ*NORTHERN       *ZZ*CROSSDOCK      "
        f"*261103*1412*U*00401*{control:09d}*0*P*>~"
    )


def _interchanges(seed: int, per_group: int) -> Iterator[bytes]:
    """Interchanges of three groups, without end."""
    dice = random.Random(seed)
    kinds = itertools.cycle(_SETS)
    for control in itertools.count(1):
        parts = [_interchange_head(control)]
        for group in range(1, 4):
            kind = next(kinds)
            parts.append(f"GS*{_FUNCTIONS[kind]}*NORTHERN*CROSSDOCK*20261103*1412*{group}*X*004010~")
            for number in range(1, per_group + 1):
                parts.append("~".join(transaction_set(dice, kind, number)) + "~")
            parts.append(f"GE*{per_group}*{group}~")
        parts.append(f"IEA*3*{control:09d}~")
        yield "".join(parts).encode("ascii")


def mix(size: int, *, seed: int = 7, per_group: int = 100) -> bytes:
    """Whole interchanges of three groups, at least ``size`` bytes of them."""
    parts: list[bytes] = []
    written = 0
    for interchange in _interchanges(seed, per_group):
        parts.append(interchange)
        written += len(interchange)
        if written >= size:
            break
    return b"".join(parts)


def mono(size: int, *, seed: int = 7, block: int = 200) -> Iterator[bytes]:
    """One interchange with one group of 855s, in chunks, at least ``size`` bytes in all.

    The bodies of the sets repeat after ``block`` sets, their control numbers never do.
    """
    dice = random.Random(seed)
    bodies = []
    for number in range(block):
        segments = transaction_set(dice, "855", number + 1)
        bodies.append(("~".join(segments[1:-1]), len(segments)))
    yield (_interchange_head(1) + "GS*PR*NORTHERN*CROSSDOCK*20261103*1412*1*X*004010~").encode("ascii")
    written = count = 0
    while written < size:
        sets = []
        for body, segments in bodies:
            count += 1
            sets.append(f"ST*855*{count:09d}~{body}~SE*{segments}*{count:09d}~")
        chunk = "".join(sets).encode("ascii")
        written += len(chunk)
        yield chunk
    yield f"GE*{count}*1~IEA*1*000000001~".encode("ascii")


# -- what is measured -------------------------------------------------------------------------------------------


def ours(source: BinaryIO | Iterable[bytes]) -> int:
    """Read everything, with all checks; gives how many segments stood in sets. Fails on anything that is wrong."""
    segments = 0
    coverage = Coverage()
    for item in read(source, coverage=coverage):
        if isinstance(item, TransactionSet):
            assert not item.findings
            segments += len(item.segments)
        elif not isinstance(item, Finding):
            assert not any(found.severity is Severity.ERROR for found in item.findings)
        else:
            raise AssertionError(item.message)
    assert coverage.bytes == coverage.bytes_accounted
    return segments


def theirs(path: Path) -> int:
    """The same with pyx12's X12Reader, asking for the errors of each segment as its own programs do."""
    segments = 0
    with X12Reader(str(path)) as reader:
        for _ in reader:
            segments += 1
            assert not reader.pop_errors()
        reader.cleanup()
        assert not reader.pop_errors()
    return segments


def _timed(work: Callable[[], object]) -> float:
    gc.collect()
    began = process_time()
    work()
    return process_time() - began


def _read_file(path: Path) -> int:
    with path.open("rb") as file:
        return ours(file)


def beside_pyx12(folder: Path, *, rounds: int, megabytes: int) -> float:
    """How many times our CPU time pyx12 needs: the ratio of the medians of interleaved rounds."""
    path = folder / "mix.edi"
    path.write_bytes(mix(megabytes * MEGABYTE))
    _read_file(path)
    mine, other = [], []
    for _ in range(rounds):
        mine.append(_timed(lambda: _read_file(path)))
        other.append(_timed(lambda: theirs(path)))
    return statistics.median(other) / statistics.median(mine)


def flatness(folder: Path, *, rounds: int, megabytes: int) -> float:
    """CPU time for each megabyte of one long group, over that of a group of 1 MB: medians of interleaved rounds.

    The short file is read ten times over, so that both are measured over more than the clock's grain.
    """
    short, long = folder / "short.edi", folder / "long.edi"
    for path, size in ((short, MEGABYTE), (long, megabytes * MEGABYTE)):
        with path.open("wb") as file:
            file.writelines(mono(size))
    _read_file(short)
    repeats = 10
    of_short, of_long = [], []
    for _ in range(rounds):
        of_short.append(_timed(lambda: [_read_file(short) for _ in range(repeats)]))
        of_long.append(_timed(lambda: _read_file(long)))
    per_short = statistics.median(of_short) / (repeats * short.stat().st_size)
    return statistics.median(of_long) / long.stat().st_size / per_short


def memory(megabytes: int) -> float:
    """The largest resident size in MB of a fresh process that reads so many megabytes as a stream."""
    command = [sys.executable, "-m", "tests.benchmarks.x12_reader", "--stream", str(megabytes)]
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=root)
    return float(answer.stdout.split()[-1])


def _stream(megabytes: int) -> int:
    """Read a generated stream, for ``memory``: interchanges over and over, each with numbers of its own."""

    def chunks() -> Iterator[bytes]:
        blank, number, written = b"*000000001*0*P*>~", 0, 0
        whole = next(itertools.islice(_interchanges(7, 100), 1))
        trailer = b"IEA*3*000000001~"
        assert whole.count(blank) == whole.count(trailer) == 1
        while written < megabytes * MEGABYTE:
            number += 1
            mark = f"{number:09d}".encode("ascii")
            chunk = whole.replace(blank, blank.replace(b"000000001", mark)).replace(
                trailer, b"IEA*3*%b~" % mark
            )
            yield chunk
            written += len(chunk)

    ours(chunks())
    print(largest_resident_kb() / 1024)
    return 0


def largest_resident_kb() -> int:
    """The peak of this program alone: on Linux ``ru_maxrss`` starts with that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="smaller files; the same rounds and limits")
    options.add_argument("--stream", type=int, metavar="MB", help=argparse.SUPPRESS)
    chosen = options.parse_args(argv)
    if chosen.stream:
        return _stream(chosen.stream)
    long, much = (20, 100) if chosen.quick else (100, 1024)
    with tempfile.TemporaryDirectory(prefix="crossdock-bench-") as name:
        folder = Path(name)
        peer = beside_pyx12(folder, rounds=5, megabytes=2 if chosen.quick else 4)
        flat = flatness(folder, rounds=5, megabytes=long)
    grown = memory(much) - memory(10)
    lines = (
        ("X12 reader, x pyx12 X12Reader", f"{peer:.1f}", f"at least {PEER_LIMIT:.0f}", peer >= PEER_LIMIT),
        (
            f"X12 reader, cost of a MB in {long} MB over that in 1 MB",
            f"{flat:.2f}",
            f"at most {FLAT_LIMIT}",
            flat <= FLAT_LIMIT,
        ),
        (
            f"X12 reader, MB of memory for {much} MB beyond that for 10 MB",
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
