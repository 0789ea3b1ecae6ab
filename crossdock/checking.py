"""Whether a connector works, step by step, from where this runs: its connection, its source, its sink, a dry write.

The command line, the Test button of Airflow's connection form and the task on a worker all ask here. Nothing is taken
and nothing is changed there. It stops at the first step that fails, with the field that is to blame and a remedy.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crossdock import toml_lines
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.messages import WriteBack
from crossdock.ports import Checkable, CheckStep, Clock, Login, Manifest, Previewing, Sink, Source
from crossdock.registry import Registry

EXAMPLES: Final = "conformance.toml"
"""In the connector's folder: its ``[[write_back]]`` tables are what a dry write shows."""

CALLED_ONLY: Final = "this side has nothing to try: it is only ever called"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A step, and the side of the connector that it is about: ``both``, ``source`` or ``sink``."""

    side: str
    step: CheckStep


def check(registry: Registry, name: str, *, login: Callable[[str], Login], clock: Clock) -> Iterator[Checked]:
    """The steps of a connector. Raises ``Misconfigured`` when there is no connector of this name.

    ``login`` gives the login behind a connection id. A connection that is not there, or lacks a field that the
    connector requires, is the first step.
    """
    manifest = registry.manifest(name)
    try:
        credentials = login(manifest.connection)
        _require_fields(manifest, credentials)
    except Misconfigured as error:
        yield Checked(side="both", step=_failed("connection", error))
        return
    sentence = f"connection {manifest.connection!r} is defined"
    yield Checked(side="both", step=CheckStep(step="connection", ok=True, sentence=sentence))
    for side, declared, connect in (
        ("source", manifest.source, registry.source),
        ("sink", manifest.sink, registry.sink),
    ):
        if declared is None:
            continue
        pushed = side == "source" and manifest.source is not None and manifest.source.every_s is None
        for step in _pushed() if pushed else _of(side, connect, manifest, credentials, clock):
            yield Checked(side=side, step=step)
            if not step.ok:
                return


def _pushed() -> Iterator[CheckStep]:
    yield CheckStep(step="check", ok=True, sentence=CALLED_ONLY)


def _of(
    side: str,
    connect: Callable[[Manifest, Login, Clock], Source | Sink],
    manifest: Manifest,
    login: Login,
    clock: Clock,
) -> Iterator[CheckStep]:
    try:
        made = connect(manifest, login, clock)
    except CrossdockError as error:
        yield _failed("connection", error)
        return
    try:
        if not isinstance(made, Checkable):
            yield from _pushed()
        else:
            for step in made.check():
                yield step
                if not step.ok:
                    return
        if side == "sink" and isinstance(made, Previewing):
            yield from _dry_write(made, manifest)
    except CrossdockError as error:
        yield _failed("check", error)
    finally:
        made.close()


def _dry_write(sink: Previewing, manifest: Manifest) -> Iterator[CheckStep]:
    """What the sink would send for each write-back that the connector shows; nothing is sent."""
    told = []
    for write_back in _examples(manifest):
        request = sink.preview(write_back)
        if "refused" in request:
            yield CheckStep(
                step="dry write",
                ok=False,
                sentence=f"{write_back.operation} of {write_back.subject} cannot be sent: {request['refused']}",
                remedy=f"Correct the write-back in {EXAMPLES} of the connector, or its settings.",
                field="write_back",
            )
            return
        told.append(f"{write_back.operation}: {_shown(request)}")
    if told:
        yield CheckStep(step="dry write", ok=True, sentence=f"would send, and did not: {'; '.join(told)}")


def _examples(manifest: Manifest) -> Iterator[WriteBack]:
    """The write-backs that the connector shows, one of each operation that is wanted of it."""
    file = Path(manifest.code_folder or manifest.folder) / EXAMPLES
    assert manifest.sink is not None
    if not file.is_file():
        return
    tables = toml_lines.read(file).values.get("write_back", [])
    left = set(manifest.sink.operations)
    for table in tables if isinstance(tables, list) else []:
        operation = str(table.get("operation", ""))
        if operation not in left:
            continue
        left.discard(operation)
        yield WriteBack(
            id=uuid.UUID(int=0),
            tenant=manifest.tenant,
            target=manifest.name,
            operation=operation,
            idempotency_key="crossdock-check",
            body=str(table.get("body", "")).encode(),
            media_type=str(table.get("media_type", "application/json")),
            subject=str(table.get("subject", "")),
        )


def _shown(request: Mapping[str, Any]) -> str:
    """Method and address of a request, as a sink shows it; of one that is no request, everything."""
    if "address" in request:
        return " ".join(str(request[part]) for part in ("method", "address") if part in request)
    return ", ".join(f"{name} {value}" for name, value in request.items() if isinstance(value, str | int))


def _require_fields(manifest: Manifest, login: Login) -> None:
    for name, field in manifest.fields.items():
        if field.required and not login.extra.get(name) and not login.secrets.get(name):
            raise Misconfigured(
                f"connection {manifest.connection!r} lacks {name} ({field.label}); fill it in", field=name
            )


def _failed(step: str, error: CrossdockError) -> CheckStep:
    field = error.field if isinstance(error, Misconfigured) else ""
    remedy = f"Correct {field or 'the connection'}." if isinstance(error, Misconfigured) else ""
    return CheckStep(step=step, ok=False, sentence=str(error), remedy=remedy, field=field)
