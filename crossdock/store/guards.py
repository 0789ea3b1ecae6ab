"""What the database itself refuses: another tenant's rows, illegal state changes, changes of what is written once.

Laid anew at the end of each upgrade, from ``tables.metadata``, ``TRANSITIONS`` and ``APPENDED``, so a new table is
guarded without another line. The triggers that refuse cost nothing on the good path: what is legal stands in the WHEN
clause and the function is not called. One more keeps ``mentions``: which row names which business number; and one
writes the row in ``emissions`` of each event, so that no event is committed that nobody will emit.

SQLSTATEs of the refusals: ``CD001`` state change, ``CD002`` appended table, ``CD003`` written once, ``CD004`` first
state, ``CD005`` what waits for approval and has none.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.store.tables import APPENDED, NAMING, TRANSITIONS, metadata

ROLE: Final = "crossdock_app"
"""Every transaction runs as this role. It cannot log in; row-level security binds it, whoever connected."""

ILLEGAL_TRANSITION: Final = "CD001"
APPEND_ONLY: Final = "CD002"
WRITTEN_ONCE: Final = "CD003"
ILLEGAL_START: Final = "CD004"
UNAPPROVED: Final = "CD005"

CHANGEABLE: Final = (
    "sources",
    "raw_messages",
    "parts",
    "listed_rows",
    "cases",
    "write_backs",
    "control_numbers",
    "dead_letters",
    "runs",
    "clocks",
    "exchanges",
    "dead_letter_groups",
    "redrives",
    "redrive_items",
    "audit_heads",
    "approvals",
    "sagas",
    "saga_steps",
    "emissions",
    "feed_heads",
    "consumers",
    "webhooks",
    "webhook_messages",
    "brokers",
    "targets",
    "stops",
    "awaited",
)
"""Tables that the role may update. It may delete from none."""

FIRST_STATES: Final[Mapping[str, Sequence[str]]] = {
    "cases": ("open",),
    "write_backs": ("ready", "awaiting_approval"),
    "dead_letters": ("open", "parked"),
    "dead_letter_groups": ("open",),
    "redrives": ("running",),
    "redrive_items": ("waiting",),
    "approvals": ("asked",),
    "sagas": ("running",),
    "emissions": ("waiting",),
    "consumers": ("active",),
    "awaited": ("waiting", "excused"),
    "webhooks": ("active",),
    "webhook_messages": ("waiting",),
}

ONCE: Final[Mapping[str, Sequence[str]]] = {
    "raw_messages": (
        "id",
        "source",
        "key",
        "name",
        "media_type",
        "headers",
        "body",
        "size",
        "sha256",
        "received_at",
    ),
    "write_backs": (
        "id",
        "case_id",
        "decision_id",
        "raw_id",
        "target",
        "operation",
        "idempotency_key",
        "subject",
        "body",
        "body_sha256",
        "media_type",
        "headers",
        "created_at",
        "queued",
        "slot",
    ),
    "cases": ("id", "fold_key", "opened_at"),
    "dead_letters": (
        "id",
        "source",
        "stage",
        "raw_id",
        "part",
        "write_back_id",
        "created_at",
        "group_id",
        "came_back_from",
        "replays",
    ),
    "dead_letter_groups": ("id", "source", "stage", "code", "template", "template_version", "created_at"),
    "redrives": ("id", "set_key", "asked", "replay_as", "total", "created_at", "created_by"),
    "redrive_items": ("redrive_id", "letter_id", "ordinal"),
    "parts": ("raw_id", "ordinal", "source"),
    "listed_rows": ("raw_id", "part", "document", "partner", "said_at"),
    "runs": ("id", "step", "connector", "started_at"),
    "clocks": ("id", "pair", "started_by", "raw_id", "part", "started_at"),
    "exchanges": ("id", "direction", "partner", "interchange_number", "group_number", "set_number", "at"),
    "approvals": (
        "id",
        "write_back_id",
        "kind",
        "target",
        "operation",
        "subject",
        "body_sha256",
        "attempt",
        "asked_by",
        "asked_principal",
        "reason",
        "asked_at",
        "expires_at",
    ),
    "sagas": ("id", "case_id", "decision_id", "rule", "opened_at"),
    "saga_steps": (
        "saga_id",
        "ordinal",
        "write_back_id",
        "undo",
        "undo_target",
        "undo_operation",
        "undo_subject",
        "undo_body",
    ),
    "emissions": ("event_id", "number"),
    "consumers": ("id", "created_at"),
    "awaited": ("id", "kind", "feed", "declared", "opens_at", "due_at", "wanted", "noted_at"),
    "webhooks": ("id", "created_at"),
    "webhook_messages": ("id", "webhook_id", "event_id", "position", "partition_key", "created_at"),
}
"""Columns that keep the value of the INSERT."""

# ruff: noqa: S608 (DDL of constants)
_REFUSE = f"""
CREATE OR REPLACE FUNCTION crossdock.row_name(row_ jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(row_ ->> 'id', concat_ws('/',
        coalesce(row_ ->> 'raw_id', row_ ->> 'case_id', row_ ->> 'write_back_id', row_ ->> 'event_id',
            row_ ->> 'message_id'),
        coalesce(row_ ->> 'ordinal', row_ ->> 'sequence', row_ ->> 'attempt')))
$$;

CREATE OR REPLACE FUNCTION crossdock.refuse_transition() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '{ILLEGAL_TRANSITION}', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s %s: state may not go from %s to %s', TG_TABLE_NAME,
            crossdock.row_name(to_jsonb(OLD)), OLD.state, NEW.state),
        HINT = 'The legal changes are in crossdock.store.tables.TRANSITIONS.';
