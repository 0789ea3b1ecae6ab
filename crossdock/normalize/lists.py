"""Lists (CSV, XLSX): each row is a part. One that cannot be read is refused; those beside it go on.

A row is known by what it is about (its key) and by what it says (its content). One that says what was said last about
the same thing is no news: a sender corrects one row and sends the whole list again, and nothing doubles. One that is
older than what was said last is no news either, however late it is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from crossdock.errors import Place, Unreadable
from crossdock.formats.tabular import BadRow, Layout, Row, Trouble, read
from crossdock.mapping import InboundMapping
from crossdock.messages import PartState, Problem, Stage
from crossdock.normalize.part import map_part
from crossdock.normalize.values import (
    REPORT,
    Agreed,
    Found,
    ListedRow,
    Opened,
    PartResult,
    Register,
    ReportWanted,
    RowBefore,
    RowVerdict,
    set_aside,
)

TOGETHER: Final = 500
"""So many rows are looked up at a time."""

_TOLD: Final = "The sender was told and sends a correct one; "
_UNTOLD: Final = (
    "Nobody was told: the connector takes no report (operation 'row_report'), and the partner's profile names no "
    "other (report_to). Ask the sender for a correct one; "
)
_BY_ITSELF: Final = "this ends by itself when a later list of the same sender has the row and it is taken."
_BY_HAND: Final = (
    "it does not say what it is about, so no later row is known to correct it: then end it, and what else of this "
    "list is open, by `crossdock lists discard {list}`."
)
_OURS: Final = Trouble(
    code="ROW.WAITING",
    sentence="we could not handle this row yet; it is kept, and we see to it",
    remedy="There is nothing to do. It is not to be sent again.",
)
_LONGEST_LABEL: Final = 120


def read_list(
    opened: Opened,
    mapping: InboundMapping,
    agreed: Agreed,
    found: Found,
    register: Register | None = None,
    only: set[int] | None = None,
) -> Iterator[PartResult]:
    """The rows of a list as parts. Fills ``found`` with the report for its sender, once all were made.

    ``only``: the ordinals that a replay asks for; the others are counted and not mapped again, and no report is made.
    ``register``: asked for what was said before; without it nothing ever was.
    """
    assert mapping.layout is not None
    layout = mapping.layout.called(agreed.terms.columns, agreed.terms.key)
    reading = _List(opened, mapping, layout, agreed, register)
    told: list[ListedRow] = []
    notes: list[Trouble] = []
    try:
        listed = read(opened.message.body, layout, agreed.terms.dialect)
    except Unreadable as error:
        part = reading.refused_whole(error)
        assert part.row is not None
        notes += part.row.troubles
        yield part
    else:
        notes += [_unread(title) for title in listed.header.unread]
        try:
            for part in reading.parts(listed.rows, only):
                assert part.row is not None
                told.append(part.row)
                yield part
        except Unreadable as error:  # what stands before it was read, and is taken
            part = reading.refused_whole(error)
            assert part.row is not None
            notes += part.row.troubles
            yield part
        if not reading.count:
            yield reading.without_rows()
    if agreed.target and only is None:
        found.reports.append(
            ReportWanted(
                target=agreed.target,
                operation=REPORT,
                name=opened.message.name or opened.message.key,
                rows=told,
                notes=notes,
                delimiter=agreed.terms.dialect.delimiter,
            )
        )


class _List:
    """One list while it is read."""

    def __init__(
        self,
        opened: Opened,
        mapping: InboundMapping,
        layout: Layout,
        agreed: Agreed,
        register: Register | None,
    ) -> None:
        self._opened = opened
        self._mapping = mapping
        self._layout = layout
        self._agreed = agreed
        self._register = register
        self._partner = agreed.partner.name if agreed.partner else ""
        self._here: dict[str, Row] = {}
        self.count = 0

    def parts(self, rows: Iterable[Row | BadRow], only: set[int] | None) -> Iterator[PartResult]:
        """A part for each row, in their order."""
        for some in _together(rows):
            first = self.count
            self.count += len(some)
            before = self._before(some)
            for ordinal, row in enumerate(some, first):
                repeated = self._here.get(row.key) if isinstance(row, Row) else None
                if isinstance(row, Row):
                    self._here.setdefault(row.key, row)
                if only is not None and ordinal not in only:
                    continue
                if isinstance(row, BadRow):
                    yield self._refused(ordinal, row, row.troubles)
                else:
                    yield self._row(ordinal, row, repeated, before.get(row.key))

    def _before(self, rows: Sequence[Row | BadRow]) -> Mapping[str, RowBefore]:
        if self._register is None:
            return {}
        keys = [row.key for row in rows if isinstance(row, Row)]
        return self._register.rows_before(
            self._mapping.document, self._partner, keys, raw_id=self._opened.raw_id
        )

    def _row(self, ordinal: int, row: Row, here: Row | None, before: RowBefore | None) -> PartResult:
        """A row that could be read: no news, refused for what stands beside it, or mapped."""
        if here is not None and here.content != row.content:
            about = " and ".join(repr(self._layout.fields[name].title) for name in self._layout.key)
            trouble = Trouble(
                code="ROW.TWICE",
                sentence=f"row {here.number} of this list is about the same {about} and says something else, and was "
                "read first",
            )
            return self._refused(ordinal, row, [trouble])
        if here is not None:
            before = RowBefore(
                raw_id=self._opened.raw_id,
                name=self._opened.message.name,
                number=here.number,
                content=here.content,
                at=self._opened.message.received_at,
            )
        if before is not None and before.content == row.content:
            return self._no_news(ordinal, row, RowVerdict.REPEATED, before)
        if before is not None and before.at > self._opened.message.received_at:
            return self._no_news(ordinal, row, RowVerdict.OVERTAKEN, before)
        return self._mapped(ordinal, row)

    def _mapped(self, ordinal: int, row: Row) -> PartResult:
        part = map_part(
            self._opened,
            self._mapping,
            row,
            ordinal=ordinal,
            label=self._label(row),
            partner=self._agreed.partner,
        )
        part = replace(part, offset=row.offset, length=row.length)
        if part.problem is None:
            return replace(part, row=self._listed(row, RowVerdict.TAKEN))
        problem = replace(part.problem, place=replace(part.problem.place, row=row.number, byte=row.offset))
        if problem.code.startswith("ROW."):  # what the mapping says of the sender's own words
            trouble = Trouble(code=problem.code, sentence=problem.sentence, remedy=problem.remedy)
            return replace(self._refused(ordinal, row, [trouble]), versions=part.versions)
        return replace(part, problem=problem, row=self._listed(row, RowVerdict.WAITING, troubles=[_OURS]))

    def _no_news(self, ordinal: int, row: Row, verdict: RowVerdict, before: RowBefore) -> PartResult:
        return PartResult(
            ordinal=ordinal,
            label=self._label(row),
            offset=row.offset,
            length=row.length,
            state=PartState.PROCESSED,
            partner=self._partner or None,
            versions=self._versions,
            row=self._listed(row, verdict, before=before),
        )

    def _refused(self, ordinal: int, row: Row | BadRow, troubles: Sequence[Trouble]) -> PartResult:
        first = troubles[0]
        key = row.key if self._layout.key else ""  # without one a row that is corrected is another row
        more = f", and {len(troubles) - 1} more" if len(troubles) > 1 else ""
        name = self._opened.message.name or self._opened.message.key
        return PartResult(
            ordinal=ordinal,
            label=self._label(row) if isinstance(row, Row) else f"row {row.number}",
            offset=row.offset,
            length=row.length,
            state=self._state,
            partner=self._partner or None,
            problem=self._problem(
                first.code,
                f"{name}, row {row.number}: {first.sentence}{more}",
                Place(row=row.number, byte=row.offset),
                key=key,
            ),
            versions=self._versions,
            row=ListedRow(
                document=self._mapping.document,
                partner=self._partner,
                number=row.number,
                verdict=RowVerdict.REFUSED,
                key=key,
                troubles=tuple(troubles),
            ),
        )

    def refused_whole(self, error: Unreadable) -> PartResult:
        """The list, or what is left of it, as one part that its sender must send again."""
        message = self._opened.message
        trouble = Trouble(code=error.code, sentence=str(error), remedy=error.remedy)
        ordinal, self.count = self.count, self.count + 1
        part = set_aside(
            message,
            ordinal=ordinal,
            label=message.name or message.key,
            problem=self._problem(error.code, f"{message.name or message.key}: {error}", error.place),
            state=self._state,
            partner=self._partner or None,
        )
        row = ListedRow(
            document=self._mapping.document,
            partner=self._partner,
            number=error.place.row or 0,
            verdict=RowVerdict.REFUSED,
            troubles=(trouble,),
        )
        return replace(part, row=row, versions=self._versions)

    def without_rows(self) -> PartResult:
        """A list with a header and nothing below it: it says that there is nothing."""
        message = self._opened.message
        return PartResult(
            ordinal=0,
            label=message.name or message.key,
            offset=0,
            length=len(message.body),
            state=PartState.PROCESSED,
            partner=self._partner or None,
            versions=self._versions,
        )

    def _problem(self, code: str, sentence: str, place: Place, *, key: str = "") -> Problem:
        ending = _BY_ITSELF if key else _BY_HAND.format(list=self._opened.raw_id[:8])
        return Problem(
            stage=Stage.NORMALIZE,
            code=code,
            error_class="Unreadable",
            sentence=sentence,
            remedy=(_TOLD if self._agreed.told else _UNTOLD) + ending,
            place=place,
            theirs=True,
        )

    def _listed(
        self,
        row: Row,
        verdict: RowVerdict,
        *,
        before: RowBefore | None = None,
        troubles: Sequence[Trouble] = (),
    ) -> ListedRow:
        return ListedRow(
            document=self._mapping.document,
            partner=self._partner,
            number=row.number,
            verdict=verdict,
            key=row.key,
            content=row.content,
            before=before,
            troubles=tuple(troubles),
        )

    def _label(self, row: Row) -> str:
        """``row 43: 4500123456, 2, PUMP-40``."""
        words = [str(row.values[name]) for name in self._layout.key if name in row.values]
        return (f"row {row.number}: {', '.join(words)}" if words else f"row {row.number}")[:_LONGEST_LABEL]

    @property
    def _state(self) -> PartState:
        return PartState.REJECTED if self._agreed.told else PartState.DEAD_LETTERED

    @property
    def _versions(self) -> dict[str, str]:
        return {"mapping": f"{self._mapping.name}/{self._mapping.version}"}


def _together(rows: Iterable[Row | BadRow]) -> Iterator[list[Row | BadRow]]:
    """So many rows at a time as are looked up together; those before one that breaks off the reading are given."""
    rest = iter(rows)
    while True:
        some: list[Row | BadRow] = []
        try:
            for row in islice(rest, TOGETHER):
                some.append(row)
        except Unreadable:
            if some:
                yield some
            raise
        if not some:
            return
        yield some


def _unread(title: str) -> Trouble:
    return Trouble(
        code="TABLE.UNREAD",
        column=title,
        sentence="nobody declared this column, and it is not read",
        remedy="Nothing, if it is for yourself. Otherwise tell us what it means.",
    )
