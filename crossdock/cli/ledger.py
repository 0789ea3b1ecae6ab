"""``crossdock ledger``: the conservation law, source by source."""

import typer

from crossdock.cli.command import command
from crossdock.cli.exits import ExitCode
from crossdock.cli.reading import reading
from crossdock.cli.talk import Talk


def declare(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app, "ledger", examples=("crossdock ledger", "crossdock ledger --json"))(ledger)


def ledger(talk: Talk) -> ExitCode:
    """Show what was received and what became of it, for every source. The balance is 0, or the exit code is 3."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        rows = queries.ledger(connection, tenant)
    unsound = [row for row in rows if not row["sound"]]
    balance = sum(abs(row["balance"]) for row in rows)
    if not talk.answer({"sound": not unsound, "balance": balance, "sources": rows}):
        if rows:
            shown = [name for name in rows[0] if name != "sound"]
            talk.table(
                [name.replace("_", " ") for name in shown],
                [[row[name] for name in shown] for row in rows],
                # where there is no room for all, a column in which nobody has anything may be missing
                optional=[
                    name.replace("_", " ")
                    for name in reversed(shown)
                    if name not in ("received", "balance") and not any(row[name] for row in rows)
                ],
            )
        else:
            talk.say("nothing was received yet")
            talk.next_step("crossdock connector list", "which sources there are")
    for row in unsound:
        talk.say(
            f"crossdock: the ledger of {row['source']} does not balance (balance {row['balance']}, missing parts "
            f"{row['missing_parts']}, set aside without a dead letter: {row['unexplained']}); stop the DAGs and look"
        )
    return ExitCode.INTEGRITY if unsound else ExitCode.OK
