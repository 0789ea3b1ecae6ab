"""Folders that lie in memory where there is room: for database servers whose data die with those who started them."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
ROOM: Final = 2 * 1024**3
"""Bytes that two servers side by side may come to, several times over."""


@contextmanager
def home_in_memory() -> Iterator[Path]:
    """A folder that is gone afterwards, and with it what killed sessions left in memory."""
    place = MEMORY if _has_room(MEMORY) else Path("/tmp")
    for left in MEMORY.glob("crossdock-test-*/session"):
        with suppress(OSError), left.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails for a session beside this one
            shutil.rmtree(left.parent)
    home = Path(tempfile.mkdtemp(prefix="crossdock-test-", dir=place))
    try:
        with (home / "opening").open("xb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            (home / "opening").rename(home / "session")  # seen by others only once it is held
            yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _has_room(place: Path) -> bool:
    """Whether a server fits into this memory: a container often gives 64 MB, a small machine needs it for itself."""
    if not os.access(place, os.W_OK):
        return False
    file_system = os.statvfs(place)
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(memory["MemAvailable"].removesuffix("kB")) * 1024
    return min(file_system.f_bavail * file_system.f_frsize, free) >= ROOM
