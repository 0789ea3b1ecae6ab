"""``crossdock connector new | about | validate | discover``: for those who write a connector."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.errors import CrossdockError, Misconfigured

if TYPE_CHECKING:
    from crossdock.ports import Login, Manifest
    from crossdock.registry import Registry

Name = Annotated[str, typer.Argument(metavar="NAME", help="See `crossdock connector list`.")]
About = Annotated[
    list[str] | None,
    typer.Option(
        "--about", metavar="NUMBER", help="What a carrier is asked about; may be given several times."
    ),
]


def declare(app: typer.Typer) -> None:
    """Add these commands to ``crossdock connector``."""
    command(
        app,
        "new",
        examples=(
            "crossdock connector new acme_orders --wire rest",
            "crossdock connector new acme_orders --wire soap --into /srv/acme --owner purchasing",
        ),
    )(new)
    command(app, "about", examples=("crossdock connector about erp", "crossdock connector about erp --json"))(
        about
    )
    command(app, "validate", examples=("crossdock connector validate erp", "crossdock connector validate"))(
        validate
    )
    command(app, "discover", examples=("crossdock connector discover erp --limit 50",))(discover)


def new(
    talk: Talk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="a-z, 0-9 and _; also its folder.")],
    wire: Annotated[
        str, typer.Option("--wire", metavar="WIRE", help="How it is reached: rest, soap, webhook ...")
    ],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="The folder with your connectors and mappings."),
    ] = None,
    document: Annotated[
        str | None,
        typer.Option(
            "--document", metavar="NAME", help="A document that has a mapping; a new one otherwise."
        ),
    ] = None,
    owner: Annotated[
        str, typer.Option("--owner", metavar="TEXT", help="Who answers for it.")
    ] = "integration",
) -> None:
    """Write a connector and the mapping of its document, with samples: both work as they are."""
    from crossdock.kit import scaffold
    from crossdock.registry import Registry, site_folder

    registry = Registry()
    if name in registry.manifests() or name in registry.broken():
        raise Misconfigured(f"there is a connector {name!r} already; choose another name")
    if document is not None and registry.inbound(document) is None and document != "x12":
        raise Misconfigured(f"no mapping reads {document!r}; leave --document out, and one is written")
    folder = into.resolve() if into is not None else scaffold.place()
    made = scaffold.write(name, wire, into=folder, document=document, owner=owner)
    if talk.answer(
        {
            "name": name,
            "wire": wire,
            "document": made.document,
            "connector": str(made.connector),
            "mapping": None if made.mapping is None else str(made.mapping),
            "files": [str(file) for file in made.files],
            "connection": dict(made.connection),
        }
    ):
        return
    for file in made.files:
        talk.line(str(file))
    if into is not None and site_folder() != folder:
        talk.say(f"Crossdock looks there when this is set: export CROSSDOCK_SITE_DIR={folder}")
    talk.say(
        f"its connection: export AIRFLOW_CONN_CROSSDOCK_{name.upper()}='{json.dumps(dict(made.connection))}'"
    )
    talk.next_step(f"crossdock connector validate {name}")


def about(talk: Talk, name: Name) -> None:
    """Tell each setting with its value and where it comes from, the connection's fields, and what it may open."""
    from crossdock.kit.about import about as told
    from crossdock.registry import Registry

    registry = Registry()
    manifest = registry.manifest(name)
    base = registry.manifest(manifest.like) if manifest.like else None
    found = told(manifest, base=base, own=registry.settings(manifest), login=_login(manifest))
    if talk.answer(found.as_dict()):
        return
    talk.heading(f"{manifest.name}: {manifest.title}")
    source, sink = manifest.source, manifest.sink
    talk.fields(
        {
            "wire": manifest.wire,
            "owner": manifest.owner,
            "like": manifest.like,
            "may open": list(manifest.hosts),
            "can": sorted(manifest.capabilities),
            "reads": source.document if source else None,
            "writes": list(sink.operations) if sink else None,
            "connection": f"{manifest.connection} ({manifest.connection_type}): {found.connection_from}",
        }
    )
    talk.heading("settings")
    talk.table(
        ("table", "key", "value", "from", "what it is"),
        [(one.table, one.key, _shown(one.value), one.came_from, one.meaning) for one in found.settings],
        optional=("what it is",),
    )
    if found.fields:
        talk.heading("fields of its connection")
        states = {None: "unknown", True: "set", False: "not set"}
        talk.table(
            ("field", "what", "secret", "needed", "state"),
            [(one.name, one.label, one.secret, one.required, states[one.is_set]) for one in found.fields],
        )
    talk.next_step(f"crossdock connector check {name}")


