"""Ports on loopback that nobody has, and that the system gives to nobody by chance."""

import contextlib
import random
import socket
from typing import Final

FROM: Final = 20_000
TO: Final = 32_000
"""Below the range of outgoing connections (32768 and up on Linux): a server that comes back finds its port free."""


def free_ports(count: int) -> list[int]:
    """So many different ports on 127.0.0.1 that are free now."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(found) < count:
            port = random.SystemRandom().randrange(FROM, TO)
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                found.append(port)
    return found
