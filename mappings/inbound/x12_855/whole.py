"""What an 855 or 865 says of the whole order, and not of one line: its type, and that it leaves lines out."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from canonical.events import ExceptionEvent, SourceCode
from mappings import codes
from mappings.inbound.x12_855.header import Header

SILENCE: Final = {
    "AK": "accepted",
    "AT": "accepted",
    "AE": "accepted",
    "RJ": "rejected",
    "RF": "rejected",
    "RD": "rejected",
    "RN": "rejected",
    "RV": "rejected",
    "AC": "unaccounted",
    "AD": "unaccounted",
}
"""What a line that is not listed means, by BAK02. AE and RF list exceptions only; AC and AD must list all."""


class AnsweredLine(Protocol):
    """A line of either document."""

    ref: str

    def source_codes(self) -> list[SourceCode]:
        """The supplier's own words about this line."""


def header_event(
    header: Header, exception: str, lines: Iterable[AnsweredLine], *, about: str, verbs: Mapping[str, str]
) -> ExceptionEvent:
    """What the type of the answer says by itself. ``lines``: those that explain it; ``about``: the order, or its
    change, in words."""
    told: list[SourceCode] = [header.source_code]
    detail = [header.source_code.get("text") or f"type {header.kind}"]
    refs: list[str] = []
    for line in lines:
        said = line.source_codes()
        told += said
        words = ", ".join(f"{each['code']} ({each.get('text', 'unknown')})" for each in said)
        detail.append(f"line {line.ref}: {words or 'listed without a reason'}")
        refs.append(line.ref)
    if exception == codes.UNKNOWN:
        title = f"{header.who} answered {about} with {header.kind!r}, a word that we do not know"
    else:
        title = f"{header.who} {verbs.get(exception, 'did not simply accept')} {about}"
    return ExceptionEvent(
        code=exception,
        title=title,
        detail="; ".join(detail),
        cause=codes.cause_of(header.meaning),
        refs=header.refs,
        place=header.place,
        occurred_at=header.occurred_at,
        parties=header.parties,
        source_codes=told,
        ext=header.reader.ext(**({"lines": refs} if refs else {})),
    )


def left_out(header: Header, listed: int) -> str:
    """Why lines must be missing in an answer that lists so many; empty where nothing says so."""
    if SILENCE.get(header.kind) == "unaccounted" and not listed:
        return f"says {header.kind}, which lists every line, and lists none"
    if listed and header.lines_declared > listed:
        return f"counts {header.lines_declared} lines and lists {listed}"
    return ""


def unanswered(header: Header, why: str, *, about: str) -> ExceptionEvent:
    """Lines that the answer leaves out."""
    return ExceptionEvent(
        code="ORD.QTY_UNACCOUNTED",
        title=f"{header.who} left lines of {about} unanswered",
        detail=f"the acknowledgment {why}",
        refs=header.refs,
        place=header.place,
        occurred_at=header.occurred_at,
        parties=header.parties,
        source_codes=[header.source_code] if header.kind else [],
        method="rule",
        ext=header.reader.ext(),
    )
