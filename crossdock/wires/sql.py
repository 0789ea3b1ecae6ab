"""SQL: the rows of one table or view of a system's own database, read only.

Nothing is ever written, by four means: every statement is a SELECT that SQLAlchemy builds of names that were looked
up in the database (no text of a setting is ever SQL); the transaction is read-only where the database has such
(PostgreSQL, SQLite, MySQL, MariaDB, Oracle); it is rolled back; and the login should have no right but SELECT. There
is no sink for this wire: a system's own checks would be passed by.

One short transaction a page, so that nothing of the system is locked or kept open. Drivers beside PostgreSQL's and
SQLite's are installed by who needs them.
"""

import math
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown
from crossdock.kit.declarations import View
from crossdock.kit.moments import WRITTEN
from crossdock.ports import CheckStep, Login
from crossdock.toml_lines import did_you_mean
from crossdock.wires.declared_hosts import refuse_undeclared
from crossdock.wires.patience import bounded

FOREIGN: Final = (sa.exc.SQLAlchemyError, ImportError, OSError, ArithmeticError, ValueError, TypeError)
"""What SQLAlchemy, a driver, or a value that Python has no type for raises. Translated in ``translated``."""

UNREADABLE_ROW: Final = (sa.exc.DataError, ArithmeticError, ValueError, TypeError)
"""What one odd value raises: a date after the year 9999, bytes that are no text."""

NOT_OPTIONS: Final = frozenset(
    {"host", "hostaddr", "port", "user", "password", "dbname", "database", "server", "dsn", "odbc_connect",
     "service", "servicefile", "passfile", "unix_socket", "read_default_file", "read_default_group", "mode", "uri",
     "init_command", "local_infile", "plugin", "sslkeylogfile", "failover_partner", "failoverpartner",
     "attachdbfilename", "creator", "module"}
)  # fmt: skip
"""Options that would lead elsewhere than the connection says, load or write a file, or let us write."""

