"""How a command is declared: what every command has in common, in one place.

``@command(group, "list", examples=(...))`` gives it ``--json`` and ``--debug``, its examples in ``--help``, one
sentence instead of a traceback, and the documented exit code.
"""

import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec

import typer

from crossdock.cli.exits import ExitCode, exit_code_of
from crossdock.cli.talk import Talk
from crossdock.errors import CrossdockError, Misconfigured, Unacceptable, Unreadable

P = ParamSpec("P")
Body = Callable[Concatenate[Talk, P], ExitCode | None]

_JSON: Final = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
_DEBUG: Final = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def group(name: str, sentence: str) -> typer.Typer:
    """A group of commands, which shows its help when it is called alone."""
    return typer.Typer(
        name=name, help=sentence, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )


def command(
    app: typer.Typer, name: str, *, examples: tuple[str, ...]
) -> Callable[
    [Callable[Concatenate[Talk, P], ExitCode | None]], Callable[Concatenate[Talk, P], ExitCode | None]
]:
    """Declare a command of ``app``. Its function takes a ``Talk`` first and returns an exit code, or None for ok."""

    def declare(
        body: Callable[Concatenate[Talk, P], ExitCode | None],
    ) -> Callable[Concatenate[Talk, P], ExitCode | None]:
        signature = inspect.signature(body, eval_str=True)
        own = list(signature.parameters.values())[1:]
        shared = [
            inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_JSON),
            inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_DEBUG),
        ]

        def run(context: typer.Context, **given: Any) -> None:
            asked = context.find_root().params
            talk = Talk(
                as_json=given.pop("as_json") or bool(asked.get("as_json")),
                debug=given.pop("debug") or bool(asked.get("debug")),
            )
            raise typer.Exit(int(guarded(talk, lambda: body(talk, **given))))  # type: ignore[call-arg]

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(
                    "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
                ),
                *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
                *shared,
            ]
        )
        run.__annotations__ = {}
        run.__doc__ = inspect.getdoc(body)
        app.command(name, epilog="\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples))(run)
        EXAMPLES.extend(examples)
        return body

    return declare


EXAMPLES: list[str] = []
"""Every example of every help text; a test parses them all."""


def guarded(talk: Talk, work: Callable[[], ExitCode | None]) -> ExitCode:
    """Do the work of a command; turn what goes wrong into a sentence and an exit code."""
    try:
        return work() or ExitCode.OK
    except (typer.Exit, typer.Abort, KeyboardInterrupt, BrokenPipeError):
        raise
    except CrossdockError as error:
        code = exit_code_of(error)
        talk.error(str(error), error_class=type(error).__name__, exit_code=code, detail=_detail(error))
        if isinstance(error, Unreadable) and error.remedy:
            talk.say(f"remedy: {error.remedy}")
        _trace(talk)
        return code
    except Exception as error:
        translated = _away(error)
        if translated is not None:
            talk.error(translated, error_class=type(error).__name__, exit_code=ExitCode.REMOTE)
            _trace(talk)
            return ExitCode.REMOTE
        first_line = (str(error).splitlines() or [""])[0]
        talk.error(
            f"a fault of Crossdock itself, {type(error).__name__}: {first_line}; "
            "run it again with --debug and report what it shows",
            error_class=type(error).__name__,
            exit_code=ExitCode.FAULT,
        )
        _trace(talk)
        return ExitCode.FAULT


def _detail(error: CrossdockError) -> dict[str, Any]:
    match error:
        case Unreadable():
            return {"code": error.code, "place": dict(error.place.as_dict()), "remedy": error.remedy}
        case Unacceptable():
            return {
                "violations": [{"path": path, "sentence": sentence} for path, sentence in error.violations]
            }
        case _:
            return {}


def _away(error: Exception) -> str | None:
    """The sentence for a database that does not answer, when that is what this error means."""
    known = sys.modules.get("sqlalchemy.exc")
    if known is None or not isinstance(error, known.OperationalError | known.InterfaceError):
        return None
    cause = (str(getattr(error, "orig", error)).splitlines() or [""])[0]
    return f"the database does not answer: {cause}; see `crossdock doctor`, and CROSSDOCK_DATABASE_URL"


def _trace(talk: Talk) -> None:
    if talk.debug:
        talk.say(traceback.format_exc())


def read_bytes(path: Path) -> bytes:
    """The bytes of a file that a person named. ``-`` is standard input."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Misconfigured(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise Misconfigured(f"{path} is a folder: name a file in it") from error
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}") from error
