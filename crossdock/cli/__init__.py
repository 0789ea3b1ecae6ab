"""The command line ``crossdock``: one file for each group of commands, and every one a twin of a page or a DAG."""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code (see ``crossdock.cli.exits``)."""
    from crossdock.cli.application import run

    run(arguments)