END $$;

CREATE OR REPLACE FUNCTION crossdock.refuse_start() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '{ILLEGAL_START}', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s %s: must begin in state %s, not %s', TG_TABLE_NAME,
            crossdock.row_name(to_jsonb(NEW)), TG_ARGV[0], NEW.state);
END $$;

CREATE OR REPLACE FUNCTION crossdock.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '{WRITTEN_ONCE}', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s %s: %s is written once and never changed', TG_TABLE_NAME,
            crossdock.row_name(to_jsonb(OLD)), (
                SELECT string_agg(old_.key, ', ' ORDER BY old_.key)
                FROM jsonb_each(to_jsonb(OLD)) old_ JOIN jsonb_each(to_jsonb(NEW)) new_ USING (key)
                WHERE old_.value <> new_.value AND old_.key = ANY (TG_ARGV)));
END $$;

CREATE OR REPLACE FUNCTION crossdock.refuse_unapproved() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM crossdock.approvals a
        WHERE a.tenant = NEW.tenant AND a.write_back_id = NEW.id AND a.state = 'agreed' AND a.attempt = NEW.attempt
            AND a.target = NEW.target AND a.operation = NEW.operation AND a.subject = NEW.subject
            AND a.body_sha256 = encode(sha256(NEW.body), 'hex'))
    THEN
        RAISE EXCEPTION USING ERRCODE = '{UNAPPROVED}', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            MESSAGE = format('write_backs %s: nobody agreed to exactly these bytes after attempt %s',
                NEW.id, NEW.attempt);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION crossdock.note_mentions() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO crossdock.mentions (tenant, word, named_by, row_id)
    SELECT DISTINCT tenant, word, TG_ARGV[0], id FROM added, unnest(refs) word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION crossdock.note_emissions() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO crossdock.emissions (tenant, event_id, state) SELECT tenant, id, 'waiting' FROM added;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION crossdock.refuse_append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '{APPEND_ONLY}', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s: rows are only ever added, %s is refused', TG_TABLE_NAME, TG_OP);
END $$;
"""

_LEDGER = """
CREATE VIEW crossdock.ledger_balance WITH (security_invoker = true) AS
WITH messages AS (
    SELECT m.tenant, m.source,
        count(*) FILTER (WHERE part_count IS NULL) AS unsplit,
        coalesce(sum(greatest(part_count, 1) - 1), 0) AS further_parts,
        count(*) FILTER (WHERE part_count <> coalesce(p.there, 0)) AS missing_parts
    FROM crossdock.raw_messages m
    LEFT JOIN (SELECT tenant, raw_id, count(*) AS there FROM crossdock.parts GROUP BY tenant, raw_id) p
        ON p.tenant = m.tenant AND p.raw_id = m.id
    GROUP BY m.tenant, m.source
), units AS (
    SELECT tenant, source,
        count(*) FILTER (WHERE state = 'processed') AS processed,
        count(*) FILTER (WHERE state = 'rejected') AS rejected,
        count(*) FILTER (WHERE state = 'dead_lettered') AS dead_lettered,
        count(*) FILTER (WHERE state = 'discarded') AS discarded,
        count(*) FILTER (WHERE state = 'in_flight') AS in_flight
    FROM crossdock.parts GROUP BY tenant, source
), repeats AS (
    SELECT tenant, source, count(*) AS duplicate FROM crossdock.duplicates GROUP BY tenant, source
), silent AS (
    SELECT p.tenant, p.source, count(*) AS unexplained
    FROM crossdock.parts p
    WHERE p.state IN ('rejected', 'dead_lettered') AND NOT EXISTS (
        SELECT FROM crossdock.dead_letters d
        WHERE d.tenant = p.tenant AND d.raw_id = p.raw_id AND d.part = p.ordinal
          AND d.state IN ('open', 'parked'))
    GROUP BY p.tenant, p.source
), books AS (
    SELECT tenant, source,
        coalesce(s.received_total, 0) + coalesce(m.further_parts, 0) AS received,
        coalesce(u.processed, 0) AS processed,
        coalesce(r.duplicate, 0) AS duplicate,
        coalesce(u.rejected, 0) AS rejected,
        coalesce(u.dead_lettered, 0) AS dead_lettered,
        coalesce(u.discarded, 0) AS discarded,
        coalesce(m.unsplit, 0) + coalesce(u.in_flight, 0) AS in_flight,
        coalesce(m.missing_parts, 0) AS missing_parts,
        coalesce(x.unexplained, 0) AS unexplained
    FROM crossdock.sources s
    FULL JOIN messages m USING (tenant, source)
    FULL JOIN units u USING (tenant, source)
    FULL JOIN repeats r USING (tenant, source)
    FULL JOIN silent x USING (tenant, source)
)
SELECT tenant, source,
    received::bigint, processed::bigint, duplicate::bigint, rejected::bigint, dead_lettered::bigint,
    discarded::bigint, in_flight::bigint,
    (received - processed - duplicate - rejected - dead_lettered - discarded - in_flight)::bigint AS balance,
    missing_parts::bigint, unexplained::bigint
