"""What the played systems over HTTP share: who is let in, what is held, how it lies, and a connector's ``played.py``.

``played.py`` in a connector's folder is a few functions, each of which may be missing::

    def answer(request: Request, system: HttpPlay) -> Said | None: ...   # None: not mine; effect=key: it happened
    def record(number: int, at: datetime, changed: int) -> bytes: ...    # a record, its number in it as mark
    def wrapped(body: bytes) -> bytes: ...                               # what a page holds round a record
    def is_write(request: Request) -> bool: ...                          # without: all but GET, HEAD and OPTIONS
    def lets_in(request: Request, secret: str) -> bool: ...              # without: the secret, or our token, is in it
    def carried(request: Request) -> bytes: ...                          # the write-back's body; else its whole body
"""

import base64
import importlib.util
import json
import re
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, unquote_plus, urlsplit

from crossdock.errors import Misconfigured
from crossdock.messages import WriteBack, derived_id
from crossdock.ports import Clock, Login, Secret
from crossdock.testing import lying_http as lie
from crossdock.testing.conformance.play import CANARY, MORE_CANARIES, EffectFault, Fault, Thing
from crossdock.testing.effects import Effects
from crossdock.testing.lying_http import Behaviour, LyingServer, Request, Said

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

PLAYED: Final = "played.py"
TOKEN: Final = "canary-issued-5b2d-token"
"""What the played system gives to whoever logs in by OAuth: a secret like the others."""

FUSE: Final = 400
"""After so many calls within one check the system is tired: 503, so that nobody goes on for ever."""

READS: Final = ("GET", "HEAD", "OPTIONS")


