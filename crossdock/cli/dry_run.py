"""``crossdock receive --dry-run``: what a source says and what it means, with nothing written anywhere."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from crossdock.cli import trying
from crossdock.cli.connector_kit import opened
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.messages import PartState

LONGEST: Final = 2000
"""So much of a message is shown to people; ``--json`` has its size and its hash."""


def dry(talk: Talk, name: str, limit: int, *, explain: bool, about: Sequence[str] = ()) -> ExitCode:
    """Read at most ``limit`` messages from the beginning of a source; explain each."""
    from crossdock.decide import Router
    from crossdock.partners import Partners
    from crossdock.ports import SystemClock
    from crossdock.registry import Registry
    from crossdock.trial import try_file

    registry = Registry()
    manifest = registry.manifest(name)
    partners, router = Partners.load(), Router.load()
    told: list[dict[str, Any]] = []
    set_aside = 0
    with opened(registry, manifest, about) as source:
        for message in islice(source.read(None), limit):
            trial = None
            if explain:
                assert manifest.source is not None
                trial = try_file(
                    message.body,
                    name=message.name,
                    registry=registry,
                    partners=partners,
                    router=router,
                    clock=SystemClock(),
                    tenant=manifest.tenant,
                    document=manifest.source.document,
                )
                set_aside += any(part.state is not PartState.PROCESSED for part in trial.parts)
            one: dict[str, Any] = {
                "key": message.key,
                "name": message.name,
                "media_type": message.media_type,
                "size_bytes": len(message.body),
                "sha256": message.sha256,
            }
            if trial is not None:
                one["means"] = trying.as_dict(trial)
            told.append(one)
            if not talk.as_json:
                _show(talk, message)
                if trial is not None:
                    trying.show(talk, trial)
    if not talk.answer({"connector": name, "messages": told}):
        if not told:
            talk.say("the source gave nothing")
        talk.say("nothing was stored, and the source was told nothing")
        talk.next_step(f"crossdock receive {name} --once")
    return ExitCode.FINDINGS if set_aside else ExitCode.OK


def _show(talk: Talk, message: Any) -> None:
    talk.heading(
        f"raw: {message.name}, {len(message.body)} bytes of {message.media_type}, sha256 {message.sha256[:12]}"
    )
    text = message.body[:LONGEST].decode("utf-8", "backslashreplace")
    talk.block(text + ("…" if len(message.body) > LONGEST else ""))
