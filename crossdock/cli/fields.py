"""``crossdock fields``: mappings that are a table, tried on sample documents. Nothing is written."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command, group, read_bytes
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk

if TYPE_CHECKING:
    from crossdock.mapping import InboundMapping

fields = group(
    "fields", "Mappings without code: what a fields.toml says of a document, and what it does not read."
)

_DOCUMENT = Annotated[str, typer.Argument(metavar="DOCUMENT", help="The document that the fields.toml maps.")]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(fields)


@command(
    fields, "say", examples=("crossdock fields say wms_pick mappings/inbound/wms_pick/samples/short.json",)
)
def say(
    talk: Talk,
    document: _DOCUMENT,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON document.")],
) -> None:
    """What one document comes to: its facts and exceptions, or what is wrong with it."""
    from canonical.events import Fact

    statements = list(_mapping(document).map(_read(file), _context()))
    if talk.answer({"document": document, "statements": [_shown(each) for each in statements]}):
        return
    for each in statements:
        head = f"fact {each.kind}" if isinstance(each, Fact) else f"{each.code}  {each.title}"
        talk.heading(head)
        talk.fields(
            {
                "about": ", ".join(f"{ref['kind']} {ref['value']}" for ref in each.refs),
                "at": each.occurred_at["value"] if each.occurred_at else "",
                "place": each.place.get("json_pointer") or "the document",
                "lines": ", ".join(line["line_ref"] for line in each.lines),
            }
        )


@command(
    fields,
    "unread",
    examples=("crossdock fields unread wms_pick mappings/inbound/wms_pick/samples/short.json",),
)
def unread(
    talk: Talk,
    document: _DOCUMENT,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON documents, one in each file.")],
) -> ExitCode:
    """The places of sample documents that no field reads, as JSON pointers. Ends with 1 when there are some."""
    mapping = _mapping(document)
    found: dict[str, int] = {}
    for file in files:
        for pointer in mapping.unread(_read(file), _context()):
            found[pointer] = found.get(pointer, 0) + 1
    places = [{"place": pointer, "documents": count} for pointer, count in found.items()]
    if not talk.answer({"document": document, "unread": places}):
        for place in places:
            talk.line(f"{place['place']}  in {place['documents']} of {len(files)}")
        if not places:
            talk.line("every value is read by some field")
    return ExitCode.FINDINGS if places else ExitCode.OK


def _mapping(document: str) -> Any:
    from crossdock.errors import Misconfigured
    from crossdock.fields import FieldMapping
    from crossdock.registry import Registry
    from crossdock.toml_lines import did_you_mean

    known: dict[str, FieldMapping] = {}
    registry = Registry()
    found: InboundMapping | None = registry.inbound(document)
    for name, mapping in registry.inbound_mappings().items():
        owner = getattr(mapping.map, "__self__", None)
        if isinstance(owner, FieldMapping):
            known[name] = owner
    if document in known:
        return known[document]
    why = "is mapped in Python" if found is not None else "is mapped by nothing"
    raise Misconfigured(f"{document!r} {why}, not by a fields.toml{did_you_mean(document, list(known))}")


def _read(file: Path) -> Any:
    from crossdock.formats import json_strict

    return json_strict.loads(read_bytes(file))


def _context() -> Any:
    from crossdock.manifests import tenant_from_environment
    from crossdock.partners import MappingContext
    from crossdock.ports import SystemClock

    return MappingContext(partner=None, received_at=SystemClock().now(), tenant=tenant_from_environment())


def _shown(statement: Any) -> dict[str, Any]:
    from dataclasses import fields as fields_of

    shown = {each.name: getattr(statement, each.name) for each in fields_of(statement)}
    return {
        "statement": type(statement).__name__,
        **{name: value for name, value in shown.items() if value not in (None, (), [], {})},
    }