class HttpPlay:
    """A system over HTTP on loopback. ``kept``: whatever its ``played.py`` keeps between calls."""

    wrongs = ("host", "password", "permission")

    def __init__(self, case: "Case", *, can: frozenset[str], media_type: str) -> None:
        self.case = case
        self.own = own_of(case.folder) or own_of(case.code_folder)
        self.media_type = media_type
        self.server = LyingServer(self._behave)
        self.elsewhere = LyingServer(lie.answer(200, b"{}"))
        for one in (self.server, self.elsewhere):
            one.start()
        self.ports = (self.server.port,)
        self.can = can | {"http", "remote"}
        self.wrongs = tuple(case.told.played.get("wrongs", self.wrongs))
        if self.own is not None and hasattr(self.own, "record"):
            self.can |= {"played_source"}
        writes = case.manifest.sink is not None and case.told.played.get("sink") is not False
        if self.own is not None and hasattr(self.own, "answer") and writes:
            self.can |= {"played_sink"}
        self.effects = Effects()
        self.held: list[Thing] = []
        self.kept: dict[str, Any] = {}
        self.seen: list[Request] = []
        self.writes: list[Request] = []
        self.secret = CANARY
        self.forbids = False
        self.repeat_page = 0
        self.circle = False
        self.can_circle = False
        self.link_base = ""
        self._lies: deque[tuple[Behaviour, bool]] = deque()
        self.clock: Clock = case.clock

    # -- what the checks ask ------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return self.server.url

    def login(self, *, wrong: str = "") -> Login:
        """See ``Play``. Every secret that the connector declares is another canary."""
        manifest, told = self.case.manifest, self.case.told.login
        secret = "wrong-" + CANARY if wrong == "password" else CANARY
        given = {name: self._filled(value, secret, wrong) for name, value in told.items()}
        self.forbids = wrong == "permission"
        fields = manifest.fields
        secrets = {
            name: Secret(str(given.get(name, MORE_CANARIES))) for name, one in fields.items() if one.secret
        }
        if wrong == "password":
            secrets = {
                name: one if "wrong-" in one.reveal() else Secret("wrong-" + one.reveal())
                for name, one in secrets.items()
            }
        extra: dict[str, Any] = {
            name: given.get(name, f"conformance-{name}")
            for name, one in fields.items()
            if not one.secret and one.required
        }
        extra |= {
            name: value
            for name, value in given.items()
            if name not in secrets and name not in ("user", "password")
        }
        return Login(
            connection_id=manifest.connection,
            scheme="http",
            host="127.0.0.1",
            port=_closed_port() if wrong == "host" else self.server.port,
            user=str(given.get("user", "crossdock")),
            password=Secret(secret if given.get("password", "canary") else ""),
            extra=extra,
            secrets=secrets,
        )

    def _filled(self, value: Any, secret: str, wrong: str) -> Any:
        """A value of ``[login]`` with what it names: where the system is, and its secret."""
        if not isinstance(value, str):
            return value
        port = _closed_port() if wrong == "host" else self.server.port
        named = {
            "{url}": f"http://127.0.0.1:{port}",
            "{host}": "127.0.0.1",
            "{port}": str(port),
            "{secret}": quote(secret, safe=""),
        }
        for name, text in named.items():
            value = value.replace(name, text)
        return value

    def reset(self, clock: Clock) -> None:
        self.clock = clock
        self.effects = self.server.effects = Effects()
        for kept in (self.held, self.seen, self.writes, self.server.requests, self.server.committed):
            kept.clear()
        self.elsewhere.requests.clear()
        self.kept.clear()
        self.heal()

    def heal(self) -> None:
        """Honest again, whatever was told."""
        self._lies.clear()
        self.forbids = self.circle = False
        self.repeat_page, self.link_base = 0, ""

    def hold(self, *things: Thing) -> None:
        self.held.extend(things)

    def asked(self) -> int:
        return len(self.seen)

    def close(self) -> None:
        self.server.stop()
        self.elsewhere.stop()

    def lie(self, *behaviours: Behaviour, times: int = 1, writes: bool = False) -> None:
        """The next calls meet these; ``writes``: only those that write, the others are answered honestly."""
        for behaviour in behaviours:
            self._lies.extend([(behaviour, writes)] * times)

    def lies_left(self) -> int:
        """How many lies nobody met."""
        return len(self._lies)

    def write_backs(self) -> list[WriteBack]:
        return write_backs_of(self.case)

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        body: bytes = self.own.record(number, at, changed)  # type: ignore[union-attr]
        return Thing(number=number, at=at, body=body, mark=_mark_in(body, number))

    # -- what it answers ----------------------------------------------------------------------------------

    def is_write(self, request: Request) -> bool:
        """Whether this call asks for an effect."""
        if self.own is not None and hasattr(self.own, "is_write"):
            return bool(self.own.is_write(request))
        return request.method not in READS

    def carried(self, request: Request) -> bytes:
        """The write-back's body as this call carries it."""
        if self.own is not None and hasattr(self.own, "carried"):
            return bytes(self.own.carried(request))
        return request.body

    def _behave(self, server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        if (token := _token_asked_for(request)) is not None:
            said = self._issue(token)
            return lie.answer(said.status, said.body, commit=False)(server, sock, request)
        self.seen.append(request)
        if self.is_write(request):
            self.writes.append(request)
        if len(self.seen) > FUSE:
            return lie.answer(503, b"{}", commit=False)(server, sock, request)
        server.honest = self._honest
        if self._lies and (not self._lies[0][1] or self.is_write(request)):
            return self._lies.popleft()[0](server, sock, request)
        return lie.honestly()(server, sock, request)

    def _honest(self, request: Request) -> Said:
        if not self._lets_in(request):
            return Said(status=401, body=b'{"error":"who are you"}', headers={"WWW-Authenticate": "Bearer"})
        if self.forbids:
            return Said(status=403, body=b'{"error":"not permitted"}')
        if self.own is not None and hasattr(self.own, "answer"):
            said = self.own.answer(request, self)
            if said is not None:
                return said  # type: ignore[no-any-return]
        return self.page(request)

    def page(self, request: Request) -> Said:
        """What is held, as its wire says it."""
        return Said(status=404, body=b'{"error":"there is nothing here"}')

    def _issue(self, asked: Mapping[str, str]) -> Said:
        if not any(
            right in text
            for right in (CANARY, MORE_CANARIES)
            for text in asked.values()
            if "wrong-" not in text
        ):
            return Said(status=401, body=b'{"error":"invalid_client"}')
        body = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}
        return Said(status=200, body=json.dumps(body).encode())

    def _lets_in(self, request: Request) -> bool:
        if self.own is not None and hasattr(self.own, "lets_in"):
            return bool(self.own.lets_in(request, self.secret))
        if any(word in request.headers.get("authorization", "") for word in ("AWS4-HMAC-SHA256", "OAuth ")):
            return "wrong-" not in request.headers["authorization"]
        shown = said_in(request)
        return TOKEN in shown or ((CANARY in shown or MORE_CANARIES in shown) and "wrong-" not in shown)

    def written(self) -> list[bytes]:
        return [self.carried(request) for request in self.writes]

    def attempts(self) -> int:
        return len(self.writes)

    def no(self, status: int) -> Behaviour:
        """A refusal as this system says it."""
        return lie.answer(status, b'{"error":"no"}', commit=False)

    def effect_faults(self) -> Sequence[EffectFault]:
        from crossdock.testing.conformance.http_faults import effect_faults_of

        return effect_faults_of(self)

    # -- how it lies --------------------------------------------------------------------------------------

    def faults(self, side: str) -> Sequence[Fault]:
        from crossdock.testing.conformance.http_faults import faults_of

        return faults_of(self, side)


