"""``crossdock x12``: look at X12 files, byte for byte."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer

from crossdock.cli.command import command, group
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk, visible
from crossdock.errors import Misconfigured

if TYPE_CHECKING:
    from crossdock.formats.x12 import Finding, Item, TransactionSet

x12 = group("x12", "X12: look at a file, its envelopes, and everything that is wrong with it.")

SHOWN: Final = 100
"""So many findings are shown to people; ``--json`` has them all."""

BEFORE, AFTER = 24, 40
"""So many bytes round a finding are shown."""


@x12.callback()
def _group() -> None:
    """X12: look at a file, its envelopes, and everything that is wrong with it."""


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(x12)


@command(
    x12,
    "inspect",
    examples=(
        "crossdock x12 inspect order.edi",
        "crossdock x12 inspect order.edi --segments",
        "crossdock x12 inspect order.edi --json",
    ),
)
def inspect(
    talk: Talk,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An X12 file, whole or broken; - is standard input.")
    ],
    segments: Annotated[
        bool, typer.Option("--segments", help="Show every segment of every set, numbered.")
    ] = False,
) -> ExitCode:
    """Show the envelopes of a file and everything that is wrong with it; every byte is accounted for."""
    from crossdock.formats.x12 import Coverage, Severity, findings_of, read

    coverage = Coverage()
    seen = _Seen(with_segments=segments)
    findings: list[Finding] = []
    with _opened(file) as stream:
        for item in read(stream, coverage=coverage):
            seen.take(item)
            findings += findings_of([item])
        findings = _once(findings)
        document = {
            "file": file.name,
            "bytes": coverage.bytes,
            "bytes_accounted": coverage.bytes_accounted,
            "segments": coverage.segments,
            "interchanges": seen.interchanges,
            "findings": [_finding(finding) for finding in findings],
        }
        if not talk.answer(document):
            _show(talk, document, findings, stream)
    wrong = any(finding.severity is not Severity.INFO for finding in findings)
    return ExitCode.FINDINGS if wrong or seen.problems else ExitCode.OK


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, or standard input, as something that is read in blocks and can be looked at again."""
    if str(path) == "-":
        yield io.BytesIO(sys.stdin.buffer.read())
        return
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise Misconfigured(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise Misconfigured(f"{path} is a folder: name a file in it") from error
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}") from error
    with stream:
        if not stream.seekable():  # a pipe by name
            yield io.BytesIO(stream.read())
        else:
            yield stream


class _Seen:
    """The tree of envelopes, as it grows while the file is read."""

    def __init__(self, *, with_segments: bool) -> None:
        self.interchanges: list[dict[str, Any]] = []
        self.problems = 0
        self._with_segments = with_segments

    def take(self, item: "Item") -> None:
        from crossdock.formats import x12 as form

        match item:
            case form.Interchange():
                self.interchanges.append(
                    {
                        "control_number": item.control_number,
                        "sender": {"qualifier": item.sender_qualifier, "id": item.sender},
                        "receiver": {"qualifier": item.receiver_qualifier, "id": item.receiver},
                        "date": item.date,
                        "time": item.time,
                        "release": item.release,
                        "usage": item.usage,
                        "ack_requested": item.ack_requested,
                        "delimiters": {
                            "element": item.delimiters.element,
                            "component": item.delimiters.component,
                            "repetition": item.delimiters.repetition,
                            "segment": item.delimiters.segment,
                        },
                        "offset": item.offset,
                        "segment": item.ordinal,
                        "acknowledgements": [],
                        "groups": [],
                        "declared_groups": "",
                        "closed": False,
                    }
                )
            case form.Acknowledgement():
                self.interchanges[-1]["acknowledgements"].append(
                    {"control_number": item.control_number, "status": item.status, "note": item.note}
                )
            case form.Group():
                self.interchanges[-1]["groups"].append(
                    {
                        "functional_id": item.functional_id,
                        "control_number": item.control_number,
                        "sender": item.sender,
                        "receiver": item.receiver,
                        "version": item.version,
                        "offset": item.offset,
                        "segment": item.ordinal,
                        "transaction_sets": [],
                        "declared_sets": "",
                        "closed": False,
                    }
                )
            case form.TransactionSet():
                self._group_of(item)["transaction_sets"].append(self._set(item))
            case form.GroupEnd():
                of_group = self.interchanges[-1]["groups"][-1]
                of_group["declared_sets"], of_group["closed"] = item.declared, item.ordinal is not None
            case form.InterchangeEnd():
                last = self.interchanges[-1]
                last["declared_groups"], last["closed"] = item.declared, item.ordinal is not None
            case form.Finding():
                pass

    def _group_of(self, entry: "TransactionSet") -> dict[str, Any]:
        """The group of a set; one that stands outside of any group gets a place without a name."""
        groups: list[dict[str, Any]] = self.interchanges[-1]["groups"]
        if entry.group is None and (not groups or groups[-1]["functional_id"] or groups[-1]["closed"]):
            groups.append(
                {
                    "functional_id": "",
                    "control_number": "",
                    "sender": "",
                    "receiver": "",
                    "version": "",
                    "offset": entry.offset,
                    "segment": None,
                    "transaction_sets": [],
                    "declared_sets": "",
                    "closed": False,
                }
            )
        return groups[-1]

    def _set(self, entry: "TransactionSet") -> dict[str, Any]:
        from crossdock.formats.x12 import guides

        problems = guides.check(entry)
        self.problems += len(problems)
        found: dict[str, Any] = {
            "set": entry.set_id,
            "control_number": entry.control_number,
            "segments": len(entry.segments),
            "segment": entry.first_ordinal,
            "offset": entry.offset,
            "length": entry.length,
            "encoding": entry.encoding,
            "complete": entry.complete,
            "valid": entry.valid and not problems,
            "problems": [
                {
                    "segment": entry.first_ordinal + problem.position - 1,
                    "segment_id": problem.segment_id,
                    "code": problem.code,
                    "sentence": guides.say(problem),
                }
                for problem in problems
            ],
        }
        if self._with_segments:
            found["content"] = [list(segment) for segment in entry.segments]
        return found


