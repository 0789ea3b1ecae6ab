"""The systems that the hub trades with: an ERP on HTTP and a supplier on SFTP. Both lie; both keep true books."""

import base64
import json
import logging
import random
import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from crossdock.testing.amqp_server import AmqpServer
from crossdock.testing.lying_http import LyingServer, Request, Said
from crossdock.testing.lying_modes import mixture
from crossdock.testing.sftp_server import SftpServer
from deploy.sandbox import documents
from deploy.sandbox import http_server as sandbox
from deploy.sandbox.erp import Erp

ROOT: Final = Path(__file__).parents[2]

LIES: Final[Mapping[str, float]] = {
    "commit_then_rst": 0.05,
    "commit_then_fin": 0.05,
    "commit_then_half_body": 0.03,
    "commit_then_500": 0.03,
    "200_html": 0.03,
    "brown_out": 0.05,
}
"""What the ERP says when it lies, and how often: a quarter of all calls. All of it quick: the clock waits for us."""

STUCK: Final = "stuck.edi"
"""A file that the supplier's server does not let us move the first time."""

for _name in ("asyncssh", "paramiko", "pika"):
    logging.getLogger(_name).setLevel(logging.WARNING)

HOOK: Final = "crossdock_planning"
HOOK_URL: Final = "CHAOS_HOOK_URL"
"""The connection whose secrets sign what planning is told, and the variable that says where it listens."""

SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()

BROKER: Final = "bus"

UNREADY: Final = "SO-7003"
"""The ERP refuses our login once, when this order is written to."""


