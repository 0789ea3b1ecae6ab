"""``crossdock db``: the database of the hub."""

import typer

from crossdock.cli.command import command, group
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk

database = group("db", "The database: its tables, and whether they are those of this version.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(database)


@command(database, "upgrade", examples=("crossdock db upgrade",))
def upgrade(talk: Talk) -> None:
    """Make the tables, or bring them to this version. Doing it again changes nothing."""
    from crossdock.store.engine import Store

    store = Store.open(application="crossdock-cli")
    try:
        store.upgrade()
        store.require_current()
        if not talk.answer({"database": str(store.url), "current": True}):
            talk.line(f"the database {store.url} is current")
            talk.next_step("crossdock doctor")
    finally:
        store.close()


@command(database, "status", examples=("crossdock db status", "crossdock db status --json"))
def status(talk: Talk) -> ExitCode:
    """Say where the database is and whether its tables are those of this version; exit code 2 when they are not."""
    from crossdock.errors import Misconfigured
    from crossdock.manifests import tenant_from_environment
    from crossdock.store import queries
    from crossdock.store.engine import Store

    store = Store.open(application="crossdock-cli")
    try:
        remedy = None
        try:
            store.require_current()
        except Misconfigured as error:
            remedy = str(error)
        document = {"database": str(store.url), "current": remedy is None, "sentence": remedy, "health": None}
        if remedy is None:
            with store.reading(tenant_from_environment()) as connection:
                found = queries.health(connection)
            document["health"] = {
                "server_version": found.server_version,
                "now": found.now.isoformat(),
                "role": found.role,
                "role_bypasses_row_security": found.bypasses,
                "tables_without_row_security": list(found.unguarded),
            }
    finally:
        store.close()
    if not talk.answer(document):
        talk.fields({"database": document["database"], "current": remedy is None})
        if document["health"]:
            talk.fields(document["health"])  # type: ignore[arg-type]
    if remedy is not None:
        talk.say(f"crossdock: {remedy}")
        return ExitCode.USAGE
    return ExitCode.OK
