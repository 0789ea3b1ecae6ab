"""An inspected X12 file as one JSON document: stable fields; bytes count from 0, segments of the file from 1."""

from collections.abc import Sequence
from typing import Any

from crossdock.formats.x12 import guides
from crossdock.formats.x12.annotate import Line, Trouble
from crossdock.formats.x12.findings import Finding
from crossdock.formats.x12.inspect import Answer, GroupReport, InterchangeReport, Report, SetReport
from crossdock.formats.x12.items import Coverage


def as_dict(name: str, coverage: Coverage, report: Report, *, with_content: bool) -> dict[str, Any]:
    """The whole report. ``with_content``: each set that is shown has its segments as lists too."""
    return {
        "file": name,
        "bytes": coverage.bytes,
        "bytes_accounted": coverage.bytes_accounted,
        "segments": coverage.segments,
        "interchanges": [_interchange(one, with_content) for one in report.interchanges],
        "findings": [_finding(one) for one in sorted(report.findings, key=lambda one: one.offset)],
    }


def _interchange(report: InterchangeReport, with_content: bool) -> dict[str, Any]:
    opened = report.opened
    delimiters = opened.delimiters
    return {
        "control_number": opened.control_number,
        "sender": {"qualifier": opened.sender_qualifier, "id": opened.sender},
        "receiver": {"qualifier": opened.receiver_qualifier, "id": opened.receiver},
        "date": opened.date,
        "time": opened.time,
        "release": opened.release,
        "usage": opened.usage,
        "ack_requested": opened.ack_requested,
        "delimiters": {
            "element": delimiters.element,
            "component": delimiters.component,
            "repetition": delimiters.repetition,
            "segment": delimiters.segment,
        },
        "offset": opened.offset,
        "segment": opened.ordinal,
        "agreed_with": report.agreed_with or None,
        "acknowledgements": [
            {"control_number": one.control_number, "status": one.status, "note": one.note}
            for one in report.acknowledgements
        ],
        "groups": [_group(one, with_content) for one in report.groups],
        "declared_groups": report.declared,
        "closed": report.closed,
        "acknowledgement": _answer(report.answer),
    }


def _group(report: GroupReport, with_content: bool) -> dict[str, Any]:
    opened = report.opened
    return {
        "functional_id": opened.functional_id if opened else "",
        "control_number": opened.control_number if opened else "",
        "sender": opened.sender if opened else "",
        "receiver": opened.receiver if opened else "",
        "version": opened.version if opened else "",
        "offset": report.offset,
        "segment": opened.ordinal if opened else None,
        "transaction_sets": [_set(one, with_content) for one in report.sets],
        "declared_sets": report.declared,
        "closed": report.closed,
        "acknowledgement": _answer(report.answer),
    }


def _set(report: SetReport, with_content: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number": report.number,
        "set": report.set_id,
        "name": report.name,
        "control_number": report.control_number,
        "guide": report.guide or None,
        "segments": report.segments,
        "segment": report.first_ordinal,
        "offset": report.offset,
        "length": report.length,
        "encoding": report.encoding,
        "complete": report.complete,
        "valid": report.valid,
        "problems": _problems(report),
        "loops": [{"path": path, "count": count} for path, count in report.loops.items()],
        "acknowledgement": {**_answer(report.answer), "refused_because": report.refusal or None},
        "lines": [_line(line) for line in report.lines],
        "lines_left_out": report.left_out,
    }
    if with_content:
        found["content"] = [list(line.content) for line in report.lines]
    return found


def _problems(report: SetReport) -> list[dict[str, Any]]:
    """What breaks the guide: each bad segment, with the elements that are wrong in it; and levels that do not fit."""
    found: list[dict[str, Any]] = []
    for problem in report.problems:
        number = report.first_ordinal + problem.position - 1
        here = [
            trouble
            for trouble in report.troubles
            if trouble.segment == number and trouble.code.startswith(("AK", "IK"))
        ]
        found.append(
            {
                "segment": number,
                "segment_id": problem.segment_id,
                "code": problem.code,
                "sentence": guides.say(problem, report.version),
                "offset": min((trouble.offset for trouble in here), default=report.offset),
                "elements": [
                    {
                        "element": bad.element,
                        "component": bad.component,
                        "repetition": bad.repetition,
                        "reference": bad.reference,
                        "code": bad.code,
                        "value": bad.bad_value,
                    }
                    for bad in problem.elements
                ],
            }
        )
    found += [
        {
            "segment": trouble.segment,
            "segment_id": trouble.segment_id,
            "code": trouble.code,
            "sentence": trouble.sentence,
            "offset": trouble.offset,
            "elements": [],
        }
        for trouble in report.troubles
        if trouble.code == "HL"
    ]
    return found


def _line(line: Line) -> dict[str, Any]:
    return {
        "segment": line.segment,
        "position": line.position,
        "offset": line.offset,
        "length": line.length,
        "id": line.id,
        "name": line.name,
        "loop": "/".join(line.loops),
        "turn": line.turn,
        "depth": line.depth,
        "elements": [
            {
                "element": reading.element,
                "component": reading.component,
                "repetition": reading.repetition,
                "reference": reading.reference,
                "name": reading.name,
                "value": reading.value,
                "says": reading.says,
            }
            for reading in line.readings
        ],
        "troubles": _troubles(line.troubles),
    }


def _troubles(found: Sequence[Trouble]) -> list[dict[str, Any]]:
    return [
        {
            "code": trouble.code,
            "severity": trouble.severity,
            "sentence": trouble.sentence,
            "offset": trouble.offset,
            "length": trouble.length,
            "element": trouble.element,
            "component": trouble.component,
            "repetition": trouble.repetition,
            "told": trouble.told,
        }
        for trouble in found
    ]


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "kind": answer.kind,
        "word": answer.word,
        "meaning": answer.meaning,
        "codes": [{"code": code, "meaning": meaning} for code, meaning in answer.codes],
        "segments": [list(segment) for segment in answer.segments],
    }


def _finding(finding: Finding) -> dict[str, Any]:
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
