"""An inspected X12 file as a person reads it: one line a segment, what it says under it, errors under their place."""

import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

from crossdock.cli.talk import Talk, visible
from crossdock.formats.x12.write import PLAIN

if TYPE_CHECKING:
    from crossdock.formats.x12 import Coverage, Delimiters, Finding
    from crossdock.formats.x12.annotate import Line, Reading, Trouble
    from crossdock.formats.x12.inspect import (
        Answer,
        GroupReport,
        InterchangeReport,
        Report,
        SetReport,
        View,
    )
    from crossdock.partners import Partner

BEFORE, AFTER = 24, 40
"""So many bytes round a finding are shown."""

BEHIND: Final = 400
"""So many bytes before an excerpt are looked at, for an ISA that reaches into it."""

FINDINGS: Final = 20
"""So many findings are shown to people that stand in no segment that is shown; ``--json`` has them all."""

MARGIN: Final = 20
"""The columns of segment number and byte."""

NAMES: Final = 46
"""Where the names of segments begin, behind the margin, when there is room."""

LONGEST: Final = 240
"""No segment is shown longer than this; a binary one may have megabytes."""

_STYLES: Final = {"error": "red", "warning": "yellow", "info": "dim"}
_USAGE: Final = {"P": "production", "T": "test", "I": "information"}


