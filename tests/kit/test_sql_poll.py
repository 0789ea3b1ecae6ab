"""A view is polled by declaration alone: each row once, whatever shares its moment or comes late; never written."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
import sqlalchemy as sa

from crossdock.errors import Misconfigured, Refused, WireDown
from crossdock.formats import json_strict
from crossdock.hub import Hub
from crossdock.manifests import read_manifest
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.testing.clock import MovableClock
from crossdock.wires.declared_hosts import UndeclaredHost

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONNECTOR = """
title = "ERP view"
owner = "integration"
wire = "sql"
connection = "view"
connection_type = "crossdock_sql"
version = "1"

[source]
document = "erp_open_line"
media_type = "application/json"
every_s = 60
batch = 1000

[source.view]
name = "lines"
{size}
most_pages = 4
{view}

[source.cursor]
field = "changed_at"
key = "line_id"
overlap_s = 600
{cursor}
"""


@pytest.fixture
def declare(tmp_path):
    """A connector with these lines in its tables."""

    def declare(*, size=3, view="", cursor="", more=""):
        folder = tmp_path / "connectors" / "erp_lines"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "connector.toml").write_text(
            CONNECTOR.format(view=view, cursor=cursor, size=f"size = {size}") + more
        )
        return Registry(tmp_path / "connectors")

    return declare


class Sqlite:
    """A database in a file."""

    driver = "sqlite"

    def __init__(self, folder):
        self.path = folder / "erp's data%20.db"

    def do(self, statement, *values):
        with sqlite3.connect(self.path) as connection:
            return connection.execute(statement, values).fetchall()

    def login(self, **more):
        return Login(connection_id="view", extra={"driver": "sqlite", "database": str(self.path), **more})

    def make(self):
        self.do("CREATE TABLE lines (line_id INTEGER, changed_at TIMESTAMP, note TEXT)")

    def put(self, line_id, at, note="", *, table="lines"):
        self.do(
            f"INSERT INTO {table} VALUES (?, ?, ?)",  # noqa: S608 (of this test)
            line_id,
            at.replace(tzinfo=None).isoformat(sep=" "),
            note,
        )

    def update(self, line_id, at, note):
        moment = at.replace(tzinfo=None).isoformat(sep=" ")
        self.do("UPDATE lines SET changed_at = ?, note = ? WHERE line_id = ?", moment, note, line_id)


class Postgres:
    """A database of the suite's own server, with a role that may only select."""

    driver = "postgresql+psycopg"

    def __init__(self, database):
        self.url = database.empty()

    def do(self, statement, *values):
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            found = connection.execute(statement, values)
            return found.fetchall() if found.description else []

    def login(self, **more):
        url = sa.make_url(self.url)
        host = str(url.query["host"])
        return Login(
            connection_id="view",
            host=host,
            port=int(str(url.query["port"])),
            user=str(url.username),
            password=Secret("a secret"),
            extra={"driver": self.driver, "database": url.database, **more},
            hosts=(host,),
        )

    def make(self):
        self.do("CREATE TABLE lines (line_id bigint, changed_at timestamptz, note text)")

    def put(self, line_id, at, note="", *, table="lines"):
        self.do(f"INSERT INTO {table} VALUES (%s, %s, %s)", line_id, at, note)  # noqa: S608

    def update(self, line_id, at, note):
        self.do("UPDATE lines SET changed_at = %s, note = %s WHERE line_id = %s", at, note, line_id)


@pytest.fixture(params=["sqlite", "postgresql"])
def erp(request, tmp_path):
    made = Sqlite(tmp_path) if request.param == "sqlite" else Postgres(request.getfixturevalue("database"))
    made.make()
    return made


@pytest.fixture
def postgres(database):
    return Postgres(database)


@pytest.fixture
def clock():
    return MovableClock(NOON + timedelta(days=1))


def poll(registry, login, clock, after=None):
    """What one run reads, and where it ends."""
    source = registry.source(registry.manifest("erp_lines"), login, clock)
    try:
        found = list(source.read(after))
    finally:
        source.close()
    return found, (found[-1].position if found else after)


def ids(messages):
    return [json_strict.loads(one.body)["line_id"] for one in messages]


