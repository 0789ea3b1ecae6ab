"""Whatever the bytes are: nothing raises, every byte is accounted for once, and blocks change nothing."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.formats.x12 import Coverage, Finding, Item, Limits, TransactionSet, read

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parent / "samples").glob("*.edi"))]

PIECES = [
    b"~", b"~~", b"*", b"\n", b"\r\n", b" ", b"\t", b"\x00", b"\xff", b"\xe2\x80\xa6", b"ISA", b"ISA*00*", b"IEA",
    b"IEA*1*000000001~", b"GE*1*1~", b"GS*PR*A*B*20261120*1200*1*X*004010~", b"ST*855*0001~", b"SE*2*0001~",
    b"TA1*1*261120*1200*A*000~", b"BIN*5*ab~cd~", b"BIN*99*", b"BDS*ASC*3*~~~~", b"ISB*1~",
]  # fmt: skip

ISA = (
    b"ISA*00*          *00*          *ZZ*NORTHERN       *ZZ*CROSSDOCK      "
    b"*261120*1200*U*00401*000000001*0*P*>~"
)
SMALL = Limits(block_bytes=48, segment_bytes=70, set_bytes=300, findings_per_set=3, control_numbers=2)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample, or two behind each other, cut, flipped, doubled, thinned out or with a piece put in."""
    body = bytearray(draw(st.sampled_from(SAMPLES)))
    if draw(st.booleans()):
        body += draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(body)))
        to = draw(st.integers(at, len(body)))
        match draw(st.integers(0, 4)):
            case 0:
                del body[at:]
            case 1 if at < len(body):
                body[at] = draw(st.integers(0, 255))
            case 2:
                body[at:at] = body[at:to]
            case 3:
                del body[at:to]
            case _:
                body[at:at] = draw(st.sampled_from(PIECES) | st.binary(max_size=8))
    return bytes(body)


def _read(body: bytes, limits: Limits) -> list[Item]:
    """Read, and hold the reading to its promises about bytes."""
    coverage = Coverage()
    items = list(read(body, limits=limits, coverage=coverage))
    at = 0
    for item in items:
        if isinstance(item, Finding) and not item.covers:
            continue
        assert item.offset == at
        at += item.length
    assert at == len(body)
    assert coverage.bytes == coverage.bytes_accounted == len(body)
    for item in items:
        found = (item,) if isinstance(item, Finding) else item.findings
        assert all(one.offset >= 0 and one.offset + one.length <= len(body) for one in found)
        assert all(one.segment is None or 1 <= one.segment <= coverage.segments for one in found)
    return items


@settings(deadline=None, max_examples=120)
@given(mutated())
def test_every_byte_of_a_mutated_file_is_accounted_for(body: bytes) -> None:
    for item in _read(body, Limits()):
        if not isinstance(item, TransactionSet):
            continue
        delimiters = item.interchange.delimiters
        separator = delimiters.element.encode(delimiters.encoding)
        for position, segment in enumerate(item.segments, 1):
            offset, length = item.span_of(position)
            text = separator.join(element.encode(item.encoding) for element in segment)
            assert body[offset : offset + length] == text
        assert item.spans() == [item.span_of(position) for position in range(1, len(item.segments) + 1)]


@settings(deadline=None, max_examples=80)
@given(mutated(), st.sampled_from([1, 5, 64, 300]))
def test_blocks_change_nothing(body: bytes, block: int) -> None:
    whole, cut = _read(body, Limits()), _read(body, Limits(block_bytes=block))
    assert [_plain(item) for item in cut] == [_plain(item) for item in whole]


@settings(deadline=None, max_examples=80)
@given(mutated())
def test_every_byte_is_accounted_for_when_limits_are_met(body: bytes) -> None:
    _read(body, SMALL)


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=600))
def test_every_byte_of_rubbish_is_accounted_for(body: bytes) -> None:
    _read(body, Limits())
    _read(ISA + body, SMALL)


def _plain(item: Item) -> Item:
    return item._replace(layout=()) if isinstance(item, TransactionSet) else item