def validate(
    talk: Talk,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The connector; every one when left out.")
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Write the expected results of its samples anew, for you to read."),
    ] = False,
) -> ExitCode:
    """Look at connector.toml, code, mapping and samples without opening anything; each complaint has its place."""
    from crossdock.registry import Registry

    registry = Registry()
    broken = dict(registry.broken())
    if name is not None and name not in broken:
        registry.manifest(name)  # raises what there is to say about a name that nobody has
    if update:
        _approve(talk, registry, name)
    names = [name] if name is not None else sorted({*registry.manifests(), *broken})
    complaints = [
        {"name": each, "sentence": sentence}
        for each in names
        for sentence in ([str(broken[each])] if each in broken else _complaints(registry, each))
    ]
    if not talk.answer({"connectors": names, "complaints": complaints}):
        for complaint in complaints:
            talk.line(f"{complaint['name']}: {complaint['sentence']}")
        if not complaints:
            talk.line(f"{', '.join(names)}: nothing to complain about")
        if name is not None and not complaints:
            talk.next_step(f"crossdock connector about {name}")
    return ExitCode.FINDINGS if complaints else ExitCode.OK


def discover(
    talk: Talk,
    name: Name,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many records at most.")] = 20,
    about: About = None,
) -> ExitCode:
    """Read some records, store nothing, and tell their fields; what probably tells of persons is not shown."""
    from crossdock.kit.discover import discover as looked_at
    from crossdock.registry import Registry

    registry = Registry()
    manifest = registry.manifest(name)
    with opened(registry, manifest, about or ()) as source:
        messages = list(islice(source.read(None), limit))
    found = looked_at(messages, manifest.personal_data)
    document = {
        "connector": name,
        "records": found.records,
        "fields": [
            {
                "way": one.way,
                "kinds": sorted(one.kinds),
                "seen": one.seen,
                "example": one.example or None,
                "personal_data": one.person or None,
            }
            for one in found.fields
        ],
        "unread": list(found.unread),
    }
    if not talk.answer(document):
        talk.table(
            ("field", "is", "in", "example", "tells of persons"),
            [
                (one.way, sorted(one.kinds), f"{one.seen} of {found.records}", one.example, one.person)
                for one in found.fields
            ],
            optional=("tells of persons",),
        )
        for sentence in found.unread:
            talk.say(sentence)
        if not messages:
            talk.say("the system gave no record")
        talk.next_step(f"crossdock receive {name} --dry-run --limit 5 --explain")
    return ExitCode.FINDINGS if found.unread else ExitCode.OK


def opened(registry: "Registry", manifest: "Manifest", about: Sequence[str] = ()) -> Any:
    """The source of a connector, closed behind the block. ``about``: the numbers that one is asked about which tells
    of nothing else."""
    from contextlib import closing

    from crossdock.connections import login
    from crossdock.kit.given_numbers import GivenNumbers
    from crossdock.ports import Inquiring, SystemClock

    source = registry.source(manifest, login(manifest.connection), SystemClock())
    inquires = isinstance(source, Inquiring)
    if inquires is not bool(about):
        source.close()
        raise Misconfigured(
            f"connector {manifest.name!r} tells only of what it is asked about; name a number: --about NUMBER"
            if inquires
            else f"connector {manifest.name!r} is not asked about numbers; leave --about out"
        )
    if isinstance(source, Inquiring):
        source.inquire(GivenNumbers(about))
    return closing(source)


def _login(manifest: "Manifest") -> "Login | None":
    """The connection where the environment has it: a task asks Airflow, and a person at a terminal need not."""
    import os

    from crossdock.logins import parse

    variable = f"AIRFLOW_CONN_{manifest.connection.upper()}"
    text = os.environ.get(variable)
    return None if text is None else parse(manifest.connection, text, where=variable)


def _complaints(registry: "Registry", name: str) -> list[str]:
    from crossdock.kit.validating import complaints

    try:
        return list(complaints(registry, registry.manifest(name)))
    except CrossdockError as error:
        return [str(error)]


def _approve(talk: Talk, registry: "Registry", name: str | None) -> None:
    from crossdock.kit.validating import approve

    if name is None:
        raise Misconfigured("--update is about one connector; name it")
    source = registry.manifest(name).source
    for path in approve(registry, source.document) if source is not None else ():
        talk.say(f"written, read it: {path}")


def _shown(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict) else value
