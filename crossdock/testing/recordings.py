"""A recorded exchange with a system over HTTP, as a file: what was asked, what was answered, and no secret.

One JSON file holds one conversation, in order::

    {
      "format": "crossdock/recorded/1",
      "about": "two holds, and nothing after them",
      "asked": {"read": {"after": null}},
      "recorded_at": "2026-11-21T12:00:00+00:00",
      "exchanges": [
        {"request": {"method": "GET", "path": "/api/order-holds", "query": [["limit", "100"]],
                     "headers": {"accept": "application/json"}, "body": ""},
         "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": "{\"records\": []}"}}
      ]
    }

``asked`` is what the connector was told to do: ``{"read": {"after": POSITION}}``, ``{"deliver": {...}}`` with the
fields of a write-back, or ``{"check": {}}``. A body that is no text is ``body_base64``. ``@base@`` stands for scheme,
host and port of the system, ``@base\\/@`` for the same as JSON may write it: whoever plays the recording puts in its
own. ``recorded-1``, ``recorded-2`` ... stand for secrets, the same one for the same secret throughout.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from crossdock.errors import Misconfigured

FORMAT: Final = "crossdock/recorded/1"
BASE: Final = b"@base@"
BASE_IN_JSON: Final = rb"@base\/@"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """A request without its login. Header names are in lower case; only those that mean something are kept."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """An answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer."""

    request: RecordedRequest
    answer: RecordedAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A conversation: ``asked`` says what the connector was told to do, ``recorded_at`` where its clock stood."""

    about: str
    asked: Mapping[str, Any]
    recorded_at: datetime
    exchanges: Sequence[Exchange]

    def write(self, file: Path) -> None:
        """Keep it in this file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(_as_json(self), indent=2, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, file: Path) -> "Recording":
        """The recording in this file. Raises ``Misconfigured`` when it is none."""
        try:
            said = json.loads(file.read_text("utf-8"))
            if said["format"] != FORMAT:
                raise ValueError(f"its format is {said['format']!r}, not {FORMAT!r}")
            return cls(
                about=str(said["about"]),
                asked=dict(said["asked"]),
                recorded_at=_moment(said["recorded_at"]),
                exchanges=tuple(map(_exchange, said["exchanges"])),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured(
                f"is no recording ({type(error).__name__}: {error}); record it again", where=str(file)
            ) from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} lacks its zone")
    return moment.astimezone(UTC)


def _exchange(said: Mapping[str, Any]) -> Exchange:
    request, answer = said["request"], said["answer"]
    return Exchange(
        request=RecordedRequest(
            method=str(request["method"]),
            path=str(request["path"]),
            query=tuple((str(name), str(value)) for name, value in request.get("query", ())),
            headers={str(name).lower(): str(value) for name, value in request.get("headers", {}).items()},
            body=_body(request),
        ),
        answer=RecordedAnswer(
            status=int(answer["status"]),
            headers={str(name).lower(): str(value) for name, value in answer.get("headers", {}).items()},
            body=_body(answer),
        ),
    )


def _body(said: Mapping[str, Any]) -> bytes:
    if "body_base64" in said:
        return base64.b64decode(said["body_base64"], validate=True)
    return str(said.get("body", "")).encode()


def _as_json(recording: Recording) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "about": recording.about,
        "asked": dict(recording.asked),
        "recorded_at": recording.recorded_at.isoformat(),
        "exchanges": [
            {
                "request": {
                    "method": one.request.method,
                    "path": one.request.path,
                    "query": [list(pair) for pair in one.request.query],
                    "headers": dict(one.request.headers),
                    **_body_as_json(one.request.body),
                },
                "answer": {
                    "status": one.answer.status,
                    "headers": dict(one.answer.headers),
                    **_body_as_json(one.answer.body),
                },
            }
            for one in recording.exchanges
        ],
    }


def _body_as_json(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