def test_each_row_is_one_message_and_is_read_once(erp, declare, clock):
    for number in range(7):
        erp.put(number, NOON + timedelta(minutes=number), f"n{number}")
    found, position = poll(declare(), erp.login(), clock)
    assert ids(found) == list(range(7))
    assert json_strict.loads(found[0].body)["note"] == "n0"
    assert found[0].name == "0"
    again, _ = poll(declare(), erp.login(), clock, position)
    assert again == []


def test_rows_of_the_same_moment_are_neither_lost_nor_read_twice(erp, declare, clock):
    """Seven rows of one moment over pages of three."""
    for number in (4, 2, 6, 1, 3, 7, 5):
        erp.put(number, NOON)
    found, position = poll(declare(), erp.login(), clock)
    assert ids(found) == [1, 2, 3, 4, 5, 6, 7]
    erp.put(8, NOON)
    found, _ = poll(declare(), erp.login(), clock, position)
    assert ids(found) == [8]


def test_what_commits_late_behind_the_cursor_is_found(erp, declare, clock):
    erp.put(1, NOON)
    _, position = poll(declare(), erp.login(), clock)
    erp.put(2, NOON - timedelta(minutes=9))
    found, _ = poll(declare(), erp.login(), clock, position)
    assert ids(found) == [2]


def test_a_row_that_changes_is_a_new_message_of_the_same_name(erp, declare, clock):
    erp.put(1, NOON, "before")
    (first,), position = poll(declare(), erp.login(), clock)
    erp.update(1, NOON + timedelta(minutes=1), "after")
    (second,), _ = poll(declare(), erp.login(), clock, position)
    assert (first.name, second.name) == ("1", "1")
    assert first.key != second.key


def test_a_run_that_ends_between_two_pages_goes_on_there(erp, declare, clock):
    for number in range(12):
        erp.put(number, NOON)
    registry = declare()
    source = registry.source(registry.manifest("erp_lines"), erp.login(), clock)
    reading = source.read(None)
    first = [next(reading) for _ in range(5)]
    source.close()
    rest, _ = poll(registry, erp.login(), clock, first[-1].position)
    assert ids([*first, *rest]) == list(range(12))


def test_a_backlog_is_read_run_by_run(erp, declare, clock):
    for number in range(14):
        erp.put(number, NOON + timedelta(minutes=20 * number))
    found, position = poll(declare(), erp.login(), clock)
    assert len(found) == 12, "four pages of three"
    found, _ = poll(declare(), erp.login(), clock, position)
    assert ids(found) == [12, 13]


def test_a_window_that_is_wider_than_a_run_is_told_instead_of_standing_still(erp, declare, clock):
    for number in range(13):
        erp.put(number, NOON)
    registry = declare(cursor='begin_at = "2026-11-20T00:00:00Z"')
    _, position = poll(registry, erp.login(), clock)
    with pytest.raises(Refused, match="hold nothing new and there are more; raise size or most_pages"):
        poll(registry, erp.login(), clock, position)


@pytest.mark.parametrize("key", [7, None])
def test_rows_that_share_their_key_or_lack_it_are_not_lost_where_a_page_ends(erp, declare, clock, key):
    for number in range(3):
        erp.put(number, NOON, f"{number}")
        erp.put(key, NOON, f"part {number}")
    erp.put(8, NOON + timedelta(hours=2), "behind them")
    for size in (4, 5):
        found, position = poll(declare(size=size), erp.login(), clock)
        notes = sorted(json_strict.loads(one.body)["note"] for one in found)
        assert notes == ["0", "1", "2", "behind them", "part 0", "part 1", "part 2"]
    assert poll(declare(), erp.login(), clock, position)[0] == []


def test_more_rows_of_one_key_than_a_page_holds_are_told_instead_of_passed_over(erp, declare, clock):
    for number in range(5):
        erp.put(7, NOON, f"part {number}")
    with pytest.raises(Refused, match="share changed_at and line_id"):
        poll(declare(), erp.login(), clock)


