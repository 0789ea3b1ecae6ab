"""pyx12 as the second reader: what we send is read by it before it leaves, and in tests both must agree.

pyx12's own losses (a BOM, ``~~``, an unterminated last segment, a second interchange with other delimiters) make it
no judge of what others send; of what we write, which has none of these, it is one.
"""

import io
from collections.abc import Iterator
from itertools import zip_longest

from crossdock.formats.x12.findings import Finding, Severity
from crossdock.formats.x12.items import (
    Acknowledgement,
    Group,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    Segment,
    TransactionSet,
)
from crossdock.formats.x12.reader import read


def differences(body: bytes) -> list[str]:
    """How the second reader reads these bytes differently from us, or what either finds wrong; empty: they agree."""
    found = [f"we find: {one.message}" for one in _errors(body)]
    complaints: list[str] = []
    unlike: list[str] = []
    ours = theirs = 0
    try:
        # both at the same time: an answer to a long message is long, and neither reading of it need be kept
        for mine, other in zip_longest(first_reading(body), _second_reading(body, complaints)):
            ours += mine is not None
            theirs += other is not None
            if mine != other and mine is not None and other is not None:
                unlike.append(f"segment {ours}: we read {mine}, the second reader {other}")
    except Exception as error:
        # pyx12 raises what it likes, a bare IndexError included
        return [*found, f"the second reader cannot read it: {type(error).__name__}: {error}"]
    found += [f"the second reader says: {complaint}" for complaint in complaints]
    if ours != theirs:
        found.append(f"we read {ours} segments, the second reader {theirs}")
    return found + unlike


def first_reading(body: bytes) -> Iterator[Segment]:
    """All segments as our reader has them, without empty elements at their ends."""
    for item in read(body):
        match item:
            case Interchange():
                yield ["ISA", *item.elements]
            case TransactionSet():
                yield from map(_trimmed, item.segments)
            case Acknowledgement() | Group():
                yield _trimmed(item.segment)
            case GroupEnd() if item.length:
                yield _trimmed(["GE", item.declared, item.control_number])
            case InterchangeEnd() if item.length:
                yield _trimmed(["IEA", item.declared, item.control_number])


def second_reading(body: bytes) -> tuple[list[Segment], list[str]]:
    """All segments as pyx12 has them, and what it complains about at the end of the file too."""
    complaints: list[str] = []
    return list(_second_reading(body, complaints)), complaints


def _second_reading(body: bytes, complaints: list[str]) -> Iterator[Segment]:
    """The same one by one; ``complaints`` is filled at the end."""
    from pyx12.x12file import X12Reader

    with X12Reader(io.StringIO(body.decode("utf-8"))) as reader:
        for segment in reader:
            _, element, component, _, _ = reader.get_term()
            elements = segment.format("", element, component).split(element)
            if elements[0] == "ISA":
                elements[16:] = [str(component)]  # it takes ISA16 for an empty composite
            yield _trimmed(elements)
        reader.cleanup()
        complaints += [str(error[2]) for error in reader.pop_errors()]


def _errors(body: bytes) -> Iterator[Finding]:
    for item in read(body):
        for one in (item,) if isinstance(item, Finding) else item.findings:
            if one.severity is Severity.ERROR:
                yield one


def _trimmed(segment: Segment) -> Segment:
    end = len(segment)
    while end > 1 and not segment[end - 1]:
        end -= 1
    return segment[:end]
