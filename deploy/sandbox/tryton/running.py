"""A running ERP: Tryton's own server on loopback, over a folder with its database."""

import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.sandbox.ports import free_ports
from deploy.sandbox.programs import Guard, Program
from deploy.sandbox.tryton.environment import NotToBeHad

DATABASE: Final = "books"

_LOOK_AGAIN_S: Final = 0.05
_PATIENCE_S: Final = 60


def configured(folder: Path, port: int) -> Path:
    """The server's configuration for the databases in this folder."""
    path = folder / "trytond.conf"
    path.write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\n"
        f"[web]\nlisten = 127.0.0.1:{port}\n"
        "[session]\nauthentications = password\n"
    )
    return path


class Server:
    """The ERP over ``folder/books.sqlite``. It is gone with this process, whatever ends it."""

    def __init__(self, programs: Path, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self._guard = Guard()
        command = [
            str(programs / "trytond"),
            "--config",
            str(configured(folder, self.port)),
            "--database",
            DATABASE,
        ]
        self._program = Program(
            "tryton",
            command,
            environment={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "TZ": "UTC"},
            log=folder / "tryton.log",
            guard=self._guard,
            folder=folder,
        )

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._guard.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.stop()
        self._guard.close()

    def start(self) -> None:
        """Returns when it answers."""
        self._program.start()
        until = time.monotonic() + _PATIENCE_S
        while True:
            self._program.require_alive()
            try:
                with urllib.request.urlopen(f"{self.url}/{DATABASE}/rest/model/res.user", timeout=5):
                    return
            except urllib.error.HTTPError:
                return  # it wants a key, so it is there
            except OSError as error:
                if time.monotonic() > until:
                    raise NotToBeHad(f"Tryton did not start in {_PATIENCE_S} s: {error}") from error
            time.sleep(_LOOK_AGAIN_S)

    def stop(self) -> None:
        self._program.stop()
