"""What people look at: lists, the ledger, and the store's own health; single things come from ``stories``.

Every function reads, inside a transaction that the caller has (``store.transaction(tenant)``), and returns
dictionaries that are ready for JSON: ids and times are texts (RFC 3339, UTC, ``Z``), bytes are never in them.
Lists are newest first and paged by key: ``Page.next`` is where the following page begins, ``Page.more`` how many
rows follow.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from crossdock.messages import WriteBackState
from crossdock.store import tables
from crossdock.store.audit_trail import get_audit, list_audit
from crossdock.store.guards import LEDGER
from crossdock.store.pages import (
    Connection,
    Page,
    Row,
    all_rows,
    first_row,
    of_code,
    page_of,
    raw_columns,
    with_text,
    write_back_columns,
)
from crossdock.store.stories import (
    KINDS,
    body_of_dead_letter,
    body_of_raw,
    body_of_write_back,
    get_case,
    get_dead_letter,
    get_event,
    get_raw,
    get_write_back,
    resolve,
    times_again,
)

__all__ = [
    "KINDS",
    "Connection",
    "Health",
    "Page",
    "Row",
    "body_of_dead_letter",
    "body_of_raw",
    "body_of_write_back",
    "get_audit",
    "get_case",
    "get_dead_letter",
    "get_event",
    "get_raw",
    "get_write_back",
    "health",
    "ledger",
    "list_audit",
    "list_cases",
    "list_dead_letters",
    "list_events",
    "list_facts",
    "list_raw",
    "list_runs",
    "list_write_backs",
    "overview",
    "resolve",
]

# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────


def list_events(
    connection: Connection,
    tenant: str,
    *,
    code: str | None = None,
    source: str | None = None,
    subject: str | None = None,
    case_id: uuid.UUID | None = None,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Exception events, the last recorded first. ``code`` may be a family (``INV``), ``subject`` a part of one."""
    events, raw = tables.events, tables.raw_messages
    origin = sa.and_(raw.c.tenant == events.c.tenant, raw.c.id == events.c.raw_id)
    columns = (
        events.c.id,
        events.c.recorded_at,
        events.c.code,
        events.c.subject,
        events.c.case_id,
        events.c.raw_id,
        events.c.part,
        raw.c.source,
        events.c.document["data"]["title"].astext.label("title"),
        events.c.document["data"]["severity"].astext.label("severity"),
    )
    wanted = [events.c.tenant == tenant, *of_code(events.c.code, code), *with_text(events.c.subject, subject)]
    if source is not None:
        wanted.append(raw.c.source == source)
    if case_id is not None:
        wanted.append(events.c.case_id == case_id)
    if since is not None:
        wanted.append(events.c.recorded_at >= since)
    query = sa.select(*columns).select_from(events.join(raw, origin, isouter=True)).where(*wanted)
    return page_of(connection, query, events.c.recorded_at, events.c.id, after, limit)