class Page:
    """Shows one file. ``known_as``: the partner that sends under an ISA qualifier and id, or empty."""

    def __init__(
        self,
        talk: Talk,
        stream: BinaryIO,
        view: "View",
        *,
        partner: "Partner | None",
        known_as: Callable[[str, str], str],
        with_elements: bool,
    ) -> None:
        self._talk = talk
        self._stream = stream
        self._view = view
        self._partner = partner
        self._known_as = known_as
        self._with_elements = with_elements
        self._told: set[tuple[str, int]] = set()
        self._delimiters = PLAIN

    def show(self, name: str, coverage: "Coverage", report: "Report") -> None:
        """Everything that is kept of a file, from its summary to what was found outside of its sets."""
        self._summary(name, coverage, report)
        for interchange in report.interchanges:
            self._interchange(interchange)
        more = report.interchange_count - len(report.interchanges)
        if more:
            self._talk.line()
            self._talk.line(f"and {_count(more, 'interchange')} more")
        self._findings(report)
        self._left_out(report)

    # -- the beginning ----------------------------------------------------------------------------------

    def _summary(self, name: str, coverage: "Coverage", report: "Report") -> None:
        accounted = (
            "all accounted for"
            if coverage.bytes == coverage.bytes_accounted
            else f"of which {coverage.bytes_accounted:,} are accounted for"
        )
        self._talk.styled(
            (name, "bold"),
            (f": {coverage.bytes:,} bytes, {accounted}; {_count(coverage.segments, 'segment')}", ""),
        )
        sets = f": {_sets(report.by_set, report.wrong)}" if report.by_set else ""
        self._talk.line(
            f"{_count(report.interchange_count, 'interchange')}, {_count(report.group_count, 'group')}, "
            f"{_count(report.set_count, 'transaction set')}{sets}"
        )
        if report.is_right:
            return
        said = []
        if report.problem_count:
            said.append(f"{_count(report.problem_count, 'segment')} against the guide")
        if report.finding_count:
            codes = ", ".join(
                f"{code} {count:,}" if count > 1 else code for code, count in report.by_code.items()
            )
            said.append(f"{_count(report.finding_count, 'finding')} ({codes})")
        if report.refused:
            said.append(f"{_count(report.refused, 'set')} refused")
        self._talk.styled(("; ".join(said) or "levels that do not fit", "red"))

    def _interchange(self, report: "InterchangeReport") -> None:
        opened = report.opened
        closed = "" if report.closed else ", NOT closed"
        self._talk.heading(
            f"interchange {opened.control_number}: {opened.sender_qualifier}/{opened.sender} to "
            f"{opened.receiver_qualifier}/{opened.receiver}, {_moment(opened.date, opened.time)}, release "
            f"{opened.release}, {_USAGE.get(opened.usage, f'usage {opened.usage}')}{closed}"
        )
        delimiters = self._delimiters = opened.delimiters
        marks = (
            ("element", delimiters.element), ("component", delimiters.component),
            ("repetition", delimiters.repetition), ("segment", delimiters.segment),
        )  # fmt: skip
        said = " ".join(f"{name} {mark!r}" for name, mark in marks if mark)
        self._talk.line(f"  segment {opened.ordinal}, byte {opened.offset}; delimiters: {said}")
        self._talk.line(f"  {self._read_by(report)}")
        self._excerpts(opened.findings)
        for answer in report.acknowledgements:
            self._talk.line(
                f"  TA1 for interchange {answer.control_number}: {_of_ta1(answer.status, answer.note)}"
            )
        more = report.acknowledgement_count - len(report.acknowledgements)
        if more:
            self._talk.line(f"  and {more} TA1 more")
        for group in report.groups:
            self._group(group)
        if report.group_count > len(report.groups):
            self._talk.line(f"  and {_count(report.group_count - len(report.groups), 'group')} more")
        if report.answer.word == "R" or opened.ack_requested:
            asked = " (ISA14 asks for one)" if opened.ack_requested else ""
            self._talk.styled(("  the TA1 would say", ""), (asked, "dim"), (": ", ""), _styled(report.answer))

    def _read_by(self, report: "InterchangeReport") -> str:
        if self._partner is not None:
            return f"read by what is agreed with {self._partner.name}"
        if report.agreed_with:
            return f"sent by {report.agreed_with}; read by what is agreed with {report.agreed_with}"
        name = self._known_as(report.opened.sender_qualifier, report.opened.sender)
        return f"sent by {name}; read by the plain guides" if name else "read by the plain guides"

    def _group(self, report: "GroupReport") -> None:
        opened = report.opened
        closed = "" if report.closed or opened is None else ", NOT closed"
        if opened is None:
            self._talk.line("  outside of any group")
        else:
            self._talk.styled(
                (f"  group {opened.functional_id} {opened.control_number}", "bold"),
                (
                    f": {opened.sender} to {opened.receiver}, {_moment(opened.date, opened.time)}, version "
                    f"{opened.version}, {_sets(report.by_set, report.wrong) or 'no sets'}{closed}",
                    "",
                ),
            )
            self._excerpts(opened.findings)
        listed = [one for one in report.sets if one.shown or not self._view.only]
        shown = [one for one in listed if one.shown]
        for one in shown:
            self._set(one)
        others = [one for one in listed if not one.shown and not self._view.errors]
        if others and len(shown) + len(others) > 1:
            self._others(report, others, len(shown))
        elif not shown:
            self._others(report, others, 0)
        if opened is not None and report.answer.kind != "none":
            counts = f"{report.count:,} received" if report.count else "no set received"
            kind = report.answer.kind
            self._talk.styled(
                (f"  the {kind} would say of group {opened.control_number}: ", ""),
                _styled(report.answer),
                (
                    f"   ({report.answer.written(report.answer.segments[-1])}; {counts})"
                    if report.answer.segments
                    else "",
                    "dim",
                ),
            )

    def _others(self, report: "GroupReport", others: "Sequence[SetReport]", shown: int) -> None:
        """The sets without their segments: the first by name, of the rest how many."""
        for one in others[:5]:
            self._talk.styled(
                (f"    set {one.number}: {one.set_id} {one.control_number}", ""),
                (f", {_count(one.segments, 'segment')} from byte {one.offset}", "dim"),
                (
                    f", {one.answer.sentence}" if one.answer.kind != "none" else "",
                    "dim" if one.is_right else "red",
                ),
            )
        more = report.count - shown - min(5, len(others))
        if more > 0 and not self._view.only:
            self._talk.line(f"    and {more:,} more set{'' if more == 1 else 's'}")
        if report.numbers_wrong:
            listed = ", ".join(map(str, report.numbers_wrong[:20]))
            wrong = report.wrong.total()
            dots = ", ..." if wrong > 20 else ""
            self._talk.styled((f"    something is wrong in {_count(wrong, 'set')}: {listed}{dots}", "red"))

    # -- a set ------------------------------------------------------------------------------------------

    def _set(self, report: "SetReport") -> None:
        guide = f"guide {report.guide}" if report.guide else "no guide for it: its content is not checked"
        if report.guide and report.version[:6] not in ("", report.guide):
            guide += ", for want of a nearer one"
        self._talk.line()
        self._talk.styled(
            (f"    set {report.number}: {report.set_id} {report.control_number}", "bold"),
            (f"  {report.name}" if report.name else "", "bold"),
            (
                f"   {_count(report.segments, 'segment')}, {report.length:,} bytes, {report.encoding}; {guide}",
                "dim",
            ),
        )
        if report.loops:
            counts = ", ".join(f"{path} {count:,}" for path, count in report.loops.items())
            self._talk.styled((f"    loops: {counts}", "dim"))
        last = 0
        for line in report.lines:
            if line.position > last + 1:
                self._gap(line.position - last - 1)
            last = line.position
            self._line(line, report)
        for trouble in report.troubles:
            if not any(trouble in line.troubles for line in report.lines):
                self._told.add((trouble.code, trouble.offset))
                self._say(trouble, MARGIN)
        if report.refusal:
            self._talk.styled((f"    refused: {report.refusal}", "red"))
        if report.answer.kind != "none":
            self._answer(report)

    def _gap(self, count: int) -> None:
        self._talk.styled((f"{'':{MARGIN}}... {count:,} more segments", "dim"))

    def _answer(self, report: "SetReport") -> None:
        answer = report.answer
        with_others = " with its group or interchange" if answer.word == "R" and not answer.codes else ""
        self._talk.styled((f"    the {answer.kind} would say: ", ""), _styled(answer), (with_others, "red"))
        inner = answer.segments[1:]
        if len(inner) > 1:
            for segment in inner[:30]:
                self._talk.styled((f"      {answer.written(segment)}", "dim"))
            if len(inner) > 30:
                self._talk.styled((f"      ... {_count(len(inner) - 30, 'segment')} more", "dim"))

    def _line(self, line: "Line", report: "SetReport") -> None:
        indent = "  " * line.depth
        raw = _Raw(line, self._delimiters, report.encoding)
        shown = raw.text if len(raw.text) <= LONGEST else f"{raw.text[:LONGEST]}... ({line.length:,} bytes)"
        where = f" [{'/'.join(line.loops)} {line.turn}]" if line.turn is not None else ""
        room = max(0, NAMES - len(indent) - _width(shown))
        self._talk.styled(
            (f"{line.segment:>8} {line.offset:>9}  ", "dim"),
            (f"{indent}{shown}", ""),
            (f"{' ' * room}  {line.name}{where}", "dim"),
        )
        for trouble in line.troubles:
            self._told.add((trouble.code, trouble.offset))
            self._caret(trouble, raw, len(indent))
        self._readings(line, len(indent))

    def _caret(self, trouble: "Trouble", raw: "_Raw", indent: int) -> None:
        column, width = raw.place(trouble)
        column = min(column, LONGEST)
        width = min(width, LONGEST + 3 - column)
        style = _STYLES.get(trouble.severity, "")
        self._talk.styled((f"{'':{MARGIN + indent}}{' ' * column}{'^' * max(1, width)}", style))
        self._say(trouble, MARGIN + indent)

    def _say(self, trouble: "Trouble", margin: int) -> None:
        style = _STYLES.get(trouble.severity, "")
        where = (
            f"segment {trouble.segment}, byte {trouble.offset}"
            if trouble.segment
            else f"byte {trouble.offset}"
        )
        told = f"; told by {trouble.told}" if trouble.told else ""
        code = f"{trouble.code}, " if trouble.code.startswith("X12") else ""
        self._wrapped(f"{trouble.severity}: {trouble.sentence} ({code}{where}{told})", margin, style)

    def _readings(self, line: "Line", indent: int) -> None:
        margin = MARGIN + indent + 2
        if self._with_elements:
            for reading in line.readings:
                self._element(line.id, reading, margin)
            return
        if line.id in ("ST", "SE"):
            return
        said = [reading.sentence for reading in line.readings if reading.says]
        if said:
            self._wrapped("; ".join(said), margin, "dim")

    def _element(self, segment_id: str, reading: "Reading", margin: int) -> None:
        place = f"{segment_id}{reading.element:02}"
        if reading.component is not None:
            place += f"-{reading.component}"
        if reading.repetition is not None:
            place += f" ({reading.repetition})"
        value = visible(reading.value[:LONGEST]).replace("\n", "\\n").replace("\t", "\\t")
        name = f"{reading.reference:>5}  {reading.name}" if reading.name else "       not described"
        said = f" = {reading.says}" if reading.says else ""
        self._talk.styled((f"{'':{margin}}{place:<9} ", "dim"), (f"{name}: ", "dim"), (value, ""), (said, ""))

    def _wrapped(self, text: str, margin: int, style: str) -> None:
        room = max(40, self._talk.width - margin) if self._talk.on_terminal else 10_000
        flat = " ".join(visible(text).split())
        for line in textwrap.wrap(flat, room, break_long_words=False, break_on_hyphens=False):
            self._talk.styled((f"{'':{margin}}{line}", style))

    # -- what stands outside of the sets that are shown -------------------------------------------------

    def _excerpts(self, findings: "Iterable[Finding]") -> None:
        for finding in findings:
            self._excerpt(finding)

    def _findings(self, report: "Report") -> None:
        left = [one for one in report.findings if (str(one.code), one.offset) not in self._told]
        left.sort(key=lambda one: one.offset)
        if left and not self._view.only:
            self._talk.heading("findings outside of the segments above")
            for finding in left[:FINDINGS]:
                self._excerpt(finding)
        more = report.finding_count - len(
            self._told & {(str(one.code), one.offset) for one in report.findings}
        )
        more -= min(len(left), FINDINGS)
        if more > 0 and not self._view.only:
            self._talk.say(f"{_count(more, 'finding')} more: add --json")

    def _excerpt(self, finding: "Finding") -> None:
        """The bytes round a finding, on one line, with a caret under the first of them."""
        from crossdock.formats.x12.annotate import of_finding

        if (str(finding.code), finding.offset) in self._told:
            return
        self._told.add((str(finding.code), finding.offset))
        before, behind = self._around(finding.offset)
        width = max(1, min(finding.length, len(behind)))
        self._talk.line(f"    {before}{behind}")
        self._talk.styled(
            (f"    {' ' * _width(before)}{'^' * width}", _STYLES.get(str(finding.severity), ""))
        )
        self._say(of_finding(finding), 4)

    def _around(self, offset: int) -> tuple[str, str]:
        from crossdock.formats.x12.security import hide_security

        start = max(0, offset - BEHIND)
        self._stream.seek(start)
        text = hide_security(self._stream.read(offset - start + AFTER).decode("latin-1"))
        at = offset - start
        before, behind = text[max(0, at - BEFORE) : at], text[at:]
        return _escaped(before), _escaped(behind)

    def _left_out(self, report: "Report") -> None:
        hidden = report.set_count - report.shown
        long = any(
            one.left_out
            for interchange in report.interchanges
            for group in interchange.groups
            for one in group.sets
        )
        said = []
        if self._view.only and report.shown < len(self._view.only):
            said.append(f"there are {_count(report.set_count, 'set')}")
        elif self._view.errors and not report.wrong:
            said.append(
                "nothing is wrong in the sets"
                if report.is_right
                else "nothing is wrong in the sets: it is around them, see above"
                if report.set_count
                else "there is no set"
            )
        elif hidden and not self._view.only:
            said.append(f"without segments: {_count(hidden, 'set')}; see --limit N, --set N, --errors")
        if long:
            said.append("long sets are shown in part: --segments")
        if said:
            self._talk.line()
            self._talk.line("; ".join(said))


