"""What the database's own catalogue shows: whether the guards stand that this program laid."""

import re
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.store import guards, schema, tables

if TYPE_CHECKING:
    from crossdock.store.engine import Store

_CLASS: Final = sa.table(
    "pg_class",
    *map(sa.column, ("oid", "relname", "relrowsecurity", "relforcerowsecurity", "relkind", "relnamespace")),
    schema="pg_catalog",
)
_SPACE: Final = sa.table("pg_namespace", sa.column("oid"), sa.column("nspname"), schema="pg_catalog")
_ROLES: Final = sa.table(
    "pg_roles",
    *map(sa.column, ("rolname", "rolsuper", "rolbypassrls", "rolcanlogin")),
    schema="pg_catalog",
)
_POLICIES: Final = sa.table(
    "pg_policies", *map(sa.column, ("schemaname", "tablename", "policyname", "qual")), schema="pg_catalog"
)
_TRIGGERS: Final = sa.table(
    "pg_trigger", *map(sa.column, ("tgname", "tgrelid", "tgenabled", "tgisinternal")), schema="pg_catalog"
)
_OURS: Final = _CLASS.join(_SPACE, _SPACE.c.oid == _CLASS.c.relnamespace)


def open_doors(store: "Store", tenant: str) -> str | None:
    """The first way by which another tenant's rows could be seen, as a sentence; ``None``: there is none."""
    with store.reading(tenant) as connection:
        forced = set(
            connection.scalars(
                sa.select(_CLASS.c.relname)
                .select_from(_OURS)
                .where(
                    _SPACE.c.nspname == schema.SCHEMA, _CLASS.c.relrowsecurity, _CLASS.c.relforcerowsecurity
                )
            )
        )
        policies = {
            (row.tablename, row.policyname): row.qual
            for row in connection.execute(
                sa.select(_POLICIES.c.tablename, _POLICIES.c.policyname, _POLICIES.c.qual).where(
                    _POLICIES.c.schemaname == schema.SCHEMA
                )
            )
        }
        role = connection.execute(
            sa.select(_ROLES.c.rolname, _ROLES.c.rolsuper, _ROLES.c.rolbypassrls, _ROLES.c.rolcanlogin).where(
                _ROLES.c.rolname == sa.func.current_user()
            )
        ).one()
        for table in tables.metadata.sorted_tables:
            if table.name not in forced:
                return f"row-level security of table {table.name} is not on, or not forced"
            own = policies.pop((table.name, "own_tenant"), "")
            if "current_setting('crossdock.tenant'" not in (own or ""):
                return f"table {table.name} has no policy that compares its tenant"
            if connection.execute(sa.select(table.c.tenant).where(table.c.tenant != tenant).limit(1)).first():
                return f"a row of another tenant can be read in table {table.name}"
    if policies:
        table_name, policy = min(policies)
        return f"table {table_name} has a policy {policy!r} that is not ours"
    if role.rolsuper or role.rolbypassrls or role.rolcanlogin:
        return f"the role {role.rolname} may pass by row-level security, or log in"
    return None


def fallen_guards(store: "Store", tenant: str) -> str | None:
    """The first guard of this program's that does not stand, as a sentence; ``None``: all do."""
    with store.reading(tenant) as connection:
        rows = connection.execute(
            sa.select(_CLASS.c.relname, _TRIGGERS.c.tgname, _TRIGGERS.c.tgenabled)
            .select_from(_OURS.join(_TRIGGERS, _TRIGGERS.c.tgrelid == _CLASS.c.oid))
            .where(_SPACE.c.nspname == schema.SCHEMA, sa.not_(_TRIGGERS.c.tgisinternal))
        )
        standing = {(row.relname, row.tgname): row.tgenabled for row in rows}
    try:
        store.require_current()
    except Misconfigured as error:
        return str(error)
    for table, name in sorted(_expected()):
        enabled: Any = standing.get((table, name))
        if enabled is None:
            return f"the guard {name!r} of table {table} is gone"
        if (enabled.decode() if isinstance(enabled, bytes) else enabled) != "O":
            return f"the guard {name!r} of table {table} is switched off"
    return None


def _expected() -> set[tuple[str, str]]:
    laid = "\n".join(guards.statements())
    return {
        (table, name) for name, table in re.findall(r"CREATE TRIGGER (\w+) .*? ON crossdock\.(\w+)", laid)
    }
