"""The command line as tests run it: in this process, its commands made once, and nothing of a run left behind."""

import logging
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import typer.main
from typer.testing import CliRunner


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    exit_code: int
    stdout: bytes
    stderr: str


@cache
def _commands() -> Any:
    """Making them takes as long as most of them do."""
    from crossdock.cli.application import app

    return typer.main.get_command(app)


def said(*arguments: str, stdin: bytes | None = None) -> Said:
    """What this command answers, as a script would see it. Raises what it raises."""
    handlers, code = list(logging.root.handlers), 0
    with CliRunner().isolation(input=stdin) as (out, err, _):
        try:
            code = _commands().main(list(arguments), prog_name="crossdock") or 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            # what wrote to the streams of this run would complain in the next one that they are gone
            logging.root.handlers[:] = handlers
            sys.stdout.flush()
            sys.stderr.flush()
        return Said(exit_code=code, stdout=out.getvalue(), stderr=err.getvalue().decode("utf-8", "replace"))