@pytest.mark.parametrize("kind", ["timestamp", "text"])
def test_what_is_written_while_the_wall_clock_shows_an_hour_again_is_read(postgres, declare, kind):
    """In Berlin 03:00 became 02:00 on 25 October 2026, at 01:00 UTC."""
    postgres.do(f"CREATE TABLE lines (line_id bigint, changed_at {kind}, note text)")
    registry = declare(size=30, view='timezone = "Europe/Berlin"', cursor='written = "local"')
    clock = MovableClock(datetime(2026, 10, 25, 0, 0, tzinfo=UTC))
    position, read = None, []
    for number in range(16):
        wall = clock.now().astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
        postgres.do("INSERT INTO lines VALUES (%s, %s, '')", number, wall.isoformat())
        found, position = poll(registry, postgres.login(), clock, position)
        read.append(ids(found))
        clock.advance(timedelta(minutes=10))
    assert read == [[number] for number in range(16)]


def test_texts_without_a_zone_are_asked_for_in_the_zone_of_the_view(postgres, declare):
    """In Chicago it is six hours earlier than in Greenwich."""
    postgres.do("CREATE TABLE lines (line_id bigint, changed_at text, note text)")
    registry = declare(view='timezone = "America/Chicago"', cursor='written = "local"')
    clock = MovableClock(datetime(2026, 11, 20, 18, 0, tzinfo=UTC))
    postgres.do("INSERT INTO lines VALUES (1, '2026-11-20T12:00:00', '')")
    _, position = poll(registry, postgres.login(), clock)
    postgres.do("INSERT INTO lines VALUES (2, '2026-11-20T12:10:00', '')")
    clock.advance(timedelta(minutes=10))
    assert ids(poll(registry, postgres.login(), clock, position)[0]) == [2]


def test_a_moment_of_the_future_does_not_move_the_cursor(erp, declare, clock):
    erp.put(1, NOON + timedelta(days=400))
    found, position = poll(declare(), erp.login(), clock)
    assert ids(found) == [1]
    erp.put(2, NOON)
    found, _ = poll(declare(), erp.login(), clock, position)
    assert ids(found) == [2]


def test_only_the_columns_that_are_declared_are_read(erp, declare, clock):
    erp.put(1, NOON, "personal")
    (found,), _ = poll(declare(view='columns = ["line_id"]'), erp.login(), clock)
    assert json_strict.loads(found.body) == {"line_id": 1}


def test_no_name_is_ever_sql(erp, declare, clock):
    hostile = 'lines"; DROP TABLE lines; --'
    quoted = '"' + hostile.replace('"', '""') + '"'
    erp.do(f"CREATE TABLE {quoted} (line_id INTEGER, changed_at TIMESTAMP, note TEXT)")
    erp.put(1, NOON, table=quoted)
    registry = declare()
    file = Path(registry.manifest("erp_lines").folder) / "connector.toml"
    file.write_text(file.read_text().replace('name = "lines"', f"name = {json.dumps(hostile)}"))
    found, _ = poll(Registry(file.parent.parent), erp.login(), clock)
    assert ids(found) == [1]
    assert erp.do("SELECT count(*) FROM lines") == [(0,)]


def test_a_name_that_the_database_lacks_is_told_before_anything_is_asked(erp, declare, clock):
    with pytest.raises(Misconfigured, match=r"no column 'nots' .did you mean 'note'"):
        poll(declare(view='columns = ["nots"]'), erp.login(), clock)
    erp.do("DROP TABLE lines")
    with pytest.raises(Misconfigured, match="no such table or view"):
        poll(declare(), erp.login(), clock)


def test_a_statement_that_takes_too_long_is_ended_by_the_database(erp, declare, clock):
    if erp.driver == "sqlite":
        slow = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1e9) SELECT max(i) FROM n"
    else:
        slow = "SELECT 1 FROM pg_sleep(60)"
    erp.do("DROP TABLE lines")
    erp.do(f"CREATE VIEW lines AS SELECT 1 AS line_id, '2026-11-20 12:00:00' AS changed_at, ({slow}) AS note")
    source = declare(view="deadline_s = 0.2").source(
        declare(view="deadline_s = 0.2").manifest("erp_lines"), erp.login(), clock
    )
    with pytest.raises(WireDown, match="not done within its deadline"):
        source._wire.rows(since=NOON - timedelta(days=1), after=None, size=3)
    source.close()


