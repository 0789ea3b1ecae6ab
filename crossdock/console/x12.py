"""A raw X12 message as a person reads it: the page of ``crossdock x12 inspect``. It only reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import HTMLResponse, Response

from crossdock.errors import Misconfigured
from crossdock.formats import x12
from crossdock.formats.x12.annotate import Line, Trouble
from crossdock.formats.x12.inspect import Inspector, Report, SetReport, View
from crossdock.formats.x12.report import as_dict
from crossdock.inspecting import terms
from crossdock.partners import Partner, Partners

if TYPE_CHECKING:
    from crossdock.console import pages

SETS: Final = 5
LINES: Final = 200
LONGEST: Final = 400
"""So much of a message, of a set and of a segment is on the page; the command line shows all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a segment's text; ``severity`` is empty where nothing is wrong with it. An empty text marks a place
    where something is missing."""

    text: str
    severity: str = ""


def router(view: "pages.View") -> APIRouter:
    """The page at /x12/{raw message} and its twin."""
    from crossdock.store import queries

    routes = APIRouter()
    tenant = view.doors.tenant

    def read(identity: str, wanted: View) -> tuple[dict[str, Any], x12.Coverage, Report, Partner | None]:
        try:
            with view.doors.reading() as connection:
                raw_id = queries.resolve(connection, tenant, "raw message", identity)
                raw = queries.get_raw(connection, tenant, raw_id)
                body = queries.body_of_raw(connection, tenant, raw_id)
        except Misconfigured as error:
            raise HTTPException(404, str(error)) from error
        partner = _partner_of(raw)
        coverage = x12.Coverage()
        inspector = Inspector(wanted, terms(view.registry, partner))
        for item in x12.read(body, coverage=coverage):
            inspector.take(item)
        return raw, coverage, inspector.report, partner

    @routes.get("/x12/{identity}", response_class=HTMLResponse, name="x12-page")
    def shown(
        request: Request,
        identity: str,
        number: Annotated[int | None, Query(alias="set", ge=1)] = None,
        errors: bool = False,
    ) -> Response:
        only = frozenset(() if number is None else (number,))
        wanted = View(sets=SETS, only=only, errors=errors, lines=None if only else LINES)
        raw, coverage, report, partner = read(identity, wanted)
        options = f" --set {number}" if number else " --errors" if errors else ""
        return view.page(
            request,
            "x12.html",
            {
                "it": raw,
                "coverage": coverage,
                "report": report,
                "partner": partner,
                "chosen": number,
                "errors": errors,
                "pieces": _pieces,
                "says": _says,
                "shown": _shown,
                "outside": _outside(report),
            },
            command=f"crossdock raw show {raw['id'][:8]} --raw | crossdock x12 inspect -{options}",
        )

    @routes.get("/api/x12/{identity}", name="x12-json")
    def given(identity: str, errors: bool = False) -> dict[str, Any]:
        raw, coverage, report, _ = read(identity, View(sets=SETS, errors=errors, lines=LINES, listed=None))
        return as_dict(str(raw["name"]), coverage, report, with_content=False)

    return routes


def _partner_of(raw: Mapping[str, Any]) -> Partner | None:
    """Whose message it is, if all of its parts say the same and the profile is still there."""
    names = {part["partner"] for part in raw["parts"] if part["partner"]}
    partners, _ = Partners.look()
    found = [partner for partner in partners if partner.name in names]
    return found[0] if len(found) == 1 == len(names) else None


def _shown(text: str) -> str:
    """A partner's text on one line; what cannot be seen is a dot."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "·", text)


def _pieces(line: Line, of: SetReport, delimiters: x12.Delimiters) -> list[Piece]:
    """The text of a segment, cut where something is wrong."""
    encoding = "utf-8" if "utf-8" in (of.encoding, delimiters.encoding) else "latin-1"
    raw = delimiters.element.join(line.content).encode(encoding, "replace")[:LONGEST]
    cuts: dict[int, Trouble | None] = {0: None, len(raw): None}
    for trouble in line.troubles:
        begin = min(max(0, trouble.offset - line.offset), len(raw))
        if trouble.length >= line.length:  # the whole segment: its identifier stands for it
            cuts.setdefault(len(line.id), None)
        else:
            cuts.setdefault(min(begin + trouble.length, len(raw)), None)
        cuts[begin] = trouble
    places = sorted(cuts)
    found: list[Piece] = []
    for place, end in zip(places, [*places[1:], len(raw)], strict=True):
        wrong = cuts[place]
        text = _shown(raw[place:end].decode(encoding, "replace"))
        if wrong is not None and not wrong.length:
            found.append(Piece(text="", severity=wrong.severity))
            found.append(Piece(text=text))
        elif text:
            found.append(Piece(text=text, severity=wrong.severity if wrong is not None else ""))
    if line.length > LONGEST:
        found.append(Piece(text=f"... ({line.length} bytes)"))
    return found


def _says(line: Line) -> str:
    """What its codes, dates and amounts say."""
    if line.id in ("ST", "SE"):
        return ""
    return "; ".join(_shown(reading.sentence) for reading in line.readings if reading.says)


def _outside(report: Report) -> list[x12.Finding]:
    """The findings that stand in no segment on the page."""
    told = {
        (trouble.code, trouble.offset)
        for interchange in report.interchanges
        for group in interchange.groups
        for one in group.sets
        if one.shown
        for trouble in one.troubles
    }
    return [finding for finding in report.findings if (str(finding.code), finding.offset) not in told]