class _Raw:
    """A segment as it stands in the file, on one line; and where a place in its bytes is in that line."""

    def __init__(self, line: "Line", delimiters: "Delimiters", encoding: str) -> None:
        sign = delimiters.element
        self.text = _escaped(sign.join(line.content))
        wide = encoding == "utf-8" or delimiters.encoding == "utf-8"
        self._encoding = "utf-8" if wide else "latin-1"
        self._offset = line.offset
        self._bytes = sign.encode(delimiters.encoding).join(
            element.encode("utf-8" if encoding == "utf-8" else "latin-1", "replace")
            for element in line.content
        )

    def place(self, trouble: "Trouble") -> tuple[int, int]:
        """The column and the width of what is wrong."""
        begin = max(0, trouble.offset - self._offset)
        column = self._width(self._bytes[:begin])
        return column, self._width(self._bytes[begin : begin + trouble.length])

    def _width(self, raw: bytes) -> int:
        return _width(_escaped(raw.decode(self._encoding, "replace")))


def _escaped(text: str) -> str:
    """On one line, with whatever cannot be seen made visible."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _width(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def _styled(answer: "Answer") -> tuple[str, str]:
    return answer.sentence, {"A": "", "E": "yellow"}.get(answer.word, "red")


def _of_ta1(status: str, note: str) -> str:
    from crossdock.formats.x12.inspect import text_of

    said, why = text_of("I17", status), text_of("I18", note)
    return f"{status} {note}" + (f" ({'; '.join(filter(None, (said, why)))})" if said or why else "")


def _moment(date: str, time: str) -> str:
    from crossdock.formats.x12.annotate import day, time_of_day

    return f"{day(date) or date} {time_of_day(time) or time}".strip()


def _sets(by_set: Mapping[str, int], wrong: Mapping[str, int]) -> str:
    """``855 (3, of which 1 with errors), 997``."""
    said = []
    for set_id, count in by_set.items():
        bad = wrong.get(set_id, 0)
        told = [f"{count:,}"] if count > 1 else []
        if bad:
            told.append(f"something is wrong in {f'{bad:,}' if count > 1 else 'it'}")
        said.append(f"{set_id} ({', '.join(told)})" if told else set_id)
    return ", ".join(said)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
