"""``crossdock schema``: the canonical schemas, and whether a document is one of them."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from crossdock.cli.command import command, group, read_bytes
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.errors import Misconfigured

schemas = group("schema", "Canonical schemas: what an exception event and a fact look like.")

Version = Annotated[
    str | None, typer.Option("--version", metavar="X.Y", help="This version; the newest otherwise.")
]
Lenient = Annotated[
    bool, typer.Option("--lenient", help="As a reader judges: unknown fields and newer codes are tolerated.")
]

_DATASCHEMA: Final = re.compile(r"urn:crossdock:schema:(?P<name>[a-z-]+):(?P<version>[0-9]+\.[0-9]+)")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(schemas)


@command(schemas, "list", examples=("crossdock schema list", "crossdock schema list --json"))
def list_(talk: Talk) -> None:
    """List the schemas and their versions, the oldest first."""
    from canonical.schemas import names

    known = names()
    if not talk.answer(
        {"schemas": [{"name": name, "versions": versions} for name, versions in known.items()]}
    ):
        talk.table(("name", "versions"), list(known.items()))
        talk.next_step(f"crossdock schema show {next(iter(known))}")


@command(
    schemas,
    "show",
    examples=("crossdock schema show exception-event", "crossdock schema show fact --version 1.0 --lenient"),
)
def show(
    talk: Talk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="See `crossdock schema list`.")],
    version: Version = None,
    lenient: Lenient = False,
) -> None:
    """Write one schema (JSON Schema 2020-12) to standard output."""
    from canonical.schemas import load

    document = load(name, _version_of(name, version), "lenient" if lenient else "strict")
    if not talk.answer(document):
        talk.block(json.dumps(document, indent=2), indent=0)


@command(
    schemas,
    "validate",
    examples=(
        "crossdock schema validate event.json",
        "crossdock schema validate events.json --name exception-event --lenient --json",
    ),
)
def validate(
    talk: Talk,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A JSON document or an array of them; - is input.")
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="By this schema; else by the document's `dataschema`."),
    ] = None,
    version: Version = None,
    lenient: Lenient = False,
) -> ExitCode:
    """Say whether a document is what its schema wants, with every violation and its path."""
    from canonical.validate import validator

    value = _json(file, read_bytes(file))
    documents = value if isinstance(value, list) else [value]
    results: list[dict[str, Any]] = []
    for at, document in enumerate(documents):
        schema, of_version = _schema_of(document, name, version, at)
        judge = validator(schema, of_version, "lenient" if lenient else "strict")
        violations = [
            {"path": violation.pointer, "sentence": violation.sentence}
            for violation in judge.violations(document)
        ]
        results.append(
            {
                "index": at,
                "schema": schema,
                "version": of_version,
                "valid": not violations,
                "violations": violations,
            }
        )
    bad = [result for result in results if not result["valid"]]
    if not talk.answer({"valid": not bad, "documents": results}):
        for result in results:
            where = f"{file}[{result['index']}]" if isinstance(value, list) else str(file)
            judged = f"{result['schema']} {result['version']}"
            talk.line(f"{where}: {'valid' if result['valid'] else 'NOT valid'} {judged}")
            for violation in result["violations"]:
                talk.line(f"  {violation['path'] or '/'}: {violation['sentence']}")
        if not results:
            talk.line(f"{file}: an empty array; nothing to judge")
    return ExitCode.FINDINGS if bad else ExitCode.OK


def _json(file: Path, body: bytes) -> Any:
    from crossdock.formats import json_strict

    return json_strict.loads(body)


def _schema_of(document: Any, name: str | None, version: str | None, at: int) -> tuple[str, str]:
    if name is not None:
        return name, _version_of(name, version)
    named = _DATASCHEMA.fullmatch(str(document.get("dataschema"))) if isinstance(document, dict) else None
    if named is None:
        raise Misconfigured(
            f"document {at} does not say by `dataschema` which schema it follows: add --name (see "
            "`crossdock schema list`)"
        )
    return named["name"], _version_of(named["name"], version or named["version"])


def _version_of(name: str, version: str | None) -> str:
    from canonical.schemas import names
    from crossdock.toml_lines import did_you_mean

    known = names()
    if name not in known:
        raise Misconfigured(f"no schema is called {name!r}{did_you_mean(name, list(known))}")
    if version is None:
        return known[name][-1]
    if version not in known[name]:
        raise Misconfigured(f"schema {name!r} has no version {version!r}. Known: {', '.join(known[name])}.")
    return version
