"""The folder of one demonstration: everything it writes lies in it, and one demonstration at a time has it."""

import contextlib
import fcntl
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

MARK: Final = ".crossdock-demo"
_OWN_SHELL: Final = (
    "PATH",
    "HOME",
    "XDG_",
    "TMPDIR",
    "PYTHON",
    "LANG",
    "LC_",
    "TZ",
    "USER",
    "LOGNAME",
    "SSL_",
    "LD_",
)


class Unusable(Exception):
    """The folder cannot be had. The sentence says what to do."""


class InUse(Unusable):
    """The folder is another demonstration's, or somebody's own."""


class Home:
    """A folder that we hold alone. What an earlier demonstration left in it is cleared away."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def take(cls, path: Path) -> Self:
        """Hold this folder. Raises ``InUse`` when a demonstration runs in it, or when it is no demonstration's,
        and ``Unusable`` when we may not write there."""
        try:
            return cls._take(path.expanduser().resolve())
        except OSError as error:
            raise Unusable(
                f"{error.filename or path} cannot be used: {error.strerror}; name another folder with --home"
            ) from error

    @classmethod
    def _take(cls, path: Path) -> Self:
        mark = path / MARK
        if path.exists() and not mark.exists() and any(path.iterdir()):
            raise InUse(f"{path} holds something else than a demonstration; name another folder with --home")
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise InUse(f"a demonstration is running in {path}") from None
        for left in path.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            elif left != mark:
                left.unlink()
        (path / ".gitignore").write_text("*\n")
        return cls(path, lock)

    @classmethod
    def take_free(cls, wanted: Path) -> Self:
        """Hold this folder, or the first free one of ``wanted-2``, ``wanted-3`` and so on."""
        for number in range(1, 100):
            path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            with contextlib.suppress(InUse):
                return cls.take(path)
        raise InUse(f"{wanted} and 98 folders beside it are in use")

    def release(self) -> None:
        os.close(self._lock)

    def write_shell(self, environment: Mapping[str, str]) -> Path:
        """A file to source, after which ``crossdock`` and ``airflow`` in a shell mean this hub."""
        lines = [
            f"export {name}={shlex.quote(value)}"
            for name, value in sorted(environment.items())
            if not name.startswith(_OWN_SHELL)
        ]
        lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
        path = self.path / "env"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write("# source this: the commands crossdock and airflow then mean this hub\n")
            file.write("\n".join(lines) + "\n")
        return path
