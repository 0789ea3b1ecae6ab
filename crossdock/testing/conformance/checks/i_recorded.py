"""What a real system said once: kept without secrets, and played to the connector for ever."""

import json
import uuid
from itertools import islice
from pathlib import Path
from typing import Any

from crossdock.errors import CrossdockError
from crossdock.messages import WriteBack
from crossdock.ports import Checkable, Login
from crossdock.testing.clock import MovableClock
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.checks.a_manifest import SECRET_TEXTS
from crossdock.testing.player import NotAsRecorded, Player
from crossdock.testing.recordings import Recording


def _recordings(case: Case) -> dict[Path, Recording]:
    found = {path: Recording.read(path) for path in sorted((case.folder / "recorded").glob("*.json"))}
    return found or not_here("recorded/ holds nothing")


@check(
    "recorded.is_scrubbed",
    "What was recorded holds no secret and names no host.",
    needs=("manifest", "recorded"),
)
def is_scrubbed(case: Case) -> str:
    recordings = _recordings(case)
    for path, recording in recordings.items():
        for exchange in recording.exchanges:
            for name in exchange.request.headers:
                if name in ("authorization", "cookie", "x-api-key", "proxy-authorization"):
                    broken(
                        f"recorded/{path.name} keeps the header {name}; record it again with the recorder of "
                        "crossdock.testing"
                    )
        if SECRET_TEXTS.search(path.read_bytes()):
            broken(
                f"recorded/{path.name} holds what looks like a secret; take it away, and have it replaced where "
                "it came from"
            )
    return f"{len(recordings)} recordings"


@check(
    "recorded.is_played",
    "It asks today what it asked when it was recorded, and understands what was answered.",
    needs=("manifest", "recorded"),
)
def is_played(case: Case) -> str:
    recordings = _recordings(case)
    for path, recording in recordings.items():
        player = Player([recording])
        with player.serving(_login(case)) as login:
            try:
                _asked_again(case, recording, login)
                player.judge()
            except (NotAsRecorded, CrossdockError) as error:
                why = "; ".join(player.unexpected) or str(error)
                broken(f"recorded/{path.name} ({recording.about}): {why}")
    return f"{len(recordings)} recordings"


def _login(case: Case) -> Login:
    played = case.play
    return Login(connection_id=case.manifest.connection) if isinstance(played, str) else played.login()


def _asked_again(case: Case, recording: Recording, login: Login) -> None:
    """Do what the connector was told to do then, at the time at which it was told."""
    clock = MovableClock(recording.recorded_at)
    match dict(recording.asked):
        case {"read": asked}:
            source = case.registry.source(case.manifest, login, clock)
            try:
                list(islice(source.read(asked.get("after")), asked.get("most")))
            finally:
                source.close()
        case {"deliver": fields}:
            sink = case.registry.sink(case.manifest, login, clock)
            try:
                sink.deliver(_write_back(fields))
            finally:
                sink.close()
        case {"check": _}:
            make = case.registry.source if case.manifest.source is not None else case.registry.sink
            thing: Any = make(case.manifest, login, clock)
            try:
                if isinstance(thing, Checkable):
                    list(thing.check())
            finally:
                thing.close()
        case other:
            broken(f"a recording says what nobody can be told: {json.dumps(list(other))}; record it again")


def _write_back(fields: dict[str, Any]) -> WriteBack:
    given = {**fields, "body": str(fields.get("body", "")).encode()}
    if "id" in given:
        given["id"] = uuid.UUID(str(given["id"]))
    return WriteBack(**given)
