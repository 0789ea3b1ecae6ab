"""The trading world: supplier, ERP and carrier in one process, with the connections that reach them.

    python -m deploy.sandbox.world --home DIR

writes ``DIR/world.json`` when everything answers: addresses, logins, and ``environment``, the
``AIRFLOW_CONN_*`` variables for a hub. Started again in the same folder it has the same addresses, logins and
records, so that a hub never notices more than an absence. Ends at SIGTERM.
"""

import argparse
import base64
import errno
import fcntl
import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from deploy.sandbox.alone import Server, wait_for_the_end
from deploy.sandbox.carrier import Carrier
from deploy.sandbox.erp import Erp
from deploy.sandbox.ports import free_ports
from deploy.sandbox.supplier import Supplier, where

ADDRESSES: Final = "world.json"
LOGINS: Final = "logins.json"

S = TypeVar("S", bound=Server)


class World:
    """All systems of the sandbox on loopback, their records under ``home``.

    In a test: ``with World(tmp_path) as world: ...``, then ``world.erp``, ``world.carrier``,
    ``world.supplier`` are the running systems and ``world.environment()`` what a hub needs to reach them.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home.resolve()
        self._lock = (home / "world.lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise RuntimeError(f"a world is already running in {home}") from None
        kept = _kept_logins(home / LOGINS)
        ports = _ports_before(home / ADDRESSES)
        self._webhook_secret = kept["webhook"]
        self.erp = _on_its_port(lambda port: Erp(home / "erp", port=port, token=kept["erp"]), ports["erp"])
        self.carrier = _on_its_port(
            lambda port: Carrier(home / "carrier", port=port, password=kept["carrier"]), ports["carrier"]
        )
        self.supplier = Supplier(home / "supplier", port=ports["supplier"], password=kept["supplier"])
        self.drop = self.home / "drop"
        for folder in ("in", "archive", "reports"):
            (self.drop / folder).mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Returns when all of them answer; ``world.json`` is written then."""
        self.erp.start()
        self.carrier.start()
        try:
            self.supplier.start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            self.supplier = Supplier(self.home / "supplier", password=self.supplier.password)
            self.supplier.start()
        _write(self.home / ADDRESSES, self.describe())
        return self

    def stop(self) -> None:
        for system in (self.supplier, self.carrier, self.erp):
            system.stop()
        self._lock.close()

    def describe(self) -> dict[str, Any]:
        """What ``world.json`` says."""
        return {
            "pid": os.getpid(),
            "home": str(self.home),
            "erp": {"url": self.erp.url, "port": self.erp.port, "token": self.erp.token},
            "carrier": {
                "url": self.carrier.url,
                "wsdl": self.carrier.wsdl_url,
                "control": self.carrier.control_url,
                "port": self.carrier.port,
                "login": self.carrier.login,
                "password": self.carrier.password,
            },
            "supplier": where(self.supplier),
            "environment": self.environment(),
        }

    def environment(self) -> dict[str, str]:
        """The connections of the connectors, as Airflow and Crossdock read them from the environment."""
        supplier = {
            "conn_type": "crossdock_sftp",
            "host": "127.0.0.1",
            "port": self.supplier.port,
            "login": self.supplier.user,
            "password": self.supplier.password,
            "extra": {"host_key": self.supplier.host_key},
        }
        connections: dict[str, dict[str, Any]] = {
            "crossdock_supplier_edi": supplier,
            "crossdock_supplier_files": supplier,
            "crossdock_file_drop": {"conn_type": "fs", "extra": {"path": str(self.drop)}},
            "crossdock_erp": {
                "conn_type": "crossdock_rest",
                "schema": "http",
                "host": "127.0.0.1",
                "port": self.erp.port,
                "password": self.erp.token,
            },
            "crossdock_carrier": {
                "conn_type": "crossdock_soap",
                "schema": "http",
                "host": "127.0.0.1",
                "port": self.carrier.port,
                "login": self.carrier.login,
                "password": self.carrier.password,
            },
            "crossdock_erp_push": {
                "conn_type": "crossdock_webhook",
                "extra": {"webhook_secrets": [self._webhook_secret]},
            },
        }
        return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}


def _on_its_port(make: Callable[[int], S], port: int) -> S:
    """The system on the port that it had before; on a free one if somebody else sits there now."""
    try:
        return make(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or port == 0:
            raise
        return make(0)


def _kept_logins(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        logins = {name: secrets.token_urlsafe(24) for name in ("erp", "carrier", "supplier")}
        logins["webhook"] = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        _write(path, logins)
        return logins


def _ports_before(path: Path) -> dict[str, int]:
    systems = ("erp", "carrier", "supplier")
    try:
        before = json.loads(path.read_bytes())
        return {system: int(before[system]["port"]) for system in systems}
    except FileNotFoundError:
        return dict(zip(systems, free_ports(len(systems)), strict=True))


def _write(path: Path, value: Any) -> None:
    """The whole file or the old one; secrets inside, so only for our own eyes."""
    fresh = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def main() -> None:
    options = argparse.ArgumentParser(
        description="Crossdock's sandbox: supplier, ERP and carrier on 127.0.0.1."
    )
    options.add_argument("--home", type=Path, required=True, help="the folder for addresses and records")
    with World(options.parse_args().home) as world:
        sys.stdout.write(
            f"the sandbox is up: the supplier's SFTP on 127.0.0.1:{world.supplier.port}, the ERP at {world.erp.url}, "
            f"the carrier at {world.carrier.url}; logins in {world.home / ADDRESSES}; Ctrl-C ends it\n"
        )
        sys.stdout.flush()
        wait_for_the_end()


if __name__ == "__main__":
    main()