class World:
    """An ERP and a supplier with a morning's papers, from ``start`` to ``stop``; also a context manager."""

    def __init__(
        self,
        home: Path,
        *,
        seed: int = 1,
        lies: Mapping[str, float] | None = None,
        honours_keys: bool = True,
    ) -> None:
        self.home = home
        self.books = Erp(home / "erp")
        self.books.honours_keys = honours_keys
        rates = LIES if lies is None else lies
        self.erp = LyingServer(mixture(random.Random(seed), rates), honest=self._honest)
        self.planning = LyingServer(
            mixture(random.Random(seed + 1), rates),
            honest=lambda request: Said(status=204, body=b"", effect=request.headers.get("webhook-id")),
        )
        self.bus = AmqpServer()
        self._locked_out = False
        self._refused_moves = 0
        files = home / "files"
        for folder in ("outbound/archive", "inbound"):
            (files / folder).mkdir(parents=True, exist_ok=True)
        self.supplier = SftpServer(files, before_rename=self._before_rename)

    def start(self) -> Self:
        self.erp.start()
        self.supplier.start()
        self.planning.start()
        self.bus.__enter__()
        return self

    def stop(self) -> None:
        self.bus.__exit__(None, None, None)
        self.planning.stop()
        self.supplier.stop()
        self.erp.stop()
        self.books.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def morning(self, at: datetime) -> None:
        """The papers of a morning: files good and bad, an odd name, a stranger's, and orders that the ERP holds."""
        papers = [(paper.name, paper.body) for paper in documents.morning(at)]
        papers.append((STUCK, documents.clean(at).body.replace(b"4101", b"7101")))
        papers.append(("od$d name.edi", b"x"))
        for name, body in papers:
            hidden = self.home / "files" / "outbound" / f".{name}.part"
            hidden.write_bytes(body)
            hidden.rename(hidden.with_name(name))
        for number in range(7001, 7006):
            self.books.add_hold(
                {**documents.order_holds(at)[0], "hold_id": f"H-{number}", "sales_order": f"SO-{number}"}
            )

    def environment(self) -> dict[str, str]:
        """The connections by which a hub reaches both."""
        connections: dict[str, dict[str, Any]] = {
            "crossdock_erp": {
                "conn_type": "crossdock_rest",
                "schema": "http",
                "host": "127.0.0.1",
                "port": self.erp.port,
                "password": self.books.token,
            },
            "crossdock_supplier_edi": {
                "conn_type": "crossdock_sftp",
                "host": "127.0.0.1",
                "port": self.supplier.port,
                "login": self.supplier.user,
                "password": self.supplier.password,
                "extra": {"host_key": self.supplier.host_key},
            },
            HOOK: {"conn_type": "crossdock_webhook", "extra": {"webhook_secrets": [SECRET]}},
            "crossdock_bus": {
                "conn_type": "generic",
                "host": "127.0.0.1",
                "port": self.bus.port,
                "password": self.bus.password,
            },
        }
        outgoing = self.home / "outgoing.toml"
        outgoing.write_text(
            f'[brokers.{BROKER}]\ndriver = "amqp"\nconnection = "crossdock_bus"\nto = "exceptions"\n'
        )
        return {
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()},
            HOOK_URL: self.planning.url + "/in",
            "CROSSDOCK_OUTGOING": str(outgoing),
        }

    # ── what really happened ─────────────────────────────────────────────────────────────────────────────────

    def effects(self) -> Counter[tuple[str, str, str]]:
        """Everything that the ERP did: operation, order, body."""
        return Counter(
            (one["operation"], one["order"], json.dumps(one["body"], sort_keys=True))
            for one in self.books.effects()
        )

    def effects_by_key(self) -> Counter[str]:
        return Counter(one["key"] for one in self.books.effects())

    def bodies_by_key(self) -> dict[str, set[str]]:
        """For each idempotency key that ever came: every path and body that came with it."""
        said: dict[str, set[str]] = {}
        for request in self.erp.committed:
            if request.method == "POST":
                key = request.headers.get("idempotency-key", "")
                said.setdefault(key, set()).add(f"{request.path} {request.body!r}")
        return said

    def taken(self) -> Counter[bytes]:
        """The content of every file that lies in the archive."""
        return Counter(path.read_bytes() for path in (self.home / "files/outbound/archive").iterdir())

    def left(self) -> set[str]:
        """The names that still lie where the supplier put them."""
        return {path.name for path in (self.home / "files/outbound").iterdir() if path.is_file()}

    def acknowledged(self) -> Counter[str]:
        """What our acknowledgements acknowledge, each without its own control numbers."""
        said: Counter[str] = Counter()
        for path in sorted((self.home / "files/inbound").iterdir()):
            segments = path.read_bytes().decode().replace("\n", "").split("~")
            said["~".join(one for one in segments if one.startswith(("AK", "TA1")))] += 1
        return said

    # ── the lies ─────────────────────────────────────────────────────────────────────────────────────────────

    def _honest(self, request: Request) -> Said:
        if UNREADY in request.path and request.method == "POST" and not self._locked_out:
            self._locked_out = True
            return Said(status=401, body=b"{}")
        address = urlsplit(request.path)
        before = len(self.books.effects())
        reply = self.books.answer(
            sandbox.Request(
                method=request.method,
                path=address.path,
                query=dict(parse_qsl(address.query)),
                headers=request.headers,
                body=request.body,
                at=datetime.now(UTC),
            )
        )
        assert isinstance(reply, sandbox.Answer)
        happened = len(self.books.effects()) > before
        return Said(
            status=reply.status,
            body=reply.body,
            media_type=reply.media_type,
            headers=reply.headers,
            effect=request.headers.get("idempotency-key") if happened else None,
        )

    def _before_rename(self, server: SftpServer, old: bytes, new: bytes) -> None:
        if old.endswith(STUCK.encode()) and self._refused_moves < 1:
            self._refused_moves += 1
            raise OSError("not now")


def connectors(to: Path) -> Path:
    """The connectors whose systems are played, with calls that end soon, and a supplier that is stopped early."""
    if not to.exists():
        for name in ("carrier", "erp", "erp_push", "supplier_edi"):
            shutil.copytree(
                ROOT / "connectors" / name, to / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        manifest = to / "erp" / "connector.toml"
        manifest.write_text(manifest.read_text().replace("deadline_s = 60.0", "deadline_s = 1.0"))
        manifest = to / "supplier_edi" / "connector.toml"
        manifest.write_text(
            manifest.read_text().replace("[source]\n", '[source]\nstop_after = "1 in 1d"\n', 1)
        )
    return to