# -- nothing is written ---------------------------------------------------------------------------------------------


def test_a_view_that_writes_when_it_is_read_is_refused_by_postgresql(postgres, declare, clock):
    postgres.make()
    postgres.do("CREATE TABLE touched (at timestamptz)")
    postgres.do(
        "CREATE FUNCTION touch() RETURNS text LANGUAGE sql VOLATILE AS"
        " 'INSERT INTO touched VALUES (now()) RETURNING ''x'''"
    )
    postgres.do("DROP TABLE lines")
    postgres.do("CREATE VIEW lines AS SELECT 1::bigint AS line_id, now() AS changed_at, touch() AS note")
    with pytest.raises(Refused, match="read-only transaction"):
        poll(declare(), postgres.login(), clock)
    assert postgres.do("SELECT count(*) FROM touched") == [(0,)]


def test_sqlite_is_opened_to_read_alone(tmp_path, declare, clock):
    erp = Sqlite(tmp_path)
    erp.make()
    source = declare().source(declare().manifest("erp_lines"), erp.login(), clock)
    with (
        source._wire._reading() as connection,
        pytest.raises(Exception, match="readonly"),
    ):
        connection.exec_driver_sql("DELETE FROM lines")
    source.close()


def test_a_sink_over_sql_is_refused_by_design(tmp_path, declare):
    declare(
        more='[sink]\noperations = ["note"]\nidempotency = "none"\nschedule_s = [5]\nconcurrency = 1\nbatch = 1\n'
        "every_s = 60\n"
    )
    with pytest.raises(Misconfigured, match=r"tables are read and never written.*write through its API"):
        read_manifest(tmp_path / "connectors" / "erp_lines")


# -- odd values -----------------------------------------------------------------------------------------------------


def test_every_type_of_postgresql_is_kept_exactly(postgres, declare, clock):
    postgres.do(
        "CREATE TABLE lines (line_id uuid, changed_at timestamp, amount numeric(20,4), day date, raw bytea,"
        " tags text[], doc jsonb, span interval, flag boolean, nothing text)"
    )
    postgres.do(
        "INSERT INTO lines VALUES ('00000000-0000-0000-0000-000000000007', '2026-11-20 06:00:00.000001',"
        " 12345678901234.5600, '2026-11-21', '\\x00ff', '{a,b}', '{\"n\": 1.10}', '1 hour', true, NULL)"
    )
    (found,), position = poll(declare(view='timezone = "America/Chicago"'), postgres.login(), clock)
    assert json_strict.loads(found.body) == {
        "line_id": "00000000-0000-0000-0000-000000000007",
        "changed_at": "2026-11-20T12:00:00.000001Z",
        "amount": Decimal("12345678901234.5600"),
        "day": "2026-11-21",
        "raw": "AP8=",
        "tags": ["a", "b"],
        "doc": {"n": Decimal("1.1")},
        "span": "3600",
        "flag": True,
        "nothing": None,
    }
    assert json.loads(position)["mark"] == "2026-11-20T12:00:00.000001Z"
    again, _ = poll(declare(view='timezone = "America/Chicago"'), postgres.login(), clock, position)
    assert again == []


def test_a_row_that_cannot_be_read_is_set_aside_alone(postgres, declare, clock):
    postgres.do("CREATE TABLE lines (line_id bigint, changed_at timestamptz, day date)")
    for number, day in ((1, "2026-11-20"), (2, "infinity"), (3, "2026-11-22")):
        postgres.do("INSERT INTO lines VALUES (%s, %s, %s)", number, NOON, day)
    found, _ = poll(declare(), postgres.login(), clock)
    assert ids(found) == [1, 2, 3]
    odd = json_strict.loads(found[1].body)
    assert "date too large" in odd["unreadable"]
    assert json_strict.loads(found[2].body)["day"] == "2026-11-22"


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_a_row_that_changed_at_no_moment_at_all_holds_up_no_other(postgres, declare, clock, kind):
    postgres.do(f"CREATE TABLE lines (line_id bigint, changed_at {kind}, note text)")
    for number, moment in ((1, NOON), (2, "infinity"), (3, NOON + timedelta(minutes=2)), (4, "20000-01-01")):
        postgres.do("INSERT INTO lines VALUES (%s, %s, '')", number, moment)
    registry = declare(size=10)
    found, position = poll(registry, postgres.login(), clock)
    assert ids(found) == [1, 3, 2, 4]
    odd = [json_strict.loads(one.body).get("unreadable") for one in found]
    assert odd == [None, None, "its changed_at is beyond every date", "its changed_at is beyond every date"]
    assert poll(registry, postgres.login(), clock, position)[0] == []


