"""What is larger, deeper or slower than its limit is refused before it costs: each bomb of the set."""

import dataclasses
import errno
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.errors import Unreadable
from crossdock.formats import archives, json_strict, safe_xml
from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.registry import Registry
from crossdock.store.tables import dead_letters, parts
from tests.limits import bombs

MIB = 1024 * 1024


def refused(read, body: bytes) -> Unreadable:
    began = time.thread_time()
    with pytest.raises(Unreadable) as caught:
        read(body)
    assert time.thread_time() - began < 60, "it was refused after it had its effect"
    assert len(str(caught.value)) < 500, "the refusal quotes what it refuses"
    assert caught.value.remedy
    return caught.value


def opened(body: bytes) -> list[archives.Member]:
    return list(archives.members(body))


# ── archives ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (lambda: bombs.gzip_of(300 * MIB), "ARCHIVE.LIMIT"),
        (lambda: bombs.zip_of(("a", bytes(200 * MIB))), "ARCHIVE.LIMIT"),
        (lambda: bombs.zip_that_lies(50 * MIB), "ARCHIVE.MALFORMED"),
        (lambda: bombs.zip_of(*((f"{n}.edi", b"ISA") for n in range(101))), "ARCHIVE.LIMIT"),
        (lambda: bombs.nested_zip(2), "ARCHIVE.NESTED"),
        (lambda: bombs.GZIP_INSIDE_GZIP, "ARCHIVE.NESTED"),
        (lambda: bombs.zip_of(("a.edi", b"ISA" * 100))[:-30], "ARCHIVE.MALFORMED"),
        (lambda: bombs.gzip_of(MIB)[:-9], "ARCHIVE"),
        (lambda: bombs.gzip_of(0) + b"more", "ARCHIVE.MALFORMED"),
        (lambda: b"ISA*00", "ARCHIVE.MALFORMED"),
    ],
    ids=[
        "gzip",
        "zip",
        "a zip that lies",
        "entries",
        "nested zip",
        "nested gzip",
        "cut zip",
        "cut gzip",
        "rest",
        "none",
    ],
)
def test_an_archive_is_unpacked_no_further_than_its_limits(body: Any, code: str) -> None:
    assert refused(opened, body()).code.startswith(code)


def test_an_archive_within_its_limits_gives_its_files_and_their_names_are_data() -> None:
    files = [("../../etc/passwd", b"ISA*1"), ("b.edi", b"ISA*2")]
    assert [(one.name, one.body) for one in opened(bombs.zip_of(*files))] == files
    import gzip

    assert [one.body for one in opened(gzip.compress(b"ISA*3"))] == [b"ISA*3"]


def test_no_bytes_of_an_archive_make_anything_but_a_refusal() -> None:
    whole = bombs.zip_of(("a.edi", b"ISA*00" * 50), ("b.edi", b"x"))
    for at in range(0, len(whole), 3):
        for broken in (whole[:at], whole[:at] + b"\xff" + whole[at + 1 :]):
            try:
                opened(broken)
            except Unreadable:
                continue


# ── XML and JSON ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (bombs.LAUGHS, "XML.FORBIDDEN"),
        (bombs.QUADRATIC, "XML.FORBIDDEN"),
        (bombs.DEEP_XML, "XML.LIMIT"),
        (bombs.WIDE_XML, "XML.LIMIT"),
        (bombs.ATTRIBUTES, "XML."),
        (b"<x>" + b" " * (21 * MIB), "XML.LIMIT"),
    ],
    ids=["billion laughs", "quadratic", "deep", "wide", "attributes", "large"],
)
def test_an_xml_bomb_is_refused(body: bytes, code: str) -> None:
    assert refused(safe_xml.parse, body).code.startswith(code)


@pytest.mark.parametrize("name", bombs.JSON_BOMBS)
def test_a_json_bomb_is_refused(name: str) -> None:
    assert refused(json_strict.loads, bombs.JSON_BOMBS[name]).code.startswith("JSON.")


