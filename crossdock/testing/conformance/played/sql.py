"""A database with the view that a connector reads, as a file of SQLite: its rows are made of the sample."""

import copy
import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crossdock.errors import Misconfigured
from crossdock.formats import json_rows
from crossdock.ports import Clock, Login, Secret
from crossdock.testing.conformance.play import CANARY, QuietPlay, Thing

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("sql",)


def play(case: "Case") -> "SqlPlay":
    """The played database. Raises ``Misconfigured`` when no sample is a row of the view."""
    return SqlPlay(case)


class SqlPlay(QuietPlay):
    """A played database. It holds rows, and is written to by nobody else."""

    def __init__(self, case: "Case") -> None:
        super().__init__()
        source = case.played_manifest.source
        if source is None or source.view is None or source.cursor is None:
            raise Misconfigured(
                "[source.view] and [source.cursor] are what a database is played from; add them"
            )
        self.case, self._view, self._cursor = case, source.view, source.cursor
        self.overlap_s = source.cursor.overlap_s
        self._sample = _sample(case, source.cursor.key, source.cursor.field)
        can = {"played_source", "paged", "moments"} | ({"overlap"} if self.overlap_s else set())
        self.can = frozenset(can)
        self._folder = Path(tempfile.mkdtemp(prefix="crossdock-conformance-"))
        self._file = self._folder / "system.sqlite"

    def login(self, *, wrong: str = "") -> Login:
        """See ``Play``: a file knows no login, and holds a secret all the same."""
        return Login(
            connection_id=self.case.manifest.connection,
            password=Secret(CANARY),
            extra={"driver": "sqlite", "database": str(self._file)},
        )

    def reset(self, clock: Clock) -> None:
        self._file.unlink(missing_ok=True)
        columns = ", ".join(f'"{name}" TEXT' for name in self._columns)
        with closing(sqlite3.connect(self._file)) as database, database:
            database.execute(f'CREATE TABLE "{self._view.name}" ({columns})')

    def hold(self, *things: Thing) -> None:
        places = ", ".join("?" * len(self._columns))
        with closing(sqlite3.connect(self._file)) as database, database:
            for thing in things:
                values = json.loads(thing.body)
                row = [values[name] for name in self._columns]
                database.execute(f'INSERT INTO "{self._view.name}" VALUES ({places})', row)  # noqa: S608

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        """See ``Play``: the sample's row with another key and moment, as the house writes rows."""
        mark = f"conformance-{number:04d}x"
        row = copy.deepcopy(self._sample)
        row[self._cursor.key] = mark
        row[self._cursor.field] = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        other = next(name for name in self._columns if name not in (self._cursor.key, self._cursor.field))
        row[other] = f"{row[other]}{'.' * changed}"
        body = json_rows.written(row, timezone=self._view.timezone)
        return Thing(number=number, at=at, body=body, mark=mark.encode())

    @property
    def _columns(self) -> list[str]:
        return list(self._sample)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _sample(case: "Case", key: str, field: str) -> dict[str, Any]:
    """One row, with texts alone: a file of SQLite keeps what it is given."""
    source = case.manifest.source
    assert source is not None and source.view is not None
    for folder in (case.folder, case.code_folder):
        for path in sorted((folder / "samples").glob("*.json")):
            row = json.loads(path.read_bytes())
            if isinstance(row, dict) and key in row and field in row:
                columns = source.view.columns or tuple(row)
                return {name: None if row.get(name) is None else str(row[name]) for name in columns}
    raise Misconfigured(f"no sample is a row with {key!r} and {field!r}; put one into samples/")
