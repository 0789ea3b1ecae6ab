"""Which schema this program needs, and how a database is brought there.

An upgrade is one transaction: either all of it happened or nothing. It takes an advisory lock, so two at once are
safe, and it ends by laying the guards anew (``guards.py``), so they are always those of this program.
"""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.store import guards

SCHEMA: Final = "crossdock"
VERSION_TABLE: Final = "schema_version"
RELEASED: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
"""Every version that a database out there may have, oldest first. The last one is what this program needs."""

_LOCK: Final = int.from_bytes(hashlib.sha256(b"crossdock schema upgrade").digest()[:8], "big", signed=True)


class Standing(StrEnum):
    """How a database's schema stands to this program."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


def standing(connection: sa.Connection) -> tuple[Standing, str | None]:
    """How the schema stands, and its version."""
    there = connection.scalar(sa.text(f"SELECT to_regclass('{SCHEMA}.{VERSION_TABLE}')"))
    if there is None:
        return Standing.EMPTY, None
    version, fingerprint = connection.execute(
        sa.text(
            f"SELECT (SELECT version_num FROM {SCHEMA}.{VERSION_TABLE}),"  # noqa: S608 (both names are constants)
            f" obj_description('{SCHEMA}'::regnamespace, 'pg_namespace')"
        )
    ).one()
    if version is None:
        return Standing.EMPTY, None
    if version not in RELEASED:
        return Standing.NEWER, version
    if version == RELEASED[-1] and fingerprint == guards.fingerprint():
        return Standing.CURRENT, version
    return Standing.OLDER, version


def require_current(connection: sa.Connection) -> None:
    """Raise ``Misconfigured`` unless the schema is the one that this program needs."""
    match standing(connection):
        case Standing.CURRENT, _:
            return
        case Standing.EMPTY, _:
            raise Misconfigured("the database has no Crossdock tables yet; run: crossdock db upgrade")
        case Standing.NEWER, version:
            raise Misconfigured(
                f"the database's schema {version} is newer than this program knows ({RELEASED[-1]}); "
                "install the newer Crossdock here"
            )
        case _, version:
            raise Misconfigured(
                f"the database's schema {version} is older than this program needs ({RELEASED[-1]}); "
                "run: crossdock db upgrade"
            )


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema to this program's version, in the transaction of ``connection``.

    Does nothing when it is current. A newer schema is refused.
    """
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found, _ = standing(connection)
    if found is Standing.CURRENT:
        return
    if found is Standing.NEWER:
        require_current(connection)
    guards.ensure_role(connection)
    connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
    guards.lift(connection)
    migrate(connection, RELEASED[-1])
    guards.lay(connection)


def migrate(connection: sa.Connection, version: str) -> None:
    """Make the tables of this version, without their guards: a step of ``upgrade``."""
    from alembic import command  # slow to import and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)
