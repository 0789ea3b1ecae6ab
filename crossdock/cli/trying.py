"""``crossdock try``: what a file would come to, with nothing written anywhere."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from crossdock.cli.command import command, read_bytes
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk, short_time
from crossdock.messages import PartState

if TYPE_CHECKING:
    from crossdock.trial import Trial

FACTS: Final = 20
"""So many facts, clocks and findings are shown to people; ``--json`` has them all."""

EVENTS: Final = 50
"""So many exception events and write-backs."""

LINES: Final = 10
"""So many lines of a fact."""

_UNDONE: Final = {
    "nothing": "nothing is left of it that needs taking back",
    "person": "only a person can take it back",
}

_ISA: Final = 106
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
    if not talk.answer(as_dict(trial)):
        show(talk, trial)
    set_aside = [part for part in trial.parts if part.state is not PartState.PROCESSED]
    failed = [written for written in trial.write_backs if written.error]
    return ExitCode.FINDINGS if set_aside or failed else ExitCode.OK


def as_dict(trial: "Trial") -> dict[str, Any]:
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
        "clocks": [
            {
                "clock": clock.name,
                "fact_id": clock.fact_id,
                "due_at": clock.due_at,
                "within": clock.limit,
                "exception": clock.exception,
                "title": clock.title,
                "answered_here": clock.answered,
            }
            for clock in trial.clocks
        ],
        "answers": {fact_id: list(names) for fact_id, names in trial.answers.items()},
        "matches": [
            {
                "check": match.name,
                "fact_id": match.fact_id,
                "code": match.code,
                "title": match.title,
                "detail": match.detail,
            }
            for match in trial.matches
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
                "waits_for_approval": written.gated,
                "together": written.together,
                "undo": written.undo,
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


def show(talk: Talk, trial: "Trial") -> None:
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
    part_of = _parts_of(trial)
    _show_facts(talk, trial, part_of)
    talk.heading(f"meant: {_count(len(trial.events), 'exception event')}")
    for event, decision in list(zip(trial.events, trial.decisions, strict=True))[:EVENTS]:
        _show_event(talk, event, decision, part_of)
    _more(talk, len(trial.events), "event", EVENTS)
    _show_clocks(talk, trial)
    talk.heading(f"would be written: {_count(len(trial.write_backs), 'write-back')}")
    for written in trial.write_backs[:EVENTS]:
        subject = f" for {written.body.subject}" if written.body else ""
        talk.line(f"  {written.target}:{written.operation}{subject}")
        if written.gated:
            talk.line("    waits until a person agrees: crossdock approvals list")
        if written.together:
            talk.line(
                f"    belongs to a saga: {_UNDONE.get(written.undo or '', f'{written.undo} takes it back')}"
            )
        talk.block(
            _pretty(written.body.body) if written.body else f"cannot be written: {written.error}", indent=4
        )
    _more(talk, len(trial.write_backs), "write-back", EVENTS)
    for answer in trial.acknowledgements:
        talk.heading(f"would be answered to {answer.partner} by {answer.target}: {answer.text}")
        talk.block(_pretty(answer.body.body))
    if trial.document == "x12" and any(part.problem is not None for part in trial.parts):
        talk.next_step("crossdock x12 inspect FILE", "each segment, and what is wrong under its place")
    talk.say(
        "nothing was written: no store, no connection, no control number (those of the 997 are placeholders)"
    )


def _parts_of(trial: "Trial") -> Mapping[str, str]:
    """Of each fact and event the part that states it; nothing where the file has one part only."""
    if len(trial.parts) < 2:
        return {}
    return {
        document["id"]: f"part {part.ordinal}, {part.label}"
        for part in trial.parts
        for document in part.documents
    }


def _show_facts(talk: Talk, trial: "Trial", part_of: Mapping[str, str]) -> None:
    talk.heading(f"meant: {_count(len(trial.facts), 'fact')}")
    for fact in trial.facts[:FACTS]:
        data = fact["data"]
        talk.fields(
            {
                "fact": f"{data['kind']}  {fact.get('subject')}",
                "from": part_of.get(fact["id"]),
                "about": [_reference(ref) for ref in data["refs"]],
                "parties": [_party(party) for party in data.get("parties", ())],
                "says": data.get("attributes"),
            }
        )
        lines = data.get("lines", ())
        for line in lines[:LINES]:
            talk.line(f"    {_line(line)}")
        if len(lines) > LINES:
            talk.line(f"    and {_count(len(lines) - LINES, 'line')} more")
        talk.line()
    _more(talk, len(trial.facts), "fact")


def _show_clocks(talk: Talk, trial: "Trial") -> None:
    """What would be awaited, what would be answered, and what does not fit between the documents of the file."""
    subjects = {fact["id"]: f"{fact['data']['kind']} {fact.get('subject')}" for fact in trial.facts}
    if trial.clocks:
        talk.heading(f"would be awaited: {_count(len(trial.clocks), 'document')}")
    for clock in trial.clocks[:FACTS]:
        waits = "it is in this file" if clock.answered else f"by {short_time(clock.due_at)} ({clock.limit})"
        talk.fields(
            {
                "clock": f"{clock.name}: {waits}",
                "for": subjects[clock.fact_id],
                "otherwise": f"{clock.exception}: {clock.title}",
            }
        )
        talk.line()
    _more(talk, len(trial.clocks), "clock")
    if trial.answers:
        talk.heading(f"would end clocks, where they run: {_count(len(trial.answers), 'fact')}")
    for fact_id, names in list(trial.answers.items())[:FACTS]:
        talk.line(f"  {', '.join(names)}: by {subjects[fact_id]}")
    _more(talk, len(trial.answers), "fact")
    if trial.matches:
        talk.heading(f"does not fit, within this file: {_count(len(trial.matches), 'finding')}")
    for match in trial.matches[:FACTS]:
        talk.fields(
            {
                "event": f"{match.code}: {match.title}",
                "about": subjects[match.fact_id],
                "detail": match.detail,
            }
        )
        talk.line()
    _more(talk, len(trial.matches), "finding")


def _more(talk: Talk, number: int, noun: str, most: int = FACTS) -> None:
    if number > most:
        talk.line(f"  and {_count(number - most, noun)} more: --json has them all")


def _reference(ref: Mapping[str, str]) -> str:
    issuer = f" of {ref['issuer']}" if ref.get("issuer") else ""
    return f"{ref['kind']} {ref['value']}{issuer}"


def _party(party: Mapping[str, Any]) -> str:
    names = [f"{one['scheme']} {one['value']}" for one in party.get("ids", ())[:1]]
    return " ".join(filter(None, (party["role"], party.get("name"), *names)))


def _line(line: Mapping[str, Any]) -> str:
    """``line 1, PUMP-40: ordered 120 EA, affected 60 EA, at 12.50 USD``."""
    items = "/".join(one["value"] for one in line.get("item_ids", ()))
    said = [
        f"{name} {line[name]['value']} {line[name].get('uom', '')}".rstrip()
        for name in ("ordered", "affected")
        if line.get(name)
    ]
    if price := line.get("unit_price"):
        said.append(f"at {price['amount']} {price.get('currency', '')}".rstrip())
    known = ("line_ref", "item_ids", "ordered", "affected", "unit_price")
    said += [f"{name} {_value(value)}" for name, value in line.items() if name not in known and value]
    return f"line {line.get('line_ref', '-')}{f', {items}' if items else ''}: {', '.join(said) or 'no more'}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(_value(one) for one in value.values() if one)
    return ", ".join(map(_value, value)) if isinstance(value, list) else str(value)


def _show_event(talk: Talk, event: Any, decision: Any, part_of: Mapping[str, str]) -> None:
    data = event["data"]
    talk.fields(
        {
            "event": f"{data['code']}: {data.get('title')}",
            "from": part_of.get(event["id"]),
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
    return f"{f'{number:,}' if number else 'no'} {noun}{'' if number == 1 else 's'}"


def _pretty(body: bytes) -> str:
    if body.startswith(b"ISA") and len(body) > _ISA:
        end = body[_ISA - 1 : _ISA].decode("utf-8", "backslashreplace")
        return body.decode("utf-8", "backslashreplace").replace(end, f"{end}\n").rstrip("\n")
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "backslashreplace")