# ── X12, through the hub ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def hub(store, clock):
    from datetime import timedelta

    with Hub.open(
        store=store, registry=Registry(), clock=clock, tenant="main", lease=timedelta(seconds=300)
    ) as hub:
        hub.processor  # noqa: B018 (loaded before anything is measured)
        yield hub


def letter_of(hub: Hub, body: bytes) -> Any:
    """The one dead letter that a file comes to."""
    letters = letters_of(hub, body)
    assert len(letters) == 1, [letter.sentence for letter in letters]
    return letters[0]


def letters_of(hub: Hub, body: bytes) -> list[Any]:
    """The dead letters that a file comes to; the hub must not compute long for it."""
    message = RawMessage(
        tenant="main",
        source="supplier_edi",
        key="bomb",
        body=body,
        media_type="application/edi-x12",
        received_at=hub.clock.now(),
        name="bomb.edi",
    )
    receiving.accept(hub.store, message, clock=hub.clock)
    began = time.thread_time()
    hub.process()
    assert time.thread_time() - began < 90  # far from a limit, and farther from the minutes that it took
    with hub.store.reading("main") as connection:
        return list(connection.execute(sa.select(dead_letters)).all())


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (lambda: bombs.x12_segments(200_001), "the limit x12_segments is 200000"),
        (lambda: bombs.x12_element(50 * MIB - 400), "the limit x12_element is 65536"),
        (lambda: bombs.x12_element(50 * MIB), "the limit x12_bytes is 52428800"),
        (lambda: bombs.x12_groups(100_000), "the limit x12_groups is 10000"),
        (lambda: bombs.x12_groups(90_000, closed=True), "the limit x12_groups is 10000"),
        (lambda: bombs.x12_answers(20_000), "the limit x12_answers is 5000"),
    ],
    ids=["segments", "element", "bytes", "100,000 GS", "90,000 groups", "20,000 TA1"],
)
def test_an_x12_bomb_is_set_aside_with_its_limit(hub: Hub, body: Any, what: str) -> None:
    letter = letter_of(hub, body())
    assert letter.code == "LIMIT.X12"
    assert what in letter.sentence
    assert "docs/limits.md" in letter.remedy