def http_of(case: "Case") -> HttpPlay:
    """The played system of a case that needs ``http``."""
    system: Any = case.system
    assert isinstance(system, HttpPlay), "a check that needs http says so"
    return system


def own_of(folder: Path) -> ModuleType | None:
    """The connector's ``played.py``, if it brings one."""
    path = folder / PLAYED
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location(f"crossdock_played_{folder.name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Misconfigured(f"does not load: {type(error).__name__}: {error}", where=str(path)) from error
    return module


def said_in(request: Request) -> str:
    """All that a call says, with what Basic hides made plain: where a secret could be."""
    parts = [
        request.path,
        unquote_plus(request.path),
        request.body.decode("latin-1"),
        unquote_plus(request.body.decode("latin-1")),
    ]
    for value in request.headers.values():
        parts.append(value)
        for word in re.findall(r"[A-Za-z0-9+/]{8,}={0,2}", value):
            try:
                parts.append(base64.b64decode(word).decode("latin-1"))
            except ValueError:
                continue
    return "\n".join(parts)


def _token_asked_for(request: Request) -> Mapping[str, str] | None:
    """The fields of a request for an OAuth token; ``None`` when it is none."""
    if request.method != "POST" or b"grant_type" not in request.body:
        return None
    fields = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
    return {**fields, "header": said_in(request)} if "grant_type" in fields else None


def query_of(request: Request) -> dict[str, str]:
    """The parameters of a call."""
    split = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
    return {name: values[0] for name, values in split.items()}


def write_backs_of(case: "Case") -> list[WriteBack]:
    """One write-back for each operation, from ``conformance.toml``."""
    made = []
    for number, table in enumerate(case.told.write_backs):
        operation = str(table["operation"])
        key = str(derived_id("conformance", case.name, operation, str(number)))
        made.append(
            WriteBack(
                id=derived_id("conformance", key),
                tenant=case.manifest.tenant,
                target=case.name,
                operation=operation,
                idempotency_key=key,
                body=str(table["body"]).encode(),
                media_type=str(table.get("media_type", "application/json")),
                subject=str(table["subject"]),
                attempt=1,
                created_at=case.clock.now(),
            )
        )
    return made


def _mark_in(body: bytes, number: int) -> bytes:
    for mark in (f"conformance-{number:04d}x", f"9100{number:04d}"):
        if mark.encode() in body:
            return mark.encode()
    raise Misconfigured(
        f"record({number}, ...) of played.py holds no mark: put 'conformance-{number:04d}x' or 9100{number:04d} "
        "where its key is"
    )


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port: int = gone.getsockname()[1]
    return port