_DRIVER: Final = re.compile(r"[a-z0-9_]+(?:\+[a-z0-9_]+)?")
_LIBRARY: Final = re.compile(r"[A-Za-z0-9 ._()-]+")
"""The name of an ODBC driver. A path would load any library."""

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_READ_ONLY: Final[Mapping[str, str]] = {
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
"""How a transaction is made read-only where SQLAlchemy has no word for it. Constants, no names in them."""

_NULLS_LAST: Final = ("postgresql", "oracle")
"""Where a row without a key is sorted behind those that have one; elsewhere it stands before them."""

_LOGIN: Final = (
    "password authentication failed", "no pg_hba.conf entry", "role ", "does not exist", "no password supplied",
    "access denied", "login failed", "ora-01017",
)  # fmt: skip
"""What drivers say of a login or a database that is wrong while they connect, where they give no code for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row: its values by column, and where it stands (the values of the change column and the key, as the database
    gave them). ``odd``: why it could not be read; then ``values`` has the two of its place alone."""

    values: Mapping[str, Any]
    place: tuple[Any, Any]
    odd: str = ""


class SqlView:
    """One table or view, by a login. ``field`` orders its rows, ``key`` tells them apart."""

    def __init__(self, login: Login, view: View, *, field: str, key: str, written: str = "rfc3339") -> None:
        self._login = login
        self._view = view
        self._field, self._key, self._written = field, key, written
        self._what = f"{view.schema}.{view.name}" if view.schema else view.name

    def rows(self, *, since: datetime, after: tuple[Any, Any] | None, size: int) -> list[Row]:
        """Up to ``size`` rows in the order of (field, key): from the place ``after`` on, else those that changed at
        ``since`` or later. What stands at ``after`` itself comes again: a key may be less of one than it was declared
        to be, and a page may end between two rows that share it.
        A row that cannot be read comes with its place alone, and does not spoil those beside it.

        Raises ``WireDown`` (a read is free to repeat), ``Refused`` or ``Misconfigured``.
        """
        try:
            with self._reading() as connection:
                return self._fetch(connection, self._table(connection), since, after, size)
        except UNREADABLE_ROW:
            return self._one_by_one(since, after, size)
        except FOREIGN as error:
            raise translated(error, what=self._what) from error

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, look at the columns, read a page: up to the first step that fails."""
        for step, look, field, remedy in (
            ("resolve", self._resolve, "host", "Correct the host of the connection."),
            ("connect", self._connect, "port", "Look whether the database runs, and at host and port."),
            ("login", self._log_in, "password", "Correct login, password and database of the connection."),
            ("permission", self._look, "view", "Ask the owner of the database to grant SELECT on the view."),
            ("sample", self._sample, "view", "Compare the view with [source.view] and [source.cursor]."),
        ):
            try:
                sentence = look()
            except CrossdockError as error:
                blamed = error.field if isinstance(error, Misconfigured) and error.field else field
                yield CheckStep(step=step, ok=False, sentence=str(error), remedy=remedy, field=blamed)
                return
            yield CheckStep(step=step, ok=True, sentence=sentence)

    def close(self) -> None:
        if "_engine" in self.__dict__:
            self._engine.dispose()

    # -- the statements ---------------------------------------------------------------------------------------------

    def _table(self, connection: sa.Connection) -> sa.Table:
        """The view with its columns as the database has them: a name that is not among them is never sent."""
        found = sa.inspect(connection).get_columns(self._view.name, schema=self._view.schema or None)
        types = {str(column["name"]): column["type"] for column in found}
        wanted = list(self._view.columns) or list(types)
        for name in dict.fromkeys([self._field, self._key, *wanted]):
            if name not in types:
                raise Misconfigured(
                    f"{self._what} has no column {name!r}{did_you_mean(name, list(types))}; correct [source.view] or "
                    "[source.cursor] of the connector.toml",
                    field="columns",
                )
        named = dict.fromkeys([*wanted, self._field, self._key])
        self._changed_type = types[self._field]
        return sa.Table(
            self._view.name,
            sa.MetaData(),
            *(sa.Column(name, sa.types.NullType()) for name in named),
            schema=self._view.schema or None,
        )

    def _select(
        self, table: sa.Table, *, since: datetime, after: tuple[Any, Any] | None, size: int
    ) -> sa.Select[Any]:
        changed, key = table.c[self._field], table.c[self._key]
        if after is None:
            behind = changed >= sa.literal(self._bound(since))
        else:
            at, last = sa.literal(after[0]), after[1]
            nulls_last = self._dialect in _NULLS_LAST
            mine: sa.ColumnElement[bool] = key.is_(None) if nulls_last else sa.false()
            if last is not None:
                mine = sa.or_(key >= sa.literal(last), mine)
            elif not nulls_last:
                mine = sa.true()
            behind = sa.or_(changed > at, sa.and_(changed == at, mine))
        return sa.select(table).where(behind).order_by(changed, key).limit(size)

    def _bound(self, moment: datetime) -> Any:
        """A moment as the change column holds it."""
        kind = self._changed_type
        local = moment.astimezone(ZoneInfo(self._view.timezone))
        if isinstance(kind, sa.types.DateTime):
            if (
                self._dialect == "sqlite"
            ):  # it has texts alone, and this is how its own CURRENT_TIMESTAMP writes
                return local.replace(tzinfo=None).isoformat(sep=" ")
            return moment if getattr(kind, "timezone", False) else local.replace(tzinfo=None)
        if isinstance(kind, sa.types.Date):
            return local.date().isoformat() if self._dialect == "sqlite" else local.date()
        # what is written without a zone is read as the view's own time, and so it is asked for
        text = WRITTEN[self._written](
            local.replace(tzinfo=UTC) if self._written in ("local", "date") else moment
        )
        if isinstance(kind, sa.types.Integer | sa.types.Numeric):
            if not text.isdigit():
                raise Misconfigured(
                    f"{self._what}: {self._field!r} is a number; say how it counts, as written = 'epoch_s', under "
                    "[source.cursor]",
                    field="written",
                )
            return int(text)
        return text

    def _fetch(
        self,
        connection: sa.Connection,
        table: sa.Table,
        since: datetime,
        after: tuple[Any, Any] | None,
        size: int,
    ) -> list[Row]:
        found = connection.execute(self._select(table, since=since, after=after, size=size)).mappings()
        return [self._row(dict(row)) for row in found]

    def _row(self, values: Mapping[str, Any]) -> Row:
        place = values[self._field], values[self._key]
        named = set(self._view.columns)
        shown = {name: value for name, value in values.items() if not named or name in named}
        return Row(values=shown, place=place)

    def _one_by_one(self, since: datetime, after: tuple[Any, Any] | None, size: int) -> list[Row]:
        """A page that holds a row which cannot be read: first the places, then each row by its place."""
        try:
            with self._reading() as connection:
                table = self._table(connection)
                at, key = table.c[self._field], table.c[self._key]
                places = self._select(table, since=since, after=after, size=size).with_only_columns(at, key)
                last = self._last_moment()
                if last is not None:
                    places = places.where(at <= sa.literal(last))
                found = [(one, other) for one, other in connection.execute(places)]
                never: list[Any] = []
                if last is not None and (room := size - 1 - len(found)) > 0:
                    beyond = sa.select(key).where(at > sa.literal(last)).order_by(key).limit(room)
                    never = list(connection.execute(beyond).scalars())
        except FOREIGN as error:
            raise translated(error, what=self._what) from error
        rows = [row for place in dict.fromkeys(found) for row in self._at(place, size)]
        odd = f"its {self._field} is beyond every date"
        return rows + [Row(values={self._key: one}, place=(None, one), odd=odd) for one in never]

    def _last_moment(self) -> datetime | date | None:
        """The last one that Python holds, where the database has others behind it (PostgreSQL: ``infinity``)."""
        match self._changed_type:
            case sa.types.DateTime() as kind if self._dialect != "sqlite":
                return datetime(9999, 12, 30, tzinfo=UTC if getattr(kind, "timezone", False) else None)
            case sa.types.Date() if self._dialect != "sqlite":
                return date(9999, 12, 30)
        return None

    def _at(self, place: tuple[Any, Any], size: int) -> list[Row]:
        """The rows at one place: one, unless they share their key."""
        try:
            with self._reading() as connection:
                table = self._table(connection)
                key = table.c[self._key]
                known_by = key.is_(None) if place[1] is None else key == sa.literal(place[1])
                mine = sa.and_(table.c[self._field] == sa.literal(place[0]), known_by)
                rows = connection.execute(sa.select(table).where(mine).limit(size)).mappings().all()
        except UNREADABLE_ROW as error:
            known = {self._field: place[0], self._key: place[1]}
            return [Row(values=known, place=place, odd=_first_line(error))]
        except FOREIGN as error:
            raise translated(error, what=self._what) from error
        if not rows:
            raise WireDown(f"{self._what}: a row was changed while it was read; the next run reads it")
        return [self._row(dict(row)) for row in rows]

    # -- the connection ---------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """One transaction that cannot write, and ends within the deadline."""
        deadline_s = bounded(self._view.deadline_s)
        ends = time.monotonic() + deadline_s
        milliseconds = math.ceil(deadline_s * 1000)
        with self._engine.connect() as connection:
            match self._dialect:
                case "postgresql":
                    connection = connection.execution_options(postgresql_readonly=True)
                    limits = {
                        "statement_timeout": str(milliseconds),
                        "lock_timeout": str(milliseconds),
                        "idle_in_transaction_session_timeout": str(2 * milliseconds),
                        "TimeZone": "UTC",
                    }
                    connection.execute(
                        sa.select(*(sa.func.set_config(name, value, True) for name, value in limits.items()))
                    )
                case "sqlite":
                    driver: Any = connection.connection.dbapi_connection
                    driver.set_progress_handler(lambda: time.monotonic() > ends, 10_000)
                    driver.text_factory = _text_or_bytes
                case dialect if dialect in _READ_ONLY:
                    connection.exec_driver_sql(_READ_ONLY[dialect])
            try:
                yield connection
            finally:
                connection.rollback()

    @property
    def _dialect(self) -> str:
        return str(self._engine.dialect.name)

    @cached_property
    def _engine(self) -> sa.Engine:
        try:
            engine = sa.create_engine(
                self._url(),
                poolclass=sa.pool.NullPool,
                hide_parameters=True,
                connect_args=self._connect_args(),
            )
        except FOREIGN as error:
            raise translated(error, what=f"connection {self._login.connection_id!r}") from error
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _query_only)
        return engine

    def _url(self) -> sa.URL:
        login = self._login
        driver = str(login.extra.get("driver") or "")
        database = str(login.extra.get("database") or "")
        if not _DRIVER.fullmatch(driver):  # what was pasted there may hold a password, and is not shown
            raise Misconfigured(
                f"connection {login.connection_id!r} names no driver, as SQLAlchemy does: postgresql+psycopg, "
                "mssql+pyodbc, oracle+oracledb, mysql+pymysql, sqlite",
                field="driver",
            )
        options = dict(parse_qsl(str(login.extra.get("options") or ""), keep_blank_values=True))
        if wrong := sorted(name for name in options if name.lower() in NOT_OPTIONS):
            raise Misconfigured(
                f"connection {login.connection_id!r}: the option {wrong[0]!r} would lead elsewhere than the "
                "fields of the connection say; take it out",
                field="options",
            )
        if wrong := [
            name for name in options if name.lower() == "driver" and not _LIBRARY.fullmatch(options[name])
        ]:
            raise Misconfigured(
                f"connection {login.connection_id!r}: the option {wrong[0]!r} names an installed driver, as "
                "'ODBC Driver 18 for SQL Server', and no file",
                field="options",
            )
        if driver.partition("+")[0] == "sqlite":
            if not database:
                raise Misconfigured(
                    f"connection {login.connection_id!r} names no database; give the path of the file",
                    field="database",
                )
            return sa.URL.create(
                driver, database=f"file:{quote(database)}", query={"mode": "ro", "uri": "true"}
            )
        refuse_undeclared(login, login.host)
        socket_folder = login.host.startswith("/")
        if driver.partition("+")[0] == "postgresql" and not socket_folder and login.host not in _LOCAL:
            # who reads the orders of a company from a network is the one that the certificate says
            options = {"sslmode": "verify-full", "sslrootcert": "system", **options}
        return sa.URL.create(
            driver,
            username=login.user or None,
            password=login.password.reveal() or None,
            host=None if socket_folder else login.host or None,
            port=login.port,
            database=database or None,
            query={**options, **({"host": login.host} if socket_folder else {})},
        )

    def _connect_args(self) -> dict[str, Any]:
        seconds = max(1, math.ceil(self._view.connect_s))
        by_name: Mapping[str, Mapping[str, Any]] = {
            "postgresql": {"connect_timeout": max(2, seconds), "application_name": "crossdock"},
            "mysql": {"connect_timeout": seconds, "read_timeout": math.ceil(self._view.deadline_s)},
            "mariadb": {"connect_timeout": seconds},
            "mssql": {"timeout": seconds},
            "sqlite": {"timeout": self._view.connect_s},
        }
        return dict(by_name.get(str(self._login.extra.get("driver") or "").partition("+")[0], {}))

    # -- the check --------------------------------------------------------------------------------------------------

    def _resolve(self) -> str:
        self._url()  # what is wrong with the connection itself is told first
        host = self._login.host
        if self._is_local():
            return "the database is on this machine"
        try:
            socket.getaddrinfo(host, self._login.port)
        except OSError as error:
            raise Misconfigured(
                f"{host!r} is no known name: {error.strerror or error}", field="host"
            ) from error
        return f"{host} is known"

    def _is_local(self) -> bool:
        driver = str(self._login.extra.get("driver") or "")
        return driver.startswith("sqlite") or self._login.host.startswith("/")

    def _connect(self) -> str:
        if self._is_local() or self._login.port is None:
            return "it is reached as the driver does it"
        address = (self._login.host, self._login.port)
        try:
            socket.create_connection(address, timeout=self._view.connect_s).close()
        except OSError as error:
            raise WireDown(
                f"{address[0]}:{address[1]} takes no connection: {error.strerror or error}"
            ) from error
        return f"{address[0]}:{address[1]} takes connections"

    def _log_in(self) -> str:
        def ask(connection: sa.Connection) -> str:
            if self._dialect in (*_READ_ONLY, "postgresql", "sqlite"):
                return "the login is accepted, and the database itself refuses every write"
            return (
                f"the login is accepted; {self._dialect} has no read-only transaction: see that this login may do "
                "nothing but SELECT"
            )

        return self._asked(ask)

    def _look(self) -> str:
        return self._asked(
            lambda connection: f"{self._what} has {len(self._table(connection).c)} columns to read"
        )

    def _sample(self) -> str:
        def ask(connection: sa.Connection) -> str:
            table = self._table(connection)
            changed, key = table.c[self._field], table.c[self._key]
            lost = sa.select(key).where(sa.or_(changed.is_(None), key.is_(None))).limit(1)
            if connection.execute(lost).first() is not None:
                raise Misconfigured(
                    f"{self._what} has rows without {self._field} or without {self._key}, which would never be read; "
                    "let the view give each of them both",
                    field="field",
                )
            self._bound(datetime.now(UTC))
            found = connection.execute(sa.select(table).order_by(changed, key).limit(5)).all()
            return f"{len(found)} row(s) were read"

        return self._asked(ask)

    def _asked(self, ask: Callable[[sa.Connection], str]) -> str:
        try:
            with self._reading() as connection:
                return ask(connection)
        except FOREIGN as error:
            raise translated(error, what=self._what) from error


def translated(error: BaseException, *, what: str) -> CrossdockError:
    """One of ours for what a database, its driver or SQLAlchemy raised. It was a read: to repeat it is free."""
    said = _first_line(error)
    match error:
        case sa.exc.NoSuchModuleError() | ImportError():
            return Misconfigured(
                f"{what}: the driver is not installed here ({said}); install it, or correct 'driver'",
                field="driver",
            )
        case sa.exc.NoSuchTableError():
            return Misconfigured(
                f"{what}: there is no such table or view, or the login may not see it", field="view"
            )
        case sa.exc.ArgumentError():
            return Misconfigured(f"{what}: {said}", field="driver")
        case sa.exc.DBAPIError():
            return _of_the_database(error, what, said)
        case sa.exc.TimeoutError() | OSError():
            return WireDown(f"{what}: {said}")
    return Refused(f"{what}: {said}", status=type(error).__name__)


def _of_the_database(error: sa.exc.DBAPIError, what: str, said: str) -> CrossdockError:
    """By the SQLSTATE where there is one, else by the class of PEP 249 and what it says."""
    original = error.orig
    state = str(getattr(original, "sqlstate", None) or "")
    if state in ("42P01", "42703", "3F000"):
        return Misconfigured(f"{what}: {said}", field="view")
    if (
        state.startswith("28")
        or state == "3D000"
        or (not state and any(word in said.lower() for word in _LOGIN))
    ):
        return Misconfigured(f"{what}: the database does not let us in: {said}", field="password")
    if state == "57014" or "interrupted" in said:
        return WireDown(
            f"{what}: the statement was not done within its deadline; give the view an index, or raise it"
        )
    if state in ("42501", "25006"):
        return Refused(f"{what}: {said}", status=state)
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated:
        return WireDown(f"{what}: {said}")
    return Refused(f"{what}: {said}", status=state or type(original).__name__)


def _first_line(error: BaseException) -> str:
    """What a driver says, without the statement and its values, which SQLAlchemy puts behind it."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
    return (str(original).splitlines() or [""])[0][:300] or type(original).__name__


def _query_only(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _text_or_bytes(value: bytes) -> str | bytes:
    """SQLite keeps any bytes as a text. What is none stays what it is."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
