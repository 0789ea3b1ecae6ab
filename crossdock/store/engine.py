"""The way into the store: one engine, one kind of transaction.

    store = Store.open()
    store.upgrade()
    with store.transaction("main") as connection: ...
    with store.reading("main") as connection: ...      # the database refuses every write in it

``CROSSDOCK_DATABASE_URL`` names a PostgreSQL server; without it the embedded one is started and shared.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson
import psycopg
import sqlalchemy as sa

from crossdock.errors import Misconfigured, WireDown
from crossdock.faultpoints import faultpoint
from crossdock.store import schema, storable
from crossdock.store.clock import Told, elapsed
from crossdock.store.embedded import DATABASE, EmbeddedServer
from crossdock.store.guards import ROLE

URL_VARIABLE: Final = "CROSSDOCK_DATABASE_URL"
STATEMENT_TIMEOUT_MS: Final = 120_000
LOCK_TIMEOUT_MS: Final = 30_000
IDLE_TIMEOUT_MS: Final = 120_000
"""A transaction that stands idle this long is ended by the server: its process hangs or lost its network."""

_TENANT: Final = re.compile(r"[a-z0-9]{1,20}")

# One round trip; all of it ends with the transaction, so a pooled connection carries nothing over.
_ENTER: Final = sa.select(
    sa.func.set_config("role", ROLE, True),
    sa.func.set_config("crossdock.tenant", sa.bindparam("tenant"), True),
    sa.func.set_config("statement_timeout", str(STATEMENT_TIMEOUT_MS), True),
    sa.func.set_config("lock_timeout", str(LOCK_TIMEOUT_MS), True),
    sa.func.set_config("idle_in_transaction_session_timeout", str(IDLE_TIMEOUT_MS), True),
    sa.func.set_config("transaction_read_only", sa.bindparam("read_only"), True),
    sa.func.clock_timestamp(),
)


class Clash(WireDown):
    """Two workers wanted each other's rows, and the database ended this one: nothing was written, and doing it again
    is free."""


class TookTooLong(WireDown):
    """A statement, or the work between two of them, took longer than the server lets it: it may well do so again."""


class NoRoom(WireDown):
    """The server has no room left, on its disk or for connections, or cannot use its disk: nothing was written, and
    no message is to blame."""


class StoreUnready(Misconfigured):
    """The store cannot be used as it is: it is not there, not set up, or has no connection left."""


class Store:
    """A connection pool on one PostgreSQL database. Threads may share it; a forked process opens its own."""

    def __init__(self, engine: sa.Engine, server: EmbeddedServer | None = None) -> None:
        self._engine = engine
        self._server = server
        self._current = False
        self._told: Told | None = None

    @classmethod
    def open(
        cls, url: str | None = None, *, application: str = "crossdock", home: Path | None = None
    ) -> Self:
        """Open the store of this URL, of ``CROSSDOCK_DATABASE_URL``, or on the embedded server of ``home``.

        Nothing is connected yet for a URL; ``application`` is the name that the server shows for our sessions.
        Raises ``Misconfigured`` for a URL that is none, or when the embedded server cannot run here.
        """
        named = url or os.environ.get(URL_VARIABLE)
        server = None
        if not named:
            server = EmbeddedServer.start(home)
            try:
                named = server.ensure_database(DATABASE)
            except BaseException:
                server.close()
                raise
        engine = sa.create_engine(
            _parse(named),
            pool_size=4,
            max_overflow=8,
            pool_timeout=30,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,
            json_serializer=storable.as_json,
            json_deserializer=orjson.loads,
            connect_args={"application_name": application, "connect_timeout": 10},
        )
        sa.event.listen(engine, "before_cursor_execute", _storable, retval=True)
        return cls(engine, server)

    @property
    def url(self) -> sa.URL:
        """The address. Its text hides the password."""
        return self._engine.url

    @property
    def home(self) -> Path | None:
        """The folder of the embedded server; ``None`` for a server that is named by its address."""
        return self._server.folder.parent if self._server is not None else None

    @contextmanager
    def transaction(self, tenant: str) -> Iterator[sa.Connection]:
        """One transaction, READ COMMITTED, that sees and writes this tenant's rows alone.

        Who writes puts a fault point beside its end (``crossdock.faultpoints``); who only reads takes ``reading``.
        Commits at the end, rolls back on an exception. Raises ``StoreUnready`` when the server cannot be reached and
        ``Misconfigured`` when (looked at once) its schema is not ours; ``WireDown`` when it goes away in the middle:
        what was written may then be committed or not, and doing it again finds out; ``Clash`` when another worker was
        in its way, ``NoRoom`` when its disk is full, and ``TookTooLong`` when the server stopped it for its length.
        What else the statements raise comes out as it is.
        """
        with self._transaction(tenant, read_only="off") as connection:
            yield connection

    @contextmanager
    def reading(self, tenant: str) -> Iterator[sa.Connection]:
        """The same to read in: the database refuses every write."""
        with self._transaction(tenant, read_only="on") as connection:
            yield connection

    def now(self) -> datetime:
        """The database's time, which is the same for all workers, whatever their own clocks say.

        Told with the beginning of every transaction and counted on from there by a clock that no one sets.
        """
        if self._told is None:
            with self._connect() as connection:
                asked = elapsed()
                told = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
                self._told = Told(at=told, when=asked)
        return self._told.now()

    @contextmanager
    def _transaction(self, tenant: str, *, read_only: str) -> Iterator[sa.Connection]:
        if not _TENANT.fullmatch(tenant):
            raise Misconfigured(f"{tenant!r} is no tenant: 1 to 20 small letters and digits")
        if not self._current:
            self.require_current()
        try:
            with self._connect() as connection, connection.begin():
                self._enter(connection, tenant, read_only)
                yield connection
        except sa.exc.DBAPIError as error:
            if _is_clash(error):
                raise Clash(f"another worker was in the way: {_first_line(error)}") from error
            if _is_too_long(error):
                raise TookTooLong(f"our own database stopped us: {_first_line(error)}") from error
            if _is_without_room(error):
                raise NoRoom(f"our own database has no room: {_first_line(error)}") from error
            if not _is_away(error):
                raise
            raise WireDown(
                f"our own database went away: {self._without_password(_first_line(error))}"
            ) from error

    def _enter(self, connection: sa.Connection, tenant: str, read_only: str) -> None:
        try:
            asked = elapsed()
            told = connection.execute(_ENTER, {"tenant": tenant, "read_only": read_only}).one()
            self._told = Told(at=told[-1], when=asked)
        except sa.exc.DBAPIError as error:
            if _is_away(error):
                raise
            raise StoreUnready(
                f"the database user may not act as {ROLE} ({_first_line(error)}); run: crossdock db upgrade"
            ) from error

    def upgrade(self) -> None:
        """Bring the schema to this program's version. Does nothing when it is there; two at once are safe."""
        with self._connect() as connection, connection.begin():
            schema.upgrade(connection)
            faultpoint("store.before_upgrade")
        faultpoint("store.after_upgrade")
        self._current = True

    def require_current(self) -> None:
        """Raise ``Misconfigured`` unless the schema is this program's; the remedy is ``crossdock db upgrade``."""
        with self._connect() as connection:
            schema.require_current(connection)
        self._current = True

    def close(self) -> None:
        """Close the pool and let go of the embedded server."""
        self._engine.dispose()
        if self._server is not None:
            self._server.close()

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        try:
            connection = self._connected()
        except sa.exc.DBAPIError as error:
            raise StoreUnready(
                f"the database {self.url.render_as_string(hide_password=True)} cannot be reached "
                f"({self._without_password(_first_line(error))}); start it, or correct {URL_VARIABLE}"
            ) from None
        except sa.exc.TimeoutError as error:
            raise StoreUnready(
                "every database connection of this process has been in use for 30 s"
            ) from error
        with connection:
            yield connection

    def _connected(self) -> sa.Connection:
        try:
            return self._engine.connect()
        except sa.exc.OperationalError:
            if self._server is None or not self._server.revive():
                raise
        return self._engine.connect()

    def _without_password(self, text: str) -> str:
        password = self.url.password
        return text.replace(str(password), "***") if password else text

    def __repr__(self) -> str:
        return f"Store({self.url.render_as_string(hide_password=True)})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _storable(
    connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> tuple[str, Any]:
    """What a statement is given, as the database can keep it: the one place through which all of it goes."""
    return statement, storable.every(parameters)


