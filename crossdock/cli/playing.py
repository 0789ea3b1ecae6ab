"""``crossdock connector play | push``: the other system, played, for those who have no login to the real one yet."""

import json
import shlex
import threading
import uuid
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from crossdock.cli.command import command
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.errors import CrossdockError, Misconfigured, WireDown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crossdock.ports import Login, Manifest

Name = Annotated[str, typer.Argument(metavar="NAME", help="See `crossdock connector list`.")]


def declare(app: typer.Typer) -> None:
    """Add these commands to ``crossdock connector``."""
    command(
        app,
        "play",
        examples=("crossdock connector play erp", "crossdock connector play erp --records 200 --seconds 60"),
    )(play)
    command(
        app,
        "push",
        examples=("crossdock connector push erp_push --to http://127.0.0.1:8975",),
    )(push)


def play(
    talk: Talk,
    name: Name,
    records: Annotated[int, typer.Option("--records", min=0, max=10_000, help="So many lie there.")] = 5,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.1, help="End after so long; at Ctrl-C otherwise.")
    ] = None,
) -> None:
    """Play the connector's system on this machine, made from what it declares and its samples, until Ctrl-C."""
    from crossdock.ports import SystemClock
    from crossdock.testing.conformance.case import Fleet

    clock = SystemClock()
    with closing(Fleet().case(name, today=clock.now().date())) as case:
        if case.complaint:
            raise Misconfigured(case.complaint)
        if case.manifest.wire == "webhook":
            raise Misconfigured(
                f"{name} is called and calls nobody; try: crossdock connector push {name} --to URL"
            )
        system = case.play
        if isinstance(system, str):
            raise Misconfigured(system)
        system.reset(clock)
        begin = clock.now() - timedelta(minutes=records)
        system.hold(*(system.thing(number, begin + timedelta(minutes=number)) for number in range(records)))
        connection = _connection(case.manifest, system.login())
        variable = f"AIRFLOW_CONN_{case.manifest.connection.upper()}"
        places = {way: str(path) for way, path in _places(system).items()}
        if places.get("read"):
            talk.say(f"what you put there is read: {places['read']}")
        if places.get("written"):
            talk.say(f"what is sent lies there: {places['written']}")
        talk.say(f"{records} records lie there; this is its connection, for the terminal in which you work:")
        answer = {"connector": name, "variable": variable, "connection": connection, "places": places}
        if not talk.answer(answer):
            talk.line(f"export {variable}={shlex.quote(json.dumps(connection))}")
        talk.flush()
        with suppress(KeyboardInterrupt):
            threading.Event().wait(seconds)


def _places(system: object) -> "Mapping[str, Path]":
    """The folders of a played system that holds files; a system of another kind has none."""
    from crossdock.testing.conformance.files_play import FilesPlay

    return system.places() if isinstance(system, FilesPlay) else {}


def push(
    talk: Talk,
    name: Name,
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="Where the console is served: scheme, host and port.")
    ],
    file: Annotated[
        Path | None, typer.Option("--file", help="This body; every one of its samples otherwise.")
    ] = None,
    prefix: Annotated[
        str, typer.Option("--prefix", help="In front of /webhooks; /crossdock in Airflow.")
    ] = "",
) -> ExitCode:
    """Call our own webhook as its sender would: with each sample, signed with a secret of its connection."""
    from crossdock.connections import login
    from crossdock.manifests import typed
    from crossdock.ports import Login, SystemClock
    from crossdock.registry import Registry
    from crossdock.wires.rest import Rest
    from crossdock.wires.webhook import WebhookSettings, signed

    manifest = Registry().manifest(name)
    if manifest.wire != "webhook":
        raise Misconfigured(f"{name} is polled over {manifest.wire}; try: crossdock connector play {name}")
    settings, credentials = typed(WebhookSettings, manifest, "source"), login(manifest.connection)
    address = urlsplit(to)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise Misconfigured(f"{to!r} is no address: http://host:port")
    ours = Login(connection_id="--to", scheme=address.scheme, host=address.hostname, port=address.port)
    samples = Path(manifest.folder) / "samples"
    files = [file] if file is not None else sorted(path for path in samples.glob("*") if path.is_file())
    if not files:
        raise Misconfigured(f"{samples} is empty; name a file with --file")
    answers: list[dict[str, Any]] = []
    with closing(Rest(ours, deadline_s=30.0)) as wire:
        for one in files:
            body = one.read_bytes()
            key = f"pushed_{uuid.uuid5(uuid.NAMESPACE_URL, str(one.resolve())).hex}"
            headers = signed(settings, credentials, body, message_id=key, now=SystemClock().now())
            assert manifest.source is not None
            headers["Content-Type"] = manifest.source.media_type
            try:
                answer = wire.call(
                    "POST", f"{prefix}/webhooks/{name}", effect=True, headers=headers, body=body
                )
            except CrossdockError as error:
                raise WireDown(f"{to} does not answer: {error}; start it with: crossdock serve") from error
            answers.append({"file": one.name, "status": answer.status})
    if not talk.answer({"connector": name, "answers": answers}):
        talk.table(("file", "status"), [(one["file"], one["status"]) for one in answers])
        talk.next_step("crossdock process --once")
    return ExitCode.OK if all(200 <= one["status"] < 300 for one in answers) else ExitCode.FINDINGS


def _connection(manifest: "Manifest", login: "Login") -> dict[str, Any]:
    """A played login in Airflow's JSON form. Its secrets open nothing but the played system."""
    extra = {**login.extra, **{name: secret.reveal() for name, secret in login.secrets.items()}}
    fields = {
        "conn_type": manifest.connection_type,
        "schema": login.scheme,
        "host": login.host,
        "port": login.port,
        "login": login.user,
        "password": login.password.reveal(),
        "extra": extra,
    }
    return {name: value for name, value in fields.items() if value not in (None, "", {})}