def _once(findings: "list[Finding]") -> "list[Finding]":
    """Each finding once, in the order of the file."""
    by_identity = {id(finding): finding for finding in findings}
    return sorted(by_identity.values(), key=lambda finding: finding.offset)


def _finding(finding: "Finding") -> dict[str, Any]:
    return {
        "code": str(finding.code),
        "severity": str(finding.severity),
        "message": finding.message,
        "offset": finding.offset,
        "length": finding.length,
        "segment": finding.segment,
        "segment_id": finding.segment_id,
        "acknowledged_by": str(finding.level),
        "acknowledgement_code": finding.ack_code,
    }


# ── for people ───────────────────────────────────────────────────────────────────────────────────────────────


def _show(talk: Talk, document: dict[str, Any], findings: "list[Finding]", stream: BinaryIO) -> None:
    talk.line(
        f"{document['file']}: {document['bytes']} bytes, of which {document['bytes_accounted']} are accounted for; "
        f"{document['segments']} segments"
    )
    for interchange in document["interchanges"]:
        _show_interchange(talk, interchange)
    if findings:
        talk.heading(f"findings: {len(findings)}")
    for finding in findings[:SHOWN]:
        where = f"byte {finding.offset}" + (f", segment {finding.segment}" if finding.segment else "")
        talk.line(f"  {finding.severity:<7}  {finding.code}  at {where}: {finding.message}")
        for line in _excerpt(stream, finding):
            talk.line(f"           {line}")
    if len(findings) > SHOWN:
        talk.say(f"{len(findings) - SHOWN} more findings: add --json")
    talk.next_step("crossdock try FILE", "what would come of it")


def _show_interchange(talk: Talk, interchange: dict[str, Any]) -> None:
    sender, receiver = interchange["sender"], interchange["receiver"]
    talk.heading(
        f"interchange {interchange['control_number']}: {sender['qualifier']}/{sender['id']} to "
        f"{receiver['qualifier']}/{receiver['id']}, {interchange['date']} {interchange['time']}, release "
        f"{interchange['release']}, usage {interchange['usage']}"
        + ("" if interchange["closed"] else ", NOT closed")
    )
    delimiters = " ".join(f"{name} {mark!r}" for name, mark in interchange["delimiters"].items() if mark)
    talk.line(f"  delimiters: {delimiters}")
    for answer in interchange["acknowledgements"]:
        talk.line(f"  TA1 for {answer['control_number']}: {answer['status']} {answer['note']}")
    for of_group in interchange["groups"]:
        closed = "" if of_group["closed"] else ", NOT closed"
        name = (
            f"group {of_group['functional_id']} {of_group['control_number']}, version {of_group['version']}"
        )
        talk.line(f"  {name if of_group['functional_id'] else 'outside of any group'}{closed}")
        for entry in of_group["transaction_sets"]:
            talk.line(
                f"    {entry['set']} {entry['control_number']}: {entry['segments']} segments from byte "
                f"{entry['offset']}" + ("" if entry["valid"] else ", NOT valid")
            )
            for problem in entry["problems"]:
                talk.line(f"      {problem['sentence']}")
            for number, segment in enumerate(entry.get("content", ()), start=entry["segment"]):
                talk.line(f"      {number:>6}  {interchange['delimiters']['element'].join(segment)}")


def _excerpt(stream: BinaryIO, finding: "Finding") -> tuple[str, str]:
    """The bytes round a finding, on one line, with a caret under the first of them."""
    start = max(0, finding.offset - BEFORE)
    stream.seek(start)
    around = stream.read(finding.offset - start + AFTER)
    before, behind = around[: finding.offset - start], around[finding.offset - start :]
    shown = [
        visible(part.decode("latin-1")).replace("\n", "\\n").replace("\t", "\\t") for part in (before, behind)
    ]
    width = max(1, min(finding.length, len(behind)))
    return "".join(shown), " " * len(shown[0]) + "^" * width