def list_facts(
    connection: Connection,
    tenant: str,
    *,
    kind: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Facts, the last recorded first."""
    facts = tables.facts
    wanted = [facts.c.tenant == tenant, *with_text(facts.c.subject, subject)]
    if kind is not None:
        wanted.append(facts.c.kind == kind)
    if since is not None:
        wanted.append(facts.c.recorded_at >= since)
    columns = (facts.c.id, facts.c.recorded_at, facts.c.kind, facts.c.subject, facts.c.raw_id, facts.c.part)
    return page_of(
        connection, sa.select(*columns).where(*wanted), facts.c.recorded_at, facts.c.id, after, limit
    )


def list_cases(
    connection: Connection,
    tenant: str,
    *,
    state: str | None = None,
    code: str | None = None,
    queue: str | None = None,
    owner: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Cases, the last seen first. ``since`` is about when a case was last seen."""
    cases = tables.cases
    wanted = [cases.c.tenant == tenant, *of_code(cases.c.code, code), *with_text(cases.c.subject, subject)]
    for column, value in ((cases.c.state, state), (cases.c.queue, queue), (cases.c.owner, owner)):
        if value is not None:
            wanted.append(column == value)
    if since is not None:
        wanted.append(cases.c.last_seen_at >= since)
    columns = [column for column in cases.c if column.name not in ("tenant", "fold_key", "refs")]
    return page_of(
        connection, sa.select(*columns).where(*wanted), cases.c.last_seen_at, cases.c.id, after, limit
    )


def list_write_backs(
    connection: Connection,
    tenant: str,
    *,
    state: str | None = None,
    target: str | None = None,
    operation: str | None = None,
    case_id: uuid.UUID | None = None,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Write-backs, the last created first, without their bodies."""
    written = tables.write_backs
    wanted = [written.c.tenant == tenant]
    for column, value in (
        (written.c.state, state),
        (written.c.target, target),
        (written.c.operation, operation),
        (written.c.case_id, case_id),
    ):
        if value is not None:
            wanted.append(column == value)
    if since is not None:
        wanted.append(written.c.created_at >= since)
    query = sa.select(*write_back_columns()).where(*wanted)
    return page_of(connection, query, written.c.created_at, written.c.id, after, limit)


def list_dead_letters(
    connection: Connection,
    tenant: str,
    *,
    state: str | None = "open",
    code: str | None = None,
    stage: str | None = None,
    source: str | None = None,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Dead letters, the last first; the open ones unless ``state`` says otherwise (``None``: all).

    ``name`` is that of the raw message, which people know as the file.
    """
    letters, raw = tables.dead_letters, tables.raw_messages
    origin = sa.and_(raw.c.tenant == letters.c.tenant, raw.c.id == letters.c.raw_id)
    wanted = [letters.c.tenant == tenant, *of_code(letters.c.code, code)]
    for column, value in ((letters.c.state, state), (letters.c.stage, stage), (letters.c.source, source)):
        if value is not None:
            wanted.append(column == value)
    if since is not None:
        wanted.append(letters.c.created_at >= since)
    columns = [*(column for column in letters.c if column.name != "tenant"), raw.c.name]
    query = sa.select(*columns).select_from(letters.outerjoin(raw, origin)).where(*wanted)
    return page_of(connection, query, letters.c.created_at, letters.c.id, after, limit)


def list_raw(
    connection: Connection,
    tenant: str,
    *,
    source: str | None = None,
    name: str | None = None,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Raw messages, the last received first, without their bodies. ``name`` may be a part of one, and also of that
    under which the same bytes came again: ``times_again`` counts these."""
    raw, again = tables.raw_messages, tables.duplicates
    wanted = [raw.c.tenant == tenant]
    if name is not None:
        under = sa.select(again.c.raw_id).where(again.c.tenant == tenant, *with_text(again.c.name, name))
        wanted.append(sa.or_(*with_text(raw.c.name, name), raw.c.id.in_(under)))
    if source is not None:
        wanted.append(raw.c.source == source)
    if since is not None:
        wanted.append(raw.c.received_at >= since)
    query = sa.select(*raw_columns()).where(*wanted)
    page = page_of(connection, query, raw.c.received_at, raw.c.id, after, limit)
    times = times_again(connection, tenant, [item["id"] for item in page.items])
    return replace(
        page, items=tuple({**item, "times_again": times.get(item["id"], 0)} for item in page.items)
    )


def list_runs(
    connection: Connection,
    tenant: str,
    *,
    step: str | None = None,
    connector: str | None = None,
    failed: bool = False,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Runs of receive, process and deliver, the last started first. ``failed``: only those with an error."""
    runs = tables.runs
    wanted = [runs.c.tenant == tenant]
    if step is not None:
        wanted.append(runs.c.step == step)
    if connector is not None:
        wanted.append(runs.c.connector == connector)
    if failed:
        wanted.append(runs.c.error.is_not(None))
    if since is not None:
        wanted.append(runs.c.started_at >= since)
    columns = [column for column in runs.c if column.name != "tenant"]
    return page_of(connection, sa.select(*columns).where(*wanted), runs.c.started_at, runs.c.id, after, limit)


# ── the ledger and the health of the store ───────────────────────────────────────────────────────────────────


def ledger(connection: Connection, tenant: str) -> list[Row]:
    """The conservation law for every source: what was received, what became of it, and the balance (0).

    ``sound`` is whether everything that must be 0 is: the balance, parts that are missing, and parts that were set
    aside without an open dead letter.
    """
    columns = [column for column in LEDGER.c if column.name != "tenant"]
    rows = all_rows(
        connection, sa.select(*columns).where(LEDGER.c.tenant == tenant).order_by(LEDGER.c.source)
    )
    for row in rows:
        row["sound"] = not (row["balance"] or row["missing_parts"] or row["unexplained"])
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the database says about itself.

    ``unguarded``: tables with a tenant whose row-level security is not on and forced.
    ``bypasses``: whether the role of this transaction may read past row-level security.
    """

    server_version: str
    now: datetime
    role: str
    bypasses: bool
    unguarded: tuple[str, ...]


def health(connection: Connection) -> Health:
    """The state of the database as this transaction sees it."""
    catalog = sa.table(
        "pg_class",
        *map(sa.column, ("relname", "relrowsecurity", "relforcerowsecurity", "relkind", "relnamespace")),
        schema="pg_catalog",
    )
    namespace = sa.table("pg_namespace", sa.column("oid"), sa.column("nspname"), schema="pg_catalog")
    roles = sa.table(
        "pg_roles", *map(sa.column, ("rolname", "rolsuper", "rolbypassrls")), schema="pg_catalog"
    )
    guarded = connection.execute(
        sa.select(catalog.c.relname)
        .select_from(catalog.join(namespace, namespace.c.oid == catalog.c.relnamespace))
        .where(namespace.c.nspname == "crossdock", catalog.c.relkind == "r", catalog.c.relrowsecurity)
    ).scalars()
    unguarded = {table.name for table in tables.metadata.sorted_tables if "tenant" in table.c} - set(guarded)
    role = connection.execute(
        sa.select(roles.c.rolname, sa.or_(roles.c.rolsuper, roles.c.rolbypassrls).label("bypasses")).where(
            roles.c.rolname == sa.func.current_user()
        )
    ).one()
    return Health(
        server_version=str(
            connection.execute(sa.select(sa.func.current_setting("server_version"))).scalar_one()
        ),
        now=connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one(),
        role=str(role.rolname),
        bypasses=bool(role.bypasses),
        unguarded=tuple(sorted(unguarded)),
    )


def _ignored(tenant: str) -> sa.ColumnElement[bool]:
    """Whether somebody said to keep quiet about the cause of a letter, and the time for it is not over."""
    groups = tables.dead_letter_groups
    return sa.exists().where(
        groups.c.tenant == tenant,
        groups.c.id == tables.dead_letters.c.group_id,
        groups.c.state == "ignored",
        groups.c.ignored_until > sa.func.now(),
    )


def overview(connection: Connection, tenant: str) -> Row:
    """Is it working? Counts for a first look: cases by queue, write-backs by state, open dead letters by code,
    each source's last read, and how old the oldest waiting thing is."""
    cases, written, letters = tables.cases, tables.write_backs, tables.dead_letters
    raw, sources = tables.raw_messages, tables.sources
    open_states = sa.not_(cases.c.state.in_(tables.CLOSED_CASE_STATES))
    return {
        "cases": all_rows(
            connection,
            sa.select(cases.c.queue, cases.c.state, sa.func.count().label("count"))
            .where(cases.c.tenant == tenant, open_states)
            .group_by(cases.c.queue, cases.c.state)
            .order_by(cases.c.queue, cases.c.state),
        ),
        "write_backs": all_rows(
            connection,
            sa.select(written.c.target, written.c.state, sa.func.count().label("count"))
            .where(written.c.tenant == tenant)
            .group_by(written.c.target, written.c.state)
            .order_by(written.c.target, written.c.state),
        ),
        "dead_letters": all_rows(
            connection,
            sa.select(
                letters.c.code,
                letters.c.stage,
                letters.c.source,
                sa.func.count().label("count"),
                sa.func.min(letters.c.created_at).label("first_at"),
                sa.func.max(letters.c.created_at).label("last_at"),
            )
            .where(letters.c.tenant == tenant, letters.c.state == "open", ~_ignored(tenant))
            .group_by(letters.c.code, letters.c.stage, letters.c.source)
            .order_by(sa.func.count().desc(), letters.c.code),
        ),
        "sources": all_rows(
            connection,
            sa.select(*(column for column in sources.c if column.name not in ("tenant", "fence")))
            .where(sources.c.tenant == tenant)
            .order_by(sources.c.source),
        ),
        "waiting": {
            "raw_messages": first_row(
                connection,
                sa.select(
                    sa.func.count().label("count"), sa.func.min(raw.c.received_at).label("oldest_at")
                ).where(raw.c.tenant == tenant, sa.or_(raw.c.part_count.is_(None), raw.c.again)),
            ),
            "write_backs": first_row(
                connection,
                sa.select(
                    sa.func.count().label("count"), sa.func.min(written.c.next_attempt_at).label("oldest_at")
                ).where(written.c.tenant == tenant, written.c.state == WriteBackState.READY),
            ),
        },
    }