def _is_away(error: sa.exc.DBAPIError) -> bool:
    """Whether the server is gone or going, as against a statement that it refuses."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return (
        error.connection_invalidated
        or state[:2] in ("08", "57")
        or (not state and isinstance(error, sa.exc.OperationalError))
    )


def _is_too_long(error: sa.exc.DBAPIError) -> bool:
    """A statement over its time or its memory, or a transaction that stood idle too long while we computed."""
    return str(getattr(error.orig, "sqlstate", None) or "") in ("57014", "25P03", "53200")


def _is_without_room(error: sa.exc.DBAPIError) -> bool:
    """No disk or connection left, or a disk that fails: classes 53 (resources) and 58 (system)."""
    return str(getattr(error.orig, "sqlstate", None) or "")[:2] in ("53", "58")


def disk_full() -> sa.exc.DBAPIError:
    """What a statement or a commit raises when the server's disk is full, for fault points."""
    said = psycopg.errors.DiskFull("could not extend file: No space left on device")
    return sa.exc.OperationalError("COMMIT", None, said)


def _is_clash(error: sa.exc.DBAPIError) -> bool:
    """A deadlock, a serialization failure, or a lock that did not come: nobody's message is to blame."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return state[:2] == "40" or state == "55P03"


def _first_line(error: sa.exc.DBAPIError) -> str:
    return str(error.orig).strip().split("\n")[0]


def _parse(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise Misconfigured(
            f"{URL_VARIABLE} is no database address; write postgresql://user:password@host:5432/database"
        ) from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise Misconfigured(
            f"{URL_VARIABLE} names {url.drivername}; the store is PostgreSQL: postgresql://..."
        )
    secret = url.query.get("password")
    if isinstance(secret, str):  # the text of a URL hides the password in its own place only
        url = url.difference_update_query(["password"]).set(password=secret)
    return url.set(drivername="postgresql+psycopg")
