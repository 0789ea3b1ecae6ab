"""The ERP's database: built once for one state of lock file and company, then copied."""

import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from deploy.sandbox.tryton import company, desk
from deploy.sandbox.tryton.company import Company
from deploy.sandbox.tryton.desk import Desk
from deploy.sandbox.tryton.environment import HOME, LOCK_FILE, alone_in, digest_of, installed, run
from deploy.sandbox.tryton.running import DATABASE, Server, configured

MODULES: Final = ("sale", "sale_credit_limit", "sale_supply", "stock_split")

_MADE_BY: Final = (LOCK_FILE, Path(__file__), Path(company.__file__), Path(desk.__file__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """A built database, how to enter it, and the company that it holds."""

    programs: Path
    folder: Path
    admin_password: str
    hub_password: str
    hub_key: str
    company: Company

    @classmethod
    def built(cls, home: Path = HOME) -> Self:
        """Install and build what is not there yet: half a minute, once. Raises ``NotToBeHad``."""
        with alone_in(home):
            programs = installed(home)
            folder = home / f"books-{digest_of(*_MADE_BY)}"
            if not folder.exists():
                for old in home.glob("books-*"):
                    shutil.rmtree(old)
                _build(programs, folder)
        return cls._read(programs, folder)

    @contextmanager
    def running(self, folder: Path, *, port: int | None = None) -> Iterator[Server]:
        """A server over a copy in this folder. What is done there stays there."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / f"{DATABASE}.sqlite", folder)
        with Server(self.programs, folder, port=port) as server:
            yield server

    def admin(self, server: Server) -> Desk:
        """The administrator, who is every clerk in one."""
        return Desk(server.url, DATABASE, "admin", self.admin_password)

    @classmethod
    def _read(cls, programs: Path, folder: Path) -> Self:
        kept: dict[str, Any] = json.loads((folder / "books.json").read_text())
        return cls(programs=programs, folder=folder, **{**kept, "company": Company(**kept["company"])})


def _build(programs: Path, folder: Path) -> None:
    made = folder.with_name(f"new-{folder.name}")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    words = {name: secrets.token_urlsafe(24) for name in ("admin_password", "hub_password", "hub_key")}
    password = made / "admin"
    password.write_text(words["admin_password"])
    password.chmod(0o600)
    database = made / f"{DATABASE}.sqlite"
    database.touch()
    admin = [str(programs / "trytond-admin"), "-c", str(configured(made, 1)), "-d", DATABASE]
    more = {"TRYTONPASSFILE": str(password)}
    run([*admin, "--all", "--email", "admin@example.com"], what="make the ERP's database", **more)
    run([*admin, "-u", *MODULES, "--activate-dependencies"], what="activate the ERP's modules", **more)
    with Server(programs, made) as server:
        clerk = Desk(server.url, DATABASE, "admin", words["admin_password"])
        founded = Company.founded(clerk, hub_password=words["hub_password"], hub_key=words["hub_key"])
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "PRAGMA journal_mode = DELETE"
        )  # one file, with all that was written: it is copied
    kept = made / "books.json"
    kept.touch(mode=0o600)
    kept.write_text(json.dumps({**words, "company": founded.as_dict()}))
    for spare in ("trytond.conf", "tryton.log", "admin"):
        (made / spare).unlink(missing_ok=True)
    made.replace(folder)