FROM books
"""

LEDGER: Final = sa.table(
    "ledger_balance",
    sa.column("tenant", sa.Text),
    sa.column("source", sa.Text),
    *(
        sa.column(name, sa.BigInteger)
        for name in (
            "received",
            "processed",
            "duplicate",
            "rejected",
            "dead_lettered",
            "discarded",
            "in_flight",
            "balance",
            "missing_parts",
            "unexplained",
        )
    ),
    schema="crossdock",
)
"""The conservation law, one row per tenant and source: ``balance`` is 0, always. The unit is a part; a message that
is not split yet counts as one. ``received`` = receipts + the parts beyond the first of each split message. A message
split into no part at all shows as a balance of 1: the split writes at least one part, for an empty file too.
``missing_parts``: split messages with another number of parts than they say. ``unexplained``: parts set aside without
an open dead letter. Both are 0, always."""


def ensure_role(connection: sa.Connection) -> None:
    """Make the role if it is not there and let the connected user take it.

    Raises ``Misconfigured`` with the two statements for an administrator if the user may not.
    """
    try:
        with connection.begin_nested():
            connection.execute(sa.text(_ENSURE_ROLE))
    except sa.exc.ProgrammingError as error:
        user = connection.scalar(sa.text("SELECT session_user"))
        raise Misconfigured(
            f"the database user {user} may not make the role {ROLE}; let an administrator run: "
            f"CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO {user};"
        ) from error


# Roles belong to the whole server: another database's upgrade may make the same one at the same moment.
_ENSURE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        BEGIN
            CREATE ROLE {ROLE} NOLOGIN NOINHERIT;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    IF NOT pg_has_role(session_user, '{ROLE}',
            CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) THEN
        EXECUTE format('GRANT {ROLE} TO %I', session_user);
    END IF;
END $$
"""


def lift(connection: sa.Connection) -> None:
    """Take away what stands in the way of a migration: the view (it holds columns), the triggers that refuse changes,
    and row-level security, under which a change of the owner's would reach no row and say nothing."""
    connection.execute(sa.text(_TAKE_AWAY))
    connection.execute(sa.text(_OPEN))


def lay(connection: sa.Connection) -> None:
    """Lay every guard anew and sign the schema with their fingerprint."""
    connection.execute(sa.text(_TAKE_AWAY))
    for statement in statements():
        connection.execute(sa.text(statement))
    connection.execute(sa.text(f"COMMENT ON SCHEMA crossdock IS '{fingerprint()}'"))


# Everything that an earlier version laid, so that nothing of it is left which this version no longer knows.
_TAKE_AWAY: Final = """
DO $$ DECLARE found record; BEGIN
    DROP VIEW IF EXISTS crossdock.ledger_balance;
    FOR found IN
        SELECT tgname AS name, relname AS on_table FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
        WHERE relnamespace = 'crossdock'::regnamespace AND NOT tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON crossdock.%I', found.name, found.on_table);
    END LOOP;
    FOR found IN SELECT policyname AS name, tablename AS on_table FROM pg_policies WHERE schemaname = 'crossdock' LOOP
        EXECUTE format('DROP POLICY %I ON crossdock.%I', found.name, found.on_table);
    END LOOP;
END $$
"""


