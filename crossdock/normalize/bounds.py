"""What a message may be before it is read, and how long its reading may compute.

What is over a limit is set aside whole, with the limit: half of a document that nobody meant to be so large is worth
nothing.
"""

import re
import time
from collections.abc import Iterator
from typing import NoReturn

from crossdock.errors import Place, Unreadable
from crossdock.formats import archives
from crossdock.limits import limit
from crossdock.messages import RawMessage
from crossdock.normalize.values import PartResult
from crossdock.wires.watchdog import within_cpu

_SMALLER = "Ask the sender for smaller files; or raise the limit (docs/limits.md), and replay this one."


def refuse(message: RawMessage, *, x12: bool, workbooks: bool = False) -> None:
    """Raise ``Unreadable`` for an archive, and for X12 that is over a limit, before anything is made of it.
    ``workbooks``: a zip may be one, which is bounded where it is read."""
    kind = archives.kind_of(message.body)
    if kind is not None and not (workbooks and kind == "zip"):
        raise Unreadable(
            f"{_name(message)} is not a document: {archives.described(message.body)}; archives are not opened by "
            "themselves",
            code="ARCHIVE.REFUSED",
            remedy="Ask the sender for the plain files; then discard this one.",
        )
    if x12:
        _refuse_x12(message)


def _refuse_x12(message: RawMessage) -> None:
    body = message.body
    if len(body) > limit("x12_bytes"):
        _over(message, "x12_bytes", f"is {len(body)} bytes long")
    at = body.find(b"ISA")
    if at < 0 or len(body) < at + 106:
        return
    # The element separator and the terminator of the first interchange; those of later ones are counted as they come.
    separator, terminator = body[at + 3 : at + 4], body[at + 105 : at + 106]
    if (segments := body.count(terminator)) > limit("x12_segments"):
        _over(message, "x12_segments", f"has {segments} segments")
    most = limit("x12_element")
    if len(body) > most and not re.search(rb"(?:BIN|BDS)" + re.escape(separator), body):
        # A binary segment may be long, and says how long.
        long = re.search(rb"[^%s%s]{%d}" % (re.escape(separator), re.escape(terminator), most + 1), body)
        if long is not None:
            _over(message, "x12_element", "has an element that is longer", byte=long.start())


def over_count(message: RawMessage, name: str, count: int, byte: int) -> None:
    """Raise ``Unreadable`` when there are more of something in an interchange than the limit of this name."""
    if count > limit(name):
        _over(message, name, f"has {count} of them and more", byte=byte)


def in_time(parts: Iterator[PartResult]) -> Iterator[PartResult]:
    """The parts, as long as reading them has not computed for too long. What is done with them meanwhile does not
    count."""
    most_s = left_s = limit("parse_ms") / 1000
    while True:
        began = time.thread_time()
        try:
            part = within_cpu(max(left_s, 0.001), lambda: next(parts, None))
            left_s -= time.thread_time() - began
            if left_s < 0:  # over it between two looks of the watch
                raise TimeoutError
        except TimeoutError:
            raise Unreadable(
                f"reading it was not over after {most_s:g} s of computing",
                code="LIMIT.PARSE",
                remedy=_SMALLER,
            ) from None
        if part is None:
            return
        yield part


def _over(message: RawMessage, name: str, what: str, *, byte: int | None = None) -> NoReturn:
    where = f", byte {byte}" if byte is not None else ""
    raise Unreadable(
        f"{_name(message)}{where}: {what}, and the limit {name} is {limit(name)}",
        place=Place(byte=byte),
        code="LIMIT.X12",
        remedy=_SMALLER,
    )


def _name(message: RawMessage) -> str:
    return message.name or message.key
