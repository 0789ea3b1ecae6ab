"""The heavy bombs, which are a command and not in the suite: ``make bombs``.

A directory of 50,001 files over a real SFTP server, and a gzip of two gigabytes, each with the memory that it took.
"""

import sys
import tempfile
import time
from pathlib import Path

from crossdock.errors import Unreadable
from crossdock.formats import archives
from crossdock.testing.sftp_server import SftpServer
from crossdock.wires.sftp import Sftp

sys.path.insert(0, str(Path(__file__).parent))
import bombs

MOST_MIB = 256


def peak_mib() -> int:
    """The most memory that this process had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


def many_files(folder: Path) -> None:
    """List a directory of 50,001 files: 50,000 are seen, and the rest is said."""
    (folder / "in").mkdir()
    for number in range(50_001):
        (folder / f"in/{number:05}.edi").touch()
    with SftpServer(folder) as server:
        wire = Sftp(server.login())
        listing = wire.listing("/in")
        wire.close()
    assert len(listing.files) == 50_000, len(listing.files)
    assert [one.code for one in listing.skipped] == ["sftp.too_many"]


def two_gigabytes() -> None:
    """Refuse a gzip of two gigabytes."""
    body = bombs.gzip_of(2 * 1024 * bombs.MIB)
    try:
        list(archives.members(body))
    except Unreadable as error:
        assert error.code == "ARCHIVE.LIMIT", error.code
        return
    raise AssertionError("it was unpacked")


def main() -> int:
    """Run each, and say what it took."""
    with tempfile.TemporaryDirectory(prefix="crossdock-bombs-") as folder:
        for name, bomb in (
            ("50,001 files", lambda: many_files(Path(folder))),
            ("2 GiB of gzip", two_gigabytes),
        ):
            began = time.monotonic()
            bomb()
            sys.stdout.write(f"{name}: refused in {time.monotonic() - began:.1f} s, peak {peak_mib()} MiB\n")
    return 0 if peak_mib() < MOST_MIB else 1


if __name__ == "__main__":
    sys.exit(main())