_OPEN: Final = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'crossdock'::regnamespace AND relkind = 'r' AND relrowsecurity
    LOOP
        EXECUTE format('ALTER TABLE crossdock.%I DISABLE ROW LEVEL SECURITY', found.name);
        EXECUTE format('ALTER TABLE crossdock.%I NO FORCE ROW LEVEL SECURITY', found.name);
    END LOOP;
END $$
"""


@cache
def fingerprint() -> str:
    """Which guards these are."""
    return "guards " + hashlib.sha256("\n".join(statements()).encode()).hexdigest()[:16]


def statements() -> Iterator[str]:
    yield _REFUSE
    yield "REVOKE ALL ON ALL TABLES IN SCHEMA crossdock FROM PUBLIC"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA crossdock FROM {ROLE}"
    yield f"GRANT USAGE ON SCHEMA crossdock TO {ROLE}"
    for table in metadata.sorted_tables:
        yield from _policy(table.name)
        if table.name in APPENDED:
            yield from _appended(table.name)
        if table.name in TRANSITIONS:
            yield _transitions(table.name, TRANSITIONS[table.name])
        if table.name in FIRST_STATES:
            yield _first_state(table.name, FIRST_STATES[table.name])
        if table.name in ONCE:
            yield _once(table.name, ONCE[table.name])
        if table.name in NAMING:
            yield _mentions(table.name)
    yield _APPROVED
    yield (
        "CREATE TRIGGER emissions AFTER INSERT ON crossdock.events REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION crossdock.note_emissions()"
    )
    yield _LEDGER
    yield f"GRANT SELECT ON crossdock.ledger_balance TO {ROLE}"


def _policy(table: str) -> Iterator[str]:
    right = "SELECT, INSERT, UPDATE" if table in CHANGEABLE else "SELECT, INSERT"
    mine = "tenant = current_setting('crossdock.tenant', true)"
    yield f"GRANT {right} ON crossdock.{table} TO {ROLE}"
    yield f"ALTER TABLE crossdock.{table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    yield f"CREATE POLICY own_tenant ON crossdock.{table} USING ({mine}) WITH CHECK ({mine})"


def _appended(table: str) -> Iterator[str]:
    yield (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON crossdock.{table} "
        "FOR EACH ROW EXECUTE FUNCTION crossdock.refuse_append_only()"
    )
    yield (
        f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON crossdock.{table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION crossdock.refuse_append_only()"
    )


def _transitions(table: str, legal: Mapping[str, Sequence[str]]) -> str:
    pairs = ", ".join(f"('{old}', '{new}')" for old, news in sorted(legal.items()) for new in sorted(news))
    return (
        f"CREATE TRIGGER transition BEFORE UPDATE OF state ON crossdock.{table} FOR EACH ROW WHEN "
        f"(OLD.state IS DISTINCT FROM NEW.state AND (OLD.state, NEW.state) NOT IN ({pairs})) "
        "EXECUTE FUNCTION crossdock.refuse_transition()"
    )


def _first_state(table: str, states: Sequence[str]) -> str:
    listed = ", ".join(f"'{state}'" for state in states)
    return (
        f"CREATE TRIGGER first_state BEFORE INSERT ON crossdock.{table} FOR EACH ROW "
        f"WHEN ((NEW.state IN ({listed})) IS NOT TRUE) "
        f"EXECUTE FUNCTION crossdock.refuse_start('{' or '.join(states)}')"
    )


# Named to come after the trigger that refuses an illegal change: a wrong state is said first.
_APPROVED: Final = (
    "CREATE TRIGGER unapproved BEFORE UPDATE OF state ON crossdock.write_backs FOR EACH ROW WHEN "
    "(OLD.state = 'awaiting_approval' AND NEW.state = 'ready') EXECUTE FUNCTION crossdock.refuse_unapproved()"
)


def _mentions(table: str) -> str:
    return (
        f"CREATE TRIGGER mentions AFTER INSERT ON crossdock.{table} REFERENCING NEW TABLE AS added "
        f"FOR EACH STATEMENT EXECUTE FUNCTION crossdock.note_mentions('{table}')"
    )


def _once(table: str, columns: Sequence[str]) -> str:
    # UPDATE OF: an update that does not name these columns never compares their bodies.
    columns = ("tenant", *columns)
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
    names = ", ".join(f"'{column}'" for column in columns)
    return (
        f"CREATE TRIGGER written_once BEFORE UPDATE OF {', '.join(columns)} ON crossdock.{table} "
        f"FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION crossdock.refuse_change({names})"
    )
