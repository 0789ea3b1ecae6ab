"""Start a program detached, and as an unprivileged account when root asks: PostgreSQL refuses to run as root.

Run as a script by ``embedded.py``: ``python -I -S run_as.py MODE UID GID PATHS -- PROGRAM ARGUMENTS``. MODE is
``wait`` (become the program) or ``detach`` (start it in the background and return). PATHS are the folders that the
program must enter, as a JSON list. Standard library only: it runs without site packages, to be quick.

A private folder (root's home, a ``mktemp -d``) cannot be entered by another account. Opening it to everybody would
outlive us, so the folders stay as they are and only the program gets the right to walk through: the capability
``CAP_DAC_READ_SEARCH`` where we have it, else ``CAP_DAC_OVERRIDE``. On Linux; elsewhere it ends with a sentence.
"""

import ctypes
import json
import os
import struct
import sys
from pathlib import Path

_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_DAC_OVERRIDE = 1
_DAC_READ_SEARCH = 2
_SETPCAP = 8
_NO_SETUID_FIXUP = 1 << 2


def become(uid: int, gid: int, paths: list[str]) -> None:
    """Change to the account for good, keeping the right to walk through private folders only if ``paths`` need it."""
    linux = sys.platform == "linux"
    held = _permitted() if linux else 0
    if linux:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    enough = all(os.access(path, os.R_OK | os.X_OK) for path in paths)
    wanted = next((one for one in (_DAC_READ_SEARCH, _DAC_OVERRIDE) if held & 1 << one), None)
    if not enough and wanted is None:
        sys.exit(f"the account {uid} may not enter {' or '.join(paths)}, and root may not let it through")
    if linux:
        if not enough and wanted is not None:
            # Without this bit access(2), with which PostgreSQL looks at its own files, knows nothing of capabilities.
            _set_capabilities(1 << wanted | 1 << _SETPCAP)
            _prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP)
            _set_capabilities(1 << wanted)
            _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, wanted)
        else:
            _set_capabilities(0)


def _permitted() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapPrm:")), 0)


def _set_capabilities(bits: int) -> None:
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    sets = ctypes.create_string_buffer(struct.pack("=IIIIII", bits, bits, bits, 0, 0, 0))
    _called(ctypes.CDLL(None, use_errno=True).capset(header, sets))


def _prctl(option: int, *values: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _called(ctypes.CDLL(None, use_errno=True).prctl(ctypes.c_int(option), *padded))


def _called(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _detach() -> None:
    """Leave the caller: its terminal, its process group and its list of children."""
    if os.fork() > 0:
        os._exit(0)
    os.setsid()


def main(arguments: list[str]) -> None:
    """Become the program that the arguments name, or end with a sentence on standard error."""
    cut = arguments.index("--")
    mode, uid, gid, paths = arguments[:cut]
    program = arguments[cut + 1 :]
    if mode == "detach":
        _detach()
    os.umask(0o077)
    os.chdir("/")
    if int(uid) != os.geteuid():
        become(int(uid), int(gid), json.loads(paths))
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
