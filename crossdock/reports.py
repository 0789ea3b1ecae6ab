"""The report about a list, row by row: our answer to whoever sent it, as a 997 is to an interchange.

It is a write-back like any other and leaves through the connector that the list came by. Each row of the list has a
line in it, each thing that is wrong in a row one of its own.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from crossdock.formats.tabular import Trouble, write_csv
from crossdock.mapping import Body
from crossdock.messages import derived_id
from crossdock.normalize import Normalized
from crossdock.normalize.values import ListedRow, ReportWanted, RowVerdict
from crossdock.store import inbox, outbox
from crossdock.writebacks import write_back_row

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

COLUMNS: Final = ("Row", "State", "Code", "Column", "What is wrong", "What to do")
MEDIA_TYPE: Final = "text/csv; charset=utf-8"

Line = tuple[int | str, str, str, str, str, str]

STATES: Final = {
    RowVerdict.TAKEN: "taken",
    RowVerdict.REPEATED: "taken before",
    RowVerdict.OVERTAKEN: "overtaken",
    RowVerdict.REFUSED: "rejected",
    RowVerdict.WAITING: "waiting",
}
"""What became of a row, as its sender reads it."""


def write_reports(
    connection: "Transaction", worked: Sequence[tuple[inbox.Claim, Normalized]], now: datetime
) -> int:
    """The reports about the lists of a batch, as write-backs. How many are new."""
    rows = []
    for claim, normalized in worked:
        for wanted in normalized.reports:
            body = body_of(wanted)
            # a list that was refused whole, and is read after all, is told of again; what was told is not
            key = derived_id("row-report", str(claim.id), sha256(body.body).hexdigest())
            rows.append(
                write_back_row(
                    tenant=claim.message.tenant,
                    key=key,
                    target=wanted.target,
                    operation=wanted.operation,
                    body=body,
                    now=now,
                    raw_id=claim.id,
                )
            )
    return outbox.add_write_backs(connection, rows)


def body_of(wanted: ReportWanted) -> Body:
    """The report as it leaves."""
    lines = [COLUMNS, *(note_line(note) for note in wanted.notes)]
    lines += [line for row in wanted.rows for line in lines_of(row)]
    return Body(
        body=write_csv(lines, delimiter=wanted.delimiter),
        media_type=MEDIA_TYPE,
        subject=f"list/{wanted.name}",
        headers={"filename": f"{wanted.name}.report.csv"},
    )


def note_line(note: Trouble) -> Line:
    """What concerns the list as a whole."""
    state = "note" if note.code == "TABLE.UNREAD" else "rejected"
    return ("", state, note.code, note.field, note.sentence, note.remedy)


def lines_of(row: ListedRow) -> Iterator[Line]:
    """One line for each thing that is wrong in a row; one for a row in which nothing is."""
    state = STATES[row.verdict]
    for trouble in row.troubles:
        yield (row.number, state, trouble.code, trouble.field, trouble.sentence, trouble.remedy)
    if not row.troubles:
        yield (row.number, state, "", "", before_sentence(row), "")


def before_sentence(row: ListedRow) -> str:
    """Why a row is no news; empty where it is."""
    if row.before is None:
        return ""
    there = f"row {row.before.number} of {row.before.name} of {row.before.at:%Y-%m-%d %H:%M} UTC"
    if row.verdict is RowVerdict.OVERTAKEN:
        return f"{there}, which came later, says something else about the same"
    return f"{there} says the same"