def test_bytes_that_are_no_text_are_kept_as_bytes(tmp_path, declare, clock):
    erp = Sqlite(tmp_path)
    erp.make()
    erp.do("INSERT INTO lines VALUES (1, '2026-11-20 12:00:00', CAST(x'61ff' AS TEXT))")
    (found,), _ = poll(declare(), erp.login(), clock)
    assert json_strict.loads(found.body)["note"] == "Yf8="


@pytest.mark.parametrize(
    ("column", "value", "cursor"),
    [
        ("INTEGER", int(NOON.timestamp()), 'written = "epoch_s"'),
        ("TEXT", "2026-11-20T12:00:00Z", ""),
        ("DATE", "2026-11-20", ""),
    ],
)
def test_moments_that_a_system_keeps_otherwise_are_a_cursor_too(
    tmp_path, declare, clock, column, value, cursor
):
    erp = Sqlite(tmp_path)
    erp.do(f"CREATE TABLE lines (line_id INTEGER, changed_at {column})")
    erp.do("INSERT INTO lines VALUES (1, ?)", value)
    found, position = poll(declare(cursor=cursor), erp.login(), clock)
    assert ids(found) == [1]
    assert json.loads(position)["mark"] >= "2026-11-20"
    again, _ = poll(declare(cursor=cursor), erp.login(), clock, position)
    assert again == []


def test_a_number_that_nobody_says_how_to_count_is_asked_about(tmp_path, declare, clock):
    erp = Sqlite(tmp_path)
    erp.do("CREATE TABLE lines (line_id INTEGER, changed_at INTEGER)")
    with pytest.raises(Misconfigured, match="say how it counts, as written = 'epoch_s'"):
        poll(declare(), erp.login(), clock)


# -- the connection and its check -----------------------------------------------------------------------------------


def steps(registry, login, clock):
    source = registry.source(registry.manifest("erp_lines"), login, clock)
    found = list(source.check())
    source.close()
    return found


def test_the_check_goes_from_the_name_to_a_page(erp, declare, clock):
    erp.put(1, NOON)
    found = steps(declare(), erp.login(), clock)
    assert [one.step for one in found] == ["resolve", "connect", "login", "permission", "sample"]
    assert all(one.ok for one in found)
    assert "refuses every write" in found[2].sentence


def test_the_check_finds_rows_that_would_never_be_read(erp, declare, clock):
    erp.do("INSERT INTO lines (line_id) VALUES (1)")
    last = steps(declare(), erp.login(), clock)[-1]
    assert (last.step, last.ok) == ("sample", False)
    assert "which would never be read" in last.sentence


def test_the_check_stops_at_what_is_not_permitted(postgres, declare, clock):
    postgres.make()
    postgres.do("DROP ROLE IF EXISTS onlooker")
    postgres.do("CREATE ROLE onlooker LOGIN")
    login = postgres.login()
    login = Login(
        connection_id="view", host=login.host, user="onlooker", extra=login.extra, hosts=login.hosts
    )
    try:
        last = steps(declare(), login, clock)[-1]
        assert (last.step, last.ok) == ("sample", False)
        assert "permission denied" in last.sentence
    finally:
        postgres.do("DROP ROLE onlooker")


