"""``crossdock connector``: the systems that are reached, and whether they can be."""

import dataclasses
from typing import Annotated, Any

import typer

from crossdock.cli import connector_kit, playing
from crossdock.cli.command import command, group
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.ports import Manifest

connectors = group("connector", "Connectors: the systems that are reached, and whether they can be.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    connector_kit.declare(connectors)
    playing.declare(connectors)
    app.add_typer(connectors)


@command(connectors, "list", examples=("crossdock connector list", "crossdock connector list --json"))
def list_(talk: Talk) -> ExitCode:
    """List the connectors, and those whose connector.toml is wrong."""
    from crossdock.registry import Registry

    registry = Registry()
    manifests, broken = registry.manifests(), registry.broken()
    document = {
        "connectors": [_as_dict(manifest) for manifest in manifests.values()],
        "broken": [{"name": name, "sentence": str(error)} for name, error in broken.items()],
    }
    if not talk.answer(document):
        talk.table(
            ("name", "wire", "reads", "writes", "connection", "owner", "title"),
            [
                (
                    manifest.name, manifest.wire, manifest.source.document if manifest.source else None,
                    list(manifest.sink.operations) if manifest.sink else None, manifest.connection, manifest.owner,
                    manifest.title,
                )
                for manifest in manifests.values()
            ],
            optional=("connection", "owner", "reads"),
        )  # fmt: skip
        for name, error in broken.items():
            talk.say(f"{name} cannot be used: {error}")
        if manifests:
            talk.next_step(f"crossdock connector check {next(iter(manifests))}")
    return ExitCode.FINDINGS if broken else ExitCode.OK


@command(
    connectors,
    "check",
    examples=("crossdock connector check supplier_edi", "crossdock connector check erp --json"),
)
def check(
    talk: Talk, name: Annotated[str, typer.Argument(metavar="NAME", help="See `crossdock connector list`.")]
) -> ExitCode:
    """Try a connector step by step, up to the first that fails: connection, resolve, connect, TLS or host key, login,
    permission, a sample read, a dry write. Nothing is taken or changed."""
    from crossdock.checking import check as walk
    from crossdock.connections import login
    from crossdock.ports import SystemClock
    from crossdock.registry import Registry

    registry = Registry()
    manifest = registry.manifest(name)
    login(manifest.connection)  # who has none is told so as by every command
    found = walk(registry, name, login=login, clock=SystemClock())
    steps = [{"side": one.side, **dataclasses.asdict(one.step)} for one in found]
    failed = [step for step in steps if not step["ok"]]
    if not talk.answer({"connector": name, "ok": not failed, "steps": steps}):
        talk.table(
            ("side", "step", "", "what"),
            [
                (step["side"], step["step"], "ok" if step["ok"] else "FAIL", step["sentence"])
                for step in steps
            ],
        )
        for step in failed:
            if step["field"]:
                talk.say(f"look at: {step['field']}")
            talk.say(f"remedy: {step['remedy']}" if step["remedy"] else f"{name}: {step['step']} failed")
        if not failed and manifest.source is not None and manifest.source.every_s is not None:
            talk.next_step(f"crossdock receive {name} --once")
    return ExitCode.REMOTE if failed else ExitCode.OK


@command(
    connectors,
    "resume",
    examples=('crossdock connector resume supplier_edi --reason "the row was added"',),
)
def resume(
    talk: Talk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="See `crossdock connector list`.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="What was mended; kept in the audit.")
    ] = "",
) -> None:
    """Read a source again that was stopped because too much of it failed."""
    from crossdock.cli.dead_letters import actor
    from crossdock.hub import Hub

    with Hub.open() as hub:
        hub.desk.resume_source(name, actor=actor(), reason=reason)
    if not talk.answer({"name": name, "resumed": True}):
        talk.line(f"{name} is read again")


def _as_dict(manifest: Manifest) -> dict[str, Any]:
    source, sink = manifest.source, manifest.sink
    return {
        "name": manifest.name,
        "title": manifest.title,
        "owner": manifest.owner,
        "wire": manifest.wire,
        "connection": manifest.connection,
        "connection_type": manifest.connection_type,
        "version": manifest.version,
        "source": None
        if source is None
        else {"document": source.document, "every_s": source.every_s, "batch": source.batch},
        "sink": None
        if sink is None
        else {
            "operations": list(sink.operations),
            "idempotency": sink.idempotency,
            "schedule_s": list(sink.schedule_s),
            "concurrency": sink.concurrency,
        },
    }
