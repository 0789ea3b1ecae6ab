"""Tells on the terminal, as it happens, what the hub has written into its own store since the last look.

came in   what arrived, and from where      meant     facts and exceptions
decided   the rule, and because             wrote     what the target confirmed
answered  the 997s that went out            set aside what waits for a person, and the way back
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from rich.console import Console
from rich.markup import escape

from crossdock.errors import Misconfigured
from crossdock.messages import WriteBackState
from crossdock.store import queries, tables
from crossdock.store.engine import Store
from deploy.sandbox.records import GroupAnswer, read_acknowledgements

_COLOURS: Final = {
    "leaves": "magenta",
    "came in": "cyan",
    "again": "cyan",
    "meant": "blue",
    "decided": "yellow",
    "wrote": "green",
    "answered": "green",
    "waits": "yellow",
    "set aside": "red",
    "trouble": "red",
}
_BECAME: Final = ("processed", "duplicate", "rejected", "dead_lettered", "discarded", "in_flight")
_GROUP_WORDS: Final = {"A": "accepted", "E": "accepted, with errors", "P": "partly accepted", "R": "rejected"}
_SET_WORDS: Final = {"A": "accepted", "E": "accepted with errors", "R": "rejected"}

Row = Mapping[str, Any]


class Narrator:
    """Looks at the hub's store and says each thing once. Reads; changes nothing."""

    def __init__(
        self,
        store: Store,
        tenant: str,
        console: Console,
        *,
        command: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._console = console
        self._command = command
        self._said: set[tuple[str, Any]] = set()
        self._new: set[tuple[str, Any]] = set()

    def look(self) -> int:
        """Say what is new. Returns how many lines that were; none while the database is away."""
        self._new = set()
        try:
            with self._store.transaction(self._tenant) as connection:
                lines = sorted(self._lines(connection), key=lambda line: (line[0], line[1]))
        except (Misconfigured, sa.exc.OperationalError, sa.exc.InterfaceError):
            return 0
        self._said |= self._new
        for _, _, verb, text, more in lines:
            self.say(verb, text, *more)
        return len(lines)

    def say(self, verb: str, text: str, *more: str) -> None:
        """One line under its verb, and its details below."""
        colour = _COLOURS.get(verb, "white")
        self._console.print(f"[bold {colour}]{verb:>10}[/]  {escape(text)}", highlight=False, soft_wrap=True)
        for detail in more:
            self._console.print(f"{'':12}[dim]{escape(detail)}[/]", highlight=False, soft_wrap=True)

    def _lines(self, connection: sa.Connection) -> Iterator[tuple[datetime, int, str, str, tuple[str, ...]]]:
        """What was not said yet: when, its place among things of the same moment, verb, text, details."""
        raw = tables.raw_messages
        for row in self._fresh(connection, raw, raw.c.id):
            yield (
                row["received_at"],
                0,
                "came in",
                f"{_name(row)} · {row['size']:,} bytes from {row['source']}",
                (),
            )
        for row in self._fresh(connection, tables.duplicates, tables.duplicates.c.id):
            first = connection.execute(
                sa.select(raw.c.name).where(raw.c.tenant == self._tenant, raw.c.id == row["raw_id"])
            ).scalar_one_or_none()
            if row["name"] != first:  # a poll that overlaps sees the same record again: no news
                yield (
                    row["seen_at"],
                    0,
                    "again",
                    f"{row['name']} says what {first} said: known by its content",
                    (),
                )
        for row in self._fresh(connection, tables.facts, tables.facts.c.id):
            yield row["recorded_at"], 1, "meant", f"fact: {row['subject']} {row['kind']}", ()
        for row in self._fresh(connection, tables.events, tables.events.c.id):
            yield row["recorded_at"], 2, "meant", f"{row['code']}: {row['document']['data']['title']}", ()
        for row in self._fresh(connection, tables.decisions, tables.decisions.c.id):
            wanted = (
                ", ".join(f"{one['target']}:{one['operation']}" for one in row["actions"]) or "no write-back"
            )
            text = f"{row['because']} → {wanted}"
            yield (
                row["decided_at"],
                3,
                "decided",
                text,
                (f"rule {row['rule']}, queue {row['queue']}, owner {row['owner']}",),
            )
        yield from self._write_backs(connection)
        yield from self._failed_runs(connection)
        letters = tables.dead_letters
        for row in self._fresh(connection, letters, letters.c.id):
            name = connection.execute(
                sa.select(raw.c.name).where(raw.c.tenant == self._tenant, raw.c.id == row["raw_id"])
            ).scalar_one_or_none()
            way_back = self._command(f"crossdock dead-letters replay {str(row['id'])[:8]}")
            yield (
                row["created_at"],
                5,
                "set aside",
                f"{name or row['source']} · {row['label']}: {row['sentence']} ({row['code']})",
                (row["remedy"], f"then: {way_back}"),
            )

    def _write_backs(
        self, connection: sa.Connection
    ) -> Iterator[tuple[datetime, int, str, str, tuple[str, ...]]]:
        written = tables.write_backs
        rows = connection.execute(sa.select(written).where(written.c.tenant == self._tenant)).mappings()
        for row in rows:
            if not self._is_news("write_backs", (row["id"], row["state"], row["attempt"])):
                continue
            what = f"{row['operation']} → {row['target']} {row['subject']}"
            tries = f"attempt {row['attempt']}, key {row['idempotency_key']}"
            match row["state"]:
                case WriteBackState.DELIVERED if row["operation"] == "997":
                    yield (
                        row["updated_at"],
                        4,
                        "answered",
                        _answer(bytes(row["body"])),
                        (f"{row['subject']} · {tries}",),
                    )
                case WriteBackState.DELIVERED:
                    reference = (row["receipt"] or {}).get("reference", "")
                    yield row["updated_at"], 4, "wrote", f"{what}: confirmed as {reference}", (tries,)
                case WriteBackState.READY if row["attempt"]:
                    due = row["next_attempt_at"].strftime("%H:%M:%S UTC")
                    yield (
                        row["updated_at"],
                        4,
                        "waits",
                        f"{what}: {row['reason']}; next attempt at {due}",
                        (tries,),
                    )
                case WriteBackState.UNSURE:
                    yield (
                        row["updated_at"],
                        4,
                        "trouble",
                        f"{what}: its effect is unknown: {row['reason']}",
                        (tries,),
                    )
                case _:
                    continue  # ready and sending say nothing new; what ended badly has its dead letter

    def _failed_runs(
        self, connection: sa.Connection
    ) -> Iterator[tuple[datetime, int, str, str, tuple[str, ...]]]:
        """A step that fails says why, once, and again when it fails otherwise or after it had worked."""
        runs = tables.runs
        query = (
            sa.select(runs.c.id, runs.c.step, runs.c.connector, runs.c.finished_at, runs.c.error)
            .where(runs.c.tenant == self._tenant, runs.c.finished_at.is_not(None))
            .order_by(runs.c.finished_at, runs.c.id)
        )
        last: dict[tuple[str, str | None], str | None] = {}
        for row in connection.execute(query).mappings():
            who = (row["step"], row["connector"])
            same, last[who] = row["error"] == last.get(who), row["error"]
            if row["error"] and not same and self._is_news("runs", row["id"]):
                name = " ".join(part for part in who if part)
                first, *more = str(row["error"]).splitlines()
                yield row["finished_at"], 6, "trouble", f"{name} failed: {first}", tuple(more)

    def _fresh(
        self, connection: sa.Connection, table: sa.Table, identity: sa.Column[uuid.UUID]
    ) -> Iterator[Row]:
        for row in connection.execute(sa.select(table).where(table.c.tenant == self._tenant)).mappings():
            if self._is_news(table.name, row[identity.name]):
                yield dict(row)

    def _is_news(self, kind: str, identity: Any) -> bool:
        self._new.add((kind, identity))
        return (kind, identity) not in self._said

    def waiting(self) -> int:
        """How many dead letters wait for a person."""
        letters = tables.dead_letters
        with self._store.transaction(self._tenant) as connection:
            query = sa.select(sa.func.count()).where(
                letters.c.tenant == self._tenant, letters.c.state == "open"
            )
            return int(connection.execute(query).scalar_one())

    def at_rest(self) -> bool:
        """Whether no write-back is on its way and no part is in flight; ``False`` while the database is away."""
        written = tables.write_backs
        sending = sa.select(sa.func.count()).where(
            written.c.tenant == self._tenant, written.c.state == WriteBackState.SENDING
        )
        try:
            with self._store.transaction(self._tenant) as connection:
                if connection.execute(sending).scalar_one():
                    return False
                return not any(row["in_flight"] for row in queries.ledger(connection, self._tenant))
        except (Misconfigured, sa.exc.OperationalError, sa.exc.InterfaceError):
            return False

    def balance(self) -> bool:
        """Show the ledger. Returns whether everything that was received is accounted for."""
        with self._store.transaction(self._tenant) as connection:
            rows = queries.ledger(connection, self._tenant)
        self._console.print("[bold]The balance[/]")
        for row in rows:
            became = " + ".join(f"{row[name]} {name.replace('_', ' ')}" for name in _BECAME if row[name])
            law = f"{row['received']} received = {became or 0} · balance {row['balance']}"
            self._console.print(f"{row['source']:>14}  {law}", highlight=False, soft_wrap=True)
        for row in rows:
            if not row["sound"]:
                self.say("trouble", f"{row['source']} is not sound: {row}")
        return bool(rows) and all(row["sound"] for row in rows)


def _name(row: Row) -> str:
    return str(row["name"] or row["key"])


def _answer(body: bytes) -> str:
    """A 997 in words."""
    try:
        answers = read_acknowledgements(body)
    except (ValueError, IndexError) as error:
        return f"a 997 that we cannot read ourselves: {error}"
    return "; ".join(_group_words(answer) for answer in answers)


def _group_words(answer: GroupAnswer) -> str:
    sets = ", ".join(
        " ".join([one.name, one.control, _SET_WORDS.get(one.word, one.word), *one.codes])
        for one in answer.sets
    )
    word = _GROUP_WORDS.get(answer.word, answer.word)
    return f"997 to {answer.receiver}: group {answer.function} {answer.control} {word} ({sets})"