@pytest.mark.parametrize(
    ("extra", "step", "field"),
    [
        ({"driver": ""}, "resolve", "driver"),
        ({"driver": "nosuch+thing"}, "login", "driver"),
        ({"driver": "oracle+oracledb"}, "login", "driver"),
        ({"options": "host=elsewhere.example"}, "resolve", "options"),
        ({"options": "mode=rwc"}, "resolve", "options"),
        ({"options": "plugin=anything"}, "resolve", "options"),
        ({"options": "sslkeylogfile=/tmp/keys"}, "resolve", "options"),
        ({"driver": "mysql+pymysql", "options": "init_command=DELETE+FROM+lines"}, "resolve", "options"),
        ({"driver": "mssql+pyodbc", "options": "driver=/tmp/any.so"}, "resolve", "options"),
        ({"driver": "postgresql://ann:canary@erp.example/d"}, "resolve", "driver"),
        ({"database": ""}, "resolve", "database"),
    ],
)
def test_the_check_names_the_field_that_is_wrong(tmp_path, declare, clock, extra, step, field):
    erp = Sqlite(tmp_path)
    erp.make()
    login = erp.login(**extra)
    if extra.get("driver"):
        login = Login(connection_id="view", host="localhost", extra=login.extra, hosts=("localhost",))
    last = steps(declare(), login, clock)[-1]
    assert (last.step, last.ok, last.field) == (step, False, field)
    assert "canary" not in last.sentence


def test_a_file_that_is_not_there_is_not_made(tmp_path, declare, clock):
    erp = Sqlite(tmp_path)
    with pytest.raises(WireDown, match="unable to open database file"):
        poll(declare(), erp.login(), clock)
    assert not erp.path.exists()


def test_a_host_that_the_connector_does_not_declare_is_not_opened(declare, clock):
    login = Login(
        connection_id="view",
        host="elsewhere.example",
        extra={"driver": "postgresql+psycopg"},
        hosts=("erp.example",),
    )
    registry = declare()
    from crossdock.kit.sql_poll import SqlPoll

    with pytest.raises(UndeclaredHost):
        list(SqlPoll(registry.manifest("erp_lines"), login, clock).read(None))


def test_a_postgresql_elsewhere_must_show_its_certificate(declare, clock):
    login = Login(
        connection_id="view", host="erp.example", extra={"driver": "postgresql+psycopg", "database": "d"}
    )
    registry = declare()
    source = registry.source(registry.manifest("erp_lines"), login, clock)
    assert source._wire._url().query["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[source.view]", r"\[source.view\] is missing"),
        ("[source.cursor]", r"\[source.cursor\] is missing"),
    ],
)
def test_a_connector_says_what_is_read_and_what_orders_it(declare, tmp_path, text, sentence):
    declare()
    file = tmp_path / "connectors" / "erp_lines" / "connector.toml"
    whole = file.read_text()
    head, _, tail = whole.partition(text)
    file.write_text(head + tail.partition("\n\n")[2])
    with pytest.raises(Misconfigured, match=sentence):
        read_manifest(file.parent)


def test_the_rows_of_the_view_become_cases_and_a_received_line_ends_its_own(
    store, tmp_path, clock, monkeypatch
):
    """The shipped connector, its mapping and the hub, over a database in a file."""
    erp = Sqlite(tmp_path)
    columns = Registry().manifest("erp_view").source.view.columns
    erp.do(f"CREATE TABLE crossdock_open_lines ({', '.join(columns)})")

    def put(received, backordered, at):
        values = {
            "line_id": 7, "changed_at": at.isoformat(), "po_number": "4500123456", "line_no": 10, "item": "V-8",
            "unit": "EA", "ordered_qty": 60, "received_qty": received, "backordered_qty": backordered,
            "status": "open",
        }  # fmt: skip
        erp.do("DELETE FROM crossdock_open_lines")
        marks = ", ".join("?" for _ in columns)
        erp.do(f"INSERT INTO crossdock_open_lines VALUES ({marks})", *(values.get(name) for name in columns))  # noqa: S608

    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP_VIEW",
        json.dumps({"conn_type": "crossdock_sql", "extra": {"driver": "sqlite", "database": str(erp.path)}}),
    )
    with Hub.open(
        store=store, registry=Registry(), clock=clock, tenant="main", lease=timedelta(minutes=1)
    ) as hub:
        put(20, 40, NOON)
        assert hub.receive("erp_view").counts["stored"] == 1
        assert hub.process().counts["cases"] == 1
        put(60, 0, NOON + timedelta(hours=1))
        assert hub.receive("erp_view").counts["stored"] == 1
        assert hub.process().counts["cleared"] == 1
        assert hub.receive("erp_view").counts["received"] == 0
