"""``crossdock try``: what a file would come to, with nothing written anywhere."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command, read_bytes
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.messages import PartState

if TYPE_CHECKING:
    from crossdock.trial import Trial

_ISA = 106
"""An ISA has so many bytes; the last one ends every segment."""


def declare(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(
        app,
        "try",
        examples=(
            "crossdock try order.edi",
            "crossdock try order.edi --partner acme_supply --json",
            "crossdock try hold.json --document erp_order_hold",
        ),
    )(try_)


def try_(
    talk: Talk,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What a system would send; - is standard input.")
    ],
    partner: Annotated[
        str | None,
        typer.Option(
            "--partner", metavar="NAME", help="As if this partner had sent it: see `crossdock partner list`."
        ),
    ] = None,
    document: Annotated[
        str | None,
        typer.Option(
            "--document", metavar="KIND", help="What it is; guessed from its first bytes otherwise."
        ),
    ] = None,
) -> ExitCode:
    """Parse, map and decide a file; show the write-backs and the 997. Needs no database and writes nothing."""
    from crossdock.decide import Router
    from crossdock.manifests import tenant_from_environment
    from crossdock.partners import Partners
    from crossdock.ports import SystemClock
    from crossdock.registry import Registry
    from crossdock.trial import try_file

    trial = try_file(
        read_bytes(file),
        name=file.name,
        registry=Registry(),
        partners=Partners.load(),
        router=Router.load(),
        clock=SystemClock(),
        tenant=tenant_from_environment(),
        document=document,
        partner=partner,
    )
    if not talk.answer(_as_dict(trial)):
        _show(talk, trial)
    set_aside = [part for part in trial.parts if part.state is not PartState.PROCESSED]
    failed = [written for written in trial.write_backs if written.error]
    return ExitCode.FINDINGS if set_aside or failed else ExitCode.OK


def _as_dict(trial: "Trial") -> dict[str, Any]:
    return {
        "name": trial.name,
        "document": trial.document,
        "source": trial.source,
        "bytes": trial.bytes,
        "parts": [
            {
                "ordinal": part.ordinal,
                "label": part.label,
                "offset": part.offset,
                "length": part.length,
                "state": str(part.state),
                "partner": part.partner,
                "statements": len(part.documents),
                "versions": dict(part.versions),
                "problem": None
                if part.problem is None
                else {
                    "stage": str(part.problem.stage),
                    "code": part.problem.code,
                    "class": part.problem.error_class,
                    "sentence": part.problem.sentence,
                    "remedy": part.problem.remedy,
                    "place": dict(part.problem.place.as_dict()),
                },
            }
            for part in trial.parts
        ],
        "events": list(trial.events),
        "facts": list(trial.facts),
        "decisions": [
            {
                "event_id": str(decision.event_id),
                "table": decision.table,
                "rule": decision.rule,
                "version": decision.version,
                "queue": decision.queue,
                "owner": decision.owner,
                "priority": decision.priority,
                "because": decision.because,
                "saw": dict(decision.saw),
                "actions": [
                    {
                        "target": action.target,
                        "operation": action.operation,
                        "arguments": dict(action.arguments),
                    }
                    for action in decision.actions
                ],
                "error": decision.error,
            }
            for decision in trial.decisions
        ],
        "write_backs": [
            {
                "target": written.target,
                "operation": written.operation,
                "event_id": written.event_id,
                "subject": written.body.subject if written.body else None,
                "media_type": written.body.media_type if written.body else None,
                "body_text": written.body.body.decode("utf-8", "backslashreplace") if written.body else None,
                "error": written.error,
            }
            for written in trial.write_backs
        ],
        "acknowledgements": [
            {
                "partner": answer.partner,
                "target": answer.target,
                "text": answer.text,
                "body_text": answer.body.body.decode("utf-8", "backslashreplace"),
            }
            for answer in trial.acknowledgements
        ],
    }


def _show(talk: Talk, trial: "Trial") -> None:
    talk.heading(f"came in: {trial.name}, {trial.bytes} bytes, as {trial.document} of {trial.source}")
    talk.table(
        ("part", "what", "partner", "state", "statements"),
        [(part.ordinal, part.label, part.partner, part.state, len(part.documents)) for part in trial.parts],
        indent=2,
    )
    for part in trial.parts:
        if part.problem is not None:
            talk.heading(f"set aside: part {part.ordinal}, {part.label}")
            talk.fields(
                {
                    "code": part.problem.code,
                    "why": part.problem.sentence,
                    "where": dict(part.problem.place.as_dict()),
                    "remedy": part.problem.remedy,
                }
            )
    if trial.facts:
        talk.heading(f"meant: {_count(len(trial.facts), 'fact')}")
        talk.table(
            ("fact", "subject"),
            [(fact["data"].get("kind"), fact.get("subject")) for fact in trial.facts],
            indent=2,
        )
    talk.heading(f"meant: {_count(len(trial.events), 'exception event')}")
    for event, decision in zip(trial.events, trial.decisions, strict=True):
        _show_event(talk, event, decision)
    talk.heading(f"would be written: {_count(len(trial.write_backs), 'write-back')}")
    for written in trial.write_backs:
        subject = f" for {written.body.subject}" if written.body else ""
        talk.line(f"  {written.target}:{written.operation}{subject}")
        talk.block(
            _pretty(written.body.body) if written.body else f"cannot be written: {written.error}", indent=4
        )
    for answer in trial.acknowledgements:
        talk.heading(f"would be answered to {answer.partner} by {answer.target}: {answer.text}")
        talk.block(answer.body.body.decode("utf-8", "backslashreplace").replace("~", "~\n"))
    talk.say(
        "nothing was written: no store, no connection, no control number (those of the 997 are placeholders)"
    )


def _show_event(talk: Talk, event: Any, decision: Any) -> None:
    data = event["data"]
    talk.fields(
        {
            "event": f"{data['code']}: {data.get('title')}",
            "about": event.get("subject"),
            "detail": data.get("detail"),
            "because": decision.because,
            "rule": f"{decision.table} / {decision.rule}",
            "queue": f"{decision.queue}, owner {decision.owner}, priority {decision.priority}",
            "actions": [f"{action.target}:{action.operation}" for action in decision.actions] or "none",
            "error": decision.error,
        }
    )
    talk.line()


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _pretty(body: bytes) -> str:
    if body.startswith(b"ISA") and len(body) > _ISA:
        end = body[_ISA - 1 : _ISA].decode("utf-8", "backslashreplace")
        return body.decode("utf-8", "backslashreplace").replace(end, f"{end}\n").rstrip("\n")
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "backslashreplace")