def test_a_hundred_thousand_loops_end_in_time(hub: Hub) -> None:
    letter_of(hub, bombs.x12_loops(100_000))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: bombs.zip_of(("855.edi", b"ISA"), ("x\n.edi", b"ISA")),
            "it is a zip archive of 2 files ('855.edi', 'x\\n.edi')",
        ),
        (lambda: bombs.gzip_of(300 * MIB), "it is a gzip archive"),
    ],
    ids=["zip", "gzip"],
)
def test_an_archive_that_comes_is_kept_as_it_is_and_set_aside_with_what_is_in_it(
    hub: Hub, made: Callable[[], bytes], said: str
) -> None:
    letter = letter_of(hub, made())
    assert letter.code == "ARCHIVE.REFUSED"
    assert said in letter.sentence
    assert "plain files" in letter.remedy


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mapping_that_goes_round_is_ended_and_its_siblings_go_on(hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setenv("CROSSDOCK_LIMITS", "mapping_ms=300")

    real = Registry.inbound
    began: list[str] = []

    def inbound(self: Registry, name: str) -> Any:
        found = real(self, name)
        return found and dataclasses.replace(
            found, map=lambda value, context: first_forever(found, value, context)
        )

    def first_forever(found: Any, value: Any, context: Any) -> Any:
        began.append(found.name)
        while len(began) == 1:
            try:
                len(str(context))
            except Exception:  # what a mapping swallows is its own
                continue
        return found.map(value, context)

    monkeypatch.setattr(Registry, "inbound", inbound)
    samples = Path(__file__).parents[1] / "spine/samples"
    body = (samples / "broken_between_two_good.edi").read_bytes()
    letters = letters_of(hub, body)
    assert "LIMIT.MAPPING" in [letter.code for letter in letters], [letter.sentence for letter in letters]
    (late,) = [letter for letter in letters if letter.code == "LIMIT.MAPPING"]
    assert "0.3 s of computing" in late.sentence
    with hub.store.reading("main") as connection:
        assert "processed" in connection.scalars(sa.select(parts.c.state)).all(), "its sibling went on"


def test_reading_that_computes_too_long_is_ended(hub: Hub, monkeypatch: Any) -> None:
    monkeypatch.setenv("CROSSDOCK_LIMITS", "parse_ms=1")
    letter = letter_of(hub, bombs.x12_segments(150_000))
    assert letter.code == "LIMIT.PARSE"


def test_only_computing_counts_and_not_waiting() -> None:
    from crossdock.wires.watchdog import within_cpu

    assert within_cpu(0.2, lambda: time.sleep(0.5)) is None
    with pytest.raises(TimeoutError, match=r"0\.2 s of computing"):
        within_cpu(0.2, lambda: busy(20))
    with pytest.raises(TimeoutError, match=r"0\.3 s"):
        within_cpu(0.3, lambda: within_cpu(9, lambda: busy(20)))
    with pytest.raises(TimeoutError, match=r"0\.2 s"):
        within_cpu(9, lambda: within_cpu(0.2, lambda: busy(20)))
    busy(0.3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watch_that_died_watches_again(monkeypatch: Any) -> None:
    from crossdock.wires import watchdog

    def die(seconds: float) -> None:
        raise OSError(errno.EINVAL, "as under a clock that is not the system's")

    monkeypatch.setattr(watchdog, "time", SimpleNamespace(**{**vars(time), "sleep": die}))
    watchdog.within_cpu(9, lambda: busy(0.5))
    assert watchdog._watch._thread is not None
    watchdog._watch._thread.join(20)
    monkeypatch.undo()
    with pytest.raises(TimeoutError):
        watchdog.within_cpu(0.2, lambda: busy(20))


def busy(seconds: float) -> None:
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def test_rules_that_take_too_long_decide_nothing(monkeypatch: Any) -> None:
    from crossdock.decide import Router

    router = Router.load()
    router._require_in_time(0.049, 1)
    with pytest.raises(TimeoutError, match="the limit rule_ms is 50"):
        router._require_in_time(0.051, 1)
    router._require_in_time(0.051, 2)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────

MOST_MIB = 256
PROGRAM = """
import sys
sys.path.insert(0, {here!r})
import bombs
from crossdock.errors import Unreadable
from crossdock.formats import archives, json_strict, safe_xml
from crossdock.normalize import bounds
from crossdock.messages import RawMessage
from datetime import datetime, UTC

def x12(body):
    message = RawMessage(tenant="main", source="s", key="k", body=body, media_type="application/edi-x12",
                         received_at=datetime.now(UTC), name="bomb")
    bounds.refuse(message, x12=True)

for read, body in {cases}:
    try:
        list(read(body) or ())
    except Unreadable:
        continue
    raise SystemExit("nothing was refused")
# not ru_maxrss, which begins with what the parent had
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
sys.stdout.write(str(int(peak.split()[1]) // 1024))
"""
CASES = {
    "archives": "((archives.members, bombs.gzip_of(1024 * bombs.MIB)), (archives.members, bombs.nested_zip(3)))",
    "xml": "((safe_xml.parse, bombs.LAUGHS), (safe_xml.parse, bombs.QUADRATIC), (safe_xml.parse, bombs.DEEP_XML), "
    "(safe_xml.parse, bombs.WIDE_XML))",
    "json": "tuple((json_strict.loads, body) for body in bombs.JSON_BOMBS.values())",
    "x12": "((x12, bombs.x12_element(49 * bombs.MIB)), (x12, bombs.x12_segments(300_000)))",
}


@pytest.mark.parametrize("kind", CASES)
def test_a_bomb_takes_less_than_256_mib(kind: str) -> None:
    program = PROGRAM.format(here=str(Path(__file__).parent), cases=CASES[kind])
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert 0 < int(ran.stdout) < MOST_MIB
